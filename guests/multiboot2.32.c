// SPDX-License-Identifier: GPL-2.0
/*
 * Multiboot 2 from the inside, entered where its header says. Wants --memory=32M
 * --append="alpha beta" --module=FILE,first, where FILE is an ELF file; kevctl finds the
 * header by itself.
 */
#include "guest32.h"

#define MAGIC	0xe85250d6U

void entry(void);

struct header {
	u32 magic, architecture, length, checksum;
	struct { u16 type, flags; u32 size, asked[5], padding; } __packed information;
	struct { u16 type, flags; u32 size; void (*entry)(void); u32 padding; } __packed entry;
	struct { u16 type, flags; u32 size, width, height, depth, padding; } __packed framebuffer;
	struct { u16 type, flags; u32 size; } __packed end;
};

static const struct header header __boot_header = {
	MAGIC, 0, sizeof(header), -(MAGIC + sizeof(header)),
	.information = { 1, 0, 28, { 1, 2, 3, 4, 6 }, 0 },
	.entry = { 3, 0, 12, entry, 0 },
	.framebuffer = { 5, 1, 20, 0, 0, 0, 0 },
	.end = { 0, 0, 8 },
};

/* Not where the ELF file says: CX tells them apart. */
asm(".pushsection .text\n"
	"entry:	mov	$0x4d32, %ecx\n"
	"	mov	%ecx, entered\n"
	"	jmp	_start\n"
	".popsection");

static u32 entered __attribute__((used, section(".data"))) = 1;

struct tag {
	u32 type, size, word[];
};

struct run {
	u64 base, length;
	u32 type, reserved;
} __packed;

static void see_map(const struct tag *tag, struct memory *memory)
{
	const struct run *run = (const struct run *)&tag->word[2];

	expect(26, "size of an entry", tag->word[0], sizeof(*run));
	expect(27, "version of an entry", tag->word[1], 0);
	for (; (u32)run < (u32)tag + tag->size; run++)
		see_run(memory, run->base, run->length, run->type);
}

static void see_tag(const struct tag *tag, struct memory *memory)
{
	switch (tag->type) {
	case 1:
		expect_cmdline((const char *)tag->word);
		break;
	case 2:
		expect(24, "boot loader", same_string((const char *)tag->word, "kev"), true);
		break;
	case 3:
		expect_module(tag->word[0], tag->word[1], (const char *)&tag->word[2]);
		break;
	case 4:
		expect(22, "lower memory", tag->word[0], 640);
		expect(23, "upper memory", tag->word[1], (MEMORY >> 10) - 1024);
		break;
	case 6:
		see_map(tag, memory);
		break;
	default:
		expect(25, "type of a tag", tag->type, 0);
	}
}

u32 main(const struct registers *registers)
{
	const u32 *info = at(registers->ebx);
	struct memory memory = {};
	const struct tag *tag;
	u32 seen = 0, where;

	expect_unpaged(CR0_PE | CR0_ET);
	expect(20, "EAX", registers->eax, 0x36d76289);
	expect(21, "entry", *(volatile u32 *)at((u32)&entered), 0x4d32);
	for (where = 8; where < info[0]; where += (tag->size + 7) & ~7U) {
		tag = at(registers->ebx + where);
		see_tag(tag, &memory);
		seen |= 1U << tag->type;
	}
	expect(28, "total size", where, info[0]);
	expect(29, "tags", seen, 1U << 0 | 1U << 1 | 1U << 2 | 1U << 3 | 1U << 4 | 1U << 6);
	expect_memory(&memory, MEMORY);
	print("multiboot2: ok\n");
	return EXIT_GOOD;
}
