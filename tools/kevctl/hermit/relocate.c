// SPDX-License-Identifier: GPL-2.0
/*
 * Relocations with symbols: System V ABI, AMD64 supplement, "Relocation". An image has all
 * of its symbols itself; one that is not defined counts as 0, as a weak one does.
 */
#include <elf.h>
#include <errno.h>
#include <unistd.h>

#include "relocate.h"

#define CHUNK		512U
#define MAX_RELOCATIONS	1048576U	/* as in kev */

struct relocator {
	const struct guest_view *view;
	int fd;
	const struct image_info *info;
	uint64_t load_base;
	const char *why;
};

static int refuse(struct relocator *relocator, const char *why)
{
	relocator->why = why;
	return -ENOEXEC;
}

static int read_file(struct relocator *relocator, uint64_t vaddr, void *buffer, size_t length)
{
	uint64_t offset;
	ssize_t got;

	if (!image_file_offset(relocator->info, vaddr, length, &offset))
		return refuse(relocator, "its relocations or symbols lie in no segment");
	got = pread(relocator->fd, buffer, length, offset);
	if (got < 0)
		return -errno;
	return got == (ssize_t)length ? 0 : -EIO;
}

static int symbol_value(struct relocator *relocator, uint32_t index, uint64_t *value)
{
	uint64_t at = relocator->info->symbols + (uint64_t)index * sizeof(Elf64_Sym);
	Elf64_Sym symbol;
	int error;

	*value = 0;
	if (!index)
		return 0;
	if (!relocator->info->symbols || at < relocator->info->symbols)
		return refuse(relocator, "a relocation has a symbol that is not there");
	error = read_file(relocator, at, &symbol, sizeof(symbol));
	if (error || symbol.st_shndx == SHN_UNDEF)
		return error;
	*value = symbol.st_value;
	if (symbol.st_shndx != SHN_ABS)
		*value += relocator->load_base;
	return 0;
}

static bool in_segment(const struct image_info *info, uint64_t vaddr)
{
	for (unsigned int i = 0; i < info->nr_segments; i++) {
		const struct image_segment *segment = &info->segments[i];

		if (vaddr >= segment->vaddr && segment->mem_bytes >= sizeof(uint64_t) &&
		    vaddr - segment->vaddr <= segment->mem_bytes - sizeof(uint64_t))
			return true;
	}
	return false;
}

static int apply(struct relocator *relocator, const Elf64_Rela *rela)
{
	uint32_t type = ELF64_R_TYPE(rela->r_info);
	uint64_t value;
	int error;

	switch (type) {
	case R_X86_64_NONE:
		return 0;
	case R_X86_64_RELATIVE:
		value = relocator->load_base + rela->r_addend;
		error = 0;
		break;
	case R_X86_64_64:
	case R_X86_64_GLOB_DAT:
		error = symbol_value(relocator, ELF64_R_SYM(rela->r_info), &value);
		if (type == R_X86_64_64)
			value += rela->r_addend;
		break;
	default:
		return refuse(relocator, "a relocation is of a type other than R_X86_64_RELATIVE, "
			      "R_X86_64_64 and R_X86_64_GLOB_DAT");
	}
	if (error)
		return error;
	if (!in_segment(relocator->info, rela->r_offset))
		return refuse(relocator, "a relocation lies in no segment");
	return guest_write_all(relocator->view, relocator->load_base + rela->r_offset, &value,
			       sizeof(value));
}

static int apply_all(struct relocator *relocator)
{
	const struct image_info *info = relocator->info;
	uint64_t left = info->rela_bytes / sizeof(Elf64_Rela), at = info->rela;
	Elf64_Rela chunk[CHUNK];
	int error = 0;

	if (info->other_tables)
		return refuse(relocator, "it has relocations in DT_REL, DT_RELR or DT_JMPREL");
	if (left > MAX_RELOCATIONS)
		return refuse(relocator, "it has more than 1048576 relocations");
	while (left && !error) {
		size_t count = left < CHUNK ? left : CHUNK;

		error = read_file(relocator, at, chunk, count * sizeof(*chunk));
		for (size_t i = 0; i < count && !error; i++)
			error = apply(relocator, &chunk[i]);
		at += count * sizeof(*chunk);
		left -= count;
	}
	return error;
}

int relocate_image(const struct guest_view *view, int fd, const struct image_info *info,
		   uint64_t load_base, const char **why)
{
	struct relocator relocator = {
		.view = view,
		.fd = fd,
		.info = info,
		.load_base = load_base,
		.why = "",
	};
	int error = apply_all(&relocator);

	*why = relocator.why;
	return error;
}
