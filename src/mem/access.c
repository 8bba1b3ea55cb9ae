// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own access to guest memory: the only code that turns a guest
 * address into a pointer, one page at a time, for the length of one copy. The
 * guest may write a page while it is copied: callers judge their copy only.
 */
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/walk.h>

/* The page behind @touch, if a leaf allows the access already; or NULL, or -EIO */
static struct page *find_page(struct kev_mem *mem, const struct kev_touch *touch)
{
	u64 *leaf = kev_table_find(mem, touch->gpa);
	struct kev_pt_page *table;
	struct page *page = NULL;
	u64 entry;

	if (!leaf)
		return NULL;
	table = kev_table_of(leaf);
	raw_spin_lock(&table->lock);
	entry = READ_ONCE(*leaf);
	if (test_bit(kev_leaf_index(leaf), table->used) && !(entry & KEV_LEAF_BUSY) &&
	    kev_leaf_allows(mem, entry, touch)) {
		/* While the leaf is present it holds a reference. */
		page = kev_leaf_page(mem, leaf, entry, touch->gpa);
		/* A guest's look at it ends its process; one of the kernel's would end the host. */
		if (is_page_hwpoison(page)) {
			page = ERR_PTR(-EIO);
		} else {
			get_page(page);
			if (touch->access & KEV_MEM_WRITE)
				__set_bit(kev_leaf_index(leaf), table->dirty);
		}
	}
	raw_spin_unlock(&table->lock);
	return page;
}

const void *kev_mem_find_bytes(struct kev_mem *mem, u64 gpa)
{
	const struct kev_touch touch = { .gpa = gpa, .access = KEV_MEM_READ };
	u64 *leaf = kev_table_find(mem, gpa);
	struct page *page;
	u64 entry;

	if (!leaf)
		return NULL;
	entry = READ_ONCE(*leaf);
	if (entry & KEV_LEAF_BUSY || !kev_leaf_allows(mem, entry, &touch))
		return NULL;
	/* It may have become a table meanwhile. */
	if (!mem->config.format->is_leaf(entry, kev_table_of(leaf)->level))
		return NULL;
	page = kev_leaf_page(mem, leaf, entry, gpa);
	return is_page_hwpoison(page) ? NULL : page_address(page) + offset_in_page(gpa);
}

int kev_mem_get_page(struct kev_mem *mem, struct kev_touch *touch, struct page **page)
{
	bool filled = false;
	int ret;

	might_sleep();
	for (;;) {
		*page = find_page(mem, touch);
		touch->filled = filled;
		if (*page)
			return PTR_ERR_OR_ZERO(*page);
		ret = kev_mem_fault(mem, touch);
		if (ret)
			return ret;
		filled = touch->filled;
	}
}

/* What the guest reads or writes with one instruction meanwhile comes and goes as one, too. */
static void copy_bytes(void *to, const void *from, size_t offset, size_t len)
{
	if (len == sizeof(u16) && IS_ALIGNED(offset, sizeof(u16)))
		WRITE_ONCE(*(u16 *)to, READ_ONCE(*(u16 *)from));
	else if (len == sizeof(u32) && IS_ALIGNED(offset, sizeof(u32)))
		WRITE_ONCE(*(u32 *)to, READ_ONCE(*(u32 *)from));
	else if (len == sizeof(u64) && IS_ALIGNED(offset, sizeof(u64)))
		WRITE_ONCE(*(u64 *)to, READ_ONCE(*(u64 *)from));
	else
		memcpy(to, from, len);
}

static void copy_page_part(struct page *page, size_t offset, void *buf, size_t len, u32 access)
{
	void *map = kmap_local_page(page);

	if (access & KEV_MEM_WRITE)
		copy_bytes(map + offset, buf, offset, len);
	else
		copy_bytes(buf, map + offset, offset, len);
	kunmap_local(map);
}

/*
 * Once more after the bytes have changed: whoever asks for dirty pages between the look at
 * the leaf and the copy is told of the old bytes only.
 */
static void mark_dirty(struct kev_mem *mem, u64 gpa)
{
	u64 *leaf = kev_table_find(mem, gpa);
	struct kev_pt_page *table;

	if (!leaf)
		return;
	table = kev_table_of(leaf);
	raw_spin_lock(&table->lock);
	__set_bit(kev_leaf_index(leaf), table->dirty);
	raw_spin_unlock(&table->lock);
}

ssize_t kev_mem_copy(struct kev_mem *mem, struct kev_touch *touch, void *buf, size_t len)
{
	size_t done = 0, offset, part;
	u64 gpa = touch->gpa;
	struct page *page;
	int ret;

	while (done < len) {
		touch->gpa = gpa + done;
		offset = offset_in_page(touch->gpa);
		part = min(len - done, PAGE_SIZE - offset);
		/* A whole page is there at once, or not at all. */
		touch->fill = NULL;
		if (touch->access & KEV_MEM_WRITE && part == PAGE_SIZE)
			touch->fill = buf + done;
		ret = kev_mem_get_page(mem, touch, &page);
		if (ret)
			return done ?: ret;
		/* The guest may have written to it since. */
		if (!touch->filled)
			copy_page_part(page, offset, buf + done, part, touch->access);
		put_page(page);
		if (touch->access & KEV_MEM_WRITE)
			mark_dirty(mem, touch->gpa);
		done += part;
	}
	return done;
}

/* A guest-virtual address that leads nowhere is bad, wherever it went wrong. */
static int gva_error(int err)
{
	return err == -ENOENT || err == -EACCES ? -EFAULT : err;
}

struct walk_context {
	struct kev_mem *mem;
	struct kev_touch *touch;
};

/* An entry is aligned, so it lies in one page: all of it comes, or an error. */
static int read_entry(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct walk_context *walk = ctx;
	ssize_t ret;

	walk->touch->gpa = gpa;
	ret = kev_mem_copy(walk->mem, walk->touch, buf, len);
	return ret < 0 ? ret : 0;
}

int kev_mem_walk(struct kev_mem *mem, const struct kev_paging *paging, u64 gva,
		 struct kev_touch *touch, struct kev_walk *walk)
{
	struct walk_context context = { mem, touch };
	u32 access = touch->access;
	int ret;

	touch->access = KEV_MEM_READ;
	ret = kev_walk(paging, gva, read_entry, &context, walk);
	touch->access = access;
	return gva_error(ret);
}

/*
 * The flags that an access leaves in an entry. Return: 1 if the guest has changed it meanwhile; or
 * what getting its page returns.
 */
static int mark_entry(struct kev_mem *mem, struct kev_touch *touch, u64 gpa, unsigned int size,
		      u64 old, u64 new)
{
	struct page *page;
	void *map;
	bool same;
	int ret;

	touch->gpa = gpa;
	touch->access = KEV_MEM_WRITE;
	touch->fill = NULL;
	ret = kev_mem_get_page(mem, touch, &page);
	if (ret)
		return ret;
	map = kmap_local_page(page);
	if (size == sizeof(u32))
		same = cmpxchg((u32 *)(map + offset_in_page(gpa)), (u32)old, (u32)new) == (u32)old;
	else
		same = cmpxchg64((u64 *)(map + offset_in_page(gpa)), old, new) == old;
	kunmap_local(map);
	put_page(page);
	mark_dirty(mem, gpa);
	return !same;
}

static int mark_entries(struct kev_mem *mem, struct kev_touch *touch, const struct kev_walk *walk,
			bool write)
{
	int ret = 0;

	for (unsigned int i = 0; i < walk->nr && !ret; i++) {
		u64 old = walk->entry[i].value, new = kev_walk_entry_used(walk, i, write);

		if (new != old)
			ret = mark_entry(mem, touch, walk->entry[i].gpa, walk->entry_size, old,
					 new);
	}
	return ret;
}

/* Another vCPU can change an entry all the time. */
static bool may_walk_again(const struct kev_touch *touch)
{
	cond_resched();
	return !kev_touch_stopped(touch) && !signal_pending(current);
}

int kev_mem_walk_as_cpu(struct kev_mem *mem, const struct kev_paging *paging, u64 gva,
			const struct kev_mem_user *user, struct kev_touch *touch,
			struct kev_walk *walk, u32 *error)
{
	struct walk_context context = { mem, touch };
	u32 access = touch->access;
	int ret;

	do {
		touch->access = KEV_MEM_READ;
		ret = kev_walk(paging, gva, read_entry, &context, walk);
		if (ret && ret != -EFAULT)
			break;
		if (kev_walk_denies(paging, !ret, walk, access, user->user, user->ac, error)) {
			ret = -EFAULT;
			break;
		}
		ret = mark_entries(mem, touch, walk, access & KEV_MEM_WRITE);
	} while (ret > 0 && may_walk_again(touch));
	if (!ret || ret == -EFAULT)
		touch->access = access;
	return ret > 0 ? -EINTR : ret;
}

ssize_t kev_mem_copy_gva(struct kev_mem *mem, const struct kev_paging *paging, u64 gva,
			 struct kev_touch *touch, void *buf, size_t len)
{
	size_t done = 0, part;
	struct kev_walk walk;
	ssize_t ret;
	u64 rest;

	while (done < len) {
		if (gva + done < gva)
			return done ?: -EFAULT;
		ret = kev_mem_walk(mem, paging, gva + done, touch, &walk);
		if (ret)
			return done ?: ret;
		rest = walk.page_size - (walk.gpa & (walk.page_size - 1));
		part = min_t(u64, len - done, rest);
		touch->gpa = walk.gpa;
		ret = kev_mem_copy(mem, touch, buf + done, part);
		if (ret < 0)
			return done ?: gva_error(ret);
		done += ret;
		if ((size_t)ret < part)
			return done;
	}
	return done;
}
