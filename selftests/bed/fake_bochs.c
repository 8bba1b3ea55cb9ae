// SPDX-License-Identifier: GPL-2.0
/*
 * Stands in for Bochs where the cure for lost interrupts looks at it: the three functions under
 * their names, and a VMLAUNCH of the form that VARIANT says. Prints what was called.
 */
#include <stdio.h>

#define CURED 1 /* VMLAUNCH decides on the masks by itself */
#define STRANGE 2 /* VMLAUNCH does not call what the cure looks for */
#define OTHER 3 /* a function has another name */

int bx_mem;

#if VARIANT == OTHER
#define INJECT "inject_events"
#else
#define INJECT "_ZN8BX_CPU_C19VMenterInjectEventsEv"
#endif

void mask(void *cpu) __asm__("_ZN8BX_CPU_C25handleInterruptMaskChangeEv");
void inject(void *cpu) __asm__(INJECT);
void vmlaunch(void *cpu) __asm__("_ZN8BX_CPU_C8VMLAUNCHEP15bxInstruction_c");

void vmlaunch(void *cpu)
{
	if (VARIANT == CURED)
		mask(cpu);
	if (VARIANT != STRANGE)
		inject(cpu);
}

/* The cure reads on behind a VMLAUNCH that is no use to it; there has to be something. */
__asm__(".skip 8192, 0x90");

void mask(void *cpu)
{
	printf("mask %d\n", *(int *)cpu);
}

void inject(void *cpu)
{
	printf("inject %d\n", *(int *)cpu);
}

int main(void)
{
	int cpu = 7;

	vmlaunch(&cpu);
	return 0;
}
