// SPDX-License-Identifier: GPL-2.0
/*
 * Would the CPU enter a guest in this state: SDM Vol. 3, "Checks on the Guest State
 * Area", rule by rule and in its order. Pure.
 */
#include <kev/cr.h>
#include <kev/pure.h>
#include <kev/values.h>

#include "check.h"

#define CR0_PE		BIT_ULL(0)
#define CR0_NW		BIT_ULL(29)
#define CR0_CD		BIT_ULL(30)
#define CR0_PG		BIT_ULL(31)
#define CR4_PAE		BIT_ULL(5)
#define CR4_PCIDE	BIT_ULL(17)
#define EFER_LME	BIT_ULL(8)
#define EFER_LMA	BIT_ULL(10)
#define EFER_KNOWN	(BIT_ULL(0) | EFER_LME | EFER_LMA | BIT_ULL(11))

#define RFLAGS_FIXED	BIT_ULL(1)
#define RFLAGS_TF	BIT_ULL(8)
#define RFLAGS_IF	BIT_ULL(9)
#define RFLAGS_VM	BIT_ULL(17)
#define RFLAGS_RESERVED	(GENMASK_ULL(63, 22) | BIT_ULL(15) | BIT_ULL(5) | BIT_ULL(3))

#define DEBUGCTL_BTF	BIT_ULL(1)
#define DEBUGCTL_KNOWN	0xffc7ULL

#define PENDING_DEBUG_BS	BIT_ULL(14)
#define PENDING_DEBUG_KNOWN	(GENMASK_ULL(3, 0) | BIT_ULL(12) | PENDING_DEBUG_BS)

#define SELECTOR_TI	BIT(2)
#define SELECTOR_RPL	3

#define SEG_DPL_SHIFT	5
#define SEG_RESERVED	0xfffe0f00U	/* with "unusable" as the highest that is not */
#define V8086_LIMIT	0xffffU
#define V8086_ACCESS	0xf3U

enum {
	TYPE_ACCESSED = BIT(0),
	TYPE_READABLE = BIT(1),		/* of code */
	TYPE_CONFORMING = BIT(2),	/* likewise */
	TYPE_CODE = BIT(3),
	TYPE_DATA_RW = 3,		/* accessed */
	TYPE_DATA_DOWN_RW = 7,
	TYPE_LDT = 2,
	TYPE_BUSY_TSS16 = 3,
	TYPE_BUSY_TSS = 11,
};

enum { ACTIVE, HALTED, SHUTDOWN, WAIT_FOR_SIPI };

#define EVENT_VECTOR(info)	((info) & 0xff)
#define EVENT_TYPE(info)	((info) >> 8 & 7)
#define EVENT_HAS_ERROR		BIT(11)
#define EVENT_VALID		BIT(31)
#define EVENT_RESERVED		0x7ffff000U

enum {
	EVENT_EXTERNAL = 0,
	EVENT_RESERVED_TYPE = 1,
	EVENT_NMI = 2,
	EVENT_HARDWARE = 3,
	EVENT_SOFTWARE_INTERRUPT = 4,
	EVENT_SOFTWARE_EXCEPTION = 6,
	EVENT_OTHER = 7,
};

#define VECTOR_DB		1
#define VECTOR_NMI		2
#define VECTOR_MC		18
#define VECTOR_CP		21

static bool bad(struct kev_problem *problem, const char *field, const char *why)
{
	return kev_problem_is(problem, field, why);
}

static unsigned int type_of(const struct kev_segment *seg)
{
	return seg->access & KEV_SEG_TYPE;
}

static unsigned int dpl_of(const struct kev_segment *seg)
{
	return (seg->access & KEV_SEG_DPL) >> SEG_DPL_SHIFT;
}

static unsigned int rpl_of(const struct kev_segment *seg)
{
	return seg->selector & SELECTOR_RPL;
}

static bool usable(const struct kev_segment *seg)
{
	return !(seg->access & KEV_SEG_UNUSABLE);
}

/* "Checks on Guest Control Registers, Debug Registers, and MSRs" */
static bool check_control_registers(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	u64 cr0_fixed1 = g->cr0_fixed1 | CR0_NW | CR0_CD;

	if (g->cr0_fixed0 & ~(g->cr0 | CR0_NW | CR0_CD))
		return bad(p, "CR0", "a bit is clear that VMX wants set");
	if (g->cr0 & ~cr0_fixed1)
		return bad(p, "CR0", "a bit is set that VMX wants clear");
	if ((g->cr0 & CR0_PG) && !(g->cr0 & CR0_PE))
		return bad(p, "CR0.PG", "without CR0.PE");
	if (g->cr4_fixed0 & ~g->cr4)
		return bad(p, "CR4", "a bit is clear that VMX wants set");
	if (g->cr4 & ~g->cr4_fixed1)
		return bad(p, "CR4", "a bit is set that VMX wants clear");
	if (g->ia32e && !(g->cr0 & CR0_PG))
		return bad(p, "EFER.LMA", "without CR0.PG");
	if (g->ia32e && !(g->cr4 & CR4_PAE))
		return bad(p, "CR4.PAE", "clear in long mode");
	if (!g->ia32e && (g->cr4 & CR4_PCIDE))
		return bad(p, "CR4.PCIDE", "outside long mode");
	if (g->cr3 >> g->phys_bits)
		return bad(p, "CR3", "beyond the physical address width");
	return true;
}

static bool check_msrs(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	if (g->debugctl & ~DEBUGCTL_KNOWN)
		return bad(p, "DEBUGCTL", "has reserved bits");
	if (g->dr7 >> 32)
		return bad(p, "DR7", "has reserved bits");
	if (!kev_canonical_in(g->sysenter_esp, g->linear_bits))
		return bad(p, "SYSENTER_ESP", "is not canonical");
	if (!kev_canonical_in(g->sysenter_eip, g->linear_bits))
		return bad(p, "SYSENTER_EIP", "is not canonical");
	if (!kev_pat_valid(g->pat))
		return bad(p, "PAT", "has a reserved memory type");
	if (g->efer & ~EFER_KNOWN)
		return bad(p, "EFER", "has reserved bits");
	if (!!(g->efer & EFER_LMA) != g->ia32e)
		return bad(p, "EFER.LMA", "is not the mode of the entry");
	if ((g->cr0 & CR0_PG) && !(g->efer & EFER_LMA) != !(g->efer & EFER_LME))
		return bad(p, "EFER.LMA", "is not EFER.LME, and CR0.PG is set");
	return true;
}

/* What the access rights of every segment in use have to fulfil */
static bool check_rights(const char *name, const struct kev_segment *seg, bool system,
			 struct kev_problem *p)
{
	if (system && (seg->access & KEV_SEG_S))
		return bad(p, name, "is no system segment");
	if (!system && !(seg->access & KEV_SEG_S))
		return bad(p, name, "is a system segment");
	if (!(seg->access & KEV_SEG_P))
		return bad(p, name, "is not present");
	if (seg->access & SEG_RESERVED)
		return bad(p, name, "has reserved access bits");
	if ((seg->limit & 0xfff) != 0xfff && (seg->access & KEV_SEG_G))
		return bad(p, name, "limit bits 11:0 are not ones, with G");
	if (seg->limit >> 20 && !(seg->access & KEV_SEG_G))
		return bad(p, name, "limit above 1 MiB without G");
	return true;
}

static bool check_cs(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	const struct kev_segment *cs = &g->segments.cs, *ss = &g->segments.ss;
	unsigned int type = type_of(cs);

	if (!usable(cs))
		return bad(p, "CS", "is unusable");
	if (cs->base >> 32)
		return bad(p, "CS", "base is above 4 GiB");
	if (type == TYPE_DATA_RW && g->unrestricted) {
		if (dpl_of(cs))
			return bad(p, "CS", "is data, and DPL is not 0");
	} else if (!(type & TYPE_CODE) || !(type & TYPE_ACCESSED)) {
		return bad(p, "CS", "is no accessed code segment");
	} else if (type & TYPE_CONFORMING) {
		if (dpl_of(cs) > dpl_of(ss))
			return bad(p, "CS", "conforms, and DPL is above SS.DPL");
	} else if (dpl_of(cs) != dpl_of(ss)) {
		return bad(p, "CS", "DPL is not SS.DPL");
	}
	if (!check_rights("CS", cs, false, p))
		return false;
	if (g->ia32e && (cs->access & KEV_SEG_L) && (cs->access & KEV_SEG_DB))
		return bad(p, "CS", "is 64-bit code with D set");
	return true;
}

static bool check_ss(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	const struct kev_segment *cs = &g->segments.cs, *ss = &g->segments.ss;

	if (!g->unrestricted && rpl_of(ss) != rpl_of(cs))
		return bad(p, "SS", "RPL is not CS.RPL");
	if (!g->unrestricted && dpl_of(ss) != rpl_of(ss))
		return bad(p, "SS", "DPL is not RPL");
	if ((type_of(cs) == TYPE_DATA_RW || !(g->cr0 & CR0_PE)) && dpl_of(ss))
		return bad(p, "SS", "DPL is not 0 in real mode");
	if (!usable(ss))
		return true;
	if (ss->base >> 32)
		return bad(p, "SS", "base is above 4 GiB");
	if (type_of(ss) != TYPE_DATA_RW && type_of(ss) != TYPE_DATA_DOWN_RW)
		return bad(p, "SS", "is no writable accessed data segment");
	return check_rights("SS", ss, false, p);
}

static bool check_data(const struct kev_vmx_guest *g, const char *name,
		       const struct kev_segment *seg, bool any_base, struct kev_problem *p)
{
	unsigned int type = type_of(seg);

	/* FS and GS have a base in 64-bit mode whatever the selector. */
	if (any_base && !kev_canonical_in(seg->base, g->linear_bits))
		return bad(p, name, "base is not canonical");
	if (!usable(seg))
		return true;
	if (!any_base && seg->base >> 32)
		return bad(p, name, "base is above 4 GiB");
	if (!(type & TYPE_ACCESSED))
		return bad(p, name, "is not accessed");
	if ((type & TYPE_CODE) && !(type & TYPE_READABLE))
		return bad(p, name, "is code that cannot be read");
	if (!g->unrestricted && !((type & TYPE_CODE) && (type & TYPE_CONFORMING)) &&
	    dpl_of(seg) < rpl_of(seg))
		return bad(p, name, "DPL is below RPL");
	return check_rights(name, seg, false, p);
}

static bool check_v8086(const char *name, const struct kev_segment *seg, struct kev_problem *p)
{
	if (seg->base != (u64)seg->selector << 4)
		return bad(p, name, "base is not 16 * selector, with RFLAGS.VM");
	if (seg->limit != V8086_LIMIT)
		return bad(p, name, "limit is not 0xffff, with RFLAGS.VM");
	if (seg->access != V8086_ACCESS)
		return bad(p, name, "access is not 0xf3, with RFLAGS.VM");
	return true;
}

static bool check_system_segments(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	const struct kev_segment *tr = &g->segments.tr, *ldtr = &g->segments.ldtr;

	if (!usable(tr))
		return bad(p, "TR", "is unusable");
	if (tr->selector & SELECTOR_TI)
		return bad(p, "TR", "lies in the LDT");
	if (!kev_canonical_in(tr->base, g->linear_bits))
		return bad(p, "TR", "base is not canonical");
	if (type_of(tr) != TYPE_BUSY_TSS && (g->ia32e || type_of(tr) != TYPE_BUSY_TSS16))
		return bad(p, "TR", "is no busy TSS of this mode");
	if (!check_rights("TR", tr, true, p))
		return false;
	if (!usable(ldtr))
		return true;
	if (ldtr->selector & SELECTOR_TI)
		return bad(p, "LDTR", "lies in the LDT");
	if (!kev_canonical_in(ldtr->base, g->linear_bits))
		return bad(p, "LDTR", "base is not canonical");
	if (type_of(ldtr) != TYPE_LDT)
		return bad(p, "LDTR", "is no LDT");
	return check_rights("LDTR", ldtr, true, p);
}

/* "Checks on Guest Segment Registers", "Checks on Guest Descriptor-Table Registers" */
static bool check_segments(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	const struct kev_segments *s = &g->segments;

	if (!check_system_segments(g, p))
		return false;
	if (g->rflags & RFLAGS_VM)
		return check_v8086("CS", &s->cs, p) && check_v8086("SS", &s->ss, p) &&
		       check_v8086("DS", &s->ds, p) && check_v8086("ES", &s->es, p) &&
		       check_v8086("FS", &s->fs, p) && check_v8086("GS", &s->gs, p);
	return check_cs(g, p) && check_ss(g, p) &&
	       check_data(g, "DS", &s->ds, false, p) && check_data(g, "ES", &s->es, false, p) &&
	       check_data(g, "FS", &s->fs, true, p) && check_data(g, "GS", &s->gs, true, p);
}

static bool check_tables(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	if (!kev_canonical_in(g->segments.gdt.base, g->linear_bits))
		return bad(p, "GDTR", "base is not canonical");
	if (!kev_canonical_in(g->segments.idt.base, g->linear_bits))
		return bad(p, "IDTR", "base is not canonical");
	return true;
}

/* "Checks on Guest RIP, RFLAGS, and SSP" */
static bool check_rip_rflags(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	u64 high = g->rip >> 48;

	if (!g->ia32e || !(g->segments.cs.access & KEV_SEG_L)) {
		if (g->rip >> 32)
			return bad(p, "RIP", "is above 4 GiB outside 64-bit mode");
	} else if (high != 0 && high != 0xffff) {
		return bad(p, "RIP", "is not canonical");
	}
	if ((g->rflags & RFLAGS_RESERVED) || !(g->rflags & RFLAGS_FIXED))
		return bad(p, "RFLAGS", "reserved bits are wrong");
	if ((g->rflags & RFLAGS_VM) && (g->ia32e || !(g->cr0 & CR0_PE)))
		return bad(p, "RFLAGS.VM", "in long mode or real mode");
	return true;
}

/* May an inactive CPU be given this event */
static bool wakes(u32 activity, u32 event)
{
	unsigned int vector = EVENT_VECTOR(event);
	bool check = EVENT_TYPE(event) == EVENT_HARDWARE && vector == VECTOR_MC;
	bool nmi = EVENT_TYPE(event) == EVENT_NMI;

	switch (activity) {
	case ACTIVE:
		return true;
	case HALTED:
		return EVENT_TYPE(event) == EVENT_EXTERNAL || nmi || check ||
		       (EVENT_TYPE(event) == EVENT_HARDWARE && vector == VECTOR_DB);
	case SHUTDOWN:
		return nmi || check;
	default:
		return false;
	}
}

static bool check_activity(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	if (g->activity > WAIT_FOR_SIPI || !(g->activities & BIT(g->activity)))
		return bad(p, "ACTIVITY", "is a state that the CPU does not have");
	if (g->activity == HALTED && dpl_of(&g->segments.ss))
		return bad(p, "ACTIVITY", "halted, and SS.DPL is not 0");
	if (g->activity != ACTIVE &&
	    (g->interruptibility & (KEV_BLOCKED_BY_STI | KEV_BLOCKED_BY_MOV_SS)))
		return bad(p, "ACTIVITY", "not active, with blocking");
	if ((g->event & EVENT_VALID) && !wakes(g->activity, g->event))
		return bad(p, "ACTIVITY", "does not end with the event");
	return true;
}

static bool check_interruptibility(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	const u64 shadows = KEV_BLOCKED_BY_STI | KEV_BLOCKED_BY_MOV_SS;
	u64 blocking = g->interruptibility;
	static const char field[] = "INTERRUPTIBILITY";

	if (blocking & ~(shadows | KEV_BLOCKED_BY_NMI))
		return bad(p, field, "has reserved bits");
	if ((blocking & shadows) == shadows)
		return bad(p, field, "has both STI and MOV SS");
	if ((blocking & KEV_BLOCKED_BY_STI) && !(g->rflags & RFLAGS_IF))
		return bad(p, field, "blocked by STI without IF");
	if (!(g->event & EVENT_VALID))
		return true;
	if (EVENT_TYPE(g->event) == EVENT_EXTERNAL && (blocking & shadows))
		return bad(p, field, "blocks the interrupt");
	if (EVENT_TYPE(g->event) == EVENT_NMI &&
	    ((blocking & shadows) || (g->virtual_nmis && (blocking & KEV_BLOCKED_BY_NMI))))
		return bad(p, field, "blocks the NMI");
	return true;
}

static bool check_pending_debug(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	bool steps = (g->rflags & RFLAGS_TF) && !(g->debugctl & DEBUGCTL_BTF);
	static const char field[] = "PENDING_DEBUG";

	if (g->pending_debug & ~PENDING_DEBUG_KNOWN)
		return bad(p, field, "has reserved bits");
	if (g->activity != HALTED &&
	    !(g->interruptibility & (KEV_BLOCKED_BY_STI | KEV_BLOCKED_BY_MOV_SS)))
		return true;
	if (steps && !(g->pending_debug & PENDING_DEBUG_BS))
		return bad(p, field, "lacks BS, with TF and blocking");
	if (!steps && (g->pending_debug & PENDING_DEBUG_BS))
		return bad(p, field, "has BS without TF");
	return true;
}

/* "Checks on VM-Entry Control Fields": the event to deliver */
static bool check_event(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	unsigned int vector = EVENT_VECTOR(g->event), type = EVENT_TYPE(g->event);
	bool protected_mode = !g->unrestricted || (g->cr0 & CR0_PE);
	static const char field[] = "EVENT";
	bool wants_error;

	if (!(g->event & EVENT_VALID))
		return true;
	if (g->event & EVENT_RESERVED)
		return bad(p, field, "has reserved bits");
	if (type == EVENT_RESERVED_TYPE || type == EVENT_OTHER)
		return bad(p, field, "is of a reserved type");
	if (type == EVENT_NMI && vector != VECTOR_NMI)
		return bad(p, field, "is an NMI of another vector");
	if (type == EVENT_HARDWARE && vector > 31)
		return bad(p, field, "is an exception above 31");
	/* CPUs with CET want its error code, and those without it refuse that. */
	if (type == EVENT_HARDWARE && vector == VECTOR_CP)
		return bad(p, field, "is #CP, and guests have no CET");
	wants_error = type == EVENT_HARDWARE && protected_mode &&
		      (1U << vector & KEV_VECTORS_WITH_ERROR);
	if (wants_error && !(g->event & EVENT_HAS_ERROR))
		return bad(p, field, "has no error code");
	if (!wants_error && (g->event & EVENT_HAS_ERROR))
		return bad(p, field, "has an error code");
	if ((g->event & EVENT_HAS_ERROR) && g->event_error >> 16)
		return bad(p, field, "error code has reserved bits");
	if (type >= EVENT_SOFTWARE_INTERRUPT && type <= EVENT_SOFTWARE_EXCEPTION &&
	    (!g->event_length || g->event_length > KEV_INSN_MAX_LENGTH))
		return bad(p, field, "length is not 1 to 15");
	if (type == EVENT_EXTERNAL && !(g->rflags & RFLAGS_IF))
		return bad(p, field, "is an interrupt, and RFLAGS.IF is clear");
	return true;
}

/* "Checks on Guest Page-Directory-Pointer-Table Entries" */
static bool check_pdptes(const struct kev_vmx_guest *g, struct kev_problem *p)
{
	static const char *const names[] = { "PDPTE0", "PDPTE1", "PDPTE2", "PDPTE3" };

	if (!kev_pae(g->cr0, g->cr4, g->efer))
		return true;
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (!kev_pdpte_valid(g->pdpte[i], g->phys_bits))
			return bad(p, names[i], "has reserved bits");
	return true;
}

bool kev_vmx_check(const struct kev_vmx_guest *g, struct kev_problem *problem)
{
	*problem = (struct kev_problem) {};
	if (!check_event(g, problem) || !check_control_registers(g, problem) ||
	    !check_msrs(g, problem) || !check_segments(g, problem) ||
	    !check_tables(g, problem) || !check_rip_rflags(g, problem) ||
	    !check_activity(g, problem) || !check_interruptibility(g, problem) ||
	    !check_pending_debug(g, problem))
		return false;
	if (g->link != KEV_VMX_NO_LINK)
		return bad(problem, "VMCS link", "is not all ones");
	return check_pdptes(g, problem);
}
