// SPDX-License-Identifier: GPL-2.0
/*
 * Two errors of Bochs 2.7 in what interrupts do to a guest. A real processor needs nothing of this.
 *
 * It loses host interrupts while a guest runs that was entered with RFLAGS.IF = 0.
 *
 * Which events are masked is decided when RFLAGS is loaded. VMLAUNCH loads the guest's RFLAGS
 * before it notes that the processor is in a guest, so with IF clear on both sides the interrupt
 * stays masked, though "external-interrupt exiting" says otherwise (SDM 26.2, 27.5): it waits until
 * the guest happens to change IF. A guest that spins can then never be preempted or kicked.
 *
 * The cure decides once more at the right moment. VMLAUNCH (which is VMRESUME as well) calls
 * VMenterInjectEvents as its last step; that call is led through a function that first calls
 * handleInterruptMaskChange.
 *
 * It delivers a virtual interrupt to a guest whose RFLAGS.IF = 0 when a host interrupt comes.
 *
 * InterruptAcknowledge, called for either of the two, prefers a virtual interrupt that is pending
 * without a look at whether it is masked (SDM Vol. 3, "Virtual-Interrupt Delivery": only with
 * RFLAGS.IF = 1). Its call of VMX_Deliver_Virtual_Interrupt is led through a function that looks,
 * and makes the exit for the host's interrupt otherwise.
 *
 * What was found goes to the bed as two notes: "cure: applied" and "delivery: applied", or why it
 * was not.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bed.h"

#define SYM_VMLAUNCH "_ZN8BX_CPU_C8VMLAUNCHEP15bxInstruction_c"
#define SYM_INJECT "_ZN8BX_CPU_C19VMenterInjectEventsEv"
#define SYM_MASK "_ZN8BX_CPU_C25handleInterruptMaskChangeEv"
#define SYM_ACKNOWLEDGE "_ZN8BX_CPU_C20InterruptAcknowledgeEv"
#define SYM_DELIVER "_ZN8BX_CPU_C29VMX_Deliver_Virtual_InterruptEv"
#define SYM_EXIT "_ZN8BX_CPU_C19VMexit_ExtInterruptEv"
#define SYM_FLAGS "_ZN8BX_CPU_C11force_flagsEv"

/* The functions are shorter than this in every build seen. */
#define LAUNCH_BYTES 2048
#define ACKNOWLEDGE_BYTES 512

#define FLAG_IF 0x200

static void (*inject_events)(void *cpu);
static void (*mask_change)(void *cpu);
static void (*deliver_virtual)(void *cpu);
static void (*exit_for_interrupt)(void *cpu);
static uint32_t (*flags)(void *cpu);

static void cured_inject_events(void *cpu)
{
	mask_change(cpu);
	inject_events(cpu);
}

static void cured_deliver_virtual(void *cpu)
{
	if (flags(cpu) & FLAG_IF)
		deliver_virtual(cpu);
	else
		exit_for_interrupt(cpu);
}

/* The target of a "call rel32" or "jmp rel32" at code, or NULL where there is none. */
static void *call_target(uint8_t *code)
{
	int32_t rel;

	if (*code != 0xe8 && *code != 0xe9)
		return NULL;
	memcpy(&rel, code + 1, sizeof(rel));
	return code + 5 + rel;
}

/* A page that "call rel32" reaches from code; it gets "mov rax, target; jmp rax". */
static uint8_t *make_bridge(uint8_t *code, void *target)
{
	uintptr_t at = ((uintptr_t)code & ~0xfffful) - 0x1000000;
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *bridge;

	for (; at > (uintptr_t)code - 0x70000000; at -= 0x100000) {
		bridge = mmap((void *)at, page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (bridge == MAP_FAILED)
			continue;
		memcpy(bridge, "\x48\xb8", 2);
		memcpy(bridge + 2, &target, sizeof(target));
		memcpy(bridge + 10, "\xff\xe0", 2);
		return mprotect(bridge, page, PROT_READ | PROT_EXEC) ? NULL : bridge;
	}
	return NULL;
}

static int redirect_call(uint8_t *code, uint8_t *target)
{
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *start = (uint8_t *)((uintptr_t)code & -page);
	int32_t rel = target - (code + 5);

	if (mprotect(start, 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC))
		return -1;
	memcpy(code + 1, &rel, sizeof(rel));
	return mprotect(start, 2 * page, PROT_READ | PROT_EXEC);
}

static void lead_through(const char *name, uint8_t *code, void *function)
{
	uint8_t *bridge = make_bridge(code, function);

	if (!bridge || redirect_call(code, bridge))
		bed_port_note("%s: unusable: the code of Bochs cannot be changed", name);
	else
		bed_port_note("%s: applied", name);
}

static void cure_launch(void)
{
	uint8_t *launch = dlsym(RTLD_DEFAULT, SYM_VMLAUNCH);
	uint8_t *code;

	inject_events = (void (*)(void *))dlsym(RTLD_DEFAULT, SYM_INJECT);
	mask_change = (void (*)(void *))dlsym(RTLD_DEFAULT, SYM_MASK);
	if (!launch || !inject_events || !mask_change) {
		bed_port_note("cure: unusable: this Bochs does not export the functions it needs");
		return;
	}
	for (code = launch; code < launch + LAUNCH_BYTES; code++) {
		if (call_target(code) == (void *)mask_change) {
			bed_port_note("cure: unneeded: this Bochs decides again by itself");
			return;
		}
		if (call_target(code) == (void *)inject_events) {
			lead_through("cure", code, (void *)cured_inject_events);
			return;
		}
	}
	bed_port_note("cure: unusable: VMLAUNCH of this Bochs has another form");
}

static void cure_delivery(void)
{
	uint8_t *acknowledge = dlsym(RTLD_DEFAULT, SYM_ACKNOWLEDGE);
	uint8_t *code;

	deliver_virtual = (void (*)(void *))dlsym(RTLD_DEFAULT, SYM_DELIVER);
	exit_for_interrupt = (void (*)(void *))dlsym(RTLD_DEFAULT, SYM_EXIT);
	flags = (uint32_t (*)(void *))dlsym(RTLD_DEFAULT, SYM_FLAGS);
	if (!acknowledge || !deliver_virtual || !exit_for_interrupt || !flags) {
		bed_port_note("delivery: unusable: this Bochs does not export the functions it needs");
		return;
	}
	for (code = acknowledge; code < acknowledge + ACKNOWLEDGE_BYTES; code++) {
		if (call_target(code) == (void *)deliver_virtual) {
			lead_through("delivery", code, (void *)cured_deliver_virtual);
			return;
		}
	}
	bed_port_note("delivery: unusable: InterruptAcknowledge of this Bochs has another form");
}

__attribute__((constructor)) static void cure(void)
{
	/* Not Bochs but a shell or loader on the way to it: nothing to say. */
	if (!dlsym(RTLD_DEFAULT, "bx_mem"))
		return;
	cure_launch();
	cure_delivery();
}
