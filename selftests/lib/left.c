// SPDX-License-Identifier: GPL-2.0
/* What is left of VMs that are gone */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kevtest.h"

#define CGROUP	"/sys/fs/cgroup/kevtest-left"
/* How often to look for what goes after a grace period */
#define LOOKS	30

static long count_lines(const char *path)
{
	FILE *file = fopen(path, "r");
	long lines = 0;
	int c;

	while (file && (c = getc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines;
}

/* What waits for a grace period, and what is only cached; 4 is to say no word of it in the log. */
static void drop_what_waits(void)
{
	static const char path[] = "/proc/sys/vm/drop_caches";
	int ret = kt_write_file(path, "4") ?: kt_write_file(path, "3");

	if (ret)
		printf("# the kernel's caches stay as they are: %s\n", strerror(-ret));
	usleep(100000);
}

/* The sum of what lines of a file have behind a word; -1: nothing */
static long sum_of(const char *path, const char *word)
{
	FILE *file = fopen(path, "r");
	long value, sum = -1;
	char line[256], name[64];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld", name, &value) == 2 && !strcmp(name, word))
			sum = (sum < 0 ? 0 : sum) + value;
	if (file)
		fclose(file);
	return sum;
}

long kt_free_kib(void)
{
	long kib, kept;

	sync();
	drop_what_waits();
	kib = sum_of("/proc/meminfo", "MemFree:");
	/* Of free pages each CPU keeps some hundreds, which are none of those. */
	kept = sum_of("/proc/zoneinfo", "count:");
	return kib < 0 || kept < 0 ? -1 : kib + kept * (long)(KT_PAGE / 1024);
}

long kt_missing_kib(long before, long most)
{
	long missing = most + 1;

	for (int i = 0; i < 50 && missing > most; i++)
		missing = before - kt_free_kib();
	return missing;
}

/* Caches for what is charged */
static const char *const caches[KT_LEFT_CACHES] = {
	"kmalloc-cg-8", "kmalloc-cg-16", "kmalloc-cg-32", "kmalloc-cg-64", "kmalloc-cg-96",
	"kmalloc-cg-128", "kmalloc-cg-192", "kmalloc-cg-256", "kmalloc-cg-512", "kmalloc-cg-1k",
	"kmalloc-cg-2k", "kmalloc-cg-4k", "kmalloc-cg-8k", "kev_vcpu", "kev_vm",
};

/*
 * In each of them; freed ones are given back first. Where nothing else looks at objects a CPU
 * keeps some of its own.
 */
static void count_objects(long objects[KT_LEFT_CACHES])
{
	char path[320];

	memset(objects, 0, KT_LEFT_CACHES * sizeof(*objects));
	if (access("/proc/lockdep_stats", F_OK))
		return;
	for (int i = 0; i < KT_LEFT_CACHES; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", caches[i]);
		kt_write_file(path, "1");
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", caches[i]);
		objects[i] = kt_read_number(path);
	}
}

static long all_objects(const struct kt_left *left)
{
	long sum = 0;

	for (int i = 0; i < KT_LEFT_CACHES; i++)
		sum += left->objects[i];
	return sum;
}

/* Have the CPUs give back what they were charged in advance. */
static void drain_stocks(void)
{
	kt_write_file(CGROUP "/memory.high", "0");
	kt_write_file(CGROUP "/memory.high", "max");
}

/*
 * Objects are charged by the byte, from a page that a CPU was charged. Freed on another CPU
 * they are bytes of that one; what both of them give back is a page in all, but none of each,
 * and stays charged until somebody in the group takes it all to one CPU.
 */
static void gather_bytes(void)
{
	pid_t pid = fork();
	cpu_set_t one;

	if (!pid) {
		CPU_ZERO(&one);
		CPU_SET(0, &one);
		/* A mapping is an object that is charged, and freed at once. */
		_exit(sched_setaffinity(0, sizeof(one), &one) || kt_left_enter() ||
		      munmap(mmap(NULL, KT_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0), KT_PAGE));
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/*
 * Without pages that only wait to be put on a list of the kernel's, and without what was
 * charged in advance. Called from outside the group.
 */
static long count_charge(void)
{
	drain_stocks();
	gather_bytes();
	/* It fails: there is not so much. */
	kt_write_file(CGROUP "/memory.reclaim", "1G");
	drain_stocks();
	return kt_read_number(CGROUP "/memory.current");
}

/*
 * The module keeps a few pages of VMs that are gone, until a VM of another cgroup comes. The
 * second one takes what the first one has no use for.
 */
static void use_up_pages(void)
{
	int kev = kt_open(), vm[2] = { kt_create_vm(kev, 0, NULL), kt_create_vm(kev, 0, NULL) };

	close(vm[0]);
	close(vm[1]);
	close(kev);
}

static void look(struct kt_left *left)
{
	use_up_pages();
	drop_what_waits();
	*left = (struct kt_left) {
		.references = kt_read_number("/sys/module/kev/refcnt"),
		.pins = sum_of("/proc/vmstat", "nr_foll_pin_acquired") -
			sum_of("/proc/vmstat", "nr_foll_pin_released"),
		.vms = count_lines("/sys/kernel/debug/kev/vms"),
	};
	count_objects(left->objects);
	left->charge = count_charge();
}

/*
 * What a CPU keeps for later, of pages that are freed and of pages charged in advance, in
 * bytes. An instrumented kernel is looked at long enough, and by object.
 */
#define SLACK	(256 << 10)

static bool differ(const struct kt_left *before, const struct kt_left *now)
{
	long objects = all_objects(now);

	return now->references != before->references || now->pins != before->pins ||
	       now->vms != before->vms || objects > all_objects(before) ||
	       now->charge > before->charge + (objects ? 0 : SLACK);
}

static void *nothing(void *arg)
{
	return arg;
}

void kt_left_begin(struct kt_left *left)
{
	pthread_t thread;

	/* A process that has had a thread keeps an object, a list of semaphores to undo. */
	if (!pthread_create(&thread, NULL, nothing, NULL))
		pthread_join(thread, NULL);
	mkdir(CGROUP, 0755);
	look(left);
}

int kt_left_enter(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return kt_write_file(CGROUP "/cgroup.procs", pid);
}

bool kt_left_differs(const struct kt_left *before)
{
	struct kt_left now;

	for (int i = 0; i < LOOKS; i++) {
		look(&now);
		if (!differ(before, &now))
			return false;
	}
	printf("# references %ld, were %ld; pins %ld, %ld; VMs %ld, %ld; bytes %ld, %ld\n",
	       now.references, before->references, now.pins, before->pins, now.vms, before->vms,
	       now.charge, before->charge);
	for (int i = 0; i < KT_LEFT_CACHES; i++)
		if (now.objects[i] != before->objects[i])
			printf("# %s: %ld objects, were %ld\n", caches[i], now.objects[i],
			       before->objects[i]);
	fflush(stdout);
	return true;
}

void kt_left_end(void)
{
	rmdir(CGROUP);
}
