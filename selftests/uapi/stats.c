// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_COUNTERS and KEV_VCPU_COUNTERS. Guards that each counter counts what its name
 * says, no more and no less, and that what a gone vCPU has done stays in its VM's sums.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "traps.h"

#define CPUIDS		5
#define RDMSRS		3
#define WRMSRS		2
#define OUTS		4

/* As many of each as above says, and then a halt */
KT_CODE(busy, "mov $5, %r15d\n"
	      "1: xor %eax, %eax\n cpuid\n dec %r15d\n jnz 1b\n"
	      "mov $3, %r15d\n"
	      "1: mov $0x1b, %ecx\n rdmsr\n dec %r15d\n jnz 1b\n"
	      "mov $2, %r15d\n"
	      "1: mov $0x1b, %ecx\n rdmsr\n wrmsr\n dec %r15d\n jnz 1b\n"
	      "mov $4, %r15d\n"
	      "1: out %al, $0x80\n dec %r15d\n jnz 1b\n"
	      KT_HALT);

FIXTURE(stats) {
	struct kt_guest guest;
	struct kt_counters vcpu, vm;
};

FIXTURE_SETUP(stats)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &busy, 0, NULL));
}

FIXTURE_TEARDOWN(stats)
{
	kt_guest_fini(&self->guest);
}

static const struct expected {
	const char *name;
	uint64_t exits, slow, reported;
} expected_exits[] = {
	{ "CPUID", CPUIDS, 0, 0 },
	{ "RDMSR", RDMSRS + WRMSRS, 0, 0 },
	{ "WRMSR", WRMSRS, 0, 0 },
	{ "I/O", OUTS, OUTS, OUTS },
	/* The end of the VM is no report of this exit. */
	{ "hypercall", 1, 1, 0 },
	{ "HLT", 0, 0, 0 },
	{ "exception", 0, 0, 0 },
	{ "shutdown", 0, 0, 0 },
	{ "control register", 0, 0, 0 },
};

TEST_F(stats, exits)
{
	uint64_t exits = 0, slow = 0;

	for (int i = 0; i <= OUTS; i++) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
	}
	ASSERT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
	for (size_t i = 0; i < ARRAY_SIZE(expected_exits); i++) {
		struct kev_exit_count is = kt_exit_count(&self->vcpu, expected_exits[i].name);

		EXPECT_EQ(expected_exits[i].exits, is.exits) {
			TH_LOG("%s: exits", expected_exits[i].name);
		}
		EXPECT_EQ(expected_exits[i].slow, is.slow) {
			TH_LOG("%s: slow", expected_exits[i].name);
		}
		EXPECT_EQ(expected_exits[i].reported, is.reported) {
			TH_LOG("%s: reported", expected_exits[i].name);
		}
	}
	for (unsigned int i = 0; i < self->vcpu.nr_exits; i++) {
		exits += self->vcpu.exit[i].exits;
		slow += self->vcpu.exit[i].slow;
	}
	EXPECT_EQ(exits, kt_counter(&self->vcpu, "exits"));
	EXPECT_EQ(exits, kt_counter(&self->vcpu, "entries"));
	EXPECT_EQ(exits - slow, kt_counter(&self->vcpu, "fast"));
	EXPECT_EQ(OUTS + 1, kt_counter(&self->vcpu, "reports"));
	EXPECT_EQ(0, kt_counter(&self->vcpu, "kicks"));
}

/* The older calls tell the same. */
TEST_F(stats, structures)
{
	struct kev_vcpu_stats vcpu;
	struct kev_vm_stats vm;

	for (int i = 0; i <= OUTS; i++) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
	}
	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
	ASSERT_EQ(0, kt_vm_counters(self->guest.vm, &self->vm));
	vcpu = kt_vcpu_stats(self->guest.vcpu);
	vm = kt_vm_stats(self->guest.vm);

	const struct {
		const char *name;
		uint64_t vcpu, vm;
	} cases[] = {
#define BOTH(field)	{ #field, vcpu.field, vm.vcpu.field }
#define MEMORY(field)	{ #field, -1, vm.field }
		BOTH(entries), BOTH(exits), BOTH(fast), BOTH(reports), BOTH(kicks),
		MEMORY(resident_pages), MEMORY(ram_pages), MEMORY(image_pages),
		MEMORY(boot_pages), MEMORY(shared_pages), MEMORY(huge_pages),
		MEMORY(table_pages), MEMORY(file_pages), MEMORY(read_pages),
		MEMORY(file_bytes), MEMORY(header_bytes), MEMORY(copied_pages),
		MEMORY(around_pages), MEMORY(faults), MEMORY(flushes),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].vcpu, kt_counter(&self->vcpu, cases[i].name)) {
			TH_LOG("%s of the vCPU", cases[i].name);
		}
		EXPECT_EQ(cases[i].vm, kt_counter(&self->vm, cases[i].name)) {
			TH_LOG("%s of the VM", cases[i].name);
		}
	}
	EXPECT_EQ(CPUIDS, vcpu.cpuid);
	EXPECT_EQ(RDMSRS + 2 * WRMSRS, vcpu.msr);
	EXPECT_EQ(OUTS, vcpu.io);
	EXPECT_EQ(1, vcpu.hypercall);
	EXPECT_LT(0, vm.resident_pages);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000UL + now.tv_nsec;
}

/* Each stay in the guest is a load, and its time is the guest's. */
TEST_F(stats, stays)
{
	uint64_t begin = now_ns(), elapsed, loads, ns, first;

	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
	EXPECT_EQ(0, kt_counter(&self->vcpu, "loads"));
	EXPECT_EQ(0, kt_counter(&self->vcpu, "guest_ns"));
	EXPECT_EQ(0, kt_counter(&self->vcpu, "first_entry_ns"));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
	loads = kt_counter(&self->vcpu, "loads");
	ns = kt_counter(&self->vcpu, "guest_ns");
	first = kt_counter(&self->vcpu, "first_entry_ns");
	EXPECT_LT(0, loads);
	EXPECT_LT(0, ns);
	EXPECT_LT(0, first);
	elapsed = now_ns() - begin;
	EXPECT_GT(elapsed, ns);
	for (int i = 0; i < OUTS - 1; i++) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
	}
	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
	EXPECT_LE(loads + OUTS - 1, kt_counter(&self->vcpu, "loads"));
	EXPECT_LT(ns, kt_counter(&self->vcpu, "guest_ns"));
	EXPECT_EQ(first, kt_counter(&self->vcpu, "first_entry_ns"));
	EXPECT_EQ(0, kt_counter(&self->vcpu, "migrations"));
}

TEST_F(stats, migrations)
{
	if (kt_nr_cpus() < 2)
		SKIP(return, "one CPU");
	/* Its making puts the vCPU on a CPU as well. */
	kt_guest_fini(&self->guest);
	ASSERT_EQ(0, kt_pin(0));
	ASSERT_EQ(0, kt_guest_init(&self->guest, &busy, 0, NULL));
	for (int i = 0; i < OUTS; i++) {
		ASSERT_EQ(0, kt_pin(i & 1));
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
	}
	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
	EXPECT_EQ(OUTS - 1, kt_counter(&self->vcpu, "migrations"));
}

TEST_F(stats, kicks)
{
	for (int i = 1; i <= 3; i++) {
		ASSERT_EQ(0, kt_ioctl(self->guest.vcpu, KEV_VCPU_KICK, NULL));
		EXPECT_EQ(-EINTR, kt_run(self->guest.vcpu));
		ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
		EXPECT_EQ(i, kt_counter(&self->vcpu, "kicks"));
		EXPECT_EQ(0, kt_counter(&self->vcpu, "loads"));
	}
}

/* Ready for any event */
KT_TRAPS(traps, "traps_text: sti\n 1: " KT_SAY_START "jmp 1b\n");

KT_LABEL(traps_text);

static const struct event {
	const char *counter;
	uint32_t type, vector, flags;
} events[] = {
	{ "injected_interrupts", KEV_INJECT_INTERRUPT, 0x40, 0 },
	{ "injected_nmis", KEV_INJECT_NMI, 2, 0 },
	{ "injected_exceptions", KEV_INJECT_EXCEPTION, 13, KEV_INJECT_ERROR_CODE },
};

/* Raise it, and let the guest take it. Return: 0 if the handler is through with it. */
static int deliver(struct kt_guest *guest, const struct event *event)
{
	struct kev_vcpu_inject args = {
		.size = sizeof(args),
		.flags = event->flags,
		.type = event->type,
		.vector = event->vector,
	};
	const unsigned int ports[] = { KT_AT_HANDLER, KT_AT_IRET, KT_AT_START };
	int ret = kt_ioctl(guest->vcpu, KEV_VCPU_INJECT, &args);

	for (size_t i = 0; !ret && i < ARRAY_SIZE(ports); i++) {
		ret = kt_run(guest->vcpu);
		if (!ret && (guest->run->kind != KEV_EXIT_IO || guest->run->io.port != ports[i]))
			ret = -EPROTO;
	}
	return ret;
}

TEST_F(stats, injected)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_counters before;

	kt_guest_fini(&self->guest);
	ASSERT_EQ(0, kt_guest_init(&self->guest, &traps, 0, NULL));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_GPRS, &state));
	state.gprs.gpr[KEV_R15] = kt_label(&traps, traps_text);
	state.gprs.gpr[KEV_RSP] = KT_TRAPS_STACK;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_GPRS, &state));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	KT_ASSERT_AT(self->guest.run, KT_AT_START);
	/* A page that is missing cuts the first deliveries off. */
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		ASSERT_EQ(0, deliver(&self->guest, &events[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &before));
		for (int n = 0; n < 3; n++) {
			ASSERT_EQ(0, deliver(&self->guest, &events[i]));
		}
		ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
		for (size_t j = 0; j < ARRAY_SIZE(events); j++) {
			EXPECT_EQ(i == j ? 3 : 0, kt_counter(&self->vcpu, events[j].counter) -
						  kt_counter(&before, events[j].counter)) {
				TH_LOG("%s after %s", events[j].counter, events[i].counter);
			}
		}
	}
}

/* What a vCPU has done stays in the sums when it goes. */
TEST_F(stats, gone)
{
	struct kev_exit_count one, sum;
	int second = kt_create_vcpu(self->guest.vm, 1);

	ASSERT_LE(0, second);
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(0, kt_run(second));
	ASSERT_EQ(0, kt_run(second));
	ASSERT_EQ(0, kt_vcpu_counters(second, &self->vcpu));
	one = kt_exit_count(&self->vcpu, "CPUID");
	EXPECT_EQ(CPUIDS, one.exits);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_vm_counters(self->guest.vm, &self->vm));
		sum = kt_exit_count(&self->vm, "CPUID");
		EXPECT_EQ(2 * CPUIDS, sum.exits);
		EXPECT_EQ(0, sum.slow);
		sum = kt_exit_count(&self->vm, "I/O");
		EXPECT_EQ(3, sum.exits);
		EXPECT_EQ(3, sum.slow);
		EXPECT_EQ(3, sum.reported);
		EXPECT_EQ(3, kt_counter(&self->vm, "reports"));
		EXPECT_LT(kt_counter(&self->vcpu, "guest_ns"), kt_counter(&self->vm, "guest_ns"));
		/* The first vCPU was earlier. */
		EXPECT_GT(kt_counter(&self->vcpu, "first_entry_ns"),
			  kt_counter(&self->vm, "first_entry_ns"));
		if (!i)
			close(second);
	}
}

#define RAM_GPA		0x40000000UL
#define USER_GPA	0x40001000UL
#define HUGE_GPA	0x40200000UL

/* Stores to each of these, twice */
KT_CODE(touches, "mov $2, %ecx\n"
		 "1: mov $0x40000abc, %edi\n movb $1, (%rdi)\n"
		 "movb $1, 0x1000(%rdi)\n"
		 "movb $1, 0x200000(%rdi)\n"
		 "dec %ecx\n jnz 1b\n" KT_HALT);

/* A VM that takes pages of 2 MiB where it can, and 4 KiB elsewhere */
static int init_touches(struct kt_guest *guest, void *user)
{
	struct kev_create_vm args = { .size = sizeof(args), .huge_pages = KEV_HUGE_ALWAYS };
	struct kt_elf elf;
	int image, ret;

	kt_elf_init(&elf, touches.end - touches.start);
	image = kt_elf_file(&elf, touches.start, touches.end - touches.start);
	guest->vm = kt_ioctl(guest->kev, KEV_CREATE_VM, &args);
	ret = guest->vm;
	if (ret >= 0)
		ret = kt_attach(guest->vm, image, KEV_BOOT_DIRECT64, KT_RAM_KIB);
	close(image);
	ret = ret ?: kt_add_ram(guest->vm, RAM_GPA, KT_PAGE);
	ret = ret ?: kt_add_user(guest->vm, USER_GPA, KT_PAGE, user, KT_RWX);
	ret = ret ?: kt_add_ram(guest->vm, HUGE_GPA, 2 * KT_MIB);
	if (ret)
		return ret;
	guest->vcpu = kt_create_vcpu(guest->vm, 0);
	return guest->vcpu < 0 ? guest->vcpu : 0;
}

/* Pages of a file on tmpfs are copied; guest/share has those of the page cache. */
static const struct {
	const char *name;
	uint64_t faults;
} made[] = {
	{ "faults_nothing", 0 },
	{ "faults_zero", 1 },
	{ "faults_huge", 1 },
	{ "faults_shared", 0 },
	{ "faults_file", 1 },
	{ "faults_copy", 0 },
	/* PML4, PDPT and two page directories */
	{ "faults_boot", 4 },
	{ "faults_user", 1 },
	{ "faults", 8 },
	{ "resident_pages", 1 + 512 + 1 + 4 + 1 },
};

TEST_F(stats, faults)
{
	struct kt_guest guest = { .kev = self->guest.kev };
	void *user = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	ASSERT_NE(MAP_FAILED, user);
	ASSERT_EQ(0, init_touches(&guest, user));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(0, kt_vm_counters(guest.vm, &self->vm));
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		EXPECT_EQ(made[i].faults, kt_counter(&self->vm, made[i].name)) {
			TH_LOG("%s", made[i].name);
		}
	}
	/* But the first instruction's page and the tables on the way to it */
	EXPECT_EQ(8 - 4, kt_exit_count(&self->vm, "memory").exits);
	close(guest.vcpu);
	close(guest.vm);
}

#define TABLES	"/sys/kernel/debug/kev/"

static char table[1 << 16];

static int read_table(const char *name)
{
	char path[64];
	size_t size = 0;
	ssize_t n = -1;
	int file;

	snprintf(path, sizeof(path), TABLES "%s", name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	while (size < sizeof(table) - 1 &&
	       (n = read(file, table + size, sizeof(table) - 1 - size)) > 0)
		size += n;
	table[size] = '\0';
	close(file);
	return n ? -EIO : 0;
}

/* The line of @table that begins so; NULL for none */
static const char *line_of(const char *start)
{
	const char *at = table;

	while (at && strncmp(at, start, strlen(start))) {
		at = strchr(at, '\n');
		if (at)
			at++;
	}
	return at && *at ? at : NULL;
}

#define BLANKS "\n "

/* What a line has in the column of this name; "" for nothing */
static const char *cell(const char *line, const char *column)
{
	static char value[64];
	const char *name = table;

	for (;;) {
		size_t length = strcspn(name, BLANKS);

		snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, BLANKS), line);
		if (length == strlen(column) && !strncmp(name, column, length))
			return value;
		name += length;
		line += strcspn(line, BLANKS);
		if (*name != ' ' || *line != ' ')
			return "";
		name++;
		line++;
	}
}

/* The tables have what the calls tell. */
TEST_F(stats, tables)
{
	char start[32], expected[96];
	const char *line;

	if (access(TABLES, F_OK))
		SKIP(return, "no debugfs");
	for (int i = 0; i <= OUTS; i++) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
	}
	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
	ASSERT_EQ(0, kt_vm_counters(self->guest.vm, &self->vm));

	ASSERT_EQ(0, read_table("vms"));
	snprintf(start, sizeof(start), "%llu ",
		 (unsigned long long)kt_vm_stats(self->guest.vm).id);
	line = line_of(start);
	ASSERT_NE(NULL, line);
	EXPECT_STREQ("exited", cell(line, "state"));
	EXPECT_STREQ("1", cell(line, "vcpus"));
	snprintf(expected, sizeof(expected), "%d", getpid());
	EXPECT_STREQ(expected, cell(line, "pid"));
	EXPECT_STREQ("stats", cell(line, "comm"));
	for (unsigned int i = 0; i < self->vm.nr_counters; i++) {
		snprintf(expected, sizeof(expected), "%llu",
			 (unsigned long long)self->vm.counter[i].value);
		EXPECT_STREQ(expected, cell(line, self->vm.counter[i].name)) {
			TH_LOG("%s", self->vm.counter[i].name);
		}
	}

	ASSERT_EQ(0, read_table("exits"));
	for (size_t i = 0; i < ARRAY_SIZE(expected_exits); i++) {
		const struct expected *e = &expected_exits[i];

		snprintf(expected, sizeof(expected), "%s0 %lu %lu %lu %s\n", start, e->exits,
			 e->slow, e->reported, e->name);
		EXPECT_EQ(e->exits != 0, line_of(expected) != NULL) {
			TH_LOG("%s", expected);
		}
	}

	ASSERT_EQ(0, read_table("vcpus"));
	strcat(start, "0 ");
	line = line_of(start);
	ASSERT_NE(NULL, line);
	EXPECT_STREQ("-1", cell(line, "cpu"));
	EXPECT_STREQ("runnable", cell(line, "state"));
	for (unsigned int i = 0; i < self->vcpu.nr_counters; i++) {
		snprintf(expected, sizeof(expected), "%llu",
			 (unsigned long long)self->vcpu.counter[i].value);
		EXPECT_STREQ(expected, cell(line, self->vcpu.counter[i].name)) {
			TH_LOG("%s", self->vcpu.counter[i].name);
		}
	}

	/* A VM that is gone is in no table. */
	kt_guest_fini(&self->guest);
	ASSERT_EQ(0, read_table("vcpus"));
	EXPECT_EQ(NULL, line_of(start));
	ASSERT_EQ(0, read_table("vms"));
	*strchr(start, ' ') = '\0';
	strcat(start, " ");
	EXPECT_EQ(NULL, line_of(start));
}

/* A process may have any name: it ends no line, and a terminal takes nothing in it as its own. */
TEST_F(stats, name_of_the_process)
{
	struct kt_guest named;
	char start[32];
	const char *line;

	if (access(TABLES, F_OK))
		SKIP(return, "no debugfs");
	ASSERT_EQ(0, prctl(PR_SET_NAME, "a\033\x9b\n\\b c\177"));
	ASSERT_EQ(0, kt_guest_init(&named, &kt_halt, 0, NULL));
	ASSERT_EQ(0, prctl(PR_SET_NAME, "stats"));
	ASSERT_EQ(0, read_table("vms"));
	snprintf(start, sizeof(start), "%llu ", (unsigned long long)kt_vm_stats(named.vm).id);
	line = line_of(start);
	ASSERT_NE(NULL, line);
	while (*line && strncmp(line, " a\\", 3))
		line++;
	EXPECT_EQ(0, strncmp(line, " a\\033\\233\\012\\134b c\\177\n", 26)) {
		TH_LOG("%.40s", line);
	}
	kt_guest_fini(&named);
}

TEST_F(stats, room)
{
	struct kev_counters args = { .size = sizeof(args) };
	int fds[] = { self->guest.vm, self->guest.vcpu };
	const unsigned long cmds[] = { KEV_VM_COUNTERS, KEV_VCPU_COUNTERS };

	for (int i = 0; i < 2; i++) {
		args.nr_counters = 0;
		args.nr_exits = 0;
		EXPECT_EQ(-E2BIG, kt_ioctl(fds[i], cmds[i], &args));
		EXPECT_LT(0, args.nr_counters);
		EXPECT_LT(0, args.nr_exits);
		args.counters = (uintptr_t)self->vm.counter;
		args.exits = (uintptr_t)self->vm.exit;
		memset(&self->vm, 0xa5, sizeof(self->vm));
		EXPECT_EQ(0, kt_ioctl(fds[i], cmds[i], &args));
		/* Not a byte behind the last one */
		EXPECT_EQ((char)0xa5, self->vm.counter[args.nr_counters].name[0]);
		EXPECT_EQ((char)0xa5, self->vm.exit[args.nr_exits].name[0]);
		args.nr_exits--;
		EXPECT_EQ(-E2BIG, kt_ioctl(fds[i], cmds[i], &args));
		args.nr_counters--;
		EXPECT_EQ(-E2BIG, kt_ioctl(fds[i], cmds[i], &args));
		args.counters = 0;
		EXPECT_EQ(-EFAULT, kt_ioctl(fds[i], cmds[i], &args));
		args.counters = (uintptr_t)self->vm.counter;
		args.exits = 1UL << 63;
		EXPECT_EQ(-EFAULT, kt_ioctl(fds[i], cmds[i], &args));
		args = (struct kev_counters) { .size = sizeof(args) };
	}
}

TEST_HARNESS_MAIN
