// SPDX-License-Identifier: GPL-2.0
/* Does pager_fault() give a guest more memory than is there? */
#include "kselftest_harness.h"

#include "kevtest.h"
#include "pager.h"

#define GPA		0x400000UL
#define NR(x)		#x
#define TEXT(x)		NR(x)

/* RBX: the sum of the first 8 bytes of all pages, of which each becomes one more; twice */
KT_CODE(walks,
	"xor %ebx, %ebx\n mov $2, %edx\n"
	"2: mov $0x400000, %rdi\n mov $" TEXT(PAGER_PAGES) ", %ecx\n"
	"1: add (%rdi), %rbx\n incq (%rdi)\n add $4096, %rdi\n loop 1b\n"
	"dec %edx\n jnz 2b\n"
	"mov $99, %eax\n vmcall\n");

/* The last byte of a page, and the first of the next */
KT_CODE(crosses, "mov 0x400fff, %bx\n mov $99, %eax\n vmcall\n");

/* As many pages as may be there, again and again */
KT_CODE(stays,
	"mov $100, %edx\n"
	"2: mov $0x400000, %rdi\n mov $" TEXT(PAGER_FRAMES) ", %ecx\n"
	"1: incq (%rdi)\n add $4096, %rdi\n loop 1b\n"
	"dec %edx\n jnz 2b\n"
	"mov $99, %eax\n vmcall\n");

static uint8_t store[PAGER_PAGES][PAGER_PAGE];

FIXTURE(pager) {
	struct kt_guest guest;
	struct pager pager;
	unsigned int faults;
};

FIXTURE_SETUP(pager)
{
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
	for (unsigned int i = 0; i < PAGER_PAGES; i++) {
		memset(store[i], 0, PAGER_PAGE);
		store[i][0] = i;
		store[i][PAGER_PAGE - 1] = 0x80 + i;
	}
}

FIXTURE_TEARDOWN(pager)
{
	kt_guest_fini(&self->guest);
}

/* Run @code, with pager_fault() for each touch, until it makes call 99 */
#define RUN(code) do {							\
	const struct kev_run *run;					\
	struct kev_query_memory query;					\
									\
	ASSERT_EQ(0, kt_guest_init(&self->guest, &(code), 0, "report"));	\
	run = self->guest.run;						\
	self->pager = (struct pager) {					\
		.vm = self->guest.vm, .gpa = GPA, .store = store,	\
	};								\
	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_NOTIFY, KT_RWX, GPA,	\
				   PAGER_PAGES * PAGER_PAGE));		\
	while (1) {							\
		ASSERT_EQ(0, kt_run(self->guest.vcpu));			\
		if (run->kind == KEV_EXIT_HYPERCALL)			\
			break;						\
		ASSERT_EQ(KEV_EXIT_MEMORY, run->kind);			\
		ASSERT_EQ(KEV_REGION_NOTIFY, run->memory.kind);		\
		ASSERT_GT(1000, self->faults++);			\
		ASSERT_EQ(0, pager_fault(&self->pager, run->memory.gpa));	\
		ASSERT_EQ(0, kt_query_memory(self->guest.vm, GPA, &query));	\
		EXPECT_GE(PAGER_FRAMES, query.resident);		\
	}								\
} while (0)

TEST_F(pager, all_pages_twice)
{
	unsigned int once = PAGER_PAGES * (PAGER_PAGES - 1) / 2;
	uint64_t ends = 0;

	RUN(walks);
	/* The bytes at the ends of pages are of no other page's. */
	for (unsigned int i = 0; i < PAGER_PAGES; i++)
		ends += store[i][PAGER_PAGE - 1] == 0x80 + i;
	EXPECT_EQ(PAGER_PAGES, ends);
	/* The second time each is one more. */
	EXPECT_EQ(2 * once + PAGER_PAGES, self->guest.run->gpr[KEV_RBX]);
	/* FIFO with fewer frames than pages: each touch is a fault. */
	EXPECT_EQ(2 * PAGER_PAGES, self->faults);
}

TEST_F(pager, two_pages_in_one_access)
{
	RUN(crosses);
	EXPECT_EQ(0x0180, self->guest.run->gpr[KEV_RBX] & 0xffff);
	EXPECT_EQ(2, self->faults);
}

TEST_F(pager, no_fault_without_need)
{
	RUN(stays);
	EXPECT_EQ(PAGER_FRAMES, self->faults);
}

TEST_HARNESS_MAIN
