// SPDX-License-Identifier: GPL-2.0
/* Programs under KVM: the least that starts one in the state that kev starts it in */
#include <fcntl.h>
#include <linux/kvm.h>
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

struct kvm_guest {
	int kvm, vm, vcpu;
	uint8_t *memory;
	struct kvm_run *run;
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

static int set_cpuid(const struct kvm_guest *guest)
{
	struct kvm_cpuid2 *cpuid;
	int ret;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = MAX_CPUID;
	ret = kt_ioctl(guest->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	if (!ret)
		ret = kt_ioctl(guest->vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return ret;
}

static int set_registers(const struct kvm_guest *guest)
{
	const struct kvm_segment code = {
		.selector = 0x08, .limit = ~0U, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1,
	};
	const struct kvm_segment data = {
		.selector = 0x10, .limit = ~0U, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1,
	};
	const struct kvm_regs regs = { .rip = KT_CODE_GPA, .rsp = 0xa0000, .rflags = 2 };
	struct kvm_sregs sregs = { 0 };
	int ret = kt_ioctl(guest->vcpu, KVM_GET_SREGS, &sregs);

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
	ret = kt_ioctl(guest->vcpu, KVM_SET_SREGS, &sregs);
	return ret ? ret : kt_ioctl(guest->vcpu, KVM_SET_REGS, &regs);
}

static int map_run(struct kvm_guest *guest)
{
	long size = kt_ioctl(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	void *run;

	if (size < 0)
		return size;
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu, 0);
	if (run == MAP_FAILED)
		return -errno;
	guest->run = run;
	guest->run_size = size;
	return 0;
}

static int init(struct kvm_guest *guest, const struct bench_program *program)
{
	int ret;

	*guest = (struct kvm_guest) { .vm = -1, .vcpu = -1 };
	guest->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (guest->kvm < 0)
		return -errno;
	guest->vm = kt_ioctl(guest->kvm, KVM_CREATE_VM, NULL);
	if (guest->vm < 0)
		return guest->vm;
	ret = add_memory(guest, program);
	if (ret)
		return ret;
	guest->vcpu = kt_ioctl(guest->vm, KVM_CREATE_VCPU, NULL);
	if (guest->vcpu < 0)
		return guest->vcpu;
	ret = map_run(guest);
	if (!ret)
		ret = set_cpuid(guest);
	return ret ? ret : set_registers(guest);
}

static void fini(struct kvm_guest *guest)
{
	if (guest->run)
		munmap(guest->run, guest->run_size);
	if (guest->vcpu >= 0)
		close(guest->vcpu);
	if (guest->vm >= 0)
		close(guest->vm);
	if (guest->kvm >= 0)
		close(guest->kvm);
	if (guest->memory)
		munmap(guest->memory, BENCH_MEMORY);
}

static int run(struct kvm_guest *guest, struct bench_samples *samples)
{
	const struct kvm_run *run = guest->run;
	uint32_t value;
	int ret;

	for (;;) {
		ret = kt_ioctl(guest->vcpu, KVM_RUN, NULL);
		if (ret)
			return ret;
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

int bench_kvm(const struct bench_program *program, struct bench_samples *samples)
{
	struct kvm_guest guest;
	int ret = init(&guest, program);

	if (!ret)
		ret = run(&guest, samples);
	fini(&guest);
	return ret;
}
