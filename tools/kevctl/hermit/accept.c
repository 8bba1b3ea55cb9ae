// SPDX-License-Identifier: GPL-2.0
/* Which Hermit images kevctl runs. */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>

#include "accept.h"
#include "boot_info.h"

#define LAST_INTERFACE	3U

static bool refuse(char *why, const char *text)
{
	snprintf(why, ACCEPT_WHY, "%s", text);
	return false;
}

bool accept_image(const struct image_info *info, char why[ACCEPT_WHY])
{
	if (info->kind != IMAGE_HERMIT)
		return refuse(why, "it has no note with Hermit's entry version");
	if (info->bits != 64 || info->machine != EM_X86_64)
		return refuse(why, "it is a Hermit image for another machine than x86-64");
	if (info->type != ET_EXEC && info->type != ET_DYN)
		return refuse(why, "it is neither ET_EXEC nor ET_DYN");
	if (info->needs_library)
		return refuse(why, "it needs shared libraries");
	if (info->hermit_entry < HERMIT_FIRST_ENTRY || info->hermit_entry > HERMIT_LAST_ENTRY) {
		snprintf(why, ACCEPT_WHY,
			 "Hermit's entry version %u is unknown: known are %u to %u",
			 info->hermit_entry, HERMIT_FIRST_ENTRY, HERMIT_LAST_ENTRY);
		return false;
	}
	if (!info->uhyve_interface || info->uhyve_interface > LAST_INTERFACE) {
		snprintf(why, ACCEPT_WHY, "uhyve's interface version %" PRIu32
			 " is unknown: known are 1 to %u", info->uhyve_interface, LAST_INTERFACE);
		return false;
	}
	return true;
}
