// SPDX-License-Identifier: GPL-2.0
/*
 * Images that others have made: Debian's kernel, which has PVH's note, and Xen's
 * hypervisor, which has headers of Multiboot 1 and 2. Both come from what `bed setup`
 * has fetched; without them the cases are skipped.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <kev/boot.h>

#define MIB	0x100000ULL

struct image {
	u8 *bytes;
	size_t size;
};

/* All that a command prints; no bytes if it prints nothing */
static struct image output_of(const char *command)
{
	struct image image = { NULL, 0 };
	size_t room = 128 * MIB;
	FILE *pipe = popen(command, "r");

	image.bytes = malloc(room);
	if (pipe && image.bytes)
		image.size = fread(image.bytes, 1, room, pipe);
	if (pipe)
		pclose(pipe);
	return image;
}

#define CACHE	"cd \"${KEV_CACHE:-$HOME/.cache/kev}\" 2>/dev/null && "

/*
 * The kernel inside a bzImage: the boot protocol's setup_sects at 0x1f1, payload_offset at
 * 0x248 and payload_length at 0x24c (Linux, Documentation/x86/boot.rst).
 */
static struct image read_kernel(void)
{
	struct image boot = output_of(CACHE "head -c 1024 kernels/default/vmlinuz 2>/dev/null");
	char command[256];
	u32 offset, length;

	if (boot.size < 1024)
		return boot;
	memcpy(&offset, boot.bytes + 0x248, 4);
	memcpy(&length, boot.bytes + 0x24c, 4);
	offset += (boot.bytes[0x1f1] + 1) * 512;
	free(boot.bytes);
	snprintf(command, sizeof(command), CACHE
		 "tail -c +%u kernels/default/vmlinuz | head -c %u | "
		 "lz4 -dc 2>/dev/null", offset + 1, length);
	return output_of(command);
}

/* Everything up to the plan, as the module does it */
static int plan_image(const struct image *image, u32 protocol, struct kev_boot_header *header,
		      struct kev_boot_plan *plan, struct kev_image_fault *why)
{
	struct kev_elf_rules rules = { .phys_bits = 39 };
	const struct kev_boot_args args = {
		.ram_bytes = 512 * MIB, .phys_bits = 39, .cmdline = "quiet", .cmdline_length = 5,
	};
	static struct kev_elf_plan elf;
	struct kev_elf_header ehdr;
	u8 info[0x1000];
	u32 i;
	int ret;

	ret = kev_boot_find(protocol, image->bytes, min(image->size, kev_boot_window(protocol)),
			    header, why);
	if (ret)
		return ret;
	kev_boot_elf_rules(header, &rules);
	ret = kev_elf_decode_header(image->bytes, KEV_ELF_HEADER_SIZE, image->size, &rules, &ehdr,
				    why);
	if (!ret)
		ret = kev_elf_plan(&ehdr, image->bytes + ehdr.phoff, ehdr.phnum * ehdr.phentsize,
				   image->size, &rules, &elf, why);
	for (i = 0; !ret && i < elf.nr_notes && kev_boot_wants_notes(header); i++)
		ret = kev_boot_find_note(header, image->bytes + elf.note[i].offset,
					 min(elf.note[i].size, (u64)KEV_BOOT_NOTE_MAX), why);
	ret = ret ?: kev_boot_resolve(header, &elf, why);
	ret = ret ?: kev_boot_place(header, &elf, &args, plan, why);
	if (!ret && plan->boot.length != sizeof(info))
		ret = -ERANGE;
	return ret ?: kev_boot_render(plan, &args, info, why);
}

struct real_case {
	const char *name;
	u32 asked, protocol;
	int ret;
	enum kev_image_problem problem;
	bool has_entry, relocatable;
};

static void check(struct __test_metadata *_metadata, const struct image *image,
		  const struct real_case *cases, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		const struct real_case *c = &cases[i];
		struct kev_image_fault why = { ~0U, 0 };
		struct kev_boot_header header;
		struct kev_boot_plan plan;

		EXPECT_EQ(c->ret, plan_image(image, c->asked, &header, &plan, &why))
			TH_LOG("%s: problem %u", c->name, why.problem);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		if (c->ret)
			continue;
		EXPECT_EQ(c->protocol, header.protocol)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->has_entry, header.has_entry)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->relocatable, header.relocatable)
			TH_LOG("%s", c->name);
		EXPECT_FALSE(header.has_flat);
		/* Both are linked from a low address on, and smaller than the memory. */
		EXPECT_GE(plan.span.base, MIB)
			TH_LOG("%s", c->name);
		EXPECT_GE(plan.start.entry, plan.span.base);
		EXPECT_LT(plan.start.entry, plan.span.base + plan.span.length);
		EXPECT_EQ(0x1000, plan.start.info);
		EXPECT_EQ(0, plan.run[0].base);
	}
}

TEST(linux_kernel)
{
	static const struct real_case cases[] = {
		{ "asked for", KEV_BOOT_PVH, KEV_BOOT_PVH, 0, 0, true, false },
		{ "found", KEV_BOOT_AUTO, KEV_BOOT_PVH, 0, 0, true, false },
		{ "no Multiboot", KEV_BOOT_MULTIBOOT, 0, -ENOEXEC, KEV_IMAGE_NO_HEADER, 0, 0 },
		{ "no Multiboot 2", KEV_BOOT_MULTIBOOT2, 0, -ENOEXEC, KEV_IMAGE_NO_HEADER, 0, 0 },
		/* Its e_entry is a physical address. */
		{ "no entry of its own", KEV_BOOT_KEV32, 0, -ENOEXEC, KEV_IMAGE_ENTRY, 0, 0 },
	};
	struct image image = read_kernel();

	if (!image.size)
		SKIP(goto out, "no kernel in the cache, or it is not packed by lz4");
	check(_metadata, &image, cases, ARRAY_SIZE(cases));
out:
	free(image.bytes);
}

TEST(xen_hypervisor)
{
	static const struct real_case cases[] = {
		{ "Multiboot", KEV_BOOT_MULTIBOOT, KEV_BOOT_MULTIBOOT, 0, 0, false, false },
		{ "Multiboot 2", KEV_BOOT_MULTIBOOT2, KEV_BOOT_MULTIBOOT2, 0, 0, false, true },
		{ "found", KEV_BOOT_AUTO, KEV_BOOT_MULTIBOOT2, 0, 0, false, true },
	};
	struct image image = output_of(CACHE "cat images/xen 2>/dev/null");

	if (!image.size)
		SKIP(goto out, "no Xen in the cache");
	check(_metadata, &image, cases, ARRAY_SIZE(cases));
out:
	free(image.bytes);
}

TEST_HARNESS_MAIN
