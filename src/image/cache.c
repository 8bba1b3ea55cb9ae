// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the page cache has of an image's file already: nothing here waits.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/swap.h>
#include <kev/compat.h>
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

/* A page of the page cache with its bytes and a reference, or NULL */
static struct page *find_uptodate(const struct kev_image *image, pgoff_t index)
{
	struct folio *folio;

	if (!image->cached)
		return NULL;
	/* Newer kernels give an error where older ones give NULL. */
	folio = filemap_get_folio(image->file->f_mapping, index);
	if (IS_ERR_OR_NULL(folio))
		return NULL;
	if (!folio_test_uptodate(folio)) {
		folio_put(folio);
		return NULL;
	}
	return folio_page(folio, index - folio->index);
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

ssize_t kev_image_fill_cached(const struct kev_image *image, u64 gpa, void *to)
{
	struct kev_piece piece kev_uninitialized;
	ssize_t bytes = 0;
	u32 i = 0;
	int ret;

	while (bytes < PAGE_SIZE && kev_image_piece(image, gpa, &i, &piece)) {
		ret = copy_from_cache(image, to + piece.at, piece.len, piece.offset);
		if (ret)
			return ret;
		bytes += piece.len;
	}
	return bytes;
}

int kev_image_read_cached(const struct kev_image *image, void *buf, size_t len, u64 offset)
{
	return copy_from_cache(image, buf, len, offset);
}

/* The segment that has a byte of the file at @gpa, or NULL */
static const struct kev_elf_segment *segment_at(const struct kev_image *image, u64 gpa)
{
	u32 i;

	for (i = 0; i < image->nr; i++)
		if (gpa - image->seg[i].gpa < image->seg[i].filesz)
			return &image->seg[i];
	return NULL;
}

/*
 * How many pages from @gpa on, at most @nr, are pages of the file and nothing else. Segments
 * share no byte. @index: out: of the first one in the file
 */
static unsigned int whole_pages(const struct kev_image *image, u64 gpa, unsigned int nr,
				pgoff_t *index)
{
	const struct kev_elf_segment *seg = segment_at(image, gpa);
	u64 offset, size, end;

	if (!seg)
		return 0;
	offset = gpa - seg->gpa;
	if (offset_in_page(seg->offset + offset))
		return 0;
	end = min(seg->gpa + seg->filesz, gpa + (u64)nr * PAGE_SIZE);
	end = min(end, kev_reloc_next(image->relocs, image->nr_relocs, gpa));
	offset += seg->offset;
	/* The file may shrink by other means than writing. */
	size = i_size_read(file_inode(image->file));
	if (offset >= size)
		return 0;
	*index = offset >> PAGE_SHIFT;
	return min(end - gpa, size - offset) >> PAGE_SHIFT;
}

/* Are all pages of the file from @at up to @end of segments? For those the image is charged. */
static bool is_charged(const struct kev_image *image, pgoff_t at, pgoff_t end)
{
	pgoff_t from;
	u32 i;

	do {
		from = at;
		for (i = 0; i < image->nr && at < end; i++) {
			const struct kev_elf_segment *seg = &image->seg[i];
			pgoff_t last = (seg->offset + seg->filesz) >> PAGE_SHIFT;

			if (DIV_ROUND_UP(seg->offset, PAGE_SIZE) <= at && at < last)
				at = last;
		}
	} while (from < at && at < end);
	return at >= end;
}

/*
 * A reference is all that it takes: nobody writes to the file, so the page stays what it is
 * even if the page cache loses it later. One that is locked is being read, or on its way out.
 */
static bool can_be_mapped(const struct kev_image *image, struct folio *folio)
{
	/* A reference to a part pins all of it. */
	if (folio_test_large(folio) &&
	    !is_charged(image, folio->index, folio->index + folio_nr_pages(folio)))
		return false;
	/* Memory that is to be unplugged, for one, must not be pinned. */
	return folio->mapping == image->file->f_mapping && folio_test_uptodate(folio) &&
	       !folio_test_locked(folio) && folio_is_longterm_pinnable(folio);
}

struct page *kev_image_cached(const struct kev_image *image, u64 gpa)
{
	struct page *page;
	pgoff_t index;

	if (!image->shared || !whole_pages(image, gpa, 1, &index))
		return NULL;
	page = find_uptodate(image, index);
	if (!page)
		return NULL;
	if (!can_be_mapped(image, page_folio(page)) || PageHWPoison(page)) {
		put_page(page);
		return NULL;
	}
	folio_mark_accessed(page_folio(page));
	return page;
}

/* The pages of a folio that are among the @nr from @index on. Takes over its reference. */
static void take_folio(const struct kev_image *image, struct folio *folio, pgoff_t index,
		       unsigned int nr, struct page **pages)
{
	pgoff_t at = max(folio->index, index);
	pgoff_t end = min(folio->index + folio_nr_pages(folio), index + nr);
	unsigned int taken = 0;
	struct page *page;

	if (!can_be_mapped(image, folio))
		end = at;
	for (; at < end; at++) {
		page = folio_page(folio, at - folio->index);
		if (PageHWPoison(page))
			continue;
		pages[at - index] = page;
		taken++;
	}
	if (!taken)
		folio_put(folio);
	else if (taken > 1)
		folio_ref_add(folio, taken - 1);
}

static void take_pages(const struct kev_image *image, pgoff_t index, unsigned int nr,
		       struct page **pages)
{
	pgoff_t next = index, last = index + nr - 1;
	struct folio_batch batch kev_uninitialized;
	unsigned int i;

	do {
		folio_batch_init(&batch);
		filemap_get_folios(image->file->f_mapping, &next, last, &batch);
		for (i = 0; i < folio_batch_count(&batch); i++)
			take_folio(image, batch.folios[i], index, nr, pages);
	} while (i && next <= last);
}

void kev_image_cached_pages(const struct kev_image *image, u64 gpa, unsigned int nr,
			    struct page **pages)
{
	unsigned int at, taken;
	pgoff_t index;

	memset(pages, 0, nr * sizeof(*pages));
	if (!image->shared)
		return;
	for (at = 0; at < nr; at += taken) {
		taken = whole_pages(image, gpa + (u64)at * PAGE_SIZE, nr - at, &index);
		if (taken)
			take_pages(image, index, taken, pages + at);
		else
			taken = 1;
	}
}
