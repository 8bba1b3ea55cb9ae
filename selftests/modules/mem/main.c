// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tests run when the module is loaded and write KTAP to the log. Loading
 * fails if a test fails.
 */
#define pr_fmt(fmt) fmt

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <kev/backend.h>
#include <kev/image.h>
#include "test.h"

static unsigned int failures;
static const char *skipped;

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

void kev_test_skip(const char *reason)
{
	skipped = reason;
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
#define TEST(name)	{ #name, test_##name }
	TEST(region_errors),
	TEST(region_limit),
	TEST(ram),
	TEST(fini),
	TEST(image_bytes),
	TEST(image_prot),
	TEST(attach_errors),
	TEST(direct64),
	TEST(read_errors),
	TEST(concurrent),
	TEST(killed_waiter),
	TEST(remove),
	TEST(remove_held),
	TEST(remove_read),
	TEST(discard),
	TEST(discard_huge),
	TEST(huge_never),
	TEST(huge_always),
	TEST(huge_auto),
	TEST(huge_exec),
	TEST(shared),
	TEST(shared_pages),
	TEST(sharers),
	TEST(truncated),
	TEST(poisoned),
	TEST(given_back),
	TEST(around),
	TEST(around_write),
	TEST(around_reads),
	TEST(stock),
	TEST(stock_refuses),
	TEST(stock_image),
	TEST(stock_uncached),
	TEST(stock_around),
	TEST(add_errors),
	TEST(trap),
	TEST(owner),
	TEST(notify),
	TEST(file_region),
	TEST(user_region),
	TEST(dirty_flag),
	TEST(dirty_fault),
	TEST(dirty_shared),
	TEST(dirty_huge),
	TEST(page_state),
	TEST(query),
	TEST(options),
	TEST(signal),
	TEST(reader_killed),
	TEST(killable),
	TEST(stop),
	TEST(nowait),
	TEST(nowait_cached),
	TEST(relocations),
	TEST(no_relocations),
	TEST(relocations_read),
#undef TEST
};

/* What attach.c wants to know of the CPU */
struct kev_backend_info kev_info = { .features = KEV_FEATURE_UNRESTRICTED_GUEST };

static void kev_mem_test_end(void)
{
	kev_read_exit();
	kev_mem_drop_kept();
	/* Regions and maps are freed after a grace period. */
	rcu_barrier();
}

static int __init kev_mem_test_init(void)
{
	unsigned int i, failed = 0;
	int ret;

	ret = kev_read_init();
	if (ret)
		return ret;
	pr_info("TAP version 13\n1..%zu\n", ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		failures = 0;
		skipped = NULL;
		tests[i].run();
		failed += !!failures;
		pr_info("%sok %u %s%s%s\n", failures ? "not " : "", i + 1, tests[i].name,
			skipped ? " # SKIP " : "", skipped ?: "");
	}
	pr_info("# kev_mem_test: %zu tests, %u failed\n", ARRAY_SIZE(tests), failed);
	if (!failed)
		return 0;
	kev_mem_test_end();
	return -EINVAL;
}

static void __exit kev_mem_test_exit(void)
{
	kev_mem_test_end();
}

module_init(kev_mem_test_init);
module_exit(kev_mem_test_exit);

MODULE_DESCRIPTION("Tests of kev's guest-physical memory");
MODULE_LICENSE("GPL");
