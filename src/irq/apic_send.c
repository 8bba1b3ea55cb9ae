// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts between vCPUs and from devices: who is meant, and the handing over.
 *
 * A sender never touches another vCPU's registers. It looks vCPUs up under RCU, posts,
 * and asks for a look.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/rcupdate.h>
#include <linux/xarray.h>
#include <kev/apic.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/**
 * kev_apic_post() - send a vector to a vCPU
 * @vcpu: not freed yet
 * @vector: any
 * @level: it is level-triggered
 *
 * Context: any, IRQs off included.
 */
void kev_apic_post(struct kev_vcpu *vcpu, u8 vector, bool level)
{
	struct kev_apic *apic = &vcpu->apic;

	if (test_bit(vector, apic->level) != level)
		assign_bit(vector, apic->level, level);
	/* Full barriers both: who sees the request sees the vector. */
	if (!test_and_set_bit(vector, apic->posted))
		kev_vcpu_request(vcpu, KEV_REQ_INTERRUPT);
}

/* One of the vCPUs that are meant. Return: it takes it. */
static bool give(struct kev_vcpu *vcpu, u64 at, const struct kev_apic_message *message)
{
	switch (message->mode) {
	case KEV_APIC_FIXED:
	case KEV_APIC_LOWEST:
		if (!(at & KEV_APIC_AT_ENABLED))
			return false;
		kev_apic_post(vcpu, message->vector, message->level);
		return true;
	case KEV_APIC_NMI:
		kev_nmi_raise(vcpu);
		return true;
	case KEV_APIC_INIT:
		kev_mp_init(vcpu);
		return true;
	case KEV_APIC_SIPI:
		kev_mp_sipi(vcpu, message->vector);
		return true;
	default:
		return false;
	}
}

static bool offer(struct kev_vcpu *vcpu, struct kev_vcpu *source,
		  const struct kev_apic_message *message)
{
	u64 at = READ_ONCE(vcpu->apic.at);
	bool meant;

	switch (message->shorthand) {
	case KEV_APIC_TO_ALL:
		meant = at & KEV_APIC_AT_ON;
		break;
	case KEV_APIC_TO_OTHERS:
		meant = vcpu != source && at & KEV_APIC_AT_ON;
		break;
	default:
		meant = kev_apic_matches(at, vcpu->id, message->dest, message->logical);
		break;
	}
	return meant && give(vcpu, at, message);
}

/**
 * kev_apic_send() - send a message to those that it is for
 * @vm: the VM
 * @source: who sends it, for the shorthands; NULL: a device
 * @message: what
 *
 * With KEV_APIC_LOWEST the vCPU with the lowest id gets it of those that take it.
 *
 * Context: any, IRQs off included.
 * Return: false if nobody takes it.
 */
bool kev_apic_send(struct kev_vm *vm, struct kev_vcpu *source,
		   const struct kev_apic_message *message)
{
	struct kev_vcpu *vcpu;
	unsigned long id;
	bool taken = false;

	if (message->level && !message->assert)
		return false;
	if (message->shorthand == KEV_APIC_TO_SELF)
		return give(source, READ_ONCE(source->apic.at), message);

	rcu_read_lock();
	if (message->shorthand == KEV_APIC_NO_SHORTHAND && !message->logical &&
	    message->dest != KEV_APIC_BROADCAST) {
		vcpu = xa_load(&vm->vcpus, message->dest);
		taken = vcpu && offer(vcpu, source, message);
	} else {
		xa_for_each(&vm->vcpus, id, vcpu) {
			taken |= offer(vcpu, source, message);
			if (taken && message->mode == KEV_APIC_LOWEST)
				break;
		}
	}
	rcu_read_unlock();
	return taken;
}
