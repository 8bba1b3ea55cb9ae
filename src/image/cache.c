// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the page cache has of an image's file already: nothing here waits.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <kev/image.h>

bool kev_image_piece(const struct kev_image *image, u64 gpa, u32 *i, struct kev_piece *piece)
{
	while (*i < image->nr && image->seg[*i].gpa < gpa + PAGE_SIZE) {
		const struct kev_elf_segment *seg = &image->seg[(*i)++];
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

static struct page *find_uptodate(const struct kev_image *image, pgoff_t index)
{
	struct page *page;

	if (!image->cached)
		return NULL;
	page = find_get_page(image->file->f_mapping, index);
	if (page && !PageUptodate(page)) {
		put_page(page);
		page = NULL;
	}
	return page;
}

/* The file may shrink by other means than writing; the page's content is zero then. */
static bool inside_file(const struct kev_image *image, u64 offset, size_t len)
{
	return offset + len <= i_size_read(file_inode(image->file));
}

static int copy_from_cache(const struct kev_image *image, void *to, size_t len, u64 offset)
{
	struct page *page;
	size_t part;
	int ret = 0;

	for (; len && !ret; len -= part, to += part, offset += part) {
		part = min_t(size_t, len, PAGE_SIZE - offset_in_page(offset));
		page = find_uptodate(image, offset >> PAGE_SHIFT);
		if (!page)
			return -ENODATA;
		if (PageHWPoison(page))
			ret = -EIO;
		else if (inside_file(image, offset, part))
			memcpy_from_page(to, page, offset_in_page(offset), part);
		else
			ret = -ENODATA;
		put_page(page);
	}
	return ret;
}

int kev_image_fill_cached(const struct kev_image *image, u64 gpa, void *to)
{
	struct kev_piece piece;
	u32 i = 0;
	int ret;

	while (kev_image_piece(image, gpa, &i, &piece)) {
		ret = copy_from_cache(image, to + piece.at, piece.len, piece.offset);
		if (ret)
			return ret;
	}
	return 0;
}

int kev_image_read_cached(const struct kev_image *image, void *buf, size_t len, u64 offset)
{
	return copy_from_cache(image, buf, len, offset);
}

/* Is a page of the guest a page of the file, and nothing else; at which index */
static bool is_whole_page(const struct kev_image *image, u64 gpa, pgoff_t *index)
{
	struct kev_piece piece;
	u32 i = 0;

	if (!kev_image_piece(image, gpa, &i, &piece) || piece.len != PAGE_SIZE ||
	    offset_in_page(piece.offset))
		return false;
	if (kev_reloc_touches(image->relocs, image->nr_relocs, gpa))
		return false;
	*index = piece.offset >> PAGE_SHIFT;
	return true;
}

/* Another vCPU that looks at the page holds the lock for some instructions only. */
#define LOCK_TRIES	100

static bool try_lock(struct folio *folio)
{
	for (unsigned int i = 0; i < LOCK_TRIES; i++) {
		if (folio_trylock(folio))
			return true;
		cpu_relax();
	}
	return false;
}

/* The lock keeps truncation away while this looks. */
static bool can_be_mapped(const struct kev_image *image, struct page *page, pgoff_t index)
{
	struct folio *folio = page_folio(page);
	bool ok;

	/* Memory that is to be unplugged, for one, must not be pinned. */
	if (!folio_is_longterm_pinnable(folio) || !try_lock(folio))
		return false;
	ok = folio->mapping == image->file->f_mapping && !PageHWPoison(page) &&
	     inside_file(image, (u64)index << PAGE_SHIFT, PAGE_SIZE);
	folio_unlock(folio);
	return ok;
}

struct page *kev_image_cached(const struct kev_image *image, u64 gpa)
{
	struct page *page;
	pgoff_t index;

	if (!image->shared || !is_whole_page(image, gpa, &index))
		return NULL;
	page = find_uptodate(image, index);
	if (!page)
		return NULL;
	if (!can_be_mapped(image, page, index)) {
		put_page(page);
		return NULL;
	}
	folio_mark_accessed(page_folio(page));
	return page;
}
