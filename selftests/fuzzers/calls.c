// SPDX-License-Identifier: GPL-2.0
/* Every call of kev, and arguments for it that are nearly right */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "calls.h"

#define FIELD(type, member, kind, arg)						\
	{ offsetof(struct type, member), sizeof(((struct type *)0)->member), kind, arg }
#define RIGHTS	(KEV_MEM_READ | KEV_MEM_WRITE | KEV_MEM_EXEC)

static const struct fz_field create_vm[] = {
	FIELD(kev_create_vm, flags, FZ_FLAGS, 0x7f),
	FIELD(kev_create_vm, huge_pages, FZ_ENUM, KEV_HUGE_ALWAYS),
	FIELD(kev_create_vm, fault_around, FZ_ENUM, 2),
};

static const struct fz_field create_vcpu[] = { FIELD(kev_create_vcpu, id, FZ_ENUM, 5) };

static const struct fz_field add_region[] = {
	FIELD(kev_add_region, kind, FZ_ENUM, KEV_REGION_PRINT),
	FIELD(kev_add_region, prot, FZ_FLAGS, RIGHTS),
	FIELD(kev_add_region, gpa, FZ_GPA, 0),
	FIELD(kev_add_region, length, FZ_LENGTH, 0),
	FIELD(kev_add_region, user_address, FZ_ZERO, 0),
};

/* The same for the kinds that need more */
static const struct fz_field add_user[] = {
	FIELD(kev_add_region, kind, FZ_ENUM, 0),
	FIELD(kev_add_region, prot, FZ_FLAGS, RIGHTS),
	FIELD(kev_add_region, gpa, FZ_GPA, 0),
	FIELD(kev_add_region, length, FZ_LENGTH, 0),
	FIELD(kev_add_region, user_address, FZ_PAGES, 0),
};

static const struct fz_field add_file[] = {
	FIELD(kev_add_region, kind, FZ_ENUM, 0),
	FIELD(kev_add_region, prot, FZ_FLAGS, RIGHTS),
	FIELD(kev_add_region, gpa, FZ_GPA, 0),
	FIELD(kev_add_region, length, FZ_LENGTH, 0),
	FIELD(kev_add_region, fd, FZ_DESCRIPTOR, FZ_FILE),
	FIELD(kev_add_region, offset, FZ_BYTES, 0),
	FIELD(kev_add_region, file_bytes, FZ_BYTES, 0),
};

static const struct fz_field attach[] = {
	FIELD(kev_attach_image, flags, FZ_FLAGS, 0xf),
	FIELD(kev_attach_image, fd, FZ_DESCRIPTOR, FZ_FILE),
	FIELD(kev_attach_image, boot, FZ_BOOT, 0),
	FIELD(kev_attach_image, ram_kib, FZ_RAM, 0),
	FIELD(kev_attach_image, load_base, FZ_BASE, 0),
	FIELD(kev_attach_image, cmdline, FZ_USER, 0),
	FIELD(kev_attach_image, modules, FZ_MODULES, 0),
	FIELD(kev_attach_image, cmdline_length, FZ_ENUM, 40),
	FIELD(kev_attach_image, nr_modules, FZ_ENUM, 3),
};

static const struct fz_field range[] = {
	FIELD(kev_range_args, gpa, FZ_GPA, 0),
	FIELD(kev_range_args, length, FZ_LENGTH, 0),
};

static const struct fz_field query_memory[] = { FIELD(kev_query_memory, gpa, FZ_GPA, 0) };

static const struct fz_field get_dirty[] = {
	FIELD(kev_get_dirty, gpa, FZ_GPA, 0),
	FIELD(kev_get_dirty, length, FZ_LENGTH, 0),
	FIELD(kev_get_dirty, bitmap, FZ_USER, 0),
};

static const struct fz_field translate[] = {
	FIELD(kev_translate, flags, FZ_FLAGS, KEV_ADDRESS_GVA),
	FIELD(kev_translate, address, FZ_GPA, 0),
};

static const struct fz_field copy[] = {
	FIELD(kev_access, flags, FZ_FLAGS, KEV_ADDRESS_GVA),
	FIELD(kev_access, address, FZ_GPA, 0),
	FIELD(kev_access, buffer, FZ_USER, 0),
	FIELD(kev_access, length, FZ_BYTES, 0),
};

static const struct fz_field cpuid[] = {
	FIELD(kev_cpuid, nr, FZ_ENUM, 64),
	FIELD(kev_cpuid, entries, FZ_CPUIDS, 0),
};

static const struct fz_field set_msrs[] = {
	FIELD(kev_set_msrs, nr, FZ_ENUM, 6),
	FIELD(kev_set_msrs, entries, FZ_MSRS, 0),
};

static const struct fz_field set_exits[] = {
	FIELD(kev_set_exits, report, FZ_FLAGS, KEV_INTERCEPT_ALL),
	FIELD(kev_set_exits, pass, FZ_FLAGS, KEV_INTERCEPT_PAUSE),
	FIELD(kev_set_exits, exceptions, FZ_FLAGS, 0xfffbfffb),
};

static const struct fz_field doorbell[] = {
	FIELD(kev_doorbell, flags, FZ_FLAGS, 7),
	FIELD(kev_doorbell, fd, FZ_DESCRIPTOR, FZ_EVENT),
	FIELD(kev_doorbell, width, FZ_ENUM, 4),
	FIELD(kev_doorbell, address, FZ_GPA, 0),
	FIELD(kev_doorbell, data, FZ_ENUM, 1),
};

static const struct fz_field irqfd[] = {
	FIELD(kev_irqfd, flags, FZ_FLAGS, KEV_IRQFD_REMOVE),
	FIELD(kev_irqfd, fd, FZ_DESCRIPTOR, FZ_EVENT),
	FIELD(kev_irqfd, data, FZ_ENUM, 0xff),
	FIELD(kev_irqfd, address, FZ_ANY, 0xfee00000),
};

static const struct fz_field signals[] = {
	FIELD(kev_signal, address, FZ_ANY, 0xfee00000),
	FIELD(kev_signal, data, FZ_ENUM, 0xff),
};

static const struct fz_field counters[] = {
	FIELD(kev_counters, nr_counters, FZ_ENUM, 300),
	FIELD(kev_counters, nr_exits, FZ_ENUM, 300),
	FIELD(kev_counters, counters, FZ_USER, 0),
	FIELD(kev_counters, exits, FZ_USER, 0),
};

static const struct fz_field state[] = {
	FIELD(kev_vcpu_state, groups, FZ_FLAGS, KEV_STATE_ALL),
	FIELD(kev_vcpu_state, controls.cr0, FZ_ANY, 0x80010033),
	FIELD(kev_vcpu_state, controls.cr3, FZ_GPA, 0),
	FIELD(kev_vcpu_state, controls.cr4, FZ_ANY, 0x620),
	FIELD(kev_vcpu_state, controls.efer, FZ_ANY, 0x500),
	FIELD(kev_vcpu_state, controls.dr7, FZ_ANY, 0x400),
	FIELD(kev_vcpu_state, gprs.rip, FZ_GPA, 0),
	FIELD(kev_vcpu_state, gprs.rflags, FZ_ANY, 2),
	FIELD(kev_vcpu_state, mp.state, FZ_ENUM, KEV_MP_WAIT_FOR_SIPI),
	FIELD(kev_vcpu_state, xsave, FZ_USER, 0),
	FIELD(kev_vcpu_state, xsave_size, FZ_ANY, 832),
	FIELD(kev_vcpu_state, msr_values, FZ_USER, 0),
	FIELD(kev_vcpu_state, nr_msr_values, FZ_ENUM, 3),
};

static const struct fz_field interrupt[] = { FIELD(kev_vcpu_interrupt, vector, FZ_ENUM, 0xff) };

static const struct fz_field inject[] = {
	FIELD(kev_vcpu_inject, flags, FZ_FLAGS, KEV_INJECT_ERROR_CODE),
	FIELD(kev_vcpu_inject, type, FZ_ENUM, KEV_INJECT_EXCEPTION),
	FIELD(kev_vcpu_inject, vector, FZ_ENUM, 32),
	FIELD(kev_vcpu_inject, error_code, FZ_ENUM, 1),
};

static const struct fz_field set_debug[] = {
	FIELD(kev_vcpu_debug, flags, FZ_FLAGS, 7),
	FIELD(kev_vcpu_debug, dr[0], FZ_GPA, 0),
	FIELD(kev_vcpu_debug, dr[1], FZ_GPA, 0),
	FIELD(kev_vcpu_debug, dr7, FZ_FLAGS, 0xffff03ff),
};

#define LIST(fields)	fields, ARRAY_SIZE(fields)
#define CALL(name, weight, kind, cmd, type, ...)				\
	{ name, weight, kind, cmd, sizeof(struct type), __VA_ARGS__ }
#define NOTHING		NULL, 0, FZ_NR_KINDS, NULL

#define ACTION(name, weight)							\
	{ #name, weight, FZ_NR_KINDS, 0, 0, NULL, 0, FZ_NR_KINDS, fz_act_##name },

const struct fz_call fz_calls[] = {
	FZ_ACTIONS(ACTION)
	CALL("query", 1, FZ_KEV, KEV_QUERY, kev_query, NOTHING),
	CALL("create_vm", 3, FZ_KEV, KEV_CREATE_VM, kev_create_vm, LIST(create_vm), FZ_VM, NULL),
	CALL("create_vcpu", 3, FZ_VM, KEV_VM_CREATE_VCPU, kev_create_vcpu, LIST(create_vcpu),
	     FZ_VCPU, NULL),
	CALL("add_region", 6, FZ_VM, KEV_VM_ADD_REGION, kev_add_region, LIST(add_region),
	     FZ_NR_KINDS, NULL),
	CALL("add_user", 3, FZ_VM, KEV_VM_ADD_REGION, kev_add_region, LIST(add_user),
	     FZ_NR_KINDS, NULL),
	CALL("add_file", 3, FZ_VM, KEV_VM_ADD_REGION, kev_add_region, LIST(add_file),
	     FZ_NR_KINDS, NULL),
	CALL("attach", 3, FZ_VM, KEV_VM_ATTACH_IMAGE, kev_attach_image, LIST(attach),
	     FZ_NR_KINDS, NULL),
	CALL("status", 1, FZ_VM, KEV_VM_STATUS, kev_vm_status, NOTHING),
	CALL("vm_stats", 1, FZ_VM, KEV_VM_STATS, kev_vm_stats, NOTHING),
	CALL("remove_region", 4, FZ_VM, KEV_VM_REMOVE_REGION, kev_range_args, LIST(range),
	     FZ_NR_KINDS, NULL),
	CALL("query_memory", 2, FZ_VM, KEV_VM_QUERY_MEMORY, kev_query_memory, LIST(query_memory),
	     FZ_NR_KINDS, NULL),
	CALL("discard", 3, FZ_VM, KEV_VM_DISCARD, kev_range_args, LIST(range), FZ_NR_KINDS, NULL),
	CALL("get_dirty", 3, FZ_VM, KEV_VM_GET_DIRTY, kev_get_dirty, LIST(get_dirty),
	     FZ_NR_KINDS, NULL),
	CALL("translate", 2, FZ_VM, KEV_VM_TRANSLATE, kev_translate, LIST(translate),
	     FZ_NR_KINDS, NULL),
	CALL("read", 4, FZ_VM, KEV_VM_READ, kev_access, LIST(copy), FZ_NR_KINDS, NULL),
	CALL("write", 4, FZ_VM, KEV_VM_WRITE, kev_access, LIST(copy), FZ_NR_KINDS, NULL),
	CALL("set_cpuid", 2, FZ_VM, KEV_VM_SET_CPUID, kev_cpuid, LIST(cpuid), FZ_NR_KINDS, NULL),
	CALL("get_cpuid", 1, FZ_VM, KEV_VM_GET_SUPPORTED_CPUID, kev_cpuid, LIST(cpuid),
	     FZ_NR_KINDS, NULL),
	CALL("set_msrs", 2, FZ_VM, KEV_VM_SET_MSRS, kev_set_msrs, LIST(set_msrs),
	     FZ_NR_KINDS, NULL),
	CALL("set_exits", 2, FZ_VM, KEV_VM_SET_EXITS, kev_set_exits, LIST(set_exits),
	     FZ_NR_KINDS, NULL),
	CALL("doorbell", 3, FZ_VM, KEV_VM_DOORBELL, kev_doorbell, LIST(doorbell),
	     FZ_NR_KINDS, NULL),
	CALL("irqfd", 3, FZ_VM, KEV_VM_IRQFD, kev_irqfd, LIST(irqfd), FZ_NR_KINDS, NULL),
	CALL("signal_msi", 2, FZ_VM, KEV_VM_SIGNAL, kev_signal, LIST(signals), FZ_NR_KINDS, NULL),
	CALL("vm_counters", 1, FZ_VM, KEV_VM_COUNTERS, kev_counters, LIST(counters),
	     FZ_NR_KINDS, NULL),
	{ "run", 16, FZ_VCPU, KEV_VCPU_RUN, 0, NOTHING },
	{ "kick", 4, FZ_VCPU, KEV_VCPU_KICK, 0, NOTHING },
	CALL("get_state", 3, FZ_VCPU, KEV_VCPU_GET_STATE, kev_vcpu_state, LIST(state),
	     FZ_NR_KINDS, NULL),
	CALL("raw_state", 2, FZ_VCPU, KEV_VCPU_SET_STATE, kev_vcpu_state, LIST(state),
	     FZ_NR_KINDS, NULL),
	CALL("vcpu_stats", 1, FZ_VCPU, KEV_VCPU_STATS, kev_vcpu_stats, NOTHING),
	CALL("interrupt", 3, FZ_VCPU, KEV_VCPU_INTERRUPT, kev_vcpu_interrupt, LIST(interrupt),
	     FZ_NR_KINDS, NULL),
	CALL("inject", 4, FZ_VCPU, KEV_VCPU_INJECT, kev_vcpu_inject, LIST(inject),
	     FZ_NR_KINDS, NULL),
	CALL("set_debug", 3, FZ_VCPU, KEV_VCPU_SET_DEBUG, kev_vcpu_debug, LIST(set_debug),
	     FZ_NR_KINDS, NULL),
	CALL("vcpu_counters", 1, FZ_VCPU, KEV_VCPU_COUNTERS, kev_counters, LIST(counters),
	     FZ_NR_KINDS, NULL),
};

_Static_assert(ARRAY_SIZE(fz_calls) <= FZ_MAX_CALLS, "counters for each call");
const unsigned int fz_nr_calls = ARRAY_SIZE(fz_calls);
const unsigned int fz_guest_call;	/* the first of FZ_ACTIONS */

/* ---- values ---- */

static uint64_t any_gpa(uint64_t *random)
{
	static const uint64_t bases[] = {
		0, 0x1000, 0x2000, 0x9000, KT_CODE_GPA, KT_CODE_GPA, 0x200000, 0x400000, 0x80000000,
		0xfee00000, 0x100000000, 0x200000000, 0x7fffe00000,
	};
	uint64_t gpa = bases[fz_below(random, ARRAY_SIZE(bases))];

	if (fz_one_in(random, 2))
		gpa += fz_below(random, 16) * KT_PAGE;
	if (fz_one_in(random, 8))
		gpa += fz_below(random, KT_PAGE);
	return gpa;
}

static uint64_t any_length(uint64_t *random)
{
	switch (fz_below(random, 4)) {
	case 0:
		return KT_PAGE;
	case 1:
		return KT_MIB << fz_below(random, 8);
	default:
		return KT_PAGE * (1 + fz_below(random, 32));
	}
}

static uint64_t any_bytes(uint64_t *random)
{
	switch (fz_below(random, 3)) {
	case 0:
		return 1 << fz_below(random, 4);
	case 1:
		return fz_below(random, 3 * KT_PAGE);
	default:
		return KT_PAGE * fz_below(random, 5);
	}
}

/* Mostly memory that is there; the area's end, and a mapping of the VM's own, too */
static uint64_t any_user(struct fz_world *world, uint64_t *random)
{
	uintptr_t area = (uintptr_t)world->area;
	uint8_t *map;
	size_t size;

	switch (fz_below(random, 8)) {
	case 0:
		return area + FZ_AREA_SIZE - KT_PAGE - fz_below(random, 64);
	case 1:
		map = fz_map(world, fz_random(random), &size);
		if (map)
			return (uintptr_t)map + fz_below(random, KT_PAGE);
		/* Fall through */
	default:
		return area + 16 * KT_PAGE + fz_below(random, 40 * KT_PAGE);
	}
}

/* Arrays lie in a part of the area of their own, each thread's somewhere else. */
static void *room(struct fz_world *world, uint64_t *random)
{
	return world->area + KT_PAGE * fz_below(random, 12) + 8 * fz_below(random, 64);
}

/* The area may have lost its rights to a step before. */
struct array {
	void *to, *from;
	size_t size;
};

static void copy_array(void *arg)
{
	const struct array *array = arg;

	memcpy(array->to, array->from, array->size);
}

static uint64_t put_array(struct fz_world *world, uint64_t *random, void *from, size_t size)
{
	struct array array = { room(world, random), from, size };

	fz_try(copy_array, &array);
	return (uintptr_t)array.to;
}

static uint64_t any_cpuids(struct fz_world *world, uint64_t *random)
{
	static const uint32_t leaves[] = {
		0, 1, 4, 7, 0xd, 0xb, 0x40000000, 0x80000000, 0x80000001,
	};
	struct kev_cpuid_entry entries[24] = { };

	for (unsigned int i = 0; i < ARRAY_SIZE(entries); i++) {
		entries[i].leaf = leaves[fz_below(random, ARRAY_SIZE(leaves))] +
				  fz_below(random, 2);
		if (fz_one_in(random, 2)) {
			entries[i].flags = KEV_CPUID_SUBLEAF;
			entries[i].subleaf = fz_below(random, 4);
		}
		for (unsigned int j = 0; j < 4; j++) {
			if (fz_one_in(random, 3))
				entries[i].mask[j] = fz_number(random);
			if (fz_one_in(random, 3))
				entries[i].value[j] = fz_number(random);
		}
	}
	return put_array(world, random, entries, sizeof(entries));
}

static uint64_t any_msrs(struct fz_world *world, uint64_t *random)
{
	static const uint32_t firsts[] = {
		0x10, 0x1b, 0x174, 0x277, 0x800, 0x4b564d00, 0xc0000080,
	};
	struct kev_msr_policy entries[6] = { };

	for (unsigned int i = 0; i < ARRAY_SIZE(entries); i++) {
		entries[i].first = fz_one_in(random, 2) ? 0x5000 + 16 * i :
				   firsts[fz_below(random, ARRAY_SIZE(firsts))] +
				   fz_below(random, 16);
		entries[i].policy = fz_below(random, KEV_MSR_REPORT + 1);
		entries[i].count = 1;
		if (entries[i].policy == KEV_MSR_VALUE)
			entries[i].value = fz_number(random);
		else
			entries[i].count += fz_below(random, 12);
	}
	return put_array(world, random, entries, sizeof(entries));
}

static uint64_t any_modules(struct fz_world *world, uint64_t *random)
{
	struct kev_boot_module modules[3] = { };

	for (unsigned int i = 0; i < ARRAY_SIZE(modules); i++) {
		modules[i].fd = fz_fd(world, FZ_FILE, fz_random(random));
		modules[i].cmdline_length = fz_below(random, 20);
		modules[i].cmdline = any_user(world, random);
	}
	return put_array(world, random, modules, sizeof(modules));
}

static uint64_t value_of(struct fz_world *world, const struct fz_field *field, uint64_t *random)
{
	switch (field->kind) {
	case FZ_ZERO:
		return 0;
	case FZ_FLAGS:
		return fz_one_in(random, 2) ? 0 :
		       field->arg & (fz_random(random) | (uint64_t)fz_random(random) << 32);
	case FZ_ENUM:
		return fz_below(random, field->arg + 1);
	case FZ_BOOT:
		return fz_one_in(random, 3) ? KEV_BOOT_AUTO : fz_below(random, KEV_BOOT_PVH + 1);
	case FZ_RAM:
		return fz_one_in(random, 4) ? any_bytes(random) :
			(uint64_t)KT_RAM_KIB << fz_below(random, 6);
	case FZ_BASE:
		return fz_one_in(random, 2) ? 0 : fz_below(random, 64) * KT_PAGE;
	case FZ_GPA:
		return any_gpa(random);
	case FZ_LENGTH:
		return any_length(random);
	case FZ_BYTES:
		return any_bytes(random);
	case FZ_USER:
		return any_user(world, random);
	case FZ_PAGES:
		return any_user(world, random) & -KT_PAGE;
	case FZ_DESCRIPTOR:
		return fz_fd(world, field->arg, fz_random(random));
	case FZ_ANY:
		return field->arg;
	case FZ_CPUIDS:
		return any_cpuids(world, random);
	case FZ_MSRS:
		return any_msrs(world, random);
	case FZ_MODULES:
		return any_modules(world, random);
	}
	return 0;
}

/*
 * Bochs never wakes a processor whose guest is in HLT or MWAIT by itself with RFLAGS.IF clear,
 * whatever comes; a real one exits for the host's interrupt.
 */
static void keep_awake(const struct fz_call *call, uint8_t *bytes)
{
	struct kev_set_exits *exits = (void *)bytes;

	if (call->cmd == KEV_VM_SET_EXITS)
		exits->pass &= ~(KEV_INTERCEPT_HLT | KEV_INTERCEPT_MWAIT);
}

/* The kind that a step's name says belongs to its fields. */
static void fix_kind(const struct fz_call *call, uint8_t *bytes)
{
	struct kev_add_region *region = (void *)bytes;

	if (call->fields == add_user)
		region->kind = KEV_REGION_USER;
	if (call->fields == add_file)
		region->kind = KEV_REGION_FILE;
}

void fz_apply_patch(const struct fz_step *step, uint8_t *bytes, size_t size)
{
	if (step->width && step->at + step->width <= size)
		memcpy(bytes + step->at, &step->value, step->width);
}

void fz_fill(struct fz_world *world, const struct fz_step *step, uint64_t *random, uint8_t *bytes)
{
	const struct fz_call *call = &fz_calls[step->call];
	uint32_t size = call->size;
	unsigned int i;

	memset(bytes, 0, call->size);
	for (i = 0; i < call->nr_fields; i++) {
		const struct fz_field *field = &call->fields[i];
		uint64_t value = value_of(world, field, random);

		memcpy(bytes + field->at, &value, field->width);
	}
	fix_kind(call, bytes);
	for (i = step->odd; i > 0; i--) {
		uint64_t value = fz_number(random);
		const struct fz_field *field;

		if (call->nr_fields && !fz_one_in(random, 4)) {
			field = &call->fields[fz_below(random, call->nr_fields)];
			memcpy(bytes + field->at, &value, field->width);
		} else {
			memcpy(bytes + 4 + fz_below(random, size - 4), &value, 1);
		}
	}
	/* As an older or a newer program would have it, and as none would */
	if (step->odd && fz_one_in(random, 4))
		size = fz_one_in(random, 2) ? fz_below(random, 2 * size) : fz_number(random);
	memcpy(bytes, &size, sizeof(size));
	fz_apply_patch(step, bytes, KT_PAGE);
	keep_awake(call, bytes);
}

/* ---- a call ---- */

/* Documentation/api.rst, "Errors" */
static bool may_say(int error)
{
	static const int errors[] = {
		EINVAL, E2BIG, EFAULT, ENOTTY, EPERM, EBUSY, EEXIST, ENOENT, ENOSPC, EACCES,
		EOPNOTSUPP, EBADF, EISDIR, ENOEXEC, ETXTBSY, EINTR, EAGAIN, EIO, ENOMEM, EMFILE,
		ENFILE, EDQUOT,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++)
		if (error == errors[i])
			return true;
	return false;
}

static void do_ioctl(struct fz_world *world, const struct fz_step *step, uint64_t *random)
{
	const struct fz_call *call = &fz_calls[step->call];
	uint8_t bytes[KT_PAGE] __attribute__((aligned(64)));
	enum fz_kind kind = call->kind;
	struct array array;
	void *arg = NULL;
	long ret;

	memset(bytes, 0, sizeof(bytes));
	if (call->size) {
		fz_fill(world, step, random, bytes);
		arg = bytes;
		/* Where others may change it, or take it away */
		if (fz_one_in(random, 4)) {
			array = (struct array) {
				(void *)any_user(world, random), bytes, call->size,
			};
			fz_try(copy_array, &array);
			arg = array.to;
		}
	} else if (step->odd) {
		arg = (void *)(uintptr_t)fz_number(random);
	}
	if (step->odd == 3)
		kind = fz_below(random, FZ_NR_KINDS);
	ret = kt_ioctl(fz_fd(world, kind, step->object), call->cmd, arg);
	if (ret < 0) {
		atomic_fetch_add(&world->refused[step->call], 1);
		/* What a descriptor of another kind says is not kev's. */
		if (kind == call->kind && !may_say(-ret))
			fz_found(world, FZ_ERRNO, step->call, -ret);
		return;
	}
	atomic_fetch_add(&world->taken[step->call], 1);
	if (call->makes != FZ_NR_KINDS && kind == call->kind)
		fz_put(world, call->makes, step->object + fz_below(random, 2), ret);
}

void fz_do(struct fz_world *world, const struct fz_step *step)
{
	uint64_t random = step->seed;

	if (fz_calls[step->call].act)
		fz_calls[step->call].act(world, step, &random);
	else
		do_ioctl(world, step, &random);
}
