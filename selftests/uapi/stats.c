// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_COUNTERS and KEV_VCPU_COUNTERS. Guards that each counter counts what its name
 * says, no more and no less, and that what a gone vCPU has done stays in its VM's sums.
 */
#include "kselftest_harness.h"

#include <time.h>

#include "kevtest.h"

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
} expected[] = {
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
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct kev_exit_count is = kt_exit_count(&self->vcpu, expected[i].name);

		EXPECT_EQ(expected[i].exits, is.exits) {
			TH_LOG("%s: exits", expected[i].name);
		}
		EXPECT_EQ(expected[i].slow, is.slow) {
			TH_LOG("%s: slow", expected[i].name);
		}
		EXPECT_EQ(expected[i].reported, is.reported) {
			TH_LOG("%s: reported", expected[i].name);
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
	for (int i = 0; i < OUTS; i++) {
		ASSERT_EQ(0, kt_pin(i & 1));
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
	}
	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &self->vcpu));
	EXPECT_EQ(OUTS - 1, kt_counter(&self->vcpu, "migrations"));
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
