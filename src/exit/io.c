// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O: decoded, and completed with what user space answers.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kev/exit.h>
#include <kev/vcpu.h>

enum kev_verdict kev_slow_io(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	struct kev_exit_io *io = &vcpu->run->io;
	u64 data = vcpu->gpr[KEV_RAX];

	/* The strings of INS and OUTS lie in guest memory: the frame says which. */
	if (exit->io.string || !exit->io.width)
		return KEV_PASS;

	kev_report(vcpu, KEV_EXIT_IO);
	io->port = exit->io.port;
	io->direction = exit->io.in ? KEV_IO_IN : KEV_IO_OUT;
	io->width = exit->io.width;
	if (!exit->io.in)
		io->data = data & GENMASK_ULL(exit->io.width * 8 - 1, 0);
	vcpu->answer = KEV_EXIT_IO;
	return KEV_REPORT;
}
