// SPDX-License-Identifier: GPL-2.0-only
/*
 * The image file, and what a guest has to see of it.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <kev/ept.h>
#include "test.h"

const struct image_spec all_kinds = {
	.entry = 0x100010,
	.nr = 6,
	.seg = {
		/* congruent, whole pages; the last shared with the next */
		{ 0x100000, 0x1000, 0x2800, 0x2800, PF_R | PF_X },
		/* not congruent, begins in that page, ends with zeros */
		{ 0x102900, 0x5011, 0x1000, 0x3000, PF_R | PF_W },
		/* a hole of two pages, then nothing from the file */
		{ 0x108000, 0, 0, 0x2000, PF_R | PF_W },
		/* three in one page */
		{ 0x10c100, 0x7000, 0x10, 0x20, PF_R },
		{ 0x10c200, 0x7100, 0x10, 0x10, PF_R | PF_W },
		{ 0x10cff0, 0x7200, 0x20, 0x20, PF_R | PF_X },
	},
};

static const struct file_operations *real_fops;
atomic_t image_reads;
int image_read_answer;
bool image_read_broken;
bool image_read_slow;
struct completion *image_read_entered, *image_read_hold;

static ssize_t image_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	atomic_inc(&image_reads);
	if (image_read_hold) {
		complete(image_read_entered);
		wait_for_completion(image_read_hold);
	}
	if (image_read_slow)
		usleep_range(20, 100);
	if (image_read_broken)
		return image_read_answer;
	return real_fops->read_iter(iocb, to);
}

static const struct file_operations image_fops = {
	.read_iter = image_read_iter,
};

/* No byte is 0: what reads as zero did not come from the file. */
static u8 file_byte(u64 offset)
{
	return (offset * 7 + (offset >> 9)) | 1;
}

struct file *create_image(const struct image_spec *spec)
{
	const size_t size = SZ_2M + SZ_64K;
	struct file *file = shmem_file_setup("kev_mem_test", size, 0);
	struct elf64_phdr *phdr;
	struct elf64_hdr *ehdr;
	loff_t pos = 0;
	u8 *bytes;
	u32 i;

	if (IS_ERR(file))
		return NULL;
	bytes = kvmalloc(size, GFP_KERNEL);
	if (!bytes)
		goto fail;
	for (i = 0; i < size; i++)
		bytes[i] = file_byte(i);
	ehdr = (struct elf64_hdr *)bytes;
	memset(ehdr, 0, sizeof(*ehdr) + spec->nr * sizeof(*phdr));
	memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr->e_ident[EI_VERSION] = EV_CURRENT;
	ehdr->e_type = ET_EXEC;
	ehdr->e_machine = EM_X86_64;
	ehdr->e_version = EV_CURRENT;
	ehdr->e_entry = spec->entry;
	ehdr->e_phoff = sizeof(*ehdr);
	ehdr->e_ehsize = sizeof(*ehdr);
	ehdr->e_phentsize = sizeof(*phdr);
	ehdr->e_phnum = spec->nr;
	phdr = (struct elf64_phdr *)(ehdr + 1);
	for (i = 0; i < spec->nr; i++)
		phdr[i] = (struct elf64_phdr) {
			.p_type = PT_LOAD,
			.p_flags = spec->seg[i].flags,
			.p_offset = spec->seg[i].offset,
			.p_vaddr = spec->seg[i].gpa,
			.p_paddr = spec->seg[i].gpa,
			.p_filesz = spec->seg[i].filesz,
			.p_memsz = spec->seg[i].memsz,
		};
	if (kernel_write(file, bytes, size, &pos) != size) {
		kvfree(bytes);
		goto fail;
	}
	kvfree(bytes);

	real_fops = file->f_op;
	file->f_op = &image_fops;
	atomic_set(&image_reads, 0);
	return file;
fail:
	fput(file);
	return NULL;
}

/* The file itself goes away later, when this module may be gone. */
void put_image(struct file *file)
{
	file->f_op = real_fops;
	fput(file);
}

u8 image_byte(const struct image_spec *spec, u64 gpa)
{
	u32 i;

	for (i = 0; i < spec->nr; i++) {
		u64 at = gpa - spec->seg[i].gpa;

		if (gpa >= spec->seg[i].gpa && at < spec->seg[i].filesz)
			return file_byte(spec->seg[i].offset + at);
	}
	return 0;
}

bool image_has_page(const struct image_spec *spec, u64 gpa)
{
	u32 i;

	for (i = 0; i < spec->nr; i++)
		if (spec->seg[i].gpa < gpa + PAGE_SIZE &&
		    spec->seg[i].gpa + spec->seg[i].memsz > gpa)
			return true;
	return false;
}

struct fixture *setup(const struct image_spec *spec, u32 boot, u32 flags, u64 ram_kib)
{
	struct fixture *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!CHECK(f))
		return NULL;
	f->file = create_image(spec);
	if (!CHECK(f->file) || !CHECK_EQ(kev_mem_init(&f->mem, &kev_ept_format, PHYS_BITS), 0))
		goto fail;
	if (!CHECK_EQ(kev_image_attach(&f->mem, f->file, boot, flags, ram_kib, &f->result), 0)) {
		kev_mem_fini(&f->mem);
		goto fail;
	}
	return f;
fail:
	if (f->file)
		put_image(f->file);
	kfree(f);
	return NULL;
}

void teardown(struct fixture *f)
{
	kev_mem_fini(&f->mem);
	CHECK_EQ(atomic_read(&file_inode(f->file)->i_writecount), 0);
	put_image(f->file);
	kfree(f);
}
