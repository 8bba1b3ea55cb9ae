// SPDX-License-Identifier: GPL-2.0
/*
 * The print device in memory at 0xcafe0000, as `kevctl run --machine kev` gives it: stores
 * of 64 bits from registers and immediates, other widths ignored, all of it readable.
 */
#include "guest.h"

#define DEVICE		0xcafe0000UL

static const char first[] = "one\n", second[] = "two\n";

/* Fits an immediate of 8 bits, as the second text's length does. */
#define LENGTH		4
static_assert(sizeof(first) - 1 == LENGTH && sizeof(second) - 1 == LENGTH, "lengths");

u64 main(u64 boot_info, u64 vcpu_id)
{
	volatile u64 *device = hide((void *)DEVICE);
	u64 r10 = 0x1122334455667788;

	(void)boot_info;
	(void)vcpu_id;
	/* Registers of both halves of the file */
	asm volatile("mov %1, (%0)\n\t"
		     "mov %2, %%r9\n\t"
		     "mov %%r9, 8(%0)\n\t"
		     "movq $1, 16(%0)"
		     : : "r"(device), "r"(first), "r"((u64)LENGTH) : "r9", "memory");
	/* None of these is a doorbell. */
	asm volatile("movb $1, 16(%0)\n\t"
		     "movw $1, 16(%0)\n\t"
		     "movl $1, 16(%0)" : : "r"(device) : "memory");
	device[0] = (u64)second;
	device[2] = 1;
	expect(1, "the address reads back", device[0], (u64)second);
	expect(2, "the length reads back", device[1], LENGTH);
	asm volatile("movq $-2, 0x100(%0)" : : "r"(device) : "memory");
	expect(3, "an immediate is sign-extended", device[0x20], -2);
	asm volatile("mov %1, 0x7f8(%0)" : : "r"(device), "r"(r10) : "memory");
	expect(4, "a register of 64 bits", device[0xff], r10);
	return 0;
}
