// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading an image's file.
 *
 * A read cannot be interrupted where the file system does not let it: behind a server
 * that does not answer it lasts for ever. So a worker reads, which holds the file and
 * the request and nothing of the VM, and whoever wants the bytes waits for it as
 * long as it likes. Who comes back for a page joins the read of it that is under way, and
 * an image has only so many of them, and so has a user, so that files that hang do not use up
 * the workers. Those of servers and those of disks share neither a queue nor a limit.
 * Read-ahead is the page cache's own, by the file's access pattern.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>
#include <kev/compat.h>
#include <kev/image.h>
#include <kev/mem.h>
#include <kev/owner.h>
#include <kev/region.h>

/**
 * struct kev_read - a read under way
 * @refs: who waits, and READER until the worker is done with it and @result is final
 * @link: in kev_image.reads until it is done
 * @work: for the worker
 * @image: a reference
 * @page: where the bytes go; a reference
 * @gpa: page of the guest to fill, if @len is 0
 * @offset: otherwise: where in the file
 * @len: bytes, at most a page
 * @result: 0 or a negative errno
 */
struct kev_read {
	atomic_t refs;
	struct list_head link;
	struct work_struct work;
	struct kev_image *image;
	struct page *page;
	u64 gpa;
	u64 offset;
	size_t len;
	int result;
};

/* More than there can be tasks */
#define READER		BIT(30)

/* Reads of one image at a time, and of all of a user's of a kind */
#define MAX_READS	16
#define MAX_USER_READS	32
#define MIN_USER_READS	4

/* Pages that a page of a file may cost: itself, and nodes of the page cache's tree */
#define PAGE_COST	4
#define CACHE_TRIES	3

/* By kev_image.local */
static struct workqueue_struct *read_wq[2];
static int max_user_reads __ro_after_init;

/* Whether the cgroup has room for a page of a file; the CPU keeps the charges for it. */
static bool has_memory(void)
{
	struct page *pages[PAGE_COST];
	unsigned int n = 0;
	bool all;

	while (n < PAGE_COST && (pages[n] = alloc_page(KEV_GFP_GUEST)))
		n++;
	all = n == PAGE_COST;
	while (n)
		__free_page(pages[--n]);
	return all;
}

/*
 * Have the page cache hold a page of the file, by reading ahead: that fails where the cgroup has no
 * room. Return: a reference to a page that has been read, or cannot be; NULL: the file system has
 * none, for another reason; -ENOMEM.
 */
static struct page *cache_page(const struct kev_image *image, pgoff_t index)
{
	struct file *file = image->file;
	struct page *page = find_get_page(file->f_mapping, index);
	unsigned int i;

	for (i = 0; !page && i < CACHE_TRIES; i++) {
		if (i && !has_memory())
			return ERR_PTR(-ENOMEM);
		page_cache_sync_readahead(file->f_mapping, &file->f_ra, file, index, 1);
		page = find_get_page(file->f_mapping, index);
	}
	if (page)
		folio_wait_locked(page_folio(page));
	return page;
}

/*
 * Make room for a read of at most a page: if the read itself found none, it would have the
 * cgroup's OOM killer called. What the page cache holds, and cannot drop, needs none.
 */
static int prepare_cache(const struct kev_image *image, size_t len, u64 offset,
			 struct page *pages[2])
{
	pgoff_t first = offset >> PAGE_SHIFT, last = (offset + len - 1) >> PAGE_SHIFT;
	struct page *page;

	if (!image->cached || kev_is_shmem(image->file->f_mapping))
		return has_memory() ? 0 : -ENOMEM;
	for (pgoff_t index = first; index <= last; index++) {
		page = cache_page(image, index);
		if (IS_ERR(page))
			return PTR_ERR(page);
		pages[index - first] = page;
	}
	return 0;
}

static int read_file(struct file *file, void *buf, size_t len, u64 offset)
{
	loff_t pos = offset;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = kernel_read(file, buf + done, len - done, &pos);
		if (n <= 0)
			return n == -ENOMEM ? -ENOMEM : -EIO;
		done += n;
	}
	return 0;
}

/*
 * What the page cache can have is copied from there, as by a mapping of the file: its own read may
 * take a lock that somebody has who writes from the guest's memory to the file, and waits for us.
 */
static int read_now(const struct kev_image *image, void *buf, size_t len, u64 offset)
{
	struct page *pages[2] = {};
	int ret;

	ret = prepare_cache(image, len, offset, pages);
	if (!ret)
		ret = kev_image_read_cached(image, buf, len, offset);
	if (ret == -ENODATA)
		ret = read_file(image->file, buf, len, offset);
	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++)
		if (pages[i])
			put_page(pages[i]);
	return ret;
}

static int read_pieces(const struct kev_image *image, u64 gpa, void *to)
{
	struct kev_piece piece;
	u32 i = 0;
	int ret;

	while (kev_image_piece(image, gpa, &i, &piece)) {
		ret = read_now(image, to + piece.at, piece.len, piece.offset);
		if (ret)
			return ret;
	}
	return 0;
}

static void free_read(struct kev_read *read)
{
	put_page(read->page);
	kev_image_put(read->image);
	kfree(read);
	/* The worker returns to the kernel before kev_read_exit() does. */
	module_put(THIS_MODULE);
}

static void put_read(struct kev_read *read)
{
	if (atomic_dec_and_test(&read->refs))
		free_read(read);
}

static struct kev_read_places *places_of(const struct kev_image *image)
{
	return &image->payer.owner->places[image->local];
}

/*
 * As whoever opened the file, on the account of the VM's creator, and within the limits on disks
 * of whoever made the image
 */
static void read_work(struct work_struct *work)
{
	struct kev_read *read = container_of(work, struct kev_read, work);
	const struct cred *cred = override_creds(read->image->file->f_cred);
	struct mem_cgroup *memcg = set_active_memcg(read->image->memcg);
	struct kev_read_places *places = places_of(read->image);
	u32 *nr_reads = &read->image->nr_reads;
	void *to = page_address(read->page);

	kthread_associate_blkcg(read->image->io);
	if (read->len)
		read->result = read_now(read->image, to, read->len, read->offset);
	else
		read->result = read_pieces(read->image, read->gpa, to);
	kthread_associate_blkcg(NULL);
	set_active_memcg(memcg);
	revert_creds(cred);

	spin_lock(&read->image->lock);
	list_del(&read->link);
	WRITE_ONCE(read->image->nr_reads, read->image->nr_reads - 1);
	atomic_dec(&places->taken);
	spin_unlock(&read->image->lock);
	/* As long as the read keeps the image, and that its user */
	wake_up(&places->wait);
	/*
	 * The result first; pairs with is_done(). Before the look for waiters, too; pairs with
	 * prepare_to_wait_event(). Who waits has the file in the end: it is let go where the VM is,
	 * not here and later. So only the addresses are left to wake by.
	 */
	if (atomic_sub_and_test(READER, &read->refs))
		free_read(read);
	wake_up_var(&read->refs);
	wake_up_var(nr_reads);
}

static struct kev_read *make_read(struct kev_image *image, struct page *page, u64 gpa,
				  u64 offset, size_t len)
{
	struct mem_cgroup *memcg = set_active_memcg(image->memcg);
	struct kev_read *read = kmalloc(sizeof(*read), KEV_GFP_GUEST);

	set_active_memcg(memcg);
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
	atomic_set(&read->refs, 1);
	INIT_LIST_HEAD(&read->link);
	INIT_WORK(&read->work, read_work);
	return read;
}

/* Start a read unless there are too many */
static bool start_read(struct kev_read *read)
{
	struct kev_image *image = read->image;
	bool room;

	spin_lock(&image->lock);
	room = image->nr_reads < MAX_READS &&
	       atomic_add_unless(&places_of(image)->taken, 1, max_user_reads);
	if (room) {
		WRITE_ONCE(image->nr_reads, image->nr_reads + 1);
		list_add_tail(&read->link, &image->reads);
		atomic_add(READER, &read->refs);
	}
	spin_unlock(&image->lock);
	if (room)
		queue_work(read_wq[image->local], &read->work);
	return room;
}

/* The read of the page at @gpa that is under way, with a reference; or NULL */
static struct kev_read *find_read(struct kev_image *image, u64 gpa)
{
	struct kev_read *read, *found = NULL;

	spin_lock(&image->lock);
	list_for_each_entry(read, &image->reads, link) {
		if (!read->len && read->gpa == gpa) {
			atomic_inc(&read->refs);
			found = read;
			break;
		}
	}
	spin_unlock(&image->lock);
	return found;
}

static bool is_done(const struct kev_read *read)
{
	/* Before the result; pairs with read_work(). */
	return !(atomic_read_acquire(&read->refs) & READER);
}

static bool is_over(const struct kev_touch *touch)
{
	return kev_touch_stopped(touch) || kev_touch_moot(touch);
}

/* Wait for @condition as @touch wants it: 0 or -EINTR */
#define wait_for(var, condition, touch) ({						\
	const struct kev_touch *_touch = (touch);					\
	int _ret;									\
											\
	if (_touch->flags & KEV_TOUCH_KILLABLE)						\
		_ret = wait_var_event_killable(var, (condition) ||			\
					       kev_touch_moot(_touch));			\
	else										\
		_ret = wait_var_event_interruptible(var, (condition) || is_over(_touch)); \
	_ret || is_over(_touch) ? -EINTR : 0; })

static int wait_for_read(struct kev_read *read, const struct kev_touch *touch)
{
	return wait_for(&read->refs, is_done(read), touch) ?: read->result;
}

static bool has_room(const struct kev_read_places *places)
{
	return atomic_read(&places->taken) < max_user_reads;
}

/* Wait for a place of the user's, as the only one that it wakes: 0 or -EINTR */
static int wait_for_place(struct kev_read_places *places, const struct kev_touch *touch)
{
	int ret;

	if (touch->flags & KEV_TOUCH_KILLABLE)
		ret = wait_event_killable_exclusive(places->wait, has_room(places) ||
						    kev_touch_moot(touch));
	else
		ret = wait_event_interruptible_exclusive(places->wait, has_room(places) ||
							 is_over(touch));
	return ret || is_over(touch) ? -EINTR : 0;
}

/* Start @read, as soon as there is room, and wait for it. */
static int do_read(struct kev_read *read, const struct kev_touch *touch)
{
	struct kev_image *image = read->image;
	struct kev_read_places *places = places_of(image);
	int ret = 0;

	while (!ret && !start_read(read)) {
		if (READ_ONCE(image->nr_reads) < MAX_READS) {
			ret = wait_for_place(places, touch);
			continue;
		}
		/* A place that has woken us is of no use here. */
		wake_up(&places->wait);
		ret = wait_for(&image->nr_reads, READ_ONCE(image->nr_reads) < MAX_READS, touch);
	}
	if (!ret)
		return wait_for_read(read, touch);
	wake_up(&places->wait);
	return ret;
}

/* A wait in a mapping ends without an error: the fault happens again, and has it then. */
static void note_result(struct kev_image *image, u64 gpa, int result)
{
	spin_lock(&image->lock);
	if (result && result != -EINTR) {
		image->failed.task = current;
		image->failed.gpa = gpa;
		image->failed.error = result;
	} else if (image->failed.task == current) {
		image->failed.task = NULL;
	}
	spin_unlock(&image->lock);
}

/* If somebody else's failure came between, the wait is for another read. */
static int take_failure(struct kev_image *image, u64 gpa)
{
	int error = 0;

	spin_lock(&image->lock);
	if (image->failed.task == current && image->failed.gpa == gpa) {
		image->failed.task = NULL;
		error = image->failed.error;
	}
	spin_unlock(&image->lock);
	return error;
}

/* Wait for a read of the page at @gpa, one that is under way or a new one. */
static int fill(struct kev_image *image, const struct kev_touch *touch, u64 gpa, struct page *page)
{
	struct kev_read *read = find_read(image, gpa);
	int ret;

	if (read) {
		ret = wait_for_read(read, touch);
		if (!ret)
			copy_page(page_address(page), page_address(read->page));
	} else {
		read = make_read(image, page, gpa, 0, 0);
		if (!read)
			return -ENOMEM;
		ret = do_read(read, touch);
	}
	put_read(read);
	return ret;
}

int kev_image_fill(struct kev_image *image, const struct kev_touch *touch, u64 gpa,
		   struct page *page)
{
	int ret;

	if (touch->flags & KEV_TOUCH_NOWAIT)
		return (touch->flags & KEV_TOUCH_TRIED ? take_failure(image, gpa) : 0) ?: -EBUSY;
	if (kev_touch_stopped(touch))
		return -EINTR;
	ret = fill(image, touch, gpa, page);
	if (touch->flags & KEV_TOUCH_MAPPING)
		note_result(image, gpa, ret);
	return ret;
}

void kev_image_wake(struct kev_image *image)
{
	struct kev_read *read;

	spin_lock(&image->lock);
	list_for_each_entry(read, &image->reads, link)
		wake_up_var(&read->refs);
	spin_unlock(&image->lock);
	wake_up_var(&image->nr_reads);
	wake_up_all(&places_of(image)->wait);
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
	read = make_read(image, page, 0, offset, len);
	if (read) {
		ret = do_read(read, &touch);
		if (!ret)
			memcpy(buf, page_address(page), len);
		put_read(read);
	}
	put_page(page);
	return ret;
}

int kev_image_read(struct kev_image *image, void *buf, size_t len, u64 offset)
{
	size_t part;
	int ret = 0;

	for (; len && !ret; len -= part, buf += part, offset += part) {
		part = min(len, PAGE_SIZE);
		cond_resched();
		ret = kev_image_read_cached(image, buf, part, offset);
		if (ret == -ENODATA)
			ret = read_by_worker(image, buf, part, offset);
	}
	return ret;
}

int kev_read_init(void)
{
	/* The nodes share a queue's length: a user gets an eighth of one's part at most. */
	max_user_reads = clamp(WQ_MAX_ACTIVE / (8 * (int)num_online_nodes()), MIN_USER_READS,
			       MAX_USER_READS);
	/* Unbound: a read that lasts must not hold up a CPU's other work. */
	read_wq[false] = alloc_workqueue("kev_read", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!read_wq[false])
		return -ENOMEM;
	read_wq[true] = alloc_workqueue("kev_read_disk", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!read_wq[true]) {
		destroy_workqueue(read_wq[false]);
		return -ENOMEM;
	}
	return 0;
}

void kev_read_exit(void)
{
	destroy_workqueue(read_wq[true]);
	destroy_workqueue(read_wq[false]);
}
