// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87, SSE and AVX registers: the guest's while it runs, the host's otherwise.
 *
 * Swapped eagerly: to leave the host's registers in place and catch the guest's
 * first use by CR0.TS would let it read them speculatively (LazyFP). A section
 * of kernel_fpu_begin() lies around the entry loop. It begins and ends with IRQs
 * off, so that no interrupt handler of the host finds the FPU taken.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <kev/cpuid.h>
#include <kev/fpu.h>
#include <kev/problem.h>

/* SDM Vol. 1, "Initialization of the x87 FPU" and "MXCSR Control and Status Register" */
#define FCW_RESET	0x37f
#define MXCSR_RESET	0x1f80

#define MXCSR_MASK_DEFAULT	0xffbfU

#define CPUID_LEAF_XSTATE	0xd

u64 kev_fpu_xcr0 __ro_after_init;
u64 kev_host_xcr0 __ro_after_init;
static u32 fpu_size __ro_after_init;	/* of an area, and of what user space gets */
static u32 fpu_mxcsr_reserved __ro_after_init;	/* bits that a load of MXCSR must not have */

/* Bytes of an XSAVE image in standard format that holds @xcr0 */
static u32 image_size(u64 xcr0)
{
	u32 end = XSAVE_HDR_OFFSET + XSAVE_HDR_SIZE;
	u32 size, offset, ecx, edx;

	/* The first two components are the legacy region. */
	for (unsigned int i = 2; i < 63; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		cpuid_count(CPUID_LEAF_XSTATE, i, &size, &offset, &ecx, &edx);
		end = max(end, offset + size);
	}
	return end;
}

/* SDM Vol. 1, "Guidelines for Writing to the MXCSR Register" */
static u32 mxcsr_reserved(void)
{
	static struct fxregs_state fx __aligned(16);

	kernel_fpu_begin_mask(0);
	asm volatile("fxsave64 %0" : "=m" (fx));
	kernel_fpu_end();
	return ~(fx.mxcsr_mask ?: MXCSR_MASK_DEFAULT);
}

/**
 * kev_fpu_probe() - find out how to switch
 *
 * Return: the XCR0 bits that a guest may set; 0 where it gets no XSAVE.
 */
u64 kev_fpu_probe(void)
{
	kev_fpu_xcr0 = 0;
	kev_host_xcr0 = 0;
	fpu_mxcsr_reserved = mxcsr_reserved();
	fpu_size = image_size(0);
	if (!boot_cpu_has(X86_FEATURE_OSXSAVE))
		return 0;
	kev_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	kev_fpu_xcr0 = kev_host_xcr0 & KEV_XCR0_GUEST;
	/* All of AVX-512's states or none, and only if they fit into the area */
	if ((kev_fpu_xcr0 & KEV_XCR0_AVX512) != KEV_XCR0_AVX512 ||
	    image_size(kev_fpu_xcr0) > PAGE_SIZE)
		kev_fpu_xcr0 &= ~KEV_XCR0_AVX512;
	fpu_size = image_size(kev_fpu_xcr0);
	return kev_fpu_xcr0;
}

/**
 * kev_fpu_init() - give a guest its registers, in the state after reset
 * @fpu: written
 * @area: kev_fpu_image_size() bytes of zeros, at a multiple of KEV_FPU_ALIGN
 */
void kev_fpu_init(struct kev_fpu *fpu, void *area)
{
	struct fxregs_state *fx = area;

	/* With an empty XSTATE_BV the CPU initialises all but MXCSR. */
	fx->cwd = FCW_RESET;
	fx->mxcsr = MXCSR_RESET;
	fpu->area = area;
}

/**
 * kev_fpu_image_size() - bytes of a guest's registers, in the CPU's area as for user space
 *
 * An XSAVE image in standard format, also where the CPU has only FXSAVE.
 *
 * Return: bytes; the same for all guests as long as the module is loaded.
 */
u32 kev_fpu_image_size(void)
{
	return fpu_size;
}

/**
 * kev_fpu_get() - a guest's registers as an image
 * @fpu: the guest's, saved
 * @image: kev_fpu_image_size() bytes, all of them written
 */
void kev_fpu_get(const struct kev_fpu *fpu, void *image)
{
	struct xregs_state *x = image;

	memcpy(image, fpu->area, kev_fpu_image_size());
	/* FXSAVE leaves the header alone; what it saves may be in use. */
	if (!kev_fpu_xcr0)
		x->header.xfeatures = XFEATURE_MASK_FPSSE;
}

static bool all_zero(const void *bytes, size_t size)
{
	return !memchr_inv(bytes, 0, size);
}

/**
 * kev_fpu_check() - can the CPU load an image
 * @image: kev_fpu_image_size() bytes
 * @problem: written on failure
 *
 * SDM Vol. 1, "Operation of XRSTOR"
 *
 * Return: true: it can.
 */
bool kev_fpu_check(const void *image, struct kev_problem *problem)
{
	const struct xregs_state *x = image;
	u64 known = kev_fpu_xcr0 ?: XFEATURE_MASK_FPSSE;

	if (x->header.xfeatures & ~known)
		return kev_problem_is(problem, "XSTATE_BV", "has a component that guests have not");
	if (x->header.xcomp_bv)
		return kev_problem_is(problem, "XCOMP_BV", "is not 0");
	if (!all_zero(x->header.reserved, sizeof(x->header.reserved)))
		return kev_problem_is(problem, "XSAVE header", "has reserved bytes");
	if (x->i387.mxcsr & fpu_mxcsr_reserved)
		return kev_problem_is(problem, "MXCSR", "has reserved bits");
	return true;
}

/* What XRSTOR makes of a component that the header does not name */
static void reset_legacy(struct xregs_state *x, u64 components)
{
	if (components & XFEATURE_MASK_FP) {
		memset(&x->i387, 0, offsetof(struct fxregs_state, mxcsr));
		memset(x->i387.st_space, 0, sizeof(x->i387.st_space));
		x->i387.cwd = FCW_RESET;
	}
	if (components & XFEATURE_MASK_SSE)
		memset(x->i387.xmm_space, 0, sizeof(x->i387.xmm_space));
}

/**
 * kev_fpu_set() - replace a guest's registers
 * @fpu: the guest's, saved
 * @image: kev_fpu_check() takes it
 */
void kev_fpu_set(struct kev_fpu *fpu, const void *image)
{
	struct xregs_state *x = fpu->area;

	memcpy(fpu->area, image, kev_fpu_image_size());
	/* FXRSTOR does not look at the header. */
	if (!kev_fpu_xcr0)
		reset_legacy(x, XFEATURE_MASK_FPSSE & ~x->header.xfeatures);
}
