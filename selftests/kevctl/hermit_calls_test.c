// SPDX-License-Identifier: GPL-2.0
/* The calls of a Hermit guest: what they do with good and bad arguments. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/kevctl/console.h"
#include "../../tools/kevctl/hermit/internal.h"
#include "../../tools/kevctl/hermit/arguments.h"
#include "../../tools/kevctl/kevctl.h"
#include "guest.h"
#include "tap.h"

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

static enum verdict out(uint16_t port, uint8_t width, uint32_t value)
{
	run = (struct kev_run){ .kind = KEV_EXIT_IO, .vcpu_id = 3 };
	run.io = (struct kev_exit_io){ .port = port, .width = width, .data = value, .count = 1 };
	code = 0;
	return hermit_io(&hermit, &run, &console, stop, &code);
}

static enum verdict out_rdi(uint16_t port, uint64_t value)
{
	run = (struct kev_run){ .kind = KEV_EXIT_IO, .vcpu_id = 3 };
	run.gpr[KEV_RDI] = value;
	run.io = (struct kev_exit_io){ .port = port, .width = 4, .data = 0x1234, .count = 1 };
	code = 0;
	return hermit_io(&hermit, &run, &console, stop, &code);
}

static void put(uint64_t address, const void *bytes, size_t length)
{
	memcpy(&guest_memory[address], bytes, length);
}

static void put32(uint64_t address, uint32_t value)
{
	put(address, &value, sizeof(value));
}

static void put64(uint64_t address, uint64_t value)
{
	put(address, &value, sizeof(value));
}

static int32_t get32(uint64_t address)
{
	int32_t value;

	memcpy(&value, &guest_memory[address], sizeof(value));
	return value;
}

static int64_t get64(uint64_t address)
{
	int64_t value;

	memcpy(&value, &guest_memory[address], sizeof(value));
	return value;
}

/* Byte by byte to a virtual address, so that pages need not be neighbours */
static void put_virtual(uint64_t address, const char *text)
{
	for (; *text; address++, text++) {
		uint64_t page = GUEST_PAGES - 1 - (address - GUEST_VIRTUAL) / GUEST_PAGE;

		guest_memory[page * GUEST_PAGE + address % GUEST_PAGE] = *text;
	}
}

static bool virtual_is(uint64_t address, const char *text)
{
	for (; *text; address++, text++) {
		uint64_t page = GUEST_PAGES - 1 - (address - GUEST_VIRTUAL) / GUEST_PAGE;

		if (guest_memory[page * GUEST_PAGE + address % GUEST_PAGE] != (uint8_t)*text)
			return false;
	}
	return true;
}

/* Is this all that has been printed since the last time? */
static bool printed(const char *text)
{
	char bytes[65536];
	ssize_t n = read(output, bytes, sizeof(bytes));

	if (n < 0)
		n = 0;
	return (size_t)n == strlen(text) && !memcmp(bytes, text, n);
}

static int32_t do_open(const char *path, uint32_t flags, bool second)
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

static int32_t do_close(int32_t fd, bool second)
{
	put32(CALL, fd);
	put32(CALL + 4, 0x5555);
	if (second)
		out_rdi(0x1120, CALL);
	else
		out(0x480, 4, CALL);
	return get32(CALL + 4);
}

static int32_t do_unlink(const char *path, bool second)
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

static void write_v1(int32_t fd, uint64_t buffer, uint64_t length)
{
	put32(CALL, fd);
	put64(CALL + 4, buffer);
	put64(CALL + 12, length);
	put64(CALL + 20, 0x5555);
	out(0x400, 4, CALL);
}

static int64_t read_v1(int32_t fd, uint64_t buffer, uint64_t length)
{
	put32(CALL, fd);
	put64(CALL + 4, buffer);
	put64(CALL + 12, length);
	put64(CALL + 20, 0x5555);
	out(0x500, 4, CALL);
	return get64(CALL + 20);
}

static int64_t lseek_v1(int32_t fd, int64_t offset, uint32_t whence)
{
	put32(CALL, fd);
	put64(CALL + 4, offset);
	put32(CALL + 12, whence);
	out(0x580, 4, CALL);
	return get64(CALL + 4);
}

static int64_t transfer_v2(uint16_t port, int32_t fd, uint64_t buffer, uint64_t length)
{
	put64(CALL, length);
	put64(CALL + 8, 0x5555);
	put64(CALL + 16, buffer);
	put32(CALL + 24, fd);
	out_rdi(port, CALL);
	return get64(CALL + 8);
}

static int64_t write_v2(int32_t fd, uint64_t buffer, uint64_t length)
{
	return transfer_v2(0x1100, fd, buffer, length);
}

static int64_t read_v2(int32_t fd, uint64_t buffer, uint64_t length)
{
	return transfer_v2(0x1130, fd, buffer, length);
}

static int64_t lseek_v2(int32_t fd, int64_t offset, uint32_t whence)
{
	put64(CALL, offset);
	put32(CALL + 8, whence);
	put32(CALL + 12, fd);
	out_rdi(0x1140, CALL);
	return get64(CALL);
}

/* A path in the directory of the test's */
static const char *host(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static bool host_is(const char *name, const char *text)
{
	char bytes[4096];
	int fd = open(host(name), O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(bytes, text, n);
}

static void host_make(const char *name, const char *text)
{
	int fd = open(host(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static bool write_to_stdout(void)
{
	put_virtual(VIRTUAL, "over two pages that are not neighbours\n");
	write_v1(1, VIRTUAL, 39);
	return get64(CALL + 20) == 0x5555 && guest_vcpu == 3 &&
	       printed("over two pages that are not neighbours\n");
}

static bool write_to_stdout_v2(void)
{
	put(BUFFER, "physical, over two pages\n", 25);
	return write_v2(1, BUFFER, 25) == 25 && printed("physical, over two pages\n");
}

/* Up to the page that is not there */
static bool write_partly(void)
{
	uint64_t start = GUEST_VIRTUAL + 2 * GUEST_PAGE - 5;

	put_virtual(start, "12345");
	write_v1(1, start, 100);
	if (!printed("12345"))
		return false;
	put(GUEST_HOLE - 3, "abc", 3);
	return write_v2(1, GUEST_HOLE - 3, 1ULL << 60) == 3 && printed("abc");
}

static bool write_nothing(void)
{
	return write_v2(1, BUFFER, 0) == 0 && write_v2(1, UINT64_MAX, 0) == 0 && printed("");
}

static bool write_stderr(void)
{
	int fds[2], saved = dup(2);
	char bytes[16];
	ssize_t n;
	int64_t result;

	if (pipe(fds))
		return false;
	dup2(fds[1], 2);
	put(BUFFER, "error\n", 6);
	result = write_v2(2, BUFFER, 6);
	dup2(saved, 2);
	close(saved);
	close(fds[1]);
	n = read(fds[0], bytes, sizeof(bytes));
	close(fds[0]);
	return result == 6 && n == 6 && !memcmp(bytes, "error\n", 6) && printed("");
}

/* Bad descriptors and buffers of read and write */
static const struct bad {
	const char *name;
	int32_t fd;
	uint64_t buffer;
	uint64_t length;
	int64_t error;
	bool reads;
} bad[] = {
	{ "write: no such descriptor", 3, BUFFER, 4, -EBADF, false },
	{ "write: negative descriptor", -1, BUFFER, 4, -EBADF, false },
	{ "write: greatest descriptor", INT32_MAX, BUFFER, 4, -EBADF, false },
	{ "write: to stdin", 0, BUFFER, 4, -EBADF, false },
	{ "write: buffer in a hole", 1, GUEST_HOLE, 4, -EFAULT, false },
	{ "write: buffer behind memory", 1, GUEST_SIZE, 4, -EFAULT, false },
	{ "write: buffer at the end of addresses", 1, UINT64_MAX, 4, -EFAULT, false },
	{ "write: no physical address", 1, 0x7fff00000000, 4, -EFAULT, false },
	{ "read: no physical address", 0, 0x7fff00000000, 4, -EFAULT, true },
	{ "write: huge length", 1, GUEST_HOLE, UINT64_MAX, -EFAULT, false },
	{ "read: no such descriptor", 200, BUFFER, 4, -EBADF, true },
	{ "read: from stdout", 1, BUFFER, 4, -EBADF, true },
	{ "read: buffer in a hole", 0, GUEST_HOLE, 4, -EFAULT, true },
	{ "read: buffer behind memory", 0, GUEST_SIZE, 4, -EFAULT, true },
	{ "read: buffer at the end of addresses", 0, UINT64_MAX, 4, -EFAULT, true },
};

static void test_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct bad *b = &bad[i];
		int64_t n = b->reads ? read_v2(b->fd, b->buffer, b->length) :
				       write_v2(b->fd, b->buffer, b->length);

		tap_result(n == b->error && printed(""), b->name);
	}
}

/* A structure that is not there, or only half: nothing happens, and nothing dies. */
static bool bad_structures(void)
{
	static const uint16_t v1[] = { 0x400, 0x440, 0x480, 0x500, 0x580, 0x600, 0x640, 0x680,
				       0x700, 0x740, 0x780, 0x840, 0x880 };
	static const uint16_t v2[] = { 0x1030, 0x1050, 0x1100, 0x1110, 0x1120, 0x1130, 0x1140,
				       0x1150, 0x1160, 0x1170, 0x1180, 0x1190, 0x1200, 0x1210 };
	static const uint64_t places[] = { GUEST_HOLE, GUEST_HOLE - 3, GUEST_SIZE - 1, GUEST_SIZE,
					   UINT32_MAX, UINT64_MAX, UINT64_MAX - 7, 1ULL << 52 };
	static uint8_t before[GUEST_SIZE];

	memset(guest_memory, 0x11, GUEST_SIZE);
	memcpy(before, guest_memory, GUEST_SIZE);
	for (size_t p = 0; p < ARRAY_SIZE(places); p++) {
		for (size_t i = 0; i < ARRAY_SIZE(v1); i++)
			if (places[p] <= UINT32_MAX && out(v1[i], 4, places[p]) != ACCESS_DONE)
				return false;
		for (size_t i = 0; i < ARRAY_SIZE(v2); i++)
			if (out_rdi(v2[i], places[p]) != ACCESS_DONE)
				return false;
	}
	/* cmdsize writes what there is room for; the bytes in front of the hole are its own. */
	memset(&guest_memory[GUEST_HOLE - 3], 0x11, 3);
	guest_memory[GUEST_SIZE - 1] = 0x11;
	return !memcmp(before, guest_memory, GUEST_SIZE) && printed("");
}

static bool exits(void)
{
	put32(CALL, 42);
	if (out(0x540, 4, CALL) != ACCESS_END || code != 42)
		return false;
	put32(CALL, -1);
	if (out(0x540, 4, CALL) != ACCESS_END || code != UINT32_MAX)
		return false;
	if (out(0x540, 4, GUEST_HOLE) != ACCESS_END || !(code & 0xff))
		return false;
	return out_rdi(0x1010, 7) == ACCESS_END && code == 7 &&
	       out_rdi(0x1010, 0xffffffff00000000ULL) == ACCESS_END && code == 0;
}

static bool prints(void)
{
	bool right = out(0x800, 1, 'a') == ACCESS_DONE && out(0x800, 4, 'b') == ACCESS_DONE &&
		     out_rdi(0x1020, 0xabcd00 + 'c') == ACCESS_DONE;

	put(BUFFER, "in a buffer over two pages", 26);
	put64(CALL, BUFFER);
	put64(CALL + 8, 26);
	right &= out(0x880, 4, CALL) == ACCESS_DONE;
	put64(CALL, 26);
	put64(CALL + 8, BUFFER);
	right &= out_rdi(0x1030, CALL) == ACCESS_DONE;
	return right && printed("abcin a buffer over two pagesin a buffer over two pages");
}

static bool string_of_bytes(void)
{
	run = (struct kev_run){ .kind = KEV_EXIT_IO };
	run.io = (struct kev_exit_io){ .port = 0x800, .width = 1, .count = 5,
				       .flags = KEV_IO_STRING };
	memcpy(run.data, "outsb", 5);
	return hermit_io(&hermit, &run, &console, stop, &code) == ACCESS_DONE && printed("outsb");
}

/* The first one of two ends the guest: the second one is not made any more. */
static bool string_of_calls(void)
{
	const uint32_t addresses[] = { CALL, CALL + 4 };

	put32(CALL, 1);
	put32(CALL + 4, 2);
	run = (struct kev_run){ .kind = KEV_EXIT_IO };
	run.io = (struct kev_exit_io){ .port = 0x540, .width = 4, .count = 2,
				       .flags = KEV_IO_STRING };
	memcpy(run.data, addresses, sizeof(addresses));
	return hermit_io(&hermit, &run, &console, stop, &code) == ACCESS_END && code == 1;
}

static bool others_are_not_calls(void)
{
	static const uint16_t ports[] = { 0, 0x3f8, 0x401, 0x4c0, 0xcf8, 0x1000, 0x1060, 0x11a0,
					  0xffff };

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		if (out(ports[i], 4, CALL) != ACCESS_UNCLAIMED)
			return false;
	if (out(0x400, 1, 0) != ACCESS_UNCLAIMED || out(0x400, 2, 0) != ACCESS_UNCLAIMED)
		return false;
	run.io = (struct kev_exit_io){ .port = 0x400, .width = 4, .count = 1,
				       .direction = KEV_IO_IN };
	return hermit_io(&hermit, &run, &console, stop, &code) == ACCESS_UNCLAIMED;
}

static bool old_network(void)
{
	last_message[0] = '\0';
	hermit_calls_destroy(&hermit);
	if (hermit_calls_create(&hermit) || out(0x640, 4, CALL) != ACCESS_DONE ||
	    !strstr(last_message, "network"))
		return false;
	last_message[0] = '\0';
	return out(0x600, 4, CALL) == ACCESS_DONE && !last_message[0];
}

static bool reads_stdin(void)
{
	if (write(input, "one\ntwo", 7) != 7)
		return false;
	if (read_v2(0, BUFFER, 4) != 4 || memcmp(&guest_memory[BUFFER], "one\n", 4))
		return false;
	return read_v1(0, VIRTUAL, 100) == 3 && virtual_is(VIRTUAL, "two");
}

static bool reads_serial(void)
{
	if (write(input, "abXYZ", 5) != 5)
		return false;
	run = (struct kev_run){ .kind = KEV_EXIT_IO };
	run.io = (struct kev_exit_io){ .port = 0x1040, .width = 1, .count = 1,
				       .direction = KEV_IO_IN };
	if (hermit_io(&hermit, &run, &console, stop, &code) != ACCESS_DONE || run.io.data != 'a')
		return false;
	if (out_rdi(0x1040, BUFFER) != ACCESS_DONE || guest_memory[BUFFER] != 'b')
		return false;
	put64(CALL, 64);
	put64(CALL + 8, 0x5555);
	put64(CALL + 16, ANSWER);
	return out_rdi(0x1050, CALL) == ACCESS_DONE && get64(CALL + 8) == 3 &&
	       !memcmp(&guest_memory[ANSWER], "XYZ", 3);
}

static void *stop_later(void *argument)
{
	(void)argument;
	usleep(20000);
	eventfd_write(stop, 1);
	return NULL;
}

/* Nothing comes, and the VM ends. */
static bool stops_reading(void)
{
	pthread_t thread;
	eventfd_t count;
	int64_t n;

	pthread_create(&thread, NULL, stop_later, NULL);
	n = read_v2(0, BUFFER, 4);
	pthread_join(thread, NULL);
	eventfd_read(stop, &count);
	return n == -EINTR;
}

static bool output_fails(void)
{
	struct console broken;
	int fds[2];
	bool right;

	if (pipe(fds))
		return false;
	console_init(&broken, output, fds[1]);
	close(fds[0]);
	put(BUFFER, "lost", 4);
	put64(CALL, 4);
	put64(CALL + 8, 0);
	put64(CALL + 16, BUFFER);
	put32(CALL + 24, 1);
	run = (struct kev_run){ .kind = KEV_EXIT_IO };
	run.gpr[KEV_RDI] = CALL;
	run.io = (struct kev_exit_io){ .port = 0x1100, .width = 4, .count = 1 };
	right = hermit_io(&hermit, &run, &broken, stop, &code) == ACCESS_ERROR &&
		broken.error == EPIPE;
	console_fini(&broken);
	close(fds[1]);
	return right;
}

/* What both versions do with a file */
static bool whole_life(bool second)
{
	int32_t fd = do_open("/data/new", O_RDWR | O_CREAT | O_EXCL, second);
	bool right;

	if (fd != 3 || do_open("/data/new", O_RDWR | O_CREAT | O_EXCL, second) != -EEXIST)
		return false;
	if (second) {
		put(BUFFER, "0123456789", 10);
		right = write_v2(fd, BUFFER, 10) == 10 && lseek_v2(fd, -4, SEEK_END) == 6 &&
			read_v2(fd, ANSWER, 100) == 4 && !memcmp(&guest_memory[ANSWER], "6789", 4) &&
			read_v2(fd, ANSWER, 100) == 0 && lseek_v2(fd, -1, SEEK_SET) == -EINVAL &&
			lseek_v2(fd, 0, 7) == -EINVAL && lseek_v2(77, 0, 0) == -EBADF;
	} else {
		put_virtual(VIRTUAL, "0123456789abcdefghij");
		write_v1(fd, VIRTUAL, 20);
		right = lseek_v1(fd, 6, SEEK_SET) == 6 && lseek_v1(fd, 2, SEEK_CUR) == 8 &&
			read_v1(fd, VIRTUAL + 7, 12) == 12 &&
			virtual_is(VIRTUAL, "012345689abcdefghijj") &&
			lseek_v1(fd, INT64_MAX, SEEK_CUR) == -EOVERFLOW &&
			host_is("data/new", "0123456789abcdefghij");
	}
	right &= do_close(fd, second) == 0 && do_close(fd, second) == -EBADF;
	right &= do_unlink("/data/new", second) == 0 && do_unlink("/data/new", second) == -ENOENT;
	return right && access(host("data/new"), F_OK);
}

static bool whole_life_v1(void)
{
	return whole_life(false);
}

static bool whole_life_v2(void)
{
	return whole_life(true);
}

/* What cannot be copied to the guest is still to be read. */
static bool short_read(void)
{
	uint64_t start = GUEST_VIRTUAL + 2 * GUEST_PAGE - 5;
	int32_t fd;
	bool right;

	host_make("data/file", "hello, world");
	fd = do_open("data/file", O_RDONLY, false);
	right = read_v1(fd, start, 12) == 5 && virtual_is(start, "hello") &&
		read_v1(fd, GUEST_VIRTUAL + 2 * GUEST_PAGE, 12) == -EFAULT &&
		read_v2(fd, BUFFER, 12) == 7 && !memcmp(&guest_memory[BUFFER], ", world", 7);
	return do_close(fd, false) == 0 && right;
}

static bool appends(void)
{
	int32_t fd;
	bool right;

	host_make("data/log", "one ");
	fd = do_open("/data/log", O_RDWR | O_APPEND, true);
	put(BUFFER, "two ", 4);
	right = write_v2(fd, BUFFER, 4) == 4 && lseek_v2(fd, 0, SEEK_CUR) == 8 &&
		lseek_v2(fd, 0, SEEK_SET) == 0 && write_v2(fd, BUFFER, 4) == 4 &&
		lseek_v2(fd, 0, SEEK_CUR) == 12 && host_is("data/log", "one two two ");
	return do_close(fd, true) == 0 && right;
}

static bool by_rights(void)
{
	int32_t fd = do_open("/data/file", O_WRONLY, true);
	bool right = read_v2(fd, BUFFER, 1) == -EBADF;

	do_close(fd, true);
	fd = do_open("/data/file", O_RDONLY, true);
	right &= write_v2(fd, BUFFER, 1) == -EBADF;
	return do_close(fd, true) == 0 && right;
}

static bool names(void)
{
	bool right = true;

	memset(&guest_memory[NAME], 'x', 5000);
	put64(CALL, NAME);
	put32(CALL + 8, 0);
	out_rdi(0x1110, CALL);
	right &= get32(CALL + 16) == -ENAMETOOLONG;
	put64(CALL, GUEST_SIZE - 4);
	memset(&guest_memory[GUEST_SIZE - 4], 'x', 4);
	out_rdi(0x1110, CALL);
	right &= get32(CALL + 16) == -EFAULT;
	put64(CALL, 0x7fff00000000);
	out_rdi(0x1110, CALL);
	right &= get32(CALL + 16) == -EFAULT;
	put64(CALL, 0);
	memset(guest_memory, 0, 16);
	out_rdi(0x1110, CALL);
	return right && get32(CALL + 16) == -ENOENT;
}

static int64_t getdents(int32_t fd, uint64_t buffer, uint64_t length, uint32_t *kind)
{
	put32(CALL, fd);
	put64(CALL + 8, buffer);
	put64(CALL + 16, length);
	memset(&guest_memory[CALL + 24], 0, 16);
	out_rdi(0x1160, CALL);
	*kind = get32(CALL + 24);
	return get64(CALL + 32);
}

static bool listed(uint64_t buffer, int64_t length, const char *name, uint8_t type)
{
	for (int64_t at = 0; at < length; at += *(uint16_t *)&guest_memory[buffer + at + 16])
		if (!strcmp((char *)&guest_memory[buffer + at + 19], name))
			return guest_memory[buffer + at + 18] == type;
	return false;
}

static bool lists(void)
{
	int32_t fd = do_open("/data", O_RDONLY | O_DIRECTORY, true);
	uint32_t kind;
	int64_t n;
	bool right;

	/* A buffer that is not there takes nothing away. */
	n = getdents(fd, GUEST_HOLE, 2048, &kind);
	right = kind == 3 && n == EFAULT;
	n = getdents(fd, ANSWER, 2048, &kind);
	right &= kind == 1 && listed(ANSWER, n, "file", DT_REG) && listed(ANSWER, n, ".", DT_DIR);
	getdents(fd, ANSWER, 2048, &kind);
	right &= kind == 2;
	right &= lseek_v2(fd, 0, SEEK_SET) == 0;
	getdents(fd, ANSWER, 2048, &kind);
	right &= kind == 1 && do_close(fd, true) == 0;
	n = getdents(fd, ANSWER, 2048, &kind);
	return right && kind == 3 && n == EBADF;
}

static bool lists_tree(void)
{
	int32_t fd = do_open("/", O_RDONLY, true);
	uint32_t kind;
	int64_t n = getdents(fd, ANSWER, 24, &kind);	/* one entry */
	bool right = kind == 1 && n == 24 && listed(ANSWER, n, "data", DT_DIR);

	right &= getdents(fd, ANSWER, 8, &kind) == EINVAL && kind == 3;
	n = getdents(fd, ANSWER, 2048, &kind);
	right &= kind == 1 && !listed(ANSWER, n, "data", DT_DIR) && listed(ANSWER, n, "deep", DT_DIR);
	getdents(fd, ANSWER, 2048, &kind);
	return kind == 2 && do_close(fd, true) == 0 && right;
}

static int32_t stat_error(const char *name, uint32_t kind, uint64_t answer)
{
	put(NAME, name, strlen(name) + 1);
	put64(CALL, NAME);
	put32(CALL + 8, kind);
	put64(CALL + 16, answer);
	put64(CALL + 24, 0);
	out_rdi(0x1170, CALL);
	if (get32(CALL + 24) == 1)
		return 0;
	return get32(CALL + 24) == 2 ? get32(CALL + 28) : -1;
}

static bool stats(void)
{
	struct stat stat;

	if (lstat(host("data/file"), &stat) || stat_error("/data/file", 0, ANSWER))
		return false;
	if ((uint64_t)get64(ANSWER + 8) != stat.st_ino ||
	    (uint32_t)get32(ANSWER + 24) != stat.st_mode || get64(ANSWER + 48) != stat.st_size ||
	    get64(ANSWER + 88) != stat.st_mtim.tv_sec || get32(ANSWER + 96) != stat.st_mtim.tv_nsec)
		return false;
	if (symlink("file", host("data/link")) || stat_error("/data/link", 0, ANSWER) ||
	    !S_ISREG(get32(ANSWER + 24)) || stat_error("/data/link", 1, ANSWER) ||
	    !S_ISLNK(get32(ANSWER + 24)))
		return false;
	if (stat_error("/deep", 0, ANSWER) || !S_ISDIR(get32(ANSWER + 24)))
		return false;
	return stat_error("/data/none", 0, ANSWER) == ENOENT &&
	       stat_error("/data/file", 2, ANSWER) == EINVAL &&
	       stat_error("/data/file", 0, GUEST_HOLE) == EFAULT &&
	       stat_error("/etc/passwd", 0, ANSWER) == ENOENT;
}

static bool fstats(void)
{
	int32_t fd = do_open("/data/file", O_RDONLY, true);
	bool right;

	put32(CALL, fd);
	put64(CALL + 8, ANSWER);
	put64(CALL + 16, 0);
	out_rdi(0x1180, CALL);
	right = get32(CALL + 16) == 1 && get64(ANSWER + 48) == 12;
	put32(CALL, 1);
	out_rdi(0x1180, CALL);
	right &= get32(CALL + 16) == 2 && get32(CALL + 20) == EBADF;
	return do_close(fd, true) == 0 && right;
}

static int32_t mkdir_error(const char *name)
{
	put(NAME, name, strlen(name) + 1);
	put64(CALL, NAME);
	put64(CALL + 8, strlen(name) + 1);
	put64(CALL + 16, 0);
	out_rdi(0x1190, CALL);
	if (get32(CALL + 16) == 1)
		return 0;
	return get32(CALL + 16) == 2 ? get32(CALL + 20) : -1;
}

static bool mkdirs(void)
{
	struct stat stat;

	return !mkdir_error("/data/sub") && mkdir_error("/data/sub") == EEXIST &&
	       !lstat(host("data/sub"), &stat) && S_ISDIR(stat.st_mode) &&
	       mkdir_error("/data/none/sub") == ENOENT && mkdir_error("/data/file/sub") == ENOTDIR &&
	       !mkdir_error("/tmp/own") && mkdir_error("/tmp/own") == EEXIST &&
	       do_unlink("/data/sub", true) == -EISDIR && mkdir_error("/ro/sub") == EROFS &&
	       mkdir_error("/data") == EEXIST && mkdir_error("/") == EEXIST;
}

static bool all_descriptors(void)
{
	bool right = true;
	int32_t fd;

	for (int32_t i = 0; i < 256; i++)
		right &= do_open("/data/file", O_RDONLY, true) == 3 + i;
	right &= do_open("/data/file", O_RDONLY, true) == -EMFILE;
	right &= do_close(17, true) == 0 && do_open("/data/file", O_RDONLY, true) == 17;
	for (fd = 3; fd < 3 + 256; fd++)
		right &= do_close(fd, true) == 0;
	return right && do_close(0, true) == 0 && do_close(2, false) == 0 &&
	       do_close(-1, true) == -EBADF && do_close(259, true) == -EBADF;
}

static bool sizes_and_values(void)
{
	const struct arguments *arguments = hermit_arguments(&hermit);
	uint64_t next = ANSWER;

	memset(&guest_memory[CALL], 0xff, 1032);
	if (out(0x740, 4, CALL) != ACCESS_DONE || get32(CALL) != 3 ||
	    get32(CALL + 4) != sizeof("a/kernel") || get32(CALL + 8) != sizeof("first") ||
	    get32(CALL + 12) != 1 || get32(CALL + 516) != 4 ||
	    get32(CALL + 520) != sizeof("NAME=value"))
		return false;
	for (unsigned int i = 0; i < 3; i++, next += 64)
		put64(NAME + 8 * i, next);
	for (unsigned int i = 0; i < 4; i++, next += 64)
		put64(NAME + 1024 + 8 * i, next);
	memset(&guest_memory[ANSWER], 0xff, 1024);
	put64(CALL, NAME);
	put64(CALL + 8, NAME + 1024);
	if (out(0x780, 4, CALL) != ACCESS_DONE)
		return false;
	for (unsigned int i = 0; i < 3; i++)
		if (strcmp((char *)&guest_memory[ANSWER + 64 * i], arguments->argv[i]))
			return false;
	for (unsigned int i = 0; i < 4; i++)
		if (strcmp((char *)&guest_memory[ANSWER + 64 * (3 + i)], arguments->env[i]))
			return false;
	return true;
}

/* Pointers that lead nowhere are the guest's loss, one by one. */
static bool values_nowhere(void)
{
	put64(NAME, GUEST_HOLE);
	put64(NAME + 8, UINT64_MAX);
	put64(NAME + 16, ANSWER);
	memset(&guest_memory[ANSWER], 0xff, 16);
	put64(CALL, NAME);
	put64(CALL + 8, GUEST_HOLE);
	return out(0x780, 4, CALL) == ACCESS_DONE && !guest_memory[ANSWER] &&
	       guest_memory[ANSWER + 1] == 0xff;
}

static const struct {
	const char *name;
	bool (*test)(void);
} tests[] = {
	{ "v1 write: over pages that are not neighbours", write_to_stdout },
	{ "v2 write: to stdout", write_to_stdout_v2 },
	{ "write: up to a page that is not there", write_partly },
	{ "write: of nothing", write_nothing },
	{ "write: to stderr", write_stderr },
	{ "structures that are not in memory", bad_structures },
	{ "exit, with its code", exits },
	{ "serial port: bytes and buffers", prints },
	{ "serial port: a string of bytes", string_of_bytes },
	{ "a string of calls ends with exit", string_of_calls },
	{ "other ports and widths are no calls", others_are_not_calls },
	{ "old network calls: one warning", old_network },
	{ "read: stdin", reads_stdin },
	{ "serial port: input", reads_serial },
	{ "read: ends with the VM", stops_reading },
	{ "write: stdout is gone", output_fails },
	{ "v1: a file from open to unlink", whole_life_v1 },
	{ "v2: a file from open to unlink", whole_life_v2 },
	{ "read: what was not copied stays", short_read },
	{ "write: O_APPEND", appends },
	{ "read and write: as opened", by_rights },
	{ "open: names without end, outside, empty", names },
	{ "getdents: a directory of the host's", lists },
	{ "getdents: the guest's own directory", lists_tree },
	{ "stat and lstat", stats },
	{ "fstat", fstats },
	{ "mkdir", mkdirs },
	{ "descriptors: lowest first, up to the limit", all_descriptors },
	{ "cmdsize and cmdval", sizes_and_values },
	{ "cmdval: pointers to nowhere", values_nowhere },
};

static char data_mapping[64], deep_mapping[64], ro_mapping[64];

static void set_up(void)
{
	static const char *mappings[] = { data_mapping, deep_mapping, ro_mapping };
	static const char *env[] = { "NAME=value" };
	static char *arguments[] = { "first", "" };
	int out_fds[2], in_fds[2];

	if (!mkdtemp(directory) || mkdir(host("data"), 0755) || pipe2(out_fds, O_NONBLOCK) ||
	    pipe(in_fds))
		abort();
	snprintf(data_mapping, sizeof(data_mapping), "%s/data:/data", directory);
	snprintf(deep_mapping, sizeof(deep_mapping), "%s/data:deep/down/data", directory);
	snprintf(ro_mapping, sizeof(ro_mapping), "%s/data:/ro:ro", directory);
	options = (struct run_options){
		.image = "a/kernel", .arguments = arguments, .nr_arguments = 2,
		.env = { env, 1 }, .file_mappings = { mappings, 3 },
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

int main(void)
{
	char command[64];

	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tap_result(tests[i].test(), tests[i].name);
	test_bad();
	hermit_calls_destroy(&hermit);
	console_fini(&console);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	if (system(command))
		return 1;
	return tap_end();
}
