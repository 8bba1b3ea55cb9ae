/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes to control registers: what is legal and what follows from it. Pure.
 */
#ifndef _KEV_CR_H
#define _KEV_CR_H

#include <kev/pure.h>

#define KEV_NR_PDPTES	4U

/* What a table of four page-directory-pointer entries fills, and the place of one */
#define KEV_PDPT_SIZE	(KEV_NR_PDPTES * sizeof(u64))
#define KEV_PDPT_GPA(cr3)	((cr3) & GENMASK_ULL(31, 5))

/**
 * struct kev_cr_state - what decides about a write
 * @cr0: as the guest reads it
 * @cr3: page-table base
 * @cr4: as the guest reads it
 * @efer: IA32_EFER
 * @code64: CS.L
 * @tss16: TR refers to a 16-bit TSS
 * @cr0_allowed: CR0 bits that the guest may set
 * @cr4_allowed: CR4 bits that the guest may set
 * @phys_bits: width of a physical address
 */
struct kev_cr_state {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	bool code64;
	bool tss16;
	u64 cr0_allowed;
	u64 cr4_allowed;
	u32 phys_bits;
};

/**
 * struct kev_cr_change - what a legal write does
 * @value: the register's new value, as the guest reads it
 * @efer: IA32_EFER after it: LMA follows CR0.PG
 * @load_pdptes: the CPU loads the page-directory-pointer entries; if one of them has
 *	reserved bits set, the write is #GP(0) and does nothing
 * @flush: the CPU forgets what it has cached of the guest's page tables
 */
struct kev_cr_change {
	u64 value;
	u64 efer;
	bool load_pdptes;
	bool flush;
};

/**
 * kev_cr_write() - the guest writes CR0, CR3 or CR4 at CPL 0
 * @s: before the write
 * @cr: 0, 3 or 4
 * @value: what it writes; 32 bits outside 64-bit mode
 * @change: written on success
 *
 * SDM Vol. 2, "MOV—Move to/from Control Registers"; Vol. 3, "Initializing IA-32e Mode",
 * "PDPTE Registers", "Operations that Invalidate TLBs and Paging-Structure Caches".
 *
 * Context: Any.
 * Return: 0; -EINVAL: #GP(0).
 */
int kev_cr_write(const struct kev_cr_state *s, unsigned int cr, u64 value,
		 struct kev_cr_change *change);

/* kev_pae() - does the CPU page with PAE and page-directory-pointer entries of its own */
bool kev_pae(u64 cr0, u64 cr4, u64 efer);

/* kev_pdpte_valid() - has a page-directory-pointer entry no reserved bit set */
bool kev_pdpte_valid(u64 entry, u32 phys_bits);

#endif /* _KEV_CR_H */
