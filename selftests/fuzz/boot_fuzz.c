// SPDX-License-Identifier: GPL-2.0
/*
 * The input is a choice of protocol and memory, and an image: every step from its first
 * bytes to its boot information, without an access outside of what was given. Whatever is
 * placed lies apart, below the hole, and inside the memory that is reported.
 */
#include <stdlib.h>

#include <kev/boot.h>

#include "fuzz.h"

#define PHYS_BITS	36

/* The input's beginning */
struct choice {
	u8 protocol;
	u8 cmdline_length;
	u8 nr_modules;
	u8 module_pages;
	u32 ram_pages;
};

static bool plan_elf(const struct kev_boot_header *header, const u8 *data, size_t size,
		     struct kev_elf_plan *plan, struct kev_image_fault *why)
{
	struct kev_elf_rules rules = { .phys_bits = PHYS_BITS };
	struct kev_elf_header elf;

	kev_boot_elf_rules(header, &rules);
	return !kev_elf_decode_header(data, min_t(size_t, size, KEV_ELF_HEADER_SIZE), size, &rules,
				      &elf, why) &&
	       !kev_elf_plan(&elf, data + elf.phoff, elf.phnum * elf.phentsize, size, &rules,
			     plan, why);
}

static bool read_notes(struct kev_boot_header *header, const u8 *data,
		       const struct kev_elf_plan *plan, struct kev_image_fault *why)
{
	u32 i;

	for (i = 0; i < plan->nr_notes && kev_boot_wants_notes(header); i++) {
		/* A copy, for a read behind it to be seen */
		size_t len = min_t(u64, plan->note[i].size, KEV_BOOT_NOTE_MAX);
		u8 *copy = malloc(len);
		int ret;

		memcpy(copy, data + plan->note[i].offset, len);
		ret = kev_boot_find_note(header, copy, len, why);
		free(copy);
		if (ret)
			return false;
	}
	return true;
}

static bool find(u32 protocol, struct kev_boot_header *header, const u8 *data, size_t size,
		 struct kev_image_fault *why)
{
	size_t len = min(size, kev_boot_window(protocol));
	u8 *copy = malloc(len ?: 1);
	int ret;

	memcpy(copy, data, len);
	ret = kev_boot_find(protocol, copy, len, header, why);
	free(copy);
	return !ret;
}

static bool within_runs(const struct kev_boot_plan *plan, u64 base, u64 length)
{
	u32 i;

	for (i = 0; i < plan->nr_runs; i++) {
		if (base >= plan->run[i].base &&
		    base + length <= plan->run[i].base + plan->run[i].length)
			return true;
	}
	return false;
}

static void check_image(const struct kev_boot_plan *plan, const struct kev_elf_plan *elf)
{
	u32 i;

	for (i = 0; i < elf->nr; i++) {
		u64 gpa = elf->seg[i].gpa, end = gpa + elf->seg[i].memsz;

		fuzz_check(within_runs(plan, gpa, elf->seg[i].memsz), "image is no memory");
		fuzz_check(end <= plan->boot.base ||
			   gpa >= plan->boot.base + plan->boot.length,
			   "image in the boot structures");
	}
}

static void check_places(const struct kev_boot_plan *plan, const struct kev_elf_plan *elf)
{
	u64 last = elf->end;
	u32 i;

	check_image(plan, elf);
	for (i = 0; i < plan->nr_modules; i++) {
		const struct kev_range *module = &plan->module[i];

		fuzz_check(module->base >= last, "modules overlap");
		last = module->base + module->length;
		fuzz_check(last <= KEV_LAYOUT_HOLE_START, "module in the hole");
		fuzz_check(within_runs(plan, module->base, module->length), "module is no memory");
	}
	fuzz_check(plan->boot.base + plan->boot.length <= elf->start || plan->boot.base >= last,
		   "boot structures overlap");
	fuzz_check(within_runs(plan, plan->boot.base, plan->boot.length),
		   "boot structures are no memory");
	for (i = 0; i < plan->nr_runs; i++) {
		u64 base = plan->run[i].base, end = base + plan->run[i].length;

		fuzz_check(end <= KEV_LAYOUT_HOLE_START || base >= KEV_LAYOUT_HOLE_END,
			   "memory in the hole");
		fuzz_check(!i || base > plan->run[i - 1].base + plan->run[i - 1].length,
			   "runs touch");
	}
}

static void place(const struct choice *choice, const struct kev_boot_header *header,
		  const struct kev_elf_plan *elf)
{
	static const char string[256];
	struct kev_boot_file files[KEV_MAX_MODULES];
	struct kev_boot_args args = {
		.ram_bytes = (u64)choice->ram_pages << KEV_PAGE_SHIFT, .phys_bits = PHYS_BITS,
		.cmdline = string, .cmdline_length = choice->cmdline_length,
		.nr_modules = choice->nr_modules % (KEV_MAX_MODULES + 1), .modules = files,
	};
	struct kev_image_fault why = { ~0U, 0 };
	struct kev_boot_plan plan;
	struct kev_vcpu_state state;
	void *info;
	u32 i;
	int ret;

	for (i = 0; i < args.nr_modules; i++)
		files[i] = (struct kev_boot_file) {
			.size = ((u64)choice->module_pages << (i + 5)) + 1, .cmdline = string,
			.cmdline_length = choice->cmdline_length,
		};
	if (!kev_boot_takes(header->protocol, &args)) {
		args.cmdline_length = 0;
		args.nr_modules = 0;
	}
	ret = kev_boot_place(header, elf, &args, &plan, &why);
	fuzz_check(!ret == (why.problem == KEV_IMAGE_OK), "refused without a problem");
	if (ret || header->protocol == KEV_BOOT_NONE)
		return;
	check_places(&plan, elf);
	/* As large as it is, for a write behind it to be seen */
	if (!kev_boot_page(&plan)) {
		info = malloc(plan.boot.length);
		fuzz_check(!kev_boot_render(&plan, &args, info, &why), "does not fit");
		free(info);
	}
	kev_boot_state(&plan.start, 0, &state);
	fuzz_check(state.gprs.rip == elf->entry, "another entry");
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u32 protocols[] = {
		KEV_BOOT_AUTO, KEV_BOOT_AUTO, KEV_BOOT_NONE, KEV_BOOT_DIRECT64, KEV_BOOT_KEV32,
		KEV_BOOT_MULTIBOOT, KEV_BOOT_MULTIBOOT2, KEV_BOOT_PVH,
	};
	struct kev_image_fault why = { ~0U, 0 };
	struct kev_boot_header header;
	struct kev_elf_plan plan;
	struct choice choice;
	bool ok;

	memset(&choice, 0, sizeof(choice));
	fuzz_take(&data, &size, &choice, sizeof(choice));
	ok = find(protocols[choice.protocol % ARRAY_SIZE(protocols)], &header, data, size, &why);
	if (ok && header.has_flat)
		ok = !kev_boot_plan_flat(&header, size, PHYS_BITS, &plan, &why);
	else if (ok)
		ok = plan_elf(&header, data, size, &plan, &why);
	ok = ok && read_notes(&header, data, &plan, &why);
	ok = ok && !kev_boot_resolve(&header, &plan, &why);
	fuzz_check(ok == (why.problem == KEV_IMAGE_OK), "refused without a problem");
	if (ok)
		place(&choice, &header, &plan);
	return 0;
}
