// SPDX-License-Identifier: GPL-2.0
/*
 * The input is an ELF file: no access outside of what was given, and whatever
 * plan is accepted keeps its promises.
 */
#include <stdio.h>
#include <stdlib.h>

#include "elf_image.h"

#define PHYS_BITS	40

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kev_elf_header header;
	struct kev_image_fault why = { ~0U, 0 };
	struct kev_elf_plan plan;
	const char *violation;
	int ret;

	ret = elf_image_plan(data, size, PHYS_BITS, &header, &plan, &why);
	if (ret) {
		if (ret == -ENOEXEC && why.problem > KEV_IMAGE_NOT_REGULAR &&
		    why.problem <= KEV_IMAGE_ENTRY)
			return 0;
		violation = "refused without a problem";
	} else {
		violation = elf_image_violation(&plan, size, PHYS_BITS);
		if (!violation && why.problem != KEV_IMAGE_OK)
			violation = "accepted with a problem";
	}
	if (violation) {
		fprintf(stderr, "%s\n", violation);
		abort();
	}
	return 0;
}
