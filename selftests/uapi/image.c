// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_ATTACH_IMAGE: which files and which ELF headers are refused, and how.
 * Guards that each fault has its own answer, that a refused image leaves the
 * VM and the file as they were, and that the host survives any header.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "kevtest.h"

#define NONE	KEV_IMAGE_NO_SEGMENT

#define DATA_SIZE	16
#define DATA_MEMSZ	0x1800
#define DATA_GPA	0x102000
#define SPAN_END	0x104000

KT_CODE(code, "mov $0x77, %edi\n" KT_HALT ".balign 64\n");

FIXTURE(image) {
	int kev, vm;
	struct kev_query query;
	struct kt_elf elf;	/* valid: code, data with zeros behind it, and no segment */
};

FIXTURE_SETUP(image)
{
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->query.size = sizeof(self->query);
	ASSERT_EQ(0, kt_ioctl(self->kev, KEV_QUERY, &self->query));
	self->vm = kt_create_vm(self->kev, 0, NULL);
	ASSERT_LE(0, self->vm);
	kt_elf_init(&self->elf, code.end - code.start);
	self->elf.ehdr.e_phnum = 3;
	self->elf.phdr[1] = (Elf64_Phdr) {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_offset = KT_CODE_OFFSET,
		.p_vaddr = DATA_GPA,
		.p_paddr = DATA_GPA,
		.p_filesz = DATA_SIZE,
		.p_memsz = DATA_MEMSZ,
	};
	/* Of a type that kev does not look at: anything may stand in it. */
	memset(&self->elf.phdr[2], 0xff, sizeof(self->elf.phdr[2]));
	self->elf.phdr[2].p_type = PT_GNU_STACK;
}

FIXTURE_TEARDOWN(image)
{
	close(self->vm);
	close(self->kev);
}

/* Attach with everything in @args but the size and the out-fields, which are dirty. */
static long attach(int vm, struct kev_attach_image *args)
{
	args->size = sizeof(*args);
	args->entry = ~0ULL;
	args->start = ~0ULL;
	args->end = ~0ULL;
	args->problem = ~0U;
	args->segment = 0x5a5a;
	return kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, args);
}

static long attach_elf(int vm, const struct kt_elf *elf, uint32_t boot,
		       struct kev_attach_image *args)
{
	long ret;

	*args = (struct kev_attach_image) {
		.boot = boot,
		.ram_kib = boot == KEV_BOOT_NONE ? 0 : KT_RAM_KIB,
		.fd = kt_elf_file(elf, code.start, code.end - code.start),
	};
	ret = attach(vm, args);
	close(args->fd);
	return ret;
}

/* The VM of a test that failed to attach is as good as new. */
static void expect_untouched(struct __test_metadata *_metadata, int vm, const struct kt_elf *elf)
{
	struct kev_attach_image args;
	struct kev_vm_stats stats = kt_vm_stats(vm);
	int vcpu;

	EXPECT_EQ(0, stats.header_bytes);
	EXPECT_EQ(0, stats.file_pages);
	ASSERT_EQ(0, attach_elf(vm, elf, KEV_BOOT_DIRECT64, &args));
	vcpu = kt_create_vcpu(vm, 0);
	ASSERT_LE(0, vcpu);
	ASSERT_EQ(0, kt_run(vcpu));
	EXPECT_EQ(KEV_VM_EXITED, kt_status(vm).state);
	EXPECT_EQ(0x77, kt_status(vm).exit_code);
	close(vcpu);
}

TEST_F(image, valid)
{
	struct kev_attach_image args;

	ASSERT_EQ(0, attach_elf(self->vm, &self->elf, KEV_BOOT_DIRECT64, &args));
	EXPECT_EQ(KT_CODE_GPA, args.entry);
	EXPECT_EQ(KT_CODE_GPA, args.start);
	EXPECT_EQ(SPAN_END, args.end);
	EXPECT_EQ(KEV_IMAGE_OK, args.problem);
	EXPECT_EQ(NONE, args.segment);
	/* The headers, and nothing else yet */
	EXPECT_EQ(sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr), kt_vm_stats(self->vm).header_bytes);
	EXPECT_EQ(0, kt_vm_stats(self->vm).file_pages);
	EXPECT_EQ(0, kt_vm_stats(self->vm).resident_pages);
}

struct change {
	size_t offset, width;	/* width 0: no change */
	uint64_t value;
};

#define SET(field, value)	{ offsetof(struct kt_elf, field),		\
				  sizeof(((struct kt_elf *)0)->field), (value) }

static void apply(struct kt_elf *elf, const struct change *changes, size_t nr)
{
	/* Little-endian, as the file is */
	for (size_t i = 0; i < nr; i++)
		memcpy((char *)elf + changes[i].offset, &changes[i].value, changes[i].width);
}

#define MAX_CHANGES	3

/* What is changed in the valid file, and what is said about it: always -ENOEXEC */
static const struct {
	const char *name;
	struct change changes[MAX_CHANGES];
	uint32_t problem, segment;
} bad_headers[] = {
	{ "e_ident[0]", { SET(ehdr.e_ident[0], 0x7e) }, KEV_IMAGE_MAGIC, NONE },
	{ "e_ident[1]", { SET(ehdr.e_ident[1], 'e') }, KEV_IMAGE_MAGIC, NONE },
	{ "e_ident[2]", { SET(ehdr.e_ident[2], 0) }, KEV_IMAGE_MAGIC, NONE },
	{ "e_ident[3]", { SET(ehdr.e_ident[3], 'L') }, KEV_IMAGE_MAGIC, NONE },
	{ "32-bit", { SET(ehdr.e_ident[EI_CLASS], ELFCLASS32) }, KEV_IMAGE_CLASS, NONE },
	{ "no class", { SET(ehdr.e_ident[EI_CLASS], ELFCLASSNONE) }, KEV_IMAGE_CLASS, NONE },
	{ "big-endian", { SET(ehdr.e_ident[EI_DATA], ELFDATA2MSB) }, KEV_IMAGE_DATA, NONE },
	{ "no data encoding", { SET(ehdr.e_ident[EI_DATA], ELFDATANONE) }, KEV_IMAGE_DATA, NONE },
	{ "EI_VERSION 0", { SET(ehdr.e_ident[EI_VERSION], 0) }, KEV_IMAGE_VERSION, NONE },
	{ "EI_VERSION 2", { SET(ehdr.e_ident[EI_VERSION], 2) }, KEV_IMAGE_VERSION, NONE },
	{ "e_version 0", { SET(ehdr.e_version, 0) }, KEV_IMAGE_VERSION, NONE },
	{ "e_version 0x101", { SET(ehdr.e_version, 0x101) }, KEV_IMAGE_VERSION, NONE },
	{ "ET_NONE", { SET(ehdr.e_type, ET_NONE) }, KEV_IMAGE_TYPE, NONE },
	{ "ET_REL", { SET(ehdr.e_type, ET_REL) }, KEV_IMAGE_TYPE, NONE },
	{ "ET_CORE", { SET(ehdr.e_type, ET_CORE) }, KEV_IMAGE_TYPE, NONE },
	{ "EM_386", { SET(ehdr.e_machine, EM_386) }, KEV_IMAGE_MACHINE, NONE },
	{ "EM_AARCH64", { SET(ehdr.e_machine, EM_AARCH64) }, KEV_IMAGE_MACHINE, NONE },
	{ "e_ehsize of 32 bits", { SET(ehdr.e_ehsize, 52) }, KEV_IMAGE_EHSIZE, NONE },
	{ "e_ehsize 65", { SET(ehdr.e_ehsize, 65) }, KEV_IMAGE_EHSIZE, NONE },
	{ "e_phentsize of 32 bits", { SET(ehdr.e_phentsize, 32) }, KEV_IMAGE_PHENTSIZE, NONE },
	{ "e_phentsize 0", { SET(ehdr.e_phentsize, 0) }, KEV_IMAGE_PHENTSIZE, NONE },
	{ "e_phentsize 57", { SET(ehdr.e_phentsize, 57) }, KEV_IMAGE_PHENTSIZE, NONE },
	{ "e_phnum 0", { SET(ehdr.e_phnum, 0) }, KEV_IMAGE_PHNUM, NONE },
	{ "e_phnum 129", { SET(ehdr.e_phnum, 129) }, KEV_IMAGE_PHNUM, NONE },
	{ "e_phnum 0xffff", { SET(ehdr.e_phnum, 0xffff) }, KEV_IMAGE_PHNUM, NONE },
	{ "e_phnum beyond the file", { SET(ehdr.e_phnum, 128) }, KEV_IMAGE_PHOFF, NONE },
	{ "e_phoff beyond the file", { SET(ehdr.e_phoff, 0x10000) }, KEV_IMAGE_PHOFF, NONE },
	{ "e_phoff wraps", { SET(ehdr.e_phoff, ~0ULL) }, KEV_IMAGE_PHOFF, NONE },
	{ "e_phoff wraps to the end", { SET(ehdr.e_phoff, -3 * sizeof(Elf64_Phdr)) },
	  KEV_IMAGE_PHOFF, NONE },
	{ "e_phoff is negative", { SET(ehdr.e_phoff, 1ULL << 63) }, KEV_IMAGE_PHOFF, NONE },
	{ "no PT_LOAD", { SET(ehdr.e_phnum, 1), SET(phdr[0].p_type, PT_NOTE) },
	  KEV_IMAGE_NO_LOAD, NONE },
	{ "only an empty PT_LOAD", { SET(ehdr.e_phnum, 1), SET(phdr[0].p_filesz, 0),
				     SET(phdr[0].p_memsz, 0) }, KEV_IMAGE_NO_LOAD, NONE },
	{ "p_filesz > p_memsz", { SET(phdr[1].p_memsz, DATA_SIZE - 1) }, KEV_IMAGE_FILESZ, 1 },
	{ "p_filesz huge", { SET(phdr[0].p_filesz, ~0ULL) }, KEV_IMAGE_FILESZ, 0 },
	{ "p_filesz in an empty segment", { SET(phdr[1].p_memsz, 0) }, KEV_IMAGE_FILESZ, 1 },
	{ "p_offset beyond the file", { SET(phdr[1].p_offset, 1ULL << 40) }, KEV_IMAGE_OFFSET, 1 },
	{ "p_offset wraps", { SET(phdr[0].p_offset, ~0ULL) }, KEV_IMAGE_OFFSET, 0 },
	{ "p_filesz beyond the file", { SET(phdr[1].p_filesz, 0x1000), }, KEV_IMAGE_OFFSET, 1 },
	{ "p_paddr wraps", { SET(phdr[1].p_paddr, -0x1000ULL) }, KEV_IMAGE_ADDRESS, 1 },
	{ "p_vaddr wraps", { SET(phdr[1].p_vaddr, -0x1000ULL) }, KEV_IMAGE_ADDRESS, 1 },
	{ "p_memsz wraps", { SET(phdr[1].p_memsz, ~0ULL) }, KEV_IMAGE_ADDRESS, 1 },
	{ "p_paddr of 53 bits", { SET(phdr[1].p_paddr, 1ULL << 52) }, KEV_IMAGE_PHYS_WIDTH, 1 },
	{ "p_paddr of a kernel's address", { SET(phdr[0].p_paddr, 0xffffffff80000000) },
	  KEV_IMAGE_PHYS_WIDTH, 0 },
	{ "the same address", { SET(phdr[1].p_paddr, KT_CODE_GPA) }, KEV_IMAGE_OVERLAP, 1 },
	{ "the last byte", { SET(phdr[1].p_paddr, KT_CODE_GPA + 63) }, KEV_IMAGE_OVERLAP, 1 },
	{ "one around the other", { SET(phdr[1].p_paddr, KT_CODE_GPA - 0x1000) },
	  KEV_IMAGE_OVERLAP, 1 },
	{ "e_entry 0", { SET(ehdr.e_entry, 0) }, KEV_IMAGE_ENTRY, NONE },
	{ "e_entry below", { SET(ehdr.e_entry, KT_CODE_GPA - 1) }, KEV_IMAGE_ENTRY, NONE },
	{ "e_entry behind", { SET(ehdr.e_entry, DATA_GPA + DATA_MEMSZ) }, KEV_IMAGE_ENTRY, NONE },
	{ "e_entry in a gap", { SET(ehdr.e_entry, KT_CODE_GPA + 0x1000) }, KEV_IMAGE_ENTRY, NONE },
	{ "e_entry huge", { SET(ehdr.e_entry, ~0ULL) }, KEV_IMAGE_ENTRY, NONE },
	{ "p_paddr 0", { SET(phdr[1].p_paddr, 0) }, KEV_IMAGE_LOW, 1 },
	{ "p_paddr 0x7000", { SET(phdr[0].p_paddr, 0x7000) }, KEV_IMAGE_LOW, 0 },
	{ "p_paddr 0x7fff", { SET(phdr[0].p_paddr, 0x7fff) }, KEV_IMAGE_LOW, 0 },
	{ "start of the hole", { SET(phdr[1].p_paddr, 0xbffda000) }, KEV_IMAGE_HOLE, 1 },
	{ "into the hole", { SET(phdr[1].p_paddr, 0xbffda000 - DATA_MEMSZ + 1) },
	  KEV_IMAGE_HOLE, 1 },
	{ "last byte of the hole", { SET(phdr[0].p_paddr, 0xffffffff) }, KEV_IMAGE_HOLE, 0 },
};

TEST_F(image, bad_headers)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_headers); i++) {
		struct kt_elf elf = self->elf;
		struct kev_attach_image args;

		apply(&elf, bad_headers[i].changes, MAX_CHANGES);
		EXPECT_EQ(-ENOEXEC, attach_elf(self->vm, &elf, KEV_BOOT_DIRECT64, &args)) {
			TH_LOG("%s: result", bad_headers[i].name);
		}
		EXPECT_EQ(bad_headers[i].problem, args.problem) {
			TH_LOG("%s: problem", bad_headers[i].name);
		}
		EXPECT_EQ(bad_headers[i].segment, args.segment) {
			TH_LOG("%s: segment", bad_headers[i].name);
		}
	}
	expect_untouched(_metadata, self->vm, &self->elf);
}

/* What looks odd and is valid. The numbers are those that the call gives. */
static const struct {
	const char *name;
	struct change changes[MAX_CHANGES];
	uint32_t boot;
	uint64_t entry, start, end;
} good_headers[] = {
	{ "ET_DYN", { SET(ehdr.e_type, ET_DYN) }, KEV_BOOT_DIRECT64,
	  KT_CODE_GPA, KT_CODE_GPA, SPAN_END },
	{ "no segment bytes in the file, offset anywhere",
	  { SET(phdr[1].p_filesz, 0), SET(phdr[1].p_offset, ~0ULL) }, KEV_BOOT_DIRECT64,
	  KT_CODE_GPA, KT_CODE_GPA, SPAN_END },
	{ "an empty segment, address anywhere",
	  { SET(phdr[1].p_filesz, 0), SET(phdr[1].p_memsz, 0), SET(phdr[1].p_paddr, ~0ULL) },
	  KEV_BOOT_DIRECT64, KT_CODE_GPA, KT_CODE_GPA, KT_CODE_GPA + 0x1000 },
	{ "virtual addresses of a kernel",
	  { SET(ehdr.e_entry, 0xffffffff80000010), SET(phdr[0].p_vaddr, 0xffffffff80000000) },
	  KEV_BOOT_DIRECT64, KT_CODE_GPA + 0x10, KT_CODE_GPA, SPAN_END },
	{ "two segments in one page", { SET(phdr[1].p_paddr, KT_CODE_GPA + 64) },
	  KEV_BOOT_DIRECT64, KT_CODE_GPA, KT_CODE_GPA, KT_CODE_GPA + 0x2000 },
	{ "higher segment first", { SET(phdr[1].p_paddr, 0x80000) },
	  KEV_BOOT_DIRECT64, KT_CODE_GPA, 0x80000, KT_CODE_GPA + 0x1000 },
	{ "at 0x8000", { SET(phdr[1].p_paddr, 0x8000) },
	  KEV_BOOT_DIRECT64, KT_CODE_GPA, 0x8000, KT_CODE_GPA + 0x1000 },
	{ "low, without a boot protocol", { SET(phdr[1].p_paddr, 0) },
	  KEV_BOOT_NONE, KT_CODE_GPA, 0, KT_CODE_GPA + 0x1000 },
	{ "hole, without a boot protocol", { SET(phdr[1].p_paddr, 0xc0000000) },
	  KEV_BOOT_NONE, KT_CODE_GPA, KT_CODE_GPA, 0xc0002000 },
	{ "section headers beyond the file", { SET(ehdr.e_shoff, ~0ULL), SET(ehdr.e_shnum, 999) },
	  KEV_BOOT_DIRECT64, KT_CODE_GPA, KT_CODE_GPA, SPAN_END },
	{ "no rights", { SET(phdr[1].p_flags, 0) }, KEV_BOOT_DIRECT64,
	  KT_CODE_GPA, KT_CODE_GPA, SPAN_END },
	{ "alignment that is none", { SET(phdr[1].p_align, 3) }, KEV_BOOT_DIRECT64,
	  KT_CODE_GPA, KT_CODE_GPA, SPAN_END },
};

TEST_F(image, good_headers)
{
	for (size_t i = 0; i < ARRAY_SIZE(good_headers); i++) {
		int vm = kt_create_vm(self->kev, 0, NULL);
		struct kt_elf elf = self->elf;
		struct kev_attach_image args;

		apply(&elf, good_headers[i].changes, MAX_CHANGES);
		EXPECT_EQ(0, attach_elf(vm, &elf, good_headers[i].boot, &args)) {
			TH_LOG("%s: problem %u, segment %u", good_headers[i].name,
			       args.problem, args.segment);
		}
		EXPECT_EQ(good_headers[i].entry, args.entry) {
			TH_LOG("%s: entry", good_headers[i].name);
		}
		EXPECT_EQ(good_headers[i].start, args.start) {
			TH_LOG("%s: start", good_headers[i].name);
		}
		EXPECT_EQ(good_headers[i].end, args.end) {
			TH_LOG("%s: end", good_headers[i].name);
		}
		close(vm);
	}
}

TEST_F(image, physical_width)
{
	uint64_t width = 1ULL << self->query.phys_bits;
	struct kev_attach_image args;

	/* Its last page is the last one below the width; then one page higher. */
	self->elf.phdr[1].p_paddr = width - 0x1000;
	EXPECT_EQ(-ENOEXEC, attach_elf(self->vm, &self->elf, KEV_BOOT_NONE, &args));
	EXPECT_EQ(KEV_IMAGE_PHYS_WIDTH, args.problem);
	EXPECT_EQ(1, args.segment);
	self->elf.phdr[1].p_paddr = width - 0x2000;
	EXPECT_EQ(0, attach_elf(self->vm, &self->elf, KEV_BOOT_NONE, &args));
	EXPECT_EQ(width, args.end);
}

/* Files whose length is the fault */
static const struct {
	const char *name;
	const char *bytes;	/* NULL: of a valid header */
	size_t size;
	uint32_t problem;
} short_files[] = {
	{ "empty", NULL, 0, KEV_IMAGE_TRUNCATED },
	{ "first byte", NULL, 1, KEV_IMAGE_TRUNCATED },
	{ "magic", NULL, 4, KEV_IMAGE_TRUNCATED },
	{ "all but one byte", NULL, 63, KEV_IMAGE_TRUNCATED },
	{ "header alone", NULL, 64, KEV_IMAGE_PHOFF },
	{ "part of a program header", NULL, 64 + 56 + 55, KEV_IMAGE_PHOFF },
	{ "no segment", NULL, sizeof(struct kt_elf), KEV_IMAGE_OFFSET },
	{ "a letter", "x", 1, KEV_IMAGE_MAGIC },
	{ "a script", "#!/bin/sh\n", 10, KEV_IMAGE_MAGIC },
	{ "a DOS header", "MZ\0\0", 4, KEV_IMAGE_MAGIC },
};

TEST_F(image, short_files)
{
	for (size_t i = 0; i < ARRAY_SIZE(short_files); i++) {
		struct kev_attach_image args = { .boot = KEV_BOOT_DIRECT64, .ram_kib = KT_RAM_KIB };
		const void *bytes = short_files[i].bytes ?: (void *)&self->elf;

		args.fd = kt_memfile(bytes, short_files[i].size);
		EXPECT_EQ(-ENOEXEC, attach(self->vm, &args)) {
			TH_LOG("%s: result", short_files[i].name);
		}
		EXPECT_EQ(short_files[i].problem, args.problem) {
			TH_LOG("%s: problem", short_files[i].name);
		}
		close(args.fd);
	}
	expect_untouched(_metadata, self->vm, &self->elf);
}

/* As many program headers as there may be, the loadable ones last */
TEST_F(image, many_headers)
{
	struct kev_attach_image args = { .boot = KEV_BOOT_DIRECT64, .ram_kib = KT_RAM_KIB };
	struct {
		Elf64_Ehdr ehdr;
		Elf64_Phdr phdr[128];
	} file = { .ehdr = self->elf.ehdr };

	file.ehdr.e_phnum = 128;
	file.phdr[126] = self->elf.phdr[0];
	file.phdr[126].p_offset = 0;
	file.phdr[127] = self->elf.phdr[1];
	file.phdr[127].p_offset = 0;
	args.fd = kt_memfile(&file, sizeof(file));
	ASSERT_LE(0, args.fd);
	EXPECT_EQ(0, attach(self->vm, &args));
	EXPECT_EQ(SPAN_END, args.end);
	close(args.fd);
}

/* Descriptors that are no image file */
TEST_F(image, bad_descriptors)
{
	const char *path = "/tmp/kevtest-image";
	int pipe_fds[2], sockets[2];

	ASSERT_EQ(0, pipe(pipe_fds));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	close(open(path, O_CREAT | O_WRONLY, 0755));
	{
		const struct {
			const char *name;
			int fd, result;
			uint32_t problem;
		} cases[] = {
			{ "-1", -1, -EBADF, KEV_IMAGE_OK },
			{ "not open", 1000, -EBADF, KEV_IMAGE_OK },
			{ "greatest number", 0x7fffffff, -EBADF, KEV_IMAGE_OK },
			{ "write-only", open(path, O_WRONLY), -EBADF, KEV_IMAGE_OK },
			{ "O_PATH", open(path, O_PATH), -EBADF, KEV_IMAGE_OK },
			{ "directory", open("/", O_RDONLY), -EISDIR, KEV_IMAGE_OK },
			{ "pipe", pipe_fds[0], -ENOEXEC, KEV_IMAGE_NOT_REGULAR },
			{ "write end of a pipe", pipe_fds[1], -EBADF, KEV_IMAGE_OK },
			{ "socket", sockets[0], -ENOEXEC, KEV_IMAGE_NOT_REGULAR },
			{ "/dev/zero", open("/dev/zero", O_RDONLY), -ENOEXEC,
			  KEV_IMAGE_NOT_REGULAR },
			{ "/dev/kev", self->kev, -ENOEXEC, KEV_IMAGE_NOT_REGULAR },
			{ "the VM itself", self->vm, -ENOEXEC, KEV_IMAGE_NOT_REGULAR },
			{ "eventfd", eventfd(0, 0), -ENOEXEC, KEV_IMAGE_NOT_REGULAR },
			/* Regular by name, but not to be read in the kernel */
			{ "/proc/self/mem", open("/proc/self/mem", O_RDONLY), -EIO,
			  KEV_IMAGE_READ },
			/* Ends before its size */
			{ "sysfs", open("/sys/kernel/uevent_seqnum", O_RDONLY),
			  -EIO, KEV_IMAGE_READ },
		};

		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			struct kev_attach_image args = {
				.fd = cases[i].fd,
				.boot = KEV_BOOT_DIRECT64,
				.ram_kib = KT_RAM_KIB,
			};

			EXPECT_EQ(cases[i].result, attach(self->vm, &args)) {
				TH_LOG("%s: result", cases[i].name);
			}
			EXPECT_EQ(cases[i].problem, args.problem) {
				TH_LOG("%s: problem", cases[i].name);
			}
			EXPECT_EQ(NONE, args.segment) {
				TH_LOG("%s: segment", cases[i].name);
			}
		}
	}
	unlink(path);
	expect_untouched(_metadata, self->vm, &self->elf);
}

TEST_HARNESS_MAIN
