// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_DOORBELL. Guards that the writes that ring are those that were asked for, that
 * each signals once and is not reported, and that all others are.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "kevtest.h"

#define DEVICE	0x200000UL
#define PORT	0xc050

static int set_bell(int vm, uint32_t flags, int fd, uint32_t width, uint64_t address,
		    uint64_t data)
{
	struct kev_doorbell args = {
		.size = sizeof(args), .flags = flags, .fd = fd, .width = width,
		.address = address, .data = data,
	};

	return kt_ioctl(vm, KEV_VM_DOORBELL, &args);
}

/* How often it was signalled since the last look */
static uint64_t rings(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

#define P	KEV_DOORBELL_PORT
#define D	KEV_DOORBELL_DATA
#define RM	KEV_DOORBELL_REMOVE

FIXTURE(doorbell) {
	struct kt_guest guest;
	int bell, other;
};

FIXTURE_SETUP(doorbell)
{
	self->bell = eventfd(0, EFD_NONBLOCK);
	self->other = eventfd(0, EFD_NONBLOCK);
	ASSERT_LE(0, self->bell);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(doorbell)
{
	close(self->bell);
	close(self->other);
}

static const struct {
	const char *name;
	uint32_t flags, width;
	uint64_t address, data;
	int result;
} arguments[] = {
	{ "any write to memory", 0, 0, DEVICE, 0, 0 },
	{ "8 bytes", 0, 8, DEVICE, 0, 0 },
	{ "a value", D, 4, DEVICE, 0xffffffff, 0 },
	{ "a value of any width", D, 0, DEVICE, ~0ULL, 0 },
	{ "the last byte of memory", 0, 1, 0xfffffffffULL, 0, 0 },
	{ "port", P, 4, PORT, 0, 0 },
	{ "last port", P, 1, 0xffff, 0, 0 },
	{ "port 65536", P, 0, 0x10000, 0, -EINVAL },
	{ "beyond the last port", P, 2, 0xffff, 0, -EINVAL },
	{ "8 bytes to a port", P, 8, PORT, 0, -EINVAL },
	{ "3 bytes", 0, 3, DEVICE, 0, -EINVAL },
	{ "16 bytes", 0, 16, DEVICE, 0, -EINVAL },
	{ "no address of memory", 0, 1, 1ULL << 52, 0, -EINVAL },
	{ "no address at all", 0, 8, ~0ULL, 0, -EINVAL },
	{ "a wide value", D, 2, DEVICE, 0x10000, -EINVAL },
	{ "a value that does not count", 0, 2, DEVICE, 1, -EINVAL },
	{ "unknown flag", 8, 2, DEVICE, 0, -EINVAL },
};

TEST_F(doorbell, arguments)
{
	int kev = kt_open(), vm = kt_create_vm(kev, 0, NULL), null = open("/dev/null", O_RDWR);

	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
		EXPECT_EQ(arguments[i].result,
			  set_bell(vm, arguments[i].flags, self->bell, arguments[i].width,
				   arguments[i].address, arguments[i].data)) {
			TH_LOG("%s", arguments[i].name);
		}
		/* The same again takes it away, or is as wrong. */
		EXPECT_EQ(arguments[i].result,
			  set_bell(vm, arguments[i].flags | RM, self->bell, arguments[i].width,
				   arguments[i].address, arguments[i].data)) {
			TH_LOG("%s", arguments[i].name);
		}
	}
	EXPECT_EQ(-EBADF, set_bell(vm, 0, -1, 4, DEVICE, 0));
	EXPECT_EQ(-EINVAL, set_bell(vm, 0, null, 4, DEVICE, 0));
	close(null);
	close(vm);
	close(kev);
}

/* Two at a time: whether the second may come beside the first */
static const struct {
	const char *name;
	struct { uint32_t flags, width; uint64_t address, data; } bell[2];
	int result;
} pairs[] = {
	{ "the same", { { 0, 4, DEVICE, 0 }, { 0, 4, DEVICE, 0 } }, -EEXIST },
	{ "another address", { { 0, 4, DEVICE, 0 }, { 0, 4, DEVICE + 4, 0 } }, 0 },
	{ "another width", { { 0, 4, DEVICE, 0 }, { 0, 2, DEVICE, 0 } }, 0 },
	{ "any width", { { 0, 4, DEVICE, 0 }, { 0, 0, DEVICE, 0 } }, -EEXIST },
	{ "another value", { { D, 4, DEVICE, 1 }, { D, 4, DEVICE, 2 } }, 0 },
	{ "the same value", { { D, 4, DEVICE, 1 }, { D, 0, DEVICE, 1 } }, -EEXIST },
	{ "any value", { { D, 4, DEVICE, 1 }, { 0, 4, DEVICE, 0 } }, -EEXIST },
	{ "a port of that number", { { P, 4, 0x100, 0 }, { 0, 4, 0x100, 0 } }, 0 },
};

TEST_F(doorbell, pairs)
{
	int kev = kt_open();

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		int vm = kt_create_vm(kev, 0, NULL);

		EXPECT_EQ(0, set_bell(vm, pairs[i].bell[0].flags, self->bell,
				      pairs[i].bell[0].width, pairs[i].bell[0].address,
				      pairs[i].bell[0].data));
		EXPECT_EQ(pairs[i].result,
			  set_bell(vm, pairs[i].bell[1].flags, self->other,
				   pairs[i].bell[1].width, pairs[i].bell[1].address,
				   pairs[i].bell[1].data)) {
			TH_LOG("%s", pairs[i].name);
		}
		close(vm);
	}
	close(kev);
}

TEST_F(doorbell, limit_and_removal)
{
	int kev = kt_open(), vm = kt_create_vm(kev, 0, NULL);
	uint64_t n = 0;

	while (!set_bell(vm, 0, self->bell, 4, DEVICE + 8 * n, 0) && n < 1000)
		n++;
	EXPECT_EQ(64, n);
	EXPECT_EQ(-ENOSPC, set_bell(vm, 0, self->bell, 4, DEVICE + 8 * n, 0));
	/* Only all of it is the same. */
	EXPECT_EQ(-ENOENT, set_bell(vm, RM, self->other, 4, DEVICE, 0));
	EXPECT_EQ(-ENOENT, set_bell(vm, RM, self->bell, 2, DEVICE, 0));
	EXPECT_EQ(-ENOENT, set_bell(vm, RM | D, self->bell, 4, DEVICE, 0));
	EXPECT_EQ(0, set_bell(vm, RM, self->bell, 4, DEVICE, 0));
	EXPECT_EQ(-ENOENT, set_bell(vm, RM, self->bell, 4, DEVICE, 0));
	EXPECT_EQ(0, set_bell(vm, 0, self->bell, 4, DEVICE + 8 * n, 0));
	close(vm);
	close(kev);
}

/* Writes three times in each width, with EAX as it is and incremented. */
KT_CODE(writes,
	"mov $0x200000, %ebx\n mov $0xc050, %edx\n mov $5, %eax\n"
	"mov %eax, (%rbx)\n inc %eax\n mov %eax, (%rbx)\n mov %ax, (%rbx)\n"
	"mov (%rbx), %ecx\n mov %eax, 4(%rbx)\n"
	"out %al, %dx\n inc %eax\n out %al, %dx\n out %eax, %dx\n in %dx, %al\n"
	"lea 1f(%rip), %rsi\n mov $4, %ecx\n rep outsb\n"
	"xor %edi, %edi\n" KT_HALT
	"1: .byte 1, 2, 6, 3\n");

static const struct {
	const char *name;
	uint32_t flags, width;
	uint64_t address, data;
	uint64_t rings;
	uint32_t mmio, io;	/* reports that are left */
} bells[] = {
	{ "none", P, 1, 0x99, 0, 0, 5, 5 },
	{ "4 bytes", 0, 4, DEVICE, 0, 2, 3, 5 },
	{ "any width", 0, 0, DEVICE, 0, 3, 2, 5 },
	{ "2 bytes", 0, 2, DEVICE, 0, 1, 4, 5 },
	{ "a value", D, 4, DEVICE, 6, 1, 4, 5 },
	{ "a value, any width", D, 0, DEVICE, 6, 2, 3, 5 },
	{ "port", P, 1, PORT, 0, 6, 5, 2 },
	{ "port, any width", P, 0, PORT, 0, 7, 5, 1 },
	/* Of the string 1 and 2 go together, then 3. */
	{ "port, a value", P | D, 1, PORT, 6, 2, 5, 5 },
};

TEST_F(doorbell, guest)
{
	for (size_t i = 0; i < ARRAY_SIZE(bells); i++) {
		struct kt_guest *guest = &self->guest;
		uint32_t mmio = 0, io = 0;

		ASSERT_EQ(0, kt_guest_init(guest, &writes, 0, NULL));
		ASSERT_EQ(0, kt_add_region(guest->vm, KEV_REGION_TRAP, 0, DEVICE, KT_PAGE));
		ASSERT_EQ(0, set_bell(guest->vm, bells[i].flags, self->bell, bells[i].width,
				      bells[i].address, bells[i].data));
		while (!kt_run(guest->vcpu) && guest->run->kind != KEV_EXIT_VM_EXITED) {
			mmio += guest->run->kind == KEV_EXIT_MMIO;
			io += guest->run->kind == KEV_EXIT_IO;
			if (guest->run->kind != KEV_EXIT_MMIO && guest->run->kind != KEV_EXIT_IO)
				break;
		}
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guest->run->kind);
		EXPECT_EQ(bells[i].rings, rings(self->bell));
		EXPECT_EQ(bells[i].mmio, mmio);
		EXPECT_EQ(bells[i].io, io) {
			TH_LOG("%s", bells[i].name);
		}
		kt_guest_fini(guest);
	}
}

/* Once taken away it is silent; the eventfd lives as long as it has users. */
TEST_F(doorbell, removed)
{
	struct kt_guest *guest = &self->guest;

	ASSERT_EQ(0, kt_guest_init(guest, &writes, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest->vm, KEV_REGION_TRAP, 0, DEVICE, KT_PAGE));
	ASSERT_EQ(0, set_bell(guest->vm, D, self->bell, 4, DEVICE, 5));
	ASSERT_EQ(0, set_bell(guest->vm, D, self->other, 4, DEVICE, 6));
	ASSERT_EQ(0, set_bell(guest->vm, D | RM, self->bell, 4, DEVICE, 5));
	close(self->other);
	ASSERT_EQ(0, kt_run(guest->vcpu));
	EXPECT_EQ(KEV_EXIT_MMIO, guest->run->kind);
	EXPECT_EQ(5, guest->run->mmio.data);
	ASSERT_EQ(0, kt_run(guest->vcpu));
	EXPECT_EQ(KEV_EXIT_MMIO, guest->run->kind);
	/* 6 has rung, though nobody hears it; the next is the one of 16 bits. */
	EXPECT_EQ(2, guest->run->mmio.width);
	EXPECT_EQ(0, rings(self->bell));
	kt_guest_fini(guest);
	self->other = -1;
}

/* A string of two bytes, of which the second one lies in a file, and the end: nothing wakes it. */
KT_CODE(sleeps, "mov $0x300fff, %esi\n mov $2, %ecx\n mov $0xc050, %edx\n rep outsb\n hlt\n");

#define STRING_GPA	0x300000UL

static void fill_ones(const void *arg, uint64_t offset, void *bytes, size_t size)
{
	(void)arg;
	(void)offset;
	memset(bytes, 1, size);
}

/*
 * The byte in the file cannot be had when the first one rings, and can be when its turn comes: that
 * it could not is told nobody, and leaves nothing to be done again at a later RUN.
 */
TEST_F(doorbell, string_into_a_file)
{
	const struct kt_fuse_file file = { .size = KT_PAGE, .fill = fill_ones };
	struct kt_guest *guest = &self->guest;
	struct kev_vcpu_state state = {};
	struct kt_fuse fuse;
	struct stat st;
	uint64_t rip;
	int fd;

	ASSERT_EQ(0, kt_fuse_mount(&fuse, &file));
	fd = open(fuse.path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	/* The kernel asks for the size of a mount's root only now. */
	ASSERT_EQ(0, fstat(fd, &st));
	ASSERT_EQ(0, kt_guest_init(guest, &sleeps, 0, NULL));
	ASSERT_EQ(0, kt_add_ram(guest->vm, STRING_GPA, KT_PAGE));
	ASSERT_EQ(0, kt_add_file(guest->vm, STRING_GPA + KT_PAGE, KT_PAGE, fd, 0, KT_PAGE));
	ASSERT_EQ(0, set_bell(guest->vm, P, self->bell, 1, PORT, 0));
	kt_fuse_fail_reads(&fuse, ENODATA, 2);
	ASSERT_EQ(0, kt_run(guest->vcpu));
	ASSERT_EQ(KEV_EXIT_HALTED, guest->run->kind);
	EXPECT_EQ(2, rings(self->bell));
	ASSERT_EQ(0, kt_get_state(guest->vcpu, KEV_STATE_GPRS, &state));
	rip = state.gprs.rip;
	ASSERT_EQ(0, kt_run(guest->vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, guest->run->kind);
	ASSERT_EQ(0, kt_get_state(guest->vcpu, KEV_STATE_GPRS, &state));
	EXPECT_EQ(rip, state.gprs.rip);
	/* It was refused, or this has shown nothing. */
	EXPECT_EQ(3, kt_fuse_reads(&fuse));
	kt_guest_fini(guest);
	close(fd);
	EXPECT_EQ(0, kt_fuse_unmount(&fuse));
}

TEST_HARNESS_MAIN
