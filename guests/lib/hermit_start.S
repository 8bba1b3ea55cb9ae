/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry of a Hermit image: RDI = the address of the boot information, RSI = the
 * vCPU's id, RSP below the image, the same for all vCPUs: each takes 2 KiB of it by
 * its id. What main() returns becomes the exit code, by a call of interface
 * version 2, which has no structure. hermit_stack keeps RSP, as it was.
 */
	.section .text.start, "ax", @progbits
	.globl	_start
	.type	_start, @function
_start:
	mov	%rsp, hermit_stack(%rip)
	mov	%rsi, %rax
	shl	$11, %rax
	sub	%rax, %rsp
	and	$~0xf, %rsp
	xor	%ebp, %ebp
	call	main
	mov	%rax, %rdi
	mov	$0x1010, %edx
	out	%eax, %dx
1:	hlt
	jmp	1b
	.size	_start, . - _start
	.section .bss
	.globl	hermit_stack
	.balign	8
hermit_stack:
	.quad	0
	.section .note.GNU-stack, "", @progbits
