/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a machine goes on with instead of a kernel: it starts the other CPUs by INIT and SIPI
 * and tells on the first serial line whether one came. In VMX operation INIT is blocked.
 *
 * Starts in 64-bit mode with interrupts off. Its page tables are the six pages before it.
 */
#define TABLES		(6 * 4096)
#define START		0x8000		/* of the other CPUs, below 1 MiB */
#define CAME		0x8ff0		/* they write here */
#define ICR		0xfee00300
#define INIT_OTHERS	0x000c4500
#define SIPI_OTHERS	(0x000c4600 | START >> 12)
#define COM1		0x3f8

	.section .rodata.next, "a"
	.globl next_start, next_end
	.code64
next_start:
	lea	next_start - TABLES(%rip), %rax
	mov	%rax, %cr3
	lea	next_start + 4096(%rip), %rsp

	lea	other_cpu(%rip), %rsi
	mov	$START, %edi
	mov	$other_cpu_end - other_cpu, %ecx
	rep movsb
	movl	$0, CAME

	mov	$ICR, %ebx
	movl	$INIT_OTHERS, (%rbx)
	call	pause
	movl	$SIPI_OTHERS, (%rbx)
	call	pause
	movl	$SIPI_OTHERS, (%rbx)
	call	pause

	lea	silence(%rip), %rsi
	cmpl	$0, CAME
	je	1f
	lea	answer(%rip), %rsi
1:	lodsb
	test	%al, %al
	jz	3f
	mov	%al, %cl
	mov	$COM1 + 5, %edx
2:	in	%dx, %al
	test	$0x20, %al
	jz	2b
	mov	%cl, %al
	mov	$COM1, %edx
	out	%al, %dx
	jmp	1b

	/* The machine ends by a triple fault, when all has gone out. */
3:	mov	$COM1 + 5, %edx
	in	%dx, %al
	test	$0x40, %al
	jz	3b
	lidt	no_idt(%rip)
	ud2

pause:	mov	$2000000, %ecx
1:	dec	%ecx
	jnz	1b
	ret

no_idt:	.skip	10
silence:
	.asciz	"\r\nnext: no other CPU has started\r\n"
answer:	.asciz	"\r\nnext: another CPU has started\r\n"

	.code16
other_cpu:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	movw	$1, CAME
1:	hlt
	jmp	1b
other_cpu_end:
next_end:

	.section .note.GNU-stack, "", @progbits
