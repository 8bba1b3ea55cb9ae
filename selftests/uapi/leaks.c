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
 * process of ours that fills many of them, and some of the kernel's, or poison where the
 * kernel can do that, and small objects hold poison. Variables do in a kev.ko that was built
 * with KEV_FILL_STACK=1.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kevtest.h"

#define HUGE_PAGES	"/sys/module/kev/parameters/huge_pages"
#define FILE_NAME	"/tmp/kevtest-leaks"

#define DIRTY		(32 * KT_MIB)
#define POISON_PAGE	0x6b	/* as that of free objects */
#define PIPE		(64 * 1024)	/* bytes that one holds */
#define MESSAGE		(48 * 1024)	/* of which the kernel makes pieces of 32 KiB */
#define RAM_GPA		(4 * KT_MIB)
#define RAM_LENGTH	(4 * KT_MIB)

/* Where no guest has memory before a test gives it some */
#define FAR_GPA		0x40000000UL

/* Counts 8-byte words that are not zero from 4 MiB on, and ends with their number. */
KT_CODE(count, "mov $0x400000, %esi\n mov $0x80000, %ecx\n xor %edi, %edi\n"
	"1: cmpq $0, (%rsi)\n je 2f\n inc %edi\n 2: add $8, %rsi\n dec %ecx\n jnz 1b\n" KT_HALT);

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

/* Write bytes into what was made to hold them, and let go both ends. */
static int fill_and_close(const int fds[2], size_t size)
{
	static uint8_t bytes[PIPE];
	ssize_t ret;

	memset(bytes, POISON_PAGE, size);
	ret = write(fds[1], bytes, size);
	close(fds[0]);
	close(fds[1]);
	return ret == (ssize_t)size ? 0 : -EIO;
}

/*
 * The same for memory that the kernel gets for itself, by the page and by 32 KiB, which does
 * not come from where a process's own pages go. The last ones that were freed come first.
 */
static int dirty_kernel_memory(void)
{
	int fds[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return -errno;
	ret = fill_and_close(fds, MESSAGE);
	if (ret || pipe(fds))
		return ret ? ret : -errno;
	return fill_and_close(fds, PIPE);
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
	if (keeps_bytes()) {
		ASSERT_EQ(0, dirty_memory());
		ASSERT_EQ(0, dirty_kernel_memory());
	}
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

/* ---- reports ---- */

KT_CODE(faults, "ud2\n");
KT_CODE(prints, "mov $1, %eax\n mov $0x110000, %edi\n mov $200000, %esi\n vmcall\n");
KT_CODE(outs, "out %al, $0x80\n");
KT_CODE(ins, "in $0x81, %eax\n");
KT_CODE(outs_string, "mov $0x100000, %esi\n mov $16, %ecx\n cld\n rep outsb\n");
KT_CODE(ins_string, "mov $0x110000, %edi\n mov $16, %ecx\n cld\n rep insb\n");
KT_CODE(asks_cpuid, "cpuid\n");
KT_CODE(reads_msr, "mov $0x0badc0de, %ecx\n rdmsr\n");
KT_CODE(writes_msr, "mov $0x0badc0de, %ecx\n wrmsr\n");
KT_CODE(reads_far, "1: mov 0x40000000, %eax\n jmp 1b\n");
KT_CODE(writes_far, "1: mov %eax, 0x40000000\n jmp 1b\n");
/* It is not decoded: its bytes are reported. */
KT_CODE(pushes_far, "mov $0x40000000, %ebx\n push (%rbx)\n");

static int ask_for_an_end(struct kt_guest *guest)
{
	guest->run->request = KEV_RUN_IMMEDIATE_EXIT;
	return 0;
}

/* With PAE paging, for which the boot structures are no table */
static int break_tables(struct kt_guest *guest)
{
	struct kev_vcpu_state state = { 0 };
	int ret = kt_get_state(guest->vcpu, KEV_STATE_CONTROLS, &state);

	state.controls.efer = 0;
	return ret ? ret : kt_set_state(guest->vcpu, KEV_STATE_CONTROLS, &state);
}

static int add_trap(struct kt_guest *guest)
{
	return kt_add_region(guest->vm, KEV_REGION_TRAP, 0, FAR_GPA, KT_PAGE);
}

static int add_notify(struct kt_guest *guest)
{
	return kt_add_region(guest->vm, KEV_REGION_NOTIFY, KT_RWX, FAR_GPA, KT_PAGE);
}

/* A page of a file that has lost it */
static int add_lost_page(struct kt_guest *guest)
{
	int fd = kt_memfile("x", 1), ret;

	if (fd < 0 || ftruncate(fd, KT_PAGE))
		return -EIO;
	ret = kt_add_file(guest->vm, FAR_GPA, KT_PAGE, fd, 0, KT_PAGE);
	if (!ret && ftruncate(fd, 0))
		ret = -EIO;
	close(fd);
	return ret;
}

static int step(struct kt_guest *guest)
{
	const struct kev_vcpu_debug debug = { .size = sizeof(debug), .flags = KEV_DEBUG_STEP };

	return kt_ioctl(guest->vcpu, KEV_VCPU_SET_DEBUG, &debug);
}

static int intercept_cpuid(struct kt_guest *guest)
{
	const struct kev_set_exits exits = {
		.size = sizeof(exits), .report = KEV_INTERCEPT_CPUID,
	};

	return kt_ioctl(guest->vm, KEV_VM_SET_EXITS, &exits);
}

/*
 * Every kind of report has one line at least, the guest's instruction and what it takes to
 * have that reported.
 */
static const struct report {
	enum kev_exit_kind kind;
	size_t part, data;	/* bytes that it writes of the kind's part, and of kev_run.data */
	const struct kt_code *code;	/* NULL: @ready makes the guest */
	int (*ready)(struct kt_guest *guest);
	uint32_t flags;
	const char *abi;
	int before;		/* reports that come first */
	long result;		/* of RUN */
} reports[] = {
#define PART(kind)	sizeof(((struct kev_run *)0)->kind)
	{ KEV_EXIT_NONE, .code = &kt_halt, .ready = ask_for_an_end, .result = -EINTR },
	{ KEV_EXIT_VM_EXITED, .part = PART(exit_code), .code = &kt_halt },
	{ KEV_EXIT_FAILED, .code = &kt_halt, .ready = break_tables, .before = 1 },
	{ KEV_EXIT_ENTRY_FAILED, .part = PART(entry), .code = &kt_halt, .ready = break_tables },
	{ KEV_EXIT_SHUTDOWN, .code = &faults },
	{ KEV_EXIT_HALTED, .code = &kt_hlt },
	{ KEV_EXIT_CONSOLE, .code = &prints },
	{ KEV_EXIT_HYPERCALL, .part = PART(hypercall), .code = &kt_halt, .abi = "report" },
	{ KEV_EXIT_IO, .part = PART(io), .code = &outs },
	{ KEV_EXIT_IO, .part = PART(io), .code = &ins },
	{ KEV_EXIT_IO, .part = PART(io), .data = 16, .code = &outs_string },
	{ KEV_EXIT_IO, .part = PART(io), .code = &ins_string },
	{ KEV_EXIT_CPUID, .part = PART(cpuid), .code = &asks_cpuid, .flags = KEV_VM_REPORT_CPUID },
	{ KEV_EXIT_MSR, .part = PART(msr), .code = &reads_msr, .flags = KEV_VM_REPORT_MSR },
	{ KEV_EXIT_MSR, .part = PART(msr), .code = &writes_msr, .flags = KEV_VM_REPORT_MSR },
	{ KEV_EXIT_MEMORY, .part = PART(memory), .code = &reads_far },
	{ KEV_EXIT_MEMORY, .part = PART(memory), .code = &reads_far, .ready = add_notify },
	{ KEV_EXIT_MEMORY, .part = PART(memory), .code = &pushes_far, .ready = add_trap },
	{ KEV_EXIT_MEMORY_ERROR, .part = PART(memory), .code = &reads_far, .ready = add_lost_page },
	{ KEV_EXIT_UNHANDLED, .ready = kt_task_switch_init },
	{ KEV_EXIT_MMIO, .part = PART(mmio), .code = &reads_far, .ready = add_trap },
	{ KEV_EXIT_MMIO, .part = PART(mmio), .code = &writes_far, .ready = add_trap },
	/* By an instruction that is known by now */
	{ KEV_EXIT_MMIO, .part = PART(mmio), .code = &reads_far, .ready = add_trap, .before = 2 },
	{ KEV_EXIT_MMIO, .part = PART(mmio), .code = &writes_far, .ready = add_trap, .before = 2 },
	{ KEV_EXIT_DEBUG, .part = PART(debug), .code = &asks_cpuid, .ready = step },
	{ KEV_EXIT_INTERCEPT, .part = PART(intercept), .code = &asks_cpuid,
	  .ready = intercept_cpuid },
};

#define FOR_EACH_REPORT(report)							\
	for (const struct report *report = reports;				\
	     report < reports + ARRAY_SIZE(reports); report++)

TEST_F(leaks, every_report)
{
	for (unsigned int kind = 0; kind < KEV_NR_EXIT_KINDS; kind++) {
		bool known = false;

		FOR_EACH_REPORT(report)
			known |= report->kind == kind;
		EXPECT_TRUE(known) {
			TH_LOG("report %u is not in the table", kind);
		}
	}
}

/* What the last RUN says, or an earlier error */
static long run_to_report(struct kt_guest *guest, const struct report *report)
{
	long ret = dirty_kernel_memory();

	if (!ret && report->code)
		ret = kt_guest_init(guest, report->code, report->flags, report->abi);
	if (!ret && report->ready)
		ret = report->ready(guest);
	for (int i = 0; !ret && i <= report->before; i++)
		ret = kt_run(guest->vcpu);
	return ret;
}

/* As made, and with a report */
TEST_F(leaks, run_page)
{
	NEEDS_LEFTOVERS();
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	EXPECT_EQ(-1, find_poison(self->guest.run, KT_PAGE));
	kt_guest_fini(&self->guest);
	FOR_EACH_REPORT(report) {
		ASSERT_EQ(report->result, run_to_report(&self->guest, report));
		ASSERT_EQ(report->kind, self->guest.run->kind);
		EXPECT_EQ(-1, find_poison(self->guest.run, KT_PAGE)) {
			TH_LOG("report %u, line %zu, byte %ld", report->kind, report - reports,
			       find_poison(self->guest.run, KT_PAGE));
		}
		kt_guest_fini(&self->guest);
	}
}

/* Bytes of the page that the report does not use, and that are not zero */
static size_t count_unused(const struct kev_run *run, const struct report *report)
{
	const size_t bytes = run->instruction_bytes_len;
	const uint8_t *page = (const uint8_t *)run;

	return count_bytes(run->instruction_bytes + bytes, sizeof(run->instruction_bytes) - bytes) +
	       count_bytes(run->padding + report->part, sizeof(run->padding) - report->part) +
	       count_bytes(run->data + report->data, sizeof(run->data) - report->data) +
	       count_bytes(page + sizeof(*run), KT_PAGE - sizeof(*run));
}

TEST_F(leaks, unused_bytes)
{
	FOR_EACH_REPORT(report) {
		ASSERT_EQ(report->result, run_to_report(&self->guest, report));
		ASSERT_EQ(report->kind, self->guest.run->kind);
		ASSERT_GE(sizeof(self->guest.run->instruction_bytes),
			  self->guest.run->instruction_bytes_len);
		EXPECT_EQ(0, count_unused(self->guest.run, report)) {
			TH_LOG("report %u, line %zu", report->kind, report - reports);
		}
		kt_guest_fini(&self->guest);
	}
}

/* ---- calls ---- */

enum object { DEV, VM, VCPU, NEW_VM };

/* A structure, and where the calls that have more to tell put it */
static uint8_t out[3][KT_PAGE];
#define ARRAY		((uintptr_t)out[1])
#define SECOND		((uintptr_t)out[2])

static uint32_t xsave_size;	/* of this CPU */

/* The whole memory, and more than that: the last word of the bitmap is used in part. */
static void fill_dirty(void *arg)
{
	struct kev_get_dirty *dirty = arg;

	dirty->length = (8 * sizeof(out[1]) - 60) * KT_PAGE;
	dirty->bitmap = ARRAY;
}

static void fill_address(void *arg)
{
	struct kev_translate *translate = arg;

	translate->flags = KEV_ADDRESS_GVA;
	translate->address = KT_CODE_GPA;
}

static void fill_no_address(void *arg)
{
	fill_address(arg);
	((struct kev_translate *)arg)->address = 1UL << 40;
}

/* Half of it lies behind the guest's memory. */
static void fill_access(void *arg)
{
	struct kev_access *access = arg;

	access->address = KT_RAM_KIB * 1024 - KT_PAGE;
	access->length = 2 * KT_PAGE;
	access->buffer = ARRAY;
}

static void fill_cpuid(void *arg)
{
	struct kev_cpuid *cpuid = arg;

	cpuid->nr = sizeof(out[1]) / sizeof(struct kev_cpuid_entry);
	cpuid->entries = ARRAY;
}

static void fill_counters(void *arg)
{
	struct kev_counters *counters = arg;

	counters->nr_counters = sizeof(out[1]) / sizeof(struct kev_counter);
	counters->nr_exits = sizeof(out[2]) / sizeof(struct kev_exit_count);
	counters->counters = ARRAY;
	counters->exits = SECOND;
}

/* MSRs that hold what a vCPU starts with */
static const struct kev_msr_policy msrs[] = {
	{ .first = 0xabc0, .count = 1, .policy = KEV_MSR_VALUE },
	{ .first = 0xabc2, .count = 1, .policy = KEV_MSR_VALUE },
};

static int set_msrs(int vm)
{
	const struct kev_set_msrs args = {
		.size = sizeof(args), .nr = ARRAY_SIZE(msrs), .entries = (uintptr_t)msrs,
	};

	return kt_ioctl(vm, KEV_VM_SET_MSRS, &args);
}

static void fill_state(void *arg)
{
	struct kev_vcpu_state *state = arg;

	state->groups = KEV_STATE_ALL;
	state->xsave = ARRAY;
	state->xsave_size = xsave_size;
	state->msr_values = SECOND;
	state->nr_msr_values = ARRAY_SIZE(msrs);
}

static void fill_bad_state(void *arg)
{
	struct kev_vcpu_state *state = arg;

	state->groups = KEV_STATE_CONTROLS;
	state->controls.cr4 = ~0UL;
}

/* The file stays open, as does what it becomes: the process is about to end. */
static void fill_image(void *arg)
{
	struct kev_attach_image *attach = arg;
	struct kt_elf elf;

	kt_elf_init(&elf, kt_halt.end - kt_halt.start);
	attach->fd = kt_elf_file(&elf, kt_halt.start, kt_halt.end - kt_halt.start);
	attach->boot = KEV_BOOT_AUTO;
	attach->ram_kib = KT_RAM_KIB;
}

static void fill_no_image(void *arg)
{
	fill_image(arg);
	((struct kev_attach_image *)arg)->fd = kt_memfile("no image", 8);
}

/* Every call that gives something back, each way that it does */
static const struct call {
	const char *name;
	enum object object;
	unsigned long cmd;
	uint32_t size;
	long result;
	void (*fill)(void *arg);
} calls[] = {
#define CALL(object, cmd, type, result, fill)					\
	{ #cmd, object, cmd, sizeof(struct type), result, fill }
	CALL(DEV, KEV_QUERY, kev_query, 0, NULL),
	CALL(NEW_VM, KEV_VM_ATTACH_IMAGE, kev_attach_image, 0, fill_image),
	CALL(NEW_VM, KEV_VM_ATTACH_IMAGE, kev_attach_image, -ENOEXEC, fill_no_image),
	/* There is a vCPU: it has not looked at the file. */
	CALL(VM, KEV_VM_ATTACH_IMAGE, kev_attach_image, -EBUSY, fill_image),
	CALL(VM, KEV_VM_QUERY_MEMORY, kev_query_memory, 0, NULL),
	CALL(VM, KEV_VM_GET_DIRTY, kev_get_dirty, 0, fill_dirty),
	CALL(VM, KEV_VM_TRANSLATE, kev_translate, 0, fill_address),
	CALL(VM, KEV_VM_TRANSLATE, kev_translate, 0, fill_no_address),
	CALL(VM, KEV_VM_READ, kev_access, 0, fill_access),
	CALL(VM, KEV_VM_WRITE, kev_access, 0, fill_access),
	CALL(VM, KEV_VM_STATUS, kev_vm_status, 0, NULL),
	CALL(VM, KEV_VM_STATS, kev_vm_stats, 0, NULL),
	CALL(VM, KEV_VM_COUNTERS, kev_counters, 0, fill_counters),
	CALL(VM, KEV_VM_COUNTERS, kev_counters, -E2BIG, NULL),
	CALL(VM, KEV_VM_GET_SUPPORTED_CPUID, kev_cpuid, 0, fill_cpuid),
	CALL(VM, KEV_VM_GET_SUPPORTED_CPUID, kev_cpuid, -E2BIG, NULL),
	CALL(VCPU, KEV_VCPU_GET_STATE, kev_vcpu_state, 0, fill_state),
	CALL(VCPU, KEV_VCPU_SET_STATE, kev_vcpu_state, -EINVAL, fill_bad_state),
	CALL(VCPU, KEV_VCPU_STATS, kev_vcpu_stats, 0, NULL),
	CALL(VCPU, KEV_VCPU_COUNTERS, kev_counters, 0, fill_counters),
	CALL(VCPU, KEV_VCPU_COUNTERS, kev_counters, -E2BIG, NULL),
};

/* Calls that only take: sizes.read_only sees that they write nothing. */
static const struct {
	enum object object;
	unsigned long cmd;
} takers[] = {
	{ DEV, KEV_CREATE_VM },
	{ VM, KEV_VM_CREATE_VCPU }, { VM, KEV_VM_ADD_REGION }, { VM, KEV_VM_REMOVE_REGION },
	{ VM, KEV_VM_DISCARD }, { VM, KEV_VM_SET_CPUID }, { VM, KEV_VM_SET_MSRS },
	{ VM, KEV_VM_SET_EXITS }, { VM, KEV_VM_DOORBELL }, { VM, KEV_VM_IRQFD },
	{ VM, KEV_VM_SIGNAL },
	/* The run page has what it reports. */
	{ VCPU, KEV_VCPU_RUN },
	{ VCPU, KEV_VCPU_KICK }, { VCPU, KEV_VCPU_INTERRUPT }, { VCPU, KEV_VCPU_INJECT },
	{ VCPU, KEV_VCPU_SET_DEBUG },
};

#define FOR_EACH_CALL(call)							\
	for (const struct call *call = calls; call < calls + ARRAY_SIZE(calls); call++)

/* The object whose calls it has */
static enum object kind_of(enum object object)
{
	return object == NEW_VM ? VM : object;
}

static bool is_listed(enum object object, unsigned long cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		if (takers[i].object == object && takers[i].cmd == cmd)
			return true;
	FOR_EACH_CALL(call)
		if (kind_of(call->object) == object && call->cmd == cmd)
			return true;
	return false;
}

TEST_F(leaks, every_call)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	for (enum object object = DEV; object < NEW_VM; object++) {
		const int fds[] = { self->guest.kev, self->guest.vm, self->guest.vcpu };

		for (unsigned int number = 0; number < 0x100; number++) {
			unsigned long cmd = _IO(KEV_IOCTL_TYPE, number);

			if (is_listed(object, cmd))
				continue;
			EXPECT_EQ(-ENOTTY, kt_ioctl(fds[object], cmd, NULL)) {
				TH_LOG("object %d, call %#x: in no table", object, number);
			}
		}
	}
}

/* Nothing but what the call is there for comes back, and nothing behind a structure. */
static void check_call(struct __test_metadata *_metadata, const struct kt_guest *guest,
		       const struct call *call, uint32_t size)
{
	const int fds[] = { guest->kev, guest->vm, guest->vcpu,
			    call->object == NEW_VM ? kt_create_vm(guest->kev, 0, NULL) : -1 };
	size_t behind;
	long ret, at;

	ASSERT_EQ(0, dirty_kernel_memory());
	memset(out, 0, sizeof(out));
	if (call->fill)
		call->fill(out[0]);
	memcpy(out[0], &size, sizeof(size));
	ret = kt_ioctl(fds[call->object], call->cmd, out[0]);
	at = find_poison(out, sizeof(out));
	behind = count_bytes(out[0] + call->size, KT_PAGE - call->size);
	EXPECT_TRUE(ret == call->result && at < 0 && !behind) {
		TH_LOG("%s, %u bytes: %ld, poison at %ld, %zu bytes behind it", call->name, size,
		       ret, at, behind);
	}
	close(fds[NEW_VM]);
}

/* Of a VM that has not run and of one that has, for this kernel's programs and newer ones */
static void check_calls(struct __test_metadata *_metadata, struct kt_guest *guest, bool fail)
{
	struct kev_query query = { .size = sizeof(query) };

	ASSERT_EQ(0, kt_guest_init(guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, kt_ioctl(guest->kev, KEV_QUERY, &query));
	ASSERT_GE(sizeof(out[1]), query.xsave_size);
	xsave_size = query.xsave_size;
	ASSERT_EQ(0, set_msrs(guest->vm));
	for (int ran = 0; ran < 2; ran++) {
		FOR_EACH_CALL(call) {
			bool fails = call->result < 0;

			if (fails != fail)
				continue;
			check_call(_metadata, guest, call, call->size);
			check_call(_metadata, guest, call, KT_PAGE);
		}
		ASSERT_EQ(0, kt_run(guest->vcpu));
	}
}

TEST_F(leaks, calls)
{
	NEEDS_LEFTOVERS();
	check_calls(_metadata, &self->guest, false);
}

/* What says why a call has failed */
TEST_F(leaks, failed_calls)
{
	NEEDS_LEFTOVERS();
	check_calls(_metadata, &self->guest, true);
}

/* ---- files ---- */

KT_CODE(prints_word, "mov $1, %eax\n lea 1f(%rip), %rdi\n mov $5, %esi\n vmcall\n" KT_HALT
	"1: .ascii \"words\"\n");

/* There is room for more than was printed. */
TEST_F(leaks, console)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &prints_word, 0, NULL));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	memset(out, 0, sizeof(out));
	EXPECT_EQ(5, read(self->guest.vm, out, sizeof(out)));
	EXPECT_EQ(0, memcmp(out, "words", 5));
	EXPECT_EQ(0, count_bytes(out[0] + 5, sizeof(out) - 5));
	EXPECT_EQ(0, read(self->guest.vm, out, sizeof(out)));
}

/* Bytes that are no text, or -errno */
static long count_strange(const char *path)
{
	FILE *file = fopen(path, "r");
	long strange = 0;
	int byte;

	if (!file)
		return -errno;
	while ((byte = fgetc(file)) != EOF)
		strange += byte != '\n' && (byte < ' ' || byte > '~');
	fclose(file);
	return strange;
}

TEST_F(leaks, tables)
{
	static const char *const paths[] = {
		"/sys/kernel/debug/kev/vms", "/sys/kernel/debug/kev/vcpus",
		"/sys/kernel/debug/kev/exits",
	};

	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		EXPECT_EQ(0, count_strange(paths[i])) {
			TH_LOG("%s", paths[i]);
		}
	}
}

TEST_HARNESS_MAIN
