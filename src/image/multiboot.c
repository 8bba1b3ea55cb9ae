// SPDX-License-Identifier: GPL-2.0
/*
 * Multiboot 1 (Multiboot Specification version 0.6.96): its header and its boot
 * information. Pure.
 */
#include <kev/boot_protocol.h>
#include <kev/pure.h>

#define HEADER_MAGIC	0x1badb002U
#define HEADER_WINDOW	8192U	/* the header lies in it as a whole */
#define HEADER_ALIGN	4
#define HEADER_SIZE	12	/* magic, flags, checksum */
#define HEADER_FLAT_SIZE	32	/* and the addresses */

/* Header flags: 3.1.2. Bits 15:0 are demands, of which these two are met. */
#define FLAG_PAGE_ALIGN	BIT(0)
#define FLAG_MEMORY	BIT(1)
#define FLAG_DEMANDS	0xffffU
#define FLAG_FLAT	BIT(16)

/* Flags of the boot information: 3.3 */
#define INFO_MEMORY	BIT(0)
#define INFO_CMDLINE	BIT(2)
#define INFO_MODULES	BIT(3)
#define INFO_MAP	BIT(6)
#define INFO_LOADER	BIT(9)

#define INFO_SIZE	120	/* 116 and a multiple of 8 */
#define MODULE_SIZE	16
#define MAP_ENTRY_SIZE	24	/* its own first field, the size, included */

static bool read_flat(const u8 *header, u64 offset, struct kev_boot_header *out)
{
	out->has_flat = true;
	out->has_entry = true;
	out->flat.load = kev_boot_get32(header + 16);
	out->flat.load_end = kev_boot_get32(header + 20);
	out->flat.bss_end = kev_boot_get32(header + 24);
	out->entry = kev_boot_get32(header + 28);
	return kev_boot_flat_offset(offset, kev_boot_get32(header + 12), &out->flat);
}

static int find(const void *buf, size_t len, struct kev_boot_header *out,
		struct kev_image_fault *why)
{
	size_t at;

	for (at = 0; at + HEADER_SIZE <= len; at += HEADER_ALIGN) {
		const u8 *header = (const u8 *)buf + at;
		u32 flags = kev_boot_get32(header + 4);

		if (kev_boot_get32(header) != HEADER_MAGIC)
			continue;
		if (HEADER_MAGIC + flags + kev_boot_get32(header + 8)) {
			why->problem = KEV_IMAGE_HEADER;
			continue;
		}
		if (flags & FLAG_DEMANDS & ~(FLAG_PAGE_ALIGN | FLAG_MEMORY))
			return kev_image_fault(why, KEV_IMAGE_HEADER_FEATURE, KEV_IMAGE_NO_SEGMENT);
		if ((flags & FLAG_FLAT) &&
		    (len - at < HEADER_FLAT_SIZE || !read_flat(header, at, out)))
			return kev_image_fault(why, KEV_IMAGE_HEADER, KEV_IMAGE_NO_SEGMENT);
		return 1;
	}
	return 0;
}

static void render(const struct kev_boot_plan *plan, const struct kev_boot_args *args,
		   struct kev_boot_writer *w)
{
	const struct kev_boot_meminfo memory = kev_boot_meminfo(plan);
	u32 modules = w->gpa + INFO_SIZE;
	u32 map = modules + plan->nr_modules * MODULE_SIZE;
	u32 name = map + plan->nr_runs * MAP_ENTRY_SIZE;
	u32 cmdline = name + sizeof(KEV_BOOT_LOADER_NAME);
	u32 string = cmdline + args->cmdline_length + 1;
	u32 i;

	kev_boot_put32(w, INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MAP | INFO_LOADER);
	kev_boot_put32(w, memory.lower);
	kev_boot_put32(w, memory.upper);
	kev_boot_put32(w, 0);			/* boot device */
	kev_boot_put32(w, cmdline);
	kev_boot_put32(w, plan->nr_modules);
	kev_boot_put32(w, modules);
	kev_boot_put(w, NULL, 16);		/* symbols */
	kev_boot_put32(w, plan->nr_runs * MAP_ENTRY_SIZE);
	kev_boot_put32(w, map);
	kev_boot_put(w, NULL, 12);		/* drives, configuration table */
	kev_boot_put32(w, name);
	kev_boot_put(w, NULL, INFO_SIZE - 68);	/* APM, VBE, framebuffer */

	for (i = 0; i < plan->nr_modules; i++) {
		const struct kev_range *module = &plan->module[i];

		kev_boot_put32(w, module->base);
		kev_boot_put32(w, module->base + module->length);
		kev_boot_put32(w, string);
		kev_boot_put32(w, 0);
		string += args->modules[i].cmdline_length + 1;
	}
	for (i = 0; i < plan->nr_runs; i++) {
		kev_boot_put32(w, MAP_ENTRY_SIZE - sizeof(u32));
		kev_boot_put64(w, plan->run[i].base);
		kev_boot_put64(w, plan->run[i].length);
		kev_boot_put32(w, KEV_BOOT_MAP_RAM);
	}
	kev_boot_put(w, KEV_BOOT_LOADER_NAME, sizeof(KEV_BOOT_LOADER_NAME));
	kev_boot_put_string(w, args->cmdline, args->cmdline_length);
	for (i = 0; i < plan->nr_modules; i++)
		kev_boot_put_string(w, args->modules[i].cmdline, args->modules[i].cmdline_length);
}

const struct kev_boot_protocol kev_boot_multiboot = {
	.is_32bit = true,
	.takes_files = true,
	.physical_entry = true,
	.window = HEADER_WINDOW,
	.low_end = KEV_PAGE_SIZE,
	.find = find,
	.render = render,
};
