// SPDX-License-Identifier: GPL-2.0
/*
 * A position-independent image without a library, for reloc_test to relocate:
 * what the linker makes of it, is what has to be understood.
 */
static int target[4] = { 1, 2, 3, 4 };

/* Each needs a relocation; those of a packed structure at odd addresses. */
int *pointers[] = { &target[0], &target[1], &target[3] };

struct __attribute__((packed)) odd {
	char byte;
	void *pointer;
};

struct odd odd[] = { { 1, &pointers[0] }, { 2, &odd[0] } };

void _start(void);
void (*const entry)(void) = _start;

void _start(void)
{
	for (;;)
		*(int *volatile *)odd[0].pointer = pointers[target[0]];
}
