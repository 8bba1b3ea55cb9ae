// SPDX-License-Identifier: GPL-2.0
/* System calls that are left: the rest fails with EPERM, and a few end kevctl. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libkev.h>

#include "kevctl.h"
#include "sandbox.h"

/* Of the C library, its threads, and kevctl itself; those of the next table, too */
static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(futex), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(brk), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(getpgrp), SCMP_SYS(gettid),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(eventfd2), SCMP_SYS(signalfd4), SCMP_SYS(sched_yield),
	SCMP_SYS(getrandom), SCMP_SYS(membarrier),
};

/* Where the guest sees files. By names go only those that Landlock lets through. */
static const int files[] = {
	SCMP_SYS(openat2), SCMP_SYS(unlinkat), SCMP_SYS(mkdirat), SCMP_SYS(getdents64),
	SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(ftruncate), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(preadv), SCMP_SYS(pwritev),
};

static const int sockets[] = {
	SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(shutdown), SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
};

/* Nothing in kevctl calls these: who does has taken it over. */
static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(open_by_handle_at),
	SCMP_SYS(mount), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare),
	SCMP_SYS(setns), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup), SCMP_SYS(keyctl), SCMP_SYS(add_key),
};

static int add_list(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t nr)
{
	int error = 0;

	for (size_t i = 0; i < nr && !error; i++)
		error = seccomp_rule_add(filter, action, calls[i], 0);
	return error;
}

/* @call is allowed where its argument, masked, has this value */
struct argument_rule {
	int call;
	unsigned int argument;
	uint64_t mask, value;
};

#define IOCTL(request)	{ SCMP_SYS(ioctl), 1, 0xffffffff, request }
#define FCNTL(command)	{ SCMP_SYS(fcntl), 1, 0xffffffff, command }

static const struct argument_rule argument_rules[] = {
	/* kev's own, and the terminal's modes: but nothing that types into it */
	{ SCMP_SYS(ioctl), 1, 0xffffff00, KEV_IOCTL_TYPE << 8 },
	IOCTL(TCGETS), IOCTL(TCSETS), IOCTL(TCSETSW), IOCTL(TCSETSF), IOCTL(TIOCGPGRP),
	IOCTL(TIOCGWINSZ), IOCTL(FIONREAD),
	FCNTL(F_GETFL), FCNTL(F_SETFL), FCNTL(F_GETFD), FCNTL(F_DUPFD_CLOEXEC),
	/* No memory that can be written and run */
	{ SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
	/* Threads, no processes */
	{ SCMP_SYS(clone), 0, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND,
	  CLONE_VM | CLONE_THREAD | CLONE_SIGHAND },
	/* The calling thread's */
	{ SCMP_SYS(sched_setaffinity), 0, 0xffffffff, 0 },
	{ SCMP_SYS(sched_getaffinity), 0, 0xffffffff, 0 },
};

static int add_argument_rule(scmp_filter_ctx filter, const struct argument_rule *rule)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 1,
				SCMP_CMP(rule->argument, SCMP_CMP_MASKED_EQ, rule->mask,
					 rule->value));
}

/* To itself: abort(), and to stop as the terminal asks */
static int allow_own_signals(scmp_filter_ctx filter)
{
	static const int calls[] = { SCMP_SYS(kill), SCMP_SYS(tgkill) };
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls) && !error; i++)
		error = add_argument_rule(filter, &(struct argument_rule){
			calls[i], 0, 0xffffffff, getpid(),
		});
	return error;
}

static int fill(scmp_filter_ctx filter, const struct sandbox_needs *needs)
{
	int error = add_list(filter, SCMP_ACT_ALLOW, always, ARRAY_SIZE(always));

	for (size_t i = 0; i < ARRAY_SIZE(argument_rules) && !error; i++)
		error = add_argument_rule(filter, &argument_rules[i]);
	if (!error)
		error = allow_own_signals(filter);
	if (!error && needs->nr_paths)
		error = add_list(filter, SCMP_ACT_ALLOW, files, ARRAY_SIZE(files));
	if (!error && needs->sockets)
		error = add_list(filter, SCMP_ACT_ALLOW, sockets, ARRAY_SIZE(sockets));
	/* Its flags are in memory, where a filter does not see them: the C library tries clone. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (!error)
		error = add_list(filter, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_SIZE(deadly));
	return error;
}

int sandbox_seccomp(const struct sandbox_needs *needs)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!filter)
		return -ENOMEM;
	error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!error)
		error = fill(filter, needs);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	/* What the library says for a kernel without it */
	return error == -EINVAL || error == -ECANCELED ? -EOPNOTSUPP : error;
}
