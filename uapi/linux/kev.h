/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The user interface of kev: /dev/kev, VM and vCPU file descriptors.
 *
 * /dev/kev makes a VM fd, a VM fd makes vCPU fds; each is close-on-exec and
 * keeps its parent alive. Documentation/api.rst describes every call.
 *
 * Every argument structure starts with its own size as the caller knows it.
 * A structure may grow at its end: fields that an older caller does not send
 * read as zero, and a newer caller's extra bytes must be zero (-E2BIG), so
 * that neither side has to be rebuilt for the other.
 */
#ifndef _UAPI_LINUX_KEV_H
#define _UAPI_LINUX_KEV_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

#define KEV_API_VERSION		1

#define KEV_IOCTL_TYPE		0xEB

/* On /dev/kev */
#define KEV_QUERY		_IO(KEV_IOCTL_TYPE, 0x00)
#define KEV_CREATE_VM		_IO(KEV_IOCTL_TYPE, 0x01)
/* On a VM fd */
#define KEV_VM_CREATE_VCPU	_IO(KEV_IOCTL_TYPE, 0x20)
#define KEV_VM_ADD_REGION	_IO(KEV_IOCTL_TYPE, 0x21)
#define KEV_VM_ATTACH_IMAGE	_IO(KEV_IOCTL_TYPE, 0x22)
#define KEV_VM_STATUS		_IO(KEV_IOCTL_TYPE, 0x23)
#define KEV_VM_STATS		_IO(KEV_IOCTL_TYPE, 0x24)
/* On a vCPU fd */
#define KEV_VCPU_RUN		_IO(KEV_IOCTL_TYPE, 0x40)
#define KEV_VCPU_KICK		_IO(KEV_IOCTL_TYPE, 0x41)
#define KEV_VCPU_GET_STATE	_IO(KEV_IOCTL_TYPE, 0x42)
#define KEV_VCPU_SET_STATE	_IO(KEV_IOCTL_TYPE, 0x43)
#define KEV_VCPU_STATS		_IO(KEV_IOCTL_TYPE, 0x44)
#define KEV_VCPU_INTERRUPT	_IO(KEV_IOCTL_TYPE, 0x45)

/* kev_query.features: every optional feature has a bit. */
#define KEV_FEATURE_UNRESTRICTED_GUEST	_BITULL(0)
#define KEV_FEATURE_EPT_ACCESSED_DIRTY	_BITULL(1)
#define KEV_FEATURE_EPT_2M		_BITULL(2)
#define KEV_FEATURE_EPT_1G		_BITULL(3)
#define KEV_FEATURE_EPT_EXECUTE_ONLY	_BITULL(4)
#define KEV_FEATURE_VPID		_BITULL(5)
#define KEV_FEATURE_XSAVE		_BITULL(6)
#define KEV_FEATURE_PREEMPTION_TIMER	_BITULL(7)
#define KEV_FEATURE_TSC_SCALING		_BITULL(8)

#define KEV_NAME_LEN		16

/**
 * struct kev_query - KEV_QUERY: what this kernel's kev can do
 * @size: in: sizeof(struct kev_query)
 * @flags: in: 0
 * @api_version: out: KEV_API_VERSION
 * @max_vcpus: out: vCPUs of one VM at most
 * @max_vcpu_id: out: the greatest vCPU id; ids may be sparse
 * @phys_bits: out: width of a guest-physical address in bits
 * @features: out: KEV_FEATURE_*
 * @run_page_size: out: bytes to mmap from a vCPU fd
 * @console_size: out: bytes that a VM's console holds before its reader has to act
 * @max_regions: out: regions of one VM at most
 * @reserved: out: 0
 * @backend: out: name of the hardware backend, NUL-terminated
 * @module_version: out: kev's version, NUL-terminated
 */
struct kev_query {
	__u32 size;
	__u32 flags;
	__u32 api_version;
	__u32 max_vcpus;
	__u32 max_vcpu_id;
	__u32 phys_bits;
	__u64 features;
	__u32 run_page_size;
	__u32 console_size;
	__u32 max_regions;
	__u32 reserved;
	char backend[KEV_NAME_LEN];
	char module_version[KEV_NAME_LEN];
};

/* kev_create_vm.flags */
#define KEV_VM_REPORT_MSR	_BITUL(0)	/* MSR without handler: report, not #GP */
#define KEV_VM_REPORT_CPUID	_BITUL(1)	/* report CPUID, with the policy's answer */
#define KEV_VM_CONSOLE_LOG	_BITUL(2)	/* console lines go to the host's log too */

/**
 * struct kev_create_vm - KEV_CREATE_VM: make a VM; returns its fd
 * @size: in: sizeof(struct kev_create_vm)
 * @flags: in: KEV_VM_*
 * @hypercall_abi: in: "kev", "none", "report" or a name that a module has
 *	registered; empty means "kev"
 */
struct kev_create_vm {
	__u32 size;
	__u32 flags;
	char hypercall_abi[KEV_NAME_LEN];
};

/**
 * struct kev_create_vcpu - KEV_VM_CREATE_VCPU: make a vCPU; returns its fd
 * @size: in: sizeof(struct kev_create_vcpu)
 * @flags: in: 0
 * @id: in: the vCPU's id, 0 to kev_query.max_vcpu_id, unique in the VM
 * @reserved: in: 0
 *
 * The vCPU starts in the state that the VM's boot protocol defines; without one
 * in that of KEV_BOOT_DIRECT64, with RIP at the entry or 0.
 */
struct kev_create_vcpu {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 reserved;
};

/* Rights and kinds of an access to guest memory */
#define KEV_MEM_READ		_BITUL(0)
#define KEV_MEM_WRITE		_BITUL(1)
#define KEV_MEM_EXEC		_BITUL(2)

enum kev_region_kind {
	KEV_REGION_RAM = 1,	/* zero-filled at the first touch */
};

/**
 * struct kev_add_region - KEV_VM_ADD_REGION: add guest-physical memory
 * @size: in: sizeof(struct kev_add_region)
 * @flags: in: 0
 * @kind: in: enum kev_region_kind
 * @prot: in: KEV_MEM_*, not 0
 * @gpa: in: first guest-physical address, a multiple of 4096
 * @length: in: bytes, a multiple of 4096, not 0
 */
struct kev_add_region {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 prot;
	__u64 gpa;
	__u64 length;
};

enum kev_boot {
	KEV_BOOT_NONE = 0,	/* segments only: no RAM, no boot structures */
	KEV_BOOT_DIRECT64 = 1,	/* 64-bit, paged, RIP at the physical entry */
};

/* What is wrong with an image: kev_attach_image.problem */
enum kev_image_problem {
	KEV_IMAGE_OK = 0,
	KEV_IMAGE_NOT_REGULAR,		/* fd is no regular file */
	KEV_IMAGE_TRUNCATED,		/* file ends inside the ELF header */
	KEV_IMAGE_MAGIC,		/* e_ident: not an ELF file */
	KEV_IMAGE_CLASS,		/* EI_CLASS: not 64-bit */
	KEV_IMAGE_DATA,			/* EI_DATA: not little-endian */
	KEV_IMAGE_VERSION,		/* EI_VERSION or e_version: not 1 */
	KEV_IMAGE_TYPE,			/* e_type: not ET_EXEC or ET_DYN */
	KEV_IMAGE_MACHINE,		/* e_machine: not EM_X86_64 */
	KEV_IMAGE_EHSIZE,		/* e_ehsize: not 64 */
	KEV_IMAGE_PHENTSIZE,		/* e_phentsize: not 56 */
	KEV_IMAGE_PHNUM,		/* e_phnum: 0, or more than 128 */
	KEV_IMAGE_PHOFF,		/* e_phoff: program headers end beyond the file */
	KEV_IMAGE_NO_LOAD,		/* no PT_LOAD with p_memsz > 0 */
	KEV_IMAGE_FILESZ,		/* p_filesz > p_memsz */
	KEV_IMAGE_OFFSET,		/* p_offset + p_filesz beyond the file or wraps */
	KEV_IMAGE_ADDRESS,		/* p_paddr + p_memsz or p_vaddr + p_memsz wraps */
	KEV_IMAGE_PHYS_WIDTH,		/* segment ends above the physical width */
	KEV_IMAGE_OVERLAP,		/* two segments claim the same byte */
	KEV_IMAGE_ENTRY,		/* e_entry lies in no segment */
	KEV_IMAGE_LOW,			/* segment touches boot structures below 0x8000 */
	KEV_IMAGE_HOLE,			/* segment touches the hole 0xbffda000..4 GiB */
	KEV_IMAGE_RAM,			/* ram_kib is less than the image's span */
	KEV_IMAGE_READ,			/* reading the headers failed */
};

#define KEV_IMAGE_NO_SEGMENT	0xffffffffU

/* kev_attach_image.flags */
#define KEV_ATTACH_PROT		_BITUL(0)	/* p_flags restrict the guest's access */

/**
 * struct kev_attach_image - KEV_VM_ATTACH_IMAGE: an ELF file becomes lazy regions
 * @size: in: sizeof(struct kev_attach_image)
 * @flags: in: KEV_ATTACH_*
 * @fd: in: file, open for reading
 * @boot: in: enum kev_boot
 * @ram_kib: in: the guest's memory in KiB, the image's span included
 * @entry: out: physical entry address
 * @start: out: first byte of the image's span, rounded down to a page; with
 *	KEV_IMAGE_RAM written on failure too, as is @end
 * @end: out: first byte behind it, rounded up to a page
 * @problem: out: enum kev_image_problem; written on failure too
 * @segment: out: index of the program header that @problem speaks of, or
 *	KEV_IMAGE_NO_SEGMENT
 *
 * Once per VM, before its first vCPU. Nothing but headers is read.
 */
struct kev_attach_image {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 boot;
	__u64 ram_kib;
	__u64 entry;
	__u64 start;
	__u64 end;
	__u32 problem;
	__u32 segment;
};

enum kev_vm_state {
	KEV_VM_ALIVE = 0,	/* vCPUs may run */
	KEV_VM_EXITED = 1,	/* ended with exit_code */
	KEV_VM_FAILED = 2,	/* ended with error */
};

/**
 * struct kev_vm_status - KEV_VM_STATUS: has the VM ended, and how
 * @size: in: sizeof(struct kev_vm_status)
 * @flags: in: 0
 * @state: out: enum kev_vm_state
 * @error: out: errno, positive, when @state is KEV_VM_FAILED
 * @exit_code: out: when @state is KEV_VM_EXITED
 * @vcpu_id: out: the vCPU that ended the VM
 * @reserved: out: 0
 *
 * poll(2) on the VM fd reports POLLHUP once the VM has ended.
 */
struct kev_vm_status {
	__u32 size;
	__u32 flags;
	__u32 state;
	__u32 error;
	__u64 exit_code;
	__u32 vcpu_id;
	__u32 reserved;
};

/**
 * struct kev_vcpu_stats - KEV_VCPU_STATS: what a vCPU has done since it was made
 * @size: in: sizeof(struct kev_vcpu_stats)
 * @flags: in: 0
 * @entries: out: VM entries that reached the guest
 * @exits: out: VM exits
 * @fast: out: exits answered with IRQs off, without leaving the entry loop
 * @cpuid: out: CPUID exits
 * @msr: out: RDMSR and WRMSR exits
 * @hypercall: out: VMCALL exits
 * @memory: out: EPT violations
 * @io: out: port I/O exits
 * @interrupt: out: exits for a host interrupt
 * @nmi: out: exits for a host NMI
 * @other: out: every other exit
 * @reports: out: returns of KEV_VCPU_RUN with a report
 * @kicks: out: returns of KEV_VCPU_RUN with -EINTR
 */
struct kev_vcpu_stats {
	__u32 size;
	__u32 flags;
	__u64 entries;
	__u64 exits;
	__u64 fast;
	__u64 cpuid;
	__u64 msr;
	__u64 hypercall;
	__u64 memory;
	__u64 io;
	__u64 interrupt;
	__u64 nmi;
	__u64 other;
	__u64 reports;
	__u64 kicks;
};

/**
 * struct kev_vm_stats - KEV_VM_STATS: a VM's memory and the sum over its vCPUs
 * @size: in: sizeof(struct kev_vm_stats)
 * @flags: in: 0
 * @resident_pages: out: pages of 4 KiB that the guest can reach without a fault
 * @ram_pages: out: of these, zero-filled RAM
 * @image_pages: out: of these, image pages
 * @boot_pages: out: of these, boot structures
 * @table_pages: out: pages of the second-level page tables
 * @file_pages: out: pages for which the image file was read
 * @file_bytes: out: bytes read from the image file, headers not included
 * @header_bytes: out: bytes of headers read at the attach
 * @faults: out: faults that the memory core resolved
 * @vcpus: out: vCPUs made so far
 * @reserved: out: 0
 * @vcpu: out: the sum over all vCPUs; its size and flags are 0
 */
struct kev_vm_stats {
	__u32 size;
	__u32 flags;
	__u64 resident_pages;
	__u64 ram_pages;
	__u64 image_pages;
	__u64 boot_pages;
	__u64 table_pages;
	__u64 file_pages;
	__u64 file_bytes;
	__u64 header_bytes;
	__u64 faults;
	__u32 vcpus;
	__u32 reserved;
	struct kev_vcpu_stats vcpu;
};

/* Order of the general-purpose registers: the encoding of the instruction set */
enum kev_gpr {
	KEV_RAX, KEV_RCX, KEV_RDX, KEV_RBX, KEV_RSP, KEV_RBP, KEV_RSI, KEV_RDI,
	KEV_R8, KEV_R9, KEV_R10, KEV_R11, KEV_R12, KEV_R13, KEV_R14, KEV_R15,
	KEV_NR_GPRS
};

/**
 * struct kev_gprs - state group KEV_STATE_GPRS
 * @gpr: by enum kev_gpr; RSP included
 * @rip: instruction pointer
 * @rflags: flags
 */
struct kev_gprs {
	__u64 gpr[KEV_NR_GPRS];
	__u64 rip;
	__u64 rflags;
};

/* kev_segment.access: SDM Vol. 3, "Guest Register State", access-rights format */
#define KEV_SEG_TYPE		0x000fU
#define KEV_SEG_S		0x0010U
#define KEV_SEG_DPL		0x0060U
#define KEV_SEG_P		0x0080U
#define KEV_SEG_AVL		0x1000U
#define KEV_SEG_L		0x2000U
#define KEV_SEG_DB		0x4000U
#define KEV_SEG_G		0x8000U
#define KEV_SEG_UNUSABLE	0x10000U

struct kev_segment {
	__u64 base;
	__u32 limit;
	__u32 access;
	__u16 selector;
	__u16 reserved[3];
};

struct kev_table {
	__u64 base;
	__u16 limit;
	__u16 reserved[3];
};

/* struct kev_segments - state group KEV_STATE_SEGMENTS */
struct kev_segments {
	struct kev_segment cs, ds, es, fs, gs, ss, tr, ldtr;
	struct kev_table gdt, idt;
};

/**
 * struct kev_controls - state group KEV_STATE_CONTROLS
 * @cr0: as the guest reads it
 * @cr2: page-fault address
 * @cr3: page-table base
 * @cr4: as the guest reads it
 * @efer: IA32_EFER
 * @xcr0: XCR0; 1 where the guest has no XSAVE
 * @dr7: debug control
 */
struct kev_controls {
	__u64 cr0;
	__u64 cr2;
	__u64 cr3;
	__u64 cr4;
	__u64 efer;
	__u64 xcr0;
	__u64 dr7;
};

/* struct kev_msrs - state group KEV_STATE_MSRS, by their names in the SDM, Vol. 4 */
struct kev_msrs {
	__u64 star;
	__u64 lstar;
	__u64 cstar;
	__u64 sfmask;
	__u64 kernel_gs_base;
	__u64 tsc_aux;
	__u64 sysenter_cs;
	__u64 sysenter_esp;
	__u64 sysenter_eip;
	__u64 pat;
	__u64 apic_base;
	__u64 misc_enable;
};

#define KEV_STATE_GPRS		_BITUL(0)
#define KEV_STATE_SEGMENTS	_BITUL(1)
#define KEV_STATE_CONTROLS	_BITUL(2)
#define KEV_STATE_MSRS		_BITUL(3)
#define KEV_STATE_ALL		0xfU

/**
 * struct kev_vcpu_state - KEV_VCPU_GET_STATE, KEV_VCPU_SET_STATE
 * @size: in: sizeof(struct kev_vcpu_state)
 * @groups: in: KEV_STATE_*: the groups to get or set, not 0
 * @gprs: in or out
 * @segments: in or out
 * @controls: in or out
 * @msrs: in or out
 *
 * Groups that are not named are neither read nor, on GET, filled: they come
 * back as they were sent.
 */
struct kev_vcpu_state {
	__u32 size;
	__u32 groups;
	struct kev_gprs gprs;
	struct kev_segments segments;
	struct kev_controls controls;
	struct kev_msrs msrs;
};

/**
 * struct kev_vcpu_interrupt - KEV_VCPU_INTERRUPT: raise an external interrupt
 * @size: in: sizeof(struct kev_vcpu_interrupt)
 * @flags: in: 0
 * @vector: in: 0 to 255
 * @reserved: in: 0
 *
 * It is delivered as soon as the guest can take it, and ends an HLT. One at a time can
 * wait: -EBUSY. Any thread may call this, also while the vCPU runs.
 */
struct kev_vcpu_interrupt {
	__u32 size;
	__u32 flags;
	__u32 vector;
	__u32 reserved;
};

/* Why KEV_VCPU_RUN returned: kev_run.kind */
enum kev_exit_kind {
	KEV_EXIT_NONE = 0,	/* nothing to report: RUN failed with an errno */
	KEV_EXIT_VM_EXITED,	/* the VM has ended: kev_run.exit_code */
	KEV_EXIT_FAILED,	/* kev could not go on, the VM has ended: kev_run.error */
	KEV_EXIT_ENTRY_FAILED,	/* the CPU refused the VM entry: kev_run.entry; the VM has ended */
	KEV_EXIT_SHUTDOWN,	/* triple fault */
	KEV_EXIT_HALTED,	/* HLT, and nothing can wake the guest */
	KEV_EXIT_CONSOLE,	/* the console is full: read it, then RUN goes on */
	KEV_EXIT_HYPERCALL,	/* kev_run.hypercall */
	KEV_EXIT_IO,		/* kev_run.io */
	KEV_EXIT_CPUID,		/* kev_run.cpuid */
	KEV_EXIT_MSR,		/* kev_run.msr */
	KEV_EXIT_MEMORY,	/* kev_run.memory: no region allows the access */
	KEV_EXIT_MEMORY_ERROR,	/* kev_run.memory and kev_run.error: the page cannot be had */
	KEV_EXIT_UNHANDLED,	/* any other exit: the frame says which */
	KEV_NR_EXIT_KINDS
};

/* kev_run.flags */
#define KEV_RUN_RETRY		_BITUL(0)	/* the instruction runs again at the next RUN */
#define KEV_RUN_BACKED		_BITUL(1)	/* the address has a region behind it */
#define KEV_RUN_ENTRY_FAILED	_BITUL(2)	/* bit 31 of the raw exit reason, or VMfail */
#define KEV_RUN_EVENT_DELIVERY	_BITUL(3)	/* the exit came while an event was delivered */
#define KEV_RUN_INTERRUPT_PENDING	_BITUL(4)	/* a KEV_VCPU_INTERRUPT waits for the guest */

/* kev_run.request */
#define KEV_RUN_IMMEDIATE_EXIT	_BITUL(0)	/* RUN returns -EINTR before it enters the guest */

/* kev_exit_io.direction */
#define KEV_IO_OUT		0
#define KEV_IO_IN		1

/* kev_exit_msr.direction and .answer */
#define KEV_MSR_READ		0
#define KEV_MSR_WRITE		1
#define KEV_MSR_ANSWER_GP	0	/* raise #GP(0) in the guest */
#define KEV_MSR_ANSWER_DONE	1	/* a read returns data, a write is taken */

/* struct kev_exit_entry - kev_run.entry */
struct kev_exit_entry {
	__u32 instruction_error;	/* VM-instruction error, 0 if none */
	__u32 reserved;
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
	__u32 data;
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

/* struct kev_exit_memory - kev_run.memory */
struct kev_exit_memory {
	__u64 gpa;
	__u64 gva;			/* valid with gva_valid */
	__u32 access;			/* KEV_MEM_* that was tried */
	__u32 gva_valid;
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
 * @instruction_bytes: out: the instruction, where the CPU gives it
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
		__u8 padding[256];
	};
};

#endif /* _UAPI_LINUX_KEV_H */
