// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's clock: CPUID tells of it, and once its MSR has the address of a page, time can be
 * computed from that page and the TSC. Wants --clock. Exit 0, or the number of the check
 * that failed.
 */
#include "guest.h"

#define MSR_WALL_CLOCK	0x4b564d00U
#define MSR_SYSTEM_TIME	0x4b564d01U
#define ENABLE		1UL

/* CPUID leaf 0x40000001, EAX */
#define OLD_MSRS	BIT(0)
#define NEW_MSRS	BIT(3)
#define STABLE		BIT(24)

#define FLAG_STABLE	BIT(0)

#define READS		1000

/* As KVM's interface has it */
struct time_page {
	u32 version, pad0;
	u64 tsc_timestamp;
	u64 system_time;
	u32 tsc_to_system_mul;
	s8 tsc_shift;
	u8 flags, pad[2];
};

struct wall_clock {
	u32 version, sec, nsec;
};

static struct time_page time_page __page_aligned;
static struct wall_clock wall_clock __attribute__((aligned(4)));

/* ns since some point of time */
static u64 read_time(void)
{
	volatile struct time_page *page = hide(&time_page);
	u64 ticks, ns;
	u32 version;

	do {
		version = page->version;
		ticks = rdtsc() - page->tsc_timestamp;
		if (page->tsc_shift >= 0)
			ticks <<= page->tsc_shift;
		else
			ticks >>= -page->tsc_shift;
		ns = page->system_time +
		     (u64)((__uint128_t)ticks * page->tsc_to_system_mul >> 32);
	} while (version & 1 || version != page->version);
	return ns;
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	u64 last, now;

	(void)boot_info;
	(void)vcpu_id;
	expect(1, "leaf 0x40000000: EAX", cpuid(0x40000000, 0).rax, 0x40000001);
	expect(2, "leaf 0x40000001: EAX", cpuid(0x40000001, 0).rax, OLD_MSRS | NEW_MSRS | STABLE);
	wrmsr(MSR_SYSTEM_TIME, (u64)&time_page | ENABLE);
	expect(3, "the MSR reads back", rdmsr(MSR_SYSTEM_TIME), (u64)&time_page | ENABLE);
	expect(4, "the page has a version", time_page.version != 0, true);
	expect(5, "the TSC is stable", time_page.flags & FLAG_STABLE, FLAG_STABLE);
	last = read_time();
	for (int i = 0; i < READS; i++) {
		now = read_time();
		expect(6, "time does not go back", now >= last, true);
		last = now;
	}
	wrmsr(MSR_WALL_CLOCK, (u64)&wall_clock);
	expect(7, "the wall clock is later than 2020",
	       ((struct wall_clock *)hide(&wall_clock))->sec > 1577836800, true);
	print("clock: ok\n");
	return 0;
}
