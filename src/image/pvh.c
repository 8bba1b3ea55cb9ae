// SPDX-License-Identifier: GPL-2.0
/*
 * Xen's PVH: the note that asks for it, and struct hvm_start_info, version 1 (Xen's
 * docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h). Pure.
 */
#include <kev/boot_protocol.h>
#include <kev/pure.h>

#define NOTE_HEADER_SIZE	12	/* sizes of name and descriptor, type */
#define NOTE_TYPE_ENTRY		18U	/* XEN_ELFNOTE_PHYS32_ENTRY */

#define INFO_MAGIC		0x336ec578U
#define INFO_VERSION		1U
#define INFO_SIZE		56
#define MODULE_SIZE		32
#define MAP_ENTRY_SIZE		24

static const char note_name[4] = "Xen";

struct note {
	const u8 *name, *desc;
	u32 name_size, desc_size, type;
};

/* The note at *@at; *@at is moved behind it. False if it does not lie in the list. */
static bool next_note(const u8 *list, u64 len, u64 *at, struct note *note)
{
	u64 desc, end;

	if (len - *at < NOTE_HEADER_SIZE)
		return false;
	*note = (struct note) {
		.name = list + *at + NOTE_HEADER_SIZE,
		.name_size = kev_boot_get32(list + *at),
		.desc_size = kev_boot_get32(list + *at + 4),
		.type = kev_boot_get32(list + *at + 8),
	};
	/* Both are padded to 4 bytes; 64 bits hold the sums of 32-bit sizes. */
	desc = *at + NOTE_HEADER_SIZE + (((u64)note->name_size + 3) & ~3ULL);
	end = desc + note->desc_size;
	if (end > len)
		return false;
	note->desc = list + desc;
	*at = min((end + 3) & ~3ULL, len);
	return true;
}

int kev_boot_find_note(struct kev_boot_header *header, const void *buf, size_t len,
		       struct kev_image_fault *why)
{
	struct note note;
	u64 at = 0;

	kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
	while (kev_boot_wants_notes(header) && next_note(buf, len, &at, &note)) {
		if (note.type != NOTE_TYPE_ENTRY || note.name_size != sizeof(note_name) ||
		    memcmp(note.name, note_name, sizeof(note_name)))
			continue;
		/* A word of the image's class; some 64-bit kernels have a 32-bit one. */
		if (note.desc_size != sizeof(u32) && note.desc_size != sizeof(u64))
			return kev_image_fault(why, KEV_IMAGE_HEADER, KEV_IMAGE_NO_SEGMENT);
		header->entry = 0;
		memcpy(&header->entry, note.desc, note.desc_size);
		header->has_entry = true;
		header->protocol = KEV_BOOT_PVH;
	}
	return 0;
}

static void render(const struct kev_boot_plan *plan, const struct kev_boot_args *args,
		   struct kev_boot_writer *w)
{
	u64 modules = w->gpa + INFO_SIZE;
	u64 map = modules + plan->nr_modules * MODULE_SIZE;
	u64 cmdline = map + plan->nr_runs * MAP_ENTRY_SIZE;
	u64 string = cmdline + args->cmdline_length + 1;
	u32 i;

	kev_boot_put32(w, INFO_MAGIC);
	kev_boot_put32(w, INFO_VERSION);
	kev_boot_put32(w, 0);			/* flags */
	kev_boot_put32(w, plan->nr_modules);
	kev_boot_put64(w, plan->nr_modules ? modules : 0);
	kev_boot_put64(w, cmdline);
	kev_boot_put64(w, 0);			/* ACPI: none */
	kev_boot_put64(w, map);
	kev_boot_put32(w, plan->nr_runs);
	kev_boot_put32(w, 0);

	for (i = 0; i < plan->nr_modules; i++) {
		kev_boot_put64(w, plan->module[i].base);
		kev_boot_put64(w, plan->module[i].length);
		kev_boot_put64(w, string);
		kev_boot_put64(w, 0);
		string += args->modules[i].cmdline_length + 1;
	}
	for (i = 0; i < plan->nr_runs; i++) {
		kev_boot_put64(w, plan->run[i].base);
		kev_boot_put64(w, plan->run[i].length);
		kev_boot_put32(w, KEV_BOOT_MAP_RAM);
		kev_boot_put32(w, 0);
	}
	kev_boot_put_string(w, args->cmdline, args->cmdline_length);
	for (i = 0; i < plan->nr_modules; i++)
		kev_boot_put_string(w, args->modules[i].cmdline, args->modules[i].cmdline_length);
}

const struct kev_boot_protocol kev_boot_pvh = {
	.is_32bit = true,
	.takes_files = true,
	.wants_note = true,
	.window = KEV_ELF_HEADER_SIZE,
	.low_end = KEV_PAGE_SIZE,
	.render = render,
};
