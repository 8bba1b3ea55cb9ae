/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMX instructions. None of them can hurt the host: one that fails or faults
 * marks the current vCPU broken, and the VM ends with an error.
 *
 * SDM Vol. 3, chapter "VMX Instruction Reference".
 */
#ifndef _KEV_VMX_OPS_H
#define _KEV_VMX_OPS_H

#include <linux/build_bug.h>
#include <linux/types.h>
#include <asm/asm.h>
#include <asm/vmx.h>
#include <kev/compat.h>

void kev_vmx_insn_failed(const char *insn, unsigned long operand);

/* Bits 14:13 of a VMCS field's encoding say how wide it is; appendix B */
#define KEV_VMCS_WIDTH(field)	(((field) >> 13) & 3)
#define KEV_VMCS_16		0
#define KEV_VMCS_64		1
#define KEV_VMCS_32		2
#define KEV_VMCS_NATURAL	3

/*
 * For where every instruction counts and nothing may be traced, between an exit and the
 * entry that follows. Fields that every CPU has fail only where that entry fails, too:
 * with no VMCS, or outside VMX operation. Nothing can come of a wrong value until then.
 */
static __always_inline u64 kev_vmread_unchecked(unsigned long field)
{
	u64 value;

	asm volatile("1: vmread %1, %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "=r" (value) : "r" (field) : "cc");
	return value;
}

static __always_inline void kev_vmwrite_unchecked(unsigned long field, u64 value)
{
	asm volatile("1: vmwrite %1, %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "r" (field), "r" (value) : "cc");
}

#ifdef CONFIG_CC_HAS_ASM_GOTO_OUTPUT
static __always_inline u64 kev_vmread(unsigned long field)
{
	u64 value;

	asm_goto_output("1: vmread %1, %0\n\t"
			"jbe %l[failed]\n"
			_ASM_EXTABLE(1b, %l[failed])
			: "=r" (value) : "r" (field) : "cc" : failed);
	return value;
failed:
	kev_vmx_insn_failed("VMREAD", field);
	return 0;
}
#else
static __always_inline u64 kev_vmread(unsigned long field)
{
	u64 value = 0;
	u8 failed = 1;

	asm volatile("1: vmread %2, %1\n\t"
		     "setna %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "+q" (failed), "+r" (value)
		     : "r" (field)
		     : "cc");
	if (unlikely(failed))
		kev_vmx_insn_failed("VMREAD", field);
	return value;
}
#endif

static __always_inline void kev_vmwrite(unsigned long field, u64 value)
{
	asm goto("1: vmwrite %1, %0\n\t"
		 "jbe %l[failed]\n"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : "r" (field), "r" (value) : "cc" : failed);
	return;
failed:
	kev_vmx_insn_failed("VMWRITE", field);
}

#define KEV_VMCS_ACCESSORS(name, type, width)					\
static __always_inline type kev_vmread_##name(unsigned long field)		\
{										\
	BUILD_BUG_ON_MSG(KEV_VMCS_WIDTH(field) != (width),			\
			 "VMCS field has another width");			\
	return kev_vmread(field);						\
}										\
										\
static __always_inline void kev_vmwrite_##name(unsigned long field, type value)	\
{										\
	BUILD_BUG_ON_MSG(KEV_VMCS_WIDTH(field) != (width),			\
			 "VMCS field has another width");			\
	kev_vmwrite(field, value);						\
}

KEV_VMCS_ACCESSORS(16, u16, KEV_VMCS_16)
KEV_VMCS_ACCESSORS(32, u32, KEV_VMCS_32)
KEV_VMCS_ACCESSORS(64, u64, KEV_VMCS_64)
KEV_VMCS_ACCESSORS(natural, unsigned long, KEV_VMCS_NATURAL)

/* An instruction with a memory operand: true when it failed or faulted */
#define KEV_VMX_MEMORY_OP(name, insn)						\
static __always_inline bool name(u64 pa)					\
{										\
	u8 fail = 1;								\
										\
	asm volatile("1: " insn " %1\n\t"					\
		     "setna %0\n"						\
		     "2:\n"							\
		     _ASM_EXTABLE(1b, 2b)					\
		     : "+q" (fail)						\
		     : "m" (pa)							\
		     : "cc", "memory");						\
	return fail;								\
}

KEV_VMX_MEMORY_OP(kev_vmxon, "vmxon")
KEV_VMX_MEMORY_OP(kev_vmclear, "vmclear")
KEV_VMX_MEMORY_OP(kev_vmptrld, "vmptrld")

static __always_inline bool kev_vmxoff(void)
{
	u8 fail = 1;

	asm volatile("1: vmxoff\n\t"
		     "setna %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "+q" (fail) : : "cc", "memory");
	return fail;
}

struct kev_inv_descriptor {
	u64 low;
	u64 high;
};

static __always_inline void kev_invept(unsigned long type, u64 eptp)
{
	struct kev_inv_descriptor descriptor = { .low = eptp };
	u8 fail = 1;

	asm volatile("1: invept %1, %2\n\t"
		     "setna %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "+q" (fail)
		     : "m" (descriptor), "r" (type)
		     : "cc", "memory");
	if (unlikely(fail))
		kev_vmx_insn_failed("INVEPT", type);
}

static __always_inline void kev_invvpid(unsigned long type, u16 vpid)
{
	struct kev_inv_descriptor descriptor = { .low = vpid };
	u8 fail = 1;

	asm volatile("1: invvpid %1, %2\n\t"
		     "setna %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "+q" (fail)
		     : "m" (descriptor), "r" (type)
		     : "cc", "memory");
	if (unlikely(fail))
		kev_vmx_insn_failed("INVVPID", type);
}

#endif /* _KEV_VMX_OPS_H */
