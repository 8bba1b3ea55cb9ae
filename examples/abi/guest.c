// SPDX-License-Identifier: 0BSD
enum { CALL_HALT, CALL_ADD, CALL_NOTE };

static unsigned long call(unsigned long nr, unsigned long rdi)
{
	asm volatile("vmcall" : "+a"(nr) : "D"(rdi) : "memory");
	return nr;
}

void _start(void)
{
	unsigned long sum = call(CALL_ADD, 21);

	call(CALL_NOTE, sum);
	call(CALL_HALT, sum);
}
