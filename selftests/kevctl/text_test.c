// SPDX-License-Identifier: GPL-2.0
/* libkev's texts: every number of a list has one, no two are the same, others say "unknown". */
#include <string.h>

#include <libkev.h>

#include "../../tools/kevctl/kevctl.h"
#include "tap.h"

/* One function of number -> text, and which numbers it has to know */
struct table {
	const char *name;
	const char *(*text)(uint32_t number);
	const char *unknown;
	uint32_t end;		/* numbers from here on are unknown */
	uint32_t gaps[8];	/* unknown numbers below the end; 0 ends the list */
	bool zero_unknown;
};

static const char *feature_text(uint32_t number)
{
	return kev_feature_name(number);
}

static const char *intercept_text(uint32_t number)
{
	return kev_intercept_name(number);
}

/* "auto" stands far behind the others. */
static const char *boot_text(uint32_t number)
{
	return number == KEV_BOOT_AUTO ? "unknown" : kev_boot_name(number);
}

static const struct table tables[] = {
	{ "exit kinds", kev_exit_kind_name, "unknown", KEV_NR_EXIT_KINDS, { 0 }, false },
	{ "exit reasons", kev_exit_reason_text, "unknown exit reason", 86,
	  { 35, 38, 42, 71, 82, 83 }, false },
	{ "VM-instruction errors", kev_instruction_error_text, "unknown VM-instruction error", 29,
	  { 14, 21, 27 }, true },
	{ "image problems", kev_image_problem_text, "unknown problem", KEV_IMAGE_BASE + 1, { 0 },
	  false },
	{ "features", feature_text, "unknown", 10, { 0 }, false },
	{ "intercepts", intercept_text, "unknown", 17, { 0 }, false },
	{ "boot protocols", boot_text, "unknown", KEV_BOOT_PVH + 1, { 0 }, false },
};

static bool is_gap(const struct table *table, uint32_t number)
{
	if (!number)
		return table->zero_unknown;
	for (size_t i = 0; i < ARRAY_SIZE(table->gaps); i++)
		if (table->gaps[i] == number)
			return true;
	return number >= table->end;
}

static bool known_where_due(const struct table *table)
{
	for (uint32_t number = 0; number < table->end + 300; number++)
		if (!strcmp(table->text(number), table->unknown) != is_gap(table, number)) {
			printf("# %u: %s\n", number, table->text(number));
			return false;
		}
	return !strcmp(table->text(UINT32_MAX), table->unknown);
}

static bool all_different(const struct table *table)
{
	for (uint32_t a = 0; a < table->end; a++)
		for (uint32_t b = a + 1; b < table->end; b++)
			if (!is_gap(table, a) && !is_gap(table, b) &&
			    !strcmp(table->text(a), table->text(b))) {
				printf("# %u and %u: %s\n", a, b, table->text(a));
				return false;
			}
	return true;
}

/* The field that is at fault is named first. */
static const struct {
	uint32_t problem;
	const char *start;
} fields[] = {
	{ KEV_IMAGE_MAGIC, "e_ident:" },
	{ KEV_IMAGE_CLASS, "e_ident[EI_CLASS]:" },
	{ KEV_IMAGE_DATA, "e_ident[EI_DATA]:" },
	{ KEV_IMAGE_VERSION, "e_ident[EI_VERSION] or e_version:" },
	{ KEV_IMAGE_TYPE, "e_type:" },
	{ KEV_IMAGE_MACHINE, "e_machine:" },
	{ KEV_IMAGE_EHSIZE, "e_ehsize:" },
	{ KEV_IMAGE_PHENTSIZE, "e_phentsize:" },
	{ KEV_IMAGE_PHNUM, "e_phnum:" },
	{ KEV_IMAGE_PHOFF, "e_phoff:" },
	{ KEV_IMAGE_NO_LOAD, "p_type:" },
	{ KEV_IMAGE_FILESZ, "p_filesz:" },
	{ KEV_IMAGE_OFFSET, "p_offset:" },
	{ KEV_IMAGE_ADDRESS, "p_paddr or p_vaddr:" },
	{ KEV_IMAGE_PHYS_WIDTH, "p_paddr:" },
	{ KEV_IMAGE_OVERLAP, "p_paddr:" },
	{ KEV_IMAGE_ENTRY, "e_entry:" },
	{ KEV_IMAGE_LOW, "p_paddr:" },
	{ KEV_IMAGE_HOLE, "p_paddr:" },
	{ KEV_IMAGE_RAM, "p_memsz:" },
	{ KEV_IMAGE_ABOVE_4G, "p_paddr:" },
	{ KEV_IMAGE_DYNAMIC, "PT_DYNAMIC:" },
	{ KEV_IMAGE_RELOCATION, "r_info" },
	{ KEV_IMAGE_RELOCATIONS, "DT_RELASZ:" },
};

/* Numbers that are easy to get wrong, from the manual's lists */
static const struct {
	const char *(*text)(uint32_t number);
	uint32_t number;
	const char *expected;
} samples[] = {
	{ kev_exit_reason_text, 2, "triple fault" },
	{ kev_exit_reason_text, 10, "CPUID" },
	{ kev_exit_reason_text, 18, "VMCALL" },
	{ kev_exit_reason_text, 27, "VMXON" },
	{ kev_exit_reason_text, 30, "I/O instruction" },
	{ kev_exit_reason_text, 40, "PAUSE" },
	{ kev_exit_reason_text, 48, "EPT violation" },
	{ kev_exit_reason_text, 55, "XSETBV" },
	{ kev_exit_reason_text, 59, "VMFUNC" },
	{ kev_exit_reason_text, 64, "XRSTORS" },
	{ kev_exit_reason_text, 74, "bus lock" },
	{ kev_instruction_error_text, 4, "VMLAUNCH: the VMCS is not clear" },
	{ kev_instruction_error_text, 7, "VM entry: invalid control field" },
	{ kev_instruction_error_text, 8, "VM entry: invalid host state" },
	{ kev_instruction_error_text, 13, "VMWRITE: the VMCS field is read-only" },
	{ kev_instruction_error_text, 28, "INVEPT or INVVPID: invalid operand" },
	{ kev_exit_kind_name, KEV_EXIT_MEMORY_ERROR, "memory-error" },
	{ kev_exit_kind_name, KEV_EXIT_MMIO, "mmio" },
	{ feature_text, 8, "tsc-scaling" },
	{ feature_text, 9, "virtual-interrupts" },
	{ intercept_text, 8, "xsetbv" },
	{ intercept_text, 15, "exception" },
	{ kev_boot_name, KEV_BOOT_KEV32, "kev32" },
	{ kev_boot_name, KEV_BOOT_PVH, "pvh" },
	{ kev_boot_name, KEV_BOOT_AUTO, "auto" },
};

static const struct {
	const char *name;
	uint32_t instruction_error;
	uint32_t exit_reason;
	uint64_t qualification;
	const char *expected;
	const char problem[48];
} failures[] = {
	{ "VMfail", 7, 0, 0, "VM-instruction error 7: VM entry: invalid control field", "" },
	{ "guest state", 0, 33, 0, "VM entry failed: invalid guest state: "
	  "one of the guest's registers or segments breaks a rule", "" },
	{ "PDPTE", 0, 33, 2, "VM entry failed: invalid guest state: "
	  "the guest's page-directory-pointer entries are invalid", "" },
	{ "NMI", 0, 33, 3, "VM entry failed: invalid guest state: "
	  "an NMI is injected while STI or MOV SS blocks events", "" },
	{ "link pointer", 0, 33, 4, "VM entry failed: invalid guest state: "
	  "the VMCS link pointer is invalid", "" },
	{ "unknown qualification", 0, 33, 5, "VM entry failed: invalid guest state: "
	  "unknown qualification", "" },
	{ "MSR list", 0, 34, 3, "VM entry failed: loading MSRs: entry 3 of the list", "" },
	{ "machine check", 0, 41, 0, "VM entry failed: machine check", "" },
	{ "guest state with its field", 0, 33, 0, "VM entry failed: invalid guest state: "
	  "one of the guest's registers or segments breaks a rule; CR4: PCIDE without LMA",
	  "CR4: PCIDE without LMA" },
	{ "a problem without end", 0, 41, 0, "VM entry failed: machine check; "
	  "0123456789abcdef0123456789abcdef0123456789abcdef",
	  "0123456789abcdef0123456789abcdef0123456789abcdef" },
};

int main(void)
{
	char name[128], text[256];

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		snprintf(name, sizeof(name), "%s: known where due", tables[i].name);
		tap_result(known_where_due(&tables[i]), name);
		snprintf(name, sizeof(name), "%s: all different", tables[i].name);
		tap_result(all_different(&tables[i]), name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		snprintf(name, sizeof(name), "image problem %u names %s", fields[i].problem,
			 fields[i].start);
		tap_result(!strncmp(kev_image_problem_text(fields[i].problem), fields[i].start,
				    strlen(fields[i].start)), name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		snprintf(name, sizeof(name), "%u is \"%s\"", samples[i].number,
			 samples[i].expected);
		tap_result(!strcmp(samples[i].text(samples[i].number), samples[i].expected), name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		struct kev_run run = {
			.exit_reason = failures[i].exit_reason,
			.exit_qualification = failures[i].qualification,
			.entry.instruction_error = failures[i].instruction_error,
		};

		memcpy(run.entry.problem, failures[i].problem, sizeof(run.entry.problem));
		kev_entry_failure_text(&run, text, sizeof(text));
		snprintf(name, sizeof(name), "entry failure: %s", failures[i].name);
		tap_result(!strcmp(text, failures[i].expected), name);
	}
	kev_entry_failure_text(&(struct kev_run){ .exit_reason = 33 }, text, 9);
	tap_result(!strcmp(text, "VM entry"), "entry failure: cut off");
	kev_entry_failure_text(&(struct kev_run){ .exit_reason = 33, .entry.problem = "x" }, text,
			       9);
	tap_result(!strcmp(text, "VM entry"), "entry failure: cut off before the problem");
	return tap_end();
}
