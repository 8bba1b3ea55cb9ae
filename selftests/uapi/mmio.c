// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to devices in memory. Guards that each instruction is decoded into the accesses
 * that the CPU would make, in their order and each once; that its result, its flags and
 * its faults are those of the CPU; and that what is not known is reported with its bytes.
 */
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

/* RBX is the device. Ends with RAX for the code. */
#define MMIO_CODE(name, text)							\
	KT_CODE(name, "mov $0x200000, %ebx\n mov $0x1122334455667788, %rax\n"	\
		"mov %rax, %rcx\n" text "\n mov %rax, %rdi\n" KT_HALT)

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
MMIO_CODE(cmp_memory, "cmpl $5, (%rbx)" FLAGS);
MMIO_CODE(test_memory, "testl $0x80000000, (%rbx)" FLAGS);
MMIO_CODE(inc_carry, "stc\n incb (%rbx)" FLAGS);
MMIO_CODE(neg, "negl (%rbx)" FLAGS);
MMIO_CODE(not, "notq (%rbx)");
MMIO_CODE(bts, "lock btsl $4, (%rbx)" FLAGS);
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
MMIO_CODE(by_rip, "mov %eax, 0x100008 - (1f - by_rip_start)(%rip)\n 1:");
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
	{ "cmp", &cmp_memory, { READ(4, 0, 5) }, 0x44 },
	{ "test", &test_memory, { READ(4, 0, 0xffffffff) }, 0x84 },
	{ "inc keeps CF", &inc_carry, { READ(1, 0, 0x7f), WRITE(1, 0, 0x80) }, 0x891 },
	{ "neg", &neg, { READ(4, 0, 1), WRITE(4, 0, 0xffffffff) }, 0x95 },
	{ "not", &not, { READ(8, 0, 0xf0), WRITE(8, 0, ~0xf0ULL) }, RAX_BEFORE },
	{ "bts", &bts, { READ(4, 0, 0x11), WRITE(4, 0, 0x11) }, 0x1 },
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

/* RUN, and a report of this access, which is answered */
static void expect_access(struct __test_metadata *_metadata, struct kt_guest *guest,
			  const struct access *access)
{
	const struct kev_exit_mmio *mmio = &guest->run->mmio;

	ASSERT_EQ(0, kt_run(guest->vcpu));
	ASSERT_EQ(KEV_EXIT_MMIO, guest->run->kind);
	EXPECT_EQ(DEVICE + access->offset, mmio->gpa);
	EXPECT_EQ(access->direction, mmio->direction);
	EXPECT_EQ(access->width, mmio->width);
	EXPECT_EQ(access->direction == KEV_MMIO_WRITE ? access->data : 0, mmio->data);
	EXPECT_EQ(0, guest->run->flags);
	guest->run->mmio.data = access->direction == KEV_MMIO_READ ? access->data : ~0ULL;
}

static void check_mmio(struct __test_metadata *_metadata, const struct mmio *m)
{
	struct kt_guest guest;

	mmio_init(_metadata, &guest, m->code);
	for (int i = 0; i < MAX_ACCESSES && m->access[i].width; i++)
		expect_access(_metadata, &guest, &m->access[i]);
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
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

TEST_HARNESS_MAIN
