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

static void put_relocation(struct kt_reloc_image *image, unsigned int i, size_t at)
{
	const Elf64_Rela rela = {
		.r_offset = KT_CODE_GPA + at, .r_info = R_X86_64_RELATIVE, .r_addend = i,
	};

	memcpy(image->code + KT_RELA_AT + i * sizeof(rela), &rela, sizeof(rela));
}

void kt_reloc_image_init(struct kt_reloc_image *image)
{
	static const uint8_t hlt_for_ever[] = { 0xf4, 0xeb, 0xfd };
	const Elf64_Dyn dynamic[] = {
		{ DT_RELA, { KT_CODE_GPA + KT_RELA_AT } },
		{ DT_RELASZ, { KT_RELOCS * sizeof(Elf64_Rela) } },
		{ DT_RELAENT, { sizeof(Elf64_Rela) } },
		{ DT_NULL, { 0 } },
	};
	Elf64_Phdr *phdr = image->elf.phdr;

	memset(image, 0, sizeof(*image));
	kt_elf_init(&image->elf, sizeof(image->code));
	image->elf.ehdr.e_type = ET_DYN;
	image->elf.ehdr.e_phnum = 2;
	phdr[1] = phdr[0];
	phdr[1].p_type = PT_DYNAMIC;
	phdr[1].p_offset += KT_DYNAMIC_AT;
	phdr[1].p_vaddr += KT_DYNAMIC_AT;
	phdr[1].p_filesz = sizeof(dynamic);
	phdr[1].p_memsz = sizeof(dynamic);
	memcpy(image->code, hlt_for_ever, sizeof(hlt_for_ever));
	memcpy(image->code + KT_DYNAMIC_AT, dynamic, sizeof(dynamic));
	for (unsigned int i = 0; i < KT_RELOCS; i++)
		put_relocation(image, i, KT_RELOCATED_AT + i * 768);
}

int kt_reloc_image_file(const struct kt_reloc_image *image)
{
	return kt_elf_file(&image->elf, image->code, sizeof(image->code));
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
