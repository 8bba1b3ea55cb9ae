// SPDX-License-Identifier: GPL-2.0
/*
 * What guests of this kind expect of any hypervisor for them: a code at the end, a line
 * that is printed, a large kernel that costs what it touches, second-level tables that
 * give and take as they are told, a device in memory, and boot information. What concerns
 * the CPU is in reference_cpu.c.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "vmem.h"

#define GREETING	"Hello guest os!\n"

/* ---- whole guests ---- */

/* Run a guest with so much RAM until it halts, and take its statistics. */
static bool greets(uint64_t ram_kib, struct kev_vm_stats *stats)
{
	char text[64] = "";
	struct kt_guest guest;
	bool ok;

	ok = !kt_guest_init_file(&guest, KT_GUESTS "/hello", ram_kib, NULL) &&
	     !kt_run(guest.vcpu) && guest.run->kind == KEV_EXIT_VM_EXITED &&
	     guest.run->exit_code == 0xcafe &&
	     read(guest.vm, text, sizeof(text) - 1) == (ssize_t)strlen(GREETING) &&
	     !strcmp(text, GREETING);
	*stats = kt_vm_stats(guest.vm);
	kt_guest_fini(&guest);
	return ok;
}

TEST(hello)
{
	struct kev_vm_stats stats;

	EXPECT_TRUE(greets(KT_RAM_KIB, &stats));
}

/* 256 MiB are 65,536 pages; the guest costs the same as with 2 MiB. */
TEST(lazy_kernel)
{
	struct kev_vm_stats small, large;

	ASSERT_TRUE(greets(KT_RAM_KIB, &small));
	ASSERT_TRUE(greets(256 << 10, &large));
	EXPECT_EQ(small.resident_pages, large.resident_pages);
	EXPECT_EQ(small.file_pages, large.file_pages);
	EXPECT_EQ(small.table_pages, large.table_pages);
	/* Its stack */
	EXPECT_EQ(1, large.ram_pages);
}

/* ---- second-level tables ---- */

#define FAR_PAGES	5

FIXTURE(ept) {
	struct kt_image image;
	int fd;
	struct kt_vm vm;
	struct kev_query query;
	uint64_t far[FAR_PAGES];	/* addresses as far from each other as the width allows */
	uint64_t next_table;		/* RAM for the guest's page tables */
};

/* An entry of the guest's page tables, and the table that it leads to */
static uint64_t next_level(FIXTURE_DATA(ept) *self, uint64_t entry_gpa)
{
	uint64_t entry = 0;

	if (kt_read_guest(self->vm.vm, entry_gpa, &entry, 8) != 8)
		return 0;
	if (entry & 1)
		return entry & ~0xfffUL;
	entry = self->next_table | 3;
	self->next_table += KT_PAGE;
	return kt_write_guest(self->vm.vm, entry_gpa, &entry, 8) == 8 ? entry & ~0xfffUL : 0;
}

/* Map the 2 MiB at an address to the same guest-physical address. */
static bool map_identity(FIXTURE_DATA(ept) *self, uint64_t address)
{
	uint64_t table = 0x2000, entry = (address & -(2 * KT_MIB)) | 0x83;

	table = next_level(self, table + 8 * (address >> 39 & 511));
	if (table)
		table = next_level(self, table + 8 * (address >> 30 & 511));
	return table && kt_write_guest(self->vm.vm, table + 8 * (address >> 21 & 511), &entry,
				       8) == 8;
}

FIXTURE_SETUP(ept)
{
	const struct kt_vm_options options = {
		.huge_pages = KEV_HUGE_ALWAYS, .ram_kib = 1024,
	};

	kt_image_init(&self->image, 1);
	self->fd = memfd_create("kevtest", MFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, kt_image_write(&self->image, self->fd));
	ASSERT_EQ(0, kt_vm_init(&self->vm, &self->image, self->fd, &options));
	self->query.size = sizeof(self->query);
	ASSERT_EQ(0, kt_ioctl(self->vm.kev, KEV_QUERY, &self->query));
	self->next_table = kt_vm_ram(&self->image);
	for (uint64_t i = 0; i < FAR_PAGES; i++) {
		self->far[i] = (i + 1) << (self->query.phys_bits - 3);
		ASSERT_TRUE(map_identity(self, self->far[i]));
	}
}

FIXTURE_TEARDOWN(ept)
{
	kt_vm_fini(&self->vm);
	close(self->fd);
}

static bool reads(FIXTURE_DATA(ept) *self, uint64_t gpa, uint64_t expected)
{
	const struct kt_job job = { .op = KT_READ, .address = gpa };
	uint64_t word;

	return !kt_vm_do(&self->vm, 0, &job, &word) && word == expected;
}

static const struct rights_case {
	uint32_t prot;
	uint64_t feature;
	int unsupported;	/* what ADD_REGION says without the feature, or at all */
} rights_cases[] = {
	{ KEV_MEM_READ, 0, 0 },
	{ KEV_MEM_READ | KEV_MEM_WRITE, 0, 0 },
	{ KEV_MEM_READ | KEV_MEM_EXEC, 0, 0 },
	{ KEV_MEM_READ | KEV_MEM_WRITE | KEV_MEM_EXEC, 0, 0 },
	{ KEV_MEM_EXEC, KEV_FEATURE_EPT_EXECUTE_ONLY, -EOPNOTSUPP },
	{ KEV_MEM_WRITE, 0, -EOPNOTSUPP },
	{ KEV_MEM_WRITE | KEV_MEM_EXEC, 0, -EOPNOTSUPP },
};

static const struct {
	enum kt_op op;
	uint32_t access;
} accesses[] = {
	{ KT_READ, KEV_MEM_READ },
	{ KT_WRITE, KEV_MEM_WRITE },
	{ KT_CALL, KEV_MEM_EXEC },
};

/* The code that KT_CALL finds: ret */
#define RET		0xc3c3c3c3c3c3c3c3UL

static void check_access(struct __test_metadata *_metadata, FIXTURE_DATA(ept) *self, size_t i,
			 uint32_t prot)
{
	const struct kt_job job = {
		.op = accesses[i].op, .address = self->far[0] + 8 * i, .value = RET,
	};
	const struct kev_run *run = self->vm.run[0];
	bool allowed = accesses[i].access & prot;

	EXPECT_EQ(allowed ? 0 : -EREMOTEIO, kt_vm_do(&self->vm, 0, &job, NULL)) {
		TH_LOG("rights %#x, access %#x", prot, accesses[i].access);
	}
	if (allowed)
		return;
	ASSERT_EQ(KEV_EXIT_MEMORY, run->kind);
	EXPECT_EQ(job.address, run->memory.gpa);
	EXPECT_EQ(1, run->memory.gva_valid);
	EXPECT_EQ(job.address, run->memory.gva);
	EXPECT_EQ(accesses[i].access, run->memory.access);
	EXPECT_EQ(KEV_REGION_RAM, run->memory.kind);
	EXPECT_EQ(prot, run->memory.prot);
	EXPECT_EQ(KEV_RUN_RETRY | KEV_RUN_BACKED, run->flags);
}

TEST_F(ept, every_combination_of_rights)
{
	static const uint64_t code[] = { RET, RET, RET };

	for (size_t i = 0; i < ARRAY_SIZE(rights_cases); i++) {
		const struct rights_case *c = &rights_cases[i];
		int want = c->unsupported;

		if (self->query.features & c->feature)
			want = 0;
		ASSERT_EQ(want, kt_add_region(self->vm.vm, KEV_REGION_RAM, c->prot, self->far[0],
					      KT_PAGE)) {
			TH_LOG("rights %#x", c->prot);
		}
		if (want)
			continue;
		/* Before the page is there, and after: its entry has the same rights. */
		for (int again = 0; again < 2; again++) {
			for (size_t a = 0; a < ARRAY_SIZE(accesses); a++) {
				if (again || accesses[a].op != KT_CALL)
					check_access(_metadata, self, a, c->prot);
			}
			ASSERT_EQ(sizeof(code), kt_write_guest(self->vm.vm, self->far[0], code,
							       sizeof(code)));
		}
		ASSERT_EQ(0, kt_remove_region(self->vm.vm, self->far[0], KT_PAGE));
	}
}

/* Five pages that share no lower table: each can go and come without the others. */
TEST_F(ept, far_pages)
{
	const struct kev_run *run = self->vm.run[0];

	for (uint64_t i = 0; i < FAR_PAGES; i++) {
		const struct kt_job write = {
			.op = KT_WRITE, .address = self->far[i], .value = 0x100 + i,
		};

		ASSERT_EQ(0, kt_add_ram(self->vm.vm, self->far[i], KT_PAGE));
		EXPECT_EQ(-EEXIST, kt_add_ram(self->vm.vm, self->far[i], KT_PAGE));
		EXPECT_EQ(-EINVAL, kt_add_ram(self->vm.vm, self->far[i] + 1, KT_PAGE));
		EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(self->vm.vm, self->far[i]));
		EXPECT_EQ(0, kt_vm_do(&self->vm, 0, &write, NULL));
		EXPECT_EQ(KEV_PAGE_RESIDENT, kt_page_state(self->vm.vm, self->far[i]));
	}
	for (uint64_t gone = 0; gone < FAR_PAGES; gone++) {
		const struct kt_job read = { .op = KT_READ, .address = self->far[gone] };

		ASSERT_EQ(0, kt_remove_region(self->vm.vm, self->far[gone], KT_PAGE));
		EXPECT_EQ(-ENOENT, kt_remove_region(self->vm.vm, self->far[gone], KT_PAGE));
		EXPECT_EQ(KEV_PAGE_ABSENT, kt_page_state(self->vm.vm, self->far[gone]));
		EXPECT_EQ(-EREMOTEIO, kt_vm_do(&self->vm, 0, &read, NULL));
		EXPECT_EQ(KEV_EXIT_MEMORY, run->kind);
		EXPECT_EQ(self->far[gone], run->memory.gpa);
		EXPECT_EQ(0, run->memory.kind);
		for (uint64_t i = 0; i < FAR_PAGES; i++) {
			if (i != gone) {
				EXPECT_TRUE(reads(self, self->far[i], i < gone ? 0 : 0x100 + i));
			}
		}
		ASSERT_EQ(0, kt_add_ram(self->vm.vm, self->far[gone], KT_PAGE));
		EXPECT_TRUE(reads(self, self->far[gone], 0));
	}
}

/* A page of 2 MiB at one end of the way, or at both */
TEST_F(ept, huge)
{
	const struct kt_job write = {
		.op = KT_WRITE, .address = self->far[1] + 0x12340, .value = 0x5678,
	};
	struct kev_translate translate = {
		.size = sizeof(translate), .flags = KEV_ADDRESS_GVA, .address = write.address,
	};
	struct kev_query_memory query;

	ASSERT_EQ(0, kt_add_ram(self->vm.vm, self->far[1], 4 * KT_MIB));
	ASSERT_EQ(0, kt_vm_do(&self->vm, 0, &write, NULL));
	ASSERT_EQ(0, kt_query_memory(self->vm.vm, self->far[1], &query));
	EXPECT_EQ(512, query.resident);
	EXPECT_EQ(self->query.features & KEV_FEATURE_EPT_2M ? 512 : 0, query.huge);
	EXPECT_TRUE(reads(self, self->far[1], 0));
	EXPECT_TRUE(reads(self, write.address, 0x5678));

	ASSERT_EQ(0, kt_ioctl(self->vm.vm, KEV_VM_TRANSLATE, &translate));
	EXPECT_EQ(1, translate.mapped);
	EXPECT_EQ(write.address, translate.gpa);
	EXPECT_EQ(2 * KT_MIB, translate.page_size);
	EXPECT_EQ(2, translate.level);
	EXPECT_EQ(KT_RWX, translate.prot);
	EXPECT_EQ(KEV_PAGE_RESIDENT, translate.state);
}

/* Probes answer for pages that nobody has touched, and touch none. */
TEST_F(ept, probe)
{
	struct kev_translate translate = { .size = sizeof(translate), .flags = KEV_ADDRESS_GVA };
	uint64_t resident;

	ASSERT_EQ(0, kt_add_ram(self->vm.vm, self->far[2], KT_PAGE));
	translate.address = self->far[2] + 5;
	/* Once the tables are there */
	ASSERT_EQ(0, kt_ioctl(self->vm.vm, KEV_VM_TRANSLATE, &translate));
	resident = kt_vm_stats(self->vm.vm).resident_pages;
	ASSERT_EQ(0, kt_ioctl(self->vm.vm, KEV_VM_TRANSLATE, &translate));
	EXPECT_EQ(self->far[2] + 5, translate.gpa);
	EXPECT_EQ(KEV_PAGE_LAZY, translate.state);
	EXPECT_EQ(KEV_REGION_RAM, translate.kind);
	EXPECT_EQ(resident, kt_vm_stats(self->vm.vm).resident_pages);
	/* The guest maps it, but there is no region; and one that it does not map. */
	translate.address = self->far[3];
	ASSERT_EQ(0, kt_ioctl(self->vm.vm, KEV_VM_TRANSLATE, &translate));
	EXPECT_EQ(1, translate.mapped);
	EXPECT_EQ(KEV_PAGE_ABSENT, translate.state);
	translate.address = self->far[3] + 2 * KT_MIB;
	ASSERT_EQ(0, kt_ioctl(self->vm.vm, KEV_VM_TRANSLATE, &translate));
	EXPECT_EQ(0, translate.mapped);
	EXPECT_EQ(2, translate.level);
}

/* ---- a device in memory that prints ---- */

#define DEVICE		0xcafe0000UL
/* +0: address of the text, +8: its length, +16: a doorbell */
#define DEVICE_TEXT	"Hello MMIO!"
#define DEVICE_WRITES	10

/*
 * Prints once, though it rings four times: stores that are not 64 bits wide are none.
 * Then it reads back what it has stored, and ends with the number of the first check that
 * fails, or 0.
 */
KT_CODE(device_guest,
	"mov $0xcafe0000, %edi\n"
	"lea text(%rip), %rax\n"
	"mov %rax, (%rdi)\n"
	"lea 8(%rdi), %r9\n"
	"movq $text_end - text, (%r9)\n"
	"movb $1, 16(%rdi)\n"
	"movw $1, 16(%rdi)\n"
	"movl $1, 16(%rdi)\n"
	"mov %eax, 16(%rdi)\n"
	"mov %ax, 16(%rdi)\n"
	"movq $1, 16(%rdi)\n"
	"mov $1, %ebx\n"
	"cmp %rax, (%rdi)\n"
	"jne 1f\n"
	"inc %ebx\n"
	"cmpq $text_end - text, 8(%rdi)\n"
	"jne 1f\n"
	/* Sign-extended, and by a displacement of 32 bits */
	"movq $-2, 0x100(%rdi)\n"
	"inc %ebx\n"
	"mov $-2, %rcx\n"
	"cmp %rcx, 0x100(%rdi)\n"
	"jne 1f\n"
	/* A register that only REX reaches */
	"mov $0x1234567890abcdef, %r10\n"
	"mov %r10, 0x108(%rdi)\n"
	"inc %ebx\n"
	"cmp %r10, 0x108(%rdi)\n"
	"jne 1f\n"
	"xor %ebx, %ebx\n"
	"1: mov %rbx, %rdi\n"
	KT_HALT
	"text: .ascii \"" DEVICE_TEXT "\"\n"
	"text_end:");

TEST(print_device)
{
	char output[64] = "";
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &device_guest, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_PRINT, KEV_MEM_READ | KEV_MEM_EXEC,
				   DEVICE, KT_PAGE));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0, guest.run->exit_code);
	/* All of it in the kernel: nothing but the end is reported. */
	EXPECT_LE(DEVICE_WRITES, kt_vcpu_stats(guest.vcpu).memory);
	EXPECT_EQ(1, kt_vcpu_stats(guest.vcpu).reports);
	EXPECT_EQ(strlen(DEVICE_TEXT), read(guest.vm, output, sizeof(output)));
	EXPECT_STREQ(DEVICE_TEXT, output);
	kt_guest_fini(&guest);
}

/* ---- boot information at address 0 ---- */

#define MAX_RUNS	3

struct run {
	uint64_t base, end;
};

static const struct boot_case {
	const char *name;
	uint64_t image[2];	/* addresses of segments of one page; 0: none */
	uint64_t ram_kib;
	struct run runs[MAX_RUNS];	/* a length of 0 ends them */
} boot_cases[] = {
	{ "4 MiB", { 0x100000 }, 4096, { { 0, 0x400000 } } },
	{ "image and RAM below it", { 0x100000 }, 1028, { { 0, 0x101000 } } },
	{ "image alone", { 0x100000 }, 4, { { 0, 0x1000 }, { 0x100000, 0x101000 } } },
	{ "gap in the image", { 0x100000, 0x103000 }, 2048,
	  { { 0, 0x101000 }, { 0x103000, 0x200000 } } },
	{ "across the hole", { 0x100000 }, 4UL << 20,
	  { { 0, 0xbffda000 }, { 0x100000000, 0x140026000 } } },
};

/* The page as KEV32 has it, by its fields */
static void expected_page(const struct boot_case *c, uint32_t *page)
{
	uint32_t n = 0, *at = page + 6;

	memset(page, 0, KT_PAGE);
	for (; n < MAX_RUNS && c->runs[n].end; n++, at += 6) {
		uint64_t length = c->runs[n].end - c->runs[n].base;

		memcpy(at, &c->runs[n].base, 8);
		memcpy(at + 2, &length, 8);
		at[4] = 1;
	}
	/* The memory map, and the end tag */
	page[2] = 6;
	page[3] = 16 + 24 * n;
	page[4] = 24;
	at[1] = 8;
	page[0] = 8 + page[3] + 8;
}

TEST(boot_information)
{
	uint32_t expected[KT_PAGE / 4], page[KT_PAGE / 4];
	struct kev_query query = { .size = sizeof(query) };
	int device = kt_open();

	ASSERT_EQ(0, kt_ioctl(device, KEV_QUERY, &query));
	close(device);
	if (!(query.features & KEV_FEATURE_UNRESTRICTED_GUEST))
		SKIP(return, "no unrestricted guest");
	for (size_t i = 0; i < ARRAY_SIZE(boot_cases); i++) {
		const struct boot_case *c = &boot_cases[i];
		int kev = kt_open(), vm = kt_create_vm(kev, 0, NULL), fd;
		struct kt_elf elf;
		char code = 0;

		ASSERT_LE(0, vm);
		kt_elf_init(&elf, 1);
		elf.phdr[0].p_memsz = KT_PAGE;
		elf.phdr[1] = elf.phdr[0];
		elf.ehdr.e_phnum = c->image[1] ? 2 : 1;
		for (int s = 0; s < elf.ehdr.e_phnum; s++) {
			elf.phdr[s].p_paddr = c->image[s];
			elf.phdr[s].p_vaddr = c->image[s];
		}
		fd = kt_elf_file(&elf, &code, 1);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, kt_attach(vm, fd, KEV_BOOT_KEV32, c->ram_kib)) {
			TH_LOG("%s", c->name);
		}
		expected_page(c, expected);
		ASSERT_EQ(KT_PAGE, kt_read_guest(vm, 0, page, KT_PAGE));
		for (size_t word = 0; word < ARRAY_SIZE(page); word++) {
			EXPECT_EQ(expected[word], page[word]) {
				TH_LOG("%s: offset %#zx", c->name, word * 4);
			}
		}
		close(fd);
		close(vm);
		close(kev);
	}
}

TEST_HARNESS_MAIN
