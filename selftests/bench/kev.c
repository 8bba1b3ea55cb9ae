// SPDX-License-Identifier: GPL-2.0
/* Programs under kev */
#include "bench.h"

int bench_kev_create_vm(int kev, const struct bench_kev *how)
{
	const struct kev_create_vm args = {
		.size = sizeof(args),
		.flags = how->fault_around ? KEV_VM_FAULT_AROUND : 0,
		.huge_pages = how->huge_pages,
		.fault_around = how->fault_around,
	};

	return kt_ioctl(kev, KEV_CREATE_VM, &args);
}

int bench_kev_attach(int vm, const struct bench_kev *how)
{
	struct kev_attach_image args = {
		.size = sizeof(args),
		.flags = how->attach_flags,
		.fd = how->image,
		.boot = KEV_BOOT_DIRECT64,
		.ram_kib = BENCH_MEMORY >> 10,
	};

	return kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args);
}

int bench_kev_init(struct kt_guest *guest, const struct bench_kev *how)
{
	int ret;

	*guest = (struct kt_guest) { .kev = kt_open(), .vm = -1, .vcpu = -1 };
	if (guest->kev < 0)
		return guest->kev;
	guest->vm = bench_kev_create_vm(guest->kev, how);
	if (guest->vm < 0)
		return guest->vm;
	ret = bench_kev_attach(guest->vm, how);
	if (ret)
		return ret;
	guest->vcpu = kt_create_vcpu(guest->vm, 0);
	if (guest->vcpu < 0)
		return guest->vcpu;
	guest->run = kt_map_run(guest->vcpu);
	return guest->run ? 0 : -ENOMEM;
}

int bench_kev_run(struct kt_guest *guest, struct bench_samples *samples)
{
	const struct kev_run *run = guest->run;
	long ret;

	for (;;) {
		ret = kt_run(guest->vcpu);
		if (ret)
			return ret;
		if (run->kind == KEV_EXIT_MMIO)
			continue;
		if (run->kind != KEV_EXIT_IO)
			return run->kind == KEV_EXIT_MEMORY_ERROR ? -(int)run->error : -EPROTO;
		if (run->io.port == BENCH_PORT_END)
			return 0;
		if (run->io.port == BENCH_PORT_SAMPLE && samples)
			bench_add(samples, run->io.data);
	}
}
