// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's guest-physical memory as a whole: its life, its pages, its numbers.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/region.h>

static const char * const huge_names[] = {
	[KEV_HUGE_NEVER] = "never",
	[KEV_HUGE_AUTO] = "auto",
	[KEV_HUGE_ALWAYS] = "always",
};

static u32 huge_default = KEV_HUGE_AUTO;

static int set_huge(const char *value, const struct kernel_param *param)
{
	int i;

	for (i = KEV_HUGE_NEVER; i <= KEV_HUGE_ALWAYS; i++) {
		if (sysfs_streq(value, huge_names[i])) {
			WRITE_ONCE(huge_default, i);
			return 0;
		}
	}
	return -EINVAL;
}

static int get_huge(char *buf, const struct kernel_param *param)
{
	return sysfs_emit(buf, "%s\n", huge_names[READ_ONCE(huge_default)]);
}

static const struct kernel_param_ops huge_param = { .set = set_huge, .get = get_huge };
module_param_cb(huge_pages, &huge_param, NULL, 0644);
MODULE_PARM_DESC(huge_pages, "RAM in pages of 2 MiB: never, auto or always (auto); new VMs");

#define AROUND_DEFAULT	16

static u32 around_default = AROUND_DEFAULT;

static bool around_valid(u32 pages)
{
	return pages <= KEV_PT_ENTRIES && (!pages || is_power_of_2(pages));
}

static int set_around(const char *value, const struct kernel_param *param)
{
	u32 pages;
	int ret = kstrtou32(value, 0, &pages);

	if (ret)
		return ret;
	if (!around_valid(pages))
		return -EINVAL;
	WRITE_ONCE(around_default, pages);
	return 0;
}

static int get_around(char *buf, const struct kernel_param *param)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(around_default));
}

static const struct kernel_param_ops around_param = { .set = set_around, .get = get_around };
module_param_cb(fault_around, &around_param, NULL, 0644);
MODULE_PARM_DESC(fault_around, "image pages that a fault maps, of those in the page cache: a power of two up to 512; more while faults go on from one window to the next; 0: only its own (16); new VMs");

int kev_mem_option(struct kev_mem_config *config, u32 huge, u32 fault_around, bool around_given,
		   bool huge_possible)
{
	if (huge > KEV_HUGE_ALWAYS || !around_valid(fault_around) ||
	    (fault_around && !around_given))
		return -EINVAL;
	if (huge == KEV_HUGE_DEFAULT)
		huge = READ_ONCE(huge_default);
	config->huge = huge_possible ? huge : KEV_HUGE_NEVER;
	config->fault_around = around_given ? fault_around : READ_ONCE(around_default);
	/* What was asked for is what there is. */
	config->around_max = around_given ? fault_around : KEV_PT_ENTRIES;
	return 0;
}

int kev_mem_init(struct kev_mem *mem, const struct kev_mem_config *config)
{
	unsigned int bits = config->phys_bits;
	int ret;

	if (bits <= KEV_PAGE_SHIFT || bits > KEV_PHYS_BITS_MAX ||
	    BIT_ULL(bits) > kev_pt_limit(config->format))
		return -EINVAL;

	memset(mem, 0, sizeof(*mem));
	mem->config = *config;
	mutex_init(&mem->lock);
	ret = kev_payer_init(&mem->payer);
	if (ret)
		return ret;
	mem->memcg = get_mem_cgroup_from_mm(current->mm);

	kev_mem_pages_init(mem);
	ret = kev_table_init(mem);
	if (ret) {
		kev_mem_pages_fini(mem);
		mem_cgroup_put(mem->memcg);
		kev_payer_fini(&mem->payer);
	}
	return ret;
}

void *kev_mem_room(struct kev_mem *mem, size_t size)
{
	int used = atomic_read(&mem->room_used);

	size = ALIGN(size, sizeof(u64));
	do {
		if (size > mem->config.room_size - used)
			return NULL;
	} while (!atomic_try_cmpxchg(&mem->room_used, &used, used + size));
	return mem->config.room + used;
}

void kev_mem_fini(struct kev_mem *mem)
{
	kev_table_fini(mem);
	kev_mem_pages_fini(mem);
	kev_region_fini(mem);
	if (mem->mapping)
		iput(mem->mapping->host);
	mem_cgroup_put(mem->memcg);
	kev_payer_fini(&mem->payer);
}

phys_addr_t kev_mem_root(const struct kev_mem *mem)
{
	return virt_to_phys(mem->root->entry);
}

void kev_mem_faults(const struct kev_mem *mem, u64 *faults)
{
	for (unsigned int made = 0; made < KEV_NR_MADE; made++)
		faults[made] = atomic64_read(&mem->count.faults[made]);
}

void kev_mem_stats(struct kev_mem *mem, struct kev_vm_stats *out)
{
	const struct kev_mem_counters *count = &mem->count;

	u64 faults[KEV_NR_MADE];

	kev_region_sum(mem, out);
	kev_mem_faults(mem, faults);
	for (unsigned int made = 0; made < KEV_NR_MADE; made++)
		out->faults += faults[made];
	out->table_pages = atomic64_read(&count->table_pages);
	out->file_pages = atomic64_read(&count->file_pages);
	out->file_bytes = atomic64_read(&count->file_bytes);
	out->read_pages = atomic64_read(&count->read_pages);
	out->header_bytes = atomic64_read(&count->header_bytes);
	out->copied_pages = atomic64_read(&count->copied);
	out->around_pages = atomic64_read(&count->around);
	out->flushes = atomic64_read(&count->flushes);
}
