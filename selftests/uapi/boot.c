// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_ATTACH_IMAGE: boot protocols, command line and modules. Guards that what the
 * caller hands over is copied, checked and named when it is unusable, that the guest finds
 * it where its protocol says, and that a module's bytes are read when they are touched.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "boot.h"

#define MODULE		"/tmp/kevtest-boot-module"
#define MODULE_GPA	(KT_CODE_GPA + KT_PAGE)		/* behind the image's one page */
#define RAM_KIB		4096
#define HOLE		0xbffda000ULL

static const uint32_t protocols[] = {
	KEV_BOOT_DIRECT64, KEV_BOOT_KEV32, KEV_BOOT_MULTIBOOT, KEV_BOOT_MULTIBOOT2, KEV_BOOT_PVH,
};

FIXTURE(boot) {
	int kev, vm, image;
	bool unrestricted;
};

/* An image with all headers */
FIXTURE_SETUP(boot)
{
	struct kt_boot_image image;

	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->unrestricted = kt_features(self->kev) & KEV_FEATURE_UNRESTRICTED_GUEST;
	self->vm = kt_create_plain_vm(self->kev);
	ASSERT_LE(0, self->vm);
	kt_boot_image_init(&image, KT_HAS_MULTIBOOT | KT_HAS_MULTIBOOT2 | KT_HAS_NOTE);
	self->image = kt_boot_image_file(&image);
	ASSERT_LE(0, self->image);
}

FIXTURE_TEARDOWN(boot)
{
	unlink(MODULE);
	close(self->image);
	close(self->vm);
	close(self->kev);
}

#define NO_UNRESTRICTED	"no unrestricted guest"

static struct kev_attach_image request(int fd, uint32_t boot)
{
	return kt_attach_request(fd, boot, boot == KEV_BOOT_NONE ? 0 : RAM_KIB);
}

/* A module of so many zeros */
static int module_file(size_t size)
{
	int fd = memfd_create("kevtest-module", MFD_CLOEXEC);

	if (ftruncate(fd, size)) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* ---- arguments ---- */

enum place {
	NOWHERE,	/* address 0 */
	TEXT,		/* letters, as many as anybody wants */
	NUL_FIRST,
	NUL_AT_7,
	NOT_MAPPED,
	LAST_BYTES,	/* eight bytes before what is not mapped */
};

static char text[KEV_MAX_CMDLINE + 1], nul_first[8], nul_at_7[16];

static char *address_of(enum place place)
{
	static char *last_bytes;

	switch (place) {
	case TEXT:
		memset(text, 'x', sizeof(text));
		return text;
	case NUL_FIRST:
		memset(nul_first + 1, 'x', sizeof(nul_first) - 1);
		return nul_first;
	case NUL_AT_7:
		memset(nul_at_7, 'x', sizeof(nul_at_7));
		nul_at_7[7] = 0;
		return nul_at_7;
	case NOT_MAPPED:
	case LAST_BYTES:
		if (!last_bytes) {
			last_bytes = mmap(NULL, 2 * KT_PAGE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			memset(last_bytes, 'x', KT_PAGE);
			munmap(last_bytes + KT_PAGE, KT_PAGE);
		}
		return last_bytes + KT_PAGE - (place == LAST_BYTES ? 8 : 0);
	default:
		return NULL;
	}
}

static const struct {
	const char *name;
	uint32_t boot;
	enum place place;
	uint32_t length;
	int result;
} cmdlines[] = {
	{ "none", KEV_BOOT_MULTIBOOT, NOWHERE, 0, 0 },
	{ "one byte", KEV_BOOT_MULTIBOOT, TEXT, 1, 0 },
	{ "the longest", KEV_BOOT_MULTIBOOT, TEXT, KEV_MAX_CMDLINE - 1, 0 },
	{ "the longest, Multiboot 2", KEV_BOOT_MULTIBOOT2, TEXT, KEV_MAX_CMDLINE - 1, 0 },
	{ "the longest, PVH", KEV_BOOT_PVH, TEXT, KEV_MAX_CMDLINE - 1, 0 },
	{ "up to the end of a mapping", KEV_BOOT_PVH, LAST_BYTES, 8, 0 },
	{ "without the byte that is NUL", KEV_BOOT_PVH, NUL_AT_7, 7, 0 },
	{ "too long by one", KEV_BOOT_MULTIBOOT, TEXT, KEV_MAX_CMDLINE, -E2BIG },
	{ "the greatest length", KEV_BOOT_MULTIBOOT, TEXT, ~0U, -E2BIG },
	{ "too long, and not there", KEV_BOOT_MULTIBOOT, NOWHERE, KEV_MAX_CMDLINE, -E2BIG },
	{ "address 0", KEV_BOOT_MULTIBOOT, NOWHERE, 1, -EFAULT },
	{ "not mapped", KEV_BOOT_MULTIBOOT, NOT_MAPPED, 1, -EFAULT },
	{ "beyond the end of a mapping", KEV_BOOT_PVH, LAST_BYTES, 9, -EFAULT },
	{ "a NUL at its beginning", KEV_BOOT_MULTIBOOT, NUL_FIRST, 8, -EINVAL },
	{ "a NUL at its end", KEV_BOOT_MULTIBOOT, NUL_AT_7, 8, -EINVAL },
	{ "a NUL in the middle", KEV_BOOT_PVH, NUL_AT_7, 16, -EINVAL },
	{ "without a protocol", KEV_BOOT_NONE, TEXT, 1, -EINVAL },
	{ "64-bit direct", KEV_BOOT_DIRECT64, TEXT, 1, -EINVAL },
	{ "kev 32-bit", KEV_BOOT_KEV32, TEXT, 1, -EINVAL },
};

TEST_F(boot, cmdline)
{
	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t i = 0; i < ARRAY_SIZE(cmdlines); i++) {
		struct kev_attach_image args = request(self->image, cmdlines[i].boot);
		int vm = kt_create_vm(self->kev, 0, NULL);

		args.cmdline = (uintptr_t)address_of(cmdlines[i].place);
		args.cmdline_length = cmdlines[i].length;
		EXPECT_EQ(cmdlines[i].result, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", cmdlines[i].name);
		}
		EXPECT_EQ(KEV_IMAGE_OK, args.problem) {
			TH_LOG("%s: problem", cmdlines[i].name);
		}
		EXPECT_EQ(KEV_IMAGE_NO_SEGMENT, args.segment) {
			TH_LOG("%s: segment", cmdlines[i].name);
		}
		close(vm);
	}
}

/* What AUTO makes of an image without a header takes no command line either. */
TEST_F(boot, cmdline_for_what_auto_has_chosen)
{
	struct kev_attach_image args;
	struct kt_boot_image image;
	int fd;

	kt_boot_image_init(&image, 0);
	fd = kt_boot_image_file(&image);
	ASSERT_LE(0, fd);
	args = request(fd, KEV_BOOT_AUTO);
	kt_attach_cmdline(&args, "alpha");
	EXPECT_EQ(-EINVAL, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	EXPECT_EQ(KEV_BOOT_AUTO, args.boot);
	args = request(fd, KEV_BOOT_AUTO);
	EXPECT_EQ(0, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	EXPECT_EQ(KEV_BOOT_DIRECT64, args.boot);
	close(fd);
}

static const struct {
	const char *name;
	uint32_t boot;
	bool mapped;
	uint32_t nr;
	int result;
} counts[] = {
	{ "one", KEV_BOOT_MULTIBOOT, true, 1, 0 },
	{ "as many as there can be", KEV_BOOT_MULTIBOOT, true, KEV_MAX_MODULES, 0 },
	{ "as many, Multiboot 2", KEV_BOOT_MULTIBOOT2, true, KEV_MAX_MODULES, 0 },
	{ "as many, PVH", KEV_BOOT_PVH, true, KEV_MAX_MODULES, 0 },
	{ "one too many", KEV_BOOT_MULTIBOOT, true, KEV_MAX_MODULES + 1, -E2BIG },
	{ "the greatest number", KEV_BOOT_MULTIBOOT, true, ~0U, -E2BIG },
	{ "not mapped", KEV_BOOT_MULTIBOOT, false, 1, -EFAULT },
	{ "without a protocol", KEV_BOOT_NONE, true, 1, -EINVAL },
	{ "64-bit direct", KEV_BOOT_DIRECT64, true, 1, -EINVAL },
	{ "kev 32-bit", KEV_BOOT_KEV32, true, 1, -EINVAL },
};

TEST_F(boot, number_of_modules)
{
	struct kev_boot_module modules[KEV_MAX_MODULES + 1] = {};
	int fd = module_file(1);

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	ASSERT_LE(0, fd);
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		modules[i].fd = fd;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct kev_attach_image args = request(self->image, counts[i].boot);
		int vm = kt_create_vm(self->kev, 0, NULL);

		kt_attach_modules(&args, modules, counts[i].nr);
		if (!counts[i].mapped)
			args.modules = (uintptr_t)address_of(NOT_MAPPED);
		EXPECT_EQ(counts[i].result, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", counts[i].name);
		}
		EXPECT_EQ(KEV_IMAGE_OK, args.problem) {
			TH_LOG("%s: problem", counts[i].name);
		}
		if (!counts[i].result) {
			EXPECT_EQ(MODULE_GPA + counts[i].nr * KT_PAGE, args.end) {
				TH_LOG("%s: end", counts[i].name);
			}
		}
		close(vm);
	}
	close(fd);
}

enum descriptor {
	GOOD,
	CLOSED,
	O_PATH_ONLY,
	WRITE_ONLY,
	DIRECTORY,
	PIPE,
	DEVICE,
	EMPTY,
	WRITTEN,	/* somebody has it open for writing */
	TOO_LARGE,	/* for memory below the hole */
	THE_IMAGE,
};

static int named_module(int flags)
{
	int fd = open(MODULE, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755);

	if (fd < 0 || write(fd, "module", 6) != 6)
		return -EIO;
	close(fd);
	return open(MODULE, flags | O_CLOEXEC);
}

/* *extra is another descriptor to close */
static int open_module(enum descriptor which, int image, int *extra)
{
	int fds[2], fd;

	switch (which) {
	case GOOD:
		return named_module(O_RDONLY);
	case O_PATH_ONLY:
		return named_module(O_PATH);
	case WRITE_ONLY:
		return named_module(O_WRONLY);
	case DIRECTORY:
		return open("/tmp", O_RDONLY | O_CLOEXEC);
	case PIPE:
		if (pipe(fds))
			return -1;
		*extra = fds[1];
		return fds[0];
	case DEVICE:
		return open("/dev/zero", O_RDONLY | O_CLOEXEC);
	case EMPTY:
		return module_file(0);
	case WRITTEN:
		fd = named_module(O_RDONLY);
		*extra = open(MODULE, O_WRONLY | O_CLOEXEC);
		return fd;
	case TOO_LARGE:
		return module_file(HOLE - MODULE_GPA);
	case THE_IMAGE:
		return dup(image);
	default:
		return -1;
	}
}

static const struct {
	const char *name;
	enum descriptor which;
	enum place place;
	uint32_t length;
	int result;
} modules[] = {
	{ "good", GOOD, TEXT, 5, 0 },
	{ "without a string", GOOD, NOWHERE, 0, 0 },
	{ "the longest string", GOOD, TEXT, KEV_MAX_CMDLINE - 1, 0 },
	{ "the image itself", THE_IMAGE, NOWHERE, 0, 0 },
	{ "string too long by one", GOOD, TEXT, KEV_MAX_CMDLINE, -E2BIG },
	{ "string not mapped", GOOD, NOT_MAPPED, 1, -EFAULT },
	{ "a NUL in the string", GOOD, NUL_AT_7, 8, -EINVAL },
	{ "no descriptor", CLOSED, NOWHERE, 0, -EBADF },
	{ "O_PATH", O_PATH_ONLY, NOWHERE, 0, -EBADF },
	{ "open for writing alone", WRITE_ONLY, NOWHERE, 0, -EBADF },
	{ "a directory", DIRECTORY, NOWHERE, 0, -ENOEXEC },
	{ "a pipe", PIPE, NOWHERE, 0, -ENOEXEC },
	{ "a device", DEVICE, NOWHERE, 0, -ENOEXEC },
	{ "an empty file", EMPTY, NOWHERE, 0, -ENOEXEC },
	{ "somebody writes to it", WRITTEN, NOWHERE, 0, -ETXTBSY },
	{ "larger than memory below the hole", TOO_LARGE, NOWHERE, 0, -ENOEXEC },
};

/* The third of three: it is the one that is named, and nothing of the others is left. */
TEST_F(boot, unusable_modules)
{
	int good = module_file(KT_PAGE);

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	ASSERT_LE(0, good);
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		struct kev_attach_image args = request(self->image, KEV_BOOT_MULTIBOOT2);
		int vm = kt_create_vm(self->kev, 0, NULL), extra = -1;
		struct kev_boot_module three[] = {
			{ .fd = good }, { .fd = good },
			{
				.fd = open_module(modules[i].which, self->image, &extra),
				.cmdline = (uintptr_t)address_of(modules[i].place),
				.cmdline_length = modules[i].length,
			},
		};
		bool bad = modules[i].result;

		kt_attach_modules(&args, three, 3);
		EXPECT_EQ(modules[i].result, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", modules[i].name);
		}
		EXPECT_EQ(bad ? KEV_IMAGE_MODULE : KEV_IMAGE_OK, args.problem) {
			TH_LOG("%s: problem", modules[i].name);
		}
		EXPECT_EQ(bad ? 2 : KEV_IMAGE_NO_SEGMENT, args.segment) {
			TH_LOG("%s: segment", modules[i].name);
		}
		if (bad) {
			EXPECT_EQ(0, kt_attach(vm, self->image, KEV_BOOT_DIRECT64, RAM_KIB)) {
				TH_LOG("%s: again", modules[i].name);
			}
		}
		close(three[2].fd);
		close(extra);
		close(vm);
	}
	close(good);
}

/* As long as the VM is there a module cannot be written; after a failure it can. */
TEST_F(boot, writers_of_modules)
{
	struct kev_attach_image args = request(self->image, KEV_BOOT_PVH);
	struct kev_boot_module two[] = { { .fd = named_module(O_RDONLY) }, { .fd = -1 } };
	int writer;

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	ASSERT_LE(0, two[0].fd);
	kt_attach_modules(&args, two, 2);
	ASSERT_EQ(-EBADF, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	writer = open(MODULE, O_WRONLY | O_CLOEXEC);
	EXPECT_LE(0, writer);
	close(writer);
	args.nr_modules = 1;
	ASSERT_EQ(0, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	close(two[0].fd);
	EXPECT_EQ(-1, open(MODULE, O_WRONLY | O_CLOEXEC));
	EXPECT_EQ(ETXTBSY, errno);
}

/* Modules are a part of the image's span, and who gives too little memory is told so. */
TEST_F(boot, ram_below_modules)
{
	struct kev_attach_image args = request(self->image, KEV_BOOT_MULTIBOOT);
	struct kev_boot_module module = { .fd = module_file(2 * KT_PAGE + 1) };

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	kt_attach_modules(&args, &module, 1);
	args.ram_kib = 12;
	EXPECT_EQ(-EINVAL, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	EXPECT_EQ(KEV_IMAGE_RAM, args.problem);
	EXPECT_EQ(KT_CODE_GPA, args.start);
	EXPECT_EQ(KT_CODE_GPA + 4 * KT_PAGE, args.end);
	EXPECT_EQ(0, args.entry);
	args.ram_kib = 16;
	EXPECT_EQ(0, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
	close(module.fd);
}

/* ---- which protocol ---- */

static const struct {
	const char *name;
	unsigned int headers;
	uint32_t chosen;
} autos[] = {
	{ "no header", 0, KEV_BOOT_DIRECT64 },
	{ "Multiboot", KT_HAS_MULTIBOOT, KEV_BOOT_MULTIBOOT },
	{ "Multiboot 2", KT_HAS_MULTIBOOT2, KEV_BOOT_MULTIBOOT2 },
	{ "a note", KT_HAS_NOTE, KEV_BOOT_PVH },
	{ "Multiboot, and a note", KT_HAS_MULTIBOOT | KT_HAS_NOTE, KEV_BOOT_MULTIBOOT },
	{ "Multiboot 2, and a note", KT_HAS_MULTIBOOT2 | KT_HAS_NOTE, KEV_BOOT_MULTIBOOT2 },
	{ "both Multiboots", KT_HAS_MULTIBOOT | KT_HAS_MULTIBOOT2, KEV_BOOT_MULTIBOOT2 },
	{ "all", KT_HAS_MULTIBOOT | KT_HAS_MULTIBOOT2 | KT_HAS_NOTE, KEV_BOOT_MULTIBOOT2 },
};

TEST_F(boot, chosen_by_the_image)
{
	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t i = 0; i < ARRAY_SIZE(autos); i++) {
		int vm = kt_create_vm(self->kev, 0, NULL), fd;
		struct kev_attach_image args;
		struct kt_boot_image image;

		kt_boot_image_init(&image, autos[i].headers);
		fd = kt_boot_image_file(&image);
		ASSERT_LE(0, fd);
		args = request(fd, KEV_BOOT_AUTO);
		EXPECT_EQ(0, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", autos[i].name);
		}
		EXPECT_EQ(autos[i].chosen, args.boot) {
			TH_LOG("%s: protocol", autos[i].name);
		}
		EXPECT_EQ(KT_CODE_GPA, args.entry) {
			TH_LOG("%s: entry", autos[i].name);
		}
		close(fd);
		close(vm);
	}
}

/* Who asks for one protocol gets it, whatever else the image has. */
TEST_F(boot, chosen_by_the_caller)
{
	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		struct kev_attach_image args = request(self->image, protocols[i]);
		int vm = kt_create_vm(self->kev, 0, NULL);

		EXPECT_EQ(0, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("protocol %u", protocols[i]);
		}
		EXPECT_EQ(protocols[i], args.boot);
		close(vm);
	}
}

TEST_F(boot, without_unrestricted_guest)
{
	if (self->unrestricted)
		SKIP(return, "unrestricted guest is there");
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		struct kev_attach_image args = request(self->image, protocols[i]);
		int vm = kt_create_vm(self->kev, 0, NULL);

		EXPECT_EQ(protocols[i] == KEV_BOOT_DIRECT64 ? 0 : -EOPNOTSUPP,
			  kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("protocol %u", protocols[i]);
		}
		EXPECT_EQ(KEV_IMAGE_OK, args.problem);
		close(vm);
	}
	/* What AUTO finds is refused as well. */
	EXPECT_EQ(-EOPNOTSUPP, kt_attach(self->vm, self->image, KEV_BOOT_AUTO, RAM_KIB));
	EXPECT_EQ(0, kt_attach(self->vm, self->image, KEV_BOOT_DIRECT64, RAM_KIB));
}

/* ---- headers ---- */

#define FIELD(n)	((n) * 4)

static const struct {
	const char *name;
	uint32_t boot;
	unsigned int headers;
	size_t at;		/* a field that becomes @value; 0: none */
	uint32_t value;
	uint32_t problem;
} headers[] = {
	{ "no Multiboot header", KEV_BOOT_MULTIBOOT, KT_HAS_MULTIBOOT2 | KT_HAS_NOTE, 0, 0,
	  KEV_IMAGE_NO_HEADER },
	{ "no Multiboot 2 header", KEV_BOOT_MULTIBOOT2, KT_HAS_MULTIBOOT | KT_HAS_NOTE, 0, 0,
	  KEV_IMAGE_NO_HEADER },
	{ "no note", KEV_BOOT_PVH, KT_HAS_MULTIBOOT | KT_HAS_MULTIBOOT2, 0, 0,
	  KEV_IMAGE_NO_HEADER },
	{ "Multiboot, checksum", KEV_BOOT_MULTIBOOT, KT_HAS_MULTIBOOT,
	  KT_MULTIBOOT_AT + FIELD(2), 0, KEV_IMAGE_HEADER },
	{ "Multiboot 2, checksum", KEV_BOOT_MULTIBOOT2, KT_HAS_MULTIBOOT2,
	  KT_MULTIBOOT2_AT + FIELD(3), 0, KEV_IMAGE_HEADER },
	{ "PVH, another note", KEV_BOOT_PVH, KT_HAS_NOTE, KT_NOTE_AT + FIELD(2), 17,
	  KEV_IMAGE_NO_HEADER },
	{ "PVH, size of the entry", KEV_BOOT_PVH, KT_HAS_NOTE, KT_NOTE_AT + FIELD(1), 2,
	  KEV_IMAGE_HEADER },
	{ "PVH, entry outside", KEV_BOOT_PVH, KT_HAS_NOTE, KT_NOTE_AT + FIELD(4),
	  KT_CODE_GPA + KT_PAGE, KEV_IMAGE_ENTRY },
	{ "AUTO, entry outside", KEV_BOOT_AUTO, KT_HAS_NOTE, KT_NOTE_AT + FIELD(4),
	  KT_CODE_GPA + KT_PAGE, KEV_IMAGE_ENTRY },
};

/* Nothing is written on failure but what is wrong. */
TEST_F(boot, problems_of_headers)
{
	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		struct kev_attach_image args;
		struct kt_boot_image image;
		int fd;

		kt_boot_image_init(&image, headers[i].headers);
		if (headers[i].at)
			kt_boot_image_set(&image, headers[i].at, headers[i].value);
		fd = kt_boot_image_file(&image);
		ASSERT_LE(0, fd);
		args = request(fd, headers[i].boot);
		EXPECT_EQ(-ENOEXEC, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", headers[i].name);
		}
		EXPECT_EQ(headers[i].problem, args.problem) {
			TH_LOG("%s: problem", headers[i].name);
		}
		EXPECT_EQ(KEV_IMAGE_NO_SEGMENT, args.segment) {
			TH_LOG("%s: segment", headers[i].name);
		}
		EXPECT_EQ(headers[i].boot, args.boot) {
			TH_LOG("%s: protocol", headers[i].name);
		}
		EXPECT_EQ(0, args.entry | args.start | args.end) {
			TH_LOG("%s: addresses", headers[i].name);
		}
		close(fd);
	}
	EXPECT_EQ(0, kt_attach(self->vm, self->image, KEV_BOOT_AUTO, RAM_KIB));
}

/* A header that demands what is not there: the checksum is right. */
TEST_F(boot, demands)
{
	struct kev_attach_image args;
	struct kt_boot_image image;
	int fd;

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	kt_boot_image_init(&image, KT_HAS_MULTIBOOT);
	kt_boot_image_set(&image, KT_MULTIBOOT_AT + FIELD(1), 4);	/* a video mode */
	kt_boot_image_set(&image, KT_MULTIBOOT_AT + FIELD(2), -(0x1badb002U + 4));
	fd = kt_boot_image_file(&image);
	ASSERT_LE(0, fd);
	for (int any = 0; any < 2; any++) {
		args = request(fd, any ? KEV_BOOT_AUTO : KEV_BOOT_MULTIBOOT);
		EXPECT_EQ(-ENOEXEC, kt_ioctl(self->vm, KEV_VM_ATTACH_IMAGE, &args));
		EXPECT_EQ(KEV_IMAGE_HEADER_FEATURE, args.problem);
	}
	close(fd);
}

/* Where segments may lie depends on the protocol. */
static const struct {
	const char *name;
	uint32_t boot;
	uint64_t gpa, memsz;
	uint32_t problem;
	uint32_t segment;
} segments[] = {
	{ "page 0, Multiboot", KEV_BOOT_MULTIBOOT, 0, KT_PAGE, KEV_IMAGE_LOW, 0 },
	{ "page 0, 64-bit direct", KEV_BOOT_DIRECT64, 0, KT_PAGE, KEV_IMAGE_LOW, 0 },
	{ "page tables", KEV_BOOT_DIRECT64, 0x7000, KT_PAGE, KEV_IMAGE_LOW, 0 },
	{ "behind page tables", KEV_BOOT_DIRECT64, 0x8000, KT_PAGE, KEV_IMAGE_OK, ~0U },
	{ "page 1, kev 32-bit", KEV_BOOT_KEV32, 0x1000, KT_PAGE, KEV_IMAGE_OK, ~0U },
	{ "page 1, PVH", KEV_BOOT_PVH, 0x1000, KT_PAGE, KEV_IMAGE_OK, ~0U },
	{ "the hole", KEV_BOOT_MULTIBOOT2, HOLE, KT_PAGE, KEV_IMAGE_HOLE, 0 },
	{ "up to the hole", KEV_BOOT_MULTIBOOT2, KT_MIB, HOLE - KT_MIB, KEV_IMAGE_OK, ~0U },
	{ "from page 1 to the hole", KEV_BOOT_MULTIBOOT2, KT_PAGE, HOLE - KT_PAGE,
	  KEV_IMAGE_BOOT_SPACE, ~0U },
	{ "64-bit, above 4 GiB", KEV_BOOT_DIRECT64, 1ULL << 32, KT_PAGE, KEV_IMAGE_OK, ~0U },
	{ "32-bit, above 4 GiB", KEV_BOOT_MULTIBOOT, 1ULL << 32, KT_PAGE, KEV_IMAGE_ABOVE_4G, 0 },
};

TEST_F(boot, where_segments_lie)
{
	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++) {
		bool good = segments[i].problem == KEV_IMAGE_OK;
		int vm = kt_create_vm(self->kev, 0, NULL), fd;
		struct kev_attach_image args;
		struct kt_boot_image image;

		kt_boot_image_init(&image, kt_boot_headers(segments[i].boot));
		kt_boot_image_set(&image, KT_NOTE_AT + FIELD(4), segments[i].gpa);
		image.elf.ehdr.e_entry = segments[i].gpa;
		image.elf.phdr[0].p_paddr = segments[i].gpa;
		image.elf.phdr[0].p_vaddr = segments[i].gpa;
		image.elf.phdr[0].p_memsz = segments[i].memsz;
		fd = kt_boot_image_file(&image);
		ASSERT_LE(0, fd);
		args = request(fd, segments[i].boot);
		args.ram_kib = (segments[i].memsz >> 10) + 64;
		EXPECT_EQ(good ? 0 : -ENOEXEC, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args)) {
			TH_LOG("%s: result", segments[i].name);
		}
		EXPECT_EQ(segments[i].problem, args.problem) {
			TH_LOG("%s: problem", segments[i].name);
		}
		EXPECT_EQ(segments[i].segment, args.segment) {
			TH_LOG("%s: segment", segments[i].name);
		}
		close(fd);
		close(vm);
	}
}

TEST_HARNESS_MAIN
