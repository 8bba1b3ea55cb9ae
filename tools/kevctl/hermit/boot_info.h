/* SPDX-License-Identifier: GPL-2.0 */
/* The boot information that a Hermit kernel finds, in each of its versions. Pure. */
#ifndef KEVCTL_HERMIT_BOOT_INFO_H
#define KEVCTL_HERMIT_BOOT_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entry ABI versions that there are */
#define HERMIT_FIRST_ENTRY	1U
#define HERMIT_LAST_ENTRY	4U

#define BOOT_INFO_BYTES		160U	/* of the largest version */

/* Version 1: how many vCPUs have come up; the guest counts. */
#define BOOT_INFO_CPU_ONLINE	120U

/**
 * struct boot_info - what it says
 * @phys_start: first address of memory
 * @phys_end: first one behind it
 * @serial_port: port of the serial console, 0 without one
 * @device_tree: address of the device tree, 0 without one; not in versions 1 and 2
 * @image_start: first byte of the image in memory
 * @image_end: first one behind it
 * @stack: lowest byte of the boot stack; in version 1 only
 * @tls_start: thread-local storage: its image
 * @tls_file_bytes: and its sizes
 * @tls_mem_bytes: likewise
 * @tls_align: alignment
 * @has_pci: there is a PCI bus
 * @cpus: number of vCPUs, not 0
 * @khz: frequency of the TSC, 0 if unknown
 * @boot_time: ns since 1970
 */
struct boot_info {
	uint64_t phys_start, phys_end;
	uint16_t serial_port;
	uint64_t device_tree;
	uint64_t image_start, image_end;
	uint64_t stack;
	uint64_t tls_start, tls_file_bytes, tls_mem_bytes, tls_align;
	bool has_pci;
	uint32_t cpus;
	uint32_t khz;
	uint64_t boot_time;
};

/**
 * boot_info_fill() - lay it out
 * @version: entry ABI version
 * @info: what it says
 * @bytes: out
 *
 * Return: its length, 0 for a version that there is not.
 */
size_t boot_info_fill(unsigned int version, const struct boot_info *info,
		      uint8_t bytes[BOOT_INFO_BYTES]);

#endif /* KEVCTL_HERMIT_BOOT_INFO_H */
