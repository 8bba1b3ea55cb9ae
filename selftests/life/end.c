// SPDX-License-Identifier: GPL-2.0
/*
 * Ends the machine while a guest runs on each of its CPUs.
 *
 *   end reset      restart, as reboot(8) does
 *   end panic      panic; panic= on the command line says what follows
 *   end kexec      restart into another program, without the firmware in between
 *   end crash      panic into it; needs crashkernel= on the command line
 *
 * The other program is next.S, which tells on the serial line whether it can start the
 * other CPUs.
 */
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kevtest.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define MAX_CPUS	8
/* RAM on every machine of the bed */
#define NEXT_BASE	(64 * KT_MIB)

/* What next.S needs: an identity map of 4 GiB in pages of 2 MiB, and itself */
struct next {
	uint64_t pml4[512];
	uint64_t pdpt[512];
	uint64_t pd[4 * 512];
	uint8_t code[KT_PAGE];
};

extern const char next_start[], next_end[];

static int fail(const char *what, int ret)
{
	fprintf(stderr, "end: %s: %s\n", what, strerror(-ret));
	return 1;
}

/* A guest on each CPU, in its guest when this returns 0 */
static int start_guests(void)
{
	static struct kt_runner runners[MAX_CPUS];
	static struct kt_guest guests[MAX_CPUS];
	int ret = 0;

	for (int cpu = 0; !ret && cpu < kt_nr_cpus() && cpu < MAX_CPUS; cpu++) {
		ret = kt_guest_init(&guests[cpu], &kt_spin, 0, NULL);
		if (!ret)
			ret = kt_runner_enter(&runners[cpu], guests[cpu].vcpu, cpu);
	}
	return ret;
}

/* The memory that crashkernel= keeps free, or 0 */
static uint64_t crash_base(void)
{
	FILE *file = fopen("/proc/iomem", "r");
	unsigned long start = 0, first;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, "Crash kernel") && sscanf(line, "%lx-", &first) == 1)
			start = first;
	if (file)
		fclose(file);
	return start;
}

static int load_next(uint64_t base, unsigned long flags)
{
	static struct next next;
	const struct kexec_segment segment = {
		.buf = &next,
		.bufsz = sizeof(next),
		.mem = (void *)base,
		.memsz = sizeof(next),
	};

	if (!base)
		return -ENOMEM;
	next.pml4[0] = (base + offsetof(struct next, pdpt)) | 3;
	for (int i = 0; i < 4; i++)
		next.pdpt[i] = (base + offsetof(struct next, pd) + i * KT_PAGE) | 3;
	for (uint64_t i = 0; i < 4 * 512; i++)
		next.pd[i] = i * 2 * KT_MIB | 0x83;
	memcpy(next.code, next_start, next_end - next_start);
	return syscall(SYS_kexec_load, base + offsetof(struct next, code), 1, &segment,
		       flags | KEXEC_ARCH_X86_64) ? -errno : 0;
}

static int restart(unsigned int how)
{
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, how, NULL);
	return -errno;
}

static int reset(void)
{
	return restart(LINUX_REBOOT_CMD_RESTART);
}

static int restart_into(void)
{
	return restart(LINUX_REBOOT_CMD_KEXEC);
}

static int panic(void)
{
	return kt_write_file("/proc/sysrq-trigger", "c");
}

static int prepare_kexec(void)
{
	return load_next(NEXT_BASE, 0);
}

static int prepare_crash(void)
{
	return load_next(crash_base(), KEXEC_ON_CRASH);
}

static const struct {
	const char *name;
	int (*prepare)(void);
	int (*end)(void);
} ways[] = {
	{ "reset", NULL, reset },
	{ "panic", NULL, panic },
	{ "kexec", prepare_kexec, restart_into },
	{ "crash", prepare_crash, panic },
};

static int end(size_t way)
{
	const struct sched_param first = { .sched_priority = 1 };
	int ret;

	ret = ways[way].prepare ? ways[way].prepare() : 0;
	if (ret)
		return fail("prepare", ret);
	ret = start_guests();
	if (ret)
		return fail("guests", ret);
	/* On the CPU that starts the others, where this thread comes before the guest */
	ret = kt_pin(0);
	if (!ret && sched_setscheduler(0, SCHED_FIFO, &first))
		ret = -errno;
	return fail(ways[way].name, ret ? ret : ways[way].end());
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (argc == 2 && !strcmp(argv[1], ways[i].name))
			return end(i);
	fprintf(stderr, "usage: end reset|panic|kexec|crash\n");
	return 2;
}
