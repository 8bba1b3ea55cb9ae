// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plain loads and stores of devices in memory, at the fast level.
 *
 * The CPU has found the operand and has translated its address: what is left is to know the
 * instruction. To find it in memory takes a walk through the guest's page tables; so kev
 * remembers where the walk led, and looks whether all that it read on the way is still what
 * it was. The guest may change any of it without kev's knowledge, and nothing is taken for
 * granted but where guest memory lies in the host's. That holds until a leaf of the VM's
 * second-level tables goes: kev_vm.flush_wanted tells, and a vCPU that is armed keeps it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <asm/msr-index.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/doorbell.h>
#include <kev/emulation.h>
#include <kev/region.h>
#include <kev/trace.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

static struct kev_known *slot(struct kev_emulation *e, u64 rip)
{
	return &e->known[(rip >> 2) % KEV_NR_KNOWN];
}

/* Is the exit's instruction one that is worth to be remembered, and can be */
static bool can_remember(const struct kev_vcpu *vcpu)
{
	const struct kev_emulation *e = vcpu->emulation;

	return vcpu->exit.event == KEV_EV_MEMORY && vcpu->exit.memory.operand &&
	       e->cpu.code == KEV_CODE_64 && kev_insn_is_plain(&e->insn) &&
	       e->insn.segment < KEV_FS && e->insn.length <= sizeof(u64) &&
	       offset_in_page(e->cpu.rip) <= PAGE_SIZE - sizeof(u64);
}

/**
 * kev_mmio_forget() - the guest may read its page tables in another way from now on
 * @vcpu: the caller owns it
 *
 * Context: any.
 */
void kev_mmio_forget(struct kev_vcpu *vcpu)
{
	for (unsigned int i = 0; vcpu->emulation && i < KEV_NR_KNOWN; i++)
		vcpu->emulation->known[i].code = NULL;
}

/**
 * kev_mmio_remember() - note an instruction for the fast level
 * @vcpu: the caller holds its lock; the instruction is decoded, and kev_emulation.cpu is
 *	what the guest has
 *
 * Context: process, may sleep.
 */
void kev_mmio_remember(struct kev_vcpu *vcpu)
{
	struct kev_emulation *e = vcpu->emulation;
	struct kev_known *known = slot(e, e->cpu.rip);
	struct kev_mem *mem = &vcpu->vm->mem;
	struct kev_touch touch = {
		.stop = &vcpu->requests,
		.stop_mask = KEV_REQ_LEAVE,
	};
	struct kev_walk walk;

	if (!can_remember(vcpu))
		return;
	known->code = NULL;
	known->flushes = atomic64_read(&vcpu->vm->flush_wanted);
	/*
	 * A leaf goes before the flush is wanted: one that is seen now is not from before. Pairs
	 * with kev_vm_flush().
	 */
	smp_rmb();
	if (kev_mem_walk(mem, &e->paging, e->cpu.rip, &touch, &walk))
		return;
	known->nr = walk.nr;
	for (unsigned int i = 0; i < walk.nr; i++) {
		known->entry[i] = kev_mem_find_bytes(mem, walk.entry[i].gpa);
		known->value[i] = walk.entry[i].value;
		if (!known->entry[i])
			return;
	}
	known->rip = e->cpu.rip;
	known->cr3 = e->paging.cr3;
	known->insn = e->insn;
	known->device = ~0ULL;
	known->mask = ~0ULL >> (64 - 8 * e->insn.length);
	known->bytes = 0;
	memcpy(&known->bytes, e->bytes, e->insn.length);
	known->code = kev_mem_find_bytes(mem, walk.gpa);
}

/* Armed: the instruction at RIP is the one that is known, and is still there. */
static bool is_there(const struct kev_vcpu *vcpu, const struct kev_known *known,
		     const struct kev_code64 *at)
{
	/* No instruction is known where no 64-bit code is. */
	if (known->rip != at->rip || known->cr3 != at->cr3 || known->flushes != vcpu->flush_seen ||
	    !known->code)
		return false;
	for (unsigned int i = 0; i < known->nr; i++)
		if (READ_ONCE(*known->entry[i]) != known->value[i])
			return false;
	return (READ_ONCE(*known->code) & known->mask) == known->bytes;
}

/* One access, which is the whole operand, and which is the one that has faulted */
static bool fits(const struct kev_vcpu *vcpu, const struct kev_exit *exit,
		 const struct kev_known *known)
{
	const struct kev_insn *insn = &known->insn;
	bool write = insn->form != KEV_FORM_REG_MEM;

	return kev_insn_offset(insn, vcpu->gpr, known->rip) == exit->memory.gva &&
	       !(exit->memory.gva & (insn->width - 1U)) &&
	       write == !!(exit->memory.access & KEV_MEM_WRITE);
}

/*
 * A device that user space has; the local APIC and the print device are the kernel's. With IRQs
 * off this is a reader of the map.
 */
static bool find_device(const struct kev_vcpu *vcpu, const struct kev_exit *exit,
			struct kev_known *known)
{
	const struct kev_mem *mem = &vcpu->vm->mem;
	/* The number before the map: known for too short a time, at worst. Pairs with publish(). */
	u64 map_nr = smp_load_acquire(&mem->map_nr);
	const struct kev_region *region;

	region = kev_region_find(mem, exit->memory.gpa);
	if (!region || region->kind == KEV_REGION_PRINT ||
	    !kev_is_device(region->kind, exit->memory.access))
		return false;
	known->device = kev_page_down(exit->memory.gpa);
	known->map_nr = map_nr;
	return true;
}

/* Each instruction that is known always loads, or always stores. */
static bool is_device(const struct kev_vcpu *vcpu, const struct kev_exit *exit,
		      struct kev_known *known)
{
	if (kev_apic_owns(vcpu, exit->memory.gpa))
		return false;
	return (known->device == kev_page_down(exit->memory.gpa) &&
		known->map_nr == READ_ONCE(vcpu->vm->mem.map_nr)) ||
	       find_device(vcpu, exit, known);
}

/**
 * kev_fast_mmio() - a plain load or store of a device, by an instruction that is known
 * @vcpu: armed; has kev_vcpu.emulation
 * @exit: a second-level fault
 *
 * Context: IRQs off.
 * Return: KEV_REPORT; KEV_RESUME it rang a doorbell; KEV_PASS anything else.
 */
enum kev_verdict kev_fast_mmio(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	struct kev_emulation *e = vcpu->emulation;
	struct kev_exit_mmio *mmio = &vcpu->run->mmio;
	u64 gpa = exit->memory.gpa, data;
	const struct kev_insn *insn;
	struct kev_known *known;
	struct kev_code64 at;

	if (e->active || !exit->memory.operand)
		return KEV_PASS;
	at = kev_backend_call(code64)(vcpu);
	known = slot(e, at.rip);
	/* One address: the compiler would find each field by the number of the slot. */
	OPTIMIZER_HIDE_VAR(known);
	if (!is_there(vcpu, known, &at) || !fits(vcpu, exit, known) ||
	    !is_device(vcpu, exit, known))
		return KEV_PASS;
	insn = &known->insn;
	if (insn->form == KEV_FORM_REG_MEM) {
		kev_report_loaded(vcpu, KEV_EXIT_MMIO);
		*mmio = (struct kev_exit_mmio) {
			.gpa = gpa,
			.direction = KEV_MMIO_READ,
			.width = insn->width,
		};
		e->plain = known;
		vcpu->answer = KEV_EXIT_MMIO;
	} else {
		data = kev_insn_stored(insn, vcpu->gpr);
		/* There an eventfd's lock sleeps. */
		if (IS_ENABLED(CONFIG_PREEMPT_RT) && kev_doorbells_any(&vcpu->vm->doorbells))
			return KEV_PASS;
		trace_kev_mmio(vcpu, true, gpa, insn->width, data);
		if (unlikely(kev_doorbells_any(&vcpu->vm->doorbells)) &&
		    kev_doorbell_ring(vcpu->vm, false, gpa, insn->width, data)) {
			vcpu->exit.instruction_length = insn->length;
			return KEV_RESUME;
		}
		kev_report_loaded(vcpu, KEV_EXIT_MMIO);
		*mmio = (struct kev_exit_mmio) {
			.gpa = gpa,
			.data = data,
			.direction = KEV_MMIO_WRITE,
			.width = insn->width,
		};
		vcpu->answer = KEV_EXIT_MMIO | KEV_ANSWER_ADVANCE;
	}
	vcpu->exit.instruction_length = insn->length;
	return KEV_REPORT;
}

/**
 * kev_mmio_complete() - user space has answered to a load that kev_fast_mmio() has reported
 * @vcpu: the caller holds its lock
 * @data: what a load gives
 */
void kev_mmio_complete(struct kev_vcpu *vcpu, u64 data)
{
	const struct kev_insn *insn = &vcpu->emulation->plain->insn;

	vcpu->emulation->plain = NULL;
	vcpu->pending |= KEV_PENDING_ADVANCE;
	kev_insn_load(insn, vcpu->gpr, data);
	trace_kev_mmio(vcpu, false, vcpu->exit.memory.gpa, insn->width, data);
}
