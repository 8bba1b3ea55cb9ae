// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes of the host where they do not belong. Guards that a guest's memory is zero before
 * its first use, however it came, and that nothing that calls and pages give back has
 * leftovers of somebody else's.
 *
 * The kernel clears most of what it allocates by itself. With
 *
 *	init_on_alloc=0 slub_debug=P page_poison=1
 *
 * on its command line it does not: pages hold what their last user has left, which is a
 * process of ours that fills many of them, or poison where the kernel can do that, and
 * small objects hold poison. Variables do in a kev.ko that was built with KEV_FILL_STACK=1.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kevtest.h"

#define HUGE_PAGES	"/sys/module/kev/parameters/huge_pages"
#define FILE_NAME	"/tmp/kevtest-leaks"

#define DIRTY		(32 * KT_MIB)
#define POISON_PAGE	0x6b	/* as that of free objects */
#define RAM_GPA		(4 * KT_MIB)
#define RAM_LENGTH	(4 * KT_MIB)

#define TRAP_GPA	0x40000000UL

/* Counts 8-byte words that are not zero from 4 MiB on, and ends with their number. */
KT_CODE(count, "mov $0x400000, %esi\n mov $0x80000, %ecx\n xor %edi, %edi\n"
	"1: cmpq $0, (%rsi)\n je 2f\n inc %edi\n 2: add $8, %rsi\n dec %ecx\n jnz 1b\n" KT_HALT);
/* Reports of several kinds, and then its end */
KT_CODE(report, "out %al, $0x80\n in $0x81, %eax\n mov %eax, 0x40000000\n" KT_HALT);

/* Does the kernel leave in a page what was there before */
static bool keeps_bytes(void)
{
	FILE *file = fopen("/proc/cmdline", "r");
	char line[1024] = "";
	bool keeps = file && fgets(line, sizeof(line), file) && strstr(line, "init_on_alloc=0");

	if (file)
		fclose(file);
	return keeps;
}

/* Leave many free pages that are not zero. */
static int dirty_memory(void)
{
	uint8_t *at = mmap(NULL, DIRTY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < DIRTY; i += 8)
		*(volatile uint64_t *)(at + i) = 0x0101010101010101UL * POISON_PAGE;
	return munmap(at, DIRTY) ? -errno : 0;
}

/* Where four bytes of the same poison begin, as many as a hole in a structure has; or -1 */
static long find_poison(const void *bytes, size_t size)
{
	/* The last one is that of variables. */
	static const uint8_t poisons[] = { 0x5a, 0x6b, 0xaa, 0xbb, 0xcc, 0xfe };
	const uint8_t *at = bytes;
	size_t run = 0;

	for (size_t i = 0; i < size; i++) {
		run = i && at[i] == at[i - 1] ? run + 1 : 1;
		if (run == 4 && memchr(poisons, at[i], sizeof(poisons)))
			return i - 3;
	}
	return -1;
}

FIXTURE(leaks) {
	struct kt_guest guest;
};

FIXTURE_SETUP(leaks)
{
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
	if (keeps_bytes())
		ASSERT_EQ(0, dirty_memory());
}

/* What looks for leftovers of others */
#define NEEDS_LEFTOVERS()							\
	do {									\
		if (!keeps_bytes())						\
			SKIP(return, "the kernel clears what it allocates");	\
	} while (0)

FIXTURE_TEARDOWN(leaks)
{
	kt_guest_fini(&self->guest);
	kt_write_file(HUGE_PAGES, "auto");
	unlink(FILE_NAME);
}

/* Words that are not zero, as the guest sees them; more than there are: it has not ended */
static uint64_t run_count(struct kt_guest *guest)
{
	if (kt_run(guest->vcpu) || guest->run->kind != KEV_EXIT_VM_EXITED)
		return ~0UL;
	return guest->run->exit_code;
}

TEST_F(leaks, ram)
{
	static const char *const huge_pages[] = { "never", "auto", "always" };

	NEEDS_LEFTOVERS();
	for (size_t i = 0; i < ARRAY_SIZE(huge_pages); i++) {
		ASSERT_EQ(0, kt_write_file(HUGE_PAGES, huge_pages[i]));
		ASSERT_EQ(0, kt_guest_init(&self->guest, &count, 0, NULL));
		ASSERT_EQ(0, kt_add_ram(self->guest.vm, RAM_GPA, RAM_LENGTH));
		EXPECT_EQ(0, run_count(&self->guest)) {
			TH_LOG("huge_pages=%s", huge_pages[i]);
		}
		kt_guest_fini(&self->guest);
	}
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
}

#define LONE_PAGES	64

/*
 * Pages one by one, from the last one down: none comes out of a run of pages that were
 * allocated together.
 */
static void read_alone(int vm, uint64_t gpa, uint8_t *bytes, size_t pages)
{
	while (pages--)
		kt_read_guest(vm, gpa + pages * KT_PAGE, bytes + pages * KT_PAGE, KT_PAGE);
}

static size_t count_bytes(const uint8_t *bytes, size_t size)
{
	size_t found = 0;

	for (size_t i = 0; i < size; i++)
		found += bytes[i] != 0;
	return found;
}

TEST_F(leaks, ram_by_the_page)
{
	static uint8_t bytes[LONE_PAGES * KT_PAGE];

	NEEDS_LEFTOVERS();
	ASSERT_EQ(0, kt_guest_init(&self->guest, &count, 0, NULL));
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, RAM_GPA, RAM_LENGTH));
	memset(bytes, 1, sizeof(bytes));
	read_alone(self->guest.vm, RAM_GPA, bytes, LONE_PAGES);
	EXPECT_EQ(0, count_bytes(bytes, sizeof(bytes)));
}

/* A page that the guest has given back comes anew. */
TEST_F(leaks, discarded)
{
	static uint8_t bytes[RAM_LENGTH];

	ASSERT_EQ(0, kt_guest_init(&self->guest, &count, 0, NULL));
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, RAM_GPA, RAM_LENGTH));
	memset(bytes, POISON_PAGE, sizeof(bytes));
	ASSERT_EQ(RAM_LENGTH, kt_write_guest(self->guest.vm, RAM_GPA, bytes, RAM_LENGTH));
	ASSERT_EQ(0, kt_discard(self->guest.vm, RAM_GPA, RAM_LENGTH));
	EXPECT_EQ(0, run_count(&self->guest));
}

/* Behind the end of a file's part, in its last page and after it */
TEST_F(leaks, behind_a_file)
{
	const size_t length = 5 * KT_PAGE + 4;
	int fd = open(FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	static uint8_t bytes[LONE_PAGES * KT_PAGE];

	ASSERT_LE(0, fd);
	memset(bytes, POISON_PAGE, sizeof(bytes));
	ASSERT_EQ(6 * KT_PAGE, write(fd, bytes, 6 * KT_PAGE));
	close(fd);
	/* Nobody has it open for writing. */
	fd = open(FILE_NAME, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kt_guest_init(&self->guest, &count, 0, NULL));
	ASSERT_EQ(0, kt_add_file(self->guest.vm, RAM_GPA, RAM_LENGTH, fd, 0, length));
	close(fd);
	memset(bytes, 1, sizeof(bytes));
	read_alone(self->guest.vm, RAM_GPA, bytes, LONE_PAGES);
	EXPECT_EQ(length, count_bytes(bytes, sizeof(bytes)));
	EXPECT_EQ((length + 7) / 8, run_count(&self->guest));
}

/* What boot structures, image and tables leave of their pages */
TEST_F(leaks, boot_memory)
{
	static uint8_t bytes[2 * KT_MIB];

	NEEDS_LEFTOVERS();
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	for (size_t at = 0; at < sizeof(bytes); at += KT_PAGE) {
		ASSERT_EQ(KT_PAGE, kt_read_guest(self->guest.vm, at, bytes + at, KT_PAGE));
	}
	EXPECT_EQ(-1, find_poison(bytes, sizeof(bytes)));
}

TEST_F(leaks, run_page)
{
	NEEDS_LEFTOVERS();
	ASSERT_EQ(0, kt_guest_init(&self->guest, &report, 0, NULL));
	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_TRAP, 0, TRAP_GPA, KT_PAGE));
	/* As made, and then after each of four reports */
	for (int i = 0; i <= 4; i++) {
		EXPECT_EQ(-1, find_poison(self->guest.run, KT_PAGE)) {
			TH_LOG("report %u", self->guest.run->kind);
		}
		if (i < 4)
			ASSERT_EQ(0, kt_run(self->guest.vcpu));
	}
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
}

static uint8_t out[3][KT_PAGE];

/* Structures and arrays of calls that read, of a VM that has run and of one that has not */
TEST_F(leaks, calls)
{
	const uint64_t array = (uintptr_t)out[1], second = (uintptr_t)out[2];
	struct kev_query query = { .size = sizeof(query) };

	NEEDS_LEFTOVERS();
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, kt_ioctl(self->guest.kev, KEV_QUERY, &query));
	EXPECT_EQ(-1, find_poison(&query, sizeof(query)));
	ASSERT_GE(KT_PAGE, query.xsave_size);
	for (int ran = 0; ran < 2; ran++) {
		const union {
			uint32_t size;
			struct kev_vcpu_state state;
			struct kev_query_memory memory;
			struct kev_translate translate;
			struct kev_vm_status status;
			struct kev_vm_stats vm_stats;
			struct kev_vcpu_stats vcpu_stats;
			struct kev_counters counters;
			struct kev_cpuid cpuid;
		} arguments[] = {
			{ .state = { .size = sizeof(struct kev_vcpu_state),
				     .groups = KEV_STATE_ALL & ~KEV_STATE_MSR_VALUES,
				     .xsave = array, .xsave_size = query.xsave_size } },
			{ .memory = { .size = sizeof(struct kev_query_memory) } },
			{ .translate = { .size = sizeof(struct kev_translate),
					 .flags = KEV_ADDRESS_GVA, .address = KT_CODE_GPA } },
			{ .status = { .size = sizeof(struct kev_vm_status) } },
			{ .vm_stats = { .size = sizeof(struct kev_vm_stats) } },
			{ .vcpu_stats = { .size = sizeof(struct kev_vcpu_stats) } },
			{ .counters = { .size = sizeof(struct kev_counters), .nr_counters = 64,
					.nr_exits = 64, .counters = array, .exits = second } },
			{ .counters = { .size = sizeof(struct kev_counters), .nr_counters = 64,
					.nr_exits = 64, .counters = array, .exits = second } },
			{ .cpuid = { .size = sizeof(struct kev_cpuid), .nr = 64,
				     .entries = array } },
		};
		const struct {
			int fd;
			unsigned long cmd;
		} calls[] = {
			{ self->guest.vcpu, KEV_VCPU_GET_STATE },
			{ self->guest.vm, KEV_VM_QUERY_MEMORY },
			{ self->guest.vm, KEV_VM_TRANSLATE },
			{ self->guest.vm, KEV_VM_STATUS },
			{ self->guest.vm, KEV_VM_STATS },
			{ self->guest.vcpu, KEV_VCPU_STATS },
			{ self->guest.vm, KEV_VM_COUNTERS },
			{ self->guest.vcpu, KEV_VCPU_COUNTERS },
			{ self->guest.vm, KEV_VM_GET_SUPPORTED_CPUID },
		};

		for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
			memset(out, 0, sizeof(out));
			memcpy(out[0], &arguments[i], sizeof(arguments[i]));
			EXPECT_EQ(0, kt_ioctl(calls[i].fd, calls[i].cmd, out[0])) {
				TH_LOG("call %#lx", calls[i].cmd);
			}
			EXPECT_EQ(-1, find_poison(out, sizeof(out))) {
				TH_LOG("call %#lx, byte %ld", calls[i].cmd,
				       find_poison(out, sizeof(out)));
			}
			/* Nothing behind the structure, which is shorter than the union */
			EXPECT_EQ(0, out[0][KT_PAGE - 1]);
		}
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
	}
}

/* What says why a call has failed */
TEST_F(leaks, failed_calls)
{
	struct kev_vcpu_state *state = (void *)out[0];
	struct kev_attach_image *attach = (void *)out[0];
	int fd = kt_memfile("no image", 8), vm;

	NEEDS_LEFTOVERS();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	memset(out, 0, sizeof(out));
	*state = (struct kev_vcpu_state) { .size = sizeof(*state), .groups = KEV_STATE_CONTROLS };
	ASSERT_EQ(0, kt_ioctl(self->guest.vcpu, KEV_VCPU_GET_STATE, state));
	state->controls.cr4 = ~0UL;
	ASSERT_EQ(-EINVAL, kt_ioctl(self->guest.vcpu, KEV_VCPU_SET_STATE, state));
	EXPECT_NE(0, state->problem[0]);
	EXPECT_EQ(-1, find_poison(out, sizeof(out)));

	vm = kt_create_vm(self->guest.kev, 0, NULL);
	ASSERT_LE(0, vm);
	memset(out, 0, sizeof(out));
	*attach = (struct kev_attach_image) { .size = sizeof(*attach), .fd = fd,
					      .boot = KEV_BOOT_AUTO, .ram_kib = 4096 };
	EXPECT_EQ(-ENOEXEC, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, attach));
	EXPECT_NE(0, attach->problem);
	EXPECT_EQ(-1, find_poison(out, sizeof(out)));
	close(vm);
	close(fd);
}

TEST_HARNESS_MAIN
