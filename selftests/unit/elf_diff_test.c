// SPDX-License-Identifier: GPL-2.0
/*
 * The ELF plan against libelf: thousands of mutated files, and this program's own.
 *
 * What libelf reads goes through a second, plain statement of the rules in
 * 128-bit arithmetic; both have to come to the same verdict, fields and segments.
 */
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>

#include "unit.h"

#include "elf_image.h"

#define MUTATIONS	100000

/* What the rules say of a file */
struct model {
	bool elf;		/* libelf can read it */
	bool accepted;
	GElf_Ehdr ehdr;
	u32 nr;			/* segments, in the order of the program headers */
	GElf_Phdr phdr[KEV_ELF_MAX_PHDRS];
	u32 index[KEV_ELF_MAX_PHDRS];
	u64 entry;
};

static bool header_good(const GElf_Ehdr *ehdr, u64 size)
{
	return ehdr->e_ident[EI_CLASS] == ELFCLASS64 && ehdr->e_ident[EI_DATA] == ELFDATA2LSB &&
	       ehdr->e_ident[EI_VERSION] == 1 && ehdr->e_version == 1 &&
	       (ehdr->e_type == ET_EXEC || ehdr->e_type == ET_DYN) &&
	       ehdr->e_machine == EM_X86_64 && ehdr->e_ehsize == 64 &&
	       ehdr->e_phentsize == 56 && ehdr->e_phnum >= 1 && ehdr->e_phnum <= 128 &&
	       (__uint128_t)ehdr->e_phoff + ehdr->e_phnum * 56 <= size;
}

static bool segment_good(const GElf_Phdr *phdr, u64 size, unsigned int phys_bits)
{
	return phdr->p_filesz <= phdr->p_memsz &&
	       (!phdr->p_filesz || (__uint128_t)phdr->p_offset + phdr->p_filesz <= size) &&
	       (__uint128_t)phdr->p_vaddr + phdr->p_memsz <= (__uint128_t)1 << 64 &&
	       (!phdr->p_memsz ||
		(__uint128_t)phdr->p_paddr + phdr->p_memsz <= (__uint128_t)1 << phys_bits);
}

static bool overlap(const GElf_Phdr *a, const GElf_Phdr *b)
{
	return a->p_paddr < b->p_paddr + b->p_memsz && b->p_paddr < a->p_paddr + a->p_memsz;
}

static bool in_segment(const GElf_Phdr *phdr, u64 vaddr)
{
	return vaddr >= phdr->p_vaddr && vaddr < (__uint128_t)phdr->p_vaddr + phdr->p_memsz;
}

static bool segments_good(Elf *elf, struct model *m, u64 size, unsigned int phys_bits)
{
	bool entry_found = false;
	GElf_Phdr phdr;
	u32 i, j;

	for (i = 0; i < m->ehdr.e_phnum; i++) {
		if (!gelf_getphdr(elf, i, &phdr))
			return false;
		if (phdr.p_type != PT_LOAD)
			continue;
		if (!segment_good(&phdr, size, phys_bits))
			return false;
		if (!phdr.p_memsz)
			continue;
		for (j = 0; j < m->nr; j++)
			if (overlap(&phdr, &m->phdr[j]))
				return false;
		if (!entry_found && in_segment(&phdr, m->ehdr.e_entry)) {
			entry_found = true;
			m->entry = m->ehdr.e_entry - phdr.p_vaddr + phdr.p_paddr;
		}
		m->phdr[m->nr] = phdr;
		m->index[m->nr++] = i;
	}
	return entry_found;
}

static void model_make(struct model *m, u8 *bytes, u64 size, unsigned int phys_bits)
{
	Elf *elf = elf_memory((char *)bytes, size);

	memset(m, 0, sizeof(*m));
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64 &&
	    gelf_getehdr(elf, &m->ehdr)) {
		m->elf = true;
		m->accepted = header_good(&m->ehdr, size) &&
			      segments_good(elf, m, size, phys_bits);
	}
	elf_end(elf);
}

static bool same_segment(const GElf_Phdr *phdr, const struct kev_elf_segment *seg)
{
	u32 prot = (phdr->p_flags & PF_R ? KEV_MEM_READ : 0) |
		   (phdr->p_flags & PF_W ? KEV_MEM_WRITE : 0) |
		   (phdr->p_flags & PF_X ? KEV_MEM_EXEC : 0);

	return seg->gpa == phdr->p_paddr && seg->vaddr == phdr->p_vaddr &&
	       seg->offset == phdr->p_offset && seg->filesz == phdr->p_filesz &&
	       seg->memsz == phdr->p_memsz && seg->prot == prot;
}

/* NULL, or in what the plan differs from the model */
static const char *difference(const struct model *m, const struct kev_elf_header *header,
			      const struct kev_elf_plan *plan)
{
	u32 i, j;

	if (header->entry != m->ehdr.e_entry || header->phoff != m->ehdr.e_phoff ||
	    header->phnum != m->ehdr.e_phnum || header->type != m->ehdr.e_type)
		return "header";
	if (plan->nr != m->nr)
		return "number of segments";
	if (plan->entry != m->entry)
		return "entry";
	for (i = 0; i < plan->nr; i++) {
		for (j = 0; j < m->nr && m->index[j] != plan->seg[i].index; j++)
			;
		if (j == m->nr || !same_segment(&m->phdr[j], &plan->seg[i]))
			return "segment";
	}
	return NULL;
}

/* Values at which rules change, and any */
static u64 interesting(u64 *random)
{
	static const u64 values[] = {
		0, 1, 2, 3, 7, 0x3f, 0x40, 0x38, 0x100, 0x300, 0xfff, 0x1000, 0x1001, 0x90008,
		0x100000, 0x100300, 0x100c00, 0x7fffffff, 0xffffffff, 1ULL << 32,
		(1ULL << ELF_IMAGE_PHYS_BITS) - 0x2000, 1ULL << ELF_IMAGE_PHYS_BITS, 1ULL << 52,
		1ULL << 63, -0x2000ULL, -1ULL, ELF_IMAGE_VIRTUAL, ELF_IMAGE_VIRTUAL + 0x100000,
	};
	u64 n = unit_random(random);

	if (n % 8 == 0)
		return unit_random(random) >> n / 8 % 64;
	return values[n / 8 % ARRAY_SIZE(values)] + (n >> 32) % 3 - 1;
}

static void mutate_field(struct elf_image *image, u64 *random)
{
	/* Offsets in units of 2 bytes hit every field of both headers. */
	size_t place = unit_random(random) % (offsetof(struct elf_image, phdr[ELF_IMAGE_NR]) / 2);
	size_t width = 1ULL << unit_random(random) % 4;
	u64 value = interesting(random);

	if (width > 1)
		place &= ~(width / 2 - 1);
	memcpy(image->bytes + 2 * place, &value, width);
}

/* Moves a whole segment: more of these stay valid. */
static void mutate_segment(struct elf_image *image, u64 *random)
{
	Elf64_Phdr *phdr = &image->phdr[unit_random(random) % ELF_IMAGE_NR];
	u64 place = unit_random(random) % 0x3000;

	switch (unit_random(random) % 5) {
	case 0:
		phdr->p_paddr = 0xff000 + place;
		break;
	case 1:
		phdr->p_vaddr = ELF_IMAGE_VIRTUAL + 0xff000 + place;
		break;
	case 2:
		phdr->p_memsz = phdr->p_filesz + place;
		break;
	case 3:
		phdr->p_offset = place / 2;
		phdr->p_filesz = min((u64)phdr->p_memsz, place % 0x1000);
		break;
	default:
		phdr->p_type = place % 3 ? PT_LOAD : PT_NOTE;
		phdr->p_flags = place;
	}
}

TEST(mutated_files)
{
	u32 both = 0, neither = 0, unreadable = 0, i;
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	struct elf_image image;
	struct model m;
	u64 random = 1;

	ASSERT_NE(EV_NONE, elf_version(EV_CURRENT));
	for (i = 0; i < MUTATIONS; i++) {
		const char *text;
		u64 size = ELF_IMAGE_SIZE, n;
		int ret;

		elf_image_make(&image);
		for (n = unit_random(&random) % 4; n; n--)
			mutate_segment(&image, &random);
		for (n = unit_random(&random) % 3; n; n--)
			mutate_field(&image, &random);
		if (unit_random(&random) % 16 == 0)
			size = unit_random(&random) % ELF_IMAGE_SIZE;

		ret = elf_image_plan(image.bytes, size, ELF_IMAGE_PHYS_BITS, &header, &plan, &why);
		ASSERT_EQ(ret == 0, why.problem == KEV_IMAGE_OK);
		ASSERT_TRUE(ret == 0 || ret == -ENOEXEC);
		model_make(&m, image.bytes, size, ELF_IMAGE_PHYS_BITS);
		if (!m.elf) {
			/* libelf looks at section headers, which do not matter here. */
			unreadable++;
			ASSERT_TRUE(ret || image.ehdr.e_shoff || image.ehdr.e_shnum)
				TH_LOG("mutation %u: accepted, but libelf cannot read it", i);
			continue;
		}
		ASSERT_EQ(m.accepted, ret == 0)
			TH_LOG("mutation %u: problem %u, segment %u", i, why.problem, why.segment);
		if (ret) {
			neither++;
			continue;
		}
		both++;
		text = elf_image_violation(&plan, size, ELF_IMAGE_PHYS_BITS);
		ASSERT_EQ(NULL, text)
			TH_LOG("mutation %u: %s", i, text);
		text = difference(&m, &header, &plan);
		ASSERT_EQ(NULL, text)
			TH_LOG("mutation %u: %s", i, text);
	}
	TH_LOG("accepted by both %u, refused by both %u, unreadable for libelf %u",
	       both, neither, unreadable);
	/* The mutations are neither too wild nor too tame to say anything. */
	EXPECT_GT(both, MUTATIONS / 10);
	EXPECT_GT(neither, MUTATIONS / 10);
}

TEST(own_program)
{
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	struct stat st;
	struct model m;
	u8 *bytes;
	int fd;

	ASSERT_NE(EV_NONE, elf_version(EV_CURRENT));
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	bytes = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, bytes);

	ASSERT_EQ(0, elf_image_plan(bytes, st.st_size, 46, &header, &plan, &why));
	model_make(&m, bytes, st.st_size, 46);
	EXPECT_TRUE(m.accepted);
	EXPECT_EQ(NULL, difference(&m, &header, &plan));
	EXPECT_EQ(NULL, elf_image_violation(&plan, st.st_size, 46));
	munmap(bytes, st.st_size);
	close(fd);
}

TEST_HARNESS_MAIN
