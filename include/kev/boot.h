/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Boot protocols: how an image asks for one, what lies in memory beside the
 * image, and in which state a vCPU starts. Pure.
 *
 * Who reads the file goes through these steps:
 *
 *	kev_boot_find()		the file's beginning: which protocol, by its header
 *	kev_elf_plan() or	the segments: an ELF file's, or those that the
 *	kev_boot_plan_flat()	header itself gives
 *	kev_boot_find_note()	each PT_NOTE, while kev_boot_wants_notes()
 *	kev_boot_resolve()	which protocol it is in the end, and the entry
 *	kev_boot_place()	what lies where
 *	kev_boot_render()	the bytes of the boot structures
 */
#ifndef _KEV_BOOT_H
#define _KEV_BOOT_H

#include <kev/elf.h>
#include <kev/layout.h>
#include <kev/pure.h>

/* The part of a file's beginning that can hold a header of any protocol */
#define KEV_BOOT_WINDOW_MAX	32768U

/* Bytes of a PT_NOTE that are looked at; what is behind them is ignored */
#define KEV_BOOT_NOTE_MAX	16384U

/* Memory-map entries: segments, modules, boot structures and RAM */
#define KEV_BOOT_MAX_RUNS						\
	(KEV_ELF_MAX_PHDRS + KEV_MAX_MODULES + 1 + KEV_LAYOUT_MAX_RANGES)

/**
 * struct kev_boot_start - what a vCPU's first state depends on
 * @protocol: enum kev_boot, not KEV_BOOT_AUTO
 * @entry: physical entry address
 * @info: guest-physical address of the boot information, 0 if there is none
 */
struct kev_boot_start {
	u32 protocol;
	u64 entry;
	u64 info;
};

/**
 * struct kev_boot_flat - the a.out kludge: addresses of a file that is no ELF file
 * @offset: of the first byte in the file
 * @load: where it goes
 * @load_end: behind the last byte of the file's; 0: all of the file
 * @bss_end: behind the zeros after it; 0: none
 */
struct kev_boot_flat {
	u64 offset;
	u32 load;
	u32 load_end;
	u32 bss_end;
};

/**
 * struct kev_boot_header - what an image says about how it wants to be booted
 * @protocol: enum kev_boot; KEV_BOOT_AUTO as long as only a note can tell
 * @has_flat: the image is to be loaded by @flat, even if it is an ELF file
 * @has_entry: @entry counts, not that of the ELF file
 * @relocatable: the header allows other places than the one it is linked for: it wants
 *	to know where it lies
 * @flat: see there
 * @entry: physical entry address
 * @min: with @relocatable: the image's lowest address
 * @max: with @relocatable: the image's highest byte
 * @align: with @relocatable: of the image's first address; a power of two
 */
struct kev_boot_header {
	u32 protocol;
	bool has_flat;
	bool has_entry;
	bool relocatable;
	struct kev_boot_flat flat;
	u64 entry;
	u32 min;
	u32 max;
	u32 align;
};

/**
 * struct kev_boot_file - a module
 * @size: bytes of the file, not 0
 * @cmdline: its string, without a NUL
 * @cmdline_length: bytes of @cmdline
 */
struct kev_boot_file {
	u64 size;
	const char *cmdline;
	u32 cmdline_length;
};

/**
 * struct kev_boot_args - what the caller wants the guest to have
 * @ram_bytes: its memory; 0 with KEV_BOOT_NONE
 * @phys_bits: width of a guest-physical address, at most KEV_PHYS_BITS_MAX
 * @cmdline: the command line, without a NUL
 * @cmdline_length: bytes of @cmdline, below KEV_MAX_CMDLINE
 * @nr_modules: at most KEV_MAX_MODULES
 * @modules: the modules
 */
struct kev_boot_args {
	u64 ram_bytes;
	unsigned int phys_bits;
	const char *cmdline;
	u32 cmdline_length;
	u32 nr_modules;
	const struct kev_boot_file *modules;
};

/**
 * struct kev_boot_plan - what lies where
 * @start: for kev_boot_state()
 * @span: the image and its modules, and @boot where it lies behind them; charged to RAM
 *	as a whole
 * @boot: boot structures, whose bytes kev_boot_render() writes; length 0 if there are none
 * @load_base: lowest address of the image, where it wants to know; else 0
 * @nr_modules: modules in @module
 * @module: where each module lies; @length is that of the file, no multiple of a page
 * @nr_ram: ranges in @ram
 * @ram: RAM beside all that
 * @nr_runs: runs in @run
 * @run: all memory that the guest has, ascending; neighbours are joined
 *
 * More than 3 KiB: allocate it, it must not live on a kernel stack.
 */
struct kev_boot_plan {
	struct kev_boot_start start;
	struct kev_range span;
	struct kev_range boot;
	u64 load_base;
	u32 nr_modules;
	u32 nr_ram;
	u32 nr_runs;
	struct kev_range module[KEV_MAX_MODULES];
	struct kev_range ram[KEV_LAYOUT_MAX_RANGES];
	struct kev_range run[KEV_BOOT_MAX_RUNS];
};

/**
 * kev_boot_known() - is there such a protocol
 * @protocol: enum kev_boot, or anything else
 *
 * Context: Any.
 * Return: true, also for KEV_BOOT_AUTO.
 */
bool kev_boot_known(u32 protocol);

/**
 * kev_boot_is_32bit() - does a vCPU start without paging
 * @protocol: enum kev_boot, not KEV_BOOT_AUTO
 *
 * That takes a CPU with "unrestricted guest".
 *
 * Context: Any.
 * Return: true: paging is off at the first instruction.
 */
bool kev_boot_is_32bit(u32 protocol);

/**
 * kev_boot_window() - how much of a file's beginning kev_boot_find() wants to see
 * @protocol: enum kev_boot
 *
 * Context: Any.
 * Return: bytes, at least KEV_ELF_HEADER_SIZE and at most KEV_BOOT_WINDOW_MAX.
 */
size_t kev_boot_window(u32 protocol);

/**
 * kev_boot_find() - look for a protocol's header
 * @protocol: enum kev_boot: what the caller has asked for
 * @buf: the first bytes of the file, any alignment
 * @len: bytes in @buf; fewer than kev_boot_window() only where the file ends
 * @out: written on success
 * @why: always written: KEV_IMAGE_OK, or what is wrong
 *
 * With KEV_BOOT_AUTO a Multiboot 2 header goes before a Multiboot 1 header, and both
 * before a note. What has the magic number but not the checksum is no header then;
 * whoever has asked for the protocol gets KEV_IMAGE_HEADER.
 *
 * Context: Any.
 * Return: 0, or -ENOEXEC.
 */
int kev_boot_find(u32 protocol, const void *buf, size_t len, struct kev_boot_header *out,
		  struct kev_image_fault *why);

/**
 * kev_boot_elf_rules() - how the image's ELF headers are to be read
 * @header: what kev_boot_find() gave, without @has_flat
 * @rules: in: where segments lie; out: what the protocol allows as well
 *
 * Context: Any.
 */
void kev_boot_elf_rules(const struct kev_boot_header *header, struct kev_elf_rules *rules);

/**
 * kev_boot_plan_flat() - the one segment of an image that is loaded by its header
 * @header: what kev_boot_find() gave, with @has_flat
 * @file_size: size of the file
 * @phys_bits: width of a guest-physical address, at most KEV_PHYS_BITS_MAX
 * @plan: written; means nothing on failure
 * @why: always written: KEV_IMAGE_OK, or what is wrong
 *
 * Context: Any.
 * Return: 0, or -ENOEXEC.
 */
int kev_boot_plan_flat(const struct kev_boot_header *header, u64 file_size,
		       unsigned int phys_bits, struct kev_elf_plan *plan,
		       struct kev_image_fault *why);

/**
 * kev_boot_wants_notes() - can a note still say something
 * @header: as it is by now
 *
 * Context: Any.
 * Return: true: what notes tell decides, or is not known yet.
 */
bool kev_boot_wants_notes(const struct kev_boot_header *header);

/**
 * kev_boot_find_note() - look for a protocol's note: XEN_ELFNOTE_PHYS32_ENTRY
 * @header: as it is by now; takes up what is found
 * @buf: contents of a PT_NOTE, any alignment
 * @len: bytes in @buf
 * @why: always written: KEV_IMAGE_OK, or what is wrong
 *
 * Notes that reach beyond @len end the list.
 *
 * Context: Any.
 * Return: 0, found or not; -ENOEXEC.
 */
int kev_boot_find_note(struct kev_boot_header *header, const void *buf, size_t len,
		       struct kev_image_fault *why);

/**
 * kev_boot_resolve() - the protocol and the entry, when everything has been looked at
 * @header: as it is by now; @protocol is not KEV_BOOT_AUTO afterwards
 * @plan: the image; its entry is written
 * @why: always written: KEV_IMAGE_OK, or what is wrong
 *
 * Context: Any.
 * Return: 0, or -ENOEXEC.
 */
int kev_boot_resolve(struct kev_boot_header *header, struct kev_elf_plan *plan,
		     struct kev_image_fault *why);

/**
 * kev_boot_takes() - can a protocol hand over what the caller has given
 * @protocol: enum kev_boot, not KEV_BOOT_AUTO
 * @args: see there
 *
 * Context: Any.
 * Return: false for a command line or modules with a protocol that has none.
 */
bool kev_boot_takes(u32 protocol, const struct kev_boot_args *args);

/**
 * kev_boot_place() - what lies where
 * @header: after kev_boot_resolve()
 * @plan: the image
 * @args: what kev_boot_takes() takes
 * @out: written; means nothing on failure
 * @why: always written: KEV_IMAGE_OK, or what is wrong
 *
 * Modules lie behind the image, each from the start of a page, below the hole. Boot
 * information lies where the protocol has it, or in low memory below the image, or
 * behind the modules.
 *
 * Context: Any.
 * Return: 0; -ENOEXEC; as kev_layout_ram().
 */
int kev_boot_place(const struct kev_boot_header *header, const struct kev_elf_plan *plan,
		   const struct kev_boot_args *args, struct kev_boot_plan *out,
		   struct kev_image_fault *why);

/**
 * typedef kev_boot_page_fn - compute a page of boot structures
 * @gpa: its first byte
 * @page: KEV_PAGE_SIZE bytes of zeros, at a multiple of that
 */
typedef void (*kev_boot_page_fn)(u64 gpa, void *page);

/**
 * kev_boot_page() - can boot structures be computed page by page
 * @plan: what kev_boot_place() gave
 *
 * Context: Any.
 * Return: the function that does it, whenever a page is touched; NULL: what
 * is in them depends on @plan, and kev_boot_render() has to write them.
 */
kev_boot_page_fn kev_boot_page(const struct kev_boot_plan *plan);

/* kev_boot_print_device() - guest-physical address of the protocol's print device, or 0 */
u64 kev_boot_print_device(const struct kev_boot_plan *plan);

/**
 * kev_boot_render() - write the boot structures
 * @plan: what kev_boot_place() gave; kev_boot_page() is NULL for it
 * @args: the same as there
 * @buf: plan->boot.length bytes; all of them written on success
 * @why: always written: KEV_IMAGE_OK, or KEV_IMAGE_MEMORY_MAP
 *
 * Context: Any.
 * Return: 0; -E2BIG the memory map does not fit.
 */
int kev_boot_render(const struct kev_boot_plan *plan, const struct kev_boot_args *args,
		    void *buf, struct kev_image_fault *why);

/**
 * kev_boot_state() - the state in which a vCPU starts
 * @start: see there; all zeros stand for KEV_BOOT_NONE without an image
 * @vcpu_id: the vCPU's id
 * @state: the groups GPRS, SEGMENTS and CONTROLS are written, @groups names them; the
 *	rest stays
 *
 * Without a protocol it is that of KEV_BOOT_DIRECT64. Only there a vCPU learns its id.
 *
 * Context: Any.
 */
void kev_boot_state(const struct kev_boot_start *start, u32 vcpu_id,
		    struct kev_vcpu_state *state);

/* Pages that a first instruction needs at most */
#define KEV_BOOT_MAX_TOUCHED	4

/**
 * kev_boot_touched() - what a vCPU in its first state touches before anything else
 * @start: see there
 * @gpa: out: guest-physical addresses, KEV_BOOT_MAX_TOUCHED at most: the page tables of its
 *	protocol that lead to the first instruction, and the instruction itself, last
 *
 * Context: Any.
 * Return: how many; 0 for KEV_BOOT_NONE.
 */
u32 kev_boot_touched(const struct kev_boot_start *start, u64 *gpa);

/**
 * kev_boot_init_state() - the state after INIT
 * @signature: what CPUID leaf 1 has in EAX: EDX
 * @state: in: CR0 and XCR0 of the group CONTROLS, of which CD, NW and all components
 *	stay; all zeros will do. Out: the groups GPRS, SEGMENTS, CONTROLS, DEBUG and
 *	INTERRUPTS, @groups names them; the rest stays
 *
 * Real mode; the vCPU waits for a SIPI, or starts at the reset vector. SDM Vol. 3,
 * "Processor State After Reset", column INIT. IA32_EFER is cleared, as it holds LMA.
 *
 * Context: Any.
 */
void kev_boot_init_state(u32 signature, struct kev_vcpu_state *state);

/**
 * kev_boot_sipi_state() - a SIPI ends the wait
 * @vector: of the SIPI: the page where the vCPU starts
 * @state: the groups GPRS and SEGMENTS count; CS and RIP are written
 *
 * Context: Any. SDM Vol. 3, "Typical AP Initialization Sequence"
 */
void kev_boot_sipi_state(u8 vector, struct kev_vcpu_state *state);

#endif /* _KEV_BOOT_H */
