// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaching an image: from an open file to regions, by way of its headers. All
 * that can fail is done on the side; one step at the end changes the VM.
 */
#include <linux/fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <kev/direct64.h>
#include <kev/image.h>
#include <kev/layout.h>
#include <kev/region.h>

static int check_arguments(u32 boot, u32 flags, u64 ram_kib, struct kev_image_fault *why)
{
	if (flags & ~KEV_ATTACH_PROT)
		return -EINVAL;
	switch (boot) {
	case KEV_BOOT_NONE:
		return ram_kib ? -EINVAL : 0;
	case KEV_BOOT_DIRECT64:
		if (!ram_kib)
			why->problem = KEV_IMAGE_RAM;
		if (!ram_kib || ram_kib % (PAGE_SIZE / SZ_1K) || ram_kib > U64_MAX / SZ_1K)
			return -EINVAL;
		return 0;
	default:
		return -EINVAL;
	}
}

/* One image for each VM, and one attach at a time: it reads without a lock. */
static int claim_image(struct kev_mem *mem)
{
	int ret = 0;

	mutex_lock(&mem->lock);
	if (mem->image_claimed)
		ret = -EBUSY;
	mem->image_claimed = true;
	mutex_unlock(&mem->lock);
	return ret;
}

static void unclaim_image(struct kev_mem *mem)
{
	mutex_lock(&mem->lock);
	mem->image_claimed = false;
	mutex_unlock(&mem->lock);
}

static int read_headers(const struct kev_image *image, void *buf, size_t len, u64 offset,
			struct kev_image_fault *why)
{
	int ret = kev_image_read(image, buf, len, offset);

	if (ret == -EIO)
		why->problem = KEV_IMAGE_READ;
	return ret;
}

/* Fill image->plan; the number of bytes read, or an error */
static int plan_image(struct kev_image *image, unsigned int phys_bits,
		      struct kev_image_fault *why)
{
	u64 size = i_size_read(file_inode(image->file));
	u8 ehdr[KEV_ELF_HEADER_SIZE];
	size_t len = min_t(u64, size, sizeof(ehdr));
	struct kev_elf_header header;
	size_t phdrs_len;
	void *phdrs;
	int ret;

	ret = read_headers(image, ehdr, len, 0, why);
	if (ret)
		return ret;
	ret = kev_elf_decode_header(ehdr, len, size, &header, why);
	if (ret)
		return ret;

	phdrs_len = header.phnum * KEV_ELF_PHDR_SIZE;
	phdrs = kmalloc(phdrs_len, GFP_KERNEL);
	if (!phdrs)
		return -ENOMEM;
	ret = read_headers(image, phdrs, phdrs_len, header.phoff, why);
	if (!ret)
		ret = kev_elf_plan(&header, phdrs, phdrs_len, size, phys_bits, &image->plan, why);
	kfree(phdrs);
	return ret ?: len + phdrs_len;
}

/* What the protocol "64-bit direct" puts around the image */
static int create_direct64_regions(struct list_head *regions, const struct kev_elf_plan *plan,
				   unsigned int phys_bits, u64 ram_kib,
				   struct kev_image_fault *why)
{
	const struct kev_layout layout = {
		.image = { plan->start, plan->end - plan->start },
		.boot = { KEV_DIRECT64_START, KEV_DIRECT64_END - KEV_DIRECT64_START },
		.ram_bytes = ram_kib * SZ_1K,
		.phys_bits = phys_bits,
	};
	struct kev_range ram[KEV_LAYOUT_MAX_RANGES];
	u32 i, nr;
	int ret;

	ret = kev_layout_check(plan, KEV_DIRECT64_END, why);
	if (!ret)
		ret = kev_layout_ram(&layout, ram, ARRAY_SIZE(ram), &nr, why);
	if (!ret)
		ret = kev_boot_create(regions);
	for (i = 0; !ret && i < nr; i++)
		ret = kev_ram_create(regions, ram[i].base, ram[i].length, KEV_MEM_ALL);
	return ret;
}

/* Everything about the image but the change of the VM; bytes of headers, or an error */
static int prepare_regions(struct list_head *regions, struct kev_image *image, u32 boot, u32 flags,
			   u64 ram_kib, unsigned int phys_bits, struct kev_image_fault *why)
{
	int header_bytes, ret;

	header_bytes = plan_image(image, phys_bits, why);
	if (header_bytes < 0)
		return header_bytes;
	ret = kev_image_create_regions(regions, image, flags & KEV_ATTACH_PROT);
	if (!ret && boot == KEV_BOOT_DIRECT64)
		ret = create_direct64_regions(regions, &image->plan, phys_bits, ram_kib, why);
	return ret ?: header_bytes;
}

int kev_image_attach(struct kev_mem *mem, struct file *file, u32 boot, u32 flags, u64 ram_kib,
		     struct kev_attach_result *out)
{
	struct kev_image_fault why = { KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT };
	int header_bytes = 0, ret;
	struct kev_image *image;
	LIST_HEAD(regions);

	might_sleep();
	memset(out, 0, sizeof(*out));
	ret = check_arguments(boot, flags, ram_kib, &why);
	if (ret)
		goto out_why;
	ret = claim_image(mem);
	if (ret)
		goto out_why;
	ret = kev_image_create(file, &image, &why);
	if (ret)
		goto out_unclaim;

	ret = prepare_regions(&regions, image, boot, flags, ram_kib, mem->phys_bits, &why);
	/* Who gave too little memory learns how much the image needs. */
	if (ret >= 0 || why.problem == KEV_IMAGE_RAM) {
		out->start = image->plan.start;
		out->end = image->plan.end;
	}
	if (ret < 0)
		goto out_release;
	header_bytes = ret;
	ret = kev_region_add_list(mem, &regions);
	if (ret)
		goto out_release;

	atomic64_add(header_bytes, &mem->header_bytes);
	out->entry = image->plan.entry;

out_release:
	kev_region_release_list(&regions);
	kev_image_put(image);
out_unclaim:
	if (ret)
		unclaim_image(mem);
out_why:
	out->problem = why.problem;
	out->segment = why.segment;
	return ret;
}
