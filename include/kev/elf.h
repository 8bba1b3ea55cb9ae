/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ELF images: from header bytes to a plan of guest-physical segments. Pure.
 *
 * Who reads the file does so in two steps: the first KEV_ELF_HEADER_SIZE bytes
 * go to kev_elf_decode_header(), which says where the program headers lie;
 * these, phnum * phentsize bytes, go to kev_elf_plan().
 */
#ifndef _KEV_ELF_H
#define _KEV_ELF_H

#include <kev/pure.h>

#define KEV_ELF_HEADER_SIZE	64	/* sizeof(Elf64_Ehdr), the larger one */
#define KEV_ELF_PHDR_SIZE	56	/* sizeof(Elf64_Phdr), likewise */
#define KEV_ELF_HEADER_SIZE_32	52	/* sizeof(Elf32_Ehdr) */
#define KEV_ELF_PHDR_SIZE_32	32	/* sizeof(Elf32_Phdr) */
#define KEV_ELF_MAX_PHDRS	128
#define KEV_ELF_MAX_NOTES	8

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

/* kev_image_fault() - fill @why; -ENOEXEC, or 0 for KEV_IMAGE_OK */
static inline int kev_image_fault(struct kev_image_fault *why, enum kev_image_problem problem,
				  u32 segment)
{
	why->problem = problem;
	why->segment = segment;
	return problem == KEV_IMAGE_OK ? 0 : -ENOEXEC;
}

/**
 * struct kev_elf_rules - which images are taken, and where they go
 * @phys_bits: width of a guest-physical address, at most KEV_PHYS_BITS_MAX
 * @class32: ELFCLASS32 for EM_386 is taken as well
 * @by_vaddr: segments lie at p_vaddr + @base and p_paddr counts for nothing; otherwise
 *	they lie at p_paddr
 * @own_entry: the boot protocol has an entry of its own: an e_entry in no segment is no
 *	fault, and the plan's entry is 0 then
 * @physical_entry: without @by_vaddr, an e_entry in no segment is where the segments lie, as
 *	kernels have it that are linked high; whether one has it is for kev_boot_resolve() to say
 * @base: with @by_vaddr, a multiple of KEV_PAGE_SIZE, 0 for ET_EXEC; otherwise ignored
 */
struct kev_elf_rules {
	unsigned int phys_bits;
	bool class32;
	bool by_vaddr;
	bool own_entry;
	bool physical_entry;
	u64 base;
};

/**
 * struct kev_elf_header - what the ELF header says that matters here
 * @entry: e_entry, a virtual address
 * @phoff: file offset of the program headers, checked against the file's size
 * @phnum: number of program headers, 1 to KEV_ELF_MAX_PHDRS
 * @phentsize: bytes of each, KEV_ELF_PHDR_SIZE or KEV_ELF_PHDR_SIZE_32
 * @type: e_type, ET_EXEC or ET_DYN
 * @class32: ELFCLASS32
 */
struct kev_elf_header {
	u64 entry;
	u64 phoff;
	u16 phnum;
	u16 phentsize;
	u16 type;
	bool class32;
};

/**
 * struct kev_elf_segment - a PT_LOAD segment with p_memsz > 0
 * @gpa: where it lies, any alignment
 * @vaddr: p_vaddr, no base added
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
 * struct kev_elf_extent - bytes of the file, all of them inside it
 * @offset: of the first byte
 * @size: bytes; 0: there are none
 */
struct kev_elf_extent {
	u64 offset;
	u64 size;
};

/**
 * struct kev_elf_plan - a checked image
 * @entry: physical entry address
 * @base: with kev_elf_rules.by_vaddr, how far the image was moved; else 0
 * @start: first byte of the lowest segment, rounded down to a page
 * @end: first byte behind the highest segment, rounded up to a page
 * @dynamic: the first PT_DYNAMIC with file bytes
 * @note: the PT_NOTEs with file bytes, in the order of the program headers
 * @nr_notes: notes in @note
 * @class32: of an ELFCLASS32 image
 * @nr: segments in @seg, at least 1
 * @seg: by ascending @gpa; no two share a byte, but two may share a page
 *
 * More than 6 KiB: allocate it, it must not live on a kernel stack.
 */
struct kev_elf_plan {
	u64 entry;
	u64 base;
	u64 start;
	u64 end;
	struct kev_elf_extent dynamic;
	struct kev_elf_extent note[KEV_ELF_MAX_NOTES];
	u32 nr_notes;
	bool class32;
	u32 nr;
	struct kev_elf_segment seg[KEV_ELF_MAX_PHDRS];
};

/**
 * kev_elf_decode_header() - check an ELF header
 * @buf: the first bytes of the file, any alignment
 * @len: bytes in @buf; fewer than KEV_ELF_HEADER_SIZE only where the file ends
 * @file_size: size of the file
 * @rules: which images are taken
 * @out: written on success
 * @why: always written: KEV_IMAGE_OK, or what is wrong
 *
 * EI_OSABI, EI_ABIVERSION and the section headers are ignored. The class goes
 * with the machine: ELFCLASS32 for EM_X86_64 (x32) is KEV_IMAGE_MACHINE.
 *
 * Context: Any.
 * Return: 0, or -ENOEXEC.
 */
int kev_elf_decode_header(const void *buf, size_t len, u64 file_size,
			  const struct kev_elf_rules *rules, struct kev_elf_header *out,
			  struct kev_image_fault *why);

/**
 * kev_elf_plan() - check the program headers, say what goes where
 * @h: what kev_elf_decode_header() gave for the same @rules
 * @phdrs: the bytes at h->phoff, any alignment
 * @len: bytes in @phdrs
 * @file_size: size of the file
 * @rules: where the segments go
 * @plan: written; means nothing on failure
 * @why: always written: KEV_IMAGE_OK, or what is wrong, and with which segment
 *
 * The physical entry is e_entry moved as far as the segment that holds it, the
 * first by index if there are several. A PT_LOAD header with p_memsz = 0 is
 * skipped, one with p_filesz = 0 is kept and its p_offset ignored. A PT_DYNAMIC
 * beyond the end of the file is a fault; a PT_NOTE beyond it, and those behind
 * the first KEV_ELF_MAX_NOTES, are ignored. Addresses of ELFCLASS32 wrap at 4 GiB
 * before a base is added.
 *
 * Context: Any.
 * Return: 0, or -ENOEXEC.
 */
int kev_elf_plan(const struct kev_elf_header *h, const void *phdrs, size_t len, u64 file_size,
		 const struct kev_elf_rules *rules, struct kev_elf_plan *plan,
		 struct kev_image_fault *why);

/**
 * kev_elf_holder() - the segment that holds a range of virtual addresses
 * @plan: a checked image
 * @vaddr: of the first byte, by the ELF file: no base added
 * @size: bytes, not 0
 *
 * Context: Any.
 * Return: the segment whose memory holds all of the range, the first by index if there
 * are several; NULL if there is none.
 */
const struct kev_elf_segment *kev_elf_holder(const struct kev_elf_plan *plan, u64 vaddr, u64 size);

#endif /* _KEV_ELF_H */
