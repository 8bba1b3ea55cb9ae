// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tests run when the module is loaded and write KTAP to the log. Loading
 * fails if a test fails.
 */
#define pr_fmt(fmt) fmt

#include <linux/module.h>
#include <linux/string.h>
#include "test.h"

static unsigned int failures;

bool kev_test_check(bool ok, const char *what, const char *file, int line)
{
	if (!ok) {
		failures++;
		pr_err("# %s:%d: not true: %s\n", kbasename(file), line, what);
	}
	return ok;
}

bool kev_test_check_eq(s64 value, s64 expected, const char *what, const char *file, int line)
{
	if (value != expected) {
		failures++;
		pr_err("# %s:%d: %s is %lld, expected %lld\n", kbasename(file), line, what,
		       value, expected);
	}
	return value == expected;
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "region_errors", test_region_errors },
	{ "region_limit", test_region_limit },
	{ "ram", test_ram },
	{ "fini", test_fini },
	{ "image_bytes", test_image_bytes },
	{ "image_prot", test_image_prot },
	{ "attach_errors", test_attach_errors },
	{ "direct64", test_direct64 },
	{ "read_errors", test_read_errors },
	{ "concurrent", test_concurrent },
	{ "killed_waiter", test_killed_waiter },
};

static int __init kev_mem_test_init(void)
{
	unsigned int i, failed = 0;

	pr_info("TAP version 13\n1..%zu\n", ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		failures = 0;
		tests[i].run();
		failed += !!failures;
		pr_info("%sok %u %s\n", failures ? "not " : "", i + 1, tests[i].name);
	}
	pr_info("# kev_mem_test: %zu tests, %u failed\n", ARRAY_SIZE(tests), failed);
	return failed ? -EINVAL : 0;
}

static void __exit kev_mem_test_exit(void)
{
}

module_init(kev_mem_test_init);
module_exit(kev_mem_test_exit);

MODULE_DESCRIPTION("Tests of kev's guest-physical memory");
MODULE_LICENSE("GPL");
