/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers of a vCPU as GDB knows them: their numbers, their description,
 * their bytes. Pure. GDB manual, "i386 Features"; SDM Vol. 1, "FXSAVE Area" and "XSAVE Area".
 */
#ifndef KEVCTL_GDB_REGISTERS_H
#define KEVCTL_GDB_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kev.h>

/* An XSAVE area in standard format as far as AVX; what kev has beyond is left alone. */
#define GDB_XSAVE_SIZE		4096
#define GDB_XSAVE_AVX_SIZE	832

/* What a vCPU is shown as */
#define GDB_SHAPE_AVX		(1U << 0)	/* it can have AVX */
#define GDB_SHAPE_I386		(1U << 1)	/* as a machine of 32 bits */

/* Registers that stop replies bring along */
#define GDB_USEFUL		3

/* State groups that GDB's registers are in */
#define GDB_STATE_GROUPS	(KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS | \
				 KEV_STATE_XSAVE)

/**
 * struct gdb_registers - one vCPU's
 * @state: groups of GDB_STATE_GROUPS
 * @xsave: XSAVE area; components that its header does not name are made so
 */
struct gdb_registers {
	struct kev_vcpu_state state;
	uint8_t xsave[GDB_XSAVE_SIZE] __attribute__((aligned(64)));
};

/* gdb_registers_count() - how many registers there are; @shape: GDB_SHAPE_* */
unsigned int gdb_registers_count(unsigned int shape);

/* gdb_register_size() - bytes of a register, 0 for a number without one */
size_t gdb_register_size(unsigned int shape, unsigned int number);

/**
 * gdb_register_get() - a register's bytes
 * @registers: vCPU's
 * @shape: GDB_SHAPE_*
 * @number: below gdb_registers_count()
 * @bytes: gdb_register_size(), little-endian
 */
void gdb_register_get(const struct gdb_registers *registers, unsigned int shape,
		      unsigned int number, uint8_t *bytes);

/**
 * gdb_register_set() - change a register
 * @registers: vCPU's
 * @shape: GDB_SHAPE_*
 * @number: below gdb_registers_count()
 * @bytes: gdb_register_size(), little-endian
 *
 * Return: the state group that has changed, 0 if the value is the old one.
 */
uint32_t gdb_register_set(struct gdb_registers *registers, unsigned int shape, unsigned int number,
			  const uint8_t *bytes);

/* gdb_registers_prepare() - give XSAVE components that are not in use their initial values */
void gdb_registers_prepare(struct gdb_registers *registers);

/**
 * gdb_registers_describe() - the description in XML
 * @shape: GDB_SHAPE_*
 *
 * Return: text, to be freed; NULL without memory.
 */
char *gdb_registers_describe(unsigned int shape);

/* gdb_registers_useful() - the numbers of frame pointer, stack pointer and program counter */
const unsigned int *gdb_registers_useful(unsigned int shape);

#endif /* KEVCTL_GDB_REGISTERS_H */
