/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry of a 32-bit guest: protected mode, no paging, flat segments. No protocol but one
 * gives a stack, so this brings its own. main() gets the registers as they were; what it
 * returns becomes the VM's exit code.
 */
	/* Else the symbol table has the name of a temporary file. */
	.file	"start32.S"

	.section .text.start, "ax", @progbits
	.globl	_start
	.type	_start, @function
_start:
	mov	%eax, registers
	mov	%ebx, registers + 4
	mov	%esi, registers + 8
	mov	%esp, registers + 12
	mov	$stack_top, %esp
	xor	%ebp, %ebp
	push	$registers
	call	main
	mov	%eax, %edi
	xor	%eax, %eax
	vmcall
1:	hlt
	jmp	1b
	.size	_start, . - _start

	.bss
	.balign	16
registers:
	.skip	16
stack:
	.skip	8192
stack_top:
	.section .note.GNU-stack, "", @progbits
