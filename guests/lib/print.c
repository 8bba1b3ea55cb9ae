// SPDX-License-Identifier: GPL-2.0
/* Printing and checking, on top of the Print and HaltCpu hypercalls. */
#include "guest.h"

void print(const char *string)
{
	u64 length = 0;

	while (string[length])
		length++;
	print_bytes(string, length);
}

void print_hex(u64 value)
{
	char text[16];

	for (int i = 15; i >= 0; i--, value >>= 4)
		text[i] = "0123456789abcdef"[value & 15];
	print("0x");
	print_bytes(text, sizeof(text));
}

void expect(u64 number, const char *what, u64 got, u64 want)
{
	if (got == want)
		return;
	print("check ");
	print_hex(number);
	print(": ");
	print(what);
	print(": got ");
	print_hex(got);
	print(", want ");
	print_hex(want);
	print("\n");
	halt(number);
}
