// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID as kev's policy answers it, with dirty upper halves in every register
 * before the instruction. Exit 0, or the number of the check that failed.
 */
#include "guest.h"

#define ROUNDS		0x100

/* Leaf 1, ECX */
#define MONITOR		BIT(3)
#define VMX		BIT(5)
#define PDCM		BIT(15)
#define HYPERVISOR	BIT(31)

static void expect_32_bits(u64 number, const char *what, struct cpuid r)
{
	expect(number, what, (r.rax | r.rbx | r.rcx | r.rdx) >> 32, 0);
}

static void expect_zero(u64 number, const char *what, struct cpuid r)
{
	expect(number, what, r.rax | r.rbx | r.rcx | r.rdx, 0);
}

static void check_vendor(void)
{
	struct cpuid r = cpuid(0, 0);
	u32 vendor[3] = { r.rbx, r.rdx, r.rcx };
	const char *text = (const char *)vendor;

	expect_32_bits(1, "leaf 0: upper halves", r);
	for (int i = 0; i < 12; i++)
		expect(2, "leaf 0: a letter of the vendor string",
		       text[i] > ' ' && text[i] <= '~', true);
	expect(3, "leaf 0: the greatest leaf is at least 1", r.rax >= 1, true);
	print("vendor ");
	print_bytes(text, 12);
	print("\n");
}

static void check_features(u64 vcpu_id)
{
	struct cpuid r;

	for (int i = 0; i < ROUNDS; i++) {
		r = cpuid(1, 0);
		expect_32_bits(4, "leaf 1: upper halves", r);
		expect(5, "leaf 1: EBX[31:24] is the vCPU id", r.rbx >> 24, vcpu_id);
	}
	expect(6, "leaf 1: EBX[23:16], the number of vCPUs, is not 0", (r.rbx >> 16 & 0xff) > 0,
	       true);
	expect(7, "leaf 1: the hypervisor bit", r.rcx & HYPERVISOR, HYPERVISOR);
	expect(8, "leaf 1: MONITOR, VMX and PDCM are hidden", r.rcx & (MONITOR | VMX | PDCM), 0);
}

static void check_hypervisor(void)
{
	struct cpuid r = cpuid(0x40000000, 0);

	expect_32_bits(10, "leaf 0x40000000: upper halves", r);
	expect(11, "leaf 0x40000000: EBX \"KVMK\"", r.rbx, 0x4b4d564b);
	expect(12, "leaf 0x40000000: ECX \"VMKV\"", r.rcx, 0x564b4d56);
	expect(13, "leaf 0x40000000: EDX \"M\"", r.rdx, 0x0000004d);
	if (r.rax == 0)
		expect_zero(14, "leaf 0x40000001 without clock pages", cpuid(0x40000001, 0));
	else
		expect(15, "leaf 0x40000000: EAX with clock pages", r.rax, 0x40000001);
	print("hypervisor KVMKVMKVM\n");
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	check_vendor();
	check_features(vcpu_id);
	if (cpuid(0, 0).rax >= 0xa)
		expect_zero(9, "leaf 0xa: no performance monitoring", cpuid(0xa, 0));
	check_hypervisor();
	return 0;
}
