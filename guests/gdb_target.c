// SPDX-License-Identifier: GPL-2.0
/*
 * What a debugger is tried on: calls within calls, variables to watch, every vCPU counting,
 * and a loop that only the debugger ends. Built with symbols and without optimisation.
 */
#include "guest.h"

#define MAX_VCPUS	4
#define EXIT_CODE	42

volatile u64 total;
volatile u64 finished;
volatile u64 counts[MAX_VCPUS];
volatile u8 text[16] = "0123456789abcde";

u64 inner(u64 n);
u64 middle(u64 n);
void outer(u64 rounds);
void spin(u64 id);

u64 inner(u64 n)
{
	total += n;
	return total * 2;
}

u64 middle(u64 n)
{
	u64 doubled = inner(n + 1);

	return doubled + 1;
}

void outer(u64 rounds)
{
	for (u64 i = 0; i < rounds; i++)
		text[i] = (u8)('a' + middle(i) % 26);
}

void spin(u64 id)
{
	while (!finished)
		counts[id]++;
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	if (vcpu_id) {
		spin(vcpu_id);
		for (;;)
			asm volatile("pause");
	}
	print("gdb_target: ready\n");
	outer(5);
	out8(0x3f8, 'x');
	spin(0);
	print("gdb_target: done\n");
	return EXIT_CODE;
}
