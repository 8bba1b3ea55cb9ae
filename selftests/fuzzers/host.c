// SPDX-License-Identifier: GPL-2.0
/* MSRs, control and descriptor-table registers of the host, and its own judgement of itself */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/kevtest.h"
#include "common.h"
#include "host.h"

/* Those that do not change by themselves */
static const uint32_t msrs[] = {
	0x1b,		/* APIC_BASE */
	0x3a,		/* FEATURE_CONTROL */
	0x174, 0x175, 0x176,	/* SYSENTER */
	0x1a0,		/* MISC_ENABLE */
	0x1d9,		/* DEBUGCTL */
	0x277,		/* PAT */
	0x2ff,		/* MTRR_DEF_TYPE */
	0xda0,		/* XSS */
	0xc0000080,	/* EFER */
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,	/* STAR to FMASK */
	0xc0000100, 0xc0000101, 0xc0000102,	/* FS_BASE, GS_BASE, KERNEL_GS_BASE */
	0xc0000103,	/* TSC_AUX */
};

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static struct host {
	uint64_t msr[ARRAY_SIZE(msrs)];
	struct table gdt, idt;
	uint64_t xcr0;
	long taints;
} remembered;

static int msr_device = -1;

static uint64_t xcr0(void)
{
	uint32_t low, high;

	if (!__builtin_cpu_supports("avx"))
		return 0;
	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

static void look(struct host *host)
{
	memset(host, 0, sizeof(*host));
	/* Not every CPU has all of them. */
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		if (pread(msr_device, &host->msr[i], sizeof(uint64_t), msrs[i]) < 0)
			host->msr[i] = 0;
	asm volatile("sgdt %0" : "=m"(host->gdt));
	asm volatile("sidt %0" : "=m"(host->idt));
	host->xcr0 = xcr0();
	host->taints = kt_read_number("/proc/sys/kernel/tainted");
}

bool fz_host_remember(void)
{
	char path[32];

	kt_command((const char *const[]) { "modprobe", "msr", NULL });
	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", sched_getcpu());
	msr_device = open(path, O_RDONLY | O_CLOEXEC);
	if (msr_device < 0) {
		printf("the host's MSRs cannot be read: %s: %s\n", path, strerror(errno));
		return false;
	}
	look(&remembered);
	return true;
}

bool fz_host_unharmed(void)
{
	struct host now;

	look(&now);
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		if (now.msr[i] != remembered.msr[i])
			printf("the host's MSR %x was %" PRIx64 " and is %" PRIx64 "\n", msrs[i],
			       remembered.msr[i], now.msr[i]);
	if (memcmp(&now.gdt, &remembered.gdt, sizeof(now.gdt)) ||
	    memcmp(&now.idt, &remembered.idt, sizeof(now.idt)))
		puts("the host's GDTR or IDTR has changed");
	if (now.xcr0 != remembered.xcr0)
		puts("the host's XCR0 has changed");
	if (now.taints != remembered.taints)
		puts("there is a report in the kernel's log");
	return !memcmp(&now, &remembered, sizeof(now));
}
