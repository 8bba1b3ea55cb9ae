// SPDX-License-Identifier: LGPL-2.1-or-later
/* The calls: each is one system call, with -errno for its failure. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libkev.h"

static int result(int value)
{
	return value < 0 ? -errno : value;
}

int kev_open(const char *path)
{
	return result(open(path ? path : KEV_DEVICE, O_RDWR | O_CLOEXEC));
}

int kev_close(int fd)
{
	return result(close(fd));
}

int kev_query(int kev, struct kev_query *query)
{
	return result(ioctl(kev, KEV_QUERY, query));
}

int kev_create_vm(int kev, uint32_t flags, const char *hypercall_abi)
{
	struct kev_create_vm create = { .size = sizeof(create), .flags = flags };

	if (hypercall_abi) {
		if (strlen(hypercall_abi) >= sizeof(create.hypercall_abi))
			return -EINVAL;
		strcpy(create.hypercall_abi, hypercall_abi);
	}
	return result(ioctl(kev, KEV_CREATE_VM, &create));
}

int kev_create_vm_from(int kev, const struct kev_create_vm *create)
{
	return result(ioctl(kev, KEV_CREATE_VM, create));
}

int kev_vm_create_vcpu(int vm, uint32_t id)
{
	struct kev_create_vcpu create = { .size = sizeof(create), .id = id };

	return result(ioctl(vm, KEV_VM_CREATE_VCPU, &create));
}

int kev_vm_add_region(int vm, uint32_t kind, uint32_t prot, uint64_t gpa, uint64_t length)
{
	struct kev_add_region region = {
		.size = sizeof(region),
		.kind = kind,
		.prot = prot,
		.gpa = gpa,
		.length = length,
	};

	return result(ioctl(vm, KEV_VM_ADD_REGION, &region));
}

int kev_vm_add_region_from(int vm, const struct kev_add_region *region)
{
	return result(ioctl(vm, KEV_VM_ADD_REGION, region));
}

static int range_call(int vm, unsigned long request, uint64_t gpa, uint64_t length)
{
	struct kev_range_args range = { .size = sizeof(range), .gpa = gpa, .length = length };

	return result(ioctl(vm, request, &range));
}

int kev_vm_remove_region(int vm, uint64_t gpa, uint64_t length)
{
	return range_call(vm, KEV_VM_REMOVE_REGION, gpa, length);
}

int kev_vm_discard(int vm, uint64_t gpa, uint64_t length)
{
	return range_call(vm, KEV_VM_DISCARD, gpa, length);
}

int kev_vm_query_memory(int vm, struct kev_query_memory *query)
{
	return result(ioctl(vm, KEV_VM_QUERY_MEMORY, query));
}

int kev_vm_get_dirty(int vm, struct kev_get_dirty *dirty)
{
	return result(ioctl(vm, KEV_VM_GET_DIRTY, dirty));
}

int kev_vm_translate(int vm, struct kev_translate *translate)
{
	return result(ioctl(vm, KEV_VM_TRANSLATE, translate));
}

int kev_vm_read_memory(int vm, struct kev_access *access)
{
	return result(ioctl(vm, KEV_VM_READ, access));
}

int kev_vm_write_memory(int vm, struct kev_access *access)
{
	return result(ioctl(vm, KEV_VM_WRITE, access));
}

int kev_vm_attach_image(int vm, struct kev_attach_image *image)
{
	return result(ioctl(vm, KEV_VM_ATTACH_IMAGE, image));
}

int kev_vm_status(int vm, struct kev_vm_status *status)
{
	return result(ioctl(vm, KEV_VM_STATUS, status));
}

int kev_vm_counters(int vm, struct kev_counters *counters)
{
	return result(ioctl(vm, KEV_VM_COUNTERS, counters));
}

int kev_vm_stats(int vm, struct kev_vm_stats *stats)
{
	return result(ioctl(vm, KEV_VM_STATS, stats));
}

int kev_vm_set_cpuid(int vm, const struct kev_cpuid *cpuid)
{
	return result(ioctl(vm, KEV_VM_SET_CPUID, cpuid));
}

int kev_vm_get_supported_cpuid(int vm, struct kev_cpuid *cpuid)
{
	return result(ioctl(vm, KEV_VM_GET_SUPPORTED_CPUID, cpuid));
}

int kev_vm_set_msrs(int vm, const struct kev_set_msrs *msrs)
{
	return result(ioctl(vm, KEV_VM_SET_MSRS, msrs));
}

int kev_vm_set_exits(int vm, const struct kev_set_exits *exits)
{
	return result(ioctl(vm, KEV_VM_SET_EXITS, exits));
}

int kev_vm_doorbell(int vm, const struct kev_doorbell *doorbell)
{
	return result(ioctl(vm, KEV_VM_DOORBELL, doorbell));
}

int kev_vm_irqfd(int vm, const struct kev_irqfd *irqfd)
{
	return result(ioctl(vm, KEV_VM_IRQFD, irqfd));
}

int kev_vm_signal(int vm, uint64_t address, uint32_t data)
{
	struct kev_signal signal = {
		.size = sizeof(signal),
		.address = address,
		.data = data,
	};

	return result(ioctl(vm, KEV_VM_SIGNAL, &signal));
}

ssize_t kev_vm_read(int vm, void *buffer, size_t length)
{
	ssize_t n = read(vm, buffer, length);

	return n < 0 ? -errno : n;
}

int kev_vcpu_map_run(int vcpu, size_t size, struct kev_run **run)
{
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			  vcpu, 0);

	if (page == MAP_FAILED)
		return -errno;
	*run = page;
	return 0;
}

int kev_vcpu_unmap_run(struct kev_run *run, size_t size)
{
	return result(munmap(run, size));
}

int kev_vcpu_run(int vcpu)
{
	return result(ioctl(vcpu, KEV_VCPU_RUN, 0));
}

int kev_vcpu_kick(int vcpu)
{
	return result(ioctl(vcpu, KEV_VCPU_KICK, 0));
}

int kev_vcpu_interrupt(int vcpu, uint32_t vector)
{
	struct kev_vcpu_interrupt interrupt = { .size = sizeof(interrupt), .vector = vector };

	return result(ioctl(vcpu, KEV_VCPU_INTERRUPT, &interrupt));
}

int kev_vcpu_inject(int vcpu, const struct kev_vcpu_inject *inject)
{
	return result(ioctl(vcpu, KEV_VCPU_INJECT, inject));
}

int kev_vcpu_set_debug(int vcpu, const struct kev_vcpu_debug *debug)
{
	return result(ioctl(vcpu, KEV_VCPU_SET_DEBUG, debug));
}

int kev_vcpu_get_state(int vcpu, struct kev_vcpu_state *state)
{
	return result(ioctl(vcpu, KEV_VCPU_GET_STATE, state));
}

int kev_vcpu_set_state(int vcpu, struct kev_vcpu_state *state)
{
	return result(ioctl(vcpu, KEV_VCPU_SET_STATE, state));
}

int kev_vcpu_counters(int vcpu, struct kev_counters *counters)
{
	return result(ioctl(vcpu, KEV_VCPU_COUNTERS, counters));
}

int kev_vcpu_stats(int vcpu, struct kev_vcpu_stats *stats)
{
	return result(ioctl(vcpu, KEV_VCPU_STATS, stats));
}
