// SPDX-License-Identifier: LGPL-2.1-or-later
/* Numbers of kev's and of the CPU's, as text. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "libkev.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* SDM Vol. 3, appendix "VMX Basic Exit Reasons": what a failed VM entry gives */
#define REASON_GUEST_STATE	33
#define REASON_MSR_LOAD		34
#define REASON_MACHINE_CHECK	41

static const char *lookup(const char *const *table, size_t size, uint32_t index,
			  const char *unknown)
{
	return index < size && table[index] ? table[index] : unknown;
}

const char *kev_exit_kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[KEV_EXIT_NONE] = "none",
		[KEV_EXIT_VM_EXITED] = "vm-exited",
		[KEV_EXIT_FAILED] = "failed",
		[KEV_EXIT_ENTRY_FAILED] = "entry-failed",
		[KEV_EXIT_SHUTDOWN] = "shutdown",
		[KEV_EXIT_HALTED] = "halted",
		[KEV_EXIT_CONSOLE] = "console",
		[KEV_EXIT_HYPERCALL] = "hypercall",
		[KEV_EXIT_IO] = "io",
		[KEV_EXIT_CPUID] = "cpuid",
		[KEV_EXIT_MSR] = "msr",
		[KEV_EXIT_MEMORY] = "memory",
		[KEV_EXIT_MEMORY_ERROR] = "memory-error",
		[KEV_EXIT_UNHANDLED] = "unhandled",
		[KEV_EXIT_MMIO] = "mmio",
		[KEV_EXIT_DEBUG] = "debug",
		[KEV_EXIT_INTERCEPT] = "intercept",
	};

	static_assert(ARRAY_SIZE(names) == KEV_NR_EXIT_KINDS, "a kind has no name");
	return lookup(names, ARRAY_SIZE(names), kind, "unknown");
}

const char *kev_exit_reason_text(uint32_t reason)
{
	static const char *const texts[] = {
		[0] = "exception or NMI",
		[1] = "external interrupt",
		[2] = "triple fault",
		[3] = "INIT signal",
		[4] = "start-up IPI",
		[5] = "SMI after an I/O instruction",
		[6] = "SMI",
		[7] = "interrupt window",
		[8] = "NMI window",
		[9] = "task switch",
		[10] = "CPUID",
		[11] = "GETSEC",
		[12] = "HLT",
		[13] = "INVD",
		[14] = "INVLPG",
		[15] = "RDPMC",
		[16] = "RDTSC",
		[17] = "RSM",
		[18] = "VMCALL",
		[19] = "VMCLEAR",
		[20] = "VMLAUNCH",
		[21] = "VMPTRLD",
		[22] = "VMPTRST",
		[23] = "VMREAD",
		[24] = "VMRESUME",
		[25] = "VMWRITE",
		[26] = "VMXOFF",
		[27] = "VMXON",
		[28] = "access to a control register",
		[29] = "access to a debug register",
		[30] = "I/O instruction",
		[31] = "RDMSR",
		[32] = "WRMSR",
		[REASON_GUEST_STATE] = "VM entry failed: invalid guest state",
		[REASON_MSR_LOAD] = "VM entry failed: loading MSRs",
		[36] = "MWAIT",
		[37] = "monitor trap flag",
		[39] = "MONITOR",
		[40] = "PAUSE",
		[REASON_MACHINE_CHECK] = "VM entry failed: machine check",
		[43] = "TPR below its threshold",
		[44] = "access to the APIC page",
		[45] = "virtualised EOI",
		[46] = "access to GDTR or IDTR",
		[47] = "access to LDTR or TR",
		[48] = "EPT violation",
		[49] = "EPT misconfiguration",
		[50] = "INVEPT",
		[51] = "RDTSCP",
		[52] = "preemption timer ran out",
		[53] = "INVVPID",
		[54] = "WBINVD or WBNOINVD",
		[55] = "XSETBV",
		[56] = "write to the APIC page",
		[57] = "RDRAND",
		[58] = "INVPCID",
		[59] = "VMFUNC",
		[60] = "ENCLS",
		[61] = "RDSEED",
		[62] = "page-modification log full",
		[63] = "XSAVES",
		[64] = "XRSTORS",
		[65] = "PCONFIG",
		[66] = "sub-page permissions",
		[67] = "UMWAIT",
		[68] = "TPAUSE",
		[69] = "LOADIWKEY",
		[70] = "ENCLV",
		[72] = "ENQCMD without PASID translation",
		[73] = "ENQCMDS without PASID translation",
		[74] = "bus lock",
		[75] = "an instruction ran too long",
		[76] = "SEAMCALL",
		[77] = "TDCALL",
		[78] = "RDMSRLIST",
		[79] = "WRMSRLIST",
		[80] = "URDMSR",
		[81] = "UWRMSR",
		[84] = "RDMSR with immediate",
		[85] = "WRMSRNS with immediate",
	};

	return lookup(texts, ARRAY_SIZE(texts), reason, "unknown exit reason");
}

const char *kev_instruction_error_text(uint32_t error)
{
	static const char *const texts[] = {
		[1] = "VMCALL in VMX root operation",
		[2] = "VMCLEAR: bad physical address",
		[3] = "VMCLEAR: the address is the VMXON region's",
		[4] = "VMLAUNCH: the VMCS is not clear",
		[5] = "VMRESUME: the VMCS was not launched",
		[6] = "VMRESUME after VMXOFF",
		[7] = "VM entry: invalid control field",
		[8] = "VM entry: invalid host state",
		[9] = "VMPTRLD: bad physical address",
		[10] = "VMPTRLD: the address is the VMXON region's",
		[11] = "VMPTRLD: the VMCS has another revision",
		[12] = "VMREAD or VMWRITE: the CPU has no such VMCS field",
		[13] = "VMWRITE: the VMCS field is read-only",
		[15] = "VMXON in VMX root operation",
		[16] = "VM entry: bad pointer to the executive VMCS",
		[17] = "VM entry: the executive VMCS was not launched",
		[18] = "VM entry: the executive-VMCS pointer is not the VMXON pointer",
		[19] = "VMCALL to the SMM monitor: the VMCS is not clear",
		[20] = "VMCALL to the SMM monitor: invalid VM-exit control",
		[22] = "VMCALL to the SMM monitor: MSEG has another revision",
		[23] = "VMXOFF while SMIs go to the SMM monitor",
		[24] = "VMCALL to the SMM monitor: invalid monitor features",
		[25] = "VM entry: invalid execution control in the executive VMCS",
		[26] = "VM entry while MOV SS blocks events",
		[28] = "INVEPT or INVVPID: invalid operand",
	};

	return lookup(texts, ARRAY_SIZE(texts), error, "unknown VM-instruction error");
}

const char *kev_image_problem_text(uint32_t problem)
{
	static const char *const texts[] = {
		[KEV_IMAGE_OK] = "no problem",
		[KEV_IMAGE_NOT_REGULAR] = "not a regular file",
		[KEV_IMAGE_TRUNCATED] = "the file ends inside the ELF header",
		[KEV_IMAGE_MAGIC] = "e_ident: no ELF magic number",
		[KEV_IMAGE_CLASS] = "e_ident[EI_CLASS]: not a 64-bit file",
		[KEV_IMAGE_DATA] = "e_ident[EI_DATA]: not little-endian",
		[KEV_IMAGE_VERSION] = "e_ident[EI_VERSION] or e_version: not 1",
		[KEV_IMAGE_TYPE] = "e_type: neither ET_EXEC nor ET_DYN",
		[KEV_IMAGE_MACHINE] = "e_machine: not EM_X86_64",
		[KEV_IMAGE_EHSIZE] = "e_ehsize: not 64",
		[KEV_IMAGE_PHENTSIZE] = "e_phentsize: not 56",
		[KEV_IMAGE_PHNUM] = "e_phnum: 0, or more than 128",
		[KEV_IMAGE_PHOFF] = "e_phoff: the program headers end beyond the file",
		[KEV_IMAGE_NO_LOAD] = "p_type: no PT_LOAD segment with p_memsz above 0",
		[KEV_IMAGE_FILESZ] = "p_filesz: greater than p_memsz",
		[KEV_IMAGE_OFFSET] = "p_offset: the segment ends beyond the file",
		[KEV_IMAGE_ADDRESS] = "p_paddr or p_vaddr: wraps around the address space",
		[KEV_IMAGE_PHYS_WIDTH] = "p_paddr: ends above the physical width",
		[KEV_IMAGE_OVERLAP] = "p_paddr: two segments overlap",
		[KEV_IMAGE_ENTRY] = "e_entry: lies in no segment",
		[KEV_IMAGE_LOW] =
			"p_paddr: boot structures are below 0x8000 with direct64, else below 0x1000",
		[KEV_IMAGE_HOLE] = "p_paddr: the segment covers the hole from 0xbffda000 to 4 GiB",
		[KEV_IMAGE_RAM] = "p_memsz: the image needs more memory than the VM has",
		[KEV_IMAGE_READ] = "reading the headers failed",
		[KEV_IMAGE_NO_HEADER] = "no header or note of the boot protocol",
		[KEV_IMAGE_HEADER] = "the boot protocol's header or note is malformed",
		[KEV_IMAGE_HEADER_FEATURE] =
			"the boot protocol's header demands what kev does not offer",
		[KEV_IMAGE_ABOVE_4G] = "p_paddr: the segment or the entry lies above 4 GiB",
		[KEV_IMAGE_BOOT_SPACE] = "no room in memory for the boot information",
		[KEV_IMAGE_MODULE] = "the file is empty, not regular, or does not fit into memory",
		[KEV_IMAGE_MEMORY_MAP] = "the memory map has more entries than fit",
		[KEV_IMAGE_DYNAMIC] = "PT_DYNAMIC: it or its relocation table is malformed",
		[KEV_IMAGE_RELOCATION] =
			"r_info or r_offset: not R_X86_64_RELATIVE, or outside the segments",
		[KEV_IMAGE_RELOCATIONS] = "DT_RELASZ: more than 1,048,576 relocations",
		[KEV_IMAGE_BASE] = "load base: e_type is ET_EXEC, or it is no multiple of 4096",
	};

	return lookup(texts, ARRAY_SIZE(texts), problem, "unknown problem");
}

const char *kev_boot_name(uint32_t boot)
{
	static const char *const names[] = {
		[KEV_BOOT_NONE] = "none",
		[KEV_BOOT_DIRECT64] = "direct64",
		[KEV_BOOT_KEV32] = "kev32",
		[KEV_BOOT_MULTIBOOT] = "multiboot",
		[KEV_BOOT_MULTIBOOT2] = "multiboot2",
		[KEV_BOOT_PVH] = "pvh",
		[KEV_BOOT_AUTO] = "auto",
	};

	return lookup(names, ARRAY_SIZE(names), boot, "unknown");
}

const char *kev_feature_name(unsigned int bit)
{
	static const char *const names[] = {
		"unrestricted-guest", "ept-accessed-dirty", "ept-2m", "ept-1g",
		"ept-execute-only", "vpid", "xsave", "preemption-timer", "tsc-scaling",
		"virtual-interrupts",
	};

	return lookup(names, ARRAY_SIZE(names), bit, "unknown");
}

const char *kev_intercept_name(unsigned int bit)
{
	static const char *const names[] = {
		"cpuid", "msr", "hypercall", "hlt", "pause", "mwait", "control-register",
		"debug-register", "xsetbv", "wbinvd", "invlpg", "rdtsc", "rdpmc",
		"descriptor-table", "undefined-instruction", "exception", "rdrand",
	};

	static_assert((1ULL << ARRAY_SIZE(names)) - 1 == KEV_INTERCEPT_ALL,
		      "an intercept has no name");
	return lookup(names, ARRAY_SIZE(names), bit, "unknown");
}

/* SDM Vol. 3, "VM-Entry Failures During or After Loading Guest State": qualification */
static const char *guest_state_text(uint64_t qualification)
{
	switch (qualification) {
	case 0:
		return "one of the guest's registers or segments breaks a rule";
	case 2:
		return "the guest's page-directory-pointer entries are invalid";
	case 3:
		return "an NMI is injected while STI or MOV SS blocks events";
	case 4:
		return "the VMCS link pointer is invalid";
	default:
		return "unknown qualification";
	}
}

static void failure_text(const struct kev_run *run, char *text, size_t size)
{
	const char *reason = kev_exit_reason_text(run->exit_reason);

	if (run->entry.instruction_error)
		snprintf(text, size, "VM-instruction error %u: %s", run->entry.instruction_error,
			 kev_instruction_error_text(run->entry.instruction_error));
	else if (run->exit_reason == REASON_GUEST_STATE)
		snprintf(text, size, "%s: %s", reason, guest_state_text(run->exit_qualification));
	else if (run->exit_reason == REASON_MSR_LOAD)
		snprintf(text, size, "%s: entry %llu of the list", reason, run->exit_qualification);
	else
		snprintf(text, size, "%s", reason);
}

void kev_entry_failure_text(const struct kev_run *run, char *text, size_t size)
{
	size_t length;

	failure_text(run, text, size);
	length = strlen(text);
	if (run->entry.problem[0])
		snprintf(text + length, size - length, "; %.*s",
			 (int)sizeof(run->entry.problem), run->entry.problem);
}
