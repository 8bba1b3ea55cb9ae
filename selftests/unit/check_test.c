// SPDX-License-Identifier: GPL-2.0
/*
 * The checks of a VM entry on guest state: states of every mode that the CPU enters, and
 * for each rule of the SDM one that it does not.
 */
#include "unit.h"

#include "check.h"

enum base { LONG, COMPAT, PROTECTED, PAE, REAL, V8086, OLD_CPU, NR_BASES };

#define CODE64	0xa09b
#define CODE32	0xc09b
#define DATA32	0xc093
#define REAL_DATA	{ .limit = 0xffff, .access = 0x93 }
#define V8086_SEG(n)	{ .selector = (n), .base = (n) << 4, .limit = 0xffff, .access = 0xf3 }
#define FLAT(s, a)	{ .selector = (s), .limit = 0xffffffff, .access = (a) }
#define TSS		{ .selector = 0x40, .limit = 0x67, .access = 0x8b }

#define FLAT_SEGMENTS(code) {							\
	.cs = FLAT(8, code), .ds = FLAT(0x10, DATA32), .es = FLAT(0x10, DATA32),	\
	.fs = FLAT(0x10, DATA32), .gs = FLAT(0x10, DATA32), .ss = FLAT(0x10, DATA32),	\
	.tr = TSS, .ldtr = { .access = KEV_SEG_UNUSABLE },			\
}

#define COMMON									\
	.dr7 = 0x400, .pat = 0x0007040600070406,				\
	.link = KEV_VMX_NO_LINK, .virtual_nmis = true, .activities = 0x3,	\
	.cr0_fixed1 = 0xffffffff, .cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x3727ff,	\
	.phys_bits = 39, .linear_bits = 48

#define AT(address)	.rip = (address), .rflags = 2

static const struct kev_vmx_guest bases[NR_BASES] = {
	[LONG] = {
		COMMON, AT(0x100000),
		.cr0 = 0x80010031, .cr3 = 0x2000, .cr4 = 0x2620, .efer = 0xd01,
		.ia32e = true, .unrestricted = true, .cr0_fixed0 = 0x20,
		.segments = FLAT_SEGMENTS(CODE64),
	},
	[COMPAT] = {
		COMMON, AT(0x100000),
		.cr0 = 0x80010031, .cr3 = 0x2000, .cr4 = 0x2620, .efer = 0x500,
		.ia32e = true, .unrestricted = true, .cr0_fixed0 = 0x20,
		.segments = FLAT_SEGMENTS(CODE32),
	},
	[PROTECTED] = {
		COMMON, AT(0x100000),
		.cr0 = 0x31, .cr4 = 0x2000, .unrestricted = true, .cr0_fixed0 = 0x20,
		.segments = FLAT_SEGMENTS(CODE32),
	},
	[PAE] = {
		COMMON, AT(0x100000),
		.cr0 = 0x80000031, .cr3 = 0x2020, .cr4 = 0x2020, .unrestricted = true,
		.cr0_fixed0 = 0x20, .segments = FLAT_SEGMENTS(CODE32),
		.pdpte = { 0x3001, 0, ~1ULL, 0x7ffffff019 },
	},
	[REAL] = {
		COMMON, .cr0 = 0x60000030, .cr4 = 0x2000, .unrestricted = true,
		.cr0_fixed0 = 0x20, AT(0xfff0),
		.segments = {
			.cs = { .selector = 0xf000, .base = 0xffff0000, .limit = 0xffff,
				.access = 0x93 },
			.ds = REAL_DATA, .es = REAL_DATA, .fs = REAL_DATA, .gs = REAL_DATA,
			.ss = REAL_DATA,
			.tr = { .limit = 0xffff, .access = 0x83 },
			.ldtr = { .limit = 0xffff, .access = 0x82 },
		},
	},
	[V8086] = {
		COMMON, .cr0 = 0x80000031, .cr4 = 0x2000, .cr0_fixed0 = 0x80000021,
		.rflags = 0x23202, .rip = 0x1234,
		.segments = {
			.cs = V8086_SEG(0x1000), .ds = V8086_SEG(0x2000),
			.es = V8086_SEG(0x3003), .fs = V8086_SEG(4), .gs = V8086_SEG(0),
			.ss = V8086_SEG(0xffff), .tr = TSS, .ldtr = TSS,
		},
	},
	/* No unrestricted guest */
	[OLD_CPU] = {
		COMMON, AT(0x100000),
		.cr0 = 0x80000031, .cr4 = 0x2000, .cr0_fixed0 = 0x80000021,
		.segments = FLAT_SEGMENTS(CODE32),
	},
};

static struct kev_vmx_guest base_of(enum base base)
{
	struct kev_vmx_guest guest = bases[base];

	if (base == V8086)
		guest.segments.ldtr = (struct kev_segment) { .access = 0x82, .limit = 0x7 };
	return guest;
}

TEST(good_states)
{
	struct kev_problem problem;
	int i;

	for (i = 0; i < NR_BASES; i++) {
		struct kev_vmx_guest guest = base_of(i);

		EXPECT_TRUE(kev_vmx_check(&guest, &problem))
			TH_LOG("%d: %s: %s", i, problem.field, problem.why);
		EXPECT_EQ(NULL, problem.field);
	}
}

struct change {
	size_t offset, width;
	u64 value;
};

#define SET(field, value)	{ offsetof(struct kev_vmx_guest, field),		\
				  sizeof(((struct kev_vmx_guest *)0)->field), (value) }
#define SEG(name, field, value)	SET(segments.name.field, value)

#define NOT_CANONICAL	0x0000800000000000ULL
#define NOT_CANONICAL_57	0x0100000000000000ULL
#define LA57		SET(linear_bits, 57)
#define EXTERNAL(v)	(0x80000000 | (v))
#define NMI		0x80000202
#define EXCEPTION(v)	(0x80000300 | (v))
#define EXCEPTION_E(v)	(0x80000b00 | (v))
#define SOFTWARE(v)	(0x80000400 | (v))
#define INT3		0x80000603

struct check_case {
	enum base base;
	struct change changes[3];
	const char *field, *why;	/* NULL: the CPU enters */
};

static const struct check_case cases[] = {
	/* control registers */
	{ LONG, { SET(cr0, 0x80010011) }, "CR0", "a bit is clear that VMX wants set" },
	{ OLD_CPU, { SET(cr0, 0x31) }, "CR0", "a bit is clear that VMX wants set" },
	{ OLD_CPU, { SET(cr0, 0xe0000031) }, NULL, NULL },
	{ LONG, { SET(cr0, 0x180010031) }, "CR0", "a bit is set that VMX wants clear" },
	{ PAE, { SET(cr0, 0x80000030) }, "CR0.PG", "without CR0.PE" },
	{ LONG, { SET(cr4, 0x620) }, "CR4", "a bit is clear that VMX wants set" },
	{ LONG, { SET(cr4, 0x402620) }, "CR4", "a bit is set that VMX wants clear" },
	{ LONG, { SET(cr4, 1ULL << 32 | 0x2620) }, "CR4", "a bit is set that VMX wants clear" },
	{ LONG, { SET(cr0, 0x31) }, "EFER.LMA", "without CR0.PG" },
	{ LONG, { SET(cr4, 0x2600) }, "CR4.PAE", "clear in long mode" },
	{ LONG, { SET(cr4, 0x22620) }, NULL, NULL },
	{ PAE, { SET(cr4, 0x22020) }, "CR4.PCIDE", "outside long mode" },
	{ LONG, { SET(cr3, 1ULL << 39) }, "CR3", "beyond the physical address width" },
	{ LONG, { SET(cr3, 1ULL << 63) }, "CR3", "beyond the physical address width" },
	{ LONG, { SET(cr3, 0x7ffffff018) }, NULL, NULL },
	/* MSRs and debug registers */
	{ LONG, { SET(debugctl, 8) }, "DEBUGCTL", "has reserved bits" },
	{ LONG, { SET(debugctl, 0x10000) }, "DEBUGCTL", "has reserved bits" },
	{ LONG, { SET(dr7, 1ULL << 32) }, "DR7", "has reserved bits" },
	{ LONG, { SET(sysenter_esp, NOT_CANONICAL) }, "SYSENTER_ESP", "is not canonical" },
	{ LONG, { SET(sysenter_eip, ~NOT_CANONICAL) }, "SYSENTER_EIP", "is not canonical" },
	{ LONG, { SET(sysenter_eip, 0xffff800000000000) }, NULL, NULL },
	{ LONG, { LA57, SET(sysenter_esp, NOT_CANONICAL), SET(sysenter_eip, ~NOT_CANONICAL) },
	  NULL, NULL },
	{ LONG, { LA57, SET(sysenter_eip, NOT_CANONICAL_57) }, "SYSENTER_EIP",
	  "is not canonical" },
	{ LONG, { SET(pat, 0x0007040600070402) }, "PAT", "has a reserved memory type" },
	{ LONG, { SET(pat, 0x0807040600070406) }, "PAT", "has a reserved memory type" },
	{ LONG, { SET(efer, 0xd03) }, "EFER", "has reserved bits" },
	{ LONG, { SET(efer, 0x901) }, "EFER.LMA", "is not the mode of the entry" },
	{ PAE, { SET(efer, 0x500) }, "EFER.LMA", "is not the mode of the entry" },
	{ LONG, { SET(efer, 0x400) }, "EFER.LMA", "is not EFER.LME, and CR0.PG is set" },
	{ PAE, { SET(efer, 0x100) }, "EFER.LMA", "is not EFER.LME, and CR0.PG is set" },
	{ PROTECTED, { SET(efer, 0x100) }, NULL, NULL },
	/* TR and LDTR */
	{ LONG, { SEG(tr, access, 0x1008b) }, "TR", "is unusable" },
	{ LONG, { SEG(tr, selector, 0x44) }, "TR", "lies in the LDT" },
	{ LONG, { SEG(tr, base, NOT_CANONICAL) }, "TR", "base is not canonical" },
	{ LONG, { LA57, SEG(tr, base, NOT_CANONICAL) }, NULL, NULL },
	{ LONG, { LA57, SEG(tr, base, NOT_CANONICAL_57) }, "TR", "base is not canonical" },
	{ LONG, { SEG(tr, access, 0x83) }, "TR", "is no busy TSS of this mode" },
	{ PAE, { SEG(tr, access, 0x83) }, NULL, NULL },
	{ PAE, { SEG(tr, access, 0x89) }, "TR", "is no busy TSS of this mode" },
	{ LONG, { SEG(tr, access, 0x9b) }, "TR", "is no system segment" },
	{ LONG, { SEG(tr, access, 0x0b) }, "TR", "is not present" },
	{ LONG, { SEG(tr, access, 0x18b) }, "TR", "has reserved access bits" },
	{ LONG, { SEG(tr, access, 0x2008b) }, "TR", "has reserved access bits" },
	{ LONG, { SEG(tr, access, 0x808b) }, "TR", "limit bits 11:0 are not ones, with G" },
	{ LONG, { SEG(tr, limit, 0x100fff) }, "TR", "limit above 1 MiB without G" },
	{ LONG, { SEG(tr, limit, 0x100fff), SEG(tr, access, 0x808b) }, NULL, NULL },
	{ LONG, { SEG(ldtr, access, 0x82), SEG(ldtr, selector, 4) },
	  "LDTR", "lies in the LDT" },
	{ LONG, { SEG(ldtr, access, 0x82), SEG(ldtr, base, NOT_CANONICAL) },
	  "LDTR", "base is not canonical" },
	{ LONG, { SEG(ldtr, access, 0x8b) }, "LDTR", "is no LDT" },
	{ LONG, { SEG(ldtr, access, 0x02) }, "LDTR", "is not present" },
	{ LONG, { SEG(ldtr, base, NOT_CANONICAL), SEG(ldtr, selector, 4) }, NULL, NULL },
	{ LONG, { LA57, SEG(ldtr, access, 0x82), SEG(ldtr, base, NOT_CANONICAL) }, NULL, NULL },
	/* CS */
	{ LONG, { SEG(cs, access, 0x1a09b) }, "CS", "is unusable" },
	{ LONG, { SEG(cs, base, 1ULL << 32) }, "CS", "base is above 4 GiB" },
	{ LONG, { SEG(cs, access, 0xa093) }, NULL, NULL },
	{ OLD_CPU, { SEG(cs, access, 0xc093) }, "CS", "is no accessed code segment" },
	{ LONG, { SEG(cs, access, 0xa0f3) }, "CS", "is data, and DPL is not 0" },
	{ LONG, { SEG(cs, access, 0xa09a) }, "CS", "is no accessed code segment" },
	{ LONG, { SEG(cs, access, 0xa091) }, "CS", "is no accessed code segment" },
	{ LONG, { SEG(cs, access, 0xa0fb) }, "CS", "DPL is not SS.DPL" },
	{ LONG, { SEG(cs, access, 0xa0fb), SEG(ss, access, 0xc0f3) }, NULL, NULL },
	{ LONG, { SEG(cs, access, 0xa0ff) }, "CS", "conforms, and DPL is above SS.DPL" },
	{ LONG, { SEG(cs, access, 0xa09f), SEG(ss, access, 0xc0f3) }, NULL, NULL },
	{ LONG, { SEG(cs, access, 0xa08b) }, "CS", "is a system segment" },
	{ LONG, { SEG(cs, access, 0xa01b) }, "CS", "is not present" },
	{ LONG, { SEG(cs, access, 0xa89b) }, "CS", "has reserved access bits" },
	{ LONG, { SEG(cs, limit, 0xfffffffe) }, "CS", "limit bits 11:0 are not ones, with G" },
	{ LONG, { SEG(cs, access, 0x209b) }, "CS", "limit above 1 MiB without G" },
	{ LONG, { SEG(cs, access, 0xe09b) }, "CS", "is 64-bit code with D set" },
	{ PAE, { SEG(cs, access, 0xe09b) }, NULL, NULL },
	/* SS */
	{ OLD_CPU, { SEG(ss, selector, 0x13) }, "SS", "RPL is not CS.RPL" },
	{ LONG, { SEG(ss, selector, 0x13) }, NULL, NULL },
	{ OLD_CPU, { SEG(ss, access, 0xc0f3), SEG(cs, access, 0xc0fb) }, "SS", "DPL is not RPL" },
	{ LONG, { SEG(cs, access, 0xa093), SEG(ss, access, 0xc0f3) },
	  "SS", "DPL is not 0 in real mode" },
	{ REAL, { SEG(cs, access, 0xfb), SEG(ss, access, 0xf3) },
	  "SS", "DPL is not 0 in real mode" },
	{ LONG, { SEG(ss, base, 1ULL << 32) }, "SS", "base is above 4 GiB" },
	{ LONG, { SEG(ss, access, 0xc091) }, "SS", "is no writable accessed data segment" },
	{ LONG, { SEG(ss, access, 0xc09b) }, "SS", "is no writable accessed data segment" },
	{ LONG, { SEG(ss, access, 0xc097) }, NULL, NULL },
	{ LONG, { SEG(ss, access, 0x10000), SEG(ss, base, 1ULL << 32) }, NULL, NULL },
	{ LONG, { SEG(ss, access, 0xc083) }, "SS", "is a system segment" },
	/* the others */
	{ LONG, { SEG(ds, base, 1ULL << 32) }, "DS", "base is above 4 GiB" },
	{ LONG, { SEG(es, access, 0xc092) }, "ES", "is not accessed" },
	{ LONG, { SEG(ds, access, 0xc099) }, "DS", "is code that cannot be read" },
	{ LONG, { SEG(ds, access, 0xc09b) }, NULL, NULL },
	{ OLD_CPU, { SEG(ds, selector, 0x13) }, "DS", "DPL is below RPL" },
	{ OLD_CPU, { SEG(ds, selector, 0x13), SEG(ds, access, 0xc09f) }, NULL, NULL },
	{ LONG, { SEG(ds, selector, 0x13) }, NULL, NULL },
	{ LONG, { SEG(fs, base, NOT_CANONICAL) }, "FS", "base is not canonical" },
	{ LONG, { SEG(gs, base, NOT_CANONICAL), SEG(gs, access, 0x10000) },
	  "GS", "base is not canonical" },
	{ LONG, { SEG(fs, base, 0xffff888000000000) }, NULL, NULL },
	{ LONG, { LA57, SEG(gs, base, NOT_CANONICAL) }, NULL, NULL },
	{ LONG, { LA57, SEG(gs, base, NOT_CANONICAL_57) }, "GS", "base is not canonical" },
	{ LONG, { SEG(gs, access, 0xc013) }, "GS", "is not present" },
	{ LONG, { SEG(ds, access, 0x10000), SEG(ds, base, NOT_CANONICAL) }, NULL, NULL },
	/* virtual-8086 mode */
	{ V8086, { SEG(cs, base, 0x10010) }, "CS", "base is not 16 * selector, with RFLAGS.VM" },
	{ V8086, { SEG(ss, base, 0) }, "SS", "base is not 16 * selector, with RFLAGS.VM" },
	{ V8086, { SEG(ds, limit, 0x1ffff) }, "DS", "limit is not 0xffff, with RFLAGS.VM" },
	{ V8086, { SEG(gs, access, 0x93) }, "GS", "access is not 0xf3, with RFLAGS.VM" },
	/* descriptor tables */
	{ LONG, { SEG(gdt, base, NOT_CANONICAL) }, "GDTR", "base is not canonical" },
	{ LONG, { SEG(idt, base, NOT_CANONICAL) }, "IDTR", "base is not canonical" },
	{ LONG, { LA57, SEG(gdt, base, NOT_CANONICAL), SEG(idt, base, ~NOT_CANONICAL) },
	  NULL, NULL },
	/* RIP and RFLAGS */
	{ COMPAT, { SET(rip, 1ULL << 32) }, "RIP", "is above 4 GiB outside 64-bit mode" },
	{ PAE, { SET(rip, 1ULL << 32), SEG(cs, access, CODE64) },
	  "RIP", "is above 4 GiB outside 64-bit mode" },
	{ LONG, { SET(rip, 1ULL << 48) }, "RIP", "is not canonical" },
	/* Without CR4.LA57 the guest cannot get there. */
	{ LONG, { LA57, SET(rip, 1ULL << 48) }, "RIP", "is not canonical" },
	{ LONG, { SET(rip, 0xffff800000000000) }, NULL, NULL },
	/* The instruction before it was the last of the lower half. */
	{ LONG, { SET(rip, NOT_CANONICAL) }, NULL, NULL },
	{ LONG, { SET(rflags, 0) }, "RFLAGS", "reserved bits are wrong" },
	{ LONG, { SET(rflags, 0xa) }, "RFLAGS", "reserved bits are wrong" },
	{ LONG, { SET(rflags, 0x22) }, "RFLAGS", "reserved bits are wrong" },
	{ LONG, { SET(rflags, 0x8002) }, "RFLAGS", "reserved bits are wrong" },
	{ LONG, { SET(rflags, 0x400002) }, "RFLAGS", "reserved bits are wrong" },
	{ LONG, { SET(rflags, 0x25dd7) }, "CS", "base is not 16 * selector, with RFLAGS.VM" },
	{ V8086, { SET(ia32e, true), SET(efer, 0x500), SET(cr4, 0x2020) },
	  "RFLAGS.VM", "in long mode or real mode" },
	{ V8086, { SET(cr0, 0x30), SET(cr0_fixed0, 0x20), SET(unrestricted, true) },
	  "RFLAGS.VM", "in long mode or real mode" },
	/* activity */
	{ LONG, { SET(activity, 2) }, "ACTIVITY", "is a state that the CPU does not have" },
	{ LONG, { SET(activity, 4) }, "ACTIVITY", "is a state that the CPU does not have" },
	{ LONG, { SET(activity, 1) }, NULL, NULL },
	{ LONG, { SET(activity, 1), SEG(ss, access, 0xc0f3), SEG(cs, access, 0xa0fb) },
	  "ACTIVITY", "halted, and SS.DPL is not 0" },
	{ LONG, { SET(activity, 1), SET(interruptibility, 2) },
	  "ACTIVITY", "not active, with blocking" },
	{ LONG, { SET(activity, 1), SET(event, EXCEPTION(0)) },
	  "ACTIVITY", "does not end with the event" },
	{ LONG, { SET(activity, 1), SET(event, EXCEPTION(1)) }, NULL, NULL },
	{ LONG, { SET(activity, 1), SET(event, NMI) }, NULL, NULL },
	{ LONG, { SET(activity, 1), SET(event, EXTERNAL(0x40)), SET(rflags, 0x202) },
	  NULL, NULL },
	{ LONG, { SET(activity, 2), SET(activities, 7), SET(event, EXCEPTION(1)) },
	  "ACTIVITY", "does not end with the event" },
	{ LONG, { SET(activity, 2), SET(activities, 7), SET(event, EXCEPTION(18)) },
	  NULL, NULL },
	{ LONG, { SET(activity, 3), SET(activities, 0xf), SET(event, NMI) },
	  "ACTIVITY", "does not end with the event" },
	/* interruptibility */
	{ LONG, { SET(interruptibility, 4) }, "INTERRUPTIBILITY", "has reserved bits" },
	{ LONG, { SET(interruptibility, 0x10) }, "INTERRUPTIBILITY", "has reserved bits" },
	{ LONG, { SET(interruptibility, 3), SET(rflags, 0x202) },
	  "INTERRUPTIBILITY", "has both STI and MOV SS" },
	{ LONG, { SET(interruptibility, 1) },
	  "INTERRUPTIBILITY", "blocked by STI without IF" },
	{ LONG, { SET(interruptibility, 1), SET(rflags, 0x202) }, NULL, NULL },
	{ LONG, { SET(interruptibility, 0xa) }, NULL, NULL },
	{ LONG, { SET(interruptibility, 1), SET(rflags, 0x202), SET(event, EXTERNAL(3)) },
	  "INTERRUPTIBILITY", "blocks the interrupt" },
	{ LONG, { SET(interruptibility, 8), SET(rflags, 0x202), SET(event, EXTERNAL(3)) },
	  NULL, NULL },
	{ LONG, { SET(interruptibility, 2), SET(event, NMI) },
	  "INTERRUPTIBILITY", "blocks the NMI" },
	{ LONG, { SET(interruptibility, 8), SET(event, NMI) },
	  "INTERRUPTIBILITY", "blocks the NMI" },
	{ LONG, { SET(interruptibility, 8), SET(event, NMI), SET(virtual_nmis, false) },
	  NULL, NULL },
	{ LONG, { SET(interruptibility, 2), SET(event, EXCEPTION(6)) }, NULL, NULL },
	/* pending debug exceptions */
	{ LONG, { SET(pending_debug, 0x10) }, "PENDING_DEBUG", "has reserved bits" },
	{ LONG, { SET(pending_debug, 0x10000) }, "PENDING_DEBUG", "has reserved bits" },
	{ LONG, { SET(pending_debug, 0x500f) }, NULL, NULL },
	{ LONG, { SET(rflags, 0x102) }, NULL, NULL },
	{ LONG, { SET(rflags, 0x102), SET(interruptibility, 2) },
	  "PENDING_DEBUG", "lacks BS, with TF and blocking" },
	{ LONG, { SET(rflags, 0x102), SET(activity, 1) },
	  "PENDING_DEBUG", "lacks BS, with TF and blocking" },
	{ LONG, { SET(rflags, 0x102), SET(interruptibility, 2), SET(pending_debug, 0x4000) },
	  NULL, NULL },
	{ LONG, { SET(interruptibility, 2), SET(pending_debug, 0x4000) },
	  "PENDING_DEBUG", "has BS without TF" },
	{ LONG, { SET(rflags, 0x102), SET(interruptibility, 2), SET(debugctl, 2) }, NULL, NULL },
	/* the rest of the guest-state area */
	{ LONG, { SET(link, 0x1000) }, "VMCS link", "is not all ones" },
	{ PAE, { SET(pdpte[0], 0x3003) }, "PDPTE0", "has reserved bits" },
	{ PAE, { SET(pdpte[1], 0x3021) }, "PDPTE1", "has reserved bits" },
	{ PAE, { SET(pdpte[2], 0x3101) }, "PDPTE2", "has reserved bits" },
	{ PAE, { SET(pdpte[3], 0x8000000001) }, "PDPTE3", "has reserved bits" },
	{ PAE, { SET(pdpte[3], 1ULL << 63 | 1) }, "PDPTE3", "has reserved bits" },
	{ PAE, { SET(pdpte[0], 0x3007), SET(cr0, 0x31) }, NULL, NULL },
	{ PAE, { SET(pdpte[0], 0x3007), SET(cr4, 0x2000) }, NULL, NULL },
	{ LONG, { SET(pdpte[0], 0x3007) }, NULL, NULL },
	/* the event to deliver */
	{ LONG, { SET(event, 0x7fffffff) }, NULL, NULL },
	{ LONG, { SET(event, 0x80001306) }, "EVENT", "has reserved bits" },
	{ LONG, { SET(event, 0x80000106) }, "EVENT", "is of a reserved type" },
	{ LONG, { SET(event, 0x80000700) }, "EVENT", "is of a reserved type" },
	{ LONG, { SET(event, 0x80000203) }, "EVENT", "is an NMI of another vector" },
	{ LONG, { SET(event, EXCEPTION(32)) }, "EVENT", "is an exception above 31" },
	{ LONG, { SET(event, EXCEPTION(13)) }, "EVENT", "has no error code" },
	{ LONG, { SET(event, EXCEPTION_E(13)) }, NULL, NULL },
	{ LONG, { SET(event, EXCEPTION_E(6)) }, "EVENT", "has an error code" },
	{ LONG, { SET(event, 0x80000803) }, "EVENT", "has an error code" },
	{ LONG, { SET(event, EXCEPTION(21)) }, "EVENT", "is #CP, and guests have no CET" },
	{ LONG, { SET(event, EXCEPTION_E(21)) }, "EVENT", "is #CP, and guests have no CET" },
	{ LONG, { SET(event, SOFTWARE(21)), SET(event_length, 2) }, NULL, NULL },
	{ REAL, { SET(event, EXCEPTION(13)) }, NULL, NULL },
	{ REAL, { SET(event, EXCEPTION_E(13)) }, "EVENT", "has an error code" },
	{ OLD_CPU, { SET(event, EXCEPTION(8)) }, "EVENT", "has no error code" },
	/* Bit 15: of a selector, and of #PF in an enclave */
	{ LONG, { SET(event, EXCEPTION_E(13)), SET(event_error, 0xfff8) }, NULL, NULL },
	{ LONG, { SET(event, EXCEPTION_E(14)), SET(event_error, 0x10000) },
	  "EVENT", "error code has reserved bits" },
	{ LONG, { SET(event, EXCEPTION(6)), SET(event_error, ~0U) }, NULL, NULL },
	{ LONG, { SET(event, SOFTWARE(0x80)) }, "EVENT", "length is not 1 to 15" },
	{ LONG, { SET(event, INT3), SET(event_length, 16) }, "EVENT", "length is not 1 to 15" },
	{ LONG, { SET(event, INT3), SET(event_length, 1) }, NULL, NULL },
	{ LONG, { SET(event, EXTERNAL(0x40)) },
	  "EVENT", "is an interrupt, and RFLAGS.IF is clear" },
	{ LONG, { SET(event, EXTERNAL(0x40)), SET(rflags, 0x202) }, NULL, NULL },
};

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

TEST(each_rule)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct check_case *c = &cases[i];
		struct kev_vmx_guest guest = base_of(c->base);
		struct kev_problem problem;
		bool good;

		for (j = 0; j < ARRAY_SIZE(c->changes); j++)
			memcpy((u8 *)&guest + c->changes[j].offset, &c->changes[j].value,
			       c->changes[j].width);
		good = kev_vmx_check(&guest, &problem);
		EXPECT_EQ(!c->field, good);
		EXPECT_TRUE(same(c->field, problem.field) && same(c->why, problem.why))
			TH_LOG("case %zu: %s: %s, not %s: %s", i, problem.field ?: "-",
			       problem.why ?: "-", c->field ?: "-", c->why ?: "-");
		if (problem.field)
			EXPECT_GT(KEV_PROBLEM_LEN, strlen(problem.field) + 2 +
						   strlen(problem.why))
				TH_LOG("%s: %s", problem.field, problem.why);
	}
}

#define RANDOM_STATES	1000000

/*
 * A million states, each up to three bits away from one that the CPU enters: an answer, and its
 * words only with a refusal. In each mode there are many of either.
 */
TEST(random_states)
{
	int verdicts[NR_BASES][2] = { 0 }, i, j;
	u64 seed = 20260101;

	for (i = 0; i < RANDOM_STATES; i++) {
		struct kev_vmx_guest guest = base_of(i % NR_BASES);
		struct kev_problem problem;
		bool good;

		for (j = unit_random(&seed) % 3; j >= 0; j--)
			((u8 *)&guest)[unit_random(&seed) %
				       offsetof(struct kev_vmx_guest, ia32e)] ^=
				1 << unit_random(&seed) % 8;
		good = kev_vmx_check(&guest, &problem);
		EXPECT_EQ(good, !problem.field);
		EXPECT_EQ(!problem.field, !problem.why);
		verdicts[i % NR_BASES][good]++;
	}
	for (i = 0; i < NR_BASES; i++)
		for (j = 0; j < 2; j++)
			EXPECT_LT(RANDOM_STATES / NR_BASES / 10, verdicts[i][j])
				TH_LOG("%d: %d", i, j);
}

TEST_HARNESS_MAIN
