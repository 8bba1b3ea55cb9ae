// SPDX-License-Identifier: GPL-2.0
/*
 * Boot information of Hermit's entry ABI. Version 1 is that of hermit-entry 0.3 to 0.8,
 * 2 of 0.9.0 to 0.9.2, 3 of the later 0.9, 4 of 0.10; see Documentation/hermit.rst.
 */
#include <string.h>

#include "boot_info.h"

#define PLATFORM_UHYVE	1	/* tag of versions 2 to 4 */

/* Version 1 */
#define MAGIC		0xc0decafeU
#define LAYOUT		1U	/* which has never changed */
#define UHYVE		1U
#define UHYVE_PCI	2U

struct writer {
	uint8_t *bytes;
	size_t at;
};

/* The next field, aligned as its width demands */
static void put(struct writer *writer, unsigned int width, uint64_t value)
{
	writer->at = (writer->at + width - 1) / width * width;
	for (unsigned int i = 0; i < width; i++)
		writer->bytes[writer->at++] = value >> 8 * i;
}

static size_t fill_first(const struct boot_info *info, struct writer *writer)
{
	put(writer, 4, MAGIC);
	put(writer, 4, LAYOUT);
	put(writer, 8, info->image_start);
	put(writer, 8, info->phys_end);
	put(writer, 8, info->image_end - info->image_start);
	put(writer, 8, info->tls_start);
	put(writer, 8, info->tls_file_bytes);
	put(writer, 8, info->tls_mem_bytes);
	put(writer, 8, info->stack);
	put(writer, 8, 0);			/* per-core variables: the guest's */
	put(writer, 8, 0);			/* where the host has the memory */
	put(writer, 8, info->boot_time / 1000);
	put(writer, 8, 0);			/* Multiboot information */
	put(writer, 8, 0);			/* command line */
	put(writer, 8, 0);			/* and its length */
	put(writer, 4, info->khz / 1000);
	put(writer, 4, UINT32_MAX);		/* boot processor: not used */
	put(writer, 4, 0);			/* BOOT_INFO_CPU_ONLINE */
	put(writer, 4, info->cpus);
	put(writer, 4, 0);			/* the CPU that boots: not used */
	put(writer, 2, info->serial_port);
	put(writer, 1, 1);			/* no other kernel on this machine */
	put(writer, 1, UHYVE | (info->has_pci ? UHYVE_PCI : 0));
	put(writer, 4, 0);			/* addresses of a network */
	put(writer, 4, 0);
	put(writer, 4, 0);
	put(writer, 8, info->tls_align);
	return writer->at;
}

static size_t fill_later(const struct boot_info *info, bool has_device_tree,
			 struct writer *writer)
{
	put(writer, 8, info->phys_start);
	put(writer, 8, info->phys_end);
	put(writer, 2, info->serial_port);
	if (has_device_tree)
		put(writer, 8, info->device_tree);
	put(writer, 8, info->image_start);
	put(writer, 8, info->image_end);
	put(writer, 8, info->tls_start);
	put(writer, 8, info->tls_file_bytes);
	put(writer, 8, info->tls_mem_bytes);
	put(writer, 8, info->tls_align);
	put(writer, 4, PLATFORM_UHYVE);
	put(writer, 4, 0);			/* its fields are aligned to 8 bytes */
	put(writer, 1, info->has_pci);
	put(writer, 8, info->cpus);
	put(writer, 4, info->khz);
	put(writer, 8, info->boot_time);	/* 128 bits */
	put(writer, 8, 0);
	return writer->at;
}

size_t boot_info_fill(unsigned int version, const struct boot_info *info,
		      uint8_t bytes[BOOT_INFO_BYTES])
{
	struct writer writer = { .bytes = bytes };

	memset(bytes, 0, BOOT_INFO_BYTES);
	switch (version) {
	case 1:
		return fill_first(info, &writer);
	case 2:
		return fill_later(info, false, &writer);
	case 3:
	case 4:
		return fill_later(info, true, &writer);
	default:
		return 0;
	}
}
