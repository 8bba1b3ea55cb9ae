// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions that user space adds, checked in full before anything is taken.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <kev/mem.h>
#include <kev/region.h>

/* Those that the kernel makes by itself are not to be had. */
static bool kind_valid(u32 kind)
{
	return (kind >= KEV_REGION_RAM && kind <= KEV_REGION_FILE) || kind == KEV_REGION_PRINT;
}

static bool prot_fits(const struct kev_add_region *args)
{
	switch (args->kind) {
	case KEV_REGION_TRAP:
		return !args->prot;
	case KEV_REGION_READ_TRAP:
		return args->prot && !(args->prot & KEV_MEM_WRITE);
	case KEV_REGION_PRINT:
		return args->prot && !(args->prot & KEV_MEM_WRITE) && args->length == PAGE_SIZE;
	default:
		return args->prot;
	}
}

/* The fields of one kind are zero for the others. */
static bool fields_fit(const struct kev_add_region *args)
{
	if (args->kind != KEV_REGION_USER && args->user_address)
		return false;
	return args->kind == KEV_REGION_FILE || (!args->fd && !args->offset && !args->file_bytes);
}

static int add_file(struct kev_mem *mem, struct list_head *list, const struct kev_add_region *args)
{
	const struct kev_elf_segment seg = {
		.gpa = args->gpa,
		.offset = args->offset,
		.filesz = args->file_bytes,
		.memsz = args->length,
		.prot = args->prot,
	};
	struct file *file = fget(args->fd);
	int ret;

	if (!file)
		return -EBADF;
	ret = kev_file_create(mem, list, file, &seg, true);
	fput(file);
	return ret;
}

static int create(struct kev_mem *mem, struct list_head *list, const struct kev_add_region *args)
{
	switch (args->kind) {
	case KEV_REGION_USER:
		return kev_user_create(mem, list, args->gpa, args->length, args->user_address,
				       args->prot);
	case KEV_REGION_FILE:
		return add_file(mem, list, args);
	default:
		return kev_ram_create(mem, list, args->kind, args->gpa, args->length,
				      args->prot);
	}
}

int kev_mem_add_region(struct kev_mem *mem, const struct kev_add_region *args)
{
	LIST_HEAD(regions);
	int ret;

	if (args->flags || args->reserved || !kind_valid(args->kind) || !prot_fits(args) ||
	    !fields_fit(args) || !PAGE_ALIGNED(args->user_address))
		return -EINVAL;
	/* Before pages are pinned for it */
	ret = kev_region_check(mem, args->gpa, args->length, args->prot);
	if (!ret)
		ret = create(mem, &regions, args);
	if (!ret)
		ret = kev_region_add_list(mem, &regions);
	kev_region_release_list(&regions);
	return ret;
}
