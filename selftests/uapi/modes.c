// SPDX-License-Identifier: GPL-2.0
/*
 * The modes of the CPU. Guards that a guest can go from each to each as on a machine, that
 * what is illegal on the way is #GP(0) and changes nothing, that hypercalls from code that is
 * not 64-bit code have the values of such code (CVE-2023-46842), and that a guest goes on in
 * another VM as if nothing had been.
 */
#include "kselftest_harness.h"

#include <stdlib.h>
#include <unistd.h>

#include "kevtest.h"

#define PE	0x1U
#define PG	0x80000000U
#define PSE	0x10U
#define PAE	0x20U
#define PGE	0x80U
#define PCIDE	0x20000U
#define OSXSAVE	0x40000U
#define LME	0x100U
#define LMA	0x400U

#define NO_UNRESTRICTED	"no unrestricted guest"

/*
 * From real mode up to 64-bit mode and down again. In each mode the guest adds a number
 * from its memory to a sum in EBX, through an alias of its address where it pages, and says
 * by an OUT to port 0x80 + n where it is. It runs at 1 MiB, where its image is: in real mode
 * with the selector 0xfffc, so that the image begins at offset 64; with another one the
 * emulator would take the low bits for the privilege level when protected mode begins. All
 * tables lie in the image, in pages that nothing has touched when the CPU first wants them.
 */
#define ADD(number)	"rol $5, %ebx\n add " number ", %ebx\n"
#define SAY(port)	"out %al, $" port "\n"

KT_CODE(tour,
	".set base, 0x100000\n .set here, tour_start\n"
	".code16\n"
	"mov $0xfffc, %ax\n mov %ax, %ds\n xor %ebx, %ebx\n"
	ADD("64 + number - here") SAY("0x80")
	"lgdtl 64 + gdtr - here\n"
	"mov %cr0, %eax\n or $1, %al\n mov %eax, %cr0\n ljmp $0x08, $2f - here\n"
	"2: mov $0x10, %ax\n mov %ax, %ds\n mov %ax, %ss\n"
	"rol $5, %ebx\n addr32 add base + number - here, %ebx\n" SAY("0x81")
	"ljmpl $0x18, $base + 3f - here\n"

	".code32\n"
	"3: mov $0x20, %eax\n mov %eax, %ds\n mov %eax, %es\n mov %eax, %ss\n mov $0xa0000, %esp\n"
	ADD("base + number - here") SAY("0x82")
	/* 32-bit paging, with a page of 4 MiB */
	"mov $0x10, %eax\n mov %eax, %cr4\n mov $base + 0x1000, %eax\n mov %eax, %cr3\n"
	"mov %cr0, %eax\n bts $31, %eax\n mov %eax, %cr0\n"
	ADD("0x400000 + base + number - here") SAY("0x83")
	/* PAE paging, from unpaged mode; then global pages, which makes the CPU load the table */
	"mov %cr0, %eax\n btr $31, %eax\n mov %eax, %cr0\n"
	"mov $0x20, %eax\n mov %eax, %cr4\n mov $base + 0x2020, %eax\n mov %eax, %cr3\n"
	"mov %cr0, %eax\n bts $31, %eax\n mov %eax, %cr0\n"
	"mov $0xa0, %eax\n mov %eax, %cr4\n"
	ADD("0x200000 + base + number - here") SAY("0x84")
	/* Long mode */
	"mov %cr0, %eax\n btr $31, %eax\n mov %eax, %cr0\n"
	"mov $0xc0000080, %ecx\n rdmsr\n or $0x100, %eax\n wrmsr\n"
	"mov $base + 0x4000, %eax\n mov %eax, %cr3\n"
	"mov %cr0, %eax\n bts $31, %eax\n mov %eax, %cr0\n"
	ADD("0x200000 + base + number - here") SAY("0x85")
	"ljmp $0x28, $base + 4f - here\n"

	".code64\n"
	"4: mov $0x8000000000, %r15\n"
	"rol $5, %ebx\n add number - here + 0x300000(%r15), %ebx\n" SAY("0x86")
	"pushq $0x18\n pushq $base + 5f - here\n lretq\n"

	".code32\n"
	"5: " ADD("0x200000 + base + number - here") SAY("0x87")
	"mov %cr0, %eax\n btr $31, %eax\n mov %eax, %cr0\n"
	"mov $0xc0000080, %ecx\n rdmsr\n and $~0x100, %eax\n wrmsr\n"
	"xor %eax, %eax\n mov %eax, %cr4\n"
	ADD("base + number - here") SAY("0x88")
	"ljmp $0x08, $6f - here\n"

	".code16\n"
	"6: mov %cr0, %eax\n and $~1, %al\n mov %eax, %cr0\n ljmp $0xfffc, $64 + 7f - here\n"
	"7: mov $0xfffc, %ax\n mov %ax, %ds\n"
	ADD("64 + number - here") SAY("0x89")
	"hlt\n"

	".code64\n .balign 8\n"
	"number: .long 0x9e3779b9\n"
	"gdtr: .word 0x2f\n .long base + gdt - here\n .balign 8\n"
	"gdt: .quad 0\n"
	".quad 0x00009b100000ffff\n"		/* 0x08: 16-bit code at 1 MiB */
	".quad 0x008f93000000ffff\n"		/* 0x10: 16-bit data, all 4 GiB */
	".quad 0x00cf9b000000ffff\n"		/* 0x18: 32-bit code */
	".quad 0x00cf93000000ffff\n"		/* 0x20: data */
	".quad 0x00af9b000000ffff\n"		/* 0x28: 64-bit code */

	/* 32-bit: two pages of 4 MiB that lead to address 0 */
	".org tour_start + 0x1000\n .long 0x83, 0x83\n"
	/* PAE: the table of pointers, which is not at a page's beginning */
	".org tour_start + 0x2020\n .quad base + 0x3001, 0, 0, 0\n"
	".org tour_start + 0x3000\n .quad 0x83, 0x83\n"
	/* 4-level: the same directory, also at 512 GiB */
	".org tour_start + 0x4000\n .quad base + 0x5003, base + 0x5003\n"
	".org tour_start + 0x5000\n .quad base + 0x3003\n"
	".org tour_start + 0x6000\n");

#define NUMBER	0x9e3779b9U

static const struct stop {
	const char *name;
	uint16_t port;
	uint32_t cr0, cr4, efer;	/* of PE and PG, all, all */
	uint32_t code;			/* L and D of CS */
} stops[] = {
	{ "real mode", 0x80, 0, 0, 0, 0 },
	{ "16-bit protected mode", 0x81, PE, 0, 0, 0 },
	{ "32-bit protected mode", 0x82, PE, 0, 0, KEV_SEG_DB },
	{ "32-bit paging", 0x83, PE | PG, PSE, 0, KEV_SEG_DB },
	{ "PAE paging", 0x84, PE | PG, PAE | PGE, 0, KEV_SEG_DB },
	{ "compatibility mode", 0x85, PE | PG, PAE | PGE, LME | LMA, KEV_SEG_DB },
	{ "64-bit mode", 0x86, PE | PG, PAE | PGE, LME | LMA, KEV_SEG_L },
	{ "compatibility mode again", 0x87, PE | PG, PAE | PGE, LME | LMA, KEV_SEG_DB },
	{ "32-bit protected mode again", 0x88, PE, 0, 0, KEV_SEG_DB },
	{ "real mode again", 0x89, 0, 0, 0, 0 },
};

static bool has_unrestricted(int kev)
{
	struct kev_query query = { .size = sizeof(query) };

	return !kt_ioctl(kev, KEV_QUERY, &query) &&
	       query.features & KEV_FEATURE_UNRESTRICTED_GUEST;
}

/* The vCPU is in real mode, and begins with the image. */
static int start_real(int vcpu)
{
	const struct kev_segment data = { .limit = 0xffff, .access = 0x93 };
	struct kev_vcpu_state state = {
		.gprs = { .rip = 0x40, .rflags = 2 },
		.segments = {
			.cs = { .selector = 0xfffc, .base = 0xfffc0, .limit = 0xffff,
				.access = 0x93 },
			.ds = data, .es = data, .fs = data, .gs = data, .ss = data,
			.tr = { .limit = 0xffff, .access = 0x8b },
			.ldtr = { .limit = 0xffff, .access = 0x82 },
			.gdt = { .limit = 0xffff }, .idt = { .limit = 0xffff },
		},
		.controls = { .cr0 = 0x60000010, .xcr0 = 1, .dr7 = 0x400 },
	};

	return kt_set_state(vcpu, KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS,
			    &state);
}

static uint32_t next_sum(uint32_t sum)
{
	return (sum << 5 | sum >> 27) + NUMBER;
}

static void check_stop(struct __test_metadata *_metadata, struct kt_guest *guest,
		       const struct stop *stop, uint32_t sum)
{
	struct kev_vcpu_state state = { 0 };

	TH_LOG("%s", stop->name);
	ASSERT_EQ(0, kt_run(guest->vcpu));
	ASSERT_EQ(KEV_EXIT_IO, guest->run->kind) {
		TH_LOG("RIP %#llx, CR0 %#llx", guest->run->rip, guest->run->cr0);
	}
	ASSERT_EQ(stop->port, guest->run->io.port);
	EXPECT_EQ(sum, (uint32_t)guest->run->gpr[KEV_RBX]);
	ASSERT_EQ(0, kt_get_state(guest->vcpu, KT_STATE_REGISTERS, &state));
	EXPECT_EQ(stop->cr0, state.controls.cr0 & (PE | PG));
	EXPECT_EQ(stop->cr4, state.controls.cr4);
	EXPECT_EQ(stop->efer, state.controls.efer);
	EXPECT_EQ(stop->code, state.segments.cs.access & (KEV_SEG_L | KEV_SEG_DB));
	/* The state can be set again, in each mode. */
	ASSERT_EQ(0, kt_set_state(guest->vcpu, KT_STATE_REGISTERS & ~KEV_STATE_GPRS, &state)) {
		TH_LOG("%.48s", state.problem);
	}
}

TEST(all_modes)
{
	struct kt_guest guest;
	uint32_t sum = 0;

	ASSERT_EQ(0, kt_guest_init(&guest, &tour, 0, NULL));
	if (!has_unrestricted(guest.kev)) {
		kt_guest_fini(&guest);
		SKIP(return, NO_UNRESTRICTED);
	}
	ASSERT_EQ(0, start_real(guest.vcpu));
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		sum = next_sum(sum);
		check_stop(_metadata, &guest, &stops[i], sum);
	}
	kt_guest_fini(&guest);
}

/* ---- from one VM to another ---- */

#define RAM	(KT_RAM_KIB << 10)

/* A new VM takes over, with the memory and all that the vCPU has. */
static void move(struct __test_metadata *_metadata, struct kt_guest *guest,
		 const struct kt_code *code, uint8_t *ram)
{
	struct kev_query query = { .size = sizeof(query) };
	struct kev_vcpu_state state = { 0 }, again = { 0 };
	uint8_t image[KT_PAGE], image_again[KT_PAGE];
	struct kt_guest other;

	ASSERT_EQ(0, kt_guest_init(&other, code, 0, NULL));
	ASSERT_EQ(0, kt_ioctl(guest->kev, KEV_QUERY, &query));
	ASSERT_GE(sizeof(image), query.xsave_size);
	state.xsave = (uintptr_t)image;
	state.xsave_size = query.xsave_size;
	ASSERT_EQ(0, kt_get_state(guest->vcpu, KEV_STATE_ALL, &state));
	/* The registers come first: what they point to need not be there yet. */
	ASSERT_EQ(0, kt_set_state(other.vcpu, KEV_STATE_ALL, &state)) {
		TH_LOG("%.48s", state.problem);
	}
	ASSERT_EQ(RAM, kt_read_guest(guest->vm, 0, ram, RAM));
	ASSERT_EQ(RAM, kt_write_guest(other.vm, 0, ram, RAM));
	again.xsave = (uintptr_t)image_again;
	again.xsave_size = query.xsave_size;
	ASSERT_EQ(0, kt_get_state(other.vcpu, KEV_STATE_ALL, &again));
	again.xsave = state.xsave;
	EXPECT_EQ(0, memcmp(&state, &again, sizeof(state)));
	EXPECT_EQ(0, memcmp(image, image_again, query.xsave_size));
	kt_guest_fini(guest);
	*guest = other;
}

/* The tour, in another VM after each stop: the OUT there comes once more. */
TEST(all_modes_in_many_vms)
{
	uint8_t *ram = malloc(RAM);
	struct kt_guest guest;
	uint32_t sum = 0;

	ASSERT_NE(NULL, ram);
	ASSERT_EQ(0, kt_guest_init(&guest, &tour, 0, NULL));
	if (!has_unrestricted(guest.kev)) {
		kt_guest_fini(&guest);
		SKIP(return, NO_UNRESTRICTED);
	}
	ASSERT_EQ(0, start_real(guest.vcpu));
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		sum = next_sum(sum);
		check_stop(_metadata, &guest, &stops[i], sum);
		move(_metadata, &guest, &tour, ram);
		check_stop(_metadata, &guest, &stops[i], sum);
	}
	kt_guest_fini(&guest);
	free(ram);
}

/*
 * A hash over memory that the guest writes, in a general-purpose, an x87 and a vector
 * register, with flags that go from one step to the next. OUT 0x80 half way, 0x81 at the
 * end, and the hash in RAX.
 */
KT_CODE(hash,
	"lea 0x4000(%rip), %rsi\n mov $0x1234567, %eax\n movq %rax, %xmm7\n fldpi\n"
	"mov $2, %ebp\n"
	"1: mov $2000, %ecx\n"
	"2: imul $0x5851f42d, %rax, %rax\n adc %rcx, %rax\n"
	"movq %rax, %xmm0\n paddq %xmm0, %xmm7\n psllq $1, %xmm7\n"
	"mov %rax, %rdx\n and $0xff8, %edx\n"
	"xor (%rsi, %rdx), %rax\n movq %xmm7, (%rsi, %rdx)\n"
	"fld %st\n fld1\n faddp\n fstp %st(1)\n"
	"loop 2b\n"
	"pushf\n dec %ebp\n jz 3f\n popf\n out %al, $0x80\n jmp 1b\n"
	"3: popf\n adc $0, %rax\n movq %xmm7, %rdx\n add %rdx, %rax\n"
	"fstpl (%rsi)\n add (%rsi), %rax\n"
	"4: out %al, $0x81\n jmp 4b");

static uint64_t run_hash(struct __test_metadata *_metadata, bool moves, uint8_t *ram)
{
	struct kt_guest guest;
	uint64_t result;

	EXPECT_EQ(0, kt_guest_init(&guest, &hash, 0, NULL));
	EXPECT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(0x80, guest.run->io.port);
	if (moves) {
		move(_metadata, &guest, &hash, ram);
		EXPECT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(0x80, guest.run->io.port);
	}
	EXPECT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_IO, guest.run->kind);
	EXPECT_EQ(0x81, guest.run->io.port);
	result = guest.run->gpr[KEV_RAX];
	kt_guest_fini(&guest);
	return result;
}

TEST(hash_in_two_vms)
{
	uint8_t *ram = malloc(RAM);
	uint64_t want;

	ASSERT_NE(NULL, ram);
	want = run_hash(_metadata, false, ram);
	EXPECT_NE(0, want);
	EXPECT_EQ(want, run_hash(_metadata, true, ram));
	free(ram);
}

/* ---- what is illegal ---- */

/*
 * One instruction, with the operand in RAX, RSP or RCX, EDX and EAX; then an OUT to port
 * 0x81. The handlers of #GP are OUTs to 0x82, of 64-bit and of 32-bit code alike.
 */
KT_CODE(writes,
	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n"
	".org writes_start + \\n * 16\n"
	".if \\n == 0\n mov %rax, %cr0\n .endif\n"
	".if \\n == 1\n mov %rax, %cr3\n .endif\n"
	".if \\n == 2\n mov %rax, %cr4\n .endif\n"
	".if \\n == 3\n mov %rax, %cr8\n .endif\n"
	".if \\n == 4\n wrmsr\n .endif\n"
	".if \\n == 5\n mov %rsp, %cr4\n .endif\n"
	".if \\n == 6\n mov %rsp, %cr8\n .endif\n"
	".if \\n == 7\n mov %cr8, %rsp\n .endif\n"
	".if \\n == 8\n vmcall\n .endif\n"
	".if \\n == 9\n vmmcall\n .endif\n"
	"out %al, $0x81\n"
	".endr\n"
	".org writes_start + 0x100\n out %al, $0x82\n"
	/* A 64-bit IDT and a 32-bit one, with nothing but #GP */
	".org writes_start + 0x200\n .skip 13 * 16\n"
	".word 0x0100, 8, 0x8e00, 0x10\n .quad 0\n"
	".org writes_start + 0x300\n .skip 13 * 8\n"
	".word 0x0100, 8, 0x8e00, 0x10\n"
	/* A GDT whose code segment is 32-bit */
	".org writes_start + 0x400\n .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
	".org writes_start + 0x480\n .ascii \"32 bits\\n\"\n"
	/* PAE: a good table, and one with a reserved bit in each entry */
	".org writes_start + 0x1000\n .quad 0x4001, 0x5001, 0x6001, 0x7001\n"
	".org writes_start + 0x1020\n .quad 0x4003, 0, 0, 0\n"
	".org writes_start + 0x1040\n .quad 0x4001, 0, 0, 0x8000000000000001\n"
	/* 32-bit: identity */
	".org writes_start + 0x2000\n .long 0x83\n"
	".org writes_start + 0x3000\n");

enum write { CR0, CR3, CR4, CR8, EFER, CR4_RSP, CR8_RSP, FROM_CR8_RSP, VMCALL, VMMCALL };
enum mode { LONG, COMPAT, COMPAT16, IN_PAE, PAGED, FLAT, READY, NR_MODES };

#define PAE_TABLE	0x101000U
#define BAD_TABLE	0x101020U
#define BAD_TABLE2	0x101040U
#define PAGED_TABLE	0x102000U

static const struct {
	uint64_t cr0, cr3, cr4, efer;
	uint32_t cs;
} modes[NR_MODES] = {
	[LONG] = { 0x80010033, 0x2000, 0x620, LME | LMA, 0xa09b },
	[COMPAT] = { 0x80010033, 0x2000, 0x620, LME | LMA, 0xc09b },
	[COMPAT16] = { 0x80010033, 0x2000, 0x620, LME | LMA, 0x809b },
	[IN_PAE] = { 0x80010033, PAE_TABLE, 0x620, 0, 0xc09b },
	[PAGED] = { 0x80010033, PAGED_TABLE, 0x610, 0, 0xc09b },
	[FLAT] = { 0x33, PAGED_TABLE, 0x610, 0, 0xc09b },
	[READY] = { 0x33, 0x2000, 0x620, LME, 0xc09b },
};

static const struct write_case {
	const char *name;
	enum mode mode;
	enum write write;
	uint64_t value;
	bool fault;
	bool needs_unrestricted;
} write_cases[] = {
	{ "PG without PE", LONG, CR0, 0x80010032, true, false },
	{ "upper half of CR0", LONG, CR0, 1ULL << 32 | 0x80010033, true, false },
	{ "NW without CD", LONG, CR0, 0xa0010033, true, false },
	{ "NW and CD", LONG, CR0, 0xe0010033, false, false },
	{ "PG cleared in 64-bit mode", LONG, CR0, 0x00010033, true, false },
	{ "PG cleared in compatibility mode", COMPAT, CR0, 0x00010033, false, true },
	{ "PAE cleared with LME, unpaged", READY, CR4, 0x600, false, true },
	{ "into long mode", READY, CR0, 0x80010033, false, true },
	{ "into 32-bit paging", FLAT, CR0, 0x80010033, false, true },
	{ "CD in PAE paging", IN_PAE, CR0, 0xc0010033, false, false },
	{ "CR3 above the width", LONG, CR3, 1ULL << 52 | 0x2000, true, false },
	{ "CR3 bit 63", LONG, CR3, 1ULL << 63 | 0x2000, true, false },
	{ "the same CR3", LONG, CR3, 0x2018, false, false },
	{ "CR3 of a bad table", IN_PAE, CR3, BAD_TABLE, true, false },
	{ "CR3 of another bad table", IN_PAE, CR3, BAD_TABLE2, true, false },
	{ "CR3 of a good table", IN_PAE, CR3, PAE_TABLE, false, false },
	{ "PAE cleared in long mode", LONG, CR4, 0x600, true, false },
	{ "PAE cleared in compatibility mode", COMPAT, CR4, 0x600, true, false },
	{ "CR4 bit 63", LONG, CR4, 1ULL << 63 | 0x620, true, false },
	{ "CR4.VMXE", LONG, CR4, 0x2620, true, false },
	{ "CR4.SMXE", LONG, CR4, 0x4620, true, false },
	{ "PCIDE outside long mode", IN_PAE, CR4, PCIDE | 0x620, true, false },
	{ "PGE in PAE paging", IN_PAE, CR4, PGE | 0x620, false, false },
	{ "PAE on a 32-bit table", PAGED, CR4, 0x630, true, false },
	{ "VMXE on a 32-bit table", PAGED, CR4, 0x2610, true, false },
	{ "CR8 16", LONG, CR8, 16, true, false },
	{ "CR8 15", LONG, CR8, 15, false, false },
	{ "LME cleared in long mode", LONG, EFER, 0, true, false },
	{ "LME set in PAE paging", IN_PAE, EFER, LME, true, false },
	{ "LME set in 32-bit paging", PAGED, EFER, LME, true, false },
	{ "LME set unpaged", FLAT, EFER, LME, false, true },
	{ "EFER bit 9", LONG, EFER, 0x700, true, false },
	{ "CR4 from RSP", LONG, CR4_RSP, 0x6a0, false, false },
	{ "CR4 from RSP, bad", LONG, CR4_RSP, 0x600, true, false },
	{ "CR8 from RSP", LONG, CR8_RSP, 9, false, false },
};

/* What the register has after it: the guest's own view */
static uint64_t result_of(const struct write_case *c, const struct kev_vcpu_state *s)
{
	switch (c->write) {
	case CR0:
		return s->controls.cr0;
	case CR3:
		return s->controls.cr3;
	case CR4:
	case CR4_RSP:
		return s->controls.cr4;
	case EFER:
		return s->controls.efer & ~(uint64_t)LMA;
	default:
		return c->value;
	}
}

/* @state becomes that of @insn in this mode. */
static void set_mode(struct kev_vcpu_state *state, enum mode mode, enum write insn)
{
	bool is_64 = modes[mode].efer & LMA;

	state->gprs.rip = KT_CODE_GPA + insn * 16;
	state->controls.cr0 = modes[mode].cr0;
	state->controls.cr3 = modes[mode].cr3;
	state->controls.cr4 = modes[mode].cr4;
	state->controls.efer = modes[mode].efer;
	state->segments.cs.access = modes[mode].cs;
	state->segments.idt = (struct kev_table) {
		.base = KT_CODE_GPA + (is_64 ? 0x200 : 0x300),
		.limit = 0xff,
	};
	if (!is_64)
		state->segments.gdt.base = KT_CODE_GPA + 0x400;
	/* IP has 16 bits. */
	if (mode == COMPAT16) {
		state->segments.cs.base = KT_CODE_GPA;
		state->gprs.rip -= KT_CODE_GPA;
	}
}

static int start_write(int vcpu, const struct kev_vcpu_state *boot, const struct write_case *c)
{
	struct kev_vcpu_state state = *boot;

	set_mode(&state, c->mode, c->write);
	state.gprs.gpr[KEV_RAX] = c->value;
	state.gprs.gpr[KEV_RDX] = c->value >> 32;
	state.gprs.gpr[KEV_RCX] = 0xc0000080;
	if (c->write == CR4_RSP || c->write == CR8_RSP)
		state.gprs.gpr[KEV_RSP] = c->value;
	return kt_set_state(vcpu, KT_STATE_REGISTERS, &state);
}

static void check_write(struct __test_metadata *_metadata, struct kt_guest *guest,
			const struct kev_vcpu_state *boot, const struct write_case *c)
{
	struct kev_vcpu_state before = { 0 }, after = { 0 };

	ASSERT_EQ(0, start_write(guest->vcpu, boot, c));
	ASSERT_EQ(0, kt_get_state(guest->vcpu, KEV_STATE_CONTROLS, &before));
	ASSERT_EQ(0, kt_run(guest->vcpu));
	ASSERT_EQ(KEV_EXIT_IO, guest->run->kind);
	EXPECT_EQ(c->fault ? 0x82 : 0x81, guest->run->io.port);
	ASSERT_EQ(0, kt_get_state(guest->vcpu, KEV_STATE_CONTROLS, &after));
	if (c->fault) {
		EXPECT_EQ(0, memcmp(&before.controls, &after.controls, sizeof(after.controls)));
	} else {
		EXPECT_EQ(c->value, result_of(c, &after));
	}
}

static void check_writes(struct __test_metadata *_metadata, bool need_unrestricted)
{
	struct kev_vcpu_state boot = { 0 };
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &writes, 0, NULL));
	if (need_unrestricted && !has_unrestricted(guest.kev)) {
		kt_guest_fini(&guest);
		SKIP(return, NO_UNRESTRICTED);
	}
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KT_STATE_REGISTERS, &boot));
	for (size_t i = 0; i < ARRAY_SIZE(write_cases); i++) {
		const struct write_case *c = &write_cases[i];

		if (c->needs_unrestricted != need_unrestricted)
			continue;
		TH_LOG("%s", c->name);
		check_write(_metadata, &guest, &boot, c);
	}
	kt_guest_fini(&guest);
}

TEST(writes_in_a_mode)
{
	check_writes(_metadata, false);
}

TEST(writes_that_change_the_mode)
{
	check_writes(_metadata, true);
}

/* Without unrestricted guest a mode that the CPU does not run is told to user space. */
TEST(mode_that_the_cpu_does_not_run)
{
	const struct write_case leaves = {
		.mode = COMPAT, .write = CR0, .value = 0x00010033,
	};
	struct kev_vcpu_state boot = { 0 };
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &writes, 0, NULL));
	if (has_unrestricted(guest.kev)) {
		kt_guest_fini(&guest);
		SKIP(return, "unrestricted guest is there");
	}
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KT_STATE_REGISTERS, &boot));
	ASSERT_EQ(0, start_write(guest.vcpu, &boot, &leaves));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(KEV_EXIT_UNHANDLED, guest.run->kind);
		EXPECT_EQ(28, guest.run->exit_reason);
		EXPECT_EQ(KT_CODE_GPA, guest.run->rip);
		EXPECT_EQ(0x80010033, guest.run->cr0);
	}
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(guest.vm).state);
	kt_guest_fini(&guest);
}

/* MOV from CR8 to RSP: the one register that is not beside the others */
TEST(rsp)
{
	struct write_case c = { .mode = LONG, .write = CR8_RSP, .value = 6 };
	struct kev_vcpu_state boot = { 0 };
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &writes, 0, NULL));
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KT_STATE_REGISTERS, &boot));
	ASSERT_EQ(0, start_write(guest.vcpu, &boot, &c));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(0x81, guest.run->io.port);
	c.write = FROM_CR8_RSP;
	ASSERT_EQ(0, start_write(guest.vcpu, &boot, &c));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(0x81, guest.run->io.port);
	EXPECT_EQ(6, guest.run->gpr[KEV_RSP]);
	kt_guest_fini(&guest);
}

/* ---- hypercalls, with high halves that 64-bit mode has left: CVE-2023-46842 ---- */

#define TEXT		(KT_CODE_GPA + 0x480)
#define TEXT_SIZE	8
#define DIRT		0xd1d1d1d100000000ULL

static const enum kev_gpr arguments[] = {
	KEV_RDI, KEV_RSI, KEV_RDX, KEV_R10, KEV_R9, KEV_R8,
};

static const struct {
	const char *name;
	enum mode mode;
	bool needs_unrestricted;
} callers[] = {
	{ "64-bit", LONG, false },
	{ "compatibility mode", COMPAT, false },
	{ "16-bit code in long mode", COMPAT16, false },
	{ "PAE paging", IN_PAE, false },
	{ "32-bit paging", PAGED, false },
	{ "unpaged", FLAT, true },
};

/* All 64 bits are in the call, or none that the caller cannot have meant. */
static void check_report(struct __test_metadata *_metadata, const struct kt_guest *guest,
			 bool long_mode)
{
	const struct kev_run *run = guest->run;
	uint64_t mask = long_mode ? ~0ULL : 0xffffffff;

	ASSERT_EQ(KEV_EXIT_HYPERCALL, run->kind);
	EXPECT_EQ((DIRT | 0x77) & mask, run->hypercall.nr);
	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
		EXPECT_EQ((DIRT | (0xa1 + i)) & mask, run->hypercall.args[i]) {
			TH_LOG("argument %zu", i);
		}
		/* The registers themselves stay as they are. */
		EXPECT_EQ(DIRT | (0xa1 + i), run->gpr[arguments[i]]);
	}
	EXPECT_EQ(DIRT | 0x77, run->gpr[KEV_RAX]);
}

static int start_call(int vcpu, struct kev_vcpu_state *state, enum mode mode, enum write insn,
		      uint64_t nr, uint32_t first)
{
	set_mode(state, mode, insn);
	state->gprs.gpr[KEV_RAX] = nr;
	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++)
		state->gprs.gpr[arguments[i]] = DIRT | (first + i);
	return kt_set_state(vcpu, KT_STATE_REGISTERS, state);
}

static void check_caller(struct __test_metadata *_metadata, enum mode mode, enum write insn)
{
	struct kev_vcpu_state boot = { 0 }, state;
	bool long_mode = mode == LONG;
	char text[2 * TEXT_SIZE];
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &writes, 0, "kev"));
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KT_STATE_REGISTERS, &boot));
	state = boot;
	ASSERT_EQ(0, start_call(guest.vcpu, &state, mode, insn, DIRT | 0x77, 0xa1)) {
		TH_LOG("%.48s", state.problem);
	}
	ASSERT_EQ(0, kt_run(guest.vcpu));
	check_report(_metadata, &guest, long_mode);
	guest.run->hypercall.ret = 5;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_IO, guest.run->kind);
	EXPECT_EQ(5, guest.run->gpr[KEV_RAX]);

	/* Print: in 64-bit code the number is another one. */
	state = boot;
	set_mode(&state, mode, insn);
	state.gprs.gpr[KEV_RAX] = DIRT | 1;
	state.gprs.gpr[KEV_RDI] = DIRT | TEXT;
	state.gprs.gpr[KEV_RSI] = DIRT | TEXT_SIZE;
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KT_STATE_REGISTERS, &state));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	if (long_mode) {
		EXPECT_EQ(KEV_EXIT_HYPERCALL, guest.run->kind);
	} else {
		ASSERT_EQ(KEV_EXIT_IO, guest.run->kind);
		EXPECT_EQ(DIRT | 1, guest.run->gpr[KEV_RAX]);
		EXPECT_EQ(DIRT | TEXT, guest.run->gpr[KEV_RDI]);
		ASSERT_EQ(TEXT_SIZE, read(guest.vm, text, sizeof(text)));
		EXPECT_EQ(0, memcmp(text, "32 bits\n", TEXT_SIZE));
	}

	/* HaltCpu, which is answered right behind the exit wherever it can be */
	state = boot;
	ASSERT_EQ(0, start_call(guest.vcpu, &state, mode, insn, 0, 0xcafe));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(long_mode ? DIRT | 0xcafe : 0xcafe, guest.run->exit_code);
	kt_guest_fini(&guest);
}

static void check_callers(struct __test_metadata *_metadata, bool unrestricted)
{
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
		if (callers[i].needs_unrestricted && !unrestricted)
			continue;
		TH_LOG("%s", callers[i].name);
		check_caller(_metadata, callers[i].mode, VMCALL);
		check_caller(_metadata, callers[i].mode, VMMCALL);
	}
}

TEST(calls_of_each_mode)
{
	int kev = kt_open();

	ASSERT_LE(0, kev);
	check_callers(_metadata, has_unrestricted(kev));
	close(kev);
}

/*
 * The guest fills its registers in 64-bit mode and goes down from there, with RBP alone:
 * compatibility mode, 32 bits unpaged, 16 bits, real mode. In each it makes the call.
 */
KT_CODE(goes_down,
	".set down, goes_down_start\n .set down_at, 0x100000\n"
	"lgdt down_gdtr(%rip)\n"
	"mov $0xd1d1d1d100000077, %rax\n mov $0xd1d1d1d1000000a1, %rdi\n"
	"mov $0xd1d1d1d1000000a2, %rsi\n mov $0xd1d1d1d1000000a3, %rdx\n"
	"mov $0xd1d1d1d1000000a4, %r10\n mov $0xd1d1d1d1000000a5, %r9\n"
	"mov $0xd1d1d1d1000000a6, %r8\n"
	"vmcall\n"
	"pushq $0x08\n pushq $down_at + 1f - down\n lretq\n"
	".code32\n"
	"1: vmcall\n"
	"mov %cr0, %ebp\n btr $31, %ebp\n mov %ebp, %cr0\n vmcall\n"
	"ljmp $0x10, $2f - down\n"
	".code16\n"
	"2: vmcall\n mov %cr0, %ebp\n btr $0, %ebp\n mov %ebp, %cr0\n"
	"ljmp $0xfffc, $64 + 3f - down\n"
	"3: vmcall\n hlt\n"
	".code64\n .balign 8\n"
	"down_gdtr: .word 0x17\n .quad 0x100000 + down_gdt - down\n .balign 8\n"
	"down_gdt: .quad 0, 0x00cf9b000000ffff, 0x00009b100000ffff\n");

TEST(calls_on_the_way_down)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &goes_down, 0, "kev"));
	if (!has_unrestricted(guest.kev)) {
		kt_guest_fini(&guest);
		SKIP(return, NO_UNRESTRICTED);
	}
	for (int i = 0; i < 5; i++) {
		TH_LOG("call %d", i);
		ASSERT_EQ(0, kt_run(guest.vcpu));
		check_report(_metadata, &guest, !i);
		guest.run->hypercall.ret = DIRT | 0x77;
	}
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, guest.run->kind);
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
