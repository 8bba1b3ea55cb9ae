// SPDX-License-Identifier: GPL-2.0
/*
 * Position-independent images: KEV_ATTACH_VADDR with a load base, and KEV_ATTACH_RELOCATE.
 * Guards that a page is relocated when it is touched and not read before, that only pages
 * with relocations are a VM's own, and that a bad table is refused as a whole.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "boot.h"

/* The image: one segment, whose virtual addresses are its offsets in the file */
#define CODE		KT_PAGE
#define DYNAMIC		(2 * KT_PAGE)
#define TABLE		(3 * KT_PAGE)
#define NR_DYN		4

#define BASE		KT_MIB
#define OTHER_BASE	(3 * KT_MIB)
#define RAM_KIB		8192

/* Its pages of data, behind the table; the guest's code knows where they are. */
#define DATA		(4 * KT_PAGE)
#define NR_DATA		5UL
#define NR_RELOCS	5UL
#define ACROSS		(DATA + KT_PAGE - 4)	/* a pointer in pages 0 and 1 */
#define WORD		(DATA + 4 * KT_PAGE + 8)

struct image {
	uint8_t *bytes;
	size_t size;
	Elf64_Ehdr *ehdr;
	Elf64_Phdr *phdr;	/* PT_LOAD and PT_DYNAMIC */
	Elf64_Dyn *dyn;
	Elf64_Rela *rela;
	uint64_t data;		/* first page behind the table */
};

/* An image with room for so many relocations, and pages of data that can be told apart */
static int image_init(struct image *image, size_t nr_relocs, size_t nr_data)
{
	size_t table_size = nr_relocs * sizeof(Elf64_Rela);
	struct kt_elf elf;

	image->data = TABLE + (table_size + KT_PAGE - 1) / KT_PAGE * KT_PAGE;
	image->size = image->data + nr_data * KT_PAGE;
	image->bytes = calloc(1, image->size);
	if (!image->bytes)
		return -ENOMEM;
	kt_elf_init(&elf, image->size - CODE);
	elf.ehdr.e_type = ET_DYN;
	elf.ehdr.e_entry = CODE;
	elf.ehdr.e_phnum = 2;
	elf.phdr[0].p_vaddr = CODE;
	elf.phdr[0].p_paddr = KT_CODE_GPA;
	elf.phdr[1] = (Elf64_Phdr) {
		.p_type = PT_DYNAMIC,
		.p_offset = DYNAMIC,
		.p_vaddr = DYNAMIC,
		.p_filesz = NR_DYN * sizeof(Elf64_Dyn),
		.p_memsz = NR_DYN * sizeof(Elf64_Dyn),
	};
	memcpy(image->bytes, &elf, sizeof(elf));
	image->ehdr = (Elf64_Ehdr *)image->bytes;
	image->phdr = (Elf64_Phdr *)(image->bytes + elf.ehdr.e_phoff);
	image->dyn = (Elf64_Dyn *)(image->bytes + DYNAMIC);
	image->dyn[0] = (Elf64_Dyn) { DT_RELA, { TABLE } };
	image->dyn[1] = (Elf64_Dyn) { DT_RELASZ, { table_size } };
	image->dyn[2] = (Elf64_Dyn) { DT_RELAENT, { sizeof(Elf64_Rela) } };
	image->rela = (Elf64_Rela *)(image->bytes + TABLE);
	for (size_t i = 0; i < nr_data; i++)
		memset(image->bytes + image->data + i * KT_PAGE, 'a' + i % 26, KT_PAGE);
	return 0;
}

static Elf64_Rela relative(uint64_t at, uint64_t addend)
{
	return (Elf64_Rela) { at, ELF64_R_INFO(0, R_X86_64_RELATIVE), addend };
}

/* Halts with a word that it finds by way of two relocated pointers, added up. */
KT_CODE(follows_pointers,
	"lea follows_pointers_start(%rip), %rbx\n"
	"mov 0x6000(%rbx), %rax\n"		/* page 3 of the data */
	"mov (%rax), %rdi\n"
	"mov 0x3ffc(%rbx), %rax\n"		/* ACROSS */
	"add (%rax), %rdi\n"
	KT_HALT);

FIXTURE(relocate) {
	int kev, vm;
	struct image image;
};

/*
 * Pages 0, 1 and 3 have relocations. They are not in order, and there is one that the
 * linker has left empty.
 */
FIXTURE_SETUP(relocate)
{
	struct image *image = &self->image;
	const uint64_t word = 0x1111;

	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->vm = kt_create_plain_vm(self->kev);
	ASSERT_LE(0, self->vm);
	ASSERT_EQ(0, image_init(image, NR_RELOCS, NR_DATA));
	ASSERT_EQ(DATA, image->data);
	image->rela[0] = relative(DATA + 3 * KT_PAGE, WORD);
	image->rela[1] = relative(ACROSS, WORD);
	image->rela[2] = relative(DATA + 0x10, 0x1234);
	image->rela[3] = (Elf64_Rela) { 0, R_X86_64_NONE, 0 };
	image->rela[4] = relative(DATA + 2 * KT_PAGE - 8, -1);
	memcpy(image->bytes + CODE, follows_pointers.start,
	       follows_pointers.end - follows_pointers.start);
	memcpy(image->bytes + WORD, &word, sizeof(word));
}

FIXTURE_TEARDOWN(relocate)
{
	free(self->image.bytes);
	close(self->vm);
	close(self->kev);
}

/* Where a page of data is relocated; those of 0 are not. */
static const bool relocated[NR_DATA] = { true, true, false, true, false };

static int image_file(const struct image *image)
{
	return kt_memfile(image->bytes, image->size);
}

/* One that cannot change, so that its pages are shared */
static int sealed_file(const struct image *image)
{
	return kt_sealed_file(image->bytes, image->size);
}

static struct kev_attach_image request(int fd, uint64_t base)
{
	struct kev_attach_image args = kt_attach_request(fd, KEV_BOOT_DIRECT64, RAM_KIB);

	args.flags = KEV_ATTACH_VADDR | KEV_ATTACH_RELOCATE;
	args.load_base = base;
	return args;
}

static long attach(int vm, int fd, uint64_t base)
{
	struct kev_attach_image args = request(fd, base);

	return kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args);
}

static uint64_t word_at(int vm, uint64_t gpa)
{
	uint64_t word = 0x5555555555555555;

	kt_read_guest(vm, gpa, &word, sizeof(word));
	return word;
}

/* ---- when, and which pages ---- */

static void fill_from_image(const void *arg, uint64_t offset, void *bytes, size_t size)
{
	const struct image *image = arg;

	memcpy(bytes, image->bytes + offset, size);
}

/* The headers, the dynamic section and the table are all that is read at the attach. */
TEST_F(relocate, nothing_is_read_before_its_touch)
{
	const struct kt_fuse_file file = {
		.size = self->image.size, .fill = fill_from_image, .arg = &self->image,
	};
	const uint64_t data = BASE + DATA;
	const uint8_t across[] = { 0, 0, 0, 0 };	/* upper half of BASE + WORD */
	struct kt_fuse fuse;
	struct stat st;
	uint8_t bytes[4];
	int fd, vm;

	ASSERT_EQ(0, kt_fuse_mount(&fuse, &file));
	vm = kt_create_plain_vm(self->kev);
	fd = open(fuse.path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	/* The kernel learns how long it is. */
	ASSERT_EQ(0, fstat(fd, &st));
	ASSERT_EQ(0, attach(vm, fd, BASE));
	EXPECT_EQ(3, kt_fuse_reads(&fuse));
	EXPECT_EQ(1, kt_fuse_page_reads(&fuse, 0));
	EXPECT_EQ(1, kt_fuse_page_reads(&fuse, DYNAMIC / KT_PAGE));
	EXPECT_EQ(1, kt_fuse_page_reads(&fuse, TABLE / KT_PAGE));
	EXPECT_EQ(0, kt_vm_stats(vm).image_pages);
	EXPECT_EQ(0, kt_vm_stats(vm).file_pages);
	EXPECT_EQ(sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) + NR_DYN * sizeof(Elf64_Dyn) +
		  NR_RELOCS * sizeof(Elf64_Rela), kt_vm_stats(vm).header_bytes);

	/* The second half of a pointer, while the first one's page is not there */
	EXPECT_EQ(4, kt_read_guest(vm, data + KT_PAGE, bytes, sizeof(bytes)));
	EXPECT_EQ(0, memcmp(bytes, across, sizeof(bytes)));
	EXPECT_EQ(4, kt_fuse_reads(&fuse));
	EXPECT_EQ(1, kt_fuse_page_reads(&fuse, DATA / KT_PAGE + 1));
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(vm, data));
	EXPECT_EQ(1, kt_vm_stats(vm).image_pages);
	/* And the first */
	EXPECT_EQ(BASE + WORD, word_at(vm, BASE + ACROSS));
	EXPECT_EQ(5, kt_fuse_reads(&fuse));
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(vm, data + 3 * KT_PAGE));
	close(fd);
	close(vm);
	EXPECT_EQ(0, kt_fuse_unmount(&fuse));
}

/* All that a page holds: the file's bytes where there is no relocation */
static const struct {
	const char *name;
	uint64_t at;
	uint64_t value;
	bool plus_base;
} words[] = {
	{ "before the first", DATA + 8, 0x6161616161616161, false },
	{ "in the middle of a page", DATA + 0x10, 0x1234, true },
	{ "behind it", DATA + 0x18, 0x6161616161616161, false },
	{ "before two pages' pointer", ACROSS - 8, 0x6161616161616161, false },
	{ "in two pages", ACROSS, WORD, true },
	{ "behind two pages' pointer", ACROSS + 8, 0x6262626262626262, false },
	{ "at a page's end, addend -1", DATA + 2 * KT_PAGE - 8, -1, true },
	{ "page without a relocation", DATA + 2 * KT_PAGE, 0x6363636363636363, false },
	{ "at a page's beginning", DATA + 3 * KT_PAGE, WORD, true },
	{ "page of the word", WORD, 0x1111, false },
};

/* Two VMs at different bases: what is not relocated is one page of the page cache. */
TEST_F(relocate, only_relocated_pages_are_private)
{
	static const uint64_t bases[] = { BASE, OTHER_BASE };
	int fd = sealed_file(&self->image), vms[ARRAY_SIZE(bases)];
	struct kev_query_memory query;

	ASSERT_LE(0, fd);
	for (size_t v = 0; v < ARRAY_SIZE(vms); v++) {
		vms[v] = kt_create_plain_vm(self->kev);
		ASSERT_EQ(0, attach(vms[v], fd, bases[v]));
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			EXPECT_EQ(words[i].value + (words[i].plus_base ? bases[v] : 0),
				  word_at(vms[v], bases[v] + words[i].at)) {
				TH_LOG("%s, base %#lx", words[i].name, bases[v]);
			}
		}
		word_at(vms[v], bases[v] + CODE);
		for (size_t page = 0; page < NR_DATA; page++) {
			EXPECT_EQ(relocated[page] ? KEV_PAGE_RESIDENT : KEV_PAGE_SHARED,
				  kt_page_state(vms[v], bases[v] + DATA + page * KT_PAGE)) {
				TH_LOG("page %zu, base %#lx", page, bases[v]);
			}
		}
		ASSERT_EQ(0, kt_query_memory(vms[v], bases[v] + CODE, &query));
		EXPECT_EQ(KEV_REGION_IMAGE, query.kind);
		EXPECT_EQ(3, query.own);
		EXPECT_EQ(3, query.shared);
		EXPECT_EQ(6, query.resident);
	}
	for (size_t v = 0; v < ARRAY_SIZE(vms); v++)
		close(vms[v]);
	close(fd);
}

/* Fault-around maps pages of the file: none that has to be relocated */
TEST_F(relocate, fault_around)
{
	const struct kev_create_vm create = {
		.size = sizeof(create), .flags = KEV_VM_FAULT_AROUND, .fault_around = 512,
	};
	int fd = sealed_file(&self->image), vm = kt_ioctl(self->kev, KEV_CREATE_VM, &create);

	ASSERT_LE(0, fd);
	ASSERT_LE(0, vm);
	ASSERT_EQ(0, attach(vm, fd, BASE));
	word_at(vm, BASE + CODE);
	EXPECT_LT(0, kt_vm_stats(vm).around_pages);
	for (size_t page = 0; page < NR_DATA; page++) {
		EXPECT_EQ(relocated[page] ? KEV_PAGE_LAZY : KEV_PAGE_SHARED,
			  kt_page_state(vm, BASE + DATA + page * KT_PAGE)) {
			TH_LOG("page %zu", page);
		}
	}
	EXPECT_EQ(BASE + WORD, word_at(vm, BASE + ACROSS));
	close(vm);
	close(fd);
}

TEST_F(relocate, a_guest_runs)
{
	static const uint64_t bases[] = { BASE, OTHER_BASE };
	int fd = sealed_file(&self->image);

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		int vm = kt_create_vm(self->kev, 0, NULL), vcpu;
		struct kev_attach_image args = request(fd, bases[i]);
		struct kev_run *run;

		ASSERT_EQ(0, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args));
		EXPECT_EQ(bases[i] + CODE, args.entry);
		EXPECT_EQ(bases[i] + CODE, args.start);
		EXPECT_EQ(bases[i] + self->image.size, args.end);
		vcpu = kt_create_vcpu(vm, 0);
		run = kt_map_run(vcpu);
		ASSERT_NE(NULL, run);
		EXPECT_EQ(0, kt_run(vcpu));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, run->kind);
		EXPECT_EQ(0x2222, run->exit_code);
		kt_unmap_run(run);
		close(vcpu);
		close(vm);
	}
	close(fd);
}

/* Without KEV_ATTACH_RELOCATE the pointers are what the file has. */
TEST_F(relocate, only_on_demand)
{
	struct kev_attach_image args;
	int fd = image_file(&self->image);

	args = request(fd, BASE);
	args.flags = KEV_ATTACH_VADDR;
	ASSERT_EQ(0, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	EXPECT_EQ(0x6161616161616161, word_at(self->vm, BASE + DATA + 0x10));
	close(fd);
}

/* At p_paddr, nothing is added to an addend. */
TEST_F(relocate, without_a_base)
{
	struct kev_attach_image args;
	int fd = image_file(&self->image);

	args = request(fd, 0);
	args.flags = KEV_ATTACH_RELOCATE;
	ASSERT_EQ(0, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	EXPECT_EQ(KT_CODE_GPA, args.entry);
	EXPECT_EQ(0x1234, word_at(self->vm, KT_CODE_GPA + DATA - CODE + 0x10));
	EXPECT_EQ(WORD, word_at(self->vm, KT_CODE_GPA + ACROSS - CODE));
	close(fd);
}

/* The table is read once: what is written over it later says nothing. */
TEST_F(relocate, table_of_the_attach)
{
	const uint8_t zeros[NR_RELOCS * sizeof(Elf64_Rela)] = {};
	int fd = image_file(&self->image);

	ASSERT_EQ(0, attach(self->vm, fd, BASE));
	ASSERT_EQ(sizeof(zeros), pwrite(fd, zeros, sizeof(zeros), TABLE));
	EXPECT_EQ(BASE + 0x1234, word_at(self->vm, BASE + DATA + 0x10));
	EXPECT_EQ(0, word_at(self->vm, BASE + TABLE));
	close(fd);
}

/* ---- how many ---- */

#define MANY		100000UL
#define MANY_PAGES	(MANY * 8 / KT_PAGE + 1)

/* In descending order, so that they have to be sorted */
TEST_F(relocate, hundred_thousand)
{
	static uint64_t words[MANY];
	struct image image;
	uint64_t wrong = 0;
	int fd;

	ASSERT_EQ(0, image_init(&image, MANY, MANY_PAGES));
	for (uint64_t i = 0; i < MANY; i++)
		image.rela[i] = relative(image.data + (MANY - 1 - i) * 8, i);
	fd = image_file(&image);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, attach(self->vm, fd, BASE));
	EXPECT_EQ(0, kt_vm_stats(self->vm).file_pages);
	ASSERT_EQ(sizeof(words), kt_read_guest(self->vm, BASE + image.data, words, sizeof(words)));
	for (uint64_t i = 0; i < MANY; i++)
		wrong += words[MANY - 1 - i] != BASE + i;
	EXPECT_EQ(0, wrong);
	free(image.bytes);
	close(fd);
}

/* ---- what is refused ---- */

static const struct {
	const char *name;
	int dyn;		/* the entry of the dynamic section that is different; -1: none */
	uint64_t tag, value;
	int rela;		/* likewise of the table */
	uint64_t at, info;
	uint32_t problem;
} tables[] = {
	{ "no DT_RELA", 0, DT_DEBUG, 0, -1, 0, 0, KEV_IMAGE_DYNAMIC },
	{ "table before the segment", 0, DT_RELA, 0, -1, 0, 0, KEV_IMAGE_DYNAMIC },
	{ "table beyond the file", 0, DT_RELA, DATA + NR_DATA * KT_PAGE - 24, -1, 0, 0,
	  KEV_IMAGE_DYNAMIC },
	{ "half an entry", 1, DT_RELASZ, 36, -1, 0, 0, KEV_IMAGE_DYNAMIC },
	{ "too many", 1, DT_RELASZ, 1048577 * 24ULL, -1, 0, 0, KEV_IMAGE_RELOCATIONS },
	{ "size of an entry", 2, DT_RELAENT, 16, -1, 0, 0, KEV_IMAGE_DYNAMIC },
	{ "DT_RELA twice", 2, DT_RELA, TABLE, -1, 0, 0, KEV_IMAGE_DYNAMIC },
	{ "no DT_NULL", 3, DT_DEBUG, 0, -1, 0, 0, KEV_IMAGE_DYNAMIC },
	{ "of another kind", -1, 0, 0, 0, DATA, R_X86_64_64, KEV_IMAGE_RELOCATION },
	{ "unknown kind", -1, 0, 0, 4, DATA, ~0U, KEV_IMAGE_RELOCATION },
	{ "before the segment", -1, 0, 0, 0, CODE - 1, R_X86_64_RELATIVE, KEV_IMAGE_RELOCATION },
	{ "one byte beyond the segment", -1, 0, 0, 0, DATA + NR_DATA * KT_PAGE - 7,
	  R_X86_64_RELATIVE, KEV_IMAGE_RELOCATION },
	{ "wraps", -1, 0, 0, 0, -4ULL, R_X86_64_RELATIVE, KEV_IMAGE_RELOCATION },
	{ "two share a byte", -1, 0, 0, 0, DATA + 0x17, R_X86_64_RELATIVE,
	  KEV_IMAGE_RELOCATION },
	{ "two are the same", -1, 0, 0, 0, DATA + 0x10, R_X86_64_RELATIVE,
	  KEV_IMAGE_RELOCATION },
};

TEST_F(relocate, bad_tables)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		Elf64_Rela *rela = &self->image.rela[tables[i].rela < 0 ? 0 : tables[i].rela];
		Elf64_Dyn *dyn = &self->image.dyn[tables[i].dyn < 0 ? 0 : tables[i].dyn];
		const Elf64_Rela old_rela = *rela;
		const Elf64_Dyn old_dyn = *dyn;
		struct kev_attach_image args;
		int fd;

		if (tables[i].dyn >= 0)
			*dyn = (Elf64_Dyn) { tables[i].tag, { tables[i].value } };
		if (tables[i].rela >= 0)
			*rela = (Elf64_Rela) { tables[i].at, tables[i].info, 0 };
		fd = image_file(&self->image);
		ASSERT_LE(0, fd);
		args = request(fd, BASE);
		EXPECT_EQ(-ENOEXEC, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", tables[i].name);
		}
		EXPECT_EQ(tables[i].problem, args.problem) {
			TH_LOG("%s: problem", tables[i].name);
		}
		EXPECT_EQ(KEV_IMAGE_NO_SEGMENT, args.segment) {
			TH_LOG("%s: segment", tables[i].name);
		}
		EXPECT_EQ(0, args.entry | args.start | args.end) {
			TH_LOG("%s: addresses", tables[i].name);
		}
		close(fd);
		*dyn = old_dyn;
		*rela = old_rela;
	}
}

/* A table of another kind, with an end behind it; and a section beyond the file */
TEST_F(relocate, bad_dynamic_sections)
{
	struct kev_attach_image args;
	int fd;

	self->image.dyn[3] = (Elf64_Dyn) { DT_RELSZ, { 16 } };
	self->image.phdr[1].p_filesz += sizeof(Elf64_Dyn);
	fd = image_file(&self->image);
	args = request(fd, BASE);
	EXPECT_EQ(-ENOEXEC, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	EXPECT_EQ(KEV_IMAGE_RELOCATION, args.problem);
	close(fd);

	self->image.phdr[1].p_offset = self->image.size - 8;
	fd = image_file(&self->image);
	args = request(fd, BASE);
	EXPECT_EQ(-ENOEXEC, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	EXPECT_EQ(KEV_IMAGE_DYNAMIC, args.problem);
	EXPECT_EQ(1, args.segment);
	close(fd);
}

static const struct {
	const char *name;
	uint16_t type;
	uint32_t flags;
	uint64_t base;
	int result;
	uint32_t problem, segment;
} bases[] = {
	{ "good", ET_DYN, KEV_ATTACH_VADDR, BASE, 0, KEV_IMAGE_OK, ~0U },
	{ "ET_EXEC, base 0", ET_EXEC, KEV_ATTACH_VADDR, 0, -ENOEXEC, KEV_IMAGE_LOW, 0 },
	{ "ET_EXEC", ET_EXEC, KEV_ATTACH_VADDR, BASE, -ENOEXEC, KEV_IMAGE_BASE, ~0U },
	{ "unaligned", ET_DYN, KEV_ATTACH_VADDR, BASE + 0x800, -ENOEXEC, KEV_IMAGE_BASE, ~0U },
	{ "unaligned by one", ET_DYN, KEV_ATTACH_VADDR, BASE + 1, -ENOEXEC, KEV_IMAGE_BASE, ~0U },
	{ "without KEV_ATTACH_VADDR", ET_DYN, 0, BASE, -EINVAL, KEV_IMAGE_OK, ~0U },
	{ "relocated without it", ET_DYN, KEV_ATTACH_RELOCATE, BASE, -EINVAL, KEV_IMAGE_OK, ~0U },
	{ "just behind page tables", ET_DYN, KEV_ATTACH_VADDR, 7 * KT_PAGE, 0, KEV_IMAGE_OK, ~0U },
	{ "in page tables", ET_DYN, KEV_ATTACH_VADDR, 6 * KT_PAGE, -ENOEXEC, KEV_IMAGE_LOW, 0 },
	{ "wraps", ET_DYN, KEV_ATTACH_VADDR, -KT_PAGE, -ENOEXEC, KEV_IMAGE_ADDRESS, 0 },
	{ "above the physical width", ET_DYN, KEV_ATTACH_VADDR, 1ULL << 52, -ENOEXEC,
	  KEV_IMAGE_PHYS_WIDTH, 0 },
};

TEST_F(relocate, load_base)
{
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		int vm = kt_create_vm(self->kev, 0, NULL), fd;
		struct kev_attach_image args;

		self->image.ehdr->e_type = bases[i].type;
		fd = image_file(&self->image);
		ASSERT_LE(0, fd);
		args = request(fd, bases[i].base);
		args.flags = bases[i].flags;
		EXPECT_EQ(bases[i].result, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", bases[i].name);
		}
		EXPECT_EQ(bases[i].problem, args.problem) {
			TH_LOG("%s: problem", bases[i].name);
		}
		EXPECT_EQ(bases[i].segment, args.segment) {
			TH_LOG("%s: segment", bases[i].name);
		}
		close(fd);
		close(vm);
	}
}

TEST_HARNESS_MAIN
