// SPDX-License-Identifier: GPL-2.0
/* Programs under KVM: the least that starts one in the state that kev starts it in */
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

/* Page tables for the first GiB, where kev has its own boot structures */
#define PML4		0x1000
#define PDPT		0x2000
#define PD		0x3000
#define PTE_TABLE	0x7ULL		/* present, writable, user */
#define PTE_PAGE_2M	0x83ULL		/* present, writable, a page */

#define MAX_CPUID	256

#define MAX_VCPUS	2

/* CPUID leaf 1, ECX: KVM has it where it has local APICs, but does not offer it. */
#define TSC_DEADLINE	(1U << 24)

#define IOAPIC_PINS	24

struct kvm_vcpu {
	int fd;
	struct kvm_run *run;
};

struct kvm_guest {
	int kvm, vm;
	uint8_t *memory;
	struct kvm_vcpu vcpus[MAX_VCPUS];
	unsigned int nr_vcpus;
	size_t run_size;
};

static void write_memory(uint8_t *memory, const struct bench_program *program)
{
	uint64_t *pd = (uint64_t *)(memory + PD);

	*(uint64_t *)(memory + PML4) = PDPT | PTE_TABLE;
	*(uint64_t *)(memory + PDPT) = PD | PTE_TABLE;
	for (uint64_t i = 0; i < 512; i++)
		pd[i] = i << 21 | PTE_PAGE_2M;
	bench_code_page(program, memory + KT_CODE_GPA);
}

static int add_memory(struct kvm_guest *guest, const struct bench_program *program)
{
	struct kvm_userspace_memory_region region = { .memory_size = BENCH_MEMORY };

	guest->memory = mmap(NULL, BENCH_MEMORY, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (guest->memory == MAP_FAILED) {
		guest->memory = NULL;
		return -errno;
	}
	/* Single pages are what is measured. */
	if (madvise(guest->memory, BENCH_MEMORY, MADV_NOHUGEPAGE) && errno != EINVAL)
		return -errno;
	write_memory(guest->memory, program);
	region.userspace_addr = (uintptr_t)guest->memory;
	return kt_ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static int set_cpuid(const struct kvm_guest *guest, int vcpu)
{
	struct kvm_cpuid2 *cpuid;
	int ret;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = MAX_CPUID;
	ret = kt_ioctl(guest->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	for (unsigned int i = 0; !ret && i < cpuid->nent; i++) {
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= TSC_DEADLINE;
	}
	if (!ret)
		ret = kt_ioctl(vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return ret;
}

static int set_registers(int vcpu, uint32_t id)
{
	const struct kvm_segment code = {
		.selector = 0x08, .limit = ~0U, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1,
	};
	const struct kvm_segment data = {
		.selector = 0x10, .limit = ~0U, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1,
	};
	const struct kvm_regs regs = {
		.rip = KT_CODE_GPA, .rsp = 0xa0000, .rsi = id, .rflags = 2,
	};
	const struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_sregs sregs = { 0 };
	int ret = kt_ioctl(vcpu, KVM_GET_SREGS, &sregs);

	if (ret)
		return ret;
	sregs.cs = code;
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.ss = data;
	sregs.cr0 = 0x80010033;		/* PG, WP, NE, ET, MP, PE */
	sregs.cr3 = PML4;
	sregs.cr4 = 0x620;		/* PAE, OSFXSR, OSXMMEXCPT */
	sregs.efer = 0x500;		/* LME, LMA */
	ret = kt_ioctl(vcpu, KVM_SET_SREGS, &sregs);
	if (!ret)
		ret = kt_ioctl(vcpu, KVM_SET_REGS, &regs);
	return ret ? ret : kt_ioctl(vcpu, KVM_SET_MP_STATE, &runnable);
}

static int add_vcpu(struct kvm_guest *guest)
{
	struct kvm_vcpu *vcpu = &guest->vcpus[guest->nr_vcpus];
	int ret;

	vcpu->fd = kt_ioctl(guest->vm, KVM_CREATE_VCPU, (void *)(uintptr_t)guest->nr_vcpus);
	if (vcpu->fd < 0)
		return vcpu->fd;
	vcpu->run = mmap(NULL, guest->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		ret = -errno;
		close(vcpu->fd);
		return ret;
	}
	ret = set_cpuid(guest, vcpu->fd);
	return ret ? ret : set_registers(vcpu->fd, guest->nr_vcpus++);
}

/* Local APICs in the kernel, as kev's are, and no other interrupt controller */
static int enable_apics(const struct kvm_guest *guest)
{
	const struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .args[0] = IOAPIC_PINS,
	};

	return kt_ioctl(guest->vm, KVM_ENABLE_CAP, &cap);
}

static int init(struct kvm_guest *guest, const struct bench_program *program)
{
	long ret;

	*guest = (struct kvm_guest) { .vm = -1 };
	guest->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (guest->kvm < 0)
		return -errno;
	ret = kt_ioctl(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	if (ret < 0)
		return ret;
	guest->run_size = ret;
	guest->vm = kt_ioctl(guest->kvm, KVM_CREATE_VM, NULL);
	if (guest->vm < 0)
		return guest->vm;
	ret = add_memory(guest, program);
	if (!ret)
		ret = enable_apics(guest);
	if (!ret)
		ret = add_vcpu(guest);
	if (!ret && program->other != BENCH_ALONE)
		ret = add_vcpu(guest);
	return ret;
}

static void fini(struct kvm_guest *guest)
{
	for (unsigned int i = 0; i < guest->nr_vcpus; i++) {
		munmap(guest->vcpus[i].run, guest->run_size);
		close(guest->vcpus[i].fd);
	}
	if (guest->vm >= 0)
		close(guest->vm);
	if (guest->kvm >= 0)
		close(guest->kvm);
	if (guest->memory)
		munmap(guest->memory, BENCH_MEMORY);
}

static int run(struct kvm_guest *guest, struct bench_samples *samples)
{
	const struct kvm_run *run = guest->vcpus[0].run;
	uint32_t value;
	int ret;

	for (;;) {
		ret = kt_ioctl(guest->vcpus[0].fd, KVM_RUN, NULL);
		if (ret)
			return ret;
		if (run->exit_reason == KVM_EXIT_MMIO)
			continue;
		if (run->exit_reason != KVM_EXIT_IO)
			return -EPROTO;
		if (run->io.port == BENCH_PORT_END)
			return 0;
		if (run->io.port == BENCH_PORT_SAMPLE) {
			memcpy(&value, (const uint8_t *)run + run->io.data_offset, sizeof(value));
			bench_add(samples, value);
		}
	}
}

/* The second vCPU has nothing to say. */
static void *run_other(void *arg)
{
	const struct kvm_vcpu *vcpu = arg;

	kt_ioctl(vcpu->fd, KVM_RUN, NULL);
	return NULL;
}

static int run_both(struct kvm_guest *guest, struct bench_samples *samples)
{
	struct kvm_vcpu *other = &guest->vcpus[1];
	pthread_t thread;
	int ret = kt_ignore_signal(SIGUSR1);

	if (!ret)
		ret = -pthread_create(&thread, NULL, run_other, other);
	if (ret)
		return ret;
	ret = run(guest, samples);
	/* The one for a RUN that is still to come, the other for one under way */
	other->run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	return ret;
}

int bench_kvm(const struct bench_program *program, struct bench_samples *samples)
{
	struct kvm_guest guest;
	int ret = init(&guest, program);

	if (!ret)
		ret = program->other == BENCH_RUNS ? run_both(&guest, samples) :
						     run(&guest, samples);
	fini(&guest);
	return ret;
}

int bench_kvm_kick(const struct bench_program *program, struct bench_samples *samples)
{
	struct kvm_guest guest;
	int ret = init(&guest, program);

	for (uint64_t i = 0; !ret && i < program->rounds; i++) {
		uint64_t since = kt_rdtsc();

		guest.vcpus[0].run->immediate_exit = 1;
		ret = kt_ioctl(guest.vcpus[0].fd, KVM_RUN, NULL);
		bench_add(samples, kt_rdtsc() - since);
		ret = ret == -EINTR ? 0 : ret ?: -EPROTO;
	}
	fini(&guest);
	return ret;
}
