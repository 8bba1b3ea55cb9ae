// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's guest-physical memory as a whole: its life, its pages, its numbers.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/region.h>

int kev_mem_init(struct kev_mem *mem, const struct kev_pt_format *format, unsigned int phys_bits)
{
	int ret;

	if (phys_bits <= KEV_PAGE_SHIFT || phys_bits > KEV_PHYS_BITS_MAX ||
	    BIT_ULL(phys_bits) > kev_pt_limit(format))
		return -EINVAL;

	memset(mem, 0, sizeof(*mem));
	mem->format = format;
	mem->phys_bits = phys_bits;
	mutex_init(&mem->lock);
	mem->memcg = get_mem_cgroup_from_mm(current->mm);

	ret = kev_table_init(mem);
	if (ret)
		mem_cgroup_put(mem->memcg);
	return ret;
}

void kev_mem_fini(struct kev_mem *mem)
{
	kev_table_fini(mem);
	kev_region_fini(mem);
	mem_cgroup_put(mem->memcg);
}

phys_addr_t kev_mem_root(const struct kev_mem *mem)
{
	return page_to_phys(mem->root);
}

void kev_mem_stats(const struct kev_mem *mem, struct kev_vm_stats *out)
{
	out->ram_pages = atomic64_read(&mem->resident[KEV_MEM_KIND_RAM]);
	out->image_pages = atomic64_read(&mem->resident[KEV_MEM_KIND_IMAGE]);
	out->boot_pages = atomic64_read(&mem->resident[KEV_MEM_KIND_BOOT]);
	out->resident_pages = out->ram_pages + out->image_pages + out->boot_pages;
	out->table_pages = atomic64_read(&mem->table_pages);
	out->file_pages = atomic64_read(&mem->file_pages);
	out->file_bytes = atomic64_read(&mem->file_bytes);
	out->header_bytes = atomic64_read(&mem->header_bytes);
	out->faults = atomic64_read(&mem->faults);
}

struct page *kev_mem_alloc_page(struct kev_mem *mem, gfp_t flags)
{
	/*
	 * Without RETRY_MAYFAIL a cgroup at its limit gets the OOM killer, which
	 * does not see this memory and would shoot at random.
	 */
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN | flags;
	struct mem_cgroup *old = set_active_memcg(mem->memcg);
	struct page *page = alloc_page(gfp);

	set_active_memcg(old);
	return page;
}
