// SPDX-License-Identifier: GPL-2.0-only
/*
 * kev: a hypervisor as a kernel module.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/hw.h>
#include <kev/hypercall.h>
#include <kev/image.h>
#include <kev/mem.h>
#include <kev/msr.h>
#include <kev/uapi.h>
#include <kev/vm.h>

const struct kev_backend *kev_backend = &kev_vmx_backend;
struct kev_backend_info kev_info;

DEFINE_STATIC_CALL_NULL(kev_backend_load, *(((struct kev_backend *)NULL)->load));
DEFINE_STATIC_CALL_NULL(kev_backend_arm, *(((struct kev_backend *)NULL)->arm));
DEFINE_STATIC_CALL_NULL(kev_backend_disarm, *(((struct kev_backend *)NULL)->disarm));
DEFINE_STATIC_CALL_NULL(kev_backend_enter, *(((struct kev_backend *)NULL)->enter));
DEFINE_STATIC_CALL_NULL(kev_backend_advance, *(((struct kev_backend *)NULL)->advance));
DEFINE_STATIC_CALL_NULL(kev_backend_frame, *(((struct kev_backend *)NULL)->frame));
DEFINE_STATIC_CALL_NULL(kev_backend_code64, *(((struct kev_backend *)NULL)->code64));

static void __init choose_calls(void)
{
	static_call_update(kev_backend_load, kev_backend->load);
	static_call_update(kev_backend_arm, kev_backend->arm);
	static_call_update(kev_backend_disarm, kev_backend->disarm);
	static_call_update(kev_backend_enter, kev_backend->enter);
	static_call_update(kev_backend_advance, kev_backend->advance);
	static_call_update(kev_backend_frame, kev_backend->frame);
	static_call_update(kev_backend_code64, kev_backend->code64);
}

static void print_features(void)
{
	u64 f = kev_info.features;

	pr_info("version %s, backend %s, %u physical bits%s%s%s%s%s%s\n",
		KEV_MODULE_VERSION, kev_backend->name, kev_info.phys_bits,
		f & KEV_FEATURE_UNRESTRICTED_GUEST ? ", unrestricted guest" : "",
		f & KEV_FEATURE_EPT_ACCESSED_DIRTY ? ", EPT A/D" : "",
		f & KEV_FEATURE_EPT_2M ? ", EPT 2M" : "",
		f & KEV_FEATURE_EPT_1G ? ", EPT 1G" : "",
		f & KEV_FEATURE_VPID ? ", VPID" : "",
		f & KEV_FEATURE_XSAVE ? ", XSAVE" : "");
}

static int __init kev_init(void)
{
	int ret;

	choose_calls();
	ret = kev_backend->probe(&kev_info);
	if (ret)
		return ret;
	ret = kev_hypercall_init();
	if (ret)
		goto err_unprobe;
	ret = kev_msr_init();
	if (ret)
		goto err_hypercall;
	ret = kev_apic_init();
	if (ret)
		goto err_msr;
	ret = kev_read_init();
	if (ret)
		goto err_apic;
	ret = kev_irqfd_init();
	if (ret)
		goto err_read;
	ret = kev_vm_init();
	if (ret)
		goto err_irqfd;
	ret = kev_hw_init();
	if (ret)
		goto err_vm;
	ret = kev_dev_init();
	if (ret)
		goto err_hw;
	kev_vms_init();
	print_features();
	return 0;

err_hw:
	kev_hw_exit();
err_vm:
	kev_vm_exit();
err_irqfd:
	kev_irqfd_exit();
err_read:
	kev_read_exit();
err_apic:
	kev_apic_exit();
err_msr:
	kev_msr_exit();
err_hypercall:
	kev_hypercall_exit();
err_unprobe:
	kev_backend->unprobe();
	return ret;
}

static void __exit kev_exit(void)
{
	kev_vms_exit();
	kev_dev_exit();
	kev_irqfd_exit();
	kev_hw_exit();
	kev_vm_exit();
	kev_read_exit();
	kev_apic_exit();
	kev_msr_exit();
	kev_hypercall_exit();
	kev_backend->unprobe();
	kev_mem_drop_kept();
}

module_init(kev_init);
module_exit(kev_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Hypervisor for small guests that start by page faults");
MODULE_VERSION(KEV_MODULE_VERSION);
