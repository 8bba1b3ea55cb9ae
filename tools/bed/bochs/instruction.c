// SPDX-License-Identifier: GPL-2.0
/*
 * A look at each instruction of the machine: Bochs calls a function before each, and one for each
 * repetition of a string instruction. They are empty, made to be replaced when Bochs is built; here
 * they get a jump.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bed.h"

#define SYM_BEFORE "_Z25bx_instr_before_executionjP15bxInstruction_c"
#define SYM_REPEAT "_Z25bx_instr_repeat_iterationjP15bxInstruction_c"
#define SYM_RIP "_Z14bx_dbg_get_ripv"
#define SYM_CPU "dbg_cpu" /* whose RIP that is */

static uint64_t (*get_rip)(void);
static unsigned int *rip_cpu;

/* Bochs' debugger asks the processor that it looks at. */
uint64_t bed_instruction_rip(unsigned int number)
{
	unsigned int before = *rip_cpu;
	uint64_t rip;

	*rip_cpu = number;
	rip = get_rip();
	*rip_cpu = before;
	return rip;
}

/* "mov rax, target; jmp rax" in place of an empty function, which is padded to 16 bytes */
static bool replace(uint8_t *function, void *target)
{
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *start = (uint8_t *)((uintptr_t)function & -page);

	if ((uintptr_t)function % 16 || *function != 0xc3 ||
	    mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC))
		return false;
	memcpy(function, "\x48\xb8", 2);
	memcpy(function + 2, &target, sizeof(target));
	memcpy(function + 10, "\xff\xe0", 2);
	return !mprotect(start, page, PROT_READ | PROT_EXEC);
}

const char *bed_instruction_watch(bed_instruction_fn *before, bed_instruction_fn *repeat)
{
	uint8_t *before_symbol = dlsym(RTLD_DEFAULT, SYM_BEFORE);
	uint8_t *repeat_symbol = dlsym(RTLD_DEFAULT, SYM_REPEAT);

	get_rip = (uint64_t (*)(void))dlsym(RTLD_DEFAULT, SYM_RIP);
	rip_cpu = dlsym(RTLD_DEFAULT, SYM_CPU);
	if (!before_symbol || !repeat_symbol || !get_rip || !rip_cpu)
		return "this Bochs does not export the functions that it needs";
	if (!replace(before_symbol, (void *)before) ||
	    (repeat && !replace(repeat_symbol, (void *)repeat)))
		return "the functions of this Bochs have another form";
	return "applied";
}
