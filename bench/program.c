// SPDX-License-Identifier: GPL-2.0
/* What guests run: the same bytes under every hypervisor, in 64-bit mode, paged one to one */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Behind the code, in its page: rounds, address, stride, vCPUs. The code below knows where. */
#define PARAMETERS	0x800

#define LOAD_PARAMETERS							\
	"mov 0x100800, %r12\n mov 0x100808, %r14\n mov 0x100810, %r13\n"

#define READ_TSC	"lfence\n rdtsc\n shl $32, %rdx\n or %rdx, %rax\n"

#define END		"mov $0x511, %dx\n out %eax, %dx\n 2: hlt\n jmp 2b\n"

/* EAX is a sample; another round, from label 1, or the end */
#define NEXT		"mov $0x510, %dx\n out %eax, %dx\n dec %r12\n jnz 1b\n" END

#define GUEST(name, text)						\
	KT_CODE_TEXT(name, text);					\
	const struct kt_code name = { name##_start, name##_end }

/* Each round: the ticks that @op takes, to the host */
#define MEASURE_WITH(name, setup, op)					\
	GUEST(name, LOAD_PARAMETERS setup "1:" READ_TSC "mov %rax, %r15\n" op \
	      READ_TSC "sub %r15, %rax\n" NEXT)
#define MEASURE(name, op)	MEASURE_WITH(name, "", op)

/*
 * Once all vCPUs are there: what all rounds of @op take together, each vCPU with memory of its
 * own. With @pad, programs that are the same otherwise have their RDTSCs elsewhere: a profile
 * tells them apart by that.
 */
#define MEASURE_ALL(name, pad, op)					\
	GUEST(name, pad LOAD_PARAMETERS					\
	      "mov %rsi, %rax\n imul %r12, %rax\n imul %r13, %rax\n add %rax, %r14\n" \
	      "mov 0x100818, %ebx\n lock incl 0x92000\n"		\
	      "3: pause\n cmp %ebx, 0x92000\n jb 3b\n"		\
	      READ_TSC "mov %rax, %r15\n"				\
	      "1:" op "add %r13, %r14\n dec %r12\n jnz 1b\n"		\
	      READ_TSC "sub %r15, %rax\n mov $0x510, %dx\n out %eax, %dx\n" END)

#define WALK(name, end)							\
	GUEST(name, LOAD_PARAMETERS					\
	      "1: mov (%r14), %al\n add %r13, %r14\n dec %r12\n jnz 1b\n" end)

#define WRITE_MSR(index, low, high)					\
	"mov $" #index ", %ecx\n mov $" low ", %eax\n mov $" high ", %edx\n wrmsr\n"

/*
 * The local APIC in x2APIC mode, and an interrupt gate for vector 0x40. The handler puts
 * the TSC into R11 and leaves other registers alone. The IDT is at 0x90000, tables of the
 * guest's own: KVM's has no GDT. A vCPU with the id 1 has a stack of its own.
 */
#define INTERRUPTS							\
	"shl $12, %rsi\n sub %rsi, %rsp\n"				\
	"jmp 8f\n"							\
	"6: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff\n"		\
	"7: push %rax\n push %rcx\n push %rdx\n"			\
	READ_TSC "mov %rax, %r11\n"					\
	WRITE_MSR(0x80b, "0", "0")					\
	"pop %rdx\n pop %rcx\n pop %rax\n iretq\n"			\
	"8: lea 6b(%rip), %rax\n mov %rax, -8(%rsp)\n movw $23, -10(%rsp)\n" \
	"lgdt -10(%rsp)\n"						\
	"movq $0x90000, -8(%rsp)\n movw $0xfff, -10(%rsp)\n lidt -10(%rsp)\n" \
	"lea 7b(%rip), %rax\n mov %ax, 0x90400\n movw $8, 0x90402\n"	\
	"movw $0x8e00, 0x90404\n shr $16, %rax\n mov %ax, 0x90406\n"	\
	"movq $0, 0x90408\n"						\
	"mov $0x1b, %ecx\n rdmsr\n or $0xc00, %eax\n wrmsr\n"		\
	WRITE_MSR(0x80f, "0x1ff", "0")

/* The timer in TSC-deadline mode */
#define DEADLINE_TIMER	INTERRUPTS WRITE_MSR(0x832, "0x40040", "0")

/* Until the handler has run; with @wait between two looks, interrupts off for them */
#define UNTIL_INTERRUPT(wait)						\
	"3: cli\n test %r11, %r11\n jnz 4f\n sti\n " wait "\n jmp 3b\n 4:\n"

/* From a deadline to the handler's first look at the TSC */
#define EXPIRY(name, wait)						\
	GUEST(name, LOAD_PARAMETERS DEADLINE_TIMER			\
	      "1: xor %r11d, %r11d\n" READ_TSC "add $20000, %rax\n mov %rax, %r15\n" \
	      "mov %rax, %rdx\n shr $32, %rdx\n mov $0x6e0, %ecx\n wrmsr\n" \
	      UNTIL_INTERRUPT(wait)					\
	      "mov %r11, %rax\n sub %r15, %rax\n" NEXT)

MEASURE(bench_empty, "");
/* The call of the test module's ABI "noop"; KVM does not know it. */
MEASURE(bench_hypercall, "mov $0x4e4f, %eax\n vmcall\n");
/* 64 bytes of the code itself */
MEASURE(bench_print, "mov $1, %eax\n mov $0x100000, %edi\n mov $64, %esi\n vmcall\n");
MEASURE(bench_cpuid, "xor %eax, %eax\n xor %ecx, %ecx\n cpuid\n");
/* IA32_TSC_ADJUST, as it is after a reset */
MEASURE(bench_rdmsr, "mov $0x3b, %ecx\n rdmsr\n");
MEASURE(bench_wrmsr, WRITE_MSR(0x3b, "0", "0"));
/* IA32_PAT, likewise */
MEASURE(bench_wrmsr_pat, WRITE_MSR(0x277, "0x00070406", "0x00070406"));
MEASURE_WITH(bench_xsetbv, "mov %cr4, %rax\n bts $18, %rax\n mov %rax, %cr4\n",
	     "xor %ecx, %ecx\n xor %edx, %edx\n mov $3, %eax\n xsetbv\n");
/* CD and OSXSAVE: each write changes the bit. */
MEASURE(bench_cr0, "mov %cr0, %rax\n btc $30, %rax\n mov %rax, %cr0\n");
MEASURE(bench_cr4, "mov %cr4, %rax\n btc $18, %rax\n mov %rax, %cr4\n");
MEASURE(bench_cr8, "mov %r12, %rax\n and $15, %eax\n mov %rax, %cr8\n");
MEASURE(bench_dr, "xor %eax, %eax\n mov %rax, %dr0\n");
MEASURE(bench_wbinvd, "wbinvd\n");
MEASURE_WITH(bench_tpr, INTERRUPTS, WRITE_MSR(0x808, "0x20", "0"));
MEASURE_WITH(bench_eoi, INTERRUPTS, WRITE_MSR(0x80b, "0", "0"));
MEASURE_WITH(bench_deadline, DEADLINE_TIMER, WRITE_MSR(0x6e0, "0", "0x7fffffff"));
/* To the vCPU with the id 1, which never runs */
MEASURE_WITH(bench_ipi, INTERRUPTS, WRITE_MSR(0x830, "0x4040", "1"));
/* To itself, and until the handler has run */
MEASURE_WITH(bench_self_ipi, INTERRUPTS,
	     "xor %r11d, %r11d\n" WRITE_MSR(0x830, "0x44040", "0") UNTIL_INTERRUPT("nop"));
EXPIRY(bench_expiry, "nop");
EXPIRY(bench_expiry_halted, "hlt");
/*
 * Two vCPUs that halt until the other one sends an interrupt: there and back. The one with
 * the id 1 begins, once the word at 0x91000 says that the other one can take it.
 */
GUEST(bench_ping_pong, LOAD_PARAMETERS "mov %esi, %ebx\n" INTERRUPTS "xor %r11d, %r11d\n"
	"test %ebx, %ebx\n jnz 9f\n movl $1, 0x91000\n" UNTIL_INTERRUPT("hlt")
	"1:" READ_TSC "mov %rax, %r15\n xor %r11d, %r11d\n"
	WRITE_MSR(0x830, "0x4040", "1") UNTIL_INTERRUPT("hlt")
	READ_TSC "sub %r15, %rax\n" NEXT
	"9: pause\n cmpl $0, 0x91000\n je 9b\n"
	"5: xor %r11d, %r11d\n" WRITE_MSR(0x830, "0x4040", "0") UNTIL_INTERRUPT("hlt")
	"jmp 5b\n");

MEASURE(bench_out, "mov $0x512, %dx\n out %al, %dx\n");
MEASURE(bench_outs, "mov $0x512, %edx\n mov $0x100000, %esi\n mov $64, %ecx\n rep outsb\n");
/* The address is a device's. */
MEASURE(bench_mmio_read, "mov (%r14), %eax\n");
MEASURE(bench_mmio_write, "mov %eax, (%r14)\n");
MEASURE(bench_read, "mov (%r14), %al\n add %r13, %r14\n");
MEASURE(bench_write, "movb $1, (%r14)\n add %r13, %r14\n");
MEASURE_ALL(bench_read_all, "", "mov (%r14), %al\n");
MEASURE_ALL(bench_write_all, "", "movb $1, (%r14)\n");
MEASURE_ALL(bench_write_huge, "nop\n", "movb $1, (%r14)\n");
MEASURE_ALL(bench_write_image, "nop\n nop\n", "movb $1, (%r14)\n");
GUEST(bench_out_for_ever, "1: out %al, $0x51\n jmp 1b\n");
/* The RDTSC is for a profile: it is the last thing before the exit, or close to it. */
GUEST(bench_count, "1: incl 0x92000\n rdtsc\n jmp 1b\n");
WALK(bench_walk, END);
WALK(bench_walk_halt, "xor %edi, %edi\n" KT_HALT);
WALK(bench_walk_print, "mov $0x3f8, %dx\n mov $0x41, %al\n out %al, %dx\n"
	"mov $0x604, %dx\n mov $0x2000, %ax\n out %ax, %dx\n 2: hlt\n jmp 2b\n");

size_t bench_rdtscs(const struct kt_code *code, uint64_t *gpa, size_t max)
{
	size_t n = 0;

	for (const char *at = code->start; at + 1 < code->end && n < max; at++) {
		if (at[0] == 0x0f && at[1] == 0x31)
			gpa[n++] = KT_CODE_GPA + (at - code->start);
	}
	return n;
}

void bench_code_page(const struct bench_program *program, uint8_t page[KT_PAGE])
{
	const uint64_t parameters[] = {
		program->rounds, program->address, program->stride,
		program->other == BENCH_ALONE ? 1 : 2,
	};

	memset(page, 0, KT_PAGE);
	memcpy(page, program->code->start, program->code->end - program->code->start);
	memcpy(page + PARAMETERS, parameters, sizeof(parameters));
}

static int write_page(int fd, const void *page, uint64_t offset)
{
	ssize_t n = pwrite(fd, page, KT_PAGE, offset);

	if (n < 0)
		return -errno;
	return n == (ssize_t)KT_PAGE ? 0 : -EIO;
}

static int write_image(int fd, const struct bench_program *program, uint64_t data)
{
	uint8_t page[KT_PAGE] = { 0 };
	struct kt_elf elf;
	int ret;

	kt_elf_init(&elf, KT_PAGE + data);
	memcpy(page, &elf, sizeof(elf));
	ret = write_page(fd, page, 0);
	bench_code_page(program, page);
	if (!ret)
		ret = write_page(fd, page, KT_CODE_OFFSET);
	memset(page, 0x5a, sizeof(page));
	for (uint64_t at = 0; !ret && at < data; at += KT_PAGE)
		ret = write_page(fd, page, KT_CODE_OFFSET + KT_PAGE + at);
	/* Dirty pages could not be thrown out of the page cache. */
	return ret || !fsync(fd) ? ret : -errno;
}

int bench_image(const struct bench_program *program, uint64_t data)
{
	int fd, ret;

	unlink(bench_image_path);
	fd = open(bench_image_path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755);
	if (fd < 0)
		return -errno;
	ret = write_image(fd, program, data);
	/* Closed before it is attached: an image that somebody may write is copied. */
	close(fd);
	if (ret)
		return ret;
	fd = open(bench_image_path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
