// SPDX-License-Identifier: GPL-2.0
/* The machine that the tests run on */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kevtest.h"

int kt_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

int kt_nr_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

#define ONLINE	"/sys/devices/system/cpu/cpu%d/online"

bool kt_cpu_can_go(int cpu)
{
	char path[64];

	snprintf(path, sizeof(path), ONLINE, cpu);
	return !access(path, W_OK);
}

int kt_cpu_online(int cpu, bool online)
{
	char path[64];

	snprintf(path, sizeof(path), ONLINE, cpu);
	return kt_write_file(path, online ? "1" : "0");
}

unsigned int kt_rounds(unsigned int few, unsigned int many)
{
	return getenv("KEV_SOAK") ? many : few;
}

/* KASAN and lockdep cost about so many times as much */
#define INSTRUMENTED	50

uint64_t kt_limit(uint64_t ticks)
{
	return access("/proc/lockdep_stats", F_OK) ? ticks : ticks * INSTRUMENTED;
}

static int start(const char *const argv[], int output, pid_t *pid)
{
	int null;

	*pid = fork();
	if (*pid < 0)
		return -errno;
	if (*pid)
		return 0;
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(output < 0 ? null : output, 1);
	dup2(null, 2);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static int finish(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int kt_command(const char *const argv[])
{
	pid_t pid;
	int ret = start(argv, -1, &pid);

	return ret ? ret : finish(pid);
}

int kt_command_output(const char *const argv[], char *output, size_t *length)
{
	size_t done = 0;
	int fds[2], ret;
	ssize_t n = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	ret = start(argv, fds[1], &pid);
	close(fds[1]);
	if (ret) {
		close(fds[0]);
		return ret;
	}
	while (done < *length && (n = read(fds[0], output + done, *length - done)) > 0)
		done += n;
	close(fds[0]);
	ret = finish(pid);
	*length = done;
	return n < 0 ? -EIO : ret;
}

int kt_log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	lseek(fd, 0, SEEK_END);
	return fd;
}

int kt_log_count(int log, const char *text)
{
	char record[8192];
	int count = 0;
	ssize_t n;

	for (;;) {
		n = read(log, record, sizeof(record) - 1);
		/* EPIPE: records were overwritten before they were read. */
		if (n < 0 && errno == EAGAIN)
			return count;
		if (n < 0)
			return -errno;
		record[n] = '\0';
		count += !!strstr(record, text);
	}
}

int kt_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int ret;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	ret = n < 0 ? -errno : 0;
	close(fd);
	return ret;
}

long kt_read_number(const char *path)
{
	char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	long ret;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	ret = n < 0 ? -errno : 0;
	close(fd);
	if (ret)
		return ret;
	text[n] = '\0';
	return strtol(text, NULL, 0);
}

int kt_load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

int kt_unload_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}
