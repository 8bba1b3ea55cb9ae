// SPDX-License-Identifier: GPL-2.0-only
/*
 * External interrupts and NMIs for the guest. They wait until the guest can take them.
 *
 * Who raises one stores it and requests a look. The look, before an entry, either
 * hands it to the backend or has the backend tell when the guest's window for it
 * opens; that is the next request. So an entry without a request need not
 * ask whether anything waits.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/exit.h>
#include <kev/vcpu.h>

/**
 * kev_interrupt_raise() - raise an external interrupt in a vCPU
 * @vcpu: the vCPU, running or not
 * @vector: any, also those of exceptions: it comes without an error code, as
 *	from an interrupt controller that was set up so
 *
 * Context: any, IRQs off included.
 * Return: 0, or -EBUSY while another one waits.
 */
int kev_interrupt_raise(struct kev_vcpu *vcpu, u8 vector)
{
	if (cmpxchg(&vcpu->interrupt, 0, KEV_INTERRUPT_WAITS | vector))
		return -EBUSY;
	/* The exchange is a full barrier: who sees the request sees the interrupt. */
	kev_vcpu_request(vcpu, KEV_REQ_INTERRUPT);
	return 0;
}

/**
 * kev_nmi_raise() - raise an NMI in a vCPU
 * @vcpu: the vCPU, running or not
 *
 * Context: any, IRQs off included.
 * Return: false if two wait already: it is lost, as on a CPU.
 */
bool kev_nmi_raise(struct kev_vcpu *vcpu)
{
	bool raised = atomic_add_unless(&vcpu->nmis, 1, KEV_MAX_NMIS);

	/* As in kev_interrupt_raise(). */
	if (raised)
		kev_vcpu_request(vcpu, KEV_REQ_INTERRUPT);
	return raised;
}

/*
 * The interrupt that goes first: one that user space has raised is from outside of the
 * local APIC, whose priorities do not count for it. With @by_hardware those of the local
 * APIC are not ours to inject.
 */
static int next_interrupt(struct kev_vcpu *vcpu, bool by_hardware, bool *external)
{
	u32 waiting = READ_ONCE(vcpu->interrupt);

	*external = waiting;
	if (waiting)
		return (u8)waiting;
	return by_hardware ? -1 : kev_apic_deliverable(vcpu);
}

/* Bring the backend up to date with the local APIC. Return: it delivers the interrupts. */
static bool follow_apic(struct kev_vcpu *vcpu)
{
	kev_apic_sync(vcpu);
	if (unlikely(vcpu->apic.changed)) {
		vcpu->apic.changed = false;
		kev_backend->apic_changed(vcpu);
	}
	return kev_backend->deliver(vcpu, kev_apic_requested(vcpu));
}

/**
 * kev_interrupt_offer() - the guest takes what waits, or its windows are watched
 * @vcpu: armed, with KEV_REQ_INTERRUPT, about to enter
 *
 * From here on nothing but the entry may follow: until then everything waits,
 * whatever becomes of the guest's registers.
 *
 * Context: IRQs off.
 */
void kev_interrupt_offer(struct kev_vcpu *vcpu)
{
	bool external, by_hardware;
	int vector;

	/* A full barrier: what this look misses makes a new request. */
	if (!test_and_clear_bit(KEV_REQ_INTERRUPT, &vcpu->requests))
		return;
	/* Nobody else takes one away. Of two the first is injected, the other waits. */
	while (atomic_read(&vcpu->nmis) && kev_backend->inject_nmi(vcpu))
		atomic_dec(&vcpu->nmis);
	/* Behind one that is handled one waits: what was raised beside it is lost, as on a CPU. */
	if (unlikely(atomic_read(&vcpu->nmis) > 1 && kev_backend->nmi_blocked(vcpu)))
		atomic_set(&vcpu->nmis, 1);

	by_hardware = follow_apic(vcpu);
	for (;;) {
		vector = next_interrupt(vcpu, by_hardware, &external);
		if (vector < 0 || !kev_backend->inject_interrupt(vcpu, vector))
			break;
		if (external)
			WRITE_ONCE(vcpu->interrupt, 0);
		else
			kev_apic_deliver(vcpu, vector);
	}
	if (!by_hardware)
		kev_backend->watch_tpr(vcpu, kev_apic_held(vcpu));
}

enum kev_verdict kev_fast_window(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	set_bit(KEV_REQ_INTERRUPT, &vcpu->requests);
	return KEV_RETRY;
}
