// SPDX-License-Identifier: GPL-2.0
/*
 * How long it takes to get a vCPU out of a guest that spins with interrupts off, from the call
 * on one CPU until user space runs in the vCPU's thread on the other.
 */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS	256

/* How KVM's vCPU is got out */
enum way {
	HANDLER,	/* a signal's handler, which says that RUN is to end */
	MASK,		/* a signal that is blocked but for RUN */
};

struct kicked {
	struct bench_vm vm;
	enum way way;
	pthread_t thread;
	uint64_t handled;		/* TSC, by the handler */
	volatile uint64_t returned;	/* TSC; 0: still in the guest */
	volatile bool end;
	long ret;
};

static struct kicked kicked;

static void on_signal(int number)
{
	(void)number;
	kicked.handled = kt_rdtsc();
	kicked.vm.vcpus[0].kvm->immediate_exit = 1;
}

/* Blocked, so that no handler runs; KVM_RUN alone lets it through, and ends. */
static int set_mask(int vcpu)
{
	struct {
		struct kvm_signal_mask head;
		uint64_t mask;
	} __attribute__((packed)) args = { .head = { .len = sizeof(uint64_t) } };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return kt_ioctl(vcpu, KVM_SET_SIGNAL_MASK, &args);
}

static int prepare(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	int ret = kt_pin(1);

	if (ret || kicked.vm.side == BENCH_KEV)
		return ret;
	if (kicked.way == MASK)
		return set_mask(kicked.vm.vcpus[0].fd);
	return sigaction(SIGUSR1, &action, NULL) ? -errno : 0;
}

/* What a handler or a mask has left behind */
static void clean_up(void)
{
	const struct timespec now = { 0 };
	sigset_t set;

	if (kicked.vm.side == BENCH_KEV)
		return;
	kicked.vm.vcpus[0].kvm->immediate_exit = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (kicked.way == MASK)
		sigtimedwait(&set, NULL, &now);
}

static BENCH_ONCE void *vcpu_main(void *arg)
{
	(void)arg;
	kicked.ret = prepare();
	while (!kicked.ret && !kicked.end) {
		long ret = bench_vm_enter(&kicked.vm, 0);
		uint64_t now = BENCH_TSC(bench_tsc_returned);

		clean_up();
		if (ret != -EINTR)
			kicked.ret = ret ? ret : -EPROTO;
		/* A handler was in user space before. */
		kicked.returned = kicked.handled ? kicked.handled : now;
		kicked.handled = 0;
		while (kicked.returned && !kicked.end)
			;
	}
	kicked.returned = 1;
	return NULL;
}

static int kick(void)
{
	if (kicked.vm.side == BENCH_KEV)
		return kt_ioctl(kicked.vm.vcpus[0].fd, KEV_VCPU_KICK, NULL);
	return -pthread_kill(kicked.thread, SIGUSR1);
}

static BENCH_ONCE int measure(uint64_t rounds, struct bench_samples *samples)
{
	volatile uint32_t *counter = bench_vm_counter(&kicked.vm);

	if (!counter)
		return -ENOMEM;
	for (uint64_t i = 0; i < rounds; i++) {
		uint32_t count = *counter;
		uint64_t since;
		int ret;

		/* The guest counts as long as it runs. */
		while (*counter - count < 10 && !kicked.returned)
			;
		since = BENCH_TSC(bench_tsc_kick);
		ret = kick();
		/* For a profile */
		BENCH_TSC(bench_tsc_kicked);
		if (ret)
			return ret;
		while (!kicked.returned)
			;
		if (kicked.ret)
			return kicked.ret;
		bench_add(samples, kicked.returned - since);
		kicked.returned = 0;
	}
	return 0;
}

static void stop(void)
{
	kicked.end = true;
	while (!kicked.returned)
		kick();
	pthread_join(kicked.thread, NULL);
}

static int run(const struct bench_row *row, enum bench_side side, enum way way,
	       struct bench_samples *samples)
{
	int ret;

	memset(&kicked, 0, sizeof(kicked));
	kicked.way = way;
	ret = bench_vm_init(&kicked.vm, side, &row->program, &row->how);
	if (!ret)
		ret = -pthread_create(&kicked.thread, NULL, vcpu_main, NULL);
	if (!ret) {
		ret = measure(row->program.rounds, samples);
		stop();
	}
	bench_vm_fini(&kicked.vm);
	return ret;
}

/* Of KVM the way that is quicker */
int bench_row_kick(const struct bench_row *row, enum bench_side side,
		   struct bench_samples *samples)
{
	static struct bench_samples other;
	int ret = run(row, side, HANDLER, samples);

	if (ret || side == BENCH_KEV)
		return ret;
	other.n = 0;
	ret = run(row, side, MASK, &other);
	if (!ret && bench_median(&other) < bench_median(samples))
		*samples = other;
	return ret;
}

/* What KVM's ways take, each by itself */
void bench_kicks(enum bench_side side)
{
	static const char *const names[] = {
		[HANDLER] = "a signal with a handler",
		[MASK] = "a signal that only KVM_RUN lets through",
	};
	static const struct bench_row row = { .program = { &bench_count, ROUNDS } };
	static struct bench_samples samples;

	for (enum way way = HANDLER; side == BENCH_KVM && way <= MASK; way++) {
		const struct bench_name name = {
			"ways to kick", names[way], "KVM", "instructions"
		};
		int ret;

		samples.n = 0;
		ret = run(&row, side, way, &samples);
		bench_result(&name, &samples, ret);
	}
}
