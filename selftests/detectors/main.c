// SPDX-License-Identifier: GPL-2.0
/*
 * A module that makes the error whose name is written to its parameter "make", in the context
 * of the writer: what proves that the detectors of the instrumented kernel work in a module.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

#include "broken.h"

static const struct broken_kind * const kinds[] = {
	broken_memory, broken_locks, broken_objects, broken_stalls,
};

static int make_set(const char *name, const struct kernel_param *param)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (const struct broken_kind *kind = kinds[i]; kind->name; kind++)
			if (sysfs_streq(name, kind->name))
				return kind->make();
	return -EINVAL;
}

static const struct kernel_param_ops make_ops = {
	.set = make_set,
};

module_param_cb(make, &make_ops, NULL, 0200);
MODULE_PARM_DESC(make, "the error to make");

static int __init broken_init(void)
{
	return 0;
}
module_init(broken_init);

static void __exit broken_exit(void)
{
}
module_exit(broken_exit);

MODULE_DESCRIPTION("Errors for the kernel's detectors");
MODULE_LICENSE("GPL");
