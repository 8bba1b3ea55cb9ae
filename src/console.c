// SPDX-License-Identifier: GPL-2.0-only
/*
 * The console: a ring of bytes. Writers take what fits and say how much that
 * was; readers copy to user space without the lock and consume what they have copied, so that a
 * bad buffer loses nothing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <kev/console.h>
#include <kev/mem.h>

#define RING_INDEX(position)	((position) & (KEV_CONSOLE_SIZE - 1))

static_assert((KEV_CONSOLE_SIZE & (KEV_CONSOLE_SIZE - 1)) == 0);

/**
 * kev_console_init() - an empty console
 * @console: written
 * @memcg: charged; may be NULL; the caller holds a reference as long as there is a writer
 * @log: mirror lines to the kernel's log
 */
void kev_console_init(struct kev_console *console, struct mem_cgroup *memcg, bool log)
{
	memset(console, 0, sizeof(*console));
	spin_lock_init(&console->lock);
	console->memcg = memcg;
	console->log = log;
}

/**
 * kev_console_fini() - free what a console holds
 * @console: nobody uses it any more
 */
void kev_console_fini(struct kev_console *console)
{
	kvfree(console->ring);
}

/* [lock] A line that ends or is full goes to the log, escaped. */
static void log_byte(struct kev_console *console, u8 byte)
{
	if (byte != '\n')
		console->line[console->line_len++] = byte;
	if (byte != '\n' && console->line_len < sizeof(console->line))
		return;
	pr_info_ratelimited("guest: %*pE\n", (int)console->line_len, console->line);
	console->line_len = 0;
}

static int allocate_ring(struct kev_console *console)
{
	struct mem_cgroup *old = set_active_memcg(console->memcg);
	u8 *ring = kvmalloc(KEV_CONSOLE_SIZE, KEV_GFP_GUEST);

	set_active_memcg(old);
	if (!ring)
		return -ENOMEM;
	spin_lock(&console->lock);
	if (!console->ring) {
		WRITE_ONCE(console->ring, ring);
		ring = NULL;
	}
	spin_unlock(&console->lock);
	kvfree(ring);
	return 0;
}

/**
 * kev_console_write() - append bytes
 * @console: the console
 * @bytes: kernel memory
 * @len: how many
 *
 * Context: process, may sleep for the first byte's memory.
 * Return: how many fitted, 0 when it is full; -ENOMEM.
 */
ssize_t kev_console_write(struct kev_console *console, const u8 *bytes, size_t len)
{
	size_t n, first;
	int ret;

	if (!READ_ONCE(console->ring)) {
		ret = allocate_ring(console);
		if (ret)
			return ret;
	}

	spin_lock(&console->lock);
	n = min_t(size_t, len, KEV_CONSOLE_SIZE - (console->head - console->tail));
	first = min_t(size_t, n, KEV_CONSOLE_SIZE - RING_INDEX(console->head));
	memcpy(console->ring + RING_INDEX(console->head), bytes, first);
	memcpy(console->ring, bytes + first, n - first);
	WRITE_ONCE(console->head, console->head + n);
	for (size_t i = 0; console->log && i < n; i++)
		log_byte(console, bytes[i]);
	spin_unlock(&console->lock);
	return n;
}

/* Copy bytes out without consuming them; how many, and where they began. */
static size_t peek(struct kev_console *console, u8 *to, size_t len, u64 *tail)
{
	size_t n, first;

	spin_lock(&console->lock);
	*tail = console->tail;
	n = min_t(size_t, len, console->head - console->tail);
	first = min_t(size_t, n, KEV_CONSOLE_SIZE - RING_INDEX(console->tail));
	if (n) {
		memcpy(to, console->ring + RING_INDEX(console->tail), first);
		memcpy(to + first, console->ring, n - first);
	}
	spin_unlock(&console->lock);
	return n;
}

/* Consume what was peeked, unless another reader has come first. */
static bool consume(struct kev_console *console, u64 tail, size_t n)
{
	bool mine;

	spin_lock(&console->lock);
	mine = console->tail == tail;
	if (mine)
		WRITE_ONCE(console->tail, console->tail + n);
	spin_unlock(&console->lock);
	return mine;
}

/**
 * kev_console_read() - take bytes out
 * @console: the console
 * @to: user memory
 * @len: at most so many
 *
 * Context: process, no lock held; may sleep.
 * Return: how many, 0 when it is empty; -EFAULT; -ENOMEM.
 */
ssize_t kev_console_read(struct kev_console *console, char __user *to, size_t len)
{
	ssize_t ret;
	u64 tail;
	u8 *buf;

	buf = (u8 *)__get_free_page(GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	len = min_t(size_t, len, PAGE_SIZE);
	do {
		ret = peek(console, buf, len, &tail);
		if (!ret)
			break;
		if (copy_to_user(to, buf, ret)) {
			ret = -EFAULT;
			break;
		}
	} while (!consume(console, tail, ret));
	free_page((unsigned long)buf);
	return ret;
}

/**
 * kev_console_empty() - is there nothing to read
 * @console: the console
 *
 * Context: any.
 * Return: true: there is nothing now.
 */
bool kev_console_empty(struct kev_console *console)
{
	return READ_ONCE(console->head) == READ_ONCE(console->tail);
}
