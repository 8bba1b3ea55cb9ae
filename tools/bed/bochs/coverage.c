// SPDX-License-Identifier: GPL-2.0
/*
 * With $BED_COVERAGE=FILE: which addresses of the kernel's modules are executed, by any processor,
 * in any context. FILE is a bitmap, a bit for each byte of the first MODULES_BYTES of where the
 * kernel has its modules: first those of kernels that cannot be relocated, then of those that can.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bed.h"

/* Also in bedlib/coverage.py */
#define MODULES_FIXED 0xffffffffa0000000ULL
#define MODULES_RELOCATABLE 0xffffffffc0000000ULL
#define MODULES_BYTES (32u << 20)
#define BITMAP_BYTES (2 * MODULES_BYTES / 8)

static uint8_t *executed;

static void before_execution(unsigned int number,
			     __attribute__((unused)) const struct bed_instruction *i)
{
	uint64_t at = bed_instruction_rip(number) - MODULES_FIXED;

	if (at >= MODULES_RELOCATABLE - MODULES_FIXED)
		at -= MODULES_RELOCATABLE - MODULES_FIXED - MODULES_BYTES;
	else if (at >= MODULES_BYTES)
		return;
	if (at / 8 < BITMAP_BYTES)
		executed[at / 8] |= 1 << at % 8;
}

static const char *start(const char *file)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || ftruncate(fd, BITMAP_BYTES))
		return "its file cannot be written";
	executed = mmap(NULL, BITMAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (executed == MAP_FAILED)
		return "its file cannot be mapped";
	return bed_instruction_watch(before_execution, NULL);
}

__attribute__((constructor)) static void coverage(void)
{
	const char *file = getenv("BED_COVERAGE");

	if (file && dlsym(RTLD_DEFAULT, "bx_mem"))
		bed_port_note("coverage: %s", start(file));
}
