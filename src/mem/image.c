// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of a file: pages that are shared with the page cache, or read into a page of
 * the VM, when they are first touched.
 *
 * A page that is one whole page of the file is the page cache's own until the guest
 * writes to it; all VMs of an image have the same one. Every other page is kev's copy,
 * with the bytes of each segment that has a part in it, relocated, and zeros.
 */
#include <linux/container_of.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <kev/image.h>
#include <kev/mem_table.h>
#include <kev/region.h>

struct kev_image_region {
	struct kev_region region;
	struct kev_image *image;
};

static struct kev_image *image_of(const struct kev_region *region)
{
	return container_of(region, struct kev_image_region, region)->image;
}

/*
 * How much of the page at @gpa comes from the file; segments share no byte. Out of line: a fast
 * write need not ask.
 */
static noinline size_t file_bytes(const struct kev_image *image, u64 gpa)
{
	struct kev_piece piece;
	size_t bytes = 0;
	u32 i = 0;

	while (kev_image_piece(image, gpa, &i, &piece))
		bytes += piece.len;
	return bytes;
}

static bool use_shared(struct kev_fault *fault, const struct kev_image *image)
{
	/* A write would copy it at once. */
	if (fault->touch->access & KEV_MEM_WRITE)
		return false;
	fault->page = kev_image_cached(image, fault->gpa);
	if (!fault->page)
		return false;
	fault->prot &= ~KEV_MEM_WRITE;
	fault->soft = KEV_LEAF_SHARED;
	return true;
}

/* The file's part of a page that is kev's own */
static int fill(struct kev_fault *fault, struct kev_image *image, struct page *page)
{
	int ret = kev_image_fill_cached(image, fault->gpa, page_address(page));

	if (ret != -ENODATA)
		return min(ret, 0);
	ret = kev_image_fill(image, fault->touch, fault->gpa, page);
	if (!ret)
		atomic64_inc(&fault->mem->count.read_pages);
	return ret;
}

static int make_copy(struct kev_fault *fault, struct kev_image *image, size_t bytes)
{
	struct page *page = kev_fault_alloc(fault, bytes < PAGE_SIZE ? __GFP_ZERO : 0);
	int ret = 0;

	if (!page)
		return -ENOMEM;
	if (bytes)
		ret = fill(fault, image, page);
	if (ret) {
		put_page(page);
		return ret;
	}
	/* What was just read is in the page cache now, and can be shared. */
	if (use_shared(fault, image)) {
		put_page(page);
		return 0;
	}
	kev_reloc_apply(image->relocs, image->nr_relocs, fault->gpa, page_address(page));
	fault->page = page;
	return 0;
}

static void count_bytes(struct kev_mem *mem, struct kev_region *region, size_t bytes)
{
	if (!bytes)
		return;
	atomic64_inc(&region->file_pages);
	atomic64_inc(&mem->count.file_pages);
	atomic64_add(bytes, &mem->count.file_bytes);
}

static int image_fault(struct kev_fault *fault)
{
	struct kev_image *image = image_of(fault->region);
	size_t bytes = file_bytes(image, fault->gpa);
	int ret = 0;

	if (!use_shared(fault, image))
		ret = make_copy(fault, image, bytes);
	if (!ret)
		count_bytes(fault->mem, fault->region, bytes);
	return ret;
}

/*
 * A page of zeros, or a copy of what the page cache has. A page that could be shared is left
 * to image_fault(): its neighbours come along there.
 */
static struct page *image_fast(struct kev_mem *mem, struct kev_region *region,
			       struct kev_stock *stock, u64 gpa, u32 access)
{
	const struct kev_image *image = image_of(region);
	struct page *page;
	ssize_t bytes;
	void *to;

	/* To give back a page of the page cache may take a lock that sleeps there. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return NULL;
	if (image->shared && !(access & KEV_MEM_WRITE) && file_bytes(image, gpa))
		return NULL;
	page = kev_stock_take_fast(stock, gpa);
	if (!page)
		return NULL;
	to = page_address(page);
	bytes = kev_image_fill_cached(image, gpa, to);
	if (bytes < 0) {
		kev_stock_return(stock, page);
		return NULL;
	}
	/* Most images have none. */
	if (image->nr_relocs)
		kev_reloc_apply(image->relocs, image->nr_relocs, gpa, to);
	count_bytes(mem, region, bytes);
	return page;
}

static void image_cached(const struct kev_region *region, u64 gpa, unsigned int nr,
			 struct page **pages)
{
	kev_image_cached_pages(image_of(region), gpa, nr, pages);
}

static void image_removed(struct kev_region *region)
{
	kev_image_wake(image_of(region));
}

static void image_release(struct kev_region *region)
{
	kev_image_put(image_of(region));
}

static const struct kev_region_ops image_ops = {
	.fault = image_fault,
	.fast = image_fast,
	.cached = image_cached,
	.removed = image_removed,
	.release = image_release,
};

static struct kev_region *create_region(struct kev_mem *mem, struct list_head *list,
					struct kev_image *image, u32 kind, u64 gpa, u64 length,
					u32 prot)
{
	struct kev_image_region *new = kev_region_alloc(mem, sizeof(*new));

	if (!new)
		return NULL;
	kev_region_init(&new->region, list, &image_ops, kind, gpa, length, prot);
	new->image = kev_image_get(image);
	return &new->region;
}

/*
 * A page that the next segment begins in too: it has the rights of both. Cut
 * it off @last if that has fewer.
 */
static struct kev_region *share_last_page(struct kev_mem *mem, struct list_head *list,
					  struct kev_image *image, struct kev_region *last,
					  u32 prot)
{
	u32 both = last->prot | prot;

	if (both == last->prot)
		return last;
	if (last->length == PAGE_SIZE) {
		last->prot = both;
		return last;
	}
	last->length -= PAGE_SIZE;
	return create_region(mem, list, image, KEV_REGION_IMAGE, kev_region_end(last), PAGE_SIZE,
			     both);
}

int kev_image_create_regions(struct kev_mem *mem, struct list_head *list,
			     struct kev_image *image, bool restrict_prot)
{
	struct kev_region *last = NULL;
	u32 i;

	for (i = 0; i < image->nr; i++) {
		const struct kev_elf_segment *seg = &image->seg[i];
		u32 prot = restrict_prot ? seg->prot : KEV_MEM_ALL;
		u64 start = kev_page_down(seg->gpa);
		u64 end = kev_page_up(seg->gpa + seg->memsz);

		/* Sorted and without a common byte, they have one common page at most. */
		if (last && start < kev_region_end(last)) {
			last = share_last_page(mem, list, image, last, prot);
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
		last = create_region(mem, list, image, KEV_REGION_IMAGE, start, end - start, prot);
		if (!last)
			return -ENOMEM;
	}
	return 0;
}

int kev_file_create(struct kev_mem *mem, struct list_head *list, struct file *file,
		    const struct kev_elf_segment *seg, bool share)
{
	struct kev_image_fault why;
	struct kev_image *image;
	u64 end;
	int ret;

	if (seg->filesz > seg->memsz || check_add_overflow(seg->offset, seg->filesz, &end))
		return -EINVAL;
	ret = kev_image_create(mem, file, &image, &why);
	if (ret)
		return ret;
	if (end > i_size_read(file_inode(file))) {
		kev_image_put(image);
		return -EINVAL;
	}
	ret = kev_image_plan(image, seg, 1);
	if (!ret && share)
		kev_image_share(image);
	if (!ret &&
	    !create_region(mem, list, image, KEV_REGION_FILE, seg->gpa, seg->memsz, seg->prot))
		ret = -ENOMEM;
	kev_image_put(image);
	return ret;
}
