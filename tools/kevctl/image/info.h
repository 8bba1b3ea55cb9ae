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
	IMAGE_MULTIBOOT,
	IMAGE_MULTIBOOT2,
	IMAGE_PVH,
};

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
 * @machine: e_machine
 * @type: e_type
 * @entry: e_entry
 * @segments: PT_LOAD, in the file's order
 * @nr_segments: how many
 * @notes: all notes of PT_NOTE
 * @nr_notes: how many
 * @has_tls: there is a PT_TLS:
 * @tls: with its fields
 * @has_symbols: there is a symbol table
 * @nr_relative: entries of DT_RELA that are R_X86_64_RELATIVE
 * @nr_other: entries of any other type
 * @needs_library: there is a DT_NEEDED
 * @hermit_entry: Hermit's entry ABI version; IMAGE_HERMIT
 * @uhyve_interface: version of the call interface, 1 without the note; IMAGE_HERMIT
 */
struct image_info {
	enum image_kind kind;
	uint16_t machine, type;
	uint64_t entry;
	struct image_segment *segments;
	unsigned int nr_segments;
	struct image_note *notes;
	unsigned int nr_notes;
	bool has_tls;
	struct image_segment tls;
	uint64_t tls_align;
	bool has_symbols;
	uint64_t nr_relative, nr_other;
	bool needs_library;
	unsigned int hermit_entry;
	uint32_t uhyve_interface;
};

/**
 * image_info_read() - look at an image
 * @fd: open for reading
 * @info: out; image_info_free() is due after success
 * @why: out: what is wrong with it, for a person
 *
 * Reads headers, notes and the dynamic section, no content.
 *
 * Return: 0, or -ENOEXEC with @why, or another negative errno.
 */
int image_info_read(int fd, struct image_info *info, const char **why);
void image_info_free(struct image_info *info);

/* image_kind_name() - for example "hermit" */
const char *image_kind_name(enum image_kind kind);

#endif /* KEVCTL_IMAGE_INFO_H */
