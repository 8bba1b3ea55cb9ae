// SPDX-License-Identifier: GPL-2.0
/* Guest memory: regions, what is known of them, and ways to their bytes */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "kevtest.h"

static int add_region(int vm, struct kev_add_region args)
{
	args.size = sizeof(args);
	return kt_ioctl(vm, KEV_VM_ADD_REGION, &args);
}

int kt_add_region(int vm, uint32_t kind, uint32_t prot, uint64_t gpa, uint64_t length)
{
	return add_region(vm, (struct kev_add_region) {
		.kind = kind,
		.prot = prot,
		.gpa = gpa,
		.length = length,
	});
}

int kt_add_user(int vm, uint64_t gpa, uint64_t length, const void *address, uint32_t prot)
{
	return add_region(vm, (struct kev_add_region) {
		.kind = KEV_REGION_USER,
		.prot = prot,
		.gpa = gpa,
		.length = length,
		.user_address = (uintptr_t)address,
	});
}

int kt_add_file(int vm, uint64_t gpa, uint64_t length, int fd, uint64_t offset,
		uint64_t file_bytes)
{
	return add_region(vm, (struct kev_add_region) {
		.kind = KEV_REGION_FILE,
		.prot = KT_RWX,
		.gpa = gpa,
		.length = length,
		.fd = fd,
		.offset = offset,
		.file_bytes = file_bytes,
	});
}

static int range_call(int vm, unsigned long cmd, uint64_t gpa, uint64_t length)
{
	const struct kev_range_args args = { .size = sizeof(args), .gpa = gpa, .length = length };

	return kt_ioctl(vm, cmd, &args);
}

int kt_remove_region(int vm, uint64_t gpa, uint64_t length)
{
	return range_call(vm, KEV_VM_REMOVE_REGION, gpa, length);
}

int kt_discard(int vm, uint64_t gpa, uint64_t length)
{
	return range_call(vm, KEV_VM_DISCARD, gpa, length);
}

int kt_query_memory(int vm, uint64_t gpa, struct kev_query_memory *query)
{
	*query = (struct kev_query_memory) { .size = sizeof(*query), .gpa = gpa };
	return kt_ioctl(vm, KEV_VM_QUERY_MEMORY, query);
}

int kt_page_state(int vm, uint64_t gpa)
{
	struct kev_translate args = { .size = sizeof(args), .address = gpa };
	int ret = kt_ioctl(vm, KEV_VM_TRANSLATE, &args);

	return ret ? ret : (int)args.state;
}

static long access_guest(int vm, unsigned long cmd, uint64_t gpa, const void *bytes, size_t size)
{
	struct kev_access args = {
		.size = sizeof(args),
		.address = gpa,
		.buffer = (uintptr_t)bytes,
		.length = size,
	};
	long ret = kt_ioctl(vm, cmd, &args);

	return ret ? ret : (long)args.done;
}

long kt_read_guest(int vm, uint64_t gpa, void *bytes, size_t size)
{
	return access_guest(vm, KEV_VM_READ, gpa, bytes, size);
}

long kt_write_guest(int vm, uint64_t gpa, const void *bytes, size_t size)
{
	return access_guest(vm, KEV_VM_WRITE, gpa, bytes, size);
}

long kt_get_dirty(int vm, uint64_t gpa, uint64_t length, uint64_t *bitmap)
{
	struct kev_get_dirty args = {
		.size = sizeof(args),
		.gpa = gpa,
		.length = length,
		.bitmap = (uintptr_t)bitmap,
	};
	long ret = kt_ioctl(vm, KEV_VM_GET_DIRTY, &args);

	return ret ? ret : (long)args.dirty;
}

void *kt_map_memory(int vm, uint64_t gpa, size_t length)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, vm, gpa);

	return at == MAP_FAILED ? NULL : at;
}

static _Thread_local sigjmp_buf touch_failed;

static void on_touch_signal(int number)
{
	siglongjmp(touch_failed, number);
}

static void catch_touch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_touch_signal };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

int kt_peek(const volatile uint8_t *at, uint8_t *value)
{
	int number;

	catch_touch_signals();
	number = sigsetjmp(touch_failed, 1);
	if (!number)
		*value = *at;
	return number;
}

int kt_poke(volatile uint8_t *at, uint8_t value)
{
	int number;

	catch_touch_signals();
	number = sigsetjmp(touch_failed, 1);
	if (!number)
		*at = value;
	return number;
}

int kt_create_plain_vm(int kev)
{
	const struct kev_create_vm args = {
		.size = sizeof(args),
		.flags = KEV_VM_FAULT_AROUND,
		.huge_pages = KEV_HUGE_NEVER,
	};

	return kt_ioctl(kev, KEV_CREATE_VM, &args);
}
