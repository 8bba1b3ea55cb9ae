// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation, and every copy from or to user space, that a call on a vCPU makes
 * fails once. Guards that the call then says so by an errno that it has, that the same call
 * works right after, that what it was made on goes on, and that nothing is left: no
 * descriptor, VM, pin, object or page. The same holds for a signal that comes in the middle
 * of a call. Failures need a kernel with fail-nth.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "world.h"

#define DATA(page)	(KT_DATA_GPA + (page) * KT_PAGE)
#define DEVICE_GPA	(256 * KT_MIB)

/* Stores a word, loads it: the device answers, or the memory; then tells it. */
KT_CODE(touches, "mov $0x10000000, %ebx\n movq $0x77, (%rbx)\n mov (%rbx), %rdi\n" KT_HALT);
/* Prints its own code. */
KT_CODE(prints, "mov $1, %eax\n mov $0x100000, %edi\n mov $16, %esi\n vmcall\n"
	"mov %rax, %rdi\n" KT_HALT);

/* ---- a vCPU ---- */

static int with_msr_values(struct kt_world *w)
{
	return kt_world_set_msrs(w) ?: kt_world_bring_to(w, KT_VCPU);
}

static long transfer(struct kt_world *w, unsigned long cmd)
{
	struct kev_query query = { .size = sizeof(query) };
	uint64_t value = 0;
	struct kev_vcpu_state *state = &w->state;

	if (kt_ioctl(w->vm.kev, KEV_QUERY, &query))
		return -EFAULT;
	state->size = sizeof(*state);
	state->groups = KEV_STATE_ALL;
	state->xsave = (uintptr_t)w->xsave;
	state->xsave_size = query.xsave_size;
	state->msr_values = (uintptr_t)&value;
	state->nr_msr_values = 1;
	return kt_ioctl(w->vm.vcpu[0], cmd, state);
}

static long call_get_state(struct kt_world *w)
{
	return transfer(w, KEV_VCPU_GET_STATE);
}

static long call_set_state(struct kt_world *w)
{
	return transfer(w, KEV_VCPU_SET_STATE);
}

static int get_first(struct kt_world *w)
{
	return with_msr_values(w) ?: call_get_state(w);
}

static long call_vcpu_stats(struct kt_world *w)
{
	struct kev_vcpu_stats args = { .size = sizeof(args) };

	return kt_ioctl(w->vm.vcpu[0], KEV_VCPU_STATS, &args);
}

static long call_vcpu_counters(struct kt_world *w)
{
	static struct kt_counters all;

	return kt_vcpu_counters(w->vm.vcpu[0], &all);
}

static long call_interrupt(struct kt_world *w)
{
	return kt_interrupt(w->vm.vcpu[0], 0x40);
}

static long call_inject(struct kt_world *w)
{
	struct kev_vcpu_inject args = {
		.size = sizeof(args), .type = KEV_INJECT_NMI, .vector = 2,
	};

	return kt_ioctl(w->vm.vcpu[0], KEV_VCPU_INJECT, &args);
}

static long call_debug(struct kt_world *w)
{
	struct kev_vcpu_debug args = { .size = sizeof(args), .flags = KEV_DEBUG_SOFTWARE };

	return kt_ioctl(w->vm.vcpu[0], KEV_VCPU_SET_DEBUG, &args);
}

static long call_kick(struct kt_world *w)
{
	return kt_ioctl(w->vm.vcpu[0], KEV_VCPU_KICK, NULL);
}

/* It has not run: an NMI would find no IDT. */
static int lives(struct kt_world *w)
{
	return kt_status(w->vm.vm).state == KEV_VM_ALIVE ? 0 : -EIO;
}

static const struct kt_call vcpu_calls[] = {
	KT_CALL("KEV_VCPU_GET_STATE", KT_IMAGE, with_msr_values, call_get_state),
	KT_CALL("KEV_VCPU_SET_STATE", KT_IMAGE, get_first, call_set_state),
	KT_CALL("KEV_VCPU_STATS", KT_VCPU, NULL, call_vcpu_stats),
	KT_CALL("KEV_VCPU_COUNTERS", KT_VCPU, NULL, call_vcpu_counters),
	KT_CALL("KEV_VCPU_INTERRUPT", KT_VCPU, NULL, call_interrupt),
	KT_CALL("KEV_VCPU_INJECT", KT_VCPU, NULL, call_inject, .check = lives),
	KT_CALL("KEV_VCPU_SET_DEBUG", KT_VCPU, NULL, call_debug),
	KT_CALL("KEV_VCPU_KICK", KT_VCPU, NULL, call_kick),
	{ .name = NULL }
};

/* ---- guests that run ---- */

/* Until something other than an access to the device, which is answered */
static long run(struct kt_world *w)
{
	const struct kev_run *page = w->vm.run[0];
	long ret;

	do {
		ret = kt_run(w->vm.vcpu[0]);
	} while (!ret && page->kind == KEV_EXIT_MMIO);
	if (ret)
		return ret;
	switch (page->kind) {
	case KEV_EXIT_MEMORY_ERROR:
		return page->flags & KEV_RUN_RETRY ? -(long)page->error : -EPROTO;
	case KEV_EXIT_HYPERCALL:
	case KEV_EXIT_VM_EXITED:
		return 0;
	default:
		return -1000 - page->kind * 1000 - page->error;
	}
}

static int set_read(struct kt_world *w)
{
	const struct kt_job job = {
		.op = KT_SCAN, .address = KT_DATA_GPA, .pages = KT_WORLD_PAGES, .step = 1,
	};

	return kt_vm_set(&w->vm, 0, &job);
}

/* By copies of the image's pages, or RAM page by page. The last one stays what it is. */
static int set_fill(struct kt_world *w)
{
	const struct kt_job job = {
		.op = KT_FILL, .address = w->call->arg, .value = 1, .pages = KT_WORLD_PAGES - 1,
		.step = 1,
	};

	return kt_world_add_ram(w) ?: kt_vm_set(&w->vm, 0, &job);
}

static int msr_values_and_read(struct kt_world *w)
{
	return with_msr_values(w) ?: set_read(w);
}

static int add_file(struct kt_world *w, int fd)
{
	const uint64_t size = KT_WORLD_PAGES * KT_PAGE;

	return kt_add_file(w->vm.vm, KT_WORLD_RAM, size, fd, 0, size);
}

/* Its pages come from the disk, by way of a worker. */
static int set_read_disk(struct kt_world *w)
{
	int ret = add_file(w, w->disk);
	const struct kt_job job = { .op = KT_READ, .address = KT_WORLD_RAM };

	posix_fadvise(w->disk, 0, 0, POSIX_FADV_DONTNEED);
	return ret ?: kt_vm_set(&w->vm, 0, &job);
}

static int add_device(struct kt_world *w)
{
	uint32_t kind = w->call->arg;

	return kt_add_region(w->vm.vm, kind, kind == KEV_REGION_TRAP ? 0 : KEV_MEM_READ,
			     DEVICE_GPA, KT_PAGE);
}

static int ended(struct kt_world *w)
{
	return kt_status(w->vm.vm).state == KEV_VM_EXITED ? 0 : -EIO;
}

static int has_printed(struct kt_world *w)
{
	char bytes[32];

	if (kt_status(w->vm.vm).exit_code != 1)
		return -EPROTO;
	return read(w->vm.vm, bytes, sizeof(bytes)) == 16 ? ended(w) : -EIO;
}

static const struct kt_call run_calls[] = {
	KT_CALL("run through the image", KT_VCPU, set_read, run),
	KT_CALL("run through the image once it is shared", KT_VCPU, set_fill, run, .arg = DATA(0)),
	KT_CALL("run through RAM", KT_VCPU, set_fill, run, .arg = KT_WORLD_RAM),
	KT_CALL("run through large RAM", KT_VCPU, set_fill, run, .arg = KT_WORLD_RAM,
		.huge_pages = KEV_HUGE_ALWAYS),
	KT_CALL("run with MSRs of its own", KT_IMAGE, msr_values_and_read, run),
	KT_CALL("run from a disk", KT_VCPU, set_read_disk, run),
	KT_CALL("run to a device", KT_VCPU, add_device, run, .check = ended, .code = &touches,
		.arg = KEV_REGION_TRAP),
	KT_CALL("run to a print device", KT_VCPU, add_device, run, .check = ended, .code = &touches,
		.arg = KEV_REGION_PRINT),
	KT_CALL("print", KT_VCPU, NULL, run, .check = has_printed, .code = &prints),
	{ .name = NULL }
};

/* ---- what can be read and mapped ---- */

static long call_map(struct kt_world *w)
{
	w->map_size = KT_WORLD_RAM_SIZE;
	w->map = kt_map_memory(w->vm.vm, KT_WORLD_RAM, KT_WORLD_RAM_SIZE);
	return w->map ? 0 : -errno;
}

static int map_ram(struct kt_world *w)
{
	return kt_world_add_ram(w) ?: call_map(w);
}

static int map_file(struct kt_world *w)
{
	return add_file(w, w->file) ?: call_map(w);
}

static int map_and_look(struct kt_world *w)
{
	uint8_t byte;

	return map_file(w) ?: kt_peek(w->map, &byte) ? -EIO : 0;
}

static long call_peek(struct kt_world *w)
{
	uint8_t byte = 1;

	return kt_peek(w->map, &byte) == SIGBUS ? -ENOMEM : 0;
}

static long call_poke(struct kt_world *w)
{
	return kt_poke(w->map, 1) == SIGBUS ? -ENOMEM : 0;
}

static long read_all(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char bytes[512];
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, bytes, sizeof(bytes));
	} while (n > 0);
	n = n < 0 ? -errno : 0;
	close(fd);
	return n;
}

static const char * const tables[] = {
	"/sys/kernel/debug/kev/vms", "/sys/kernel/debug/kev/vcpus", "/sys/kernel/debug/kev/exits",
};

static long call_table(struct kt_world *w)
{
	return read_all(tables[w->call->arg]);
}

static int print_first(struct kt_world *w)
{
	return run(w);
}

static long call_read_console(struct kt_world *w)
{
	char bytes[16];

	return read(w->vm.vm, bytes, sizeof(bytes)) == 16 ? 0 : -errno;
}

static const struct kt_call other_calls[] = {
	KT_CALL("mmap of a VM", KT_VM, kt_world_add_ram, call_map),
	KT_CALL("read mapped RAM", KT_VM, map_ram, call_peek),
	KT_CALL("write mapped RAM", KT_VM, map_ram, call_poke),
	KT_CALL("read a mapped file", KT_VM, map_file, call_peek),
	KT_CALL("write a mapped file", KT_VM, map_file, call_poke),
	KT_CALL("write a mapped file that was read", KT_VM, map_and_look, call_poke),
	KT_CALL("the table of VMs", KT_VCPU, NULL, call_table, .arg = 0),
	KT_CALL("the table of vCPUs", KT_VCPU, NULL, call_table, .arg = 1),
	KT_CALL("the table of exits", KT_VCPU, NULL, call_table, .arg = 2),
	KT_CALL("read the console", KT_VCPU, print_first, call_read_console, .check = ended,
		.code = &prints),
	{ .name = NULL }
};

/* ---- the tests ---- */

#define TEST_CALLS(name, calls)						\
TEST(name)								\
{									\
	if (access("/proc/self/fail-nth", W_OK))			\
		SKIP(return, "no fail-nth");				\
	EXPECT_EQ(0, kt_fail_calls(calls));				\
}									\
TEST(name ## _interrupted)						\
{									\
	EXPECT_EQ(0, kt_interrupt_calls(calls));			\
}

TEST_CALLS(vcpu, vcpu_calls)
TEST_CALLS(runs, run_calls)
TEST_CALLS(others, other_calls)

TEST_HARNESS_MAIN
