// SPDX-License-Identifier: GPL-2.0
/*
 * Each guest of guests/: what `kevctl run` prints and returns for it, and what
 * the statistics count. Guards the whole way from an ELF file to an exit
 * status; each guest checks one thing from its inside.
 */
#include "kselftest_harness.h"

#include <signal.h>

#include "kevtest.h"

#define FLOOD_LINES	32768
#define FLOOD_SIZE	(FLOOD_LINES * 8)

FIXTURE(kevctl) {
	char *output;		/* room for more than any guest prints */
	size_t length;
};

FIXTURE_SETUP(kevctl)
{
	self->length = FLOOD_SIZE + 4096;
	self->output = malloc(self->length);
	ASSERT_NE(NULL, self->output);
}

FIXTURE_TEARDOWN(kevctl)
{
	free(self->output);
}

static const struct {
	const char *guest;
	const char *option;
	int status;
	const char *output;
} runs[] = {
	{ "hello", NULL, 0xfe, "Hello guest os!\n" },
	{ "akaros", "--hypercalls=akaros", 0, "akaros: ok\n" },
	{ "badmsr", NULL, 0, "badmsr: ok\n" },
	{ "bss", NULL, 0, "bss: ok\n" },
	{ "clock", "--clock", 0, "clock: ok\n" },
	{ "cpuid", NULL, 0, "vendor GenuineIntel\nhypervisor KVMKVMKVM\n" },
	{ "exit256", NULL, 255, "" },
	{ "exits", NULL, 0, "" },
	{ "io", NULL, 0, "one, two, three, four\nfive\nio: ok\n" },
	{ "lazy", NULL, 0xa2, "" },
	{ "memtest", "--memory=32M", 0, "memtest: ok\n" },
	{ "mmio", NULL, 0, "one\ntwo\n" },
	{ "msr", NULL, 0, "msr: ok\n" },
	{ "print", NULL, 0, "registers\nacross pages\nnot loaded: 0123456789\n"
	  "up to the bad page\nhuge length\nprint: ok\n" },
	{ "regs", NULL, 0, "regs: ok\n" },
	{ "timer", NULL, 0xfe, "timer: ok\n" },
	{ "ud", NULL, 0, "ud: ok\n" },
	/* These end without an exit code: a report that kevctl cannot answer. */
	{ "triple", NULL, 125, "before\n" },
	{ "hlt", NULL, 125, "" },
	{ "callother", NULL, 125, "" },
	{ "io", "--strict-ports", 125, "one, two, three, four\nfive\n" },
	{ "no such guest", NULL, 127, "" },
	{ "..", NULL, 126, "" },
};

TEST_F(kevctl, run)
{
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		const char *argv[] = { "kevctl", "run", runs[i].option ?: "--machine=kev", NULL,
				       NULL };
		size_t length = self->length;
		char path[64];

		snprintf(path, sizeof(path), "/guests/%s", runs[i].guest);
		argv[3] = path;
		EXPECT_EQ(runs[i].status, kt_command_output(argv, self->output, &length)) {
			TH_LOG("%s %s: status", runs[i].guest, runs[i].option ?: "");
		}
		EXPECT_EQ(strlen(runs[i].output), length) {
			TH_LOG("%s: length", runs[i].guest);
		}
		EXPECT_EQ(0, strncmp(runs[i].output, self->output, length)) {
			TH_LOG("%s printed '%.*s'", runs[i].guest, (int)length, self->output);
		}
	}
}

/* The registers that there are: AVX only where the host has XSAVE. */
TEST_F(kevctl, vector_registers)
{
	const char *const argv[] = { "kevctl", "run", "/guests/xmm", NULL };
	struct kev_query query = { .size = sizeof(query) };
	const char *want = "xmm: ok\n";
	int kev = kt_open();

	ASSERT_LE(0, kev);
	ASSERT_EQ(0, kt_ioctl(kev, KEV_QUERY, &query));
	close(kev);
	if (query.features & KEV_FEATURE_XSAVE)
		want = "xmm: ok\nymm: ok\n";
	EXPECT_EQ(0, kt_command_output(argv, self->output, &self->length));
	ASSERT_EQ(strlen(want), self->length);
	EXPECT_EQ(0, memcmp(want, self->output, self->length));
}

/* Each checks for itself what its protocol hands over: halts with 0xcafe if all is well. */
static const struct {
	const char *argv[8];
	const char *output;
} boots[] = {
	{ { "kevctl", "run", "--boot=kev32", "--memory=32M", "/guests/kev32" }, "kev32: ok\n" },
	{ { "kevctl", "run", "--boot=kev32", "--cpus=4", "/guests/smp" },
	  "vCPU 0\nvCPU 1\nvCPU 2\nvCPU 3\nsmp: ok\n" },
	{ { "kevctl", "run", "--memory=32M", "--append=alpha beta",
	    "--module=/guests/hello,first", "/guests/multiboot" }, "multiboot: ok\n" },
	{ { "kevctl", "run", "--memory=32M", "--append=alpha beta",
	    "--module=/guests/hello,first", "/guests/multiboot2" }, "multiboot2: ok\n" },
	{ { "kevctl", "run", "--memory=32M", "--append=alpha beta",
	    "--module=/guests/hello,first", "/guests/pvh" }, "pvh: ok\n" },
};

TEST_F(kevctl, boot_protocols)
{
	struct kev_query query = { .size = sizeof(query) };
	int kev = kt_open();

	ASSERT_LE(0, kev);
	ASSERT_EQ(0, kt_ioctl(kev, KEV_QUERY, &query));
	close(kev);
	if (!(query.features & KEV_FEATURE_UNRESTRICTED_GUEST))
		SKIP(return, "no unrestricted guest");
	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		size_t length = self->length;

		EXPECT_EQ(0xfe, kt_command_output(boots[i].argv, self->output, &length)) {
			TH_LOG("%s", boots[i].output);
		}
		ASSERT_EQ(strlen(boots[i].output), length);
		EXPECT_EQ(0, memcmp(boots[i].output, self->output, length));
	}
}

/* More than the console and a pipe hold */
TEST_F(kevctl, flood)
{
	const char *const argv[] = { "kevctl", "run", "/guests/flood", NULL };
	char line[9];

	EXPECT_EQ(0, kt_command_output(argv, self->output, &self->length));
	ASSERT_EQ(FLOOD_SIZE, self->length);
	for (int i = 0; i < FLOOD_LINES; i++) {
		snprintf(line, sizeof(line), "%07x\n", i);
		ASSERT_EQ(0, memcmp(line, self->output + i * 8, 8)) {
			TH_LOG("line %d", i);
		}
	}
}

/* A guest that never ends, ended from outside */
TEST_F(kevctl, signals)
{
	static const char *const paths[] = { "/guests/spin", "/guests/spin_if" };
	const char *const refcnt = "/sys/module/kev/refcnt";
	const int signals[] = { SIGINT, SIGTERM, SIGKILL };
	long before = kt_read_number(refcnt);

	for (size_t i = 0; i < ARRAY_SIZE(paths) * ARRAY_SIZE(signals); i++) {
		int number = signals[i / ARRAY_SIZE(paths)], status;
		pid_t pid = fork();

		if (!pid) {
			execlp("kevctl", "kevctl", "run", paths[i % ARRAY_SIZE(paths)], NULL);
			_exit(127);
		}
		/* Device, VM and vCPU are open: it is about to run, or does. */
		while (kt_read_number(refcnt) < before + 3)
			sched_yield();
		for (int j = 0; j < 20; j++)
			sched_yield();
		ASSERT_EQ(0, kill(pid, number));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(128 + number, WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
							      WEXITSTATUS(status)) {
			TH_LOG("%s, signal %d", paths[i % ARRAY_SIZE(paths)], number);
		}
		EXPECT_EQ(before, kt_read_number(refcnt));
	}
}

TEST_F(kevctl, several_vcpus)
{
	const char *const argv[] = { "kevctl", "run", "--cpus", "3", "/guests/hello", NULL };

	/* Each prints, and the first to end ends the VM: one line at least, three at most. */
	EXPECT_EQ(0xfe, kt_command_output(argv, self->output, &self->length));
	EXPECT_EQ(0, memcmp("Hello guest os!\n", self->output, 16));
	EXPECT_EQ(0, self->length % 16);
	EXPECT_GE(48, self->length);
}

#define ANY	(~0ULL)

/* What is counted exactly, whatever the host does meanwhile */
static const struct counted {
	const char *guest;
	uint64_t ram_kib;
	uint64_t exit_code;
	uint64_t cpuid, msr, hypercall, io, memory;
	uint64_t image_pages, file_pages, ram_pages, boot_pages;
} counted[] = {
	/* Text, stack; code, PML4, PDPT and the first page directory are there at the start */
	{ "hello", 4096, 0xcafe, 0, 0, 2, 0, 2, 2, 2, 1, 3 },
	{ "exits", 4096, 0, 10000, 10000, 1, 0, 1, 1, 1, 1, 3 },
	{ "lazy", 128 << 10, 0x1a2, 0, 0, 1, 0, ANY, 2, 2, 1, ANY },
	{ "memtest", 32 << 10, 0, 0, 0, 2, 0, ANY, ANY, ANY, 4097, ANY },
};

static void check_count(struct __test_metadata *_metadata, const struct counted *counted)
{
	struct kev_vm_stats stats;
	struct kt_guest guest;
	char path[64];

	snprintf(path, sizeof(path), "/guests/%s", counted->guest);
	ASSERT_EQ(0, kt_guest_init_file(&guest, path, counted->ram_kib, NULL));
	ASSERT_EQ(0, kt_run_to_report(&guest));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(counted->exit_code, guest.run->exit_code);
	stats = kt_vm_stats(guest.vm);
	EXPECT_EQ(counted->cpuid, stats.vcpu.cpuid);
	EXPECT_EQ(counted->msr, stats.vcpu.msr);
	EXPECT_EQ(counted->hypercall, stats.vcpu.hypercall);
	EXPECT_EQ(counted->io, stats.vcpu.io);
	EXPECT_EQ(stats.vcpu.entries, stats.vcpu.exits);
	/* None of these has to leave the loop around the guest, but for Print. */
	EXPECT_LE(counted->cpuid + counted->msr, stats.vcpu.fast);
	EXPECT_EQ(1, stats.vcpu.reports);
	if (counted->memory != ANY) {
		EXPECT_EQ(counted->memory, stats.vcpu.memory);
	}
	if (counted->image_pages != ANY) {
		EXPECT_EQ(counted->image_pages, stats.image_pages);
	}
	if (counted->file_pages != ANY) {
		EXPECT_EQ(counted->file_pages, stats.file_pages);
	}
	EXPECT_EQ(counted->ram_pages, stats.ram_pages);
	if (counted->boot_pages != ANY) {
		EXPECT_EQ(counted->boot_pages, stats.boot_pages);
	}
	EXPECT_EQ(stats.resident_pages, stats.image_pages + stats.ram_pages + stats.boot_pages);
	/* A fault for each page, of the guest or of Print */
	EXPECT_LE(stats.resident_pages, stats.faults);
	kt_guest_fini(&guest);
}

/* One page for each fault, so that pages can be counted */
#define PARAMETERS	"/sys/module/kev/parameters/"

static int set_parameters(const char *fault_around, const char *huge_pages)
{
	return kt_write_file(PARAMETERS "fault_around", fault_around) ?:
	       kt_write_file(PARAMETERS "huge_pages", huge_pages);
}

TEST(statistics)
{
	ASSERT_EQ(0, set_parameters("0", "never"));
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
		int passed = _metadata->passed;

		_metadata->passed = 1;
		check_count(_metadata, &counted[i]);
		if (!_metadata->passed)
			TH_LOG("%s", counted[i].guest);
		_metadata->passed &= passed;
	}
	EXPECT_EQ(0, set_parameters("16", "auto"));
}

/* The answer to a hypercall that nobody knows is the guest's exit code. */
TEST(answered_hypercall)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init_file(&guest, "/guests/callother", 4096, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_HYPERCALL, guest.run->kind);
	EXPECT_EQ(77, guest.run->hypercall.nr);
	guest.run->hypercall.ret = 0x8000000000000001;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x8000000000000001, guest.run->exit_code);
	kt_guest_fini(&guest);
}

TEST(continued_after_hlt)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init_file(&guest, "/guests/hlt", 4096, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_HALTED, guest.run->kind);
	ASSERT_EQ(0, kt_leave_halt(guest.vcpu));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x17, guest.run->exit_code);
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
