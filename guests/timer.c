// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC's timer in TSC-deadline mode: interrupts that end an HLT, and interrupts
 * that come while the guest runs; a deadline that has passed, and one that is taken back.
 * Exit code 0xcafe, or the number of the check that failed.
 */
#include "exception.h"

#define APIC_X2APIC	BIT(10)
#define SVR_ENABLED	0x1ff
#define LVT_DEADLINE	(2U << 17)
#define VECTOR_TIMER	0x40

/* CPUID leaf 1, ECX */
#define X2APIC		BIT(21)
#define TSC_DEADLINE	BIT(24)

#define ROUNDS		8
#define WAIT		100000UL	/* ticks of the TSC */

static volatile u64 ticks, last;

__attribute__((interrupt)) static void on_timer(struct interrupt_frame *frame)
{
	(void)frame;
	last = rdtsc();
	ticks++;
	wrmsr(MSR_X2APIC_EOI, 0);
}

static u64 arm(u64 wait)
{
	u64 deadline = rdtsc() + wait;

	wrmsr(MSR_TSC_DEADLINE, deadline);
	return deadline;
}

static void sleep(void)
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

static void spin(void)
{
	asm volatile("sti; nop; pause; cli" : : : "memory");
}

static void rounds(void (*wait)(void))
{
	for (int i = 0; i < ROUNDS; i++) {
		u64 before = ticks, deadline = arm(WAIT);

		expect(3, "the deadline reads back", rdmsr(MSR_TSC_DEADLINE), deadline);
		while (ticks == before)
			wait();
		expect(4, "once", ticks, before + 1);
		expect(5, "not early", last >= deadline, true);
		expect(6, "disarmed", rdmsr(MSR_TSC_DEADLINE), 0);
	}
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	u64 end, before;

	(void)boot_info;
	(void)vcpu_id;
	exceptions_init();
	set_interrupt_gate(VECTOR_TIMER, (u64)on_timer);
	expect(1, "CPUID has x2APIC and TSC-deadline",
	       cpuid(1, 0).rcx & (X2APIC | TSC_DEADLINE), X2APIC | TSC_DEADLINE);
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_X2APIC);
	wrmsr(MSR_X2APIC_SVR, SVR_ENABLED);
	wrmsr(MSR_X2APIC_LVT_TIMER, LVT_DEADLINE | VECTOR_TIMER);
	rounds(sleep);
	rounds(spin);

	before = ticks;
	wrmsr(MSR_TSC_DEADLINE, 1);
	while (ticks == before)
		spin();
	expect(7, "a deadline that has passed", ticks, before + 1);

	end = arm(WAIT) + WAIT;
	wrmsr(MSR_TSC_DEADLINE, 0);
	while (rdtsc() < end)
		spin();
	expect(8, "a deadline that is taken back", ticks, before + 1);
	print("timer: ok\n");
	return 0xcafe;
}
