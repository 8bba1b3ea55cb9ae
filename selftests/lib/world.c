// SPDX-License-Identifier: GPL-2.0
/* Calls that fail in every place where they can */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "boot.h"
#include "world.h"

#define RAM_KIB		64

/* ---- the levels ---- */

int kt_world_create_vm(struct kt_world *w)
{
	struct kev_create_vm args = {
		.size = sizeof(args),
		.flags = w->call->flags,
		.huge_pages = w->call->huge_pages,
	};

	strcpy(args.hypercall_abi, w->call->code ? "kev" : "report");
	w->vm.vm = kt_ioctl(w->vm.kev, KEV_CREATE_VM, &args);
	return w->vm.vm < 0 ? w->vm.vm : 0;
}

static int attach_image(struct kt_world *w)
{
	uint64_t ram_kib = (kt_vm_ram(&w->image) >> 10) + RAM_KIB;

	return kt_attach(w->vm.vm, w->call->code ? w->code : w->file, KEV_BOOT_DIRECT64, ram_kib);
}

int kt_world_create_vcpu(struct kt_world *w)
{
	w->vm.vcpu[0] = kt_create_vcpu(w->vm.vm, 0);
	return w->vm.vcpu[0] < 0 ? w->vm.vcpu[0] : 0;
}

int kt_world_map_run(struct kt_world *w)
{
	void *run = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, w->vm.vcpu[0], 0);

	w->vm.run[0] = run == MAP_FAILED ? NULL : run;
	return w->vm.run[0] ? 0 : -errno;
}

int kt_world_open(struct kt_world *w)
{
	w->vm.kev = kt_open();
	return w->vm.kev < 0 ? w->vm.kev : 0;
}

/* What is there already stays. */
int kt_world_bring_to(struct kt_world *w, enum kt_level level)
{
	bool ok = true;

	if (level >= KT_DEVICE && w->vm.kev < 0)
		ok = !kt_world_open(w);
	if (ok && level >= KT_VM && w->vm.vm < 0)
		ok = !kt_world_create_vm(w);
	/* -EBUSY: it was the call's work */
	if (ok && level >= KT_IMAGE && w->vm.vcpu[0] < 0) {
		int ret = attach_image(w);

		ok = !ret || ret == -EBUSY;
	}
	if (ok && level >= KT_VCPU && w->vm.vcpu[0] < 0)
		ok = !kt_world_create_vcpu(w);
	if (ok && level >= KT_VCPU && !w->vm.run[0])
		ok = !kt_world_map_run(w);
	return ok ? 0 : -EIO;
}

static int prepare(struct kt_world *w)
{
	int ret;

	w->vm = (struct kt_vm) { .kev = -1, .vm = -1, .vcpus = 1, .vcpu = { -1, -1, -1, -1 } };
	w->fd = -1;
	w->map = NULL;
	ret = kt_world_bring_to(w, w->call->level);
	if (!ret && w->call->ready)
		ret = w->call->ready(w);
	return ret;
}

static void end(struct kt_world *w)
{
	if (w->map)
		munmap(w->map, w->map_size);
	if (w->fd >= 0)
		close(w->fd);
	kt_vm_fini(&w->vm);
}

/* What is there can have a guest that finds its image's data. */
static int works(struct kt_world *w)
{
	const struct kt_job read = {
		.op = KT_READ, .address = KT_DATA_GPA + (KT_WORLD_PAGES - 1) * KT_PAGE,
	};
	uint64_t word = 0;
	int ret;

	if (kt_world_bring_to(w, KT_VCPU))
		return -EIO;
	/* The call may have left a kick, or an exception. */
	ret = kt_vm_do(&w->vm, 0, &read, &word);
	if (ret == -EINTR)
		ret = kt_run(w->vm.vcpu[0]) ?: kt_vm_result(&w->vm, 0, &word) ? 0 : -EREMOTEIO;
	if (ret)
		return ret;
	return word == kt_image_word(KT_WORLD_PAGES - 1) ? 0 : -EIO;
}

int kt_world_add_ram(struct kt_world *w)
{
	return kt_add_ram(w->vm.vm, KT_WORLD_RAM, KT_WORLD_RAM_SIZE);
}

long kt_world_set_msrs(struct kt_world *w)
{
	struct kev_msr_policy entry = { .first = 0x1234, .count = 1, .policy = KEV_MSR_VALUE };
	struct kev_set_msrs args = { .size = sizeof(args), .nr = 1, .entries = (uintptr_t)&entry };

	return kt_ioctl(w->vm.vm, KEV_VM_SET_MSRS, &args);
}

/* ---- what comes in between ---- */

static struct kt_fail fail;
static timer_t timer;
static volatile sig_atomic_t signals, in_call;

/* How long it takes to arm the timer and to call, in nanoseconds; that many signals share it */
static int64_t call_ns;
#define SIGNALS		20
#define NSEC		1000000000LL

/* Something that comes at the nth place of a call */
struct trouble {
	int (*prepare)(void);
	void (*learn)(int64_t ns);	/* when the last place is to come; or NULL */
	int (*begin)(unsigned int nth);
	int (*end)(void);		/* 1: it has come; 0: there are not so many places */
	bool (*excuses)(long ret);
	unsigned int places;		/* at most */
};

static int prepare_failures(void)
{
	return kt_fail_open(&fail);
}

static int begin_failure(unsigned int nth)
{
	return kt_fail_nth(&fail, nth);
}

static int end_failure(void)
{
	return kt_fail_end(&fail);
}

static bool is_failure(long ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

/* More places than any call has */
static const struct trouble failures = {
	prepare_failures, NULL, begin_failure, end_failure, is_failure, 1000,
};

static void count_signal(int number)
{
	(void)number;
	signals += in_call;
}

static int prepare_signals(void)
{
	const struct sigaction action = { .sa_handler = count_signal };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };

	return sigaction(SIGALRM, &action, NULL) ||
	       timer_create(CLOCK_MONOTONIC, &event, &timer) ? -errno : 0;
}

static void learn_duration(int64_t ns)
{
	call_ns = ns;
}

static int begin_signal(unsigned int nth)
{
	const int64_t ns = call_ns * nth / SIGNALS + 1;
	const struct itimerspec when = { .it_value = { ns / NSEC, ns % NSEC } };

	signals = 0;
	return timer_settime(timer, 0, &when, NULL) ? -errno : 0;
}

static int end_signal(void)
{
	static const struct itimerspec never;

	return timer_settime(timer, 0, &never, NULL) ? -errno : !!signals;
}

static bool is_signal(long ret)
{
	return ret == -EINTR;
}

/* The last one waits for as long as the call has taken: it may come, and it may not. */
static const struct trouble interruptions = {
	prepare_signals, learn_duration, begin_signal, end_signal, is_signal, SIGNALS,
};

/* ---- one call after the other ---- */

/* With its nth place in trouble: what is wrong, or NULL. *more: it had so many. */
static const char *try_one(struct kt_world *w, const struct trouble *trouble, unsigned int nth,
			   bool *more, long *ret)
{
	const struct kt_call *c = w->call;
	long again = 0;
	int came;

	*more = false;
	*ret = prepare(w);
	if (*ret)
		return "it cannot be prepared";
	*ret = trouble->begin(nth);
	if (*ret)
		return "there is no trouble";
	in_call = 1;
	*ret = c->call(w);
	in_call = 0;
	came = trouble->end();
	*more = came == 1;
	if (came < 0)
		return "the trouble does not end";
	if (*ret < 0 && !(came && trouble->excuses(*ret)))
		return "result";
	if (*ret < 0)
		again = c->call(w);
	/* What was done, and could not be told */
	if (again == -EBUSY && *ret == -EFAULT && c->once)
		again = 0;
	if (again) {
		*ret = again;
		return "result of the second call";
	}
	*ret = c->check ? c->check(w) : works(w);
	return *ret ? "it does not work afterwards" : NULL;
}

/* How long does it take with a trouble that never comes, in nanoseconds */
static int64_t time_one(struct kt_world *w, const struct trouble *trouble)
{
	struct timespec begun, ended;
	int64_t least = INT64_MAX;

	for (int i = 0; i < 3; i++) {
		int64_t ns = 0;

		if (!prepare(w)) {
			trouble->learn(1000 * NSEC);
			clock_gettime(CLOCK_MONOTONIC, &begun);
			trouble->begin(SIGNALS);
			w->call->call(w);
			clock_gettime(CLOCK_MONOTONIC, &ended);
			trouble->end();
			ns = (ended.tv_sec - begun.tv_sec) * NSEC +
			     ended.tv_nsec - begun.tv_nsec;
		}
		end(w);
		least = ns < least ? ns : least;
	}
	return least;
}

/* How many things were wrong. Prints them. @places: adds how many there were. */
static int try_all(struct kt_world *w, const struct trouble *trouble, const struct kt_call *c,
		   unsigned int *places)
{
	unsigned int nth = 0, came = 0;
	bool more = true;
	int wrong = 0;

	w->call = c;
	if (trouble->learn)
		trouble->learn(time_one(w, trouble));
	/* A failure that does not come is behind all places; a signal may be before them. */
	while ((more || trouble->learn) && nth < trouble->places) {
		const char *what;
		long ret;

		what = try_one(w, trouble, ++nth, &more, &ret);
		end(w);
		came += more;
		if (!what)
			continue;
		printf("# %s, place %u: %s: %ld\n", c->name, nth, what, ret);
		wrong++;
	}
	printf("# %s: %u places\n", c->name, came);
	/* A call without an allocation has no place for a failure; a signal fits into any. */
	if (trouble->learn && !came) {
		printf("# %s: nothing came in between\n", c->name);
		wrong++;
	}
	fflush(stdout);
	*places += came;
	return wrong;
}

static int code_file(const struct kt_code *code)
{
	size_t size = code->end - code->start;
	struct kt_elf elf;

	kt_elf_init(&elf, size);
	return kt_elf_file(&elf, code->start, size);
}

#define DISK_FILE	"/disk/world"

/* By somebody else than the cgroup, which is to pay for nothing that stays */
static void write_disk_file(void)
{
	struct kt_image image;
	int fd = -1;

	kt_image_init(&image, KT_WORLD_PAGES);
	if (!kt_mount_disk())
		fd = open(DISK_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	kt_image_write(&image, fd);
	fsync(fd);
	close(fd);
}

static bool init_world(struct kt_world *w)
{
	uint8_t *bytes;

	kt_image_init(&w->image, KT_WORLD_PAGES);
	bytes = malloc(w->image.size);
	if (!bytes)
		return false;
	kt_image_fill(&w->image, 0, bytes, w->image.size);
	w->file = kt_sealed_file(bytes, w->image.size);
	free(bytes);
	w->code = -1;
	w->disk = open(DISK_FILE, O_RDONLY | O_CLOEXEC);
	w->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->user = mmap(NULL, KT_WORLD_PAGES * KT_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return w->file >= 0 && w->disk >= 0 && w->event >= 0 && w->user != MAP_FAILED;
}

/* How many things were wrong, 255 at most */
static int try_each(const struct trouble *trouble, const struct kt_call *calls)
{
	static struct kt_world w;
	unsigned int places = 0;
	int wrong = 0;

	if (trouble->prepare() || kt_left_enter() || !init_world(&w)) {
		printf("# nothing could be tried: %s\n", strerror(errno));
		fflush(stdout);
		return 255;
	}
	for (const struct kt_call *c = calls; c->name; c++) {
		if (c->code)
			w.code = code_file(c->code);
		wrong += try_all(&w, trouble, c, &places);
		if (c->code)
			close(w.code);
	}
	if (!places) {
		printf("# nothing came in between\n");
		fflush(stdout);
		wrong++;
	}
	return wrong < 255 ? wrong : 255;
}

static int try_in_child(const struct trouble *trouble, const struct kt_call *calls)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(try_each(trouble, calls));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int try_calls(const struct trouble *trouble, const struct kt_call *calls)
{
	struct kt_left before;
	int wrong;

	write_disk_file();
	kt_left_begin(&before);
	wrong = try_in_child(trouble, calls);
	/* What the first time leaves to be used again does not become more the second time. */
	if (!wrong && kt_left_differs(&before)) {
		kt_left_end();
		kt_left_begin(&before);
		wrong = try_in_child(trouble, calls);
		wrong += kt_left_differs(&before);
	}
	kt_left_end();
	return wrong;
}

int kt_fail_calls(const struct kt_call *calls)
{
	return try_calls(&failures, calls);
}

int kt_interrupt_calls(const struct kt_call *calls)
{
	return try_calls(&interruptions, calls);
}
