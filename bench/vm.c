// SPDX-License-Identifier: GPL-2.0
/* A VM with one or two vCPUs, whose it may be */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

int bench_vm_start(struct bench_vm *vm, enum bench_side side, int image,
		   const struct bench_program *program, const struct bench_how *how)
{
	*vm = (struct bench_vm) { .side = side, .image = image, .device = -1, .vm = -1 };
	return side == BENCH_KVM ? bench_kvm_start(vm, program, how) :
				   bench_kev_start(vm, program, how);
}

int bench_vm_init(struct bench_vm *vm, enum bench_side side, const struct bench_program *program,
		  const struct bench_how *how)
{
	int image = -1, ret;

	*vm = (struct bench_vm) { .image = -1, .device = -1, .vm = -1 };
	/* KVM's guests are where user space writes them. */
	if (side == BENCH_KEV || how->data) {
		image = bench_image(program, how->data);
		if (image < 0)
			return image;
	}
	ret = bench_vm_start(vm, side, image, program, how);
	/* It is the descriptor that matters no longer, not the file. */
	if (image >= 0)
		close(image);
	vm->image = -1;
	return ret;
}

static size_t run_size(const struct bench_vm *vm)
{
	return vm->side == BENCH_KVM ? bench_kvm_run_size() : sizeof(struct kev_run);
}

void bench_vm_release(struct bench_vm *vm)
{
	while (vm->nr_vcpus) {
		struct bench_vcpu *vcpu = &vm->vcpus[--vm->nr_vcpus];

		munmap(vcpu->run, run_size(vm));
		close(vcpu->fd);
	}
	if (vm->side == BENCH_KEV && vm->memory) {
		munmap(vm->memory, vm->memory_size);
		vm->memory = NULL;
	}
	if (vm->device >= 0)
		close(vm->device);
	vm->device = -1;
}

void bench_vm_fini(struct bench_vm *vm)
{
	bench_vm_release(vm);
	if (vm->vm >= 0)
		close(vm->vm);
	vm->vm = -1;
	if (vm->memory)
		munmap(vm->memory, vm->memory_size);
	vm->memory = NULL;
}

volatile uint32_t *bench_vm_counter(struct bench_vm *vm)
{
	if (vm->side == BENCH_KVM)
		return (volatile uint32_t *)(vm->memory + BENCH_COUNTER_GPA);
	vm->memory = kt_map_memory(vm->vm, BENCH_COUNTER_GPA, KT_PAGE);
	vm->memory_size = KT_PAGE;
	return (volatile uint32_t *)vm->memory;
}

long bench_vm_enter(struct bench_vm *vm, unsigned int vcpu)
{
	return vm->side == BENCH_KVM ? kt_ioctl(vm->vcpus[vcpu].fd, KVM_RUN, NULL) :
				       kt_run(vm->vcpus[vcpu].fd);
}

int bench_vm_registers(struct bench_vm *vm, bool synced)
{
	const struct kev_run *run = vm->vcpus[0].kev;
	struct bench_registers kev;
	static struct kvm_regs kvm;

	if (vm->side == BENCH_KVM && !synced)
		return kt_ioctl(vm->vcpus[0].fd, KVM_GET_REGS, &kvm);
	if (vm->side == BENCH_KVM) {
		kvm = vm->vcpus[0].kvm->s.regs.regs;
		asm volatile("" : : "m"(kvm));
		return 0;
	}
	for (int i = 0; i < KEV_NR_GPRS; i++)
		kev.gpr[i] = run->gpr[i];
	kev.rip = run->rip;
	kev.rflags = run->rflags;
	/* All of them are wanted. */
	asm volatile("" : : "m"(kev));
	return 0;
}

int bench_vm_run(struct bench_vm *vm, unsigned int vcpu, struct bench_samples *samples)
{
	const void *run = vm->vcpus[vcpu].run;
	char console[4096];
	uint32_t data;
	int port;

	for (;;) {
		long ret = bench_vm_enter(vm, vcpu);

		if (ret)
			return ret;
		port = vm->side == BENCH_KVM ? bench_kvm_port(run, &data) :
					       bench_kev_port(run, &data);
		if (port == BENCH_PORT_NOTHING || !port)
			continue;
		if (port == BENCH_PORT_SAMPLE && samples)
			bench_add(samples, data);
		if (port == BENCH_PORT_END)
			return 0;
		if (port == -ENOBUFS && read(vm->vm, console, sizeof(console)) < 0)
			return -errno;
		if (port < 0 && port != -ENOBUFS)
			return port;
	}
}

/* Two vCPUs, the second one in a thread of its own */
struct pair {
	struct bench_vm *vm;
	bool works;		/* both come to an end, and what both measure counts */
	pthread_t threads[BENCH_MAX_VCPUS];
	bool over;
	int ret;
	struct bench_samples samples;	/* the second one's */
};

/* For a RUN that is still to come, and for one under way */
static void interrupt(const struct pair *pair, unsigned int vcpu)
{
	const struct bench_vm *vm = pair->vm;

	if (vm->side == BENCH_KVM) {
		vm->vcpus[vcpu].kvm->immediate_exit = 1;
		pthread_kill(pair->threads[vcpu], SIGUSR1);
	} else {
		kt_ioctl(vm->vcpus[vcpu].fd, KEV_VCPU_KICK, NULL);
	}
}

/* The other one may wait for this one, or spin or halt for ever. */
static void run_one(struct pair *pair, unsigned int vcpu, struct bench_samples *samples)
{
	int ret = bench_vm_run(pair->vm, vcpu, samples);

	if (pair->works && !ret)
		return;
	if (!__atomic_exchange_n(&pair->over, true, __ATOMIC_SEQ_CST)) {
		pair->ret = ret;
		interrupt(pair, !vcpu);
	}
}

static void *run_second(void *arg)
{
	struct pair *pair = arg;

	if (kt_nr_cpus() > 1)
		kt_pin(1);
	run_one(pair, 1, &pair->samples);
	return NULL;
}

static int run_pair(struct bench_vm *vm, bool works, struct bench_samples *samples)
{
	static struct pair pair;
	int ret = kt_ignore_signal(SIGUSR1);

	pair = (struct pair) { .vm = vm, .works = works, .threads[0] = pthread_self() };
	if (!ret)
		ret = -pthread_create(&pair.threads[1], NULL, run_second, &pair);
	if (ret)
		return ret;
	run_one(&pair, 0, samples);
	pthread_join(pair.threads[1], NULL);
	for (size_t i = 0; works && i < pair.samples.n; i++)
		bench_add(samples, pair.samples.values[i]);
	return pair.ret;
}

int bench_vm_run_program(struct bench_vm *vm, const struct bench_program *program,
			 struct bench_samples *samples)
{
	switch (program->other) {
	case BENCH_RUNS:
		return run_pair(vm, false, samples);
	case BENCH_WORKS:
		return run_pair(vm, true, samples);
	default:
		return bench_vm_run(vm, 0, samples);
	}
}

int bench_vm_measure(enum bench_side side, const struct bench_program *program,
		     const struct bench_how *how, struct bench_samples *samples)
{
	struct bench_vm vm;
	int ret = bench_vm_init(&vm, side, program, how);

	if (!ret)
		ret = bench_vm_run_program(&vm, program, samples);
	bench_vm_fini(&vm);
	return ret;
}
