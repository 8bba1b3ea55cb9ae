/* SPDX-License-Identifier: 0BSD */
#define MAGIC	0x1badb002
#define FLAGS	3			/* modules on pages of their own; a memory map */

	.section .multiboot, "a"
	.balign	4
	.long	MAGIC, FLAGS, -(MAGIC + FLAGS)

	.text
	.globl	_start
_start:
	mov	$stack_top, %esp
	push	%ebx			/* Multiboot information */
	push	%eax			/* the boot loader's magic number */
	call	kernel_main
1:	cli
	hlt
	jmp	1b

	.bss
	.balign	16
	.skip	4096
stack_top:
	.section .note.GNU-stack, "", @progbits
