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

/* VMCS field encodings; SDM Vol. 3, appendix B */
#define HOST_RSP_FIELD		0x6c14
#define EXIT_REASON_FIELD	0x4402

/* 16 registers of a vCPU by enum kev_gpr, 8 bytes each */
#define GPR(n)		(KEV_VMX_VCPU_GPR + (n) * 8)
#define RAX_SLOT	GPR(0)
#define RCX_SLOT	GPR(1)
#define RDX_SLOT	GPR(2)
#define RBX_SLOT	GPR(3)
#define RBP_SLOT	GPR(5)
#define RSI_SLOT	GPR(6)
#define RDI_SLOT	GPR(7)

/* What kev_vmx_enter_guest() has on top of its stack */
#define STACK_VMX	0
#define STACK_FRAME	8
#define STACK_RBP	56

/*
 * Buffers that a guest could read through: VERW where the kernel has chosen it against MDS,
 * TAA, MMIO stale data or RFDS. Kernels differ in the flag that says so for a VM entry on
 * Intel: 6.1 and 6.12 set CLEAR_CPU_BUF alone, as for the way to user space. Before they had a
 * second one CLEAR_CPU_BUFFERS was an assembler macro, which no #ifdef sees; a flag is seen.
 */
#ifdef VM_CLEAR_CPU_BUFFERS
.macro CLEAR_BUFFERS_FOR_GUEST
	ALTERNATIVE_2 "jmp .Lbuffers_done_\@", "", X86_FEATURE_CLEAR_CPU_BUF, \
		      "", X86_FEATURE_CLEAR_CPU_BUF_VM
	verw	x86_verw_sel(%rip)
.Lbuffers_done_\@:
.endm
#elif defined(X86_FEATURE_CLEAR_CPU_BUF)
.macro CLEAR_BUFFERS_FOR_GUEST
	CLEAR_CPU_BUFFERS
.endm
#else
#error "the kernel's headers do not say when to clear CPU buffers: 6.1.80 is the first that does"
#endif

/* The flag comes with an assembler macro here, too. */
.macro CLEAR_BRANCH_HISTORY_AFTER_GUEST
#if defined(X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT) || defined(X86_FEATURE_CLEAR_BHB_VMEXIT)
	CLEAR_BRANCH_HISTORY_VMEXIT
#endif
.endm

/* All of the guest's general registers but RSP; RBX: the vCPU */
.macro LOAD_GUEST_GPRS
	mov	RAX_SLOT(%rbx), %rax
	mov	RCX_SLOT(%rbx), %rcx
	mov	RDX_SLOT(%rbx), %rdx
	mov	RBP_SLOT(%rbx), %rbp
	mov	RSI_SLOT(%rbx), %rsi
	mov	RDI_SLOT(%rbx), %rdi
	mov	GPR(8)(%rbx), %r8
	mov	GPR(9)(%rbx), %r9
	mov	GPR(10)(%rbx), %r10
	mov	GPR(11)(%rbx), %r11
	mov	GPR(12)(%rbx), %r12
	mov	GPR(13)(%rbx), %r13
	mov	GPR(14)(%rbx), %r14
	mov	GPR(15)(%rbx), %r15
	mov	RBX_SLOT(%rbx), %rbx
.endm

/*
 * Nothing that the guest chose may steer what the host speculates. RAX, RBX, RSI and RDI
 * are not here: they get values of the host's at once.
 */
.macro CLEAR_OTHER_GPRS
	xor	%ebp, %ebp
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
.endm

/* Before the first RET that has no CALL on this side of the exit. Clobbers RAX, RCX, RDX, R8 */
.macro PROTECT_PREDICTION
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE

	/*
	 * The guest runs with the host's SPEC_CTRL and cannot write it, so that
	 * there is nothing to restore. But IBRS protects what is predicted after
	 * its WRMSR: it is written again after each exit.
	 */
	ALTERNATIVE "jmp .Lspec_ctrl_done_\@", "", X86_FEATURE_KERNEL_IBRS
	mov	STACK_FRAME(%rsp), %r8
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	KEV_VMX_FRAME_SPEC_CTRL(%r8), %eax
	mov	(KEV_VMX_FRAME_SPEC_CTRL + 4)(%r8), %edx
	wrmsr
	lfence
.Lspec_ctrl_done_\@:

	CLEAR_BRANCH_HISTORY_AFTER_GUEST
.endm

.section .noinstr.text, "ax"

SYM_FUNC_START(kev_vmx_enter_guest)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rsi		/* frame */
	push	%rdi		/* vmx */

	/* The stack is nearly always as deep as it was at the last entry. */
	cmp	%rsp, KEV_VMX_FRAME_HOST_RSP(%rsi)
	je	.Lhost_rsp_is_set
	mov	$HOST_RSP_FIELD, %eax
	vmwrite	%rsp, %rax
	jbe	.Lfailed
	mov	%rsp, KEV_VMX_FRAME_HOST_RSP(%rsi)
.Lhost_rsp_is_set:

	mov	%rdi, %rbx
	test	%dl, %dl
	jnz	.Lagain

	LOAD_GUEST_GPRS
	CLEAR_BUFFERS_FOR_GUEST
.Lvmlaunch:
	vmlaunch
	jmp	.Lfailed

.Lagain:
	LOAD_GUEST_GPRS
	CLEAR_BUFFERS_FOR_GUEST
	/*
	 * The unwinder finds at kev_vmx_exit what it finds here: the CPU comes
	 * back with the stack pointer of HOST_RSP.
	 */
	UNWIND_HINT_SAVE
.Lvmresume:
	vmresume
	jmp	.Lfailed

	_ASM_EXTABLE(.Lvmresume, .Lfailed)
	_ASM_EXTABLE(.Lvmlaunch, .Lfailed)

SYM_INNER_LABEL(kev_vmx_exit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push	%rdi
	mov	(8 + STACK_VMX)(%rsp), %rdi
	mov	%rax, RAX_SLOT(%rdi)
	mov	%rcx, RCX_SLOT(%rdi)
	mov	%rdx, RDX_SLOT(%rdi)
	mov	%rbx, RBX_SLOT(%rdi)
	mov	%rbp, RBP_SLOT(%rdi)
	mov	%rsi, RSI_SLOT(%rdi)
	mov	%r8, GPR(8)(%rdi)
	mov	%r9, GPR(9)(%rdi)
	mov	%r10, GPR(10)(%rdi)
	mov	%r11, GPR(11)(%rdi)
	mov	%r12, GPR(12)(%rdi)
	mov	%r13, GPR(13)(%rdi)
	mov	%r14, GPR(14)(%rdi)
	mov	%r15, GPR(15)(%rdi)
	pop	RDI_SLOT(%rdi)

	/* For kev_vmx_exited(); RBX is kept by what is called. */
	mov	%rdi, %rbx
	mov	$EXIT_REASON_FIELD, %eax
.Lread_reason:
	vmread	%rax, %rsi
.Lreason_is_read:
	CLEAR_OTHER_GPRS
	PROTECT_PREDICTION

#ifdef CONFIG_FRAME_POINTER
	/* There the unwinder follows RBP, wherever the quick level wants to know who called it. */
	lea	STACK_RBP(%rsp), %rbp
#endif
	/* The guest goes on, or the caller is to see why it does not. */
	call	kev_vmx_exited
	test	%al, %al
	jnz	.Lagain
	mov	$KEV_VMX_ENTERED, %eax

.Lreturn:
	add	$16, %rsp		/* vmx, frame */
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

	/* Outside VMX operation, as when the machine crashes: no exit that there is */
.Lno_reason:
	mov	$-1, %esi
	jmp	.Lreason_is_read
	_ASM_EXTABLE(.Lread_reason, .Lno_reason)

.Lfailed:
	/* The guest's registers may be loaded, but it did not run. */
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%esi, %esi
	xor	%edi, %edi
	CLEAR_OTHER_GPRS
	PROTECT_PREDICTION
	mov	$KEV_VMX_FAILED, %eax
	jmp	.Lreturn
SYM_FUNC_END(kev_vmx_enter_guest)
