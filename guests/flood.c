// SPDX-License-Identifier: GPL-2.0
/*
 * More console output than any console holds: 32768 lines "0000000\n" to
 * "0007fff\n", the first half in one Print each, the second half in a single
 * Print of 128 KiB. No byte may be lost, and their order is kept.
 */
#include "guest.h"

#define LINES	32768
#define WIDTH	8

static char half[LINES / 2 * WIDTH] __page_aligned;

static void write_line(char *line, u64 number)
{
	line[WIDTH - 1] = '\n';
	for (int i = WIDTH - 2; i >= 0; i--, number >>= 4)
		line[i] = "0123456789abcdef"[number & 15];
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	char line[WIDTH];

	(void)boot_info;
	(void)vcpu_id;
	for (u64 i = 0; i < LINES / 2; i++) {
		write_line(line, i);
		print_bytes(line, sizeof(line));
		write_line(half + i * WIDTH, LINES / 2 + i);
	}
	return print_bytes(half, sizeof(half)) == HYPERCALL_PRINT ? 0 : 1;
}
