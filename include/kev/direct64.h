/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The boot protocol "64-bit direct" (KEV_BOOT_DIRECT64): long mode, paged by an
 * identity map of the first 4 GiB, RIP at the physical entry. Pure.
 */
#ifndef _KEV_DIRECT64_H
#define _KEV_DIRECT64_H

#include <kev/pure.h>

/* Boot structures, which the guest may overwrite */
#define KEV_DIRECT64_GDT	0x1000ULL
#define KEV_DIRECT64_PML4	0x2000ULL
#define KEV_DIRECT64_PDPT	0x3000ULL
#define KEV_DIRECT64_PD		0x4000ULL	/* four of them, 1 GiB each */
#define KEV_DIRECT64_START	KEV_DIRECT64_GDT
#define KEV_DIRECT64_END	0x8000ULL	/* no segment of the image begins below */

#define KEV_DIRECT64_STACK	0xa0000ULL

#define KEV_DIRECT64_CS		0x08
#define KEV_DIRECT64_DS		0x10

#define KEV_DIRECT64_CR0	0x80010033ULL	/* PG, WP, NE, ET, MP, PE */
#define KEV_DIRECT64_CR4	0x620ULL	/* PAE, OSFXSR, OSXMMEXCPT */
#define KEV_DIRECT64_EFER	0x500ULL	/* LME, LMA */

/**
 * kev_direct64_page() - fill a page of boot structures
 * @gpa: its address, a page in [KEV_DIRECT64_START, KEV_DIRECT64_END)
 * @page: KEV_PAGE_SIZE bytes of zeros, at a multiple of that
 *
 * Context: Any.
 */
void kev_direct64_page(u64 gpa, void *page);

/**
 * kev_direct64_walk() - the page tables by which the CPU comes to an address
 * @entry: the address
 * @gpa: out: their guest-physical addresses, up to 3
 *
 * Context: Any.
 * Return: how many.
 */
u32 kev_direct64_walk(u64 entry, u64 *gpa);

/**
 * kev_direct64_state() - the state in which a vCPU starts
 * @state: the groups GPRS, SEGMENTS and CONTROLS are written, @groups names them; the
 *	rest stays
 * @entry: physical entry address
 * @boot_info: guest-physical address of the boot information, 0 if there is none: RDI
 * @vcpu_id: RSI
 *
 * Context: Any.
 */
void kev_direct64_state(struct kev_vcpu_state *state, u64 entry, u64 boot_info, u32 vcpu_id);

#endif /* _KEV_DIRECT64_H */
