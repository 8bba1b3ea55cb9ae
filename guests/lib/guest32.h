/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a 32-bit guest can do: hypercalls of the "kev" ABI, and checks that end the VM with
 * their number.
 */
#ifndef GUEST32_H
#define GUEST32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define __packed	__attribute__((packed))
#define __noreturn	__attribute__((noreturn))
#define static_assert	_Static_assert

/* A protocol's header, at the start of the image */
#define __boot_header	__attribute__((section(".boot_header"), used, aligned(8)))

#define HYPERCALL_HALT	0
#define HYPERCALL_PRINT	1

/* What a guest ends with when all is as it should be */
#define EXIT_GOOD	0xcafe

#define CR0_PE	0x00000001U
#define CR0_ET	0x00000010U
#define CR0_NE	0x00000020U

/* Registers as the guest was entered with them */
struct registers {
	u32 eax, ebx, esi, esp;
};

u32 main(const struct registers *registers);

/* From the linker script */
extern u8 guest_start[], guest_end[];

static inline u32 hypercall(u32 nr, u32 edi, u32 esi)
{
	asm volatile("vmcall" : "+a"(nr) : "D"(edi), "S"(esi) : "memory");
	return nr;
}

static inline __noreturn void halt(u32 code)
{
	hypercall(HYPERCALL_HALT, code, 0);
	for (;;)
		asm volatile("hlt");
}

static inline u32 length_of(const char *string)
{
	u32 length = 0;

	while (string[length])
		length++;
	return length;
}

static inline void print(const char *string)
{
	hypercall(HYPERCALL_PRINT, (u32)string, length_of(string));
}

static inline void print_hex(u64 value)
{
	char digits[17];

	for (int i = 15; i >= 0; i--, value >>= 4)
		digits[i] = "0123456789abcdef"[value & 0xf];
	digits[16] = 0;
	print(digits);
}

/* Ends the VM with @number, which names the check, unless @got is @want */
static inline void expect(u32 number, const char *what, u64 got, u64 want)
{
	if (got == want)
		return;
	print(what);
	print(": ");
	print_hex(got);
	print(", not ");
	print_hex(want);
	print("\n");
	halt(number);
}

static inline bool same_string(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/*
 * A pointer that the compiler knows nothing of: what is read through it comes from memory,
 * also at address 0.
 */
static inline void *at(u32 address)
{
	asm volatile("" : "+r"(address));
	return (void *)address;
}

static inline u32 read_cr0(void)
{
	u32 value;

	asm volatile("mov %%cr0, %0" : "=r"(value));
	return value;
}

static inline u32 read_cr4(void)
{
	u32 value;

	asm volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

/* What every 32-bit protocol begins with: checks 1 to 3 */
static inline void expect_unpaged(u32 cr0)
{
	u32 eflags;

	asm volatile("pushf; pop %0" : "=r"(eflags));
	expect(1, "CR0", read_cr0(), cr0);
	expect(2, "CR4", read_cr4(), 0);
	expect(3, "IF, TF, VM", eflags & 0x20300, 0);
}

/*
 * Memory as a protocol reports it: runs ascend, none touches the next, the guest lies in
 * one, and each run's first and last byte can be written. Checks 4 to 7.
 */
struct memory {
	u64 last;		/* end of the run before */
	u64 total;
	bool holds_guest;
};

static inline void see_run(struct memory *memory, u64 base, u64 length, u32 type)
{
	expect(4, "type of a run", type, 1);
	if (memory->total)
		expect(5, "runs ascend", base > memory->last, true);
	if (base <= (u32)guest_start && base + length >= (u32)guest_end)
		memory->holds_guest = true;
	memory->last = base + length;
	memory->total += length;
	if (memory->last < 0xffffffffU) {
		volatile u8 *byte = at(memory->last - 1);

		*byte += 1;
		*byte -= 1;
	}
}

static inline void expect_memory(const struct memory *memory, u64 total)
{
	expect(6, "the guest lies in a run", memory->holds_guest, true);
	expect(7, "all memory", memory->total, total);
}

/* The file that the guest is run with as its module: another guest, its string "first" */
#define MODULE_STRING	"first"
#define CMDLINE		"alpha beta"
/* --memory of the run */
#define MEMORY		(32ULL << 20)

static inline void expect_module(u32 start, u32 end, const char *string)
{
	expect(8, "module is an ELF file", *(volatile u32 *)at(start), 0x464c457f);
	expect(9, "module starts a page", start % 4096, 0);
	expect(10, "module is not empty", end > start + 64, true);
	expect(11, "module's string", same_string(string, MODULE_STRING), true);
}

static inline void expect_cmdline(const char *cmdline)
{
	expect(12, "command line", same_string(cmdline, CMDLINE), true);
}

#endif /* GUEST32_H */
