// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of a local APIC, and the way of an interrupt through them: requested,
 * in service, ended.
 *
 * Only the vCPU's owner comes here. Others post vectors and ask for a look; the owner
 * moves them into IRR before the next entry, or when it waits.
 *
 * SDM Vol. 3, chapter "Advanced Programmable Interrupt Controller (APIC)"
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <kev/apic.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

static_assert(KEV_APIC_PAGE_SIZE == PAGE_SIZE);

/* What a guest can write of each entry of the local vector table */
const u32 kev_apic_lvt_writable[KEV_NR_LVTS] = {
	[KEV_LVT_TIMER] = KEV_LVT_TIMER_MODE | KEV_LVT_MASKED | KEV_LVT_VECTOR,
	[KEV_LVT_THERMAL] = KEV_LVT_MASKED | KEV_LVT_MODE | KEV_LVT_VECTOR,
	[KEV_LVT_PERFORMANCE] = KEV_LVT_MASKED | KEV_LVT_MODE | KEV_LVT_VECTOR,
	/* These two have polarity and trigger mode as well. */
	[KEV_LVT_LINT0] = KEV_LVT_MASKED | BIT(15) | BIT(13) | KEV_LVT_MODE | KEV_LVT_VECTOR,
	[KEV_LVT_LINT1] = KEV_LVT_MASKED | BIT(15) | BIT(13) | KEV_LVT_MODE | KEV_LVT_VECTOR,
	[KEV_LVT_ERROR] = KEV_LVT_MASKED | KEV_LVT_VECTOR,
};

static u32 *reg(const struct kev_vcpu *vcpu, unsigned int offset)
{
	return kev_apic_reg(vcpu->apic.regs, offset);
}

static u64 mode(const struct kev_vcpu *vcpu)
{
	return vcpu->msr.apic_base & KEV_APIC_BASE_MODE;
}

/**
 * kev_apic_publish() - tell senders what they have to know to find this APIC
 * @vcpu: the caller owns it, and has changed its registers
 *
 * Context: any.
 */
void kev_apic_publish(struct kev_vcpu *vcpu)
{
	u64 at = *reg(vcpu, KEV_APIC_LDR);

	if (mode(vcpu) == KEV_APIC_BASE_MODE)
		at |= KEV_APIC_AT_X2;
	if (!(*reg(vcpu, KEV_APIC_DFR) >> 28))
		at |= KEV_APIC_AT_CLUSTER;
	if (mode(vcpu))
		at |= KEV_APIC_AT_ON;
	if (mode(vcpu) && *reg(vcpu, KEV_APIC_SVR) & KEV_SVR_ENABLED)
		at |= KEV_APIC_AT_ENABLED;
	WRITE_ONCE(vcpu->apic.at, at);
	vcpu->apic.changed = true;
	set_bit(KEV_REQ_INTERRUPT, &vcpu->requests);
}

/*
 * Something may have become deliverable, or is held by another priority than before: look
 * before the next entry.
 */
static void look(struct kev_vcpu *vcpu)
{
	if (kev_apic_requested(vcpu) >= 0)
		set_bit(KEV_REQ_INTERRUPT, &vcpu->requests);
}

/**
 * kev_apic_ppr_now() - the processor priority
 * @vcpu: the caller owns it
 *
 * The register holds it from now on, too: hardware that keeps the guest's task priority
 * need not keep this.
 *
 * Context: any.
 * Return: the value of PPR.
 */
u8 kev_apic_ppr_now(struct kev_vcpu *vcpu)
{
	int in_service = kev_apic_highest(vcpu->apic.regs, KEV_APIC_ISR);
	u8 ppr = kev_apic_ppr(*reg(vcpu, KEV_APIC_TPR), in_service);

	*reg(vcpu, KEV_APIC_PPR) = ppr;
	return ppr;
}

/* The id in the mode's form; @old: the mode before */
static void take_mode(struct kev_vcpu *vcpu, u64 old)
{
	if (mode(vcpu) == KEV_APIC_BASE_MODE) {
		*reg(vcpu, KEV_APIC_ID) = vcpu->id;
		*reg(vcpu, KEV_APIC_LDR) = kev_apic_x2_ldr(vcpu->id);
	} else {
		*reg(vcpu, KEV_APIC_ID) = vcpu->id << 24;
		/* Only user space makes this step. */
		if (old == KEV_APIC_BASE_MODE)
			*reg(vcpu, KEV_APIC_LDR) = 0;
	}
	kev_apic_publish(vcpu);
}

/* What is not 0 after power-up, into registers that are */
static void power_up(struct kev_vcpu *vcpu)
{
	*reg(vcpu, KEV_APIC_VERSION) = KEV_APIC_VERSION_VALUE;
	*reg(vcpu, KEV_APIC_DFR) = ~0U;
	*reg(vcpu, KEV_APIC_SVR) = KEV_SVR_RESET;
	for (unsigned int i = 0; i < KEV_NR_LVTS; i++)
		*reg(vcpu, KEV_APIC_LVT + i * KEV_APIC_STEP) = KEV_LVT_MASKED;
	take_mode(vcpu, mode(vcpu));
}

/**
 * kev_apic_reset() - the state after power-up or INIT
 * @vcpu: the caller owns it
 *
 * IA32_APIC_BASE and with it the mode and the id stay.
 *
 * Context: any. SDM Vol. 3, "Local APIC State After Power-Up or Reset"
 */
void kev_apic_reset(struct kev_vcpu *vcpu)
{
	struct kev_apic *apic = &vcpu->apic;

	kev_timer_stop(vcpu);
	memset(apic->regs, 0, KEV_APIC_PAGE_SIZE);
	apic->errors = 0;
	power_up(vcpu);
	for (unsigned int i = 0; i < ARRAY_SIZE(apic->posted); i++)
		xchg(&apic->posted[i], 0);
}

/**
 * kev_apic_create() - make a vCPU's local APIC, in the state after power-up
 * @vcpu: its VM, id and IA32_APIC_BASE are set
 *
 * Return: 0 or -ENOMEM.
 */
int kev_apic_create(struct kev_vcpu *vcpu)
{
	vcpu->apic.regs = kev_mem_zeroed_page(&vcpu->vm->mem);
	if (!vcpu->apic.regs)
		return -ENOMEM;
	kev_timer_create(vcpu);
	power_up(vcpu);
	return 0;
}

/**
 * kev_apic_destroy() - the opposite
 * @vcpu: nobody owns it any more; who finds it under RCU may still post
 *
 * Context: process.
 */
void kev_apic_destroy(struct kev_vcpu *vcpu)
{
	kev_timer_destroy(vcpu);
	kev_mem_free_page(virt_to_page(vcpu->apic.regs));
}

/**
 * kev_apic_set_base() - IA32_APIC_BASE has a new value
 * @vcpu: the caller owns it
 * @base: one that kev_apic_base_valid() allows, or that user space sets
 *
 * Context: any.
 */
void kev_apic_set_base(struct kev_vcpu *vcpu, u64 base)
{
	u64 old = mode(vcpu);

	/* Who looks whether the vCPU waits for a SIPI in vain has no lock. */
	WRITE_ONCE(vcpu->msr.apic_base, base);
	/* Off, it comes back as after power-up. */
	if (old && !mode(vcpu))
		kev_apic_reset(vcpu);
	else
		take_mode(vcpu, old);
}

/* ---- what the guest reads and writes ---- */

/**
 * kev_apic_read() - the guest reads a register
 * @vcpu: the caller owns it
 * @offset: in the page, a multiple of 16 below 4096
 *
 * Context: any.
 * Return: 0 for registers that there are not.
 */
u32 kev_apic_read(struct kev_vcpu *vcpu, unsigned int offset)
{
	if (offset == KEV_APIC_CURRENT_COUNT)
		return kev_timer_count(vcpu);
	if (offset == KEV_APIC_PPR)
		return kev_apic_ppr_now(vcpu);
	return *reg(vcpu, offset);
}

static void mask_lvts(struct kev_vcpu *vcpu)
{
	for (unsigned int i = 0; i < KEV_NR_LVTS; i++)
		*reg(vcpu, KEV_APIC_LVT + i * KEV_APIC_STEP) |= KEV_LVT_MASKED;
}

static void write_lvt(struct kev_vcpu *vcpu, unsigned int entry, u32 value)
{
	u32 *lvt = reg(vcpu, KEV_APIC_LVT + entry * KEV_APIC_STEP);
	u32 old = *lvt;

	value &= kev_apic_lvt_writable[entry];
	/* While software has disabled the APIC, all entries stay masked. */
	if (!(*reg(vcpu, KEV_APIC_SVR) & KEV_SVR_ENABLED))
		value |= KEV_LVT_MASKED;
	if (entry == KEV_LVT_TIMER)
		kev_timer_set_lvt(vcpu, old, value);
	*lvt = value;
}

static void write_divide(struct kev_vcpu *vcpu, u32 value)
{
	u32 *divide = reg(vcpu, KEV_APIC_DIVIDE);
	u32 old = *divide;

	*divide = value & KEV_DIVIDE_WRITABLE;
	kev_timer_set_divide(vcpu, old, *divide);
}

static void write_initial_count(struct kev_vcpu *vcpu, u32 value)
{
	unsigned int shift = kev_apic_divide_shift(*reg(vcpu, KEV_APIC_DIVIDE));

	if (*reg(vcpu, KEV_APIC_LVT_TIMER) & KEV_LVT_DEADLINE)
		return;
	*reg(vcpu, KEV_APIC_INITIAL_COUNT) = value;
	kev_timer_start_count(vcpu, (u64)value << shift);
}

/**
 * kev_apic_write() - the guest writes a register
 * @vcpu: the caller owns it
 * @offset: in the page, a multiple of 16 below 4096; not KEV_APIC_ICR in x2APIC mode
 * @value: bits that are reserved do not count, nor do registers that cannot be written
 *
 * Context: any.
 */
void kev_apic_write(struct kev_vcpu *vcpu, unsigned int offset, u32 value)
{
	switch (offset) {
	case KEV_APIC_TPR:
		kev_apic_set_tpr(vcpu, value);
		break;
	case KEV_APIC_EOI:
		kev_apic_eoi(vcpu);
		break;
	case KEV_APIC_LDR:
		*reg(vcpu, offset) = value & 0xff000000;
		kev_apic_publish(vcpu);
		break;
	case KEV_APIC_DFR:
		*reg(vcpu, offset) = value | 0x0fffffff;
		kev_apic_publish(vcpu);
		break;
	case KEV_APIC_SVR:
		*reg(vcpu, offset) = value & KEV_SVR_WRITABLE;
		if (!(value & KEV_SVR_ENABLED))
			mask_lvts(vcpu);
		kev_apic_publish(vcpu);
		break;
	case KEV_APIC_ESR:
		*reg(vcpu, offset) = vcpu->apic.errors;
		vcpu->apic.errors = 0;
		break;
	case KEV_APIC_ICR:
		kev_apic_write_icr(vcpu, (u64)*reg(vcpu, KEV_APIC_ICR_HIGH) << 32 | value);
		break;
	case KEV_APIC_ICR_HIGH:
		*reg(vcpu, offset) = value & 0xff000000;
		break;
	case KEV_APIC_LVT ... KEV_APIC_LVT_ERROR:
		write_lvt(vcpu, (offset - KEV_APIC_LVT) / KEV_APIC_STEP, value);
		break;
	case KEV_APIC_INITIAL_COUNT:
		write_initial_count(vcpu, value);
		break;
	case KEV_APIC_DIVIDE:
		write_divide(vcpu, value);
		break;
	}
}

/**
 * kev_apic_write_icr() - the guest sends an interrupt
 * @vcpu: the caller owns it
 * @icr: both halves, in the format of its mode
 *
 * Context: any.
 */
void kev_apic_write_icr(struct kev_vcpu *vcpu, u64 icr)
{
	bool x2apic = mode(vcpu) == KEV_APIC_BASE_MODE;
	struct kev_apic_message message;

	icr &= ~(u64)KEV_ICR_BUSY;
	*reg(vcpu, KEV_APIC_ICR) = lower_32_bits(icr);
	*reg(vcpu, KEV_APIC_ICR_HIGH) = upper_32_bits(icr);
	if (!kev_apic_decode_icr(icr, x2apic, &message))
		return;
	if (message.mode <= KEV_APIC_LOWEST && message.vector < KEV_APIC_FIRST_VECTOR)
		kev_apic_error(vcpu, KEV_ESR_SEND_VECTOR);
	else
		kev_apic_send(vcpu->vm, vcpu, &message);
}

/**
 * kev_apic_set_tpr() - the guest sets its task priority, by whatever way
 * @vcpu: the caller owns it
 * @tpr: the register; CR8 is its upper half
 *
 * Context: any.
 */
void kev_apic_set_tpr(struct kev_vcpu *vcpu, u8 tpr)
{
	*reg(vcpu, KEV_APIC_TPR) = tpr;
	look(vcpu);
}

/**
 * kev_apic_tpr() - the task priority
 * @vcpu: the caller owns it
 *
 * Context: any.
 * Return: the value of TPR.
 */
u8 kev_apic_tpr(const struct kev_vcpu *vcpu)
{
	return *reg(vcpu, KEV_APIC_TPR);
}

/**
 * kev_apic_eoi() - the guest has done with the interrupt in service that goes first
 * @vcpu: the caller owns it
 *
 * There is no I/O APIC in the kernel that would have to hear of it.
 *
 * Context: any.
 */
void kev_apic_eoi(struct kev_vcpu *vcpu)
{
	int vector = kev_apic_highest(vcpu->apic.regs, KEV_APIC_ISR);

	if (vector < 0)
		return;
	kev_apic_clear_bit(vcpu->apic.regs, KEV_APIC_ISR, vector);
	look(vcpu);
}

/* ---- interrupts on their way into the guest ---- */

static void accept(struct kev_vcpu *vcpu, u8 vector, bool level)
{
	u32 *regs = vcpu->apic.regs;

	if (level)
		kev_apic_set_bit(regs, KEV_APIC_TMR, vector);
	else
		kev_apic_clear_bit(regs, KEV_APIC_TMR, vector);
	kev_apic_set_bit(regs, KEV_APIC_IRR, vector);
}

/**
 * kev_apic_error() - an error that ESR tells
 * @vcpu: the caller owns it
 * @error: KEV_ESR_*
 *
 * Context: any. SDM Vol. 3, "Error Handling"
 */
void kev_apic_error(struct kev_vcpu *vcpu, u32 error)
{
	u32 lvt = *reg(vcpu, KEV_APIC_LVT + KEV_LVT_ERROR * KEV_APIC_STEP);

	vcpu->apic.errors |= error;
	if (lvt & KEV_LVT_MASKED)
		return;
	/* With an illegal vector the entry would be its own cause. */
	if ((lvt & KEV_LVT_VECTOR) < KEV_APIC_FIRST_VECTOR)
		vcpu->apic.errors |= KEV_ESR_RECEIVE_VECTOR;
	else
		accept(vcpu, lvt & KEV_LVT_VECTOR, false);
	look(vcpu);
}

static void request(struct kev_vcpu *vcpu, u8 vector, bool level)
{
	if (vector < KEV_APIC_FIRST_VECTOR)
		kev_apic_error(vcpu, KEV_ESR_RECEIVE_VECTOR);
	else
		accept(vcpu, vector, level);
}

/* The timer's entry of the local vector table fires. Its delivery mode is "fixed". */
static void fire_timer(struct kev_vcpu *vcpu)
{
	u32 lvt = *reg(vcpu, KEV_APIC_LVT + KEV_LVT_TIMER * KEV_APIC_STEP);

	if (lvt & KEV_LVT_MASKED)
		return;
	request(vcpu, lvt & KEV_LVT_VECTOR, false);
	look(vcpu);
}

static void take_posted(struct kev_vcpu *vcpu)
{
	struct kev_apic *apic = &vcpu->apic;
	unsigned int vector;

	for (unsigned int i = 0; i < ARRAY_SIZE(apic->posted); i++) {
		unsigned long word;

		if (!READ_ONCE(apic->posted[i]))
			continue;
		word = xchg(&apic->posted[i], 0);
		for_each_set_bit(vector, &word, BITS_PER_LONG)
			request(vcpu, i * BITS_PER_LONG + vector,
				test_bit(i * BITS_PER_LONG + vector, apic->level));
	}
}

/**
 * kev_apic_sync() - take up what others have sent and what the timer has done
 * @vcpu: the caller owns it
 *
 * Context: any.
 */
void kev_apic_sync(struct kev_vcpu *vcpu)
{
	if (kev_timer_take(vcpu))
		fire_timer(vcpu);
	take_posted(vcpu);
}

/**
 * kev_apic_requested() - the interrupt that goes first
 * @vcpu: the caller owns it
 *
 * Context: any.
 * Return: its vector, -1 for none.
 */
int kev_apic_requested(const struct kev_vcpu *vcpu)
{
	return kev_apic_highest(vcpu->apic.regs, KEV_APIC_IRR);
}

/**
 * kev_apic_deliverable() - the interrupt that comes next
 * @vcpu: the caller owns it
 *
 * Context: any.
 * Return: its vector, -1 for none that the processor priority allows.
 */
int kev_apic_deliverable(struct kev_vcpu *vcpu)
{
	int vector = kev_apic_requested(vcpu);

	return vector >> 4 > kev_apic_ppr_now(vcpu) >> 4 ? vector : -1;
}

/**
 * kev_apic_held() - what nothing but the task priority holds back
 * @vcpu: the caller owns it
 *
 * Context: any.
 * Return: priority class of the interrupt that comes when the class of the
 * task priority goes below it, 0 for none.
 */
u8 kev_apic_held(const struct kev_vcpu *vcpu)
{
	int class = kev_apic_requested(vcpu) >> 4;
	int in_service = kev_apic_highest(vcpu->apic.regs, KEV_APIC_ISR) >> 4;

	return class > in_service && class <= kev_apic_tpr(vcpu) >> 4 ? class : 0;
}

/**
 * kev_apic_lvt_wakes() - will an entry of the local vector table interrupt, if it fires
 * @vcpu: the caller owns it
 * @entry: KEV_LVT_TIMER or KEV_LVT_ERROR
 * @class: of priority, which the interrupt has to exceed
 *
 * Context: any.
 * Return: true: it is not masked, and its priority is higher; with an illegal vector, that of the
 *	error entry.
 */
bool kev_apic_lvt_wakes(const struct kev_vcpu *vcpu, enum kev_apic_lvt entry, unsigned int class)
{
	u32 lvt = *reg(vcpu, KEV_APIC_LVT + entry * KEV_APIC_STEP);

	/* An illegal vector is an error: SDM Vol. 3, "Error Handling" of the local APIC */
	if (!(lvt & KEV_LVT_MASKED) && (lvt & KEV_LVT_VECTOR) < KEV_APIC_FIRST_VECTOR)
		lvt = *reg(vcpu, KEV_APIC_LVT + KEV_LVT_ERROR * KEV_APIC_STEP);
	return !(lvt & KEV_LVT_MASKED) && (lvt & KEV_LVT_VECTOR) >> 4 > class;
}

/**
 * kev_apic_deliver() - the guest takes an interrupt
 * @vcpu: the caller owns it
 * @vector: what kev_apic_deliverable() gave
 *
 * Context: any.
 */
void kev_apic_deliver(struct kev_vcpu *vcpu, u8 vector)
{
	kev_apic_clear_bit(vcpu->apic.regs, KEV_APIC_IRR, vector);
	kev_apic_set_bit(vcpu->apic.regs, KEV_APIC_ISR, vector);
}
