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
 * struct kev_walk - a translation
 * @gpa: guest-physical address of the byte asked for
 * @page_size: bytes of the page that holds it; 4096 where paging is off
 * @prot: KEV_MEM_* that the tables grant. READ is always there; WRITE when each level
 *	has R/W set, whatever CR0.WP says; EXEC when none has XD set
 * @level: level of the leaf, 1 (4 KiB) to 3 (1 GiB); 0 where paging is off
 * @user: each level has U/S set
 */
struct kev_walk {
	u64 gpa;
	u64 page_size;
	unsigned int prot;
	unsigned int level;
	bool user;
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
 * @out: written on success
 *
 * SDM Vol. 3, chapter "Paging": none, 32-bit, PAE, 4-level and 5-level paging
 * with every page size. It sets no accessed or dirty bit and raises no fault.
 * PAE's page-directory-pointer entries are read from memory, where the CPU
 * has kept a copy since the last load of CR3.
 *
 * Context: That of @read.
 * Return: 0; -EFAULT not mapped, a reserved bit set, or not canonical (in
 * 32-bit modes: above 4 GiB); or the error of @read.
 */
int kev_walk(const struct kev_paging *p, u64 gva, kev_walk_read_fn read, void *ctx,
	     struct kev_walk *out);

#endif /* _KEV_WALK_H */
