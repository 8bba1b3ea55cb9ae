// SPDX-License-Identifier: GPL-2.0
/*
 * The same load or store of a device again. Guards that what kev remembers of an instruction
 * counts only as long as the guest would find the same one: its bytes, the page tables that
 * lead to it and the memory that all of it lies in may change between two times.
 */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "kevtest.h"

#define DEVICE		0x200000UL
#define OTHER		0x400000UL	/* 2 MiB of RAM */
#define HUGE_PAGE	0x200000UL
#define ELSEWHERE	0x800000UL	/* pages that take the place of others in the host */
#define NR_ELSEWHERE	1024

#define STORED_EAX	1U
#define STORED_ECX	2U

/* mov %eax, (%rbx) and mov %ecx, (%rbx) differ in their second byte. */
#define INTO_ECX	0x0b

/*
 * Stores EAX, or what the instruction at label 1 has become, for ever. What has been cached
 * of the way to it is forgotten each time.
 */
#define STORES								\
	"mov $0x200000, %ebx\n mov $1, %eax\n mov $2, %ecx\n"		\
	"1: .byte 0x89, 0x03\n invlpg 1b(%rip)\n jmp 1b\n"

KT_CODE(stores, STORES);
/* The same in RAM of its own */
KT_CODE(stores_there, "mov $0x400000, %eax\n jmp *%rax\n");
/* With two page tables in turn */
KT_CODE(two_tables,
	"mov $0x200000, %ebx\n mov %cr3, %rdx\n mov $0x10000, %esi\n"
	"mov $1, %eax\n mov $2, %ecx\n"
	"1: .byte 0x89, 0x03\n mov %cr3, %rdi\n cmp %rdi, %rdx\n je 2f\n"
	"mov %rdx, %cr3\n jmp 1b\n 2: mov %rsi, %cr3\n jmp 1b\n");

/* 8 bytes of ones to the device, and one to a port, in turn */
KT_CODE(stores_and_out, "mov $0x200000, %ebx\n mov $-1, %rax\n"
	"1: mov %rax, (%rbx)\n out %al, $0x80\n jmp 1b\n");

/* Where label 1 is in the code */
static uint64_t store_at(const struct kt_code *code)
{
	const char *at = memmem(code->start, code->end - code->start, "\x89\x03", 2);

	return at - code->start;
}

static void again_init(struct __test_metadata *_metadata, struct kt_guest *guest,
		       const struct kt_code *code)
{
	ASSERT_EQ(0, kt_guest_init(guest, code, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest->vm, KEV_REGION_TRAP, 0, DEVICE, KT_PAGE));
	ASSERT_EQ(0, kt_add_ram(guest->vm, OTHER, HUGE_PAGE));
}

static void expect_stores(struct __test_metadata *_metadata, struct kt_guest *guest,
			  uint32_t value, int times)
{
	for (int i = 0; i < times; i++) {
		ASSERT_EQ(0, kt_run(guest->vcpu));
		ASSERT_EQ(KEV_EXIT_MMIO, guest->run->kind);
		EXPECT_EQ(DEVICE, guest->run->mmio.gpa);
		EXPECT_EQ(value, guest->run->mmio.data);
	}
}

static void copy_code(struct __test_metadata *_metadata, struct kt_guest *guest, uint64_t gpa,
		      const struct kt_code *code, uint8_t operands)
{
	uint8_t bytes[256];
	size_t size = code->end - code->start;

	memcpy(bytes, code->start, size);
	bytes[store_at(code) + 1] = operands;
	ASSERT_EQ((long)size, kt_write_guest(guest->vm, gpa, bytes, size));
}

TEST(other_bytes)
{
	const uint8_t operands = INTO_ECX;
	struct kt_guest guest;

	again_init(_metadata, &guest, &stores);
	expect_stores(_metadata, &guest, STORED_EAX, 3);
	ASSERT_EQ(1, kt_write_guest(guest.vm, KT_CODE_GPA + store_at(&stores) + 1, &operands, 1));
	expect_stores(_metadata, &guest, STORED_ECX, 3);
	kt_guest_fini(&guest);
}

/* The entry of a level of page tables that leads to an address */
static uint64_t entry_gpa(struct __test_metadata *_metadata, int vm, uint64_t table, int level,
			  uint64_t address)
{
	uint64_t entry = 0, at;

	for (int l = 4; ; l--) {
		at = (table & ~0xfffUL) + 8 * (address >> (12 + 9 * (l - 1)) & 0x1ff);
		if (l == level)
			return at;
		EXPECT_EQ(8, kt_read_guest(vm, at, &entry, 8));
		table = entry & 0xffffffffff000;
	}
}

/* The page of 2 MiB with the code leads elsewhere, where the code is another. */
TEST(other_page)
{
	uint64_t at, entry, flags;
	struct kt_guest guest;

	again_init(_metadata, &guest, &stores);
	expect_stores(_metadata, &guest, STORED_EAX, 3);
	copy_code(_metadata, &guest, OTHER + KT_CODE_GPA, &stores, INTO_ECX);
	at = entry_gpa(_metadata, guest.vm, guest.run->cr3, 2, KT_CODE_GPA);
	ASSERT_EQ(8, kt_read_guest(guest.vm, at, &entry, 8));
	flags = entry & 0xfff;
	ASSERT_TRUE(flags & 0x80);
	entry = OTHER | flags;
	ASSERT_EQ(8, kt_write_guest(guest.vm, at, &entry, 8));
	expect_stores(_metadata, &guest, STORED_ECX, 3);
	entry = flags;
	ASSERT_EQ(8, kt_write_guest(guest.vm, at, &entry, 8));
	expect_stores(_metadata, &guest, STORED_EAX, 3);
	kt_guest_fini(&guest);
}

/* A page table that is reached by another one of the same bytes */
TEST(other_table)
{
	uint64_t at, entry, table[KT_PAGE / 8];
	struct kt_guest guest;

	again_init(_metadata, &guest, &stores);
	expect_stores(_metadata, &guest, STORED_EAX, 3);
	copy_code(_metadata, &guest, OTHER + KT_CODE_GPA, &stores, INTO_ECX);
	at = entry_gpa(_metadata, guest.vm, guest.run->cr3, 3, KT_CODE_GPA);
	ASSERT_EQ(8, kt_read_guest(guest.vm, at, &entry, 8));
	ASSERT_EQ((long)KT_PAGE,
		  kt_read_guest(guest.vm, entry & 0xffffffffff000, table, KT_PAGE));
	table[0] = OTHER | (table[0] & 0xfff);
	ASSERT_EQ((long)KT_PAGE, kt_write_guest(guest.vm, OTHER, table, KT_PAGE));
	entry = OTHER | (entry & 0xfff);
	ASSERT_EQ(8, kt_write_guest(guest.vm, at, &entry, 8));
	expect_stores(_metadata, &guest, STORED_ECX, 3);
	kt_guest_fini(&guest);
}

/* Two address spaces with another code at the same address */
TEST(other_root)
{
	uint64_t cr3, entry, table[3][KT_PAGE / 8];
	struct kt_guest guest;

	again_init(_metadata, &guest, &two_tables);
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_MMIO, guest.run->kind);
	cr3 = guest.run->cr3 & ~0xfffUL;
	copy_code(_metadata, &guest, OTHER + KT_CODE_GPA, &two_tables, INTO_ECX);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ((long)KT_PAGE, kt_read_guest(guest.vm, cr3, table[i], KT_PAGE));
		cr3 = table[i][0] & 0xffffffffff000;
	}
	for (int i = 0; i < 3; i++) {
		entry = i < 2 ? 0x11000 + i * KT_PAGE : OTHER;
		table[i][0] = entry | (table[i][0] & 0xfff);
		ASSERT_EQ((long)KT_PAGE, kt_write_guest(guest.vm, 0x10000 + i * KT_PAGE, table[i],
							KT_PAGE));
	}
	for (int i = 0; i < 4; i++) {
		expect_stores(_metadata, &guest, STORED_ECX, 1);
		expect_stores(_metadata, &guest, STORED_EAX, 1);
	}
	kt_guest_fini(&guest);
}

/* The host's pages that had this code until now have it again, at another address. */
static void reuse(struct __test_metadata *_metadata, struct kt_guest *guest, uint8_t operands)
{
	for (int i = 0; i < NR_ELSEWHERE; i++)
		copy_code(_metadata, guest, ELSEWHERE + i * KT_PAGE, &stores, operands);
}

/* The memory with the code is taken away, and other memory is there. */
TEST(other_memory)
{
	struct kt_guest guest;

	again_init(_metadata, &guest, &stores_there);
	copy_code(_metadata, &guest, OTHER, &stores, 0x03);
	expect_stores(_metadata, &guest, STORED_EAX, 3);
	ASSERT_EQ(0, kt_remove_region(guest.vm, OTHER, HUGE_PAGE));
	ASSERT_EQ(0, kt_add_ram(guest.vm, ELSEWHERE, NR_ELSEWHERE * KT_PAGE));
	reuse(_metadata, &guest, 0x03);
	ASSERT_EQ(0, kt_add_ram(guest.vm, OTHER, HUGE_PAGE));
	copy_code(_metadata, &guest, OTHER, &stores, INTO_ECX);
	expect_stores(_metadata, &guest, STORED_ECX, 3);
	ASSERT_EQ(0, kt_discard(guest.vm, ELSEWHERE, NR_ELSEWHERE * KT_PAGE));
	ASSERT_EQ(0, kt_discard(guest.vm, OTHER, HUGE_PAGE));
	reuse(_metadata, &guest, INTO_ECX);
	copy_code(_metadata, &guest, OTHER, &stores, 0x03);
	expect_stores(_metadata, &guest, STORED_EAX, 3);
	kt_guest_fini(&guest);
}

/* What was a device is memory, and then nothing. */
TEST(other_region)
{
	struct kt_guest guest;
	uint32_t value = 0;

	again_init(_metadata, &guest, &stores);
	expect_stores(_metadata, &guest, STORED_EAX, 3);
	ASSERT_EQ(0, kt_remove_region(guest.vm, DEVICE, KT_PAGE));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, guest.run->kind);
	EXPECT_EQ(DEVICE, guest.run->memory.gpa);
	EXPECT_EQ(0, guest.run->memory.kind);
	ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_READ_TRAP, KEV_MEM_READ, DEVICE, KT_PAGE));
	expect_stores(_metadata, &guest, STORED_EAX, 3);
	EXPECT_EQ(4, kt_read_guest(guest.vm, DEVICE, &value, 4));
	EXPECT_EQ(0, value);
	kt_guest_fini(&guest);
}

/* New registers, and the store comes again from its start. */
TEST(set_state)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;

	again_init(_metadata, &guest, &stores);
	expect_stores(_metadata, &guest, STORED_EAX, 2);
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
	EXPECT_EQ(guest.run->rip, state.gprs.rip);
	state.gprs.gpr[KEV_RAX] = 7;
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_GPRS, &state));
	expect_stores(_metadata, &guest, 7, 3);
	kt_guest_fini(&guest);
}

/* A RUN that is called off has completed the store that was answered. */
TEST(immediate_exit)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;
	uint64_t rip;

	again_init(_metadata, &guest, &stores);
	expect_stores(_metadata, &guest, STORED_EAX, 3);
	rip = guest.run->rip;
	guest.run->request = KEV_RUN_IMMEDIATE_EXIT;
	EXPECT_EQ(-EINTR, kt_run(guest.vcpu));
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
	EXPECT_EQ(rip + 2, state.gprs.rip);
	guest.run->request = 0;
	expect_stores(_metadata, &guest, STORED_EAX, 1);
	kt_guest_fini(&guest);
}

/* ---- doorbells ---- */

#define RINGS	5

KT_CODE(rings,
	"mov $0x200000, %ebx\n mov $5, %ecx\n xor %edi, %edi\n"
	"1: mov %ecx, (%rbx)\n dec %ecx\n jnz 1b\n" KT_HALT);

TEST(doorbell)
{
	struct kev_doorbell bell = {
		.size = sizeof(bell),
		.address = DEVICE,
		.width = 4,
	};
	struct kt_guest guest;
	uint64_t count = 0;

	again_init(_metadata, &guest, &rings);
	bell.fd = eventfd(0, EFD_NONBLOCK);
	ASSERT_LE(0, (int)bell.fd);
	ASSERT_EQ(0, kt_ioctl(guest.vm, KEV_VM_DOORBELL, &bell));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(8, read(bell.fd, &count, 8));
	EXPECT_EQ(RINGS, count);
	close(bell.fd);
	kt_guest_fini(&guest);
}

/* Each report has what is its own, and zeros behind it. */
TEST(frame)
{
	const uint8_t zeros[sizeof(((struct kev_run *)0)->padding)] = { 0 };
	struct kt_guest guest;

	again_init(_metadata, &guest, &stores_and_out);
	for (int i = 0; i < 4; i++) {
		const struct kev_run *run = guest.run;

		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_MMIO, run->kind);
		EXPECT_EQ(~0UL, run->mmio.data);
		EXPECT_EQ(8, run->mmio.width);
		EXPECT_EQ(0, memcmp(&run->mmio + 1, zeros, sizeof(zeros) - sizeof(run->mmio)));
		EXPECT_EQ(DEVICE, run->guest_physical);
		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_IO, run->kind);
		EXPECT_EQ(0xff, run->io.data);
		EXPECT_EQ(0, run->io.flags);
		EXPECT_EQ(0, memcmp(&run->io + 1, zeros, sizeof(zeros) - sizeof(run->io)));
		EXPECT_EQ(0, run->guest_physical);
	}
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
