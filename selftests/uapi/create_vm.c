// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_CREATE_VM. Guards its flags, the name of the hypercall ABI, and that
 * refused calls leave neither a descriptor nor a VM.
 */
#include "kselftest_harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "kevtest.h"

FIXTURE(create_vm) {
	int kev;
};

FIXTURE_SETUP(create_vm)
{
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
}

FIXTURE_TEARDOWN(create_vm)
{
	close(self->kev);
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static const struct {
	const char *name;
	uint32_t flags;
	char abi[KEV_NAME_LEN + 1];
	int result;		/* 0: a descriptor */
} cases[] = {
	{ "default", 0, "", 0 },
	{ "kev", 0, "kev", 0 },
	{ "none", 0, "none", 0 },
	{ "report", 0, "report", 0 },
	{ "akaros", 0, "akaros", 0 },
	{ "all flags", KEV_VM_REPORT_MSR | KEV_VM_REPORT_CPUID | KEV_VM_CONSOLE_LOG |
		       KEV_VM_FAULT_AROUND | KEV_VM_REPORT_HLT | KEV_VM_USER_CALLS |
		       KEV_VM_CLOCK, "", 0 },
	{ "REPORT_MSR", KEV_VM_REPORT_MSR, "", 0 },
	{ "REPORT_CPUID", KEV_VM_REPORT_CPUID, "", 0 },
	{ "CONSOLE_LOG", KEV_VM_CONSOLE_LOG, "", 0 },
	{ "REPORT_HLT", KEV_VM_REPORT_HLT, "", 0 },
	{ "USER_CALLS", KEV_VM_USER_CALLS, "", 0 },
	{ "CLOCK", KEV_VM_CLOCK, "", 0 },
	{ "first unknown flag", 1U << 7, "", -EINVAL },
	{ "last unknown flag", 1U << 31, "", -EINVAL },
	{ "a known and an unknown flag", KEV_VM_REPORT_MSR | 1U << 16, "", -EINVAL },
	{ "unknown ABI", 0, "linux", -ENOENT },
	{ "prefix of an ABI", 0, "ke", -ENOENT },
	{ "ABI in capitals", 0, "KEV", -ENOENT },
	{ "ABI and more", 0, "kev2", -ENOENT },
	{ "longest name", 0, "123456789012345", -ENOENT },
	{ "unterminated name", 0, "1234567890123456", -EINVAL },
};

TEST_F(create_vm, table)
{
	struct kev_create_vm args;
	int before = count_fds();
	long fd;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		args = (struct kev_create_vm) { .size = sizeof(args), .flags = cases[i].flags };
		memcpy(args.hypercall_abi, cases[i].abi, KEV_NAME_LEN);
		fd = kt_ioctl(self->kev, KEV_CREATE_VM, &args);
		EXPECT_EQ(cases[i].result, fd < 0 ? fd : 0) {
			TH_LOG("%s", cases[i].name);
		}
		if (fd >= 0)
			close(fd);
		EXPECT_EQ(before, count_fds()) {
			TH_LOG("%s: a descriptor is left", cases[i].name);
		}
	}
}

/* How memory is to be had. Nothing of a refused VM is left. */
static const struct {
	const char *name;
	uint32_t flags, huge_pages, fault_around;
	int result;
} options[] = {
	{ "2 MiB: never", 0, KEV_HUGE_NEVER, 0, 0 },
	{ "2 MiB: auto", 0, KEV_HUGE_AUTO, 0, 0 },
	{ "2 MiB: always", 0, KEV_HUGE_ALWAYS, 0, 0 },
	{ "2 MiB: unknown", 0, KEV_HUGE_ALWAYS + 1, 0, -EINVAL },
	{ "2 MiB: last number", 0, ~0U, 0, -EINVAL },
	{ "no fault-around", KEV_VM_FAULT_AROUND, 0, 0, 0 },
	{ "the page itself", KEV_VM_FAULT_AROUND, 0, 1, 0 },
	{ "two pages", KEV_VM_FAULT_AROUND, 0, 2, 0 },
	{ "most pages", KEV_VM_FAULT_AROUND, 0, 512, 0 },
	{ "no power of two", KEV_VM_FAULT_AROUND, 0, 3, -EINVAL },
	{ "too many pages", KEV_VM_FAULT_AROUND, 0, 1024, -EINVAL },
	{ "last power of two", KEV_VM_FAULT_AROUND, 0, 1U << 31, -EINVAL },
	{ "pages without the flag", 0, 0, 16, -EINVAL },
};

TEST_F(create_vm, options)
{
	int before = count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct kev_create_vm args = {
			.size = sizeof(args),
			.flags = options[i].flags,
			.huge_pages = options[i].huge_pages,
			.fault_around = options[i].fault_around,
		};
		long fd = kt_ioctl(self->kev, KEV_CREATE_VM, &args);

		EXPECT_EQ(options[i].result, fd < 0 ? fd : 0) {
			TH_LOG("%s", options[i].name);
		}
		if (fd >= 0)
			close(fd);
		EXPECT_EQ(before, count_fds());
	}
}

/* Bytes behind the terminator are no part of the name. */
TEST_F(create_vm, dirt_behind_the_name)
{
	struct kev_create_vm args = { .size = sizeof(args) };
	int fd;

	memset(args.hypercall_abi, 'x', sizeof(args.hypercall_abi));
	strcpy(args.hypercall_abi, "none");
	fd = kt_ioctl(self->kev, KEV_CREATE_VM, &args);
	ASSERT_LE(0, fd);
	close(fd);
}

/* The structure has no field that comes back: it may lie in read-only memory. */
TEST_F(create_vm, read_only_argument)
{
	static const struct kev_create_vm args = { .size = sizeof(args) };
	int before = count_fds();
	long fd = kt_ioctl(self->kev, KEV_CREATE_VM, &args);

	EXPECT_LE(0, fd);
	if (fd >= 0)
		close(fd);
	EXPECT_EQ(before, count_fds());
}

TEST_F(create_vm, close_on_exec)
{
	int fd = kt_create_vm(self->kev, 0, NULL);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	close(fd);
}

TEST_F(create_vm, no_descriptor_left)
{
	struct rlimit limit = { .rlim_cur = self->kev + 1, .rlim_max = 1024 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	/* Many: a VM that stayed behind would be seen when the module is unloaded. */
	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(-EMFILE, kt_create_vm(self->kev, 0, NULL));
	}
}

TEST_F(create_vm, fresh_vm)
{
	int vm = kt_create_vm(self->kev, 0, NULL);
	struct kev_vm_status status;
	struct kev_vm_stats stats;

	ASSERT_LE(0, vm);
	status = kt_status(vm);
	EXPECT_EQ(KEV_VM_ALIVE, status.state);
	EXPECT_EQ(0, status.error);
	EXPECT_EQ(0, status.exit_code);
	EXPECT_EQ(0, status.vcpu_id);
	stats = kt_vm_stats(vm);
	EXPECT_EQ(0, stats.resident_pages);
	EXPECT_EQ(0, stats.file_pages);
	EXPECT_EQ(0, stats.header_bytes);
	EXPECT_EQ(0, stats.vcpus);
	EXPECT_EQ(0, stats.vcpu.entries);
	close(vm);
}

/* ---- what new VMs are made by ---- */

#define PARAMETERS	"/sys/module/kev/parameters/"

/* The last value is what there is by itself. */
static const struct {
	const char *path, *value[2], *told[2], *wrong;
} parameters[] = {
	{ PARAMETERS "huge_pages", { "always", "auto" }, { "always\n", "auto\n" }, "sometimes" },
	{ PARAMETERS "fault_around", { "512", "16" }, { "512\n", "16\n" }, "1024" },
	{ PARAMETERS "fault_around", { "0", "16" }, { "0\n", "16\n" }, "3" },
	{ PARAMETERS "fault_around", { "1", "0x10" }, { "1\n", "16\n" }, "few" },
	{ PARAMETERS "keep_vmx", { "1", "n" }, { "Y\n", "N\n" }, "perhaps" },
};

static void read_text(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = read(fd, text, room - 1);

	text[got > 0 ? got : 0] = '\0';
	close(fd);
}

/* A parameter is what was written last, of what it can be. */
TEST_F(create_vm, parameters)
{
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		for (size_t n = 0; n < 2; n++) {
			EXPECT_EQ(0, kt_write_file(parameters[i].path, parameters[i].value[n]));
			EXPECT_EQ(-EINVAL, kt_write_file(parameters[i].path, parameters[i].wrong));
			read_text(parameters[i].path, text, sizeof(text));
			EXPECT_STREQ(parameters[i].told[n], text);
		}
	}
}

TEST_HARNESS_MAIN
