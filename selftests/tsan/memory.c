// SPDX-License-Identifier: GPL-2.0
/* What vCPUs and calls of a VM share, or VMs of a host: rings, counts, maps, pages, doorbells */
#include <sched.h>
#include <kev/console.h>
#include <kev/doorbell.h>
#include <kev/owner.h>
#include <kev/pt.h>
#include <kev/region.h>
#include <kev/vm.h>

#include "test.h"

#define ROUNDS	2000

/* mem.c, which has the rest of a VM's memory: there is no room. */
void *kev_mem_room(struct kev_mem *mem, size_t size)
{
	return NULL;
}

/* ---- console: writers and readers; what is read is what was written, each byte once ---- */

#define WRITERS	3
#define CHUNK	100

static struct kev_console console;
static unsigned long written[WRITERS], seen[WRITERS];
static int writing;

static void write_console(int number)
{
	for (int i = 0; i < ROUNDS; i++) {
		u8 bytes[CHUNK];
		ssize_t n;

		memset(bytes, 'a' + number, sizeof(bytes));
		n = kev_console_write(&console, bytes, sizeof(bytes));
		CHECK(n >= 0);
		written[number] += n;
	}
	__atomic_fetch_sub(&writing, 1, __ATOMIC_RELEASE);
}

static void read_console(void)
{
	unsigned long sum[WRITERS] = {};
	char bytes[1000];
	bool last;
	ssize_t n;

	do {
		last = !load(&writing);
		/* A look without the lock */
		if (kev_console_empty(&console))
			sched_yield();
		while ((n = kev_console_read(&console, bytes, sizeof(bytes))) > 0)
			for (int i = 0; i < n; i++)
				sum[bytes[i] - 'a']++;
		CHECK(!n);
	} while (!last);
	for (int i = 0; i < WRITERS; i++)
		__atomic_fetch_add(&seen[i], sum[i], __ATOMIC_RELAXED);
}

static void use_console(int number)
{
	if (number < WRITERS)
		write_console(number);
	else
		read_console();
}

void test_console(void)
{
	kev_console_init(&console, NULL, false);
	writing = WRITERS;
	together(WRITERS + 2, use_console);
	for (int i = 0; i < WRITERS; i++)
		CHECK(seen[i] == written[i] && written[i]);
	kev_console_fini(&console);
}

/* ---- owners: two users, several threads each ---- */

static void own(int number)
{
	current_user.val = number % 2;
	for (int i = 0; i < ROUNDS / 4; i++) {
		struct kev_owner *owner = kev_owner_add_vm();

		CHECK(!IS_ERR(owner));
		for (int j = 0; j < 4; j++) {
			CHECK(!kev_owner_add_vcpu(owner));
			CHECK(!kev_owner_pin(owner, 3));
			kev_owner_remove_vcpu(owner);
			kev_owner_ref(owner);
			kev_owner_unpin(owner, 3);
			kev_owner_put(owner);
			shim_pause();
		}
		kev_owner_remove_vm(owner);
	}
}

void test_owners(void)
{
	together(6, own);
	/* Nothing is counted any more. */
	for (int i = 0; i < 2; i++) {
		struct kev_owner *owner;

		current_user.val = i;
		owner = kev_owner_add_vm();
		CHECK(!IS_ERR(owner));
		CHECK(owner->refs == 1 && owner->vms == 1 && !owner->vcpus &&
		      !owner->pinned);
		kev_owner_remove_vm(owner);
	}
}

/* ---- the map of regions: readers under RCU, and those that add and take ---- */

#define REGIONS	16
#define STEP	0x10000ULL

static struct kev_mem mem;
static int changing;

static const struct kev_pt_format format = { .prots = ~0U };

static void released(struct kev_region *region)
{
	/* Who still reads it races with this. */
	region->gpa = ~0ULL;
	region->length = ~0ULL;
}

static const struct kev_region_ops region_ops = { .release = released };

static void add_region(u64 gpa)
{
	struct kev_region *region = kev_region_alloc(&mem, sizeof(*region));
	struct list_head list;

	INIT_LIST_HEAD(&list);
	kev_region_init(region, &list, &region_ops, KEV_REGION_RAM, gpa, STEP, KEV_MEM_ALL);
	CHECK(!kev_region_add_list(&mem, &list));
}

static void change_regions(int number)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		u64 gpa = (2 * (i % REGIONS) + number) * STEP;
		struct kev_region *region;

		add_region(gpa);
		mutex_lock(&mem.lock);
		region = kev_region_take(&mem, gpa, STEP);
		mutex_unlock(&mem.lock);
		CHECK(!IS_ERR(region));
		kev_region_put(region);
	}
	__atomic_fetch_sub(&changing, 1, __ATOMIC_RELEASE);
}

static void read_regions(void)
{
	u64 gpa = 0;

	while (load(&changing)) {
		struct kev_vm_stats stats = {};
		struct kev_region *region;

		gpa = (gpa + STEP) % (2 * REGIONS * STEP);
		region = kev_region_get(&mem, gpa);
		if (region) {
			CHECK(region->gpa == gpa && region->length == STEP);
			kev_region_put(region);
		}
		region = kev_region_get_next(&mem, gpa);
		if (region) {
			CHECK(kev_region_end(region) > gpa);
			kev_region_put(region);
		}
		rcu_read_lock();
		region = kev_region_find(&mem, gpa);
		CHECK(!region || region->prot == KEV_MEM_ALL);
		rcu_read_unlock();
		kev_region_sum(&mem, &stats);
	}
}

static void use_regions(int number)
{
	if (number < 2)
		change_regions(number);
	else
		read_regions();
}

void test_regions(void)
{
	mem.config.format = &format;
	mem.config.phys_bits = 40;
	mutex_init(&mem.lock);
	changing = 2;
	together(4, use_regions);
	kev_region_fini(&mem);
}

/* ---- pages: VMs of one host come and go, and keep pages for each other ---- */

#define PAGES	14

static struct mem_cgroup groups[2];

static void use_pages(int number)
{
	for (int i = 0; i < ROUNDS / 20; i++) {
		struct kev_mem one = { .memcg = &groups[number % 2] };
		void *pages[PAGES];

		kev_mem_pages_init(&one);
		for (int j = 0; j < PAGES; j++) {
			u64 *words = kev_mem_zeroed_page(&one);

			pages[j] = words;
			CHECK(words && !words[0] && !words[511]);
			CHECK(virt_to_page(words)->memcg == one.memcg);
			words[0] = number;
			words[511] = number;
		}
		for (int j = 0; j < PAGES; j++)
			kev_mem_free_page(virt_to_page(pages[j]));
		kev_mem_pages_fini(&one);
	}
}

/* Two vCPUs of one VM at once, too */
static struct kev_mem both;

static void use_both(int number)
{
	for (int i = 0; i < PAGES; i++) {
		u64 *words = kev_mem_zeroed_page(&both);

		CHECK(words && !words[0]);
		words[0] = number;
		kev_mem_free_page(virt_to_page(words));
	}
}

void test_pages(void)
{
	together(4, use_pages);
	for (int i = 0; i < 200; i++) {
		kev_mem_pages_init(&both);
		together(3, use_both);
		kev_mem_pages_fini(&both);
		both = (struct kev_mem) {};
	}
	kev_mem_drop_kept();
	CHECK(!shim_pages_taken());
}

/* ---- doorbells: rung while others come and go ---- */

static struct kev_vm vm;
static int moving;
static u64 rung;

static void move_doorbell(int number)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		struct kev_doorbell args = {
			.address = 0x1000 * (number + 1), .width = 4, .fd = number,
			.flags = KEV_DOORBELL_DATA, .data = i % 4,
		};

		CHECK(!kev_vm_doorbell(&vm, &args));
		args.flags |= KEV_DOORBELL_REMOVE;
		CHECK(!kev_vm_doorbell(&vm, &args));
	}
	__atomic_fetch_sub(&moving, 1, __ATOMIC_RELEASE);
}

static void use_doorbells(int number)
{
	if (number < 2) {
		move_doorbell(number);
		return;
	}
	for (u64 data = 0; load(&moving); data = (data + 1) % 4) {
		kev_doorbell_ring(&vm, false, 0x1000, 4, data);
		kev_doorbell_matches(&vm, false, 0x2000, 4, data);
		/* This one always is there. */
		CHECK(kev_doorbells_any(&vm.doorbells));
		CHECK(kev_doorbell_ring(&vm, true, 0x80, 1, 0));
		__atomic_fetch_add(&rung, 1, __ATOMIC_RELAXED);
	}
}

void test_doorbells(void)
{
	struct kev_doorbell stays = {
		.address = 0x80, .fd = 5, .flags = KEV_DOORBELL_PORT,
	};

	mutex_init(&vm.lock);
	vm.mem.config.phys_bits = 40;
	kev_doorbells_init(&vm.doorbells);
	CHECK(!kev_vm_doorbell(&vm, &stays));
	moving = 2;
	together(5, use_doorbells);
	kev_doorbells_fini(&vm.doorbells);
	CHECK(shim_signals(stays.fd) == rung);
	CHECK(!shim_contexts_held());
}
