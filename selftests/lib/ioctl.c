// SPDX-License-Identifier: GPL-2.0
/* The calls, each with its errno as a negative result */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kevtest.h"

long kt_ioctl(int fd, unsigned long cmd, const void *arg)
{
	long ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int kt_open(void)
{
	int fd = open("/dev/kev", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int kt_create_vm(int kev, uint32_t flags, const char *abi)
{
	struct kev_create_vm args = { .size = sizeof(args), .flags = flags };

	if (abi)
		memcpy(args.hypercall_abi, abi, strnlen(abi, sizeof(args.hypercall_abi)));
	return kt_ioctl(kev, KEV_CREATE_VM, &args);
}

int kt_create_vcpu(int vm, uint32_t id)
{
	struct kev_create_vcpu args = { .size = sizeof(args), .id = id };

	return kt_ioctl(vm, KEV_VM_CREATE_VCPU, &args);
}

int kt_add_ram(int vm, uint64_t gpa, uint64_t length)
{
	struct kev_add_region args = {
		.size = sizeof(args),
		.kind = KEV_REGION_RAM,
		.prot = KEV_MEM_READ | KEV_MEM_WRITE | KEV_MEM_EXEC,
		.gpa = gpa,
		.length = length,
	};

	return kt_ioctl(vm, KEV_VM_ADD_REGION, &args);
}

struct kev_run *kt_map_run(int vcpu)
{
	void *run = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	return run == MAP_FAILED ? NULL : run;
}

void kt_unmap_run(struct kev_run *run)
{
	munmap(run, KT_PAGE);
}

struct kev_vm_status kt_status(int vm)
{
	struct kev_vm_status status = { .size = sizeof(status) };
	long ret = kt_ioctl(vm, KEV_VM_STATUS, &status);

	/* A state that no VM has: the test's comparison fails. */
	if (ret)
		status.state = ret;
	return status;
}

struct kev_vcpu_stats kt_vcpu_stats(int vcpu)
{
	struct kev_vcpu_stats stats = { .size = sizeof(stats) };

	/* Counts that no vCPU has */
	if (kt_ioctl(vcpu, KEV_VCPU_STATS, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

static int get_counters(int fd, unsigned long cmd, struct kt_counters *all)
{
	struct kev_counters args = {
		.size = sizeof(args),
		.nr_counters = KT_COUNTERS,
		.nr_exits = KT_COUNTERS,
		.counters = (uintptr_t)all->counter,
		.exits = (uintptr_t)all->exit,
	};
	int ret = kt_ioctl(fd, cmd, &args);

	all->nr_counters = ret ? 0 : args.nr_counters;
	all->nr_exits = ret ? 0 : args.nr_exits;
	return ret;
}

struct kev_vm_stats kt_vm_stats(int vm)
{
	struct kev_vm_stats stats = { .size = sizeof(stats) };

	if (kt_ioctl(vm, KEV_VM_STATS, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

int kt_vm_counters(int vm, struct kt_counters *all)
{
	return get_counters(vm, KEV_VM_COUNTERS, all);
}

int kt_vcpu_counters(int vcpu, struct kt_counters *all)
{
	return get_counters(vcpu, KEV_VCPU_COUNTERS, all);
}

uint64_t kt_counter(const struct kt_counters *all, const char *name)
{
	for (unsigned int i = 0; i < all->nr_counters; i++)
		if (!strcmp(all->counter[i].name, name))
			return all->counter[i].value;
	return -1;
}

struct kev_exit_count kt_exit_count(const struct kt_counters *all, const char *name)
{
	for (unsigned int i = 0; i < all->nr_exits; i++)
		if (!strcmp(all->exit[i].name, name))
			return all->exit[i];
	return (struct kev_exit_count) { .exits = -1, .slow = -1, .reported = -1 };
}

int kt_get_state(int vcpu, uint32_t groups, struct kev_vcpu_state *state)
{
	state->size = sizeof(*state);
	state->groups = groups;
	return kt_ioctl(vcpu, KEV_VCPU_GET_STATE, state);
}

int kt_set_state(int vcpu, uint32_t groups, struct kev_vcpu_state *state)
{
	state->size = sizeof(*state);
	state->groups = groups;
	return kt_ioctl(vcpu, KEV_VCPU_SET_STATE, state);
}

bool kt_blames(const struct kev_vcpu_state *state, const char *field)
{
	size_t length = strlen(field);

	if (memchr(state->problem, 0, sizeof(state->problem)) == NULL)
		return false;
	return !strncmp(state->problem, field, length) &&
	       (!length ? !*state->problem : !strncmp(state->problem + length, ": ", 2));
}

int kt_leave_halt(int vcpu)
{
	struct kev_vcpu_state state = { 0 };
	int ret = kt_get_state(vcpu, KEV_STATE_GPRS, &state);

	return ret ? ret : kt_set_state(vcpu, KEV_STATE_GPRS, &state);
}

int kt_interrupt(int vcpu, uint32_t vector)
{
	struct kev_vcpu_interrupt args = { .size = sizeof(args), .vector = vector };

	return kt_ioctl(vcpu, KEV_VCPU_INTERRUPT, &args);
}

int kt_poll(int fd)
{
	struct pollfd poll_fd = {
		.fd = fd,
		.events = POLLIN | POLLRDNORM | POLLOUT | POLLPRI,
	};

	return poll(&poll_fd, 1, 0) < 0 ? -errno : poll_fd.revents;
}
