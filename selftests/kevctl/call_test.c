// SPDX-License-Identifier: GPL-2.0
/* libkev's calls: which request each one makes, with what, and how it fails. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include <libkev.h>

#include "../../tools/kevctl/kevctl.h"
#include "tap.h"

#define FD	77

/* What ioctl() was called with */
static struct {
	int fd;
	unsigned long request;
	void *argument;
	unsigned char bytes[64];	/* the argument's first ones */
	int error;			/* what it is to fail with, or 0 */
} seen;

/* In place of the C library's */
int ioctl(int fd, unsigned long request, ...)
{
	uint32_t size;
	va_list args;

	va_start(args, request);
	seen.fd = fd;
	seen.request = request;
	seen.argument = va_arg(args, void *);
	va_end(args);
	memset(seen.bytes, 0, sizeof(seen.bytes));
	if (seen.argument) {
		memcpy(&size, seen.argument, sizeof(size));
		memcpy(seen.bytes, seen.argument,
		       size < sizeof(seen.bytes) ? size : sizeof(seen.bytes));
	}
	errno = seen.error;
	return seen.error ? -1 : 5;
}

/* A structure of the caller's goes to the kernel as it is. */
static uint64_t structure[64] = { 8 };

#define FORWARD(function) \
	static int call_##function(void) \
	{ \
		return function(FD, (void *)structure); \
	}

FORWARD(kev_query)
FORWARD(kev_create_vm_from)
FORWARD(kev_vm_add_region_from)
FORWARD(kev_vm_attach_image)
FORWARD(kev_vm_status)
FORWARD(kev_vm_stats)
FORWARD(kev_vm_counters)
FORWARD(kev_vm_query_memory)
FORWARD(kev_vm_get_dirty)
FORWARD(kev_vm_translate)
FORWARD(kev_vm_read_memory)
FORWARD(kev_vm_write_memory)
FORWARD(kev_vm_set_cpuid)
FORWARD(kev_vm_get_supported_cpuid)
FORWARD(kev_vm_set_msrs)
FORWARD(kev_vm_set_exits)
FORWARD(kev_vm_doorbell)
FORWARD(kev_vm_irqfd)
FORWARD(kev_vcpu_inject)
FORWARD(kev_vcpu_set_debug)
FORWARD(kev_vcpu_get_state)
FORWARD(kev_vcpu_set_state)
FORWARD(kev_vcpu_stats)
FORWARD(kev_vcpu_counters)

static const struct {
	const char *name;
	int (*call)(void);
	unsigned long request;
} forwarded[] = {
	{ "kev_query", call_kev_query, KEV_QUERY },
	{ "kev_create_vm_from", call_kev_create_vm_from, KEV_CREATE_VM },
	{ "kev_vm_add_region_from", call_kev_vm_add_region_from, KEV_VM_ADD_REGION },
	{ "kev_vm_attach_image", call_kev_vm_attach_image, KEV_VM_ATTACH_IMAGE },
	{ "kev_vm_status", call_kev_vm_status, KEV_VM_STATUS },
	{ "kev_vm_stats", call_kev_vm_stats, KEV_VM_STATS },
	{ "kev_vm_counters", call_kev_vm_counters, KEV_VM_COUNTERS },
	{ "kev_vm_query_memory", call_kev_vm_query_memory, KEV_VM_QUERY_MEMORY },
	{ "kev_vm_get_dirty", call_kev_vm_get_dirty, KEV_VM_GET_DIRTY },
	{ "kev_vm_translate", call_kev_vm_translate, KEV_VM_TRANSLATE },
	{ "kev_vm_read_memory", call_kev_vm_read_memory, KEV_VM_READ },
	{ "kev_vm_write_memory", call_kev_vm_write_memory, KEV_VM_WRITE },
	{ "kev_vm_set_cpuid", call_kev_vm_set_cpuid, KEV_VM_SET_CPUID },
	{ "kev_vm_get_supported_cpuid", call_kev_vm_get_supported_cpuid,
	  KEV_VM_GET_SUPPORTED_CPUID },
	{ "kev_vm_set_msrs", call_kev_vm_set_msrs, KEV_VM_SET_MSRS },
	{ "kev_vm_set_exits", call_kev_vm_set_exits, KEV_VM_SET_EXITS },
	{ "kev_vm_doorbell", call_kev_vm_doorbell, KEV_VM_DOORBELL },
	{ "kev_vm_irqfd", call_kev_vm_irqfd, KEV_VM_IRQFD },
	{ "kev_vcpu_inject", call_kev_vcpu_inject, KEV_VCPU_INJECT },
	{ "kev_vcpu_set_debug", call_kev_vcpu_set_debug, KEV_VCPU_SET_DEBUG },
	{ "kev_vcpu_get_state", call_kev_vcpu_get_state, KEV_VCPU_GET_STATE },
	{ "kev_vcpu_set_state", call_kev_vcpu_set_state, KEV_VCPU_SET_STATE },
	{ "kev_vcpu_stats", call_kev_vcpu_stats, KEV_VCPU_STATS },
	{ "kev_vcpu_counters", call_kev_vcpu_counters, KEV_VCPU_COUNTERS },
};

static const struct kev_create_vm create_vm = {
	.size = sizeof(create_vm), .flags = 3, .hypercall_abi = "none",
};

static int call_create_vm(void)
{
	return kev_create_vm(FD, 3, "none");
}

static const struct kev_create_vcpu create_vcpu = { .size = sizeof(create_vcpu), .id = 9 };

static int call_create_vcpu(void)
{
	return kev_vm_create_vcpu(FD, 9);
}

static const struct kev_add_region add_region = {
	.size = sizeof(add_region), .kind = 2, .prot = 1, .gpa = 0x1000, .length = 0x2000,
};

static int call_add_region(void)
{
	return kev_vm_add_region(FD, 2, 1, 0x1000, 0x2000);
}

static const struct kev_range_args range = {
	.size = sizeof(range), .gpa = 0x3000, .length = 0x4000,
};

static int call_remove_region(void)
{
	return kev_vm_remove_region(FD, 0x3000, 0x4000);
}

static int call_discard(void)
{
	return kev_vm_discard(FD, 0x3000, 0x4000);
}

static const struct kev_vcpu_interrupt interrupt = { .size = sizeof(interrupt), .vector = 0xfe };

static int call_interrupt(void)
{
	return kev_vcpu_interrupt(FD, 0xfe);
}

static const struct kev_signal signal_args = {
	.size = sizeof(signal_args), .address = 0xfee01000, .data = 0x41,
};

static int call_signal(void)
{
	return kev_vm_signal(FD, 0xfee01000, 0x41);
}

static int call_run(void)
{
	return kev_vcpu_run(FD);
}

static int call_kick(void)
{
	return kev_vcpu_kick(FD);
}

/* The library makes the structure of these. */
static const struct made {
	const char *name;
	int (*call)(void);
	unsigned long request;
	const void *argument;
	size_t size;
} made[] = {
	{ "kev_create_vm", call_create_vm, KEV_CREATE_VM, &create_vm, sizeof(create_vm) },
	{ "kev_vm_create_vcpu", call_create_vcpu, KEV_VM_CREATE_VCPU, &create_vcpu,
	  sizeof(create_vcpu) },
	{ "kev_vm_add_region", call_add_region, KEV_VM_ADD_REGION, &add_region,
	  sizeof(add_region) },
	{ "kev_vm_remove_region", call_remove_region, KEV_VM_REMOVE_REGION, &range,
	  sizeof(range) },
	{ "kev_vm_discard", call_discard, KEV_VM_DISCARD, &range, sizeof(range) },
	{ "kev_vcpu_interrupt", call_interrupt, KEV_VCPU_INTERRUPT, &interrupt,
	  sizeof(interrupt) },
	{ "kev_vm_signal", call_signal, KEV_VM_SIGNAL, &signal_args, sizeof(signal_args) },
	{ "kev_vcpu_run", call_run, KEV_VCPU_RUN, NULL, 0 },
	{ "kev_vcpu_kick", call_kick, KEV_VCPU_KICK, NULL, 0 },
};

/* Result and errno, without and with a failure */
static bool results(int (*call)(void), unsigned long request)
{
	bool right;

	seen.error = 0;
	right = call() == 5 && seen.fd == FD && seen.request == request;
	seen.error = ENOTTY;
	return right && call() == -ENOTTY;
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		tap_result(results(forwarded[i].call, forwarded[i].request) &&
			   seen.argument == structure, forwarded[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		const struct made *call = &made[i];

		tap_result(results(call->call, call->request) &&
			   call->size <= sizeof(seen.bytes) && !seen.argument == !call->size &&
			   (!call->size || !memcmp(seen.bytes, call->argument, call->size)),
			   call->name);
	}
	return tap_end();
}
