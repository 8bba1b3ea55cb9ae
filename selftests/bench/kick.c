// SPDX-License-Identifier: GPL-2.0
/* How long it takes to get a vCPU out of KEV_VCPU_RUN, seen from outside */
#include <unistd.h>

#include "bench.h"

#define ROUNDS	256

/* Samples of @step, which is to end with -EINTR each time */
static int measure(struct kt_guest *guest, long (*step)(struct kt_guest *guest, uint64_t *ticks),
		   struct bench_samples *samples)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t ticks;
		long ret = step(guest, &ticks);

		if (ret != -EINTR)
			return ret < 0 ? ret : -EPROTO;
		bench_add(samples, ticks);
	}
	return 0;
}

static long immediate(struct kt_guest *guest, uint64_t *ticks)
{
	uint64_t since = kt_rdtsc();
	long ret;

	guest->run->request = KEV_RUN_IMMEDIATE_EXIT;
	ret = kt_run(guest->vcpu);
	*ticks = kt_rdtsc() - since;
	guest->run->request = 0;
	return ret;
}

static long kick_then_run(struct kt_guest *guest, uint64_t *ticks)
{
	uint64_t since = kt_rdtsc();
	long ret = kt_ioctl(guest->vcpu, KEV_VCPU_KICK, NULL);

	ret = ret ? ret : kt_run(guest->vcpu);
	*ticks = kt_rdtsc() - since;
	return ret;
}

/* The other thread is in the guest: from the kick until its RUN has returned */
static long kick_guest(struct kt_guest *guest, uint64_t *ticks)
{
	struct kt_runner runner;
	long ret = kt_runner_enter(&runner, guest->vcpu, -1);
	uint64_t since;

	if (ret)
		return ret;
	since = kt_rdtsc();
	ret = kt_runner_kick(&runner);
	*ticks = runner.returned - since;
	return ret;
}

static int run_kev(long (*step)(struct kt_guest *guest, uint64_t *ticks),
		   struct bench_samples *samples)
{
	struct kt_guest guest;
	int ret = kt_guest_init(&guest, &kt_spin, 0, NULL);

	if (!ret)
		ret = measure(&guest, step, samples);
	kt_guest_fini(&guest);
	return ret;
}

static const struct {
	const char *name;
	long (*step)(struct kt_guest *guest, uint64_t *ticks);
	bool kvm;		/* KVM has it too */
} kicks[] = {
	{ "RUN that is told to return at once", immediate, true },
	{ "a kick, and the RUN that it ends", kick_then_run, false },
	{ "a kick of a guest that spins", kick_guest, false },
};

void bench_kicks(const char *subject, const char *path)
{
	const struct bench_program program = { .code = &kt_spin, .rounds = ROUNDS };
	static struct bench_samples samples;

	for (size_t i = 0; i < ARRAY_SIZE(kicks); i++) {
		const struct bench_name name = { "exits", kicks[i].name, subject, "ticks" };
		int ret;

		if (!path && !kicks[i].kvm)
			continue;
		samples.n = 0;
		ret = path ? run_kev(kicks[i].step, &samples) :
			     bench_kvm_kick(&program, &samples);
		bench_result(&name, &samples, ret);
	}
}
