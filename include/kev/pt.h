/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The format of second-level page tables, as the memory core sees it. Pure.
 *
 * Tables have 512 entries of 64 bits at every level. Level 1 holds the leaves
 * of 4 KiB; an entry of level n maps or covers 4 KiB << 9 * (n - 1).
 */
#ifndef _KEV_PT_H
#define _KEV_PT_H

#include <kev/pure.h>

#define KEV_PT_ENTRIES		512U
#define KEV_PT_INDEX_BITS	9
#define KEV_PT_LEVEL_4K		1U
#define KEV_PT_LEVEL_2M		2U
#define KEV_PT_LEVEL_1G		3U
#define KEV_PT_LEVEL_512G	4U	/* the root of four levels */

/**
 * struct kev_pt_format - one vendor's entries
 * @levels: level of the root
 * @prots: bit n is set when a leaf can express the rights n, a combination of KEV_MEM_*
 * @dirty: flag that the CPU sets in a leaf when it is written through, if it keeps such
 * @make_table: entry that points to the table at a host-physical address, all rights
 * @make_leaf: entry that maps a host-physical address, aligned to the level's
 *	size, with rights for which kev_pt_prot_valid(); memory type write-back
 * @present: does the entry point to a table or a page; an entry of 0 does not
 * @is_leaf: does a present entry of this level map memory
 * @address: host-physical address in a present entry of this level
 * @prot: KEV_MEM_* that a present entry grants
 *
 * The CPU sets accessed and dirty bits in entries behind the caller's back:
 * compare and exchange, never assume that an entry is what was written.
 */
struct kev_pt_format {
	unsigned int levels;
	unsigned int prots;
	u64 dirty;
	u64 (*make_table)(u64 pa);
	u64 (*make_leaf)(u64 pa, unsigned int prot, unsigned int level);
	bool (*present)(u64 entry);
	bool (*is_leaf)(u64 entry, unsigned int level);
	u64 (*address)(u64 entry, unsigned int level);
	unsigned int (*prot)(u64 entry);
};

/* kev_pt_shift() - log2 of what an entry of @level covers */
static inline unsigned int kev_pt_shift(unsigned int level)
{
	return KEV_PAGE_SHIFT + KEV_PT_INDEX_BITS * (level - 1);
}

/* kev_pt_size() - bytes that an entry of @level covers */
static inline u64 kev_pt_size(unsigned int level)
{
	return 1ULL << kev_pt_shift(level);
}

/* kev_pt_index() - which entry of a table of @level covers @gpa */
static inline unsigned int kev_pt_index(u64 gpa, unsigned int level)
{
	return (gpa >> kev_pt_shift(level)) & (KEV_PT_ENTRIES - 1);
}

/* kev_pt_prot_valid() - can a leaf grant exactly @prot */
static inline bool kev_pt_prot_valid(const struct kev_pt_format *format, unsigned int prot)
{
	return prot <= KEV_MEM_ALL && (format->prots >> prot) & 1;
}

/* kev_pt_limit() - first guest-physical address that the tables cannot map */
static inline u64 kev_pt_limit(const struct kev_pt_format *format)
{
	return KEV_PT_ENTRIES * kev_pt_size(format->levels);
}

#endif /* _KEV_PT_H */
