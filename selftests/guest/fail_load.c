// SPDX-License-Identifier: GPL-2.0
/*
 * The module's load fails. Guards that every allocation of the module's own start may be
 * refused: insmod says so, nothing is left that would be in the way of the next one, and the
 * module can be loaded then. What the kernel allocates for any module comes before, and is
 * tried in the soak only. Needs a kernel with fail-nth. Leaves the module loaded.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "kevtest.h"

#define MODULE		"/kev.ko"
/* So many of the last ones, which have all of the module's own among them */
#define LAST		100
/* More than there are */
#define MANY		1000000

/* What the module makes for all to see */
static const char * const places[] = {
	"/dev/kev", "/sys/module/kev", "/sys/kernel/debug/kev", "/sys/kernel/slab/kev_vcpu",
	"/sys/class/misc/kev", "/sys/kernel/debug/tracing/events/kev",
};

/* Which of them is there, once what goes in a thread of the kernel's own is gone; or NULL */
static const char *place_left(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		for (int tries = 0; !access(places[i], F_OK); tries++) {
			if (tries == 10000)
				return places[i];
			sched_yield();
		}
	}
	return NULL;
}

static bool one_life(void)
{
	struct kt_guest guest;
	bool ok = !kt_guest_init(&guest, &kt_halt, 0, NULL) && !kt_run(guest.vcpu) &&
		  guest.run->kind == KEV_EXIT_VM_EXITED;

	kt_guest_fini(&guest);
	return ok;
}

FIXTURE(load) {
	struct kt_fail fail;
};

FIXTURE_SETUP(load)
{
	self->fail.fd = -1;
	if (kt_fail_open(&self->fail))
		SKIP(return, "no fail-nth");
}

FIXTURE_TEARDOWN(load)
{
	kt_fail_close(&self->fail);
	if (access("/sys/module/kev", F_OK)) {
		EXPECT_EQ(0, kt_load_module(MODULE));
	}
}

/* How many places a load has that does not fail, or an errno */
static int count_places(struct kt_fail *fail)
{
	int ret = kt_fail_nth(fail, MANY), left;

	if (!ret)
		ret = kt_load_module(MODULE);
	left = kt_fail_left(fail);
	kt_fail_end(fail);
	if (!ret)
		ret = kt_unload_module("kev");
	return ret ?: MANY - left;
}

TEST_F_TIMEOUT(load, fails, 7000)
{
	int last, nth, ret;

	if (self->fail.fd < 0)
		SKIP(return, "no fail-nth");
	ASSERT_EQ(0, kt_unload_module("kev"));
	last = count_places(&self->fail);
	ASSERT_LT(LAST, last);
	TH_LOG("%d places", last);
	for (nth = kt_rounds(last - LAST, 1); nth <= last; nth++) {
		const char *left;
		int came;

		ASSERT_EQ(0, kt_fail_nth(&self->fail, nth));
		ret = kt_load_module(MODULE);
		came = kt_fail_end(&self->fail);
		ASSERT_LE(0, came);
		/* Some can do without. */
		if (!ret) {
			EXPECT_TRUE(one_life());
			ASSERT_EQ(0, kt_unload_module("kev"));
		} else {
			EXPECT_EQ(1, came);
			EXPECT_TRUE(ret == -ENOMEM || ret == -EFAULT) {
				TH_LOG("place %d: %d", nth, ret);
			}
		}
		left = place_left();
		EXPECT_EQ(NULL, left) {
			TH_LOG("place %d: %s is left", nth, left);
		}
	}
	ASSERT_EQ(0, kt_load_module(MODULE));
	EXPECT_TRUE(one_life());
}

TEST_HARNESS_MAIN
