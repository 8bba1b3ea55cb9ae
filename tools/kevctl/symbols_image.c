// SPDX-License-Identifier: GPL-2.0
/* What an image's symbols may be read from: looked at before a library takes it all. */
#include <string.h>

#include "symbols_image.h"

bool symbols_extent(Elf *elf, const struct symbols_place *place, uint64_t *start, uint64_t *end)
{
	GElf_Phdr header, *lowest = NULL, first;
	uint64_t behind = 0;
	size_t nr;

	if (elf_getphdrnum(elf, &nr))
		return false;
	for (size_t i = 0; i < nr && gelf_getphdr(elf, i, &header); i++) {
		if (header.p_type != PT_LOAD || !header.p_memsz)
			continue;
		if (!lowest || header.p_vaddr < lowest->p_vaddr) {
			first = header;
			lowest = &first;
		}
		if (header.p_vaddr + header.p_memsz > behind)
			behind = header.p_vaddr + header.p_memsz;
	}
	if (!lowest)
		return false;
	*start = place->at_paddr ? lowest->p_paddr : lowest->p_vaddr + place->load_base;
	*end = *start + (behind - lowest->p_vaddr);
	return *end > *start;
}

/* Sections that are packed in a way that their names alone tell. The names may be packed, too. */
static bool has_packed_names(Elf *elf)
{
	Elf_Scn *section = NULL;
	const char *name;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return true;
	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header))
			return true;
		name = elf_strptr(elf, names, header.sh_name);
		if (name && (!strncmp(name, ".zdebug", strlen(".zdebug")) ||
			     !strcmp(name, ".gnu_debugdata")))
			return true;
	}
	return false;
}

/*
 * The library decompresses each section that it knows the name of, wherever it lies, and keeps
 * it: a small file may name many times the same zeros.
 */
bool symbols_unpack_to_little(Elf *elf)
{
	uint64_t left = SYMBOLS_UNPACKED;
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	GElf_Chdr packed;

	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header))
			return false;
		if (!(header.sh_flags & SHF_COMPRESSED))
			continue;
		if (!gelf_getchdr(section, &packed) || packed.ch_size > left)
			return false;
		left -= packed.ch_size;
	}
	return !has_packed_names(elf);
}

void symbols_append(char *text, size_t size, const char *name)
{
	size_t length = strlen(text);

	for (; *name && length + 1 < size; name++)
		text[length++] = *name >= ' ' && *name <= '~' ? *name : '?';
	text[length] = '\0';
}
