// SPDX-License-Identifier: GPL-2.0
/* The calls of a Hermit guest: streams, ports and arguments, good and bad. */
#include <pthread.h>
#include <pty.h>
#include <sys/wait.h>

#include "../../tools/kevctl/hermit/arguments.h"
#include "../../tools/kevctl/hermit/streams.h"
#include "../../tools/kevctl/nudge.h"
#include "guest_calls.h"
#include "tap.h"

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

/* poll() says that 8 bytes can be written, but write() waits: as if others were faster. */
static int jammed;

static void *write_jammed(void *result)
{
	const uint64_t much = 8;

	*(ssize_t *)result = stream_write(jammed, &much, sizeof(much), stop);
	return NULL;
}

static bool stops_jammed(void)
{
	static ssize_t n;
	pthread_t thread;
	eventfd_t count;
	bool joined = false;

	jammed = eventfd(0, 0);
	eventfd_write(jammed, UINT64_MAX - 2);
	nudge_init();
	pthread_create(&thread, NULL, write_jammed, &n);
	usleep(20000);
	eventfd_write(stop, 1);
	for (unsigned int i = 0; i < 50 && !joined; i++) {
		nudge(thread);
		usleep(20000);
		joined = !pthread_tryjoin_np(thread, NULL);
	}
	eventfd_read(stop, &count);
	return joined && n == -EINTR;
}

/* On a terminal, in a job of its own, which is put into the foreground after a while */
static void read_as_job(void)
{
	char bytes[4];
	pid_t job;
	int status;

	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	job = fork();
	if (!job) {
		setpgid(0, 0);
		_exit(stream_read(STDIN_FILENO, bytes, sizeof(bytes), stop) != 2 || *bytes != 'x');
	}
	usleep(200000);
	tcsetpgrp(STDIN_FILENO, job);
	_exit(waitpid(job, &status, 0) != job || status);
}

static bool waits_for_foreground(void)
{
	int master, status;
	pid_t leader = forkpty(&master, NULL, NULL, NULL);
	bool typed;

	if (!leader)
		read_as_job();
	typed = write(master, "x\n", 2) == 2;
	waitpid(leader, &status, 0);
	close(master);
	return typed && !status;
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
	{ "read: a terminal in the background", waits_for_foreground },
	{ "serial port: input", reads_serial },
	{ "read: ends with the VM", stops_reading },
	{ "write: ends with the VM, also when poll() was wrong", stops_jammed },
	{ "write: stdout is gone", output_fails },
	{ "cmdsize and cmdval", sizes_and_values },
	{ "cmdval: pointers to nowhere", values_nowhere },
};

int main(void)
{
	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tap_result(tests[i].test(), tests[i].name);
	test_bad();
	tear_down();
	return tap_end();
}
