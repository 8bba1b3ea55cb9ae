// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC as a page of memory: xAPIC mode.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/rcupdate.h>
#include <kev/apic.h>
#include <kev/mem.h>
#include <kev/region.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/**
 * kev_apic_owns_page() - is the page of the vCPU's local APIC the APIC's
 * @vcpu: the caller owns it; its local APIC has a page
 * @gpa: guest-physical address in it
 *
 * A region with pages goes before: once one is in the guest's tables no access to it exits,
 * and which one is there must not depend on who has touched it first.
 *
 * Context: any.
 * Return: true: the APIC answers; false: a region's page is there.
 */
bool kev_apic_owns_page(const struct kev_vcpu *vcpu, u64 gpa)
{
	const struct kev_region *region;
	bool owns;

	/* Without a reference: what goes with the last one may sleep. */
	rcu_read_lock();
	region = kev_region_find(&vcpu->vm->mem, gpa);
	owns = !region || region->kind == KEV_REGION_TRAP;
	rcu_read_unlock();
	return owns;
}

/* What can be read: SDM Vol. 3, "Local APIC Register Address Map" */
static bool readable(unsigned int offset)
{
	return offset != KEV_APIC_EOI && offset != KEV_APIC_SELF_IPI;
}

/**
 * kev_apic_mmio_read() - a load from the page
 * @vcpu: the caller owns it, and kev_apic_owns() the address
 * @offset: of 4 bytes, in the page; the upper 12 of each 16 read as zero
 *
 * Context: process.
 * Return: the register, 0 for those that cannot be read.
 */
u32 kev_apic_mmio_read(struct kev_vcpu *vcpu, unsigned int offset)
{
	if (offset & (KEV_APIC_STEP - 1) || !readable(offset))
		return 0;
	return kev_apic_read(vcpu, offset);
}

/**
 * kev_apic_mmio_write() - a store to the page
 * @vcpu: the caller owns it, and kev_apic_owns() the address
 * @offset: of 4 bytes, in the page; the upper 12 of each 16 ignore it
 * @value: what
 *
 * Context: process.
 */
void kev_apic_mmio_write(struct kev_vcpu *vcpu, unsigned int offset, u32 value)
{
	if (!(offset & (KEV_APIC_STEP - 1)))
		kev_apic_write(vcpu, offset, value);
}
