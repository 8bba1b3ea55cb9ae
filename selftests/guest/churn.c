// SPDX-License-Identifier: GPL-2.0
/*
 * Much that comes and goes: VMs, processes that are killed at any moment, the module while it
 * is in use, KVM beside it, and clocks that are set. Guards that what goes leaves nothing,
 * and that what stays goes on. A few rounds of each; many in the soak.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "ticker.h"

#define MODULE		"/kev.ko"
/* A life takes some hundred thousand ticks of the TSC: a kill comes anywhere in it. */
#define LIFE		400000U
#define SECONDS		7000

FIXTURE(churn) {
	struct kt_left before;
};

FIXTURE_SETUP(churn)
{
	kt_left_begin(&self->before);
}

FIXTURE_TEARDOWN(churn)
{
	EXPECT_FALSE(kt_left_differs(&self->before));
	kt_left_end();
}

/* From nothing to a guest that has ended, and back: false if any of it fails */
static bool one_life(void)
{
	struct kt_guest guest;
	bool ok = !kt_guest_init(&guest, &kt_halt, 0, NULL) && !kt_run(guest.vcpu) &&
		  guest.run->kind == KEV_EXIT_VM_EXITED && guest.run->exit_code == 0x1234;

	kt_guest_fini(&guest);
	return ok;
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In a process of its own, for whose memory the cgroup pays */
static int live(unsigned int lives)
{
	if (kt_left_enter())
		return 1;
	while (lives--)
		if (!one_life())
			return 2;
	return 0;
}

TEST_F_TIMEOUT(churn, lives, SECONDS)
{
	pid_t pid = fork();

	if (!pid)
		_exit(live(kt_rounds(50, 10000)));
	EXPECT_EQ(0, wait_for(pid));
}

/* ---- at once ---- */

/* A VM in its HLT, with a vCPU that could wake it; of so many VMs one spins. */
struct at_once {
	struct kt_guest guest;
	struct kt_runner runner;
	int second;
};

#define SPINS		64

static int start_one(struct at_once *one, bool spins)
{
	int ret = kt_guest_init(&one->guest, spins ? &kt_spin : &kt_hlt, 0, NULL);

	if (ret)
		return ret;
	one->second = kt_create_vcpu(one->guest.vm, 1);
	if (one->second < 0)
		return one->second;
	ret = kt_runner_enter(&one->runner, one->guest.vcpu, -1);
	if (!ret && !spins)
		kt_runner_wait_asleep(&one->runner);
	return ret;
}

/* So many in a process of its own, all of them in RUN. Half is ended, half is killed. */
static int live_at_once(unsigned int nr)
{
	const struct rlimit files = { .rlim_cur = nr * 4 + 64, .rlim_max = nr * 4 + 64 };
	struct at_once *all = calloc(nr, sizeof(*all));

	if (!all || kt_left_enter() || setrlimit(RLIMIT_NOFILE, &files))
		return 1;
	for (unsigned int i = 0; i < nr; i++)
		if (start_one(&all[i], !(i % SPINS)))
			return 2;
	for (unsigned int i = 0; i < nr; i++)
		if (kt_status(all[i].guest.vm).state != KEV_VM_ALIVE ||
		    all[i].guest.run->kind != KEV_EXIT_NONE)
			return 3;
	for (unsigned int i = 0; i < nr; i += 2) {
		if (kt_runner_kick(&all[i].runner) != -EINTR)
			return 4;
		close(all[i].second);
		kt_guest_fini(&all[i].guest);
	}
	return kill(getpid(), SIGKILL);
}

TEST_F_TIMEOUT(churn, at_once, SECONDS)
{
	pid_t pid = fork();

	if (!pid)
		_exit(live_at_once(kt_rounds(20, 1000)));
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_TRUE(one_life());
}

/* ---- kills ---- */

/* What a life is at when it is killed; nothing of its first guest is there before. */
enum stage { BEFORE, MAKES, TOUCHES, RUNS, GOES, NR_STAGES };

/* One guest that touches memory after the other, whose memory is mapped, with two vCPUs */
static void live_until_killed(volatile enum stage *stage)
{
	struct kt_runner runner;
	struct kt_guest guest;
	uint8_t byte, *map;

	if (kt_left_enter())
		_exit(1);
	for (;;) {
		int second;

		*stage = MAKES;
		if (kt_guest_init(&guest, &kt_spin, 0, NULL))
			_exit(2);
		second = kt_create_vcpu(guest.vm, 1);
		*stage = TOUCHES;
		map = kt_map_memory(guest.vm, 0, 16 * KT_PAGE);
		if (second < 0 || !map || kt_peek(map, &byte) || kt_poke(map + KT_PAGE, 1))
			_exit(3);
		*stage = RUNS;
		if (kt_runner_enter(&runner, guest.vcpu, -1) || kt_runner_kick(&runner) != -EINTR)
			_exit(4);
		*stage = GOES;
		munmap(map, 16 * KT_PAGE);
		close(second);
		kt_guest_fini(&guest);
	}
}

/* The same numbers each time */
static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

TEST_F_TIMEOUT(churn, kills, SECONDS)
{
	unsigned int rounds = kt_rounds(20, 1000), killed[NR_STAGES] = { 0 };
	volatile enum stage *stage = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t seed = 1;

	ASSERT_NE(MAP_FAILED, (void *)stage);

	for (unsigned int i = 0; i < rounds; i++) {
		struct timespec when = {
			.tv_nsec = kt_limit(next_random(&seed) % LIFE) * 20,
		};
		pid_t pid;

		*stage = BEFORE;
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			live_until_killed(stage);
		for (int spins = 0; *stage == BEFORE && spins < 1000000; spins++)
			sched_yield();
		nanosleep(&when, NULL);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(128 + SIGKILL, wait_for(pid)) {
			TH_LOG("round %u", i);
		}
		killed[*stage]++;
	}
	EXPECT_EQ(0, killed[BEFORE]);
	/* In the soak at every stage */
	for (int i = MAKES; i < NR_STAGES; i++) {
		EXPECT_LE(kt_rounds(0, 1), killed[i]) {
			TH_LOG("stage %d", i);
		}
	}
	EXPECT_TRUE(one_life());
}

/* ---- the module ---- */

static volatile bool stop;
static unsigned int reloads;

/* Take the module away and bring it back, as often as it is not in use. */
static void *reload(void *arg)
{
	while (!stop) {
		if (!kt_unload_module("kev") && !kt_load_module(MODULE))
			reloads++;
		sched_yield();
	}
	return arg;
}

/*
 * Whoever comes while the module goes is refused. Who has it open can do everything, for
 * as long as that.
 */
TEST_F_TIMEOUT(churn, module_goes_meanwhile, SECONDS)
{
	unsigned int rounds = kt_rounds(3, 200), lives = 0;
	pthread_t thread;

	stop = false;
	reloads = 0;
	ASSERT_EQ(0, pthread_create(&thread, NULL, reload, NULL));
	while (reloads < rounds || lives < rounds) {
		int kev = kt_open();

		if (kev < 0) {
			EXPECT_TRUE(kev == -ENOENT || kev == -ENODEV || kev == -ENXIO) {
				TH_LOG("open: %d", kev);
			}
			sched_yield();
			continue;
		}
		EXPECT_TRUE(one_life());
		lives++;
		close(kev);
		sched_yield();
	}
	stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	for (int i = 0; i < 100000 && access("/dev/kev", F_OK); i++)
		sched_yield();
	EXPECT_TRUE(one_life());
}

/* ---- clocks ---- */

#define HOUR	3600

static int set_clock(long seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += seconds;
	return clock_settime(CLOCK_REALTIME, &now) ? -errno : 0;
}

/* A guest's timers and its TSC know nothing of the host's time of day. */
TEST_F_TIMEOUT(churn, clock_is_set, SECONDS)
{
	unsigned int rounds = kt_rounds(5, 500);
	struct kt_ticker ticker;

	ASSERT_EQ(0, kt_ticker_init(&ticker));
	ASSERT_EQ(0, kt_ticker_start(&ticker));
	for (unsigned int i = 0; i < rounds; i++) {
		ASSERT_EQ(0, set_clock(i % 2 ? -24 * HOUR : 24 * HOUR));
		kt_ticker_wait(&ticker, 2);
	}
	if (rounds % 2) {
		EXPECT_EQ(0, set_clock(-24 * HOUR));
	}
	EXPECT_EQ(0, kt_ticker_stop(&ticker));
	EXPECT_EQ(0, ticker.shared->backwards);
	EXPECT_EQ(0, ticker.shared->astray);
	kt_ticker_fini(&ticker);
}

/* ---- descriptors ---- */

/* A call that cannot have a descriptor leaves nothing, and can be made again. */
TEST_F(churn, no_descriptor_left)
{
	struct rlimit old, none;
	struct kt_guest guest;
	int vcpu;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = (struct rlimit) { .rlim_cur = 3, .rlim_max = old.rlim_max };
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, kt_open());
	EXPECT_EQ(-EMFILE, kt_create_vm(guest.kev, 0, NULL));
	EXPECT_EQ(-EMFILE, kt_create_vcpu(guest.vm, 1));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	close(kt_create_vm(guest.kev, 0, NULL));
	/* The id is free, and the VM still has its bootstrap processor. */
	vcpu = kt_create_vcpu(guest.vm, 1);
	EXPECT_LE(0, vcpu);
	close(vcpu);
	EXPECT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(0x1234, guest.run->exit_code);
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
