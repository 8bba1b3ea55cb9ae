/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Images for every boot protocol, and what a protocol has put into the guest's memory, as
 * the guest would find it.
 */
#ifndef BOOT_H
#define BOOT_H

#include "kevtest.h"

/* ---- an image with headers ---- */

#define KT_HAS_MULTIBOOT	0x1U
#define KT_HAS_MULTIBOOT2	0x2U
#define KT_HAS_NOTE		0x4U	/* PVH */

/* Where they are in the page of code; each field is 32 bits wide. */
#define KT_MULTIBOOT_AT		0x100
#define KT_MULTIBOOT2_AT	0x200
#define KT_NOTE_AT		0x300

/* One page at KT_CODE_GPA, which is enough for a KT_RAM_KIB machine */
struct kt_boot_image {
	struct kt_elf elf;
	uint8_t code[KT_PAGE];
};

/* An image with these headers; the guest is an HLT for ever in any mode. */
void kt_boot_image_init(struct kt_boot_image *image, unsigned int headers);
/* Set a 32-bit field of a header. */
void kt_boot_image_set(struct kt_boot_image *image, size_t at, uint32_t value);
/* A file without a name: its descriptor */
int kt_boot_image_file(const struct kt_boot_image *image);

/* The headers that a protocol wants; 0 if none */
unsigned int kt_boot_headers(uint32_t protocol);

/* A file that cannot change, so that VMs share its pages: its descriptor */
int kt_sealed_file(const void *bytes, size_t size);

/* KEV_FEATURE_* of this machine */
uint64_t kt_features(int kev);

/* ---- the call ---- */

/* Arguments of an attach, with all outputs set to what no call leaves there */
struct kev_attach_image kt_attach_request(int fd, uint32_t boot, uint64_t ram_kib);
void kt_attach_cmdline(struct kev_attach_image *args, const char *text);
void kt_attach_modules(struct kev_attach_image *args, const struct kev_boot_module *modules,
		       uint32_t nr);

/* ---- what the guest is told ---- */

#define KT_MAX_STRING	64

struct kt_boot_module {
	uint64_t start, end;
	char string[KT_MAX_STRING];
};

struct kt_boot_info {
	char cmdline[KEV_MAX_CMDLINE];
	uint32_t nr_modules;
	struct kt_boot_module module[KEV_MAX_MODULES];
	uint32_t nr_runs;	/* of the memory map */
	uint64_t memory;	/* bytes in all of them */
};

/* The boot information at @gpa; -EPROTO: it is malformed */
int kt_boot_info(int vm, uint32_t protocol, uint64_t gpa, struct kt_boot_info *info);

#endif /* BOOT_H */
