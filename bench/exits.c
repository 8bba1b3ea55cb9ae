// SPDX-License-Identifier: GPL-2.0
/* Round trips out of the guest and back that the table does not have, seen from inside */
#include <cpuid.h>

#include "bench.h"

#define ROUNDS	256

static const struct trip {
	const char *name;
	const struct kt_code *code;
	enum bench_other other;
	bool needs_xsave;
} trips[] = {
	{ .name = "nothing", .code = &bench_empty },
	{ .name = "WRMSR to IA32_PAT", .code = &bench_wrmsr_pat },
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
	{ .name = "OUTSB of 64 bytes to user space", .code = &bench_outs },
	{ .name = "read from a device in memory", .code = &bench_mmio_read },
};

static bool has_xsave(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(1, eax, ebx, ecx, edx);
	return ecx & bit_XSAVE;
}

static int run_trip(const struct trip *trip, enum bench_side side,
		    struct bench_samples *samples)
{
	const struct bench_program program = {
		.code = trip->code,
		.rounds = ROUNDS,
		.address = BENCH_DEVICE_GPA,
		.other = trip->other,
	};
	const struct bench_how how = { .device = true, .apics = true };

	if (trip->needs_xsave && !has_xsave())
		return -EOPNOTSUPP;
	return bench_vm_measure(side, &program, &how, samples);
}

void bench_exits(enum bench_side side)
{
	for (size_t i = 0; i < ARRAY_SIZE(trips); i++) {
		const struct bench_name name = {
			"other exits", trips[i].name, side == BENCH_KVM ? "KVM" : "kev",
			"instructions",
		};
		static struct bench_samples samples;
		int ret;

		samples.n = 0;
		ret = run_trip(&trips[i], side, &samples);
		bench_result(&name, &samples, ret);
	}
}
