/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An instruction that kev carries out for a vCPU, from its exit to its end.
 */
#ifndef _KEV_EMULATION_H
#define _KEV_EMULATION_H

#include <linux/kev.h>
#include <linux/types.h>
#include <kev/emulate.h>
#include <kev/exit.h>
#include <kev/walk.h>

struct kev_vcpu;

/* An operand that crosses pages is up to four accesses; it is read and written. */
#define KEV_EMULATION_ACCESSES	8

/* struct kev_device_access - what a device has seen, or is asked for */
struct kev_device_access {
	u64 gpa;
	u64 data;
	u8 width;
	bool write;
};

/* struct kev_translation - a page that the instruction has been to */
struct kev_translation {
	bool valid;
	u64 linear;
	struct kev_place place;
};

/* So many instructions are remembered, by the low bits of their address. */
#define KEV_NR_KNOWN	4

/**
 * struct kev_known - a plain load or store in 64-bit code, and where it was found
 * @code: where its first 8 bytes are, in one page; NULL: nothing is known
 * @rip: its address
 * @cr3: page-table base of the guest
 * @flushes: kev_vm.flush_wanted before memory was looked at: while it stays, so do all
 *	addresses here
 * @nr: entries of the guest's page tables that lead from @cr3 to @rip
 * @entry: where they are
 * @value: what they were
 * @bytes: what @code was, under @mask
 * @mask: the bytes of the instruction
 * @insn: the instruction
 * @device: the page of a device at which it was last; ~0: none yet
 * @map_nr: kev_mem.map_nr at that time: while it stays, so does the device
 */
struct kev_known {
	const u64 *code;
	u64 rip;
	u64 cr3;
	u64 flushes;
	u8 nr;
	const u64 *entry[5];
	u64 value[5];
	u64 bytes;
	u64 mask;
	struct kev_insn insn;
	u64 device;
	u64 map_nr;
};

/**
 * struct kev_emulation - an instruction under way
 * @active: it has begun and is not done: the exit is finished by kev_emulate()
 * @done: devices have seen so many of @access
 * @at: the next of @access in this try
 * @access: accesses to devices, in order: each is made once, whatever the instruction has
 *	to wait for
 * @string_done: values of a string that the port has seen, or 0
 * @string_asked: values in the report that waits for its answer, or 0
 * @values: of the string
 * @bytes: the instruction
 * @nr_bytes: of them that could be read
 * @insn: @bytes, decoded
 * @cpu: registers, as the instruction finds and leaves them
 * @state: where @cpu is filled from
 * @paging: likewise
 * @seen: pages, the one last read and the one last written
 * @verdict: with KEV_EXECUTED_STOP, what the run loop is to do
 * @plain: the load that user space is asked to complete; it is not @active
 * @known: see there
 *
 * All of it belongs to the owner of the vCPU.
 */
struct kev_emulation {
	bool active;
	u8 done;
	u8 at;
	struct kev_device_access access[KEV_EMULATION_ACCESSES];
	u32 string_done;
	u32 string_asked;
	u8 values[KEV_RUN_DATA];
	u8 bytes[KEV_INSN_MAX_LENGTH];
	u8 nr_bytes;
	struct kev_insn insn;
	struct kev_cpu cpu;
	struct kev_vcpu_state state;
	struct kev_paging paging;
	struct kev_translation seen[2];
	enum kev_verdict verdict;
	const struct kev_known *plain;
	struct kev_known known[KEV_NR_KNOWN];
};

/**
 * kev_is_device() - is an access that guest memory refuses one to a device
 * @kind: enum kev_region_kind of what refuses it
 * @access: KEV_MEM_* that was tried
 *
 * Return: true: it goes to a device; else it is an error of the guest's.
 */
static inline bool kev_is_device(u32 kind, u32 access)
{
	if (access & KEV_MEM_EXEC)
		return false;
	switch (kind) {
	case KEV_REGION_TRAP:
		return true;
	case KEV_REGION_READ_TRAP:
	case KEV_REGION_PRINT:
		return access & KEV_MEM_WRITE;
	default:
		return false;
	}
}

enum kev_verdict kev_emulate(struct kev_vcpu *vcpu);
int kev_emulate_answer(struct kev_vcpu *vcpu, u64 data);
void kev_emulate_string_answer(struct kev_vcpu *vcpu);
void kev_emulate_drop(struct kev_vcpu *vcpu);
int kev_emulate_fetch(struct kev_vcpu *vcpu);
int kev_emulate_fetch_more(struct kev_vcpu *vcpu);

/* mmio_fast.c */
void kev_mmio_remember(struct kev_vcpu *vcpu);
void kev_mmio_forget(struct kev_vcpu *vcpu);
void kev_mmio_complete(struct kev_vcpu *vcpu, u64 data);

/* print_device.c */
enum kev_verdict kev_print_device_write(struct kev_vcpu *vcpu, u64 gpa, u64 data,
					unsigned int width);

/* print.c */
enum kev_verdict kev_print(struct kev_vcpu *vcpu, const struct kev_paging *paging, u64 address,
			   u64 len, int *error);

#endif /* _KEV_EMULATION_H */
