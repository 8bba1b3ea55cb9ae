// SPDX-License-Identifier: GPL-2.0
/*
 * Has a function of the kernel fail, as long as this is loaded: whoever calls it gets a value
 * instead, and the function does not run. For what fault injection does not reach, or on
 * kernels without it.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/ptrace.h>

static char *function[4];
static int nr_functions;
module_param_array(function, charp, &nr_functions, 0400);
MODULE_PARM_DESC(function, "its names, of which a kernel has one");

static long value;
module_param(value, long, 0400);
MODULE_PARM_DESC(value, "what it returns");

/* Runs in the function's place, and leaves its value alone. */
static noinline notrace void deny_return(void)
{
}

static int deny(struct kprobe *probe, struct pt_regs *regs)
{
	regs_set_return_value(regs, value);
	instruction_pointer_set(regs, (unsigned long)deny_return);
	return 1;
}

/* With one, the probe is never made a jump, which would forget where the function goes on. */
static void nothing(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe = {
	.pre_handler = deny,
	.post_handler = nothing,
};

static int __init kev_deny_test_init(void)
{
	int ret = -EINVAL;

	for (int i = 0; i < nr_functions; i++) {
		probe.symbol_name = function[i];
		ret = register_kprobe(&probe);
		if (ret != -ENOENT)
			break;
	}
	return ret;
}

static void __exit kev_deny_test_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(kev_deny_test_init);
module_exit(kev_deny_test_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Has a function of the kernel fail");
