/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest that does what a table says: each vCPU has a list of steps and writes down what
 * came of them, and the vectors of the interrupts that it took.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "kevtest.h"

enum kt_step_op {
	KT_S_END,	/* the script has ended: KEV_EXIT_HYPERCALL; the next RUN begins it anew */
	KT_S_RDMSR,	/* @arg */
	KT_S_WRMSR,	/* @arg, @value */
	KT_S_HLT,	/* STI, HLT, CLI */
	KT_S_WINDOW,	/* interrupts on, for some instructions */
	KT_S_CPUID,	/* @arg: EAX in the low half of the result, EDX in the high half */
	KT_S_RDTSC,
	KT_S_SET_CR8,	/* @value */
	KT_S_GET_CR8,
	KT_S_LOAD,	/* 4 bytes at @arg */
	KT_S_STORE,	/* @value to 4 bytes at @arg */
	KT_S_WAIT,	/* until the 4 bytes at @arg are @value */
	KT_S_SPIN,	/* for ever, with interrupts on */
	KT_S_CLI_HLT,	/* HLT with interrupts off, for ever */
	KT_S_HALT_CPU,	/* HaltCpu(@value), with abi = "kev" */
	KT_S_ADD,	/* add @value to 4 bytes at @arg, atomically */
	KT_S_TICKS,	/* interrupts on until @value ticks of the TSC have passed */
	KT_S_TOOK,	/* interrupts on until this script has taken @value of them, or for long */
	KT_S_EOI,	/* @value: what a handler does: KT_EOI_* */
	KT_NR_STEP_OPS
};

#define KT_EOI_NONE	0
#define KT_EOI_X2APIC	1	/* the default */
#define KT_EOI_XAPIC	2	/* by a store to the page at its usual place */

/* struct kt_step.fault: no exception */
#define KT_S_DONE	0
/* An exception, by its vector */
#define KT_S_FAULT(vector)	(0x100 | (vector))
#define KT_S_GP		KT_S_FAULT(13)

/* One step, as the guest has it in memory */
struct kt_step {
	uint32_t op, arg;
	uint64_t value;
	uint64_t result;	/* out */
	uint64_t fault;		/* out */
};

#define KT_MAX_STEPS	64
#define KT_SCRIPT_LOG	256

/* What a vCPU has; by id modulo 64 from KT_SCRIPT_GPA on */
struct kt_script_page {
	struct kt_step steps[KT_MAX_STEPS];
	uint32_t taken;			/* interrupts and NMIs so far */
	uint32_t eoi;			/* KT_EOI_* */
	uint8_t log[KT_SCRIPT_LOG];	/* their vectors */
	uint8_t stack[KT_PAGE - 8 - KT_SCRIPT_LOG - KT_MAX_STEPS * sizeof(struct kt_step)];
};

#define KT_SCRIPT_GPA	0x20000UL
/* Memory that nothing uses, for steps that share it */
#define KT_SCRIPT_SHARED	0x90000U
/* Page of the start-up code that kt_script_init() has put there: long mode, then the script */
#define KT_SCRIPT_SIPI	0x8

#define KT_SCRIPT_VCPUS	64

struct kt_script {
	int kev, vm;
	struct {
		int fd;
		struct kev_run *run;
		struct kt_script_page *page;
	} vcpu[KT_SCRIPT_VCPUS];		/* by id modulo 64 */
	struct kt_script_page *pages;
};

/* Make a VM without vCPUs; abi "kev". */
int kt_script_init(struct kt_script *script, uint32_t flags);
void kt_script_fini(struct kt_script *script);
int kt_script_vcpu(struct kt_script *script, uint32_t id);
/* Give a vCPU @nr steps; the end is added. */
void kt_script_set(struct kt_script *script, uint32_t id, const struct kt_step *steps, size_t nr);
/* RUN a vCPU until the script's end: 0, -EREMOTEIO: another report, or an errno */
long kt_script_run(struct kt_script *script, uint32_t id);
/* Set and run */
long kt_script_do(struct kt_script *script, uint32_t id, const struct kt_step *steps, size_t nr);

#define KT_DO(script, id, ...)								\
({											\
	const struct kt_step _steps[] = { __VA_ARGS__ };				\
	kt_script_do(script, id, _steps, ARRAY_SIZE(_steps));		\
})
#define KT_SET(script, id, ...)								\
({											\
	const struct kt_step _steps[] = { __VA_ARGS__ };				\
	kt_script_set(script, id, _steps, ARRAY_SIZE(_steps));		\
})

#define STEP_AT(op_, arg_, value_)	{ .op = (op_), .arg = (arg_), .value = (value_) }
#define STEP(op, value)		STEP_AT(op, 0, value)
#define WRMSR(index, value)	STEP_AT(KT_S_WRMSR, index, value)
#define RDMSR(index)		STEP_AT(KT_S_RDMSR, index, 0)

static inline int kt_slot(uint32_t id)
{
	return id % KT_SCRIPT_VCPUS;
}

#define X2APIC_ID	0x802
#define X2APIC_VERSION	0x803
#define X2APIC_TPR	0x808
#define X2APIC_PPR	0x80a
#define X2APIC_EOI	0x80b
#define X2APIC_LDR	0x80d
#define X2APIC_SVR	0x80f
#define X2APIC_ISR	0x810
#define X2APIC_TMR	0x818
#define X2APIC_IRR	0x820
#define X2APIC_ESR	0x828
#define X2APIC_ICR	0x830
#define X2APIC_LVT_TIMER	0x832
#define X2APIC_LVT_LINT0	0x835
#define X2APIC_LVT_ERROR	0x837
#define X2APIC_TMICT	0x838
#define X2APIC_TMCCT	0x839
#define X2APIC_TDCR	0x83e
#define X2APIC_SELF_IPI	0x83f
#define MSR_APIC_BASE	0x1b
#define MSR_TSC		0x10
#define MSR_TSC_ADJUST	0x3b
#define MSR_DEADLINE	0x6e0

/* The local APIC on, in x2APIC mode; spurious vector 0xff */
#define KT_APIC_ON								\
	WRMSR(MSR_APIC_BASE, 0xfee00c00),			\
	WRMSR(X2APIC_SVR, 0x1ff)

#endif /* SCRIPT_H */
