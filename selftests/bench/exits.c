// SPDX-License-Identifier: GPL-2.0
/* Round trips out of the guest and back, seen from inside: KVM first, then kev */
#include <unistd.h>

#include "bench.h"

#define ROUNDS	256

static const struct {
	const char *name;
	const struct kt_code *code;
	uint32_t huge_pages;
} trips[] = {
	{ "nothing", &bench_empty, KEV_HUGE_DEFAULT },
	{ "VMCALL, kev: Print of no bytes", &bench_vmcall, KEV_HUGE_DEFAULT },
	{ "CPUID", &bench_cpuid, KEV_HUGE_DEFAULT },
	{ "RDMSR of IA32_MISC_ENABLE", &bench_rdmsr, KEV_HUGE_DEFAULT },
	{ "OUT to user space", &bench_out, KEV_HUGE_DEFAULT },
	{ "first write to 4 KiB of RAM", &bench_write, KEV_HUGE_NEVER },
};

static int run_kev(const char *path, const struct bench_program *program,
		   uint32_t huge_pages, struct bench_samples *samples)
{
	struct bench_kev how = { .huge_pages = huge_pages };
	struct kt_guest guest;
	int ret;

	how.image = bench_image(path, program, 0);
	if (how.image < 0)
		return how.image;
	ret = bench_kev_init(&guest, &how);
	if (!ret)
		ret = bench_kev_run(&guest, samples);
	kt_guest_fini(&guest);
	close(how.image);
	return ret;
}

static void run_all(const char *subject, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(trips); i++) {
		const struct bench_name name = { "exits", trips[i].name, subject, "ticks" };
		const struct bench_program program = {
			.code = trips[i].code,
			.rounds = ROUNDS,
			.address = BENCH_RAM_GPA,
			.stride = KT_PAGE,
		};
		static struct bench_samples samples;
		int ret;

		samples.n = 0;
		if (path)
			ret = run_kev(path, &program, trips[i].huge_pages, &samples);
		else
			ret = bench_kvm(&program, &samples);
		bench_result(&name, &samples, ret);
	}
}

/*
 * Both have VMX as long as they have a VM. KVM's module is unloaded again, so that what
 * is measured later has the machine to itself.
 */
void bench_exits(const char *path)
{
	static const char *const load[] = { "modprobe", "kvm_intel", NULL };

	kt_command(load);
	run_all("KVM", NULL);
	kt_unload_module("kvm_intel");
	kt_unload_module("kvm");
	run_all("kev", path);
}
