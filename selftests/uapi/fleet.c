// SPDX-License-Identifier: GPL-2.0
/*
 * A thousand VMs that are alive at the same time. Guards that each takes little of the
 * kernel's memory, that the last one is as quickly there as the first, and that nothing is
 * left of them.
 */
#include "kselftest_harness.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "kevtest.h"

#define VMS		1000
/* So many are there before anything is measured: caches are filled then. */
#define FIRST		100
/*
 * Of a VM with one vCPU that has run: four page tables, VMCS, run page, local APIC and the
 * guest's own four pages are 44 of these; there are the objects and two files as well.
 * Instrumented kernels put something around each object.
 */
#define KIB_PER_VM	72
/*
 * What is freed goes through caches of each CPU. kmemleak has records of it, which it frees into
 * such caches as well. A page of each VM would be more in either case.
 */
#define KIB_LEFT		2048
#define KIB_LEFT_KMEMLEAK	3584

FIXTURE(fleet) {
	int kev, image;
	struct kt_guest guest[VMS];
	uint64_t ticks[VMS];
};

FIXTURE_SETUP(fleet)
{
	const struct rlimit files = { 4 * VMS, 4 * VMS };
	size_t size = kt_halt.end - kt_halt.start;
	struct kt_elf elf;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, kt_pin(0));
	kt_elf_init(&elf, size);
	self->image = kt_elf_file(&elf, kt_halt.start, size);
	ASSERT_LE(0, self->image);
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	for (int i = 0; i < VMS; i++)
		self->guest[i] = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
}

static void end_all(FIXTURE_DATA(fleet) *self)
{
	for (int i = 0; i < VMS; i++) {
		kt_guest_fini(&self->guest[i]);
		self->guest[i] = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
	}
}

FIXTURE_TEARDOWN(fleet)
{
	end_all(self);
	close(self->kev);
	close(self->image);
}

/* From nothing to a guest that has ended, whose VM stays */
static long start(FIXTURE_DATA(fleet) *self, int i)
{
	struct kt_guest *guest = &self->guest[i];
	uint64_t since = kt_rdtsc();
	long ret;

	guest->vm = kt_create_vm(self->kev, 0, NULL);
	if (guest->vm < 0)
		return guest->vm;
	ret = kt_attach(guest->vm, self->image, KEV_BOOT_DIRECT64, KT_RAM_KIB);
	if (ret)
		return ret;
	guest->vcpu = kt_create_vcpu(guest->vm, 0);
	if (guest->vcpu < 0)
		return guest->vcpu;
	ret = kt_run(guest->vcpu);
	self->ticks[i] = kt_rdtsc() - since;
	return ret;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static uint64_t median(uint64_t *ticks, size_t n)
{
	qsort(ticks, n, sizeof(*ticks), compare);
	return ticks[n / 2];
}

static long kib_left(void)
{
	char line[4096] = "";
	FILE *file = fopen("/proc/cmdline", "r");

	if (!file)
		return KIB_LEFT;
	(void)!fgets(line, sizeof(line), file);
	fclose(file);
	return strstr(line, "kmemleak=on") ? KIB_LEFT_KMEMLEAK : KIB_LEFT;
}

TEST_F(fleet, thousand)
{
	long before, one;
	int i;

	before = kt_free_kib();
	if (before < 2L * VMS * KIB_PER_VM)
		SKIP(return, "the machine has too little memory for a thousand VMs");
	for (i = 0; i < FIRST; i++)
		ASSERT_EQ(0, start(self, i));
	one = kt_free_kib();
	for (; i < VMS; i++)
		ASSERT_EQ(0, start(self, i));
	one = (one - kt_free_kib()) / (VMS - FIRST);
	TH_LOG("%ld KiB for each VM", one);
	EXPECT_GE(KIB_PER_VM, one);

	/* They have ended one by one, and none has ended another. */
	for (i = 0; i < VMS; i++)
		ASSERT_EQ(0x1234, kt_status(self->guest[i].vm).exit_code);
	EXPECT_GT(2 * median(self->ticks, FIRST),
		  median(self->ticks + VMS - FIRST, FIRST));

	end_all(self);
	EXPECT_GE(kib_left(), kt_missing_kib(before, kib_left()));
}

/* What a VM has ready for its first instruction goes with a VM that never comes to it. */
TEST_F(fleet, never_ran)
{
	long before = 0;

	for (int i = 0; i < VMS; i++) {
		int vm = kt_create_vm(self->kev, 0, NULL);

		if (i == FIRST)
			before = kt_free_kib();
		ASSERT_LE(0, vm);
		ASSERT_EQ(0, close(vm));
	}
	EXPECT_GE(kib_left(), kt_missing_kib(before, kib_left()));
}

TEST_HARNESS_MAIN
