// SPDX-License-Identifier: GPL-2.0
/*
 * Multiboot 1 from the inside. Wants --memory=32M --append="alpha beta"
 * --module=FILE,first, where FILE is an ELF file; kevctl finds the header by itself.
 */
#include "guest32.h"

#define MAGIC	0x1badb002U
#define FLAGS	3U

static const u32 header[3] __boot_header = { MAGIC, FLAGS, -(MAGIC + FLAGS) };

#define INFO_FLAGS	(1U << 0 | 1U << 2 | 1U << 3 | 1U << 6 | 1U << 9)

struct information {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	u32 mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
};

struct module {
	u32 start, end, string, reserved;
};

struct run {
	u32 size;
	u64 base, length;
	u32 type;
} __packed;

u32 main(const struct registers *registers)
{
	const struct information *info = at(registers->ebx);
	const struct module *module;
	struct memory memory = {};
	const struct run *run;

	expect_unpaged(CR0_PE | CR0_ET);
	expect(20, "EAX", registers->eax, 0x2badb002);
	expect(21, "flags", info->flags, INFO_FLAGS);
	expect(22, "lower memory", info->mem_lower, 640);
	expect(23, "upper memory", info->mem_upper, (MEMORY >> 10) - 1024);
	expect_cmdline(at(info->cmdline));
	expect(24, "boot loader", same_string(at(info->boot_loader_name), "kev"), true);
	expect(25, "modules", info->mods_count, 1);
	module = at(info->mods_addr);
	expect_module(module->start, module->end, at(module->string));
	for (u32 gone = 0; gone < info->mmap_length; gone += run->size + 4) {
		run = at(info->mmap_addr + gone);
		see_run(&memory, run->base, run->length, run->type);
	}
	expect_memory(&memory, MEMORY);
	print("multiboot: ok\n");
	return EXIT_GOOD;
}
