// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSRs of the local APIC: IA32_APIC_BASE, x2APIC mode, IA32_TSC_DEADLINE.
 *
 * SDM Vol. 3, "x2APIC Register Address Space" and "Reserved Bit Checking"
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/msr-index.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/exit.h>
#include <kev/msr.h>
#include <kev/vcpu.h>

#define X2APIC_FIRST	0x800U

/* struct rule.access: what x2APIC mode lets software do with a register */
#define CAN_READ		BIT(0)
#define CAN_WRITE		BIT(1)

/**
 * struct rule - registers in a row
 * @first: MSR
 * @count: how many
 * @access: CAN_READ, CAN_WRITE
 * @writable: bits that are not reserved
 */
struct rule {
	u32 first;
	u32 count;
	u32 access;
	u64 writable;
};

#define LVT_MASK_VECTOR	(KEV_LVT_MASKED | KEV_LVT_VECTOR)
#define LVT_STATUS	BIT(12)		/* read-only, not reserved */
#define LVT_REMOTE_IRR	BIT(14)		/* likewise */
#define LVT_PIN		(LVT_MASK_VECTOR | KEV_LVT_MODE | LVT_STATUS | BIT(13) |	\
			 LVT_REMOTE_IRR | BIT(15))

static const struct rule rules[] = {
	{ 0x802, 2, CAN_READ, 0 },				/* ID, version */
	{ 0x808, 1, CAN_READ | CAN_WRITE, 0xff },		/* TPR */
	{ 0x80a, 1, CAN_READ, 0 },				/* PPR */
	{ 0x80b, 1, CAN_WRITE, 0 },				/* EOI */
	{ 0x80d, 1, CAN_READ, 0 },				/* LDR */
	{ 0x80f, 1, CAN_READ | CAN_WRITE, KEV_SVR_WRITABLE },
	{ 0x810, 24, CAN_READ, 0 },				/* ISR, TMR, IRR */
	{ 0x828, 1, CAN_READ | CAN_WRITE, 0 },			/* ESR */
	/* Of the ICR's low half 31:20, 17:16, 13 and 12 are reserved. */
	{ 0x830, 1, CAN_READ | CAN_WRITE, GENMASK_ULL(63, 32) | 0xccfff },
	{ 0x832, 1, CAN_READ | CAN_WRITE, LVT_MASK_VECTOR | LVT_STATUS | KEV_LVT_TIMER_MODE },
	{ 0x833, 2, CAN_READ | CAN_WRITE, LVT_MASK_VECTOR | LVT_STATUS | KEV_LVT_MODE },
	{ 0x835, 2, CAN_READ | CAN_WRITE, LVT_PIN },
	{ 0x837, 1, CAN_READ | CAN_WRITE, LVT_MASK_VECTOR | LVT_STATUS },	/* LVT error */
	{ 0x838, 1, CAN_READ | CAN_WRITE, 0xffffffff },		/* initial count */
	{ 0x839, 1, CAN_READ, 0 },				/* current count */
	{ 0x83e, 1, CAN_READ | CAN_WRITE, KEV_DIVIDE_WRITABLE },
	{ 0x83f, 1, CAN_WRITE, 0xff },			/* SELF IPI */
};

static const struct rule *find_rule(u32 index)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		if (index - rules[i].first < rules[i].count)
			return &rules[i];
	return NULL;
}

static bool in_x2apic_mode(const struct kev_vcpu *vcpu)
{
	return (vcpu->msr.apic_base & KEV_APIC_BASE_MODE) == KEV_APIC_BASE_MODE;
}

static unsigned int offset_of(u32 index)
{
	return (index - X2APIC_FIRST) * KEV_APIC_STEP;
}

static int read_x2apic(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	const struct rule *rule = find_rule(index);

	if (!in_x2apic_mode(vcpu) || !rule || !(rule->access & CAN_READ))
		return -EINVAL;
	*value = kev_apic_read(vcpu, offset_of(index));
	if (offset_of(index) == KEV_APIC_ICR)
		*value |= (u64)kev_apic_read(vcpu, KEV_APIC_ICR_HIGH) << 32;
	return 0;
}

/* As an ICR with this vector, mode fixed and the shorthand "self" */
static void send_self_ipi(struct kev_vcpu *vcpu, u8 vector)
{
	if (vector < KEV_APIC_FIRST_VECTOR)
		kev_apic_error(vcpu, KEV_ESR_SEND_VECTOR);
	else if (vcpu->apic.at & KEV_APIC_AT_ENABLED)
		kev_apic_post(vcpu, vector, false);
}

/*
 * The hardware has written a register. Of those that it does write the only one that asks
 * for more is SELF IPI, with a vector that it cannot send.
 */
enum kev_verdict kev_fast_apic_write(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u32 *self_ipi = kev_apic_reg(vcpu->apic.regs, KEV_APIC_SELF_IPI);

	if (exit->apic_offset != KEV_APIC_SELF_IPI)
		return KEV_PASS;
	send_self_ipi(vcpu, *self_ipi);
	*self_ipi = 0;
	return KEV_RETRY;
}

static int write_x2apic(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	const struct rule *rule = find_rule(index);

	if (!in_x2apic_mode(vcpu) || !rule || !(rule->access & CAN_WRITE) ||
	    value & ~rule->writable)
		return -EINVAL;
	switch (offset_of(index)) {
	case KEV_APIC_ICR:
		kev_apic_write_icr(vcpu, value);
		break;
	case KEV_APIC_SELF_IPI:
		send_self_ipi(vcpu, value);
		break;
	default:
		kev_apic_write(vcpu, offset_of(index), value);
		break;
	}
	return 0;
}

static const struct kev_msr_ops msr_x2apic = { read_x2apic, write_x2apic };

static int write_apic_base(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	if (!kev_apic_base_valid(vcpu->msr.apic_base, value, kev_info.phys_bits))
		return -EINVAL;
	kev_apic_set_base(vcpu, value);
	return 0;
}

static const struct kev_msr_ops msr_apic_base = {
	.field = KEV_MSR_FIELD(msr.apic_base),
	.write_msr = write_apic_base,
};

static bool in_deadline_mode(struct kev_vcpu *vcpu)
{
	return (kev_apic_read(vcpu, KEV_APIC_LVT_TIMER) & KEV_LVT_TIMER_MODE) ==
	       KEV_LVT_DEADLINE;
}

static int read_deadline(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = in_deadline_mode(vcpu) ? kev_timer_deadline(vcpu) : 0;
	return 0;
}

/* In the other modes of the timer it is ignored: SDM Vol. 3, "TSC-Deadline Mode". */
static int write_deadline(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	if (in_deadline_mode(vcpu))
		kev_timer_set_deadline(vcpu, value);
	return 0;
}

static const struct kev_msr_ops msr_deadline = { read_deadline, write_deadline };

/**
 * kev_apic_exit() - take the MSRs out again
 */
void kev_apic_exit(void)
{
	kev_msr_remove(MSR_IA32_APICBASE);
	kev_msr_remove(MSR_IA32_TSC_DEADLINE);
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		for (u32 n = 0; n < rules[i].count; n++)
			kev_msr_remove(rules[i].first + n);
}

/**
 * kev_apic_init() - give every guest the MSRs of its local APIC
 *
 * Return: 0 or -ENOMEM, with none of them there.
 */
int kev_apic_init(void)
{
	int ret;

	ret = kev_msr_insert(MSR_IA32_APICBASE, &msr_apic_base);
	ret = ret ?: kev_msr_insert(MSR_IA32_TSC_DEADLINE, &msr_deadline);
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		for (u32 n = 0; n < rules[i].count; n++)
			ret = ret ?: kev_msr_insert(rules[i].first + n, &msr_x2apic);
	if (ret)
		kev_apic_exit();
	return ret;
}
