// SPDX-License-Identifier: GPL-2.0
/*
 * Multiboot 2 (Multiboot2 Specification version 2.0): its header and its boot
 * information. Pure.
 */
#include <kev/boot_protocol.h>
#include <kev/pure.h>

#define HEADER_MAGIC	0xe85250d6U
#define HEADER_WINDOW	KEV_BOOT_WINDOW_MAX	/* the header lies in it as a whole */
#define HEADER_SIZE	16	/* magic, architecture, length, checksum */
#define ARCHITECTURE_I386	0U
#define TAG_ALIGN	8	/* of the header and of every tag, here and in the information */
#define TAG_SIZE	8	/* type, flags, size */
#define TAG_OPTIONAL	BIT(0)

/* Header tags: 3.1.4 to 3.1.13 */
enum header_tag {
	HEADER_END = 0,
	HEADER_INFORMATION = 1,
	HEADER_ADDRESS = 2,
	HEADER_ENTRY = 3,
	HEADER_CONSOLE = 4,
	HEADER_FRAMEBUFFER = 5,
	HEADER_MODULE_ALIGN = 6,
	/* These three mean something on EFI only. */
	HEADER_EFI_BOOT_SERVICES = 7,
	HEADER_ENTRY_EFI32 = 8,
	HEADER_ENTRY_EFI64 = 9,
	HEADER_RELOCATABLE = 10,
};

#define CONSOLE_REQUIRED	BIT(0)
#define LOAD_FROM_START		0xffffffffU

/* Tags of the boot information: 3.6 */
enum info_tag {
	INFO_END = 0,
	INFO_CMDLINE = 1,
	INFO_LOADER = 2,
	INFO_MODULE = 3,
	INFO_MEMORY = 4,
	INFO_MAP = 6,
	INFO_ELF_SECTIONS = 9,
	INFO_LOAD_BASE = 21,
};

/*
 * Asked for, these are given, or known to be absent, which is no reason to refuse: there is no
 * BIOS, no EFI, no framebuffer, no network to boot from. Sections there may be, and they are not
 * given.
 */
#define INFO_KNOWN	\
	((BIT(INFO_LOAD_BASE + 1) - 1) & ~(BIT(INFO_END) | BIT(INFO_ELF_SECTIONS)))

#define MAP_ENTRY_SIZE	24

/* A header while its tags are read */
struct reading {
	const u8 *header;
	u64 offset;		/* of the header in the file */
	struct kev_boot_header *out;
};

static enum kev_image_problem read_information(const u8 *tag, u32 size)
{
	u32 at;

	if (size % sizeof(u32))
		return KEV_IMAGE_HEADER;
	for (at = TAG_SIZE; at < size; at += sizeof(u32)) {
		u32 type = kev_boot_get32(tag + at);

		if (type >= 32 || !(BIT(type) & INFO_KNOWN))
			return KEV_IMAGE_HEADER_FEATURE;
	}
	return KEV_IMAGE_OK;
}

static enum kev_image_problem read_address(const u8 *tag, const struct reading *r)
{
	u32 header_addr = kev_boot_get32(tag + 8);
	struct kev_boot_flat *flat = &r->out->flat;

	flat->load = kev_boot_get32(tag + 12);
	flat->load_end = kev_boot_get32(tag + 16);
	flat->bss_end = kev_boot_get32(tag + 20);
	if (flat->load == LOAD_FROM_START)
		flat->load = header_addr - r->offset;
	if (!kev_boot_flat_offset(r->offset, header_addr, flat))
		return KEV_IMAGE_HEADER;
	r->out->has_flat = true;
	return KEV_IMAGE_OK;
}

static enum kev_image_problem read_relocatable(const u8 *tag, bool optional,
					       struct kev_boot_header *out)
{
	out->relocatable = true;
	out->min = optional ? 0 : kev_boot_get32(tag + 8);
	out->max = optional ? 0xffffffffU : kev_boot_get32(tag + 12);
	out->align = optional ? 1 : kev_boot_get32(tag + 16);
	return out->align & (out->align - 1) ? KEV_IMAGE_HEADER : KEV_IMAGE_OK;
}

static u32 least_size(u32 type)
{
	switch (type) {
	case HEADER_ADDRESS:
	case HEADER_RELOCATABLE:
		return 24;
	case HEADER_ENTRY:
	case HEADER_CONSOLE:
		return 12;
	default:
		return TAG_SIZE;
	}
}

static enum kev_image_problem read_tag(const u8 *tag, u32 size, const struct reading *r)
{
	bool optional = kev_boot_get16(tag + 2) & TAG_OPTIONAL;
	u32 type = kev_boot_get16(tag);

	if (size < least_size(type))
		return KEV_IMAGE_HEADER;
	switch (type) {
	case HEADER_INFORMATION:
		return optional ? KEV_IMAGE_OK : read_information(tag, size);
	case HEADER_ADDRESS:
		return read_address(tag, r);
	case HEADER_ENTRY:
		r->out->entry = kev_boot_get32(tag + 8);
		r->out->has_entry = true;
		return KEV_IMAGE_OK;
	case HEADER_CONSOLE:
		if (optional || !(kev_boot_get32(tag + 8) & CONSOLE_REQUIRED))
			return KEV_IMAGE_OK;
		return KEV_IMAGE_HEADER_FEATURE;
	case HEADER_RELOCATABLE:
		return read_relocatable(tag, optional, r->out);
	/* Which mode would be best, of those that there are */
	case HEADER_FRAMEBUFFER:
	case HEADER_MODULE_ALIGN:
	case HEADER_EFI_BOOT_SERVICES:
	case HEADER_ENTRY_EFI32:
	case HEADER_ENTRY_EFI64:
		return KEV_IMAGE_OK;
	default:
		return optional ? KEV_IMAGE_OK : KEV_IMAGE_HEADER_FEATURE;
	}
}

/* @length: of the header; @r->header has as many bytes */
static enum kev_image_problem read_tags(u32 length, const struct reading *r)
{
	enum kev_image_problem problem;
	u32 at = HEADER_SIZE;

	while (at <= length && length - at >= TAG_SIZE) {
		const u8 *tag = r->header + at;
		u32 size = kev_boot_get32(tag + 4);

		if (size < TAG_SIZE || size > length - at)
			return KEV_IMAGE_HEADER;
		if (kev_boot_get16(tag) == HEADER_END)
			/* Addresses without an entry lead nowhere. */
			return r->out->has_flat && !r->out->has_entry ? KEV_IMAGE_HEADER :
									KEV_IMAGE_OK;
		problem = read_tag(tag, size, r);
		if (problem != KEV_IMAGE_OK)
			return problem;
		at += (size + TAG_ALIGN - 1) & ~(TAG_ALIGN - 1);
	}
	return KEV_IMAGE_HEADER;	/* no end tag */
}

static int find(const void *buf, size_t len, struct kev_boot_header *out,
		struct kev_image_fault *why)
{
	enum kev_image_problem problem;
	size_t at;

	for (at = 0; at + HEADER_SIZE <= len; at += TAG_ALIGN) {
		const struct reading r = { (const u8 *)buf + at, at, out };
		u32 architecture = kev_boot_get32(r.header + 4);
		u32 length = kev_boot_get32(r.header + 8);

		if (kev_boot_get32(r.header) != HEADER_MAGIC)
			continue;
		if (HEADER_MAGIC + architecture + length + kev_boot_get32(r.header + 12)) {
			why->problem = KEV_IMAGE_HEADER;
			continue;
		}
		/* One for this architecture may follow. */
		if (architecture != ARCHITECTURE_I386) {
			why->problem = KEV_IMAGE_HEADER_FEATURE;
			continue;
		}
		if (length > len - at)
			return kev_image_fault(why, KEV_IMAGE_HEADER, KEV_IMAGE_NO_SEGMENT);
		problem = read_tags(length, &r);
		if (problem != KEV_IMAGE_OK)
			return kev_image_fault(why, problem, KEV_IMAGE_NO_SEGMENT);
		return 1;
	}
	return 0;
}

static void put_tag(struct kev_boot_writer *w, enum info_tag type, u32 size)
{
	kev_boot_align(w, TAG_ALIGN);
	kev_boot_put32(w, type);
	kev_boot_put32(w, size);
}

void kev_multiboot2_put_map(struct kev_boot_writer *w, const struct kev_boot_plan *plan)
{
	u32 i;

	put_tag(w, INFO_MAP, 16 + plan->nr_runs * MAP_ENTRY_SIZE);
	kev_boot_put32(w, MAP_ENTRY_SIZE);
	kev_boot_put32(w, 0);			/* version of the entries */
	for (i = 0; i < plan->nr_runs; i++) {
		kev_boot_put64(w, plan->run[i].base);
		kev_boot_put64(w, plan->run[i].length);
		kev_boot_put32(w, KEV_BOOT_MAP_RAM);
		kev_boot_put32(w, 0);
	}
}

/* The end tag, and the size of all of it in the first field */
void kev_multiboot2_put_end(struct kev_boot_writer *w)
{
	put_tag(w, INFO_END, 8);
	kev_boot_patch32(w, 0, w->at);
}

static void put_string_tag(struct kev_boot_writer *w, enum info_tag type, const char *string,
			   u32 length)
{
	put_tag(w, type, 8 + length + 1);
	kev_boot_put_string(w, string, length);
}

static void render(const struct kev_boot_plan *plan, const struct kev_boot_args *args,
		   struct kev_boot_writer *w)
{
	const struct kev_boot_meminfo memory = kev_boot_meminfo(plan);
	u32 i;

	kev_boot_put64(w, 0);			/* the size, and a reserved field */
	put_string_tag(w, INFO_CMDLINE, args->cmdline, args->cmdline_length);
	put_string_tag(w, INFO_LOADER, KEV_BOOT_LOADER_NAME, sizeof(KEV_BOOT_LOADER_NAME) - 1);
	for (i = 0; i < plan->nr_modules; i++) {
		const struct kev_boot_file *file = &args->modules[i];
		const struct kev_range *module = &plan->module[i];

		put_tag(w, INFO_MODULE, 16 + file->cmdline_length + 1);
		kev_boot_put32(w, module->base);
		kev_boot_put32(w, module->base + module->length);
		kev_boot_put_string(w, file->cmdline, file->cmdline_length);
	}
	put_tag(w, INFO_MEMORY, 16);
	kev_boot_put32(w, memory.lower);
	kev_boot_put32(w, memory.upper);
	kev_multiboot2_put_map(w, plan);
	if (plan->load_base) {
		put_tag(w, INFO_LOAD_BASE, 12);
		kev_boot_put32(w, plan->load_base);
	}
	kev_multiboot2_put_end(w);
}

const struct kev_boot_protocol kev_boot_multiboot2 = {
	.is_32bit = true,
	.takes_files = true,
	.physical_entry = true,
	.window = HEADER_WINDOW,
	.low_end = KEV_PAGE_SIZE,
	.find = find,
	.render = render,
};
