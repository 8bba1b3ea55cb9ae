// SPDX-License-Identifier: GPL-2.0
/*
 * Commands for Bochs' debugger, which reads its script with fgets():
 *
 *   bed-save DIR         write the machine's whole state to DIR (bochs -r DIR restores it)
 *   bed-load FILE ADDR   copy FILE to physical address ADDR
 *   bed-leave            end Bochs
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bed.h"

/*
 * bx_real_sim_c::save_state(const char *), a method; and BX_MEM_C::dbg_set_mem(BX_CPU_C *, phys,
 * len, buf), which is a static member in every usual build: there is one memory.
 */
#define SYM_SAVE "_ZN13bx_real_sim_c10save_stateEPKc"
#define SYM_SET_MEM "_ZN8BX_MEM_C11dbg_set_memEP8BX_CPU_CmjPh"

static void command_save(const char *dir)
{
	void **sim = dlsym(RTLD_DEFAULT, "SIM");
	uint8_t (*save)(void *sim, const char *dir) = dlsym(RTLD_DEFAULT, SYM_SAVE);

	if (!sim || !save)
		bed_port_note("save: this Bochs has no %s", SYM_SAVE);
	else if (mkdir(dir, 0755) && errno != EEXIST)
		bed_port_note("save: %s: %m", dir);
	else
		bed_port_note("save: %s", save(*sim, dir) ? "done" : "Bochs failed");
}

static void command_load(const char *file, uint64_t addr)
{
	uint8_t (*set)(void *cpu, uint64_t addr, unsigned int len, void *buf) =
		dlsym(RTLD_DEFAULT, SYM_SET_MEM);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	uint64_t len = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	void *data = len ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;

	if (!set)
		bed_port_note("load: this Bochs has no %s", SYM_SET_MEM);
	else if (data == MAP_FAILED)
		bed_port_note("load: %s: %m", file);
	else if (!set(NULL, addr, len, data))
		bed_port_note("load: %s does not fit at %#lx", file, (unsigned long)addr);
	else
		bed_port_note("load: done");
	if (fd >= 0)
		close(fd);
}

char *fgets(char *s, int size, FILE *f)
{
	static char *(*real)(char *s, int size, FILE *f);
	char name[512];
	uint64_t addr;

	if (!real)
		real = dlsym(RTLD_NEXT, "fgets");
	while (real(s, size, f)) {
		if (sscanf(s, "bed-save %511s", name) == 1)
			command_save(name);
		else if (sscanf(s, "bed-load %511s %lx", name, &addr) == 2)
			command_load(name, addr);
		else if (!strncmp(s, "bed-leave", 9))
			_exit(0);
		else
			return s;
	}
	return NULL;
}
