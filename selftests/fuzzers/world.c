// SPDX-License-Identifier: GPL-2.0
/* The descriptors, mappings and files that steps use */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/boot.h"
#include "code.h"
#include "world.h"

int fz_fd(struct fz_world *world, enum fz_kind kind, unsigned int object)
{
	int fd;

	if (kind >= FZ_NR_KINDS)
		return -1;
	fd = world->fd[kind][object % FZ_SLOTS];
	return fd < 0 ? (int)world->fd[kind][0] : fd;
}

void fz_put(struct fz_world *world, enum fz_kind kind, unsigned int object, int fd)
{
	int old = atomic_exchange(&world->fd[kind][object % FZ_SLOTS], fd);

	if (old >= 0)
		close(old);
}

static uint8_t *map_of(uintptr_t map, size_t *size)
{
	*size = map % KT_PAGE * KT_PAGE;
	return (uint8_t *)(map & -KT_PAGE);
}

uint8_t *fz_map(struct fz_world *world, unsigned int object, size_t *size)
{
	return map_of(world->map[object % FZ_MAPS], size);
}

uint8_t *fz_take_map(struct fz_world *world, unsigned int object, size_t *size)
{
	return map_of(atomic_exchange(&world->map[object % FZ_MAPS], 0), size);
}

void fz_put_map(struct fz_world *world, unsigned int object, void *at, size_t size)
{
	uint8_t *old;

	if (at == MAP_FAILED)
		return;
	old = map_of(atomic_exchange(&world->map[object % FZ_MAPS],
				     (uintptr_t)at | size / KT_PAGE), &size);
	if (old)
		munmap(old, size);
}

void fz_found(struct fz_world *world, enum fz_finding what, int call, int error)
{
	world->finding_call = call;
	world->finding_errno = error;
	world->finding = what;
}

/* Reports for ever; all that leaves the guest */
KT_CODE(talks, "1: in $0x80, %eax\n cpuid\n mov $0x999, %ecx\n rdmsr\n mov %eax, 0x80000000\n"
	"outl %eax, $0x42\n vmcall\n jmp 1b");
/* First touches: RAM, then what lies behind it */
KT_CODE(walks, "xor %ebx, %ebx\n 1: add $0x1000, %ebx\n incl (%rbx)\n cmp $0xb0000000, %ebx\n"
	"jb 1b\n out %al, $0x80\n jmp 1b");
/* A timer of the local APIC that fires for ever, and HLT */
KT_CODE(timer, "mov $0xfee00000, %ebx\n movl $0x1ff, 0xf0(%rbx)\n movl $0x20040, 0x320(%rbx)\n"
	"movl $0xb, 0x3e0(%rbx)\n movl $0x4000, 0x380(%rbx)\n 1: mov 0x390(%rbx), %eax\n"
	"movl $0, 0xb0(%rbx)\n sti\n hlt\n jmp 1b");
/* Interrupts between processors */
KT_CODE(sends, "mov $0xfee00000, %ebx\n movl $0x1ff, 0xf0(%rbx)\n 1: movl $0xc4500, 0x300(%rbx)\n"
	"movl $0xc4610, 0x300(%rbx)\n movl $0xc0041, 0x300(%rbx)\n movl $0xc0400, 0x300(%rbx)\n"
	"pause\n jmp 1b");
/* String I/O */
KT_CODE(strings, "1: mov $300, %ecx\n mov $0x100000, %esi\n mov $0x42, %edx\n rep outsb\n"
	"mov $100, %ecx\n mov $0x180000, %edi\n rep insl\n jmp 1b");

static const struct kt_code *const codes[] = {
	&talks, &talks, &walks, &timer, &sends, &strings, &kt_spin, &kt_hlt, &kt_halt, &kt_spin_if,
};

int fz_image(uint64_t *random)
{
	uint8_t bytes[2048];
	const struct kt_code *code = codes[fz_below(random, ARRAY_SIZE(codes))];
	size_t size = code->end - code->start;
	struct kt_elf elf;

	if (fz_one_in(random, 3)) {
		size = sizeof(bytes);
		fz_code(bytes, size, 64, random);
	} else {
		memcpy(bytes, code->start, size);
	}
	kt_elf_init(&elf, size);
	if (fz_one_in(random, 4))
		elf.phdr[0].p_memsz += fz_below(random, 64) * KT_PAGE;
	return kt_elf_file(&elf, bytes, size);
}

static int damaged_image(uint64_t *random)
{
	struct kt_elf elf;

	kt_elf_init(&elf, kt_hlt.end - kt_hlt.start);
	for (unsigned int i = 1 + fz_below(random, 4); i > 0; i--)
		((uint8_t *)&elf)[fz_below(random, sizeof(elf))] ^= 1 << fz_below(random, 8);
	return kt_elf_file(&elf, kt_hlt.start, kt_hlt.end - kt_hlt.start);
}

/* With headers of some boot protocols, one of which may be damaged */
static int boot_image(uint64_t *random)
{
	struct kt_boot_image image;
	unsigned int headers = fz_below(random, 8);

	kt_boot_image_init(&image, headers);
	if (fz_one_in(random, 2))
		image.code[KT_MULTIBOOT_AT + fz_below(random, KT_NOTE_AT)] ^=
			1 << fz_below(random, 8);
	return kt_boot_image_file(&image);
}

/* With relocations, most of which are in the image */
static int relocated_image(uint64_t *random)
{
	struct kt_reloc_image image;
	Elf64_Rela rela;

	kt_reloc_image_init(&image);
	for (unsigned int i = 0; i < KT_RELOCS; i++) {
		uint8_t *at = image.code + KT_RELA_AT + i * sizeof(rela);

		memcpy(&rela, at, sizeof(rela));
		rela.r_offset = KT_CODE_GPA + KT_RELOCATED_AT +
				fz_below(random, sizeof(image.code) - KT_RELOCATED_AT);
		if (fz_one_in(random, 64))
			rela.r_info = fz_below(random, 64);
		memcpy(at, &rela, sizeof(rela));
	}
	if (fz_one_in(random, 4))
		image.code[KT_DYNAMIC_AT + fz_below(random, KT_RELA_AT - KT_DYNAMIC_AT)] ^=
			1 << fz_below(random, 8);
	return kt_reloc_image_file(&image);
}

int fz_file(uint64_t *random)
{
	static const char *const paths[] = {
		"/dev/zero", "/tmp", "/proc/self/maps", "/dev/null", "/bin/busybox",
	};
	uint8_t bytes[256];

	switch (fz_below(random, 9)) {
	case 0:
		fz_code(bytes, sizeof(bytes), 32, random);
		return kt_memfile(bytes, fz_below(random, sizeof(bytes)));
	case 1:
		return damaged_image(random);
	case 2:
		return open(paths[fz_below(random, ARRAY_SIZE(paths))], O_RDONLY | O_CLOEXEC);
	case 3:
		return eventfd(0, EFD_NONBLOCK);
	case 4:
	case 5:
		return boot_image(random);
	case 6:
		return relocated_image(random);
	default:
		return fz_image(random);
	}
}
