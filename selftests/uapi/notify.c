// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_REGION_NOTIFY: memory that its owner fills when the guest first touches it, as for
 * a guest that is restored while it runs. Guards that each page is asked for once,
 * whoever touches it, that the guest never goes on before the page is there, and that it
 * finds what the owner has put there.
 */
#include "kselftest_harness.h"

#include <sys/mman.h>

#include "kevtest.h"

#define R	KEV_MEM_READ
#define W	KEV_MEM_WRITE
#define X	KEV_MEM_EXEC

#define GPA	0x200000UL
#define PAGES	8
#define LENGTH	(PAGES * KT_PAGE)

KT_CODE(reads, "movzbl 0x200010, %edi\n" KT_HALT);
KT_CODE(writes, "movb $7, 0x200010\n movzbl 0x200011, %edi\n" KT_HALT);
KT_CODE(jumps, "mov $0x200010, %eax\n jmp *%rax\n");
/* What it finds there */
KT_CODE(lands, "mov $0x66, %edi\n" KT_HALT);

/* The ways in which a page can be filled; the byte at offset 0x10 is to be 0x66. */
static int fill_page(int vm, const uint8_t *bytes)
{
	return kt_write_guest(vm, GPA, bytes, KT_PAGE) == KT_PAGE ? 0 : -1;
}

static int fill_part(int vm, const uint8_t *bytes)
{
	return kt_write_guest(vm, GPA + 0x10, bytes + 0x10, 64) == 64 ? 0 : -1;
}

static int fill_mapping(int vm, const uint8_t *bytes)
{
	uint8_t *at = kt_map_memory(vm, GPA, KT_PAGE);

	if (!at)
		return -1;
	memcpy(at, bytes, KT_PAGE);
	munmap(at, KT_PAGE);
	return 0;
}

static const struct {
	const char *name;
	int (*fill)(int vm, const uint8_t *bytes);
} fills[] = {
	{ "a page by a call", fill_page },
	{ "a part by a call", fill_part },
	{ "by a mapping", fill_mapping },
};

static const struct {
	const char *name;
	const struct kt_code *code;
	uint32_t access;
	uint64_t exit_code;
} touches[] = {
	{ "read", &reads, R, 0x66 },
	{ "write", &writes, W, 0x67 },
	{ "execute", &jumps, X, 0x66 },
};

FIXTURE(notify) {
	struct kt_guest guest;
};

FIXTURE_SETUP(notify)
{
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
}

FIXTURE_TEARDOWN(notify)
{
	kt_guest_fini(&self->guest);
}

static void init_guest(struct __test_metadata *_metadata, struct kt_guest *guest,
		       const struct kt_code *code)
{
	ASSERT_EQ(0, kt_guest_init(guest, code, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest->vm, KEV_REGION_NOTIFY, KT_RWX, GPA, LENGTH));
}

static void expect_asked(struct __test_metadata *_metadata, const struct kt_guest *guest,
			 uint64_t gpa, uint32_t access)
{
	const struct kev_run *run = guest->run;

	EXPECT_EQ(KEV_EXIT_MEMORY, run->kind);
	EXPECT_EQ(KEV_RUN_RETRY | KEV_RUN_BACKED, run->flags);
	EXPECT_EQ(gpa, run->memory.gpa);
	EXPECT_EQ(access, run->memory.access & access);
	EXPECT_EQ(KEV_REGION_NOTIFY, run->memory.kind);
	EXPECT_EQ(KT_RWX, run->memory.prot);
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(guest->vm, gpa));
}

TEST_F(notify, asked_and_filled)
{
	uint8_t bytes[KT_PAGE] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(touches); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(fills); j++) {
			int failed = !_metadata->passed;

			bytes[0x10] = 0x66;
			bytes[0x11] = 0x67;
			if (touches[i].access == X)
				memcpy(bytes + 0x10, lands.start, lands.end - lands.start);
			init_guest(_metadata, &self->guest, touches[i].code);
			/* As often as it is tried */
			for (int n = 0; n < 3; n++) {
				ASSERT_EQ(0, kt_run(self->guest.vcpu));
				expect_asked(_metadata, &self->guest, GPA + 0x10,
					     touches[i].access);
			}
			ASSERT_EQ(0, fills[j].fill(self->guest.vm, bytes));
			ASSERT_EQ(0, kt_run(self->guest.vcpu));
			EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
			EXPECT_EQ(touches[i].exit_code, self->guest.run->exit_code);
			EXPECT_EQ(1, kt_read_guest(self->guest.vm, GPA + 0x10, bytes, 1));
			EXPECT_EQ(touches[i].access == W ? 7 : bytes[0x10], bytes[0]);
			if (!_metadata->passed && !failed)
				TH_LOG("%s, filled: %s", touches[i].name, fills[j].name);
			kt_guest_fini(&self->guest);
		}
	}
}

/* A page that was filled before is not asked for; what a part leaves is zero. */
TEST_F(notify, filled_before)
{
	uint8_t byte = 0x11;

	init_guest(_metadata, &self->guest, &reads);
	ASSERT_EQ(1, kt_write_guest(self->guest.vm, GPA, &byte, 1));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	EXPECT_EQ(0, self->guest.run->exit_code);
}

/* Its owner's look makes it a page of zeros; the translation alone does not. */
TEST_F(notify, looked_at)
{
	struct kev_translate args = { .size = sizeof(args), .address = GPA };
	uint8_t byte = 0x11;

	init_guest(_metadata, &self->guest, &reads);
	ASSERT_EQ(0, kt_ioctl(self->guest.vm, KEV_VM_TRANSLATE, &args));
	EXPECT_EQ(KEV_PAGE_LAZY, args.state);
	EXPECT_EQ(KEV_REGION_NOTIFY, args.kind);
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	expect_asked(_metadata, &self->guest, GPA + 0x10, R);
	/* A debugger's look makes no page of zeros: the guest still asks. */
	EXPECT_EQ(-EAGAIN, kt_read_guest(self->guest.vm, GPA, &byte, 1));
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(self->guest.vm, GPA));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	expect_asked(_metadata, &self->guest, GPA + 0x10, R);
	ASSERT_EQ(1, kt_write_guest(self->guest.vm, GPA, &byte, 1));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
}

/* Adds up a byte of each of 8 pages, 16 times, from the last one to the first. */
KT_CODE(sums, "xor %edi, %edi\n mov $16, %ecx\n"
	"1: mov $0x207000, %ebx\n"
	"2: movzbl 5(%rbx), %eax\n add %rax, %rdi\n"
	"sub $0x1000, %rbx\n cmp $0x200000, %rbx\n jae 2b\n"
	"loop 1b\n" KT_HALT);

/* A guest that is restored as it runs: each page is asked for once. */
TEST_F(notify, restored_page_by_page)
{
	unsigned int asked[PAGES] = { 0 };
	uint8_t bytes[KT_PAGE];
	uint64_t page;

	init_guest(_metadata, &self->guest, &sums);
	for (;;) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		if (self->guest.run->kind == KEV_EXIT_VM_EXITED)
			break;
		page = (self->guest.run->memory.gpa - GPA) / KT_PAGE;
		ASSERT_GT(PAGES, page);
		asked[page]++;
		memset(bytes, 1 << page, sizeof(bytes));
		ASSERT_EQ(KT_PAGE, kt_write_guest(self->guest.vm, GPA + page * KT_PAGE, bytes,
						  KT_PAGE));
	}
	EXPECT_EQ(16 * 255, self->guest.run->exit_code);
	for (int i = 0; i < PAGES; i++) {
		EXPECT_EQ(1, asked[i]);
	}
}

/* What is given back is asked for anew. */
TEST_F(notify, discarded)
{
	uint8_t byte = 0x22;

	init_guest(_metadata, &self->guest, &reads);
	ASSERT_EQ(1, kt_write_guest(self->guest.vm, GPA + 0x10, &byte, 1));
	ASSERT_EQ(0, kt_discard(self->guest.vm, GPA, LENGTH));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	expect_asked(_metadata, &self->guest, GPA + 0x10, R);
	byte = 0x23;
	ASSERT_EQ(1, kt_write_guest(self->guest.vm, GPA + 0x10, &byte, 1));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(0x23, self->guest.run->exit_code);
}

/* Whoever asks for a right that the region does not give need not wait for the page. */
TEST_F(notify, rights)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &writes, 0, NULL));
	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_NOTIFY, R, GPA, LENGTH));
	ASSERT_EQ(1, kt_write_guest(self->guest.vm, GPA, "", 1));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_MEMORY, self->guest.run->kind);
	EXPECT_EQ(KEV_REGION_NOTIFY, self->guest.run->memory.kind);
	EXPECT_EQ(R, self->guest.run->memory.prot);
	EXPECT_EQ(W, self->guest.run->memory.access & W);
}

/* Print, with a string from 3 bytes before the end of the first page into the third */
KT_CODE(prints, "mov $1, %eax\n mov $0x200ffd, %edi\n mov $4102, %esi\n vmcall\n"
	"mov %eax, %edi\n" KT_HALT);

/* The call waits for each page, and nothing is printed twice. */
TEST_F(notify, printed)
{
	uint8_t bytes[3 * KT_PAGE], text[2 * KT_PAGE];
	const uint64_t asked_at[] = { GPA + 0xffd, GPA + KT_PAGE, GPA + 2 * KT_PAGE };
	size_t length = 0;
	ssize_t n;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = 'a' + i % 23;
	init_guest(_metadata, &self->guest, &prints);
	for (size_t i = 0; i < ARRAY_SIZE(asked_at); i++) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		expect_asked(_metadata, &self->guest, asked_at[i], R);
		EXPECT_TRUE(self->guest.run->memory.gva_valid);
		EXPECT_EQ(asked_at[i], self->guest.run->memory.gva);
		/* Without the page it asks for it again. */
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		expect_asked(_metadata, &self->guest, asked_at[i], R);
		ASSERT_EQ(KT_PAGE, kt_write_guest(self->guest.vm, GPA + i * KT_PAGE,
						  bytes + i * KT_PAGE, KT_PAGE));
	}
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	/* RAX as it was: success */
	EXPECT_EQ(1, self->guest.run->exit_code);
	while ((n = read(self->guest.vm, text + length, sizeof(text) - length)) > 0)
		length += n;
	EXPECT_EQ(4102, length);
	EXPECT_EQ(0, memcmp(bytes + 0xffd, text, 4102));
}

/* The guest's own page tables: the CPU's walk asks for them. */
KT_CODE(ends, "mov $0x77, %edi\n" KT_HALT);

TEST_F(notify, page_tables)
{
	struct kev_vcpu_state state;
	uint8_t table[KT_PAGE];

	init_guest(_metadata, &self->guest, &ends);
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_CONTROLS, &state));
	ASSERT_EQ(KT_PAGE, kt_read_guest(self->guest.vm, state.controls.cr3, table, KT_PAGE));
	state.controls.cr3 = GPA;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_CONTROLS, &state));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_MEMORY, self->guest.run->kind);
	EXPECT_EQ(GPA, self->guest.run->memory.gpa & ~(KT_PAGE - 1));
	EXPECT_EQ(KEV_REGION_NOTIFY, self->guest.run->memory.kind);
	ASSERT_EQ(KT_PAGE, kt_write_guest(self->guest.vm, GPA, table, KT_PAGE));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	EXPECT_EQ(0x77, self->guest.run->exit_code);
}

/*
 * The same, where kev walks them for an instruction that the device or the port has kept the CPU
 * from walking them for: to 512 GiB + 0x80000.
 */
KT_CODE(moves, "mov $0x10000000, %esi\n movabs $0x8000080000, %rdi\n movsb\n"
	"movzbl 0x80000, %edi\n" KT_HALT);
KT_CODE(inputs, "mov $0x510, %edx\n movabs $0x8000080000, %rdi\n insb\n"
	"movzbl 0x80000, %edi\n" KT_HALT);

static const struct {
	const char *name;
	const struct kt_code *code;
	uint32_t kind;
} walks[] = {
	{ "movsb", &moves, KEV_EXIT_MMIO },
	{ "insb", &inputs, KEV_EXIT_IO },
};

static void answer(struct kev_run *run)
{
	if (run->kind == KEV_EXIT_MMIO)
		run->mmio.data = 0x5a;
	else
		run->data[0] = 0x5a;
}

TEST_F(notify, page_tables_of_an_operand)
{
	/* The entry for 512 GiB, and tables for a page of 2 MiB */
	const uint64_t entries[] = { GPA | 7, (GPA + KT_PAGE) | 7, 0x87 };
	struct kev_vcpu_state state;
	struct kev_run *run;

	/* Sooner than the harness, if nobody is asked and RUN does not return */
	alarm(5);
	for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
		init_guest(_metadata, &self->guest, walks[i].code);
		ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_TRAP, 0, 256 * KT_MIB,
					   KT_PAGE));
		run = self->guest.run;
		ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_CONTROLS, &state));
		ASSERT_EQ(8, kt_write_guest(self->guest.vm, state.controls.cr3 + 8, &entries[0],
					    8));
		for (int level = 0; level < 2; level++) {
			ASSERT_EQ(0, kt_run(self->guest.vcpu)) {
				TH_LOG("%s", walks[i].name);
			}
			expect_asked(_metadata, &self->guest, GPA + level * KT_PAGE, R);
			ASSERT_EQ(8, kt_write_guest(self->guest.vm, GPA + level * KT_PAGE,
						    &entries[level + 1], 8));
		}
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		ASSERT_EQ(walks[i].kind, run->kind);
		answer(run);
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, run->kind);
		EXPECT_EQ(0x5a, run->exit_code);
		kt_guest_fini(&self->guest);
	}
	alarm(0);
}

TEST_HARNESS_MAIN
