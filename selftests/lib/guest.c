// SPDX-License-Identifier: GPL-2.0
/* VMs that run a few instructions */
#include <fcntl.h>
#include <unistd.h>

#include "kevtest.h"

#define SHARED_CODE(name, text)						\
	KT_CODE_TEXT(name, text);					\
	const struct kt_code name = { name##_start, name##_end }

SHARED_CODE(kt_spin, "1: jmp 1b");
SHARED_CODE(kt_spin_if, "sti\n 1: jmp 1b");
SHARED_CODE(kt_halt, "mov $0x1234, %edi\n" KT_HALT);
SHARED_CODE(kt_hlt, "1: hlt\n jmp 1b");

/* A far JMP to selector 0x18, in 32 bits */
KT_CODE(switches_task, "1: .byte 0xea\n .long 0\n .word 0x18\n jmp 1b\n");

static const struct kt_guest no_guest = { .kev = -1, .vm = -1, .vcpu = -1 };

static int init_with_image(struct kt_guest *guest, int image, uint64_t ram_kib, uint32_t flags,
			   const char *abi)
{
	int ret;

	guest->kev = kt_open();
	if (guest->kev < 0)
		return guest->kev;
	guest->vm = kt_create_vm(guest->kev, flags, abi);
	if (guest->vm < 0)
		return guest->vm;
	ret = kt_attach(guest->vm, image, KEV_BOOT_DIRECT64, ram_kib);
	if (ret)
		return ret;
	guest->vcpu = kt_create_vcpu(guest->vm, 0);
	if (guest->vcpu < 0)
		return guest->vcpu;
	guest->run = kt_map_run(guest->vcpu);
	return guest->run ? 0 : -ENOMEM;
}

int kt_guest_init(struct kt_guest *guest, const struct kt_code *code, uint32_t flags,
		  const char *abi)
{
	size_t size = code->end - code->start;
	struct kt_elf elf;
	int image, ret;

	*guest = no_guest;
	kt_elf_init(&elf, size);
	image = kt_elf_file(&elf, code->start, size);
	if (image < 0)
		return image;
	ret = init_with_image(guest, image, KT_RAM_KIB, flags, abi);
	close(image);
	return ret;
}

int kt_guest_init_file(struct kt_guest *guest, const char *path, uint64_t ram_kib,
		       const char *abi)
{
	int image = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	*guest = no_guest;
	if (image < 0)
		return -errno;
	ret = init_with_image(guest, image, ram_kib, 0, abi);
	close(image);
	return ret;
}

/* The boot structures' page directories serve PAE paging as they are. */
int kt_task_switch_init(struct kt_guest *guest)
{
	const uint64_t pdpt[] = { 0x4001, 0x5001, 0x6001, 0x7001 };
	const uint64_t tss = 0x0000890090000067;	/* 0x67 bytes at 0x9000, available */
	struct kev_vcpu_state state = { 0 };
	int ret = kt_guest_init(guest, &switches_task, 0, NULL);

	if (ret)
		return ret;
	if (kt_write_guest(guest->vm, 0x8000, pdpt, sizeof(pdpt)) != sizeof(pdpt) ||
	    kt_write_guest(guest->vm, 0x1018, &tss, sizeof(tss)) != sizeof(tss))
		return -EIO;
	ret = kt_get_state(guest->vcpu, KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS, &state);
	state.segments.cs.access = 0xc09b;
	state.segments.gdt.limit = 0x1f;
	state.controls.cr3 = 0x8000;
	state.controls.efer = 0;
	return ret ? ret : kt_set_state(guest->vcpu, state.groups, &state);
}

void kt_guest_fini(struct kt_guest *guest)
{
	if (guest->run)
		kt_unmap_run(guest->run);
	if (guest->vcpu >= 0)
		close(guest->vcpu);
	if (guest->vm >= 0)
		close(guest->vm);
	if (guest->kev >= 0)
		close(guest->kev);
	*guest = no_guest;
}

long kt_run(int vcpu)
{
	return kt_ioctl(vcpu, KEV_VCPU_RUN, NULL);
}

long kt_run_to_report(struct kt_guest *guest)
{
	char bytes[4096];
	long ret;

	for (;;) {
		ret = kt_run(guest->vcpu);
		if (ret || guest->run->kind != KEV_EXIT_CONSOLE)
			return ret;
		if (read(guest->vm, bytes, sizeof(bytes)) < 0)
			return -errno;
	}
}
