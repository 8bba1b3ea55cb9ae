// SPDX-License-Identifier: GPL-2.0
/* What stands in an image's content: headers of Multiboot, and relocations. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "info.h"

/* Multiboot 2 (3.1.1) and Multiboot (3.1): where a header may lie as a whole */
#define WINDOW2		32768U
#define WINDOW1		8192U
#define MAGIC2		0xe85250d6U
#define MAGIC1		0x1badb002U
#define HEADER2_BYTES	16U
#define HEADER1_BYTES	12U

#define CHUNK		2048U	/* relocations that are read together */

static uint32_t word(const uint8_t *bytes, unsigned int index)
{
	uint32_t value;

	memcpy(&value, bytes + 4 * index, sizeof(value));
	return value;
}

static bool has_header2(const uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at + HEADER2_BYTES <= length; at += 8) {
		const uint8_t *header = bytes + at;

		/* Magic, architecture 0 (i386), length, checksum */
		if (word(header, 0) == MAGIC2 && !word(header, 1) &&
		    !(word(header, 0) + word(header, 2) + word(header, 3)))
			return true;
	}
	return false;
}

static bool has_header1(const uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at + HEADER1_BYTES <= length; at += 4) {
		const uint8_t *header = bytes + at;

		if (word(header, 0) == MAGIC1 &&
		    !(word(header, 0) + word(header, 1) + word(header, 2)))
			return true;
	}
	return false;
}

static int scan_headers(int fd, struct image_info *info)
{
	uint8_t *window = malloc(WINDOW2);
	ssize_t length;

	if (!window)
		return -ENOMEM;
	length = pread(fd, window, WINDOW2, 0);
	if (length < 0) {
		free(window);
		return -errno;
	}
	if (has_header2(window, length))
		info->kind = IMAGE_MULTIBOOT2;
	else if (has_header1(window, length < WINDOW1 ? length : WINDOW1))
		info->kind = IMAGE_MULTIBOOT;
	free(window);
	return 0;
}

static int count_relocations(int fd, struct image_info *info)
{
	Elf64_Rela *chunk;
	uint64_t left = info->rela_bytes / sizeof(*chunk), offset;
	int error = 0;

	if (info->bits != 64 || info->machine != EM_X86_64 ||
	    !image_file_offset(info, info->rela, info->rela_bytes, &offset))
		return 0;
	chunk = malloc(CHUNK * sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	while (left && !error) {
		size_t count = left < CHUNK ? left : CHUNK;
		ssize_t length = pread(fd, chunk, count * sizeof(*chunk), offset);

		if (length != (ssize_t)(count * sizeof(*chunk)))
			error = length < 0 ? -errno : -EIO;
		for (size_t i = 0; !error && i < count; i++) {
			if (ELF64_R_TYPE(chunk[i].r_info) == R_X86_64_RELATIVE)
				info->nr_relative++;
			else if (ELF64_R_TYPE(chunk[i].r_info) != R_X86_64_NONE)
				info->nr_other++;
		}
		offset += count * sizeof(*chunk);
		left -= count;
	}
	free(chunk);
	return error;
}

int image_info_scan(int fd, struct image_info *info)
{
	int error = 0;

	if (info->kind != IMAGE_HERMIT)
		error = scan_headers(fd, info);
	info->nr_relative = 0;
	info->nr_other = 0;
	return error ? error : count_relocations(fd, info);
}
