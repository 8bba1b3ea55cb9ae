/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry in the "64-bit direct" boot state: paging on, RSP = 0xa0000, RDI = the
 * address of the boot information, RSI = vCPU id. main() gets both as its
 * arguments; what it returns becomes the VM's exit code.
 *
 * Every vCPU starts here with the same RSP, so each takes 2 KiB below it by
 * its id: 255 ids reach down to 0x20800, all of it plain RAM.
 */
	.section .text.start, "ax", @progbits
	.globl	_start
	.type	_start, @function
_start:
	mov	%rsi, %rax
	shl	$11, %rax
	sub	%rax, %rsp
	xor	%ebp, %ebp
	call	main
	mov	%rax, %rdi
	xor	%eax, %eax
	vmcall
1:	hlt
	jmp	1b
	.size	_start, . - _start
	.section .note.GNU-stack, "", @progbits
