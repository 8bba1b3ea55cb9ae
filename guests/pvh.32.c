// SPDX-License-Identifier: GPL-2.0
/*
 * PVH from the inside. Wants --memory=32M --append="alpha beta" --module=FILE,first, where
 * FILE is an ELF file; kevctl finds the note by itself.
 */
#include "guest32.h"

/* XEN_ELFNOTE_PHYS32_ENTRY */
asm(".pushsection .boot_note, \"a\", @note\n"
	".balign 4\n"
	".long	4, 4, 18\n"
	".asciz	\"Xen\"\n"
	".long	_start\n"
	".popsection");

struct information {
	u32 magic, version, flags, nr_modules;
	u64 modlist, cmdline, rsdp, memmap;
	u32 memmap_entries, reserved;
};

struct module {
	u64 start, size, string, reserved;
};

struct run {
	u64 base, length;
	u32 type, reserved;
};

u32 main(const struct registers *registers)
{
	const struct information *info = at(registers->ebx);
	const struct module *module;
	struct memory memory = {};
	const struct run *run;

	expect_unpaged(CR0_PE | CR0_ET);
	expect(20, "magic", info->magic, 0x336ec578);
	expect(21, "version", info->version, 1);
	expect(22, "flags", info->flags, 0);
	expect(23, "ACPI", info->rsdp, 0);
	expect_cmdline(at(info->cmdline));
	expect(24, "modules", info->nr_modules, 1);
	module = at(info->modlist);
	expect_module(module->start, module->start + module->size, at(module->string));
	run = at(info->memmap);
	for (u32 i = 0; i < info->memmap_entries; i++)
		see_run(&memory, run[i].base, run[i].length, run[i].type);
	expect_memory(&memory, MEMORY);
	print("pvh: ok\n");
	return EXIT_GOOD;
}
