/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest for the debugger's server that is all data: memory, registers of three threads, and
 * what it was told last. kev's calls on guest memory are its own.
 */
#ifndef GDB_FAKE_H
#define GDB_FAKE_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <libkev.h>

#include "../../tools/kevctl/gdb/breakpoints.h"
#include "../../tools/kevctl/gdb/packet.h"
#include "../../tools/kevctl/gdb/server.h"

#define FAKE_THREADS	3
#define FAKE_BASE	0x100000UL	/* guest-virtual; guest-physical it starts at 0 */
#define FAKE_RAM	0x3000UL
#define FAKE_ALIAS	0x200000UL	/* its second page once more */

static struct {
	uint8_t ram[FAKE_RAM];
	struct gdb_registers registers[FAKE_THREADS];
	struct gdb_breakpoints breakpoints;
	struct gdb_order orders[FAKE_THREADS];
	unsigned int resumes, interrupts, detaches, kills;
	uint32_t groups;		/* that were written last */
	char sent[1 << 17];
	size_t nr_sent;
} fake;

static int fake_translate(uint64_t address, uint64_t *gpa)
{
	if (address - FAKE_BASE < FAKE_RAM)
		*gpa = address - FAKE_BASE;
	else if (address - FAKE_ALIAS < 0x1000)
		*gpa = address - FAKE_ALIAS + 0x1000;
	else
		return -EFAULT;
	return 0;
}

int kev_vm_translate(int vm, struct kev_translate *translate)
{
	uint64_t gpa = 0;

	(void)vm;
	translate->mapped = !fake_translate(translate->address, &gpa);
	translate->gpa = gpa;
	return 0;
}

static int fake_copy(struct kev_access *access, bool write)
{
	uint8_t *buffer = (uint8_t *)(uintptr_t)access->buffer;
	uint64_t gpa = access->address;

	for (access->done = 0; access->done < access->length; access->done++) {
		if (access->flags & KEV_ADDRESS_GVA &&
		    fake_translate(access->address + access->done, &gpa))
			break;
		if (gpa >= FAKE_RAM)
			break;
		if (write)
			fake.ram[gpa] = buffer[access->done];
		else
			buffer[access->done] = fake.ram[gpa];
		gpa++;
	}
	return access->done ? 0 : -ENOENT;
}

int kev_vm_read_memory(int vm, struct kev_access *access)
{
	(void)vm;
	return fake_copy(access, false);
}

int kev_vm_write_memory(int vm, struct kev_access *access)
{
	(void)vm;
	return fake_copy(access, true);
}

static const struct guest_view fake_view = { .virtual = true };

static void fake_send(void *owner, const char *bytes, size_t length)
{
	(void)owner;
	if (length > sizeof(fake.sent) - fake.nr_sent)
		length = sizeof(fake.sent) - fake.nr_sent;
	memcpy(fake.sent + fake.nr_sent, bytes, length);
	fake.nr_sent += length;
}

static int fake_read_registers(void *owner, unsigned int thread, struct gdb_registers *registers)
{
	(void)owner;
	*registers = fake.registers[thread];
	return 0;
}

static int fake_write_registers(void *owner, unsigned int thread, struct gdb_registers *registers,
				uint32_t groups)
{
	(void)owner;
	fake.groups = groups;
	fake.registers[thread] = *registers;
	return 0;
}

static ssize_t fake_read_memory(void *owner, unsigned int thread, uint64_t address, void *buffer,
				size_t length)
{
	(void)owner;
	(void)thread;
	return gdb_memory_read(&fake.breakpoints, &fake_view, address, buffer, length);
}

static ssize_t fake_write_memory(void *owner, unsigned int thread, uint64_t address,
				 const void *buffer, size_t length)
{
	(void)owner;
	(void)thread;
	return gdb_memory_write(&fake.breakpoints, &fake_view, address, buffer, length);
}

static int fake_insert(void *owner, unsigned int thread, enum gdb_breakpoint kind,
		       uint64_t address, uint64_t length)
{
	(void)owner;
	(void)thread;
	if (kind == GDB_SOFTWARE)
		return gdb_software_insert(&fake.breakpoints, &fake_view, address);
	return gdb_hardware_insert(&fake.breakpoints, kind, address, length);
}

static int fake_remove(void *owner, unsigned int thread, enum gdb_breakpoint kind,
		       uint64_t address, uint64_t length)
{
	(void)owner;
	(void)thread;
	if (kind == GDB_SOFTWARE)
		return gdb_software_remove(&fake.breakpoints, &fake_view, address);
	return gdb_hardware_remove(&fake.breakpoints, kind, address, length);
}

static void fake_resume(void *owner, const struct gdb_order *orders)
{
	(void)owner;
	memcpy(fake.orders, orders, sizeof(fake.orders));
	fake.resumes++;
}

static void fake_interrupt(void *owner)
{
	(void)owner;
	fake.interrupts++;
}

static void fake_detach(void *owner)
{
	(void)owner;
	fake.detaches++;
}

static void fake_kill(void *owner)
{
	(void)owner;
	fake.kills++;
}

static void fake_describe(void *owner, unsigned int thread, char *text, size_t size)
{
	(void)owner;
	snprintf(text, size, "vCPU %u", thread);
}

/* "lines N" prints as many */
static bool fake_monitor(void *owner, unsigned int thread, const char *command, FILE *to)
{
	unsigned int lines;

	(void)owner;
	(void)thread;
	if (sscanf(command, "lines %u", &lines) != 1)
		return false;
	for (unsigned int i = 0; i < lines && i < 4096; i++)
		fprintf(to, "line %u\n", i);
	return true;
}

static const struct gdb_target fake_target = {
	.threads = FAKE_THREADS,
	.shape = GDB_SHAPE_AVX,
	.moved = true,
	.first_segment = 0x400000,
	.send = fake_send,
	.read_registers = fake_read_registers,
	.write_registers = fake_write_registers,
	.read_memory = fake_read_memory,
	.write_memory = fake_write_memory,
	.insert = fake_insert,
	.remove = fake_remove,
	.resume = fake_resume,
	.interrupt = fake_interrupt,
	.detach = fake_detach,
	.kill = fake_kill,
	.describe = fake_describe,
	.monitor = fake_monitor,
};

#endif /* GDB_FAKE_H */
