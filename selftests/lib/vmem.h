/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM for tests of guest memory: an image with pages that can be told apart, and vCPUs
 * that do one job on it after the other.
 */
#ifndef VMEM_H
#define VMEM_H

#include "kevtest.h"

/* ---- an image: code that does jobs, and data ---- */

#define KT_DATA_OFFSET	(2 * KT_PAGE)
#define KT_DATA_GPA	(4 * KT_MIB)
/* A page of RAM that no job uses unless it is told to */
#define KT_SCRATCH_GPA	(32 * KT_PAGE)

struct kt_image {
	uint8_t head[KT_DATA_OFFSET];
	uint64_t pages;		/* of data */
	uint64_t size;		/* of the file, in bytes */
};

/* Describe an image with so many pages of data, which a guest finds from KT_DATA_GPA on. */
void kt_image_init(struct kt_image *image, uint64_t pages);
/* Its bytes, a multiple of eight from a multiple of eight on; for kt_fuse_file.fill */
void kt_image_fill(const void *image, uint64_t offset, void *bytes, size_t size);
/* Write it to a file. */
int kt_image_write(const struct kt_image *image, int fd);
/* What the first eight bytes of a data page are; no two are the same. */
uint64_t kt_image_word(uint64_t page);
/* The sum of these over all pages, as KT_SCAN gives it */
uint64_t kt_image_sum(const struct kt_image *image);

/* A file system at /disk whose page cache can be dropped; see bed-disk */
int kt_mount_disk(void);

/* ---- a VM of it ---- */

#define KT_VM_VCPUS	4

struct kt_vm_options {
	uint32_t flags;		/* KEV_VM_* */
	uint32_t huge_pages;
	uint32_t fault_around;	/* with KEV_VM_FAULT_AROUND */
	uint32_t attach;	/* KEV_ATTACH_* */
	uint32_t vcpus;		/* ids from 0; 0: one vCPU */
	uint64_t ram_kib;	/* behind the image's data */
	const char *abi;	/* NULL: "report" */
};

struct kt_vm {
	int kev, vm;
	uint32_t vcpus;
	int vcpu[KT_VM_VCPUS];
	struct kev_run *run[KT_VM_VCPUS];
};

/* Make a VM of an image's file; NULL: the options are all 0. */
int kt_vm_init(struct kt_vm *vm, const struct kt_image *image, int fd,
	       const struct kt_vm_options *options);
void kt_vm_fini(struct kt_vm *vm);

/* The first address behind the data: RAM, with kt_vm_options.ram_kib */
static inline uint64_t kt_vm_ram(const struct kt_image *image)
{
	return KT_DATA_GPA + image->pages * KT_PAGE;
}

/* ---- jobs ---- */

enum kt_op {
	KT_READ,	/* the result is the word at @address */
	KT_WRITE,	/* @value to the word at @address */
	KT_SCAN,	/* the result is the sum of the first words of all pages */
	KT_FILL,	/* @value + its index to the first word of each page */
	KT_COUNT,	/* add one to the word at @address, again and again */
	KT_WATCH,	/*
			 * read the word at @address until the one at address @value, read before,
			 * is not 0: the result is the last one; counts its reads
			 */
	KT_CALL,	/* call the code at @address */
	KT_END,		/* HaltCpu(@value), in a VM with abi = "kev" */
	KT_NR_OPS
};

struct kt_job {
	enum kt_op op;
	uint64_t address, value;
	/* SCAN and FILL: pages, the first one's index, and by how much it grows, round and round */
	uint64_t pages, first, step;
	uint64_t counter;	/* address of a word that SCAN, FILL and WATCH count in; 0: none */
};

/* What the vCPU does at its next RUN, which a job's end ends with KEV_EXIT_HYPERCALL */
int kt_vm_set(struct kt_vm *vm, uint32_t vcpu, const struct kt_job *job);
/* Do a job now: 0 with *result (may be NULL), -EREMOTEIO: another report, or an errno */
long kt_vm_do(struct kt_vm *vm, uint32_t vcpu, const struct kt_job *job, uint64_t *result);
/* The result of a job that has ended; false: RUN reported something else. */
bool kt_vm_result(const struct kt_vm *vm, uint32_t vcpu, uint64_t *result);

/* Wait until the vCPU has met more than @faults faults of its memory. */
void kt_wait_memory(int vcpu, uint64_t faults);

#endif /* VMEM_H */
