// SPDX-License-Identifier: GPL-2.0
/* What guests run: the same bytes under every hypervisor, in 64-bit mode, paged one to one */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Behind the code, in its page: rounds, address, stride. The code below knows where. */
#define PARAMETERS	0x800

#define LOAD_PARAMETERS							\
	"mov 0x100800, %r12\n mov 0x100808, %r14\n mov 0x100810, %r13\n"

#define READ_TSC	"lfence\n rdtsc\n shl $32, %rdx\n or %rdx, %rax\n"

#define END		"mov $0x511, %dx\n out %eax, %dx\n 2: hlt\n jmp 2b\n"

#define GUEST(name, text)						\
	KT_CODE_TEXT(name, text);					\
	const struct kt_code name = { name##_start, name##_end }

/* Each round: the ticks that @op takes, to the host */
#define MEASURE(name, op)						\
	GUEST(name, LOAD_PARAMETERS "1:" READ_TSC "mov %rax, %r15\n" op	\
	      READ_TSC "sub %r15, %rax\n mov $0x510, %dx\n out %eax, %dx\n" \
	      "dec %r12\n jnz 1b\n" END)

#define WALK(name, end)							\
	GUEST(name, LOAD_PARAMETERS					\
	      "1: mov (%r14), %al\n add %r13, %r14\n dec %r12\n jnz 1b\n" end)

MEASURE(bench_empty, "");
/* Print of no bytes to kev; to KVM a call that it knows and that does nothing */
MEASURE(bench_vmcall, "mov $1, %eax\n xor %edi, %edi\n xor %esi, %esi\n vmcall\n");
MEASURE(bench_cpuid, "xor %eax, %eax\n xor %ecx, %ecx\n cpuid\n");
/* IA32_MISC_ENABLE */
MEASURE(bench_rdmsr, "mov $0x1a0, %ecx\n rdmsr\n");
MEASURE(bench_out, "mov $0x512, %dx\n out %al, %dx\n");
MEASURE(bench_read, "mov (%r14), %al\n add %r13, %r14\n");
MEASURE(bench_write, "movb $1, (%r14)\n add %r13, %r14\n");
WALK(bench_walk, END);
WALK(bench_walk_halt, "xor %edi, %edi\n" KT_HALT);

void bench_code_page(const struct bench_program *program, uint8_t page[KT_PAGE])
{
	const uint64_t parameters[] = { program->rounds, program->address, program->stride };

	memset(page, 0, KT_PAGE);
	memcpy(page, program->code->start, program->code->end - program->code->start);
	memcpy(page + PARAMETERS, parameters, sizeof(parameters));
}

static int write_page(int fd, const void *page, uint64_t offset)
{
	ssize_t n = pwrite(fd, page, KT_PAGE, offset);

	if (n < 0)
		return -errno;
	return n == (ssize_t)KT_PAGE ? 0 : -EIO;
}

static int write_image(int fd, const struct bench_program *program, uint64_t data)
{
	const uint64_t data_offset = KT_CODE_OFFSET + KT_PAGE;
	uint8_t page[KT_PAGE] = { 0 };
	struct kt_elf elf;
	int ret;

	kt_elf_init(&elf, KT_PAGE);
	if (data) {
		elf.phdr[1] = elf.phdr[0];
		elf.phdr[1].p_offset = data_offset;
		elf.phdr[1].p_vaddr = BENCH_DATA_GPA;
		elf.phdr[1].p_paddr = BENCH_DATA_GPA;
		elf.phdr[1].p_filesz = data;
		elf.phdr[1].p_memsz = data;
		elf.ehdr.e_phnum = 2;
	}
	memcpy(page, &elf, sizeof(elf));
	ret = write_page(fd, page, 0);
	bench_code_page(program, page);
	if (!ret)
		ret = write_page(fd, page, KT_CODE_OFFSET);
	memset(page, 0x5a, sizeof(page));
	for (uint64_t at = 0; !ret && at < data; at += KT_PAGE)
		ret = write_page(fd, page, data_offset + at);
	/* Dirty pages could not be thrown out of the page cache. */
	return ret || !fsync(fd) ? ret : -errno;
}

int bench_image(const char *path, const struct bench_program *program, uint64_t data)
{
	int fd, ret;

	unlink(path);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755);
	if (fd < 0)
		return -errno;
	ret = write_image(fd, program, data);
	/* Closed before it is attached: an image that somebody may write is copied. */
	close(fd);
	if (ret)
		return ret;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
