// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of a process around guests that overwrite all of theirs. Guards
 * that one that runs guests, and one that shares its CPU with them, finds
 * vector and x87 registers, segments, descriptor tables and the MSRs that user
 * space can see as it left them.
 */
#include "kselftest_harness.h"

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kevtest.h"

#define ROUNDS		20
#define HWCAP2_FSGSBASE	2
/* What the guest writes to MSRs; none of the host has this value. */
#define TRASH_MSR	0x100000

/* Overwrites what it can; of the MSRs bases, STAR to SFMASK, and SYSENTER_*. */
#define TRASH								\
	"1:\n"								\
	"mov $0x5a5a5a5a, %eax\n"					\
	"movd %eax, %xmm0\n"						\
	"pshufd $0, %xmm0, %xmm0\n"					\
	".irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"			\
	"movdqa %xmm0, %xmm\\n\n"					\
	".endr\n"							\
	"fninit\n"							\
	"fldpi\n"							\
	"push $0x127f\n"						\
	"fldcw (%rsp)\n"						\
	"movl $0x9fc0, (%rsp)\n"					\
	"ldmxcsr (%rsp)\n"						\
	"pop %rax\n"							\
	".irp msr, 0xc0000100,0xc0000101,0xc0000102,0xc0000081,0xc0000082,0xc0000083,"	\
	"0xc0000084,0x174,0x175,0x176\n"				\
	"mov $\\msr, %ecx\n"						\
	"mov $0x100000, %eax\n"						\
	"xor %edx, %edx\n"						\
	"wrmsr\n"							\
	".endr\n"							\
	"mov %rax, %cr2\n"						\
	"sub $16, %rsp\n"						\
	"movw $7, (%rsp)\n"						\
	"movq $0, 2(%rsp)\n"						\
	"lidt (%rsp)\n"							\
	"add $16, %rsp\n"

/* And stops; the next RUN does it again. */
KT_CODE(trash, TRASH "out %al, $0x80\n jmp 1b");
KT_CODE(trash_for_ever, TRASH "jmp 1b");

struct vectors {
	uint8_t ymm[16][32];
	uint32_t mxcsr;
	uint16_t x87_control;
};

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* What is compared after each RUN */
struct state {
	struct table gdt, idt;
	uint16_t ldt, ds, es, fs, gs;
	uint64_t fs_base, gs_base;
	uint32_t cpu_node;
};

#define EACH_REGISTER(m)						\
	m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7)				\
	m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define LOAD_XMM(n)	"movdqu 32*" #n "(%[in]), %%xmm" #n "\n\t"
#define STORE_XMM(n)	"movdqu %%xmm" #n ", 32*" #n "(%[out])\n\t"
#define LOAD_YMM(n)	"vmovdqu 32*" #n "(%[in]), %%ymm" #n "\n\t"
#define STORE_YMM(n)	"vmovdqu %%ymm" #n ", 32*" #n "(%[out])\n\t"

/* One system call between the load of all registers and their store: no code of C runs there. */
#define SYSCALL_BETWEEN(name, load, store)				\
static long name(const struct vectors *in, struct vectors *out, long number,	\
		 long a, long b, long c)				\
{									\
	uint32_t old_mxcsr = __builtin_ia32_stmxcsr();			\
	uint16_t old_control;						\
									\
	asm volatile("fnstcw %[old_control]\n\t"			\
		     "ldmxcsr %[mxcsr]\n\t"				\
		     "fldcw %[control]\n\t"				\
		     EACH_REGISTER(load)				\
		     "syscall\n\t"					\
		     EACH_REGISTER(store)				\
		     "stmxcsr %[out_mxcsr]\n\t"				\
		     "fnstcw %[out_control]\n\t"			\
		     "ldmxcsr %[old_mxcsr]\n\t"				\
		     "fldcw %[old_control]\n\t"				\
		     : "+a"(number), [old_control] "=m"(old_control),	\
		       [out_mxcsr] "=m"(out->mxcsr),			\
		       [out_control] "=m"(out->x87_control)		\
		     : "D"(a), "S"(b), "d"(c),				\
		       [in] "r"(in->ymm), [out] "r"(out->ymm),		\
		       [mxcsr] "m"(in->mxcsr), [control] "m"(in->x87_control), \
		       [old_mxcsr] "m"(old_mxcsr)			\
		     : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2",	\
		       "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",	\
		       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",	\
		       "xmm14", "xmm15");				\
	return number;							\
}

SYSCALL_BETWEEN(xmm_syscall, LOAD_XMM, STORE_XMM)
SYSCALL_BETWEEN(ymm_syscall, LOAD_YMM, STORE_YMM)

static bool has_avx(void)
{
	return __builtin_cpu_supports("avx");
}

static long syscall_between(const struct vectors *in, struct vectors *out, long number, long a,
			    long b)
{
	return (has_avx() ? ymm_syscall : xmm_syscall)(in, out, number, a, b, 0);
}

static void fill(struct vectors *v, uint8_t seed)
{
	memset(v, 0, sizeof(*v));
	for (int i = 0; i < 16; i++) {
		for (int j = 0; j < (has_avx() ? 32 : 16); j++)
			v->ymm[i][j] = seed + 32 * i + j;
	}
	/* Flush to zero, round down; 53 bits, round up; all exceptions masked */
	v->mxcsr = 0xbf80;
	v->x87_control = 0xa7f;
}

static void read_state(struct state *s)
{
	uint32_t low, high;

	memset(s, 0, sizeof(*s));
	asm volatile("sgdt %0" : "=m"(s->gdt));
	asm volatile("sidt %0" : "=m"(s->idt));
	asm volatile("sldt %0" : "=m"(s->ldt));
	asm volatile("mov %%ds, %0" : "=m"(s->ds));
	asm volatile("mov %%es, %0" : "=m"(s->es));
	asm volatile("mov %%fs, %0" : "=m"(s->fs));
	asm volatile("mov %%gs, %0" : "=m"(s->gs));
	syscall(SYS_arch_prctl, ARCH_GET_FS, &s->fs_base);
	syscall(SYS_arch_prctl, ARCH_GET_GS, &s->gs_base);
	asm volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(s->cpu_node));
}

static uint64_t live_base(bool fs)
{
	uint64_t base;

	if (fs)
		asm volatile("rdfsbase %0" : "=r"(base));
	else
		asm volatile("rdgsbase %0" : "=r"(base));
	return base;
}

FIXTURE(host_state) {
	struct kt_guest guest;
	struct state before;
};

FIXTURE_SETUP(host_state)
{
	ASSERT_EQ(0, kt_pin(kt_nr_cpus() - 1));
	ASSERT_EQ(0, kt_guest_init(&self->guest, &trash, 0, NULL));
	read_state(&self->before);
	/* The guest gets to its end, which is what makes the checks worth something. */
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_IO, self->guest.run->kind);
}

FIXTURE_TEARDOWN(host_state)
{
	kt_guest_fini(&self->guest);
}

TEST_F(host_state, vectors)
{
	struct vectors in, out;

	for (int i = 0; i < ROUNDS; i++) {
		fill(&in, i);
		memset(&out, 0, sizeof(out));
		ASSERT_EQ(0, syscall_between(&in, &out, SYS_ioctl, self->guest.vcpu,
					     KEV_VCPU_RUN));
		EXPECT_EQ(KEV_EXIT_IO, self->guest.run->kind);
		EXPECT_EQ(0, memcmp(in.ymm, out.ymm, sizeof(in.ymm)));
		EXPECT_EQ(in.mxcsr, out.mxcsr);
		EXPECT_EQ(in.x87_control, out.x87_control);
	}
}

TEST_F(host_state, tables_and_msrs)
{
	struct state after;

	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		read_state(&after);
		EXPECT_EQ(self->before.gdt.limit, after.gdt.limit);
		EXPECT_EQ(self->before.idt.limit, after.idt.limit);
		/*
		 * What an exit leaves. An earlier test may have left it too: then it
		 * is no different from before.
		 */
		EXPECT_NE(0xffff, after.gdt.limit);
		EXPECT_NE(0xffff, after.idt.limit);
		EXPECT_EQ(self->before.gdt.base, after.gdt.base);
		EXPECT_EQ(self->before.idt.base, after.idt.base);
		EXPECT_EQ(self->before.ldt, after.ldt);
		EXPECT_EQ(self->before.ds, after.ds);
		EXPECT_EQ(self->before.es, after.es);
		EXPECT_EQ(self->before.fs, after.fs);
		EXPECT_EQ(self->before.gs, after.gs);
		EXPECT_EQ(self->before.fs_base, after.fs_base);
		EXPECT_EQ(self->before.cpu_node, after.cpu_node);
		/* The kernel puts the CPU's number into TSC_AUX. */
		EXPECT_EQ(sched_getcpu(), (int)(after.cpu_node & 0xfff));
		/* By SYSCALL: STAR, LSTAR and SFMASK are the kernel's. */
		EXPECT_EQ(getpid(), (pid_t)syscall(SYS_getpid));
	}
}

TEST_F(host_state, segment_bases)
{
	const uint64_t gs_base = 0x123456789000;
	uint64_t base, fs_base = self->before.fs_base;

	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_SET_GS, gs_base));
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
		EXPECT_EQ(gs_base, base);
		if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
			continue;
		EXPECT_EQ(gs_base, live_base(false));
		EXPECT_EQ(fs_base, live_base(true));
	}
}

/* One that the kernel does not know of but by reading it back */
TEST_F(host_state, gs_base_by_instruction)
{
	const uint64_t gs_base = 0x23456789a000;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
		SKIP(return, "no FSGSBASE");
	for (int i = 0; i < ROUNDS; i++) {
		asm volatile("wrgsbase %0" : : "r"(gs_base + i));
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		EXPECT_EQ(gs_base + i, live_base(false));
	}
}

/* Other ways out of the guest, each behind the same trash; the first is answered at once. */
KT_CODE(trash_quick, TRASH "mov $64, %r8d\n 2: xor %eax, %eax\n cpuid\n mov $0x174, %ecx\n rdmsr\n"
	"wrmsr\n mov %r8, %cr2\n dec %r8d\n jnz 2b\n out %al, $0x80\n jmp 1b");
KT_CODE(trash_fast, TRASH "mov %cr0, %rax\n mov %rax, %cr0\n mov %cr4, %rax\n mov %rax, %cr4\n"
	"mov %rsp, %dr0\n mov $0x401, %eax\n mov %rax, %dr7\n wbinvd\n out %al, $0x80\n jmp 1b");
KT_CODE(trash_memory, TRASH "mov %al, 0xbffff000\n jmp 1b");
KT_CODE(trash_hlt, TRASH "hlt\n jmp 1b");
KT_CODE(trash_fault, TRASH "ud2");
KT_CODE(trash_done, TRASH KT_HALT);

static const struct {
	const char *name;
	const struct kt_code *code;
	bool kick;		/* it does not end by itself */
} ways_out[] = {
	{ "port", &trash, false },
	{ "CPUID, RDMSR and WRMSR", &trash_quick, false },
	{ "control and debug registers", &trash_fast, false },
	{ "memory that is not there", &trash_memory, false },
	{ "HLT", &trash_hlt, false },
	{ "triple fault", &trash_fault, false },
	{ "end", &trash_done, false },
	{ "kick", &trash_for_ever, true },
};

/* What a CPU has to have for an MSR to be there */
enum msr_feature { EVERY_CPU, SPECULATION_CONTROL, PERFMON_2, DEBUG_STORE, XSAVES, TSC_AUX };

#define MISC_ENABLE	5	/* its place in the table */

/* What an exit, a guest or kev could leave changed */
static const struct {
	uint32_t index;
	enum msr_feature feature;
	const char *name;
} host_msrs[] = {
	{ 0x1b, EVERY_CPU, "APIC_BASE" },
	{ 0x48, SPECULATION_CONTROL, "SPEC_CTRL" },
	{ 0x174, EVERY_CPU, "SYSENTER_CS" },
	{ 0x175, EVERY_CPU, "SYSENTER_ESP" },
	{ 0x176, EVERY_CPU, "SYSENTER_EIP" },
	[MISC_ENABLE] = { 0x1a0, EVERY_CPU, "MISC_ENABLE" },
	{ 0x1d9, EVERY_CPU, "DEBUGCTL" },
	{ 0x277, EVERY_CPU, "PAT" },
	{ 0x2ff, EVERY_CPU, "MTRR_DEF_TYPE" },
	{ 0x38d, PERFMON_2, "FIXED_CTR_CTRL" },
	{ 0x38f, PERFMON_2, "PERF_GLOBAL_CTRL" },
	{ 0x3f1, DEBUG_STORE, "PEBS_ENABLE" },
	{ 0xda0, XSAVES, "XSS" },
	{ 0xc0000080, EVERY_CPU, "EFER" },
	{ 0xc0000081, EVERY_CPU, "STAR" },
	{ 0xc0000082, EVERY_CPU, "LSTAR" },
	{ 0xc0000083, EVERY_CPU, "CSTAR" },
	{ 0xc0000084, EVERY_CPU, "SFMASK" },
	{ 0xc0000100, EVERY_CPU, "FS_BASE" },
	{ 0xc0000101, EVERY_CPU, "GS_BASE" },
	{ 0xc0000102, EVERY_CPU, "KERNEL_GS_BASE" },
	{ 0xc0000103, TSC_AUX, "TSC_AUX" },
};

#define NR_MSRS	ARRAY_SIZE(host_msrs)

#define PEBS_UNAVAILABLE	(1ULL << 12)

static bool has_feature(enum msr_feature feature, uint64_t misc_enable)
{
	uint32_t a = 0, b = 0, c = 0, d = 0;

	switch (feature) {
	case SPECULATION_CONTROL:	/* IBRS and IBPB, STIBP, SSBD */
		__get_cpuid_count(7, 0, &a, &b, &c, &d);
		return d & (1U << 26 | 1U << 27 | 1U << 31);
	case PERFMON_2:
		__get_cpuid(0xa, &a, &b, &c, &d);
		return (a & 0xff) >= 2;
	case DEBUG_STORE:
		__get_cpuid(1, &a, &b, &c, &d);
		return d & 1U << 21 && !(misc_enable & PEBS_UNAVAILABLE);
	case XSAVES:
		__get_cpuid_count(0xd, 1, &a, &b, &c, &d);
		return a & 1U << 3;
	case TSC_AUX:			/* RDTSCP */
		__get_cpuid(0x80000001, &a, &b, &c, &d);
		return d & 1U << 27;
	default:
		return true;
	}
}

/* For each bit whether there is one, and what it holds */
struct msrs {
	uint32_t there;
	uint64_t value[NR_MSRS];
};

static int open_msrs(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", sched_getcpu());
	fd = open(path, O_RDONLY);
	if (fd < 0 && !system("modprobe msr"))
		fd = open(path, O_RDONLY);
	return fd;
}

static void read_msrs(int fd, struct msrs *msrs)
{
	memset(msrs, 0, sizeof(*msrs));
	for (size_t i = 0; i < NR_MSRS; i++)
		if (pread(fd, &msrs->value[i], 8, host_msrs[i].index) == 8)
			msrs->there |= 1U << i;
}

/*
 * Which are there is for CPUID to say, and each of those can be read. The emulator reads those
 * that it does not know as 0. What cannot be seen to change is named, lest it pass for tested.
 */
static void check_presence(struct __test_metadata *_metadata, const struct msrs *msrs)
{
	for (size_t i = 0; i < NR_MSRS; i++) {
		bool has = has_feature(host_msrs[i].feature, msrs->value[MISC_ENABLE]);
		bool there = msrs->there & 1U << i;

		if (!has)
			TH_LOG("note: %s: this CPU has none", host_msrs[i].name);
		else if (!msrs->value[i])
			TH_LOG("note: %s is 0 on the host: no loss of it shows", host_msrs[i].name);
		if (has) {
			EXPECT_TRUE(there) {
				TH_LOG("%s cannot be read", host_msrs[i].name);
			}
		} else {
			EXPECT_EQ(0, msrs->value[i]) {
				TH_LOG("%s, by CPUID, is not there", host_msrs[i].name);
			}
		}
	}
}

/* ---- protection keys ---- */

#define CR4_PKE		0x400000ULL
/* No access by any key but the first, which all pages have */
#define PKRU		0x55555554U

KT_CODE(writes_pkru, "mov %cr4, %rax\n or $0x400000, %eax\n mov %rax, %cr4\n"
	"xor %eax, %eax\n xor %ecx, %ecx\n xor %edx, %edx\n wrpkru\n" KT_HALT);

/* Has the kernel turned them on: CPUID.07H:ECX.OSPKE */
static bool has_pkru(void)
{
	uint32_t a, b, c = 0, d;

	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	return c & 1U << 4;
}

static uint32_t exchange_pkru(uint32_t value)
{
	uint32_t old, high;

	asm volatile("rdpkru" : "=a"(old), "=d"(high) : "c"(0));
	asm volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
	return old;
}

/*
 * kev does not switch PKRU, because no guest gets at it: neither by CR4 nor by its creator's
 * hand. Where the host has the register, its value is looked at, too.
 */
TEST_F(host_state, pkru)
{
	struct kev_vcpu_state state = { 0 };
	bool host = has_pkru();
	struct kt_guest guest;
	uint32_t before = 0;

	if (host)
		before = exchange_pkru(PKRU);
	else
		TH_LOG("note: PKRU: this CPU has none");
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t gpr[KEV_NR_GPRS] = { 0 };

		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		ASSERT_EQ(0, kt_insn_init(&guest, 0));
		ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_CONTROLS, &state));
		state.controls.cr4 |= CR4_PKE;
		gpr[KEV_RAX] = state.controls.cr4;
		EXPECT_EQ(KT_FAULT, kt_insn(&guest, KT_MOV_TO_CR4, gpr));
		EXPECT_EQ(-EINVAL, kt_set_state(guest.vcpu, KEV_STATE_CONTROLS, &state));
		EXPECT_TRUE(kt_blames(&state, "CR4"));
		kt_guest_fini(&guest);
		ASSERT_EQ(0, kt_guest_init(&guest, &writes_pkru, 0, NULL));
		ASSERT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(KEV_EXIT_SHUTDOWN, guest.run->kind);
		kt_guest_fini(&guest);
		if (host) {
			EXPECT_EQ(PKRU, exchange_pkru(PKRU));
		}
	}
	if (host)
		exchange_pkru(before);
}

/* RUN of a guest that does not end by itself */
static long run_and_kick(int vcpu)
{
	struct kt_runner runner;
	int ret = kt_runner_enter(&runner, vcpu, sched_getcpu());

	return ret ?: kt_runner_kick(&runner) == -EINTR ? 0 : -EIO;
}

/* The host's own: what the kernel serves to nobody but root */
TEST_F(host_state, msrs_after_each_way_out)
{
	const uint64_t gs_base = 0x3456789ab000;
	struct msrs before, after;
	int fd = open_msrs();

	if (fd < 0)
		SKIP(return, "the kernel has no /dev/cpu/N/msr");
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_SET_GS, gs_base));
	read_msrs(fd, &before);
	check_presence(_metadata, &before);
	/* The window shows something. */
	ASSERT_EQ(gs_base, before.value[NR_MSRS - 2]);
	for (size_t w = 0; w < ARRAY_SIZE(ways_out); w++) {
		struct kt_guest guest;

		ASSERT_EQ(0, kt_guest_init(&guest, ways_out[w].code, 0, NULL));
		for (int j = 0; j < ROUNDS / 4; j++) {
			ASSERT_EQ(0, ways_out[w].kick ? run_and_kick(guest.vcpu) :
							kt_run(guest.vcpu)) {
				TH_LOG("%s", ways_out[w].name);
			}
			read_msrs(fd, &after);
			EXPECT_EQ(before.there, after.there);
			for (size_t i = 0; i < NR_MSRS; i++) {
				EXPECT_EQ(before.value[i], after.value[i]) {
					TH_LOG("%s: %s", ways_out[w].name, host_msrs[i].name);
				}
				/* Guests ran before the first look, too. */
				EXPECT_NE(TRASH_MSR, after.value[i]) {
					TH_LOG("%s: %s", ways_out[w].name, host_msrs[i].name);
				}
			}
		}
		kt_guest_fini(&guest);
	}
	close(fd);
}

#define LDT_ENTRY	3
#define LDT_SELECTOR	(LDT_ENTRY << 3 | 7)

static uint32_t ldt_target = 0x1d71d71d;

static int add_ldt_entry(void)
{
	const struct user_desc entry = {
		.entry_number = LDT_ENTRY,
		.base_addr = (uintptr_t)&ldt_target,
		.limit = sizeof(ldt_target) - 1,
		.seg_32bit = 1,
		.useable = 1,
	};

	return syscall(SYS_modify_ldt, 1, &entry, sizeof(entry)) ? -errno : 0;
}

/*
 * RUN with an LDT selector in a segment register: the selector after it, and
 * what @load reads by it. TLS is gone while it is in FS: no C code runs then.
 */
#define RUN_WITH_SELECTOR(sreg, load)					\
static long run_with_##sreg(int vcpu, uint64_t fs_base, uint16_t *selector, uint32_t *value)	\
{									\
	uint32_t old, got, read = 0;					\
	long ret;							\
									\
	asm volatile("mov %%" #sreg ", %[old]\n\t"			\
		     "mov %[sel], %%" #sreg "\n\t"			\
		     "syscall\n\t"					\
		     "mov %%rax, %%r8\n\t"				\
		     "mov %%" #sreg ", %[got]\n\t"			\
		     load						\
		     "mov %[old], %%" #sreg "\n\t"			\
		     "mov %[arch_prctl], %%eax\n\t"			\
		     "mov %[set_fs], %%edi\n\t"				\
		     "mov %[base], %%rsi\n\t"				\
		     "syscall\n\t"					\
		     "mov %%r8, %%rax\n\t"				\
		     : "=a"(ret), [old] "=&r"(old), [got] "=&r"(got),	\
		       [read] "+&r"(read), "+D"(vcpu)			\
		     : "0"((long)SYS_ioctl), "S"((long)KEV_VCPU_RUN), "d"(0L),	\
		       [sel] "r"(LDT_SELECTOR), [base] "r"(fs_base),	\
		       [arch_prctl] "i"(SYS_arch_prctl), [set_fs] "i"(ARCH_SET_FS) \
		     : "rcx", "r8", "r11", "memory");			\
	*selector = got;						\
	*value = read;							\
	return ret;							\
}

RUN_WITH_SELECTOR(ds, "")
RUN_WITH_SELECTOR(es, "")
RUN_WITH_SELECTOR(fs, "mov %%fs:0, %[read]\n\t")
RUN_WITH_SELECTOR(gs, "mov %%gs:0, %[read]\n\t")

static const struct {
	const char *name;
	long (*run)(int vcpu, uint64_t fs_base, uint16_t *selector, uint32_t *value);
	bool has_base;
} selectors[] = {
	{ "DS", run_with_ds, false },
	{ "ES", run_with_es, false },
	{ "FS", run_with_fs, true },
	{ "GS", run_with_gs, true },
};

TEST_F(host_state, ldt)
{
	struct state before, after;
	uint16_t selector;
	uint32_t value;

	/* A descriptor of this kind has 32 bits of base. */
	ASSERT_EQ(0, (uintptr_t)&ldt_target >> 32);
	ASSERT_EQ(0, add_ldt_entry());
	read_state(&before);
	ASSERT_NE(0, before.ldt);
	for (int i = 0; i < ROUNDS; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(selectors); j++) {
			EXPECT_EQ(0, selectors[j].run(self->guest.vcpu, before.fs_base, &selector,
						      &value));
			EXPECT_EQ(KEV_EXIT_IO, self->guest.run->kind);
			EXPECT_EQ(LDT_SELECTOR, selector) {
				TH_LOG("%s", selectors[j].name);
			}
			EXPECT_EQ(selectors[j].has_base ? ldt_target : 0, value) {
				TH_LOG("%s", selectors[j].name);
			}
		}
		read_state(&after);
		EXPECT_EQ(before.ldt, after.ldt);
		EXPECT_EQ(before.fs, after.fs);
		EXPECT_EQ(before.fs_base, after.fs_base);
	}
}

KT_CODE(reads_base, "mov $0xc0000102, %ecx\n 1: rdmsr\n out %al, $0x80\n jmp 1b");

/* That of a descriptor is in the register that the guest's own base goes to. */
TEST_F(host_state, gs_base_of_a_descriptor)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;
	uint16_t selector;
	uint32_t value;

	ASSERT_EQ(0, add_ldt_entry());
	ASSERT_EQ(0, kt_guest_init(&guest, &reads_base, 0, NULL));
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, run_with_gs(guest.vcpu, self->before.fs_base, &selector, &value));
		EXPECT_EQ(ldt_target, value);
		ASSERT_EQ(KEV_EXIT_IO, guest.run->kind);
		EXPECT_EQ(0, guest.run->gpr[KEV_RAX]);
		EXPECT_EQ(0, guest.run->gpr[KEV_RDX]);
		ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_MSRS, &state));
		EXPECT_EQ(0, state.msrs.kernel_gs_base);
	}
	kt_guest_fini(&guest);
}

/*
 * One that runs no guest: which of its registers has changed, or 0. It goes on
 * until the vCPU has entered its guest often enough: who gets the CPU how often
 * is the scheduler's choice.
 */
static int bystander(int cpu, int vcpu, uint64_t entries)
{
	struct vectors in, out;
	struct state before, now;

	read_state(&before);
	for (int i = 0; i < 10 * ROUNDS || kt_vcpu_stats(vcpu).entries <= entries; i++) {
		fill(&in, i);
		memset(&out, 0, sizeof(out));
		/* Here the guest has the CPU. */
		if (syscall_between(&in, &out, SYS_sched_yield, 0, 0))
			return 1;
		if (memcmp(in.ymm, out.ymm, sizeof(in.ymm)))
			return 2;
		if (in.mxcsr != out.mxcsr || in.x87_control != out.x87_control)
			return 3;
		read_state(&now);
		if (memcmp(&before, &now, sizeof(now)))
			return 4;
		if ((int)(now.cpu_node & 0xfff) != cpu)
			return 5;
	}
	return 0;
}

TEST_F(host_state, process_beside_a_guest)
{
	struct kt_runner runner;
	struct kt_guest guest;
	uint64_t entries;
	int status, cpu = sched_getcpu();
	pid_t pid;

	ASSERT_EQ(0, kt_guest_init(&guest, &trash_for_ever, 0, NULL));
	ASSERT_EQ(0, kt_runner_enter(&runner, guest.vcpu, cpu));
	entries = kt_vcpu_stats(guest.vcpu).entries;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(bystander(cpu, guest.vcpu, entries + ROUNDS));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("check %d", WEXITSTATUS(status));
	}
	EXPECT_LT(entries + ROUNDS, kt_vcpu_stats(guest.vcpu).entries);
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
