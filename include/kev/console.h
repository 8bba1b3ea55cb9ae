/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's console: a byte stream from its vCPUs to read(2) on the VM fd.
 */
#ifndef _KEV_CONSOLE_H
#define _KEV_CONSOLE_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct mem_cgroup;

#define KEV_CONSOLE_SIZE	65536U	/* a power of two */

struct kev_console {
	spinlock_t lock;	/* taken by readers and writers in process context */
	u8 *ring;		/* [lock] to write: NULL until the first byte */
	u64 head;		/* [lock] to write: where the next byte goes; never wraps */
	u64 tail;		/* [lock] to write: the oldest byte not read yet */
	struct mem_cgroup *memcg;	/* [I] charged for @ring */
	bool log;		/* [I] mirror to the kernel's log */
	u32 line_len;		/* [lock] */
	char line[120];		/* [lock] log line being collected */
};

void kev_console_init(struct kev_console *console, struct mem_cgroup *memcg, bool log);
void kev_console_fini(struct kev_console *console);
ssize_t kev_console_write(struct kev_console *console, const u8 *bytes, size_t len);
ssize_t kev_console_read(struct kev_console *console, char __user *to, size_t len);
bool kev_console_empty(struct kev_console *console);

#endif /* _KEV_CONSOLE_H */
