// SPDX-License-Identifier: GPL-2.0
/* Memory that is used wrongly, and values that are none */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "broken.h"

#define SIZE	100

/* What the compiler is not to know */
static int zero;

static int none(void)
{
	char *memory = kzalloc(SIZE, GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	WRITE_ONCE(memory[SIZE - 1], 1);
	kfree(memory);
	return 0;
}

static int use_after_free(void)
{
	char *memory = kmalloc(SIZE, GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(memory);
	kfree(memory);
	WRITE_ONCE(memory[8], 1);
	return 0;
}

static int double_free(void)
{
	char *memory = kmalloc(SIZE, GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	kfree(memory);
	OPTIMIZER_HIDE_VAR(memory);
	kfree(memory);
	return 0;
}

static int out_of_bounds(void)
{
	char *memory = kmalloc(SIZE, GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(memory);
	WRITE_ONCE(memory[SIZE], 1);
	kfree(memory);
	return 0;
}

static int page_use_after_free(void)
{
	char *memory = (char *)__get_free_page(GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(memory);
	free_page((unsigned long)memory);
	WRITE_ONCE(memory[0], 1);
	return 0;
}

static int vmalloc_out_of_bounds(void)
{
	char *memory = vmalloc(SIZE);

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(memory);
	WRITE_ONCE(memory[SIZE], 1);
	vfree(memory);
	return 0;
}

static int stack_out_of_bounds(void)
{
	char array[16] = "";
	char *memory = array;

	OPTIMIZER_HIDE_VAR(memory);
	return READ_ONCE(memory[sizeof(array)]) & zero;
}

static char global[16];

static int global_out_of_bounds(void)
{
	char *memory = global;

	OPTIMIZER_HIDE_VAR(memory);
	return READ_ONCE(memory[sizeof(global)]) & zero;
}

/* Without KASAN's look: what hardware writes, for example, which frees too early */
static int poison(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *memory;

	if (!page)
		return -ENOMEM;
	memory = page_address(page);
	__free_page(page);
	asm volatile("movq $0, (%0)" : : "r" (memory) : "memory");
	page = alloc_page(GFP_KERNEL);
	if (page)
		__free_page(page);
	return 0;
}

static int leak(void)
{
	char *memory = kmalloc(SIZE, GFP_KERNEL);

	return memory ? 0 : -ENOMEM;
}

/* Which allocation has failed; none does unless fail-nth makes it. */
static int allocate(void)
{
	void *memory = kmalloc(SIZE, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);
	int ret = 0;

	if (!memory)
		ret = -ENOSPC;
	else if (!page)
		ret = -ENOBUFS;
	if (page)
		__free_page(page);
	kfree(memory);
	return ret;
}

static int shift(void)
{
	int by = 40;

	OPTIMIZER_HIDE_VAR(by);
	return (1 << by) & READ_ONCE(zero);
}

static int array_index(void)
{
	static int array[4];
	int i = 7;

	OPTIMIZER_HIDE_VAR(i);
	return array[i] & zero;
}

static int boolean(void)
{
	static u8 byte = 2;
	bool *value = (bool *)&byte;

	OPTIMIZER_HIDE_VAR(value);
	return *value ? 0 : -EINVAL;
}

static int physical(void)
{
	void *memory = vmalloc(SIZE);
	phys_addr_t address;

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(memory);
	address = virt_to_phys(memory);
	vfree(memory);
	return address & zero;
}

const struct broken_kind broken_memory[] = {
	{ "none", none },
	{ "use_after_free", use_after_free },
	{ "double_free", double_free },
	{ "out_of_bounds", out_of_bounds },
	{ "page_use_after_free", page_use_after_free },
	{ "vmalloc_out_of_bounds", vmalloc_out_of_bounds },
	{ "stack_out_of_bounds", stack_out_of_bounds },
	{ "global_out_of_bounds", global_out_of_bounds },
	{ "poison", poison },
	{ "leak", leak },
	{ "allocate", allocate },
	{ "shift", shift },
	{ "array_index", array_index },
	{ "boolean", boolean },
	{ "physical", physical },
	{}
};
