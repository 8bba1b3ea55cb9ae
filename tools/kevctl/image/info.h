/* SPDX-License-Identifier: GPL-2.0 */
/* What an ELF image is, by its headers and notes. */
#ifndef KEVCTL_IMAGE_INFO_H
#define KEVCTL_IMAGE_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who made the image for whom */
enum image_kind {
	IMAGE_PLAIN,		/* none of those below: 64-bit direct, or 32-bit */
	IMAGE_HERMIT,		/* a note of Hermit's */
	IMAGE_MULTIBOOT,	/* this and the next: image_info_scan() only */
	IMAGE_MULTIBOOT2,
	IMAGE_PVH,
};

/* Program headers at most, as in kev */
#define IMAGE_MAX_HEADERS	128U
/* Notes that are kept; further ones are ignored */
#define IMAGE_MAX_NOTES		64U

/* One program header of type PT_LOAD with memory */
struct image_segment {
	uint64_t offset, vaddr, paddr, file_bytes, mem_bytes;
	uint32_t flags;		/* PF_* */
};

/* One note */
struct image_note {
	char owner[32];
	uint32_t type;
	uint32_t length;	/* of the descriptor, in bytes */
	uint8_t descriptor[16];	/* its first bytes */
};

/**
 * struct image_info - what `kevctl inspect` shows and `kevctl run` decides by
 * @kind: kind
 * @bits: 32 or 64
 * @machine: e_machine
 * @type: e_type
 * @entry: e_entry
 * @segments: PT_LOAD, in the file's order
 * @nr_segments: how many
 * @notes: notes of PT_NOTE
 * @nr_notes: how many
 * @has_tls: there is a PT_TLS:
 * @tls: with its fields
 * @tls_align: and its alignment
 * @has_symbols: there is a symbol table
 * @needs_library: there is a DT_NEEDED
 * @rela: address of DT_RELA
 * @rela_bytes: its size, 0 without one
 * @other_tables: bytes of DT_REL, DT_RELR and DT_JMPREL
 * @symbols: address of DT_SYMTAB, 0 without one
 * @nr_relative: entries of DT_RELA that are R_X86_64_RELATIVE; image_info_scan()
 * @nr_other: entries of any other type; image_info_scan()
 * @hermit_entry: Hermit's entry ABI version; IMAGE_HERMIT
 * @uhyve_interface: version of the call interface, 1 without the note; IMAGE_HERMIT
 * @hermit_kernel: version of Hermit's kernel, 0.6.9 as 0x000609; 0 without the note
 */
struct image_info {
	enum image_kind kind;
	unsigned int bits;
	uint16_t machine, type;
	uint64_t entry;
	struct image_segment segments[IMAGE_MAX_HEADERS];
	unsigned int nr_segments;
	struct image_note notes[IMAGE_MAX_NOTES];
	unsigned int nr_notes;
	bool has_tls;
	struct image_segment tls;
	uint64_t tls_align;
	bool has_symbols;
	bool needs_library;
	uint64_t rela, rela_bytes, other_tables, symbols;
	uint64_t nr_relative, nr_other;
	unsigned int hermit_entry;
	uint32_t uhyve_interface;
	uint32_t hermit_kernel;
};

/**
 * image_info_read() - look at an image
 * @fd: open for reading
 * @info: out
 * @why: out: what is wrong with it, for a person
 *
 * Reads headers, notes and the dynamic section, no content.
 *
 * Return: 0, or -ENOEXEC with @why, or another negative errno.
 */
int image_info_read(int fd, struct image_info *info, const char **why);

/**
 * image_info_scan() - look for what stands in the content: the headers of Multiboot in the
 *	first 32 KiB, and the types of relocations
 * @fd: image
 * @info: what image_info_read() has found; out: kind, nr_relative, nr_other
 *
 * Return: 0 or a negative errno.
 */
int image_info_scan(int fd, struct image_info *info);

/**
 * image_file_offset() - where the file's byte for an address is
 * @info: image
 * @vaddr: its address
 * @length: bytes from there
 * @offset: out
 *
 * Return: whether one segment has all of them in the file.
 */
bool image_file_offset(const struct image_info *info, uint64_t vaddr, uint64_t length,
		       uint64_t *offset);

/* Is it a file that gzip has compressed? Newer Hermit images may be such archives. */
bool image_is_archive(int fd);

/* image_kind_name() - for example "hermit" */
const char *image_kind_name(enum image_kind kind);

#endif /* KEVCTL_IMAGE_INFO_H */
