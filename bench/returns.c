// SPDX-License-Identifier: GPL-2.0
/* RUN as user space sees it */
#include "bench.h"

#define ROUNDS	256

static long immediate(struct bench_vm *vm)
{
	struct bench_vcpu *vcpu = &vm->vcpus[0];

	if (vm->side == BENCH_KVM)
		vcpu->kvm->immediate_exit = 1;
	else
		vcpu->kev->request = KEV_RUN_IMMEDIATE_EXIT;
	return bench_vm_enter(vm, 0);
}

static long kick_then_run(struct bench_vm *vm)
{
	long ret = kt_ioctl(vm->vcpus[0].fd, KEV_VCPU_KICK, NULL);

	return ret ? ret : bench_vm_enter(vm, 0);
}

/* The guest does OUT for ever. */
static long out_and_registers(struct bench_vm *vm)
{
	long ret = bench_vm_enter(vm, 0);

	return ret ? ret : bench_vm_registers(vm, true);
}

static const struct {
	const char *name;
	long (*step)(struct bench_vm *vm);
	long ret;		/* of each step */
	bool kev_only;
} returns[] = {
	{ "RUN that is told to return at once", immediate, -EINTR, false },
	{ "a kick, and the RUN that it ends", kick_then_run, -EINTR, true },
	{ "OUT to user space, registers read", out_and_registers, 0, false },
};

/* Samples of a step, which is to end with @wanted each time */
static int measure(enum bench_side side, long (*step)(struct bench_vm *vm), long wanted,
		   struct bench_samples *samples)
{
	const struct bench_program program = { .code = &bench_out_for_ever };
	const struct bench_how how = { .sync_registers = true };
	struct bench_vm vm;
	long ret = bench_vm_init(&vm, side, &program, &how);

	for (int i = 0; !ret && i < ROUNDS; i++) {
		uint64_t since = kt_rdtsc();

		ret = step(&vm);
		bench_add(samples, kt_rdtsc() - since);
		ret = ret == wanted ? 0 : ret ?: -EPROTO;
	}
	bench_vm_fini(&vm);
	return ret;
}

void bench_returns(enum bench_side side)
{
	static struct bench_samples samples;

	for (size_t i = 0; i < ARRAY_SIZE(returns); i++) {
		const struct bench_name name = {
			"RUN", returns[i].name,
			side == BENCH_KVM ? "KVM" : "kev", "instructions",
		};
		int ret;

		if (returns[i].kev_only && side == BENCH_KVM)
			continue;
		samples.n = 0;
		ret = measure(side, returns[i].step, returns[i].ret, &samples);
		bench_result(&name, &samples, ret);
	}
}
