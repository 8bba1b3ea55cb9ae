/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What a VM makes of CPUID, MSRs and exits. Part of <linux/kev.h>, which programs include.
 */
#ifndef _UAPI_LINUX_KEV_POLICY_H
#define _UAPI_LINUX_KEV_POLICY_H

#include <linux/const.h>
#include <linux/types.h>

/* kev_cpuid_entry.flags */
#define KEV_CPUID_SUBLEAF	_BITUL(0)	/* for this subleaf only, not for all */

/**
 * struct kev_cpuid_entry - what a guest reads for one leaf of CPUID
 * @leaf: EAX
 * @subleaf: ECX, with KEV_CPUID_SUBLEAF
 * @flags: KEV_CPUID_*
 * @reserved: 0
 * @value: EAX, EBX, ECX, EDX
 * @mask: bits of @value that count; for the others the policy's answer holds
 */
struct kev_cpuid_entry {
	__u32 leaf;
	__u32 subleaf;
	__u32 flags;
	__u32 reserved;
	__u32 value[4];
	__u32 mask[4];
};

#define KEV_MAX_CPUID_ENTRIES	256U

/**
 * struct kev_cpuid - KEV_VM_SET_CPUID, KEV_VM_GET_SUPPORTED_CPUID
 * @size: in: sizeof(struct kev_cpuid)
 * @flags: in: 0
 * @nr: in: entries in @entries, at most KEV_MAX_CPUID_ENTRIES; out, GET: entries that
 *	there are, also when it fails with -E2BIG because they are more
 * @reserved: in: 0
 * @entries: in: user address of struct kev_cpuid_entry[nr]
 *
 * GET tells what every guest gets by default, with all mask bits set. SET replaces what an
 * earlier SET said, until the VM's first RUN (-EBUSY). Of leaves that tell features
 * (1, 7, 0xd, 0x80000001 and the like) a bit can be taken away, not added: -EINVAL.
 */
struct kev_cpuid {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 reserved;
	__u64 entries;
};

/* kev_msr_policy.policy: what RDMSR and WRMSR of an index do in a VM */
enum kev_msr_class {
	KEV_MSR_EMULATED = 0,	/* as kev does by default */
	KEV_MSR_VALUE = 1,	/* a register of 64 bits without effect, one for each vCPU */
	KEV_MSR_ZERO = 2,	/* reads as zero, writes are ignored */
	KEV_MSR_FAULT = 3,	/* #GP(0) */
	KEV_MSR_REPORT = 4,	/* KEV_EXIT_MSR */
};

/**
 * struct kev_msr_policy - a range of MSRs
 * @first: lowest index
 * @count: how many, not 0; with KEV_MSR_VALUE 1
 * @policy: enum kev_msr_class
 * @reserved: 0
 * @value: KEV_MSR_VALUE: what a vCPU starts with; else 0
 */
struct kev_msr_policy {
	__u32 first;
	__u32 count;
	__u32 policy;
	__u32 reserved;
	__u64 value;
};

#define KEV_MAX_MSR_POLICIES	64U

/**
 * struct kev_set_msrs - KEV_VM_SET_MSRS: what MSRs do in a VM
 * @size: in: sizeof(struct kev_set_msrs)
 * @flags: in: 0
 * @nr: in: entries, at most KEV_MAX_MSR_POLICIES
 * @reserved: in: 0
 * @entries: in: user address of struct kev_msr_policy[nr]; ranges do not overlap
 *
 * Replaces what an earlier call said, until the VM's first RUN (-EBUSY).
 */
struct kev_set_msrs {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 reserved;
	__u64 entries;
};

/**
 * struct kev_set_exits - KEV_VM_SET_EXITS: which exits user space is given
 * @size: in: sizeof(struct kev_set_exits)
 * @flags: in: 0
 * @report: in: KEV_INTERCEPT_*: reported as KEV_EXIT_INTERCEPT
 * @pass: in: of KEV_INTERCEPT_HLT, _PAUSE and _MWAIT: the guest's instruction does what
 *	the CPU makes of it, without an exit; not what is in @report
 * @exceptions: in: with KEV_INTERCEPT_EXCEPTION: bit n for vector n, not 2 and 18; else 0
 * @reserved: in: 0
 *
 * Until the VM's first RUN (-EBUSY). -EOPNOTSUPP: the CPU cannot do it.
 */
struct kev_set_exits {
	__u32 size;
	__u32 flags;
	__u64 report;
	__u64 pass;
	__u32 exceptions;
	__u32 reserved;
};

#endif /* _UAPI_LINUX_KEV_POLICY_H */
