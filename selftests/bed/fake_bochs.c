// SPDX-License-Identifier: GPL-2.0
/*
 * Stands in for Bochs where the cures for interrupts look at it: the functions under their names,
 * and those that they change of the form that VARIANT says. Prints what was called.
 */
#include <stdbool.h>
#include <stdio.h>

#define CURED 1 /* VMLAUNCH decides on the masks by itself */
#define STRANGE 2 /* they do not call what the cures look for */
#define OTHER 3 /* functions have another name */

int bx_mem;

#if VARIANT == OTHER
#define INJECT "inject_events"
#define EXIT "exit_for_interrupt"
#else
#define INJECT "_ZN8BX_CPU_C19VMenterInjectEventsEv"
#define EXIT "_ZN8BX_CPU_C19VMexit_ExtInterruptEv"
#endif

void mask(void *cpu) __asm__("_ZN8BX_CPU_C25handleInterruptMaskChangeEv");
void inject(void *cpu) __asm__(INJECT);
void vmlaunch(void *cpu) __asm__("_ZN8BX_CPU_C8VMLAUNCHEP15bxInstruction_c");
void acknowledge(void *cpu) __asm__("_ZN8BX_CPU_C20InterruptAcknowledgeEv");
void deliver(void *cpu) __asm__("_ZN8BX_CPU_C29VMX_Deliver_Virtual_InterruptEv");
void exit_guest(void *cpu) __asm__(EXIT);
unsigned int flags(void *cpu) __asm__("_ZN8BX_CPU_C11force_flagsEv");
void interrupt(void *cpu, unsigned char vector, unsigned int type, bool push, unsigned short error)
	__asm__("_ZN8BX_CPU_C9interruptEhjbt");
void note(void *cpu, unsigned int type, unsigned int vector, unsigned short error, bool has_error,
	  unsigned long qualification) __asm__("_ZN8BX_CPU_C12VMexit_EventEjjtbm");

void vmlaunch(void *cpu)
{
	if (VARIANT == CURED)
		mask(cpu);
	if (VARIANT != STRANGE)
		inject(cpu);
}

void acknowledge(void *cpu)
{
	if (VARIANT != STRANGE)
		deliver(cpu);
}

/* A cure reads on behind a function that is no use to it; there has to be something. */
__asm__(".skip 8192, 0x90");

void mask(void *cpu)
{
	printf("mask %d\n", *(int *)cpu);
}

void inject(void *cpu)
{
	printf("inject %d\n", *(int *)cpu);
}

void deliver(void *cpu)
{
	printf("deliver %d\n", *(int *)cpu);
	if (VARIANT != STRANGE)
		interrupt(cpu, 0x41, 0, false, 0);
	printf("delivered\n");
}

void interrupt(void *cpu, unsigned char vector, unsigned int type, bool push, unsigned short error)
{
	printf("interrupt %d %#x %u %d %u\n", *(int *)cpu, vector, type, push, error);
}

void note(void *cpu, unsigned int type, unsigned int vector, unsigned short error, bool has_error,
	  unsigned long qualification)
{
	printf("note %d %#x %u %d %lu\n", *(int *)cpu, type << 8 | vector, error, has_error,
	       qualification);
}

void exit_guest(void *cpu)
{
	printf("exit %d\n", *(int *)cpu);
}

/* An odd processor has interrupts on. */
unsigned int flags(void *cpu)
{
	return *(int *)cpu & 1 ? 0x202 : 0x2;
}

int main(void)
{
	int cpu = 7, masked = 8;

	vmlaunch(&cpu);
	acknowledge(&cpu);
	acknowledge(&masked);
	return 0;
}
