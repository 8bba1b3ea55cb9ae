/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VM entry and VM exit.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/percpu.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

#include "frame.h"

/* VMCS field encoding; SDM Vol. 3, appendix B.4 */
#define HOST_RSP_FIELD	0x6c14

/* 16 registers by enum kev_gpr, 8 bytes each */
#define GPR(n)		((n) * 8)
#define RAX_SLOT	GPR(0)
#define RCX_SLOT	GPR(1)
#define RDX_SLOT	GPR(2)
#define RBX_SLOT	GPR(3)
#define RBP_SLOT	GPR(5)
#define RSI_SLOT	GPR(6)
#define RDI_SLOT	GPR(7)

/* Buffers that a guest could read through; the caller's kernel decides when */
.macro CLEAR_BUFFERS_FOR_GUEST
#ifdef VM_CLEAR_CPU_BUFFERS
	VM_CLEAR_CPU_BUFFERS
#endif
.endm

.macro CLEAR_BRANCH_HISTORY_AFTER_GUEST
#ifdef CLEAR_BRANCH_HISTORY_VMEXIT
	CLEAR_BRANCH_HISTORY_VMEXIT
#endif
.endm

.section .noinstr.text, "ax"

SYM_FUNC_START(kev_vmx_enter_guest)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rsi		/* frame */
	push	%rdi		/* gpr */

	/* The stack is nearly always as deep as it was at the last entry. */
	cmp	%rsp, KEV_VMX_FRAME_HOST_RSP(%rsi)
	je	.Lhost_rsp_is_set
	mov	$HOST_RSP_FIELD, %eax
	vmwrite	%rsp, %rax
	jbe	.Lfailed
	mov	%rsp, KEV_VMX_FRAME_HOST_RSP(%rsi)
.Lhost_rsp_is_set:

	/* CF = launched; moves and VERW leave it alone */
	bt	$0, %edx

	mov	%rdi, %rax
	mov	RCX_SLOT(%rax), %rcx
	mov	RDX_SLOT(%rax), %rdx
	mov	RBX_SLOT(%rax), %rbx
	mov	RBP_SLOT(%rax), %rbp
	mov	RSI_SLOT(%rax), %rsi
	mov	RDI_SLOT(%rax), %rdi
	mov	GPR(8)(%rax), %r8
	mov	GPR(9)(%rax), %r9
	mov	GPR(10)(%rax), %r10
	mov	GPR(11)(%rax), %r11
	mov	GPR(12)(%rax), %r12
	mov	GPR(13)(%rax), %r13
	mov	GPR(14)(%rax), %r14
	mov	GPR(15)(%rax), %r15
	mov	RAX_SLOT(%rax), %rax

	CLEAR_BUFFERS_FOR_GUEST

	jnc	.Lvmlaunch

	/*
	 * The unwinder finds at kev_vmx_exit what it finds here: the CPU comes
	 * back with the stack pointer of HOST_RSP.
	 */
	UNWIND_HINT_SAVE
.Lvmresume:
	vmresume
	jmp	.Lvmfail
.Lvmlaunch:
	vmlaunch
	jmp	.Lvmfail

	_ASM_EXTABLE(.Lvmresume, .Lvmfail)
	_ASM_EXTABLE(.Lvmlaunch, .Lvmfail)

SYM_INNER_LABEL(kev_vmx_exit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push	%rax
	mov	8(%rsp), %rax		/* gpr */
	mov	%rcx, RCX_SLOT(%rax)
	mov	%rdx, RDX_SLOT(%rax)
	mov	%rbx, RBX_SLOT(%rax)
	mov	%rbp, RBP_SLOT(%rax)
	mov	%rsi, RSI_SLOT(%rax)
	mov	%rdi, RDI_SLOT(%rax)
	mov	%r8, GPR(8)(%rax)
	mov	%r9, GPR(9)(%rax)
	mov	%r10, GPR(10)(%rax)
	mov	%r11, GPR(11)(%rax)
	mov	%r12, GPR(12)(%rax)
	mov	%r13, GPR(13)(%rax)
	mov	%r14, GPR(14)(%rax)
	mov	%r15, GPR(15)(%rax)
	pop	RAX_SLOT(%rax)
	mov	$KEV_VMX_ENTERED, %ebx

.Lclear:
	/* Nothing that the guest chose may steer what the host speculates. */
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	/* Before the first RET that has no CALL on this side of the exit */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE

	/*
	 * The guest runs with the host's SPEC_CTRL and cannot write it, so that
	 * there is nothing to restore. But IBRS protects what is predicted after
	 * its WRMSR: it is written again after each exit.
	 */
	ALTERNATIVE "jmp .Lspec_ctrl_done", "", X86_FEATURE_KERNEL_IBRS
	mov	8(%rsp), %rsi		/* frame */
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	KEV_VMX_FRAME_SPEC_CTRL(%rsi), %eax
	mov	(KEV_VMX_FRAME_SPEC_CTRL + 4)(%rsi), %edx
	wrmsr
	lfence
.Lspec_ctrl_done:

	CLEAR_BRANCH_HISTORY_AFTER_GUEST

	mov	%ebx, %eax
	add	$16, %rsp		/* gpr, frame */
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lvmfail:
	/* The guest's registers are loaded, but it never ran. */
.Lfailed:
	mov	$KEV_VMX_FAILED, %ebx
	jmp	.Lclear
SYM_FUNC_END(kev_vmx_enter_guest)
