/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Extended page tables: SDM Vol. 3, "EPT Translation Mechanism". Pure.
 */
#ifndef _KEV_EPT_H
#define _KEV_EPT_H

#include <kev/pt.h>
#include <kev/pure.h>

/* IA32_VMX_EPT_VPID_CAP: SDM Vol. 3, "VPID and EPT Capabilities" (appendix A.10) */
#define KEV_EPT_CAP_EXECUTE_ONLY	BIT_ULL(0)
#define KEV_EPT_CAP_WALK_4		BIT_ULL(6)
#define KEV_EPT_CAP_WALK_5		BIT_ULL(7)
#define KEV_EPT_CAP_UC			BIT_ULL(8)
#define KEV_EPT_CAP_WB			BIT_ULL(14)
#define KEV_EPT_CAP_2M			BIT_ULL(16)
#define KEV_EPT_CAP_1G			BIT_ULL(17)
#define KEV_EPT_CAP_INVEPT		BIT_ULL(20)
#define KEV_EPT_CAP_ACCESSED_DIRTY	BIT_ULL(21)
#define KEV_EPT_CAP_ADVANCED_EXIT	BIT_ULL(22)
#define KEV_EPT_CAP_INVEPT_SINGLE	BIT_ULL(25)
#define KEV_EPT_CAP_INVEPT_GLOBAL	BIT_ULL(26)
#define KEV_VPID_CAP_INVVPID		BIT_ULL(32)
#define KEV_VPID_CAP_ADDRESS		BIT_ULL(40)
#define KEV_VPID_CAP_SINGLE		BIT_ULL(41)
#define KEV_VPID_CAP_GLOBAL		BIT_ULL(42)
#define KEV_VPID_CAP_SINGLE_NON_GLOBAL	BIT_ULL(43)

/* Write without read cannot be expressed, execute without read only by the second. */
extern const struct kev_pt_format kev_ept_format;
extern const struct kev_pt_format kev_ept_format_execute_only;

/**
 * kev_eptp() - the EPT pointer of a four-level table
 * @root_pa: host-physical address of the root table
 * @accessed_dirty: have the CPU keep accessed and dirty bits
 *
 * SDM Vol. 3, "Extended-Page-Table Pointer (EPTP)". Structures are walked as
 * write-back memory.
 *
 * Context: Any.
 * Return: what the VMCS field holds.
 */
u64 kev_eptp(u64 root_pa, bool accessed_dirty);

#endif /* _KEV_EPT_H */
