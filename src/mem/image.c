// SPDX-License-Identifier: GPL-2.0-only
/*
 * Image regions: pages read from an ELF file when they are first touched.
 *
 * A page holds the bytes of every segment that has a part in it, and zeros. It
 * is kev's own copy, so what the guest writes stays out of the file, and what
 * happens to the file later stays out of the guest.
 */
#include <linux/container_of.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <kev/image.h>
#include <kev/region.h>

struct kev_image_region {
	struct kev_region region;
	struct kev_image *image;
};

/* A run of bytes of a page that comes from the file */
struct piece {
	size_t at;
	size_t len;
	u64 offset;
};

static struct kev_image_region *to_image_region(const struct kev_region *region)
{
	return container_of(region, struct kev_image_region, region);
}

/*
 * The next piece of the page at @gpa from segment *@i on; *@i is moved behind its
 * segment. False when there is none.
 */
static bool next_piece(const struct kev_elf_plan *plan, u64 gpa, u32 *i, struct piece *piece)
{
	while (*i < plan->nr && plan->seg[*i].gpa < gpa + PAGE_SIZE) {
		const struct kev_elf_segment *seg = &plan->seg[(*i)++];
		u64 start = max(seg->gpa, gpa);
		u64 end = min(seg->gpa + seg->filesz, gpa + PAGE_SIZE);

		if (start < end) {
			piece->at = start - gpa;
			piece->len = end - start;
			piece->offset = seg->offset + (start - seg->gpa);
			return true;
		}
	}
	return false;
}

/* How much of the page at @gpa comes from the file; segments share no byte. */
static size_t file_bytes(const struct kev_elf_plan *plan, u64 gpa)
{
	struct piece piece;
	size_t bytes = 0;
	u32 i = 0;

	while (next_piece(plan, gpa, &i, &piece))
		bytes += piece.len;
	return bytes;
}

static int read_pieces(const struct kev_image *image, u64 gpa, void *to)
{
	struct piece piece;
	u32 i = 0;
	int ret;

	while (next_piece(&image->plan, gpa, &i, &piece)) {
		ret = kev_image_read(image, to + piece.at, piece.len, piece.offset);
		if (ret)
			return ret;
	}
	return 0;
}

static int image_fault(struct kev_mem *mem, struct kev_fault *fault)
{
	const struct kev_image *image = to_image_region(fault->region)->image;
	size_t bytes = file_bytes(&image->plan, fault->gpa);
	struct page *page;
	int ret;

	page = kev_mem_alloc_page(mem, bytes < PAGE_SIZE ? __GFP_ZERO : 0);
	if (!page)
		return -ENOMEM;
	if (bytes) {
		ret = read_pieces(image, fault->gpa, page_address(page));
		if (ret) {
			__free_page(page);
			return ret;
		}
		atomic64_inc(&mem->file_pages);
		atomic64_add(bytes, &mem->file_bytes);
	}
	fault->page = page;
	fault->prot = fault->region->prot;
	return 0;
}

static void image_release(struct kev_region *region)
{
	struct kev_image_region *image_region = to_image_region(region);

	kev_image_put(image_region->image);
	kfree(image_region);
}

static const struct kev_region_ops image_ops = {
	.fault = image_fault,
	.release = image_release,
};

static struct kev_region *create_region(struct list_head *list, struct kev_image *image, u64 gpa,
					u64 length, u32 prot)
{
	struct kev_image_region *new = kmalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);

	if (!new)
		return NULL;
	*new = (struct kev_image_region) {
		.region = {
			.ops = &image_ops,
			.gpa = gpa,
			.length = length,
			.kind = KEV_MEM_KIND_IMAGE,
			.prot = prot,
		},
		.image = kev_image_get(image),
	};
	list_add_tail(&new->region.link, list);
	return &new->region;
}

/*
 * A page that the next segment begins in too: it has the rights of both. Cut
 * it off @last if that has fewer.
 */
static struct kev_region *share_last_page(struct list_head *list, struct kev_image *image,
					  struct kev_region *last, u32 prot)
{
	u32 both = last->prot | prot;

	if (both == last->prot)
		return last;
	if (last->length == PAGE_SIZE) {
		last->prot = both;
		return last;
	}
	last->length -= PAGE_SIZE;
	return create_region(list, image, kev_region_end(last), PAGE_SIZE, both);
}

int kev_image_create_regions(struct list_head *list, struct kev_image *image, bool restrict_prot)
{
	struct kev_region *last = NULL;
	u32 i;

	for (i = 0; i < image->plan.nr; i++) {
		const struct kev_elf_segment *seg = &image->plan.seg[i];
		u32 prot = restrict_prot ? seg->prot : KEV_MEM_ALL;
		u64 start = kev_page_down(seg->gpa);
		u64 end = kev_page_up(seg->gpa + seg->memsz);

		/* Sorted and without a common byte, they have one common page at most. */
		if (last && start < kev_region_end(last)) {
			last = share_last_page(list, image, last, prot);
			if (!last)
				return -ENOMEM;
			start = kev_region_end(last);
		}
		if (start == end)
			continue;
		if (last && kev_region_end(last) == start && last->prot == prot) {
			last->length += end - start;
			continue;
		}
		last = create_region(list, image, start, end - start, prot);
		if (!last)
			return -ENOMEM;
	}
	return 0;
}
