// SPDX-License-Identifier: GPL-2.0
/* VMs of KVM: the least that starts one in the state that kev starts it in */
#include <fcntl.h>
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

/* CPUID leaf 1, ECX: KVM has it where it has local APICs, but does not offer it. */
#define TSC_DEADLINE	(1U << 24)

#define IOAPIC_PINS	24

#define HUGE		(2 * KT_MIB)

/* What a monitor has to ask once, not for each VM */
static struct {
	size_t run_size;
	struct kvm_cpuid2 *cpuid;
} known;

static int ask(int kvm, struct kvm_cpuid2 *cpuid)
{
	long ret = kt_ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);

	if (ret < 0)
		return ret;
	known.run_size = ret;
	cpuid->nent = MAX_CPUID;
	ret = kt_ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	for (unsigned int i = 0; !ret && i < cpuid->nent; i++) {
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= TSC_DEADLINE;
	}
	return ret;
}

int bench_kvm_ask(void)
{
	struct kvm_cpuid2 *cpuid;
	int kvm, ret;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return -errno;
	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	ret = cpuid ? ask(kvm, cpuid) : -ENOMEM;
	if (ret)
		free(cpuid);
	else
		known.cpuid = cpuid;
	close(kvm);
	return ret;
}

size_t bench_kvm_run_size(void)
{
	return known.run_size;
}

/* The first GiB one to one, by pages of 2 MiB; no more of it than there is memory */
static void write_tables(const struct bench_vm *vm)
{
	uint64_t *pd = (uint64_t *)(vm->memory + PD);

	*(uint64_t *)(vm->memory + PML4) = PDPT | PTE_TABLE;
	*(uint64_t *)(vm->memory + PDPT) = PD | PTE_TABLE;
	for (uint64_t i = 0; i < 512; i++)
		pd[i] = i << 21 | PTE_PAGE_2M;
}

/* Private and empty; a page of 2 MiB only where it is asked for */
static int map_memory(struct bench_vm *vm, size_t size, uint32_t huge_pages)
{
	int advice = huge_pages == KEV_HUGE_ALWAYS ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
	/* The kernel picks an end that is aligned; the start may not be. */
	uint8_t *at = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t head;

	if (at == MAP_FAILED)
		return -errno;
	head = -(uintptr_t)at % HUGE;
	if (head)
		munmap(at, head);
	munmap(at + head + size, HUGE - head);
	vm->memory = at + head;
	vm->memory_size = size;
	return madvise(vm->memory, size, advice) && errno != EINVAL ? -errno : 0;
}

static int add_memory(struct bench_vm *vm, const struct bench_program *program,
		      const struct bench_how *how)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = how->memory ? how->memory : BENCH_MEMORY,
	};
	int ret = map_memory(vm, region.memory_size, how->huge_pages);

	if (ret)
		return ret;
	if (vm->image < 0)
		bench_code_page(program, vm->memory + KT_CODE_GPA);
	else if (mmap(vm->memory + KT_CODE_GPA, KT_PAGE + how->data, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_FIXED, vm->image, KT_CODE_OFFSET) == MAP_FAILED)
		return -errno;
	write_tables(vm);
	region.userspace_addr = (uintptr_t)vm->memory;
	return kt_ioctl(vm->vm, KVM_SET_USER_MEMORY_REGION, &region);
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
	return ret ? ret : kt_ioctl(vcpu, KVM_SET_REGS, &regs);
}

static int add_vcpu(struct bench_vm *vm, const struct bench_how *how)
{
	const struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	uint32_t id = vm->nr_vcpus;
	struct bench_vcpu *vcpu = &vm->vcpus[id];
	int ret;

	vcpu->fd = kt_ioctl(vm->vm, KVM_CREATE_VCPU, (void *)(uintptr_t)id);
	if (vcpu->fd < 0)
		return vcpu->fd;
	vcpu->run = mmap(NULL, known.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		ret = -errno;
		close(vcpu->fd);
		return ret;
	}
	vm->nr_vcpus++;
	if (how->sync_registers)
		vcpu->kvm->kvm_valid_regs = KVM_SYNC_X86_REGS;
	ret = kt_ioctl(vcpu->fd, KVM_SET_CPUID2, known.cpuid);
	if (!ret)
		ret = set_registers(vcpu->fd, id);
	/* With local APICs the second one waits for a start-up message. */
	if (!ret && how->apics)
		ret = kt_ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable);
	return ret;
}

/* Local APICs in the kernel, as kev's are, and no other interrupt controller */
static int enable_apics(const struct bench_vm *vm)
{
	const struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .args[0] = IOAPIC_PINS,
	};

	return kt_ioctl(vm->vm, KVM_ENABLE_CAP, &cap);
}

int bench_kvm_start(struct bench_vm *vm, const struct bench_program *program,
		    const struct bench_how *how)
{
	unsigned int vcpus = program->other == BENCH_ALONE ? 1 : 2;
	int ret = 0;

	vm->device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->device < 0)
		return -errno;
	if (!known.cpuid)
		return -ENODEV;
	vm->vm = kt_ioctl(vm->device, KVM_CREATE_VM, NULL);
	if (vm->vm < 0)
		return vm->vm;
	ret = add_memory(vm, program, how);
	if (!ret && how->apics)
		ret = enable_apics(vm);
	while (!ret && vm->nr_vcpus < vcpus)
		ret = add_vcpu(vm, how);
	return ret;
}

int bench_kvm_port(const struct kvm_run *run, uint32_t *data)
{
	if (run->exit_reason == KVM_EXIT_MMIO)
		return 0;
	if (run->exit_reason != KVM_EXIT_IO)
		return -EPROTO;
	memcpy(data, (const uint8_t *)run + run->io.data_offset, sizeof(*data));
	return run->io.port;
}
