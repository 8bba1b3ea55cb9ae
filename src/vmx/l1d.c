// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeping the host's data in the L1 data cache from a guest that exploits L1TF:
 * Documentation/admin-guide/hw-vuln/l1tf.rst of the kernel.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "l1d.h"
#include "vmx.h"

/* Reading this much replaces the content of every L1 data cache concerned. */
#define L1D_FILL_ORDER	4
#define L1D_FILL_SIZE	(PAGE_SIZE << L1D_FILL_ORDER)
#define L1D_LINE	64
#define L1D_LINES_AT_ONCE	64

static bool l1d_always;		/* not only after the host has run something but the entry loop */
static u8 *l1d_fill;

/* Goes to kev_vmx_vcpu.due after the host has run something else, or faults; 0: never a flush */
unsigned int kev_vmx_l1d_due __read_mostly;

static enum kev_l1d_rule l1d_rule(void)
{
	struct kev_l1d_facts facts = {
		.affected = boot_cpu_has_bug(X86_BUG_L1TF),
		.off = l1tf_mitigation == L1TF_MITIGATION_OFF,
		.conditional = l1tf_mitigation == L1TF_MITIGATION_FLUSH_NOWARN ||
			       l1tf_mitigation == L1TF_MITIGATION_FLUSH ||
			       l1tf_mitigation == L1TF_MITIGATION_FLUSH_NOSMT,
	};

	BUILD_BUG_ON(KEV_SKIPS_L1D_FLUSH != ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrq(MSR_IA32_ARCH_CAPABILITIES, facts.capabilities);
	return kev_l1d_rule(&facts);
}

/**
 * kev_vmx_l1d_init() - find out what `mitigations=` and `l1tf=` ask for
 *
 * Return: 0 or -ENOMEM.
 */
int kev_vmx_l1d_init(void)
{
	enum kev_l1d_rule rule = l1d_rule();
	struct page *page;

	kev_vmx_l1d_due = 0;
	if (rule == KEV_L1D_NEVER)
		return 0;
	l1d_always = rule == KEV_L1D_ALWAYS;
	kev_vmx_l1d_due = KEV_DUE_FLUSH_L1D;
	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		return 0;

	page = alloc_pages(GFP_KERNEL, L1D_FILL_ORDER);
	if (!page)
		return -ENOMEM;
	l1d_fill = page_address(page);
	/* Pages of different content, so that same-page merging leaves them apart */
	for (unsigned int i = 0; i < L1D_FILL_SIZE / PAGE_SIZE; i++)
		memset(l1d_fill + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	return 0;
}

/**
 * kev_vmx_l1d_exit() - the opposite of kev_vmx_l1d_init()
 */
void kev_vmx_l1d_exit(void)
{
	if (l1d_fill)
		free_pages((unsigned long)l1d_fill, L1D_FILL_ORDER);
	l1d_fill = NULL;
}

static __always_inline void read_4_lines(const u8 *lines)
{
	READ_ONCE(lines[0]);
	READ_ONCE(lines[L1D_LINE]);
	READ_ONCE(lines[2 * L1D_LINE]);
	READ_ONCE(lines[3 * L1D_LINE]);
}

static __always_inline void read_16_lines(const u8 *lines)
{
	read_4_lines(lines);
	read_4_lines(lines + 4 * L1D_LINE);
	read_4_lines(lines + 8 * L1D_LINE);
	read_4_lines(lines + 12 * L1D_LINE);
}

/* There are a thousand of them: what goes round the loop should be little else. */
static __always_inline void read_lines(const u8 *lines)
{
	read_16_lines(lines);
	read_16_lines(lines + 16 * L1D_LINE);
	read_16_lines(lines + 32 * L1D_LINE);
	read_16_lines(lines + 48 * L1D_LINE);
}

/**
 * kev_vmx_l1d_flush() - flush the L1 data cache
 * @vmx: the vCPU about to enter, with KEV_DUE_FLUSH_L1D
 *
 * Context: armed, IRQs off.
 */
void kev_vmx_l1d_flush(struct kev_vmx_vcpu *vmx)
{
	const u8 *fill = l1d_fill;
	unsigned int i;

	if (!l1d_always)
		vmx->due &= ~KEV_DUE_FLUSH_L1D;

	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		native_wrmsrq(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
		return;
	}

	/* The TLB first: a page walk in the second loop would bring lines back. */
	for (i = 0; i < L1D_FILL_SIZE; i += PAGE_SIZE)
		READ_ONCE(fill[i]);
	sync_core();
	for (i = 0; i < L1D_FILL_SIZE; i += L1D_LINES_AT_ONCE * L1D_LINE)
		read_lines(fill + i);
	/* The loads are done before the guest begins. */
	rmb();
}
