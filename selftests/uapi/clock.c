// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's clock, for a VM with KEV_VM_CLOCK. Guards that the pages are where the guest has
 * put them and say what its TSC means, that they follow what a guest does to its TSC, and
 * that no address makes kev write elsewhere.
 */
#include "kselftest_harness.h"

#include <time.h>

#include "kevtest.h"

#define TSC		0x10
#define TSC_ADJUST	0x3b
#define WALL		0x4b564d00
#define SYSTEM		0x4b564d01
#define WALL_OLD	0x11
#define SYSTEM_OLD	0x12
#define ENABLE		1UL

#define PAGE_GPA	0x50000UL
#define ROM_GPA		0x40000000UL
#define NOTIFY_GPA	0x50000000UL

/* As arch/x86/include/asm/pvclock-abi.h has them */
struct system_time {
	uint32_t version, pad;
	uint64_t tsc_timestamp, system_time;
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags, pad2[2];
};

struct wall_clock {
	uint32_t version, sec, nsec;
};

#define STABLE	1

FIXTURE(clock) {
	struct kt_guest guest;
};

FIXTURE_SETUP(clock)
{
	ASSERT_EQ(0, kt_insn_init(&self->guest, KEV_VM_CLOCK));
}

FIXTURE_TEARDOWN(clock)
{
	kt_guest_fini(&self->guest);
}

static struct system_time read_page(int vm, uint64_t gpa)
{
	struct system_time page;

	/* Values that no clock has */
	if (kt_read_guest(vm, gpa, &page, sizeof(page)) != sizeof(page))
		memset(&page, 0xff, sizeof(page));
	return page;
}

/* What a guest makes of it */
static uint64_t nanoseconds(const struct system_time *page, uint64_t tsc)
{
	uint64_t delta = tsc - page->tsc_timestamp;

	delta = page->tsc_shift < 0 ? delta >> -page->tsc_shift : delta << page->tsc_shift;
	/* As two halves: the product has 96 bits. */
	return page->system_time + (delta >> 32) * page->tsc_to_system_mul +
	       ((delta & 0xffffffff) * page->tsc_to_system_mul >> 32);
}

static uint64_t guest_tsc(struct kt_guest *guest)
{
	uint64_t value = 0;

	kt_rdmsr(guest, TSC, &value);
	return value;
}

TEST_F(clock, leaves)
{
	uint32_t regs[4];

	ASSERT_EQ(KT_DONE, kt_cpuid(&self->guest, 0x40000000, 0, regs));
	EXPECT_EQ(0x40000001, regs[0]);
	EXPECT_EQ(0x4b4d564b, regs[1]);
	ASSERT_EQ(KT_DONE, kt_cpuid(&self->guest, 0x40000001, 0, regs));
	EXPECT_EQ(1 << 0 | 1 << 3 | 1 << 24, regs[0]);
}

/* Only for a VM that has asked: else as any index that nobody has */
TEST_F(clock, only_when_asked_for)
{
	static const uint32_t msrs[] = { WALL, SYSTEM, WALL_OLD, SYSTEM_OLD };
	struct kt_guest guest;
	uint64_t value;
	uint32_t regs[4];

	ASSERT_EQ(0, kt_insn_init(&guest, 0));
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		EXPECT_EQ(KT_FAULT, kt_rdmsr(&guest, msrs[i], &value));
		EXPECT_EQ(KT_FAULT, kt_wrmsr(&guest, msrs[i], 0));
		EXPECT_EQ(KT_FAULT, kt_wrmsr(&guest, msrs[i], PAGE_GPA | ENABLE));
	}
	EXPECT_EQ(0, read_page(guest.vm, PAGE_GPA).version);
	ASSERT_EQ(KT_DONE, kt_cpuid(&guest, 0x40000001, 0, regs));
	EXPECT_EQ(0, regs[0]);
	kt_guest_fini(&guest);

	ASSERT_EQ(0, kt_insn_init(&guest, KEV_VM_REPORT_MSR));
	EXPECT_EQ(KEV_EXIT_MSR, kt_wrmsr(&guest, SYSTEM, PAGE_GPA | ENABLE));
	EXPECT_EQ(KEV_EXIT_MSR, kt_rdmsr(&guest, SYSTEM, &value));
	kt_guest_fini(&guest);
}

TEST_F(clock, page)
{
	static const uint32_t msrs[] = { SYSTEM, SYSTEM_OLD };
	struct system_time page;
	uint64_t value, first, second;

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t gpa = PAGE_GPA + 0x100 * i;

		ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, msrs[i], gpa | ENABLE));
		ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, msrs[!i], &value));
		EXPECT_EQ(gpa | ENABLE, value);
		page = read_page(self->guest.vm, gpa);
		EXPECT_EQ(2, page.version);
		EXPECT_EQ(STABLE, page.flags);
		EXPECT_LE(1U << 31, page.tsc_to_system_mul);
		/* Time goes on, from the VM's beginning: a TSC of 10 MHz to 10 GHz. */
		first = guest_tsc(&self->guest);
		EXPECT_LT(first / 10, nanoseconds(&page, first));
		EXPECT_GT(first * 100, nanoseconds(&page, first));
		second = guest_tsc(&self->guest);
		EXPECT_LT(nanoseconds(&page, first), nanoseconds(&page, second));
	}
	/* Off: the page is left alone. */
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, SYSTEM, PAGE_GPA));
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, TSC_ADJUST, 5));
	EXPECT_EQ(2, read_page(self->guest.vm, PAGE_GPA).version);
}

/* A guest that sets its TSC has the same time as before. */
TEST_F(clock, follows_the_tsc)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} writes[] = {
		{ TSC_ADJUST, 1UL << 40 }, { TSC, 0 }, { TSC, 1UL << 60 },
		{ TSC_ADJUST, -(1UL << 50) }, { TSC_ADJUST, 0 },
	};
	struct system_time page;
	uint64_t before, after;
	uint32_t version = 2;

	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, SYSTEM, PAGE_GPA | ENABLE));
	page = read_page(self->guest.vm, PAGE_GPA);
	before = nanoseconds(&page, guest_tsc(&self->guest));
	for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
		/* The page is right before the guest's next instruction. */
		ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, writes[i].index, writes[i].value));
		page = read_page(self->guest.vm, PAGE_GPA);
		version += 2;
		EXPECT_EQ(version, page.version);
		after = nanoseconds(&page, guest_tsc(&self->guest));
		EXPECT_LT(before, after) {
			TH_LOG("write %zu", i);
		}
		/* One second of a host that is 70 times slow */
		EXPECT_GT(before + 1000000000, after) {
			TH_LOG("write %zu", i);
		}
		before = after;
	}
}

TEST_F(clock, same_for_all_vcpus)
{
	struct kt_guest other = self->guest;
	struct system_time mine, its;

	other.vcpu = kt_create_vcpu(self->guest.vm, 9);
	ASSERT_LE(0, other.vcpu);
	other.run = kt_map_run(other.vcpu);
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, SYSTEM, PAGE_GPA | ENABLE));
	ASSERT_EQ(KT_DONE, kt_wrmsr(&other, SYSTEM, (PAGE_GPA + 0x40) | ENABLE));
	mine = read_page(self->guest.vm, PAGE_GPA);
	its = read_page(self->guest.vm, PAGE_GPA + 0x40);
	EXPECT_EQ(0, memcmp(&mine, &its, sizeof(mine)));
	EXPECT_LT(nanoseconds(&mine, guest_tsc(&self->guest)),
		  nanoseconds(&its, guest_tsc(&other)));
	kt_unmap_run(other.run);
	close(other.vcpu);
}

/* Over a page boundary too, and the page counts as written. */
TEST_F(clock, anywhere)
{
	const uint64_t gpa = PAGE_GPA + KT_PAGE - 8;
	uint64_t bitmap[2];
	struct system_time page;

	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, SYSTEM, gpa | ENABLE));
	page = read_page(self->guest.vm, gpa);
	EXPECT_EQ(2, page.version);
	EXPECT_EQ(STABLE, page.flags);
	EXPECT_LE(1U << 31, page.tsc_to_system_mul);
	EXPECT_LE(2, kt_get_dirty(self->guest.vm, PAGE_GPA, 2 * KT_PAGE, bitmap));
	EXPECT_EQ(3, bitmap[0]);
	EXPECT_EQ(0, kt_get_dirty(self->guest.vm, PAGE_GPA, 2 * KT_PAGE, bitmap));
	/* The page is written again. */
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, TSC_ADJUST, 1000));
	EXPECT_EQ(2, kt_get_dirty(self->guest.vm, PAGE_GPA, 2 * KT_PAGE, bitmap));
	EXPECT_EQ(1000, read_page(self->guest.vm, gpa).tsc_timestamp);
}

TEST_F(clock, bad_addresses)
{
	static const uint64_t bad[] = {
		PAGE_GPA | 2, PAGE_GPA | 3, 1UL << 63, 1UL << 52,
		ROM_GPA,			/* read-only */
		ROM_GPA + KT_PAGE,		/* nothing */
		ROM_GPA + KT_PAGE - 16,		/* half of it */
		(1UL << 52) - 4,
	};
	uint64_t value;

	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_RAM, KEV_MEM_READ, ROM_GPA, KT_PAGE));
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, SYSTEM, PAGE_GPA | ENABLE));
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, WALL, PAGE_GPA + 0x80));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(KT_FAULT, kt_wrmsr(&self->guest, SYSTEM, bad[i] | ENABLE)) {
			TH_LOG("%lx", bad[i]);
		}
		EXPECT_EQ(KT_FAULT, kt_wrmsr(&self->guest, WALL, bad[i])) {
			TH_LOG("%lx", bad[i]);
		}
	}
	/* What was there still is. */
	ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, SYSTEM, &value));
	EXPECT_EQ(PAGE_GPA | ENABLE, value);
	ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, WALL, &value));
	EXPECT_EQ(PAGE_GPA + 0x80, value);
	EXPECT_EQ(0, read_page(self->guest.vm, ROM_GPA).version);
}

/* A page that user space has to fill first is reported, and the write happens then. */
TEST_F(clock, page_comes_later)
{
	const uint8_t zeros[KT_PAGE] = { 0 };

	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_NOTIFY, KT_RWX, NOTIFY_GPA, KT_PAGE));
	ASSERT_EQ(KEV_EXIT_MEMORY, kt_wrmsr(&self->guest, SYSTEM, NOTIFY_GPA | ENABLE));
	EXPECT_EQ(NOTIFY_GPA, self->guest.run->memory.gpa);
	EXPECT_EQ(KEV_MEM_WRITE, self->guest.run->memory.access);
	EXPECT_EQ(KEV_RUN_RETRY | KEV_RUN_BACKED, self->guest.run->flags);
	ASSERT_EQ(KT_PAGE, kt_write_guest(self->guest.vm, NOTIFY_GPA, zeros, sizeof(zeros)));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_HYPERCALL, self->guest.run->kind);
	EXPECT_EQ(2, read_page(self->guest.vm, NOTIFY_GPA).version);

	/* The same when the page has to be written again. */
	ASSERT_EQ(0, kt_discard(self->guest.vm, NOTIFY_GPA, KT_PAGE));
	ASSERT_EQ(KEV_EXIT_MEMORY, kt_wrmsr(&self->guest, TSC_ADJUST, 77));
	ASSERT_EQ(KEV_EXIT_MEMORY, (kt_run(self->guest.vcpu), self->guest.run->kind));
	ASSERT_EQ(KT_PAGE, kt_write_guest(self->guest.vm, NOTIFY_GPA, zeros, sizeof(zeros)));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_HYPERCALL, self->guest.run->kind);
	EXPECT_EQ(77, read_page(self->guest.vm, NOTIFY_GPA).tsc_timestamp);
}

/* Memory that is taken away takes the clock with it. */
TEST_F(clock, page_goes)
{
	uint64_t value;

	ASSERT_EQ(0, kt_add_ram(self->guest.vm, NOTIFY_GPA, KT_PAGE));
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, SYSTEM, NOTIFY_GPA | ENABLE));
	ASSERT_EQ(0, kt_remove_region(self->guest.vm, NOTIFY_GPA, KT_PAGE));
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, TSC_ADJUST, 77));
	ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, SYSTEM, &value));
	EXPECT_EQ(NOTIFY_GPA, value);
}

/* State carries a clock to another VM: there it goes on, from a page of its own. */
TEST_F(clock, moves)
{
	struct kev_vcpu_state state = { 0 };
	struct system_time page;
	struct kt_guest other;
	uint64_t before, after;

	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, TSC_ADJUST, 1UL << 45));
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, SYSTEM, PAGE_GPA | ENABLE));
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, WALL, PAGE_GPA + 0x80));
	page = read_page(self->guest.vm, PAGE_GPA);
	before = nanoseconds(&page, guest_tsc(&self->guest));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_TIME, &state));
	EXPECT_EQ(PAGE_GPA | ENABLE, state.time.system_time);
	EXPECT_EQ(PAGE_GPA + 0x80, state.time.wall_clock);

	ASSERT_EQ(0, kt_insn_init(&other, 0));
	EXPECT_EQ(-EINVAL, kt_set_state(other.vcpu, KEV_STATE_TIME, &state));
	EXPECT_STREQ("SYSTEM_TIME: the guest has no clock page", state.problem);
	kt_guest_fini(&other);
	ASSERT_EQ(0, kt_insn_init(&other, KEV_VM_CLOCK));
	ASSERT_EQ(0, kt_set_state(other.vcpu, KEV_STATE_TIME, &state));
	after = guest_tsc(&other);
	page = read_page(other.vm, PAGE_GPA);
	EXPECT_EQ(2, page.version);
	EXPECT_EQ(1UL << 45, page.tsc_timestamp);
	EXPECT_LT(before, nanoseconds(&page, after));
	EXPECT_GT(before + 1000000000, nanoseconds(&page, after));
	state.time.system_time = PAGE_GPA | 2;
	EXPECT_EQ(-EINVAL, kt_set_state(other.vcpu, KEV_STATE_TIME, &state));
	kt_guest_fini(&other);
}

TEST_F(clock, time_of_day)
{
	static const uint32_t msrs[] = { WALL, WALL_OLD };
	struct wall_clock wall = { 0 };
	struct system_time page;
	uint64_t start, now, value;
	struct timespec real;

	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, SYSTEM, PAGE_GPA | ENABLE));
	page = read_page(self->guest.vm, PAGE_GPA);
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t gpa = PAGE_GPA + 0x40 * (i + 1);

		ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, msrs[i], gpa));
		ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, msrs[!i], &value));
		EXPECT_EQ(gpa, value);
		ASSERT_EQ(sizeof(wall), kt_read_guest(self->guest.vm, gpa, &wall, sizeof(wall)));
		EXPECT_EQ(2, wall.version);
		EXPECT_GT(1000000000, wall.nsec);
		start = wall.sec * 1000000000UL + wall.nsec;
		now = start + nanoseconds(&page, guest_tsc(&self->guest));
		ASSERT_EQ(0, clock_gettime(CLOCK_REALTIME, &real));
		value = real.tv_sec * 1000000000UL + real.tv_nsec;
		/* Within a minute: the host's own clock is adjusted, the guest's is not. */
		EXPECT_GT(value + 60000000000, now);
		EXPECT_LT(value - 60000000000, now);
	}
	/* The same page once more: another vCPU may be reading it. */
	value = PAGE_GPA + 0x40;
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, WALL, value));
	ASSERT_EQ(sizeof(wall), kt_read_guest(self->guest.vm, value, &wall, sizeof(wall)));
	EXPECT_EQ(4, wall.version);
	/* No page: nothing is written. */
	ASSERT_EQ(KT_DONE, kt_wrmsr(&self->guest, WALL, 0));
}

TEST_HARNESS_MAIN
