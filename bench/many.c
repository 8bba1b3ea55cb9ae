// SPDX-License-Identifier: GPL-2.0
/* What memory many VMs of one image take: all of 16 MiB is touched in each */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

#define IMAGE	(16 * KT_MIB)
#define MAX_VMS	32

static const struct {
	const char *how;
	uint32_t attach_flags;
	int vms;
} setups[] = {
	{ "shared", 0, 1 },
	{ "shared", 0, 8 },
	{ "shared", 0, MAX_VMS },
	/* 32 of them would need more than the machine has. */
	{ "copied", KEV_ATTACH_COPY, 1 },
	{ "copied", KEV_ATTACH_COPY, 8 },
};

/* What of the VMs' memory is told apart */
enum part { HOST, PRIVATE, SHARED, TABLES, NR_PARTS };

static const char *const names[NR_PARTS] = {
	[HOST] = "the host's free memory shrinks by",
	[PRIVATE] = "pages of single VMs",
	[SHARED] = "pages of the page cache, each time",
	[TABLES] = "page tables",
};

static uint64_t free_kib(void)
{
	return bench_free_memory() >> 10;
}

/* A module that does not share must not make the host run out of memory. */
static bool has_room(void)
{
	return free_kib() > 2 * IMAGE >> 10;
}

static uint64_t pages_kib(uint64_t pages)
{
	return pages * KT_PAGE >> 10;
}

static int start(struct bench_vm *vm, int image, const struct bench_program *program,
		 const struct bench_how *how, uint64_t kib[NR_PARTS])
{
	struct kev_vm_stats stats;
	int ret = bench_vm_start(vm, BENCH_KEV, image, program, how);

	if (!ret)
		ret = bench_vm_run(vm, 0, NULL);
	stats = kt_vm_stats(vm->vm);
	kib[PRIVATE] += pages_kib(stats.resident_pages - stats.shared_pages);
	kib[SHARED] += pages_kib(stats.shared_pages);
	kib[TABLES] += pages_kib(stats.table_pages);
	return ret;
}

/* The VMs live until all are there and the host's memory was looked at. */
static int measure(int image, const struct bench_program *program, const struct bench_how *how,
		   int vms, uint64_t kib[NR_PARTS])
{
	static struct bench_vm fleet[MAX_VMS];
	uint64_t before;
	int started = 0, ret;

	ret = kt_write_file("/proc/sys/vm/drop_caches", "3");
	bench_settle();
	before = free_kib();
	while (!ret && started < vms) {
		if (has_room())
			ret = start(&fleet[started++], image, program, how, kib);
		else
			ret = -ENOMEM;
	}
	kib[HOST] = before - free_kib();
	for (int i = 0; i < started; i++)
		bench_vm_fini(&fleet[i]);
	return ret;
}

static void report(size_t i, const uint64_t kib[NR_PARTS], int error)
{
	char group[80];

	snprintf(group, sizeof(group), "memory: 16 MiB image, all touched, %s, %d VM%s",
		 setups[i].how, setups[i].vms, setups[i].vms > 1 ? "s" : "");
	for (enum part part = 0; part < NR_PARTS; part++) {
		const struct bench_name name = { group, names[part], "kev", "KiB" };
		struct bench_samples sample = { 1, { kib[part] } };

		bench_result(&name, &sample, error);
	}
}

void bench_many(void)
{
	const struct bench_program program = {
		.code = &bench_walk,
		.rounds = IMAGE / KT_PAGE,
		.address = BENCH_DATA_GPA,
		.stride = KT_PAGE,
	};
	int image = bench_image(&program, IMAGE);

	for (size_t i = 0; i < ARRAY_SIZE(setups); i++) {
		const struct bench_how how = {
			.data = IMAGE, .attach_flags = setups[i].attach_flags
		};
		uint64_t kib[NR_PARTS] = { 0 };

		report(i, kib, image < 0 ? image :
		       measure(image, &program, &how, setups[i].vms, kib));
	}
	if (image >= 0)
		close(image);
}
