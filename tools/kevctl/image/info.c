// SPDX-License-Identifier: GPL-2.0
/*
 * What an ELF image is. libelf takes headers and notes apart; nothing in the file is
 * trusted, and what libelf is to read lies inside the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "info.h"

/* Bytes of notes and of a dynamic section that are looked at */
#define MAX_NOTE_BYTES		65536U
#define MAX_DYNAMIC_BYTES	65536U

#define NOTE_HERMIT_ENTRY	0x5a00U
#define NOTE_UHYVE_INTERFACE	0x5b00U
#define NOTE_ABI_TAG		1U
#define NOTE_PVH_ENTRY		18U
#define ABI_TAG_HERMIT		6U

struct reader {
	int fd;
	Elf *elf;
	uint64_t file_bytes;
	struct image_info *info;
	bool has_interface;	/* a note has said uhyve_interface */
	const char *why;
};

static int refuse(struct reader *reader, const char *why)
{
	reader->why = why;
	return -ENOEXEC;
}

static bool in_file(const struct reader *reader, uint64_t offset, uint64_t length)
{
	return offset <= reader->file_bytes && length <= reader->file_bytes - offset;
}

/* A piece of the file as libelf sees it; NULL if it is not all there. */
static Elf_Data *piece(struct reader *reader, uint64_t offset, uint64_t length, Elf_Type type)
{
	if (!length || !in_file(reader, offset, length))
		return NULL;
	return elf_getdata_rawchunk(reader->elf, offset, length, type);
}

static uint32_t little(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t big(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

static bool is_note(const struct image_note *note, const char *owner, uint32_t type,
		    uint32_t length)
{
	return note->type == type && note->length >= length && !strcmp(note->owner, owner);
}

/* The first note of each kind counts. */
static void judge_note(struct reader *reader, const struct image_note *note)
{
	struct image_info *info = reader->info;

	if (is_note(note, "HERMIT", NOTE_HERMIT_ENTRY, 1) && info->kind != IMAGE_HERMIT &&
	    note->length <= sizeof(note->descriptor)) {
		info->kind = IMAGE_HERMIT;
		info->hermit_entry = note->descriptor[note->length - 1];
	}
	if (is_note(note, "UHYVEIF", NOTE_UHYVE_INTERFACE, 4) && !reader->has_interface) {
		reader->has_interface = true;
		info->uhyve_interface = big(note->descriptor);
	}
	if (is_note(note, "GNU", NOTE_ABI_TAG, 16) && !info->hermit_kernel &&
	    little(note->descriptor) == ABI_TAG_HERMIT)
		info->hermit_kernel = (little(note->descriptor + 4) & 0xff) << 16 |
				      (little(note->descriptor + 8) & 0xff) << 8 |
				      (little(note->descriptor + 12) & 0xff);
	if (is_note(note, "Xen", NOTE_PVH_ENTRY, 4) && info->kind == IMAGE_PLAIN)
		info->kind = IMAGE_PVH;
}

static void add_note(struct reader *reader, const char *bytes, const GElf_Nhdr *header,
		     size_t name, size_t descriptor)
{
	struct image_info *info = reader->info;
	struct image_note *note = &info->notes[info->nr_notes];
	size_t kept = header->n_descsz;

	if (info->nr_notes == IMAGE_MAX_NOTES)
		return;
	if (kept > sizeof(note->descriptor))
		kept = sizeof(note->descriptor);
	*note = (struct image_note){ .type = header->n_type, .length = header->n_descsz };
	/* The owner's NUL is not to be relied on. */
	for (size_t i = 0; i < header->n_namesz && i < sizeof(note->owner) - 1; i++)
		note->owner[i] = bytes[name + i];
	memcpy(note->descriptor, bytes + descriptor, kept);
	info->nr_notes++;
	judge_note(reader, note);
}

static int read_notes(struct reader *reader, const GElf_Phdr *header)
{
	Elf_Type type = header->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
	uint64_t length = header->p_filesz;
	size_t at = 0, name, descriptor;
	GElf_Nhdr note;
	Elf_Data *data;

	if (!length)
		return 0;
	if (!in_file(reader, header->p_offset, length))
		return refuse(reader, "its notes end beyond the file");
	if (length > MAX_NOTE_BYTES)
		length = MAX_NOTE_BYTES;
	data = piece(reader, header->p_offset, length, type);
	if (!data)
		return refuse(reader, "its notes cannot be read");
	while ((at = gelf_getnote(data, at, &note, &name, &descriptor)))
		add_note(reader, data->d_buf, &note, name, descriptor);
	return 0;
}

static int read_dynamic(struct reader *reader, const GElf_Phdr *header)
{
	struct image_info *info = reader->info;
	uint64_t length = header->p_filesz;
	size_t entry;
	GElf_Dyn tag;
	Elf_Data *data;

	if (length > MAX_DYNAMIC_BYTES)
		length = MAX_DYNAMIC_BYTES;
	entry = gelf_fsize(reader->elf, ELF_T_DYN, 1, EV_CURRENT);
	length -= length % entry;
	if (!length)
		return 0;
	data = piece(reader, header->p_offset, length, ELF_T_DYN);
	if (!data)
		return refuse(reader, "its dynamic section ends beyond the file");
	for (size_t i = 0; i < length / entry && gelf_getdyn(data, i, &tag); i++) {
		switch (tag.d_tag) {
		case DT_NULL:
			return 0;
		case DT_NEEDED:
			info->needs_library = true;
			break;
		case DT_RELA:
			info->rela = tag.d_un.d_ptr;
			break;
		case DT_RELASZ:
			info->rela_bytes = tag.d_un.d_val;
			break;
		case DT_RELSZ:
		case DT_RELRSZ:
		case DT_PLTRELSZ:
			info->other_tables |= tag.d_un.d_val;
			break;
		case DT_SYMTAB:
			info->symbols = tag.d_un.d_ptr;
			break;
		}
	}
	return 0;
}

static struct image_segment segment_of(const GElf_Phdr *header)
{
	return (struct image_segment){
		.offset = header->p_offset,
		.vaddr = header->p_vaddr,
		.paddr = header->p_paddr,
		.file_bytes = header->p_filesz,
		.mem_bytes = header->p_memsz,
		.flags = header->p_flags,
	};
}

static int read_program_header(struct reader *reader, const GElf_Phdr *header)
{
	struct image_info *info = reader->info;

	switch (header->p_type) {
	case PT_LOAD:
		if (!header->p_memsz)
			return 0;
		if (header->p_filesz > header->p_memsz)
			return refuse(reader, "a segment is larger in the file than in memory");
		/* Without bytes of the file it has no place there, whatever it says. */
		if (header->p_filesz && !in_file(reader, header->p_offset, header->p_filesz))
			return refuse(reader, "a segment ends beyond the file");
		if (header->p_vaddr + (header->p_memsz - 1) < header->p_vaddr)
			return refuse(reader, "a segment ends beyond the address space");
		info->segments[info->nr_segments++] = segment_of(header);
		return 0;
	case PT_NOTE:
		return read_notes(reader, header);
	case PT_DYNAMIC:
		return read_dynamic(reader, header);
	case PT_TLS:
		info->has_tls = true;
		info->tls = segment_of(header);
		info->tls_align = header->p_align;
		return 0;
	default:
		return 0;
	}
}

static void look_for_symbols(struct reader *reader)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(reader->elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			reader->info->has_symbols = true;
}

bool image_is_archive(int fd)
{
	static const unsigned char gzip[] = { 0x1f, 0x8b, 0x08 };
	unsigned char start[sizeof(gzip)];

	return pread(fd, start, sizeof(start), 0) == sizeof(start) &&
	       !memcmp(start, gzip, sizeof(gzip));
}

static const char *no_elf(int fd)
{
	return image_is_archive(fd) ? "it is compressed by gzip, as Hermit's archives are: "
	       "unpack it, and run the kernel in it" : "it is no ELF file";
}

static int read_headers(struct reader *reader)
{
	struct image_info *info = reader->info;
	size_t count;
	GElf_Ehdr header;
	GElf_Phdr segment;
	int error = 0;

	if (elf_kind(reader->elf) != ELF_K_ELF || !gelf_getehdr(reader->elf, &header))
		return refuse(reader, no_elf(reader->fd));
	if (header.e_ident[EI_DATA] != ELFDATA2LSB)
		return refuse(reader, "it is not little-endian");
	info->bits = header.e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	info->machine = header.e_machine;
	info->type = header.e_type;
	info->entry = header.e_entry;
	if (elf_getphdrnum(reader->elf, &count) || !count)
		return refuse(reader, "it has no program headers");
	if (count > IMAGE_MAX_HEADERS)
		return refuse(reader, "it has more than 128 program headers");
	if (!in_file(reader, header.e_phoff, count * header.e_phentsize))
		return refuse(reader, "its program headers end beyond the file");
	for (size_t i = 0; i < count && !error; i++) {
		if (!gelf_getphdr(reader->elf, i, &segment))
			return refuse(reader, "its program headers cannot be read");
		error = read_program_header(reader, &segment);
	}
	if (error)
		return error;
	look_for_symbols(reader);
	return 0;
}

int image_info_read(int fd, struct image_info *info, const char **why)
{
	struct reader reader = { .fd = fd, .info = info, .why = "it cannot be read" };
	struct stat status;
	int error;

	memset(info, 0, sizeof(*info));
	info->uhyve_interface = 1;
	*why = reader.why;
	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode)) {
		*why = "it is no regular file";
		return -ENOEXEC;
	}
	reader.file_bytes = status.st_size;
	elf_version(EV_CURRENT);
	reader.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!reader.elf) {
		*why = no_elf(fd);
		return -ENOEXEC;
	}
	error = read_headers(&reader);
	*why = reader.why;
	elf_end(reader.elf);
	return error;
}

bool image_file_offset(const struct image_info *info, uint64_t vaddr, uint64_t length,
		       uint64_t *offset)
{
	for (unsigned int i = 0; i < info->nr_segments; i++) {
		const struct image_segment *segment = &info->segments[i];

		if (vaddr < segment->vaddr || vaddr - segment->vaddr > segment->file_bytes ||
		    length > segment->file_bytes - (vaddr - segment->vaddr))
			continue;
		*offset = segment->offset + (vaddr - segment->vaddr);
		return true;
	}
	return false;
}

const char *image_kind_name(enum image_kind kind)
{
	static const char *const names[] = {
		[IMAGE_PLAIN] = "plain",
		[IMAGE_HERMIT] = "hermit",
		[IMAGE_MULTIBOOT] = "multiboot",
		[IMAGE_MULTIBOOT2] = "multiboot2",
		[IMAGE_PVH] = "pvh",
	};

	return names[kind];
}
