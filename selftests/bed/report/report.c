// SPDX-License-Identifier: GPL-2.0
/* A module whose loading goes wrong in the way that its parameter names: for tests of the bed. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/preempt.h>

static char *kind = "none";
module_param(kind, charp, 0);
MODULE_PARM_DESC(kind, "warn, bug, oops, atomic, flood or die (an oops without interrupts, for ever)");

static int report_init(void)
{
	if (!strcmp(kind, "warn")) {
		WARN(1, "bed: a warning\n");
	} else if (!strcmp(kind, "bug")) {
		BUG();
	} else if (!strcmp(kind, "oops")) {
		WRITE_ONCE(*(int *)8, 1);
	} else if (!strcmp(kind, "atomic")) {
		preempt_disable();
		msleep(20);
		preempt_enable();
	} else if (!strcmp(kind, "flood")) {
		/* More than the log has room for, before anybody reads it */
		for (unsigned int i = 0; i < 5000; i++)
			pr_info("bed: %200u\n", i);
	} else if (!strcmp(kind, "die")) {
		local_irq_disable();
		WARN(1, "bed: the last words\n");
		for (;;)
			cpu_relax();
	}
	return 0;
}
module_init(report_init);

static void report_exit(void)
{
}
module_exit(report_exit);

MODULE_DESCRIPTION("Provokes reports in the kernel's log");
MODULE_LICENSE("GPL");
