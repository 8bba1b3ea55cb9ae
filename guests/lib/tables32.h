/* SPDX-License-Identifier: GPL-2.0 */
/* Descriptor tables of a 32-bit guest: flat segments, and interrupt gates. */
#ifndef GUEST_TABLES32_H
#define GUEST_TABLES32_H

#include "guest32.h"

#define CODE_SELECTOR	0x08
#define DATA_SELECTOR	0x10

#define GATE_INTERRUPT	0x8e	/* present, DPL 0, 32-bit interrupt gate */

/* What LGDT and LIDT load */
struct table_pointer {
	u16 limit;
	u32 base;
} __packed;

struct gate {
	u16 low, selector;
	u8 zero, type;
	u16 high;
} __packed;

static const u64 gdt[] = { 0, 0x00cf9b000000ffffULL, 0x00cf93000000ffffULL };

static inline struct gate interrupt_gate(u32 handler)
{
	return (struct gate) {
		.low = handler,
		.selector = CODE_SELECTOR,
		.type = GATE_INTERRUPT,
		.high = handler >> 16,
	};
}

static inline void load_idt(const struct gate *idt, u32 size)
{
	const struct table_pointer idtr = { size - 1, (u32)idt };

	asm volatile("lidt %0" : : "m"(idtr) : "memory");
}

static inline void load_gdt(void)
{
	const struct table_pointer gdtr = { sizeof(gdt) - 1, (u32)gdt };

	asm volatile("lgdt %0\n\t"
		     "ljmp %1, $1f\n"
		     "1:\n\t"
		     "mov %2, %%ds\n\t"
		     "mov %2, %%es\n\t"
		     "mov %2, %%ss"
		     : : "m"(gdtr), "i"(CODE_SELECTOR), "r"(DATA_SELECTOR) : "memory");
}

#endif /* GUEST_TABLES32_H */
