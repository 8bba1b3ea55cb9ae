// SPDX-License-Identifier: GPL-2.0
/*
 * Print with every kind of buffer. Exit 0, or the number of the check that
 * failed. The whole output is
 *
 *	registers
 *	across pages
 *	not loaded: 0123456789
 *	up to the bad page
 *	huge length
 *	print: ok
 */
#include "guest.h"

#define PTE_P		BIT(0)
#define PTE_RW		BIT(1)

/* The boot protocol's PML4 and an address that only its third entry maps */
#define PML4_INDEX	2UL
#define WINDOW		(PML4_INDEX << 39)
#define GUEST_HOLE	0xc0000000UL	/* in the boot page tables, never RAM */
#define NON_CANONICAL	0x0000800000000000UL

static u64 pdpt[512] __page_aligned, pd[512] __page_aligned, pt[512] __page_aligned;
static u8 frames[4][PAGE_SIZE] __page_aligned;

/* Two pages that nothing but Print ever reads; the text crosses their boundary. */
static const struct {
	char padding[PAGE_SIZE - 18];
	char text[23];
	char rest[PAGE_SIZE - 5];
} cold __page_aligned = { .text = "not loaded: 0123456789\n" };

static_assert(sizeof(cold) == 2 * PAGE_SIZE, "the text crosses from the first page to the second");

/* The window's pages 0 and 1 are frames 2 and 0, its page 2 is not present. */
static void map_window(void)
{
	u64 *pml4 = (u64 *)read_cr3();

	pt[0] = (u64)frames[2] | PTE_P | PTE_RW;
	pt[1] = (u64)frames[0] | PTE_P | PTE_RW;
	pd[0] = (u64)pt | PTE_P | PTE_RW;
	pdpt[0] = (u64)pd | PTE_P | PTE_RW;
	pml4[PML4_INDEX] = (u64)pdpt | PTE_P | PTE_RW;
	write_cr3(read_cr3());
}

static char *put(u64 address, const char *text)
{
	char *to = (char *)address;

	while (*text)
		*to++ = *text++;
	return (char *)address;
}

static u64 length_of(const char *text)
{
	u64 length = 0;

	while (text[length])
		length++;
	return length;
}

/* In the order of the instruction set's encoding; RSP's place is unused. */
struct registers {
	u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rflags;
};

static struct registers regs;

/* VMCALL with all registers from @regs, which then holds what they became. */
void vmcall_with_registers(void);
asm(".pushsection .text\n"
	"vmcall_with_registers:\n"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"movq regs+8*0, %rax; movq regs+8*1, %rcx; movq regs+8*2, %rdx\n"
	"movq regs+8*3, %rbx; movq regs+8*5, %rbp; movq regs+8*6, %rsi\n"
	"movq regs+8*7, %rdi; movq regs+8*8, %r8; movq regs+8*9, %r9\n"
	"movq regs+8*10, %r10; movq regs+8*11, %r11; movq regs+8*12, %r12\n"
	"movq regs+8*13, %r13; movq regs+8*14, %r14; movq regs+8*15, %r15\n"
	"pushq regs+8*16; popfq\n"
	"vmcall\n"
	"pushfq; popq regs+8*16\n"
	"movq %rax, regs+8*0; movq %rcx, regs+8*1; movq %rdx, regs+8*2\n"
	"movq %rbx, regs+8*3; movq %rbp, regs+8*5; movq %rsi, regs+8*6\n"
	"movq %rdi, regs+8*7; movq %r8, regs+8*8; movq %r9, regs+8*9\n"
	"movq %r10, regs+8*10; movq %r11, regs+8*11; movq %r12, regs+8*12\n"
	"movq %r13, regs+8*13; movq %r14, regs+8*14; movq %r15, regs+8*15\n"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"ret\n"
	".popsection");

static void check_registers(void)
{
	static const char text[] = "registers\n";
	struct registers want = {
		.rax = HYPERCALL_PRINT, .rdi = (u64)text, .rsi = sizeof(text) - 1,
		.rcx = 0x0101010101010101, .rdx = 0xffffffffffffffff, .rbx = 0x0303030303030303,
		.rbp = 0x0505050505050505, .r8 = 0x0808080808080808, .r9 = 0x0909090909090909,
		.r10 = 0x1010101010101010, .r11 = 0x1111111111111111, .r12 = 0x1212121212121212,
		.r13 = 0x1313131313131313, .r14 = 0x1414141414141414, .r15 = 0x1515151515151515,
		.rflags = 0x8d7,	/* OF, SF, ZF, AF, PF, CF and bit 1 */
	};
	const u64 *got = (u64 *)&regs, *wanted = (u64 *)&want;

	regs = want;
	vmcall_with_registers();
	for (u64 i = 0; i < sizeof(regs) / sizeof(u64); i++)
		expect(1, "a register after Print", got[i], wanted[i]);
}

static void check_lengths(void)
{
	expect(2, "length 0", print_bytes("x", 0), HYPERCALL_PRINT);
	put(WINDOW + PAGE_SIZE - 7, "across pages\n");
	expect(3, "across pages", print_bytes((void *)(WINDOW + PAGE_SIZE - 7), 13),
	       HYPERCALL_PRINT);
	expect(4, "the bytes lie in two frames",
	       frames[2][PAGE_SIZE - 1] == ' ' && frames[0][0] == 'p', true);
	expect(5, "not loaded", print_bytes(cold.text, sizeof(cold.text)), HYPERCALL_PRINT);
}

/* Puts @text at the end of the window's last page and prints @length bytes from there. */
static u64 print_into_bad_page(const char *text, u64 length)
{
	u64 address = WINDOW + 2 * PAGE_SIZE - length_of(text);

	return print_bytes(put(address, text), length);
}

static void check_bad_pages(void)
{
	expect(6, "into a page that is not present",
	       print_into_bad_page("up to the bad page\n", 100), EFAULT_RAX);
	expect(7, "huge length", print_into_bad_page("huge length\n", ~0UL), EFAULT_RAX);
	expect(8, "nothing mapped", print_bytes((void *)(WINDOW + 2 * PAGE_SIZE), 1), EFAULT_RAX);
	expect(9, "nothing mapped at any level", print_bytes((void *)(WINDOW << 1), 1),
	       EFAULT_RAX);
	expect(10, "non-canonical", print_bytes((void *)NON_CANONICAL, 1), EFAULT_RAX);
	expect(11, "mapped by the guest, but no memory", print_bytes((void *)GUEST_HOLE, 1),
	       EFAULT_RAX);
	expect(12, "the last byte of the address space", print_bytes((void *)~0UL, 2), EFAULT_RAX);
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	map_window();
	check_registers();
	check_lengths();
	check_bad_pages();
	print("print: ok\n");
	return 0;
}
