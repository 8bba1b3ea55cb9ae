/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small valid ELF file to break in tests, and what has to hold of any plan.
 */
#ifndef _ELF_IMAGE_H
#define _ELF_IMAGE_H

#include <elf.h>

#include <kev/elf.h>

#define ELF_IMAGE_SIZE		0x1000
#define ELF_IMAGE_PHYS_BITS	40

/* Indices of the program headers */
enum {
	ELF_IMAGE_NOTE,		/* not loaded */
	ELF_IMAGE_TEXT,		/* whole in the file */
	ELF_IMAGE_EMPTY,	/* PT_LOAD without a byte of memory */
	ELF_IMAGE_DATA,		/* begins in the page where text ends, longer than its file bytes */
	ELF_IMAGE_BSS,		/* no file bytes, below the others */
	ELF_IMAGE_NR
};

#define ELF_IMAGE_VIRTUAL	0xffffff0000000000ULL	/* p_vaddr - p_paddr */
#define ELF_IMAGE_START		0x90000ULL
#define ELF_IMAGE_END		0x101000ULL
#define ELF_IMAGE_ENTRY		0x100010ULL

/**
 * struct elf_image - a file in memory
 * @ehdr: ELF header
 * @phdr: right behind it
 * @rest: bytes of segments
 */
struct elf_image {
	union {
		struct {
			Elf64_Ehdr ehdr;
			Elf64_Phdr phdr[ELF_IMAGE_NR];
		};
		u8 bytes[ELF_IMAGE_SIZE];
	};
};

/* elf_image_make() - a valid file */
void elf_image_make(struct elf_image *image);

/**
 * elf_image_plan() - both steps, as who reads a file does them
 * @bytes: the file
 * @size: its size
 * @phys_bits: width of a guest-physical address
 * @header: written on success
 * @plan: written on success
 * @why: always written
 *
 * The parts are copied to buffers of their exact size, for the sanitizers to see
 * a byte read too far, and at odd addresses.
 *
 * Return: as kev_elf_plan().
 */
int elf_image_plan(const u8 *bytes, u64 size, unsigned int phys_bits,
		   struct kev_elf_header *header, struct kev_elf_plan *plan,
		   struct kev_image_fault *why);

/**
 * elf_image_violation() - does an accepted plan keep its promises
 * @plan: of a kev_elf_plan() that returned 0
 * @size: size of the file
 * @phys_bits: as given to kev_elf_plan()
 *
 * Written without a look at elf.c, in 128-bit arithmetic.
 *
 * Return: NULL, or what does not hold.
 */
const char *elf_image_violation(const struct kev_elf_plan *plan, u64 size, unsigned int phys_bits);

#endif /* _ELF_IMAGE_H */
