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

/* Numbers that stop replies use */
#define GDB_RBP			6
#define GDB_RSP			7
#define GDB_RIP			16

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

/* gdb_registers_count() - how many registers there are; @avx: the guest can have AVX */
unsigned int gdb_registers_count(bool avx);

/* gdb_register_size() - bytes of a register, 0 for a number without one */
size_t gdb_register_size(bool avx, unsigned int number);

/**
 * gdb_register_get() - a register's bytes
 * @registers: vCPU's
 * @avx: the guest can have AVX
 * @number: below gdb_registers_count()
 * @bytes: gdb_register_size(), little-endian
 */
void gdb_register_get(const struct gdb_registers *registers, bool avx, unsigned int number,
		      uint8_t *bytes);

/**
 * gdb_register_set() - change a register
 * @registers: vCPU's
 * @avx: the guest can have AVX
 * @number: below gdb_registers_count()
 * @bytes: gdb_register_size(), little-endian
 *
 * Return: the state group that has changed, 0 if the value is the old one.
 */
uint32_t gdb_register_set(struct gdb_registers *registers, bool avx, unsigned int number,
			  const uint8_t *bytes);

/* gdb_registers_prepare() - give XSAVE components that are not in use their initial values */
void gdb_registers_prepare(struct gdb_registers *registers);

/**
 * gdb_registers_describe() - the description in XML
 * @avx: the guest can have AVX
 *
 * Return: text, to be freed; NULL without memory.
 */
char *gdb_registers_describe(bool avx);

#endif /* KEVCTL_GDB_REGISTERS_H */
