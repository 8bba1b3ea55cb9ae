/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each boot protocol is made of; for src/image only. Pure.
 */
#ifndef _KEV_BOOT_PROTOCOL_H
#define _KEV_BOOT_PROTOCOL_H

#include <kev/boot.h>
#include <kev/pure.h>

/* How kev calls itself to a guest that asks for its boot loader */
#define KEV_BOOT_LOADER_NAME	"kev"

/* Segment types: SDM Vol. 3, "Code- and Data-Segment Types", "System Descriptor Types" */
#define KEV_BOOT_TYPE_DATA	3U	/* read, write, accessed */
#define KEV_BOOT_TYPE_CODE	11U	/* execute, read, accessed */
#define KEV_BOOT_TYPE_BUSY_TSS	11U
#define KEV_BOOT_TYPE_LDT	2U

/* What memory maps call memory that the guest may use: 1 in all of the protocols */
#define KEV_BOOT_MAP_RAM	1U

/**
 * struct kev_boot_writer - writes little-endian fields one after the other
 * @buf: where to; NULL: bytes are only counted
 * @room: bytes in @buf
 * @gpa: guest-physical address of @buf
 * @at: bytes written so far, those included that had no room
 */
struct kev_boot_writer {
	u8 *buf;
	u64 room;
	u64 gpa;
	u64 at;
};

/* kev_boot_put() - append bytes; NULL: zeros */
void kev_boot_put(struct kev_boot_writer *w, const void *bytes, u64 length);
void kev_boot_put32(struct kev_boot_writer *w, u32 value);
void kev_boot_put64(struct kev_boot_writer *w, u64 value);
/* kev_boot_put_string() - append bytes and a NUL */
void kev_boot_put_string(struct kev_boot_writer *w, const char *string, u32 length);
/* kev_boot_patch32() - overwrite a field that was appended before */
void kev_boot_patch32(struct kev_boot_writer *w, u64 at, u32 value);
/* kev_boot_align() - append zeros up to a multiple of @to, a power of two */
void kev_boot_align(struct kev_boot_writer *w, u32 to);

/**
 * struct kev_boot_protocol - one protocol
 * @is_32bit: 32-bit ELF files are taken too, segments and entry lie below 4 GiB, and a
 *	vCPU starts without paging
 * @takes_files: it hands over a command line and modules
 * @wants_note: the image has a note that gives the entry
 * @physical_entry: see struct kev_elf_rules
 * @window: bytes of the file's beginning that may hold a header
 * @low_end: no segment may begin below this address
 * @boot: where boot structures lie; length 0: where there is room
 * @print_device: guest-physical address of a print device; 0: there is none
 * @find: look for the header; NULL if there is none. 1 found, 0 not found, -ENOEXEC
 * @page: compute a page of boot structures that depend on their address alone; else NULL
 * @render: write all others; NULL if there are none. It writes as many bytes
 *	for a plan whose addresses are not known yet
 */
struct kev_boot_protocol {
	bool is_32bit;
	bool takes_files;
	bool wants_note;
	bool physical_entry;
	u32 window;
	u64 low_end;
	struct kev_range boot;
	u64 print_device;
	int (*find)(const void *buf, size_t len, struct kev_boot_header *out,
		    struct kev_image_fault *why);
	kev_boot_page_fn page;
	void (*render)(const struct kev_boot_plan *plan, const struct kev_boot_args *args,
		       struct kev_boot_writer *w);
};

extern const struct kev_boot_protocol kev_boot_direct64;
extern const struct kev_boot_protocol kev_boot_kev32;
extern const struct kev_boot_protocol kev_boot_multiboot;
extern const struct kev_boot_protocol kev_boot_multiboot2;
extern const struct kev_boot_protocol kev_boot_pvh;

/* kev_boot_get16(), kev_boot_get32() - a little-endian field, any alignment */
u16 kev_boot_get16(const void *from);
u32 kev_boot_get32(const void *from);

/**
 * kev_boot_flat_offset() - where in the file the first byte to load lies
 * @header_offset: where the protocol's header lies in the file
 * @header_addr: its guest-physical address
 * @flat: in: @load; out: @offset
 *
 * Context: Any.
 * Return: false if these contradict each other.
 */
bool kev_boot_flat_offset(u64 header_offset, u32 header_addr, struct kev_boot_flat *flat);

/**
 * struct kev_boot_meminfo - memory as a PC's firmware has counted it since ever, in KiB
 * @lower: from 0 on, at most 640
 * @upper: from 1 MiB on, up to the first hole
 */
struct kev_boot_meminfo {
	u32 lower;
	u32 upper;
};

struct kev_boot_meminfo kev_boot_meminfo(const struct kev_boot_plan *plan);

/* kev_multiboot2_put_map() - append a Multiboot 2 memory-map tag; _put_end(): the end */
void kev_multiboot2_put_map(struct kev_boot_writer *w, const struct kev_boot_plan *plan);
void kev_multiboot2_put_end(struct kev_boot_writer *w);

#endif /* _KEV_BOOT_PROTOCOL_H */
