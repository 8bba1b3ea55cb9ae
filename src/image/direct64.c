// SPDX-License-Identifier: GPL-2.0
/*
 * The boot protocol "64-bit direct": its structures in memory and the state in
 * which a vCPU starts. Pure.
 */
#include <kev/boot_protocol.h>
#include <kev/debug.h>
#include <kev/direct64.h>
#include <kev/pure.h>

/* SDM Vol. 3, "Segment Descriptors": flat, present, DPL 0, accessed */
static const u64 gdt[] = {
	0,
	0x00af9b000000ffffULL,		/* KEV_DIRECT64_CS: 64-bit code */
	0x00cf93000000ffffULL,		/* KEV_DIRECT64_DS: data */
};

/* SDM Vol. 3, "4-Level Paging and 5-Level Paging" */
#define PTE_PRESENT	BIT_ULL(0)
#define PTE_WRITE	BIT_ULL(1)
#define PTE_LARGE	BIT_ULL(7)
#define TABLE		(PTE_WRITE | PTE_PRESENT)
#define LARGE_PAGE	(PTE_LARGE | PTE_WRITE | PTE_PRESENT)

#define NR_PDS		((KEV_DIRECT64_END - KEV_DIRECT64_PD) / KEV_PAGE_SIZE)
#define ENTRIES		(KEV_PAGE_SIZE / sizeof(u64))
#define LARGE_SIZE	BIT_ULL(21)
#define GIB_SHIFT	30		/* what a page directory covers */

void kev_direct64_page(u64 gpa, void *page)
{
	u64 *entry = page, value;
	unsigned int i;

	switch (gpa) {
	case KEV_DIRECT64_GDT:
		memcpy(page, gdt, sizeof(gdt));
		break;
	case KEV_DIRECT64_PML4:
		entry[0] = KEV_DIRECT64_PDPT | TABLE;
		break;
	case KEV_DIRECT64_PDPT:
		for (i = 0; i < NR_PDS; i++)
			entry[i] = (KEV_DIRECT64_PD + i * KEV_PAGE_SIZE) | TABLE;
		break;
	default:
		value = ((gpa - KEV_DIRECT64_PD) >> KEV_PAGE_SHIFT << GIB_SHIFT) | LARGE_PAGE;
		/* Eight in a turn: every guest's first instruction waits for this. */
		for (i = 0; i < ENTRIES; i += 8, value += 8 * LARGE_SIZE) {
			entry[i] = value;
			entry[i + 1] = value + LARGE_SIZE;
			entry[i + 2] = value + 2 * LARGE_SIZE;
			entry[i + 3] = value + 3 * LARGE_SIZE;
			entry[i + 4] = value + 4 * LARGE_SIZE;
			entry[i + 5] = value + 5 * LARGE_SIZE;
			entry[i + 6] = value + 6 * LARGE_SIZE;
			entry[i + 7] = value + 7 * LARGE_SIZE;
		}
	}
}

u32 kev_direct64_walk(u64 entry, u64 *gpa)
{
	gpa[0] = KEV_DIRECT64_PML4;
	gpa[1] = KEV_DIRECT64_PDPT;
	gpa[2] = KEV_DIRECT64_PD + (entry >> GIB_SHIFT) * KEV_PAGE_SIZE;
	return entry >> GIB_SHIFT < NR_PDS ? 3 : 2;
}

const struct kev_boot_protocol kev_boot_direct64 = {
	.window = KEV_ELF_HEADER_SIZE,
	.low_end = KEV_DIRECT64_END,
	.boot = { KEV_DIRECT64_START, KEV_DIRECT64_END - KEV_DIRECT64_START },
	.page = kev_direct64_page,
};

void kev_direct64_state(struct kev_vcpu_state *state, u64 entry, u64 boot_info, u32 vcpu_id)
{
	const struct kev_segment data = {
		.selector = KEV_DIRECT64_DS,
		.limit = 0xffffffff,
		.access = KEV_SEG_G | KEV_SEG_DB | KEV_SEG_P | KEV_SEG_S | KEV_BOOT_TYPE_DATA,
	};

	state->groups = KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS;
	state->gprs = (struct kev_gprs) {
		.gpr[KEV_RSP] = KEV_DIRECT64_STACK,
		.gpr[KEV_RDI] = boot_info,
		.gpr[KEV_RSI] = vcpu_id,
		.rip = entry,
		.rflags = 2,		/* the bit that is always set */
	};
	state->segments = (struct kev_segments) {
		.cs = {
			.selector = KEV_DIRECT64_CS,
			.limit = 0xffffffff,
			.access = KEV_SEG_G | KEV_SEG_L | KEV_SEG_P | KEV_SEG_S |
				  KEV_BOOT_TYPE_CODE,
		},
		.ds = data, .es = data, .fs = data, .gs = data, .ss = data,
		/* VM entry wants a busy TSS, even of a guest that has none. */
		.tr = { .limit = 0x67, .access = KEV_SEG_P | KEV_BOOT_TYPE_BUSY_TSS },
		.ldtr = { .access = KEV_SEG_UNUSABLE },
		.gdt = { .base = KEV_DIRECT64_GDT, .limit = sizeof(gdt) - 1 },
	};
	state->controls = (struct kev_controls) {
		.cr0 = KEV_DIRECT64_CR0,
		.cr3 = KEV_DIRECT64_PML4,
		.cr4 = KEV_DIRECT64_CR4,
		.efer = KEV_DIRECT64_EFER,
		.xcr0 = 1,		/* x87: the reset value */
		.dr7 = KEV_DR7_RESET,
	};
}
