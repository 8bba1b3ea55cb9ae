// SPDX-License-Identifier: GPL-2.0
/*
 * The walk through a guest's page tables, in every mode and with every page size.
 */
#include "unit.h"

#include <kev/walk.h>

#define PG		0x80000001ULL	/* CR0: paging, protection */
#define PSE		0x10ULL
#define PAE		0x20ULL
#define LA57		0x1000ULL
#define LMA		0x500ULL
#define NXE		0x800ULL

/* Bits of entries */
#define P		1ULL
#define PW		3ULL
#define PWU		7ULL
#define PS		0x80ULL
#define AD		0x60ULL		/* accessed, dirty */
#define PAT_LARGE	0x1000ULL
#define XD		BIT_ULL(63)

#define R		KEV_MEM_READ
#define RW		(KEV_MEM_READ | KEV_MEM_WRITE)
#define RX		(KEV_MEM_READ | KEV_MEM_EXEC)
#define RWX		KEV_MEM_ALL

#define KIB4		0x1000ULL
#define MIB2		0x200000ULL
#define MIB4		0x400000ULL
#define GIB1		0x40000000ULL

struct cell {
	u64 gpa;
	u64 value;
};

/* As in struct kev_walk */
struct walked {
	u64 gpa;
	u64 page_size;
	unsigned int prot;
	unsigned int level;
	bool user;
};

struct walk_case {
	const char *name;
	struct kev_paging paging;	/* phys_bits 0: 40 */
	u64 gva;
	struct cell memory[5];
	int ret;
	struct walked out;
};

/* 4-level: indices 1, 2, 3, 4 from the root at 0x1000, offset 0x567 */
#define GVA4		0x8080604567ULL
#define PML4E(v)	{ 0x1008, (v) }
#define PDPTE(v)	{ 0x2010, (v) }
#define PDE(v)		{ 0x3018, (v) }
#define PTE(v)		{ 0x4020, (v) }
#define TABLE2		0x2000ULL
#define TABLE3		0x3000ULL
#define TABLE4		0x4000ULL
#define LONG4		{ .cr0 = PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA }
#define LONG4_NX	{ .cr0 = PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA | NXE }
#define LONG5		{ .cr0 = PG, .cr3 = 0x1000, .cr4 = PAE | LA57, .efer = LMA }
/* 32-bit: indices 2, 3, offset 0x567 */
#define GVA32		0x00803567ULL
#define PDE32(v)	{ 0x1008, (v) }
#define PTE32(v)	{ 0x200c, (v) }
#define MODE32		{ .cr0 = PG, .cr3 = 0x1000 }
#define MODE32_PSE	{ .cr0 = PG, .cr3 = 0x1000, .cr4 = PSE }
/* PAE: indices 2, 3, 4 from a root at 0x1020, offset 0x567 */
#define GVAPAE		0x80604567ULL
#define PDPTEPAE(v)	{ 0x1030, (v) }
#define PDEPAE(v)	{ 0x2018, (v) }
#define PTEPAE(v)	{ 0x3020, (v) }
#define MODEPAE		{ .cr0 = PG, .cr3 = 0x1020, .cr4 = PAE }
#define MODEPAE_NX	{ .cr0 = PG, .cr3 = 0x1020, .cr4 = PAE, .efer = NXE }

#define FOUR_LEVELS(a, b, c, d)							\
	{ PML4E(TABLE2 | (a)), PDPTE(TABLE3 | (b)), PDE(TABLE4 | (c)), PTE(d) }

/* What a walk says that failed; most have come through entries that grant all rights. */
#define ENDED(level, prot, user)	-EFAULT, { 0, 0, (prot), (level), (user) }
#define ENDED_AT(level)			ENDED(level, RWX, true)

static const struct walk_case cases[] = {
	{ "no paging", { .cr0 = 1, .cr3 = 0xdead000 }, 0xfedcba98, {}, 0,
	  { 0xfedcba98, KIB4, RWX, 0, true } },
	{ "no paging, above 4 GiB", { .cr0 = 1 }, 1ULL << 32, {}, ENDED_AT(0) },

	{ "32-bit, 4 KiB", MODE32, GVA32, { PDE32(0x2000 | PWU), PTE32(0xabcde000 | PWU | AD) }, 0,
	  { 0xabcde567, KIB4, RWX, 1, true } },
	{ "32-bit, read-only below", MODE32, GVA32, { PDE32(0x2000 | PWU), PTE32(0x5000 | 5) }, 0,
	  { 0x5567, KIB4, RX, 1, true } },
	{ "32-bit, read-only above", MODE32, GVA32, { PDE32(0x2000 | 5), PTE32(0x5000 | PWU) }, 0,
	  { 0x5567, KIB4, RX, 1, true } },
	{ "32-bit, supervisor", MODE32, GVA32, { PDE32(0x2000 | PWU), PTE32(0x5000 | PW) }, 0,
	  { 0x5567, KIB4, RWX, 1, false } },
	{ "32-bit, PS without CR4.PSE is ignored", MODE32, GVA32,
	  { PDE32(0x2000 | PWU | PS), PTE32(0x5000 | PWU) }, 0, { 0x5567, KIB4, RWX, 1, true } },
	{ "32-bit, CR3 has other bits", { .cr0 = PG, .cr3 = 0xffffffff00001fff },
	  GVA32, { PDE32(0x2000 | PWU), PTE32(0x5000 | PWU) }, 0, { 0x5567, KIB4, RWX, 1, true } },
	{ "32-bit, 4 MiB", MODE32_PSE, GVA32, { PDE32(0xc0c00000 | PWU | PS) }, 0,
	  { 0xc0c03567, MIB4, RWX, 2, true } },
	{ "32-bit, 4 MiB above 4 GiB", MODE32_PSE, GVA32,
	  { PDE32(0xc0c00000 | PWU | PS | 0xff << 13) }, 0,
	  { 0xffc0c03567, MIB4, RWX, 2, true } },
	{ "32-bit, 4 MiB with PAT", MODE32_PSE, GVA32,
	  { PDE32(0xc0c00000 | P | PS | PAT_LARGE) }, 0,
	  { 0xc0c03567, MIB4, RX, 2, false } },
	{ "32-bit, 4 MiB, reserved bit 21", MODE32_PSE, GVA32,
	  { PDE32(0xc0c00000 | PWU | PS | 1 << 21) }, ENDED_AT(2) },
	{ "32-bit, 4 MiB above the width",
	  { .cr0 = PG, .cr3 = 0x1000, .cr4 = PSE, .phys_bits = 36 },
	  GVA32, { PDE32(0xc0c00000 | PWU | PS | 1 << 17) }, ENDED_AT(2) },
	{ "32-bit, directory entry absent", MODE32, GVA32, { PDE32(0x2000 | 6) }, ENDED_AT(2) },
	{ "32-bit, table entry absent", MODE32, GVA32, { PDE32(0x2003), PTE32(0x5000 | 6) },
	  ENDED(1, RWX, false) },
	{ "32-bit, above 4 GiB", MODE32, GVA32 + (1ULL << 32),
	  { PDE32(0x2000 | PWU), PTE32(0x5000 | PWU) }, ENDED_AT(0) },

	{ "PAE, 4 KiB", MODEPAE, GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0x3000 | PWU), PTEPAE(0xab12345000 | PWU) }, 0,
	  { 0xab12345567, KIB4, RWX, 1, true } },
	{ "PAE, no execute", MODEPAE_NX, GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU | XD) }, 0,
	  { 0x5567, KIB4, RW, 1, true } },
	{ "PAE, 2 MiB", MODEPAE, GVAPAE, { PDPTEPAE(0x2000 | P), PDEPAE(0xa0000000 | PW | PS) }, 0,
	  { 0xa0004567, MIB2, RWX, 2, false } },
	{ "PAE, XD without EFER.NXE", MODEPAE, GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU | XD) }, ENDED_AT(1) },
	{ "PAE, R/W in the top entry is reserved", MODEPAE, GVAPAE,
	  { PDPTEPAE(0x2000 | PW), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU) }, ENDED_AT(3) },
	{ "PAE, PS in the top entry is reserved", MODEPAE, GVAPAE, { PDPTEPAE(0x2000 | P | PS) },
	  ENDED_AT(3) },
	{ "PAE, XD in the top entry is reserved", MODEPAE_NX, GVAPAE,
	  { PDPTEPAE(0x2000 | P | XD), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU) }, ENDED_AT(3) },
	{ "PAE, bit 52 is reserved", MODEPAE, GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU | 1ULL << 52) },
	  ENDED_AT(1) },
	{ "PAE, bit 62 is reserved", MODEPAE, GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0x3000 | PWU | 1ULL << 62), PTEPAE(0x5000 | PWU) },
	  ENDED_AT(2) },
	{ "PAE, above 4 GiB", MODEPAE, 1ULL << 32 | GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU) }, ENDED_AT(0) },

	{ "4 levels, 4 KiB", LONG4, GVA4, FOUR_LEVELS(PWU, PWU, PWU, 0xab12345000 | PWU | AD), 0,
	  { 0xab12345567, KIB4, RWX, 1, true } },
	{ "4 levels, ignored bits", LONG4, GVA4,
	  FOUR_LEVELS(PWU | 0x7ff0000000000f00, PWU | 0xe18, PWU | 0xe18, 0x5000 | PWU | 0xff8), 0,
	  { 0x5567, KIB4, RWX, 1, true } },
	{ "4 levels, CR3 with PCID and bit 63",
	  { .cr0 = PG, .cr3 = 0x8000000000001fff, .cr4 = PAE, .efer = LMA }, GVA4,
	  FOUR_LEVELS(PWU, PWU, PWU, 0x5000 | PWU), 0, { 0x5567, KIB4, RWX, 1, true } },
	{ "4 levels, read-only at 4", LONG4, GVA4, FOUR_LEVELS(5, PWU, PWU, 0x5000 | PWU), 0,
	  { 0x5567, KIB4, RX, 1, true } },
	{ "4 levels, read-only at 3", LONG4, GVA4, FOUR_LEVELS(PWU, 5, PWU, 0x5000 | PWU), 0,
	  { 0x5567, KIB4, RX, 1, true } },
	{ "4 levels, read-only at 2", LONG4, GVA4, FOUR_LEVELS(PWU, PWU, 5, 0x5000 | PWU), 0,
	  { 0x5567, KIB4, RX, 1, true } },
	{ "4 levels, read-only at 1", LONG4, GVA4, FOUR_LEVELS(PWU, PWU, PWU, 0x5000 | 5), 0,
	  { 0x5567, KIB4, RX, 1, true } },
	{ "4 levels, supervisor at 3", LONG4, GVA4, FOUR_LEVELS(PWU, PW, PWU, 0x5000 | PWU), 0,
	  { 0x5567, KIB4, RWX, 1, false } },
	{ "4 levels, no execute at 4", LONG4_NX, GVA4,
	  FOUR_LEVELS(PWU | XD, PWU, PWU, 0x5000 | PWU), 0,
	  { 0x5567, KIB4, RW, 1, true } },
	{ "4 levels, no execute at 1", LONG4_NX, GVA4,
	  FOUR_LEVELS(PWU, PWU, PWU, 0x5000 | P | XD), 0,
	  { 0x5567, KIB4, R, 1, false } },
	{ "4 levels, 2 MiB", LONG4, GVA4,
	  { PML4E(TABLE2 | PWU), PDPTE(TABLE3 | PWU), PDE(0x12a00000 | PWU | PS | PAT_LARGE) }, 0,
	  { 0x12a04567, MIB2, RWX, 2, true } },
	{ "4 levels, 1 GiB", LONG4, GVA4,
	  { PML4E(TABLE2 | PWU), PDPTE(0xc0000000 | PWU | PS | PAT_LARGE) }, 0,
	  { 0xc0604567, GIB1, RWX, 3, true } },
	{ "4 levels, absent at 4", LONG4, GVA4, { PML4E(TABLE2 | 6) }, ENDED_AT(4) },
	{ "4 levels, absent at 3", LONG4, GVA4, { PML4E(TABLE2 | PWU), PDPTE(TABLE3 | 6) },
	  ENDED_AT(3) },
	{ "4 levels, absent at 2", LONG4, GVA4,
	  { PML4E(TABLE2 | PWU), PDPTE(TABLE3 | PWU), PDE(0) }, ENDED_AT(2) },
	{ "4 levels, absent at 1", LONG4, GVA4,
	  FOUR_LEVELS(PWU, PWU, PWU, 0x5000 | 6), ENDED_AT(1) },
	{ "4 levels, PS at 4 is reserved", LONG4, GVA4,
	  FOUR_LEVELS(PWU | PS, PWU, PWU, 0x5000 | PWU), ENDED_AT(4) },
	{ "4 levels, PS at 4 is reserved, no other bit is wrong", LONG4, GVA4,
	  { PML4E(0x8000000000 | PWU | PS) }, ENDED_AT(4) },
	{ "4 levels, XD without EFER.NXE", LONG4, GVA4,
	  FOUR_LEVELS(PWU, PWU | XD, PWU, 0x5000 | PWU), ENDED_AT(3) },
	{ "4 levels, above the width", LONG4, GVA4,
	  FOUR_LEVELS(PWU, PWU, PWU, 1ULL << 40 | 0x5000 | PWU), ENDED_AT(1) },
	{ "4 levels, table above the width", LONG4, GVA4,
	  FOUR_LEVELS(PWU | 1ULL << 51, PWU, PWU, 0x5000 | PWU), ENDED_AT(4) },
	{ "4 levels, 52 bits wide",
	  { .cr0 = PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA, .phys_bits = 52 }, GVA4,
	  FOUR_LEVELS(PWU, PWU, PWU, 0xfffffffff5000 | PWU), 0,
	  { 0xfffffffff5567, KIB4, RWX, 1, true } },
	{ "4 levels, 2 MiB, reserved bit 13", LONG4, GVA4,
	  { PML4E(TABLE2 | PWU), PDPTE(TABLE3 | PWU), PDE(0x12a02000 | PWU | PS) }, ENDED_AT(2) },
	{ "4 levels, 2 MiB, reserved bit 20", LONG4, GVA4,
	  { PML4E(TABLE2 | PWU), PDPTE(TABLE3 | PWU), PDE(0x12b00000 | PWU | PS) }, ENDED_AT(2) },
	{ "4 levels, 1 GiB, reserved bit 13", LONG4, GVA4,
	  { PML4E(TABLE2 | PWU), PDPTE(0xc0002000 | PWU | PS) }, ENDED_AT(3) },
	{ "4 levels, 1 GiB, reserved bit 29", LONG4, GVA4,
	  { PML4E(TABLE2 | PWU), PDPTE(0xe0000000 | PWU | PS) }, ENDED_AT(3) },
	{ "4 levels, upper half", LONG4, GVA4 | 0xffff800000000000,
	  { { 0x1808, TABLE2 | PWU }, PDPTE(TABLE3 | PWU), PDE(TABLE4 | PWU), PTE(0x5000 | PWU) },
	  0, { 0x5567, KIB4, RWX, 1, true } },
	{ "4 levels, bit 47 alone", LONG4, GVA4 | 1ULL << 47,
	  { { 0x1808, TABLE2 | PWU }, PDPTE(TABLE3 | PWU), PDE(TABLE4 | PWU), PTE(0x5000 | PWU) },
	  ENDED_AT(0) },
	{ "4 levels, bit 63 alone", LONG4, GVA4 | 1ULL << 63,
	  FOUR_LEVELS(PWU, PWU, PWU, 0x5000 | PWU), ENDED_AT(0) },
	{ "4 levels, an address of 5 levels", LONG4, GVA4 | 1ULL << 48,
	  FOUR_LEVELS(PWU, PWU, PWU, 0x5000 | PWU), ENDED_AT(0) },

	{ "4 levels, absent below rights that are gone", LONG4_NX, GVA4,
	  FOUR_LEVELS(5, PW | XD, PWU, 6), ENDED(1, R, false) },
	{ "4 levels, rights of the entry that ends the walk", LONG4, GVA4,
	  { PML4E(TABLE2 | 5), PDPTE(TABLE3 | PWU), PDE(TABLE4 | P | XD) }, ENDED(2, RX, true) },
	{ "32-bit, absent below a read-only entry", MODE32, GVA32, { PDE32(0x2000 | 5), PTE32(6) },
	  ENDED(1, RX, true) },
	{ "32-bit, PSE-36 at its full width", MODE32_PSE, GVA32,
	  { PDE32(0xc0c00000 | PWU | PS | 1 << 20) }, 0, { 0x80c0c03567, MIB4, RWX, 2, true } },
	{ "PAE, absent at 3", MODEPAE, GVAPAE, { PDPTEPAE(0x2000) }, ENDED_AT(3) },
	{ "PAE, reserved bits of an absent entry do not count", MODEPAE, GVAPAE,
	  { PDPTEPAE(~1ULL) }, ENDED_AT(3) },
	{ "PAE, PWT and PCD and ignored bits at 3", MODEPAE, GVAPAE,
	  { PDPTEPAE(0x2000 | P | 0xe18), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU) }, 0,
	  { 0x5567, KIB4, RWX, 1, true } },
	{ "PAE, bit 5 at 3 is reserved", MODEPAE, GVAPAE, { PDPTEPAE(0x2000 | P | 0x20) },
	  ENDED_AT(3) },
	{ "PAE, bit 8 at 3 is reserved", MODEPAE, GVAPAE, { PDPTEPAE(0x2000 | P | 0x100) },
	  ENDED_AT(3) },
	{ "PAE, bit 2 at 3 is reserved", MODEPAE, GVAPAE, { PDPTEPAE(0x2000 | P | 4) },
	  ENDED_AT(3) },
	{ "PAE, above the width at 3", MODEPAE, GVAPAE, { PDPTEPAE(1ULL << 40 | 0x2000 | P) },
	  ENDED_AT(3) },
	{ "PAE, 2 MiB, reserved bit 13", MODEPAE, GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0xa0002000 | PWU | PS) }, ENDED_AT(2) },
	{ "PAE, EFER.LMA is what makes it long, not LME", { .cr0 = PG, .cr3 = 0x1020, .cr4 = PAE,
	  .efer = 0x100 }, GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU) }, 0,
	  { 0x5567, KIB4, RWX, 1, true } },

	{ "5 levels, 2 MiB, no execute at 5",
	  { .cr0 = PG, .cr3 = 0x1000, .cr4 = PAE | LA57, .efer = LMA | NXE }, GVA4 | 5ULL << 48,
	  { { 0x1028, 0x6000 | PWU | XD }, { 0x6008, TABLE2 | PWU }, PDPTE(TABLE3 | PWU),
	    PDE(0x12a00000 | PWU | PS) }, 0, { 0x12a04567, MIB2, RW, 2, true } },
	{ "5 levels, absent at 5", LONG5, GVA4 | 5ULL << 48, { { 0x1028, 0x6000 | 6 } },
	  ENDED_AT(5) },
	{ "5 levels, absent at 1", LONG5, GVA4 | 5ULL << 48,
	  { { 0x1028, 0x6000 | PWU }, { 0x6008, TABLE2 | PW }, PDPTE(TABLE3 | PWU),
	    PDE(TABLE4 | PWU), PTE(0) }, ENDED(1, RWX, false) },
	{ "5 levels, above the width at 5", LONG5, GVA4 | 5ULL << 48,
	  { { 0x1028, 1ULL << 40 | 0x6000 | PWU } }, ENDED_AT(5) },
	{ "LA57 counts in long mode only", { .cr0 = PG, .cr3 = 0x1020, .cr4 = PAE | LA57 }, GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU) }, 0,
	  { 0x5567, KIB4, RWX, 1, true } },
	{ "5 levels, 4 KiB", LONG5, GVA4 | 5ULL << 48,
	  { { 0x1028, 0x6000 | PWU }, { 0x6008, TABLE2 | PWU }, PDPTE(TABLE3 | PWU),
	    PDE(TABLE4 | PWU), PTE(0x5000 | PWU) }, 0, { 0x5567, KIB4, RWX, 1, true } },
	{ "5 levels, read-only at 5", LONG5, GVA4 | 5ULL << 48,
	  { { 0x1028, 0x6000 | 5 }, { 0x6008, TABLE2 | PWU }, PDPTE(TABLE3 | PWU),
	    PDE(TABLE4 | PWU), PTE(0x5000 | PWU) }, 0, { 0x5567, KIB4, RX, 1, true } },
	{ "5 levels, 1 GiB, upper half", LONG5, GVA4 | 0xff05000000000000,
	  { { 0x1828, 0x6000 | PWU }, { 0x6008, TABLE2 | PWU }, PDPTE(0x40000000 | PWU | PS) }, 0,
	  { 0x40604567, GIB1, RWX, 3, true } },
	{ "5 levels, PS at 5 is reserved", LONG5, GVA4 | 5ULL << 48,
	  { { 0x1028, 0x6000 | PWU | PS }, { 0x6008, TABLE2 | PWU }, PDPTE(TABLE3 | PWU),
	    PDE(TABLE4 | PWU), PTE(0x5000 | PWU) }, ENDED_AT(5) },
	{ "5 levels, PS at 4 is reserved", LONG5, GVA4 | 5ULL << 48,
	  { { 0x1028, 0x6000 | PWU }, { 0x6008, TABLE2 | PWU | PS }, PDPTE(TABLE3 | PWU),
	    PDE(TABLE4 | PWU), PTE(0x5000 | PWU) }, ENDED_AT(4) },
	{ "5 levels, PS at 5 is reserved, no other bit is wrong",
	  { .cr0 = PG, .cr3 = 0x1000, .cr4 = PAE | LA57, .efer = LMA, .phys_bits = 52 },
	  GVA4 | 5ULL << 48, { { 0x1028, 1ULL << 48 | PWU | PS } }, ENDED_AT(5) },
	{ "5 levels, bit 56 alone", LONG5, GVA4 | 1ULL << 56, {}, ENDED_AT(0) },
};

/* Memory of a case, and what was asked of it */
struct memory {
	const struct cell *cell;
	unsigned int entry_size;
	unsigned int reads;
	unsigned int fail_at;	/* which read fails with -EIO; 0: none */
};

#define NOT_THERE	(-ENXIO)	/* an address that no case has: the walk went astray */

static int read_cell(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct memory *m = ctx;
	size_t i;

	if (++m->reads == m->fail_at)
		return -EIO;
	if (len != m->entry_size)
		return -EPROTO;
	for (i = 0; i < ARRAY_SIZE(cases[0].memory); i++) {
		if (m->cell[i].gpa == gpa) {
			memcpy(buf, &m->cell[i].value, len);
			return 0;
		}
	}
	return NOT_THERE;
}

static struct memory memory_of(const struct walk_case *c)
{
	bool wide = c->paging.cr4 & PAE;

	return (struct memory) { .cell = c->memory, .entry_size = wide ? 8 : 4 };
}

static struct kev_paging paging_of(const struct walk_case *c)
{
	struct kev_paging paging = c->paging;

	paging.phys_bits = paging.phys_bits ?: 40;
	return paging;
}

TEST(all_modes)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct walk_case *c = &cases[i];
		struct kev_paging paging = paging_of(c);
		struct memory memory = memory_of(c);
		struct kev_walk out;

		ASSERT_EQ(c->ret, kev_walk(&paging, c->gva, read_cell, &memory, &out))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->out.gpa, out.gpa)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->out.page_size, out.page_size)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->out.prot, out.prot)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->out.level, out.level)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->out.user, out.user)
			TH_LOG("%s", c->name);
	}
}

/* Where a walk begins */
static unsigned int levels_of(const struct kev_paging *p)
{
	if (p->efer & 0x400)
		return p->cr4 & LA57 ? 5 : 4;
	return p->cr4 & PAE ? 3 : 2;
}

/* Whichever read fails, its error is the walk's, and nothing is read after it. */
TEST(errors_of_the_reader)
{
	unsigned int total = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct walk_case *c = &cases[i];
		struct kev_paging paging = paging_of(c);
		struct memory memory = memory_of(c);
		struct kev_walk out;
		unsigned int reads, n;

		kev_walk(&paging, c->gva, read_cell, &memory, &out);
		reads = memory.reads;
		EXPECT_GE(5, reads);
		total += reads;
		for (n = 1; n <= reads; n++) {
			memory = memory_of(c);
			memory.fail_at = n;
			EXPECT_EQ(-EIO, kev_walk(&paging, c->gva, read_cell, &memory, &out))
				TH_LOG("%s: read %u", c->name, n);
			EXPECT_EQ(n, memory.reads);
			EXPECT_EQ(levels_of(&paging) - n + 1, out.level);
			EXPECT_EQ(0, out.page_size);
		}
	}
	EXPECT_LT(100, total);
}

/* Bits one by one: what is reserved depends on the width alone. */
TEST(each_width)
{
	unsigned int width, bit;

	for (width = 36; width <= 52; width++) {
		for (bit = 12; bit < 52; bit++) {
			struct walk_case c = {
				.paging = LONG4,
				.memory = FOUR_LEVELS(PWU, PWU, PWU, PWU | 1ULL << bit),
			};
			struct memory memory = memory_of(&c);
			struct kev_walk out;
			int ret;

			c.paging.phys_bits = width;
			ret = kev_walk(&c.paging, GVA4, read_cell, &memory, &out);
			EXPECT_EQ(bit < width ? 0 : -EFAULT, ret)
				TH_LOG("width %u, bit %u", width, bit);
			if (!ret)
				EXPECT_EQ(1ULL << bit | 0x567, out.gpa);
		}
	}
}

/* ---- what an access may do, and what it leaves ---- */

#define WP	BIT_ULL(16)
#define SMAP	BIT_ULL(21)
#define W	KEV_MEM_WRITE

static const struct {
	const char *name;
	u64 cr0, cr4;
	bool mapped, reserved, page_user;
	unsigned int prot, access;
	bool user, ac, denied;
	u32 error;
} accesses[] = {
	{ "not present", PG, 0, false, false, true, RWX, R, false, false, true, 0 },
	{ "not present, write at CPL 3", PG, 0, false, false, true, RWX, W, true, false, true, 6 },
	{ "reserved bit", PG, 0, false, true, true, RWX, R, false, false, true, 9 },
	{ "no paging", 0, 0, true, false, true, RWX, RW, false, false, false, 0 },
	{ "beyond all addresses, no paging", 0, 0, false, false, true, RWX, R, false, false, true,
	  0 },
	{ "read", PG | WP, 0, true, false, true, RX, R, true, false, false, 0 },
	{ "write", PG | WP, 0, true, false, true, RWX, W, true, false, false, 0 },
	{ "write to a read-only page", PG, 0, true, false, true, RX, W, true, false, true, 7 },
	{ "the same from the kernel", PG, 0, true, false, true, RX, W, false, false, false, 0 },
	{ "the same with WP", PG | WP, 0, true, false, true, RX, W, false, false, true, 3 },
	{ "read and write", PG | WP, 0, true, false, true, RX, RW, false, false, true, 3 },
	{ "the kernel's page", PG, 0, true, false, false, RWX, R, true, false, true, 5 },
	{ "the kernel's own", PG, SMAP, true, false, false, RWX, R, false, false, false, 0 },
	{ "SMAP", PG, SMAP, true, false, true, RWX, R, false, false, true, 1 },
	{ "SMAP lifted", PG, SMAP, true, false, true, RWX, R, false, true, false, 0 },
	{ "SMAP at CPL 3", PG, SMAP, true, false, true, RWX, R, true, false, false, 0 },
};

TEST(denied)
{
	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
		const struct kev_paging paging = { .cr0 = accesses[i].cr0, .cr4 = accesses[i].cr4 };
		const struct kev_walk walk = {
			.prot = accesses[i].prot, .user = accesses[i].page_user,
			.reserved = accesses[i].reserved,
		};
		u32 error;
		bool denied = kev_walk_denies(&paging, accesses[i].mapped, &walk,
					      accesses[i].access, accesses[i].user,
					      accesses[i].ac, &error);

		EXPECT_EQ(accesses[i].denied, denied) {
			TH_LOG("%s", accesses[i].name);
		}
		EXPECT_EQ(denied ? accesses[i].error : error, error) {
			TH_LOG("%s", accesses[i].name);
		}
	}
}

/* Entries with flags, the leaf last: where they are, and what an access makes of them */
static const struct {
	const char *name;
	struct kev_paging paging;
	u64 gva;
	struct cell memory[5];
	unsigned int nr, size;
	bool reserved;
	u64 at[4], read[4], written[4];
} paths[] = {
	{ "4-level", LONG4, GVA4, FOUR_LEVELS(PWU, PWU | AD, PWU, 0x5000 | PWU), 4, 8, false,
	  { 0x1008, 0x2010, 0x3018, 0x4020 },
	  { TABLE2 | PWU | 0x20, TABLE3 | PWU | AD, TABLE4 | PWU | 0x20, 0x5000 | PWU | 0x20 },
	  { TABLE2 | PWU | 0x20, TABLE3 | PWU | AD, TABLE4 | PWU | 0x20, 0x5000 | PWU | 0x60 } },
	{ "32-bit", MODE32, GVA32, { PDE32(0x2000 | PWU), PTE32(0x5000 | PWU) }, 2, 4, false,
	  { 0x1008, 0x200c }, { 0x2000 | PWU | 0x20, 0x5000 | PWU | 0x20 },
	  { 0x2000 | PWU | 0x20, 0x5000 | PWU | 0x60 } },
	{ "PAE", MODEPAE, GVAPAE,
	  { PDPTEPAE(0x2000 | P), PDEPAE(0x3000 | PWU), PTEPAE(0x5000 | PWU) },
	  2, 8, false, { 0x2018, 0x3020 }, { 0x3000 | PWU | 0x20, 0x5000 | PWU | 0x20 },
	  { 0x3000 | PWU | 0x20, 0x5000 | PWU | 0x60 } },
	{ "reserved bit", LONG4, GVA4,
	  { PML4E(TABLE2 | PWU), PDPTE(BIT_ULL(51) | PWU) }, 1, 8, true,
	  { 0x1008 }, { TABLE2 | PWU | 0x20 }, { TABLE2 | PWU | 0x60 } },
};

TEST(path)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct kev_paging paging = paths[i].paging;
		struct memory memory = {
			.cell = paths[i].memory, .entry_size = paths[i].size,
		};
		struct kev_walk out;

		paging.phys_bits = 40;
		kev_walk(&paging, paths[i].gva, read_cell, &memory, &out);
		EXPECT_EQ(paths[i].nr, out.nr) {
			TH_LOG("%s", paths[i].name);
		}
		EXPECT_EQ(paths[i].size, out.entry_size);
		EXPECT_EQ(paths[i].reserved, out.reserved);
		for (unsigned int n = 0; n < paths[i].nr; n++) {
			EXPECT_EQ(paths[i].at[n], out.entry[n].gpa);
			EXPECT_EQ(paths[i].read[n], kev_walk_entry_used(&out, n, false));
			EXPECT_EQ(paths[i].written[n], kev_walk_entry_used(&out, n, true));
		}
	}
}

TEST_HARNESS_MAIN
