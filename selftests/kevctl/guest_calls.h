/* SPDX-License-Identifier: GPL-2.0 */
/* A Hermit guest that tests are: its calls, its memory, and a directory of the host's. */
#ifndef GUEST_CALLS_H
#define GUEST_CALLS_H

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/kevctl/console.h"
#include "../../tools/kevctl/hermit/internal.h"
#include "../../tools/kevctl/kevctl.h"
#include "guest.h"

/* Where the guest has what */
#define CALL		0x1000
#define NAME		0x2000
#define BUFFER		0x3ff0		/* goes on in the next page */
#define ANSWER		0x8000
#define VIRTUAL		(GUEST_VIRTUAL + GUEST_PAGE - 0x10)	/* likewise, elsewhere */

static char directory[] = "/tmp/hermit_calls.XXXXXX";
static struct hermit hermit;
static struct console console;
static struct run_options options;
static struct kev_run run;
static uint64_t code;
static int stop, output, input;
static char last_message[256];

void message(const char *what, const char *why, ...)
{
	va_list args;

	(void)what;
	va_start(args, why);
	vsnprintf(last_message, sizeof(last_message), why, args);
	va_end(args);
}

static inline enum verdict out(uint16_t port, uint8_t width, uint32_t value)
{
	run = (struct kev_run){ .kind = KEV_EXIT_IO, .vcpu_id = 3 };
	run.io = (struct kev_exit_io){ .port = port, .width = width, .data = value, .count = 1 };
	code = 0;
	return hermit_io(&hermit, &run, &console, stop, &code);
}

static inline enum verdict out_rdi(uint16_t port, uint64_t value)
{
	run = (struct kev_run){ .kind = KEV_EXIT_IO, .vcpu_id = 3 };
	run.gpr[KEV_RDI] = value;
	run.io = (struct kev_exit_io){ .port = port, .width = 4, .data = 0x1234, .count = 1 };
	code = 0;
	return hermit_io(&hermit, &run, &console, stop, &code);
}

static inline void put(uint64_t address, const void *bytes, size_t length)
{
	memcpy(&guest_memory[address], bytes, length);
}

static inline void put32(uint64_t address, uint32_t value)
{
	put(address, &value, sizeof(value));
}

static inline void put64(uint64_t address, uint64_t value)
{
	put(address, &value, sizeof(value));
}

static inline int32_t get32(uint64_t address)
{
	int32_t value;

	memcpy(&value, &guest_memory[address], sizeof(value));
	return value;
}

static inline int64_t get64(uint64_t address)
{
	int64_t value;

	memcpy(&value, &guest_memory[address], sizeof(value));
	return value;
}

/* Byte by byte to a virtual address, so that pages need not be neighbours */
static inline void put_virtual(uint64_t address, const char *text)
{
	for (; *text; address++, text++) {
		uint64_t page = GUEST_PAGES - 1 - (address - GUEST_VIRTUAL) / GUEST_PAGE;

		guest_memory[page * GUEST_PAGE + address % GUEST_PAGE] = *text;
	}
}

static inline bool virtual_is(uint64_t address, const char *text)
{
	for (; *text; address++, text++) {
		uint64_t page = GUEST_PAGES - 1 - (address - GUEST_VIRTUAL) / GUEST_PAGE;

		if (guest_memory[page * GUEST_PAGE + address % GUEST_PAGE] != (uint8_t)*text)
			return false;
	}
	return true;
}

/* Is this all that has been printed since the last time? */
static inline bool printed(const char *text)
{
	char bytes[65536];
	ssize_t n = read(output, bytes, sizeof(bytes));

	if (n < 0)
		n = 0;
	return (size_t)n == strlen(text) && !memcmp(bytes, text, n);
}

static inline int32_t do_open(const char *path, uint32_t flags, bool second)
{
	put(NAME, path, strlen(path) + 1);
	put64(CALL, NAME);
	put32(CALL + 8, flags);
	put32(CALL + 12, 0644);
	put32(CALL + 16, 0x5555);
	if (second)
		out_rdi(0x1110, CALL);
	else
		out(0x440, 4, CALL);
	return get32(CALL + 16);
}

static inline int32_t do_close(int32_t fd, bool second)
{
	put32(CALL, fd);
	put32(CALL + 4, 0x5555);
	if (second)
		out_rdi(0x1120, CALL);
	else
		out(0x480, 4, CALL);
	return get32(CALL + 4);
}

static inline int32_t do_unlink(const char *path, bool second)
{
	put(NAME, path, strlen(path) + 1);
	put64(CALL, NAME);
	put32(CALL + 8, 0x5555);
	if (second)
		out_rdi(0x1150, CALL);
	else
		out(0x840, 4, CALL);
	return get32(CALL + 8);
}

static inline void write_v1(int32_t fd, uint64_t buffer, uint64_t length)
{
	put32(CALL, fd);
	put64(CALL + 4, buffer);
	put64(CALL + 12, length);
	put64(CALL + 20, 0x5555);
	out(0x400, 4, CALL);
}

static inline int64_t read_v1(int32_t fd, uint64_t buffer, uint64_t length)
{
	put32(CALL, fd);
	put64(CALL + 4, buffer);
	put64(CALL + 12, length);
	put64(CALL + 20, 0x5555);
	out(0x500, 4, CALL);
	return get64(CALL + 20);
}

static inline int64_t lseek_v1(int32_t fd, int64_t offset, uint32_t whence)
{
	put32(CALL, fd);
	put64(CALL + 4, offset);
	put32(CALL + 12, whence);
	out(0x580, 4, CALL);
	return get64(CALL + 4);
}

static inline int64_t transfer_v2(uint16_t port, int32_t fd, uint64_t buffer, uint64_t length)
{
	put64(CALL, length);
	put64(CALL + 8, 0x5555);
	put64(CALL + 16, buffer);
	put32(CALL + 24, fd);
	out_rdi(port, CALL);
	return get64(CALL + 8);
}

static inline int64_t write_v2(int32_t fd, uint64_t buffer, uint64_t length)
{
	return transfer_v2(0x1100, fd, buffer, length);
}

static inline int64_t read_v2(int32_t fd, uint64_t buffer, uint64_t length)
{
	return transfer_v2(0x1130, fd, buffer, length);
}

static inline int64_t lseek_v2(int32_t fd, int64_t offset, uint32_t whence)
{
	put64(CALL, offset);
	put32(CALL + 8, whence);
	put32(CALL + 12, fd);
	out_rdi(0x1140, CALL);
	return get64(CALL);
}

/* A path in the directory of the test's */
static inline const char *host(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static inline bool host_is(const char *name, const char *text)
{
	char bytes[4096];
	int fd = open(host(name), O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(bytes, text, n);
}

static inline void host_make(const char *name, const char *text)
{
	int fd = open(host(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static char data_mapping[64], deep_mapping[64], ro_mapping[64], pipe_mapping[64];

static inline void set_up(void)
{
	static const char *mappings[] = {
		data_mapping, deep_mapping, ro_mapping, pipe_mapping,
	};
	static const char *env[] = { "NAME=value" };
	static char *arguments[] = { "first", "" };
	int out_fds[2], in_fds[2];

	if (!mkdtemp(directory) || mkdir(host("data"), 0755) ||
	    mkfifo(host("pipe"), 0600) || pipe2(out_fds, O_NONBLOCK) || pipe(in_fds))
		abort();
	snprintf(data_mapping, sizeof(data_mapping), "%s/data:/data", directory);
	snprintf(deep_mapping, sizeof(deep_mapping), "%s/data:deep/down/data", directory);
	snprintf(ro_mapping, sizeof(ro_mapping), "%s/data:/ro:ro", directory);
	snprintf(pipe_mapping, sizeof(pipe_mapping), "%s/pipe:/pipe", directory);
	options = (struct run_options){
		.image = "a/kernel", .arguments = arguments, .nr_arguments = 2,
		.env = { env, 1 }, .file_mappings = { mappings, ARRAY_SIZE(mappings) },
	};
	hermit = (struct hermit){ .options = &options, .interface = 1, .ram_bytes = 1 << 20 };
	output = out_fds[0];
	input = in_fds[1];
	dup2(in_fds[0], 0);
	stop = eventfd(0, 0);
	console_init(&console, output, out_fds[1]);
	signal(SIGPIPE, SIG_IGN);
	if (hermit_calls_create(&hermit))
		abort();
}

static inline void tear_down(void)
{
	char command[64];

	hermit_calls_destroy(&hermit);
	console_fini(&console);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	if (system(command))
		abort();
}

#endif /* GUEST_CALLS_H */
