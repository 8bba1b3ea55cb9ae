/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Relocations of a position-independent image: found and checked at the attach,
 * applied to a page when it is loaded. Pure.
 *
 * Who reads the file does so in two steps: the bytes of plan.dynamic go to
 * kev_reloc_find(), which says where the table lies; its bytes go to
 * kev_reloc_decode().
 */
#ifndef _KEV_RELOC_H
#define _KEV_RELOC_H

#include <kev/elf.h>
#include <kev/pure.h>

#define KEV_RELOC_MAX			1048576
#define KEV_RELOC_ENTRY_SIZE		24	/* sizeof(Elf64_Rela) */
/* No dynamic section that anybody links is near as long; see kev_reloc_find(). */
#define KEV_RELOC_DYNAMIC_MAX		65536

/**
 * struct kev_relocation - the 8 bytes at @gpa become @value, little-endian
 * @gpa: any alignment: they may lie in two pages
 * @value: a virtual address
 */
struct kev_relocation {
	u64 gpa;
	u64 value;
};

/**
 * kev_reloc_find() - where in the file the relocation table lies
 * @dyn: the bytes of plan->dynamic, any alignment; of more than KEV_RELOC_DYNAMIC_MAX
 *	the first ones are enough
 * @len: bytes in @dyn
 * @plan: the image
 * @table: written on success: a multiple of KEV_RELOC_ENTRY_SIZE bytes, all of them in
 *	one segment's file bytes; size 0 if the image has no relocations
 * @why: always written: KEV_IMAGE_OK, or what is wrong
 *
 * KEV_IMAGE_DYNAMIC: no DT_NULL in @dyn, DT_RELA, DT_RELASZ or DT_RELAENT missing, twice
 * or wrong, or a table that lies elsewhere. KEV_IMAGE_RELOCATION: a table of another kind
 * (DT_REL, DT_RELR, DT_JMPREL) that is not empty, or any dynamic section of ELFCLASS32.
 * KEV_IMAGE_RELOCATIONS: more than KEV_RELOC_MAX.
 *
 * Context: Any.
 * Return: 0, or -ENOEXEC.
 */
int kev_reloc_find(const void *dyn, size_t len, const struct kev_elf_plan *plan,
		   struct kev_elf_extent *table, struct kev_image_fault *why);

/**
 * kev_reloc_decode() - check a relocation table
 * @plan: the image
 * @base: what the image's virtual addresses are moved by
 * @table: the table's bytes, any alignment
 * @nr: entries in @table
 * @out: room for @nr; written by ascending gpa, no two share a byte; means nothing on
 *	failure
 * @why: always written: KEV_IMAGE_OK, or what is wrong
 *
 * R_X86_64_RELATIVE becomes @base + r_addend, modulo 2^64 as the dynamic linker
 * computes it; its symbol is ignored. R_X86_64_NONE, which linkers leave where
 * they have optimised one away, is left out. Anything else, a place that is not
 * 8 bytes in one segment's memory, and two places that overlap are
 * KEV_IMAGE_RELOCATION; more than KEV_RELOC_MAX entries KEV_IMAGE_RELOCATIONS.
 *
 * Context: Process context, no lock held: it gives way to others on its way. Sorts only what
 * the linker has not.
 * Return: the number of relocations in @out, at most @nr, or -ENOEXEC.
 */
int kev_reloc_decode(const struct kev_elf_plan *plan, u64 base, const void *table, u64 nr,
		     struct kev_relocation *out, struct kev_image_fault *why);

/**
 * kev_reloc_next() - the first byte from an address on that a relocation changes
 * @relocs: as kev_reloc_decode() gave them
 * @nr: how many
 * @gpa: where to begin
 *
 * Context: Any; in time O(log @nr).
 * Return: its address, or ~0: there is none.
 */
u64 kev_reloc_next(const struct kev_relocation *relocs, u64 nr, u64 gpa);

/**
 * kev_reloc_apply() - relocate a page
 * @relocs: as kev_reloc_decode() gave them
 * @nr: how many
 * @page_gpa: the page's address, a multiple of KEV_PAGE_SIZE
 * @page: its KEV_PAGE_SIZE bytes
 *
 * Of a relocation that lies in two pages it writes the part in this one. It does
 * not read @page: to apply twice is the same as once.
 *
 * Context: Any; in time O(log @nr + relocations in the page).
 */
void kev_reloc_apply(const struct kev_relocation *relocs, u64 nr, u64 page_gpa, void *page);

#endif /* _KEV_RELOC_H */
