// SPDX-License-Identifier: GPL-2.0
/* The C half of the exception helper; isr.S is the other. */
#include "exception.h"

#define NR_VECTORS	32		/* that are exceptions */
#define GATE_INTERRUPT	0x8e00U		/* present, DPL 0, 64-bit interrupt gate */
#define CODE_SELECTOR	0x08

struct gate {
	u16 offset_low;
	u16 selector;
	u16 attributes;
	u16 offset_middle;
	u32 offset_high;
	u32 reserved;
};

static_assert(sizeof(struct gate) == 16, "SDM Vol. 3, 64-bit IDT gate descriptor");

extern const u64 isr_stubs[NR_VECTORS];
void exception_dispatch(struct exception_frame *frame);

static struct gate idt[256];
static struct exception_frame last;
static bool pending;

u64 exception_expected;
u64 exception_fixup;
u64 exception_count;

void set_interrupt_gate(u8 vector, u64 handler)
{
	idt[vector] = (struct gate){
		.offset_low = handler,
		.selector = CODE_SELECTOR,
		.attributes = GATE_INTERRUPT,
		.offset_middle = handler >> 16,
		.offset_high = handler >> 32,
	};
}

void exceptions_init(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed idtr = { sizeof(idt) - 1, (u64)idt };

	for (int i = 0; i < NR_VECTORS; i++)
		set_interrupt_gate(i, isr_stubs[i]);
	asm volatile("lidt %0" : : "m"(idtr), "m"(idt));
}

void exception_dispatch(struct exception_frame *frame)
{
	exception_count++;
	if (!exception_fixup) {
		print("exception ");
		print_hex(frame->vector);
		print(" error ");
		print_hex(frame->error);
		print(" at ");
		print_hex(frame->rip);
		print("\n");
		halt(EXIT_EXCEPTION);
	}
	last = *frame;
	pending = true;
	frame->rip = exception_fixup;
	exception_fixup = 0;
}

bool exception_taken(u64 vector, u64 error)
{
	bool taken = pending && last.vector == vector && last.error == error &&
		     last.rip == exception_expected;

	pending = false;
	return taken;
}
