// SPDX-License-Identifier: GPL-2.0
/*
 * The input is a choice of rules and an ELF file: no access outside of what was
 * given, and whatever plan is accepted keeps its promises.
 */
#include "elf_image.h"
#include "fuzz.h"

static bool known_problem(u32 problem)
{
	return (problem > KEV_IMAGE_NOT_REGULAR && problem <= KEV_IMAGE_ENTRY) ||
	       problem == KEV_IMAGE_DYNAMIC || problem == KEV_IMAGE_BASE;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kev_image_fault why = { ~0U, 0 };
	struct kev_elf_header header;
	struct kev_elf_rules rules;
	struct kev_elf_plan plan;
	const char *violation;
	u8 choice;
	u64 base;
	int ret;

	/* The widths that CPUs have, and bases at the end */
	fuzz_take(&data, &size, &choice, sizeof(choice));
	base = 0;
	if (choice & 8 && size >= sizeof(base)) {
		memcpy(&base, data + size - sizeof(base), sizeof(base));
		size -= sizeof(base);
	}
	rules = (struct kev_elf_rules) {
		.phys_bits = 36 + (choice >> 4),
		.class32 = choice & 1,
		.by_vaddr = choice & 2,
		.own_entry = choice & 4,
		.base = base,
	};
	ret = elf_image_plan(data, size, &rules, &header, &plan, &why);
	if (ret) {
		fuzz_check(ret == -ENOEXEC && known_problem(why.problem),
			   "refused without a problem");
		return 0;
	}
	violation = elf_image_violation(&plan, size, &rules);
	fuzz_check(!violation, violation);
	fuzz_check(why.problem == KEV_IMAGE_OK, "accepted with a problem");
	return 0;
}
