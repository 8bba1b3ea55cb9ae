// SPDX-License-Identifier: GPL-2.0
/*
 * The sandbox from inside: each attack in a process of its own that has entered it. What
 * an attack may do with a part left out is tried, too: a test that cannot fail shows nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libkev.h>

#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/sandbox.h"
#include "tap.h"

/* What a child ends with, beside an errno */
#define NOT_ENTERED	250

/* Directories and files made for the test; inside: read, write: mapped */
static char base[64];
static int all, inside, read_only;	/* O_PATH descriptors */
static int listener;

static int result(long returned)
{
	return returned < 0 ? errno : 0;
}

static int open_at(int dir, const char *path, int flags)
{
	struct open_how how = { .flags = flags, .mode = flags & O_CREAT ? 0600 : 0 };

	return result(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

static int attack_open(void)
{
	return result(open("/etc/passwd", O_RDONLY));
}

static int attack_openat2(void)
{
	return open_at(AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static int attack_parent(void)
{
	return open_at(inside, "../secret", O_RDONLY);
}

static int attack_dotdot(void)
{
	return open_at(inside, "..", O_RDONLY | O_DIRECTORY);
}

static int attack_proc(void)
{
	return open_at(AT_FDCWD, "/proc/self/mem", O_RDWR);
}

static int attack_device(void)
{
	return open_at(AT_FDCWD, "/dev/null", O_RDWR);
}

static int attack_link(void)
{
	return open_at(inside, "link", O_RDONLY);
}

static int use_read(void)
{
	return open_at(inside, "file", O_RDONLY);
}

static int use_write(void)
{
	return open_at(inside, "file", O_RDWR | O_TRUNC);
}

static int use_create(void)
{
	return open_at(inside, "new", O_RDWR | O_CREAT | O_EXCL);
}

static int use_directory(void)
{
	int error = result(mkdirat(inside, "dir", 0700));

	return error ? error : result(unlinkat(inside, "dir", AT_REMOVEDIR));
}

static int use_read_only(void)
{
	return open_at(read_only, "file", O_RDONLY);
}

static int attack_read_only(void)
{
	return open_at(read_only, "file", O_WRONLY);
}

static int attack_create(void)
{
	return open_at(read_only, "new", O_WRONLY | O_CREAT);
}

static int attack_unlink(void)
{
	return result(unlinkat(read_only, "file", 0));
}

static int attack_symlink(void)
{
	return result(symlinkat("/etc", inside, "etc"));
}

static int attack_chmod(void)
{
	return result(fchmodat(inside, "file", 04755, 0));
}

static int attack_exec(void)
{
	execl("/bin/true", "true", NULL);
	return errno;
}

static int attack_fork(void)
{
	return result(syscall(SYS_fork));
}

static int attack_clone(void)
{
	return result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int attack_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int attack_unix(void)
{
	return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int attack_netlink(void)
{
	return result(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int attack_ptrace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, 0, 0));
}

static int attack_kill(void)
{
	return result(kill(getppid(), 0));
}

static int attack_executable(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? errno : 0;
}

static int attack_protect(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

static int attack_type(void)
{
	return result(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

static int attack_unshare(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int attack_chroot(void)
{
	return result(chroot("/"));
}

static int attack_limit(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	return result(setrlimit(RLIMIT_CORE, &limit));
}

/* Root can do this without capabilities, but not raise the limit again. */
static int attack_raise(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_max++;
	return result(setrlimit(RLIMIT_NOFILE, &limit));
}

static int attack_descriptors(void)
{
	for (int i = 0; i < 1000; i++)
		if (fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0) < 0)
			return errno;
	return 0;
}

static int attack_owner(void)
{
	return result(fchown(STDERR_FILENO, 12345, 12345));
}

static int attack_privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? EPERM : 0;
}

static void *thread(void *argument)
{
	return argument;
}

static int use_thread(void)
{
	pthread_t id;
	void *value;

	int error = pthread_create(&id, NULL, thread, base);

	if (!error)
		error = pthread_join(id, &value);
	return error || value == base ? error : EPROTO;
}

static int use_kev(void)
{
	int error = result(ioctl(STDERR_FILENO, KEV_VCPU_RUN, 0));

	/* Not kev's descriptor, but the call came through. */
	return error == ENOTTY ? 0 : error;
}

/* As C libraries ask for them and set them: glibc before 2.42, and since */
static int use_modes(void)
{
	static const unsigned long requests[] = {
		0x5401, 0x5402, 0x5403, 0x5404,			/* TCGETS, TCSETS to TCSETSF */
		0x802c542a, 0x402c542b, 0x402c542c, 0x402c542d,	/* TCGETS2, TCSETS2 to TCSETSF2 */
	};
	int error = 0;

	/* Without room for them: it is enough that the call comes through. */
	for (size_t i = 0; i < ARRAY_SIZE(requests) && !error; i++) {
		error = result(ioctl(STDERR_FILENO, requests[i], NULL));
		if (error == ENOTTY || error == EFAULT)
			error = 0;
	}
	return error;
}

static int use_stop(void)
{
	return result(kill(getpid(), 0));
}

static int use_abort(void)
{
	abort();
}

/*
 * Every call that the sandbox does not let through, or kill for, with arguments that no call
 * takes: EPERM, and nothing else.
 */
static int attack_all(void)
{
	static const int known[] = {
		SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_lseek,
		SYS_close, SYS_fstat, SYS_poll, SYS_ppoll, SYS_futex, SYS_munmap, SYS_mremap,
		SYS_madvise, SYS_brk, SYS_set_robust_list, SYS_rseq, SYS_rt_sigprocmask,
		SYS_rt_sigaction, SYS_rt_sigreturn, SYS_restart_syscall, SYS_sigaltstack,
		SYS_getpid, SYS_getpgrp, SYS_gettid, SYS_exit, SYS_exit_group, SYS_clock_gettime,
		SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_timerfd_create,
		SYS_timerfd_settime, SYS_eventfd2, SYS_signalfd4, SYS_sched_yield, SYS_getrandom,
		SYS_membarrier, SYS_alarm, SYS_clone3, SYS_clone,
		/* Of the kernel's own probes: SIGILL from anywhere else, before any filter */
		335, 336,
		/* deadly */
		SYS_execve, SYS_execveat, SYS_fork, SYS_vfork, SYS_ptrace, SYS_process_vm_readv,
		SYS_process_vm_writev, SYS_open_by_handle_at, SYS_mount, SYS_pivot_root,
		SYS_chroot, SYS_unshare, SYS_setns, SYS_init_module, SYS_finit_module,
		SYS_kexec_load, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup,
		SYS_keyctl, SYS_add_key,
	};

	int error = EPERM;

	for (int call = 0; call < 1024 && error == EPERM; call++) {
		bool skip = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			skip |= known[i] == call;
		/* clone looks at some bits only, and all are set. */
		if (!skip)
			error = result(syscall(call, -1, -1, -1, -1, -1, -1));
	}
	return error;
}

static int use_accept(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

	/* Nobody connects. */
	return fd < 0 && errno == EAGAIN ? 0 : errno;
}

static int use_unlink(void)
{
	return result(unlinkat(inside, "own", 0));
}

static int use_rmdir(void)
{
	return result(unlinkat(all, "empty", AT_REMOVEDIR));
}

static int attack_secret(void)
{
	return result(unlinkat(all, "secret", 0));
}

static int use_dup3(void)
{
	return result(dup3(STDERR_FILENO, STDIN_FILENO, 0));
}

#define NONE	SANDBOX_ALL
#define ONLY(part)	(SANDBOX_ALL & ~(part))
#define KILLED	(-SIGSYS)

/* @wants: 0, an errno, or a signal's number, negative */
static const struct {
	const char *name;
	int (*attempt)(void);
	unsigned int without;
	bool paths, sockets;
	int wants;
	bool own;	/* has a runtime directory, with all else that goes with that */
	bool network;
} cases[] = {
	{ "open", attack_open, 0, false, false, EPERM },
	{ "open, files are mapped", attack_open, 0, true, false, EPERM },
	{ "open, Landlock alone", attack_open, ONLY(SANDBOX_LANDLOCK), false, false, EACCES },
	{ "open, no sandbox", attack_open, NONE, false, false, 0 },
	{ "openat2", attack_openat2, 0, false, false, EPERM },
	{ "openat2, files are mapped", attack_openat2, 0, true, false, EACCES },
	{ "openat2, files are mapped, no Landlock", attack_openat2, SANDBOX_LANDLOCK, true, false,
	  0 },
	{ "the directory beside the mapped one", attack_parent, 0, true, false, EACCES },
	{ "the directory above it", attack_dotdot, 0, true, false, EACCES },
	{ "/proc/self/mem", attack_proc, 0, true, false, EACCES },
	{ "a device", attack_device, 0, true, false, EACCES },
	{ "a link out of it", attack_link, 0, true, false, EACCES },
	{ "a mapped file is read", use_read, 0, true, false, 0 },
	{ "and written", use_write, 0, true, false, 0 },
	{ "and made", use_create, 0, true, false, 0 },
	{ "a directory is made and removed", use_directory, 0, true, false, 0 },
	{ "a read-only one is read", use_read_only, 0, true, false, 0 },
	{ "but not written", attack_read_only, 0, true, false, EACCES },
	{ "nothing is made there", attack_create, 0, true, false, EACCES },
	{ "nor removed", attack_unlink, 0, true, false, EACCES },
	{ "a symbolic link", attack_symlink, 0, true, false, EPERM },
	{ "chmod", attack_chmod, 0, true, false, EPERM },
	{ "execve", attack_exec, 0, true, true, KILLED },
	{ "fork", attack_fork, 0, true, true, KILLED },
	{ "clone without a thread", attack_clone, 0, true, true, EPERM },
	{ "ptrace", attack_ptrace, 0, true, true, KILLED },
	{ "unshare", attack_unshare, 0, true, true, KILLED },
	{ "chroot", attack_chroot, ONLY(SANDBOX_CAPABILITIES), true, true, EPERM },
	{ "socket", attack_socket, 0, true, false, EPERM },
	{ "socket, with a debugger", attack_socket, 0, true, true, EPERM },
	{ "socket, of a network stack", attack_socket, 0, true, true, 0, .network = true },
	{ "to a service of the user's", attack_unix, 0, true, true, EPERM, .network = true },
	{ "to the kernel", attack_netlink, 0, true, true, EPERM, .network = true },
	{ "a signal to another process", attack_kill, 0, false, false, EPERM },
	{ "memory that can be written and run", attack_executable, 0, false, false, EPERM },
	{ "memory that becomes code", attack_protect, 0, false, false, EPERM },
	{ "typing into the terminal", attack_type, 0, false, false, EPERM },
	{ "a limit", attack_limit, 0, false, false, EPERM },
	{ "a limit, without seccomp", attack_raise, SANDBOX_SECCOMP, false, false, EPERM },
	{ "many descriptors", attack_descriptors, 0, false, false, EMFILE },
	{ "many descriptors, no limits", attack_descriptors, SANDBOX_LIMITS, false, false, 0 },
	{ "an owner, capabilities alone", attack_owner, ONLY(SANDBOX_CAPABILITIES), true, false,
	  EPERM },
	{ "new privileges", attack_privileges, SANDBOX_SECCOMP, false, false, EPERM },
	{ "new privileges, no sandbox", attack_privileges, NONE, false, false, 0 },
	{ "every other call", attack_all, 0, false, false, EPERM },
	{ "threads work", use_thread, 0, false, false, 0 },
	{ "the terminal's modes", use_modes, 0, false, false, 0 },
	{ "kev's calls work", use_kev, 0, false, false, 0 },
	{ "a signal to itself works", use_stop, 0, false, false, 0 },
	{ "abort works", use_abort, 0, false, false, -SIGABRT },
	{ "accept works with a debugger", use_accept, 0, false, true, 0 },
	{ "and not without", use_accept, 0, false, false, EPERM },
	{ "its own files are removed", use_unlink, 0, false, true, 0, .own = true },
	{ "its own directory is removed", use_rmdir, 0, false, true, 0, .own = true },
	{ "no file beside them", attack_secret, 0, false, true, EACCES, .own = true },
	{ "a file is not opened there", attack_open, 0, false, true, EPERM, .own = true },
	{ "standard streams are replaced", use_dup3, 0, false, true, 0, .own = true },
	{ "and not without", use_dup3, 0, false, true, EPERM },
};

static int child(size_t i)
{
	const struct sandbox_path paths[] = {
		{ .fd = inside, .writable = true }, { .fd = read_only },
	};
	const struct sandbox_path own[] = {
		{ .fd = inside, .removable = true }, { .fd = all, .removable_dirs = true },
	};
	struct sandbox_needs needs = {
		.without = cases[i].without,
		.paths = paths,
		.nr_paths = cases[i].paths ? ARRAY_SIZE(paths) : 0,
		.sockets = cases[i].sockets,
		.network = cases[i].network,
		.streams = cases[i].own,
	};

	if (cases[i].own) {
		needs.paths = own;
		needs.nr_paths = ARRAY_SIZE(own);
	}
	/* What it says about parts left out is tested elsewhere. */
	if (!freopen("/dev/null", "w", stderr) || sandbox_enter(&needs))
		return NOT_ENTERED;
	return cases[i].attempt();
}

static int in_child(size_t i)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(child(i));
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int touch(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	return fd;
}

static int open_dir(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	mkdir(path, 0700);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void make_files(void)
{
	strcpy(base, "/tmp/sandbox-test-XXXXXX");
	if (!mkdtemp(base))
		exit(1);
	all = open_dir(".");
	inside = open_dir("inside");
	read_only = open_dir("read-only");
	touch("secret");
	touch("inside/file");
	touch("inside/own");
	close(open_dir("empty"));
	touch("read-only/file");
	if (inside < 0 || read_only < 0 || symlinkat("../secret", inside, "link"))
		exit(1);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	listen(listener, 1);
}

static void remove_files(void)
{
	int dir = open(base, O_PATH | O_DIRECTORY);

	unlinkat(inside, "file", 0);
	unlinkat(inside, "own", 0);
	unlinkat(inside, "new", 0);
	unlinkat(inside, "link", 0);
	unlinkat(read_only, "file", 0);
	unlinkat(dir, "secret", 0);
	unlinkat(dir, "inside", AT_REMOVEDIR);
	unlinkat(dir, "empty", AT_REMOVEDIR);
	unlinkat(dir, "read-only", AT_REMOVEDIR);
	rmdir(base);
}

static void test_words(void)
{
	static const struct {
		const char *text;
		int result;
		unsigned int without;
	} words[] = {
		{ "on", 0, 0 },
		{ "off", 0, SANDBOX_ALL },
		{ "-seccomp", 0, SANDBOX_SECCOMP },
		{ "-landlock,-limits", 0, SANDBOX_LANDLOCK | SANDBOX_LIMITS },
		{ "-capabilities,-capabilities", 0, SANDBOX_CAPABILITIES },
		{ "", -EINVAL, 0 }, { "-", -EINVAL, 0 }, { ",", -EINVAL, 0 },
		{ "seccomp", -EINVAL, 0 },
		{ "-seccomp,", -EINVAL, 0 }, { "-seccompx", -EINVAL, 0 }, { "-sec", -EINVAL, 0 },
		{ "off,on", -EINVAL, 0 }, { "On", -EINVAL, 0 },
	};
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		unsigned int without = 0;
		int got = sandbox_parse(words[i].text, &without);

		snprintf(name, sizeof(name), "words \"%s\"", words[i].text);
		tap_result(got == words[i].result && (got || without == words[i].without), name);
	}
}

int main(void)
{
	bool has_landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;

	test_words();
	make_files();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[128];
		int got;

		if (cases[i].wants == EACCES && !has_landlock) {
			snprintf(name, sizeof(name), "%s # SKIP no Landlock", cases[i].name);
			tap_result(true, name);
			continue;
		}
		if (cases[i].attempt == attack_owner && geteuid())
			continue;
		got = in_child(i);
		if (got != cases[i].wants)
			printf("# %d, not %d\n", got, cases[i].wants);
		tap_result(got == cases[i].wants, cases[i].name);
	}
	remove_files();
	return tap_end();
}
