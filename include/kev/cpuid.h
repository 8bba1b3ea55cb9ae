/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest sees of the CPU: an allow-list over the host's CPUID. Pure.
 *
 * kev_cpuid_build() runs once per module, kev_cpuid_set() for a VM that is to see
 * something else, kev_cpuid_answer() at each CPUID exit.
 */
#ifndef _KEV_CPUID_H
#define _KEV_CPUID_H

#include <kev/pure.h>

/* Greatest leaf of each range that a guest can be given */
#define KEV_CPUID_MAX_BASIC	0x1fU
#define KEV_CPUID_HYPERVISOR	0x40000000U
#define KEV_CPUID_KVM_FEATURES	0x40000001U
#define KEV_CPUID_EXTENDED	0x80000000U
#define KEV_CPUID_MAX_EXTENDED	0x80000008U

#define KEV_CPUID_NR_CACHES	8	/* subleaves of leaf 4 */
#define KEV_CPUID_NR_FEATURES	2	/* subleaves of leaf 7 */
#define KEV_CPUID_NR_XSTATES	8	/* subleaves of leaf 0xd: bits of XCR0 from 2 */

/* "KVMKVMKVM": the signature in leaf 0x40000000 */
#define KEV_CPUID_SIGNATURE_EBX	0x4b4d564bU
#define KEV_CPUID_SIGNATURE_ECX	0x564b4d56U
#define KEV_CPUID_SIGNATURE_EDX	0x0000004dU

/* XCR0 bits that a guest can ever be given; AMX, PKRU, MPX are none of them. */
#define KEV_XCR0_X87		BIT_ULL(0)
#define KEV_XCR0_SSE		BIT_ULL(1)
#define KEV_XCR0_AVX		BIT_ULL(2)
#define KEV_XCR0_AVX512		GENMASK_ULL(7, 5)	/* opmask, ZMM_Hi256, Hi16_ZMM */
#define KEV_XCR0_GUEST		(KEV_XCR0_X87 | KEV_XCR0_SSE | KEV_XCR0_AVX | KEV_XCR0_AVX512)

struct kev_cpuid_regs {
	u32 eax;
	u32 ebx;
	u32 ecx;
	u32 edx;
};

/**
 * struct kev_cpuid_limits - what this machine's kev can give a guest
 * @xcr0: XCR0 bits that kev switches; means nothing without @xsave
 * @phys_bits: width of a guest-physical address
 * @xsave: kev switches XCR0 and intercepts XSETBV
 * @rdtscp: VMX "enable RDTSCP" is on and IA32_TSC_AUX is switched (RDPID too)
 * @invpcid: VMX "enable INVPCID" is on
 * @local_apic: kev answers for an x2APIC with a TSC-deadline timer
 * @tsc_adjust: kev has IA32_TSC_ADJUST
 *
 * A flag that is false takes away; one that is true gives only what the host
 * has, but @local_apic, which is kev's own.
 */
struct kev_cpuid_limits {
	u64 xcr0;
	unsigned int phys_bits;
	bool xsave;
	bool rdtscp;
	bool invpcid;
	bool local_apic;
	bool tsc_adjust;
};

/**
 * struct kev_cpuid_table - answers that are the same for all vCPUs of a VM
 * @xcr0: XCR0 bits that a guest may set; 0 without XSAVE
 * @cr4: CR4 bits that a guest may set
 * @efer: IA32_EFER bits that a guest may have
 * @basic: leaves by number, subleaf 0 or without subleaves
 * @cache: leaf 4 by subleaf
 * @feature: leaf 7 by subleaf
 * @xstate: leaf 0xd by subleaf
 * @extended: leaves from 0x80000000
 * @constant: leaves of @basic, as a mask, whose answer is what stands there
 * @own: bits that user space has put over the answers, sorted for kev_cpuid_set()
 * @nr_own: entries in @own
 *
 * [I] after kev_cpuid_build() or kev_cpuid_set().
 */
struct kev_cpuid_table {
	u64 xcr0;
	u64 cr4;
	u64 efer;
	struct kev_cpuid_regs basic[KEV_CPUID_MAX_BASIC + 1];
	struct kev_cpuid_regs cache[KEV_CPUID_NR_CACHES];
	struct kev_cpuid_regs feature[KEV_CPUID_NR_FEATURES];
	struct kev_cpuid_regs xstate[KEV_CPUID_NR_XSTATES];
	struct kev_cpuid_regs extended[KEV_CPUID_MAX_EXTENDED - KEV_CPUID_EXTENDED + 1];
	u32 constant;
	const struct kev_cpuid_entry *own;
	u32 nr_own;
};

/**
 * struct kev_cpuid_vcpu - what an answer depends on beside the table
 * @vcpu_id: x2APIC id, 0 to 254
 * @nr_vcpus: vCPUs of the VM
 * @osxsave: CR4.OSXSAVE
 * @clock_pages: the VM has KVM's clock MSRs
 * @apic_off: IA32_APIC_BASE has turned the local APIC off
 * @xcr0: the guest's XCR0
 */
struct kev_cpuid_vcpu {
	u32 vcpu_id;
	u32 nr_vcpus;
	bool osxsave;
	bool clock_pages;
	bool apic_off;
	u64 xcr0;
};

/**
 * typedef kev_cpuid_host_fn - run CPUID on the host
 * @ctx: as given to kev_cpuid_build()
 * @leaf: EAX
 * @subleaf: ECX
 * @regs: the result
 */
typedef void (*kev_cpuid_host_fn)(void *ctx, u32 leaf, u32 subleaf, struct kev_cpuid_regs *regs);

/**
 * kev_cpuid_build() - filter the host's CPUID
 * @table: written
 * @host: the host's CPUID; not asked for a leaf above its own greatest
 * @ctx: for @host
 * @limits: what kev can give
 *
 * A bit that is not on the allow-list never passes. Features that need state
 * which kev does not switch are not on it (PKU, CET, XSAVES, LA57, AMX, MPX,
 * ENQCMD, user interrupts, SGX, PT, VMX, performance counters, machine checks, SPEC_CTRL and
 * its like). Features that need a register state come only with its XCR0 bit.
 *
 * Context: That of @host.
 */
void kev_cpuid_build(struct kev_cpuid_table *table, kev_cpuid_host_fn host, void *ctx,
		     const struct kev_cpuid_limits *limits);

/**
 * kev_cpuid_settle() - take away what lacks something that it needs
 * @table: features have been taken away from it
 *
 * AVX and what follows from it come with their XCR0 bits, and the other way round. CR4
 * and EFER bits come with their features.
 *
 * Context: Any.
 */
void kev_cpuid_settle(struct kev_cpuid_table *table);

/**
 * kev_cpuid_set() - make the table of a VM whose user space wants something else
 * @table: written; valid only if this returns 0
 * @base: of kev_cpuid_build()
 * @entries: what to change; reordered and kept: they stay as long as @table
 * @nr: how many
 *
 * Bits that tell features can be taken away, names and sizes can be anything, and what
 * kev computes for each vCPU (ids, counts, sizes of XSAVE areas) can only be repeated as
 * kev_cpuid_list() gives it.
 *
 * Context: Any.
 * Return: 0, or -EINVAL.
 */
int kev_cpuid_set(struct kev_cpuid_table *table, const struct kev_cpuid_table *base,
		  struct kev_cpuid_entry *entries, u32 nr);

/**
 * kev_cpuid_list() - all leaves that are not zero
 * @table: of kev_cpuid_build()
 * @clock_pages: the VM has KVM's clock MSRs
 * @entries: written, as far as there is room
 * @room: how many fit
 *
 * As vCPU 0 of a VM with one vCPU has them after reset.
 *
 * Context: Any.
 * Return: how many there are.
 */
u32 kev_cpuid_list(const struct kev_cpuid_table *table, bool clock_pages,
		   struct kev_cpuid_entry *entries, u32 room);

/**
 * kev_cpuid_own() - put what user space wants over an answer
 * @table: of kev_cpuid_set()
 * @leaf: EAX
 * @subleaf: ECX
 * @out: the policy's answer
 *
 * Context: Any, IRQs off included.
 */
void kev_cpuid_own(const struct kev_cpuid_table *table, u32 leaf, u32 subleaf,
		   struct kev_cpuid_regs *out);

/**
 * kev_cpuid_answer() - what a vCPU gets for CPUID
 * @table: of kev_cpuid_build() or kev_cpuid_set()
 * @vcpu: the vCPU's part
 * @leaf: EAX
 * @subleaf: ECX
 * @out: the answer; zero-extend each register to 64 bits
 *
 * A leaf or subleaf that is not known reads as zeros, also one above the
 * greatest basic leaf (where a CPU of Intel repeats the data of that leaf).
 * No loop over leaves: this runs on the fast level. Only what kev_cpuid_set() has put
 * over the answers is searched, by halves.
 *
 * Context: Any, IRQs off included.
 */
void kev_cpuid_answer(const struct kev_cpuid_table *table, const struct kev_cpuid_vcpu *vcpu,
		      u32 leaf, u32 subleaf, struct kev_cpuid_regs *out);

/**
 * kev_cpuid_is_constant() - is the answer to a leaf the same for all vCPUs, always
 * @table: of kev_cpuid_build() or kev_cpuid_set()
 * @leaf: EAX
 *
 * Context: Any; noinstr.
 * Return: true only for basic leaves without subleaves.
 */
static __always_inline bool kev_cpuid_is_constant(const struct kev_cpuid_table *table, u32 leaf)
{
	return leaf <= KEV_CPUID_MAX_BASIC && table->constant & BIT(leaf);
}

/**
 * kev_cpuid_constant() - the answer to a leaf for which kev_cpuid_is_constant() is true
 * @table: of kev_cpuid_build() or kev_cpuid_set()
 * @leaf: EAX
 *
 * Context: Any; noinstr.
 * Return: what kev_cpuid_answer() gives.
 */
static __always_inline const struct kev_cpuid_regs *
kev_cpuid_constant(const struct kev_cpuid_table *table, u32 leaf)
{
	/* The guest chooses the index, and mispredicted paths read too: a mask of its bits. */
	OPTIMIZER_HIDE_VAR(leaf);
	return &table->basic[leaf & KEV_CPUID_MAX_BASIC];
}

/**
 * kev_cpuid_xcr0_valid() - may a guest load this value with XSETBV
 * @table: of kev_cpuid_build() or kev_cpuid_set()
 * @xcr0: the value
 *
 * SDM Vol. 1, "Extended Control Register XCR0": bit 0 is set, AVX needs SSE,
 * the three bits of AVX-512 come together and need AVX.
 *
 * Context: Any.
 * Return: true: the CPU would take it; else it raises #GP.
 */
bool kev_cpuid_xcr0_valid(const struct kev_cpuid_table *table, u64 xcr0);

#endif /* _KEV_CPUID_H */
