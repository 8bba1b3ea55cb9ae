/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ELF images: from header bytes to a plan of guest-physical segments. Pure.
 *
 * Who reads the file does so in two steps: the first KEV_ELF_HEADER_SIZE bytes
 * go to kev_elf_decode_header(), which says where the program headers lie;
 * these go to kev_elf_plan().
 */
#ifndef _KEV_ELF_H
#define _KEV_ELF_H

#include <kev/pure.h>

#define KEV_ELF_HEADER_SIZE	64	/* sizeof(Elf64_Ehdr) */
#define KEV_ELF_PHDR_SIZE	56	/* sizeof(Elf64_Phdr) */
#define KEV_ELF_MAX_PHDRS	128

/**
 * struct kev_image_fault - what is wrong with an image
 * @problem: enum kev_image_problem
 * @segment: index of the program header that @problem speaks of, or
 *	KEV_IMAGE_NO_SEGMENT
 */
struct kev_image_fault {
	u32 problem;
	u32 segment;
};

/**
 * struct kev_elf_header - what the ELF header says that matters here
 * @entry: e_entry, a virtual address
 * @phoff: file offset of the program headers, checked against the file's size
 * @phnum: number of program headers, 1 to KEV_ELF_MAX_PHDRS
 * @type: e_type, ET_EXEC or ET_DYN
 */
struct kev_elf_header {
	u64 entry;
	u64 phoff;
	u16 phnum;
	u16 type;
};

/**
 * struct kev_elf_segment - a PT_LOAD segment with p_memsz > 0
 * @gpa: p_paddr, any alignment
 * @vaddr: p_vaddr
 * @offset: file offset of the first byte; means nothing when @filesz is 0
 * @filesz: bytes from the file, at most @memsz
 * @memsz: bytes in memory, not 0; what @filesz leaves reads as zero
 * @prot: KEV_MEM_* by p_flags
 * @index: index of its program header
 */
struct kev_elf_segment {
	u64 gpa;
	u64 vaddr;
	u64 offset;
	u64 filesz;
	u64 memsz;
	u32 prot;
	u32 index;
};

/**
 * struct kev_elf_plan - a checked image
 * @entry: physical entry address
 * @start: first byte of the lowest segment, rounded down to a page
 * @end: first byte behind the highest segment, rounded up to a page
 * @nr: segments in @seg, at least 1
 * @seg: by ascending @gpa; no two share a byte, but two may share a page
 *
 * More than 6 KiB: allocate it, it must not live on a kernel stack.
 */
struct kev_elf_plan {
	u64 entry;
	u64 start;
	u64 end;
	u32 nr;
	struct kev_elf_segment seg[KEV_ELF_MAX_PHDRS];
};

/**
 * kev_elf_decode_header() - check an ELF header
 * @buf: the first bytes of the file, any alignment
 * @len: bytes in @buf; fewer than KEV_ELF_HEADER_SIZE only where the file ends
 * @file_size: size of the file
 * @out: written on success
 * @why: always written: KEV_IMAGE_OK, or what is wrong
 *
 * EI_OSABI, EI_ABIVERSION and the section headers are ignored.
 *
 * Context: Any. Return: 0, or -ENOEXEC.
 */
int kev_elf_decode_header(const void *buf, size_t len, u64 file_size,
			  struct kev_elf_header *out, struct kev_image_fault *why);

/**
 * kev_elf_plan() - check the program headers, say what goes where
 * @h: what kev_elf_decode_header() gave
 * @phdrs: the bytes at h->phoff, any alignment
 * @len: bytes in @phdrs
 * @file_size: size of the file
 * @phys_bits: width of a guest-physical address, at most KEV_PHYS_BITS_MAX
 * @plan: written; means nothing on failure
 * @why: always written: KEV_IMAGE_OK, or what is wrong, and with which segment
 *
 * Segments lie at p_paddr. The physical entry is e_entry - p_vaddr + p_paddr
 * of the segment that holds e_entry, the first by index if there are several.
 * A PT_LOAD header with p_memsz = 0 is skipped, one with p_filesz = 0 is kept
 * and its p_offset ignored.
 *
 * Context: Any. Return: 0, or -ENOEXEC.
 */
int kev_elf_plan(const struct kev_elf_header *h, const void *phdrs, size_t len, u64 file_size,
		 unsigned int phys_bits, struct kev_elf_plan *plan, struct kev_image_fault *why);

#endif /* _KEV_ELF_H */
