// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to devices in memory. Guards that each instruction is decoded into the accesses
 * that the CPU would make, in their order and each once; that its result, its flags and
 * its faults are those of the CPU; and that what is not known is reported with its bytes.
 */
#include <poll.h>

#include "kselftest_harness.h"

#include "kevtest.h"

#define DEVICE		0x200000UL	/* a trap of two pages */
#define DEVICE_SIZE	(2 * KT_PAGE)
#define R		KEV_MEM_READ
#define W		KEV_MEM_WRITE
#define X		KEV_MEM_EXEC

/* One access; for a read @data is the answer. A width of 0 ends them. */
struct access {
	uint8_t direction, width;
	uint64_t offset, data;
};

#define READ(width, offset, data)	{ KEV_MMIO_READ, width, offset, data }
#define WRITE(width, offset, data)	{ KEV_MMIO_WRITE, width, offset, data }

#define MAX_ACCESSES	8

/* RBX is the device. As often as R9 says, and once more. Ends with RAX for the code. */
#define MMIO_CODE(name, text)							\
	KT_CODE(name, "9: push $2\n popf\n mov $0x200000, %ebx\n"		\
		"mov $0x1122334455667788, %rax\n"				\
		"mov %rax, %rcx\n" text "\n dec %r9\n jns 9b\n"		\
		"mov %rax, %rdi\n" KT_HALT)

/* The flags that the instruction has left */
#define FLAGS	"\n pushf\n pop %rax\n and $0x8d5, %eax"

MMIO_CODE(mov_8, "mov %al, 3(%rbx)");
MMIO_CODE(mov_ah, "mov %ah, 3(%rbx)");
MMIO_CODE(mov_16, "mov %ax, 3(%rbx)");
MMIO_CODE(mov_32, "mov %eax, 4(%rbx)");
MMIO_CODE(mov_64, "mov %rax, 8(%rbx)");
MMIO_CODE(movnti, "movnti %rax, 8(%rbx)");
MMIO_CODE(mov_imm_8, "movb $0x9a, (%rbx)");
MMIO_CODE(mov_imm_64, "movq $-2, (%rbx)");
MMIO_CODE(mov_moffs, "movabs %eax, 0x200010");
MMIO_CODE(load_8, "mov 3(%rbx), %al");
MMIO_CODE(load_ah, "mov 3(%rbx), %ah");
MMIO_CODE(load_16, "mov 3(%rbx), %ax");
MMIO_CODE(load_32, "mov 4(%rbx), %eax");
MMIO_CODE(load_64, "mov 8(%rbx), %rax");
MMIO_CODE(load_moffs, "movabs 0x200010, %al");
MMIO_CODE(movzx_8, "movzbl (%rbx), %eax");
MMIO_CODE(movzx_16, "movzwl (%rbx), %eax");
MMIO_CODE(movsx_8, "movsbq (%rbx), %rax");
MMIO_CODE(movsx_16, "movswl (%rbx), %eax");
MMIO_CODE(movsx_32, "movslq (%rbx), %rax");
MMIO_CODE(add_to, "addl $1, (%rbx)" FLAGS);
MMIO_CODE(add_from, "add (%rbx), %rax");
MMIO_CODE(or_lock, "lock orb $0x81, (%rbx)" FLAGS);
MMIO_CODE(sub_borrow, "subw $2, (%rbx)" FLAGS);
MMIO_CODE(adc_carry, "stc\n adcl $0, (%rbx)" FLAGS);
MMIO_CODE(sbb_borrow, "stc\n sbbw $0, (%rbx)" FLAGS);
MMIO_CODE(xor_to, "xorl $0xff, (%rbx)" FLAGS);
MMIO_CODE(cmp_memory, "cmpl $5, (%rbx)" FLAGS);
MMIO_CODE(test_memory, "testl $0x80000000, (%rbx)" FLAGS);
MMIO_CODE(inc_carry, "stc\n incb (%rbx)" FLAGS);
MMIO_CODE(dec_carry, "stc\n decb (%rbx)" FLAGS);
MMIO_CODE(neg, "negl (%rbx)" FLAGS);
MMIO_CODE(not, "notq (%rbx)");
MMIO_CODE(bts, "lock btsl $4, (%rbx)" FLAGS);
MMIO_CODE(btr, "btrl $4, (%rbx)" FLAGS);
MMIO_CODE(xchg, "xchg %eax, (%rbx)");
MMIO_CODE(xadd, "lock xadd %ax, (%rbx)");
MMIO_CODE(cmpxchg_equal, "mov $7, %ecx\n mov $5, %eax\n lock cmpxchg %ecx, (%rbx)" FLAGS);
MMIO_CODE(cmpxchg_other, "mov $7, %ecx\n mov $5, %eax\n lock cmpxchg %ecx, (%rbx)");
MMIO_CODE(stos, "mov %rbx, %rdi\n stosl\n mov %rdi, %rax");
MMIO_CODE(rep_stos, "mov %rbx, %rdi\n mov $3, %ecx\n rep stosw\n lea (%rdi,%rcx), %rax");
MMIO_CODE(rep_stos_down, "std\n lea 4(%rbx), %rdi\n mov $2, %ecx\n rep stosl\n mov %rdi, %rax");
MMIO_CODE(lods, "mov %rbx, %rsi\n lodsb");
MMIO_CODE(movs_out, "mov %rbx, %rdi\n lea 1f(%rip), %rsi\n movsq\n mov %rdi, %rax\n"
	  "jmp 2f\n 1: .quad 0x0102030405060708\n 2:");
MMIO_CODE(movs_in, "mov %rbx, %rsi\n mov $0x80000, %edi\n movsq\n mov 0x80000, %rax");
MMIO_CODE(movs_both, "mov %rbx, %rsi\n lea 0x100(%rbx), %rdi\n movsl\n mov %rdi, %rax");
MMIO_CODE(to_rsp, "mov %rsp, %r8\n mov (%rbx), %rsp\n mov %rsp, %rax\n mov %r8, %rsp");
/* mov %eax, disp32(%rip) */
MMIO_CODE(by_rip, ".byte 0x89, 0x05\n .long 0x100008 - (1f - by_rip_start)\n 1:");
MMIO_CODE(by_index, "mov $-2, %rdx\n mov %eax, 0x40(%rbx,%rdx,8)");
MMIO_CODE(by_32, "mov $0xff00200000, %rdx\n addr32 mov %eax, 8(%edx)");
MMIO_CODE(by_fs, "mov %fs:(%rbx), %eax");
MMIO_CODE(across_4, "mov %eax, 0xffe(%rbx)");
MMIO_CODE(across_8, "mov 0xffd(%rbx), %rax");
MMIO_CODE(across_add, "addl $1, 0xfff(%rbx)");
MMIO_CODE(from_ram, "movl $0x04030201, -4(%rbx)\n mov -2(%rbx), %eax");
MMIO_CODE(sti_shadow, "mov %rsp, %rdx\n sti\n mov %eax, (%rbx)\n cli\n");

/* RAX_BEFORE with its low part replaced */
#define RAX_BEFORE	0x1122334455667788ULL

static const struct mmio {
	const char *name;
	const struct kt_code *code;
	struct access access[MAX_ACCESSES];
	uint64_t exit_code;
} mmios[] = {
	{ "mov %al, m", &mov_8, { WRITE(1, 3, 0x88) }, RAX_BEFORE },
	{ "mov %ah, m", &mov_ah, { WRITE(1, 3, 0x77) }, RAX_BEFORE },
	{ "mov %ax, m", &mov_16, { WRITE(2, 3, 0x7788) }, RAX_BEFORE },
	{ "mov %eax, m", &mov_32, { WRITE(4, 4, 0x55667788) }, RAX_BEFORE },
	{ "mov %rax, m", &mov_64, { WRITE(8, 8, RAX_BEFORE) }, RAX_BEFORE },
	{ "movnti", &movnti, { WRITE(8, 8, RAX_BEFORE) }, RAX_BEFORE },
	{ "mov $imm8, m", &mov_imm_8, { WRITE(1, 0, 0x9a) }, RAX_BEFORE },
	{ "mov $imm32, m64", &mov_imm_64, { WRITE(8, 0, -2ULL) }, RAX_BEFORE },
	{ "mov %eax, moffs", &mov_moffs, { WRITE(4, 0x10, 0x55667788) }, RAX_BEFORE },
	{ "mov m, %al", &load_8, { READ(1, 3, 0xffffffa5) }, 0x11223344556677a5 },
	{ "mov m, %ah", &load_ah, { READ(1, 3, 0xa5) }, 0x112233445566a588 },
	{ "mov m, %ax", &load_16, { READ(2, 3, 0xffffa55a) }, 0x112233445566a55a },
	{ "mov m, %eax", &load_32, { READ(4, 4, 0xffffffffdeadbeef) }, 0xdeadbeef },
	{ "mov m, %rax", &load_64, { READ(8, 8, 0x123456789abcdef0) }, 0x123456789abcdef0 },
	{ "mov moffs, %al", &load_moffs, { READ(1, 0x10, 0x12) }, 0x1122334455667712 },
	{ "movzbl", &movzx_8, { READ(1, 0, 0xff80) }, 0x80 },
	{ "movzwl", &movzx_16, { READ(2, 0, 0xff8000) }, 0x8000 },
	{ "movsbq", &movsx_8, { READ(1, 0, 0x80) }, -0x80ULL },
	{ "movswl", &movsx_16, { READ(2, 0, 0x8000) }, 0xffff8000 },
	{ "movslq", &movsx_32, { READ(4, 0, 0x80000000) }, -0x80000000ULL },
	{ "add $1, m", &add_to, { READ(4, 0, 0xffffffff), WRITE(4, 0, 0) }, 0x55 },
	{ "add m, %rax", &add_from, { READ(8, 0, 1) }, RAX_BEFORE + 1 },
	{ "lock or", &or_lock, { READ(1, 0, 1), WRITE(1, 0, 0x81) }, 0x84 },
	{ "sub with borrow", &sub_borrow, { READ(2, 0, 1), WRITE(2, 0, 0xffff) }, 0x95 },
	{ "adc", &adc_carry, { READ(4, 0, 0xffffffff), WRITE(4, 0, 0) }, 0x55 },
	{ "sbb", &sbb_borrow, { READ(2, 0, 0), WRITE(2, 0, 0xffff) }, 0x95 },
	{ "xor", &xor_to, { READ(4, 0, 0xf0), WRITE(4, 0, 0xf) }, 0x4 },
	{ "cmp", &cmp_memory, { READ(4, 0, 5) }, 0x44 },
	{ "test", &test_memory, { READ(4, 0, 0xffffffff) }, 0x84 },
	{ "inc keeps CF", &inc_carry, { READ(1, 0, 0x7f), WRITE(1, 0, 0x80) }, 0x891 },
	{ "dec keeps CF", &dec_carry, { READ(1, 0, 0x80), WRITE(1, 0, 0x7f) }, 0x811 },
	{ "neg", &neg, { READ(4, 0, 1), WRITE(4, 0, 0xffffffff) }, 0x95 },
	{ "not", &not, { READ(8, 0, 0xf0), WRITE(8, 0, ~0xf0ULL) }, RAX_BEFORE },
	{ "bts", &bts, { READ(4, 0, 0x11), WRITE(4, 0, 0x11) }, 0x1 },
	{ "btr", &btr, { READ(4, 0, 0x11), WRITE(4, 0, 0x1) }, 0x1 },
	{ "xchg", &xchg, { READ(4, 0, 9), WRITE(4, 0, 0x55667788) }, 9 },
	{ "xadd", &xadd, { READ(2, 0, 3), WRITE(2, 0, 0x778b) }, 0x1122334455660003 },
	{ "cmpxchg, equal", &cmpxchg_equal, { READ(4, 0, 5), WRITE(4, 0, 7) }, 0x44 },
	{ "cmpxchg, other", &cmpxchg_other, { READ(4, 0, 6), WRITE(4, 0, 6) }, 6 },
	{ "stos", &stos, { WRITE(4, 0, 0x55667788) }, DEVICE + 4 },
	{ "rep stos", &rep_stos, { WRITE(2, 0, 0x7788), WRITE(2, 2, 0x7788), WRITE(2, 4, 0x7788) },
	  DEVICE + 6 },
	{ "rep stos, down", &rep_stos_down, { WRITE(4, 4, 0x55667788), WRITE(4, 0, 0x55667788) },
	  DEVICE - 4 },
	{ "lods", &lods, { READ(1, 0, 0x5a) }, 0x112233445566775a },
	{ "movs from memory", &movs_out, { WRITE(8, 0, 0x0102030405060708) }, DEVICE + 8 },
	{ "movs to memory", &movs_in, { READ(8, 0, 0x0102030405060708) }, 0x0102030405060708 },
	{ "movs to the device", &movs_both, { READ(4, 0, 0x12345678), WRITE(4, 0x100, 0x12345678) },
	  DEVICE + 0x104 },
	{ "mov m, %rsp", &to_rsp, { READ(8, 0, 0x4711) }, 0x4711 },
	{ "by RIP", &by_rip, { WRITE(4, 8, 0x55667788) }, RAX_BEFORE },
	{ "by index", &by_index, { WRITE(4, 0x30, 0x55667788) }, RAX_BEFORE },
	{ "by 32 bits", &by_32, { WRITE(4, 8, 0x55667788) }, RAX_BEFORE },
	{ "by FS", &by_fs, { READ(4, 0, 6) }, 6 },
	{ "4 bytes across pages", &across_4, { WRITE(2, 0xffe, 0x7788), WRITE(2, 0x1000, 0x5566) },
	  RAX_BEFORE },
	{ "8 bytes across pages", &across_8,
	  { READ(1, 0xffd, 1), READ(2, 0xffe, 0x302), READ(4, 0x1000, 0x7060504),
	    READ(1, 0x1004, 8) }, 0x0807060504030201 },
	{ "add across pages", &across_add,
	  { READ(1, 0xfff, 0xff), READ(2, 0x1000, 0xffff), READ(1, 0x1002, 0),
	    WRITE(1, 0xfff, 0), WRITE(2, 0x1000, 0), WRITE(1, 0x1002, 1) }, RAX_BEFORE },
	{ "from memory into the device", &from_ram, { READ(2, 0, 0x0605) }, 0x06050403 },
	{ "behind STI", &sti_shadow, { WRITE(4, 0, 0x55667788) }, RAX_BEFORE },
};

static void mmio_init(struct __test_metadata *_metadata, struct kt_guest *guest,
		      const struct kt_code *code)
{
	ASSERT_EQ(0, kt_guest_init(guest, code, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest->vm, KEV_REGION_TRAP, 0, DEVICE, DEVICE_SIZE));
	memset(&guest->run->kind, 0xa5, sizeof(*guest->run) - sizeof(uint32_t));
}

/* RUN, and a report of this access, which is answered; false: none */
static bool expect_access(struct __test_metadata *_metadata, struct kt_guest *guest,
			  const struct access *access)
{
	const struct kev_exit_mmio *mmio = &guest->run->mmio;

	EXPECT_EQ(0, kt_run(guest->vcpu));
	EXPECT_EQ(KEV_EXIT_MMIO, guest->run->kind);
	if (guest->run->kind != KEV_EXIT_MMIO)
		return false;
	EXPECT_EQ(DEVICE + access->offset, mmio->gpa);
	EXPECT_EQ(access->direction, mmio->direction);
	EXPECT_EQ(access->width, mmio->width);
	EXPECT_EQ(access->direction == KEV_MMIO_WRITE ? access->data : 0, mmio->data);
	EXPECT_EQ(0, guest->run->flags);
	guest->run->mmio.data = access->direction == KEV_MMIO_READ ? access->data : ~0ULL;
	return true;
}

/* Each as often as this: kev remembers instructions. */
#define ROUNDS	3

static void check_mmio(struct __test_metadata *_metadata, const struct mmio *m)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;

	mmio_init(_metadata, &guest, m->code);
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
	state.gprs.gpr[KEV_R9] = ROUNDS - 1;
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_GPRS, &state));
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < MAX_ACCESSES && m->access[i].width; i++)
			if (!expect_access(_metadata, &guest, &m->access[i]))
				break;
	EXPECT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(m->exit_code, guest.run->exit_code);
	kt_guest_fini(&guest);
}

TEST(instructions)
{
	for (size_t i = 0; i < ARRAY_SIZE(mmios); i++) {
		int passed = _metadata->passed;

		check_mmio(_metadata, &mmios[i]);
		if (passed && !_metadata->passed)
			TH_LOG("%s", mmios[i].name);
	}
}

/* ---- what happens in the middle of an instruction ---- */

TEST(answer_with_immediate_exit)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;
	uint64_t rip;

	mmio_init(_metadata, &guest, &add_to);
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_MMIO, guest.run->kind);
	guest.run->mmio.data = 0x10;
	guest.run->request = KEV_RUN_IMMEDIATE_EXIT;
	/* The instruction goes on, as far as it can, before RUN is called off. */
	expect_access(_metadata, &guest, &(struct access) WRITE(4, 0, 0x11));
	rip = guest.run->rip;
	EXPECT_EQ(-EINTR, kt_run(guest.vcpu));
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
	EXPECT_LT(rip, state.gprs.rip);
	EXPECT_EQ(-EINTR, kt_run(guest.vcpu));
	guest.run->request = 0;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	kt_guest_fini(&guest);
}

/* A new RIP, and what had been read is read again when the instruction comes again. */
TEST(set_state_drops_the_instruction)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;

	mmio_init(_metadata, &guest, &add_to);
	expect_access(_metadata, &guest, &(struct access) READ(4, 0, 1));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_MMIO, guest.run->kind);
	EXPECT_EQ(2, guest.run->mmio.data);
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
	/* Registers have not changed so far. */
	EXPECT_EQ(guest.run->rip, state.gprs.rip);
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_GPRS, &state));
	expect_access(_metadata, &guest, &(struct access) READ(4, 0, 5));
	expect_access(_metadata, &guest, &(struct access) WRITE(4, 0, 6));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	kt_guest_fini(&guest);
}

/* What is not decoded is reported as it is, as often as it is tried. */
MMIO_CODE(movdqu, "movdqu (%rbx), %xmm0");
MMIO_CODE(push, "push (%rbx)");
MMIO_CODE(divides, "divl (%rbx)");
MMIO_CODE(cmpxchg8b, "lock cmpxchg8b (%rbx)");

static const struct {
	const char *name;
	const struct kt_code *code;
	uint8_t length, bytes[4];
} unknown[] = {
	{ "movdqu", &movdqu, 4, { 0xf3, 0x0f, 0x6f, 0x03 } },
	{ "push", &push, 2, { 0xff, 0x33 } },
	{ "div", &divides, 2, { 0xf7, 0x33 } },
	{ "cmpxchg8b", &cmpxchg8b, 4, { 0xf0, 0x0f, 0xc7, 0x0b } },
};

TEST(unknown_instructions)
{
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		struct kt_guest guest;

		mmio_init(_metadata, &guest, unknown[i].code);
		for (int n = 0; n < 2; n++) {
			ASSERT_EQ(0, kt_run(guest.vcpu));
			ASSERT_EQ(KEV_EXIT_MEMORY, guest.run->kind);
			EXPECT_EQ(DEVICE, guest.run->memory.gpa);
			EXPECT_EQ(KEV_REGION_TRAP, guest.run->memory.kind);
			EXPECT_EQ(KEV_RUN_RETRY | KEV_RUN_BACKED, guest.run->flags);
			EXPECT_EQ(15, guest.run->instruction_bytes_len);
			EXPECT_EQ(0, memcmp(unknown[i].bytes, guest.run->instruction_bytes,
					    unknown[i].length)) {
				TH_LOG("%s", unknown[i].name);
			}
		}
		kt_guest_fini(&guest);
	}
}

/* Code in a trap is no operand. */
MMIO_CODE(runs_device, "jmp *%rbx");
/* Nor is the IDT, though a store comes behind the INT3; nor a page table. */
KT_CODE(idt_in_device,
	"lidt 1f(%rip)\n int3\n mov %eax, (%rbx)\n"
	"1: .word 0xfff\n .quad 0x200000");
KT_CODE(tables_in_device, "mov $0x200000, %eax\n mov %rax, %cr3\n mov %eax, (%rbx)\n");

static const struct {
	const char *name;
	const struct kt_code *code;
	uint64_t gpa;
	uint32_t access;	/* one of these: a walk may count as a write */
	uint32_t flags;
} no_operand[] = {
	{ "code", &runs_device, DEVICE, X, 0 },
	{ "IDT", &idt_in_device, DEVICE + 3 * 16, R, KEV_RUN_EVENT_DELIVERY },
	{ "page tables", &tables_in_device, DEVICE, R | W, 0 },
};

TEST(other_than_an_operand)
{
	for (size_t i = 0; i < ARRAY_SIZE(no_operand); i++) {
		struct kt_guest guest;

		mmio_init(_metadata, &guest, no_operand[i].code);
		ASSERT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(KEV_EXIT_MEMORY, guest.run->kind);
		EXPECT_EQ(no_operand[i].gpa, guest.run->memory.gpa) {
			TH_LOG("%s", no_operand[i].name);
		}
		EXPECT_NE(0, guest.run->memory.access & no_operand[i].access);
		EXPECT_EQ(KEV_RUN_RETRY | KEV_RUN_BACKED | no_operand[i].flags, guest.run->flags);
		EXPECT_EQ(0, guest.run->instruction_bytes_len);
		kt_guest_fini(&guest);
	}
}

/* ---- the other operand faults ---- */

/*
 * Page tables of 4 KiB for the first 2 MiB at 0x10000, of which the code below changes
 * entries; an IDT at 0x14000 whose gates for #SS, #GP and #PF lead to the code at 9:. There
 * RAX becomes CR2 << 32, the vector << 16 and the error code.
 */
#define FAULT_GUEST(name, text)							\
	KT_CODE(name,								\
		"mov $0x10000, %edi\n mov $0x7, %eax\n mov $512, %ecx\n"	\
		"1: mov %rax, (%rdi)\n add $0x1000, %eax\n add $8, %edi\n"	\
		"loop 1b\n"							\
		"movq $0x10007, 0x4000\n"	/* the first page directory */	\
		"orq $4, 0x2000\n orq $4, 0x3000\n"				\
		"mov %cr3, %rax\n mov %rax, %cr3\n"				\
		"lea 8f(%rip), %rax\n mov $12, %ecx\n"				\
		"1: mov %ecx, %edi\n shl $4, %edi\n"				\
		"movw %ax, 0x14000(%rdi)\n movl $0x8e000008, 0x14002(%rdi)\n"	\
		"movl $0x10, 0x14006(%rdi)\n movq $0, 0x14008(%rdi)\n"		\
		"add $9f - 8f, %rax\n inc %ecx\n cmp $15, %ecx\n jne 1b\n"	\
		"lidt 7f(%rip)\n mov $0x200000, %ebx\n"			\
		text "\n"							\
		"mov $1, %edi\n" KT_HALT					\
		"8: mov $12, %edi\n jmp 6f\n"					\
		"9: mov $13, %edi\n jmp 6f\n"					\
		"mov $14, %edi\n jmp 6f\n"					\
		"6: shl $16, %rdi\n or (%rsp), %rdi\n mov %cr2, %rax\n"	\
		"shl $32, %rax\n or %rax, %rdi\n" KT_HALT			\
		"7: .word 0xfff\n .quad 0x14000\n")

#define PF(address, error)	((uint64_t)(address) << 32 | 14 << 16 | (error))

FAULT_GUEST(absent, "movq $0, 0x10400\n invlpg 0x80000\n mov $0x80000, %edi\n"
	    "mov %rbx, %rsi\n movsb");
FAULT_GUEST(read_only, "mov %cr0, %rax\n or $0x10000, %eax\n mov %rax, %cr0\n"
	    "movq $0x80005, 0x10400\n invlpg 0x80000\n mov $0x80004, %edi\n"
	    "mov %rbx, %rsi\n movsb");
FAULT_GUEST(reserved, "movabs $0x8000000080003, %rax\n mov %rax, 0x10400\n"
	    "invlpg 0x80000\n mov $0x80000, %edi\n mov %rbx, %rsi\n movsb");
FAULT_GUEST(absent_source, "movq $0, 0x10400\n invlpg 0x80000\n mov $0x80008, %esi\n"
	    "mov %rbx, %rdi\n movsb");
FAULT_GUEST(second_page, "movq $0, 0x10408\n invlpg 0x81000\n mov $0x80ffe, %edi\n"
	    "mov %rbx, %rsi\n movsl");
FAULT_GUEST(not_canonical, "movabs $0x800000000000, %rdi\n mov %rbx, %rsi\n movsb");
FAULT_GUEST(allowed_write, "mov %cr0, %rax\n and $~0x10000, %eax\n mov %rax, %cr0\n"
	    "movq $0x80005, 0x10400\n invlpg 0x80000\n mov $0x80004, %edi\n"
	    "mov %rbx, %rsi\n movsb");

static const struct {
	const char *name;
	const struct kt_code *code;
	bool asks;		/* the device is asked first */
	uint64_t exit_code;
} faults[] = {
	{ "not present", &absent, false, PF(0x80000, 2) },
	{ "read-only", &read_only, false, PF(0x80004, 3) },
	{ "reserved bit", &reserved, false, PF(0x80000, 0xb) },
	{ "source not present", &absent_source, false, PF(0x80008, 0) },
	{ "second page not present", &second_page, false, PF(0x81000, 2) },
	{ "not canonical", &not_canonical, false, 13 << 16 },
	{ "read-only, but no CR0.WP", &allowed_write, true, 1 },
};

/* The fault comes before the device has been asked for anything. */
TEST(faults_come_first)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct kt_guest guest;

		mmio_init(_metadata, &guest, faults[i].code);
		if (faults[i].asks)
			expect_access(_metadata, &guest, &(struct access) READ(1, 0, 1));
		EXPECT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
		EXPECT_EQ(faults[i].exit_code, guest.run->exit_code) {
			TH_LOG("%s: %#llx", faults[i].name, guest.run->exit_code);
		}
		kt_guest_fini(&guest);
	}
}

/*
 * Accessed and dirty flags are left as the CPU leaves them: by a store, by a load, and by a
 * MOVS whose destination the CPU has not come to.
 */
FAULT_GUEST(dirties, "movq $0x200003, 0x10410\n movq $0x200007, 0x10418\n"
	    "movq $0x84003, 0x10420\n"
	    "mov $0x82000, %ebx\n invlpg (%rbx)\n movl $1, (%rbx)\n"
	    "invlpg 0x83000\n mov 0x83000, %eax\n"
	    "invlpg 0x84000\n mov %rbx, %rsi\n mov $0x84000, %edi\n movsb\n"
	    "mov 0x10410, %rdi\n and $0x60, %edi\n"
	    "mov 0x10418, %rax\n and $0x60, %eax\n shl $8, %eax\n or %rax, %rdi\n"
	    "mov 0x10420, %rax\n and $0x60, %eax\n shl $16, %eax\n or %rax, %rdi\n" KT_HALT);

TEST(accessed_and_dirty)
{
	struct kt_guest guest;

	mmio_init(_metadata, &guest, &dirties);
	expect_access(_metadata, &guest, &(struct access) WRITE(4, 0, 1));
	expect_access(_metadata, &guest, &(struct access) READ(4, 0, 0));
	expect_access(_metadata, &guest, &(struct access) READ(1, 0, 0));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x602060, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* ---- the single step behind an instruction ---- */

/* #DB counts in R12 and notes the last RIP in R13. */
KT_CODE(steps,
	"lea 9f(%rip), %rax\n mov $0x14010, %edi\n"
	"movw %ax, (%rdi)\n movl $0x8e000008, 2(%rdi)\n movl $0x10, 6(%rdi)\n"
	"movq $0, 8(%rdi)\n lidt 7f(%rip)\n xor %r12d, %r12d\n"
	"mov $0x200000, %ebx\n mov %rbx, %rdi\n mov $2, %ecx\n"
	"pushf\n orl $0x100, (%rsp)\n popf\n"
	"mov %eax, (%rbx)\n"		/* a step */
	"rep stosb\n"			/* one for each element */
	"pushf\n andl $~0x100, (%rsp)\n popf\n"	/* three */
	"mov %r12, %rdi\n" KT_HALT
	"9: inc %r12\n iretq\n"
	"7: .word 0xfff\n .quad 0x14000\n");

TEST(single_step)
{
	struct kt_guest guest;
	int writes = 0;

	mmio_init(_metadata, &guest, &steps);
	for (;;) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
		if (guest.run->kind != KEV_EXIT_MMIO)
			break;
		writes++;
	}
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(3, writes);
	EXPECT_EQ(6, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* ---- the print device ---- */

#define PRINTS		0x300000UL
#define PRINT_TEXT	"printed"

/* RBX is the device, RSI a text in memory, R8 its length. */
#define PRINT_CODE(name, text)							\
	KT_CODE(name, "mov $0x300000, %ebx\n lea 1f(%rip), %rsi\n"		\
		"mov $7, %r8d\n" text "\n xor %edi, %edi\n" KT_HALT		\
		"1: .ascii \"" PRINT_TEXT "\"\n")

PRINT_CODE(prints, "mov %rsi, (%rbx)\n mov %r8, 8(%rbx)\n movq $0, 16(%rbx)");
PRINT_CODE(prints_xchg, "mov %rsi, (%rbx)\n mov %r8, 8(%rbx)\n xchg %rax, 16(%rbx)");
PRINT_CODE(prints_twice, "mov %rsi, (%rbx)\n mov %r8, 8(%rbx)\n movq $1, 16(%rbx)\n"
	   "movq $3, 8(%rbx)\n movq $1, 16(%rbx)");
PRINT_CODE(prints_narrow, "mov %rsi, (%rbx)\n mov %r8, 8(%rbx)\n movl $1, 16(%rbx)\n"
	   "movq $1, 12(%rbx)\n movq $1, 24(%rbx)");
PRINT_CODE(prints_nothing, "mov %rsi, (%rbx)\n movq $0, 8(%rbx)\n movq $1, 16(%rbx)");
/* The last byte of memory, and what is behind it */
PRINT_CODE(prints_last, "movb $0x41, 0x1fffff\n movq $0x1fffff, (%rbx)\n"
	   "movq $0x10000000, 8(%rbx)\n movq $1, 16(%rbx)");
PRINT_CODE(prints_nowhere, "movq $0x40000000, (%rbx)\n mov %r8, 8(%rbx)\n movq $1, 16(%rbx)");
PRINT_CODE(prints_high, "movq $-1, (%rbx)\n mov %r8, 8(%rbx)\n movq $1, 16(%rbx)");

static const struct {
	const char *name;
	const struct kt_code *code;
	const char *output;
} print_cases[] = {
	{ "once", &prints, PRINT_TEXT },
	{ "by XCHG", &prints_xchg, PRINT_TEXT },
	{ "twice", &prints_twice, PRINT_TEXT "pri" },
	{ "wrong sizes and places", &prints_narrow, "" },
	{ "nothing", &prints_nothing, "" },
	{ "up to the end of memory", &prints_last, "A" },
	{ "no memory", &prints_nowhere, "" },
	{ "beyond all addresses", &prints_high, "" },
};

TEST(print_device)
{
	for (size_t i = 0; i < ARRAY_SIZE(print_cases); i++) {
		char output[32] = "";
		struct kt_guest guest;

		ASSERT_EQ(0, kt_guest_init(&guest, print_cases[i].code, 0, NULL));
		ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_PRINT, R | X, PRINTS, KT_PAGE));
		ASSERT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
		EXPECT_EQ(strlen(print_cases[i].output),
			  read(guest.vm, output, sizeof(output) - 1));
		EXPECT_STREQ(print_cases[i].output, output) {
			TH_LOG("%s", print_cases[i].name);
		}
		kt_guest_fini(&guest);
	}
}

/* More than the console holds: it is full in the middle, and nothing is lost. */
PRINT_CODE(prints_much, "movq $0x20000, (%rbx)\n movq $0x80000, 8(%rbx)\n"
	   "movq $1, 16(%rbx)");

TEST(print_device_fills_the_console)
{
	static uint8_t text[0x80000], output[0x80000];
	struct kt_guest guest;
	size_t done = 0;
	int full = 0;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i * 7 + (i >> 8);
	ASSERT_EQ(0, kt_guest_init(&guest, &prints_much, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_PRINT, R | X, PRINTS, KT_PAGE));
	ASSERT_EQ(sizeof(text), kt_write_guest(guest.vm, 0x20000, text, sizeof(text)));
	for (;;) {
		ssize_t n = 1;

		ASSERT_EQ(0, kt_run(guest.vcpu));
		while (n > 0 && kt_poll(guest.vm) & POLLIN) {
			n = read(guest.vm, output + done, sizeof(output) - done);
			if (n > 0)
				done += n;
		}
		if (guest.run->kind != KEV_EXIT_CONSOLE)
			break;
		full++;
	}
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_LT(0, full);
	EXPECT_EQ(sizeof(text), done);
	EXPECT_EQ(0, memcmp(text, output, sizeof(text)));
	kt_guest_fini(&guest);
}

/* ---- VMMCALL ---- */

KT_CODE(vmmcalls, "mov $0x77, %edi\n xor %eax, %eax\n vmmcall\n");
KT_CODE(invalid, "ud2\n");

TEST(vmmcall)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &vmmcalls, 0, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x77, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* Without hypercalls it is what it is on this CPU; there is no IDT. */
TEST(vmmcall_without_hypercalls)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &vmmcalls, 0, "none"));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_SHUTDOWN, guest.run->kind);
	kt_guest_fini(&guest);
	ASSERT_EQ(0, kt_guest_init(&guest, &invalid, 0, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_SHUTDOWN, guest.run->kind);
	kt_guest_fini(&guest);
}

KT_CODE(calls_twice, "mov $9, %eax\n mov $1, %edi\n vmmcall\n vmcall\n ud2\n");

TEST(vmmcall_reported)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &calls_twice, 0, "report"));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_HYPERCALL, guest.run->kind);
		EXPECT_EQ(9 + i, guest.run->hypercall.nr);
		EXPECT_EQ(1, guest.run->hypercall.args[0]);
		EXPECT_EQ(KT_CODE_GPA + 10 + 3 * i, guest.run->rip);
		guest.run->hypercall.ret = 10;
	}
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
