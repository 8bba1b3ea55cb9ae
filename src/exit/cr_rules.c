// SPDX-License-Identifier: GPL-2.0
/*
 * Writes to control registers: what is legal and what follows from it. Pure.
 */
#include <kev/cr.h>
#include <kev/pure.h>

#define CR0_PE		BIT_ULL(0)
#define CR0_ET		BIT_ULL(4)
#define CR0_NW		BIT_ULL(29)
#define CR0_CD		BIT_ULL(30)
#define CR0_PG		BIT_ULL(31)
#define CR3_NO_FLUSH	BIT_ULL(63)
#define CR3_PCID	GENMASK_ULL(11, 0)
#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_PGE		BIT_ULL(7)
#define CR4_PCIDE	BIT_ULL(17)
#define CR4_SMEP	BIT_ULL(20)
#define EFER_LME	BIT_ULL(8)
#define EFER_LMA	BIT_ULL(10)

/* A change of one of these makes the CPU load the page-directory-pointer entries. */
#define CR0_LOADS	(CR0_PG | CR0_CD | CR0_NW)
#define CR4_LOADS	(CR4_PAE | CR4_PSE | CR4_PGE | CR4_SMEP)

#define PDPTE_PRESENT	BIT_ULL(0)
#define PDPTE_RESERVED	(GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1))

bool kev_pae(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LMA);
}

bool kev_pdpte_valid(u64 entry, u32 phys_bits)
{
	if (!(entry & PDPTE_PRESENT))
		return true;
	return !(entry & PDPTE_RESERVED) && !(entry >> phys_bits);
}

static int write_cr0(const struct kev_cr_state *s, u64 value, struct kev_cr_change *change)
{
	u64 changed;

	if (value >> 32)
		return -EINVAL;
	/* Reserved bits below are ignored. */
	value = (value & s->cr0_allowed) | CR0_ET;
	changed = value ^ s->cr0;
	if ((value & CR0_PG) && !(value & CR0_PE))
		return -EINVAL;
	if ((value & CR0_NW) && !(value & CR0_CD))
		return -EINVAL;

	change->value = value;
	change->efer = s->efer;
	if (changed & value & CR0_PG && s->efer & EFER_LME) {
		if (!(s->cr4 & CR4_PAE) || s->code64 || s->tss16)
			return -EINVAL;
		change->efer |= EFER_LMA;
	}
	if (changed & ~value & CR0_PG) {
		if (s->cr4 & CR4_PCIDE || (s->efer & EFER_LMA && s->code64))
			return -EINVAL;
		change->efer &= ~EFER_LMA;
	}
	change->load_pdptes = changed & CR0_LOADS && kev_pae(value, s->cr4, change->efer);
	change->flush = changed & CR0_PG;
	return 0;
}

static int write_cr3(const struct kev_cr_state *s, u64 value, struct kev_cr_change *change)
{
	bool keeps = s->cr4 & CR4_PCIDE && value & CR3_NO_FLUSH;

	if (keeps)
		value &= ~CR3_NO_FLUSH;
	if (value >> s->phys_bits)
		return -EINVAL;
	change->value = value;
	change->efer = s->efer;
	change->load_pdptes = kev_pae(s->cr0, s->cr4, s->efer);
	change->flush = !keeps;
	return 0;
}

static int write_cr4(const struct kev_cr_state *s, u64 value, struct kev_cr_change *change)
{
	u64 changed = value ^ s->cr4;

	if (value & ~s->cr4_allowed)
		return -EINVAL;
	if (s->efer & EFER_LMA && !(value & CR4_PAE))
		return -EINVAL;
	if (changed & value & CR4_PCIDE && (!(s->efer & EFER_LMA) || s->cr3 & CR3_PCID))
		return -EINVAL;
	change->value = value;
	change->efer = s->efer;
	change->load_pdptes = changed & CR4_LOADS && kev_pae(s->cr0, value, s->efer);
	change->flush = changed & (CR4_LOADS | CR4_PCIDE);
	return 0;
}

int kev_cr_write(const struct kev_cr_state *s, unsigned int cr, u64 value,
		 struct kev_cr_change *change)
{
	switch (cr) {
	case 0:
		return write_cr0(s, value, change);
	case 3:
		return write_cr3(s, value, change);
	default:
		return write_cr4(s, value, change);
	}
}
