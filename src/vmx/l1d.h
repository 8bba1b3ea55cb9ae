/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When the L1 data cache is flushed for a guest. Pure.
 */
#ifndef _KEV_VMX_L1D_H
#define _KEV_VMX_L1D_H

#include <kev/pure.h>

/* IA32_ARCH_CAPABILITIES.SKIP_L1DFL_VMENTRY; SDM Vol. 4 */
#define KEV_SKIPS_L1D_FLUSH	BIT_ULL(3)

enum kev_l1d_rule {
	KEV_L1D_NEVER,
	KEV_L1D_AFTER_HOST,	/* after the host has run something but the entry loop */
	KEV_L1D_ALWAYS,		/* before each entry */
};

/**
 * struct kev_l1d_facts - what decides it
 * @affected: the CPU has L1TF
 * @off: l1tf=off, or mitigations=off
 * @conditional: l1tf=flush and its kin, the default: only where something may have come in
 * @capabilities: IA32_ARCH_CAPABILITIES; 0 where there is none
 */
struct kev_l1d_facts {
	bool affected;
	bool off;
	bool conditional;
	u64 capabilities;
};

/* What `mitigations=` and `l1tf=` ask for: as KVM with vmentry_l1d_flush left alone */
static inline enum kev_l1d_rule kev_l1d_rule(const struct kev_l1d_facts *facts)
{
	if (!facts->affected || facts->off || facts->capabilities & KEV_SKIPS_L1D_FLUSH)
		return KEV_L1D_NEVER;
	return facts->conditional ? KEV_L1D_AFTER_HOST : KEV_L1D_ALWAYS;
}

#endif /* _KEV_VMX_L1D_H */
