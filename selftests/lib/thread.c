// SPDX-License-Identifier: GPL-2.0
/* Threads that are in a guest */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kevtest.h"

static void *runner_main(void *arg)
{
	struct kt_runner *runner = arg;

	__atomic_store_n(&runner->tid, gettid(), __ATOMIC_RELEASE);
	if (runner->cpu >= 0)
		kt_pin(runner->cpu);
	runner->ret = kt_run(runner->vcpu);
	runner->returned = kt_rdtsc();
	__atomic_store_n(&runner->ended, true, __ATOMIC_RELEASE);
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

/* A field of /proc/PID/stat, the third or a later one: where it starts in @text, or NULL */
static const char *stat_field(struct kt_runner *runner, int number, char *text, size_t size)
{
	char path[64], *at;
	ssize_t n;
	int fd;

	while (!__atomic_load_n(&runner->tid, __ATOMIC_ACQUIRE))
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", runner->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* The name, field 2, ends with the last parenthesis. */
	at = strrchr(text, ')');
	for (int field = 2; at && field < number; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at;
}

int kt_runner_cpu(struct kt_runner *runner)
{
	char text[1024];
	const char *cpu = stat_field(runner, 39, text, sizeof(text));

	return cpu ? atoi(cpu) : -1;
}

bool kt_runner_is_asleep(struct kt_runner *runner)
{
	char text[1024];
	const char *state = stat_field(runner, 3, text, sizeof(text));

	return !state || *state == 'S' || *state == 'D';
}

void kt_runner_wait_asleep(struct kt_runner *runner)
{
	do {
		sched_yield();
	} while (!kt_runner_is_asleep(runner));
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
	bool ended;

	if (ret)
		return ret;
	do {
		ended = __atomic_load_n(&runner->ended, __ATOMIC_ACQUIRE);
		if (kt_vcpu_stats(vcpu).entries > entries)
			return 0;
		sched_yield();
	} while (!ended);
	return kt_runner_join(runner) ?: -EIO;
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
