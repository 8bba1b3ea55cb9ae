// SPDX-License-Identifier: GPL-2.0
/*
 * Bochs 2.7 loses host interrupts while a guest runs that was entered with RFLAGS.IF = 0.
 *
 * Which events are masked is decided when RFLAGS is loaded. VMLAUNCH loads the guest's RFLAGS
 * before it notes that the processor is in a guest, so with IF clear on both sides the interrupt
 * stays masked, though "external-interrupt exiting" says otherwise (SDM 26.2, 27.5): it waits until
 * the guest happens to change IF. A guest that spins can then never be preempted or kicked.
 *
 * The cure decides once more at the right moment. VMLAUNCH (which is VMRESUME as well) calls
 * VMenterInjectEvents as its last step; that call is led through a function that first calls
 * handleInterruptMaskChange. A real processor needs nothing of this.
 *
 * What was found goes to the bed as a note: "cure: applied", or why it was not.
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

/* VMLAUNCH is shorter than this in every build seen; the call of interest is in its first half. */
#define SCAN_BYTES 2048

static void (*inject_events)(void *cpu);
static void (*mask_change)(void *cpu);

static void cured_inject_events(void *cpu)
{
	mask_change(cpu);
	inject_events(cpu);
}

/* The target of a "call rel32" at code, or NULL where there is none. */
static void *call_target(uint8_t *code)
{
	int32_t rel;

	if (*code != 0xe8)
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

__attribute__((constructor)) static void cure(void)
{
	uint8_t *launch = dlsym(RTLD_DEFAULT, SYM_VMLAUNCH);
	uint8_t *code, *bridge;

	/* Not Bochs but a shell or loader on the way to it: nothing to say. */
	if (!dlsym(RTLD_DEFAULT, "bx_mem"))
		return;
	inject_events = (void (*)(void *))dlsym(RTLD_DEFAULT, SYM_INJECT);
	mask_change = (void (*)(void *))dlsym(RTLD_DEFAULT, SYM_MASK);
	if (!launch || !inject_events || !mask_change) {
		bed_port_note("cure: unusable: this Bochs does not export the functions it needs");
		return;
	}
	for (code = launch; code < launch + SCAN_BYTES; code++) {
		if (call_target(code) == (void *)mask_change) {
			bed_port_note("cure: unneeded: this Bochs decides again by itself");
			return;
		}
		if (call_target(code) != (void *)inject_events)
			continue;
		bridge = make_bridge(code, (void *)cured_inject_events);
		if (!bridge || redirect_call(code, bridge))
			bed_port_note("cure: unusable: the code of Bochs cannot be changed");
		else
			bed_port_note("cure: applied");
		return;
	}
	bed_port_note("cure: unusable: VMLAUNCH of this Bochs has another form");
}
