// SPDX-License-Identifier: GPL-2.0
/* What a Hermit guest can name of the host's files, and what not, however it tries. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tools/kevctl/hermit/arguments.h"
#include "../../tools/kevctl/hermit/files.h"
#include "../../tools/kevctl/kevctl.h"
#include "guest.h"
#include "tap.h"

#define SECRET		"secret"
#define MEMORY		(64 * 1024)

static char base[] = "/tmp/hermit_files.XXXXXX";
static struct files files;
static char last_message[512];

void message(const char *what, const char *why, ...)
{
	va_list args;

	(void)what;
	va_start(args, why);
	vsnprintf(last_message, sizeof(last_message), why, args);
	va_end(args);
}

/* One of a few paths in the test's directory */
static const char *at(const char *name)
{
	static char paths[4][4096];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
	return path;
}

static void make(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static void must(int result)
{
	if (result) {
		perror("set-up");
		abort();
	}
}

/*
 * BASE/outside/secret		nobody may see it
 * BASE/top/			mapped as /top
 * BASE/top/file, dir/inner	in there
 * BASE/top/up, abs, proc, root, loop, in, dangling	symbolic links
 * BASE/top/fifo, null, socket	no files
 * BASE/single			mapped as /one
 * BASE/frozen/file		mapped as /ro:ro
 * BASE/later			not there, mapped as /later
 * BASE/pipe			FIFO, mapped as /pipe
 */
static void set_up(void)
{
	static const char *texts[] = { "top:/top", "single:/one", "frozen:/ro:ro", "later:/later",
				       "pipe:/a/b/pipe", "single:host/old", "top:/root/old2" };
	struct text_list mappings = { calloc(ARRAY_SIZE(texts), sizeof(char *)), 0 };

	must(!mkdtemp(base));
	must(mkdir(at("outside"), 0755) || mkdir(at("top"), 0755) || mkdir(at("frozen"), 0755) ||
	     mkdir(at("top/dir"), 0755));
	make("outside/secret", SECRET);
	make("top/file", "file");
	make("top/dir/inner", "inner");
	make("single", "single");
	make("frozen/file", "frozen");
	must(symlink("../outside/secret", at("top/up")));
	must(symlink(at("outside/secret"), at("top/abs")));
	must(symlink("../outside", at("top/updir")));
	must(symlink("/proc/self/root", at("top/proc")));
	must(symlink("/", at("top/root")));
	must(symlink("loop", at("top/loop")));
	must(symlink("dir/inner", at("top/in")));
	must(symlink("/dir/inner", at("top/absin")));
	must(symlink("nowhere", at("top/dangling")));
	must(mkfifo(at("top/fifo"), 0644) || mkfifo(at("pipe"), 0644));
	if (mknod(at("top/null"), S_IFCHR | 0666, makedev(1, 3)))
		make("top/null", "");	/* not allowed here: then it is a plain file */
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		mappings.items[mappings.nr++] = strdup(at(texts[i]));
	must(files_init(&files, &mappings, MEMORY));
	for (unsigned int i = 0; i < mappings.nr; i++)
		free((char *)mappings.items[i]);
	free(mappings.items);
}

static const struct attempt {
	const char *path;
	uint32_t flags;
	int result;		/* errno, negative; else open */
	const char *content;
} attempts[] = {
	{ "/top/file", O_RDONLY, 0, "file" },
	{ "top/file", O_RDONLY, 0, "file" },
	{ "//top/./dir/../file", O_RDONLY, 0, "file" },
	{ "/top/dir/inner", O_RDONLY, 0, "inner" },
	{ "/top/in", O_RDONLY, 0, "inner" },
	{ "/top/in", O_RDONLY | O_NOFOLLOW, -ELOOP, NULL },
	{ "/top/absin", O_RDONLY, 0, "inner" },	/* the mapping is the root */
	{ "/one", O_RDONLY, 0, "single" },
	{ "/ro/file", O_RDONLY, 0, "frozen" },
	{ "old", O_RDONLY, 0, "single" },	/* as old kernels ask */
	{ "old2/dir/inner", O_RDONLY, 0, "inner" },
	{ "old2/../../../etc/passwd", O_RDONLY, -ENOENT, NULL },
	{ "/old", O_RDONLY, -ENOENT, NULL },
	{ "/host/old", O_RDONLY, 0, "single" },

	{ "", O_RDONLY, -ENOENT, NULL },
	{ "/etc/passwd", O_RDONLY, -ENOENT, NULL },
	{ "/proc/self/environ", O_RDONLY, -ENOENT, NULL },
	{ "/top/../outside/secret", O_RDONLY, -ENOENT, NULL },
	{ "/top/../../../../etc/passwd", O_RDONLY, -ENOENT, NULL },
	{ "/top/dir/../../../outside/secret", O_RDONLY, -ENOENT, NULL },
	{ "../outside/secret", O_RDONLY, -ENOENT, NULL },
	{ "/top/up", O_RDONLY, -ENOENT, NULL },
	{ "/top/abs", O_RDONLY, -ENOENT, NULL },
	{ "/top/updir/secret", O_RDONLY, -ENOENT, NULL },
	{ "/top/proc/etc/passwd", O_RDONLY, -ELOOP, NULL },
	{ "/top/root/etc/passwd", O_RDONLY, -ENOENT, NULL },
	{ "/top/root/file", O_RDONLY, 0, "file" },
	{ "/top/loop", O_RDONLY, -ELOOP, NULL },
	{ "/top/dangling", O_RDONLY, -ENOENT, NULL },
	{ "/top/fifo", O_RDONLY, -EACCES, NULL },
	{ "/top/fifo", O_RDWR, -EACCES, NULL },
	{ "/top/file/below", O_RDONLY, -ENOTDIR, NULL },
	{ "/one/below", O_RDONLY, -ENOTDIR, NULL },
	{ "/one/../etc/passwd", O_RDONLY, -ENOENT, NULL },

	{ "/ro/file", O_RDWR, -EROFS, NULL },
	{ "/ro/file", O_WRONLY, -EROFS, NULL },
	{ "/ro/file", O_RDONLY | O_TRUNC, -EROFS, NULL },
	{ "/ro/new", O_RDONLY | O_CREAT, -EROFS, NULL },
	{ "/ro/new", O_WRONLY | O_CREAT, -EROFS, NULL },
	{ "/ro/file", O_RDONLY | O_CREAT, 0, "frozen" },
	{ "/ro/file", O_RDONLY | O_CREAT | O_EXCL, -EEXIST, NULL },

	{ "/top/file", O_PATH, -EINVAL, NULL },
	{ "/top", O_TMPFILE | O_RDWR, -EINVAL, NULL },
	{ "/top/file", O_ASYNC, -EINVAL, NULL },
	{ "/top/file", O_ACCMODE, -EINVAL, NULL },
	{ "/top/made", O_DIRECTORY | O_CREAT, -EINVAL, NULL },
	{ "/top/file", O_DIRECTORY, -ENOTDIR, NULL },
	{ "/top/dir", O_RDWR, -EISDIR, NULL },
	{ "/top", O_WRONLY, -EISDIR, NULL },
	{ "/a", O_RDWR, -EISDIR, NULL },
	{ "/", O_RDWR, -EISDIR, NULL },
	{ "/a/b", O_RDONLY | O_CREAT, -EISDIR, NULL },
	{ "/top/file", O_RDONLY | O_DIRECT | O_CLOEXEC | O_NOCTTY | O_NOATIME, 0, "file" },
	{ "/top/file", O_RDONLY | 0x40000000, 0, "file" },
	{ "/a/none", O_RDONLY, -ENOENT, NULL },
	{ "/later", O_RDONLY, -ENOENT, NULL },
};

static int open_and_read(const char *path, uint32_t flags, char *content, size_t size)
{
	int fd = files_open(&files, path, flags, 0777);
	struct file *file;
	ssize_t n;

	if (fd < 0)
		return fd;
	file = files_get(&files, fd);
	pthread_mutex_lock(&file->lock);
	n = file->kind == FILE_STREAM ? 0 : file_peek(&files, file, content, size - 1);
	pthread_mutex_unlock(&file->lock);
	files_put(&files, file);
	files_close(&files, fd);
	content[n < 0 ? 0 : n] = '\0';
	return 0;
}

static void test_attempts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		const struct attempt *a = &attempts[i];
		char content[256] = "", name[300];
		int result = open_and_read(a->path, a->flags, content, sizeof(content));
		bool right = result == a->result && !strcmp(content, a->content ? a->content : "");

		snprintf(name, sizeof(name), "open \"%s\", flags 0%o", a->path, a->flags);
		tap_result(right, name);
		if (!right)
			printf("# %d \"%s\"\n", result, content);
	}
}

/* A device is given where the user has mapped it itself, and not from a directory. */
static bool devices(void)
{
	struct stat stat;

	if (lstat(at("top/null"), &stat) || !S_ISCHR(stat.st_mode))
		return true;
	return files_open(&files, "/top/null", O_RDWR, 0) == -EACCES &&
	       files_open(&files, "/top/null", O_RDWR | O_CREAT, 0) == -EACCES;
}

/* A FIFO of the user's own: nobody waits in open(). */
static bool mapped_fifo(void)
{
	int fd = files_open(&files, "/a/b/pipe", O_RDONLY, 0);
	struct file *file = files_get(&files, fd);
	bool right = fd >= 0 && file->kind == FILE_STREAM;

	if (file)
		files_put(&files, file);
	return files_close(&files, fd) == 0 && right &&
	       files_open(&files, "/a/b/pipe", O_WRONLY, 0) == -ENXIO;
}

static bool makes_the_later_one(void)
{
	int fd = files_open(&files, "/later", O_WRONLY | O_CREAT | O_EXCL, 04755);
	struct stat stat;
	bool right = fd >= 0 && !lstat(at("later"), &stat) && S_ISREG(stat.st_mode) &&
		     !(stat.st_mode & 07000);

	return right && !files_close(&files, fd) && !files_unlink(&files, "/later") &&
	       lstat(at("later"), &stat) && files_unlink(&files, "/later") == -ENOENT;
}

static bool changes_nothing_else(void)
{
	struct stat stat;

	return files_unlink(&files, "/top/../outside/secret") == -ENOENT &&
	       files_unlink(&files, "/top/updir/secret") == -ENOENT &&
	       files_unlink(&files, "/ro/file") == -EROFS &&
	       files_unlink(&files, "/top") == -EISDIR && files_unlink(&files, "/") == -EISDIR &&
	       files_unlink(&files, "/a") == -EISDIR &&
	       files_unlink(&files, "/one/x") == -ENOTDIR &&
	       files_unlink(&files, "/top/file/x") == -ENOTDIR &&
	       files_unlink(&files, "/none") == -ENOENT &&
	       files_mkdir(&files, "/top/updir/new") == -ENOENT &&
	       files_mkdir(&files, "/top/proc/tmp/hermit_new") == -ELOOP &&
	       files_mkdir(&files, "/ro/new") == -EROFS && files_mkdir(&files, "/one") == -EEXIST &&
	       files_mkdir(&files, "/one/x") == -ENOTDIR && files_mkdir(&files, "") == -ENOENT &&
	       !lstat(at("outside/secret"), &stat) && lstat(at("outside/new"), &stat) &&
	       !lstat(at("frozen/file"), &stat);
}

/* The link itself goes, what it names stays. */
static bool unlinks_links(void)
{
	struct stat stat;

	return !files_unlink(&files, "/top/up") && lstat(at("top/up"), &stat) &&
	       !lstat(at("outside/secret"), &stat);
}

/* Truncation and creation do not follow a link out. */
static bool creates_inside(void)
{
	struct stat stat;
	int fd;

	must(symlink("../../outside/made", at("top/dir/out")));
	must(symlink(at("outside/secret"), at("top/dir/trunc")));
	fd = files_open(&files, "/top/dir/trunc", O_WRONLY | O_TRUNC, 0);
	if (fd != -ENOENT || lstat(at("outside/secret"), &stat) ||
	    stat.st_size != sizeof(SECRET) - 1)
		return false;
	fd = files_open(&files, "/top/dir/out", O_WRONLY | O_CREAT, 0644);
	if (fd >= 0)
		files_close(&files, fd);
	return lstat(at("outside/made"), &stat) && errno == ENOENT;
}

/* Files that the host never sees */
static bool own_files(void)
{
	int fd = files_open(&files, "/tmp/x/own", O_RDWR | O_CREAT | O_EXCL, 0644);
	struct file *file = files_get(&files, fd);
	char bytes[64];
	struct stat stat;
	bool right;

	if (!file)
		return false;
	right = file_write(&files, file, "0123456789", 10) == 10 &&
		files_lseek(&files, fd, 20, SEEK_SET) == 20 &&
		file_write(&files, file, "x", 1) == 1 &&
		files_lseek(&files, fd, 5, SEEK_SET) == 5 &&
		file_peek(&files, file, bytes, sizeof(bytes)) == 16 &&
		!memcmp(bytes, "56789\0\0\0\0\0\0\0\0\0\0x", 16);
	right &= !files_fstat(&files, fd, &stat) && stat.st_size == 21 && S_ISREG(stat.st_mode);
	right &= files_open(&files, "/tmp/x/own", O_RDWR | O_CREAT | O_EXCL, 0) == -EEXIST &&
		 files_open(&files, "/tmp/x/own/y", O_RDWR | O_CREAT, 0) == -ENOTDIR &&
		 files_open(&files, "/tmp/x/own", O_DIRECTORY, 0) == -ENOTDIR &&
		 !files_stat(&files, "/tmp/x", true, &stat) &&
		 S_ISDIR(stat.st_mode) && files_unlink(&files, "/tmp/x") == -EISDIR;
	/* It goes on without its name. */
	right &= !files_unlink(&files, "/tmp/x/own") &&
		 files_stat(&files, "/tmp/x/own", true, &stat) == -ENOENT &&
		 file_peek(&files, file, bytes, sizeof(bytes)) == 16;
	files_put(&files, file);
	return right && !files_close(&files, fd) && !files.budget.used &&
	       access("/tmp/x/own", F_OK);
}

static bool own_files_have_a_budget(void)
{
	static char bytes[MEMORY];
	int fd = files_open(&files, "/big", O_RDWR | O_CREAT | O_APPEND, 0);
	int other = files_open(&files, "/big2", O_RDWR | O_CREAT, 0);
	struct file *big = files_get(&files, fd), *big2 = files_get(&files, other);
	bool right = file_write(&files, big, bytes, MEMORY - 4096) == MEMORY - 4096 &&
		     file_write(&files, big, bytes, 4097) == -ENOSPC &&
		     file_write(&files, big2, bytes, 4096) == 4096 &&
		     file_write(&files, big2, bytes, 1) == -ENOSPC &&
		     files_lseek(&files, other, INT64_MAX, SEEK_SET) == INT64_MAX &&
		     file_write(&files, big2, bytes, 1) < 0;

	files_put(&files, big);
	files_put(&files, big2);
	files_close(&files, fd);
	files_close(&files, other);
	fd = files_open(&files, "/big", O_WRONLY | O_TRUNC, 0);
	files_close(&files, fd);
	right &= !files_unlink(&files, "/big") && !files_unlink(&files, "/big2");
	return right && !files.budget.used;
}

/* What a directory's descriptor holds of it counts, too. */
static bool lists_have_a_budget(void)
{
	static char bytes[MEMORY];
	int fd = files_open(&files, "/big", O_RDWR | O_CREAT, 0);
	struct file *big = files_get(&files, fd);
	bool right = !files_mkdir(&files, "/full") && !files_mkdir(&files, "/full/inner") &&
		     file_write(&files, big, bytes, MEMORY - 8) == MEMORY - 8;
	int list = files_open(&files, "/full", O_RDONLY, 0);

	right &= list == -ENOMEM && files.budget.used == MEMORY - 8;
	files_put(&files, big);
	files_close(&files, fd);
	right &= !files_unlink(&files, "/big");
	list = files_open(&files, "/full", O_RDONLY, 0);
	right &= list >= 0 && files.budget.used == 32;	/* 19, the name and its end, rounded up */
	return !files_close(&files, list) && right && !files.budget.used;
}

static bool own_names_have_an_end(void)
{
	char name[32];
	int error = files_mkdir(&files, "/names"), count = 0;

	for (; !error && count < 100000; count++) {
		snprintf(name, sizeof(name), "/names/%d", count);
		error = files_mkdir(&files, name);
	}
	return error == -ENOSPC && count < 10000;
}

/* A file without end but for one byte takes no memory, and no time. */
static bool own_files_have_holes(void)
{
	int fd = files_open(&files, "/hole", O_RDWR | O_CREAT, 0);
	struct file *file = files_get(&files, fd);
	char bytes[2] = { 1, 1 };
	bool right = files_lseek(&files, fd, MEMORY - 1, SEEK_SET) == MEMORY - 1 &&
		     file_write(&files, file, "x", 1) == 1 &&
		     files_lseek(&files, fd, MEMORY - 2, SEEK_SET) == MEMORY - 2 &&
		     file_peek(&files, file, bytes, 2) == 2 && !bytes[0] && bytes[1] == 'x';

	files_put(&files, file);
	files_close(&files, fd);
	return right && !files_unlink(&files, "/hole") && !files.budget.used;
}

/* A path that leads nowhere leaves nothing behind. */
static bool ways_need_an_end(void)
{
	unsigned int nr = files.tree.nr_nodes;
	char path[300] = "/way/to/";

	memset(path + strlen(path), 'x', sizeof(path) - strlen(path) - 1);
	return files_open(&files, path, O_WRONLY | O_CREAT, 0) == -ENAMETOOLONG &&
	       files_mkdir(&files, path) == -ENAMETOOLONG && files.tree.nr_nodes == nr;
}

static bool long_names(void)
{
	char path[2 * PATH_MAX];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	if (files_open(&files, path, O_RDONLY, 0) != -ENAMETOOLONG)
		return false;
	path[300] = '\0';
	if (files_open(&files, path, O_CREAT, 0) != -ENAMETOOLONG)
		return false;
	memcpy(path, "/top/", 5);
	return files_open(&files, path, O_CREAT, 0) == -ENAMETOOLONG;
}

/* Someone on the host exchanges a directory for a link, again and again. */
static _Atomic bool swapping;
static _Atomic unsigned int swaps;

static void *swap(void *argument)
{
	(void)argument;
	while (swapping)
		swaps += !renameat2(AT_FDCWD, at("top/swap"), AT_FDCWD, at("top/swap2"),
				    RENAME_EXCHANGE);
	return NULL;
}

static bool survives_swapping(void)
{
	unsigned int inside = 0, failed = 0;
	bool right = true;
	pthread_t thread;

	must(mkdir(at("top/swap"), 0755));
	make("top/swap/secret", "inside");
	make("outside/secret", SECRET);
	must(symlink("../outside", at("top/swap2")));
	swapping = true;
	pthread_create(&thread, NULL, swap, NULL);
	while (right && swaps < 50000) {
		char content[64] = "";
		int result = open_and_read("/top/swap/secret", O_RDONLY, content, sizeof(content));

		right = result < 0 || !strcmp(content, "inside");
		inside += !result && !strcmp(content, "inside");
		failed += result < 0;
	}
	swapping = false;
	pthread_join(thread, NULL);
	printf("# %u times inside, %u times nothing\n", inside, failed);
	return right;
}

static const struct {
	const char *text;	/* % is the test's directory */
	const char *why;	/* part of it */
} refused[] = {
	{ "", "HOST:GUEST" },
	{ "%/top", "HOST:GUEST" },
	{ "%/top:", "HOST:GUEST" },
	{ ":/top", "HOST:GUEST" },
	{ "%/top:/x:", "HOST:GUEST" },
	{ "%/top:/x:rx", "HOST:GUEST" },
	{ "%/top:/x:ro:rw", "HOST:GUEST" },
	{ "%/top::ro", "HOST:GUEST" },
	{ "/proc:/x", "kevctl's own memory" },
	{ "/proc/self:/x:ro", "kevctl's own memory" },
	{ "%/none/none:/x", "No such file" },
	{ "%/none:/x:ro", "No such file" },
	{ "%/top/dangling:/x", "No such file" },
	{ "%/top:/y", "mapped twice" },
	{ "%/top:/z/../y", "mapped twice" },
	{ "%/top:/y/below", "inside another" },
	{ "%/top:/", "inside it" },
};

static bool refuses(const char *text, const char *why)
{
	const char *items[2] = { at("top:/y"), NULL };
	struct text_list list = { items, 2 };
	char mapping[4096];
	struct files other;

	if (*text == '%')
		snprintf(mapping, sizeof(mapping), "%s%s", base, text + 1);
	else
		strcpy(mapping, text);
	items[1] = mapping;
	last_message[0] = '\0';
	return files_init(&other, &list, 0) == STATUS_FAILURE && strstr(last_message, why);
}

static bool mounts(void)
{
	static const char *const expected[] = { "/top", "/ro", "/a/b", "/host", "/root/old2" };
	unsigned int found = 0;
	char *mount;

	for (unsigned int i = 0; (mount = files_mount(&files, i)); i++) {
		for (size_t e = 0; e < ARRAY_SIZE(expected); e++)
			found |= !strcmp(mount, expected[e]) << e;
		if (i >= ARRAY_SIZE(expected))
			found = 0;
		free(mount);
	}
	return found == (1 << ARRAY_SIZE(expected)) - 1;
}

/* All of a guest's paths may be one directory's. */
static bool maps_the_root(void)
{
	const char *items[] = { at("top:/") };
	struct text_list list = { items, 1 };
	struct files other;
	bool right;

	if (files_init(&other, &list, 0))
		return false;
	right = files_open(&other, "/dir/inner", O_RDONLY, 0) == 3 &&
		files_open(&other, "/", O_RDONLY | O_DIRECTORY, 0) == 4 &&
		files_open(&other, "/../outside/secret", O_RDONLY, 0) == -ENOENT;
	files_fini(&other);
	return right;
}

/* What is mounted below a mapped directory is not mapped with it, least of all /proc. */
static bool other_mounts(void)
{
	const char *items[] = { "/:/host" };
	struct text_list list = { items, 1 };
	struct files other;
	bool right;

	if (files_init(&other, &list, 0))
		return false;
	right = files_open(&other, "/host/proc/self/mem", O_RDWR, 0) == -EXDEV &&
		files_open(&other, "/host/proc/cpuinfo", O_RDONLY, 0) == -EXDEV &&
		files_open(&other, "/host/etc/passwd", O_RDONLY, 0) == 3;
	files_fini(&other);
	return right;
}

#define NO_NAMESPACE	77

/* In a mount namespace of its own: maps a file that another one is mounted on. */
static int map_a_mount(void)
{
	char item[256];
	const char *items[] = { item };
	struct text_list list = { items, 1 };
	struct files other;
	bool right;

	if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return NO_NAMESPACE;
	make("under", "");
	make("over", SECRET);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(at("over"), at("under"), NULL, MS_BIND, NULL))
		return NO_NAMESPACE;
	snprintf(item, sizeof(item), "%s:/file:ro", at("under"));
	if (files_init(&other, &list, 0))
		return 1;
	right = files_open(&other, "/file", O_RDONLY, 0) == 3;
	files_fini(&other);
	return !right;
}

/* As containers have /etc/resolv.conf */
static void test_mounted_file(void)
{
	static const char name[] = "a mapped file that is a mount";
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(map_a_mount());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_NAMESPACE)
		tap_skip(name, "no mount namespace");
	else
		tap_result(!status, name);
}

static bool env_is(unsigned int interface, const char *const *env, unsigned int nr,
		   const char *const *expected, unsigned int nr_expected)
{
	struct run_options options = { .image = "i", .env = { (const char **)env, nr } };
	struct arguments arguments;
	bool right;

	if (arguments_create(&arguments, &options, interface))
		return false;
	right = arguments.argc == 1 && arguments.envc == nr_expected;
	for (unsigned int i = 0; right && i < nr_expected; i++)
		right = !strcmp(arguments.env[i], expected[i]);
	arguments_destroy(&arguments);
	return right;
}

static bool environments(void)
{
	static const char *const given[] = { "A=1", "B=x=y", "A=2", "KEV_TEST_SET",
					     "KEV_TEST_UNSET" };
	static const char *const padded[] = { "A=2", "B=x=y", "KEV_TEST_SET=set", "HOME=/" };
	static const char *const home[] = { "HOME=/h" };
	static const char *const around[] = { "HOME=/h", "PATH=/", "TERM=dumb", "LANG=C" };
	static const char *const all[] = { "HOME=/", "PATH=/", "TERM=dumb", "LANG=C" };
	static const char *const host[] = { "host", "KEV_TEST_SET=here" };

	unsetenv("KEV_TEST_UNSET");
	setenv("KEV_TEST_SET", "set", 1);
	if (!env_is(1, given, 5, padded, 4) || !env_is(2, given, 5, padded, 3) ||
	    !env_is(1, home, 1, around, 4) || !env_is(1, NULL, 0, all, 4) ||
	    !env_is(2, NULL, 0, NULL, 0))
		return false;
	clearenv();
	setenv("KEV_TEST_SET", "set", 1);
	setenv("OTHER", "too", 1);
	return env_is(2, host, 2, (const char *const[]){ "KEV_TEST_SET=here", "OTHER=too" }, 2);
}

static bool limits(void)
{
	static char *many[200];
	static const char *env[200];
	static char names[200][8];
	struct run_options options = { .image = "i", .arguments = many, .nr_arguments = 127 };
	struct arguments arguments;

	for (unsigned int i = 0; i < 200; i++) {
		snprintf(names[i], sizeof(names[i]), "V%u=", i);
		many[i] = names[i];
		env[i] = names[i];
	}
	options.env = (struct text_list){ env, 128 };
	if (arguments_create(&arguments, &options, 1))
		return false;
	arguments_destroy(&arguments);
	options.nr_arguments = 128;
	if (!arguments_create(&arguments, &options, 1) || !strstr(last_message, "128 arguments"))
		return false;
	options.nr_arguments = 0;
	options.env.nr = 129;
	if (!arguments_create(&arguments, &options, 1) || !strstr(last_message, "129 variables"))
		return false;
	if (arguments_create(&arguments, &options, 2))
		return false;
	arguments_destroy(&arguments);
	return true;
}

static const struct {
	const char *name;
	bool (*test)(void);
} tests[] = {
	{ "devices in a mapped directory", devices },
	{ "a FIFO that is mapped itself", mapped_fifo },
	{ "a mapped file that was not there", makes_the_later_one },
	{ "unlink and mkdir stay inside", changes_nothing_else },
	{ "unlink takes the link", unlinks_links },
	{ "creation and truncation stay inside", creates_inside },
	{ "files of the guest's own", own_files },
	{ "files of the guest's own: as much as there is memory", own_files_have_a_budget },
	{ "lists of directories: the same", lists_have_a_budget },
	{ "files of the guest's own: holes", own_files_have_holes },
	{ "a way that leads nowhere", ways_need_an_end },
	{ "names that are too long", long_names },
	{ "directories that change into links meanwhile", survives_swapping },
	{ "what is to be mounted", mounts },
	{ "names of the guest's own come to an end", own_names_have_an_end },
	{ "a mapping of everything", maps_the_root },
	{ "what is mounted below a mapping", other_mounts },
	{ "environments", environments },
	{ "limits of arguments", limits },
};

int main(void)
{
	char command[64], name[128];

	set_up();
	snprintf(command, sizeof(command), "/bin/rm -rf %s", base);
	test_attempts();
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		snprintf(name, sizeof(name), "--file-mapping \"%s\" is refused", refused[i].text);
		tap_result(refuses(refused[i].text, refused[i].why), name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tap_result(tests[i].test(), tests[i].name);
	test_mounted_file();
	files_fini(&files);
	if (system(command))
		return 1;
	return tap_end();
}
