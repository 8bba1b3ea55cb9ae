// SPDX-License-Identifier: GPL-2.0
/*
 * The input is an image whose symbols kevctl is about to have read, behind a choice of how it was
 * placed. What is found of it by a library is compared with what its bytes say by themselves.
 */
#include <elf.h>

#include "../../tools/kevctl/symbols_image.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* A table of a 64-bit image, or NULL where it is not all there */
static const void *table(const u8 *bytes, size_t size, u64 offset, u64 nr, size_t entry)
{
	return offset % 8 || offset > size || nr > (size - offset) / entry ? NULL : bytes + offset;
}

/* Where the library looks at more than the header's numbers, or says less, it is not compared. */
static bool is_plain(const Elf64_Ehdr *header, size_t size)
{
	return size >= sizeof(*header) && !memcmp(header->e_ident, ELFMAG, SELFMAG) &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 &&
	       header->e_ident[EI_DATA] == ELFDATA2LSB && header->e_phnum != PN_XNUM &&
	       header->e_phentsize == sizeof(Elf64_Phdr) &&
	       header->e_shentsize == sizeof(Elf64_Shdr);
}

static void check_extent(Elf *elf, const u8 *bytes, size_t size, const struct symbols_place *place)
{
	const Elf64_Ehdr *header = (const void *)bytes;
	const Elf64_Phdr *segments;
	uint64_t start, end;

	if (!symbols_extent(elf, place, &start, &end))
		return;
	fuzz_check(start < end, "it ends before it begins");
	segments = is_plain(header, size) ?
		table(bytes, size, header->e_phoff, header->e_phnum, sizeof(*segments)) : NULL;
	for (unsigned int i = 0; segments && !place->at_paddr && i < header->e_phnum; i++) {
		const Elf64_Phdr *segment = &segments[i];
		u64 at = segment->p_vaddr + place->load_base;

		/* What wraps around was refused before. */
		if (segment->p_type == PT_LOAD && segment->p_memsz &&
		    segment->p_vaddr <= UINT64_MAX - segment->p_memsz &&
		    place->load_base <= UINT64_MAX - segment->p_vaddr - segment->p_memsz)
			fuzz_check(at >= start && at + segment->p_memsz <= end,
				   "a segment that is outside");
	}
}

static void check_unpacked(Elf *elf, const u8 *bytes, size_t size)
{
	const Elf64_Ehdr *header = (const void *)bytes;
	const Elf64_Shdr *sections;
	__uint128_t sum = 0;

	if (!symbols_unpack_to_little(elf) || !is_plain(header, size) || !header->e_shnum)
		return;
	sections = table(bytes, size, header->e_shoff, header->e_shnum, sizeof(*sections));
	for (unsigned int i = 1; sections && i < header->e_shnum; i++) {
		const Elf64_Chdr *packed = table(bytes, size, sections[i].sh_offset, 1,
						 sizeof(*packed));

		if (packed && sections[i].sh_flags & SHF_COMPRESSED)
			sum += packed->ch_size;
	}
	fuzz_check(sum <= SYMBOLS_UNPACKED, "too much to unpack");
}

static void check_name(const u8 *data, size_t size)
{
	char *name = fuzz_text(data, size), text[64] = "x";

	if (!name)
		return;
	symbols_append(text, sizeof(text), name);
	fuzz_check(strlen(text) == min(strlen(name) + 1, sizeof(text) - 1), "length of a name");
	for (const char *at = text; *at; at++)
		fuzz_check(*at >= ' ' && *at <= '~', "what a terminal obeys");
	free(name);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct symbols_place place = { 0 };
	u8 choice, *bytes;
	Elf *elf;

	fuzz_take(&data, &size, &choice, sizeof(choice));
	place.at_paddr = choice & 1;
	place.load_base = (u64)(choice & 0xfe) << (choice & 0x80 ? 56 : 12);
	check_name(data, size);
	bytes = malloc(size ?: 1);
	if (!bytes || !size) {
		free(bytes);
		return 0;
	}
	memcpy(bytes, data, size);
	elf_version(EV_CURRENT);
	elf = elf_memory((char *)bytes, size);
	if (elf && elf_kind(elf) == ELF_K_ELF) {
		check_extent(elf, bytes, size, &place);
		check_unpacked(elf, bytes, size);
	}
	elf_end(elf);
	free(bytes);
	return 0;
}
