// SPDX-License-Identifier: GPL-2.0
/* What a process does with descriptors, mappings and itself beside the calls */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "code.h"

/* ---- touching what may not be there ---- */

static __thread sigjmp_buf out;
static __thread volatile sig_atomic_t trying;

static void on_fault(int number)
{
	if (trying)
		siglongjmp(out, number);
	_exit(128 + number);
}

void fz_handle_faults(void)
{
	const struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

bool fz_try(void (*touch)(void *), void *arg)
{
	bool done = false;

	if (!sigsetjmp(out, 0)) {
		trying = 1;
		touch(arg);
		done = true;
	}
	trying = 0;
	return done;
}

/* ---- VMs that can do something ---- */

static void add_memory(int vm, uint64_t *random)
{
	static const uint32_t kinds[] = {
		KEV_REGION_RAM, KEV_REGION_RAM, KEV_REGION_NOTIFY, KEV_REGION_TRAP,
		KEV_REGION_READ_TRAP, KEV_REGION_PRINT,
	};
	uint32_t kind = kinds[fz_below(random, ARRAY_SIZE(kinds))];
	uint64_t gpa = fz_one_in(random, 2) ? 0x400000 : 0x80000000;

	kt_add_region(vm, kind, kind == KEV_REGION_TRAP ? 0 : kind == KEV_REGION_READ_TRAP ||
		      kind == KEV_REGION_PRINT ? KEV_MEM_READ | KEV_MEM_EXEC : KT_RWX, gpa,
		      kind == KEV_REGION_PRINT ? KT_PAGE : KT_PAGE * (1 + fz_below(random, 2048)));
}

void fz_act_guest(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	struct kev_create_vm args = {
		.size = sizeof(args),
		.flags = fz_one_in(random, 2) ? 0 : fz_random(random) & 0x7f,
		.huge_pages = fz_below(random, 4),
	};
	static const char *const abis[] = { "", "", "kev", "akaros", "none", "report" };
	int image = fz_image(random), vm, vcpu;

	strcpy(args.hypercall_abi, abis[fz_below(random, ARRAY_SIZE(abis))]);
	vm = kt_ioctl(fz_fd(world, FZ_KEV, 0), KEV_CREATE_VM, &args);
	if (vm < 0) {
		close(image);
		return;
	}
	kt_attach(vm, image, KEV_BOOT_DIRECT64, KT_RAM_KIB);
	for (unsigned int i = fz_below(random, 3); i > 0; i--)
		add_memory(vm, random);
	for (unsigned int i = 0, nr = 1 + fz_below(random, 2); i < nr; i++) {
		vcpu = kt_create_vcpu(vm, i);
		if (vcpu < 0)
			continue;
		fz_put_map(world, step->object + i, kt_map_run(vcpu) ?: MAP_FAILED, KT_PAGE);
		fz_put(world, FZ_VCPU, step->object + i, vcpu);
	}
	if (fz_one_in(random, 4))
		fcntl(vm, F_SETFL, O_RDWR | O_NONBLOCK);
	fz_put(world, FZ_FILE, step->object, image);
	fz_put(world, FZ_VM, step->object, vm);
}

/* A state that it has, with a few changes */
void fz_act_set_state(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	int vcpu = fz_fd(world, FZ_VCPU, step->object);
	struct kev_vcpu_state state = { 0 };
	uint32_t groups = KT_STATE_REGISTERS | KEV_STATE_APIC | KEV_STATE_MP;
	uint8_t *bytes = (uint8_t *)&state;

	if (kt_get_state(vcpu, groups, &state))
		return;
	for (unsigned int i = fz_below(random, 3) + step->odd; i > 0; i--) {
		size_t at = 8 + fz_below(random, offsetof(struct kev_vcpu_state, xsave) - 8);
		uint64_t number = fz_number(random);

		if (fz_one_in(random, 2))
			bytes[at] ^= 1 << fz_below(random, 8);
		else
			memcpy(bytes + (at & ~7UL), &number, 8);
	}
	fz_apply_patch(step, bytes, sizeof(state));
	if (fz_one_in(random, 2))
		groups &= fz_random(random);
	if (kt_set_state(vcpu, groups, &state))
		atomic_fetch_add(&world->refused[step->call], 1);
	else
		atomic_fetch_add(&world->taken[step->call], 1);
}

struct scribble {
	uint8_t *at;
	size_t size;
	uint64_t *random;
};

static void scribble(void *arg)
{
	const struct scribble *s = arg;

	for (unsigned int i = 1 + fz_below(s->random, 8); i > 0; i--) {
		uint64_t number = fz_number(s->random);

		memcpy(s->at + (fz_below(s->random, s->size) & ~7UL), &number, 8);
	}
}

/* To the run page, or what is mapped in its place */
void fz_act_answer(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	size_t size;
	struct scribble s = { fz_map(world, step->object, &size), 0x200, random };

	if (s.at)
		fz_try(scribble, &s);
}

/* RUN, and the answer, several times */
void fz_act_run_on(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	int vcpu = fz_fd(world, FZ_VCPU, step->object);
	char bytes[512];

	for (unsigned int i = 2 + fz_below(random, 12); i > 0; i--) {
		if (kt_run(vcpu))
			break;
		atomic_fetch_add(&world->taken[step->call], 1);
		if (fz_one_in(random, 4))
			fz_act_answer(world, step, random);
		if (fz_one_in(random, 4) && kt_poll(fz_fd(world, FZ_VM, step->object)) & POLLIN)
			(void)!read(fz_fd(world, FZ_VM, step->object), bytes, sizeof(bytes));
	}
}

/* Other code where the vCPU is, or may come to */
void fz_act_code(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	uint8_t bytes[512];

	fz_code(bytes, sizeof(bytes), 64, random);
	kt_write_guest(fz_fd(world, FZ_VM, step->object), KT_CODE_GPA, bytes, sizeof(bytes));
}

/* ---- mappings ---- */

void fz_act_map_vm(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	static const uint64_t places[] = { 0, KT_MIB, 0x400000, 0x80000000, 0x1000 };
	uint64_t gpa = places[fz_below(random, ARRAY_SIZE(places))];
	size_t size = KT_PAGE * (1 + fz_below(random, fz_one_in(random, 4) ? FZ_MAX_PAGES : 16));
	int prot = fz_one_in(random, 4) ? PROT_READ : PROT_READ | PROT_WRITE;
	int flags = step->odd ? MAP_PRIVATE : MAP_SHARED;

	if (step->odd == 2)
		gpa = fz_number(random) & -KT_PAGE;
	if (fz_one_in(random, 4))
		flags |= MAP_POPULATE;
	fz_put_map(world, fz_random(random),
		   mmap(NULL, size, prot, flags, fz_fd(world, FZ_VM, step->object), gpa), size);
}

void fz_act_map_run(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	size_t size = step->odd ? KT_PAGE * fz_below(random, 4) : KT_PAGE;
	uint64_t offset = step->odd ? KT_PAGE * fz_below(random, 4) : 0;

	fz_put_map(world, step->object,
		   mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			fz_fd(world, FZ_VCPU, step->object), offset), size);
}

void fz_act_unmap(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	uint8_t *at;
	size_t size;

	if (fz_one_in(random, 2)) {
		/* A part of it; the rest is still in its place. */
		at = fz_map(world, step->object, &size);
		if (at && size > KT_PAGE)
			munmap(at + KT_PAGE * fz_below(random, size / KT_PAGE), KT_PAGE);
		return;
	}
	at = fz_take_map(world, step->object, &size);
	if (at)
		munmap(at, size);
}

static void read_some(void *arg)
{
	const struct scribble *s = arg;

	for (unsigned int i = 0; i < 8; i++)
		(void)*(volatile uint8_t *)(s->at + fz_below(s->random, s->size));
}

void fz_act_touch(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	struct scribble s = { .random = random };

	s.at = fz_map(world, step->object, &s.size);
	if (!s.at || !s.size)
		return;
	fz_try(read_some, &s);
	fz_try(scribble, &s);
}

/* Of a mapping, or of memory that is a guest's too; the last argument of madvise(2) */
void fz_act_advise(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_WILLNEED,
		MADV_DONTFORK, MADV_DOFORK, MADV_COLD, MADV_PAGEOUT, MADV_REMOVE,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DODUMP,
	};
	size_t size;
	uint8_t *at = fz_map(world, step->object, &size);

	if (at && fz_one_in(random, 2))
		madvise(at, size, advice[fz_below(random, ARRAY_SIZE(advice))]);
	else
		madvise(world->area + KT_PAGE * fz_below(random, 56), 8 * KT_PAGE,
			advice[fz_below(random, ARRAY_SIZE(advice))]);
}

void fz_act_protect(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	int prot = prots[fz_below(random, ARRAY_SIZE(prots))];
	size_t size;
	uint8_t *at = fz_map(world, step->object, &size);

	if (at && fz_one_in(random, 2))
		mprotect(at, size, prot);
	else
		mprotect(world->area + KT_PAGE * fz_below(random, 60), KT_PAGE, prot);
}

void fz_act_remap(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	size_t size, wanted = KT_PAGE * (1 + fz_below(random, 32));
	uint8_t *at = fz_take_map(world, step->object, &size);
	void *to;

	if (!at)
		return;
	to = mremap(at, size, wanted, MREMAP_MAYMOVE);
	if (to == MAP_FAILED)
		fz_put_map(world, step->object, at, size);
	else
		fz_put_map(world, step->object, to, wanted);
}

/* ---- descriptors ---- */

void fz_act_close(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	fz_put(world, 1 + fz_below(random, FZ_NR_KINDS - 1), step->object, -1);
}

void fz_act_dup(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	enum fz_kind kind = fz_below(random, FZ_NR_KINDS);
	int fd = fcntl(fz_fd(world, kind, step->object), F_DUPFD_CLOEXEC, 3);

	if (fd >= 0)
		fz_put(world, kind, step->object + 1, fd);
}

void fz_act_open(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	static const int flags[] = { O_RDWR, O_RDONLY, O_RDWR | O_NONBLOCK, O_WRONLY };
	int fd = open("/dev/kev", O_CLOEXEC | flags[fz_below(random, ARRAY_SIZE(flags))]);

	if (fd >= 0)
		fz_put(world, FZ_KEV, step->object, fd);
}

void fz_act_file(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	int fd = fz_file(random);

	if (fd >= 0)
		fz_put(world, FZ_FILE, step->object, fd);
}

/* An image that shrinks or grows while a guest has it */
void fz_act_resize(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	int fd = fz_fd(world, FZ_FILE, step->object);

	if (fz_one_in(random, 2))
		(void)!ftruncate(fd, fz_below(random, 3 * KT_PAGE));
	else
		(void)!pwrite(fd, world->area, fz_below(random, KT_PAGE),
			      fz_below(random, 2 * KT_PAGE));
}

void fz_act_event(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	int fd = fz_fd(world, FZ_EVENT, step->object);
	uint64_t number = fz_one_in(random, 8) ? -2ULL : 1 + fz_below(random, 3);

	if (fd < 0 || fz_one_in(random, 6))
		fz_put(world, FZ_EVENT, step->object,
		       eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | (step->odd ? EFD_SEMAPHORE : 0)));
	else if (fz_one_in(random, 3))
		(void)!read(fd, &number, sizeof(number));
	else
		(void)!write(fd, &number, sizeof(number));
}

/* It holds the descriptors for a while, and tries the owner's calls. */
void fz_act_fork(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	struct kev_vm_status status = { .size = sizeof(status) };
	pid_t pid = fork();

	if (pid < 0)
		return;
	if (!pid) {
		kt_ioctl(fz_fd(world, FZ_VM, step->object), KEV_VM_STATUS, &status);
		kt_run(fz_fd(world, FZ_VCPU, step->object));
		kt_create_vcpu(fz_fd(world, FZ_VM, step->object), 9);
		fz_act_touch(world, step, random);
		kt_ioctl(fz_fd(world, FZ_VCPU, step->object), KEV_VCPU_KICK, NULL);
		_exit(0);
	}
	if (fz_one_in(random, 2))
		waitpid(pid, NULL, 0);
}

void fz_act_console(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	int vm = fz_fd(world, FZ_VM, step->object);
	char bytes[256];

	/* One that waits is woken by the VM's end or by a signal. */
	if (step->odd || kt_poll(vm) & POLLIN)
		(void)!read(vm, bytes, fz_below(random, sizeof(bytes)));
}

void fz_act_poll(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	struct pollfd fds[FZ_NR_KINDS];

	for (unsigned int i = 0; i < FZ_NR_KINDS; i++) {
		fds[i].fd = fz_fd(world, i, step->object);
		fds[i].events = fz_random(random);
	}
	poll(fds, FZ_NR_KINDS, fz_below(random, 2));
}

void fz_act_nonblock(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	fcntl(fz_fd(world, FZ_VM, step->object), F_SETFL,
	      O_RDWR | (fz_one_in(random, 2) ? O_NONBLOCK : 0) |
	      (fz_one_in(random, 4) ? O_ASYNC : 0));
}

void fz_act_signal(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	int tid = world->tid[fz_below(random, FZ_THREADS)];

	(void)step;
	if (tid)
		tgkill(getpid(), tid, SIGUSR1);
}

void fz_act_limit(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	static const int resources[] = { RLIMIT_MEMLOCK, RLIMIT_NOFILE, RLIMIT_AS };
	int resource = resources[fz_below(random, ARRAY_SIZE(resources))];
	struct rlimit limit;

	(void)world;
	(void)step;
	getrlimit(resource, &limit);
	limit.rlim_cur = fz_one_in(random, 2) ? limit.rlim_max :
			 resource == RLIMIT_NOFILE ? fz_below(random, 32) :
			 KT_PAGE * fz_below(random, 64);
	setrlimit(resource, &limit);
}

/* Calls that are none, and other system calls on kev's descriptors */
void fz_act_odd_calls(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	int fd = fz_fd(world, fz_below(random, 3), step->object);
	unsigned long cmd = _IOC(fz_below(random, 4), KEV_IOCTL_TYPE, fz_below(random, 0x60),
				 fz_one_in(random, 2) ? 0 : fz_below(random, 256));
	int value = 0;

	switch (fz_below(random, 8)) {
	case 0:
		lseek(fd, fz_number(random), SEEK_SET);
		break;
	case 1:
		(void)!write(fd, world->area, 16);
		break;
	case 2:
		(void)!pread(fd, world->area, 16, 0);
		break;
	case 3:
		(void)!ftruncate(fd, 4096);
		break;
	case 4:
		fsync(fd);
		break;
	case 5:
		fcntl(fd, F_SETOWN, getpid());
		break;
	default:
		kt_ioctl(fd, cmd, fz_one_in(random, 2) ? (void *)world->area : &value);
	}
}

/* The process ends, whatever the other threads do. */
void fz_act_end(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	(void)world;
	(void)step;
	if (fz_one_in(random, 3))
		_exit(0);
}
