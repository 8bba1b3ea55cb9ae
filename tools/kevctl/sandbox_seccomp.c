// SPDX-License-Identifier: GPL-2.0
/*
 * System calls that are left: the rest fails with EPERM, and a few end kevctl.
 *
 * The filter is a search tree over the calls' numbers. That matters before the guest's
 * first instruction: the kernel plays each number through a new filter, and a list of
 * comparisons takes longer than all else that kevctl does until then.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <libkev.h>

#include "kevctl.h"
#include "sandbox.h"

/* Of the C library, its threads, and kevctl itself; those of the next table, too */
static const int always[] = {
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64,
	SYS_pwrite64, SYS_lseek, SYS_close, SYS_fstat, SYS_poll,
	SYS_ppoll, SYS_futex, SYS_munmap, SYS_mremap, SYS_madvise,
	SYS_brk, SYS_set_robust_list, SYS_rseq, SYS_rt_sigprocmask,
	SYS_rt_sigaction, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_sigaltstack, SYS_getpid, SYS_getpgrp, SYS_gettid,
	SYS_exit, SYS_exit_group, SYS_clock_gettime, SYS_clock_nanosleep,
	SYS_nanosleep, SYS_gettimeofday, SYS_timerfd_create,
	SYS_timerfd_settime, SYS_eventfd2, SYS_signalfd4, SYS_sched_yield,
	SYS_getrandom, SYS_membarrier, SYS_alarm,
};

/* Where the guest sees files. By names go only those that Landlock lets through. */
static const int files[] = {
	SYS_openat2, SYS_unlinkat, SYS_mkdirat, SYS_getdents64,
	SYS_newfstatat, SYS_statx, SYS_ftruncate, SYS_fsync,
	SYS_fdatasync, SYS_preadv, SYS_pwritev,
};

static const int sockets[] = {
	SYS_accept, SYS_accept4, SYS_recvfrom, SYS_sendto,
	SYS_recvmsg, SYS_sendmsg, SYS_shutdown, SYS_getsockopt,
	SYS_setsockopt,
};

/* Of a network stack, which reads the names of servers now and then */
static const int network[] = {
	SYS_connect, SYS_bind, SYS_listen, SYS_getsockname,
	SYS_getpeername, SYS_openat, SYS_newfstatat,
};

/* Nothing in kevctl calls these: who does has taken it over. */
static const int deadly[] = {
	SYS_execve, SYS_execveat, SYS_fork, SYS_vfork, SYS_ptrace,
	SYS_process_vm_readv, SYS_process_vm_writev, SYS_open_by_handle_at,
	SYS_mount, SYS_pivot_root, SYS_chroot, SYS_unshare,
	SYS_setns, SYS_init_module, SYS_finit_module, SYS_kexec_load,
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
	SYS_io_uring_setup, SYS_keyctl, SYS_add_key,
};

/* @call is allowed where the low half of its argument, masked, has this value. */
struct argument_rule {
	int call;
	unsigned int argument;
	uint32_t mask, value;
};

/* What later C libraries ask terminals by; their headers do not go with <termios.h>. */
#define TERMIOS2_BYTES	44
#define GET_TERMIOS2	_IOC(_IOC_READ, 'T', 0x2a, TERMIOS2_BYTES)
#define SET_TERMIOS2(n)	_IOC(_IOC_WRITE, 'T', 0x2b + (n), TERMIOS2_BYTES)

#define IOCTL(request)	{ SYS_ioctl, 1, 0xffffffff, request }
#define FCNTL(command)	{ SYS_fcntl, 1, 0xffffffff, command }

/* Those of the same call stand together. */
#define THREAD_FLAGS	(CLONE_VM | CLONE_THREAD | CLONE_SIGHAND)

static const struct argument_rule argument_rules[] = {
	/* kev's own, and the terminal's modes: but nothing that types into it */
	{ SYS_ioctl, 1, 0xffffff00, KEV_IOCTL_TYPE << 8 },
	IOCTL(TCGETS), IOCTL(TCSETS), IOCTL(TCSETSW), IOCTL(TCSETSF), IOCTL(TIOCGPGRP),
	IOCTL(GET_TERMIOS2), IOCTL(SET_TERMIOS2(0)), IOCTL(SET_TERMIOS2(1)),
	IOCTL(SET_TERMIOS2(2)), IOCTL(TIOCGWINSZ), IOCTL(FIONREAD),
	FCNTL(F_GETFL), FCNTL(F_SETFL), FCNTL(F_GETFD), FCNTL(F_DUPFD_CLOEXEC),
	/* No memory that can be written and run */
	{ SYS_mmap, 2, PROT_EXEC, 0 },
	{ SYS_mprotect, 2, PROT_EXEC, 0 },
	/* Threads, no processes */
	{ SYS_clone, 0, THREAD_FLAGS, THREAD_FLAGS },
	/* The calling thread's */
	{ SYS_sched_setaffinity, 0, 0xffffffff, 0 },
	{ SYS_sched_getaffinity, 0, 0xffffffff, 0 },
};

/* Of a network stack: none to a service of the user's, who would start programs */
static const struct argument_rule network_rules[] = {
	{ SYS_socket, 0, 0xffffffff, AF_INET },
	{ SYS_socket, 0, 0xffffffff, AF_INET6 },
};

/* To itself: abort(), and to stop as the terminal asks */
static const int own_signals[] = { SYS_kill, SYS_tgkill };

#define MAX_CALLS	256
#define MAX_CODE	1024

#define EPERM_ACTION	(SECCOMP_RET_ERRNO | EPERM)
/* No action of the kernel's: by the rules for the call's arguments */
#define BY_ARGUMENT	1U

/* What becomes of the calls from @first up to the next range's */
struct range {
	uint32_t first;
	uint32_t action;
};

struct filter {
	struct range calls[MAX_CALLS];	/* one call each: first */
	size_t nr_calls;
	struct range ranges[2 * MAX_CALLS + 1];
	size_t nr_ranges;
	struct sock_filter code[MAX_CODE];
	size_t length;
};

static void add_call(struct filter *filter, int call, uint32_t action)
{
	filter->calls[filter->nr_calls++] = (struct range){ call, action };
}

static void add_list(struct filter *filter, const int *calls, size_t nr, uint32_t action)
{
	for (size_t i = 0; i < nr; i++)
		add_call(filter, calls[i], action);
}

static void add_calls(struct filter *filter, const struct sandbox_needs *needs)
{
	int last = -1;

	add_list(filter, always, ARRAY_SIZE(always), SECCOMP_RET_ALLOW);
	if (needs->network) {
		add_list(filter, network, ARRAY_SIZE(network), SECCOMP_RET_ALLOW);
		add_call(filter, SYS_socket, BY_ARGUMENT);
	} else if (sandbox_opens_files(needs)) {
		add_list(filter, files, ARRAY_SIZE(files), SECCOMP_RET_ALLOW);
	} else if (needs->nr_paths) {
		add_call(filter, SYS_unlinkat, SECCOMP_RET_ALLOW);
	}
	if (needs->sockets)
		add_list(filter, sockets, ARRAY_SIZE(sockets), SECCOMP_RET_ALLOW);
	if (needs->streams)
		add_call(filter, SYS_dup3, SECCOMP_RET_ALLOW);
	add_list(filter, deadly, ARRAY_SIZE(deadly), SECCOMP_RET_KILL_PROCESS);
	add_list(filter, own_signals, ARRAY_SIZE(own_signals), BY_ARGUMENT);
	for (size_t i = 0; i < ARRAY_SIZE(argument_rules); i++) {
		if (argument_rules[i].call != last)
			add_call(filter, argument_rules[i].call, BY_ARGUMENT);
		last = argument_rules[i].call;
	}
	/* Its flags are in memory, where a filter does not see them: the C library tries clone. */
	add_call(filter, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
}

static int compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static void add_range(struct filter *filter, uint32_t first, uint32_t action)
{
	struct range *last = filter->nr_ranges ? &filter->ranges[filter->nr_ranges - 1] : NULL;

	/* A gap of no calls */
	if (last && last->first == first)
		last->action = action;
	else if (!last || last->action != action || action == BY_ARGUMENT)
		filter->ranges[filter->nr_ranges++] = (struct range){ first, action };
}

/* All numbers, from 0: those of no list fail. */
static void make_ranges(struct filter *filter)
{
	qsort(filter->calls, filter->nr_calls, sizeof(filter->calls[0]), compare);
	add_range(filter, 0, EPERM_ACTION);
	for (size_t i = 0; i < filter->nr_calls; i++) {
		add_range(filter, filter->calls[i].first, filter->calls[i].action);
		add_range(filter, filter->calls[i].first + 1, EPERM_ACTION);
	}
}

static struct sock_filter *emit(struct filter *filter, uint16_t code, uint32_t k)
{
	struct sock_filter *next = &filter->code[filter->length++];

	*next = (struct sock_filter){ .code = code, .k = k };
	return next;
}

static void emit_argument_rule(struct filter *filter, const struct argument_rule *rule)
{
	emit(filter, BPF_LD | BPF_W | BPF_ABS,
	     offsetof(struct seccomp_data, args) + 8 * rule->argument);
	emit(filter, BPF_ALU | BPF_AND | BPF_K, rule->mask);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, rule->value)->jf = 1;
	emit(filter, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

static void emit_rules_of(struct filter *filter, const struct argument_rule *rules, size_t nr,
			  int call)
{
	for (size_t i = 0; i < nr; i++)
		if (rules[i].call == call)
			emit_argument_rule(filter, &rules[i]);
}

static void emit_argument_rules(struct filter *filter, int call)
{
	emit_rules_of(filter, argument_rules, ARRAY_SIZE(argument_rules), call);
	emit_rules_of(filter, network_rules, ARRAY_SIZE(network_rules), call);
	for (size_t i = 0; i < ARRAY_SIZE(own_signals); i++)
		if (own_signals[i] == call)
			emit_argument_rule(filter, &(struct argument_rule){
				call, 0, 0xffffffff, getpid(),
			});
	emit(filter, BPF_RET | BPF_K, EPERM_ACTION);
}

/* The number is known to be in one of @nr ranges. Returns false if a jump is too far. */
static bool emit_tree(struct filter *filter, const struct range *ranges, size_t nr)
{
	size_t half = nr / 2, jump = filter->length;

	if (nr == 1) {
		if (ranges->action == BY_ARGUMENT)
			emit_argument_rules(filter, ranges->first);
		else
			emit(filter, BPF_RET | BPF_K, ranges->action);
		return true;
	}
	emit(filter, BPF_JMP | BPF_JGE | BPF_K, ranges[half].first);
	if (!emit_tree(filter, ranges, half) || filter->length - jump - 1 > UINT8_MAX)
		return false;
	filter->code[jump].jt = filter->length - jump - 1;
	return emit_tree(filter, ranges + half, nr - half);
}

/* Other kinds of calls have other numbers: the 32-bit ones, and x32's above all others. */
static bool emit_all(struct filter *filter)
{
	emit(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64)->jt = 1;
	emit(filter, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	emit(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	return emit_tree(filter, filter->ranges, filter->nr_ranges);
}

int sandbox_seccomp(const struct sandbox_needs *needs)
{
	struct filter filter = { };
	struct sock_fprog program = { .filter = filter.code };
	const uint32_t action = SECCOMP_RET_KILL_PROCESS;

	/* A kernel without it says so here: what it says of the filter is about the filter. */
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action))
		return -EOPNOTSUPP;
	add_calls(&filter, needs);
	make_ranges(&filter);
	if (!emit_all(&filter))
		return -E2BIG;
	program.len = filter.length;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) ? -errno : 0;
}
