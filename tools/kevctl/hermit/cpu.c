// SPDX-License-Identifier: GPL-2.0
/* The state of a Hermit guest's vCPUs at the entry; see Documentation/hermit.rst. */
#include <string.h>

#include <libkev.h>

#include "cpu.h"

#define LEAF_BRAND	0x80000002U
#define NR_BRAND_LEAVES	3

/* SDM Vol. 3, "Control Registers"; Vol. 4, IA32_EFER */
#define CR0_PE		(1ULL << 0)
#define CR0_ET		(1ULL << 4)
#define CR0_NE		(1ULL << 5)
#define CR0_PG		(1ULL << 31)
#define CR4_PAE		(1ULL << 5)
#define EFER_LME	(1ULL << 8)
#define EFER_LMA	(1ULL << 10)
#define EFER_NXE	(1ULL << 11)
#define RFLAGS_FIXED	(1ULL << 1)
#define MISC_ENABLE_FAST_STRINGS	1ULL

#define SELECTOR_CODE	0x08
#define SELECTOR_DATA	0x10
#define TYPE_CODE	11	/* execute, read, accessed */
#define TYPE_DATA	3	/* read, write, accessed */

int cpu_set_identity(int vm)
{
	static const char brand[NR_BRAND_LEAVES * 16] = "uhyve - unikernel hypervisor";
	struct kev_cpuid_entry entries[NR_BRAND_LEAVES] = {};
	const struct kev_cpuid cpuid = {
		.size = sizeof(cpuid),
		.nr = NR_BRAND_LEAVES,
		.entries = (uintptr_t)entries,
	};

	for (unsigned int i = 0; i < NR_BRAND_LEAVES; i++) {
		entries[i].leaf = LEAF_BRAND + i;
		memcpy(entries[i].value, brand + 16 * i, 16);
		memset(entries[i].mask, 0xff, sizeof(entries[i].mask));
	}
	return kev_vm_set_cpuid(vm, &cpuid);
}

static void set_segments(struct kev_segments *segments, const struct layout *layout)
{
	const struct kev_segment data = {
		.limit = UINT32_MAX,
		.access = TYPE_DATA | KEV_SEG_S | KEV_SEG_P | KEV_SEG_DB | KEV_SEG_G,
		.selector = SELECTOR_DATA,
	};

	segments->cs = (struct kev_segment){
		.limit = UINT32_MAX,
		.access = TYPE_CODE | KEV_SEG_S | KEV_SEG_P | KEV_SEG_L | KEV_SEG_G,
		.selector = SELECTOR_CODE,
	};
	segments->ds = data;
	segments->es = data;
	segments->ss = data;
	segments->gdt.base = layout->gdt;
	segments->gdt.limit = HERMIT_GDT_ENTRIES * sizeof(uint64_t) - 1;
}

int cpu_set_entry(int vcpu, uint32_t id, const struct layout *layout, uint64_t rip)
{
	struct kev_vcpu_state state = {
		.size = sizeof(state),
		.groups = KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS |
			  KEV_STATE_MSRS | KEV_STATE_MP,
	};
	int error = kev_vcpu_get_state(vcpu, &state);

	if (error)
		return error;
	memset(&state.gprs, 0, sizeof(state.gprs));
	state.gprs.gpr[KEV_RDI] = layout->boot_info;
	state.gprs.gpr[KEV_RSI] = id;
	state.gprs.gpr[KEV_RSP] = layout->stack;
	state.gprs.rip = rip;
	state.gprs.rflags = RFLAGS_FIXED;
	set_segments(&state.segments, layout);
	state.controls.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	state.controls.cr3 = layout->pml4;
	state.controls.cr4 = CR4_PAE;
	state.controls.efer = EFER_LME | EFER_LMA | EFER_NXE;
	state.msrs.misc_enable = MISC_ENABLE_FAST_STRINGS;
	/* No start-up message comes: they all begin at once. */
	state.mp = (struct kev_mp_state){ .state = KEV_MP_RUNNABLE };
	return kev_vcpu_set_state(vcpu, &state);
}
