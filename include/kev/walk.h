/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's own page tables: from guest-virtual to guest-physical. Pure.
 */
#ifndef _KEV_WALK_H
#define _KEV_WALK_H

#include <kev/pure.h>

/**
 * struct kev_paging - what decides how a guest translates
 * @cr0: as the guest reads it
 * @cr3: page-table base
 * @cr4: as the guest reads it
 * @efer: IA32_EFER
 * @phys_bits: width of a guest-physical address: bits above are reserved in entries
 */
struct kev_paging {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	unsigned int phys_bits;
};

/**
 * struct kev_walk - a translation, or how far it came
 * @gpa: guest-physical address of the byte asked for; 0 if the walk failed
 * @page_size: bytes of the page that holds it; 4096 where paging is off; 0 if the walk
 *	failed
 * @prot: KEV_MEM_* that the tables grant: READ is always there; WRITE when each entry
 *	has R/W set, whatever CR0.WP says; EXEC when none has XD set. If the walk failed,
 *	what the entries above @level grant: all of them if there is none above
 * @level: level of the last entry asked for: of the leaf, 1 (4 KiB) to 3 (1 GiB), or of
 *	the one that ended the walk, 1 to 5; 0 if no table was asked: paging is off, or the
 *	address is none in this mode
 * @user: each entry has U/S set; as @prot if the walk failed
 * @reserved: the walk failed because of a reserved bit
 * @nr: entries on the way that have an accessed flag, the leaf last
 * @entry_size: bytes of an entry
 * @entry: where they are, and what they were
 *
 * PAE's page-directory-pointer entries have neither right nor flag. Protection keys, SMEP
 * and SMAP do not count.
 */
struct kev_walk {
	u64 gpa;
	u64 page_size;
	unsigned int prot;
	unsigned int level;
	bool user;
	bool reserved;
	u8 nr;
	u8 entry_size;
	struct {
		u64 gpa;
		u64 value;
	} entry[5];
};

/**
 * typedef kev_walk_read_fn - read guest-physical memory
 * @ctx: as given to kev_walk()
 * @gpa: address of a paging-structure entry, aligned to @len
 * @buf: where to put it
 * @len: 4 or 8
 *
 * Return: 0, or a negative errno that ends the walk.
 */
typedef int (*kev_walk_read_fn)(void *ctx, u64 gpa, void *buf, unsigned int len);

/**
 * kev_walk() - translate a guest-virtual address
 * @p: paging state
 * @gva: linear address
 * @read: reads entries; called at most five times
 * @ctx: for @read
 * @out: always written
 *
 * SDM Vol. 3, chapter "Paging": none, 32-bit, PAE, 4-level and 5-level paging
 * with every page size, whether this CPU has 1 GiB pages and PSE-36 or not. It
 * sets no accessed or dirty bit and raises no fault. PAE's
 * page-directory-pointer entries are read from memory, where the CPU has kept a
 * copy since the last load of CR3.
 *
 * Context: That of @read.
 * Return: 0; -EFAULT not mapped, a reserved bit set, or not canonical (in
 * 32-bit modes: above 4 GiB); or the error of @read.
 */
int kev_walk(const struct kev_paging *p, u64 gva, kev_walk_read_fn read, void *ctx,
	     struct kev_walk *out);

/* Error code of #PF: SDM Vol. 3, "Page-Fault Exceptions" */
#define KEV_PF_PRESENT		BIT(0)
#define KEV_PF_WRITE		BIT(1)
#define KEV_PF_USER		BIT(2)
#define KEV_PF_RESERVED		BIT(3)

/**
 * kev_walk_denies() - may data be accessed where a walk has led
 * @p: paging state
 * @mapped: kev_walk() has returned 0
 * @walk: what it wrote
 * @access: KEV_MEM_READ, KEV_MEM_WRITE or both
 * @user: the access is made at CPL 3
 * @ac: RFLAGS.AC, which lifts SMAP
 * @error: of #PF, if it may not
 *
 * SDM Vol. 3, "Determination of Access Rights": CR0.WP and CR4.SMAP count. Without paging
 * everything is allowed.
 *
 * Return: true: there is a #PF with @error.
 */
bool kev_walk_denies(const struct kev_paging *p, bool mapped, const struct kev_walk *walk,
		     unsigned int access, bool user, bool ac, u32 *error);

/**
 * kev_walk_entry_used() - an entry with the flags that an access leaves in it
 * @walk: that led to a page
 * @i: index of the entry
 * @write: the access writes
 *
 * SDM Vol. 3, "Accessed and Dirty Flags".
 *
 * Return: the entry with A set, and D in the last one of a write.
 */
u64 kev_walk_entry_used(const struct kev_walk *walk, unsigned int i, bool write);

#endif /* _KEV_WALK_H */
