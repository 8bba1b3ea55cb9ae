/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry points of the 32 exceptions. Each leaves vector and error code on the
 * stack, 0 where the CPU pushes none; then the caller-saved registers make it
 * a struct exception_frame.
 */
	/* Vectors with an error code: 8, 10-14, 17, 21, 29, 30 (SDM Vol. 3, ch. 6) */
	.set	HAS_ERROR, 0x60227d00

	.text
isr_common:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	cld
	mov	%rsp, %rdi
	call	exception_dispatch
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq

	.altmacro
	.macro	STUB vector
isr_stub_\vector:
	.if	((HAS_ERROR >> \vector) & 1) == 0
	push	$0
	.endif
	push	$\vector
	jmp	isr_common
	.endm

	.macro	ADDRESS vector
	.quad	isr_stub_\vector
	.endm

	.set	vector, 0
	.rept	32
	STUB	%vector
	.set	vector, vector + 1
	.endr

	.section .rodata
	.balign	8
	.globl	isr_stubs
isr_stubs:
	.set	vector, 0
	.rept	32
	ADDRESS	%vector
	.set	vector, vector + 1
	.endr
	.section .note.GNU-stack, "", @progbits
