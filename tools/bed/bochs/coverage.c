// SPDX-License-Identifier: GPL-2.0
/*
 * With $BED_COVERAGE=FILE: which addresses of the kernel's modules are executed, by any processor,
 * in any context. FILE is a bitmap, a bit for each byte of the first MODULES_BYTES of the modules'
 * part of the address space.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bed.h"

/* Also in bedlib/coverage.py */
#define MODULES_FIRST 0xffffffffc0000000ULL
#define MODULES_BYTES (32u << 20)

static uint8_t *executed;

static void before_execution(unsigned int number,
			     __attribute__((unused)) const struct bed_instruction *i)
{
	uint64_t at = bed_instruction_rip(number) - MODULES_FIRST;

	if (at < MODULES_BYTES)
		executed[at / 8] |= 1 << at % 8;
}

static const char *start(const char *file)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || ftruncate(fd, MODULES_BYTES / 8))
		return "its file cannot be written";
	executed = mmap(NULL, MODULES_BYTES / 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
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
