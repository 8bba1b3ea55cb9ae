// SPDX-License-Identifier: GPL-2.0
/* A guest that executes one instruction at a time, with registers from the test */
#include <string.h>

#include "kevtest.h"

#define SLOT		16	/* bytes from one instruction to the next */
#define INSN(n, text)	".org insns_start + 16 * " #n "\n" text "\n vmcall\n"

KT_CODE(insns,
	INSN(0, "cpuid")
	INSN(1, "rdmsr")
	INSN(2, "wrmsr")
	INSN(3, "xsetbv")
	INSN(4, "xgetbv")
	INSN(5, "mov %rax, %cr4")
	INSN(6, "rdtsc")
	INSN(7, "swapgs"));

int kt_insn_init(struct kt_guest *guest, uint32_t flags)
{
	return kt_guest_init(guest, &insns, flags, "report");
}

int kt_insn(struct kt_guest *guest, enum kt_insn insn, uint64_t *gpr)
{
	struct kev_vcpu_state state = { 0 };
	long ret;

	ret = kt_get_state(guest->vcpu, KEV_STATE_GPRS, &state);
	if (ret)
		return ret;
	gpr[KEV_RSP] = state.gprs.gpr[KEV_RSP];
	memcpy(state.gprs.gpr, gpr, sizeof(state.gprs.gpr));
	state.gprs.rip = KT_CODE_GPA + insn * SLOT;
	state.gprs.rflags = 2;
	ret = kt_set_state(guest->vcpu, KEV_STATE_GPRS, &state);
	if (!ret)
		ret = kt_run(guest->vcpu);
	if (ret)
		return ret;
	memcpy(gpr, guest->run->gpr, sizeof(state.gprs.gpr));
	return guest->run->kind;
}

int kt_cpuid(struct kt_guest *guest, uint32_t leaf, uint32_t subleaf, uint32_t *regs)
{
	uint64_t gpr[KEV_NR_GPRS] = { [KEV_RAX] = leaf, [KEV_RCX] = subleaf };
	int ret = kt_insn(guest, KT_CPUID, gpr);

	regs[0] = gpr[KEV_RAX];
	regs[1] = gpr[KEV_RBX];
	regs[2] = gpr[KEV_RCX];
	regs[3] = gpr[KEV_RDX];
	return ret;
}

int kt_rdmsr(struct kt_guest *guest, uint32_t index, uint64_t *value)
{
	uint64_t gpr[KEV_NR_GPRS] = { [KEV_RCX] = index };
	int ret = kt_insn(guest, KT_RDMSR, gpr);

	*value = gpr[KEV_RDX] << 32 | gpr[KEV_RAX];
	return ret;
}

int kt_wrmsr(struct kt_guest *guest, uint32_t index, uint64_t value)
{
	uint64_t gpr[KEV_NR_GPRS] = {
		[KEV_RCX] = index, [KEV_RAX] = (uint32_t)value, [KEV_RDX] = value >> 32,
	};

	return kt_insn(guest, KT_WRMSR, gpr);
}
