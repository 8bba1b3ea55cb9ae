// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSR bitmaps: which MSRs a guest reads and writes without an exit. There is one for
 * each combination of sets of them, shared by all vCPUs.
 *
 * SDM Vol. 3, "MSR-Bitmap Address"
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/mm.h>
#include <asm/apicdef.h>
#include <asm/io.h>
#include <asm/msr-index.h>
#include <kev/msr_policy.h>

#include "vmx.h"

/* Four bitmaps of 1 KiB for MSRs from 0 and from 0xc0000000; a bit that is 1 exits. */
#define READ_LOW	0
#define WRITE_LOW	0x800
#define HIGH		0x400
#define HIGH_MSRS	0xc0000000U
#define MSRS_EACH	0x2000U

#define X2APIC_MSR(offset)	(APIC_BASE_MSR + ((offset) >> 4))

static struct page *bitmaps[KEV_NR_BITMAPS];

static void pass(void *bitmap, u32 msr, bool read, bool write)
{
	u32 part = msr >= HIGH_MSRS ? HIGH : 0;
	u32 bit = msr % MSRS_EACH;

	if (read)
		clear_bit(bit, bitmap + READ_LOW + part);
	if (write)
		clear_bit(bit, bitmap + WRITE_LOW + part);
}

/*
 * With APIC-register virtualisation a read of any of 0x800 to 0x8ff reads the page,
 * where a register is or not: SDM Vol. 3, "Virtualizing MSR-Based APIC Accesses". Those
 * that the page does not have as the guest is to see them exit.
 */
static void pass_apic_registers(void *bitmap)
{
	static const u16 registers[] = {
		APIC_ID, APIC_LVR, APIC_PROCPRI, APIC_LDR, APIC_SPIV, APIC_ESR,
		APIC_LVTT, APIC_LVTTHMR, APIC_LVTPC, APIC_LVT0, APIC_LVT1, APIC_LVTERR,
		APIC_TMICT, APIC_TDCR,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(registers); i++)
		pass(bitmap, X2APIC_MSR(registers[i]), true, false);
	/* Eight registers each of ISR, TMR and IRR follow each other. */
	for (i = 0; i < 3 * 8; i++)
		pass(bitmap, X2APIC_MSR(APIC_ISR) + i, true, false);
	pass(bitmap, X2APIC_MSR(APIC_EOI), false, true);
	pass(bitmap, X2APIC_MSR(APIC_SELF_IPI), false, true);
}

/* The CPU checks what is written: it raises #GP for an address that is not canonical. */
static void pass_bases(void *bitmap)
{
	static const u32 msrs[] = {
		MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
		MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		pass(bitmap, msrs[i], true, true);
}

static void fill(void *bitmap, unsigned int sets)
{
	memset(bitmap, 0xff, PAGE_SIZE);
	if (sets & (KEV_BITMAP_TPR | KEV_BITMAP_APICV))
		pass(bitmap, X2APIC_MSR(APIC_TASKPRI), true, true);
	if (sets & KEV_BITMAP_APICV)
		pass_apic_registers(bitmap);
	if (sets & KEV_BITMAP_BASES)
		pass_bases(bitmap);
}

/**
 * kev_vmx_bitmaps_init() - make all MSR bitmaps
 *
 * Context: process.
 * Return: 0, or -ENOMEM with nothing left.
 */
int kev_vmx_bitmaps_init(void)
{
	for (unsigned int i = 0; i < KEV_NR_BITMAPS; i++) {
		bitmaps[i] = alloc_page(GFP_KERNEL);
		if (!bitmaps[i]) {
			kev_vmx_bitmaps_exit();
			return -ENOMEM;
		}
		fill(page_address(bitmaps[i]), i);
	}
	return 0;
}

/**
 * kev_vmx_bitmaps_exit() - the opposite of kev_vmx_bitmaps_init()
 *
 * Context: process.
 */
void kev_vmx_bitmaps_exit(void)
{
	for (unsigned int i = 0; i < KEV_NR_BITMAPS; i++) {
		if (bitmaps[i])
			__free_page(bitmaps[i]);
		bitmaps[i] = NULL;
	}
}

/**
 * kev_vmx_withheld_msrs() - sets of MSRs that have to exit in a VM
 * @vm: its policy is final
 *
 * Those of which user space has said something, or all if it wants to be given them.
 *
 * Context: Any.
 * Return: KEV_BITMAP_*.
 */
unsigned int kev_vmx_withheld_msrs(const struct kev_vm *vm)
{
	static const struct {
		u32 first, last;
		unsigned int sets;
	} ranges[] = {
		{ MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_EIP, KEV_BITMAP_BASES },
		{ MSR_FS_BASE, MSR_KERNEL_GS_BASE, KEV_BITMAP_BASES },
		{ APIC_BASE_MSR, APIC_BASE_MSR + 0xff, KEV_BITMAP_APIC },
	};
	unsigned int sets = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); i++)
		if (vm->intercepts & KEV_INTERCEPT_MSR ||
		    (vm->msrs && kev_msr_rules_touch(vm->msrs, ranges[i].first, ranges[i].last)))
			sets |= ranges[i].sets;
	return sets;
}

/**
 * kev_vmx_pass_msrs() - let the guest have MSRs without exits, or no longer
 * @vmx: loaded
 * @which: the sets in question, KEV_BITMAP_*
 * @sets: those of them that pass, unless they are withheld
 *
 * Context: IRQs off.
 */
void kev_vmx_pass_msrs(struct kev_vmx_vcpu *vmx, unsigned int which, unsigned int sets)
{
	vmx->passed_msrs = (vmx->passed_msrs & ~which) | sets;
	kev_vmwrite_64(MSR_BITMAP, kev_vmx_msr_bitmap(vmx));
}

/**
 * kev_vmx_msr_bitmap() - the bitmap of the sets that pass
 * @vmx: any
 *
 * Context: Any.
 * Return: its physical address.
 */
u64 kev_vmx_msr_bitmap(const struct kev_vmx_vcpu *vmx)
{
	return page_to_phys(bitmaps[vmx->passed_msrs & ~vmx->withheld_msrs]);
}
