// SPDX-License-Identifier: GPL-2.0
/*
 * Many kicks, by two threads. Guards that each one ends a RUN with -EINTR, whatever the
 * guest or the kernel is at just then, and that none is lost.
 *
 * Two threads take turns. Who has the turn asks, and waits until a RUN has answered; only then
 * the other one asks. So there are exactly as many -EINTR as were asked for, and a kick that
 * is lost hangs the test. In the last test both ask as they like.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "vmem.h"

#define KICKERS		2
/* Of each kicker in each test: 100,000 in the soak, all together */
#define FEW		60
#define MANY		1700

/* An answer is due within so many ticks of the TSC, the middle one of all */
#define SOON		100000

/* What the soak takes of the machine's time, for each test */
#define SECONDS		300

/* Pages that a guest touches before it asks for their end */
#define FAULT_GPA	(4 * KT_MIB)
#define FAULT_PAGES	64

#define CALL		"mov $77, %eax\n vmcall\n"
#define FAULTS								\
	"mov $0x400000, %ebx\n"						\
	"2: movb $1, (%rbx)\n"						\
	"add $4096, %ebx\n"						\
	"cmp $0x440000, %ebx\n"						\
	"jb 2b\n"

KT_CODE(code_cpuid, "1: xor %eax, %eax\n cpuid\n jmp 1b");
KT_CODE(code_report, "1: " CALL "jmp 1b");
KT_CODE(code_fault, "1: " FAULTS CALL "jmp 1b");
/* Some of everything, none of it for long */
KT_CODE(code_mixed,
	"1: " FAULTS
	"mov $300, %ebp\n"
	"3: dec %ebp\n"
	"jnz 3b\n"
	"xor %eax, %eax\n"
	"cpuid\n"
	"hlt\n"
	CALL
	"jmp 1b");

/* A vCPU that runs whenever it can, and who does not let it */
struct soak {
	int vm, vcpu;
	struct kev_run *run;
	bool go_on;		/* behind a HLT, when a RUN has been ended in it */
	bool idle;		/* no RUN begins before somebody has asked */
	unsigned int asked;	/* in all */

	pthread_t runner;
	pthread_mutex_t turn;
	pthread_mutex_t lock;	/* protects what follows */
	pthread_cond_t changed;
	unsigned int questions, answered;
	bool ended;
	long ret;		/* of a RUN that should not have ended so */
	uint64_t returned;	/* the last answer, by the TSC */
	uint64_t ticks[KICKERS * MANY];
};

struct kicker {
	pthread_t thread;
	struct soak *soak;
	unsigned int seed, rounds;
	int (*ask)(struct soak *soak);
	bool turns;
	int ret;
};

/* For the handler; there is one runner in a process. */
static struct kev_run *signalled_run;

/* A signal between two RUNs is not to be missed by the next one. */
static void on_signal(int number)
{
	(void)number;
	__atomic_store_n(&signalled_run->request, KEV_RUN_IMMEDIATE_EXIT, __ATOMIC_RELEASE);
}

/* ---- the runner ---- */

static void tell(struct soak *soak, long ret, uint64_t returned)
{
	pthread_mutex_lock(&soak->lock);
	soak->returned = returned;
	if (ret == -EINTR) {
		soak->answered++;
	} else {
		soak->ret = ret;
		soak->ended = true;
	}
	pthread_cond_broadcast(&soak->changed);
	pthread_mutex_unlock(&soak->lock);
}

static bool goes_on(struct soak *soak)
{
	bool ended;

	pthread_mutex_lock(&soak->lock);
	while (soak->idle && !soak->ended && soak->questions <= soak->answered)
		pthread_cond_wait(&soak->changed, &soak->lock);
	ended = soak->ended;
	pthread_mutex_unlock(&soak->lock);
	return !ended;
}

/* What a report asks for; -EREMOTEIO: it should not be there. */
static long serve(const struct soak *soak)
{
	struct kev_range_args args = {
		.size = sizeof(args),
		.gpa = FAULT_GPA,
		.length = FAULT_PAGES * KT_PAGE,
	};

	if (soak->run->kind != KEV_EXIT_HYPERCALL)
		return -EREMOTEIO;
	return kt_ioctl(soak->vm, KEV_VM_DISCARD, &args);
}

static void *runner_main(void *arg)
{
	struct soak *soak = arg;
	uint64_t returned;
	long ret;

	while (goes_on(soak)) {
		ret = kt_run(soak->vcpu);
		returned = kt_rdtsc();
		if (!ret)
			ret = serve(soak);
		if (!ret)
			continue;
		__atomic_store_n(&soak->run->request, 0, __ATOMIC_RELEASE);
		if (soak->go_on && kt_leave_halt(soak->vcpu))
			ret = -EREMOTEIO;
		tell(soak, ret, returned);
	}
	return NULL;
}

/* ---- the kickers ---- */

static int ask_kick(struct soak *soak)
{
	return kt_ioctl(soak->vcpu, KEV_VCPU_KICK, NULL);
}

static int ask_signal(struct soak *soak)
{
	return -pthread_kill(soak->runner, SIGUSR1);
}

/* Heard at the next RUN, for which there has to be one */
static int ask_page(struct soak *soak)
{
	__atomic_store_n(&soak->run->request, KEV_RUN_IMMEDIATE_EXIT, __ATOMIC_RELEASE);
	return 0;
}

/* The next moment is another one of the guest's. */
static void loiter(struct kicker *kicker)
{
	for (int n = rand_r(&kicker->seed) % 4096; n; n--)
		asm volatile("" : : : "memory");
	if (rand_r(&kicker->seed) % 4 == 0)
		sched_yield();
}

static void ask(struct kicker *kicker, uint64_t *ticks)
{
	struct soak *soak = kicker->soak;
	unsigned int before;
	uint64_t start;

	pthread_mutex_lock(&soak->lock);
	before = soak->answered;
	pthread_mutex_unlock(&soak->lock);

	start = kt_rdtsc();
	kicker->ret = kicker->ask(soak);

	pthread_mutex_lock(&soak->lock);
	soak->questions++;
	pthread_cond_broadcast(&soak->changed);
	while (!kicker->ret && !soak->ended && soak->answered == before)
		pthread_cond_wait(&soak->changed, &soak->lock);
	/* With another thread's answer in between it may be negative. */
	*ticks = soak->returned > start ? soak->returned - start : 0;
	pthread_mutex_unlock(&soak->lock);
}

static void *kicker_main(void *arg)
{
	struct kicker *kicker = arg;
	struct soak *soak = kicker->soak;
	uint64_t *ticks = soak->ticks + (kicker->seed % KICKERS) * kicker->rounds;

	for (unsigned int i = 0; i < kicker->rounds && !kicker->ret; i++) {
		loiter(kicker);
		if (kicker->turns)
			pthread_mutex_lock(&soak->turn);
		ask(kicker, &ticks[i]);
		if (kicker->turns)
			pthread_mutex_unlock(&soak->turn);
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Let the runner and two kickers loose: 0, or what went wrong */
static int run_soak(struct soak *soak, int (*first)(struct soak *soak),
		    int (*second)(struct soak *soak), bool turns)
{
	struct kicker kickers[KICKERS] = {
		{ .seed = 0, .ask = first },
		{ .seed = 1, .ask = second },
	};
	unsigned int rounds = kt_rounds(FEW, MANY);
	int ret;

	signalled_run = soak->run;
	pthread_mutex_init(&soak->turn, NULL);
	pthread_mutex_init(&soak->lock, NULL);
	pthread_cond_init(&soak->changed, NULL);
	ret = -pthread_create(&soak->runner, NULL, runner_main, soak);
	if (ret)
		return ret;
	for (int i = 0; i < KICKERS; i++) {
		kickers[i].soak = soak;
		kickers[i].rounds = rounds;
		kickers[i].turns = turns;
		ret = -pthread_create(&kickers[i].thread, NULL, kicker_main, &kickers[i]);
		if (ret)
			return ret;
	}
	for (int i = 0; i < KICKERS; i++) {
		pthread_join(kickers[i].thread, NULL);
		ret = ret ? ret : kickers[i].ret;
	}
	soak->asked = KICKERS * rounds;
	qsort(soak->ticks, soak->asked, sizeof(soak->ticks[0]), compare);
	return ret;
}

/* The runner too; no kick is left over. */
static int stop_soak(struct soak *soak)
{
	int ret;

	pthread_mutex_lock(&soak->lock);
	soak->ended = true;
	pthread_cond_broadcast(&soak->changed);
	pthread_mutex_unlock(&soak->lock);
	ret = kt_ioctl(soak->vcpu, KEV_VCPU_KICK, NULL);
	if (!ret)
		ret = -pthread_join(soak->runner, NULL);
	if (ret)
		return ret;
	soak->run->request = KEV_RUN_IMMEDIATE_EXIT;
	ret = kt_run(soak->vcpu);
	soak->run->request = 0;
	return ret == -EINTR ? 0 : ret;
}

static void log_ticks(struct __test_metadata *_metadata, const struct soak *soak)
{
	TH_LOG("%u kicks, the middle one answered after %lu ticks, the last after %lu",
	       soak->asked, soak->ticks[soak->asked / 2], soak->ticks[soak->asked - 1]);
}

/* ---- each place where a kick may find the vCPU ---- */

FIXTURE(soak) {
	struct kt_guest guest;
	int other;
	struct soak *soak;
};

FIXTURE_VARIANT(soak) {
	const struct kt_code *code;
	bool go_on;
};

FIXTURE_VARIANT_ADD(soak, interrupts_off) { .code = &kt_spin };
FIXTURE_VARIANT_ADD(soak, interrupts_on) { .code = &kt_spin_if };
FIXTURE_VARIANT_ADD(soak, fast_exits) { .code = &code_cpuid };
FIXTURE_VARIANT_ADD(soak, reports) { .code = &code_report };
FIXTURE_VARIANT_ADD(soak, faults) { .code = &code_fault };
FIXTURE_VARIANT_ADD(soak, halted) { .code = &kt_hlt };
FIXTURE_VARIANT_ADD(soak, mixed) { .code = &code_mixed, .go_on = true };

FIXTURE_SETUP(soak)
{
	const struct sigaction action = { .sa_handler = on_signal };

	self->soak = calloc(1, sizeof(*self->soak));
	ASSERT_NE(NULL, self->soak);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, kt_guest_init(&self->guest, variant->code, 0, "report"));
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, FAULT_GPA, FAULT_PAGES * KT_PAGE));
	/* It could run, and wake the one that is halted: that one waits in the kernel. */
	self->other = kt_create_vcpu(self->guest.vm, 1);
	ASSERT_LE(0, self->other);
	self->soak->vm = self->guest.vm;
	self->soak->vcpu = self->guest.vcpu;
	self->soak->run = self->guest.run;
	self->soak->go_on = variant->go_on;
}

FIXTURE_TEARDOWN(soak)
{
	close(self->other);
	kt_guest_fini(&self->guest);
	free(self->soak);
}

/* Of both threads, in turns: as many answers as questions */
static void in_turns(struct __test_metadata *_metadata, struct soak *soak,
		     int (*ask_it)(struct soak *soak))
{
	uint64_t before = kt_vcpu_stats(soak->vcpu).kicks;

	ASSERT_EQ(0, run_soak(soak, ask_it, ask_it, true));
	EXPECT_EQ(0, soak->ret) {
		TH_LOG("report %u", soak->run->kind);
	}
	EXPECT_EQ(soak->asked, soak->answered);
	EXPECT_EQ(soak->asked, kt_vcpu_stats(soak->vcpu).kicks - before);
	EXPECT_GT(kt_limit(SOON), soak->ticks[soak->asked / 2]);
	log_ticks(_metadata, soak);
	ASSERT_EQ(0, stop_soak(soak));
}

TEST_F_TIMEOUT(soak, kick, SECONDS)
{
	in_turns(_metadata, self->soak, ask_kick);
}

TEST_F_TIMEOUT(soak, signal, SECONDS)
{
	in_turns(_metadata, self->soak, ask_signal);
}

/* Nobody is in RUN when the question comes; the next one is not to begin. */
TEST_F_TIMEOUT(soak, user_space, SECONDS)
{
	uint64_t entries;

	self->soak->idle = true;
	/* The guest may leave a HLT when somebody looks at it. */
	self->soak->go_on = false;
	entries = kt_vcpu_stats(self->guest.vcpu).entries;
	in_turns(_metadata, self->soak, ask_kick);
	EXPECT_EQ(entries, kt_vcpu_stats(self->guest.vcpu).entries);
}

TEST_F_TIMEOUT(soak, both, SECONDS)
{
	struct soak *soak = self->soak;

	ASSERT_EQ(0, run_soak(soak, ask_kick, ask_signal, false));
	EXPECT_EQ(0, soak->ret) {
		TH_LOG("report %u", soak->run->kind);
	}
	/* One -EINTR may answer both, but not two questions of one. */
	EXPECT_LE(soak->asked / KICKERS, soak->answered);
	EXPECT_GE(soak->asked, soak->answered);
	log_ticks(_metadata, soak);
	ASSERT_EQ(0, stop_soak(soak));
}

/* ---- the run page, and a page that does not come ---- */

FIXTURE(page) {
	struct soak *soak;
};

FIXTURE_SETUP(page)
{
	const struct sigaction action = { .sa_handler = on_signal };

	self->soak = calloc(1, sizeof(*self->soak));
	ASSERT_NE(NULL, self->soak);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
}

FIXTURE_TEARDOWN(page)
{
	free(self->soak);
}

/* The flag alone, from other threads: RUN ends at each report, and the next one hears it. */
TEST_F_TIMEOUT(page, immediate_exit, SECONDS)
{
	struct soak *soak = self->soak;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &code_report, 0, "report"));
	ASSERT_EQ(0, kt_add_ram(guest.vm, FAULT_GPA, FAULT_PAGES * KT_PAGE));
	soak->vm = guest.vm;
	soak->vcpu = guest.vcpu;
	soak->run = guest.run;
	in_turns(_metadata, soak, ask_page);
	kt_guest_fini(&guest);
}

static void page_in(struct __test_metadata *_metadata, struct soak *soak,
		    int (*ask_it)(struct soak *soak))
{
	const struct kt_vm_options options = { .vcpus = 1, .ram_kib = 64 };
	const struct kt_job job = { .op = KT_READ, .address = KT_DATA_GPA };
	const struct kt_job warm = { .op = KT_READ, .address = KT_SCRATCH_GPA };
	struct kt_image image;
	struct kt_fuse fuse;
	struct kt_vm vm;
	struct stat st;
	uint64_t word;
	int fd;

	kt_image_init(&image, 1);
	const struct kt_fuse_file file = {
		.size = image.size,
		.fill = kt_image_fill,
		.arg = &image,
	};

	ASSERT_EQ(0, kt_fuse_mount(&fuse, &file));
	fd = open(fuse.path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	ASSERT_EQ(0, kt_vm_init(&vm, &image, fd, &options));
	ASSERT_EQ(0, kt_vm_do(&vm, 0, &warm, NULL));
	kt_fuse_hold(&fuse, true);
	ASSERT_EQ(0, kt_vm_set(&vm, 0, &job));
	soak->vm = vm.vm;
	soak->vcpu = vm.vcpu[0];
	soak->run = vm.run[0];
	in_turns(_metadata, soak, ask_it);
	kt_fuse_hold(&fuse, false);

	/* It has been one read all the time, and the guest gets what it brings. */
	EXPECT_EQ(1, kt_fuse_page_reads(&fuse, KT_DATA_OFFSET / KT_PAGE));
	EXPECT_EQ(0, kt_run(vm.vcpu[0]));
	EXPECT_TRUE(kt_vm_result(&vm, 0, &word));
	EXPECT_EQ(kt_image_word(0), word);
	kt_vm_fini(&vm);
	close(fd);
	EXPECT_EQ(0, kt_fuse_unmount(&fuse));
}

TEST_F_TIMEOUT(page, page_in_kick, SECONDS)
{
	page_in(_metadata, self->soak, ask_kick);
}

TEST_F_TIMEOUT(page, page_in_signal, SECONDS)
{
	page_in(_metadata, self->soak, ask_signal);
}

TEST_HARNESS_MAIN
