// SPDX-License-Identifier: GPL-2.0
/*
 * The state in which a vCPU starts, by boot protocol. Pure.
 */
#include <kev/boot_protocol.h>
#include <kev/debug.h>
#include <kev/direct64.h>
#include <kev/pure.h>

#define CR0_PE		BIT(0)
#define CR0_ET		BIT(4)	/* always reads as 1 */
#define CR0_NE		BIT(5)

/* INIT leaves these as they were. */
#define CR0_CACHE	(BIT_ULL(30) | BIT_ULL(29))	/* CD, NW */

#define CODE_SELECTOR	0x10
#define DATA_SELECTOR	0x18

#define KEV32_STACK	0xa0000

#define INIT_CS		0xf000
#define INIT_CS_BASE	0xffff0000
#define INIT_RIP	0xfff0

#define MULTIBOOT_MAGIC		0x2badb002
#define MULTIBOOT2_MAGIC	0x36d76289

/*
 * 32-bit protected mode without paging, flat segments. What a protocol leaves open is
 * as in the others; no descriptor table has a place.
 */
static void set_flat32(struct kev_vcpu_state *state, u64 entry, u64 info)
{
	const struct kev_segment data = {
		.selector = DATA_SELECTOR,
		.limit = 0xffffffff,
		.access = KEV_SEG_G | KEV_SEG_DB | KEV_SEG_P | KEV_SEG_S | KEV_BOOT_TYPE_DATA,
	};

	state->groups = KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS;
	state->gprs = (struct kev_gprs) {
		.gpr[KEV_RBX] = info,
		.rip = entry,
		.rflags = 2,		/* the bit that is always set */
	};
	state->segments = (struct kev_segments) {
		.cs = {
			.selector = CODE_SELECTOR,
			.limit = 0xffffffff,
			.access = KEV_SEG_G | KEV_SEG_DB | KEV_SEG_P | KEV_SEG_S |
				  KEV_BOOT_TYPE_CODE,
		},
		.ds = data, .es = data, .fs = data, .gs = data, .ss = data,
		.tr = { .limit = 0x67, .access = KEV_SEG_P | KEV_BOOT_TYPE_BUSY_TSS },
		.ldtr = { .access = KEV_SEG_UNUSABLE },
	};
	state->controls = (struct kev_controls) {
		.cr0 = CR0_ET | CR0_PE,
		.xcr0 = 1,		/* x87: the reset value */
		.dr7 = KEV_DR7_RESET,
	};
}

u32 kev_boot_touched(const struct kev_boot_start *start, u64 *gpa)
{
	u32 nr = 0;

	if (start->protocol == KEV_BOOT_NONE)
		return 0;
	if (start->protocol == KEV_BOOT_DIRECT64)
		nr = kev_direct64_walk(start->entry, gpa);
	gpa[nr] = start->entry;
	return nr + 1;
}

void kev_boot_state(const struct kev_boot_start *start, u32 vcpu_id,
		    struct kev_vcpu_state *state)
{
	if (!kev_boot_is_32bit(start->protocol)) {
		kev_direct64_state(state, start->entry, start->info, vcpu_id);
		return;
	}
	set_flat32(state, start->entry, start->info);
	switch (start->protocol) {
	case KEV_BOOT_KEV32:
		state->controls.cr0 |= CR0_NE;
		state->gprs.gpr[KEV_RSI] = start->info;
		state->gprs.gpr[KEV_RSP] = KEV32_STACK;
		break;
	case KEV_BOOT_MULTIBOOT:
		state->gprs.gpr[KEV_RAX] = MULTIBOOT_MAGIC;
		break;
	case KEV_BOOT_MULTIBOOT2:
		state->gprs.gpr[KEV_RAX] = MULTIBOOT2_MAGIC;
		break;
	default:
		break;
	}
}

void kev_boot_init_state(u32 signature, struct kev_vcpu_state *state)
{
	const struct kev_segment data = {
		.limit = 0xffff,
		.access = KEV_SEG_P | KEV_SEG_S | KEV_BOOT_TYPE_DATA,
	};

	state->groups = KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS |
			KEV_STATE_DEBUG | KEV_STATE_INTERRUPTS;
	state->gprs = (struct kev_gprs) {
		.gpr[KEV_RDX] = signature,
		.rip = INIT_RIP,
		.rflags = 2,		/* the bit that is always set */
	};
	state->segments = (struct kev_segments) {
		.cs = {
			.selector = INIT_CS,
			.base = INIT_CS_BASE,
			.limit = data.limit,
			.access = data.access,
		},
		.ds = data, .es = data, .fs = data, .gs = data, .ss = data,
		.tr = { .limit = 0xffff, .access = KEV_SEG_P | KEV_BOOT_TYPE_BUSY_TSS },
		.ldtr = { .limit = 0xffff, .access = KEV_SEG_P | KEV_BOOT_TYPE_LDT },
		.gdt = { .limit = 0xffff },
		.idt = { .limit = 0xffff },
	};
	state->controls = (struct kev_controls) {
		.cr0 = (state->controls.cr0 & CR0_CACHE) | CR0_ET,
		.xcr0 = state->controls.xcr0 | 1,
		.dr7 = KEV_DR7_RESET,
	};
	state->debug = (struct kev_debug_registers) { .dr6 = KEV_DR6_RESET };
	state->interrupts = (struct kev_interrupts) {};
}

void kev_boot_sipi_state(u8 vector, struct kev_vcpu_state *state)
{
	state->gprs.rip = 0;
	state->segments.cs.selector = vector << 8;
	state->segments.cs.base = (u64)vector << 12;
}
