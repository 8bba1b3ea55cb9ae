/* SPDX-License-Identifier: GPL-2.0 */
/* What guests need that are Hermit images: the notes, and calls by port accesses. */
#ifndef HERMIT_H
#define HERMIT_H

#include "guest.h"

/* Once in each guest: version of the entry ABI, and of the call interface */
#define HERMIT_NOTES(entry, interface) \
	asm(".pushsection .note.hermit, \"a\", @note\n" \
	    "	.balign	4\n" \
	    "	.long	7, 1, 0x5a00\n" \
	    "	.asciz	\"HERMIT\"\n" \
	    "	.balign	4\n" \
	    "	.byte	" #entry "\n" \
	    "	.balign	4\n" \
	    "	.long	8, 4, 0x5b00\n" \
	    "	.asciz	\"UHYVEIF\"\n" \
	    "	.byte	0, 0, 0, " #interface "\n" \
	    "	.popsection")

/* RSP at the entry */
extern u64 hermit_stack;

/* Ports of the call interface, version 1 */
#define V1_WRITE	0x400
#define V1_OPEN		0x440
#define V1_CLOSE	0x480
#define V1_READ		0x500
#define V1_EXIT		0x540
#define V1_LSEEK	0x580
#define V1_NET_WRITE	0x640
#define V1_CMDSIZE	0x740
#define V1_CMDVAL	0x780
#define V1_UART		0x800
#define V1_UNLINK	0x840
#define V1_SERIAL	0x880

/* Version 2 */
#define V2_EXIT		0x1010
#define V2_BYTE		0x1020
#define V2_SERIAL	0x1030
#define V2_READ_BYTE	0x1040
#define V2_READ_SERIAL	0x1050
#define V2_WRITE	0x1100
#define V2_OPEN		0x1110
#define V2_CLOSE	0x1120
#define V2_READ		0x1130
#define V2_LSEEK	0x1140
#define V2_UNLINK	0x1150
#define V2_GETDENTS	0x1160
#define V2_STAT		0x1170
#define V2_FSTAT	0x1180
#define V2_MKDIR	0x1190

#define HERMIT_RDONLY		0
#define HERMIT_WRONLY		1
#define HERMIT_RDWR		2
#define HERMIT_CREAT		0100
#define HERMIT_EXCL		0200
#define HERMIT_TRUNC		01000
#define HERMIT_APPEND		02000
#define HERMIT_DIRECTORY	0200000

/* A call of version 1: a structure, or a value */
static inline void call_v1(u16 port, const void *structure)
{
	asm volatile("outl %k0, %1" : : "a"(structure), "d"(port) : "memory");
}

/* A call of version 2: likewise */
static inline void call_v2(u16 port, u64 parameter)
{
	asm volatile("outl %%eax, %1" : : "a"(0x1234), "d"(port), "D"(parameter) : "memory");
}

static inline __noreturn void hermit_exit(u32 code)
{
	call_v2(V2_EXIT, code);
	for (;;)
		asm volatile("hlt");
}

static inline u64 hermit_length(const char *text)
{
	u64 length = 0;

	while (text[length])
		length++;
	return length;
}

static inline void hermit_print(const char *text)
{
	struct { u64 len; u64 buf; } serial = { hermit_length(text), (u64)text };

	call_v2(V2_SERIAL, (u64)&serial);
}

/* Ends the guest with @number unless @got is @want, and says what was checked. */
static inline void hermit_expect(u32 number, const char *what, u64 got, u64 want)
{
	if (got == want)
		return;
	hermit_print(what);
	hermit_print(": wrong\n");
	hermit_exit(number);
}

static inline bool hermit_same(const void *one, const void *other, u64 length)
{
	const u8 *a = one, *b = other;

	for (u64 i = 0; i < length; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

#endif /* HERMIT_H */
