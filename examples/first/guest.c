// SPDX-License-Identifier: 0BSD
static void call(unsigned long nr, unsigned long rdi, unsigned long rsi)
{
	asm volatile("vmcall" : "+a"(nr) : "D"(rdi), "S"(rsi) : "memory");
}

void _start(void)
{
	static const char text[] = "Hello from my first guest!\n";

	call(1, (unsigned long)text, sizeof(text) - 1);	/* Print */
	call(0, 42, 0);					/* HaltCpu */
}
