// SPDX-License-Identifier: GPL-2.0
/* Packets that read and write registers and memory, breakpoints among them. */
#include <errno.h>

#include "connection.h"

#define MAX_REGISTER	16	/* bytes of the largest */

/* Registers */

int gdb_read_registers(struct gdb_server *server, unsigned int thread,
		       struct gdb_registers *registers)
{
	const struct gdb_target *target = server->target;
	int error = target->read_registers(target->owner, thread, registers);

	if (!error)
		gdb_registers_prepare(registers);
	return error;
}

static int write_registers(struct gdb_server *server, unsigned int thread,
			   struct gdb_registers *registers, uint32_t groups)
{
	const struct gdb_target *target = server->target;

	return groups ? target->write_registers(target->owner, thread, registers, groups) : 0;
}

void gdb_add_register(struct gdb_server *server, const struct gdb_registers *registers,
		      unsigned int number)
{
	unsigned int shape = server->target->shape;
	uint8_t bytes[MAX_REGISTER];

	gdb_register_get(registers, shape, number, bytes);
	gdb_add_hex(server, bytes, gdb_register_size(shape, number));
}

void gdb_answer_read_all(struct gdb_server *server)
{
	unsigned int count = gdb_registers_count(server->target->shape);
	struct gdb_registers registers;
	int error = gdb_read_registers(server, server->selected, &registers);

	if (error) {
		gdb_reply_error(server, error);
		return;
	}
	server->length = 0;
	for (unsigned int number = 0; number < count; number++)
		gdb_add_register(server, &registers, number);
	gdb_send(server);
}

int gdb_answer_write_all(struct gdb_server *server, const char *hex)
{
	unsigned int shape = server->target->shape;
	unsigned int count = gdb_registers_count(shape);
	struct gdb_registers registers;
	uint8_t bytes[MAX_REGISTER];
	uint32_t groups = 0;
	int error = gdb_read_registers(server, server->selected, &registers);

	if (error)
		return error;
	for (unsigned int number = 0; number < count; number++) {
		size_t size = gdb_register_size(shape, number);

		if (gdb_unhex(bytes, hex, size) != size)
			return -EINVAL;
		hex += 2 * size;
		groups |= gdb_register_set(&registers, shape, number, bytes);
	}
	if (*hex)
		return -EINVAL;
	return write_registers(server, server->selected, &registers, groups);
}

void gdb_answer_read_one(struct gdb_server *server, const char *at)
{
	struct gdb_registers registers;
	uint64_t number;
	int error;

	if (!gdb_take_number(&at, &number) || *at ||
	    number >= gdb_registers_count(server->target->shape)) {
		gdb_reply_error(server, -EINVAL);
		return;
	}
	error = gdb_read_registers(server, server->selected, &registers);
	if (error) {
		gdb_reply_error(server, error);
		return;
	}
	server->length = 0;
	gdb_add_register(server, &registers, number);
	gdb_send(server);
}

/* NUMBER=VALUE */
int gdb_answer_write_one(struct gdb_server *server, const char *at)
{
	unsigned int shape = server->target->shape;
	struct gdb_registers registers;
	uint8_t bytes[MAX_REGISTER];
	uint64_t number;
	size_t size;
	int error;

	if (!gdb_take_number(&at, &number) || !gdb_starts(&at, "=") ||
	    number >= gdb_registers_count(shape))
		return -EINVAL;
	size = gdb_register_size(shape, number);
	if (gdb_unhex(bytes, at, size) != size || at[2 * size])
		return -EINVAL;
	error = gdb_read_registers(server, server->selected, &registers);
	if (error)
		return error;
	return write_registers(server, server->selected, &registers,
			       gdb_register_set(&registers, shape, number, bytes));
}

int gdb_set_rip(struct gdb_server *server, unsigned int thread, uint64_t rip)
{
	struct gdb_registers registers;
	int error = gdb_read_registers(server, thread, &registers);

	if (error)
		return error;
	registers.state.gprs.rip = rip;
	return write_registers(server, thread, &registers, KEV_STATE_GPRS);
}

/* Memory */

void gdb_answer_read_memory(struct gdb_server *server, const char *at)
{
	const struct gdb_target *target = server->target;
	uint64_t address, length;
	ssize_t got = 0;

	if (!gdb_take_range(&at, &address, &length) || *at) {
		gdb_reply_error(server, -EINVAL);
		return;
	}
	if (length > MAX_MEMORY)
		length = MAX_MEMORY;
	if (length)
		got = target->read_memory(target->owner, server->selected, address,
					  server->memory, length);
	if (got < 0) {
		gdb_reply_error(server, got);
		return;
	}
	server->length = 0;
	gdb_add_hex(server, server->memory, got);
	gdb_send(server);
}

static int write_memory(struct gdb_server *server, uint64_t address, const void *bytes,
			uint64_t length)
{
	const struct gdb_target *target = server->target;
	ssize_t done;

	if (!length)
		return 0;
	done = target->write_memory(target->owner, server->selected, address, bytes, length);
	if (done < 0)
		return done;
	return (uint64_t)done == length ? 0 : -EFAULT;
}

/* ADDRESS,LENGTH:DIGITS */
int gdb_answer_write_hex(struct gdb_server *server, const char *at)
{
	uint64_t address, length;

	if (!gdb_take_range(&at, &address, &length) || !gdb_starts(&at, ":") ||
	    length > MAX_MEMORY || gdb_unhex(server->memory, at, length) != length ||
	    at[2 * length])
		return -EINVAL;
	return write_memory(server, address, server->memory, length);
}

/* ADDRESS,LENGTH:BYTES */
int gdb_answer_write_binary(struct gdb_server *server, const char *at)
{
	const char *end = server->parser.content + server->parser.length;
	uint64_t address, length;

	if (!gdb_take_range(&at, &address, &length) || !gdb_starts(&at, ":") ||
	    length != (uint64_t)(end - at))
		return -EINVAL;
	return write_memory(server, address, at, length);
}

/* Z and z: TYPE,ADDRESS,KIND */
void gdb_answer_breakpoint(struct gdb_server *server, const char *at, bool insert)
{
	const struct gdb_target *target = server->target;
	uint64_t kind, address, length;
	int error;

	if (!gdb_take_number(&at, &kind) || !gdb_starts(&at, ",") ||
	    !gdb_take_range(&at, &address, &length) || *at) {
		gdb_reply_error(server, -EINVAL);
		return;
	}
	if (kind >= GDB_NR_BREAKPOINTS) {
		gdb_reply_unknown(server);
		return;
	}
	error = (insert ? target->insert : target->remove)(target->owner, server->selected, kind,
							   address, length);
	if (error == -EOPNOTSUPP)
		gdb_reply_unknown(server);
	else
		gdb_reply_result(server, error);
}
