// SPDX-License-Identifier: GPL-2.0
/*
 * Four vCPUs: the first starts the others by INIT and SIPI, sends them interrupts and gets
 * some back, then ends the VM while one of them has halted, one spins and one waits for a
 * SIPI again. Wants --boot=kev32 --cpus=4.
 */
#include "tables32.h"

#define NR_VCPUS	4
#define START		0x8000		/* where the others begin, in real mode */
#define STACK_SIZE	4096

#define MSR_APIC_BASE	0x1b
#define APIC_X2APIC	0x400
#define APIC_ENABLED	0x800
#define X2APIC_ID	0x802
#define X2APIC_EOI	0x80b
#define X2APIC_SVR	0x80f
#define X2APIC_ICR	0x830

#define SVR_ENABLED	0x1ff
#define ICR_INIT	0x4500
#define ICR_SIPI	(0x4600 | START >> 12)
#define ICR_FIXED	0x4000
#define ICR_OTHERS	0xc0000

#define VECTOR_TO_ONE	0x41
#define VECTOR_TO_ALL	0x42
#define VECTOR_ANSWER	0x50		/* + the id of the one that answers */

/* CR0 after INIT, but for CD and NW, which INIT leaves alone */
#define CR0_AFTER_INIT	0x10
#define CR0_CACHES	0x60000000

struct interrupt_frame;

/* Where a vCPU begins, as its code has put it on the stack */
struct start {
	u32 id, cr0, cs, ds, edx;
};

static struct gate idt[VECTOR_ANSWER + NR_VCPUS];
static volatile u32 started[NR_VCPUS];
static volatile u32 to_one[NR_VCPUS], to_all[NR_VCPUS];
static volatile u32 answers;
u8 start_stacks[NR_VCPUS][STACK_SIZE] __attribute__((aligned(16)));

__attribute__((noreturn)) void start_main(const struct start *start);

/* From the real mode of a SIPI to start_main(); what is below start_end is copied. */
extern const u8 start_begin[], start_end[];
asm(".pushsection .rodata\n"
	".code16\n"
	"start_begin:\n"
	"	mov	%cr0, %ebx\n"
	"	mov	%cs, %ecx\n"
	"	mov	%ds, %esi\n"
	"	lgdtl	%cs:(start_pointer - start_begin)\n"
	"	mov	%ebx, %eax\n"
	"	and	$0x9fffffff, %eax\n"
	"	or	$1, %al\n"
	"	mov	%eax, %cr0\n"
	"	ljmpl	$0x08, $start_32\n"
	"start_pointer:\n"
	"	.word	23\n"
	"	.long	gdt\n"
	"start_end:\n"
	".popsection\n"
	".code32\n"
	"start_32:\n"
	"	mov	$0x10, %ax\n"
	"	mov	%ax, %ds\n"
	"	mov	%ax, %es\n"
	"	mov	%ax, %ss\n"
	"	mov	%ebx, %edi\n"
	"	mov	%ecx, %ebp\n"
	"	mov	%edx, %esp\n"
	"	mov	$1, %eax\n"
	"	cpuid\n"
	"	shr	$24, %ebx\n"
	"	mov	%esp, %edx\n"
	"	mov	%ebx, %esp\n"
	"	inc	%esp\n"
	"	shl	$12, %esp\n"
	"	add	$start_stacks, %esp\n"
	"	push	%edx\n"
	"	push	%esi\n"
	"	push	%ebp\n"
	"	push	%edi\n"
	"	push	%ebx\n"
	"	push	%esp\n"
	"	call	start_main\n");

static inline u64 rdmsr(u32 index)
{
	u64 value;

	asm volatile("rdmsr" : "=A"(value) : "c"(index));
	return value;
}

static inline void wrmsr(u32 index, u64 value)
{
	asm volatile("wrmsr" : : "c"(index), "A"(value) : "memory");
}

static inline void pause(void)
{
	asm volatile("pause" : : : "memory");
}

/* Sleep until an interrupt has come. */
static inline void wait_interrupt(void)
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

static void send(u32 destination, u32 command)
{
	wrmsr(X2APIC_ICR, (u64)destination << 32 | command);
}

static u32 own_id(void)
{
	return rdmsr(X2APIC_ID);
}

__attribute__((interrupt)) static void on_one(struct interrupt_frame *frame)
{
	(void)frame;
	to_one[own_id()]++;
	wrmsr(X2APIC_EOI, 0);
}

__attribute__((interrupt)) static void on_all(struct interrupt_frame *frame)
{
	(void)frame;
	to_all[own_id()]++;
	wrmsr(X2APIC_EOI, 0);
}

#define ON_ANSWER(id)							\
__attribute__((interrupt)) static void on_answer##id(struct interrupt_frame *frame) \
{									\
	(void)frame;							\
	answers |= 1 << (id);						\
	wrmsr(X2APIC_EOI, 0);						\
}

ON_ANSWER(1)
ON_ANSWER(2)
ON_ANSWER(3)

static void enable_apic(u32 id)
{
	u32 eax = 1, ecx, edx;

	asm volatile("cpuid" : "+a"(eax), "=c"(ecx), "=d"(edx) : : "ebx");
	expect(20, "CPUID has x2APIC", ecx >> 21 & 1, 1);
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_X2APIC | APIC_ENABLED);
	wrmsr(X2APIC_SVR, SVR_ENABLED);
	expect(21, "APIC id", own_id(), id);
}

static u32 signature(void)
{
	u32 eax = 1;

	asm volatile("cpuid" : "+a"(eax) : : "ebx", "ecx", "edx");
	return eax;
}

/* The vCPUs beside the first, one after the other */
void start_main(const struct start *start)
{
	u32 id = start->id;

	expect(30, "CR0 after INIT", start->cr0 & ~CR0_CACHES, CR0_AFTER_INIT);
	expect(31, "CS after SIPI", start->cs, START >> 4);
	expect(32, "DS after INIT", start->ds, 0);
	expect(33, "EDX after INIT", start->edx, signature());
	expect(34, "id", id && id < NR_VCPUS, true);
	load_idt(idt, sizeof(idt));
	enable_apic(id);
	print(id == 1 ? "vCPU 1\n" : id == 2 ? "vCPU 2\n" : "vCPU 3\n");
	started[id]++;
	while (!to_one[id] || !to_all[id])
		wait_interrupt();
	send(0, ICR_FIXED | (VECTOR_ANSWER + id));
	while (id == 2)
		pause();
	for (;;)
		asm volatile("hlt");
}

static void load_tables(void)
{
	idt[VECTOR_TO_ONE] = interrupt_gate((u32)on_one);
	idt[VECTOR_TO_ALL] = interrupt_gate((u32)on_all);
	idt[VECTOR_ANSWER + 1] = interrupt_gate((u32)on_answer1);
	idt[VECTOR_ANSWER + 2] = interrupt_gate((u32)on_answer2);
	idt[VECTOR_ANSWER + 3] = interrupt_gate((u32)on_answer3);
	load_gdt();
	load_idt(idt, sizeof(idt));
}

u32 main(const struct registers *registers)
{
	volatile u8 *begin = at(START);

	(void)registers;
	load_tables();
	enable_apic(0);
	for (const u8 *from = start_begin; from < start_end; from++)
		begin[from - start_begin] = *from;
	print("vCPU 0\n");
	for (u32 id = 1; id < NR_VCPUS; id++) {
		send(id, ICR_INIT);
		send(id, ICR_SIPI);
		send(id, ICR_SIPI);
		while (!started[id])
			pause();
		/* Harmless while it runs */
		send(id, ICR_SIPI);
	}
	for (u32 id = 1; id < NR_VCPUS; id++)
		send(id, ICR_FIXED | VECTOR_TO_ONE);
	send(0, ICR_FIXED | ICR_OTHERS | VECTOR_TO_ALL);
	while (answers != 0xe)
		wait_interrupt();
	for (u32 id = 1; id < NR_VCPUS; id++) {
		expect(40, "started once", started[id], 1);
		expect(41, "an interrupt for one", to_one[id], 1);
		expect(42, "an interrupt for all others", to_all[id], 1);
	}
	expect(43, "no interrupt for oneself", to_one[0] + to_all[0], 0);
	send(3, ICR_INIT);
	print("smp: ok\n");
	return EXIT_GOOD;
}
