// SPDX-License-Identifier: 0BSD
/* A program that has a guest: it answers its calls, and lets another process watch. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <libkev.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define CALL_DEGREES	0x100
#define CALL_SECRET	0x101
#define PORT_DISPLAY	0x99
#define TIMEOUT_S	60

struct machine {
	int kev, vm, vcpu;
	struct kev_run *run;
	size_t run_size;
	atomic_bool stop;	/* no more RUN */
	unsigned int display;	/* what the guest has written to PORT_DISPLAY */
	int result;		/* of the vCPU's thread: 0 or an errno, negative */
};

/* [make] */
static int machine_make(struct machine *machine, const char *path)
{
	struct kev_attach_image image = {
		.size = sizeof(image), .boot = KEV_BOOT_AUTO, .ram_kib = 4096,
	};
	struct kev_query query = { .size = sizeof(query) };
	int ret;

	machine->kev = kev_open(NULL);
	ret = kev_query(machine->kev, &query);
	if (ret)
		return ret;
	machine->run_size = query.run_page_size;
	machine->vm = kev_create_vm(machine->kev, 0, "kev");
	if (machine->vm < 0)
		return machine->vm;
	image.fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = kev_vm_attach_image(machine->vm, &image);
	close(image.fd);
	if (ret)
		return ret;
	machine->vcpu = kev_vm_create_vcpu(machine->vm, 0);
	if (machine->vcpu < 0)
		return machine->vcpu;
	return kev_vcpu_map_run(machine->vcpu, machine->run_size, &machine->run);
}

/* [drop] */
static void machine_drop(struct machine *machine)
{
	kev_vcpu_unmap_run(machine->run, machine->run_size);
	kev_close(machine->vcpu);
	kev_close(machine->vm);
	kev_close(machine->kev);
}

/* [filter] */
#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define ANSWER(value)	BPF_STMT(BPF_RET | BPF_K, (value))
#define ALLOW(nr)	UNLESS(nr, 1), ANSWER(SECCOMP_RET_ALLOW)

static int give_up(void)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		UNLESS(AUDIT_ARCH_X86_64, 1),
		LOAD(nr),
		UNLESS(SYS_ioctl, 4),
		LOAD(args[1]),			/* its lower half: all of an ioctl's number */
		UNLESS(KEV_VCPU_RUN, 1),
		ANSWER(SECCOMP_RET_ALLOW),
		ANSWER(SECCOMP_RET_ERRNO | EPERM),
		ALLOW(SYS_futex),
		ALLOW(SYS_rt_sigprocmask),	/* this and the rest: the end of a thread */
		ALLOW(SYS_madvise),
		ALLOW(SYS_exit),
		ANSWER(SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	return 0;
}

/* [answer] */
/* One report: 0 to go on, 1 at the end, or a negative errno */
static int answer(struct machine *machine)
{
	struct kev_run *run = machine->run;

	switch (run->kind) {
	case KEV_EXIT_HYPERCALL:
		if (run->hypercall.nr == CALL_DEGREES)
			run->hypercall.ret = 21;
		else if (run->hypercall.nr == CALL_SECRET)
			run->hypercall.ret = open("/etc/shadow", O_RDONLY);
		else
			run->hypercall.ret = -ENOSYS;
		return 0;
	case KEV_EXIT_IO:
		if (run->io.port == PORT_DISPLAY && run->io.direction == KEV_IO_OUT)
			machine->display = run->io.data;
		else if (run->io.direction == KEV_IO_IN)
			run->io.data = ~0;
		return 0;
	case KEV_EXIT_VM_EXITED:
		return 1;
	default:
		return -EPROTO;		/* nothing that this guest should do */
	}
}

/* [vcpu] */
static void *vcpu_thread(void *arg)
{
	struct machine *machine = arg;
	int ret = give_up();

	while (!ret && !atomic_load(&machine->stop)) {
		ret = kev_vcpu_run(machine->vcpu);
		if (!ret)
			ret = answer(machine);
		else if (ret == -EINTR)
			ret = 0;	/* a signal, or the kick: look at stop */
	}
	machine->result = ret < 0 ? ret : 0;
	return NULL;
}

/* [run] */
static int machine_run(struct machine *machine)
{
	struct timespec end;
	pthread_t thread;
	int ret;

	ret = pthread_create(&thread, NULL, vcpu_thread, machine);
	if (ret)
		return -ret;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += TIMEOUT_S;
	/* It ends with the guest, or where it cannot go on. */
	if (!pthread_timedjoin_np(thread, NULL, &end))
		return machine->result;
	atomic_store(&machine->stop, true);
	kev_vcpu_kick(machine->vcpu);
	pthread_join(thread, NULL);
	return -ETIMEDOUT;
}

/* [fd] */
static int send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = "", byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* [watch] */
/* In a process of its own */
static int watch(int socket)
{
	struct kev_vm_status status = { .size = sizeof(status) };
	int vm = receive_fd(socket), ret;
	char text[256];
	ssize_t length;

	if (vm < 0)
		return 1;
	ret = kev_vm_discard(vm, 0, 4096);
	printf("watcher: to change the guest's memory: %s\n", strerror(-ret));
	while ((length = kev_vm_read(vm, text, sizeof(text))) > 0)
		printf("watcher: the guest prints: %.*s", (int)length, text);
	ret = kev_vm_status(vm, &status);
	if (!ret && status.state == KEV_VM_EXITED)
		printf("watcher: exit code %llu\n", (unsigned long long)status.exit_code);
	return ret || status.state != KEV_VM_EXITED;
}

/* [main] */
int main(int argc, char **argv)
{
	struct machine machine = { 0 };
	int sockets[2], ret, watched;
	pid_t watcher;

	if (argc != 2 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		errx(2, "usage: embed GUEST");
	watcher = fork();
	if (watcher < 0)
		err(1, "fork");
	close(sockets[watcher != 0]);
	if (!watcher)
		return watch(sockets[1]);
	ret = machine_make(&machine, argv[1]);
	if (!ret)
		ret = send_fd(sockets[0], machine.vm);
	if (!ret)
		ret = machine_run(&machine);
	/* With its descriptor it would wait for bytes that do not come any more. */
	if (ret)
		kill(watcher, SIGTERM);
	waitpid(watcher, &watched, 0);
	if (ret)
		errx(1, "%s", strerror(-ret));
	printf("host: the display shows %u\n", machine.display);
	machine_drop(&machine);
	return watched != 0;
}
