// SPDX-License-Identifier: GPL-2.0
/*
 * The input is an ELF file for kevctl. What image_info_read() says of it lies inside the
 * file, and what layout_make() makes of a Hermit image keeps its promises.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "../../tools/kevctl/hermit/accept.h"
#include "../../tools/kevctl/image/info.h"
#include "fuzz.h"
#include "layout_promises.h"

static int file = -1;

static void check_info(const struct image_info *info, size_t size)
{
	uint64_t offset;

	fuzz_check(info->nr_segments <= IMAGE_MAX_HEADERS, "too many segments");
	fuzz_check(info->nr_notes <= IMAGE_MAX_NOTES, "too many notes");
	for (unsigned int i = 0; i < info->nr_segments; i++) {
		const struct image_segment *segment = &info->segments[i];

		fuzz_check(segment->mem_bytes && segment->file_bytes <= segment->mem_bytes,
			   "size of a segment");
		if (!segment->file_bytes)
			continue;
		fuzz_check(segment->offset <= size && segment->file_bytes <= size - segment->offset,
			   "a segment outside the file");
	}
	for (unsigned int i = 0; i < info->nr_notes; i++)
		fuzz_check(memchr(info->notes[i].owner, 0, sizeof(info->notes[i].owner)),
			   "an owner without an end");
	fuzz_check(!(info->nr_relative + info->nr_other) ||
		   image_file_offset(info, info->rela, info->rela_bytes, &offset),
		   "relocations outside the file");
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct image_info info;
	char why[ACCEPT_WHY];
	const char *text = NULL;
	int error;

	if (file < 0)
		file = memfd_create("image", 0);
	if (ftruncate(file, 0) || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
	error = image_info_read(file, &info, &text);
	if (error) {
		fuzz_check(text && *text, "a refusal without a reason");
		return 0;
	}
	fuzz_check(!image_info_scan(file, &info), "it was read, and cannot be scanned");
	check_info(&info, size);
	if (accept_image(&info, why))
		check_layout(&info, &(struct layout_request){ .ram_bytes = 64 << 20 });
	else
		fuzz_check(*why, "a refusal without a reason");
	return 0;
}
