// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/kev: what kev can do, and the making of VMs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <kev/backend.h>
#include <kev/fpu.h>
#include <kev/uapi.h>
#include <kev/vm.h>

static long ioctl_query(void *object, void *arg)
{
	struct kev_query *query = arg;

	if (query->flags)
		return -EINVAL;
	*query = (struct kev_query) {
		.size = query->size,
		.api_version = KEV_API_VERSION,
		.max_vcpus = KEV_MAX_VCPUS,
		.max_vcpu_id = KEV_MAX_VCPU_ID,
		.phys_bits = kev_info.phys_bits,
		.features = kev_info.features,
		.run_page_size = PAGE_SIZE,
		.console_size = KEV_CONSOLE_SIZE,
		.max_regions = KEV_MEM_MAX_REGIONS,
		.xsave_size = kev_fpu_image_size(),
	};
	strscpy(query->backend, kev_backend->name, sizeof(query->backend));
	strscpy(query->module_version, KEV_MODULE_VERSION, sizeof(query->module_version));
	return 0;
}

static long ioctl_create_vm(void *object, void *arg)
{
	return kev_vm_create(arg);
}

static const struct kev_ioctl dev_ioctls[] = {
	KEV_IOCTL(KEV_QUERY, kev_query, module_version, false, KEV_OUT_SUCCESS,
		  ioctl_query),
	KEV_IOCTL(KEV_CREATE_VM, kev_create_vm, hypercall_abi, false, KEV_OUT_NEVER,
		  ioctl_create_vm),
};

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return kev_uapi_call(dev_ioctls, ARRAY_SIZE(dev_ioctls), true, NULL, cmd, arg);
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice kev_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "kev",
	.fops = &dev_fops,
	.mode = 0660,
};

/**
 * kev_dev_init() - make /dev/kev
 *
 * Return: 0 or an errno.
 */
int kev_dev_init(void)
{
	return misc_register(&kev_misc);
}

/**
 * kev_dev_exit() - take /dev/kev away
 */
void kev_dev_exit(void)
{
	misc_deregister(&kev_misc);
}
