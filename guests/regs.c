// SPDX-License-Identifier: GPL-2.0
/*
 * The whole "64-bit direct" boot state, as the first instruction finds it. Exit
 * 0, or the number of the check that failed.
 */
#include "guest.h"

#define GDT		0x1000UL
#define PML4		0x2000UL
#define PDPT		0x3000UL
#define PAGE_DIRS	0x4000UL

#define PTE_P		BIT(0)
#define PTE_RW		BIT(1)
#define PTE_AD		(BIT(5) | BIT(6))	/* accessed, dirty: the CPU's to set */
#define PTE_PS		BIT(7)

#define CODE_SELECTOR	0x08
#define DATA_SELECTOR	0x10

/* By the encoding of the instruction set, then RFLAGS */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R15 = 15, RFLAGS, NR_SAVED };

u64 saved[NR_SAVED];

/* Instead of crt.S: keeps every register before anything changes one. */
asm(".pushsection .text.start, \"ax\", @progbits\n"
	".globl _start\n"
	"_start:\n"
	"movq %rax, saved+8*0; movq %rcx, saved+8*1; movq %rdx, saved+8*2\n"
	"movq %rbx, saved+8*3; movq %rsp, saved+8*4; movq %rbp, saved+8*5\n"
	"movq %rsi, saved+8*6; movq %rdi, saved+8*7; movq %r8, saved+8*8\n"
	"movq %r9, saved+8*9; movq %r10, saved+8*10; movq %r11, saved+8*11\n"
	"movq %r12, saved+8*12; movq %r13, saved+8*13; movq %r14, saved+8*14\n"
	"movq %r15, saved+8*15\n"
	"pushfq\n"
	"popq saved+8*16\n"
	"call main\n"
	"mov %rax, %rdi\n"
	"xor %eax, %eax\n"
	"vmcall\n"
	".popsection");

static void check_registers(u64 vcpu_id)
{
	expect(1, "RSP", saved[RSP], 0xa0000);
	expect(2, "RFLAGS", saved[RFLAGS], 2);
	for (int i = RAX; i <= R15; i++)
		if (i != RSP && i != RSI)
			expect(10 + i, "a general register", saved[i], 0);
	expect(3, "RSI is the vCPU id of CPUID", saved[RSI], cpuid(1, 0).rbx >> 24);
	expect(3, "RSI", saved[RSI], vcpu_id);
}

static void check_controls(void)
{
	expect(30, "CR0", read_cr0(), 0x80010033);
	expect(31, "CR3", read_cr3(), PML4);
	expect(32, "CR4", read_cr4(), 0x620);
	expect(33, "EFER", rdmsr(MSR_EFER), 0x500);
	expect(34, "FS base", rdmsr(MSR_FS_BASE), 0);
	expect(35, "GS base", rdmsr(MSR_GS_BASE), 0);
}

#define SELECTOR(name)							\
({									\
	u16 selector_;							\
									\
	asm volatile("mov %%" #name ", %0" : "=r"(selector_));		\
	selector_;							\
})

static void check_segments(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed gdtr, idtr;
	const u64 *gdt = hide((void *)GDT);

	asm volatile("sgdt %0" : "=m"(gdtr));
	asm volatile("sidt %0" : "=m"(idtr));
	expect(40, "GDT base", gdtr.base, GDT);
	expect(41, "GDT limit", gdtr.limit, 23);
	expect(42, "IDT limit", idtr.limit, 0);
	expect(43, "GDT[0]", gdt[0], 0);
	expect(44, "GDT[1]", gdt[1], 0x00af9b000000ffff);
	expect(45, "GDT[2]", gdt[2], 0x00cf93000000ffff);
	expect(46, "CS", SELECTOR(cs), CODE_SELECTOR);
	expect(47, "SS", SELECTOR(ss), DATA_SELECTOR);
	expect(48, "DS", SELECTOR(ds), DATA_SELECTOR);
	expect(49, "ES", SELECTOR(es), DATA_SELECTOR);
	expect(50, "FS", SELECTOR(fs), DATA_SELECTOR);
	expect(51, "GS", SELECTOR(gs), DATA_SELECTOR);
}

static void check_page_tables(void)
{
	const u64 *pml4 = hide((void *)PML4), *pdpt = hide((void *)PDPT);
	const u64 *pd = hide((void *)PAGE_DIRS);

	expect(60, "PML4[0]", pml4[0] & ~PTE_AD, PDPT | PTE_P | PTE_RW);
	for (u64 i = 0; i < 4; i++)
		expect(61, "an entry of the PDPT", pdpt[i] & ~PTE_AD,
		       (PAGE_DIRS + i * PAGE_SIZE) | PTE_P | PTE_RW);
	for (u64 i = 1; i < 512; i++)
		expect(62, "an unused entry of the PML4", pml4[i], 0);
	for (u64 i = 4; i < 512; i++)
		expect(63, "an unused entry of the PDPT", pdpt[i], 0);
	for (u64 i = 0; i < 4 * 512; i++)
		expect(64, "an entry of a page directory", pd[i] & ~PTE_AD,
		       i * 2 * MIB | PTE_P | PTE_RW | PTE_PS);
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	expect(4, "the boot information's address", boot_info, 0);
	check_registers(vcpu_id);
	check_controls();
	check_segments();
	check_page_tables();
	print("regs: ok\n");
	return 0;
}
