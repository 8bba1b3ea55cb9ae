// SPDX-License-Identifier: GPL-2.0
/*
 * What a Hermit guest finds in its memory, byte by byte: boot information of every version,
 * the device tree, the layout and the page tables.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/kevctl/hermit/accept.h"
#include "../../tools/kevctl/hermit/boot_info.h"
#include "../../tools/kevctl/hermit/bootargs.h"
#include "../../tools/kevctl/hermit/layout.h"
#include "tap.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MIB		(1ULL << 20)
#define GIB		(1ULL << 30)

static const struct boot_info sample = {
	.phys_start = 0x1122334455667788, .phys_end = 0x2122334455667788,
	.serial_port = 0x3132, .device_tree = 0x4142434445464748,
	.image_start = 0x5152535455565758, .image_end = 0x6162636465666768,
	.stack = 0x7172737475767778, .tls_start = 0x8182838485868788,
	.tls_file_bytes = 0x9192939495969798, .tls_mem_bytes = 0xa1a2a3a4a5a6a7a8,
	.tls_align = 0xb1b2b3b4b5b6b7b8, .has_pci = true, .cpus = 0xc1c2c3c4,
	.khz = 0xd1d2d3d4, .boot_time = 0xe1e2e3e4e5e6e7e8,
};

struct field {
	unsigned int offset, width;
	uint64_t value;
};

/* Bytes that no field has are 0. */
static bool has_fields(unsigned int version, const struct field *fields, size_t nr, size_t length)
{
	uint8_t bytes[BOOT_INFO_BYTES], want[BOOT_INFO_BYTES] = {};

	for (size_t i = 0; i < nr; i++)
		for (unsigned int j = 0; j < fields[i].width; j++)
			want[fields[i].offset + j] = fields[i].value >> 8 * j;
	memset(bytes, 0xff, sizeof(bytes));
	return boot_info_fill(version, &sample, bytes) == length &&
	       !memcmp(bytes, want, sizeof(want));
}

static void test_boot_info(void)
{
	const struct field first[] = {
		{ 0, 4, 0xc0decafe }, { 4, 4, 1 }, { 8, 8, sample.image_start },
		{ 16, 8, sample.phys_end }, { 24, 8, sample.image_end - sample.image_start },
		{ 32, 8, sample.tls_start }, { 40, 8, sample.tls_file_bytes },
		{ 48, 8, sample.tls_mem_bytes }, { 56, 8, sample.stack },
		{ 80, 8, sample.boot_time / 1000 }, { 112, 4, sample.khz / 1000 },
		{ 116, 4, 0xffffffff }, { 124, 4, sample.cpus }, { 132, 2, 0x3132 },
		{ 134, 1, 1 }, { 135, 1, 3 }, { 152, 8, sample.tls_align },
	};
	const struct field second[] = {
		{ 0, 8, sample.phys_start }, { 8, 8, sample.phys_end }, { 16, 2, 0x3132 },
		{ 24, 8, sample.image_start }, { 32, 8, sample.image_end },
		{ 40, 8, sample.tls_start }, { 48, 8, sample.tls_file_bytes },
		{ 56, 8, sample.tls_mem_bytes }, { 64, 8, sample.tls_align }, { 72, 4, 1 },
		{ 80, 1, 1 }, { 88, 8, sample.cpus }, { 96, 4, sample.khz },
		{ 104, 8, sample.boot_time },
	};
	const struct field later[] = {
		{ 0, 8, sample.phys_start }, { 8, 8, sample.phys_end }, { 16, 2, 0x3132 },
		{ 24, 8, sample.device_tree }, { 32, 8, sample.image_start },
		{ 40, 8, sample.image_end }, { 48, 8, sample.tls_start },
		{ 56, 8, sample.tls_file_bytes }, { 64, 8, sample.tls_mem_bytes },
		{ 72, 8, sample.tls_align }, { 80, 4, 1 }, { 88, 1, 1 }, { 96, 8, sample.cpus },
		{ 104, 4, sample.khz }, { 112, 8, sample.boot_time },
	};
	uint8_t bytes[BOOT_INFO_BYTES];

	tap_result(has_fields(1, first, ARRAY_SIZE(first), 160), "boot information 1");
	tap_result(has_fields(2, second, ARRAY_SIZE(second), 120), "boot information 2");
	tap_result(has_fields(3, later, ARRAY_SIZE(later), 128), "boot information 3");
	tap_result(has_fields(4, later, ARRAY_SIZE(later), 128), "boot information 4");
	tap_result(!boot_info_fill(0, &sample, bytes) && !boot_info_fill(5, &sample, bytes),
		   "no other boot information");
}

static uint32_t big(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* The tree as text, for example "{a=00000001;b{}}" */
static bool tree_text(const uint8_t *tree, size_t length, char *text)
{
	uint32_t at = big(tree + 8), end = at + big(tree + 36), strings = big(tree + 12);
	uint32_t value;

	if (big(tree) != 0xd00dfeed || big(tree + 4) != length || big(tree + 20) != 17 ||
	    big(tree + 24) != 16 || end > length || strings + big(tree + 32) > length)
		return false;
	while (at < end) {
		switch (big(tree + at)) {
		case 1:
			text += sprintf(text, "%s{", tree + at + 4);
			at += 4 + ((strlen((const char *)tree + at + 4) + 4) & ~3UL);
			break;
		case 2:
			text += sprintf(text, "}");
			at += 4;
			break;
		case 3:
			text += sprintf(text, "%s=", tree + strings + big(tree + at + 8));
			value = big(tree + at + 4);
			for (uint32_t i = 0; i < value; i++) {
				uint8_t byte = tree[at + 12 + i];

				text += byte >= ' ' && byte <= '~' ? sprintf(text, "%c", byte) :
					sprintf(text, "\\%02x", byte);
			}
			text += sprintf(text, ";");
			at += 12 + ((value + 3) & ~3U);
			break;
		case 9:
			return at + 4 == end;
		default:
			return false;
		}
	}
	return false;
}

static void test_device_tree(void)
{
	const struct memory_range memory[] = { { 0, 0xd0000000 }, { 4 * GIB, 0x1000 } };
	struct device_tree tree = {
		.memory = memory, .nr_memory = 2, .cpus = 2, .khz = 0x61626364,
		.mounts = "/a\0/bc", .mounts_bytes = 7, .bootargs = "-- x",
	};
	static const char want[] =
		"{compatible=hermit,uhyve\\00;#address-cells=\\00\\00\\00\\02;"
		"#size-cells=\\00\\00\\00\\02;"
		"memory@0{device_type=memory\\00;"
		"reg=\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\d0\\00\\00\\00;}"
		"memory@100000000{device_type=memory\\00;"
		"reg=\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\10\\00;}"
		"uhyve,mounts{mounts=/a\\00/bc\\00;}"
		"cpus{#address-cells=\\00\\00\\00\\01;#size-cells=\\00\\00\\00\\00;"
		"cpu@0{device_type=cpu\\00;reg=\\00\\00\\00\\00;}"
		"cpu@1{device_type=cpu\\00;reg=\\00\\00\\00\\01;}}"
		"hermit,tsc{khz=abcd;}chosen{bootargs=-- x\\00;}}";
	uint8_t bytes[2048];
	char text[2048] = "";
	size_t length = device_tree_write(&tree, bytes, sizeof(bytes));
	bool ok = length <= sizeof(bytes) && tree_text(bytes, length, text);

	if (!ok || strcmp(text, want))
		printf("# %s\n", text);
	tap_result(ok && !strcmp(text, want), "device tree");
	tap_result(device_tree_write(&tree, NULL, 0) == length, "device tree: length");
	/* Not a byte behind the room; the sanitizer looks, too. */
	memset(bytes, 0x5a, sizeof(bytes));
	tap_result(device_tree_write(&tree, bytes, 100) == length && bytes[100] == 0x5a,
		   "device tree: little room");
}

static void test_bootargs(void)
{
	static const struct {
		const char *argv[6];
		unsigned int argc;
		const char *env[3];
		unsigned int envc;
		const char *line;
	} cases[] = {
		{ { "image" }, 1, { }, 0, "" },
		{ { "image", "a", "b c" }, 3, { }, 0, "-- a 'b c'" },
		{ { "image", "it's" }, 2, { }, 0, "-- 'it'\\''s'" },
		{ { "image", "" }, 2, { }, 0, "-- ''" },
		{ { "image" }, 1, { "A=b", "C=d e" }, 2, "env=A=b env='C=d e'" },
		{ { "image", "-ip", "1.2.3.4", "--", "x" }, 5, { "A=b" }, 1,
		  "-ip 1.2.3.4 env=A=b -- x" },
		{ { "image", "--", "--" }, 3, { }, 0, "-- --" },
		{ { "image", "#x", "$y" }, 3, { }, 0, "-- '#x' '$y'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arguments arguments = {
			.argc = cases[i].argc, .argv = (const char **)cases[i].argv,
			.envc = cases[i].envc, .env = (char **)cases[i].env,
		};
		char *line = bootargs_make(&arguments);

		if (line && strcmp(line, cases[i].line))
			printf("# %s\n", line);
		tap_result(line && !strcmp(line, cases[i].line), cases[i].line);
		free(line);
	}
}

/* One segment that may be moved */
static struct image_info image(uint16_t type, uint64_t vaddr, uint64_t bytes, uint32_t interface)
{
	return (struct image_info){
		.kind = IMAGE_HERMIT, .bits = 64, .machine = EM_X86_64, .type = type,
		.entry = vaddr + 0x10, .nr_segments = 1, .hermit_entry = 4,
		.uhyve_interface = interface,
		.segments = { { .vaddr = vaddr, .mem_bytes = bytes, .file_bytes = bytes } },
	};
}

static const struct {
	const char *name;
	uint16_t type;
	uint64_t vaddr, bytes;
	uint32_t interface;
	uint64_t ram;
	int64_t load;		/* -1: not given */
	int result;
	uint64_t ram_start, image_start, stack, boot_info, pml4, map_end;
} layouts[] = {
	{ "ET_DYN", ET_DYN, 0, 0x9a600, 1, 64 * MIB, -1,
	  0, 0, 0x400000, 0x3f8000, 0x9000, 0x10000, GIB },
	{ "ET_EXEC", ET_EXEC, 0x800000, 0x147480, 1, 64 * MIB, -1,
	  0, 0, 0x800000, 0x7f8000, 0x9000, 0x10000, GIB },
	{ "load address", ET_DYN, 0, 0x1000, 1, 64 * MIB, 0x1000000,
	  0, 0, 0x1000000, 0xff8000, 0x9000, 0x10000, GIB },
	{ "first address is not 0", ET_DYN, 0x200000, 0x1000, 1, 64 * MIB, -1,
	  0, 0, 0x600000, 0x5f8000, 0x9000, 0x10000, GIB },
	{ "second GiB", ET_EXEC, 0x50000000, 0x1000, 1, 2 * GIB, -1,
	  0, 0, 0x50000000, 0x4fff8000, 0x9000, 0x10000, 2 * GIB },
	{ "ET_DYN, interface 2", ET_DYN, 0, 0x1000, 2, 64 * MIB, -1,
	  0, 4 * GIB, 4 * GIB + 0x40000, 4 * GIB + 0x38000, 4 * GIB + 0x5000, 4 * GIB + 0x10000,
	  5 * GIB },
	{ "ET_EXEC, interface 2", ET_EXEC, 0x400000, 0x1000, 2, 64 * MIB, -1,
	  0, 0x200000, 0x400000, 0x3f8000, 0x205000, 0x210000, GIB },
	{ "load address, interface 3", ET_DYN, 0, 0x1000, 3, 64 * MIB, 0x240000,
	  0, 0x200000, 0x240000, 0x238000, 0x205000, 0x210000, GIB },
	{ "as low as it can be", ET_EXEC, 0x1b000, 0x1000, 1, 64 * MIB, -1,
	  0, 0, 0x1b000, 0x13000, 0x9000, 0x10000, GIB },
	{ "too low", ET_EXEC, 0x1a000, 0x1000, 1, 64 * MIB, -1, -ENOEXEC },
	{ "too low, interface 2", ET_EXEC, 0x3f000, 0x1000, 2, 64 * MIB, -1, -ENOEXEC },
	{ "ET_EXEC does not move", ET_EXEC, 0x400000, 0x1000, 1, 64 * MIB, 0x400000, -ENOEXEC },
	{ "does not fit", ET_DYN, 0, 64 * MIB, 1, 64 * MIB, -1, -ENOMEM },
	{ "fits to the last byte", ET_DYN, 0, 60 * MIB, 1, 64 * MIB, -1,
	  0, 0, 0x400000, 0x3f8000, 0x9000, 0x10000, GIB },
	{ "in the hole", ET_EXEC, 0xcffff000, 0x2000, 1, 8 * GIB, -1, -ENOEXEC },
	{ "behind the hole", ET_EXEC, 4 * GIB + 0x8000, 0x1000, 1, 8 * GIB, -1,
	  0, 0, 4 * GIB + 0x8000, 4 * GIB, 0x9000, 0x10000, 5 * GIB },
	{ "stack in the hole", ET_EXEC, 4 * GIB + 0x7000, 0x1000, 1, 8 * GIB, -1, -ENOEXEC },
	{ "memory in the hole", ET_EXEC, 4 * GIB + 0x10000, 0x1000, 2, 8 * GIB, -1, -ENOEXEC },
	{ "wraps", ET_DYN, 0xfffffffffffff000, 0xfff, 1, 64 * MIB, -1, -ENOEXEC },
	{ "wraps with its load address", ET_DYN, 0, 0x1000, 1, 64 * MIB, 0x7ffffffffffff000,
	  -ENOEXEC },
	{ "no segment", ET_DYN, 0, 0, 1, 64 * MIB, -1, -ENOEXEC },
};

static void test_layouts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct image_info info = image(layouts[i].type, layouts[i].vaddr,
						     layouts[i].bytes, layouts[i].interface);
		const struct layout_request request = {
			.ram_bytes = layouts[i].ram,
			.load_given = layouts[i].load != -1,
			.load_address = layouts[i].load,
		};
		const char *why = "";
		struct layout layout;
		int result = layout_make(&info, &request, &layout, &why);
		bool ok = result == layouts[i].result && (result != -ENOEXEC || *why);

		if (!result)
			ok = ok && layout.ram[0].start == layouts[i].ram_start &&
			     layout.image_start == layouts[i].image_start &&
			     layout.image_end == layouts[i].image_start + layouts[i].bytes &&
			     layout.entry == layouts[i].image_start + 0x10 &&
			     layout.stack == layouts[i].stack &&
			     layout.boot_info == layouts[i].boot_info &&
			     layout.pml4 == layouts[i].pml4 && layout.map_end == layouts[i].map_end;
		if (!ok)
			printf("# %d %s: ram %#llx image %#llx stack %#llx map %#llx\n", result,
			       why, (long long)layout.ram[0].start, (long long)layout.image_start,
			       (long long)layout.stack, (long long)layout.map_end);
		tap_result(ok, layouts[i].name);
	}
}

static void test_kernels(void)
{
	static const struct {
		const char *name;
		uint32_t kernel;
		uint64_t bytes, map_end;
	} cases[] = {
		{ "kernel without version", 0, 0x1000, GIB },
		{ "kernel 0.9.255", 0x0009ff, 0x1000, GIB },
		{ "kernel 0.10.0", 0x000a00, 0x1000, 0x600000 },
		{ "kernel 0.10.0 that ends a page of 2 MiB", 0x000a00, 0x200000, 0x800000 },
		{ "kernel 1.0.0", 0x010000, 0x1000, 0x600000 },
	};
	const struct layout_request request = { .ram_bytes = 64 * MIB };
	struct layout layout;
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_info info = image(ET_DYN, 0, cases[i].bytes, 1);

		info.hermit_kernel = cases[i].kernel;
		tap_result(!layout_make(&info, &request, &layout, &why) && !layout.map_start &&
			   layout.map_end == cases[i].map_end, cases[i].name);
	}
}

/* Where the tables lead, or ~0 */
static uint64_t walk(const struct layout *layout, uint64_t address)
{
	uint64_t table = layout->pml4, entries[512], entry = 0;

	for (int level = 3; level; level--) {
		if (table != layout->pml4 &&
		    (table < layout->tables || table >= layout->tables_end || table % 4096))
			return ~0ULL;
		layout_table(layout, table, entries);
		entry = entries[address >> (12 + 9 * level) & 511];
		if ((entry & 3) != 3 || (level > 1 && entry & 0x80))
			return ~0ULL;
		table = entry & ~0xfffULL;
	}
	return entry & 0x80 ? (entry & ~0x1fffffULL) + (address & 0x1fffff) : ~0ULL;
}

static void test_tables(void)
{
	static const struct {
		const char *name;
		uint64_t vaddr, ram;
		uint32_t interface, kernel;
	} cases[] = {
		{ "tables: one GiB", 0x400000, 64 * MIB, 1, 0 },
		{ "tables: to the end of a newer kernel", 0x400000, 64 * MIB, 1, 0xa00 },
		{ "tables: three GiB", 0x90000000, 3 * GIB, 1, 0 },
		{ "tables: over 512 GiB", 513 * GIB, 600 * GIB, 1, 0 },
		{ "tables: from 511 GiB on", 512 * GIB + 0x10000, 600 * GIB, 2, 0 },
		{ "tables: above 4 GiB", 5 * GIB, 64 * MIB, 2, 0xa00 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_info info = image(ET_EXEC, cases[i].vaddr, 0x1000, cases[i].interface);
		const struct layout_request request = { .ram_bytes = cases[i].ram };
		uint64_t entries[512];
		struct layout layout;
		const char *why = "no memory";
		bool ok;

		info.hermit_kernel = cases[i].kernel;
		ok = !layout_make(&info, &request, &layout, &why);
		if (!ok)
			printf("# %s\n", why);
		for (uint64_t at = layout.map_start; ok && at < layout.map_end; at += 0x200000)
			ok = walk(&layout, at + 0x1234) == at + 0x1234;
		ok = ok && walk(&layout, layout.map_end) == ~0ULL;
		ok = ok && (!layout.map_start || walk(&layout, layout.map_start - 1) == ~0ULL);
		if (ok) {
			layout_table(&layout, layout.pml4, entries);
			ok = entries[511] == (layout.pml4 | 3);
		}
		tap_result(ok, cases[i].name);
	}
}

static void test_free(void)
{
	struct image_info info = image(ET_DYN, 0, 0x17f30, 1);
	const struct layout_request request = { .ram_bytes = 4 * GIB };
	struct memory_range free[LAYOUT_MAX_FREE];
	struct layout layout;
	const char *why;
	unsigned int nr;

	/* Out of order, a shared page, and a gap */
	info.segments[1] = (struct image_segment){ .vaddr = 0x30123, .mem_bytes = 0x1000 };
	info.segments[2] = (struct image_segment){ .vaddr = 0x17f30, .mem_bytes = 0x100 };
	info.nr_segments = 3;
	tap_result(!layout_make(&info, &request, &layout, &why) && layout.nr_ram == 2 &&
		   layout.ram[0].length == HERMIT_HOLE && layout.ram[1].start == HERMIT_HOLE_END &&
		   layout.ram[1].length == 4 * GIB - HERMIT_HOLE, "memory goes round the hole");
	nr = layout_free(&info, &layout, free);
	tap_result(nr == 4 && free[0].start == 0 && free[0].length == 0x400000 &&
		   free[1].start == 0x419000 && free[1].length == 0x17000 &&
		   free[2].start == 0x432000 && free[2].length == HERMIT_HOLE - 0x432000 &&
		   free[3].start == HERMIT_HOLE_END &&
		   free[3].length == 4 * GIB - HERMIT_HOLE, "memory beside the image");
}

static void test_accept(void)
{
	static const struct {
		const char *name;
		unsigned int entry;
		uint32_t interface;
		bool library;
		uint16_t machine, type;
		const char *why;
	} cases[] = {
		{ "entry version 1", 1, 1, false, EM_X86_64, ET_DYN, NULL },
		{ "entry version 4, interface 3", 4, 3, false, EM_X86_64, ET_EXEC, NULL },
		{ "entry version 0", 0, 1, false, EM_X86_64, ET_DYN, "entry version 0" },
		{ "entry version 5", 5, 1, false, EM_X86_64, ET_DYN, "entry version 5" },
		{ "interface 4", 4, 4, false, EM_X86_64, ET_DYN, "interface version 4" },
		{ "interface 0x01000000", 4, 0x1000000, false, EM_X86_64, ET_DYN,
		  "interface version 16777216" },
		{ "libraries", 4, 1, true, EM_X86_64, ET_DYN, "libraries" },
		{ "machine", 4, 1, false, EM_AARCH64, ET_DYN, "machine" },
		{ "type", 4, 1, false, EM_X86_64, ET_REL, "neither" },
	};
	char why[ACCEPT_WHY];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_info info = image(cases[i].type, 0, 0x1000, cases[i].interface);
		bool accepted;

		info.hermit_entry = cases[i].entry;
		info.machine = cases[i].machine;
		info.needs_library = cases[i].library;
		accepted = accept_image(&info, why);
		tap_result(accepted ? !cases[i].why : cases[i].why && strstr(why, cases[i].why),
			   cases[i].name);
	}
}

int main(void)
{
	test_boot_info();
	test_device_tree();
	test_bootargs();
	test_layouts();
	test_kernels();
	test_tables();
	test_free();
	test_accept();
	return tap_end();
}
