// SPDX-License-Identifier: GPL-2.0
/*
 * The input is what a CPU says of VMX, and what may be used of it: a configuration has what kev
 * cannot do without and nothing that the CPU does not allow, and a refusal has its reason.
 */
#include "ctls.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Bits that have to be 1 below, bits that can be 1 above */
static void check_allowed(u32 controls, u64 cap, const char *what)
{
	fuzz_check(!((u32)cap & ~controls) && !(controls & ~(u32)(cap >> 32)), what);
}

static void check_config(const struct kev_vmx_caps *caps, const struct kev_vmx_config *config)
{
	bool true_ctls = caps->basic & BIT_ULL(55);

	check_allowed(config->pin, true_ctls ? caps->true_pin : caps->pin, "pin");
	check_allowed(config->proc, true_ctls ? caps->true_proc : caps->proc, "proc");
	check_allowed(config->proc2, caps->proc2, "proc2");
	check_allowed(config->exit, true_ctls ? caps->true_exit : caps->exit, "exit");
	check_allowed(config->entry, true_ctls ? caps->true_entry : caps->entry, "entry");
	fuzz_check(config->tpr_shadow || !config->apicv, "APICv without the TPR shadow");
	fuzz_check(config->timer_shift < 32, "rate of the timer");
}

static void check_timer(u64 now, u64 deadline, u32 shift)
{
	u64 value = kev_vmx_timer_value(now, deadline, shift);

	if (deadline <= now)
		fuzz_check(!value, "a deadline that has passed");
	else
		fuzz_check((((now >> shift) + value) << shift) - deadline < 1ULL << shift,
			   "early, or late by a tick");
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kev_vmx_missing missing = {};
	struct kev_vmx_choice choice;
	struct kev_vmx_config config;
	struct kev_vmx_caps caps;
	u64 now, deadline;
	u8 flags;
	int ret;

	fuzz_take(&data, &size, &flags, sizeof(flags));
	fuzz_take(&data, &size, &now, sizeof(now));
	fuzz_take(&data, &size, &deadline, sizeof(deadline));
	fuzz_take(&data, &size, (u8 *)&caps + offsetof(struct kev_vmx_caps, signature),
		  sizeof(caps) - offsetof(struct kev_vmx_caps, signature));
	caps.cpu_vmx = !(flags & 1);
	caps.kernel_vmx = caps.cpu_vmx;
	/* Each secondary control can be 0: SDM Vol. 3, appendix A.3.3 */
	caps.proc2 &= ~0ULL << 32;
	/* Far from the end of time */
	check_timer(now >> 8, deadline >> 8, flags >> 3);
	ret = kev_vmx_config_compute(&caps, &config, &missing);
	if (ret) {
		fuzz_check(ret == -EOPNOTSUPP, "an error from nowhere");
		fuzz_check(missing.field && missing.control && missing.why, "no reason");
		return 0;
	}
	check_config(&caps, &config);
	choice = (struct kev_vmx_choice) {
		.ept_ad = flags & 2, .tpr_shadow = flags & 4, .apicv = (flags & 12) == 12,
		.preemption_timer = flags & 16,
	};
	kev_vmx_config_choose(&config, &choice);
	fuzz_check((choice.apicv || !config.apicv) && (choice.ept_ad || !config.ept_ad) &&
		   (choice.preemption_timer || !config.preemption_timer), "what is not wanted");
	return 0;
}
