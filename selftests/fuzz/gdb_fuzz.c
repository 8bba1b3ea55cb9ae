// SPDX-License-Identifier: GPL-2.0
/*
 * The input is what a debugger sends to a guest that is all data: pieces that end with a 0.
 * One that starts with 1 is a stop of the guest, if that runs, of the kind that the next byte
 * says; one that starts with 2 goes as it is; any other is the content of a packet.
 */
#include "fuzz.h"

#include "../kevctl/gdb_fake.h"

static struct gdb_parser client;
static uint8_t model[FAKE_RAM];		/* memory as it would be without breakpoints */

static ssize_t write_both(void *owner, unsigned int thread, uint64_t address, const void *buffer,
			  size_t length)
{
	ssize_t done = fake_write_memory(owner, thread, address, buffer, length);
	uint64_t gpa;

	for (ssize_t i = 0; i < done; i++)
		if (!fake_translate(address + i, &gpa))
			model[gpa] = ((const uint8_t *)buffer)[i];
	return done;
}

static ssize_t read_same(void *owner, unsigned int thread, uint64_t address, void *buffer,
			 size_t length)
{
	ssize_t done = fake_read_memory(owner, thread, address, buffer, length);
	uint64_t gpa;

	for (ssize_t i = 0; i < done; i++)
		fuzz_check(!fake_translate(address + i, &gpa) &&
			   model[gpa] == ((uint8_t *)buffer)[i], "a breakpoint shows");
	return done;
}

static void check_sent(void *owner, const char *bytes, size_t length)
{
	(void)owner;
	for (size_t i = 0; i < length; i++)
		fuzz_check(gdb_parser_take(&client, bytes[i]) != GDB_INPUT_BAD,
			   "a frame with a wrong sum");
}

static void check_hardware(void)
{
	struct kev_vcpu_debug debug = { };

	gdb_hardware_load(&fake.breakpoints, &debug);
	fuzz_check(!(debug.dr7 & ~0xffff00ffULL), "bits of DR7 that kev refuses");
	for (unsigned int n = 0; n < 4; n++) {
		unsigned int rw = debug.dr7 >> (16 + 4 * n) & 3;
		unsigned int len = debug.dr7 >> (18 + 4 * n) & 3;
		static const unsigned int sizes[] = { 1, 2, 8, 4 };

		fuzz_check(rw != 2, "a breakpoint on I/O");
		fuzz_check(rw || !len, "a breakpoint on execution with a length");
		fuzz_check(!(debug.dr[n] % sizes[len]), "an unaligned watchpoint");
	}
	for (uint64_t dr6 = 0; dr6 < 16; dr6++)
		gdb_hardware_hit(&fake.breakpoints, dr6);
}

static void stop(struct gdb_server *server, uint8_t how)
{
	if (gdb_server_running(server))
		gdb_server_stopped(server, &(struct gdb_stop){
			.thread = how % FAKE_THREADS, .signal = GDB_SIGNAL_TRAP,
			.at_breakpoint = how & 0x80, .kind = (how >> 4 & 7) % GDB_NR_BREAKPOINTS,
			.address = FAKE_BASE,
		});
}

/* As GDB does it: without runs */
static size_t put_frame(char *frame, const uint8_t *content, size_t length)
{
	size_t n = 0;
	uint8_t sum = 0;

	frame[n++] = '$';
	for (size_t i = 0; i < length; i++) {
		bool escape = strchr("$#}*", content[i]);

		if (escape)
			frame[n++] = '}';
		frame[n++] = content[i] ^ (escape ? 0x20 : 0);
	}
	for (size_t i = 1; i < n; i++)
		sum += frame[i];
	return n + sprintf(frame + n, "#%02x", sum);
}

/* Returns false when the server has hung up. */
static bool take_piece(struct gdb_server *server, const uint8_t *piece, size_t length)
{
	static char frame[GDB_FRAME_SIZE];

	if (!length)
		return gdb_server_take(server, "\x03", 1);
	if (piece[0] == 1) {
		stop(server, length > 1 ? piece[1] : 0);
		return true;
	}
	if (piece[0] == 2)
		return gdb_server_take(server, piece + 1, length - 1);
	if (length > GDB_PACKET_SIZE)
		length = GDB_PACKET_SIZE;
	return gdb_server_take(server, frame, put_frame(frame, piece, length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gdb_target target = fake_target;
	struct gdb_server *server;
	bool on = true;

	memset(&fake, 0, sizeof(fake));
	memset(&client, 0, sizeof(client));
	for (size_t i = 0; i < FAKE_RAM; i++)
		fake.ram[i] = i * 7;
	memcpy(model, fake.ram, sizeof(model));
	target.send = check_sent;
	target.read_memory = read_same;
	target.write_memory = write_both;
	server = gdb_server_create(&target);

	while (size && on) {
		const uint8_t *end = memchr(data, 0, size);
		size_t length = end ? (size_t)(end - data) : size;

		on = take_piece(server, data, length);
		check_hardware();
		data += length + !!end;
		size -= length + !!end;
	}
	gdb_server_ended(server, GDB_SIGNAL_0, 0);
	gdb_server_destroy(server);
	gdb_software_remove_all(&fake.breakpoints, &fake_view);
	fuzz_check(!memcmp(fake.ram, model, sizeof(model)), "memory is not what it was");
	gdb_breakpoints_free(&fake.breakpoints);
	return 0;
}
