/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The local APIC's rules that need no vCPU: priorities, destinations, messages. Pure.
 *
 * SDM Vol. 3, chapter "Advanced Programmable Interrupt Controller (APIC)".
 */
#ifndef _KEV_APIC_MATH_H
#define _KEV_APIC_MATH_H

#include <kev/pure.h>

/* Offsets in the page of registers; MSR 0x800 + n of x2APIC mode is offset n << 4 */
#define KEV_APIC_ID		0x020
#define KEV_APIC_VERSION	0x030
#define KEV_APIC_TPR		0x080
#define KEV_APIC_PPR		0x0a0
#define KEV_APIC_EOI		0x0b0
#define KEV_APIC_RRD		0x0c0
#define KEV_APIC_LDR		0x0d0
#define KEV_APIC_DFR		0x0e0
#define KEV_APIC_SVR		0x0f0
#define KEV_APIC_ISR		0x100	/* the first of eight, as the next two */
#define KEV_APIC_TMR		0x180
#define KEV_APIC_IRR		0x200
#define KEV_APIC_ESR		0x280
#define KEV_APIC_ICR		0x300
#define KEV_APIC_ICR_HIGH	0x310
#define KEV_APIC_LVT		0x320	/* the first of KEV_NR_LVTS, by enum kev_apic_lvt */
#define KEV_APIC_LVT_TIMER	0x320
#define KEV_APIC_LVT_ERROR	0x370
#define KEV_APIC_INITIAL_COUNT	0x380
#define KEV_APIC_CURRENT_COUNT	0x390
#define KEV_APIC_DIVIDE		0x3e0
#define KEV_APIC_SELF_IPI	0x3f0

#define KEV_APIC_PAGE_SIZE	4096
#define KEV_APIC_STEP		0x10	/* from one register to the next */

/* An integrated APIC with six entries in its local vector table */
#define KEV_APIC_VERSION_VALUE	((KEV_NR_LVTS - 1) << 16 | 0x14)

#define KEV_SVR_ENABLED		BIT(8)
#define KEV_SVR_WRITABLE	0x3ffU
#define KEV_SVR_RESET		0xffU

#define KEV_LVT_VECTOR		0xffU
#define KEV_LVT_MODE		0x700U		/* delivery mode */
#define KEV_LVT_MASKED		BIT(16)
#define KEV_LVT_TIMER_MODE	(3UL << 17)
#define KEV_LVT_PERIODIC	BIT(17)
#define KEV_LVT_DEADLINE	BIT(18)

/* Delivery status: what is sent has arrived at once, so that it is always clear */
#define KEV_ICR_BUSY		BIT(12)

#define KEV_ESR_SEND_VECTOR	BIT(5)
#define KEV_ESR_RECEIVE_VECTOR	BIT(6)

#define KEV_DIVIDE_WRITABLE	0xbU

/* Vectors below are reserved to exceptions: no local APIC delivers them. */
#define KEV_APIC_FIRST_VECTOR	16U

/* struct kev_apic_message.mode: delivery modes */
enum kev_apic_mode {
	KEV_APIC_FIXED = 0,
	KEV_APIC_LOWEST = 1,
	KEV_APIC_SMI = 2,
	KEV_APIC_NMI = 4,
	KEV_APIC_INIT = 5,
	KEV_APIC_SIPI = 6,
	KEV_APIC_EXTINT = 7,
};

/* struct kev_apic_message.shorthand */
enum kev_apic_shorthand {
	KEV_APIC_NO_SHORTHAND = 0,
	KEV_APIC_TO_SELF = 1,
	KEV_APIC_TO_ALL = 2,
	KEV_APIC_TO_OTHERS = 3,
};

#define KEV_APIC_BROADCAST	0xffffffffU

/**
 * struct kev_apic_message - what goes from an APIC or a device to APICs
 * @dest: physical id or logical destination; KEV_APIC_BROADCAST for all
 * @vector: interrupt vector, or page of the start-up code
 * @mode: enum kev_apic_mode
 * @shorthand: enum kev_apic_shorthand
 * @logical: @dest is a logical one
 * @level: level-triggered
 * @assert: the level; edges are always asserted
 */
struct kev_apic_message {
	u32 dest;
	u8 vector;
	u8 mode;
	u8 shorthand;
	bool logical;
	bool level;
	bool assert;
};

/*
 * What others know of an APIC, in one word: the logical destination register in the low
 * half, and these.
 */
#define KEV_APIC_AT_X2		BIT_ULL(32)	/* x2APIC mode */
#define KEV_APIC_AT_CLUSTER	BIT_ULL(33)	/* xAPIC mode: cluster model */
#define KEV_APIC_AT_ON		BIT_ULL(34)	/* not disabled by IA32_APIC_BASE */
#define KEV_APIC_AT_ENABLED	BIT_ULL(35)	/* software-enabled: takes interrupts */

/* A register of the page at @regs */
static inline u32 *kev_apic_reg(u32 *regs, unsigned int offset)
{
	return &regs[offset / sizeof(u32)];
}

/**
 * kev_apic_highest() - the greatest vector in ISR, TMR or IRR
 * @regs: the page
 * @field: KEV_APIC_ISR, KEV_APIC_TMR or KEV_APIC_IRR
 *
 * Context: Any.
 * Return: -1 for none.
 */
int kev_apic_highest(u32 *regs, unsigned int field);

/* kev_apic_set_bit(), kev_apic_clear_bit(), kev_apic_has_bit() - a vector in such a field */
static inline void kev_apic_set_bit(u32 *regs, unsigned int field, u8 vector)
{
	*kev_apic_reg(regs, field + vector / 32 * KEV_APIC_STEP) |= 1U << vector % 32;
}

static inline void kev_apic_clear_bit(u32 *regs, unsigned int field, u8 vector)
{
	*kev_apic_reg(regs, field + vector / 32 * KEV_APIC_STEP) &= ~(1U << vector % 32);
}

static inline bool kev_apic_has_bit(u32 *regs, unsigned int field, u8 vector)
{
	return *kev_apic_reg(regs, field + vector / 32 * KEV_APIC_STEP) >> vector % 32 & 1;
}

/**
 * kev_apic_ppr() - the processor priority
 * @tpr: task priority
 * @in_service: the greatest vector in service, -1 for none
 *
 * SDM Vol. 3, "Task and Processor Priorities"
 *
 * Context: Any.
 * Return: the value of PPR.
 */
u8 kev_apic_ppr(u8 tpr, int in_service);

/**
 * kev_apic_divide_shift() - by how much the timer's clock is divided
 * @divide: divide configuration register
 *
 * Context: Any.
 * Return: the power of two, 0 to 7.
 */
unsigned int kev_apic_divide_shift(u32 divide);

/**
 * kev_apic_x2_ldr() - the logical destination register in x2APIC mode
 * @id: APIC id
 *
 * SDM Vol. 3, "Deriving Logical x2APIC ID from the Local x2APIC ID"
 *
 * Context: Any.
 * Return: cluster and bit, as a guest reads them.
 */
u32 kev_apic_x2_ldr(u32 id);

/**
 * kev_apic_matches() - does a destination name an APIC
 * @at: KEV_APIC_AT_* and LDR of the APIC
 * @id: its id
 * @dest: the destination
 * @logical: it is a logical one
 *
 * SDM Vol. 3, "Determining IPI Destination"
 *
 * Context: Any.
 * Return: true: the APIC is one of those that are meant.
 */
bool kev_apic_matches(u64 at, u32 id, u32 dest, bool logical);

/**
 * kev_apic_decode_icr() - the message that a write to the ICR sends
 * @icr: all 64 bits
 * @x2apic: in the format of x2APIC mode
 * @message: written on success
 *
 * SDM Vol. 3, "Interrupt Command Register (ICR)": the combinations that the table of
 * valid ones does not have send nothing.
 *
 * Context: Any.
 * Return: false if nothing is sent.
 */
bool kev_apic_decode_icr(u64 icr, bool x2apic, struct kev_apic_message *message);

/**
 * kev_apic_decode_msi() - a message-signalled interrupt
 * @address: of the write
 * @data: what is written
 * @message: written on success
 *
 * SDM Vol. 3, "Message Signalled Interrupts". Taken are the modes fixed, lowest priority,
 * NMI and INIT.
 *
 * Context: Any.
 * Return: false if it is none.
 */
bool kev_apic_decode_msi(u64 address, u32 data, struct kev_apic_message *message);

/**
 * kev_apic_base_possible() - can IA32_APIC_BASE have a value
 * @value: which
 * @phys_bits: width of a physical address
 *
 * Context: Any.
 * Return: true: no reserved bit is set, and the mode exists.
 */
bool kev_apic_base_possible(u64 value, unsigned int phys_bits);

/**
 * kev_apic_base_valid() - may IA32_APIC_BASE change so
 * @old: the value that it has
 * @value: the new one
 * @phys_bits: width of a physical address
 *
 * SDM Vol. 3, "x2APIC State Transitions"
 *
 * Context: Any.
 * Return: true: the CPU would take it; else it raises #GP.
 */
bool kev_apic_base_valid(u64 old, u64 value, unsigned int phys_bits);

#define KEV_APIC_BASE_DEFAULT	0xfee00000ULL
#define KEV_APIC_BASE_BSP	BIT_ULL(8)
#define KEV_APIC_BASE_X2APIC	BIT_ULL(10)
#define KEV_APIC_BASE_ENABLED	BIT_ULL(11)
#define KEV_APIC_BASE_MODE	(KEV_APIC_BASE_X2APIC | KEV_APIC_BASE_ENABLED)

/**
 * kev_tsc_to_ns() - how long so many ticks take
 * @ticks: of the TSC
 * @khz: its rate, not 0
 *
 * Context: Any.
 * Return: nanoseconds, rounded up; at most 2^62.
 */
u64 kev_tsc_to_ns(u64 ticks, u32 khz);

#endif /* _KEV_APIC_MATH_H */
