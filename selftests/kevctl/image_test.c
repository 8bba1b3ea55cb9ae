// SPDX-License-Identifier: GPL-2.0
/*
 * What image_info_read() and image_info_scan() make of a file: one good image, and one fault
 * after the other in it.
 */
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../tools/kevctl/image/info.h"
#include "tap.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NR_HEADERS	4
#define NR_RELOCATIONS	3
#define NOTE_BYTES	24	/* HERMIT, a descriptor of one byte */

enum { LOAD, NOTE, TLS, DYNAMIC };

/* A file from its first byte on; at address 0, but what is behind it in memory */
struct file {
	Elf64_Ehdr elf;
	Elf64_Phdr headers[NR_HEADERS];
	uint8_t notes[112];
	Elf64_Dyn dynamic[8];
	Elf64_Rela relocations[NR_RELOCATIONS];
	uint8_t multiboot[16];
};

static size_t add_note(uint8_t *at, const char *owner, uint32_t type, const void *descriptor,
		       uint32_t length)
{
	uint32_t name = strlen(owner) + 1, padded = (name + 3) & ~3U;

	memcpy(at, &name, 4);
	memcpy(at + 4, &length, 4);
	memcpy(at + 8, &type, 4);
	memcpy(at + 12, owner, name);
	memcpy(at + 12 + padded, descriptor, length);
	return 12 + padded + ((length + 3) & ~3U);
}

static struct file good(void)
{
	static const uint32_t tag[4] = { 6, 0, 10, 2 };
	struct file file = {
		.elf = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			.e_entry = 0x1234, .e_phoff = offsetof(struct file, headers),
			.e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = NR_HEADERS, .e_shentsize = sizeof(Elf64_Shdr),
		},
		.headers = {
			{ PT_LOAD, PF_R | PF_X, 0, 0, 0x77000, sizeof(file), 0x5000, 0x1000 },
			{ PT_NOTE, PF_R, offsetof(struct file, notes), 0, 0, 0, 0, 4 },
			{ PT_TLS, PF_R, 0x10, 0x10, 0x10, 0x20, 0x30, 0x40 },
			{ PT_DYNAMIC, PF_R, offsetof(struct file, dynamic),
			  offsetof(struct file, dynamic), 0, sizeof(file.dynamic),
			  sizeof(file.dynamic), 8 },
		},
		.dynamic = {
			{ DT_RELA, { offsetof(struct file, relocations) } },
			{ DT_RELASZ, { sizeof(file.relocations) } },
			{ DT_RELAENT, { sizeof(Elf64_Rela) } },
			{ DT_SYMTAB, { 0x40 } },
		},
		.relocations = {
			{ 0x100, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0 },
			{ 0x108, ELF64_R_INFO(1, R_X86_64_64), 0 },
			{ 0, ELF64_R_INFO(0, R_X86_64_NONE), 0 },
		},
	};
	size_t at = 0;

	at += add_note(file.notes + at, "HERMIT", 0x5a00, "\x04", 1);
	at += add_note(file.notes + at, "UHYVEIF", 0x5b00, "\0\0\0\x02", 4);
	at += add_note(file.notes + at, "GNU", 1, tag, sizeof(tag));
	file.headers[NOTE].p_filesz = at;
	return file;
}

static int make(const void *bytes, size_t length)
{
	int fd = memfd_create("image", 0);

	if (write(fd, bytes, length) != (ssize_t)length)
		perror("image");
	return fd;
}

static int look(const struct file *file, size_t length, struct image_info *info)
{
	int fd = make(file, length), error;
	const char *why = NULL;

	error = image_info_read(fd, info, &why);
	if (!error)
		error = image_info_scan(fd, info);
	else if (!why || !*why)
		error = -1;
	close(fd);
	return error;
}

static void test_good(void)
{
	const struct file file = good();
	struct image_info info;

	tap_result(!look(&file, sizeof(file), &info), "image");
	tap_result(info.kind == IMAGE_HERMIT && info.bits == 64 && info.machine == EM_X86_64 &&
		   info.type == ET_DYN && info.entry == 0x1234, "header");
	tap_result(info.nr_segments == 1 && info.segments[0].vaddr == 0 &&
		   info.segments[0].paddr == 0x77000 && info.segments[0].mem_bytes == 0x5000 &&
		   info.segments[0].file_bytes == sizeof(file) &&
		   info.segments[0].flags == (PF_R | PF_X), "segment");
	tap_result(info.nr_notes == 3 && !strcmp(info.notes[0].owner, "HERMIT") &&
		   info.notes[1].type == 0x5b00 && info.notes[2].length == 16 &&
		   info.notes[2].descriptor[8] == 10, "notes");
	tap_result(info.hermit_entry == 4 && info.uhyve_interface == 2 &&
		   info.hermit_kernel == 0x000a02, "versions");
	tap_result(info.has_tls && info.tls.vaddr == 0x10 && info.tls.file_bytes == 0x20 &&
		   info.tls.mem_bytes == 0x30 && info.tls_align == 0x40, "TLS");
	tap_result(info.rela == offsetof(struct file, relocations) && info.symbols == 0x40 &&
		   info.nr_relative == 1 && info.nr_other == 1 && !info.other_tables &&
		   !info.needs_library && !info.has_symbols, "dynamic section");
}

/* One field of the file is something else. */
#define AT(field)	offsetof(struct file, field), sizeof(((struct file *)0)->field)

static const struct {
	const char *name;
	size_t offset, width;
	uint64_t value;
	int result;
} faults[] = {
	{ "magic", AT(elf.e_ident[0]), 0, -ENOEXEC },
	{ "class", AT(elf.e_ident[EI_CLASS]), 7, -ENOEXEC },
	{ "big-endian", AT(elf.e_ident[EI_DATA]), ELFDATA2MSB, -ENOEXEC },
	{ "no program headers", AT(elf.e_phnum), 0, -ENOEXEC },
	{ "129 program headers", AT(elf.e_phnum), 129, -ENOEXEC },
	{ "program headers by section 0", AT(elf.e_phnum), PN_XNUM, -ENOEXEC },
	{ "program headers behind the file", AT(elf.e_phoff), sizeof(struct file) - 8, -ENOEXEC },
	{ "program headers far away", AT(elf.e_phoff), UINT64_MAX - 7, -ENOEXEC },
	{ "section headers far away", AT(elf.e_shoff), UINT64_MAX - 7, 0 },
	{ "segment ends behind the file", AT(headers[LOAD].p_filesz), sizeof(struct file) + 1,
	  -ENOEXEC },
	{ "segment's offset wraps", AT(headers[LOAD].p_offset), UINT64_MAX, -ENOEXEC },
	{ "segment larger in the file", AT(headers[LOAD].p_memsz), 1, -ENOEXEC },
	{ "segment wraps", AT(headers[LOAD].p_vaddr), UINT64_MAX - 1, -ENOEXEC },
	{ "segment wraps by a byte", AT(headers[LOAD].p_vaddr), 1 - 0x5000ULL, -ENOEXEC },
	{ "segment up to the top", AT(headers[LOAD].p_vaddr), 0 - 0x5000ULL, 0 },
	{ "notes end behind the file", AT(headers[NOTE].p_filesz), sizeof(struct file), -ENOEXEC },
	{ "notes' offset wraps", AT(headers[NOTE].p_offset), UINT64_MAX, -ENOEXEC },
	{ "notes without bytes", AT(headers[NOTE].p_filesz), 0, 0 },
	{ "notes at an odd offset", AT(headers[NOTE].p_offset), offsetof(struct file, notes) + 1,
	  0 },
	{ "note's name is long", AT(notes[0]), 0xff, 0 },
	{ "note's descriptor is long", AT(notes[4]), 0xff, 0 },
	{ "note's alignment", AT(headers[NOTE].p_align), 8, 0 },
	{ "dynamic section ends behind the file", AT(headers[DYNAMIC].p_filesz),
	  sizeof(struct file), -ENOEXEC },
	{ "dynamic section of no bytes", AT(headers[DYNAMIC].p_filesz), 0, 0 },
	{ "dynamic section of a few bytes", AT(headers[DYNAMIC].p_filesz), 15, 0 },
	{ "relocations far away", AT(dynamic[0].d_un.d_ptr), UINT64_MAX - 7, 0 },
	{ "very many relocations", AT(dynamic[1].d_un.d_val), UINT64_MAX, 0 },
	{ "no dynamic tag ends it", AT(dynamic[4].d_tag), DT_DEBUG, 0 },
};

static void test_faults(void)
{
	struct image_info info;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct file file = good();
		int result;

		memcpy((char *)&file + faults[i].offset, &faults[i].value, faults[i].width);
		result = look(&file, sizeof(file), &info);
		if (result != faults[i].result)
			printf("# %d\n", result);
		tap_result(result == faults[i].result, faults[i].name);
	}
}

/* What has no bytes in the file has no place there either. */
static void test_without_bytes(void)
{
	struct file file = good();
	struct image_info info;

	file.headers[LOAD].p_filesz = 0;
	file.headers[LOAD].p_offset = UINT64_MAX;
	tap_result(!look(&file, sizeof(file), &info) && info.nr_segments == 1,
		   "segment without bytes, far away");
}

static void test_short(void)
{
	const struct file file = good();
	struct image_info info;
	bool ok = true;

	/* Everything that is cut off is refused: the segment is the whole file. */
	for (size_t length = 0; length < sizeof(file); length++)
		ok = look(&file, length, &info) == -ENOEXEC && ok;
	tap_result(ok, "every length that is too short");
}

static void test_kinds(void)
{
	struct file file = good();
	struct image_info info;
	const uint32_t multiboot[] = { 0x1badb002, 3, -(0x1badb002 + 3) };
	const uint32_t multiboot2[] = { 0xe85250d6, 0, 16, -(0xe85250d6 + 16) };

	/* A note counts whatever else there is. */
	memcpy(file.multiboot, multiboot, sizeof(multiboot));
	tap_result(!look(&file, sizeof(file), &info) && info.kind == IMAGE_HERMIT,
		   "Hermit before Multiboot");
	file.headers[NOTE].p_filesz = 0;
	tap_result(!look(&file, sizeof(file), &info) && info.kind == IMAGE_MULTIBOOT &&
		   info.uhyve_interface == 1, "Multiboot");
	file.multiboot[8]++;
	tap_result(!look(&file, sizeof(file), &info) && info.kind == IMAGE_PLAIN,
		   "Multiboot's checksum");
	memcpy(file.multiboot, multiboot2, sizeof(multiboot2));
	tap_result(!look(&file, sizeof(file), &info) && info.kind == IMAGE_MULTIBOOT2,
		   "Multiboot 2");
	memset(file.multiboot, 0, sizeof(file.multiboot));
	file.headers[NOTE].p_filesz = add_note(file.notes, "Xen", 18, "\0\0\x10\0", 4);
	tap_result(!look(&file, sizeof(file), &info) && info.kind == IMAGE_PVH, "PVH");
	file.headers[NOTE].p_filesz = add_note(file.notes, "HERMIT", 0x5a00, "", 0);
	tap_result(!look(&file, sizeof(file), &info) && info.kind == IMAGE_PLAIN,
		   "Hermit's note without a descriptor");
	file.headers[NOTE].p_filesz = add_note(file.notes, "HERMIT", 0x5a00, "\0\0\0\x03", 4);
	tap_result(!look(&file, sizeof(file), &info) && info.hermit_entry == 3,
		   "the last byte is the version");
}

static void test_offsets(void)
{
	const struct image_info info = {
		.nr_segments = 2,
		.segments = { { .vaddr = 0x1000, .offset = 0x10, .file_bytes = 0x20 },
			      { .vaddr = 0x2000, .offset = 0x40, .file_bytes = 0x8 } },
	};
	static const struct {
		const char *name;
		uint64_t vaddr, length, offset;
		bool found;
	} cases[] = {
		{ "first byte", 0x1000, 1, 0x10, true },
		{ "whole segment", 0x1000, 0x20, 0x10, true },
		{ "last byte", 0x101f, 1, 0x2f, true },
		{ "second segment", 0x2004, 4, 0x44, true },
		{ "before", 0xfff, 1, 0, false },
		{ "behind", 0x1010, 0x11, 0, false },
		{ "wraps", 0x1010, UINT64_MAX, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t offset = 0;

		tap_result(image_file_offset(&info, cases[i].vaddr, cases[i].length, &offset) ==
			   cases[i].found && offset == cases[i].offset, cases[i].name);
	}
}

int main(void)
{
	test_good();
	test_faults();
	test_short();
	test_kinds();
	test_without_bytes();
	test_offsets();
	return tap_end();
}
