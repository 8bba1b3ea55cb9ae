// SPDX-License-Identifier: GPL-2.0
/*
 * The module comes and goes. Guards that load and unload leave nothing behind,
 * that it stays while anything of it is open, and that it says one line.
 * Leaves the module loaded.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "kevtest.h"

#define MODULE		"/kev.ko"
#define DEVICE		"/dev/kev"
#define WARM_UP		3	/* rounds that fill the kernel's caches */
#define ROUNDS		16
#define FAILURES	12
/*
 * How often the free memory is looked at. The kernel's own caches grow and shrink meanwhile, but
 * not each time by a page for each load.
 */
#define LOOKS		3

/* A device appears and goes in a thread of the kernel's own. */
static bool device_comes(bool there)
{
	for (int i = 0; i < 100000; i++) {
		if (!access(DEVICE, F_OK) == there)
			return true;
		sched_yield();
	}
	return false;
}

static bool is_loaded(void)
{
	return !access("/sys/module/kev", F_OK);
}

FIXTURE(module) {
	int log;
};

FIXTURE_SETUP(module)
{
	if (!is_loaded()) {
		ASSERT_EQ(0, kt_load_module(MODULE));
	}
	self->log = kt_log_open();
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(module)
{
	close(self->log);
	if (!is_loaded()) {
		EXPECT_EQ(0, kt_load_module(MODULE));
	}
}

static bool run_one(void)
{
	struct kt_guest guest;
	bool ok = !kt_guest_init(&guest, &kt_halt, 0, NULL) && !kt_run(guest.vcpu) &&
		  guest.run->kind == KEV_EXIT_VM_EXITED && guest.run->exit_code == 0x1234;

	kt_guest_fini(&guest);
	return ok;
}

/* Unload and load so often; an error, and -ENODEV if the module is of no use then. */
static int come_and_go(int rounds)
{
	int ret = 0;

	for (int i = 0; !ret && i < rounds; i++) {
		ret = kt_unload_module("kev") ?: kt_load_module(MODULE);
		/* Every other one has never had a VM when it goes. */
		if (!ret && (!device_comes(true) || (i % 2 && !run_one())))
			ret = -ENODEV;
	}
	return ret;
}

/* A load relocates all of the module: fifty of them take the emulator a while. */
TEST_F_TIMEOUT(module, load_and_unload, 240)
{
	long least = LONG_MAX;

	ASSERT_EQ(0, come_and_go(WARM_UP));
	for (int i = 0; i < LOOKS; i++) {
		long lost = kt_free_kib();

		ASSERT_EQ(0, come_and_go(ROUNDS));
		lost -= kt_free_kib();
		TH_LOG("%ld KiB less after %d rounds", lost, ROUNDS);
		least = lost < least ? lost : least;
	}
	EXPECT_GT((long)(ROUNDS * KT_PAGE / 1024), least);
	/* One line for each load, and none for anything else */
	EXPECT_EQ(WARM_UP + LOOKS * ROUNDS, kt_log_count(self->log, "kev: "));
}

static const struct {
	const char *function, *value;
	int error;
} denied[] = {
	{ "function=misc_register", "value=-16", -EBUSY },
	{ "function=register_module_notifier", "value=-12", -ENOMEM },
	{ "function=alloc_workqueue,alloc_workqueue_noprof", "value=0", -ENOMEM },
	{ "function=kmem_cache_create,__kmem_cache_create_args", "value=0", -ENOMEM },
};

/* How much less memory is free after many loads that fail, in KiB; an errno if one does not */
static int lost_by_failures(size_t i, long *lost)
{
	const char *const deny[] = {
		"insmod", "/selftests/modules/kev_deny_test.ko", denied[i].function,
		denied[i].value, NULL,
	};
	int ret = kt_command(deny), unloaded;

	*lost = 0;
	if (ret)
		return ret;
	for (int round = 0; !ret && round < WARM_UP + FAILURES; round++) {
		if (round == WARM_UP)
			*lost = kt_free_kib();
		ret = kt_load_module(MODULE);
		ret = ret == denied[i].error ? 0 : ret ?: EEXIST;
	}
	*lost -= kt_free_kib();
	unloaded = kt_unload_module("kev_deny_test");
	return ret ?: unloaded;
}

/*
 * What fails at its last step, and before: the pages that the backend has taken until then are
 * given back, each time.
 */
TEST_F_TIMEOUT(module, load_that_fails, 240)
{
	const long most = FAILURES * KT_PAGE / 1024;

	ASSERT_EQ(0, kt_unload_module("kev"));
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
		long lost = most;

		for (int look = 0; look < LOOKS && lost >= most; look++) {
			ASSERT_EQ(0, lost_by_failures(i, &lost)) {
				TH_LOG("%s", denied[i].function);
			}
			TH_LOG("%ld KiB less after %d times without %s", lost, FAILURES,
			       denied[i].function);
		}
		EXPECT_GT(most, lost) {
			TH_LOG("%s", denied[i].function);
		}
	}
	ASSERT_EQ(0, kt_load_module(MODULE));
	EXPECT_TRUE(run_one());
}

TEST_F(module, what_it_says)
{
	ASSERT_EQ(0, kt_unload_module("kev"));
	ASSERT_EQ(0, kt_load_module(MODULE));
	EXPECT_EQ(1, kt_log_count(self->log, "kev: version "));
}

TEST_F(module, device)
{
	struct stat st;

	ASSERT_EQ(0, stat(DEVICE, &st));
	EXPECT_EQ(S_IFCHR | 0660, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	ASSERT_EQ(0, kt_unload_module("kev"));
	EXPECT_TRUE(device_comes(false));
	EXPECT_EQ(-1, open(DEVICE, O_RDWR));
	EXPECT_EQ(ENOENT, errno);
	ASSERT_EQ(0, kt_load_module(MODULE));
	EXPECT_TRUE(device_comes(true));
}

TEST_F(module, loaded_twice)
{
	EXPECT_EQ(-EEXIST, kt_load_module(MODULE));
	EXPECT_TRUE(run_one());
}

TEST_F(module, stays_while_the_device_is_open)
{
	int kev = kt_open();

	ASSERT_LE(0, kev);
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module("kev"));
	close(kev);
	EXPECT_EQ(0, kt_unload_module("kev"));
}

TEST_F(module, stays_while_a_vm_is_open)
{
	int kev = kt_open(), vm = kt_create_vm(kev, 0, NULL);

	ASSERT_LE(0, vm);
	close(kev);
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module("kev"));
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(vm).state);
	close(vm);
	EXPECT_EQ(0, kt_unload_module("kev"));
}

TEST_F(module, stays_while_a_vcpu_is_open)
{
	struct kt_guest guest;
	int vcpu;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_halt, 0, NULL));
	vcpu = dup(guest.vcpu);
	kt_guest_fini(&guest);
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module("kev"));
	EXPECT_EQ(0, kt_run(vcpu));
	close(vcpu);
	EXPECT_EQ(0, kt_unload_module("kev"));
}

/* The run page is what is left: it is a mapping of a file that is closed. */
TEST_F(module, stays_while_a_run_page_is_mapped)
{
	struct kt_guest guest;
	struct kev_run *run;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_halt, 0, NULL));
	run = guest.run;
	guest.run = NULL;
	kt_guest_fini(&guest);
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module("kev"));
	run->request = 1;
	kt_unmap_run(run);
	EXPECT_EQ(0, kt_unload_module("kev"));
}

TEST_F(module, stays_while_a_guest_runs)
{
	struct kt_runner runner;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_spin, 0, NULL));
	ASSERT_EQ(0, kt_runner_enter(&runner, guest.vcpu, -1));
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module("kev"));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	kt_guest_fini(&guest);
	EXPECT_EQ(0, kt_unload_module("kev"));
}

TEST_HARNESS_MAIN
