// SPDX-License-Identifier: GPL-2.0
/*
 * Three errors of Bochs 2.7 in what interrupts do to a guest. A real processor needs none of this.
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
 * And when the delivery of a virtual interrupt is cut off by an exit, it reports another event.
 *
 * What the IDT-vectoring information says is noted by VMexit_Event, which all events pass but this
 * one: what is reported is the event before (SDM Vol. 3, "Information for VM Exits During Event
 * Delivery": the virtual interrupt, as an external one). VMX_Deliver_Virtual_Interrupt's call of
 * interrupt is led through a function that calls VMexit_Event first, with a type that has no bits
 * in the information but the one that says that it is valid. Bochs does not know that type and
 * has no exit for it.
 *
 * What was found goes to the bed as two notes: "cure: applied" and "delivery: applied", or why it
 * was not.
 */
#include <dlfcn.h>
#include <stdbool.h>
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
#define SYM_INTERRUPT "_ZN8BX_CPU_C9interruptEhjbt"
#define SYM_NOTE "_ZN8BX_CPU_C12VMexit_EventEjjtbm"

/* The functions are shorter than this in every build seen. */
#define LAUNCH_BYTES 2048
#define ACKNOWLEDGE_BYTES 512
#define DELIVER_BYTES 256

#define FLAG_IF 0x200
#define TYPE_EXTERNAL_VALID (1u << (31 - 8)) /* the type is in bits 10:8 */

static void (*inject_events)(void *cpu);
static void (*mask_change)(void *cpu);
static void (*deliver_virtual)(void *cpu);
static void (*exit_for_interrupt)(void *cpu);
static uint32_t (*flags)(void *cpu);
static void (*interrupt)(void *cpu, uint8_t vector, unsigned int type, bool push, uint16_t error);
static void (*note_event)(void *cpu, unsigned int type, unsigned int vector, uint16_t error,
			  bool has_error, uint64_t qualification);

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

static void cured_interrupt(void *cpu, uint8_t vector, unsigned int type, bool push, uint16_t error)
{
	note_event(cpu, TYPE_EXTERNAL_VALID, vector, 0, false, 0);
	interrupt(cpu, vector, type, push, error);
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

/* Where in a function, that many bytes long at most, a call of another is; NULL: nowhere */
static uint8_t *find_call(uint8_t *function, unsigned int bytes, void *target)
{
	for (uint8_t *code = function; code < function + bytes; code++)
		if (call_target(code) == target)
			return code;
	return NULL;
}

static bool lead_through(uint8_t *code, void *function)
{
	uint8_t *bridge = make_bridge(code, function);

	return bridge && !redirect_call(code, bridge);
}

static const char *cure_launch(void)
{
	uint8_t *launch = dlsym(RTLD_DEFAULT, SYM_VMLAUNCH);
	uint8_t *call;

	inject_events = (void (*)(void *))dlsym(RTLD_DEFAULT, SYM_INJECT);
	mask_change = (void (*)(void *))dlsym(RTLD_DEFAULT, SYM_MASK);
	if (!launch || !inject_events || !mask_change)
		return "unusable: this Bochs does not export the functions it needs";
	call = find_call(launch, LAUNCH_BYTES, (void *)inject_events);
	if (!call)
		return "unusable: VMLAUNCH of this Bochs has another form";
	if (find_call(launch, call - launch, (void *)mask_change))
		return "unneeded: this Bochs decides again by itself";
	if (!lead_through(call, (void *)cured_inject_events))
		return "unusable: the code of Bochs cannot be changed";
	return "applied";
}

static const char *cure_delivery(void)
{
	uint8_t *acknowledge = dlsym(RTLD_DEFAULT, SYM_ACKNOWLEDGE);
	uint8_t *deliver = dlsym(RTLD_DEFAULT, SYM_DELIVER);
	uint8_t *call_deliver, *call_interrupt;

	exit_for_interrupt = (void (*)(void *))dlsym(RTLD_DEFAULT, SYM_EXIT);
	flags = (uint32_t (*)(void *))dlsym(RTLD_DEFAULT, SYM_FLAGS);
	interrupt = (void (*)(void *, uint8_t, unsigned int, bool, uint16_t))
		dlsym(RTLD_DEFAULT, SYM_INTERRUPT);
	note_event = (void (*)(void *, unsigned int, unsigned int, uint16_t, bool, uint64_t))
		dlsym(RTLD_DEFAULT, SYM_NOTE);
	if (!acknowledge || !deliver || !exit_for_interrupt || !flags || !interrupt || !note_event)
		return "unusable: this Bochs does not export the functions it needs";
	deliver_virtual = (void (*)(void *))deliver;
	call_deliver = find_call(acknowledge, ACKNOWLEDGE_BYTES, deliver);
	call_interrupt = find_call(deliver, DELIVER_BYTES, (void *)interrupt);
	if (!call_deliver || !call_interrupt)
		return "unusable: the functions of this Bochs have another form";
	if (!lead_through(call_deliver, (void *)cured_deliver_virtual) ||
	    !lead_through(call_interrupt, (void *)cured_interrupt))
		return "unusable: the code of Bochs cannot be changed";
	return "applied";
}

__attribute__((constructor)) static void cure(void)
{
	/* Not Bochs but a shell or loader on the way to it: nothing to say. */
	if (!dlsym(RTLD_DEFAULT, "bx_mem"))
		return;
	bed_port_note("cure: %s", cure_launch());
	bed_port_note("delivery: %s", cure_delivery());
}
