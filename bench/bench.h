/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark share. Everything is counted in ticks of the TSC,
 * which in the emulator are instructions; memory in bytes.
 *
 * Functions that return an int give 0 or a negative errno.
 */
#ifndef BENCH_H
#define BENCH_H

#include <linux/kvm.h>

#include "kevtest.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* ---- results: report.c ---- */

/* Whose VMs are measured */
enum bench_side { BENCH_KVM, BENCH_KEV };

#define BENCH_MAX_SAMPLES	1024

/* The samples of one thing that is measured */
struct bench_samples {
	size_t n;
	uint64_t values[BENCH_MAX_SAMPLES];
};

/* What was measured, and on what */
struct bench_name {
	const char *group, *name, *subject, *unit;
};

/* Samples beyond BENCH_MAX_SAMPLES are left out. */
void bench_add(struct bench_samples *samples, uint64_t value);
/* Both sort the samples; 0 if there are none. */
uint64_t bench_median(struct bench_samples *samples);
uint64_t bench_mean(struct bench_samples *samples);

/* Print the result: of the samples, or, with an error, that there is none. */
void bench_result(const struct bench_name *name, struct bench_samples *samples, int error);

/* The TSC, by an RDTSC whose address has a name: in one place only, in a function of its own */
#define BENCH_TSC(label) ({						\
	uint32_t low_, high_;						\
									\
	asm volatile("lfence\n.globl " #label "\n" #label ":\trdtsc"	\
		     : "=a"(low_), "=d"(high_) : : "memory");		\
	(uint64_t)high_ << 32 | low_;					\
})

/* Keeps a function with such an RDTSC from being there twice */
#define BENCH_ONCE	__attribute__((noinline, noclone))

/* The addresses of two RDTSCs between which a part of a row's operation is done */
struct bench_between {
	uint64_t from, to;
};

#define BENCH_PARTS	4

/*
 * The same of a row of the table: @figures has one figure of each repetition. What lies between
 * @nr_parts pairs of RDTSCs is, together, what @rounds operations execute.
 */
struct bench_where {
	size_t nr_parts;
	struct bench_between parts[BENCH_PARTS];
	uint64_t rounds;
};

void bench_row_result(const struct bench_name *name, const struct bench_where *where,
		      struct bench_samples *figures, int error);

/* Write all results to a file, as JSON. */
int bench_write_json(const char *path);
/* How many things were not measured */
size_t bench_missing(void);

/* ---- guests: program.c ---- */

/* Ports by which a guest talks to its host */
#define BENCH_PORT_SAMPLE	0x510	/* 32 bits: a sample */
#define BENCH_PORT_END		0x511	/* the guest is done */
#define BENCH_PORT_NOTHING	0x512	/* a port like any other */

/* Where a guest has memory to touch: image bytes, and RAM that nothing else uses */
#define BENCH_DATA_GPA		(KT_CODE_GPA + KT_PAGE)
#define BENCH_RAM_GPA		(32 * KT_MIB)
#define BENCH_MEMORY		(128 * KT_MIB)
/* A page where a device could be */
#define BENCH_DEVICE_GPA	(256 * KT_MIB)
/* What a guest that spins counts in, 32 bits */
#define BENCH_COUNTER_GPA	0x92000

/* A second vCPU, with the id 1 */
enum bench_other {
	BENCH_ALONE,		/* there is none */
	BENCH_STANDS,		/* it never runs */
	BENCH_RUNS,		/* it runs as long as the first one does */
	BENCH_WORKS,		/* it does the same, on another CPU, with memory of its own */
};

/* Code that does the same in every hypervisor, and what it works on */
struct bench_program {
	const struct kt_code *code;
	uint64_t rounds;
	uint64_t address, stride;	/* of code that touches memory */
	enum bench_other other;
};

/* Exits that the kernel answers */
extern const struct kt_code bench_empty, bench_hypercall, bench_print, bench_cpuid, bench_rdmsr,
	bench_wrmsr, bench_wrmsr_pat, bench_xsetbv, bench_cr0, bench_cr4, bench_cr8, bench_dr,
	bench_wbinvd;
/* The local APIC and its timer */
extern const struct kt_code bench_tpr, bench_eoi, bench_deadline, bench_ipi, bench_self_ipi,
	bench_expiry, bench_expiry_halted, bench_ping_pong;
/* Exits to user space */
extern const struct kt_code bench_out, bench_outs, bench_mmio_read, bench_mmio_write;
/* OUT for ever, from the first instruction on */
extern const struct kt_code bench_out_for_ever;
/* Count in BENCH_COUNTER_GPA for ever, interrupts off */
extern const struct kt_code bench_count;
/* Each round reads or writes one byte, and gives a sample */
extern const struct kt_code bench_read, bench_write;
/* The same with a single sample for all rounds; both vCPUs, each its own memory */
extern const struct kt_code bench_read_all, bench_write_all, bench_write_huge, bench_write_image;
/* Read without samples, then end by BENCH_PORT_END or HaltCpu */
extern const struct kt_code bench_walk, bench_walk_halt;
/* The same, then a byte to the serial port, and power off */
extern const struct kt_code bench_walk_print;

/* Where bench_image() makes its files: on a file system with a page cache of its own */
extern char bench_image_path[256];

/* Where the code's RDTSCs are: how many, at most @max */
size_t bench_rdtscs(const struct kt_code *code, uint64_t *gpa, size_t max);

/* The page at KT_CODE_GPA: code and what it reads its parameters from */
void bench_code_page(const struct bench_program *program, uint8_t page[KT_PAGE]);

/*
 * Make an image: the code page, and @data bytes behind it, none of them zero, from
 * BENCH_DATA_GPA on. Its descriptor, for reading.
 */
int bench_image(const struct bench_program *program, uint64_t data);

/* ---- VMs: vm.c, kvm.c, kev.c ---- */

#define BENCH_MAX_VCPUS	2

/* How a VM is made */
struct bench_how {
	uint64_t memory;		/* bytes; 0: BENCH_MEMORY */
	uint64_t data;			/* bytes of the image behind its code */
	uint32_t huge_pages;		/* enum kev_huge_pages; KVM: as madvise() can tell */
	uint32_t fault_around;		/* kev, pages; 0: as the module's parameter says */
	uint32_t attach_flags;		/* kev: KEV_ATTACH_* */
	const char *abi;		/* kev: of hypercalls; NULL: "kev" */
	bool device;			/* kev: there is a trap at BENCH_DEVICE_GPA */
	bool apics;			/* KVM: local APICs in the kernel */
	bool sync_registers;		/* KVM: in the run page after each exit */
};

struct bench_vm {
	enum bench_side side;
	int image, device, vm;		/* -1: not there */
	uint8_t *memory;		/* KVM's; of kev, what bench_vm_counter() has mapped */
	size_t memory_size;
	unsigned int nr_vcpus;
	struct bench_vcpu {
		int fd;
		union {
			struct kvm_run *kvm;
			struct kev_run *kev;
			void *run;
		};
	} vcpus[BENCH_MAX_VCPUS];
};

/* 18 of them: as user space wants them after an exit */
struct bench_registers {
	uint64_t gpr[KEV_NR_GPRS], rip, rflags;
};

/*
 * Make a VM of a program that is about to run: all of it, or, with an image that is there,
 * what begins with the open of the device. bench_vm_fini() is due, on failure too.
 */
int bench_vm_init(struct bench_vm *vm, enum bench_side side, const struct bench_program *program,
		  const struct bench_how *how);
int bench_vm_start(struct bench_vm *vm, enum bench_side side, int image,
		   const struct bench_program *program, const struct bench_how *how);
/* Give back everything but the VM's own descriptor, which is the last one of it. */
void bench_vm_release(struct bench_vm *vm);
void bench_vm_fini(struct bench_vm *vm);

/* Enter the guest once. */
long bench_vm_enter(struct bench_vm *vm, unsigned int vcpu);
/* Run to BENCH_PORT_END; @samples may be NULL. */
int bench_vm_run(struct bench_vm *vm, unsigned int vcpu, struct bench_samples *samples);
/* Both vCPUs, or the only one: what the program says */
int bench_vm_run_program(struct bench_vm *vm, const struct bench_program *program,
			 struct bench_samples *samples);
/* The whole life of a VM of a program */
int bench_vm_measure(enum bench_side side, const struct bench_program *program,
		     const struct bench_how *how, struct bench_samples *samples);
/*
 * After an exit the registers of the first vCPU: of kev copied out of the run page, of KVM asked
 * for, or, with @synced, copied likewise.
 */
int bench_vm_registers(struct bench_vm *vm, bool synced);
/* The word at BENCH_COUNTER_GPA, for this process; NULL if it cannot be had */
volatile uint32_t *bench_vm_counter(struct bench_vm *vm);

/*
 * The two sides of these; KVM has been asked once what holds for all of its VMs. What they
 * fill in is given back by bench_vm_fini().
 */
int bench_kvm_ask(void);
int bench_kvm_start(struct bench_vm *vm, const struct bench_program *program,
		    const struct bench_how *how);
int bench_kev_start(struct bench_vm *vm, const struct bench_program *program,
		    const struct bench_how *how);
int bench_kev_create_vm(int kev, const struct bench_how *how);
int bench_kev_attach(int vm, int image, const struct bench_how *how);
/* After a RUN: was it a port, or a device in memory (0); *data is what was written. */
int bench_kvm_port(const struct kvm_run *run, uint32_t *data);
int bench_kev_port(const struct kev_run *run, uint32_t *data);
size_t bench_kvm_run_size(void);

/* ---- the host: host.c ---- */

/* Ticks between two interrupts of the host's timer: 250 a second, by a clock of 3.5 GHz */
#define BENCH_TIMER	14000000

/* Into a memory cgroup of its own, or back to the root */
int bench_enter_cgroup(bool own);
/* Pages of 2 MiB for processes that ask: the kernel has them off on so small a machine. */
int bench_allow_huge_pages(void);
/* Raise the limit of open files for so many VMs. */
int bench_allow_vms(unsigned int vms);
/* Until what the kernel put off is done, as far as a process can tell */
void bench_settle(void);
/* Stay in user space for so many ticks; those of them that the kernel took */
uint64_t bench_stolen(uint64_t ticks);
/* Pages that the kernel's allocator has to give, and pages of processes, in bytes */
uint64_t bench_free_memory(void);
uint64_t bench_anonymous_memory(void);

/* The symbols of all modules, to a file */
void bench_save_symbols(const char *path);

/* ---- what is measured ---- */

/* A row of the table: rows.c */
struct bench_row {
	const char *name, *unit;
	/* One repetition: its samples, whose median is a figure */
	int (*measure)(const struct bench_row *row, enum bench_side side,
		       struct bench_samples *samples);
	struct bench_program program;
	struct bench_how how;
	bool once;			/* the samples of one repetition are the figures */
	unsigned int cpus;		/* the machine has so many; 0: one */
	bool cgroup;			/* in a memory cgroup, as every service is */
	bool each;			/* a sample is the sum of all rounds */
	uint64_t few;			/* rounds with bench_few; 0: as many as without */
	unsigned int vms;		/* of each repetition, one after the other; 0: one */
	bool kev_only;
	/* Where it reads the TSC, if not in the guest; a NULL is the guest's only RDTSC. */
	struct {
		const char *from, *to;
	} parts[BENCH_PARTS];
};

/* Where the host reads it: rows.c, life.c, fleet.c and kick.c */
extern const char bench_tsc_exited[], bench_tsc_read[];
extern const char bench_tsc_open[], bench_tsc_ran[], bench_tsc_close[], bench_tsc_closed[];
extern const char bench_tsc_grow[], bench_tsc_grown[];
extern const char bench_tsc_kick[], bench_tsc_kicked[], bench_tsc_returned[];

/* How a row is measured: by a program's own samples (rows.c), and the others */
int bench_row_program(const struct bench_row *row, enum bench_side side,
		      struct bench_samples *samples);
int bench_row_registers(const struct bench_row *row, enum bench_side side,
			struct bench_samples *samples);
int bench_row_kick(const struct bench_row *row, enum bench_side side,
		   struct bench_samples *samples);
int bench_row_start(const struct bench_row *row, enum bench_side side,
		    struct bench_samples *samples);
int bench_row_close(const struct bench_row *row, enum bench_side side,
		    struct bench_samples *samples);
int bench_row_cycle(const struct bench_row *row, enum bench_side side,
		    struct bench_samples *samples);
int bench_row_idle(const struct bench_row *row, enum bench_side side,
		   struct bench_samples *samples);

/* Is a thing to be measured, by what the command line named */
bool bench_wanted(const char *name, bool is_row);

/* Touch fewer pages: a profile can look at so many instructions only. */
extern bool bench_few;

/* Is there such a row */
bool bench_is_row(const char *name);

/* All rows of one side */
void bench_rows(enum bench_side side);

/* Groups beside the table. Those with a side are measured on both. */
void bench_exits(enum bench_side side);
void bench_returns(enum bench_side side);
void bench_scale(enum bench_side side);
void bench_pair(enum bench_side side);
void bench_kicks(enum bench_side side);
void bench_start(void);
void bench_faults(void);
void bench_many(void);
void bench_process(void);
void bench_net(void);

#endif /* BENCH_H */
