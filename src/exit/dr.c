// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's debug registers. It has them to itself: what the CPU holds is loaded when
 * one of its breakpoints is on.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/trapnr.h>
#include <kev/backend.h>
#include <kev/debug.h>
#include <kev/exit.h>
#include <kev/vcpu.h>

static u64 read_dr(const struct kev_vcpu *vcpu, unsigned int reg)
{
	switch (reg) {
	case 6:
		return vcpu->dr6;
	case 7:
		return vcpu->dr7;
	default:
		return vcpu->dr[reg];
	}
}

static bool write_dr(struct kev_vcpu *vcpu, unsigned int reg, u64 value)
{
	if (reg >= 6 && value >> 32)
		return false;
	switch (reg) {
	case 6:
		vcpu->dr6 = KEV_DR6_RESET | (value & KEV_DR6_WRITABLE);
		return true;
	case 7:
		vcpu->dr7 = KEV_DR7_RESET | (value & KEV_DR7_WRITABLE);
		break;
	default:
		vcpu->dr[reg] = value;
		break;
	}
	kev_backend->load_debug(vcpu);
	return true;
}

/* SDM Vol. 2, "MOV—Move to/from Debug Registers": the exit comes before all its faults. */
enum kev_verdict kev_fast_dr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	unsigned int reg = exit->dr.reg;
	u64 value;

	if (reg == 4 || reg == 5) {
		if (exit->dr.extensions)
			return kev_queue_exception(vcpu, X86_TRAP_UD, false, 0);
		reg += 2;
	}
	if (exit->dr.cpl)
		return kev_queue_gp(vcpu);
	if (vcpu->dr7 & KEV_DR7_GD)
		return kev_raise_debug(vcpu, KEV_DR6_BD);

	if (exit->dr.read) {
		kev_vcpu_set_gpr(vcpu, exit->dr.gpr, read_dr(vcpu, reg));
		return KEV_RESUME;
	}
	value = kev_vcpu_gpr(vcpu, exit->dr.gpr);
	if (!write_dr(vcpu, reg, exit->dr.long_mode ? value : (u32)value))
		return kev_queue_gp(vcpu);
	return KEV_RESUME;
}
