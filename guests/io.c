// SPDX-License-Identifier: GPL-2.0
/*
 * Port I/O as `kevctl run --machine kev` answers it: bytes to 0x3f8 are
 * printed, a port with nothing behind gives all ones and leaves the rest of
 * RAX alone, PCI configuration is empty, and 0x604 switches the machine off.
 * Exit 0 by the power-off, or the number of the check that failed.
 */
#include "guest.h"

#define SERIAL		0x3f8
#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc
#define POWER_OFF	0x604
#define POWER_OFF_NOW	0x2000
#define NOTHING_DX	0x1234
#define NOTHING_IMM	0x70

#define RAX_BEFORE	0x1122334455667788UL

/* RAX after @insn, which may name its port by @port in DX */
#define IN(insn, port)							\
({									\
	u64 rax_ = RAX_BEFORE;						\
									\
	asm volatile(insn : "+a"(rax_) : "d"((u64)(port)));		\
	rax_;								\
})

static void check_nothing(void)
{
	expect(1, "inb (%dx)", IN("inb %%dx, %%al", NOTHING_DX), 0x11223344556677ff);
	expect(2, "inw (%dx)", IN("inw %%dx, %%ax", NOTHING_DX), 0x112233445566ffff);
	expect(3, "inl (%dx)", IN("inl %%dx, %%eax", NOTHING_DX), 0xffffffff);
	expect(4, "inb imm8", IN("inb $0x70, %%al", 0), 0x11223344556677ff);
	expect(5, "inw imm8", IN("inw $0x70, %%ax", 0), 0x112233445566ffff);
	expect(6, "inl imm8", IN("inl $0x70, %%eax", 0), 0xffffffff);
	out8(NOTHING_IMM, 1);
	out16(NOTHING_DX, 2);
	out32(NOTHING_DX, 3);
}

static void check_pci(void)
{
	out32(PCI_ADDRESS, 0x80000000);
	expect(7, "inl 0xcfc", IN("inl %%dx, %%eax", PCI_DATA), 0xffffffff);
	expect(8, "inw 0xcfc", IN("inw %%dx, %%ax", PCI_DATA), 0x112233445566ffff);
	expect(9, "inb 0xcfe", IN("inb %%dx, %%al", PCI_DATA + 2), 0x11223344556677ff);
}

/* All 64 bits of the registers of a REP instruction */
struct string {
	u64 rcx, rsi, rdi;
};

static struct string outs(u16 port, const char *bytes, u64 count)
{
	struct string r = { count, (u64)bytes, 0 };

	asm volatile("rep outsb" : "+c"(r.rcx), "+S"(r.rsi) : "d"(port) : "memory");
	return r;
}

static void check_strings(void)
{
	static const char text[] = "five\n";
	u16 words[4] = { 1, 2, 3, 4 };
	struct string r = outs(SERIAL, text, sizeof(text) - 1);

	expect(11, "rep outsb: RCX", r.rcx, 0);
	expect(12, "rep outsb: RSI", r.rsi, (u64)text + sizeof(text) - 1);
	r = (struct string){ .rcx = 3, .rdi = (u64)words };
	asm volatile("rep insw" : "+c"(r.rcx), "+D"(r.rdi) : "d"(NOTHING_DX) : "memory");
	expect(13, "rep insw: RCX", r.rcx, 0);
	expect(14, "rep insw: RDI", r.rdi, (u64)(words + 3));
	expect(15, "rep insw: what it read", words[0] & words[1] & words[2], 0xffff);
	expect(16, "rep insw: no more", words[3], 4);
}

static void serial(const char *string)
{
	for (; *string; string++)
		out8(SERIAL, *string);
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	/* Two ways to the same output: the order is that of the guest. */
	print("one, ");
	serial("two, ");
	print("three, ");
	serial("four\n");
	check_strings();
	check_nothing();
	check_pci();
	out16(POWER_OFF, 0x1000);	/* not the value that switches off */
	print("io: ok\n");
	out16(POWER_OFF, POWER_OFF_NOW);
	return 10;
}
