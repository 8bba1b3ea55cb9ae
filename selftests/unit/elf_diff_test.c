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
	bool class32;
	GElf_Ehdr ehdr;
	u32 nr;			/* segments, in the order of the program headers */
	GElf_Phdr phdr[KEV_ELF_MAX_PHDRS];	/* p_paddr: where the segment goes */
	u32 index[KEV_ELF_MAX_PHDRS];
	u64 entry;
	struct kev_elf_extent dynamic;
	u32 nr_notes;
	struct kev_elf_extent note[KEV_ELF_MAX_NOTES];
};

static bool header_good(const struct model *m, u64 size, const struct kev_elf_rules *rules)
{
	const GElf_Ehdr *ehdr = &m->ehdr;
	u32 phentsize = m->class32 ? 32 : 56;

	return (!m->class32 || rules->class32) && ehdr->e_ident[EI_DATA] == ELFDATA2LSB &&
	       ehdr->e_ident[EI_VERSION] == 1 && ehdr->e_version == 1 &&
	       (ehdr->e_type == ET_EXEC || ehdr->e_type == ET_DYN) &&
	       ehdr->e_machine == (m->class32 ? EM_386 : EM_X86_64) &&
	       ehdr->e_ehsize == (m->class32 ? 52 : 64) &&
	       ehdr->e_phentsize == phentsize && ehdr->e_phnum >= 1 && ehdr->e_phnum <= 128 &&
	       (__uint128_t)ehdr->e_phoff + ehdr->e_phnum * phentsize <= size;
}

static bool base_good(const struct model *m, const struct kev_elf_rules *rules)
{
	return !rules->by_vaddr ||
	       (rules->base % 4096 == 0 && (!rules->base || m->ehdr.e_type == ET_DYN));
}

static bool bytes_in_file(const GElf_Phdr *phdr, u64 size)
{
	return (__uint128_t)phdr->p_offset + phdr->p_filesz <= size;
}

/* Where it goes is in p_paddr afterwards. */
static bool place_segment(GElf_Phdr *phdr, bool class32, u64 size,
			  const struct kev_elf_rules *rules)
{
	__uint128_t top = (__uint128_t)1 << (class32 ? 32 : 64);
	__uint128_t address = rules->by_vaddr ? (__uint128_t)phdr->p_vaddr + rules->base :
						(__uint128_t)phdr->p_paddr;

	if (phdr->p_filesz > phdr->p_memsz || (phdr->p_filesz && !bytes_in_file(phdr, size)))
		return false;
	if (!phdr->p_memsz)
		return true;
	if ((__uint128_t)phdr->p_vaddr + phdr->p_memsz > top)
		return false;
	if (!rules->by_vaddr && address + phdr->p_memsz > top)
		return false;
	phdr->p_paddr = address;
	return address + phdr->p_memsz <= (__uint128_t)1 << rules->phys_bits;
}

static bool overlap(const GElf_Phdr *a, const GElf_Phdr *b)
{
	return a->p_paddr < b->p_paddr + b->p_memsz && b->p_paddr < a->p_paddr + a->p_memsz;
}

static bool in_segment(const GElf_Phdr *phdr, u64 vaddr)
{
	return vaddr >= phdr->p_vaddr && vaddr < (__uint128_t)phdr->p_vaddr + phdr->p_memsz;
}

/* Other program headers than PT_LOAD */
static bool extents_good(struct model *m, const GElf_Phdr *phdr, u64 size)
{
	const struct kev_elf_extent extent = { phdr->p_offset, phdr->p_filesz };

	if (phdr->p_type == PT_DYNAMIC && phdr->p_filesz && !m->dynamic.size) {
		m->dynamic = extent;
		return bytes_in_file(phdr, size);
	}
	if (phdr->p_type == PT_NOTE && phdr->p_filesz && bytes_in_file(phdr, size) &&
	    m->nr_notes < KEV_ELF_MAX_NOTES)
		m->note[m->nr_notes++] = extent;
	return true;
}

static bool segments_good(Elf *elf, struct model *m, u64 size, const struct kev_elf_rules *rules)
{
	bool entry_found = false;
	GElf_Phdr phdr;
	u32 i, j;

	for (i = 0; i < m->ehdr.e_phnum; i++) {
		if (!gelf_getphdr(elf, i, &phdr))
			return false;
		if (phdr.p_type != PT_LOAD) {
			if (!extents_good(m, &phdr, size))
				return false;
			continue;
		}
		if (!place_segment(&phdr, m->class32, size, rules))
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
	return m->nr && (entry_found || rules->own_entry);
}

static void model_make(struct model *m, u8 *bytes, u64 size, const struct kev_elf_rules *rules)
{
	Elf *elf = elf_memory((char *)bytes, size);

	memset(m, 0, sizeof(*m));
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &m->ehdr)) {
		m->elf = true;
		m->class32 = gelf_getclass(elf) == ELFCLASS32;
		m->accepted = header_good(m, size, rules) && base_good(m, rules) &&
			      segments_good(elf, m, size, rules);
	}
	elf_end(elf);
}

static bool same_segment(const GElf_Phdr *phdr, const struct kev_elf_segment *seg)
{
	u32 prot = (phdr->p_flags & PF_R ? KEV_MEM_READ : 0) |
		   (phdr->p_flags & PF_W ? KEV_MEM_WRITE : 0) |
		   (phdr->p_flags & PF_X ? KEV_MEM_EXEC : 0);

	return seg->gpa == phdr->p_paddr && seg->vaddr == phdr->p_vaddr &&
	       seg->offset == (phdr->p_filesz ? phdr->p_offset : 0) &&
	       seg->filesz == phdr->p_filesz &&
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
	if (header->class32 != m->class32 || plan->class32 != m->class32)
		return "class";
	if (memcmp(&plan->dynamic, &m->dynamic, sizeof(m->dynamic)))
		return "PT_DYNAMIC";
	if (plan->nr_notes != m->nr_notes ||
	    memcmp(plan->note, m->note, m->nr_notes * sizeof(m->note[0])))
		return "PT_NOTE";
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

/* @end: where the program headers end */
static void mutate_field(u8 *bytes, size_t end, u64 *random)
{
	/* Offsets in units of 2 bytes hit every field of both headers. */
	size_t place = unit_random(random) % (end / 2);
	size_t width = 1ULL << unit_random(random) % 4;
	u64 value = interesting(random);

	if (width > 1)
		place &= ~(width / 2 - 1);
	memcpy(bytes + 2 * place, &value, width);
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
		phdr->p_vaddr = (phdr->p_vaddr & ELF_IMAGE_VIRTUAL) + 0xff000 + place;
		break;
	case 2:
		phdr->p_memsz = phdr->p_filesz + place;
		break;
	case 3:
		phdr->p_offset = place / 2;
		phdr->p_filesz = min((u64)phdr->p_memsz, place % 0x1000);
		break;
	default:
		phdr->p_type = place % 3 ? PT_LOAD : place % 2 ? PT_NOTE : PT_DYNAMIC;
		phdr->p_flags = place;
	}
}

static struct kev_elf_rules any_rules(u64 *random)
{
	static const u64 base[] = {
		0, 0, 0, 0x1000, 0x200000, 0x12345000, 0x800, 1ULL << 32, 1ULL << 40, -0x1000ULL,
		-0x101000ULL,
	};
	u64 n = unit_random(random);

	return (struct kev_elf_rules) {
		.phys_bits = ELF_IMAGE_PHYS_BITS,
		.class32 = n % 4 != 0,
		.by_vaddr = n >> 2 & 1,
		.own_entry = (n >> 3) % 8 == 0,
		.base = base[(n >> 8) % ARRAY_SIZE(base)],
	};
}

/* A file of ELF_IMAGE_SIZE bytes, more or less valid; whether libelf may stumble over it */
static bool any_file(u8 *bytes, const struct kev_elf_rules *rules, u64 *random)
{
	bool class32 = unit_random(random) % 2, sections;
	struct elf_image_32 narrow;
	struct elf_image image;
	size_t end = offsetof(struct elf_image, phdr[ELF_IMAGE_NR]);
	u64 n;

	if (rules->by_vaddr)
		elf_image_make_dyn(&image);
	else
		elf_image_make(&image);
	for (n = unit_random(random) % 4; n; n--)
		mutate_segment(&image, random);
	memcpy(bytes, image.bytes, ELF_IMAGE_SIZE);
	if (class32) {
		elf_image_narrow(&image, &narrow);
		memcpy(bytes, narrow.bytes, ELF_IMAGE_SIZE);
		end = offsetof(struct elf_image_32, phdr[ELF_IMAGE_NR]);
	}
	for (n = unit_random(random) % 3; n; n--)
		mutate_field(bytes, end, random);

	/* libelf looks at section headers, which do not matter to the plan. */
	memcpy(image.bytes, bytes, ELF_IMAGE_SIZE);
	memcpy(narrow.bytes, bytes, ELF_IMAGE_SIZE);
	if (bytes[EI_CLASS] == ELFCLASS32)
		sections = narrow.ehdr.e_shoff || narrow.ehdr.e_shnum;
	else
		sections = image.ehdr.e_shoff || image.ehdr.e_shnum;
	return sections;
}

TEST(mutated_files)
{
	u32 both = 0, narrow = 0, neither = 0, unreadable = 0, i;
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	u8 bytes[ELF_IMAGE_SIZE];
	struct model m;
	u64 random = 1;

	ASSERT_NE(EV_NONE, elf_version(EV_CURRENT));
	for (i = 0; i < MUTATIONS; i++) {
		const struct kev_elf_rules rules = any_rules(&random);
		bool sections = any_file(bytes, &rules, &random);
		u64 size = ELF_IMAGE_SIZE;
		const char *text;
		int ret;

		if (unit_random(&random) % 16 == 0)
			size = unit_random(&random) % ELF_IMAGE_SIZE;

		ret = elf_image_plan(bytes, size, &rules, &header, &plan, &why);
		ASSERT_EQ(ret == 0, why.problem == KEV_IMAGE_OK);
		ASSERT_TRUE(ret == 0 || ret == -ENOEXEC);
		model_make(&m, bytes, size, &rules);
		if (!m.elf) {
			unreadable++;
			ASSERT_TRUE(ret || sections)
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
		narrow += plan.class32;
		text = elf_image_violation(&plan, size, &rules);
		ASSERT_EQ(NULL, text)
			TH_LOG("mutation %u: %s", i, text);
		text = difference(&m, &header, &plan);
		ASSERT_EQ(NULL, text)
			TH_LOG("mutation %u: %s", i, text);
	}
	TH_LOG("accepted by both %u (32-bit %u), refused by both %u, unreadable for libelf %u",
	       both, narrow, neither, unreadable);
	/* The mutations are neither too wild nor too tame to say anything. */
	EXPECT_GT(both, MUTATIONS / 10);
	EXPECT_GT(narrow, MUTATIONS / 20);
	EXPECT_GT(neither, MUTATIONS / 10);
}

TEST(own_program)
{
	static const struct kev_elf_rules by_paddr = { .phys_bits = 46 };
	static const struct kev_elf_rules by_vaddr = {
		.phys_bits = 46, .by_vaddr = true, .base = 0x40000000,
	};
	const struct kev_elf_rules *rules[] = { &by_paddr, &by_vaddr };
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	struct stat st;
	struct model m;
	u8 *bytes;
	size_t i;
	int fd;

	ASSERT_NE(EV_NONE, elf_version(EV_CURRENT));
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	bytes = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, bytes);

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		ASSERT_EQ(0, elf_image_plan(bytes, st.st_size, rules[i], &header, &plan, &why));
		model_make(&m, bytes, st.st_size, rules[i]);
		EXPECT_TRUE(m.accepted);
		EXPECT_EQ(NULL, difference(&m, &header, &plan));
		EXPECT_EQ(NULL, elf_image_violation(&plan, st.st_size, rules[i]));
		/* A compiler's program has both. */
		EXPECT_NE(0, plan.dynamic.size);
		EXPECT_NE(0, plan.nr_notes);
	}
	munmap(bytes, st.st_size);
	close(fd);
}

TEST_HARNESS_MAIN
