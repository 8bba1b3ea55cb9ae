// SPDX-License-Identifier: GPL-2.0
/*
 * The input is what a Hermit guest does: bytes that it puts into its memory, and calls,
 * with arguments that make sense more often than chance would have it. Nothing but the
 * directory that is mapped changes, and what the calls hold is given back at the end.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/kevctl/console.h"
#include "../../tools/kevctl/hermit/call.h"
#include "../../tools/kevctl/hermit/internal.h"
#include "../../tools/kevctl/hermit/streams.h"
#include "../kevctl/guest.h"
#include "fuzz.h"

#define CALL		0x1000
#define NAMES		0x2000
#define NAME_SIZE	32
#define BUFFER		0x3ff0
#define MOST_FILE	(1 << 20)

static const char *const names[] = {
	"/data/file", "/data/dir/inner", "/data/link", "/data/out/secret", "/data", "/",
	"/data/../../secret", "/ro/file", "/tmp/own", "/tmp", "/tmp/own/below", "data/new", "/one",
	"/data/dir",
};

#define NR_NAMES	ARRAY_SIZE(names)

/* Fields of a call's structure: size in bytes, and what it is likely to be */
struct port {
	uint16_t port;
	bool by_rdi;
	/* n name, b buffer, v virtual buffer, f fd, l length, i any; 4 or 8 */
	const char *fields;
};

static const struct port ports[] = {
	{ 0x400, false, "4f8v8l" }, { 0x440, false, "8n4i4i4i" }, { 0x480, false, "4f4i" },
	{ 0x500, false, "4f8v8l8i" }, { 0x580, false, "4f8l4i" }, { 0x600, false, "" },
	{ 0x740, false, "" }, { 0x780, false, "8b8b" }, { 0x800, false, "" },
	{ 0x840, false, "8n4i" }, { 0x880, false, "8b8l" },
	{ 0x1020, true, "" }, { 0x1030, true, "8l8b" }, { 0x1040, true, "" },
	{ 0x1050, true, "8l8i8b" }, { 0x1100, true, "8l8i8b4f" }, { 0x1110, true, "8n4i4i4i" },
	{ 0x1120, true, "4f4i" }, { 0x1130, true, "8l8i8b4f" }, { 0x1140, true, "8l4i4f" },
	{ 0x1150, true, "8n4i" }, { 0x1160, true, "4f4i8b8l8i8i" }, { 0x1170, true, "8n4i4i8b8i" },
	{ 0x1180, true, "4f4i8b8i" }, { 0x1190, true, "8n8l8i" },
};

static char secret[17];	/* made up at the start: the input cannot have it */
static char base[] = "/tmp/calls_fuzz.XXXXXX";
static struct console console;
static const u8 *input;
static size_t input_size;

void message(const char *what, const char *why, ...)
{
	(void)what;
	(void)why;
}

/* In place of kevctl's: nothing is waited for, and stderr is the fuzzer's own. */
bool stream_stopped(int stop)
{
	(void)stop;
	return false;
}

ssize_t stream_read(int fd, void *buffer, size_t length, int stop)
{
	(void)stop;
	if (fd != STDIN_FILENO)
		return -EAGAIN;
	length = length < 16 ? length : 16;
	fuzz_take(&input, &input_size, buffer, length);
	return length;
}

ssize_t stream_write(int fd, const void *buffer, size_t length, int stop)
{
	(void)fd;
	(void)buffer;
	(void)stop;
	return length;
}

static const char *at(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void make(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	fuzz_check(fd >= 0 && write(fd, text, strlen(text)) >= 0, "cannot make a file");
	close(fd);
}

static void empty(const char *name)
{
	char path[4096], below[4096 + 256];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		snprintf(below, sizeof(below), "%s/%s", name, entry->d_name);
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlink(at(below)))
			empty(below), rmdir(at(below));
	}
	if (directory)
		closedir(directory);
}

static void set_up_files(void)
{
	empty("data");
	mkdir(at("data/dir"), 0755);
	make("data/file", "some text in a file");
	make("data/dir/inner", "inner");
	make("one", "one");
	if (symlink("dir/inner", at("data/link")) || symlink("../outside", at("data/out")))
		abort();
}

static void remove_all(void)
{
	empty("");
	rmdir(base);
}

static void set_up(void)
{
	const struct rlimit most = { MOST_FILE, MOST_FILE };

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &most);
	fuzz_check(mkdtemp(base) && !mkdir(at("data"), 0755) && !mkdir(at("outside"), 0755),
		   "cannot make a directory");
	srandom(getpid());
	for (unsigned int i = 0; i < sizeof(secret) - 1; i++)
		secret[i] = 1 + random() % 255;
	make("outside/secret", secret);
	make("secret", secret);
	atexit(remove_all);
	console = (struct console){
		.lock = PTHREAD_MUTEX_INITIALIZER, .vm = -1, .out = open("/dev/null", O_WRONLY),
		.abandon = eventfd(0, 0),
	};
}

static u64 take(size_t size)
{
	u64 value = 0;

	fuzz_take(&input, &input_size, &value, size);
	return value;
}

static u64 choose(char what)
{
	static const u64 addresses[] = { BUFFER, CALL, NAMES, 0, GUEST_HOLE - 7, GUEST_HOLE,
					 GUEST_SIZE - 9, UINT64_MAX - 3 };
	static const u64 lengths[] = { 0, 1, 10, 4096, 20000, GUEST_SIZE, INT64_MAX, UINT64_MAX };
	u8 by = take(1);

	if (by >= 0xf0)
		return take(8);
	switch (what) {
	case 'n':
		return NAMES + by % (NR_NAMES + 1) * NAME_SIZE;
	case 'b':
		return addresses[by % 8];
	case 'v':
		return GUEST_VIRTUAL + by * 1000;
	case 'f':
		return by % 8;
	case 'l':
		return lengths[by % 8];
	default:
		return take(2);
	}
}

static void call(struct hermit *hermit, struct kev_run *run)
{
	uint64_t code;
	enum verdict verdict = hermit_io(hermit, run, &console, -1, &code);

	fuzz_check(verdict == ACCESS_DONE || verdict == ACCESS_END || verdict == ACCESS_UNCLAIMED,
		   "the output cannot have failed");
}

static void fill_and_call(struct hermit *hermit)
{
	const struct port *port = &ports[take(1) % ARRAY_SIZE(ports)];
	struct kev_run run = { .kind = KEV_EXIT_IO };
	u64 address = CALL;

	for (const char *field = port->fields; *field; field += 2) {
		u64 value = choose(field[1]);

		memcpy(&guest_memory[address], &value, field[0] - '0');
		address += field[0] - '0';
	}
	run.gpr[KEV_RDI] = CALL;
	run.io = (struct kev_exit_io){ .port = port->port, .width = 4, .data = CALL, .count = 1 };
	call(hermit, &run);
}

static void call_anything(struct hermit *hermit)
{
	struct kev_run run = { .kind = KEV_EXIT_IO, .vcpu_id = take(1) };
	u8 how = take(1);

	run.gpr[KEV_RDI] = take(8);
	run.io = (struct kev_exit_io){
		.port = how & 1 ? ports[take(1) % ARRAY_SIZE(ports)].port : take(2),
		.width = 1 << (how >> 1) % 3,
		.direction = how >> 3 & 1,
		.data = take(4),
		.count = 1,
	};
	if (how & 0x80) {
		run.io.flags = KEV_IO_STRING;
		run.io.count = 1 + take(1) % (KEV_RUN_DATA / run.io.width);
		fuzz_take(&input, &input_size, run.data, run.io.count * run.io.width);
	}
	call(hermit, &run);
}

static void poke(void)
{
	u64 address = take(3) % (GUEST_SIZE - 256);

	fuzz_take(&input, &input_size, &guest_memory[address], take(1));
}

/* Not by memcmp() and memmem(): from those the fuzzer would learn it. */
__attribute__((no_sanitize("coverage")))
static bool same(const void *bytes)
{
	const char *other = bytes;
	unsigned int differences = 0;

	for (size_t i = 0; i < sizeof(secret) - 1; i++)
		differences += other[i] != secret[i];
	return !differences;
}

static bool is_secret(const char *name)
{
	char text[sizeof(secret)] = "";
	int fd = open(at(name), O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text));

	close(fd);
	return n == sizeof(secret) - 1 && same(text);
}

static bool guest_has_secret(void)
{
	const u8 *at = guest_memory, *last = guest_memory + GUEST_SIZE - sizeof(secret);

	while ((at = memchr(at, secret[0], last - at)) && !same(at))
		at++;
	return at;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static char data_mapping[64], ro_mapping[64], one_mapping[64];
	static const char *mappings[] = { data_mapping, ro_mapping, one_mapping };
	const struct run_options options = { .image = "kernel", .file_mappings = { mappings, 3 } };
	struct hermit hermit = { .options = &options, .interface = 1, .ram_bytes = GUEST_SIZE };

	if (!data_mapping[0]) {
		set_up();
		snprintf(data_mapping, sizeof(data_mapping), "%s/data:/data", base);
		snprintf(ro_mapping, sizeof(ro_mapping), "%s/data:/ro:ro", base);
		snprintf(one_mapping, sizeof(one_mapping), "%s/one:/one", base);
	}
	set_up_files();
	memset(guest_memory, 0, sizeof(guest_memory));
	for (size_t i = 0; i < NR_NAMES; i++)
		strcpy((char *)&guest_memory[NAMES + i * NAME_SIZE], names[i]);
	fuzz_check(!hermit_calls_create(&hermit), "set-up");
	input = data;
	input_size = size;
	for (unsigned int i = 0; i < 64 && input_size; i++) {
		switch (take(1) % 4) {
		case 0:
			poke();
			break;
		case 1:
			call_anything(&hermit);
			break;
		default:
			fill_and_call(&hermit);
			break;
		}
	}
	fuzz_check(hermit.calls->files.budget.used <= GUEST_SIZE, "more than the budget");
	hermit_calls_destroy(&hermit);
	fuzz_check(is_secret("outside/secret") && is_secret("secret"),
		   "a file outside has changed");
	fuzz_check(!guest_has_secret(), "the guest has a file's contents that is outside");
	return 0;
}
