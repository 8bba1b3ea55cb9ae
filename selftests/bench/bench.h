/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark share. Everything is counted in ticks of the TSC,
 * which in the emulator are instructions; memory in KiB.
 *
 * Functions that return an int give 0 or a negative errno.
 */
#ifndef BENCH_H
#define BENCH_H

#include "kevtest.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* ---- results: report.c ---- */

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

/* Keep the result: of the samples, or, with an error, that there is none. */
void bench_result(const struct bench_name *name, const struct bench_samples *samples, int error);

/* Both return an exit status: 1 if something was not measured. */
int bench_print_table(void);
int bench_print_json(void);

/* ---- guests: program.c ---- */

/* Ports by which a guest talks to its host */
#define BENCH_PORT_SAMPLE	0x510	/* 32 bits: a sample */
#define BENCH_PORT_END		0x511	/* the guest is done */
#define BENCH_PORT_NOTHING	0x512	/* a port like any other */

/* Where a guest has memory to touch: image bytes, and RAM that nothing else uses */
#define BENCH_DATA_GPA		(2 * KT_MIB)
#define BENCH_RAM_GPA		(32 * KT_MIB)
#define BENCH_MEMORY		(128 * KT_MIB)
/* A page where a device could be */
#define BENCH_DEVICE_GPA	(256 * KT_MIB)

/* A second vCPU, with the id 1 */
enum bench_other { BENCH_ALONE, BENCH_STANDS, BENCH_RUNS };

/* Code that does the same in every hypervisor, and what it works on */
struct bench_program {
	const struct kt_code *code;
	uint64_t rounds;
	uint64_t address, stride;	/* of code that touches memory */
	enum bench_other other;
};

/* Exits that the kernel answers */
extern const struct kt_code bench_empty, bench_vmcall, bench_cpuid, bench_rdmsr, bench_wrmsr,
	bench_xsetbv, bench_cr0, bench_cr4, bench_cr8, bench_dr, bench_wbinvd;
/* The local APIC and its timer */
extern const struct kt_code bench_tpr, bench_eoi, bench_deadline, bench_ipi, bench_self_ipi,
	bench_expiry, bench_expiry_halted, bench_ping_pong;
/* Exits to user space */
extern const struct kt_code bench_out, bench_outs, bench_mmio_read, bench_mmio_write;
/* Each round reads or writes one byte, and gives a sample */
extern const struct kt_code bench_read, bench_write;
/* Read without samples, then end by BENCH_PORT_END or HaltCpu */
extern const struct kt_code bench_walk, bench_walk_halt;
/* The same, then a byte to the serial port, and power off */
extern const struct kt_code bench_walk_print;

/* The page at KT_CODE_GPA: code and what it reads its parameters from */
void bench_code_page(const struct bench_program *program, uint8_t page[KT_PAGE]);

/*
 * Write an image to @path: the code page, and @data bytes, none of them zero, that come
 * to BENCH_DATA_GPA. Its descriptor, for reading.
 */
int bench_image(const char *path, const struct bench_program *program, uint64_t data);

/* ---- hypervisors: kvm.c, kev.c ---- */

/* Run a program in a fresh VM and take its samples. */
int bench_kvm(const struct bench_program *program, struct bench_samples *samples);
/* So many RUNs that are told to return at once */
int bench_kvm_kick(const struct bench_program *program, struct bench_samples *samples);

/* How a kev VM is made */
struct bench_kev {
	int image;
	uint32_t attach_flags;		/* KEV_ATTACH_* */
	uint32_t huge_pages;		/* enum kev_huge_pages */
	uint32_t fault_around;		/* pages; 0: as the module's parameter says */
};

int bench_kev_create_vm(int kev, const struct bench_kev *how);
int bench_kev_attach(int vm, const struct bench_kev *how);
/* All of it: a VM that is about to run. kt_guest_fini() is due, on failure too. */
int bench_kev_init(struct kt_guest *guest, const struct bench_kev *how);
/* Run to BENCH_PORT_END; @samples may be NULL. */
int bench_kev_run(struct kt_guest *guest, struct bench_samples *samples);

/* ---- what is measured: exits.c, kick.c, start.c, faults.c, many.c, process.c, net.c ---- */

/* Each makes its images at @path. */
void bench_exits(const char *path);
/* The part of it that is measured from outside: for KVM, without a path */
void bench_kicks(const char *subject, const char *path);
void bench_start(const char *path);
void bench_faults(const char *path);
void bench_many(const char *path);
void bench_process(const char *path);
/* Guests of kevctl's, without an image of its own */
void bench_net(void);

#endif /* BENCH_H */
