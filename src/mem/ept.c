// SPDX-License-Identifier: GPL-2.0
/*
 * Extended page tables: SDM Vol. 3, "EPT Translation Mechanism". Pure.
 */
#include <kev/ept.h>
#include <kev/pure.h>

/* Bits 2:0 of an entry are its rights, in the order of KEV_MEM_*. */
#define EPT_RIGHTS		GENMASK_ULL(2, 0)
#define EPT_TYPE_WB		(6ULL << 3)
#define EPT_IGNORE_PAT		BIT_ULL(6)
#define EPT_LARGE		BIT_ULL(7)
#define EPT_DIRTY		BIT_ULL(9)
#define EPT_ADDRESS		GENMASK_ULL(51, 12)

#define EPTP_TYPE_WB		6ULL
#define EPTP_WALK_4		(3ULL << 3)	/* levels minus 1 */
#define EPTP_ACCESSED_DIRTY	BIT_ULL(6)

static_assert(KEV_MEM_READ == BIT(0) && KEV_MEM_WRITE == BIT(1) && KEV_MEM_EXEC == BIT(2),
	      "in the order of an entry's rights");

#define CAN(prot)		BIT(prot)

/* SDM Vol. 3, "EPT Misconfigurations": write without read always is one */
#define PROTS									\
	(CAN(KEV_MEM_READ) |							\
	 CAN(KEV_MEM_READ | KEV_MEM_WRITE) |					\
	 CAN(KEV_MEM_READ | KEV_MEM_EXEC) |					\
	 CAN(KEV_MEM_READ | KEV_MEM_WRITE | KEV_MEM_EXEC))

static u64 ept_make_table(u64 pa)
{
	return pa | EPT_RIGHTS;
}

/*
 * The guest's own PAT is ignored: host pages, page-cache pages among them, must
 * not be reached with two memory types at once.
 */
static u64 ept_make_leaf(u64 pa, unsigned int prot, unsigned int level)
{
	return pa | prot | EPT_TYPE_WB | EPT_IGNORE_PAT |
	       (level > KEV_PT_LEVEL_4K ? EPT_LARGE : 0);
}

static bool ept_present(u64 entry)
{
	return entry & EPT_RIGHTS;
}

static bool ept_is_leaf(u64 entry, unsigned int level)
{
	return level == KEV_PT_LEVEL_4K || entry & EPT_LARGE;
}

static u64 ept_address(u64 entry, unsigned int level)
{
	u64 address = entry & EPT_ADDRESS;

	return ept_is_leaf(entry, level) ? address & ~(kev_pt_size(level) - 1) : address;
}

static unsigned int ept_prot(u64 entry)
{
	return entry & EPT_RIGHTS;
}

#define EPT_FORMAT(_prots) {			\
	.levels = KEV_PT_LEVEL_512G,		\
	.prots = (_prots),			\
	.dirty = EPT_DIRTY,			\
	.make_table = ept_make_table,		\
	.make_leaf = ept_make_leaf,		\
	.present = ept_present,			\
	.is_leaf = ept_is_leaf,			\
	.address = ept_address,			\
	.prot = ept_prot,			\
}

const struct kev_pt_format kev_ept_format = EPT_FORMAT(PROTS);
const struct kev_pt_format kev_ept_format_execute_only = EPT_FORMAT(PROTS | CAN(KEV_MEM_EXEC));

u64 kev_eptp(u64 root_pa, bool accessed_dirty)
{
	return root_pa | EPTP_WALK_4 | EPTP_TYPE_WB | (accessed_dirty ? EPTP_ACCESSED_DIRTY : 0);
}
