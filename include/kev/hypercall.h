/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercall ABIs: what VMCALL means in a guest. A VM chooses one by name;
 * other modules can bring their own.
 */
#ifndef _KEV_HYPERCALL_H
#define _KEV_HYPERCALL_H

#include <linux/list.h>
#include <linux/module.h>
#include <linux/types.h>
#include <linux/kev.h>
#include <kev/exit.h>

/**
 * struct kev_hypercall - a call as an ABI has resolved it from the registers
 * @nr: number
 * @args: arguments in the ABI's order
 */
struct kev_hypercall {
	u64 nr;
	u64 args[6];
};

/**
 * struct kev_hypercall_abi - one calling convention and its calls
 * @name: what kev_create_vm.hypercall_abi chooses it by
 * @owner: module that must stay while a VM uses it
 * @kernel_only: a call from privilege level 3 is #GP(0), but in a VM with
 *	KEV_VM_USER_CALLS
 * @resolve: registers (by enum kev_gpr) to call; pure
 * @fast: answers with IRQs off, touching only the vCPU, or KEV_PASS, which changes nothing;
 *	takes what it needs from the vCPU's registers; may be NULL
 * @slow: answers in process context; KEV_PASS reports the call to user space
 *
 * Both handlers leave RIP alone: KEV_RESUME moves it. Of a call from code that is not 64-bit
 * code @resolve and @fast see the lower halves of registers, the upper ones as zero.
 */
struct kev_hypercall_abi {
	char name[KEV_NAME_LEN];
	struct module *owner;
	bool kernel_only;
	void (*resolve)(const u64 *gpr, struct kev_hypercall *call);
	enum kev_verdict (*fast)(struct kev_vcpu *vcpu);
	enum kev_verdict (*slow)(struct kev_vcpu *vcpu, const struct kev_hypercall *call);
};

int kev_hypercall_abi_register(const struct kev_hypercall_abi *abi);
void kev_hypercall_abi_unregister(const struct kev_hypercall_abi *abi);

int kev_hypercall_init(void);
void kev_hypercall_exit(void);
const struct kev_hypercall_abi *kev_hypercall_abi_get(const char *name);
void kev_hypercall_abi_put(const struct kev_hypercall_abi *abi);

extern const struct kev_hypercall_abi kev_abi_kev;
extern const struct kev_hypercall_abi kev_abi_akaros;
extern const struct kev_hypercall_abi kev_abi_none;
extern const struct kev_hypercall_abi kev_abi_report;

#endif /* _KEV_HYPERCALL_H */
