// SPDX-License-Identifier: GPL-2.0-only
/*
 * The image file, and what a guest has to see of it.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>
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

const struct image_spec big = {
	.entry = BIG_GPA,
	.nr = 1,
	.seg = {
		{ BIG_GPA, BIG_OFFSET, BIG_FILE_PAGES * PAGE_SIZE, BIG_PAGES * PAGE_SIZE, RWX },
	},
};

static const struct file_operations *real_fops;
static struct address_space *real_mapping, no_pages;
static atomic_t reads_active;
atomic_t image_reads;
int image_read_answer;
bool image_read_broken;
bool image_read_slow;
static struct completion *image_read_entered, *image_read_hold;

static ssize_t do_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct completion *hold = READ_ONCE(image_read_hold);

	atomic_inc(&image_reads);
	if (hold) {
		complete(image_read_entered);
		wait_for_completion(hold);
	}
	if (image_read_slow)
		usleep_range(20, 100);
	if (image_read_broken)
		return image_read_answer;
	return real_fops->read_iter(iocb, to);
}

static ssize_t image_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	ssize_t ret;

	atomic_inc(&reads_active);
	ret = do_read(iocb, to);
	atomic_dec(&reads_active);
	return ret;
}

static const struct file_operations image_fops = {
	.read_iter = image_read_iter,
};

void hold_reads(struct hold *hold)
{
	init_completion(&hold->entered);
	init_completion(&hold->go);
	image_read_entered = &hold->entered;
	WRITE_ONCE(image_read_hold, &hold->go);
}

void release_reads(struct hold *hold)
{
	WRITE_ONCE(image_read_hold, NULL);
	complete_all(&hold->go);
	/* One that nobody waits for any more still uses @hold. */
	while (atomic_read(&reads_active))
		msleep(20);
}

u8 file_byte(u64 offset)
{
	return (offset * 7 + (offset >> 9)) | 1;
}

static void write_dynamic(const struct image_spec *spec, u8 *bytes, struct elf64_phdr *phdr)
{
	struct {
		u64 tag, value;
	} dynamic[] = {
		{ DT_RELA, spec->rela }, { DT_RELASZ, spec->nr_relocs * sizeof(struct elf64_rela) },
		{ DT_RELAENT, sizeof(struct elf64_rela) }, { DT_NULL, 0 },
	};
	struct elf64_rela rela;
	u32 i, seg;

	memcpy(bytes + spec->dynamic, dynamic, sizeof(dynamic));
	*phdr = (struct elf64_phdr) {
		.p_type = PT_DYNAMIC,
		.p_offset = spec->dynamic,
		.p_filesz = sizeof(dynamic),
		.p_memsz = sizeof(dynamic),
	};
	for (seg = 0; spec->rela - spec->seg[seg].gpa >= spec->seg[seg].filesz; seg++)
		;
	for (i = 0; i < spec->nr_relocs; i++) {
		rela = (struct elf64_rela) {
			.r_offset = spec->reloc[i].vaddr,
			.r_info = 8,	/* R_X86_64_RELATIVE */
			.r_addend = spec->reloc[i].addend,
		};
		memcpy(bytes + spec->seg[seg].offset + spec->rela - spec->seg[seg].gpa +
		       i * sizeof(rela), &rela, sizeof(rela));
	}
}

static void write_headers(const struct image_spec *spec, u8 *bytes)
{
	struct elf64_hdr *ehdr = (struct elf64_hdr *)bytes;
	struct elf64_phdr *phdr = (struct elf64_phdr *)(ehdr + 1);
	u32 i, nr = spec->nr + !!spec->dynamic;

	*ehdr = (struct elf64_hdr) {
		.e_type = spec->dynamic ? ET_DYN : ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = spec->entry,
		.e_phoff = sizeof(*ehdr),
		.e_ehsize = sizeof(*ehdr),
		.e_phentsize = sizeof(*phdr),
		.e_phnum = nr,
	};
	memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr->e_ident[EI_VERSION] = EV_CURRENT;
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
	if (spec->dynamic)
		write_dynamic(spec, bytes, &phdr[i]);
}

struct file *create_image(const struct image_spec *spec, bool shared)
{
	const size_t size = SZ_2M + SZ_64K;
	struct file *file = shmem_file_setup("kev_mem_test", size, 0);
	u8 *bytes = kvmalloc(size, GFP_KERNEL);
	loff_t pos = 0;
	size_t i;

	if (!CHECK(!IS_ERR(file)) || !CHECK(bytes))
		goto fail;
	for (i = 0; i < size; i++)
		bytes[i] = file_byte(i);
	write_headers(spec, bytes);
	/* Ageing would take references of its own, and tests count them. */
	mapping_set_unevictable(file->f_mapping);
	if (!CHECK_EQ(kernel_write(file, bytes, size, &pos), size))
		goto fail;
	kvfree(bytes);

	real_fops = file->f_op;
	real_mapping = file->f_mapping;
	file->f_op = &image_fops;
	if (shared) {
		SHMEM_I(file_inode(file))->seals |= F_SEAL_WRITE | F_SEAL_SHRINK;
	} else {
		address_space_init_once(&no_pages);
		file->f_mapping = &no_pages;
	}
	atomic_set(&image_reads, 0);
	return file;
fail:
	kvfree(bytes);
	if (!IS_ERR(file))
		fput(file);
	return NULL;
}

/* The file itself goes away later, when this module may be gone. */
void put_image(struct file *file)
{
	file->f_op = real_fops;
	file->f_mapping = real_mapping;
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

int attach(struct kev_mem *mem, struct file *file, const struct setup *how,
	   struct kev_attach_result *result)
{
	const struct kev_attach_args args = {
		.file = file,
		.boot = how->boot,
		.flags = how->flags,
		.ram_kib = how->ram_kib,
		.load_base = how->load_base,
	};

	return kev_image_attach(mem, &args, result);
}

struct fixture *set_up(const struct image_spec *spec, const struct setup *how)
{
	struct fixture *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!CHECK(f))
		return NULL;
	f->file = create_image(spec, how->shared);
	if (!f->file)
		goto fail;
	if (!make_mem(&f->mem, how->config))
		goto fail_file;
	if (!CHECK_EQ(attach(&f->mem, f->file, how, &f->result), 0)) {
		kev_mem_fini(&f->mem);
		goto fail_file;
	}
	return f;
fail_file:
	put_image(f->file);
fail:
	kfree(f);
	return NULL;
}

/* A read that nobody waits for keeps the image for a moment, and the file with it. */
void wait_for_file(struct file *file)
{
	int i;

	for (i = 0; i < 100 && file_count(file) > 1; i++)
		msleep(20);
	CHECK_EQ(file_count(file), 1);
	CHECK_EQ(atomic_read(&file_inode(file)->i_writecount), 0);
}

void teardown(struct fixture *f)
{
	kev_mem_fini(&f->mem);
	wait_for_file(f->file);
	put_image(f->file);
	kfree(f);
}
