// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arguments of an attach: from user space to kernel memory and files.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kev/attach.h>
#include <kev/mem.h>
#include <kev/uapi.h>

static int get_string(u64 user, u32 length, char **out)
{
	char *string;

	*out = NULL;
	if (length >= KEV_MAX_CMDLINE)
		return -E2BIG;
	if (!length)
		return 0;
	string = kev_memdup_user(user, length);
	if (IS_ERR(string))
		return PTR_ERR(string);
	if (memchr(string, 0, length)) {
		kfree(string);
		return -EINVAL;
	}
	*out = string;
	return 0;
}

static int get_module(struct kev_attach_module *module, const struct kev_boot_module *user)
{
	int ret = get_string(user->cmdline, user->cmdline_length, &module->cmdline);

	if (ret)
		return ret;
	module->cmdline_length = user->cmdline_length;
	module->file = fget(user->fd);
	return module->file ? 0 : -EBADF;
}

static int get_modules(struct kev_attach_args *args, const struct kev_attach_image *user,
		       struct kev_image_fault *why)
{
	struct kev_boot_module *from;
	int ret = 0;
	u32 i;

	if (user->nr_modules > KEV_MAX_MODULES)
		return -E2BIG;
	if (!user->nr_modules)
		return 0;
	from = kev_memdup_user(user->modules, user->nr_modules * sizeof(*from));
	if (IS_ERR(from))
		return PTR_ERR(from);
	args->modules = kcalloc(user->nr_modules, sizeof(*args->modules), KEV_GFP_GUEST);
	if (!args->modules)
		ret = -ENOMEM;
	for (i = 0; !ret && i < user->nr_modules; i++) {
		args->nr_modules = i + 1;
		ret = get_module(&args->modules[i], &from[i]);
		if (ret && ret != -ENOMEM)
			*why = (struct kev_image_fault) { KEV_IMAGE_MODULE, i };
	}
	kfree(from);
	return ret;
}

int kev_attach_args_get(struct kev_attach_args *args, const struct kev_attach_image *user,
			struct kev_image_fault *why)
{
	int ret;

	*why = (struct kev_image_fault) { KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT };
	*args = (struct kev_attach_args) {
		.boot = user->boot,
		.flags = user->flags,
		.ram_kib = user->ram_kib,
		.load_base = user->load_base,
		.cmdline_length = user->cmdline_length,
	};
	ret = get_string(user->cmdline, user->cmdline_length, &args->cmdline);
	if (!ret)
		ret = get_modules(args, user, why);
	if (!ret) {
		args->file = fget(user->fd);
		ret = args->file ? 0 : -EBADF;
	}
	if (ret)
		kev_attach_args_put(args);
	return ret;
}

void kev_attach_args_put(struct kev_attach_args *args)
{
	u32 i;

	for (i = 0; i < args->nr_modules; i++) {
		kfree(args->modules[i].cmdline);
		if (args->modules[i].file)
			fput(args->modules[i].file);
	}
	kfree(args->modules);
	kfree(args->cmdline);
	if (args->file)
		fput(args->file);
}
