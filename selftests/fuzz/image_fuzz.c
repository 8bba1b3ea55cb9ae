// SPDX-License-Identifier: GPL-2.0
/*
 * The input is an ELF file for kevctl. What image_info_read() says of it lies inside the
 * file, what layout_make() makes of a Hermit image keeps its promises, and relocations stay in the
 * image's memory. What the module would say of it is one of its own words.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "../../tools/kevctl/hermit/accept.h"
#include "../../tools/kevctl/hermit/relocate.h"
#include "../../tools/kevctl/image/info.h"
#include "../../tools/kevctl/image/judge.h"
#include "fuzz.h"
#include "layout_promises.h"

#define LOAD_BASE	0x200000

static int file = -1;
/* Where relocations may be: the image's addresses */
static uint64_t lowest, highest;

int guest_write_all(const struct guest_view *view, uint64_t address, const void *bytes,
		    size_t length)
{
	fuzz_check(address - LOAD_BASE >= lowest && address - LOAD_BASE < highest &&
		   length <= highest - (address - LOAD_BASE), "a relocation beside the image");
	return 0;
}

static void check_relocations(const struct image_info *info)
{
	const struct guest_view view = { .vm = -1 };
	const char *why = NULL;
	int error;

	lowest = UINT64_MAX;
	highest = 0;
	for (unsigned int i = 0; i < info->nr_segments; i++) {
		const struct image_segment *segment = &info->segments[i];

		lowest = min(lowest, segment->vaddr);
		highest = max(highest, segment->vaddr + segment->mem_bytes);
	}
	error = relocate_image(&view, file, info, LOAD_BASE, &why);
	fuzz_check(error != -ENOEXEC || (why && *why), "a refusal without a reason");
}

static void check_verdict(void)
{
	struct image_verdict verdict;
	int error = image_judge(file, &verdict);

	fuzz_check(!error, "a file that cannot be read");
	fuzz_check(verdict.boot <= KEV_BOOT_PVH || verdict.boot == KEV_BOOT_AUTO,
		   "a protocol that there is not");
	fuzz_check(verdict.problem || verdict.boot != KEV_BOOT_AUTO, "no problem, and no protocol");
}

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
	check_verdict();
	error = image_info_read(file, &info, &text);
	if (error) {
		fuzz_check(text && *text, "a refusal without a reason");
		return 0;
	}
	fuzz_check(!image_info_scan(file, &info), "it was read, and cannot be scanned");
	check_info(&info, size);
	check_relocations(&info);
	if (accept_image(&info, why))
		check_layout(&info, &(struct layout_request){ .ram_bytes = 64 << 20 });
	else
		fuzz_check(*why, "a refusal without a reason");
	return 0;
}
