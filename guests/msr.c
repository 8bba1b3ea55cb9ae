// SPDX-License-Identifier: GPL-2.0
/*
 * What is written to an MSR comes back. RDX:RAX and RCX have dirty upper
 * halves before each instruction: WRMSR and RDMSR have to ignore them, and
 * RDMSR has to clear those of RAX and RDX. Exit 0, or the number of the check
 * that failed.
 */
#include "guest.h"

#define EFER_SCE	BIT(0)
#define EFER_LME	BIT(8)
#define EFER_LMA	BIT(10)
#define EFER_NXE	BIT(11)

#define APIC_BASE_FLAGS	(BIT(8) | BIT(10))	/* BSP, x2APIC */

static u64 rdmsr_dirty(u64 number, u32 index)
{
	u64 rax = DIRTY | 0x11111111, rdx = DIRTY | 0x22222222, rcx = DIRTY | index;

	asm volatile("rdmsr" : "+a"(rax), "+d"(rdx), "+c"(rcx));
	expect(number, "RDMSR: upper half of RAX", rax >> 32, 0);
	expect(number, "RDMSR: upper half of RDX", rdx >> 32, 0);
	expect(number, "RDMSR: RCX", rcx, DIRTY | index);
	return rdx << 32 | rax;
}

static void wrmsr_dirty(u64 number, u32 index, u64 value)
{
	u64 rax = DIRTY | (u32)value, rdx = DIRTY | value >> 32, rcx = DIRTY | index;

	asm volatile("wrmsr" : "+a"(rax), "+d"(rdx), "+c"(rcx) : : "memory");
	expect(number, "WRMSR: RAX", rax, DIRTY | (u32)value);
	expect(number, "WRMSR: RDX", rdx, DIRTY | value >> 32);
	expect(number, "WRMSR: RCX", rcx, DIRTY | index);
}

/* Canonical addresses where the MSR holds one; entry 0 of the PAT stays write-back. */
static const struct {
	u64 number;
	const char *name;
	u32 index;
	u64 values[2];
} round_trips[] = {
	{ 10, "STAR", MSR_STAR, { 0x0123456789abcdef, 0x001b000800000000 } },
	{ 11, "LSTAR", MSR_LSTAR, { 0xffff800012345678, 0x00007fffedcba987 } },
	{ 12, "CSTAR", MSR_CSTAR, { 0xffffffff80001000, 0x0000000087654321 } },
	{ 13, "SFMASK", MSR_SFMASK, { 0x47700, 0x0 } },
	{ 14, "FS base", MSR_FS_BASE, { 0xffff888011223344, 0x0000123456789abc } },
	{ 15, "GS base", MSR_GS_BASE, { 0xffff888099887766, 0x0000765432100fed } },
	{ 16, "KERNEL_GS base", MSR_KERNEL_GS_BASE, { 0xffffc90000abcdef, 0x0000000100000001 } },
	{ 17, "PAT", MSR_PAT, { 0x0001040506070006, 0x0007040600070406 } },
	{ 18, "SYSENTER_CS", MSR_SYSENTER_CS, { 0x10, 0xfff8 } },
	{ 19, "SYSENTER_ESP", MSR_SYSENTER_ESP, { 0xffffffffdeadb000, 0x0000000012345678 } },
	{ 20, "SYSENTER_EIP", MSR_SYSENTER_EIP, { 0xffff9000cafe0000, 0x00007fff00000001 } },
	{ 21, "TSC_AUX", MSR_TSC_AUX, { 0xa5a5a5a5, 0x0 } },
};

static bool exists(u32 index)
{
	if (index != MSR_TSC_AUX)
		return true;
	/* RDTSCP, leaf 0x80000001 EDX */
	return cpuid(0x80000000, 0).rax >= 0x80000001 && cpuid(0x80000001, 0).rdx & BIT(27);
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	u64 value;

	(void)boot_info;
	(void)vcpu_id;
	expect(1, "EFER", rdmsr_dirty(1, MSR_EFER), EFER_LME | EFER_LMA);

	/* All first values are in place before the first is read: none hides behind another. */
	for (int pass = 0; pass < 2; pass++) {
		for (u64 i = 0; i < ARRAY_SIZE(round_trips); i++)
			if (exists(round_trips[i].index))
				wrmsr_dirty(round_trips[i].number, round_trips[i].index,
					    round_trips[i].values[pass]);
		for (u64 i = 0; i < ARRAY_SIZE(round_trips); i++)
			if (exists(round_trips[i].index))
				expect(round_trips[i].number, round_trips[i].name,
				       rdmsr_dirty(round_trips[i].number, round_trips[i].index),
				       round_trips[i].values[pass]);
	}

	value = rdmsr_dirty(2, MSR_APIC_BASE);
	expect(2, "APIC base", value & ~APIC_BASE_FLAGS, 0xfee00800);

	wrmsr_dirty(3, MSR_EFER, EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE);
	expect(3, "EFER with SCE and NXE", rdmsr_dirty(3, MSR_EFER),
	       EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE);
	print("msr: ok\n");
	return 0;
}
