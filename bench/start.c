// SPDX-License-Identifier: GPL-2.0
/* From nothing to a guest that has run, and back: an image of 1 MiB that touches 32 KiB */
#include <unistd.h>

#include "bench.h"

#define ROUNDS	32
#define IMAGE	KT_MIB
/* Its own code page is the eighth */
#define TOUCHED	7

enum part { CREATE_VM, ATTACH, CREATE_VCPU, RUN, CLOSE, ALL, NR_PARTS };

static const char *const names[NR_PARTS] = {
	[CREATE_VM] = "create the VM",
	[ATTACH] = "attach the image",
	[CREATE_VCPU] = "create the vCPU",
	[RUN] = "run to HaltCpu",
	[CLOSE] = "close both",
	[ALL] = "all of it",
};

static uint64_t lap(uint64_t *since)
{
	uint64_t before = *since;

	*since = kt_rdtsc();
	return *since - before;
}

static int live(struct kt_guest *guest, int image, const struct bench_how *how,
		uint64_t ticks[NR_PARTS])
{
	uint64_t since = kt_rdtsc();
	long ret;

	guest->vm = bench_kev_create_vm(guest->kev, how);
	ticks[CREATE_VM] = lap(&since);
	if (guest->vm < 0)
		return guest->vm;
	ret = bench_kev_attach(guest->vm, image, how);
	ticks[ATTACH] = lap(&since);
	if (ret)
		return ret;
	guest->vcpu = kt_create_vcpu(guest->vm, 0);
	ticks[CREATE_VCPU] = lap(&since);
	if (guest->vcpu < 0)
		return guest->vcpu;
	ret = kt_run(guest->vcpu);
	ticks[RUN] = lap(&since);
	if (ret)
		return ret;
	return kt_status(guest->vm).state == KEV_VM_EXITED ? 0 : -EPROTO;
}

/* The other half; /dev/kev stays open. */
static void die(struct kt_guest *guest, uint64_t ticks[NR_PARTS])
{
	uint64_t since = kt_rdtsc();

	if (guest->vcpu >= 0)
		close(guest->vcpu);
	if (guest->vm >= 0)
		close(guest->vm);
	ticks[CLOSE] = lap(&since);
}

static int measure(int image, const struct bench_how *how,
		   struct bench_samples samples[NR_PARTS])
{
	struct kt_guest guest = { .kev = kt_open() };
	int ret = guest.kev < 0 ? guest.kev : 0;

	for (int round = 0; !ret && round < ROUNDS; round++) {
		uint64_t ticks[NR_PARTS] = { 0 };

		guest.vm = -1;
		guest.vcpu = -1;
		ret = live(&guest, image, how, ticks);
		die(&guest, ticks);
		for (enum part part = 0; part < ALL; part++)
			ticks[ALL] += ticks[part];
		for (enum part part = 0; part < NR_PARTS; part++)
			bench_add(&samples[part], ticks[part]);
	}
	if (guest.kev >= 0)
		close(guest.kev);
	return ret;
}

void bench_start(void)
{
	static struct bench_samples samples[NR_PARTS];
	const struct bench_program program = {
		.code = &bench_walk_halt,
		.rounds = TOUCHED,
		.address = BENCH_DATA_GPA,
		.stride = 16 * KT_PAGE,
	};
	/* Fault-around would touch more than the guest does. */
	const struct bench_how how = { .fault_around = 1 };
	int image, ret;

	image = bench_image(&program, IMAGE - KT_PAGE);
	ret = image < 0 ? image : measure(image, &how, samples);
	for (enum part part = 0; part < NR_PARTS; part++) {
		const struct bench_name name = {
			"a VM with a 1 MiB image, 32 KiB touched", names[part], "kev",
			"instructions",
		};

		bench_result(&name, &samples[part], ret);
	}
	if (image >= 0)
		close(image);
}
