// SPDX-License-Identifier: GPL-2.0
/* ELF files without a name */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kevtest.h"

void kt_elf_init(struct kt_elf *elf, size_t size)
{
	*elf = (struct kt_elf) {
		.ehdr = {
			.e_ident = {
				[EI_MAG0] = ELFMAG0, [EI_MAG1] = ELFMAG1,
				[EI_MAG2] = ELFMAG2, [EI_MAG3] = ELFMAG3,
				[EI_CLASS] = ELFCLASS64,
				[EI_DATA] = ELFDATA2LSB,
				[EI_VERSION] = EV_CURRENT,
			},
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = KT_CODE_GPA,
			.e_phoff = offsetof(struct kt_elf, phdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
		},
		.phdr[0] = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W | PF_X,
			.p_offset = KT_CODE_OFFSET,
			.p_vaddr = KT_CODE_GPA,
			.p_paddr = KT_CODE_GPA,
			.p_filesz = size,
			.p_memsz = size,
			.p_align = KT_PAGE,
		},
	};
}

static int write_all(int fd, const void *bytes, size_t size, off_t offset)
{
	ssize_t n = pwrite(fd, bytes, size, offset);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int kt_memfile(const void *bytes, size_t size)
{
	int fd = memfd_create("kevtest", MFD_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write_all(fd, bytes, size, 0);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int kt_elf_file(const struct kt_elf *elf, const void *code, size_t size)
{
	int fd = kt_memfile(elf, sizeof(*elf));
	int ret;

	if (fd < 0)
		return fd;
	ret = write_all(fd, code, size, KT_CODE_OFFSET);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int kt_attach(int vm, int fd, uint32_t boot, uint64_t ram_kib)
{
	struct kev_attach_image args = {
		.size = sizeof(args),
		.fd = fd,
		.boot = boot,
		.ram_kib = ram_kib,
	};

	return kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args);
}
