// SPDX-License-Identifier: GPL-2.0
/*
 * A program's process: a thread for each of its threads, and one that wakes those which
 * wait for something. KCOV tells the code of the module that each has reached.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "execute.h"

#define CGROUP		"/sys/fs/cgroup/kevfuzz"
#define MEMORY_MAX	"268435456"
/* Words of a KCOV buffer */
#define COVER_WORDS	(1UL << 16)
/* A bit for each place, by a hash of its address */
#define PLACE_BITS	20
/* Far from all that programs map and unmap */
#define WORLD		((void *)0x100000000000)
/* A thread that computes for so long gets a signal, in nanoseconds. */
#define TURN		3000000
/* How often the conductor looks at one that waits, each time this long, until it gives up */
#define LOOKS		4000
#define LOOK_US		2000

bool fz_cover;
uint64_t fz_taken[FZ_MAX_CALLS], fz_refused[FZ_MAX_CALLS];

static struct fz_world *world;
static uint8_t places[1UL << (PLACE_BITS - 3)];

static struct {
	int fd;
	unsigned long *words;
} cover[FZ_THREADS];

/* In the program's process */
static const struct fz_program *running;
static atomic_uint threads_left, steps_done;

static void no_handler(int number)
{
	(void)number;
}

static void start_timer(void)
{
	const struct itimerspec turn = {
		.it_value = { .tv_nsec = TURN }, .it_interval = { .tv_nsec = TURN },
	};
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	timer_t timer;

	event._sigev_un._tid = gettid();
	if (!timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer))
		timer_settime(timer, 0, &turn, NULL);
}

static void *thread_main(void *arg)
{
	unsigned int thread = (uintptr_t)arg;

	world->tid[thread] = gettid();
	start_timer();
	if (cover[thread].words)
		ioctl(cover[thread].fd, KCOV_ENABLE, KCOV_TRACE_PC);
	for (unsigned int i = 0; i < running->nr; i++) {
		if (running->step[i].thread % FZ_THREADS != thread)
			continue;
		fz_do(world, &running->step[i]);
		atomic_fetch_add(&steps_done, 1);
	}
	if (cover[thread].words)
		ioctl(cover[thread].fd, KCOV_DISABLE, 0);
	world->tid[thread] = 0;
	atomic_fetch_sub(&threads_left, 1);
	return NULL;
}

/* Where a thread is that does not come back */
static void tell(int tid)
{
	static const char *const files[] = { "stat", "syscall", "wchan", "stack", "maps" };
	char path[64], text[4096];
	ssize_t n;
	int fd;

	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, files[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, text, sizeof(text));
		printf("%s: %.*s\n", files[i], n > 0 ? (int)n : 0, text);
		close(fd);
	}
	printf("steps done: %u\n", steps_done);
	for (unsigned int i = 0; i < FZ_MAPS; i++)
		printf("map %u: %lx\n", i, world->map[i]);
	fflush(stdout);
}

/* What waits, waits for something that nobody does: an interrupt, bytes on a console. */
static void conduct(void)
{
	unsigned int done = 0, now;
	int tid;

	for (unsigned int i = 0; i < LOOKS && threads_left; i++) {
		usleep(LOOK_US);
		now = steps_done;
		for (unsigned int j = 0; now == done && j < FZ_THREADS; j++) {
			tid = world->tid[j];
			if (tid)
				tgkill(getpid(), tid, SIGUSR1);
		}
		done = now;
	}
	for (unsigned int i = 0; threads_left && i < FZ_THREADS; i++)
		if (world->tid[i])
			tell(world->tid[i]);
	if (threads_left)
		fz_found(world, FZ_ASLEEP, 0, 0);
}

static void become(const struct fz_program *program)
{
	const struct sigaction action = { .sa_handler = no_handler };
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	kt_write_file("/proc/self/oom_score_adj", "1000");
	sigaction(SIGUSR1, &action, NULL);
	signal(SIGIO, SIG_IGN);
	fz_handle_faults();
	running = program;
	world->area = mmap(NULL, FZ_AREA_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(world->area + FZ_AREA_SIZE - KT_PAGE, KT_PAGE);
	fz_put(world, FZ_KEV, 0, kt_open());
	fz_put(world, FZ_EVENT, 0, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	threads_left = FZ_THREADS;
	for (uintptr_t i = 0; i < FZ_THREADS; i++)
		if (pthread_create(&thread, NULL, thread_main, (void *)i))
			_exit(1);
	conduct();
	_exit(0);
}

/* ---- coverage ---- */

static bool start_cover(void)
{
	for (unsigned int i = 0; i < FZ_THREADS; i++) {
		int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
		void *words;

		if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, COVER_WORDS))
			return false;
		words = mmap(NULL, COVER_WORDS * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED,
			     fd, 0);
		if (words == MAP_FAILED)
			return false;
		cover[i].fd = fd;
		cover[i].words = words;
	}
	return true;
}

static unsigned int count_new_places(void)
{
	unsigned int new = 0;

	for (unsigned int i = 0; i < FZ_THREADS && cover[i].words; i++) {
		unsigned long nr = cover[i].words[0];

		for (unsigned long j = 1; j <= nr && j < COVER_WORDS; j++) {
			uint32_t bit = cover[i].words[j] * 0x9e3779b97f4a7c15 >> (64 - PLACE_BITS);

			new += !(places[bit / 8] & 1 << bit % 8);
			places[bit / 8] |= 1 << bit % 8;
		}
		cover[i].words[0] = 0;
	}
	return new;
}

/* ---- the host ---- */

static long taints;

static bool module_is_free(void)
{
	/* Its end may wait for a grace period. */
	for (unsigned int i = 0; i < 1000; i++) {
		if (kt_read_number("/sys/module/kev/refcnt") <= 0)
			return true;
		usleep(1000);
	}
	return false;
}

/* A limit to what guests can have, so that nobody else is killed for it */
static void enter_cgroup(void)
{
	char pid[16];

	mkdir(CGROUP, 0755);
	kt_write_file(CGROUP "/memory.max", MEMORY_MAX);
	snprintf(pid, sizeof(pid), "%d", getpid());
	kt_write_file(CGROUP "/cgroup.procs", pid);
	kt_write_file("/proc/self/oom_score_adj", "-1000");
}

void fz_start(void)
{
	world = mmap(WORLD, sizeof(*world), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (world == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	enter_cgroup();
	taints = kt_read_number("/proc/sys/kernel/tainted");
	fz_cover = start_cover();
}

void fz_execute(const struct fz_program *program, struct fz_result *result)
{
	static const char *const findings[FZ_NR_FINDINGS] = {
		[FZ_ERRNO] = "an errno that no call has",
		[FZ_ASLEEP] = "a thread that no signal wakes",
	};
	pid_t pid;

	memset(world, 0, sizeof(*world));
	memset(world->fd, 0xff, sizeof(world->fd));
	pid = fork();
	if (!pid)
		become(program);
	/* Children of its own, too */
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	*result = (struct fz_result) {
		.finding = pid < 0 ? "no process" : findings[world->finding % FZ_NR_FINDINGS],
		.call = world->finding_call,
		.error = world->finding_errno,
		.places = count_new_places(),
	};
	for (unsigned int i = 0; i < fz_nr_calls; i++) {
		fz_taken[i] += world->taken[i];
		fz_refused[i] += world->refused[i];
	}
	if (kt_read_number("/proc/sys/kernel/tainted") != taints)
		result->finding = "a report in the kernel's log";
	else if (!result->finding && !module_is_free())
		result->finding = "a VM that outlives its process";
}
