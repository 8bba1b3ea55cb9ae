// SPDX-License-Identifier: GPL-2.0
/* Breakpoints of a debugger. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libkev.h>

#include "breakpoints.h"

#define PAGE_SIZE	4096ULL
#define INT3		0xcc
/* An instruction has no more. */
#define INSTRUCTION_BYTES	15
#define MAX_SOFTWARE	4096

/* SDM Vol. 3, "Debug Control Register (DR7)" */
#define DR7_LOCAL(n)		(1ULL << 2 * (n))
#define DR7_RW(n, rw)		((uint64_t)(rw) << (16 + 4 * (n)))
#define DR7_LEN(n, len)		((uint64_t)(len) << (18 + 4 * (n)))
#define RW_EXECUTE		0
#define RW_WRITE		1
#define RW_ACCESS		3

void gdb_breakpoints_free(struct gdb_breakpoints *breakpoints)
{
	free(breakpoints->software);
	*breakpoints = (struct gdb_breakpoints){ };
}

static struct guest_view physical(const struct guest_view *view)
{
	return (struct guest_view){ .vm = view->vm };
}

static int translate(const struct guest_view *view, uint64_t address, uint64_t *gpa)
{
	struct kev_translate where = {
		.size = sizeof(where),
		.flags = KEV_ADDRESS_GVA,
		.vcpu_id = view->vcpu_id,
		.address = address,
	};
	unsigned int tries = 0;
	int error;

	do
		error = kev_vm_translate(view->vm, &where);
	while (guest_try_again(error, &tries));
	if (error)
		return error;
	*gpa = where.gpa;
	return where.mapped ? 0 : -EFAULT;
}

static int put(const struct guest_view *view, uint64_t gpa, uint8_t byte)
{
	const struct guest_view memory = physical(view);

	return guest_write_all(&memory, gpa, &byte, 1);
}

static int get(const struct guest_view *view, uint64_t gpa, uint8_t *byte)
{
	const struct guest_view memory = physical(view);

	return guest_read_all(&memory, gpa, byte, 1);
}

static struct gdb_software *find_gpa(const struct gdb_breakpoints *breakpoints, uint64_t gpa)
{
	for (unsigned int i = 0; i < breakpoints->nr_software; i++)
		if (breakpoints->software[i].gpa == gpa)
			return &breakpoints->software[i];
	return NULL;
}

int gdb_software_insert(struct gdb_breakpoints *breakpoints, const struct guest_view *view,
			uint64_t address)
{
	struct gdb_software *all, *breakpoint;
	uint64_t gpa;
	uint8_t byte;
	int error = translate(view, address, &gpa);

	if (!error)
		error = get(view, gpa, &byte);
	if (error)
		return error;
	breakpoint = find_gpa(breakpoints, gpa);
	if (!breakpoint) {
		if (breakpoints->nr_software == MAX_SOFTWARE)
			return -ENOSPC;
		all = realloc(breakpoints->software,
			      (breakpoints->nr_software + 1) * sizeof(*all));
		if (!all)
			return -ENOMEM;
		breakpoints->software = all;
		breakpoint = &all[breakpoints->nr_software];
		*breakpoint = (struct gdb_software){
			.address = address, .gpa = gpa, .saved = byte,
		};
		error = put(view, gpa, INT3);
		if (!error)
			breakpoints->nr_software++;
		return error;
	}
	if (byte == INT3)
		return 0;
	breakpoint->saved = byte;
	return put(view, gpa, INT3);
}

/* The guest may have loaded other code there meanwhile: that stays. */
static int restore(const struct guest_view *view, const struct gdb_software *breakpoint)
{
	uint8_t byte;
	int error = get(view, breakpoint->gpa, &byte);

	if (error)
		return error;
	return byte == INT3 ? put(view, breakpoint->gpa, breakpoint->saved) : 0;
}

int gdb_software_remove(struct gdb_breakpoints *breakpoints, const struct guest_view *view,
			uint64_t address)
{
	int error;

	for (unsigned int i = 0; i < breakpoints->nr_software; i++) {
		struct gdb_software *breakpoint = &breakpoints->software[i];

		if (breakpoint->address != address)
			continue;
		error = restore(view, breakpoint);
		*breakpoint = breakpoints->software[--breakpoints->nr_software];
		return error;
	}
	return 0;
}

void gdb_software_remove_all(struct gdb_breakpoints *breakpoints, const struct guest_view *view)
{
	while (breakpoints->nr_software)
		restore(view, &breakpoints->software[--breakpoints->nr_software]);
}

static bool is_prefix(uint8_t byte)
{
	static const uint8_t prefixes[] = {
		0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3,
	};

	/* REX; outside of 64-bit mode these are instructions, and what is asked is too much. */
	return (byte & 0xf0) == 0x40 || memchr(prefixes, byte, sizeof(prefixes));
}

bool gdb_int3_at(const struct guest_view *view, uint64_t address)
{
	uint8_t bytes[INSTRUCTION_BYTES];
	ssize_t n = guest_read(view, address, bytes, sizeof(bytes));
	ssize_t i = 0;

	while (i < n && is_prefix(bytes[i]))
		i++;
	return i >= n || bytes[i] == INT3;
}

bool gdb_software_at(const struct gdb_breakpoints *breakpoints, const struct guest_view *view,
		     uint64_t address)
{
	uint64_t gpa;

	return !translate(view, address, &gpa) && find_gpa(breakpoints, gpa);
}

/* Bytes from @address to the end of its page, @length at most */
static size_t part_of_page(uint64_t address, size_t length)
{
	size_t left = PAGE_SIZE - address % PAGE_SIZE;

	return left < length ? left : length;
}

/* Bytes of one page, as they are without breakpoints */
static void hide(const struct gdb_breakpoints *breakpoints, const struct guest_view *view,
		 uint64_t address, uint8_t *bytes, size_t length)
{
	uint64_t gpa;

	if (!breakpoints->nr_software || translate(view, address, &gpa))
		return;
	for (unsigned int i = 0; i < breakpoints->nr_software; i++) {
		const struct gdb_software *breakpoint = &breakpoints->software[i];

		/* Unsigned: below the part is far above its length. */
		if (breakpoint->gpa - gpa < length && bytes[breakpoint->gpa - gpa] == INT3)
			bytes[breakpoint->gpa - gpa] = breakpoint->saved;
	}
}

ssize_t gdb_memory_read(const struct gdb_breakpoints *breakpoints, const struct guest_view *view,
			uint64_t address, void *buffer, size_t length)
{
	ssize_t got = guest_read(view, address, buffer, length);
	uint8_t *bytes = buffer;

	for (size_t done = 0, part; got > 0 && done < (size_t)got; done += part) {
		part = part_of_page(address + done, got - done);
		hide(breakpoints, view, address + done, bytes + done, part);
	}
	return got;
}

/* Bytes of one page were written: put the breakpoints back over them. */
static void show_again(struct gdb_breakpoints *breakpoints, const struct guest_view *view,
		       uint64_t address, const uint8_t *bytes, size_t length)
{
	uint64_t gpa;

	if (!breakpoints->nr_software || translate(view, address, &gpa))
		return;
	for (unsigned int i = 0; i < breakpoints->nr_software; i++) {
		struct gdb_software *breakpoint = &breakpoints->software[i];

		if (breakpoint->gpa - gpa >= length)
			continue;
		breakpoint->saved = bytes[breakpoint->gpa - gpa];
		put(view, breakpoint->gpa, INT3);
	}
}

ssize_t gdb_memory_write(struct gdb_breakpoints *breakpoints, const struct guest_view *view,
			 uint64_t address, const void *buffer, size_t length)
{
	ssize_t got = guest_write(view, address, buffer, length);
	const uint8_t *bytes = buffer;

	for (size_t done = 0, part; got > 0 && done < (size_t)got; done += part) {
		part = part_of_page(address + done, got - done);
		show_again(breakpoints, view, address + done, bytes + done, part);
	}
	return got;
}

/* The largest piece of a range that one register covers: aligned to its size */
static uint64_t piece(uint64_t address, uint64_t length)
{
	uint64_t size = 8;

	while (size > length || address % size)
		size /= 2;
	return size;
}

/* Registers that a breakpoint takes; more than there are if it takes more. */
static unsigned int registers_for(const struct gdb_hardware *hardware)
{
	uint64_t address = hardware->address, length = hardware->length;
	unsigned int registers = 0;

	if (hardware->kind == GDB_HARDWARE)
		return 1;
	while (length && registers <= GDB_NR_REGISTERS) {
		uint64_t size = piece(address, length);

		address += size;
		length -= size;
		registers++;
	}
	return registers;
}

static bool same(const struct gdb_hardware *a, const struct gdb_hardware *b)
{
	return a->kind == b->kind && a->address == b->address && a->length == b->length;
}

int gdb_hardware_insert(struct gdb_breakpoints *breakpoints, enum gdb_breakpoint kind,
			uint64_t address, uint64_t length)
{
	const struct gdb_hardware wanted = { kind, address, length };
	unsigned int registers = registers_for(&wanted);

	if (kind != GDB_HARDWARE && kind != GDB_WATCH_WRITE && kind != GDB_WATCH_ACCESS)
		return -EOPNOTSUPP;
	if (!length && kind != GDB_HARDWARE)
		return -EINVAL;
	for (unsigned int i = 0; i < breakpoints->nr_hardware; i++) {
		if (same(&breakpoints->hardware[i], &wanted))
			return 0;
		registers += registers_for(&breakpoints->hardware[i]);
	}
	if (registers > GDB_NR_REGISTERS)
		return -ENOSPC;
	breakpoints->hardware[breakpoints->nr_hardware++] = wanted;
	return 0;
}

int gdb_hardware_remove(struct gdb_breakpoints *breakpoints, enum gdb_breakpoint kind,
			uint64_t address, uint64_t length)
{
	const struct gdb_hardware unwanted = { kind, address, length };

	for (unsigned int i = 0; i < breakpoints->nr_hardware; i++) {
		if (!same(&breakpoints->hardware[i], &unwanted))
			continue;
		breakpoints->hardware[i] = breakpoints->hardware[--breakpoints->nr_hardware];
		return 0;
	}
	return kind == GDB_WATCH_READ ? -EOPNOTSUPP : 0;
}

static void load_register(struct kev_vcpu_debug *debug, unsigned int n, enum gdb_breakpoint kind,
			  uint64_t address, uint64_t size)
{
	/* LEN, by the bytes that it stands for */
	static const uint8_t lengths[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };

	debug->flags |= KEV_DEBUG_HARDWARE;
	debug->dr[n] = address;
	debug->dr7 |= DR7_LOCAL(n);
	if (kind == GDB_HARDWARE)
		debug->dr7 |= DR7_RW(n, RW_EXECUTE);
	else
		debug->dr7 |= DR7_RW(n, kind == GDB_WATCH_WRITE ? RW_WRITE : RW_ACCESS) |
			      DR7_LEN(n, lengths[size]);
}

void gdb_hardware_load(const struct gdb_breakpoints *breakpoints, struct kev_vcpu_debug *debug)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < breakpoints->nr_hardware; i++) {
		const struct gdb_hardware *hardware = &breakpoints->hardware[i];
		uint64_t address = hardware->address, length = hardware->length, size;

		if (hardware->kind == GDB_HARDWARE)
			length = 1;
		for (; length; address += size, length -= size) {
			size = piece(address, length);
			load_register(debug, n++, hardware->kind, address, size);
		}
	}
}

const struct gdb_hardware *gdb_hardware_hit(const struct gdb_breakpoints *breakpoints,
					    uint64_t dr6)
{
	const struct gdb_hardware *hit = NULL;
	unsigned int n = 0, registers;

	for (unsigned int i = 0; i < breakpoints->nr_hardware; i++) {
		const struct gdb_hardware *hardware = &breakpoints->hardware[i];

		registers = registers_for(hardware);
		if (dr6 >> n & ((1U << registers) - 1) && (!hit || hit->kind == GDB_HARDWARE))
			hit = hardware;
		n += registers;
	}
	return hit;
}
