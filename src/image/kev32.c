// SPDX-License-Identifier: GPL-2.0
/*
 * The boot protocol "kev 32-bit": one page of boot information at address 0, a Multiboot 2
 * memory map behind its size. Pure.
 */
#include <kev/boot_protocol.h>
#include <kev/pure.h>

static void render(const struct kev_boot_plan *plan, const struct kev_boot_args *args,
		   struct kev_boot_writer *w)
{
	(void)args;				/* it takes none */
	kev_boot_put64(w, 0);			/* the size, and a reserved field */
	kev_multiboot2_put_map(w, plan);
	kev_multiboot2_put_end(w);
}

const struct kev_boot_protocol kev_boot_kev32 = {
	.is_32bit = true,
	.window = KEV_ELF_HEADER_SIZE,
	.low_end = KEV_PAGE_SIZE,
	.boot = { 0, KEV_PAGE_SIZE },
	.print_device = 0xcafe0000,
	.render = render,
};
