// SPDX-License-Identifier: GPL-2.0
/* The part of the shim that is no macro */
#include <sched.h>
#include <sys/mman.h>

#include "shim.h"

__thread kuid_t current_user;
__thread struct task_struct *current;

/*
 * On a host with nothing to do two threads that race meet at once; on one that is busy, one is
 * over before the other has begun. Every fourth time, they make room for each other.
 */
void shim_pause(void)
{
	static __thread unsigned int times;

	if (!(times++ % 4))
		sched_yield();
}

/* ---- RCU: a reader says in which period it began, and who waits looks at all readers ---- */

#define MAX_READERS	256

static struct {
	unsigned long began;	/* 0: reads nothing */
	char pad[56];
} readers[MAX_READERS];
static unsigned int nr_readers;
static unsigned long period = 1;
static __thread unsigned int reader, nesting;

void rcu_read_lock(void)
{
	if (!reader)
		reader = __atomic_add_fetch(&nr_readers, 1, __ATOMIC_RELAXED);
	if (reader >= MAX_READERS)
		abort();
	if (nesting++)
		return;
	/* An exchange for the barrier. It acquires nothing: only this thread writes here. */
	__atomic_exchange_n(&readers[reader].began, READ_ONCE(period), __ATOMIC_SEQ_CST);
}

void rcu_read_unlock(void)
{
	if (nesting == 1)
		shim_pause();
	if (--nesting)
		return;
	__atomic_store_n(&readers[reader].began, 0, __ATOMIC_RELEASE);
}

void synchronize_rcu(void)
{
	unsigned long now;

	if (nesting)
		abort();
	smp_mb();
	now = __atomic_add_fetch(&period, 1, __ATOMIC_RELAXED);
	smp_mb();
	for (unsigned int i = 0; i < MAX_READERS; i++) {
		unsigned long began;

		while ((began = __atomic_load_n(&readers[i].began, __ATOMIC_ACQUIRE)) &&
		       began < now)
			sched_yield();
	}
}

/* ---- pages ---- */

#define NR_PAGES	4096

static struct page map[NR_PAGES];
static u8 taken[NR_PAGES];
static char memory[NR_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static pthread_mutex_t zone = PTHREAD_MUTEX_INITIALIZER;
static __thread struct mem_cgroup *active;

struct mem_cgroup *set_active_memcg(struct mem_cgroup *memcg)
{
	struct mem_cgroup *old = active;

	active = memcg;
	return old;
}

static bool all_free(unsigned int at, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (taken[at + i])
			return false;
	return true;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	unsigned int at, nr = 1U << order;
	struct page *page = NULL;

	(void)gfp;
	shim_pause();
	pthread_mutex_lock(&zone);
	for (at = 0; at < NR_PAGES; at += nr)
		if (all_free(at, nr))
			break;
	if (at < NR_PAGES) {
		page = &map[at];
		memset(taken + at, 1, nr);
	}
	pthread_mutex_unlock(&zone);
	for (unsigned int i = 0; page && i < nr; i++) {
		page[i] = (struct page) { .refs = 1, .memcg = active };
		clear_page(page_address(page + i));
	}
	return page;
}

void __free_page(struct page *page)
{
	/* Who still uses it races with this. */
	memset(page_address(page), 0xaa, PAGE_SIZE);
	*page = (struct page) {};
	pthread_mutex_lock(&zone);
	if (!taken[page - map])
		abort();
	taken[page - map] = 0;
	pthread_mutex_unlock(&zone);
}

void put_page(struct page *page)
{
	if (__atomic_fetch_sub(&page->refs, 1, __ATOMIC_ACQ_REL) == 1)
		__free_page(page);
}

void *page_address(const struct page *page)
{
	return memory[page - map];
}

struct page *virt_to_page(const void *address)
{
	return &map[((const char *)address - memory[0]) / PAGE_SIZE];
}

/* The host has its memory at an address that leaves of 2 MiB can have. */
#define MEMORY_BASE	0x40000000ULL

phys_addr_t virt_to_phys(const void *address)
{
	return MEMORY_BASE + ((const char *)address - memory[0]);
}

struct page *pfn_to_page(unsigned long pfn)
{
	return &map[pfn - PHYS_PFN(MEMORY_BASE)];
}

unsigned int shim_pages_taken(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < NR_PAGES; i++)
		n += taken[i];
	return n;
}

/* ---- tasks ---- */

static bool interrupts[NR_CPUS];

void shim_task(struct task_struct *task, int cpu)
{
	pthread_mutex_init(&task->lock, NULL);
	pthread_cond_init(&task->cond, NULL);
	task->state = TASK_RUNNING;
	task->cpu = cpu;
	current = task;
}

void schedule(void)
{
	struct task_struct *task = current;

	pthread_mutex_lock(&task->lock);
	while (READ_ONCE(task->state) != TASK_RUNNING)
		pthread_cond_wait(&task->cond, &task->lock);
	pthread_mutex_unlock(&task->lock);
}

void wake_up_process(struct task_struct *task)
{
	pthread_mutex_lock(&task->lock);
	if (READ_ONCE(task->state) != TASK_RUNNING) {
		WRITE_ONCE(task->state, TASK_RUNNING);
		pthread_cond_signal(&task->cond);
	}
	pthread_mutex_unlock(&task->lock);
}

void smp_send_reschedule(int cpu)
{
	WRITE_ONCE(interrupts[cpu], true);
}

bool shim_interrupted(void)
{
	return __atomic_exchange_n(&interrupts[current->cpu], false, __ATOMIC_RELAXED);
}

/* ---- waiting for a variable: whoever waits for any of them is woken ---- */

static pthread_mutex_t var_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t var_cond = PTHREAD_COND_INITIALIZER;
static int var_waiters;

void shim_wait_begin(void)
{
	pthread_mutex_lock(&var_lock);
	__atomic_fetch_add(&var_waiters, 1, __ATOMIC_SEQ_CST);
}

void shim_wait(void)
{
	pthread_cond_wait(&var_cond, &var_lock);
}

void shim_wait_end(void)
{
	__atomic_fetch_sub(&var_waiters, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&var_lock);
}

void wake_up_var(void *var)
{
	(void)var;
	if (!READ_ONCE(var_waiters))
		return;
	pthread_mutex_lock(&var_lock);
	pthread_cond_broadcast(&var_cond);
	pthread_mutex_unlock(&var_lock);
}

/* ---- eventfd: a number is a context, which stays ---- */

#define NR_CONTEXTS	16

static struct eventfd_ctx contexts[NR_CONTEXTS];

struct eventfd_ctx *eventfd_ctx_fdget(int fd)
{
	__atomic_fetch_add(&contexts[fd].refs, 1, __ATOMIC_RELAXED);
	return &contexts[fd];
}

void eventfd_ctx_put(struct eventfd_ctx *ctx)
{
	__atomic_fetch_sub(&ctx->refs, 1, __ATOMIC_RELEASE);
}

void kev_eventfd_signal(struct eventfd_ctx *ctx)
{
	__atomic_fetch_add(&ctx->count, 1, __ATOMIC_RELAXED);
}

int shim_contexts_held(void)
{
	int n = 0;

	for (unsigned int i = 0; i < NR_CONTEXTS; i++)
		n += contexts[i].refs;
	return n;
}

u64 shim_signals(int fd)
{
	return contexts[fd].count;
}
