// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/kev_host_msrs: the MSRs of the CPU that reads it. At 16 times an index there are
 * two numbers of 64 bits: 1 and the value, or 0 and 0 where the CPU has no such MSR.
 */
#include <linux/proc_fs.h>
#include <linux/uaccess.h>
#include <kev/compat.h>

#include "test.h"

#define PROC_NAME	"kev_host_msrs"
#define RECORD		(2 * sizeof(u64))

static ssize_t read_msrs(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	u64 index = *pos / RECORD;
	size_t done;

	if (*pos % RECORD || len % RECORD)
		return -EINVAL;
	for (done = 0; done < len; done += RECORD, index++) {
		u64 record[2] = { 0 };

		record[0] = index <= U32_MAX && !rdmsrq_safe(index, &record[1]);
		if (!record[0])
			record[1] = 0;
		if (copy_to_user(to + done, record, RECORD))
			return -EFAULT;
		cond_resched();
	}
	*pos += done;
	return done;
}

static const struct proc_ops host_msrs_ops = {
	.proc_read = read_msrs,
	.proc_lseek = default_llseek,
};

int host_msrs_init(void)
{
	return proc_create(PROC_NAME, 0400, NULL, &host_msrs_ops) ? 0 : -ENOMEM;
}

void host_msrs_exit(void)
{
	remove_proc_entry(PROC_NAME, NULL);
}
