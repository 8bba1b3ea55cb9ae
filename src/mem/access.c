// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own access to guest memory: the only code that turns a guest
 * address into a pointer, one page at a time, for the length of one copy. The
 * guest may write a page while it is copied: callers judge their copy only.
 */
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/walk.h>

/* The page behind @gpa, if a leaf allows the access already */
static struct page *find_page(struct kev_mem *mem, u64 gpa, u32 access)
{
	const u64 *leaf = kev_table_find(mem, gpa);
	struct page *page;
	u64 entry;

	if (!leaf)
		return NULL;
	entry = READ_ONCE(*leaf);
	if (!mem->format->present(entry) || (access & ~mem->format->prot(entry)))
		return NULL;
	/* A leaf keeps its page until the VM goes, so it cannot be freed here. */
	page = kev_table_page(mem, entry);
	get_page(page);
	return page;
}

int kev_mem_get_page(struct kev_mem *mem, u64 gpa, u32 access, struct page **page)
{
	int ret;

	might_sleep();
	for (;;) {
		*page = find_page(mem, gpa, access);
		if (*page)
			return 0;
		ret = kev_mem_fault(mem, gpa, access, NULL);
		if (ret)
			return ret;
	}
}

static void copy_page_part(struct page *page, size_t offset, void *buf, size_t len, u32 access)
{
	void *map = kmap_local_page(page);

	if (access == KEV_MEM_WRITE)
		memcpy(map + offset, buf, len);
	else
		memcpy(buf, map + offset, len);
	kunmap_local(map);
}

static ssize_t copy_pages(struct kev_mem *mem, u64 gpa, void *buf, size_t len, u32 access)
{
	size_t done = 0, offset, part;
	struct page *page;
	int ret;

	while (done < len) {
		ret = kev_mem_get_page(mem, gpa + done, access, &page);
		if (ret)
			return done ?: ret;
		offset = offset_in_page(gpa + done);
		part = min(len - done, PAGE_SIZE - offset);
		copy_page_part(page, offset, buf + done, part, access);
		put_page(page);
		done += part;
	}
	return done;
}

ssize_t kev_mem_read(struct kev_mem *mem, u64 gpa, void *buf, size_t len)
{
	return copy_pages(mem, gpa, buf, len, KEV_MEM_READ);
}

ssize_t kev_mem_write(struct kev_mem *mem, u64 gpa, const void *buf, size_t len)
{
	return copy_pages(mem, gpa, (void *)buf, len, KEV_MEM_WRITE);
}

/* A guest-virtual address that leads nowhere is bad, wherever it went wrong. */
static int gva_error(int err)
{
	return err == -ENOENT || err == -EACCES ? -EFAULT : err;
}

/* An entry is aligned, so it lies in one page: all of it comes, or an error. */
static int read_entry(void *mem, u64 gpa, void *buf, unsigned int len)
{
	ssize_t ret = kev_mem_read(mem, gpa, buf, len);

	return ret < 0 ? ret : 0;
}

ssize_t kev_mem_read_gva(struct kev_mem *mem, const struct kev_paging *paging, u64 gva,
			 void *buf, size_t len)
{
	size_t done = 0, part;
	struct kev_walk walk;
	ssize_t ret;
	u64 rest;

	while (done < len) {
		if (gva + done < gva)
			return done;
		ret = kev_walk(paging, gva + done, read_entry, mem, &walk);
		if (ret)
			return done ?: gva_error(ret);
		rest = walk.page_size - (walk.gpa & (walk.page_size - 1));
		part = min_t(u64, len - done, rest);
		ret = kev_mem_read(mem, walk.gpa, buf + done, part);
		if (ret < 0)
			return done ?: gva_error(ret);
		done += ret;
		if ((size_t)ret < part)
			return done;
	}
	return done;
}
