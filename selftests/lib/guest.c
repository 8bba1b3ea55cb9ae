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
