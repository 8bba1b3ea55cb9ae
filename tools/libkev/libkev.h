/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libkev: kev's ioctls as functions, and its numbers as text.
 *
 * The library holds no state. What it works on are file descriptors, and a
 * program may mix its calls with its own ioctl(2), poll(2) and close(2). Every
 * function can be called from any thread; what the kernel allows at the same
 * time is its own matter (a vCPU runs in one thread: -EBUSY for the second).
 *
 * Functions that return an int give 0 or a non-negative result, or a negative
 * errno; what errno is afterwards means nothing, and they never print. Documentation of
 * the structures, and each call's errors, is in <linux/kev.h> and
 * Documentation/api.rst.
 *
 * The caller sets the size field of a structure:
 *
 *	struct kev_query query = { .size = sizeof(query) };
 *
 * so that a program and a library that were built against different versions
 * of <linux/kev.h> work together.
 */
#ifndef LIBKEV_H
#define LIBKEV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/kev.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KEV_DEVICE "/dev/kev"

/**
 * kev_open() - open the device
 * @path: device node; NULL means KEV_DEVICE
 *
 * Return: a file descriptor (close-on-exec), or a negative errno: -ENOENT when
 * the module is not loaded, -EACCES without the right to use it.
 */
int kev_open(const char *path);

/**
 * kev_close() - close any descriptor of kev's
 * @fd: device, VM or vCPU
 *
 * A VM lives until its own descriptor and those of all its vCPUs are closed, and what was
 * mapped of them is unmapped.
 *
 * Return: 0 or a negative errno; the descriptor is gone either way.
 */
int kev_close(int fd);

/**
 * kev_query() - what this kernel's kev can do
 * @kev: device
 * @query: size set by the caller
 *
 * Return: 0 or a negative errno.
 */
int kev_query(int kev, struct kev_query *query);

/**
 * kev_create_vm() - make a VM
 * @kev: device
 * @flags: KEV_VM_*
 * @hypercall_abi: name; NULL means "kev"
 *
 * Return: the VM's descriptor, or a negative errno: -EBUSY while another
 * hypervisor holds the CPUs, -ENOENT for an unknown ABI, -EINVAL for unknown
 * flags or a name of KEV_NAME_LEN characters and more.
 */
int kev_create_vm(int kev, uint32_t flags, const char *hypercall_abi);

/**
 * kev_create_vm_from() - make a VM with everything that can be chosen
 * @kev: device
 * @create: size and fields set by the caller
 *
 * Return: the VM's descriptor, or a negative errno as kev_create_vm().
 */
int kev_create_vm_from(int kev, const struct kev_create_vm *create);

/**
 * kev_vm_create_vcpu() - make a vCPU
 * @vm: VM
 * @id: unique in the VM
 *
 * Return: the vCPU's descriptor, or a negative errno.
 */
int kev_vm_create_vcpu(int vm, uint32_t id);

/**
 * kev_vm_add_region() - add guest-physical memory
 * @vm: VM
 * @kind: enum kev_region_kind
 * @prot: KEV_MEM_*
 * @gpa: first address, a multiple of 4096
 * @length: bytes, a multiple of 4096
 *
 * Return: 0 or a negative errno.
 */
int kev_vm_add_region(int vm, uint32_t kind, uint32_t prot, uint64_t gpa, uint64_t length);

/**
 * kev_vm_add_region_from() - add guest-physical memory of any kind
 * @vm: VM
 * @region: size and fields set by the caller
 *
 * Return: 0 or a negative errno: -EEXIST when it overlaps another region, -EINVAL
 * for an address or a length that is unaligned, wraps or exceeds the physical width.
 */
int kev_vm_add_region_from(int vm, const struct kev_add_region *region);

/**
 * kev_vm_remove_region() - take a region away
 * @vm: VM
 * @gpa: its first address
 * @length: its bytes
 *
 * Once this returns, no vCPU and no mapping reaches the pages.
 *
 * Return: 0 or a negative errno.
 */
int kev_vm_remove_region(int vm, uint64_t gpa, uint64_t length);

/**
 * kev_vm_discard() - give back a range of RAM, which reads as zero afterwards
 * @vm: VM
 * @gpa: first address, a multiple of 4096
 * @length: bytes, a multiple of 4096
 *
 * Return: 0 or a negative errno.
 */
int kev_vm_discard(int vm, uint64_t gpa, uint64_t length);

/**
 * kev_vm_query_memory() - a region and what is resident of it
 * @vm: VM
 * @query: size and gpa set by the caller; gpa + length of one answer leads to the next
 *	region
 *
 * Return: 0 or a negative errno.
 */
int kev_vm_query_memory(int vm, struct kev_query_memory *query);

/**
 * kev_vm_get_dirty() - which pages were written since the last call
 * @vm: VM
 * @dirty: size, range and bitmap set by the caller
 *
 * Return: 0 or a negative errno.
 */
int kev_vm_get_dirty(int vm, struct kev_get_dirty *dirty);

/**
 * kev_vm_translate() - where a guest-physical or guest-virtual address leads
 * @vm: VM
 * @translate: size, flags, vcpu_id and address set by the caller
 *
 * Return: 0 or a negative errno; -EBUSY while the vCPU whose paging counts runs.
 */
int kev_vm_translate(int vm, struct kev_translate *translate);

/**
 * kev_vm_read_memory() - copy from guest memory
 * @vm: VM
 * @access: size and the in-fields set by the caller; done says how much was copied
 *
 * kev_vm_read() reads the console.
 *
 * Return: 0 or a negative errno.
 */
int kev_vm_read_memory(int vm, struct kev_access *access);

/**
 * kev_vm_write_memory() - copy to guest memory
 * @vm: VM
 * @access: as for kev_vm_read_memory()
 *
 * Return: 0 or a negative errno.
 */
int kev_vm_write_memory(int vm, struct kev_access *access);

/**
 * kev_vm_attach_image() - make an ELF file the VM's image
 * @vm: VM
 * @image: size and the in-fields set by the caller, command line and modules among them
 *
 * Return: 0 or a negative errno; @image->problem then says what is wrong with
 * the file, see kev_image_problem_text().
 */
int kev_vm_attach_image(int vm, struct kev_attach_image *image);

/**
 * kev_vm_status() - has the VM ended, and how
 * @vm: VM
 * @status: size set by the caller
 *
 * Return: 0 or a negative errno.
 */
int kev_vm_status(int vm, struct kev_vm_status *status);

/**
 * kev_vm_stats() - a VM's memory and the sum over its vCPUs
 * @vm: VM
 * @stats: size set by the caller
 *
 * Return: 0 or a negative errno.
 */
int kev_vm_stats(int vm, struct kev_vm_stats *stats);

/**
 * kev_vm_counters() - everything that is counted of a VM, by name
 * @vm: VM
 * @counters: size, the two arrays and their room set by the caller
 *
 * Return: 0 or a negative errno: -E2BIG with how many there are.
 */
int kev_vm_counters(int vm, struct kev_counters *counters);

/**
 * kev_vm_set_cpuid() - choose what the guest reads from CPUID
 * @vm: VM whose vCPUs have not run
 * @cpuid: size, nr and entries set by the caller
 *
 * Return: 0 or a negative errno: -EBUSY after the first run, -EINVAL for a feature that
 * kev does not offer.
 */
int kev_vm_set_cpuid(int vm, const struct kev_cpuid *cpuid);

/**
 * kev_vm_get_supported_cpuid() - what every guest reads from CPUID by default
 * @vm: VM
 * @cpuid: size, nr and entries set by the caller; nr says then how many entries there are
 *
 * Return: 0 or a negative errno: -E2BIG when there are more than fit.
 */
int kev_vm_get_supported_cpuid(int vm, struct kev_cpuid *cpuid);

/**
 * kev_vm_set_msrs() - choose what MSRs do
 * @vm: VM whose vCPUs have not run
 * @msrs: size, nr and entries set by the caller
 *
 * Return: 0 or a negative errno: -EBUSY after the first run.
 */
int kev_vm_set_msrs(int vm, const struct kev_set_msrs *msrs);

/**
 * kev_vm_set_exits() - choose which exits are reported
 * @vm: VM whose vCPUs have not run
 * @exits: size and fields set by the caller
 *
 * Return: 0 or a negative errno: -EBUSY after the first run, -EOPNOTSUPP for what the
 * CPU cannot report.
 */
int kev_vm_set_exits(int vm, const struct kev_set_exits *exits);

/**
 * kev_vm_doorbell() - let writes of the guest signal an eventfd, or end that
 * @vm: VM
 * @doorbell: size and fields set by the caller
 *
 * Return: 0 or a negative errno: -EEXIST, -ENOENT, -ENOSPC.
 */
int kev_vm_doorbell(int vm, const struct kev_doorbell *doorbell);

/**
 * kev_vm_irqfd() - let an eventfd interrupt the guest, or end that
 * @vm: VM
 * @irqfd: size and fields set by the caller
 *
 * Return: 0 or a negative errno: -EEXIST, -ENOENT, -ENOSPC.
 */
int kev_vm_irqfd(int vm, const struct kev_irqfd *irqfd);

/**
 * kev_vm_signal() - send a message-signalled interrupt
 * @vm: VM
 * @address: where a device would write it
 * @data: what it would write
 *
 * From any thread. A message that no local APIC takes is lost.
 *
 * Return: 0 or a negative errno: -EINVAL for what is no message.
 */
int kev_vm_signal(int vm, uint64_t address, uint32_t data);

/**
 * kev_vm_read() - read console bytes
 * @vm: VM
 * @buffer: where they go
 * @length: room there
 *
 * Blocks until there are some, unless the descriptor has O_NONBLOCK.
 *
 * Return: the number of bytes; 0 once the VM has ended and all were read; or a
 * negative errno: -EAGAIN with O_NONBLOCK, -EINTR.
 */
ssize_t kev_vm_read(int vm, void *buffer, size_t length);

/**
 * kev_vcpu_map_run() - map a vCPU's run page
 * @vcpu: vCPU
 * @size: kev_query.run_page_size
 * @run: out: the page
 *
 * Return: 0 or a negative errno.
 */
int kev_vcpu_map_run(int vcpu, size_t size, struct kev_run **run);

/**
 * kev_vcpu_unmap_run() - undo kev_vcpu_map_run()
 * @run: page
 * @size: as it was mapped
 *
 * Return: 0 or a negative errno.
 */
int kev_vcpu_unmap_run(struct kev_run *run, size_t size);

/**
 * kev_vcpu_run() - run the guest until there is something to report
 * @vcpu: vCPU
 *
 * Return: 0 with kev_run.kind set; or a negative errno: -EINTR after a signal
 * or a kick, -EBUSY while another thread runs the vCPU.
 */
int kev_vcpu_run(int vcpu);

/**
 * kev_vcpu_kick() - make kev_vcpu_run() return -EINTR soon
 * @vcpu: vCPU
 *
 * From any thread. Without a kev_vcpu_run() under way, the next one returns at
 * once.
 *
 * Return: 0 or a negative errno.
 */
int kev_vcpu_kick(int vcpu);

/**
 * kev_vcpu_interrupt() - raise an external interrupt
 * @vcpu: vCPU
 * @vector: 0 to 255
 *
 * From any thread. It is delivered as soon as the guest can take it.
 *
 * Return: 0 or a negative errno: -EBUSY while another one waits.
 */
int kev_vcpu_interrupt(int vcpu, uint32_t vector);

/**
 * kev_vcpu_inject() - raise an interrupt, an NMI or an exception
 * @vcpu: vCPU; for an exception not running
 * @inject: size and fields set by the caller
 *
 * Return: 0 or a negative errno: -EBUSY while another event waits.
 */
int kev_vcpu_inject(int vcpu, const struct kev_vcpu_inject *inject);

/**
 * kev_vcpu_set_debug() - debug the guest from outside, or end that
 * @vcpu: vCPU, not running
 * @debug: size and fields set by the caller
 *
 * Return: 0 or a negative errno.
 */
int kev_vcpu_set_debug(int vcpu, const struct kev_vcpu_debug *debug);

/**
 * kev_vcpu_get_state() - read groups of registers
 * @vcpu: vCPU, not running
 * @state: size and groups set by the caller
 *
 * Return: 0 or a negative errno.
 */
int kev_vcpu_get_state(int vcpu, struct kev_vcpu_state *state);

/**
 * kev_vcpu_set_state() - write groups of registers
 * @vcpu: vCPU, not running
 * @state: size, groups and those groups set by the caller; out: problem
 *
 * Return: 0 or a negative errno; with -EINVAL @state->problem names the field that will
 * not do, and why.
 */
int kev_vcpu_set_state(int vcpu, struct kev_vcpu_state *state);

/**
 * kev_vcpu_stats() - what a vCPU has done since it was made
 * @vcpu: vCPU
 * @stats: size set by the caller
 *
 * Return: 0 or a negative errno.
 */
int kev_vcpu_stats(int vcpu, struct kev_vcpu_stats *stats);

/**
 * kev_vcpu_counters() - everything that is counted of a vCPU, by name
 * @vcpu: vCPU
 * @counters: as for kev_vm_counters()
 *
 * Return: 0 or a negative errno.
 */
int kev_vcpu_counters(int vcpu, struct kev_counters *counters);

/**
 * kev_exit_kind_name() - short name of a report's kind
 * @kind: enum kev_exit_kind
 *
 * Return: for example "memory-error"; "unknown" for a kind that this library
 * does not know. Never NULL; the same holds for the functions below.
 */
const char *kev_exit_kind_name(uint32_t kind);

/**
 * kev_exit_reason_text() - a basic exit reason in words
 * @reason: kev_run.exit_reason (SDM Vol. 3, appendix "VMX Basic Exit Reasons")
 *
 * Return: text, or "unknown exit reason".
 */
const char *kev_exit_reason_text(uint32_t reason);

/**
 * kev_instruction_error_text() - a VM-instruction error in words
 * @error: kev_run.entry.instruction_error (SDM Vol. 3, "VM Instruction Error
 *	Numbers")
 *
 * Return: text, or "unknown VM-instruction error".
 */
const char *kev_instruction_error_text(uint32_t error);

/**
 * kev_entry_failure_text() - why the CPU refused a VM entry
 * @run: a run page with KEV_EXIT_ENTRY_FAILED
 * @text: out: NUL-terminated, cut off to @size
 * @size: bytes at @text, not 0
 *
 * Decodes the VM-instruction error, or the exit reason and its qualification
 * (SDM Vol. 3, "VM-Entry Failures During or After Loading Guest State"), and adds
 * kev_run.entry.problem.
 */
void kev_entry_failure_text(const struct kev_run *run, char *text, size_t size);

/**
 * kev_image_problem_text() - what is wrong with an image
 * @problem: kev_attach_image.problem
 *
 * Return: text that names the field of the ELF file, or "unknown problem".
 */
const char *kev_image_problem_text(uint32_t problem);

/**
 * kev_boot_name() - name of a boot protocol
 * @boot: enum kev_boot
 *
 * Return: for example "multiboot2", or "unknown".
 */
const char *kev_boot_name(uint32_t boot);

/**
 * kev_feature_name() - name of a feature bit
 * @bit: number of the bit in kev_query.features, 0 to 63
 *
 * Return: for example "ept-2m", or "unknown".
 */
const char *kev_feature_name(unsigned int bit);

/**
 * kev_intercept_name() - name of an exit that user space can ask for
 * @bit: number of the bit KEV_INTERCEPT_*, 0 to 63
 *
 * Return: for example "hypercall", or "unknown".
 */
const char *kev_intercept_name(unsigned int bit);

#ifdef __cplusplus
}
#endif

#endif /* LIBKEV_H */
