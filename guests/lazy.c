// SPDX-License-Identifier: GPL-2.0
/*
 * An image of 64 MiB and one page, of which exactly two pages are touched:
 *
 *	                guest-physical	offset in the file
 *	the code	0x0100000	0x0001000
 *	the marker	0x2101000	0x2002000
 *
 * Its stack page is RAM. The page of the marker also holds the rest of the
 * payload's pattern, so that a neighbouring page would not pass for it. Exit
 * 0x1a2, or 1 if the marker is wrong.
 */
#include "guest.h"

#define PAYLOAD		(64 * MIB)
#define MARKER_AT	(32 * MIB)
/* "kevlazy!" */
#define MARKER		0x21797a616c76656bUL

const u64 payload[PAYLOAD / sizeof(u64)] __page_aligned = {
	[0] = 1,
	[MARKER_AT / sizeof(u64) - 1] = 2,
	[MARKER_AT / sizeof(u64)] = MARKER,
	[(MARKER_AT + PAGE_SIZE) / sizeof(u64) - 1] = ~MARKER,
	[(MARKER_AT + PAGE_SIZE) / sizeof(u64)] = 3,
	[PAYLOAD / sizeof(u64) - 1] = 4,
};

u64 main(u64 boot_info, u64 vcpu_id)
{
	const u64 *page = hide(payload + MARKER_AT / sizeof(u64));

	(void)boot_info;
	(void)vcpu_id;
	if (page[0] != MARKER || page[PAGE_SIZE / sizeof(u64) - 1] != ~MARKER)
		return 1;
	return 0x1a2;
}
