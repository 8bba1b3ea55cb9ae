// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_ATTACH_IMAGE: files that are no ELF files, whose Multiboot header says where they go.
 * Guards that they lie there and run, that zeros follow, and that a header which contradicts
 * itself or its file is refused.
 */
#include "kselftest_harness.h"

#include "boot.h"

#define RAM_KIB		4096
#define LOAD		0x100000U
#define FILE_SIZE	(2 * KT_PAGE)

#define HEADER_AT	0x100			/* in the file */
#define FLAT		(1U << 16)		/* Multiboot: the header has addresses */
#define FROM_START	0xffffffffU		/* Multiboot 2: all before the header as well */

/* Tags of Multiboot 2 */
#define TAG_END		0U
#define TAG_ADDRESS	2U
#define TAG_ENTRY	3U
#define TAG_RELOCATABLE	10U

/* mov $0x1234, %edi; xor %eax, %eax; vmcall */
static const uint8_t halt[] = { 0xbf, 0x34, 0x12, 0, 0, 0x31, 0xc0, 0x0f, 0x01, 0xc1 };

FIXTURE(boot_flat) {
	int kev;
	bool unrestricted;
	uint8_t file[FILE_SIZE];
};

FIXTURE_SETUP(boot_flat)
{
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->unrestricted = kt_features(self->kev) & KEV_FEATURE_UNRESTRICTED_GUEST;
	memset(self->file, 0x5a, sizeof(self->file));
	memcpy(self->file, halt, sizeof(halt));
}

FIXTURE_TEARDOWN(boot_flat)
{
	close(self->kev);
}

#define NEED_UNRESTRICTED()						\
	do {								\
		if (!self->unrestricted)				\
			SKIP(return, "no unrestricted guest");		\
	} while (0)

static const struct {
	const char *name;
	uint32_t header, load, load_end, bss_end, entry;
	uint64_t base;
	uint32_t problem;
	uint32_t pages;			/* of the image in the guest */
} flats[] = {
	{ "all of the file", LOAD + HEADER_AT, LOAD, 0, 0, LOAD, 0, KEV_IMAGE_OK, 2 },
	{ "a page of it", LOAD + HEADER_AT, LOAD, LOAD + KT_PAGE, 0, LOAD, 0, KEV_IMAGE_OK, 1 },
	{ "with zeros", LOAD + HEADER_AT, LOAD, LOAD + FILE_SIZE, LOAD + FILE_SIZE + 1, LOAD, 0,
	  KEV_IMAGE_OK, 3 },
	{ "zeros that end within the file", LOAD + HEADER_AT, LOAD, 0, LOAD + 1, LOAD, 0,
	  KEV_IMAGE_OK, 2 },
	{ "from the header on", LOAD, LOAD, 0, 0, LOAD, 0, KEV_IMAGE_OK, 2 },
	{ "the header lies below", LOAD - 1, LOAD, 0, 0, LOAD, 0, KEV_IMAGE_HEADER, 0 },
	{ "more before the header than there is", LOAD + HEADER_AT + 1, LOAD, 0, 0, LOAD, 0,
	  KEV_IMAGE_HEADER, 0 },
	{ "it ends before it begins", LOAD + HEADER_AT, LOAD, LOAD - 1, 0, LOAD, 0,
	  KEV_IMAGE_HEADER, 0 },
	{ "zeros end before the file", LOAD + HEADER_AT, LOAD, LOAD + KT_PAGE, LOAD + 1, LOAD, 0,
	  KEV_IMAGE_HEADER, 0 },
	{ "nothing", LOAD + HEADER_AT, LOAD, LOAD, LOAD, LOAD, 0, KEV_IMAGE_HEADER, 0 },
	{ "more than the file has", LOAD + HEADER_AT, LOAD, LOAD + FILE_SIZE + 1, 0, LOAD, 0,
	  KEV_IMAGE_OFFSET, 0 },
	{ "beyond 4 GiB", 0xfffff100, 0xfffff000, 0, 0, 0xfffff000, 0, KEV_IMAGE_ABOVE_4G, 0 },
	{ "the entry is elsewhere", LOAD + HEADER_AT, LOAD, 0, 0, LOAD + FILE_SIZE, 0,
	  KEV_IMAGE_ENTRY, 0 },
	{ "with a base", LOAD + HEADER_AT, LOAD, 0, 0, LOAD, LOAD, KEV_IMAGE_BASE, 0 },
};

/* A file with a Multiboot header */
static int multiboot_file(uint8_t *file, size_t i)
{
	const uint32_t header[] = {
		0x1badb002, FLAT, -(0x1badb002 + FLAT), flats[i].header, flats[i].load,
		flats[i].load_end, flats[i].bss_end, flats[i].entry,
	};

	memcpy(file + HEADER_AT, header, sizeof(header));
	return kt_memfile(file, FILE_SIZE);
}

TEST_F(boot_flat, addresses)
{
	NEED_UNRESTRICTED();
	for (size_t i = 0; i < ARRAY_SIZE(flats); i++) {
		int vm = kt_create_plain_vm(self->kev), fd = multiboot_file(self->file, i);
		struct kev_attach_image args = kt_attach_request(fd, KEV_BOOT_MULTIBOOT, RAM_KIB);
		bool good = flats[i].problem == KEV_IMAGE_OK;

		args.load_base = flats[i].base;
		args.flags = flats[i].base ? KEV_ATTACH_VADDR : 0;
		EXPECT_EQ(good ? 0 : -ENOEXEC, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", flats[i].name);
		}
		EXPECT_EQ(flats[i].problem, args.problem) {
			TH_LOG("%s: problem", flats[i].name);
		}
		if (good) {
			EXPECT_EQ(flats[i].entry, args.entry);
			EXPECT_EQ(LOAD, args.start);
			EXPECT_EQ(LOAD + flats[i].pages * KT_PAGE, args.end) {
				TH_LOG("%s: end", flats[i].name);
			}
		}
		close(fd);
		close(vm);
	}
}

/* ---- Multiboot 2 ---- */

/* A header of these fields behind its length and checksum */
static int multiboot2_file(uint8_t *file, const uint32_t *tags, uint32_t size)
{
	uint32_t length = size + 16;
	const uint32_t head[] = { 0xe85250d6, 0, length, -(0xe85250d6 + length) };

	memcpy(file + HEADER_AT, head, sizeof(head));
	memcpy(file + HEADER_AT + sizeof(head), tags, size);
	return kt_memfile(file, FILE_SIZE);
}

#define ENTRY_AND_END	TAG_ENTRY, 12, LOAD, 0, TAG_END, 8

static const uint32_t tags[][12] = {
	{ TAG_ADDRESS, 24, LOAD + HEADER_AT, LOAD, 0, LOAD + FILE_SIZE + 4, ENTRY_AND_END },
	{ TAG_ADDRESS, 24, LOAD + HEADER_AT, FROM_START, 0, LOAD + FILE_SIZE + 4, ENTRY_AND_END },
};

/* It lies where it says, it runs, and what has no bytes is zero. */
TEST_F(boot_flat, runs)
{
	NEED_UNRESTRICTED();
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		int fd = multiboot2_file(self->file, tags[i], sizeof(tags[i]));
		struct kev_attach_image args = kt_attach_request(fd, KEV_BOOT_MULTIBOOT2, RAM_KIB);
		struct kt_guest guest = { .kev = -1, .vm = kt_create_plain_vm(self->kev) };
		uint8_t bytes[FILE_SIZE + 4];
		static const uint8_t zeros[4];

		ASSERT_EQ(0, kt_ioctl(guest.vm, KEV_VM_ATTACH_IMAGE, &args));
		ASSERT_EQ(sizeof(bytes), kt_read_guest(guest.vm, LOAD, bytes, sizeof(bytes)));
		EXPECT_EQ(0, memcmp(self->file, bytes, FILE_SIZE));
		EXPECT_EQ(0, memcmp(zeros, bytes + FILE_SIZE, sizeof(zeros)));
		guest.vcpu = kt_create_vcpu(guest.vm, 0);
		guest.run = kt_map_run(guest.vcpu);
		ASSERT_NE(NULL, guest.run);
		EXPECT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
		EXPECT_EQ(0x1234, guest.run->exit_code);
		close(fd);
		kt_guest_fini(&guest);
	}
}

/* An image that can be moved lies where it is; its header may allow that or not. */
static const struct {
	const char *name;
	uint32_t min, max, align;
	uint32_t problem;
} moves[] = {
	{ "anywhere", 0, ~0U, 1, KEV_IMAGE_OK },
	{ "exactly there", LOAD, LOAD + FILE_SIZE - 1, LOAD, KEV_IMAGE_OK },
	{ "any alignment", LOAD, ~0U, 0, KEV_IMAGE_OK },
	{ "above", LOAD + 1, ~0U, 1, KEV_IMAGE_HEADER_FEATURE },
	{ "it would reach too far", 0, LOAD + FILE_SIZE - 2, 1, KEV_IMAGE_HEADER_FEATURE },
	{ "not aligned", 0, ~0U, 2 * LOAD, KEV_IMAGE_HEADER_FEATURE },
	{ "no power of two", 0, ~0U, 3, KEV_IMAGE_HEADER },
};

TEST_F(boot_flat, relocatable)
{
	NEED_UNRESTRICTED();
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		const uint32_t both[] = {
			TAG_RELOCATABLE, 24, moves[i].min, moves[i].max, moves[i].align, 0,
			TAG_ADDRESS, 24, LOAD + HEADER_AT, LOAD, 0, 0, ENTRY_AND_END,
		};
		int vm = kt_create_plain_vm(self->kev);
		int fd = multiboot2_file(self->file, both, sizeof(both));
		struct kev_attach_image args = kt_attach_request(fd, KEV_BOOT_MULTIBOOT2, RAM_KIB);

		EXPECT_EQ(moves[i].problem == KEV_IMAGE_OK ? 0 : -ENOEXEC,
			  kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", moves[i].name);
		}
		EXPECT_EQ(moves[i].problem, args.problem) {
			TH_LOG("%s: problem", moves[i].name);
		}
		close(fd);
		close(vm);
	}
}

TEST_HARNESS_MAIN
