/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Breakpoints of a debugger. Software ones are an INT3 in guest memory, kept by its
 * guest-physical address: whoever reads that byte for the debugger, by whatever
 * guest-virtual address, finds what was there before. Hardware ones and watchpoints share
 * DR0 to DR3: SDM Vol. 3, "Debug Registers".
 */
#ifndef KEVCTL_GDB_BREAKPOINTS_H
#define KEVCTL_GDB_BREAKPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/kev.h>

#include "../guest_memory.h"
#include "server.h"

#define GDB_NR_REGISTERS	4

struct gdb_software {
	uint64_t address, gpa;	/* guest-virtual, and where it was then */
	uint8_t saved;
};

/* A breakpoint or watchpoint as the debugger has set it; it may take several registers. */
struct gdb_hardware {
	enum gdb_breakpoint kind;
	uint64_t address, length;
};

/* struct gdb_breakpoints - all of a guest's; all zero at first */
struct gdb_breakpoints {
	struct gdb_software *software;
	unsigned int nr_software;
	struct gdb_hardware hardware[GDB_NR_REGISTERS];
	unsigned int nr_hardware;
};

void gdb_breakpoints_free(struct gdb_breakpoints *breakpoints);

/**
 * gdb_software_insert() - put an INT3
 * @breakpoints: breakpoints
 * @view: guest-virtual
 * @address: of the instruction
 *
 * One that is there is put again if the guest has overwritten it.
 *
 * Return: 0 or a negative errno.
 */
int gdb_software_insert(struct gdb_breakpoints *breakpoints, const struct guest_view *view,
			uint64_t address);

/**
 * gdb_software_remove() - take an INT3 away
 * @breakpoints: breakpoints
 * @view: any of the VM
 * @address: as it was inserted
 *
 * What the guest has written over it stays.
 *
 * Return: 0, also if there is none; or a negative errno.
 */
int gdb_software_remove(struct gdb_breakpoints *breakpoints, const struct guest_view *view,
			uint64_t address);

/* gdb_software_remove_all() - every one of them, as far as possible */
void gdb_software_remove_all(struct gdb_breakpoints *breakpoints, const struct guest_view *view);

/**
 * gdb_int3_at() - is there an INT3 now, whoever's it is
 * @view: guest-virtual memory
 * @address: where an instruction begins
 *
 * Return: false only if another instruction can be seen to be there.
 */
bool gdb_int3_at(const struct guest_view *view, uint64_t address);

/* gdb_software_at() - is the INT3 at the guest-virtual address @address the debugger's */
bool gdb_software_at(const struct gdb_breakpoints *breakpoints, const struct guest_view *view,
		     uint64_t address);

/**
 * gdb_memory_read() - guest memory as it would be without breakpoints
 * @breakpoints: breakpoints
 * @view: guest-virtual
 * @address: first byte
 * @buffer: where they go
 * @length: bytes
 *
 * Return: as guest_read().
 */
ssize_t gdb_memory_read(const struct gdb_breakpoints *breakpoints, const struct guest_view *view,
			uint64_t address, void *buffer, size_t length);

/* gdb_memory_write() - the other way round; breakpoints stay in place */
ssize_t gdb_memory_write(struct gdb_breakpoints *breakpoints, const struct guest_view *view,
			 uint64_t address, const void *buffer, size_t length);

/**
 * gdb_hardware_insert() - take debug registers for a breakpoint or watchpoint
 * @breakpoints: breakpoints
 * @kind: GDB_HARDWARE, GDB_WATCH_WRITE or GDB_WATCH_ACCESS
 * @address: guest-virtual
 * @length: bytes of a watchpoint; a register covers 1, 2, 4 or 8 aligned ones
 *
 * Return: 0; -EOPNOTSUPP for GDB_WATCH_READ, which the hardware cannot; -ENOSPC.
 */
int gdb_hardware_insert(struct gdb_breakpoints *breakpoints, enum gdb_breakpoint kind,
			uint64_t address, uint64_t length);
int gdb_hardware_remove(struct gdb_breakpoints *breakpoints, enum gdb_breakpoint kind,
			uint64_t address, uint64_t length);

/**
 * gdb_hardware_load() - what the debug registers have to be
 * @breakpoints: breakpoints
 * @debug: dr, dr7 and flags are set
 */
void gdb_hardware_load(const struct gdb_breakpoints *breakpoints, struct kev_vcpu_debug *debug);

/**
 * gdb_hardware_hit() - which breakpoint a debug register was for
 * @breakpoints: breakpoints
 * @dr6: B0 to B3
 *
 * Return: watchpoints before breakpoints; NULL without any.
 */
const struct gdb_hardware *gdb_hardware_hit(const struct gdb_breakpoints *breakpoints,
					    uint64_t dr6);

#endif /* KEVCTL_GDB_BREAKPOINTS_H */
