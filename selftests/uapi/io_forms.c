// SPDX-License-Identifier: GPL-2.0
/*
 * Port I/O in all of its forms. Guards that user space sees port, width, count and values
 * whatever the guest has written: strings up and down, repeated, with other segments and
 * address sizes, across pages; and that faults of their memory come before the port sees
 * anything.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

#define PORT		0x1f0
#define BUFFER		0x80000UL
#define DEVICE		0x200000UL

/*
 * RSI and RDI are the buffer, which holds 0, 1, 2 and so on; RDX is the port with dirt
 * above. Ends with RAX for the code.
 */
#define IO_CODE(name, text)							\
	KT_CODE(name,								\
		"mov $0x80000, %edi\n xor %eax, %eax\n mov $0x2000, %ecx\n"	\
		"1: mov %al, (%rdi)\n inc %rdi\n inc %eax\n loop 1b\n"		\
		"mov $0x80000, %esi\n mov $0x80000, %edi\n"			\
		"mov $0xffffffffffff01f0, %rdx\n"				\
		"mov $0x1122334455667788, %rax\n"				\
		text "\n mov %rax, %rdi\n" KT_HALT)

/* The registers of a string, as one number */
#define MOVED "\n lea (%rsi,%rdi), %rax\n shl $16, %rax\n add %rcx, %rax"

IO_CODE(out_imm_8, "out %al, $0x70");
IO_CODE(out_imm_16, "out %ax, $0x70");
IO_CODE(out_imm_32, "out %eax, $0x70");
IO_CODE(out_8, "out %al, %dx");
IO_CODE(out_16, "out %ax, %dx");
IO_CODE(out_32, "out %eax, %dx");
IO_CODE(in_imm_8, "in $0x70, %al");
IO_CODE(in_imm_16, "in $0x70, %ax");
IO_CODE(in_imm_32, "in $0x70, %eax");
IO_CODE(in_8, "in %dx, %al");
IO_CODE(in_16, "in %dx, %ax");
IO_CODE(in_32, "in %dx, %eax");
IO_CODE(outs_8, "outsb" MOVED);
IO_CODE(outs_16, "outsw" MOVED);
IO_CODE(outs_32, "outsl" MOVED);
IO_CODE(ins_8, "insb\n mov 0x80000, %eax");
IO_CODE(ins_16, "insw\n mov 0x80000, %eax");
IO_CODE(ins_32, "insl\n mov 0x80000, %eax");
IO_CODE(ins_moves, "insl" MOVED);
IO_CODE(rep_outs, "mov $5, %ecx\n rep outsb" MOVED);
IO_CODE(rep_outs_none, "xor %ecx, %ecx\n rep outsb" MOVED);
IO_CODE(rep_outs_down, "std\n add $8, %rsi\n mov $3, %ecx\n rep outsw\n cld" MOVED);
IO_CODE(rep_ins, "mov $6, %ecx\n rep insb\n mov 0x80000, %rax");
IO_CODE(rep_ins_down, "std\n add $4, %rdi\n mov $2, %ecx\n rep insw\n cld\n mov 0x80000, %rax");
IO_CODE(rep_ins_moves, "mov $6, %ecx\n rep insw" MOVED);
IO_CODE(outs_fs, "mov $0xc0000100, %ecx\n mov $0x10, %eax\n xor %edx, %edx\n wrmsr\n"
	"mov $0x1f0, %edx\n outsb %fs:(%rsi), (%dx)" MOVED);
IO_CODE(outs_addr32, "mov $0xff00000000, %rax\n or %rax, %rsi\n mov $0x700000002, %rcx\n"
	"addr32 rep outsb" MOVED);
IO_CODE(outs_across, "add $0xfff, %rsi\n outsl" MOVED);
IO_CODE(ins_across, "add $0xffe, %rdi\n insl\n mov 0x80ffe, %eax");
IO_CODE(rep_across, "add $0xffe, %rsi\n mov $2, %ecx\n rep outsw" MOVED);
IO_CODE(outs_lock_step, "mov $3, %ecx\n rep outsl" MOVED);

#define RAX_BEFORE	0x1122334455667788ULL
#define MOVED_BY(by, rcx)	((2 * BUFFER + (by)) << 16 | (rcx))

static const struct io {
	const char *name;
	const struct kt_code *code;
	uint16_t port;
	uint8_t direction, width;
	uint32_t count;			/* 0: nothing is reported */
	bool string;
	uint8_t values[16];		/* out: expected; in: the answer */
	uint64_t exit_code;
} ios[] = {
	{ "out %al, $imm", &out_imm_8, 0x70, KEV_IO_OUT, 1, 1, false, { 0x88 }, RAX_BEFORE },
	{ "out %ax, $imm", &out_imm_16, 0x70, KEV_IO_OUT, 2, 1, false, { 0x88, 0x77 },
	  RAX_BEFORE },
	{ "out %eax, $imm", &out_imm_32, 0x70, KEV_IO_OUT, 4, 1, false,
	  { 0x88, 0x77, 0x66, 0x55 }, RAX_BEFORE },
	{ "out %al, %dx", &out_8, PORT, KEV_IO_OUT, 1, 1, false, { 0x88 }, RAX_BEFORE },
	{ "out %ax, %dx", &out_16, PORT, KEV_IO_OUT, 2, 1, false, { 0x88, 0x77 }, RAX_BEFORE },
	{ "out %eax, %dx", &out_32, PORT, KEV_IO_OUT, 4, 1, false, { 0x88, 0x77, 0x66, 0x55 },
	  RAX_BEFORE },
	{ "in $imm, %al", &in_imm_8, 0x70, KEV_IO_IN, 1, 1, false, { 1, 2, 3, 4 },
	  0x1122334455667701 },
	{ "in $imm, %ax", &in_imm_16, 0x70, KEV_IO_IN, 2, 1, false, { 1, 2, 3, 4 },
	  0x1122334455660201 },
	{ "in $imm, %eax", &in_imm_32, 0x70, KEV_IO_IN, 4, 1, false, { 1, 2, 3, 4 }, 0x04030201 },
	{ "in %dx, %al", &in_8, PORT, KEV_IO_IN, 1, 1, false, { 1, 2, 3, 4 },
	  0x1122334455667701 },
	{ "in %dx, %ax", &in_16, PORT, KEV_IO_IN, 2, 1, false, { 1, 2, 3, 4 },
	  0x1122334455660201 },
	{ "in %dx, %eax", &in_32, PORT, KEV_IO_IN, 4, 1, false, { 1, 2, 3, 4 }, 0x04030201 },
	{ "outsb", &outs_8, PORT, KEV_IO_OUT, 1, 1, true, { 0 }, MOVED_BY(1, 0) },
	{ "outsw", &outs_16, PORT, KEV_IO_OUT, 2, 1, true, { 0, 1 }, MOVED_BY(2, 0) },
	{ "outsl", &outs_32, PORT, KEV_IO_OUT, 4, 1, true, { 0, 1, 2, 3 }, MOVED_BY(4, 0) },
	{ "insb", &ins_8, PORT, KEV_IO_IN, 1, 1, true, { 9, 9, 9, 9 }, 0x03020109 },
	{ "insw", &ins_16, PORT, KEV_IO_IN, 2, 1, true, { 9, 8, 9, 9 }, 0x03020809 },
	{ "insl", &ins_32, PORT, KEV_IO_IN, 4, 1, true, { 9, 8, 7, 6 }, 0x06070809 },
	{ "insl, registers", &ins_moves, PORT, KEV_IO_IN, 4, 1, true, { 0 }, MOVED_BY(4, 0) },
	{ "rep outsb", &rep_outs, PORT, KEV_IO_OUT, 1, 5, true, { 0, 1, 2, 3, 4 },
	  MOVED_BY(5, 0) },
	{ "rep outsb, 0 times", &rep_outs_none, .count = 0, .exit_code = MOVED_BY(0, 0) },
	{ "rep outsw, down", &rep_outs_down, PORT, KEV_IO_OUT, 2, 3, true, { 8, 9, 6, 7, 4, 5 },
	  MOVED_BY(2, 0) },
	{ "rep insb", &rep_ins, PORT, KEV_IO_IN, 1, 6, true, { 9, 8, 7, 6, 5, 4, 3, 2 },
	  0x0706040506070809 },
	{ "rep insw, down", &rep_ins_down, PORT, KEV_IO_IN, 2, 2, true, { 9, 8, 7, 6 },
	  0x0706080906070100 },
	{ "rep insw, registers", &rep_ins_moves, PORT, KEV_IO_IN, 2, 6, true, { 0 },
	  MOVED_BY(12, 0) },
	{ "outsb %fs:", &outs_fs, PORT, KEV_IO_OUT, 1, 1, true, { 0x10 },
	  MOVED_BY(1, 0) + 0xc0000100 },
	{ "rep outsb by 32 bits", &outs_addr32, PORT, KEV_IO_OUT, 1, 2, true, { 0, 1 },
	  MOVED_BY(2, 0) },
	{ "outsl across pages", &outs_across, PORT, KEV_IO_OUT, 4, 1, true,
	  { 0xff, 0, 1, 2 }, MOVED_BY(0x1003, 0) },
	{ "insl across pages", &ins_across, PORT, KEV_IO_IN, 4, 1, true, { 1, 2, 3, 4 },
	  0x04030201 },
	{ "rep outsw from two pages", &rep_across, PORT, KEV_IO_OUT, 2, 2, true,
	  { 0xfe, 0xff, 0, 1 }, MOVED_BY(0x1002, 0) },
	{ "rep outsl", &outs_lock_step, PORT, KEV_IO_OUT, 4, 3, true,
	  { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }, MOVED_BY(12, 0) },
};

/* RUN, and the report that @io expects, which is answered; false: another one */
static bool expect_io(struct __test_metadata *_metadata, struct kt_guest *guest,
		      const struct io *io)
{
	struct kev_run *run = guest->run;
	const uint8_t *values = io->string ? run->data : (uint8_t *)&run->io.data;
	size_t size = io->string ? io->count * io->width : sizeof(run->io.data);

	EXPECT_EQ(0, kt_run(guest->vcpu));
	EXPECT_EQ(KEV_EXIT_IO, run->kind);
	if (run->kind != KEV_EXIT_IO)
		return false;
	EXPECT_EQ(io->port, run->io.port);
	EXPECT_EQ(io->direction, run->io.direction);
	EXPECT_EQ(io->width, run->io.width);
	EXPECT_EQ(io->count, run->io.count);
	EXPECT_EQ(io->string ? KEV_IO_STRING : 0, run->io.flags);
	EXPECT_EQ(0, run->flags);
	if (io->direction == KEV_IO_OUT) {
		EXPECT_EQ(0, memcmp(values, io->values, size));
		memset(run->data, 0x5a, sizeof(run->data));
	} else {
		memcpy((void *)values, io->values, size);
	}
	return true;
}

static void check_io(struct __test_metadata *_metadata, const struct io *io)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, io->code, 0, NULL));
	if (!io->count || expect_io(_metadata, &guest, io)) {
		EXPECT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
		EXPECT_EQ(io->exit_code, guest.run->exit_code) {
			TH_LOG("%#llx", guest.run->exit_code);
		}
	}
	kt_guest_fini(&guest);
}

TEST(forms)
{
	for (size_t i = 0; i < ARRAY_SIZE(ios); i++) {
		int passed = _metadata->passed;

		check_io(_metadata, &ios[i]);
		if (passed && !_metadata->passed)
			TH_LOG("%s", ios[i].name);
	}
}

/* ---- more than a report holds ---- */

IO_CODE(long_outs, "mov $3000, %ecx\n long_outs_at: rep outsb" MOVED);
extern const char long_outs_at[];
IO_CODE(long_ins, "mov $700, %ecx\n rep insl\n mov 0x80000 + 699 * 4, %eax");

TEST(chunks)
{
	static const uint32_t counts[] = { 1024, 1024, 952 };
	uint32_t done = 0, wrong = 0;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &long_outs, 0, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_IO, guest.run->kind);
		EXPECT_EQ(counts[i], guest.run->io.count);
		/* Registers say how far it has come. */
		EXPECT_EQ(3000 - done, guest.run->gpr[KEV_RCX]);
		EXPECT_EQ(BUFFER + done, guest.run->gpr[KEV_RSI]);
		for (uint32_t n = 0; n < guest.run->io.count; n++)
			wrong += guest.run->data[n] != (uint8_t)done++;
		/* Nothing of the last report behind this one */
		for (uint32_t n = guest.run->io.count; n < KEV_RUN_DATA; n++)
			wrong += guest.run->data[n] != 0;
	}
	EXPECT_EQ(0, wrong);
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(MOVED_BY(3000, 0), guest.run->exit_code);
	kt_guest_fini(&guest);
}

static bool has_data(const struct kev_run *run)
{
	for (uint32_t n = 0; n < KEV_RUN_DATA; n++)
		if (run->data[n])
			return true;
	return false;
}

IO_CODE(outs_and_out, "mov $16, %ecx\n rep outsb\n out %al, $0x81\n mov $16, %ecx\n rep outsb\n"
	"outs_and_out_behind: out %al, $0x81" MOVED);
extern const char outs_and_out_behind[];

/* A report behind it has none of its values, be it answered or given up. */
TEST(values_of_one_report)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &outs_and_out, 0, NULL));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_IO, guest.run->kind);
		ASSERT_EQ(16, guest.run->io.count);
		EXPECT_TRUE(has_data(guest.run));
		if (i) {
			ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
			state.gprs.rip = KT_CODE_GPA + (outs_and_out_behind - outs_and_out.start);
			ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_GPRS, &state));
		}
		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_IO, guest.run->kind);
		ASSERT_EQ(1, guest.run->io.count);
		EXPECT_FALSE(has_data(guest.run));
	}
	kt_guest_fini(&guest);
}

/* It is met once, however many reports the instruction takes. */
TEST(breakpoint_at_chunks)
{
	struct kev_vcpu_debug debug = {
		.size = sizeof(debug),
		.flags = KEV_DEBUG_HARDWARE,
		.dr = { KT_CODE_GPA + (long_outs_at - long_outs.start) },
		.dr7 = 1,	/* L0: of its execution */
	};
	struct kt_guest guest;
	int reports = 0;

	ASSERT_EQ(0, kt_guest_init(&guest, &long_outs, 0, NULL));
	ASSERT_EQ(0, kt_ioctl(guest.vcpu, KEV_VCPU_SET_DEBUG, &debug));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_DEBUG, guest.run->kind);
	EXPECT_EQ(debug.dr[0], guest.run->rip);
	do {
		ASSERT_EQ(0, kt_run(guest.vcpu));
	} while (guest.run->kind == KEV_EXIT_IO && ++reports < 4);
	EXPECT_EQ(3, reports);
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	kt_guest_fini(&guest);
}

TEST(chunks_in)
{
	uint32_t done = 0, value;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &long_ins, 0, NULL));
	for (;;) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
		if (guest.run->kind != KEV_EXIT_IO)
			break;
		ASSERT_GE(KEV_RUN_DATA / 4, guest.run->io.count);
		for (uint32_t n = 0; n < guest.run->io.count; n++) {
			value = 0x10000 + done++;
			memcpy(guest.run->data + 4 * n, &value, 4);
		}
	}
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(700, done);
	EXPECT_EQ(0x10000 + 699, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* ---- memory that is a device ---- */

IO_CODE(outs_device, "mov $0x200000, %esi\n mov $2, %ecx\n rep outsw" MOVED);
IO_CODE(ins_device, "mov $0x1fffff, %edi\n mov $3, %ecx\n rep insb" MOVED);

TEST(from_a_device)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &outs_device, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_TRAP, 0, DEVICE, KT_PAGE));
	for (uint64_t i = 0; i < 2; i++) {
		const struct io io = {
			.port = PORT, .direction = KEV_IO_OUT, .width = 2, .count = 1,
			.string = true, .values = { 0x10 + i, 0x20 },
		};

		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_MMIO, guest.run->kind);
		EXPECT_EQ(DEVICE + 2 * i, guest.run->mmio.gpa);
		EXPECT_EQ(2, guest.run->mmio.width);
		guest.run->mmio.data = 0x2010 + i;
		ASSERT_TRUE(expect_io(_metadata, &guest, &io));
	}
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ((DEVICE + BUFFER + 4) << 16, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* The first byte goes to memory, the others to the device. */
TEST(to_a_device)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &ins_device, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_TRAP, 0, DEVICE, KT_PAGE));
	for (int i = 0; i < 3; i++) {
		const struct io io = {
			.port = PORT, .direction = KEV_IO_IN, .width = 1, .count = 1,
			.string = true, .values = { 0x30 + i },
		};

		ASSERT_TRUE(expect_io(_metadata, &guest, &io));
		if (!i)
			continue;
		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_MMIO, guest.run->kind);
		EXPECT_EQ(KEV_MMIO_WRITE, guest.run->mmio.direction);
		EXPECT_EQ(DEVICE + i - 1, guest.run->mmio.gpa);
		EXPECT_EQ(0x30 + i, guest.run->mmio.data);
	}
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	kt_guest_fini(&guest);
}

IO_CODE(ins_to_page, "mov $0x200000, %edi\n mov $16, %ecx\n rep insb" MOVED);

/*
 * What was memory for sixteen elements is a device when the port has answered: the first goes
 * there, and each of the others is asked for again.
 */
TEST(becomes_a_device)
{
	struct io io = {
		.port = PORT, .direction = KEV_IO_IN, .width = 1, .count = 16, .string = true,
		.values = { 0x30, 0x40 },
	};
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &ins_to_page, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_RAM, KEV_MEM_READ | KEV_MEM_WRITE, DEVICE,
				   KT_PAGE));
	ASSERT_TRUE(expect_io(_metadata, &guest, &io));
	ASSERT_EQ(0, kt_remove_region(guest.vm, DEVICE, KT_PAGE));
	ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_TRAP, 0, DEVICE, KT_PAGE));
	io.count = 1;
	for (int i = 0; i < 16; i++) {
		if (i) {
			io.values[0] = 0x30 + i;
			ASSERT_TRUE(expect_io(_metadata, &guest, &io));
		}
		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_MMIO, guest.run->kind);
		EXPECT_EQ(KEV_MMIO_WRITE, guest.run->mmio.direction);
		EXPECT_EQ(DEVICE + i, guest.run->mmio.gpa);
		EXPECT_EQ(0x30 + i, guest.run->mmio.data);
	}
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	kt_guest_fini(&guest);
}

/* ---- faults ---- */

/*
 * A page table at 0x10000 for the first 2 MiB, and an IDT at 0x14000 whose #PF and #GP end
 * with CR2 << 32, or 13 << 32, and RCX << 16 and the error code.
 */
#define FAULT_CODE(name, text)							\
	KT_CODE(name,								\
		"mov $0x10000, %edi\n mov $0x3, %eax\n mov $512, %ecx\n"	\
		"1: mov %rax, (%rdi)\n add $0x1000, %eax\n add $8, %edi\n"	\
		"loop 1b\n"							\
		"movq $0x10003, 0x4000\n mov %cr3, %rax\n mov %rax, %cr3\n"	\
		"lea 8f(%rip), %rax\n mov $0x140d0, %edi\n"			\
		"movw %ax, (%rdi)\n movl $0x8e000008, 2(%rdi)\n"		\
		"movl $0x10, 6(%rdi)\n movq $0, 8(%rdi)\n"			\
		"lea 9f(%rip), %rax\n mov $0x140e0, %edi\n"			\
		"movw %ax, (%rdi)\n movl $0x8e000008, 2(%rdi)\n"		\
		"movl $0x10, 6(%rdi)\n movq $0, 8(%rdi)\n lidt 7f(%rip)\n"	\
		"mov $0x1f0, %edx\n movq $0, 0x10408\n invlpg 0x81000\n"	\
		text "\n mov $1, %edi\n" KT_HALT				\
		"8: mov $13, %eax\n jmp 6f\n"					\
		"9: mov %cr2, %rax\n"						\
		"6: shl $32, %rax\n shl $16, %rcx\n or %rcx, %rax\n"		\
		"or (%rsp), %rax\n mov %rax, %rdi\n" KT_HALT			\
		"7: .word 0xfff\n .quad 0x14000\n")

FAULT_CODE(ins_absent, "mov $0x81000, %edi\n xor %ecx, %ecx\n insb");
FAULT_CODE(ins_read_only, "mov %cr0, %rax\n or $0x10000, %eax\n mov %rax, %cr0\n"
	   "movq $0x81001, 0x10408\n mov $0x81004, %edi\n xor %ecx, %ecx\n insl");
FAULT_CODE(outs_absent, "mov $0x80ffe, %esi\n xor %ecx, %ecx\n outsl");
FAULT_CODE(rep_ins_absent, "mov $0x80ffd, %edi\n mov $10, %ecx\n rep insb");
FAULT_CODE(rep_outs_absent, "mov $0x80ffc, %esi\n mov $10, %ecx\n rep outsw");
FAULT_CODE(ins_not_canonical, "mov $0x800000000000, %rdi\n xor %ecx, %ecx\n insb");

static const struct {
	const char *name;
	const struct kt_code *code;
	uint32_t count;		/* what the port sees before the fault */
	uint64_t exit_code;
} faults[] = {
	{ "insb, not present", &ins_absent, 0, 0x81000ULL << 32 | 2 },
	{ "insl, read-only", &ins_read_only, 0, 0x81004ULL << 32 | 3 },
	{ "outsl, second page", &outs_absent, 0, 0x81000ULL << 32 },
	{ "rep insb, fourth byte", &rep_ins_absent, 3, 0x81000ULL << 32 | 7 << 16 | 2 },
	{ "rep outsw, third word", &rep_outs_absent, 2, 0x81000ULL << 32 | 8 << 16 },
	{ "insb, not canonical", &ins_not_canonical, 0, 13ULL << 32 },
};

TEST(faults_come_first)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct kt_guest guest;

		ASSERT_EQ(0, kt_guest_init(&guest, faults[i].code, 0, NULL));
		EXPECT_EQ(0, kt_run(guest.vcpu));
		if (faults[i].count) {
			EXPECT_EQ(KEV_EXIT_IO, guest.run->kind);
			EXPECT_EQ(faults[i].count, guest.run->io.count);
			EXPECT_EQ(0, kt_run(guest.vcpu));
		}
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
		EXPECT_EQ(faults[i].exit_code, guest.run->exit_code) {
			TH_LOG("%s: %#llx", faults[i].name, guest.run->exit_code);
		}
		kt_guest_fini(&guest);
	}
}

/* ---- the answer ---- */

TEST(string_answer_with_immediate_exit)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &ins_32, 0, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_IO, guest.run->kind);
	memset(guest.run->data, 1, 4);
	guest.run->request = KEV_RUN_IMMEDIATE_EXIT;
	EXPECT_EQ(-EINTR, kt_run(guest.vcpu));
	memset(guest.run->data, 2, 4);
	EXPECT_EQ(-EINTR, kt_run(guest.vcpu));
	guest.run->request = 0;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x01010101, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* Over an INS whose answer nobody wants any more */
TEST(set_state_drops_the_string)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &ins_32, 0, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_IO, guest.run->kind);
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
	EXPECT_EQ(BUFFER, state.gprs.gpr[KEV_RDI]);
	state.gprs.rip++;
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_GPRS, &state));
	memset(guest.run->data, 1, 4);
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x03020100, guest.run->exit_code);
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
