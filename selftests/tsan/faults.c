// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's memory: vCPUs that touch, write and execute while pages are discarded, regions come and
 * go and somebody copies what is dirty, as for a move to another host.
 *
 * What a CPU does is written in assembly: the sanitizer knows of the kernel's accesses only, and a
 * CPU's are wherever the tables say at any time. That they are right is asserted of the pages'
 * words: nobody finds a page that was given back; while nothing is taken away no write is lost, and
 * a vCPU sees what another one says that it has written; what was taken away does not come back;
 * and the copy is what there is in the end.
 */
#include <sched.h>
#include <kev/ept.h>
#include <kev/mem_table.h>
#include <kev/region.h>
#include <kev/stock.h>

#include "test.h"

#define VCPUS		3
#define ROUNDS		32
#define ACCESSES	6000

/* Of RAM two leaves of 2 MiB, of which some pages are used; of the file all */
#define RAM		0x200000ULL
#define RAM_LENGTH	0x400000ULL
#define RAM_PAGES	32U
#define FILE_BASE	0x1000000ULL
#define FILE_PAGES	256U
#define FILE_LENGTH	(FILE_PAGES * PAGE_SIZE)
#define NR_PAGES	(RAM_PAGES + FILE_PAGES)

/* Each vCPU has a word of each page; another one says what page of the file it is. */
#define ORIGIN		8

static struct kev_mem mem;
static struct page *cache[FILE_PAGES];
static int running;
static bool quiet;

/* A CPU is in its guest: kev_mem_config.flush waits for its end. */
static spinlock_t in_guest[VCPUS + 1];

static u64 gpa_of(unsigned int i)
{
	if (i >= RAM_PAGES)
		return FILE_BASE + (i - RAM_PAGES) * PAGE_SIZE;
	/* Half of them in each leaf of 2 MiB, some beside each other */
	return RAM + (i % 2) * kev_pt_size(KEV_PT_LEVEL_2M) + (i / 2 % 4 + i / 8 * 100) * PAGE_SIZE;
}

static u64 origin_of(unsigned int i)
{
	return i < RAM_PAGES ? 0 : gpa_of(i);
}

static void flush(struct kev_mem *memory)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(in_guest); i++) {
		spin_lock(&in_guest[i]);
		spin_unlock(&in_guest[i]);
	}
}

/* ---- the file: its pages are shared until they are written ---- */

static int file_fault(struct kev_fault *fault)
{
	struct page *page = cache[(fault->gpa - FILE_BASE) / PAGE_SIZE];

	/* A file is slow. */
	shim_pause();
	if (fault->touch->access & KEV_MEM_WRITE) {
		fault->page = kev_fault_alloc(fault, 0);
		CHECK(fault->page);
		copy_highpage(fault->page, page);
		return 0;
	}
	get_page(page);
	fault->page = page;
	fault->prot &= ~KEV_MEM_WRITE;
	fault->soft = KEV_LEAF_SHARED;
	return 0;
}

static void file_cached(const struct kev_region *region, u64 gpa, unsigned int nr,
			struct page **pages)
{
	for (unsigned int i = 0; i < nr; i++) {
		pages[i] = cache[(gpa - FILE_BASE) / PAGE_SIZE + i];
		get_page(pages[i]);
	}
	shim_pause();
}

static const struct kev_region_ops file_ops = { .fault = file_fault, .cached = file_cached };

static void add_region(u32 kind, u64 gpa, u64 length)
{
	LIST_HEAD(list);

	if (kind == KEV_REGION_RAM) {
		CHECK(!kev_ram_create(&mem, &list, kind, gpa, length, KEV_MEM_ALL));
	} else {
		struct kev_region *region = kev_region_alloc(&mem, sizeof(*region));

		CHECK(region);
		kev_region_init(region, &list, &file_ops, kind, gpa, length, KEV_MEM_ALL);
	}
	CHECK(!kev_region_add_list(&mem, &list));
}

/* ---- a CPU ---- */

static u64 cpu_load(const u64 *at)
{
	u64 value;

	asm volatile("mov %1, %0" : "=r"(value) : "m"(*at));
	return value;
}

static void cpu_store(u64 *at, u64 value)
{
	asm volatile("mov %1, %0" : "=m"(*at) : "r"(value));
}

/* A CPU's dirty flag: set where the entry is still what the walk has found */
static bool cpu_set(u64 *entry, u64 old, u64 new)
{
	bool done;

	asm volatile("lock cmpxchg %3, %0" : "+m"(*entry), "+a"(old), "=@ccz"(done) : "r"(new) :
		     "memory");
	return done;
}

/* The page behind @gpa, if the tables allow the access; dirty in there, if it is a write */
static u64 *walk(u64 gpa, u32 access)
{
	const struct kev_pt_format *format = mem.config.format;
	u64 *table = mem.root->entry, *entry, value;
	unsigned int level = format->levels;

	for (;;) {
		entry = &table[kev_pt_index(gpa, level)];
		value = cpu_load(entry);
		if (!format->present(value))
			return NULL;
		if (format->is_leaf(value, level))
			break;
		table = page_address(pfn_to_page(PHYS_PFN(format->address(value, level--))));
	}
	if (access & ~format->prot(value))
		return NULL;
	if (access & KEV_MEM_WRITE && mem.config.dirty_flag && !(value & format->dirty) &&
	    !cpu_set(entry, value, value | format->dirty))
		return NULL;
	return (u64 *)((char *)page_address(pfn_to_page(PHYS_PFN(format->address(value, level)))) +
		       (gpa & (kev_pt_size(level) - 1)));
}

/* What each vCPU has written last: its word says so, or nothing, once that was taken away */
static u64 wrote[VCPUS][NR_PAGES];
static u64 values[VCPUS];
/* The same as it tells others, once it is there */
static u64 told[VCPUS][NR_PAGES];

static void check_words(int number, unsigned int i, const u64 *words)
{
	u64 word = cpu_load(&words[number]), known;

	if (word != wrote[number][i]) {
		CHECK(!word && !quiet);
		wrote[number][i] = 0;
	}
	CHECK(cpu_load(&words[ORIGIN]) == origin_of(i));
	for (int other = 0; other < VCPUS; other++) {
		known = load(&told[other][i]);
		CHECK(cpu_load(&words[other]) >= known || !quiet);
	}
}

/* One access that the tables allow now */
static bool access_page(int number, unsigned int i, u32 access)
{
	u64 *words;

	spin_lock(&in_guest[number]);
	words = walk(gpa_of(i), access);
	/* The CPU has what the walk has found cached, and uses it by and by. */
	shim_pause();
	if (words) {
		check_words(number, i, words);
		if (access & KEV_MEM_WRITE) {
			wrote[number][i] = ++values[number];
			cpu_store(&words[number], wrote[number][i]);
			__atomic_store_n(&told[number][i], wrote[number][i], __ATOMIC_RELEASE);
		}
	}
	spin_unlock(&in_guest[number]);
	return words;
}

static unsigned int next_random(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 16;
}

static void run_vcpu(int number)
{
	static const u32 kinds[] = {
		KEV_MEM_READ, KEV_MEM_READ | KEV_MEM_WRITE, KEV_MEM_READ | KEV_MEM_EXEC,
	};
	unsigned int state = number + 1;
	struct kev_stock stock = {};

	for (int n = 0; n < ACCESSES; n++) {
		unsigned int i = next_random(&state) % NR_PAGES;
		u32 access = kinds[next_random(&state) % ARRAY_SIZE(kinds)], kind;
		struct kev_touch touch = {
			.gpa = gpa_of(i), .access = access, .stock = &stock,
			.flags = KEV_TOUCH_KILLABLE,
		};
		int ret = 0;

		while (!ret && !access_page(number, i, access)) {
			rcu_read_lock();
			kind = kev_mem_fault_fast(&mem, &stock, touch.gpa, access);
			rcu_read_unlock();
			if (!kind)
				ret = kev_mem_fault(&mem, &touch);
		}
		/* The region may be away at the moment. */
		CHECK(!ret || (ret == -ENOENT && !quiet));
	}
	kev_stock_drop(&stock);
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
}

/* ---- who takes pages away ---- */

/* Some pages, or all of RAM, as memory or with its region */
static void take_ram(void)
{
	for (unsigned int state = 7; load(&running); sched_yield()) {
		u64 gpa = gpa_of(next_random(&state) % RAM_PAGES);

		switch (next_random(&state) % 8) {
		case 0:
			CHECK(!kev_mem_discard(&mem, RAM, RAM_LENGTH));
			break;
		case 1:
			CHECK(!kev_mem_remove_region(&mem, RAM, RAM_LENGTH));
			add_region(KEV_REGION_RAM, RAM, RAM_LENGTH);
			break;
		default:
			CHECK(!kev_mem_discard(&mem, gpa,
					       (1 + next_random(&state) % 4) * PAGE_SIZE));
		}
	}
}

static void take_file(void)
{
	for (; load(&running); sched_yield()) {
		CHECK(!kev_mem_remove_region(&mem, FILE_BASE, FILE_LENGTH));
		add_region(KEV_REGION_IMAGE, FILE_BASE, FILE_LENGTH);
	}
}

/* ---- who copies what is dirty ---- */

static u64 copies[NR_PAGES][VCPUS];
static bool again[NR_PAGES];

static void copy_page(unsigned int i)
{
	u64 *words;

	spin_lock(&in_guest[VCPUS]);
	words = walk(gpa_of(i), KEV_MEM_READ);
	for (int number = 0; number < VCPUS; number++)
		copies[i][number] = words ? cpu_load(&words[number]) : 0;
	spin_unlock(&in_guest[VCPUS]);
	/* Without a page it is as it was at first, or somebody is making one right now. */
	again[i] = !words;
}

static void copy_dirty(void)
{
	u64 base = RAM, pages = (FILE_BASE + FILE_LENGTH - RAM) / PAGE_SIZE;
	static unsigned long bitmap[(FILE_BASE + FILE_LENGTH) / PAGE_SIZE / BITS_PER_LONG + 1];

	memset(bitmap, 0, sizeof(bitmap));
	CHECK(kev_mem_get_dirty(&mem, base, pages, bitmap) >= 0);
	for (unsigned int i = 0; i < NR_PAGES; i++)
		if (again[i] || test_bit((gpa_of(i) - base) / PAGE_SIZE, bitmap))
			copy_page(i);
}

static void use_memory(int number)
{
	switch (number) {
	case VCPUS:
		while (load(&running)) {
			copy_dirty();
			sched_yield();
		}
		break;
	case VCPUS + 1:
		if (!quiet)
			take_ram();
		break;
	case VCPUS + 2:
		if (!quiet)
			take_file();
		break;
	default:
		run_vcpu(number);
	}
}

/* ---- when nothing runs any more ---- */

static void check_copies(void)
{
	copy_dirty();
	for (unsigned int i = 0; i < NR_PAGES; i++) {
		u64 *words = walk(gpa_of(i), KEV_MEM_READ);

		for (int number = 0; number < VCPUS; number++) {
			u64 word = words ? words[number] : 0;

			CHECK(word == copies[i][number]);
			CHECK(word == wrote[number][i] || (!word && !quiet));
		}
	}
}

/* What is counted is there. */
static void check_counts(void)
{
	const struct kev_pt_format *format = mem.config.format;
	struct kev_vm_stats stats = {};
	u64 resident = 0, shared = 0, huge = 0;

	for (struct kev_pt_page *table = mem.tables; table; table = table->next)
		for (unsigned int i = 0; i < KEV_PT_ENTRIES; i++) {
			u64 entry = table->entry[i];
			bool leaf = entry && format->is_leaf(entry, table->level);
			u64 pages = table->level == KEV_PT_LEVEL_4K ? 1 : KEV_PT_ENTRIES;

			CHECK(leaf == test_bit(i, table->used));
			CHECK(!(entry & (KEV_LEAF_BUSY | KEV_LEAF_WAITED)));
			resident += leaf ? pages : 0;
			shared += leaf && entry & KEV_LEAF_SHARED ? pages : 0;
			huge += leaf && pages > 1 ? pages : 0;
		}
	kev_region_sum(&mem, &stats);
	CHECK(stats.resident_pages == resident);
	CHECK(stats.shared_pages == shared);
	CHECK(stats.huge_pages == huge);
}

/* @round: another kind of CPU, and whether pages are taken away */
static void try_memory(unsigned int round)
{
	mem = (struct kev_mem) {
		.config = {
			.format = &kev_ept_format, .phys_bits = 40, .flush = flush,
			.fault_around = 8, .around_max = 8,
			.dirty_flag = round & 1,
			.huge = round & 2 ? KEV_HUGE_ALWAYS : KEV_HUGE_NEVER,
		},
	};
	quiet = round & 4;
	mutex_init(&mem.lock);
	kev_mem_pages_init(&mem);
	CHECK(!kev_table_init(&mem));
	memset(wrote, 0, sizeof(wrote));
	memset(told, 0, sizeof(told));
	memset(copies, 0, sizeof(copies));
	memset(again, 0, sizeof(again));
	add_region(KEV_REGION_RAM, RAM, RAM_LENGTH);
	add_region(KEV_REGION_IMAGE, FILE_BASE, FILE_LENGTH);

	running = VCPUS;
	together(VCPUS + 3, use_memory);
	check_copies();
	check_counts();

	kev_table_fini(&mem);
	kev_mem_pages_fini(&mem);
	kev_region_fini(&mem);
}

void test_faults(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(in_guest); i++)
		spin_lock_init(&in_guest[i]);
	for (unsigned int i = 0; i < FILE_PAGES; i++) {
		cache[i] = alloc_pages(GFP_KERNEL, 0);
		CHECK(cache[i]);
		((u64 *)page_address(cache[i]))[ORIGIN] = origin_of(RAM_PAGES + i);
	}
	for (unsigned int round = 0; round < ROUNDS; round++)
		try_memory(round);
	for (unsigned int i = 0; i < FILE_PAGES; i++)
		put_page(cache[i]);
	kev_mem_drop_kept();
	CHECK(!shim_pages_taken());
}
