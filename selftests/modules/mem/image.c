// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images: what is attached, what is refused, and which bytes a guest sees.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <kev/direct64.h>
#include <kev/ept.h>
#include <kev/walk.h>
#include "test.h"

void test_image_bytes(void)
{
	struct fixture *f = SETUP(&all_kinds);
	u64 gpa, image_pages = 0, file_pages = 0;
	struct kev_vm_stats stats;
	u8 page[64];
	u32 i, at;

	if (!f)
		return;
	CHECK_EQ(f->result.boot.entry, 0x100010);
	CHECK_EQ(f->result.start, 0x100000);
	CHECK_EQ(f->result.end, 0x10e000);
	CHECK_EQ(f->result.why.problem, KEV_IMAGE_OK);
	CHECK_EQ(f->result.why.segment, KEV_IMAGE_NO_SEGMENT);
	CHECK_EQ(atomic_read(&file_inode(f->file)->i_writecount), -1);
	stats = stats_of(&f->mem);
	CHECK_EQ(stats.header_bytes, 64 + 6 * 56);
	CHECK_EQ(stats.file_bytes, 0);
	CHECK_EQ(stats.resident_pages, 0);
	CHECK_EQ(atomic_read(&image_reads), 2);

	for (gpa = 0xff000; gpa < 0x110000; gpa += PAGE_SIZE) {
		if (!image_has_page(&all_kinds, gpa)) {
			CHECK_EQ(fault(&f->mem, gpa, R), -ENOENT);
			continue;
		}
		image_pages++;
		for (at = 0; at < PAGE_SIZE; at += sizeof(page)) {
			CHECK_EQ(read_gpa(&f->mem, gpa + at, page, sizeof(page)),
				 sizeof(page));
			for (i = 0; i < sizeof(page); i++)
				if (!CHECK_EQ(page[i], image_byte(&all_kinds, gpa + at + i)))
					goto out;
		}
	}
	/* 0x100 to 0x103 and 0x10c, 0x10d have bytes from the file */
	file_pages = 6;
	stats = stats_of(&f->mem);
	CHECK_EQ(stats.image_pages, image_pages);
	CHECK_EQ(stats.file_pages, file_pages);
	CHECK_EQ(stats.file_bytes, 0x2800 + 0x1000 + 0x10 + 0x10 + 0x20);
	CHECK_EQ(stats.faults, image_pages);
	CHECK_EQ(write_gpa(&f->mem, 0x100000, page, sizeof(page)), sizeof(page));
	CHECK_EQ(fault(&f->mem, 0x100000, X), 0);
out:
	teardown(f);
}

void test_image_prot(void)
{
	static const struct {
		u64 gpa;
		u32 prot;
	} cases[] = {
		{ 0x101000, R | X }, { 0x102000, R | W | X }, { 0x103000, R | W },
		{ 0x108000, R | W }, { 0x109000, R | W }, { 0x10c000, R | W | X },
		{ 0x10d000, R | X },
	};
	struct fixture *f = SETUP(&all_kinds, .flags = KEV_ATTACH_PROT);
	struct kev_touch touch;
	int i;

	if (!f)
		return;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_EQ(fault_at(&f->mem, cases[i].gpa, 0, &touch), 0);
		CHECK_EQ(touch.prot, cases[i].prot);
		CHECK_EQ(fault(&f->mem, cases[i].gpa, cases[i].prot), 0);
		if (cases[i].prot != (R | W | X))
			CHECK_EQ(fault(&f->mem, cases[i].gpa, R | W | X), -EACCES);
	}
	teardown(f);
}

void test_attach_errors(void)
{
	static const struct {
		u32 boot, flags;
		u64 ram_kib;
		int expected;
		u32 problem, segment;
	} cases[] = {
		{ 6, 0, 0, -EINVAL, 0, -1U },
		{ KEV_BOOT_NONE, 16, 0, -EINVAL, 0, -1U },
		{ KEV_BOOT_NONE, 0, 4, -EINVAL, 0, -1U },
		{ KEV_BOOT_DIRECT64, 0, 0, -EINVAL, KEV_IMAGE_RAM, -1U },
		{ KEV_BOOT_DIRECT64, 0, 1026, -EINVAL, 0, -1U },
		{ KEV_BOOT_DIRECT64, 0, -4ULL, -EINVAL, 0, -1U },
		{ KEV_BOOT_DIRECT64, 0, 52, -EINVAL, KEV_IMAGE_RAM, -1U },
		{ KEV_BOOT_DIRECT64, 0, 1ULL << 31, -EINVAL, KEV_IMAGE_PHYS_WIDTH, -1U },
		/* a region stands in the way of an image page, of RAM */
		{ KEV_BOOT_DIRECT64, 0, 1024, -EEXIST, 0, -1U },
	};
	static const struct setup none = { .boot = KEV_BOOT_NONE };
	struct file *file = create_image(&all_kinds, false);
	struct kev_attach_result result;
	struct kev_vm_stats stats;
	struct kev_mem mem;
	int i;

	if (!CHECK(file))
		return;
	if (!make_mem(&mem, NULL))
		goto out;
	CHECK_EQ(add_region(&mem, RAM, 0x10000, 0x1000, R), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct setup how = {
			.boot = cases[i].boot,
			.flags = cases[i].flags,
			.ram_kib = cases[i].ram_kib,
		};

		if (!CHECK_EQ(attach(&mem, file, &how, &result), cases[i].expected) ||
		    !CHECK_EQ(result.why.problem, cases[i].problem) ||
		    !CHECK_EQ(result.why.segment, cases[i].segment))
			pr_err("# case %d\n", i);
		CHECK_EQ(result.boot.entry, 0);
	}

	image_read_broken = true;
	image_read_answer = -EIO;
	CHECK_EQ(attach(&mem, file, &none, &result), -EIO);
	CHECK_EQ(result.why.problem, KEV_IMAGE_READ);
	image_read_answer = 0;
	CHECK_EQ(attach(&mem, file, &none, &result), -EIO);
	CHECK_EQ(result.why.problem, KEV_IMAGE_READ);
	image_read_broken = false;

	file->f_mode &= ~FMODE_READ;
	CHECK_EQ(attach(&mem, file, &none, &result), -EBADF);
	file->f_mode |= FMODE_READ;

	CHECK_EQ(get_write_access(file_inode(file)), 0);
	CHECK_EQ(attach(&mem, file, &none, &result), -ETXTBSY);
	put_write_access(file_inode(file));

	/* Nothing has changed, in the file either. */
	CHECK_EQ(atomic_read(&file_inode(file)->i_writecount), 0);
	CHECK_EQ(fault(&mem, 0x100000, R), -ENOENT);
	CHECK_EQ(fault(&mem, 0x1000, R), -ENOENT);
	stats = stats_of(&mem);
	CHECK_EQ(stats.header_bytes, 0);
	CHECK_EQ(attach(&mem, file, &none, &result), 0);
	CHECK_EQ(attach(&mem, file, &none, &result), -EBUSY);
	kev_mem_fini(&mem);
out:
	wait_for_file(file);
	put_image(file);
}

static ssize_t read_gva(struct kev_mem *mem, const struct kev_paging *paging, u64 gva, void *buf,
			size_t len)
{
	struct kev_touch touch = { .access = R };

	return kev_mem_copy_gva(mem, paging, gva, &touch, buf, len);
}

/* 64-bit direct: the boot structures, RAM around the image, and walking them */
void test_direct64(void)
{
	struct fixture *f = SETUP(&all_kinds, .boot = KEV_BOOT_DIRECT64, .ram_kib = 2048);
	const struct kev_paging paging = {
		.cr0 = KEV_DIRECT64_CR0,
		.cr3 = KEV_DIRECT64_PML4,
		.cr4 = KEV_DIRECT64_CR4,
		.efer = KEV_DIRECT64_EFER,
		.phys_bits = PHYS_BITS,
	};
	static const struct {
		u64 gpa;
		int expected;
		u32 kind;
	} cases[] = {
		{ 0x0, 0, KEV_REGION_RAM }, { 0xfff, 0, KEV_REGION_RAM },
		{ 0x1000, 0, KEV_REGION_BOOT }, { 0x7fff, 0, KEV_REGION_BOOT },
		{ 0x8000, 0, KEV_REGION_RAM }, { 0xfffff, 0, KEV_REGION_RAM },
		{ 0x100000, 0, KEV_REGION_IMAGE }, { 0x106000, -ENOENT, 0 },
		{ 0x10dfff, 0, KEV_REGION_IMAGE }, { 0x10e000, 0, KEV_REGION_RAM },
		{ 0x1fffff, 0, KEV_REGION_RAM }, { 0x200000, -ENOENT, 0 },
	};
	struct kev_touch touch;
	struct kev_vm_stats stats;
	u8 *buf = kmalloc(SZ_64K, GFP_KERNEL);
	/* Maps the last 2 MiB of guest-virtual memory to address 0. */
	static const struct {
		u64 gpa, entry;
	} top[] = {
		{ KEV_DIRECT64_PML4 + 511 * 8, KEV_DIRECT64_PDPT | 3 },
		{ KEV_DIRECT64_PDPT + 511 * 8, KEV_DIRECT64_PD | 3 },
		{ KEV_DIRECT64_PD + 511 * 8, 0x83 },
	};
	u64 gdt[3] = {};
	int i;

	if (!f || !CHECK(buf))
		goto out;
	/* The walker loads the page tables, then the page. */
	CHECK_EQ(read_gva(&f->mem, &paging, 0x100ff0, buf, 32), 32);
	for (i = 0; i < 32; i++)
		CHECK_EQ(buf[i], image_byte(&all_kinds, 0x100ff0 + i));
	stats = stats_of(&f->mem);
	CHECK_EQ(stats.boot_pages, 3);
	CHECK_EQ(stats.image_pages, 2);
	/* Up to the hole, in the hole, where the guest maps nothing, not canonical */
	CHECK_EQ(read_gva(&f->mem, &paging, 0x100000, buf, SZ_64K), 0x6000);
	CHECK_EQ(read_gva(&f->mem, &paging, 0x106000, buf, 1), -EFAULT);
	CHECK_EQ(read_gva(&f->mem, &paging, SZ_4G, buf, 1), -EFAULT);
	CHECK_EQ(read_gva(&f->mem, &paging, 1ULL << 47, buf, 1), -EFAULT);
	CHECK_EQ(read_gva(&f->mem, &paging, -1ULL, buf, 2), -EFAULT);
	/* The first byte is not behind the last. */
	for (i = 0; i < ARRAY_SIZE(top); i++)
		CHECK_EQ(write_gpa(&f->mem, top[i].gpa, &top[i].entry, 8), 8);
	CHECK_EQ(read_gva(&f->mem, &paging, -1ULL, buf, 2), 1);
	CHECK_EQ(read_gva(&f->mem, &paging, 0x106000, buf, 0), 0);

	CHECK_EQ(read_gpa(&f->mem, KEV_DIRECT64_GDT, gdt, sizeof(gdt)), sizeof(gdt));
	CHECK_EQ(gdt[0], 0);
	CHECK_EQ(gdt[1], 0x00af9b000000ffffLL);
	CHECK_EQ(gdt[2], 0x00cf93000000ffffLL);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!CHECK_EQ(fault_at(&f->mem, cases[i].gpa, R | W | X, &touch),
			      cases[i].expected) ||
		    !CHECK_EQ(touch.kind, cases[i].kind))
			pr_err("# case %d\n", i);
out:
	kfree(buf);
	if (f)
		teardown(f);
}

void test_read_errors(void)
{
	static const struct {
		int answer, expected;
	} cases[] = {
		{ 0, -EIO }, { -EIO, -EIO }, { -ENOMEM, -ENOMEM }, { -EINTR, -EIO },
		{ -ESTALE, -EIO },
	};
	struct fixture *f = SETUP(&all_kinds);
	struct kev_vm_stats stats;
	int i;

	if (!f)
		return;
	image_read_broken = true;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		image_read_answer = cases[i].answer;
		CHECK_EQ(fault(&f->mem, 0x100000, R), cases[i].expected);
	}
	/* Pages without bytes from the file do not mind. */
	CHECK_EQ(fault(&f->mem, 0x108000, R), 0);
	image_read_broken = false;
	stats = stats_of(&f->mem);
	CHECK_EQ(stats.resident_pages, 1);
	CHECK_EQ(stats.file_pages, 0);
	CHECK_EQ(stats.faults, 1);
	CHECK_EQ(fault(&f->mem, 0x100000, R), 0);
	teardown(f);
}
