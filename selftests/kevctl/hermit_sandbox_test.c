// SPDX-License-Identifier: GPL-2.0
/*
 * The sandbox leaves the calls of a Hermit guest everything that they need: each is made in
 * a process of its own that has entered it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tools/kevctl/hermit/call.h"
#include "../../tools/kevctl/hermit/hermit.h"
#include "../../tools/kevctl/hermit/internal.h"
#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/sandbox.h"
#include "guest.h"
#include "tap.h"

#define NOT_ENTERED	250

static char base[] = "/tmp/hermit_sandbox.XXXXXX";
static struct hermit hermit;

void message(const char *what, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	printf("# %s: ", what);
	vprintf(why, args);
	putchar('\n');
	va_end(args);
}

void hint(const char *format, ...)
{
	printf("# %s\n", format);
}

static struct files *files(void)
{
	return &hermit.calls->files;
}

/* 0, or an errno */
static int open_and_write(const char *path, uint32_t flags)
{
	int fd = files_open(files(), path, flags, 0644);
	struct file *file = files_get(files(), fd);
	struct stat stat;
	ssize_t n = 0;

	if (!file)
		return -fd;
	pthread_mutex_lock(&file->lock);
	if (file->writable)
		n = file_write(files(), file, "text", 4) == 4 ? 0 : -EIO;
	pthread_mutex_unlock(&file->lock);
	files_put(files(), file);
	if (!n)
		n = files_fstat(files(), fd, &stat);
	if (!n && files_lseek(files(), fd, 0, SEEK_END) < 0)
		n = -EIO;
	if (!n)
		n = files_close(files(), fd);
	return -n;
}

static int open_and_read(const char *path)
{
	int fd = files_open(files(), path, O_RDONLY, 0);
	struct file *file = files_get(files(), fd);
	char bytes[512];
	ssize_t n;

	if (!file)
		return -fd;
	pthread_mutex_lock(&file->lock);
	if (file->kind == FILE_DIRECTORY)
		n = file_entries(file, bytes, sizeof(bytes));
	else
		n = file_peek(files(), file, bytes, sizeof(bytes));
	pthread_mutex_unlock(&file->lock);
	files_put(files(), file);
	files_close(files(), fd);
	return n < 0 ? -n : 0;
}

static int reads_directory(void) { return open_and_read("/data"); }
static int reads_file(void) { return open_and_read("/data/sub/file"); }
static int writes_file(void) { return open_and_write("/data/sub/file", O_RDWR | O_TRUNC); }
static int makes_file(void) { return open_and_write("/data/sub/new", O_RDWR | O_CREAT | O_EXCL); }
static int removes_file(void) { return -files_unlink(files(), "/data/sub/file"); }
static int makes_directory(void) { return -files_mkdir(files(), "/data/made"); }
static int reads_frozen(void) { return open_and_read("/ro/file"); }
static int reads_one(void) { return open_and_read("/one"); }
static int writes_one(void) { return open_and_write("/one", O_WRONLY | O_APPEND); }
static int removes_one(void) { return -files_unlink(files(), "/one"); }
static int makes_later(void) { return open_and_write("/later", O_RDWR | O_CREAT); }
static int makes_own(void) { return open_and_write("/tmp/own", O_RDWR | O_CREAT); }
static int writes_frozen(void) { return open_and_write("/ro/file", O_RDWR); }
static int leads_out(void) { return open_and_read("/data/out"); }

static int makes_and_removes_later(void)
{
	int error = makes_later();

	return error ? error : -files_unlink(files(), "/later");
}

static int stats(void)
{
	struct stat stat;

	return -files_stat(files(), "/data/sub/file", true, &stat);
}

static const struct {
	const char *name;
	int (*call)(void);
	int error;
} calls[] = {
	{ "reads a directory", reads_directory, 0 },
	{ "reads a file", reads_file, 0 },
	{ "writes a file", writes_file, 0 },
	{ "makes a file", makes_file, 0 },
	{ "removes a file", removes_file, 0 },
	{ "makes a directory", makes_directory, 0 },
	{ "asks for a file's state", stats, 0 },
	{ "reads where nothing may change", reads_frozen, 0 },
	{ "reads a mapped file", reads_one, 0 },
	{ "writes a mapped file", writes_one, 0 },
	{ "removes a mapped file", removes_one, 0 },
	{ "makes a mapped file that was not there", makes_later, 0 },
	{ "makes it and removes it", makes_and_removes_later, 0 },
	{ "makes a file of its own", makes_own, 0 },
	{ "changes nothing where nothing may change", writes_frozen, EROFS },
	{ "follows no link out", leads_out, ENOENT },
};

static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
	return path;
}

static void make(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT, 0644);

	if (fd < 0 || write(fd, "text", 4) != 4)
		abort();
	close(fd);
}

static void make_all(void)
{
	if (mkdir(base, 0755) || mkdir(at("data"), 0755) || mkdir(at("data/sub"), 0755) ||
	    mkdir(at("frozen"), 0755) || symlink("../secret", at("data/out")))
		abort();
	make("data/sub/file");
	make("frozen/file");
	make("one");
	make("secret");
}

static void remove_all(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf %s", base);
	if (system(command))
		abort();
}

static int enter(void)
{
	static const char *const texts[] = { "data:/data", "frozen:/ro:ro", "one:/one",
					     "later:/later" };
	static const char *mappings[ARRAY_SIZE(texts)];
	static struct run_options options = { .image = "image" };
	struct sandbox_needs needs = { .files = HERMIT_FILES };
	struct sandbox_path paths[16];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		mappings[i] = strdup(at(texts[i]));
	options.file_mappings = (struct text_list){ mappings, ARRAY_SIZE(texts) };
	hermit = (struct hermit){ .options = &options, .interface = 2, .ram_bytes = 1 << 20 };
	if (hermit_calls_create(&hermit))
		return -1;
	needs.paths = paths;
	needs.nr_paths = hermit_paths(&hermit, paths, ARRAY_SIZE(paths));
	return needs.nr_paths == 5 ? sandbox_enter(&needs) : -1;
}

static bool right(int (*call)(void), int error)
{
	int status;
	pid_t pid;

	make_all();
	pid = fork();
	if (!pid)
		_exit(enter() ? NOT_ENTERED : call());
	if (waitpid(pid, &status, 0) != pid)
		abort();
	remove_all();
	if (!WIFEXITED(status) || WEXITSTATUS(status) != error)
		printf("# status 0x%x\n", status);
	return WIFEXITED(status) && WEXITSTATUS(status) == error;
}

int main(void)
{
	if (!mkdtemp(base))
		return 1;
	rmdir(base);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		tap_result(right(calls[i].call, calls[i].error), calls[i].name);
	return tap_end();
}
