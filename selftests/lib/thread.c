// SPDX-License-Identifier: GPL-2.0
/* Threads that are in a guest */
#include <sched.h>
#include <signal.h>

#include "kevtest.h"

static void *runner_main(void *arg)
{
	struct kt_runner *runner = arg;

	if (runner->cpu >= 0)
		kt_pin(runner->cpu);
	runner->ret = kt_run(runner->vcpu);
	runner->returned = kt_rdtsc();
	return NULL;
}

int kt_runner_start(struct kt_runner *runner, int vcpu, int cpu)
{
	*runner = (struct kt_runner) { .vcpu = vcpu, .cpu = cpu };
	return -pthread_create(&runner->thread, NULL, runner_main, runner);
}

long kt_runner_join(struct kt_runner *runner)
{
	int ret = pthread_join(runner->thread, NULL);

	return ret ? -ret : runner->ret;
}

void kt_wait_entries(int vcpu, uint64_t entries)
{
	while (kt_vcpu_stats(vcpu).entries <= entries)
		sched_yield();
}

int kt_runner_enter(struct kt_runner *runner, int vcpu, int cpu)
{
	uint64_t entries = kt_vcpu_stats(vcpu).entries;
	int ret = kt_runner_start(runner, vcpu, cpu);

	if (!ret)
		kt_wait_entries(vcpu, entries);
	return ret;
}

long kt_runner_kick(struct kt_runner *runner)
{
	long ret = kt_ioctl(runner->vcpu, KEV_VCPU_KICK, NULL);

	return ret ? ret : kt_runner_join(runner);
}

static void on_signal(int number)
{
	(void)number;
}

int kt_ignore_signal(int number)
{
	const struct sigaction action = { .sa_handler = on_signal };

	return sigaction(number, &action, NULL) ? -errno : 0;
}
