/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of the kernel that the module's core stands on, in a process: what synchronizes is
 * made of what ThreadSanitizer understands, with the order that the kernel promises and no
 * more. All headers of the kernel's are this one.
 *
 * READ_ONCE() and WRITE_ONCE() are no races, and order nothing. A reader under RCU is ordered
 * behind rcu_assign_pointer() by rcu_dereference() alone, and before the end of
 * synchronize_rcu(); nothing else orders it. Barriers that stand alone (smp_mb() and its like)
 * are executed, but do not count as order for plain accesses.
 */
#ifndef KEV_TSAN_SHIM_H
#define KEV_TSAN_SHIM_H

#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <kev/pure.h>

/* ---- the compiler ---- */
#define __user
#define __rcu
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))
#define likely(x)		(x)
#define unlikely(x)		(x)
#define __must_check
#define kev_uninitialized
#define pr_info_ratelimited(...)	do { } while (0)
#define KBUILD_MODNAME		"kev"
#define PAGE_SHIFT		12
#define PAGE_SIZE		4096UL
#define BITS_PER_LONG		64
#define U16_MAX			0xffffU
#define PAGE_ALIGNED(x)		IS_ALIGNED(x, PAGE_SIZE)
#define offset_in_page(p)	((unsigned long)(p) % PAGE_SIZE)
#define array_size(a, b)	((size_t)(a) * (b))
#define struct_size(p, member, n)	(sizeof(*(p)) + sizeof((p)->member[0]) * (n))
#define swap(a, b)		do { __auto_type _s = (a); (a) = (b); (b) = _s; } while (0)
#define container_of(ptr, type, member)	((type *)((char *)(ptr) - offsetof(type, member)))
#define order_base_2(n)		((n) > 1 ? 64U - __builtin_clzll((n) - 1ULL) : 0U)
#define GOLDEN_RATIO_32		0x61C88647U
#define X86_TRAP_GP		13

typedef int64_t s64;
typedef int32_t s32;
typedef unsigned int gfp_t;
typedef u64 phys_addr_t;

#define MAX_ERRNO		4095
#define IS_ERR_VALUE(x)		((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)
#define IS_ERR(p)		IS_ERR_VALUE(p)
#define ERR_PTR(e)		((void *)(long)(e))
#define PTR_ERR(p)		((long)(p))
#define ERR_CAST(p)		((void *)(p))

/* ---- single accesses and atomics ---- */
#ifndef READ_ORDER
#define READ_ORDER		__ATOMIC_RELAXED
#endif
#define READ_ONCE(x)		__atomic_load_n(&(x), READ_ORDER)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_store_mb(x, v)	((void)__atomic_exchange_n(&(x), (v), __ATOMIC_SEQ_CST))
/* Not __atomic_thread_fence(): ThreadSanitizer knows none, and says so. */
#define smp_mb()		asm volatile("lock; addl $0, -4(%%rsp)" : : : "memory", "cc")
#define smp_rmb()		asm volatile("" : : : "memory")
#define smp_wmb()		asm volatile("" : : : "memory")
#define smp_mb__after_atomic()	smp_mb()
#define xchg(p, v)		__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define cmpxchg(p, old, new)	({					\
	__typeof__(*(p)) _old = (old);					\
	__atomic_compare_exchange_n(p, &_old, new, 0, __ATOMIC_SEQ_CST,	\
				    __ATOMIC_SEQ_CST);			\
	_old; })
#define try_cmpxchg(p, old, new)						\
	__atomic_compare_exchange_n(p, old, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
#define cpu_relax()		sched_yield()

typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
typedef struct { int refs; } refcount_t;

#define atomic_read(v)		READ_ONCE((v)->counter)
#define atomic_set(v, i)	WRITE_ONCE((v)->counter, i)
#define atomic_inc(v)		((void)__atomic_fetch_add(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic_dec(v)		((void)__atomic_fetch_sub(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic64_read(v)	((u64)READ_ONCE((v)->counter))
#define atomic64_add(i, v)	((void)__atomic_fetch_add(&(v)->counter, i, __ATOMIC_RELAXED))
#define atomic64_sub(i, v)	((void)__atomic_fetch_sub(&(v)->counter, i, __ATOMIC_RELAXED))
#define atomic64_inc(v)		atomic64_add(1, v)
#define atomic64_dec(v)		atomic64_sub(1, v)
#define atomic_xchg_acquire(v, i)	__atomic_exchange_n(&(v)->counter, i, __ATOMIC_ACQUIRE)
#define atomic_set_release(v, i)	__atomic_store_n(&(v)->counter, i, __ATOMIC_RELEASE)

static inline bool atomic_add_unless(atomic_t *v, int a, int u)
{
	int old = atomic_read(v);

	while (old != u)
		if (__atomic_compare_exchange_n(&v->counter, &old, old + a, 0, __ATOMIC_SEQ_CST,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static inline void refcount_set(refcount_t *r, int n)
{
	WRITE_ONCE(r->refs, n);
}

static inline bool refcount_inc_not_zero(refcount_t *r)
{
	int old = READ_ONCE(r->refs);

	while (old)
		if (__atomic_compare_exchange_n(&r->refs, &old, old + 1, 0, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static inline bool refcount_dec_and_test(refcount_t *r)
{
	return __atomic_fetch_sub(&r->refs, 1, __ATOMIC_ACQ_REL) == 1;
}

/*
 * shim_pause() - let others run: before a bit is set, around a lock, at the end of a reader, and
 * where memory is allocated, which may sleep
 */
void shim_pause(void);

/* ---- bits; those that return a value are ordered ---- */
#define BITS_TO_LONGS(n)	(((n) + 63) / 64)
#define DECLARE_BITMAP(name, n)	unsigned long name[BITS_TO_LONGS(n)]

static inline void set_bit(unsigned int nr, unsigned long *at)
{
	shim_pause();
	__atomic_fetch_or(&at[nr / 64], 1UL << nr % 64, __ATOMIC_RELAXED);
}

static inline void assign_bit(unsigned int nr, unsigned long *at, bool value)
{
	if (value)
		set_bit(nr, at);
	else
		__atomic_fetch_and(&at[nr / 64], ~(1UL << nr % 64), __ATOMIC_RELAXED);
}

static inline bool test_bit(unsigned int nr, const unsigned long *at)
{
	return READ_ONCE(at[nr / 64]) >> nr % 64 & 1;
}

static inline bool test_and_set_bit(unsigned int nr, unsigned long *at)
{
	return __atomic_fetch_or(&at[nr / 64], 1UL << nr % 64, __ATOMIC_SEQ_CST) >> nr % 64 & 1;
}

static inline bool test_and_clear_bit(unsigned int nr, unsigned long *at)
{
	return __atomic_fetch_and(&at[nr / 64], ~(1UL << nr % 64), __ATOMIC_SEQ_CST) >> nr % 64 & 1;
}

/*
 * Those that the kernel does not make single are for whoever has the lock; others look at the same
 * words all the same, for a hint. Without the lock a bit is lost here as it is there.
 */
static inline void __set_bit(unsigned int nr, unsigned long *at)
{
	WRITE_ONCE(at[nr / 64], READ_ONCE(at[nr / 64]) | 1UL << nr % 64);
}

static inline void __clear_bit(unsigned int nr, unsigned long *at)
{
	WRITE_ONCE(at[nr / 64], READ_ONCE(at[nr / 64]) & ~(1UL << nr % 64));
}

static inline bool __test_and_clear_bit(unsigned int nr, unsigned long *at)
{
	bool set = test_bit(nr, at);

	__clear_bit(nr, at);
	return set;
}

static inline void bitmap_fill(unsigned long *at, unsigned int nr)
{
	for (unsigned int i = 0; i < nr / 64; i++)
		WRITE_ONCE(at[i], ~0UL);
}

static inline unsigned int bitmap_weight(const unsigned long *at, unsigned int nr)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr / 64; i++)
		n += __builtin_popcountl(READ_ONCE(at[i]));
	return n;
}

/* The kernel's reads plainly; its callers know that bits come and go. */
static inline unsigned long find_next_zero_bit(const unsigned long *at, unsigned long size,
					       unsigned long nr)
{
	while (nr < size && test_bit(nr, at))
		nr++;
	return nr < size ? nr : size;
}

static inline unsigned long find_next_bit(const unsigned long *at, unsigned long size,
					  unsigned long nr)
{
	while (nr < size && !test_bit(nr, at))
		nr++;
	return nr < size ? nr : size;
}

#define for_each_set_bit(bit, at, size)					\
	for (bit = find_next_bit(at, size, 0); bit < (size);		\
	     bit = find_next_bit(at, size, bit + 1))

/* ---- locks ---- */
typedef struct { pthread_mutex_t mutex; } spinlock_t;
struct mutex { pthread_mutex_t mutex; };

#define DEFINE_SPINLOCK(name)	spinlock_t name = { PTHREAD_MUTEX_INITIALIZER }
#define spin_lock_init(l)	pthread_mutex_init(&(l)->mutex, NULL)
#define spin_lock(l)		pthread_mutex_lock(&(l)->mutex)
#define spin_unlock(l)		(pthread_mutex_unlock(&(l)->mutex), shim_pause())
#define mutex_init(l)		pthread_mutex_init(&(l)->mutex, NULL)
#define mutex_lock(l)		pthread_mutex_lock(&(l)->mutex)
#define mutex_unlock(l)		(pthread_mutex_unlock(&(l)->mutex), shim_pause())
#define lockdep_is_held(l)	((void)(l), true)
#define lockdep_assert_held(l)	((void)(l))
#define raw_spinlock_t		spinlock_t
#define raw_spin_lock_init(l)	spin_lock_init(l)
#define raw_spin_lock(l)	(shim_pause(), spin_lock(l))
#define raw_spin_unlock(l)	spin_unlock(l)
#define preempt_disable()	do { } while (0)
#define preempt_enable()	do { } while (0)
#define might_sleep()		do { } while (0)
#define cond_resched()		shim_pause()

/* ---- RCU ---- */
struct rcu_head { void *unused; };

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);
#define rcu_read_lock_sched_held()	true
#define rcu_dereference(p)		__atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_dereference_check(p, c)	rcu_dereference(p)
#define rcu_dereference_protected(p, c)	((void)(c), (p))
#define rcu_assign_pointer(p, v)	__atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
/* The kernel does not wait; who frees is ordered in the same way. */
#define kvfree_rcu(p, member)		do { synchronize_rcu(); free(p); } while (0)

/* ---- memory ---- */
#define GFP_KERNEL		0
#define GFP_KERNEL_ACCOUNT	0
#define __GFP_NORETRY		0
#define __GFP_NOWARN		0
#define __GFP_ZERO		0
#define __GFP_DIRECT_RECLAIM	0
#define __GFP_RETRY_MAYFAIL	0
#define kmalloc(size, gfp)	(shim_pause(), malloc(size))
#define kzalloc(size, gfp)	(shim_pause(), calloc(1, size))
#define kvmalloc(size, gfp)	(shim_pause(), malloc(size))
#define kfree(p)		free((void *)(p))
#define kvfree(p)		free((void *)(p))
#define __get_free_page(gfp)	((unsigned long)aligned_alloc(PAGE_SIZE, PAGE_SIZE))
#define free_page(p)		free((void *)(p))
#define copy_to_user(to, from, n)	(memcpy(to, from, n), 0)
#define __inline_bsearch	bsearch

struct mem_cgroup { int unused; };

struct page {
	unsigned long private;
	int refs;
	struct mem_cgroup *memcg;
};

struct page *alloc_pages(gfp_t gfp, unsigned int order);
void __free_page(struct page *page);
void put_page(struct page *page);
void *page_address(const struct page *page);
struct page *virt_to_page(const void *address);
phys_addr_t virt_to_phys(const void *address);
struct page *pfn_to_page(unsigned long pfn);
/* shim_pages_taken() - pages that were not given back, when nothing runs any more */
unsigned int shim_pages_taken(void);
struct mem_cgroup *set_active_memcg(struct mem_cgroup *memcg);
#define split_page(page, order)	do { } while (0)
#define page_count(page)	READ_ONCE((page)->refs)
#define page_private(page)	((page)->private)
#define set_page_private(page, v)	((page)->private = (v))
#define PageHWPoison(page)	false
#define page_to_nid(page)	0
#define numa_mem_id()		0
#define clear_page(p)		memset(p, 0, PAGE_SIZE)
#define PHYS_PFN(pa)		((unsigned long)((pa) >> PAGE_SHIFT))
#define page_to_phys(page)	virt_to_phys(page_address(page))
#define get_page(page)		((void)__atomic_fetch_add(&(page)->refs, 1, __ATOMIC_RELAXED))
#define copy_highpage(to, from)	memcpy(page_address(to), page_address(from), PAGE_SIZE)
#define page_folio(page)	(page)
#define folio_memcg(folio)	((folio)->memcg)
#define parent_mem_cgroup(memcg)	((void)(memcg), (struct mem_cgroup *)NULL)

/* ---- lists ---- */
struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)
#define list_empty(head)	(READ_ONCE((head)->next) == (head))
#define list_entry(p, type, member)	container_of(p, type, member)

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	WRITE_ONCE(list->next, list);
	WRITE_ONCE(list->prev, list);
}

static inline void list_add_tail(struct list_head *new, struct list_head *head)
{
	struct list_head *prev = head->prev;

	head->prev = new;
	new->next = head;
	new->prev = prev;
	WRITE_ONCE(prev->next, new);
}

static inline void list_add_tail_rcu(struct list_head *new, struct list_head *head)
{
	struct list_head *prev = head->prev;

	new->next = head;
	new->prev = prev;
	rcu_assign_pointer(prev->next, new);
	head->prev = new;
}

/*
 * The kernel's is a WRITE_ONCE(): its locks order what was written before an unlock and what is
 * after the next lock for third parties, too. Those of C11 do not.
 */
static inline void list_del_rcu(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	__atomic_store_n(&entry->prev->next, entry->next, __ATOMIC_RELEASE);
}

#define list_for_each_entry(pos, head, member)				\
	for (pos = list_entry((head)->next, __typeof__(*pos), member);	\
	     &pos->member != (head);					\
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_entry_safe(pos, n, head, member)			\
	for (pos = list_entry((head)->next, __typeof__(*pos), member),	\
	     n = list_entry(pos->member.next, __typeof__(*pos), member);	\
	     &pos->member != (head);					\
	     pos = n, n = list_entry(n->member.next, __typeof__(*n), member))
#define list_for_each_entry_rcu(pos, head, member)			\
	for (pos = list_entry(rcu_dereference((head)->next), __typeof__(*pos), member); \
	     &pos->member != (head);					\
	     pos = list_entry(rcu_dereference(pos->member.next), __typeof__(*pos), member))

#define DEFINE_HASHTABLE(name, bits)	struct hlist_head name[1 << (bits)]
#define hash_bucket(table, key)		(&(table)[(u32)(key) % ARRAY_SIZE(table)])

static inline void hlist_add_head(struct hlist_node *node, struct hlist_head *head)
{
	node->next = head->first;
	if (head->first)
		head->first->pprev = &node->next;
	head->first = node;
	node->pprev = &head->first;
}

static inline void hash_del(struct hlist_node *node)
{
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
}

#define hash_add(table, node, key)	hlist_add_head(node, hash_bucket(table, key))
#define hlist_entry_safe(p, type, member)	({			\
	struct hlist_node *_p = (p);					\
	_p ? container_of(_p, type, member) : NULL; })
#define hlist_loop(pos, first, member)					\
	for (pos = hlist_entry_safe(first, __typeof__(*pos), member); pos;	\
	     pos = hlist_entry_safe(pos->member.next, __typeof__(*pos), member))
#define hash_for_each_possible(table, pos, member, key)			\
	hlist_loop(pos, hash_bucket(table, key)->first, member)
#define hlist_for_each_entry_rcu(pos, head, member, cond)		\
	hlist_loop(pos, (head)->first, member)

#define XA_ENTRIES	8
struct xarray { void *entry[XA_ENTRIES]; };
#define xa_load(xa, i)	((i) < XA_ENTRIES ? rcu_dereference((xa)->entry[i]) : NULL)
#define xa_for_each(xa, i, p)						\
	for (i = 0; i < XA_ENTRIES; i++)				\
		if ((p = rcu_dereference((xa)->entry[i])))

/* ---- users ---- */
typedef struct { u32 val; } kuid_t;
extern __thread kuid_t current_user;
#define current_uid()		current_user
#define uid_eq(a, b)		((a).val == (b).val)
#define __kuid_val(uid)		((uid).val)
#define module_param(...)	extern int no_semicolon
#define MODULE_PARM_DESC(...)	extern int no_semicolon

/* ---- tasks and CPUs: a thread is both ---- */
#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1
#define TASK_COMM_LEN		16
#define NR_CPUS			16

struct mm_struct;
struct task_struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int state;
	int cpu;
	struct mm_struct *mm;
};

extern __thread struct task_struct *current;
#define set_current_state(s)	smp_store_mb(current->state, s)
#define __set_current_state(s)	WRITE_ONCE(current->state, s)
#define signal_pending(task)	((void)(task), false)
#define smp_processor_id()	(current->cpu)

/* shim_task() - the calling thread becomes a task, on a CPU of its own */
void shim_task(struct task_struct *task, int cpu);
void schedule(void);
void wake_up_process(struct task_struct *task);
void smp_send_reschedule(int cpu);
/* shim_interrupted() - has the calling thread's CPU been interrupted since the last look */
bool shim_interrupted(void);

/* ---- waiting for a variable; as in the kernel, who wakes looks for waiters without a lock ---- */
void shim_wait_begin(void);
void shim_wait(void);
void shim_wait_end(void);
void wake_up_var(void *var);
#define wait_var_event_killable(var, condition)	({	\
	shim_wait_begin();				\
	while (!(condition))				\
		shim_wait();				\
	shim_wait_end();				\
	0; })
#define wait_var_event_interruptible(var, condition)	wait_var_event_killable(var, condition)

/* ---- mappings: user space has none ---- */
struct address_space;
#define filemap_invalidate_lock(mapping)	do { } while (0)
#define filemap_invalidate_unlock(mapping)	do { } while (0)
#define unmap_mapping_pages(...)		do { } while (0)

/* ---- eventfd ---- */
struct eventfd_ctx {
	int refs;
	u64 count;
};

struct eventfd_ctx *eventfd_ctx_fdget(int fd);
void eventfd_ctx_put(struct eventfd_ctx *ctx);
void kev_eventfd_signal(struct eventfd_ctx *ctx);
/* References to all of them, and how often one was signalled, when nothing runs any more */
int shim_contexts_held(void);
u64 shim_signals(int fd);

/* ---- what only has to be there ---- */
struct kref { refcount_t refs; };
struct hrtimer { int unused; };
typedef struct { int unused; } wait_queue_head_t;
#define init_waitqueue_head(head)	((void)(head))
#define DECLARE_STATIC_CALL(name, function)	extern __typeof__(function) *name
#define static_call(name)	(*name)

#endif
