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
	ELF_IMAGE_NOTE,		/* not loaded, its bytes behind those of all segments */
	ELF_IMAGE_TEXT,		/* whole in the file */
	ELF_IMAGE_EMPTY,	/* PT_LOAD without a byte of memory */
	ELF_IMAGE_DATA,		/* begins in the page where text ends, longer than its file bytes */
	ELF_IMAGE_BSS,		/* no file bytes, below the others */
	ELF_IMAGE_DYNAMIC,	/* lies in the file bytes of data */
	ELF_IMAGE_NR
};

#define ELF_IMAGE_VIRTUAL	0xffffff00c0000000ULL	/* p_vaddr - p_paddr */
#define ELF_IMAGE_START		0x90000ULL
#define ELF_IMAGE_END		0x101000ULL
#define ELF_IMAGE_ENTRY		0x100010ULL
#define ELF_IMAGE_NOTE_AT	0x800
#define ELF_IMAGE_NOTE_BYTES	0x40

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

/**
 * struct elf_image_32 - likewise of ELFCLASS32
 * @ehdr: ELF header
 * @phdr: right behind it
 */
struct elf_image_32 {
	union {
		struct {
			Elf32_Ehdr ehdr;
			Elf32_Phdr phdr[ELF_IMAGE_NR];
		};
		u8 bytes[ELF_IMAGE_SIZE];
	};
};

/* elf_image_make() - a valid file */
void elf_image_make(struct elf_image *image);

/* elf_image_make_dyn() - ET_DYN: what was p_paddr is p_vaddr, and p_paddr is good for nothing */
void elf_image_make_dyn(struct elf_image *image);

/* elf_image_narrow() - the same as ELFCLASS32 for EM_386; fields lose their upper halves */
void elf_image_narrow(const struct elf_image *wide, struct elf_image_32 *narrow);

/* A field of the file to overwrite */
struct elf_patch {
	u32 at;
	u32 width;
	u64 value;
};

#define EHDR_OF(type, field, v)							\
	{ .at = offsetof(type, field), .width = sizeof(((type *)0)->field), .value = (v) }
#define PHDR_OF(image, type, i, field, v)					\
	{ .at = offsetof(image, phdr) + (i) * sizeof(type) + offsetof(type, field), \
	  .width = sizeof(((type *)0)->field), .value = (v) }
#define EHDR(field, v)		EHDR_OF(Elf64_Ehdr, field, v)
#define EHDR32(field, v)	EHDR_OF(Elf32_Ehdr, field, v)
#define PHDR(i, field, v)	PHDR_OF(struct elf_image, Elf64_Phdr, i, field, v)
#define PHDR32(i, field, v)	PHDR_OF(struct elf_image_32, Elf32_Phdr, i, field, v)
#define IDENT(index, v)		{ .at = (index), .width = 1, .value = (v) }

/* elf_image_apply() - overwrite fields of a file; patches of width 0 do nothing */
void elf_image_apply(u8 *bytes, const struct elf_patch *patch, size_t nr);

/**
 * elf_image_plan() - both steps, as who reads a file does them
 * @bytes: the file
 * @size: its size
 * @rules: for both steps
 * @header: written on success
 * @plan: written on success
 * @why: always written
 *
 * The parts are copied to buffers of their exact size, for the sanitizers to see
 * a byte read too far, and at odd addresses.
 *
 * Return: as kev_elf_plan().
 */
int elf_image_plan(const u8 *bytes, u64 size, const struct kev_elf_rules *rules,
		   struct kev_elf_header *header, struct kev_elf_plan *plan,
		   struct kev_image_fault *why);

/**
 * elf_image_violation() - does an accepted plan keep its promises
 * @plan: of a kev_elf_plan() that returned 0
 * @size: size of the file
 * @rules: as given to kev_elf_plan()
 *
 * Written without a look at elf.c, in 128-bit arithmetic.
 *
 * Return: NULL, or what does not hold.
 */
const char *elf_image_violation(const struct kev_elf_plan *plan, u64 size,
				const struct kev_elf_rules *rules);

#endif /* _ELF_IMAGE_H */
