/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything that a Hermit image finds at its entry. A guest includes this, says its notes
 * and calls boot_check() with them, and with the address that its memory begins at.
 */
#ifndef HERMIT_BOOT_H
#define HERMIT_BOOT_H

#include "hermit.h"

#define GDT_1		0x1000UL
#define TREE_1		0x2000UL
#define BOOT_INFO_1	0x9000UL
#define TREE_2		0x1000UL
#define BOOT_INFO_2	0x5000UL
#define ROOT_TABLE	0x10000UL
#define STACK_BYTES	0x8000UL
#define SERIAL_1	0x800
#define SERIAL_2	0x1030

#define MEMORY_BYTES	(32 * MIB)	/* kevctl run --memory 32M */
#define MSR_MISC_ENABLE	0x1a0U
#define CR4_MCE		BIT(6)
#define PTE_AD		0x60UL		/* the CPU's to set */
#define SECOND_2020	1577836800UL

#define TLS_WORD	0x1122334455667788UL
#define TLS_ALIGN	64

/* What PT_TLS describes; nobody gives it to a thread here. */
__thread u64 tls_word __attribute__((aligned(TLS_ALIGN), used)) = TLS_WORD;
__thread u8 tls_zeros[40] __attribute__((used));

struct elf_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum;
};

struct program_header {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};

extern const u8 __ehdr_start[] __attribute__((visibility("hidden")));

struct own_image {
	u64 start, end;
	struct program_header tls;
};

/* By the program headers, which are in memory */
static inline struct own_image find_image(void)
{
	const struct elf_header *elf = (const void *)__ehdr_start;
	const struct program_header *header = (const void *)(__ehdr_start + elf->phoff);
	struct own_image image = { .start = (u64)__ehdr_start };
	u64 bias = elf->type == 3 ? image.start : 0;

	for (u32 i = 0; i < elf->phnum; i++) {
		if (header[i].type == 1)
			image.end = bias + header[i].vaddr + header[i].memsz;
		if (header[i].type == 7) {
			image.tls = header[i];
			image.tls.vaddr += bias;
		}
	}
	return image;
}

static inline u64 boot_field(u64 info, u32 offset, u32 width)
{
	const u8 *bytes = hide((void *)(info + offset));
	u64 value = 0;

	while (width--)
		value = value << 8 | bytes[width];
	return value;
}

#define FIELD(number, name, offset, width, want) \
	hermit_expect(number, name, boot_field(info, offset, width), want)

static inline void check_tls(u64 info, u32 offset, const struct own_image *image)
{
	FIELD(10, "TLS start", offset, 8, image->tls.vaddr);
	FIELD(11, "TLS bytes in the file", offset + 8, 8, 8);
	FIELD(12, "TLS bytes in memory", offset + 16, 8, image->tls.memsz);
	hermit_expect(13, "TLS image", boot_field(image->tls.vaddr, 0, 8), TLS_WORD);
}

static inline void check_version_1(u64 info, u32 cpus, const struct own_image *image)
{
	FIELD(20, "magic", 0, 4, 0xc0decafe);
	FIELD(21, "version", 4, 4, 1);
	FIELD(22, "base", 8, 8, image->start);
	FIELD(23, "limit", 16, 8, MEMORY_BYTES);
	FIELD(24, "image size", 24, 8, image->end - image->start);
	check_tls(info, 32, image);
	FIELD(25, "stack", 56, 8, image->start - STACK_BYTES);
	FIELD(26, "boot time is later than 2020", 80, 8,
	      boot_field(info, 80, 8) / 1000000 < SECOND_2020 ? 0 : boot_field(info, 80, 8));
	FIELD(27, "MHz", 112, 4, boot_field(info, 112, 4) ? boot_field(info, 112, 4) : 1);
	FIELD(28, "boot processor", 116, 4, 0xffffffff);
	FIELD(29, "CPUs online", 120, 4, 0);
	FIELD(30, "CPUs", 124, 4, cpus);
	FIELD(31, "serial port: none without -v", 132, 2, 0);
	FIELD(32, "one kernel", 134, 1, 1);
	FIELD(33, "uhyve", 135, 1, 1);
	FIELD(34, "TLS alignment", 152, 8, TLS_ALIGN);
}

static inline void check_later(u64 info, u32 version, u32 interface, u64 base, u32 cpus,
			       const struct own_image *image)
{
	u32 at = version == 2 ? 24 : 32;

	FIELD(40, "memory's start", 0, 8, base);
	FIELD(41, "memory's end", 8, 8, base + MEMORY_BYTES);
	FIELD(42, "serial port: not in version 2 without -v", 16, 2,
	      version == 2 ? 0 : interface == 1 ? SERIAL_1 : SERIAL_2);
	if (version > 2)
		FIELD(43, "device tree", 24, 8, base + (interface == 1 ? TREE_1 : TREE_2));
	FIELD(44, "image's start", at, 8, image->start);
	FIELD(45, "image's end", at + 8, 8, image->end);
	check_tls(info, at + 16, image);
	FIELD(46, "TLS alignment", at + 40, 8, TLS_ALIGN);
	FIELD(47, "platform", at + 48, 4, 1);
	FIELD(48, "PCI", at + 56, 1, 0);
	FIELD(49, "CPUs", at + 64, 8, cpus);
	FIELD(50, "kHz", at + 72, 4,
	      boot_field(info, at + 72, 4) ? boot_field(info, at + 72, 4) : 1);
	FIELD(51, "boot time is later than 2020", at + 80, 8,
	      boot_field(info, at + 80, 8) / 1000000000 < SECOND_2020 ? 0 :
	      boot_field(info, at + 80, 8));
	FIELD(52, "boot time's upper half", at + 88, 8, 0);
}

static inline u32 tree_word(u64 tree, u32 offset)
{
	u64 bytes = boot_field(tree, offset, 4);

	return bytes >> 24 | (bytes >> 8 & 0xff00) | (bytes << 8 & 0xff0000) | bytes << 24;
}

/* Where the value of a property is; the first of that name; 0 without one */
static inline u32 tree_find(u64 tree, const char *name, u32 *length)
{
	u32 at = tree_word(tree, 8), end = at + tree_word(tree, 36);
	u32 strings = tree_word(tree, 12);

	while (at < end) {
		u32 token = tree_word(tree, at);

		at += 4;
		if (token == 1) {
			at += (hermit_length((const char *)tree + at) + 4) & ~3UL;
		} else if (token == 3) {
			*length = tree_word(tree, at);
			if (hermit_same((const u8 *)tree + strings + tree_word(tree, at + 4), name,
					hermit_length(name) + 1))
				return at + 8;
			at += 8 + ((*length + 3) & ~3U);
		}
	}
	return 0;
}

/* kevctl run IMAGE one "two words" */
static inline void check_tree(u64 tree, u64 base)
{
	static const char end[] = "-- one 'two words'";
	u32 length = 0, at;

	hermit_expect(60, "the tree's magic", tree_word(tree, 0), 0xd00dfeed);
	hermit_expect(61, "its version", tree_word(tree, 20), 17);
	at = tree_find(tree, "compatible", &length);
	hermit_expect(62, "compatible", at && hermit_same((const u8 *)tree + at, "hermit,uhyve",
							  13), 1);
	at = tree_find(tree, "reg", &length);
	hermit_expect(63, "memory", at && length == 16, 1);
	hermit_expect(64, "memory's start",
		      (u64)tree_word(tree, at) << 32 | tree_word(tree, at + 4), base);
	hermit_expect(65, "its length", tree_word(tree, at + 12), MEMORY_BYTES);
	at = tree_find(tree, "khz", &length);
	hermit_expect(66, "kHz", at && tree_word(tree, at), 1);
	at = tree_find(tree, "bootargs", &length);
	at += length - sizeof(end);
	hermit_expect(67, "arguments", length >= sizeof(end) &&
		      hermit_same((const u8 *)tree + at, end, sizeof(end)), 1);
}

static inline void check_cpu(u64 gdt, u64 root)
{
	static const u64 descriptors[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
	struct {
		u16 limit;
		u64 base;
	} __packed gdtr;
	struct cpuid name[3];
	char brand[48];

	hermit_expect(70, "CR0", read_cr0(), 0x80000031);
	hermit_expect(71, "CR3", read_cr3(), root);
	hermit_expect(72, "CR4", read_cr4(), 0x20);
	hermit_expect(73, "EFER", rdmsr(MSR_EFER), 0xd00);
	write_cr4(0x20 | CR4_MCE);
	hermit_expect(74, "CR4.MCE", read_cr4(), 0x20 | CR4_MCE);
	write_cr4(0x20);
	hermit_expect(75, "CR4 again", read_cr4(), 0x20);
	asm volatile("sgdt %0" : "=m"(gdtr));
	hermit_expect(76, "GDT", gdtr.base, gdt);
	hermit_expect(77, "its limit", gdtr.limit, 23);
	hermit_expect(78, "its descriptors", hermit_same(hide((void *)gdt), descriptors, 24), 1);
	for (u32 i = 0; i < 3; i++) {
		name[i] = cpuid(0x80000002 + i, 0);
		const u32 words[4] = { name[i].rax, name[i].rbx, name[i].rcx, name[i].rdx };

		for (u32 j = 0; j < 16; j++)
			brand[16 * i + j] = words[j / 4] >> j % 4 * 8;
	}
	hermit_expect(79, "brand string",
		      hermit_same(brand, "uhyve - unikernel hypervisor", 29), 1);
	hermit_expect(80, "hypervisor, TSC deadline", cpuid(1, 0).rcx >> 24 & 0x81, 0x81);
	hermit_expect(81, "MSRs", cpuid(1, 0).rdx >> 5 & 1, 1);
	hermit_expect(82, "performance counters", cpuid(0xa, 0).rax, 0);
	hermit_expect(83, "MISC_ENABLE", rdmsr(MSR_MISC_ENABLE), 1);
}

static inline void check_tables(u64 base, u64 root)
{
	const u64 *pml4 = hide((void *)root), *pdpt, *directory;

	hermit_expect(90, "recursive entry", pml4[511] & ~PTE_AD, root | 3);
	hermit_expect(91, "PML4", pml4[0] & ~PTE_AD, (root + 0x1000) | 3);
	pdpt = (const u64 *)(root + 0x1000);
	hermit_expect(92, "PDPT", pdpt[base >> 30] & ~PTE_AD, (root + 0x2000) | 3);
	directory = (const u64 *)(root + 0x2000);
	for (u64 i = base / (2 * MIB) % 512; i < 512; i++)
		hermit_expect(93, "page directory", directory[i] & ~PTE_AD,
			      ((base & ~0x3fffffffUL) + i * 2 * MIB) | 0x83);
}

static u32 boot_turn;

/* A position-independent image has a relocation here, which is applied as the page is loaded. */
static u64 relocated_value = 7;
u64 *relocated = &relocated_value;

/* Each CPU comes once; the last one ends the guest. */
static inline void boot_check(u32 version, u32 interface, u64 base, u64 boot_info, u32 id)
{
	const struct own_image image = find_image();
	u32 cpus = cpuid(1, 0).rbx >> 16 & 0xff;
	volatile u32 *turn = version == 1 ? (u32 *)(boot_info + 120) : &boot_turn;

	/* Version 1 lets none start before its turn. */
	if (version == 1)
		hermit_expect(1, "CPUs online", *turn, id);
	while (*turn != id)
		asm volatile("pause");
	hermit_expect(2, "RDI", boot_info, base + (interface == 1 ? BOOT_INFO_1 : BOOT_INFO_2));
	hermit_expect(3, "RSP", hermit_stack, image.start - STACK_BYTES);
	hermit_expect(5, "relocation", *(u64 *)hide(relocated), 7);
	hermit_expect(4, "RSI", id, cpuid(1, 0).rbx >> 24);
	check_cpu(base + (interface == 1 ? GDT_1 : 0), base + ROOT_TABLE);
	if (!id) {
		check_tables(base, base + ROOT_TABLE);
		if (version == 1)
			check_version_1(boot_info, cpus, &image);
		else
			check_later(boot_info, version, interface, base, cpus, &image);
		if (version > 2)
			check_tree(base + (interface == 1 ? TREE_1 : TREE_2), base);
	}
	if (id + 1 == cpus) {
		hermit_print("boot: ok\n");
		hermit_exit(0);
	}
	*turn = id + 1;
	for (;;)
		asm volatile("pause");
}

#endif /* HERMIT_BOOT_H */
