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
#include <linux/kev_policy.h>
#include <linux/kev_run.h>
#include <linux/kev_state.h>

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
#define KEV_VM_REMOVE_REGION	_IO(KEV_IOCTL_TYPE, 0x25)
#define KEV_VM_QUERY_MEMORY	_IO(KEV_IOCTL_TYPE, 0x26)
#define KEV_VM_DISCARD		_IO(KEV_IOCTL_TYPE, 0x27)
#define KEV_VM_GET_DIRTY	_IO(KEV_IOCTL_TYPE, 0x28)
#define KEV_VM_TRANSLATE	_IO(KEV_IOCTL_TYPE, 0x29)
#define KEV_VM_READ		_IO(KEV_IOCTL_TYPE, 0x2a)
#define KEV_VM_WRITE		_IO(KEV_IOCTL_TYPE, 0x2b)
#define KEV_VM_SET_CPUID	_IO(KEV_IOCTL_TYPE, 0x2c)
#define KEV_VM_GET_SUPPORTED_CPUID	_IO(KEV_IOCTL_TYPE, 0x2d)
#define KEV_VM_SET_MSRS		_IO(KEV_IOCTL_TYPE, 0x2e)
#define KEV_VM_SET_EXITS	_IO(KEV_IOCTL_TYPE, 0x2f)
#define KEV_VM_DOORBELL		_IO(KEV_IOCTL_TYPE, 0x30)
#define KEV_VM_IRQFD		_IO(KEV_IOCTL_TYPE, 0x31)
#define KEV_VM_SIGNAL		_IO(KEV_IOCTL_TYPE, 0x32)
#define KEV_VM_COUNTERS		_IO(KEV_IOCTL_TYPE, 0x33)
/* On a vCPU fd */
#define KEV_VCPU_RUN		_IO(KEV_IOCTL_TYPE, 0x40)
#define KEV_VCPU_KICK		_IO(KEV_IOCTL_TYPE, 0x41)
#define KEV_VCPU_GET_STATE	_IO(KEV_IOCTL_TYPE, 0x42)
#define KEV_VCPU_SET_STATE	_IO(KEV_IOCTL_TYPE, 0x43)
#define KEV_VCPU_STATS		_IO(KEV_IOCTL_TYPE, 0x44)
#define KEV_VCPU_INTERRUPT	_IO(KEV_IOCTL_TYPE, 0x45)
#define KEV_VCPU_INJECT		_IO(KEV_IOCTL_TYPE, 0x46)
#define KEV_VCPU_SET_DEBUG	_IO(KEV_IOCTL_TYPE, 0x47)
#define KEV_VCPU_COUNTERS	_IO(KEV_IOCTL_TYPE, 0x48)

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
#define KEV_FEATURE_VIRTUAL_INTERRUPTS	_BITULL(9)	/* the CPU delivers the local APIC's */

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
 * @xsave_size: out: bytes of the state group KEV_STATE_XSAVE
 * @reserved2: out: 0
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
	__u32 xsave_size;
	__u32 reserved2;
};

/* kev_create_vm.flags */
#define KEV_VM_REPORT_MSR	_BITUL(0)	/* MSR without handler: report, not #GP */
#define KEV_VM_REPORT_CPUID	_BITUL(1)	/* report CPUID, with the policy's answer */
#define KEV_VM_CONSOLE_LOG	_BITUL(2)	/* console lines go to the host's log too */
#define KEV_VM_FAULT_AROUND	_BITUL(3)	/* kev_create_vm.fault_around counts */
#define KEV_VM_REPORT_HLT	_BITUL(4)	/* KEV_EXIT_HALTED at once, no wait */
#define KEV_VM_USER_CALLS	_BITUL(5)	/* hypercalls from CPL 3 are answered too */
#define KEV_VM_CLOCK		_BITUL(6)	/* KVM's clock MSRs and their CPUID leaf */

/* kev_create_vm.huge_pages: RAM in pages of 2 MiB */
enum kev_huge_pages {
	KEV_HUGE_DEFAULT = 0,	/* as the module's parameter says */
	KEV_HUGE_NEVER,
	KEV_HUGE_AUTO,		/* where the guest uses the memory beside it */
	KEV_HUGE_ALWAYS,	/* at the first touch */
};

/**
 * struct kev_create_vm - KEV_CREATE_VM: make a VM; returns its fd
 * @size: in: sizeof(struct kev_create_vm)
 * @flags: in: KEV_VM_*
 * @hypercall_abi: in: "kev", "akaros", "none", "report" or a name that a module has
 *	registered; empty means "kev"
 * @huge_pages: in: enum kev_huge_pages
 * @fault_around: in: with KEV_VM_FAULT_AROUND: image pages, a power of two up to 512,
 *	that a fault maps at most, of those that are in the page cache; 0 and 1: only the
 *	page itself
 */
struct kev_create_vm {
	__u32 size;
	__u32 flags;
	char hypercall_abi[KEV_NAME_LEN];
	__u32 huge_pages;
	__u32 fault_around;
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
	KEV_REGION_RAM = 1,		/* zero-filled at the first touch */
	KEV_REGION_TRAP = 2,		/* no memory: each access goes to a device */
	KEV_REGION_READ_TRAP = 3,	/* RAM for reads; each write of the guest is reported */
	KEV_REGION_USER = 4,		/* pages of the caller's own mapping */
	KEV_REGION_NOTIFY = 5,		/* RAM; the guest's first touch of a page is reported */
	KEV_REGION_FILE = 6,		/* a file's bytes, read at the first touch */
	KEV_REGION_IMAGE = 7,		/* KEV_VM_QUERY_MEMORY only: KEV_VM_ATTACH_IMAGE makes it */
	KEV_REGION_BOOT = 8,		/* likewise */
	KEV_REGION_PRINT = 9,		/* one page: a print device */
};

/**
 * struct kev_add_region - KEV_VM_ADD_REGION: add guest-physical memory
 * @size: in: sizeof(struct kev_add_region)
 * @flags: in: 0
 * @kind: in: enum kev_region_kind
 * @prot: in: KEV_MEM_*; not 0, but 0 for KEV_REGION_TRAP; without KEV_MEM_WRITE for
 *	KEV_REGION_READ_TRAP and KEV_REGION_PRINT
 * @gpa: in: first guest-physical address, a multiple of 4096
 * @length: in: bytes, a multiple of 4096, not 0; 4096 for KEV_REGION_PRINT
 * @user_address: in: KEV_REGION_USER: where the pages are mapped, a multiple of 4096;
 *	0 for other kinds
 * @fd: in: KEV_REGION_FILE: a regular file, open for reading; 0 for other kinds
 * @reserved: in: 0
 * @offset: in: KEV_REGION_FILE: of the first byte in the file; 0 for other kinds
 * @file_bytes: in: KEV_REGION_FILE: bytes that come from the file, at most @length; what
 *	is behind them reads as zero; 0 for other kinds
 */
struct kev_add_region {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 prot;
	__u64 gpa;
	__u64 length;
	__u64 user_address;
	__s32 fd;
	__u32 reserved;
	__u64 offset;
	__u64 file_bytes;
};

/**
 * struct kev_range_args - KEV_VM_REMOVE_REGION, KEV_VM_DISCARD: a range of addresses
 * @size: in: sizeof(struct kev_range_args)
 * @flags: in: 0
 * @gpa: in: first guest-physical address, a multiple of 4096
 * @length: in: bytes, a multiple of 4096, not 0
 *
 * REMOVE_REGION takes a whole region away, by both of its ends. DISCARD gives back
 * the pages of a range that is RAM from end to end, as if they had never been touched:
 * they read as zero, and in KEV_REGION_NOTIFY they are reported again. When either
 * returns, no vCPU and no mapping reaches the old pages.
 */
struct kev_range_args {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
};

/**
 * struct kev_query_memory - KEV_VM_QUERY_MEMORY: a region and what is resident of it
 * @size: in: sizeof(struct kev_query_memory)
 * @flags: in: 0
 * @gpa: in: any address; out: first address of the region that holds it, or of the
 *	next one above
 * @length: out: bytes
 * @kind: out: enum kev_region_kind
 * @prot: out: KEV_MEM_*
 * @resident: out: pages of 4 KiB that the guest can reach without a fault
 * @shared: out: of these, pages of the page cache that other VMs may share
 * @own: out: of these, pages of this VM alone
 * @huge: out: of these, pages that are mapped as parts of pages of 2 MiB
 * @file_pages: out: pages that took their bytes from the file when they were touched
 */
struct kev_query_memory {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u32 kind;
	__u32 prot;
	__u64 resident;
	__u64 shared;
	__u64 own;
	__u64 huge;
	__u64 file_pages;
};

/**
 * struct kev_get_dirty - KEV_VM_GET_DIRTY: which pages were written, and forget it
 * @size: in: sizeof(struct kev_get_dirty)
 * @flags: in: 0
 * @gpa: in: first guest-physical address, a multiple of 4096
 * @length: in: bytes, a multiple of 4096, not 0
 * @bitmap: in: user address of one bit for each page, rounded up to 8 bytes; bit n of
 *	byte m is page 8 * m + n
 * @dirty: out: bits set in @bitmap
 *
 * Written by the guest, by kev for it, by KEV_VM_WRITE or through a mapping of the VM
 * fd, or discarded, since the last call or the page's first touch. Without
 * KEV_FEATURE_EPT_ACCESSED_DIRTY a page that was touched since counts as written. After a
 * failure the bits that are set in @bitmap count all the same: they are not told again.
 */
struct kev_get_dirty {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 length;
	__u64 bitmap;
	__u64 dirty;
};

/* .flags of the next two: the address is a guest-virtual one of a vCPU */
#define KEV_ADDRESS_GVA		_BITUL(0)

enum kev_page_state {
	KEV_PAGE_ABSENT = 0,	/* no region, or a trap */
	KEV_PAGE_LAZY,		/* not touched yet */
	KEV_PAGE_RESIDENT,	/* in memory, the VM's own */
	KEV_PAGE_SHARED,	/* in memory, a page of the page cache */
};

/**
 * struct kev_translate - KEV_VM_TRANSLATE: where an address leads
 * @size: in: sizeof(struct kev_translate)
 * @flags: in: KEV_ADDRESS_GVA or 0
 * @vcpu_id: in: with KEV_ADDRESS_GVA: whose paging counts; it must not be in RUN. Else 0
 * @state: out: enum kev_page_state
 * @address: in: a guest-physical or guest-virtual address
 * @gpa: out: the guest-physical address
 * @page_size: out: bytes of the guest's page; 4096 where it does not page
 * @prot: out: KEV_MEM_* that the guest's page tables give; all of them for a
 *	guest-physical address
 * @region_prot: out: KEV_MEM_* that the region gives
 * @level: out: level of the guest's page-table entry where the walk ended, 1 to 5; 0
 *	where no entry was asked: the guest does not page, or @address is not canonical
 * @user: out: 1 if the guest's page tables give the page to CPL 3
 * @mapped: out: 1 if the walk ended at a page, 0 if the entry at @level is not present
 *	or malformed; then only @level is valid
 * @kind: out: enum kev_region_kind, 0 without a region
 *
 * The guest's tables are loaded where they are not resident, the page itself is not.
 */
struct kev_translate {
	__u32 size;
	__u32 flags;
	__u32 vcpu_id;
	__u32 state;
	__u64 address;
	__u64 gpa;
	__u64 page_size;
	__u32 prot;
	__u32 region_prot;
	__u32 level;
	__u32 user;
	__u32 mapped;
	__u32 kind;
};

/**
 * struct kev_access - KEV_VM_READ, KEV_VM_WRITE: copy from or to guest memory
 * @size: in: sizeof(struct kev_access)
 * @flags: in: KEV_ADDRESS_GVA or 0
 * @vcpu_id: in: as in struct kev_translate
 * @reserved: in: 0
 * @address: in: a guest-physical or guest-virtual address
 * @buffer: in: user address
 * @length: in: bytes
 * @done: out: bytes copied; less than @length where a page behind them cannot be had
 *
 * Rights of regions and of the guest's page tables do not count. 2, 4 or 8 bytes at an
 * address that is a multiple of their number are copied at once. A page of
 * KEV_REGION_NOTIFY that is not filled yet cannot be read: -EAGAIN.
 */
struct kev_access {
	__u32 size;
	__u32 flags;
	__u32 vcpu_id;
	__u32 reserved;
	__u64 address;
	__u64 buffer;
	__u64 length;
	__u64 done;
};

enum kev_boot {
	KEV_BOOT_NONE = 0,	/* segments only: no RAM, no boot structures */
	KEV_BOOT_DIRECT64 = 1,	/* 64-bit, paged, RIP at the physical entry */
	KEV_BOOT_KEV32 = 2,	/* 32-bit, unpaged, boot information at address 0 */
	KEV_BOOT_MULTIBOOT = 3,	/* Multiboot 1, 32-bit, unpaged */
	KEV_BOOT_MULTIBOOT2 = 4,	/* Multiboot 2, 32-bit, unpaged */
	KEV_BOOT_PVH = 5,	/* Xen's PVH, 32-bit, unpaged */
	KEV_BOOT_AUTO = 255,	/* MULTIBOOT2, MULTIBOOT or PVH by header or note, else DIRECT64 */
};

/* What is wrong with an image: kev_attach_image.problem */
enum kev_image_problem {
	KEV_IMAGE_OK = 0,
	KEV_IMAGE_NOT_REGULAR,		/* fd is no regular file */
	KEV_IMAGE_TRUNCATED,		/* file ends inside the ELF header */
	KEV_IMAGE_MAGIC,		/* e_ident: not an ELF file */
	KEV_IMAGE_CLASS,		/* EI_CLASS: not one that the boot protocol takes */
	KEV_IMAGE_DATA,			/* EI_DATA: not little-endian */
	KEV_IMAGE_VERSION,		/* EI_VERSION or e_version: not 1 */
	KEV_IMAGE_TYPE,			/* e_type: not ET_EXEC or ET_DYN */
	KEV_IMAGE_MACHINE,		/* e_machine: not EM_X86_64, or EM_386 in 32-bit files */
	KEV_IMAGE_EHSIZE,		/* e_ehsize: not 64, or 52 in 32-bit files */
	KEV_IMAGE_PHENTSIZE,		/* e_phentsize: not 56, or 32 in 32-bit files */
	KEV_IMAGE_PHNUM,		/* e_phnum: 0, or more than 128 */
	KEV_IMAGE_PHOFF,		/* e_phoff: program headers end beyond the file */
	KEV_IMAGE_NO_LOAD,		/* no PT_LOAD with p_memsz > 0 */
	KEV_IMAGE_FILESZ,		/* p_filesz > p_memsz */
	KEV_IMAGE_OFFSET,		/* p_offset + p_filesz beyond the file or wraps */
	KEV_IMAGE_ADDRESS,		/* p_paddr + p_memsz or p_vaddr + p_memsz wraps */
	KEV_IMAGE_PHYS_WIDTH,		/* segment ends above the physical width */
	KEV_IMAGE_OVERLAP,		/* two segments claim the same byte */
	KEV_IMAGE_ENTRY,		/* e_entry lies in no segment */
	KEV_IMAGE_LOW,			/* segment below 0x8000 (direct64) or 0x1000 */
	KEV_IMAGE_HOLE,			/* segment touches the hole 0xbffda000..4 GiB */
	KEV_IMAGE_RAM,			/* ram_kib is less than the image's span */
	KEV_IMAGE_READ,			/* reading the headers failed */
	KEV_IMAGE_NO_HEADER,		/* no header or note of the boot protocol */
	KEV_IMAGE_HEADER,		/* the boot protocol's header or note is malformed */
	KEV_IMAGE_HEADER_FEATURE,	/* it demands what kev does not offer */
	KEV_IMAGE_ABOVE_4G,		/* 32-bit protocol: segment or entry above 4 GiB */
	KEV_IMAGE_BOOT_SPACE,		/* no room for boot information */
	KEV_IMAGE_MODULE,		/* kev_attach_image.segment: this module is unusable */
	KEV_IMAGE_MEMORY_MAP,		/* more memory-map entries than fit */
	KEV_IMAGE_DYNAMIC,		/* PT_DYNAMIC or its relocation table is malformed */
	KEV_IMAGE_RELOCATION,		/* one is not R_X86_64_RELATIVE in DT_RELA, or outside */
	KEV_IMAGE_RELOCATIONS,		/* more than 1,048,576 relocations */
	KEV_IMAGE_BASE,			/* load_base: segments of ET_EXEC, or unaligned */
};

#define KEV_IMAGE_NO_SEGMENT	0xffffffffU

/* kev_attach_image.flags */
#define KEV_ATTACH_PROT		_BITUL(0)	/* p_flags restrict the guest's access */
#define KEV_ATTACH_VADDR	_BITUL(1)	/* lie at p_vaddr + load_base, not p_paddr */
#define KEV_ATTACH_RELOCATE	_BITUL(2)	/* apply R_X86_64_RELATIVE as pages are loaded */
#define KEV_ATTACH_COPY		_BITUL(3)	/* share no page with other VMs */

#define KEV_MAX_CMDLINE		4096U
#define KEV_MAX_MODULES		32U

/**
 * struct kev_boot_module - a file beside the image that a boot protocol hands over
 * @fd: in: a regular file, open for reading, not empty
 * @cmdline_length: in: bytes of @cmdline, below KEV_MAX_CMDLINE
 * @cmdline: in: user address of the module's string, without a NUL
 */
struct kev_boot_module {
	__s32 fd;
	__u32 cmdline_length;
	__u64 cmdline;
};

/**
 * struct kev_attach_image - KEV_VM_ATTACH_IMAGE: an ELF file becomes lazy regions
 * @size: in: sizeof(struct kev_attach_image)
 * @flags: in: KEV_ATTACH_*
 * @fd: in: file, open for reading
 * @boot: in: enum kev_boot; out: the protocol that KEV_BOOT_AUTO has chosen
 * @ram_kib: in: the guest's memory in KiB, the image's span included
 * @entry: out: physical entry address
 * @start: out: first byte of the image's span, rounded down to a page; with
 *	KEV_IMAGE_RAM written on failure too, as is @end
 * @end: out: first byte behind it, rounded up to a page
 * @problem: out: enum kev_image_problem; written on failure too
 * @segment: out: index of the program header that @problem speaks of, or
 *	KEV_IMAGE_NO_SEGMENT
 * @load_base: in: with KEV_ATTACH_VADDR, a multiple of 4096; otherwise 0
 * @cmdline: in: user address of the command line, without a NUL
 * @modules: in: user address of struct kev_boot_module[nr_modules]
 * @cmdline_length: in: bytes, below KEV_MAX_CMDLINE; 0 with a protocol that has none
 * @nr_modules: in: at most KEV_MAX_MODULES; 0 with a protocol that has none
 *
 * Once per VM, before its first vCPU. Nothing but headers is read, and with
 * KEV_ATTACH_RELOCATE the relocation table.
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
	__u64 load_base;
	__u64 cmdline;
	__u64 modules;
	__u32 cmdline_length;
	__u32 nr_modules;
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
 * @entries: out: VM entries that were tried
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
 * @kicks: out: returns of KEV_VCPU_RUN without a report, nearly all of them with -EINTR
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
 * @ram_pages: out: of these, pages of all regions but the next two
 * @image_pages: out: of these, pages of images and files
 * @boot_pages: out: of these, boot structures
 * @table_pages: out: pages of the second-level page tables
 * @file_pages: out: pages that took their bytes from a file when they were touched
 * @file_bytes: out: bytes taken for them
 * @header_bytes: out: bytes of headers read at the attach
 * @faults: out: faults that the memory core resolved
 * @vcpus: out: vCPUs made so far
 * @reserved: out: 0
 * @vcpu: out: the sum over all vCPUs; its size and flags are 0
 * @shared_pages: out: of @resident_pages, pages of the page cache
 * @huge_pages: out: of @resident_pages, parts of pages of 2 MiB
 * @copied_pages: out: private copies that writes have made of shared pages
 * @around_pages: out: pages that fault-around has mapped
 * @read_pages: out: of @file_pages, pages that were not in the page cache
 * @flushes: out: times that translations were taken away from running vCPUs
 * @id: out: the VM's number, from 1, which no other has while the module is loaded
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
	__u64 shared_pages;
	__u64 huge_pages;
	__u64 copied_pages;
	__u64 around_pages;
	__u64 read_pages;
	__u64 flushes;
	__u64 id;
};

#define KEV_COUNTER_NAME_LEN	32

/**
 * struct kev_counter - one number of KEV_VM_COUNTERS or KEV_VCPU_COUNTERS
 * @name: what it counts, NUL-terminated, without blanks
 * @value: since the VM, or the vCPU, was made
 */
struct kev_counter {
	char name[KEV_COUNTER_NAME_LEN];
	__u64 value;
};

/**
 * struct kev_exit_count - what became of one kind of VM exit
 * @name: what the guest wanted, NUL-terminated; may have blanks
 * @exits: all of them
 * @slow: of these, those that were not answered with IRQs off: the rest was fast
 * @reported: times that user space was told of one; an exit can be reported more than
 *	once, when it is tried again, or not at all
 */
struct kev_exit_count {
	char name[KEV_COUNTER_NAME_LEN];
	__u64 exits;
	__u64 slow;
	__u64 reported;
};

/**
 * struct kev_counters - KEV_VM_COUNTERS, KEV_VCPU_COUNTERS: every counter, by name
 * @size: in: sizeof(struct kev_counters)
 * @flags: in: 0
 * @nr_counters: in: room in @counters; out: how many there are
 * @nr_exits: in: room in @exits; out: how many there are
 * @counters: in: user address of struct kev_counter[nr_counters]
 * @exits: in: user address of struct kev_exit_count[nr_exits]
 *
 * Of a VM: the sums over all vCPUs, those that are gone included, and its memory. Names
 * keep their meaning; another version of kev can have more, in any order. -E2BIG: too
 * little room; nothing but the two numbers is written.
 */
struct kev_counters {
	__u32 size;
	__u32 flags;
	__u32 nr_counters;
	__u32 nr_exits;
	__u64 counters;
	__u64 exits;
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

/* kev_vcpu_inject.type */
enum kev_inject_type {
	KEV_INJECT_INTERRUPT = 0,	/* as KEV_VCPU_INTERRUPT */
	KEV_INJECT_NMI = 2,		/* any thread, at any time; two can wait */
	KEV_INJECT_EXCEPTION = 3,	/* at the next entry; the vCPU must not be in RUN */
};

/* kev_vcpu_inject.flags */
#define KEV_INJECT_ERROR_CODE	_BITUL(0)	/* error_code counts */

/**
 * struct kev_vcpu_inject - KEV_VCPU_INJECT: raise an interrupt, an NMI or an exception
 * @size: in: sizeof(struct kev_vcpu_inject)
 * @flags: in: KEV_INJECT_*
 * @type: in: enum kev_inject_type
 * @vector: in: 0 to 255; of an exception 0 to 31 and not 2; 2 for an NMI
 * @error_code: in: with KEV_INJECT_ERROR_CODE, which an exception must have if its vector
 *	pushes one (8, 10 to 14, 17, 21) and must not have otherwise; else 0
 * @reserved: in: 0
 *
 * 3 and 4 are injected as INT3 and INTO raise them: RIP goes behind the instruction.
 */
struct kev_vcpu_inject {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 vector;
	__u32 error_code;
	__u32 reserved;
};

/* kev_vcpu_debug.flags; 0: no debugging */
#define KEV_DEBUG_STEP		_BITUL(0)	/* report each instruction */
#define KEV_DEBUG_SOFTWARE	_BITUL(1)	/* report #BP instead of giving it to the guest */
#define KEV_DEBUG_HARDWARE	_BITUL(2)	/* dr and dr7 count */

/**
 * struct kev_vcpu_debug - KEV_VCPU_SET_DEBUG: debug the guest from outside
 * @size: in: sizeof(struct kev_vcpu_debug)
 * @flags: in: KEV_DEBUG_*
 * @dr: in: addresses of breakpoints, as DR0 to DR3
 * @dr7: in: which are on and what they watch, as DR7; bits other than L, G, R/W and LEN
 *	are 0
 *
 * Reported as KEV_EXIT_DEBUG. The guest's own debug registers keep their values for it
 * and come into effect again when this ends.
 */
struct kev_vcpu_debug {
	__u32 size;
	__u32 flags;
	__u64 dr[4];
	__u64 dr7;
};

/* kev_doorbell.flags */
#define KEV_DOORBELL_PORT	_BITUL(0)	/* a port, not a guest-physical address */
#define KEV_DOORBELL_DATA	_BITUL(1)	/* only for a write of this value */
#define KEV_DOORBELL_REMOVE	_BITUL(2)	/* take one away that is the same in all else */

/**
 * struct kev_doorbell - KEV_VM_DOORBELL: a guest's write signals an eventfd
 * @size: in: sizeof(struct kev_doorbell)
 * @flags: in: KEV_DOORBELL_*
 * @fd: in: an eventfd
 * @width: in: bytes of the write: 1, 2, 4, and 8 for memory; 0: any
 * @address: in: of the write, or the port
 * @data: in: with KEV_DOORBELL_DATA, at most @width bytes of it; else 0
 *
 * The write is done then and is not reported. -EEXIST there is one for the same writes;
 * -ENOENT there is none to remove; -ENOSPC.
 */
struct kev_doorbell {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 width;
	__u64 address;
	__u64 data;
};

/* kev_irqfd.flags */
#define KEV_IRQFD_REMOVE	_BITUL(0)

/**
 * struct kev_irqfd - KEV_VM_IRQFD: a signal on an eventfd interrupts the guest
 * @size: in: sizeof(struct kev_irqfd)
 * @flags: in: KEV_IRQFD_*
 * @fd: in: an eventfd
 * @data: in: as in struct kev_signal; not looked at with KEV_IRQFD_REMOVE
 * @address: in: likewise
 *
 * -EEXIST the eventfd has an interrupt; -ENOENT it has none to remove; -ENOSPC.
 */
struct kev_irqfd {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 data;
	__u64 address;
};

/**
 * struct kev_signal - KEV_VM_SIGNAL: a message-signalled interrupt
 * @size: in: sizeof(struct kev_signal)
 * @flags: in: 0
 * @address: in: SDM Vol. 3, "Message Address Register Format"
 * @data: in: "Message Data Register Format"
 * @reserved: in: 0
 *
 * From any thread. A message that no local APIC takes is lost, as on a real machine.
 */
struct kev_signal {
	__u32 size;
	__u32 flags;
	__u64 address;
	__u32 data;
	__u32 reserved;
};

#endif /* _UAPI_LINUX_KEV_H */
