// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs that wait: behind an HLT, or for a SIPI.
 *
 * A vCPU waits in the kernel for as long as something can still wake one of its VM.
 * When nothing can, RUN of each one that waits reports it. Who may wake one: a vCPU that
 * is neither halted nor waiting for a SIPI, wherever it is; one for which an event waits
 * that ends its halt; a timer that is armed and not masked; an eventfd that interrupts.
 * What user space may do of its own accord does not count.
 *
 * The look at all vCPUs takes no lock, and is right nevertheless:
 *
 * - A vCPU says that it is idle (kev_vcpu.mp), with a full barrier, before it looks. Of
 *   several that go idle at once the last one sees all the others.
 * - The look goes round twice, and each time finds every vCPU idle with no event that
 *   waits for it; and it finds that none has stopped being idle meanwhile (kev_vm.wakeups,
 *   which goes up before a vCPU stops). So there was a moment, between the two rounds, at
 *   which all were idle. After it no guest has sent anything; what was sent before it is
 *   seen by the second round, as a vCPU takes no event that wakes it away before it stops.
 * - Whether a timer will wake the vCPU is noted before it goes idle, and holds until it
 *   stops: its expiry alone changes nothing of that.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/xarray.h>
#include <kev/apic.h>
#include <kev/exit.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/* A priority class that no interrupt exceeds */
#define CLASS_NONE	16

/* Requests for which a wait ends, whatever becomes of it */
#define REQUESTS	(KEV_REQ_LEAVE | BIT(KEV_REQ_MP))

/**
 * kev_halt_begin() - the guest has executed HLT
 * @vcpu: the caller owns it
 * @interruptible: an external interrupt ends it
 * @nmi: an NMI ends it
 *
 * Context: process.
 */
void kev_halt_begin(struct kev_vcpu *vcpu, bool interruptible, bool nmi)
{
	unsigned int class = interruptible ? kev_apic_ppr_now(vcpu) >> 4 : CLASS_NONE;
	bool timer;

	kev_apic_sync(vcpu);
	if (interruptible && kev_apic_deliverable(vcpu) >= 0) {
		set_bit(KEV_REQ_INTERRUPT, &vcpu->requests);
		return;
	}
	WRITE_ONCE(vcpu->halt.class, class);
	WRITE_ONCE(vcpu->halt.nmi, nmi);
	timer = vcpu->apic.timer.armed && kev_apic_lvt_wakes(vcpu, KEV_LVT_TIMER, class);
	WRITE_ONCE(vcpu->halt.timer, timer);
	WRITE_ONCE(vcpu->halt.error, kev_apic_lvt_wakes(vcpu, KEV_LVT_ERROR, class));
	/* Who finds it halted finds what ends that; see above. */
	smp_store_release(&vcpu->mp, KEV_MP_HALTED);
}

/**
 * kev_halt_end() - the vCPU goes on
 * @vcpu: the caller owns it
 *
 * Context: process.
 */
void kev_halt_end(struct kev_vcpu *vcpu)
{
	atomic_inc(&vcpu->vm->wakeups);
	/* Before an event is taken away; see above. */
	smp_mb__after_atomic();
	WRITE_ONCE(vcpu->mp, KEV_MP_RUNNABLE);
}

/* An event waits that ends the vCPU's HLT. Anybody may ask. */
static bool wakes(const struct kev_vcpu *vcpu)
{
	unsigned int class = READ_ONCE(vcpu->halt.class);
	const unsigned long *posted = vcpu->apic.posted;

	if (READ_ONCE(vcpu->halt.nmi) && atomic_read(&vcpu->nmis))
		return true;
	if (class == CLASS_NONE)
		return false;
	if (READ_ONCE(vcpu->interrupt))
		return true;
	if (READ_ONCE(vcpu->halt.timer) && READ_ONCE(vcpu->apic.timer.expired))
		return true;
	/* Illegal ones are an error. */
	if (READ_ONCE(vcpu->halt.error) && READ_ONCE(posted[0]) & (BIT(KEV_APIC_FIRST_VECTOR) - 1))
		return true;
	return find_next_bit(posted, KEV_NR_VECTORS, (class + 1) * 16) < KEV_NR_VECTORS;
}

/* The vCPU does not wait, or something is there or will come that ends it. */
static bool has_future(const struct kev_vcpu *vcpu)
{
	u32 events = READ_ONCE(vcpu->mp_events);

	/* Pairs with kev_halt_begin(). */
	switch (smp_load_acquire(&vcpu->mp)) {
	case KEV_MP_RUNNABLE:
		return true;
	case KEV_MP_HALTED:
		return events & KEV_MP_EVENT_INIT || READ_ONCE(vcpu->halt.timer) || wakes(vcpu);
	default:
		/* An INIT ends that wait only where it starts the vCPU: kev_mp_take(). */
		return events & KEV_MP_EVENT_SIPI ||
		       (events & KEV_MP_EVENT_INIT &&
			READ_ONCE(vcpu->msr.apic_base) & KEV_APIC_BASE_BSP);
	}
}

/**
 * kev_halt_sync() - take up what others have sent, which may end a halt
 * @vcpu: the caller owns it
 *
 * Context: process.
 */
void kev_halt_sync(struct kev_vcpu *vcpu)
{
	unsigned int class = vcpu->halt.class;

	if (vcpu->mp != KEV_MP_HALTED) {
		kev_apic_sync(vcpu);
		return;
	}
	/* What is taken up is seen by nobody else: it does not wait meanwhile. See above. */
	kev_halt_end(vcpu);
	kev_apic_sync(vcpu);
	if (wakes(vcpu))
		return;
	kev_halt_begin(vcpu, class != CLASS_NONE, vcpu->halt.nmi);
	kev_halt_recheck(vcpu->vm);
}

/**
 * kev_halt_restore() - user space has set a state
 * @vcpu: the caller owns it
 * @mp: what it waits for, enum kev_mp
 * @interruptible: an external interrupt would end an HLT
 * @nmi: an NMI would
 *
 * Context: process.
 */
void kev_halt_restore(struct kev_vcpu *vcpu, u32 mp, bool interruptible, bool nmi)
{
	kev_halt_end(vcpu);
	if (mp == KEV_MP_HALTED)
		kev_halt_begin(vcpu, interruptible, nmi);
	else
		WRITE_ONCE(vcpu->mp, mp);
	kev_halt_recheck(vcpu->vm);
}

/* Nothing can wake any vCPU of the VM: see above. */
static bool nothing_wakes(struct kev_vm *vm)
{
	int wakeups = atomic_read(&vm->wakeups);
	struct kev_vcpu *vcpu;
	unsigned long id;
	bool nothing;

	/* Read before the first round; pairs with kev_halt_end(). */
	smp_rmb();
	nothing = !READ_ONCE(vm->nr_irqfds);
	rcu_read_lock();
	for (int round = 0; round < 2; round++) {
		xa_for_each(&vm->vcpus, id, vcpu) {
			if (!nothing)
				break;
			nothing = !has_future(vcpu);
		}
		/* One round before the other, and both before the last look */
		smp_mb();
	}
	rcu_read_unlock();
	return nothing && wakeups == atomic_read(&vm->wakeups);
}

/**
 * kev_halt_recheck() - something that could wake vCPUs is gone
 * @vm: the VM
 *
 * Those that wait in RUN look again whether anything else can.
 *
 * Context: any.
 */
void kev_halt_recheck(struct kev_vm *vm)
{
	struct kev_vcpu *vcpu;
	unsigned long id;

	/* What is gone is gone before the look at who sleeps; pairs with kev_halt_wait(). */
	smp_mb();
	rcu_read_lock();
	xa_for_each(&vm->vcpus, id, vcpu)
		kev_vcpu_wake_runner(vcpu);
	rcu_read_unlock();
}

/**
 * kev_halt_wait() - wait until the vCPU can go on, or RUN has something else to do
 * @vcpu: the caller owns it; it is halted or waits for a SIPI
 *
 * Context: process, sleeps.
 * Return: false: it is halted, and user space is to be told.
 */
bool kev_halt_wait(struct kev_vcpu *vcpu)
{
	bool told = vcpu->mp == KEV_MP_HALTED && vcpu->vm->flags & KEV_VM_REPORT_HLT;
	bool stuck = false;

	/* It may be for long. */
	kev_stock_drop(&vcpu->stock);
	for (;;) {
		/* A full barrier: who has not been seen below wakes this task. */
		set_current_state(TASK_INTERRUPTIBLE);
		if (vcpu->mp == KEV_MP_HALTED && wakes(vcpu)) {
			kev_halt_end(vcpu);
			break;
		}
		if (told || READ_ONCE(vcpu->requests) & REQUESTS || signal_pending(current))
			break;
		stuck = nothing_wakes(vcpu->vm);
		if (stuck)
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	if (stuck || told)
		kev_halt_recheck(vcpu->vm);
	return vcpu->mp == KEV_MP_RUNNABLE || !(told || stuck);
}

enum kev_verdict kev_slow_hlt(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	/* Its own step ends it. */
	if (exit->hlt.stepped)
		return KEV_RESUME;
	/* RIP is behind it from now on, and there the guest goes on once it wakes. */
	vcpu->pending |= KEV_PENDING_ADVANCE;
	kev_halt_begin(vcpu, exit->hlt.interruptible, !exit->hlt.nmi_blocked);
	return KEV_RETRY;
}
