// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's own page tables: SDM Vol. 3, chapter "Paging". Pure.
 */
#include <kev/pure.h>
#include <kev/values.h>
#include <kev/walk.h>

#define CR0_WP		BIT_ULL(16)
#define CR0_PG		BIT_ULL(31)
#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_LA57	BIT_ULL(12)
#define CR4_SMAP	BIT_ULL(21)
#define EFER_LMA	BIT_ULL(10)
#define EFER_NXE	BIT_ULL(11)

#define PTE_PRESENT	BIT_ULL(0)
#define PTE_WRITE	BIT_ULL(1)
#define PTE_USER	BIT_ULL(2)
#define PTE_ACCESSED	BIT_ULL(5)
#define PTE_DIRTY	BIT_ULL(6)
#define PTE_LARGE	BIT_ULL(7)
#define PTE_XD		BIT_ULL(63)
#define PTE_ADDRESS	GENMASK_ULL(51, 12)

/* The rights in an entry of PAE's level 3 are reserved bits instead. */
#define PDPTE_RESERVED	(GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1))

/* 32-bit paging: bits 20:13 of a 4 MiB entry are bits 39:32 of the address (PSE-36). */
#define PSE36_SHIFT	(32 - 13)
#define PSE36_ADDRESS	GENMASK_ULL(20, 13)
#define PSE36_RESERVED	BIT_ULL(21)

enum mode { MODE_NONE, MODE_32, MODE_PAE, MODE_LONG };

static enum mode mode_of(const struct kev_paging *p)
{
	if (!(p->cr0 & CR0_PG))
		return MODE_NONE;
	if (p->efer & EFER_LMA)
		return MODE_LONG;
	return p->cr4 & CR4_PAE ? MODE_PAE : MODE_32;
}

static u64 above_width(const struct kev_paging *p)
{
	return PTE_ADDRESS & ~((1ULL << min_t(unsigned int, p->phys_bits, KEV_PHYS_BITS_MAX)) - 1);
}

static void set_leaf(struct kev_walk *out, u64 base, u64 gva, unsigned int shift)
{
	u64 offset = (1ULL << shift) - 1;

	out->gpa = (base & ~offset) | (gva & offset);
	out->page_size = offset + 1;
}

static int malformed(struct kev_walk *out)
{
	out->reserved = true;
	return -EFAULT;
}

/* An entry that leads on: what it grants, and where its flags are */
static void pass_entry(struct kev_walk *out, u64 gpa, u64 entry)
{
	out->entry[out->nr].gpa = gpa;
	out->entry[out->nr++].value = entry;
	if (!(entry & PTE_WRITE))
		out->prot &= ~KEV_MEM_WRITE;
	if (!(entry & PTE_USER))
		out->user = false;
}

/* SDM Vol. 3, "32-Bit Paging": two levels of 1024 entries of 4 bytes */
static int walk_32(const struct kev_paging *p, u64 gva, kev_walk_read_fn read, void *ctx,
		   struct kev_walk *out)
{
	u64 table = p->cr3 & GENMASK_ULL(31, 12);
	unsigned int level;

	out->entry_size = sizeof(u32);
	for (level = 2; ; level--) {
		unsigned int shift = KEV_PAGE_SHIFT + 10 * (level - 1);
		u64 at = table + (gva >> shift & 0x3ff) * sizeof(u32);
		u32 entry;
		int ret;

		out->level = level;
		ret = read(ctx, at, &entry, sizeof(entry));
		if (ret)
			return ret;
		if (!(entry & PTE_PRESENT))
			return -EFAULT;
		pass_entry(out, at, entry);
		if (level == 2 && entry & PTE_LARGE && p->cr4 & CR4_PSE) {
			u64 high = (entry & PSE36_ADDRESS) << PSE36_SHIFT;

			if (entry & PSE36_RESERVED || high & above_width(p))
				return malformed(out);
			set_leaf(out, high | (entry & GENMASK_ULL(31, 22)), gva, shift);
			return 0;
		}
		table = entry & GENMASK_ULL(31, 12);
		if (level == 1) {
			set_leaf(out, table, gva, shift);
			return 0;
		}
	}
}

/* Bits of an entry that have to be 0, by its place */
static u64 reserved(const struct kev_paging *p, enum mode mode, unsigned int level, u64 entry)
{
	u64 bits = above_width(p);

	if (mode == MODE_PAE) {
		bits |= GENMASK_ULL(62, 52);
		if (level == 3)
			return bits | PTE_XD | PDPTE_RESERVED;
	}
	if (!(p->efer & EFER_NXE))
		bits |= PTE_XD;
	if (level > 3)
		bits |= PTE_LARGE;
	else if (level > 1 && entry & PTE_LARGE)
		bits |= GENMASK_ULL(KEV_PAGE_SHIFT + 9 * (level - 1) - 1, KEV_PAGE_SHIFT + 1);
	return bits;
}

/* SDM Vol. 3, "PAE Paging", "4-Level Paging and 5-Level Paging": entries of 8 bytes */
static int walk_64(const struct kev_paging *p, u64 gva, enum mode mode, unsigned int levels,
		   kev_walk_read_fn read, void *ctx, struct kev_walk *out)
{
	/* PAE's table of four entries is aligned to 32 bytes and below 4 GiB. */
	u64 table = p->cr3 & (mode == MODE_PAE ? GENMASK_ULL(31, 5) : PTE_ADDRESS);
	unsigned int level;

	out->entry_size = sizeof(u64);
	for (level = levels; ; level--) {
		unsigned int shift = KEV_PAGE_SHIFT + 9 * (level - 1);
		u64 at = table + (gva >> shift & 0x1ff) * sizeof(u64);
		u64 entry;
		int ret;

		out->level = level;
		ret = read(ctx, at, &entry, sizeof(entry));
		if (ret)
			return ret;
		if (!(entry & PTE_PRESENT))
			return -EFAULT;
		if (entry & reserved(p, mode, level, entry))
			return malformed(out);
		if (mode != MODE_PAE || level < 3) {
			pass_entry(out, at, entry);
			if (entry & PTE_XD)
				out->prot &= ~KEV_MEM_EXEC;
		}
		table = entry & PTE_ADDRESS;
		if (level == 1 || entry & PTE_LARGE) {
			set_leaf(out, table, gva, shift);
			return 0;
		}
	}
}

int kev_walk(const struct kev_paging *p, u64 gva, kev_walk_read_fn read, void *ctx,
	     struct kev_walk *out)
{
	unsigned int levels = p->cr4 & CR4_LA57 ? 5 : 4;
	enum mode mode = mode_of(p);

	*out = (struct kev_walk) { .prot = KEV_MEM_ALL, .user = true };
	if (mode == MODE_LONG) {
		if (!kev_canonical_in(gva, KEV_PAGE_SHIFT + 9 * levels))
			return -EFAULT;
		return walk_64(p, gva, mode, levels, read, ctx, out);
	}
	if (gva >> 32)
		return -EFAULT;
	if (mode == MODE_PAE)
		return walk_64(p, gva, mode, 3, read, ctx, out);
	if (mode == MODE_32)
		return walk_32(p, gva, read, ctx, out);
	set_leaf(out, gva, gva, KEV_PAGE_SHIFT);
	return 0;
}

bool kev_walk_denies(const struct kev_paging *p, bool mapped, const struct kev_walk *walk,
		     unsigned int access, bool user, bool ac, u32 *error)
{
	bool write = access & KEV_MEM_WRITE, denied = false;

	*error = (write ? KEV_PF_WRITE : 0) | (user ? KEV_PF_USER : 0);
	if (!mapped) {
		if (walk->reserved)
			*error |= KEV_PF_PRESENT | KEV_PF_RESERVED;
		return true;
	}
	if (!(p->cr0 & CR0_PG))
		return false;
	*error |= KEV_PF_PRESENT;
	if (write && !(walk->prot & KEV_MEM_WRITE))
		denied = user || p->cr0 & CR0_WP;
	if (user && !walk->user)
		denied = true;
	if (!user && walk->user && p->cr4 & CR4_SMAP && !ac)
		denied = true;
	return denied;
}

u64 kev_walk_entry_used(const struct kev_walk *walk, unsigned int i, bool write)
{
	u64 entry = walk->entry[i].value | PTE_ACCESSED;

	if (write && i == walk->nr - 1U)
		entry |= PTE_DIRTY;
	return entry;
}
