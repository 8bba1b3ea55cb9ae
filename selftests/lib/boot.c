// SPDX-License-Identifier: GPL-2.0
/*
 * Boot protocols, by their specifications: Multiboot 0.6.96, Multiboot 2.0 and Xen's PVH.
 * Nothing of the module's own code is used.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot.h"

#define MULTIBOOT_MAGIC		0x1badb002U
#define MULTIBOOT2_MAGIC	0xe85250d6U
#define PVH_MAGIC		0x336ec578U

#define PHYS32_ENTRY		18	/* type of Xen's note */

/* ---- images ---- */

void kt_boot_image_set(struct kt_boot_image *image, size_t at, uint32_t value)
{
	memcpy(image->code + at, &value, sizeof(value));
}

static void set_fields(struct kt_boot_image *image, size_t at, const uint32_t *fields, size_t nr)
{
	memcpy(image->code + at, fields, nr * sizeof(*fields));
}

static void put_multiboot(struct kt_boot_image *image)
{
	const uint32_t header[] = { MULTIBOOT_MAGIC, 0, -MULTIBOOT_MAGIC };

	set_fields(image, KT_MULTIBOOT_AT, header, 3);
}

static void put_multiboot2(struct kt_boot_image *image)
{
	const uint32_t header[] = {
		MULTIBOOT2_MAGIC, 0, 24, -(MULTIBOOT2_MAGIC + 24),
		0, 8,			/* the end tag */
	};

	set_fields(image, KT_MULTIBOOT2_AT, header, 6);
}

static void put_note(struct kt_boot_image *image)
{
	const uint32_t note[] = { 4, 4, PHYS32_ENTRY, 0, KT_CODE_GPA };
	Elf64_Phdr *phdr = &image->elf.phdr[1];

	set_fields(image, KT_NOTE_AT, note, 5);
	memcpy(image->code + KT_NOTE_AT + 12, "Xen", 4);
	image->elf.ehdr.e_phnum = 2;
	*phdr = (Elf64_Phdr) {
		.p_type = PT_NOTE,
		.p_offset = KT_CODE_OFFSET + KT_NOTE_AT,
		.p_filesz = sizeof(note),
		.p_memsz = sizeof(note),
	};
}

void kt_boot_image_init(struct kt_boot_image *image, unsigned int headers)
{
	static const uint8_t hlt_for_ever[] = { 0xf4, 0xeb, 0xfd };

	memset(image, 0, sizeof(*image));
	kt_elf_init(&image->elf, sizeof(image->code));
	memcpy(image->code, hlt_for_ever, sizeof(hlt_for_ever));
	if (headers & KT_HAS_MULTIBOOT)
		put_multiboot(image);
	if (headers & KT_HAS_MULTIBOOT2)
		put_multiboot2(image);
	if (headers & KT_HAS_NOTE)
		put_note(image);
}

int kt_boot_image_file(const struct kt_boot_image *image)
{
	return kt_elf_file(&image->elf, image->code, sizeof(image->code));
}

unsigned int kt_boot_headers(uint32_t protocol)
{
	switch (protocol) {
	case KEV_BOOT_MULTIBOOT:
		return KT_HAS_MULTIBOOT;
	case KEV_BOOT_MULTIBOOT2:
		return KT_HAS_MULTIBOOT2;
	case KEV_BOOT_PVH:
		return KT_HAS_NOTE;
	default:
		return 0;
	}
}

int kt_sealed_file(const void *bytes, size_t size)
{
	int fd = memfd_create("kevtest-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, size) == (ssize_t)size &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK))
		return fd;
	close(fd);
	return -EIO;
}

uint64_t kt_features(int kev)
{
	struct kev_query query = { .size = sizeof(query) };

	return kt_ioctl(kev, KEV_QUERY, &query) ? 0 : query.features;
}

/* ---- the call ---- */

struct kev_attach_image kt_attach_request(int fd, uint32_t boot, uint64_t ram_kib)
{
	return (struct kev_attach_image) {
		.size = sizeof(struct kev_attach_image),
		.fd = fd,
		.boot = boot,
		.ram_kib = ram_kib,
		.entry = ~0ULL,
		.start = ~0ULL,
		.end = ~0ULL,
		.problem = ~0U,
		.segment = ~0U - 1,
	};
}

void kt_attach_cmdline(struct kev_attach_image *args, const char *text)
{
	args->cmdline = (uintptr_t)text;
	args->cmdline_length = strlen(text);
}

void kt_attach_modules(struct kev_attach_image *args, const struct kev_boot_module *modules,
		       uint32_t nr)
{
	args->modules = (uintptr_t)modules;
	args->nr_modules = nr;
}

/* ---- boot information ---- */

static bool get(int vm, uint64_t gpa, void *bytes, size_t size)
{
	return kt_read_guest(vm, gpa, bytes, size) == (long)size;
}

/* Memory may end behind the string: what cannot be had reads as its end. */
static bool get_string(int vm, uint64_t gpa, char *string, size_t room)
{
	long got = kt_read_guest(vm, gpa, string, room);

	return got > 0 && memchr(string, 0, got);
}

/* A module, with its string at @string */
static bool get_module(int vm, struct kt_boot_info *info, uint64_t start, uint64_t end,
		       uint64_t string)
{
	struct kt_boot_module *module = &info->module[info->nr_modules];

	if (info->nr_modules == KEV_MAX_MODULES)
		return false;
	info->nr_modules++;
	module->start = start;
	module->end = end;
	return get_string(vm, string, module->string, sizeof(module->string));
}

/* All runs are memory: type 1 */
static bool add_run(struct kt_boot_info *info, uint64_t length, uint32_t type)
{
	info->nr_runs++;
	info->memory += length;
	return type == 1;
}

static bool read_multiboot(int vm, uint64_t gpa, struct kt_boot_info *info)
{
	struct {
		uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
		uint32_t syms[4], mmap_length, mmap_addr;
	} head;
	struct {
		uint32_t start, end, string, reserved;
	} module;
	struct {
		uint32_t size, base[2], length[2], type;
	} run;
	const uint32_t wanted = 1U << 0 | 1U << 2 | 1U << 3 | 1U << 6;
	uint32_t i;

	if (!get(vm, gpa, &head, sizeof(head)) || (head.flags & wanted) != wanted)
		return false;
	if (!get_string(vm, head.cmdline, info->cmdline, sizeof(info->cmdline)))
		return false;
	for (i = 0; i < head.mods_count; i++) {
		if (!get(vm, head.mods_addr + i * sizeof(module), &module, sizeof(module)) ||
		    !get_module(vm, info, module.start, module.end, module.string))
			return false;
	}
	/* The size does not count itself. */
	for (i = 0; i < head.mmap_length; i += run.size + 4) {
		if (!get(vm, head.mmap_addr + i, &run, sizeof(run)) ||
		    !add_run(info, (uint64_t)run.length[1] << 32 | run.length[0], run.type))
			return false;
	}
	return true;
}

struct tag {
	uint32_t type, size;
};

static bool read_map_tag(int vm, uint64_t gpa, uint32_t size, struct kt_boot_info *info)
{
	struct {
		uint64_t base, length;
		uint32_t type, reserved;
	} run;
	uint32_t head[2], at;		/* size and version of an entry */

	if (!get(vm, gpa + sizeof(struct tag), head, sizeof(head)) || head[0] != sizeof(run))
		return false;
	for (at = sizeof(struct tag) + sizeof(head); at < size; at += sizeof(run)) {
		if (!get(vm, gpa + at, &run, sizeof(run)) || !add_run(info, run.length, run.type))
			return false;
	}
	return true;
}

static bool read_tag(int vm, uint64_t gpa, const struct tag *tag, struct kt_boot_info *info)
{
	uint32_t module[2];

	switch (tag->type) {
	case 1:
		return get_string(vm, gpa + sizeof(*tag), info->cmdline, sizeof(info->cmdline));
	case 3:
		return get(vm, gpa + sizeof(*tag), module, sizeof(module)) &&
		       get_module(vm, info, module[0], module[1],
				  gpa + sizeof(*tag) + sizeof(module));
	case 6:
		return read_map_tag(vm, gpa, tag->size, info);
	default:
		return true;
	}
}

/* That of kev's own 32-bit protocol, too */
static bool read_multiboot2(int vm, uint64_t gpa, struct kt_boot_info *info)
{
	uint32_t head[2], at;		/* total size and 0 */
	struct tag tag;

	if (!get(vm, gpa, head, sizeof(head)) || head[1])
		return false;
	for (at = sizeof(head); at < head[0]; at += (tag.size + 7) & ~7U) {
		if (!get(vm, gpa + at, &tag, sizeof(tag)) || tag.size < sizeof(tag))
			return false;
		if (!tag.type)
			return tag.size == sizeof(tag) && at + tag.size == head[0];
		if (!read_tag(vm, gpa + at, &tag, info))
			return false;
	}
	return false;
}

static bool read_pvh(int vm, uint64_t gpa, struct kt_boot_info *info)
{
	struct {
		uint32_t magic, version, flags, nr_modules;
		uint64_t modules, cmdline, rsdp, map;
		uint32_t map_entries, reserved;
	} head;
	struct {
		uint64_t start, size, string, reserved;
	} module;
	struct {
		uint64_t base, length;
		uint32_t type, reserved;
	} run;
	uint32_t i;

	if (!get(vm, gpa, &head, sizeof(head)) || head.magic != PVH_MAGIC || head.version != 1)
		return false;
	if (!get_string(vm, head.cmdline, info->cmdline, sizeof(info->cmdline)))
		return false;
	for (i = 0; i < head.nr_modules; i++) {
		if (!get(vm, head.modules + i * sizeof(module), &module, sizeof(module)) ||
		    !get_module(vm, info, module.start, module.start + module.size, module.string))
			return false;
	}
	for (i = 0; i < head.map_entries; i++) {
		if (!get(vm, head.map + i * sizeof(run), &run, sizeof(run)) ||
		    !add_run(info, run.length, run.type))
			return false;
	}
	return true;
}

int kt_boot_info(int vm, uint32_t protocol, uint64_t gpa, struct kt_boot_info *info)
{
	bool good = false;

	memset(info, 0, sizeof(*info));
	switch (protocol) {
	case KEV_BOOT_MULTIBOOT:
		good = read_multiboot(vm, gpa, info);
		break;
	case KEV_BOOT_KEV32:
	case KEV_BOOT_MULTIBOOT2:
		good = read_multiboot2(vm, gpa, info);
		break;
	case KEV_BOOT_PVH:
		good = read_pvh(vm, gpa, info);
		break;
	}
	return good ? 0 : -EPROTO;
}
