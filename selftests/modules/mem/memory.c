// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's accesses, in short.
 */
#include <linux/mm.h>
#include "test.h"

atomic_t flushes;
void (*at_flush)(struct kev_mem *mem);

static void count_flush(struct kev_mem *mem)
{
	atomic_inc(&flushes);
	if (at_flush)
		at_flush(mem);
}

const struct kev_mem_config plain = {
	.format = &kev_ept_format,
	.phys_bits = PHYS_BITS,
	.huge = KEV_HUGE_NEVER,
	.huge_exec = true,
	.dirty_flag = true,
	.fault_around = 0,
	.flush = count_flush,
};

bool make_mem(struct kev_mem *mem, const struct kev_mem_config *config)
{
	atomic_set(&flushes, 0);
	at_flush = NULL;
	return CHECK_EQ(kev_mem_init(mem, config ?: &plain), 0);
}

int add_region(struct kev_mem *mem, u32 kind, u64 gpa, u64 length, u32 prot)
{
	const struct kev_add_region args = {
		.size = sizeof(args),
		.kind = kind,
		.prot = prot,
		.gpa = gpa,
		.length = length,
	};

	return kev_mem_add_region(mem, &args);
}

int fault_as(struct kev_mem *mem, u64 gpa, u32 access, u32 flags)
{
	struct kev_touch touch = { .gpa = gpa, .access = access, .flags = flags };

	return kev_mem_fault(mem, &touch);
}

int fault(struct kev_mem *mem, u64 gpa, u32 access)
{
	return fault_as(mem, gpa, access, 0);
}

int fault_at(struct kev_mem *mem, u64 gpa, u32 access, struct kev_touch *touch)
{
	*touch = (struct kev_touch) { .gpa = gpa, .access = access };
	return kev_mem_fault(mem, touch);
}

int get_page_at(struct kev_mem *mem, u64 gpa, u32 access, struct page **page)
{
	struct kev_touch touch = { .gpa = gpa, .access = access };

	return kev_mem_get_page(mem, &touch, page);
}

ssize_t read_gpa(struct kev_mem *mem, u64 gpa, void *buf, size_t len)
{
	struct kev_touch touch = { .gpa = gpa, .access = R };

	return kev_mem_copy(mem, &touch, buf, len);
}

ssize_t write_gpa(struct kev_mem *mem, u64 gpa, const void *buf, size_t len)
{
	struct kev_touch touch = { .gpa = gpa, .access = W };

	return kev_mem_copy(mem, &touch, (void *)buf, len);
}

int byte_at(struct kev_mem *mem, u64 gpa)
{
	u8 byte;

	return read_gpa(mem, gpa, &byte, 1) == 1 ? byte : -1;
}

u64 leaf_at(struct kev_mem *mem, u64 gpa)
{
	u64 *leaf = kev_table_find(mem, gpa);

	return leaf ? READ_ONCE(*leaf) : 0;
}

u32 state_at(struct kev_mem *mem, u64 gpa)
{
	u32 kind, prot;

	return kev_mem_page_state(mem, gpa, &kind, &prot);
}

struct kev_vm_stats stats_of(struct kev_mem *mem)
{
	struct kev_vm_stats stats = {};

	kev_mem_stats(mem, &stats);
	return stats;
}
