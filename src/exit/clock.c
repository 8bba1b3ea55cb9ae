// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM's paravirtual clock, for a VM with KEV_VM_CLOCK.
 *
 * A guest's time is its TSC, but for what it has added itself, in nanoseconds: it begins
 * with the VM. IA32_TSC_ADJUST says what a guest has added, so a page holds that and the
 * factors, and changes only with it. All vCPUs tell the same time (the stable bit), on
 * every CPU and after a move to another VM.
 *
 * Writes to the MSRs reach guest memory, which may sleep: they are the slow level's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <asm/kvm_para.h>
#include <asm/msr-index.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>
#include <kev/backend.h>
#include <kev/clock.h>
#include <kev/clock_scale.h>
#include <kev/hw.h>
#include <kev/msr.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

#define CLOCK_ENABLE	BIT_ULL(0)
#define CLOCK_ALIGN	4ULL		/* of both structures */

/* The host runs in one frequency, or this is no clock at all. */
static struct kev_clock_scale host_scale(void)
{
	return kev_clock_scale(tsc_khz);
}

static bool has_clock(const struct kev_vcpu *vcpu)
{
	return vcpu->vm->flags & KEV_VM_CLOCK;
}

static bool gpa_valid(u64 gpa)
{
	return IS_ALIGNED(gpa, CLOCK_ALIGN) && !(gpa >> kev_info.phys_bits);
}

/*
 * An -errno of guest memory: the guest has given a bad address, or the page cannot be had
 * now and the instruction runs again.
 */
static enum kev_verdict write_failed(struct kev_vcpu *vcpu, const struct kev_touch *touch, int ret)
{
	const struct kev_exit_memory memory = {
		.gpa = touch->gpa,
		.kind = touch->kind,
		.prot = touch->prot,
		.access = KEV_MEM_WRITE,
	};

	if (ret == -ENOENT || ret == -EACCES)
		return kev_queue_gp(vcpu);
	if (ret == -EINTR)
		return KEV_KICKED;
	return kev_report_memory(vcpu, &memory, ret);
}

/* As touch->access says. 0, or an errno: all of it or what a page boundary leaves */
static int copy_guest(struct kev_vcpu *vcpu, struct kev_touch *touch, u64 gpa, void *bytes,
		      size_t size)
{
	ssize_t ret;
	size_t done = 0;

	while (done < size) {
		touch->gpa = gpa + done;
		ret = kev_mem_copy(&vcpu->vm->mem, touch, bytes + done, size - done);
		if (ret < 0)
			return ret;
		done += ret;
	}
	return 0;
}

static void init_touch(struct kev_vcpu *vcpu, struct kev_touch *touch)
{
	*touch = (struct kev_touch) {
		.access = KEV_MEM_WRITE,
		.stop = &vcpu->requests,
		.stop_mask = KEV_REQ_LEAVE,
	};
}

/*
 * A structure of @size bytes that begins with its version. While that is odd the rest may be half
 * written: a guest that reads so tries again. Each step is a copy of its own, in this order.
 */
static int write_versioned(struct kev_vcpu *vcpu, struct kev_touch *touch, u64 gpa,
			   void *structure, size_t size)
{
	u32 *version = structure;
	int ret;

	init_touch(vcpu, touch);
	/* It goes up from what is there: the guest may have come from another machine. */
	touch->access = KEV_MEM_READ;
	ret = copy_guest(vcpu, touch, gpa, version, sizeof(*version));
	if (ret)
		return ret;
	touch->access = KEV_MEM_WRITE;
	*version += 1 + (*version & 1);
	ret = copy_guest(vcpu, touch, gpa, version, sizeof(*version));
	if (!ret)
		ret = copy_guest(vcpu, touch, gpa + sizeof(*version),
				 structure + sizeof(*version), size - sizeof(*version));
	++*version;
	if (!ret)
		ret = copy_guest(vcpu, touch, gpa, version, sizeof(*version));
	return ret;
}

static int write_page(struct kev_vcpu *vcpu, struct kev_touch *touch)
{
	const struct kev_clock_scale scale = host_scale();
	u64 gpa = vcpu->clock.system_time & ~CLOCK_ENABLE;
	struct pvclock_vcpu_time_info info = {
		.tsc_timestamp = vcpu->msr.tsc_adjust,
		.tsc_to_system_mul = scale.mul,
		.tsc_shift = scale.shift,
		.flags = check_tsc_unstable() ? 0 : PVCLOCK_TSC_STABLE_BIT,
	};

	BUILD_BUG_ON(offsetof(struct pvclock_vcpu_time_info, version));
	BUILD_BUG_ON(sizeof(info) != 32);
	return write_versioned(vcpu, touch, gpa, &info, sizeof(info));
}

static int read_system_time(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->clock.system_time;
	return has_clock(vcpu) ? 0 : -ENOENT;
}

static enum kev_verdict write_system_time(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	u64 old = vcpu->clock.system_time;
	struct kev_touch touch;
	int ret;

	if (!has_clock(vcpu))
		return KEV_PASS;
	if (!kev_system_time_valid(value))
		return kev_queue_gp(vcpu);
	vcpu->clock.system_time = value;
	if (!(value & CLOCK_ENABLE))
		return KEV_RESUME;
	ret = write_page(vcpu, &touch);
	if (!ret)
		return KEV_RESUME;
	vcpu->clock.system_time = old;
	return write_failed(vcpu, &touch, ret);
}

const struct kev_msr_ops kev_msr_system_time = {
	.read_msr = read_system_time,
	.slow_write = write_system_time,
};

/* The time of day when the guest's clock was 0 */
static u64 wall_start(const struct kev_vcpu *vcpu)
{
	unsigned long flags;
	u64 ticks, now;

	/* Nothing comes between the two. */
	local_irq_save(flags);
	ticks = kev_hw_tsc();
	now = ktime_get_real_ns();
	local_irq_restore(flags);
	/* As the page has it: without what the guest has added */
	ticks += kev_backend->tsc_offset(vcpu) - vcpu->msr.tsc_adjust;
	return now - kev_clock_ns(host_scale(), ticks);
}

static int write_wall(struct kev_vcpu *vcpu, u64 gpa, struct kev_touch *touch)
{
	u64 start = wall_start(vcpu);
	struct pvclock_wall_clock wall;
	u32 nsec;

	BUILD_BUG_ON(offsetof(struct pvclock_wall_clock, version));
	BUILD_BUG_ON(sizeof(wall) != 12);
	wall.sec = div_u64_rem(start, NSEC_PER_SEC, &nsec);
	wall.nsec = nsec;
	return write_versioned(vcpu, touch, gpa, &wall, sizeof(wall));
}

static int read_wall_clock(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->clock.wall_clock;
	return has_clock(vcpu) ? 0 : -ENOENT;
}

static enum kev_verdict write_wall_clock(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	struct kev_touch touch;
	int ret;

	if (!has_clock(vcpu))
		return KEV_PASS;
	if (!kev_wall_clock_valid(value))
		return kev_queue_gp(vcpu);
	/* No page: a guest that is done with it */
	ret = value ? write_wall(vcpu, value, &touch) : 0;
	if (ret)
		return write_failed(vcpu, &touch, ret);
	vcpu->clock.wall_clock = value;
	return KEV_RESUME;
}

const struct kev_msr_ops kev_msr_wall_clock = {
	.read_msr = read_wall_clock,
	.slow_write = write_wall_clock,
};

/**
 * kev_clock_moved() - the guest's TSC has been changed: its page has to say so
 * @vcpu: the caller owns it
 *
 * Context: any, armed too.
 */
void kev_clock_moved(struct kev_vcpu *vcpu)
{
	if (vcpu->clock.system_time & CLOCK_ENABLE)
		set_bit(KEV_REQ_CLOCK, &vcpu->requests);
}

/**
 * kev_clock_update() - write the guest's page again
 * @vcpu: the caller holds its lock
 *
 * A page that is no longer guest memory is forgotten.
 *
 * Context: process, may sleep.
 * Return: KEV_RETRY to go on; KEV_REPORT: it cannot be written now. Then, and after a
 * signal, the request is kept.
 */
enum kev_verdict kev_clock_update(struct kev_vcpu *vcpu)
{
	struct kev_touch touch;
	int ret = 0;

	if (vcpu->clock.system_time & CLOCK_ENABLE)
		ret = write_page(vcpu, &touch);
	if (!ret)
		return KEV_RETRY;
	if (ret == -ENOENT || ret == -EACCES) {
		vcpu->clock.system_time &= ~CLOCK_ENABLE;
		return KEV_RETRY;
	}
	set_bit(KEV_REQ_CLOCK, &vcpu->requests);
	return ret == -EINTR ? KEV_RETRY : write_failed(vcpu, &touch, ret);
}

/**
 * kev_system_time_valid() - could a guest have written this
 * @value: MSR 0x4b564d01
 *
 * Context: any.
 * Return: true: the structure is aligned, and lies in guest-physical addresses.
 */
bool kev_system_time_valid(u64 value)
{
	return gpa_valid(value & ~CLOCK_ENABLE);
}

/**
 * kev_wall_clock_valid() - could a guest have written this
 * @value: MSR 0x4b564d00
 *
 * Context: any.
 * Return: true: the structure is aligned, and lies in guest-physical addresses.
 */
bool kev_wall_clock_valid(u64 value)
{
	return gpa_valid(value);
}

/**
 * kev_clock_set() - give a vCPU the clock of another
 * @vcpu: the caller holds its lock
 * @system_time: one that kev_system_time_valid() likes
 * @wall_clock: its page is not written: the guest has it
 *
 * The page is written before the guest goes on.
 *
 * Context: any.
 */
void kev_clock_set(struct kev_vcpu *vcpu, u64 system_time, u64 wall_clock)
{
	vcpu->clock.system_time = system_time;
	vcpu->clock.wall_clock = wall_clock;
	kev_clock_moved(vcpu);
}
