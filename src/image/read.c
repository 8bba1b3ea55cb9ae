// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading an image's file.
 *
 * A read cannot be interrupted where the file system does not let it: behind a server
 * that does not answer it lasts for ever. So a worker reads, which holds the file and
 * the request and nothing of the VM, and whoever wants the bytes waits for it as
 * long as it likes. Read-ahead is the page cache's own, by the file's access pattern.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>
#include <kev/image.h>
#include <kev/mem.h>
#include <kev/region.h>

/**
 * struct kev_read - a read under way
 * @refs: the worker's and the waiter's
 * @work: for the worker
 * @image: a reference
 * @page: where the bytes go; a reference
 * @gpa: page of the guest to fill, if @len is 0
 * @offset: otherwise: where in the file
 * @len: bytes, at most a page
 * @done: @result is final
 * @result: 0 or a negative errno
 */
struct kev_read {
	refcount_t refs;
	struct work_struct work;
	struct kev_image *image;
	struct page *page;
	u64 gpa;
	u64 offset;
	size_t len;
	bool done;
	int result;
};

static struct workqueue_struct *read_wq;

static int read_now(const struct kev_image *image, void *buf, size_t len, u64 offset)
{
	loff_t pos = offset;
	size_t done = 0;
	ssize_t ret;

	while (done < len) {
		ret = kernel_read(image->file, buf + done, len - done, &pos);
		if (ret <= 0)
			return ret == -ENOMEM ? -ENOMEM : -EIO;
		done += ret;
	}
	return 0;
}

static int read_pieces(const struct kev_image *image, u64 gpa, void *to)
{
	struct kev_piece piece;
	u32 i = 0;
	int ret;

	while (kev_image_piece(&image->plan, gpa, &i, &piece)) {
		ret = read_now(image, to + piece.at, piece.len, piece.offset);
		if (ret)
			return ret;
	}
	return 0;
}

static void put_read(struct kev_read *read)
{
	if (!refcount_dec_and_test(&read->refs))
		return;
	put_page(read->page);
	kev_image_put(read->image);
	kfree(read);
	/* The worker returns to the kernel before kev_read_exit() does. */
	module_put(THIS_MODULE);
}

/* As whoever opened the file, and on the account of the VM's creator */
static void read_work(struct work_struct *work)
{
	struct kev_read *read = container_of(work, struct kev_read, work);
	const struct cred *cred = override_creds(read->image->file->f_cred);
	struct mem_cgroup *memcg = set_active_memcg(read->image->memcg);
	void *to = page_address(read->page);

	if (read->len)
		read->result = read_now(read->image, to, read->len, read->offset);
	else
		read->result = read_pieces(read->image, read->gpa, to);
	set_active_memcg(memcg);
	revert_creds(cred);

	/* The result first; pairs with is_done(). */
	smp_store_release(&read->done, true);
	/* Before the look for waiters; pairs with prepare_to_wait_event(). */
	smp_mb();
	wake_up_var(&read->done);
	put_read(read);
}

static struct kev_read *start_read(struct kev_image *image, struct page *page, u64 gpa,
				   u64 offset, size_t len)
{
	struct kev_read *read = kmalloc(sizeof(*read), KEV_GFP_GUEST);

	if (!read)
		return NULL;
	*read = (struct kev_read) {
		.image = kev_image_get(image),
		.page = page,
		.gpa = gpa,
		.offset = offset,
		.len = len,
	};
	get_page(page);
	__module_get(THIS_MODULE);
	refcount_set(&read->refs, 2);
	INIT_WORK(&read->work, read_work);
	queue_work(read_wq, &read->work);
	return read;
}

static bool is_done(const struct kev_read *read)
{
	/* Before the result; pairs with read_work(). */
	return smp_load_acquire(&read->done);
}

static int wait_for_read(struct kev_read *read, const struct kev_touch *touch)
{
	int ret;

	if (touch->flags & KEV_TOUCH_KILLABLE)
		ret = wait_var_event_killable(&read->done, is_done(read));
	else
		ret = wait_var_event_interruptible(&read->done, is_done(read) ||
						   kev_touch_stopped(touch));
	ret = !ret && is_done(read) ? read->result : -EINTR;
	put_read(read);
	return ret;
}

int kev_image_fill(struct kev_image *image, const struct kev_touch *touch, u64 gpa,
		   struct page *page)
{
	struct kev_read *read;

	if (touch->flags & KEV_TOUCH_NOWAIT)
		return -EBUSY;
	read = start_read(image, page, gpa, 0, 0);
	return read ? wait_for_read(read, touch) : -ENOMEM;
}

/* By way of a page of its own: the worker may outlast the wait. */
static int read_by_worker(struct kev_image *image, void *buf, size_t len, u64 offset)
{
	struct page *page = alloc_page(KEV_GFP_GUEST);
	const struct kev_touch touch = {};
	struct kev_read *read;
	int ret = -ENOMEM;

	if (!page)
		return -ENOMEM;
	read = start_read(image, page, 0, offset, len);
	if (read)
		ret = wait_for_read(read, &touch);
	if (!ret)
		memcpy(buf, page_address(page), len);
	put_page(page);
	return ret;
}

int kev_image_read(struct kev_image *image, void *buf, size_t len, u64 offset)
{
	size_t part;
	int ret = 0;

	for (; len && !ret; len -= part, buf += part, offset += part) {
		part = min(len, PAGE_SIZE);
		ret = kev_image_read_cached(image, buf, part, offset);
		if (ret == -ENODATA)
			ret = read_by_worker(image, buf, part, offset);
	}
	return ret;
}

int kev_read_init(void)
{
	/* Unbound: a read that lasts must not hold up a CPU's other work. */
	read_wq = alloc_workqueue("kev_read", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return read_wq ? 0 : -ENOMEM;
}

void kev_read_exit(void)
{
	destroy_workqueue(read_wq);
}
