// SPDX-License-Identifier: GPL-2.0
/* VMs of kev */
#include <string.h>
#include <unistd.h>

#include "bench.h"

int bench_kev_create_vm(int kev, const struct bench_how *how)
{
	struct kev_create_vm args = {
		.size = sizeof(args),
		.flags = how->fault_around ? KEV_VM_FAULT_AROUND : 0,
		.huge_pages = how->huge_pages,
		.fault_around = how->fault_around,
	};

	if (how->abi)
		strncpy(args.hypercall_abi, how->abi, sizeof(args.hypercall_abi) - 1);
	return kt_ioctl(kev, KEV_CREATE_VM, &args);
}

int bench_kev_attach(int vm, int image, const struct bench_how *how)
{
	struct kev_attach_image args = {
		.size = sizeof(args),
		.flags = how->attach_flags,
		.fd = image,
		.boot = KEV_BOOT_DIRECT64,
		.ram_kib = (how->memory ? how->memory : BENCH_MEMORY) >> 10,
	};

	return kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args);
}

static int add_vcpu(struct bench_vm *vm)
{
	struct bench_vcpu *vcpu = &vm->vcpus[vm->nr_vcpus];

	vcpu->fd = kt_create_vcpu(vm->vm, vm->nr_vcpus);
	if (vcpu->fd < 0)
		return vcpu->fd;
	vcpu->kev = kt_map_run(vcpu->fd);
	if (!vcpu->kev) {
		close(vcpu->fd);
		return -ENOMEM;
	}
	vm->nr_vcpus++;
	return 0;
}

int bench_kev_start(struct bench_vm *vm, const struct bench_program *program,
		    const struct bench_how *how)
{
	unsigned int vcpus = program->other == BENCH_ALONE ? 1 : 2;
	int ret;

	vm->device = kt_open();
	if (vm->device < 0)
		return vm->device;
	vm->vm = bench_kev_create_vm(vm->device, how);
	if (vm->vm < 0)
		return vm->vm;
	ret = bench_kev_attach(vm->vm, vm->image, how);
	if (!ret && how->device)
		ret = kt_add_region(vm->vm, KEV_REGION_TRAP, 0, BENCH_DEVICE_GPA, KT_PAGE);
	while (!ret && vm->nr_vcpus < vcpus)
		ret = add_vcpu(vm);
	return ret;
}

int bench_kev_port(const struct kev_run *run, uint32_t *data)
{
	switch (run->kind) {
	case KEV_EXIT_IO:
		*data = run->io.data;
		return run->io.port;
	case KEV_EXIT_MMIO:
		return 0;
	case KEV_EXIT_CONSOLE:
		return -ENOBUFS;
	case KEV_EXIT_MEMORY_ERROR:
		return -(int)run->error;
	default:
		return -EPROTO;
	}
}
