// SPDX-License-Identifier: GPL-2.0
/* Round trips out of the guest and back, seen from inside: KVM first, then kev */
#include <cpuid.h>
#include <stdbool.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS	256

static const struct trip {
	const char *name;
	const struct kt_code *code;
	uint32_t huge_pages;
	enum bench_other other;
	bool device;		/* the address is a device's, not RAM */
	bool needs_xsave;
} trips[] = {
	{ .name = "nothing", .code = &bench_empty },
	{ .name = "VMCALL, kev: Print of no bytes", .code = &bench_vmcall },
	{ .name = "CPUID", .code = &bench_cpuid },
	{ .name = "RDMSR of IA32_MISC_ENABLE", .code = &bench_rdmsr },
	{ .name = "WRMSR to IA32_PAT", .code = &bench_wrmsr },
	{ .name = "XSETBV", .code = &bench_xsetbv, .needs_xsave = true },
	{ .name = "MOV to CR0", .code = &bench_cr0 },
	{ .name = "MOV to CR4", .code = &bench_cr4, .needs_xsave = true },
	{ .name = "MOV to CR8", .code = &bench_cr8 },
	{ .name = "MOV to DR0", .code = &bench_dr },
	{ .name = "WBINVD", .code = &bench_wbinvd },
	{ .name = "TPR by MSR", .code = &bench_tpr },
	{ .name = "EOI by MSR", .code = &bench_eoi },
	{ .name = "TSC deadline", .code = &bench_deadline },
	{ .name = "IPI to a vCPU that stands", .code = &bench_ipi, .other = BENCH_STANDS },
	{ .name = "IPI to oneself, and its handler", .code = &bench_self_ipi },
	{ .name = "deadline to handler, running", .code = &bench_expiry },
	{ .name = "deadline to handler, halted", .code = &bench_expiry_halted },
	{ .name = "IPI between two that halt, and back", .code = &bench_ping_pong,
	  .other = BENCH_RUNS },
	{ .name = "OUT to user space", .code = &bench_out },
	{ .name = "OUTSB of 64 bytes to user space", .code = &bench_outs },
	{ .name = "read from a device in memory", .code = &bench_mmio_read, .device = true },
	{ .name = "write to a device in memory", .code = &bench_mmio_write, .device = true },
	{ .name = "first write to 4 KiB of RAM", .code = &bench_write,
	  .huge_pages = KEV_HUGE_NEVER },
};

/* The second vCPU runs in a thread of its own until it is kicked. */
static int run_with_other(struct kt_guest *guest, enum bench_other other,
			  struct bench_samples *samples)
{
	struct kt_runner runner;
	int vcpu, ret;

	vcpu = kt_create_vcpu(guest->vm, 1);
	if (vcpu < 0)
		return vcpu;
	ret = other == BENCH_RUNS ? kt_runner_start(&runner, vcpu, -1) : 0;
	if (!ret) {
		ret = bench_kev_run(guest, samples);
		if (other == BENCH_RUNS)
			kt_runner_kick(&runner);
	}
	close(vcpu);
	return ret;
}

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
		ret = kt_add_region(guest.vm, KEV_REGION_TRAP, 0, BENCH_DEVICE_GPA, KT_PAGE);
	if (!ret && program->other == BENCH_ALONE)
		ret = bench_kev_run(&guest, samples);
	else if (!ret)
		ret = run_with_other(&guest, program->other, samples);
	kt_guest_fini(&guest);
	close(how.image);
	return ret;
}

static bool has_xsave(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(1, eax, ebx, ecx, edx);
	return ecx & bit_XSAVE;
}

static int run_trip(const struct trip *trip, const char *path, struct bench_samples *samples)
{
	const struct bench_program program = {
		.code = trip->code,
		.rounds = ROUNDS,
		.address = trip->device ? BENCH_DEVICE_GPA : BENCH_RAM_GPA,
		.stride = KT_PAGE,
		.other = trip->other,
	};

	if (trip->needs_xsave && !has_xsave())
		return -EOPNOTSUPP;
	if (path)
		return run_kev(path, &program, trip->huge_pages, samples);
	return bench_kvm(&program, samples);
}

static void run_all(const char *subject, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(trips); i++) {
		const struct bench_name name = { "exits", trips[i].name, subject, "ticks" };
		static struct bench_samples samples;
		int ret;

		samples.n = 0;
		ret = run_trip(&trips[i], path, &samples);
		bench_result(&name, &samples, ret);
	}
	bench_kicks(subject, path);
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
