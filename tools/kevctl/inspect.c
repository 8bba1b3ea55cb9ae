// SPDX-License-Identifier: GPL-2.0
/* kevctl inspect */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libkev.h>

#include "command_line.h"
#include "hermit/accept.h"
#include "hermit/layout.h"
#include "image/info.h"
#include "image/judge.h"
#include "json.h"
#include "kevctl.h"

#define MIB		(1ULL << 20)
#define DEFAULT_RAM	(64 * MIB)
#define MOST_RAM	(DEFAULT_RAM << 14)

/**
 * struct finding - what `kevctl run` would make of an image
 * @path: image
 * @info: what it is
 * @boot: name of the boot protocol
 * @usable: it would be run, as far as headers and notes tell
 * @why: why not
 * @layout: IMAGE_HERMIT: where everything would lie
 * @ram_bytes: and how much memory it would have
 */
struct finding {
	const char *path;
	struct image_info info;
	const char *boot;
	bool usable;
	char why[ACCEPT_WHY];
	struct layout layout;
	uint64_t ram_bytes;
};

static void refuse(struct finding *finding, const char *why)
{
	finding->usable = false;
	snprintf(finding->why, sizeof(finding->why), "%s", why);
}

static void judge_hermit(struct finding *finding)
{
	struct layout_request request = { .ram_bytes = DEFAULT_RAM };
	const char *why = "it does not fit into the guest's memory";
	int error;

	finding->usable = accept_image(&finding->info, finding->why);
	if (!finding->usable)
		return;
	while ((error = layout_make(&finding->info, &request, &finding->layout, &why)) == -ENOMEM &&
	       request.ram_bytes < MOST_RAM)
		request.ram_bytes *= 2;
	finding->ram_bytes = request.ram_bytes;
	if (error)
		refuse(finding, why);
}

/* By what the module would say of it */
static int judge_others(struct finding *finding, int fd)
{
	struct image_verdict verdict;
	int error = image_judge(fd, &verdict);

	if (error)
		return error;
	finding->boot = verdict.boot == KEV_BOOT_AUTO ? image_kind_name(finding->info.kind) :
			kev_boot_name(verdict.boot);
	finding->usable = verdict.problem == KEV_IMAGE_OK;
	if (verdict.problem == KEV_IMAGE_CLASS && finding->info.bits == 32)
		snprintf(finding->why, sizeof(finding->why),
			 "a 32-bit image without Multiboot header or PVH note");
	else if (verdict.segment == KEV_IMAGE_NO_SEGMENT)
		snprintf(finding->why, sizeof(finding->why), "%s",
			 kev_image_problem_text(verdict.problem));
	else
		snprintf(finding->why, sizeof(finding->why), "program header %u: %s",
			 verdict.segment, kev_image_problem_text(verdict.problem));
	return 0;
}

static int judge(struct finding *finding, int fd)
{
	if (finding->info.kind != IMAGE_HERMIT)
		return judge_others(finding, fd);
	finding->boot = image_kind_name(IMAGE_HERMIT);
	judge_hermit(finding);
	return 0;
}

static const char *type_name(uint16_t type)
{
	switch (type) {
	case ET_REL:
		return "ET_REL";
	case ET_EXEC:
		return "ET_EXEC";
	case ET_DYN:
		return "ET_DYN";
	case ET_CORE:
		return "ET_CORE";
	default:
		return "unknown";
	}
}

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_386:
		return "i386";
	case EM_X86_64:
		return "x86-64";
	case EM_AARCH64:
		return "aarch64";
	case EM_RISCV:
		return "riscv";
	default:
		return "unknown";
	}
}

static void rights(uint32_t flags, char text[4])
{
	text[0] = flags & PF_R ? 'r' : '-';
	text[1] = flags & PF_W ? 'w' : '-';
	text[2] = flags & PF_X ? 'x' : '-';
	text[3] = '\0';
}

/* As hexadecimal digits, two a byte; what is not kept of a long one is left out. */
static void descriptor(const struct image_note *note, char text[2 * sizeof(note->descriptor) + 1])
{
	uint32_t kept = note->length;

	if (kept > sizeof(note->descriptor))
		kept = sizeof(note->descriptor);
	for (uint32_t i = 0; i < kept; i++)
		sprintf(text + 2 * i, "%02x", note->descriptor[i]);
	text[2 * kept] = '\0';
}

static const char *relocated(const struct image_info *info)
{
	if (info->type != ET_DYN || !info->rela_bytes)
		return "none";
	return info->nr_other || info->other_tables ? "before the start" : "as pages are loaded";
}

static void print_owner(const char *owner)
{
	for (; *owner; owner++)
		putchar(*owner < ' ' || *owner > '~' ? '?' : *owner);
}

static void text_segments(const struct image_info *info)
{
	char flags[4];

	for (unsigned int i = 0; i < info->nr_segments; i++) {
		const struct image_segment *segment = &info->segments[i];

		rights(segment->flags, flags);
		printf("segment      offset 0x%" PRIx64 ", vaddr 0x%" PRIx64 ", paddr 0x%" PRIx64
		       ", 0x%" PRIx64 " of 0x%" PRIx64 " bytes in the file, %s\n", segment->offset,
		       segment->vaddr, segment->paddr, segment->file_bytes, segment->mem_bytes,
		       flags);
	}
	if (info->has_tls)
		printf("tls          vaddr 0x%" PRIx64 ", 0x%" PRIx64 " of 0x%" PRIx64
		       " bytes in the file, alignment 0x%" PRIx64 "\n", info->tls.vaddr,
		       info->tls.file_bytes, info->tls.mem_bytes, info->tls_align);
}

static void text_notes(const struct image_info *info)
{
	for (unsigned int i = 0; i < info->nr_notes; i++) {
		const struct image_note *note = &info->notes[i];
		char bytes[2 * sizeof(note->descriptor) + 1];

		descriptor(note, bytes);
		fputs("note         ", stdout);
		print_owner(note->owner);
		printf(", type 0x%x, %u byte%s: %s%s\n", note->type, note->length,
		       note->length == 1 ? "" : "s", bytes,
		       note->length > sizeof(note->descriptor) ? "..." : "");
	}
}

static void text_layout(const struct finding *finding)
{
	const struct layout *layout = &finding->layout;

	printf("hermit       entry version %u, interface %" PRIu32 "\n", finding->info.hermit_entry,
	       finding->info.uhyve_interface);
	if (!finding->usable)
		return;
	printf("would have   %lluM of memory from 0x%" PRIx64 "\n", finding->ram_bytes / MIB,
	       layout->ram[0].start);
	printf("would lie    from 0x%" PRIx64 " to 0x%" PRIx64 ", entry 0x%" PRIx64
	       ", relocations: %s\n", layout->image_start, layout->image_end, layout->entry,
	       relocated(&finding->info));
	printf("would find   boot information at 0x%" PRIx64 ", page tables at 0x%" PRIx64
	       ", stack at 0x%" PRIx64 "\n", layout->boot_info, layout->pml4, layout->stack);
}

static void print_text(const struct finding *finding)
{
	const struct image_info *info = &finding->info;

	printf("image        %s\n", finding->path);
	printf("file         %u-bit ELF, %s, %s, entry 0x%" PRIx64 "\n", info->bits,
	       machine_name(info->machine), type_name(info->type), info->entry);
	text_segments(info);
	text_notes(info);
	printf("relocations  %" PRIu64 " relative, %" PRIu64 " other\n", info->nr_relative,
	       info->nr_other);
	printf("symbols      %s\n", info->has_symbols ? "yes" : "no");
	printf("boot         %s\n", finding->boot);
	if (info->kind == IMAGE_HERMIT)
		text_layout(finding);
	if (!finding->usable)
		printf("refused      %s\n", finding->why);
}

static void json_segment(const struct image_segment *segment)
{
	char flags[4];

	rights(segment->flags, flags);
	printf("{\"offset\": %" PRIu64 ", \"vaddr\": %" PRIu64 ", \"paddr\": %" PRIu64
	       ", \"file_bytes\": %" PRIu64 ", \"mem_bytes\": %" PRIu64 ", \"rights\": \"%s\"",
	       segment->offset, segment->vaddr, segment->paddr, segment->file_bytes,
	       segment->mem_bytes, flags);
}

static void json_lists(const struct image_info *info)
{
	fputs(" \"segments\": [", stdout);
	for (unsigned int i = 0; i < info->nr_segments; i++) {
		fputs(i ? ",\n  " : "\n  ", stdout);
		json_segment(&info->segments[i]);
		putchar('}');
	}
	fputs("],\n \"notes\": [", stdout);
	for (unsigned int i = 0; i < info->nr_notes; i++) {
		const struct image_note *note = &info->notes[i];
		char bytes[2 * sizeof(note->descriptor) + 1];

		descriptor(note, bytes);
		fputs(i ? ",\n  {\"owner\": " : "\n  {\"owner\": ", stdout);
		json_string(stdout, note->owner);
		printf(", \"type\": %u, \"length\": %u, \"descriptor\": \"%s\"}", note->type,
		       note->length, bytes);
	}
	fputs("],\n \"tls\": ", stdout);
	if (info->has_tls) {
		json_segment(&info->tls);
		printf(", \"align\": %" PRIu64 "},\n", info->tls_align);
	} else {
		puts("null,");
	}
}

static void json_hermit(const struct finding *finding)
{
	const struct layout *layout = &finding->layout;

	printf(" \"hermit\": {\"entry_version\": %u, \"interface\": %" PRIu32,
	       finding->info.hermit_entry, finding->info.uhyve_interface);
	if (finding->usable)
		printf(", \"memory_bytes\": %" PRIu64 ", \"memory_start\": %" PRIu64
		       ", \"load_base\": %" PRIu64 ",\n  \"image_start\": %" PRIu64
		       ", \"image_end\": %" PRIu64 ", \"entry\": %" PRIu64
		       ", \"boot_info\": %" PRIu64 ", \"page_tables\": %" PRIu64
		       ", \"stack\": %" PRIu64, finding->ram_bytes, layout->ram[0].start,
		       layout->load_base, layout->image_start, layout->image_end, layout->entry,
		       layout->boot_info, layout->pml4, layout->stack);
	puts("},");
}

static void print_json(const struct finding *finding)
{
	const struct image_info *info = &finding->info;

	fputs("{\"image\": ", stdout);
	json_string(stdout, finding->path);
	printf(",\n \"bits\": %u, \"machine\": \"%s\", \"type\": \"%s\", \"entry\": %" PRIu64 ",\n",
	       info->bits, machine_name(info->machine), type_name(info->type), info->entry);
	json_lists(info);
	printf(" \"relocations\": {\"relative\": %" PRIu64 ", \"other\": %" PRIu64
	       ", \"applied\": \"%s\"},\n", info->nr_relative, info->nr_other, relocated(info));
	printf(" \"symbols\": %s,\n", info->has_symbols ? "true" : "false");
	if (info->kind == IMAGE_HERMIT)
		json_hermit(finding);
	printf(" \"boot\": \"%s\", \"usable\": %s, \"why\": ", finding->boot,
	       finding->usable ? "true" : "false");
	json_string(stdout, finding->usable ? NULL : finding->why);
	puts("}");
}

static int inspect(const char *path, bool json)
{
	struct finding finding = { .path = path };
	const char *why;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int error = errno;

	if (fd < 0) {
		message(path, "%s", strerror(error));
		return error == ENOENT || error == ENOTDIR ? STATUS_NOT_FOUND : STATUS_UNUSABLE;
	}
	error = image_info_read(fd, &finding.info, &why);
	if (!error) {
		error = image_info_scan(fd, &finding.info);
		why = "it cannot be read";
	}
	if (!error)
		error = judge(&finding, fd);
	close(fd);
	if (error) {
		message(path, "%s", error == -ENOEXEC ? why : strerror(-error));
		return STATUS_UNUSABLE;
	}
	if (json)
		print_json(&finding);
	else
		print_text(&finding);
	return finding.usable ? 0 : STATUS_UNUSABLE;
}

static const char help[] =
	"Usage: kevctl inspect [--json] IMAGE\n"
	"\n"
	"Print what the ELF file IMAGE is, and how `kevctl run IMAGE` would start it.\n"
	"\n"
	"  --json         print that as one JSON object\n"
	"  -h, --help     this text\n"
	"\n"
	"Exit status: 0; 126 when IMAGE cannot be used, 127 when there is no IMAGE, 125\n"
	"after a wrong option.\n";

int cmd_inspect(int argc, char **argv)
{
	bool json = false;
	const struct command_option options[] = {
		{ "json", .kind = OPTION_FLAG, .value = &json },
		{ }
	};
	const struct command_line line = {
		"inspect", help, options, .operand = "image", .least = 1, .most = 1,
	};
	int status, first = command_line_take(&line, argc, argv, &status);

	return first < 0 ? status : inspect(argv[first], json);
}
