/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest can do: hypercalls of the "kev" ABI, instructions that C has no
 * name for, printing, and checks that end the VM with their number.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int32_t s32;
typedef int64_t s64;

#define PAGE_SIZE	4096UL
#define MIB		(1UL << 20)
#define __page_aligned	__attribute__((aligned(4096)))
#define __packed	__attribute__((packed))
#define __weak		__attribute__((weak))
#define __noreturn	__attribute__((noreturn))
#define BIT(n)		(1UL << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define static_assert	_Static_assert

/* Upper halves that an instruction with 32-bit operands has to ignore */
#define DIRTY		0xdeadbeef00000000UL

#define HYPERCALL_HALT	0
#define HYPERCALL_PRINT	1
#define EFAULT_RAX	((u64)-14)	/* RAX after a Print that met a bad page */

/* Exit code after an exception that nobody expected */
#define EXIT_EXCEPTION	120

#define MSR_APIC_BASE		0x1bU
#define MSR_SYSENTER_CS		0x174U
#define MSR_SYSENTER_ESP	0x175U
#define MSR_SYSENTER_EIP	0x176U
#define MSR_PAT			0x277U
#define MSR_TSC_DEADLINE	0x6e0U
#define MSR_X2APIC_EOI		0x80bU
#define MSR_X2APIC_SVR		0x80fU
#define MSR_X2APIC_LVT_TIMER	0x832U
#define MSR_EFER		0xc0000080U
#define MSR_STAR		0xc0000081U
#define MSR_LSTAR		0xc0000082U
#define MSR_CSTAR		0xc0000083U
#define MSR_SFMASK		0xc0000084U
#define MSR_FS_BASE		0xc0000100U
#define MSR_GS_BASE		0xc0000101U
#define MSR_KERNEL_GS_BASE	0xc0000102U
#define MSR_TSC_AUX		0xc0000103U

/* Entry point of a guest: boot information's address and the vCPU's id */
u64 main(u64 boot_info, u64 vcpu_id);

/* From the linker script */
extern u8 guest_start[], guest_data_end[], guest_end[];

static inline u64 hypercall(u64 nr, u64 rdi, u64 rsi)
{
	asm volatile("vmcall" : "+a"(nr) : "D"(rdi), "S"(rsi) : "memory");
	return nr;
}

static inline __noreturn void halt(u64 code)
{
	hypercall(HYPERCALL_HALT, code, 0);
	for (;;)
		asm volatile("hlt");
}

/* Returns RAX: HYPERCALL_PRINT unchanged after success, else EFAULT_RAX */
static inline u64 print_bytes(const void *bytes, u64 length)
{
	return hypercall(HYPERCALL_PRINT, (u64)bytes, length);
}

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

void print(const char *string);
void print_hex(u64 value);

/*
 * The same pointer, but the compiler no longer knows what it points to: what is
 * read through it comes from memory.
 */
static inline void *hide(const void *pointer)
{
	asm volatile("" : "+r"(pointer) : : "memory");
	return (void *)pointer;
}

/* Ends the VM with @number, which names the check, unless @got is @want */
void expect(u64 number, const char *what, u64 got, u64 want);

struct cpuid {
	u64 rax, rbx, rcx, rdx;
};

/* All 64 bits of the four registers, as CPUID left them */
static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r = {
		.rax = DIRTY | leaf, .rbx = ~0UL, .rcx = DIRTY | subleaf, .rdx = ~0UL,
	};

	asm volatile("cpuid" : "+a"(r.rax), "+b"(r.rbx), "+c"(r.rcx), "+d"(r.rdx));
	return r;
}

static inline u64 rdmsr(u32 index)
{
	u64 low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"((u64)index));
	return high << 32 | low;
}

static inline void wrmsr(u32 index, u64 value)
{
	asm volatile("wrmsr" : : "c"((u64)index), "a"((u32)value), "d"(value >> 32) : "memory");
}

static inline u64 rdtsc(void)
{
	u64 low, high;

	asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return high << 32 | low;
}

static inline void out8(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(u16 port, u16 value)
{
	asm volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out32(u16 port, u32 value)
{
	asm volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 in8(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u16 in16(u16 port)
{
	u16 value;

	asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u32 in32(u16 port)
{
	u32 value;

	asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

#define READ_CR(n)							\
static inline u64 read_cr##n(void)					\
{									\
	u64 value;							\
									\
	asm volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory");	\
	return value;							\
}

READ_CR(0)
READ_CR(3)
READ_CR(4)

static inline void write_cr3(u64 value)
{
	asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void write_cr4(u64 value)
{
	asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

#endif /* GUEST_H */
