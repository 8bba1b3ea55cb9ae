// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O: a doorbell, or decoded and completed with what user space answers. The strings
 * of INS and OUTS are carried out as other instructions with operands in memory are.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kev/doorbell.h>
#include <kev/emulation.h>
#include <kev/exit.h>
#include <kev/trace.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/* AL, AX or EAX */
static u32 data_out(const struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	static const u32 mask[] = { [1] = U8_MAX, [2] = U16_MAX, [4] = U32_MAX };

	return vcpu->gpr[KEV_RAX] & mask[exit->io.width];
}

static bool rings(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	return !exit->io.in && kev_doorbell_ring(vcpu->vm, true, exit->io.port, exit->io.width,
						 data_out(vcpu, exit));
}

/* The rest of a report; the vCPU need not be loaded. */
static enum kev_verdict describe(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	struct kev_exit_io *io = &vcpu->run->io;

	io->port = exit->io.port;
	io->width = exit->io.width;
	io->count = 1;
	io->flags = 0;
	if (exit->io.in) {
		io->direction = KEV_IO_IN;
		io->data = 0;
		vcpu->answer = KEV_EXIT_IO;
	} else {
		io->direction = KEV_IO_OUT;
		io->data = data_out(vcpu, exit);
		vcpu->answer = KEV_EXIT_IO | KEV_ANSWER_ADVANCE;
	}
	return KEV_REPORT;
}

enum kev_verdict kev_fast_io(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	if (exit->io.string || !exit->io.width)
		return KEV_PASS;
	if (!exit->io.in)
		trace_kev_pio(vcpu, true, exit->io.port, exit->io.width, 1, data_out(vcpu, exit));
	if (unlikely(kev_doorbells_any(&vcpu->vm->doorbells))) {
		/* There an eventfd's lock sleeps. */
		if (IS_ENABLED(CONFIG_PREEMPT_RT))
			return KEV_PASS;
		if (rings(vcpu, exit))
			return KEV_RESUME;
	}
	kev_report_loaded(vcpu, KEV_EXIT_IO);
	return describe(vcpu, exit);
}

enum kev_verdict kev_slow_io(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	if (!exit->io.width)
		return KEV_PASS;
	if (exit->io.string)
		return kev_emulate(vcpu);
	if (rings(vcpu, exit))
		return KEV_RESUME;
	kev_report(vcpu, KEV_EXIT_IO);
	return describe(vcpu, exit);
}
