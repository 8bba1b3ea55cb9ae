/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The run page of a vCPU: why KEV_VCPU_RUN returned, and what user space answers. Part
 * of <linux/kev.h>, which programs include.
 */
#ifndef _UAPI_LINUX_KEV_RUN_H
#define _UAPI_LINUX_KEV_RUN_H

#include <linux/const.h>
#include <linux/types.h>

/* Order of the general-purpose registers: the encoding of the instruction set */
enum kev_gpr {
	KEV_RAX, KEV_RCX, KEV_RDX, KEV_RBX, KEV_RSP, KEV_RBP, KEV_RSI, KEV_RDI,
	KEV_R8, KEV_R9, KEV_R10, KEV_R11, KEV_R12, KEV_R13, KEV_R14, KEV_R15,
	KEV_NR_GPRS
};

/* Why KEV_VCPU_RUN returned: kev_run.kind */
enum kev_exit_kind {
	KEV_EXIT_NONE = 0,	/* nothing to report: RUN failed with an errno */
	KEV_EXIT_VM_EXITED,	/* the VM has ended: kev_run.exit_code */
	KEV_EXIT_FAILED,	/* kev could not go on, the VM has ended: kev_run.error */
	KEV_EXIT_ENTRY_FAILED,	/* the CPU refused the entry: kev_run.entry; the VM has ended */
	KEV_EXIT_SHUTDOWN,	/* triple fault */
	KEV_EXIT_HALTED,	/* HLT, and nothing can wake any vCPU; or KEV_VM_REPORT_HLT */
	KEV_EXIT_CONSOLE,	/* the console is full: read it, then RUN goes on */
	KEV_EXIT_HYPERCALL,	/* kev_run.hypercall */
	KEV_EXIT_IO,		/* kev_run.io */
	KEV_EXIT_CPUID,		/* kev_run.cpuid */
	KEV_EXIT_MSR,		/* kev_run.msr */
	KEV_EXIT_MEMORY,	/* kev_run.memory: no region allows the access */
	KEV_EXIT_MEMORY_ERROR,	/* kev_run.memory and kev_run.error: the page cannot be had */
	KEV_EXIT_UNHANDLED,	/* any other exit: the frame says which */
	KEV_EXIT_MMIO,		/* kev_run.mmio: a decoded access to a trap */
	KEV_EXIT_DEBUG,		/* kev_run.debug: KEV_VCPU_SET_DEBUG has asked for it */
	KEV_EXIT_INTERCEPT,	/* kev_run.intercept: KEV_VM_SET_EXITS has asked for it */
	KEV_NR_EXIT_KINDS
};

/* Bytes of kev_run.data */
#define KEV_RUN_DATA		1024

/* kev_run.flags */
#define KEV_RUN_RETRY		_BITUL(0)	/* the instruction runs again at the next RUN */
#define KEV_RUN_BACKED		_BITUL(1)	/* the address has a region behind it */
#define KEV_RUN_ENTRY_FAILED	_BITUL(2)	/* bit 31 of the raw exit reason, or VMfail */
#define KEV_RUN_EVENT_DELIVERY	_BITUL(3)	/* the exit came while an event was delivered */
#define KEV_RUN_INTERRUPT_PENDING	_BITUL(4)	/* a KEV_VCPU_INTERRUPT waits */

/* kev_run.request */
#define KEV_RUN_IMMEDIATE_EXIT	_BITUL(0)	/* RUN returns -EINTR before it enters the guest */

/* kev_exit_io.direction */
#define KEV_IO_OUT		0
#define KEV_IO_IN		1
/* kev_exit_io.flags */
#define KEV_IO_STRING		_BITUL(0)

/* kev_exit_mmio.direction */
#define KEV_MMIO_READ		0
#define KEV_MMIO_WRITE		1

/* What SET_EXITS can ask for: kev_exit_intercept.intercept has one of them */
#define KEV_INTERCEPT_CPUID	_BITULL(0)
#define KEV_INTERCEPT_MSR	_BITULL(1)	/* RDMSR, WRMSR */
#define KEV_INTERCEPT_HYPERCALL	_BITULL(2)	/* VMCALL */
#define KEV_INTERCEPT_HLT	_BITULL(3)
#define KEV_INTERCEPT_PAUSE	_BITULL(4)
#define KEV_INTERCEPT_MWAIT	_BITULL(5)	/* MONITOR, MWAIT */
#define KEV_INTERCEPT_CR	_BITULL(6)	/* writes to CR0, CR3, CR4; CR8; CLTS, LMSW */
#define KEV_INTERCEPT_DR	_BITULL(7)	/* MOV DR */
#define KEV_INTERCEPT_XSETBV	_BITULL(8)
#define KEV_INTERCEPT_WBINVD	_BITULL(9)	/* WBINVD, WBNOINVD, INVD */
#define KEV_INTERCEPT_INVLPG	_BITULL(10)	/* INVLPG, INVPCID */
#define KEV_INTERCEPT_RDTSC	_BITULL(11)	/* RDTSC, RDTSCP */
#define KEV_INTERCEPT_RDPMC	_BITULL(12)
#define KEV_INTERCEPT_DESCRIPTOR	_BITULL(13)	/* LGDT, SGDT, LLDT, LTR and the like */
#define KEV_INTERCEPT_UNDEFINED	_BITULL(14)	/* instructions of VMX and others that are #UD */
#define KEV_INTERCEPT_EXCEPTION	_BITULL(15)	/* kev_set_exits.exceptions */
#define KEV_INTERCEPT_RDRAND	_BITULL(16)	/* RDRAND, RDSEED */
#define KEV_INTERCEPT_ALL	((1ULL << 17) - 1)

/* kev_exit_intercept.answer */
#define KEV_INTERCEPT_CONTINUE	0	/* kev does what it would have done */
#define KEV_INTERCEPT_DONE	1	/* RIP goes behind the instruction */
#define KEV_INTERCEPT_RETRY	2	/* the guest goes on at its RIP */

/* kev_exit_msr.direction and .answer */
#define KEV_MSR_READ		0
#define KEV_MSR_WRITE		1
#define KEV_MSR_ANSWER_GP	0	/* raise #GP(0) in the guest */
#define KEV_MSR_ANSWER_DONE	1	/* a read returns data, a write is taken */

/* struct kev_exit_entry - kev_run.entry */
struct kev_exit_entry {
	__u32 instruction_error;	/* VM-instruction error, 0 if none */
	__u32 reserved;
	char problem[48];		/* the field that will not do and why; empty if unknown */
};

/* struct kev_exit_hypercall - kev_run.hypercall */
struct kev_exit_hypercall {
	__u64 nr;
	__u64 args[6];
	__u64 ret;			/* becomes RAX */
};

/* struct kev_exit_io - kev_run.io */
struct kev_exit_io {
	__u16 port;
	__u8 direction;
	__u8 width;			/* bytes: 1, 2 or 4 */
	__u32 data;			/* without KEV_IO_STRING */
	__u32 count;			/* accesses, 1 without KEV_IO_STRING */
	__u32 flags;			/* KEV_IO_STRING: kev_run.data holds @count values */
};

/* struct kev_exit_cpuid - kev_run.cpuid; the registers hold the policy's answer */
struct kev_exit_cpuid {
	__u32 leaf;
	__u32 subleaf;
	__u32 eax, ebx, ecx, edx;
};

/* struct kev_exit_msr - kev_run.msr */
struct kev_exit_msr {
	__u32 index;
	__u32 direction;
	__u64 data;
	__u32 answer;
	__u32 reserved;
};

/* struct kev_exit_mmio - kev_run.mmio */
struct kev_exit_mmio {
	__u64 gpa;
	__u64 data;			/* little-endian, zero-extended */
	__u8 direction;
	__u8 width;			/* bytes: 1, 2, 4 or 8 */
	__u8 reserved[6];
};

/* struct kev_exit_debug - kev_run.debug */
struct kev_exit_debug {
	__u32 vector;			/* 1: #DB, 3: #BP */
	__u32 reserved;
	__u64 address;			/* linear address of the instruction */
	__u64 dr6;			/* why, as DR6: B0 to B3, BS; for #DB */
	__u64 dr7;			/* what was in effect */
};

/* struct kev_exit_intercept - kev_run.intercept */
struct kev_exit_intercept {
	__u64 intercept;		/* KEV_INTERCEPT_* */
	__u32 answer;
	__u32 reserved;
};

/* struct kev_exit_memory - kev_run.memory */
struct kev_exit_memory {
	__u64 gpa;
	__u64 gva;			/* valid with gva_valid */
	__u32 access;			/* KEV_MEM_* that was tried */
	__u32 gva_valid;
	__u32 kind;			/* enum kev_region_kind, 0 without a region */
	__u32 prot;			/* KEV_MEM_* that the region gives */
};

/**
 * struct kev_run - the page that mmap(2) of a vCPU fd gives, offset 0
 * @request: in: KEV_RUN_IMMEDIATE_EXIT or 0; kev never writes it
 * @kind: out: enum kev_exit_kind
 * @flags: out: KEV_RUN_*
 * @vcpu_id: out: this vCPU's id
 * @error: out: errno, positive, for KEV_EXIT_FAILED and KEV_EXIT_MEMORY_ERROR
 * @exit_reason: out: basic exit reason, bits 15:0 of the raw one
 * @exit_reason_raw: out: all 32 bits
 * @instruction_length: out: bytes, 0 where the CPU gives none
 * @exit_qualification: out: 64 bits
 * @guest_linear: out: guest-linear address, where valid
 * @guest_physical: out: guest-physical address, where valid
 * @intr_info: out: VM-exit interruption information
 * @intr_error: out: VM-exit interruption error code
 * @idt_vectoring_info: out: IDT-vectoring information
 * @idt_vectoring_error: out: IDT-vectoring error code
 * @interruptibility: out: guest interruptibility state
 * @guest_interrupt_status: out: RVI in bits 7:0, SVI in 15:8; 0 without APICv
 * @instruction_bytes_len: out: valid bytes in @instruction_bytes
 * @instruction_bytes: out: an instruction that kev was to carry out and does not know
 * @gpr: out: by enum kev_gpr
 * @rip: out
 * @rflags: out
 * @cr0: out
 * @cr2: out
 * @cr3: out
 * @cr4: out
 * @exit_code: out: KEV_EXIT_VM_EXITED: the VM's exit code
 * @entry: out: KEV_EXIT_ENTRY_FAILED
 * @hypercall: out, @hypercall.ret in: KEV_EXIT_HYPERCALL
 * @io: out, @io.data in for KEV_IO_IN: KEV_EXIT_IO
 * @cpuid: out, registers in: KEV_EXIT_CPUID
 * @msr: out, @msr.data and @msr.answer in: KEV_EXIT_MSR
 * @memory: out: KEV_EXIT_MEMORY, KEV_EXIT_MEMORY_ERROR
 * @mmio: out, @mmio.data in for KEV_MMIO_READ: KEV_EXIT_MMIO
 * @debug: out: KEV_EXIT_DEBUG
 * @intercept: out, @intercept.answer in: KEV_EXIT_INTERCEPT
 * @padding: what follows does not move with what is told of an exit
 * @data: values of a string of port accesses, one after the other: out for KEV_IO_OUT, in
 *	for KEV_IO_IN
 *
 * Answers are read once, at the next KEV_VCPU_RUN, which then completes the
 * instruction. Unused bytes are zero.
 */
struct kev_run {
	__u32 request;
	__u32 kind;
	__u32 flags;
	__u32 vcpu_id;
	__u32 error;
	__u32 exit_reason;
	__u32 exit_reason_raw;
	__u32 instruction_length;
	__u64 exit_qualification;
	__u64 guest_linear;
	__u64 guest_physical;
	__u32 intr_info;
	__u32 intr_error;
	__u32 idt_vectoring_info;
	__u32 idt_vectoring_error;
	__u32 interruptibility;
	__u16 guest_interrupt_status;
	__u16 instruction_bytes_len;
	__u8 instruction_bytes[16];
	__u64 gpr[KEV_NR_GPRS];
	__u64 rip;
	__u64 rflags;
	__u64 cr0;
	__u64 cr2;
	__u64 cr3;
	__u64 cr4;
	union {
		__u64 exit_code;
		struct kev_exit_entry entry;
		struct kev_exit_hypercall hypercall;
		struct kev_exit_io io;
		struct kev_exit_cpuid cpuid;
		struct kev_exit_msr msr;
		struct kev_exit_memory memory;
		struct kev_exit_mmio mmio;
		struct kev_exit_debug debug;
		struct kev_exit_intercept intercept;
		__u8 padding[256];
	};
	__u8 data[KEV_RUN_DATA];
};

#endif /* _UAPI_LINUX_KEV_RUN_H */
