// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaching an image: from an open file to regions, by way of its headers. All
 * that can fail is done on the side; one step at the end changes the VM.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <kev/attach.h>
#include <kev/backend.h>
#include <kev/image.h>
#include <kev/mem.h>
#include <kev/region.h>
#include <kev/reloc.h>

void kev_give_way(void)
{
	cond_resched();
}

/*
 * What is worked out on the way, with room for the largest image. Who fills a part says how
 * much of it counts; the rest may be of an earlier attach.
 */
struct tables {
	u8 headers[SZ_2K];
	struct kev_elf_plan elf;
	struct kev_boot_plan boot;
	struct kev_boot_file files[KEV_MAX_MODULES];
};

/*
 * An attach under way. Everything in it but the VM's memory is its own, and goes at its end
 * unless regions have taken it over.
 */
struct attach {
	struct kev_mem *mem;
	const struct kev_attach_args *args;
	struct kev_image *image;
	u64 file_size;
	u64 header_bytes;
	size_t headers_used;	/* of tables->headers */
	struct kev_image_fault why;
	struct list_head regions;
	struct kev_boot_header header;
	struct kev_boot_args boot_args;
	struct tables *tables;
};

/*
 * One attach at a time finds its tables here: to allocate and clear these 12 KiB is as much
 * work as to attach a small image.
 */
static struct tables common_tables;
static unsigned long common_taken;	/* bit 0 */

static struct tables *get_tables(void)
{
	if (!test_and_set_bit_lock(0, &common_taken))
		return &common_tables;
	return kvmalloc(sizeof(struct tables), KEV_GFP_GUEST);
}

static void put_tables(struct tables *tables)
{
	if (tables == &common_tables)
		clear_bit_unlock(0, &common_taken);
	else
		kvfree(tables);
}

static int check_32bit(u32 boot)
{
	/* Without it a guest cannot do without paging: SDM Vol. 3, "Unrestricted Guests" */
	if (kev_boot_is_32bit(boot) && !(kev_info.features & KEV_FEATURE_UNRESTRICTED_GUEST))
		return -EOPNOTSUPP;
	return 0;
}

static int check_protocol(u32 boot, const struct kev_boot_args *args)
{
	if (!kev_boot_takes(boot, args))
		return -EINVAL;
	return check_32bit(boot);
}

static int check_arguments(struct attach *a)
{
	const struct kev_attach_args *args = a->args;
	u64 kib = args->ram_kib;

	if (args->flags & ~(KEV_ATTACH_PROT | KEV_ATTACH_VADDR | KEV_ATTACH_RELOCATE |
			    KEV_ATTACH_COPY))
		return -EINVAL;
	if (args->load_base && !(args->flags & KEV_ATTACH_VADDR))
		return -EINVAL;
	if (!kev_boot_known(args->boot))
		return -EINVAL;
	if (args->boot == KEV_BOOT_NONE) {
		if (kib)
			return -EINVAL;
	} else if (!kib || kib % (PAGE_SIZE / SZ_1K) || kib > U64_MAX / SZ_1K) {
		if (!kib)
			a->why.problem = KEV_IMAGE_RAM;
		return -EINVAL;
	}
	a->boot_args.ram_bytes = kib * SZ_1K;
	return args->boot == KEV_BOOT_AUTO ? 0 : check_protocol(args->boot, &a->boot_args);
}

static int module_fault(struct attach *a, u32 i, int error)
{
	a->why = (struct kev_image_fault) { KEV_IMAGE_MODULE, i };
	return error;
}

static int collect_modules(struct attach *a)
{
	u32 i;

	for (i = 0; i < a->args->nr_modules; i++) {
		const struct kev_attach_module *module = &a->args->modules[i];
		const struct inode *inode = file_inode(module->file);

		if (!(module->file->f_mode & FMODE_READ))
			return module_fault(a, i, -EBADF);
		if (!S_ISREG(inode->i_mode) || !i_size_read(inode))
			return module_fault(a, i, -ENOEXEC);
		a->tables->files[i] = (struct kev_boot_file) {
			.size = i_size_read(inode),
			.cmdline = module->cmdline,
			.cmdline_length = module->cmdline_length,
		};
	}
	return 0;
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

static void put_headers(const struct attach *a, const void *buf)
{
	const u8 *own = a->tables->headers;

	if (buf < (void *)own || buf >= (void *)(own + sizeof(a->tables->headers)))
		kvfree(buf);
}

/* Those of most images fit into the tables; what was given is never used again. */
static void *get_headers(struct attach *a, size_t len)
{
	void *buf = a->tables->headers + a->headers_used;

	if (len > sizeof(a->tables->headers) - a->headers_used)
		return kvmalloc(len, KEV_GFP_GUEST);
	a->headers_used += ALIGN(len, sizeof(u64));
	return buf;
}

/* A part of the file in memory that put_headers() gives back, or an ERR_PTR */
static void *read_headers(struct attach *a, u64 offset, size_t len)
{
	void *buf = get_headers(a, len);
	int ret;

	if (!buf)
		return ERR_PTR(-ENOMEM);
	ret = kev_image_read(a->image, buf, len, offset);
	if (!ret) {
		a->header_bytes += len;
		return buf;
	}
	put_headers(a, buf);
	if (ret == -EIO)
		a->why.problem = KEV_IMAGE_READ;
	return ERR_PTR(ret);
}

static int plan_elf(struct attach *a, const void *window, size_t len)
{
	struct kev_elf_rules rules = {
		.phys_bits = a->mem->config.phys_bits,
		.by_vaddr = a->args->flags & KEV_ATTACH_VADDR,
		.base = a->args->load_base,
	};
	struct kev_elf_header header;
	size_t phdrs_len;
	void *phdrs;
	int ret;

	kev_boot_elf_rules(&a->header, &rules);
	ret = kev_elf_decode_header(window, len, a->file_size, &rules, &header, &a->why);
	if (ret)
		return ret;
	phdrs_len = header.phnum * header.phentsize;
	phdrs = read_headers(a, header.phoff, phdrs_len);
	if (IS_ERR(phdrs))
		return PTR_ERR(phdrs);
	ret = kev_elf_plan(&header, phdrs, phdrs_len, a->file_size, &rules, &a->tables->elf,
			   &a->why);
	put_headers(a, phdrs);
	return ret;
}

static int plan_flat(struct attach *a)
{
	/* Its addresses are what its header says. */
	if (a->args->load_base) {
		a->why.problem = KEV_IMAGE_BASE;
		return -ENOEXEC;
	}
	return kev_boot_plan_flat(&a->header, a->file_size, a->mem->config.phys_bits,
				  &a->tables->elf, &a->why);
}

static int read_notes(struct attach *a)
{
	const struct kev_elf_plan *plan = &a->tables->elf;
	int ret = 0;
	u32 i;

	for (i = 0; !ret && i < plan->nr_notes && kev_boot_wants_notes(&a->header); i++) {
		size_t len = min_t(u64, plan->note[i].size, KEV_BOOT_NOTE_MAX);
		void *note = read_headers(a, plan->note[i].offset, len);

		if (IS_ERR(note))
			return PTR_ERR(note);
		ret = kev_boot_find_note(&a->header, note, len, &a->why);
		put_headers(a, note);
	}
	return ret;
}

/* Fill tables->elf, with an entry by the protocol that the image asks for */
static int plan_image(struct attach *a)
{
	size_t len = min_t(u64, a->file_size, kev_boot_window(a->args->boot));
	void *window = read_headers(a, 0, len);
	int ret;

	if (IS_ERR(window))
		return PTR_ERR(window);
	ret = kev_boot_find(a->args->boot, window, len, &a->header, &a->why);
	if (!ret)
		ret = a->header.has_flat ? plan_flat(a) : plan_elf(a, window, len);
	put_headers(a, window);
	if (!ret)
		ret = read_notes(a);
	return ret ?: kev_boot_resolve(&a->header, &a->tables->elf, &a->why);
}

static int decode_relocations(struct attach *a, const struct kev_elf_extent *table)
{
	u64 nr = table->size / KEV_RELOC_ENTRY_SIZE;
	struct kev_relocation *relocs;
	void *entries;
	int ret;

	entries = read_headers(a, table->offset, table->size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	relocs = kvmalloc_array(nr, sizeof(*relocs), KEV_GFP_GUEST);
	ret = -ENOMEM;
	if (relocs)
		ret = kev_reloc_decode(&a->tables->elf, a->args->load_base, entries, nr, relocs,
				       &a->why);
	put_headers(a, entries);
	if (ret < 0) {
		kvfree(relocs);
		return ret;
	}
	a->image->relocs = relocs;
	a->image->nr_relocs = ret;
	return 0;
}

static int plan_relocations(struct attach *a)
{
	const struct kev_elf_plan *plan = &a->tables->elf;
	struct kev_elf_extent table;
	void *dynamic;
	size_t len;
	int ret;

	if (!plan->dynamic.size)
		return 0;
	len = min_t(u64, plan->dynamic.size, KEV_RELOC_DYNAMIC_MAX);
	dynamic = read_headers(a, plan->dynamic.offset, len);
	if (IS_ERR(dynamic))
		return PTR_ERR(dynamic);
	ret = kev_reloc_find(dynamic, len, plan, &table, &a->why);
	put_headers(a, dynamic);
	if (ret || !table.size)
		return ret;
	return decode_relocations(a, &table);
}

static int create_boot_region(struct attach *a)
{
	const struct kev_range *boot = &a->tables->boot.boot;
	void *bytes;
	int ret;

	if (!boot->length)
		return 0;
	if (kev_boot_page(&a->tables->boot))
		return kev_boot_create_computed(a->mem, &a->regions, boot->base, boot->length,
						kev_boot_page(&a->tables->boot));
	bytes = kvmalloc(boot->length, KEV_GFP_GUEST);
	if (!bytes)
		return -ENOMEM;
	ret = kev_boot_render(&a->tables->boot, &a->boot_args, bytes, &a->why);
	if (!ret)
		ret = kev_boot_create(a->mem, &a->regions, boot->base, boot->length, bytes);
	if (ret)
		kvfree(bytes);
	return ret;
}

static int create_module_regions(struct attach *a)
{
	u32 i;
	int ret;

	for (i = 0; i < a->tables->boot.nr_modules; i++) {
		const struct kev_range *module = &a->tables->boot.module[i];

		const struct kev_elf_segment seg = {
			.gpa = module->base,
			.filesz = module->length,
			.memsz = PAGE_ALIGN(module->length),
			.prot = KEV_MEM_ALL,
		};

		ret = kev_file_create(a->mem, &a->regions, a->args->modules[i].file, &seg,
				      !(a->args->flags & KEV_ATTACH_COPY));
		if (ret == -ENOMEM || ret == -EINTR)
			return ret;
		if (ret)
			return module_fault(a, i, ret);
	}
	return 0;
}

static int create_regions(struct attach *a)
{
	const struct kev_boot_plan *boot = &a->tables->boot;
	u64 print_device = kev_boot_print_device(boot);
	u32 i;
	int ret;

	ret = kev_image_plan(a->image, a->tables->elf.seg, a->tables->elf.nr);
	if (ret)
		return ret;
	if (!(a->args->flags & KEV_ATTACH_COPY))
		kev_image_share(a->image);
	ret = kev_image_create_regions(a->mem, &a->regions, a->image,
				       a->args->flags & KEV_ATTACH_PROT);
	if (!ret)
		ret = create_module_regions(a);
	if (!ret)
		ret = create_boot_region(a);
	for (i = 0; !ret && i < boot->nr_ram; i++)
		ret = kev_ram_create(a->mem, &a->regions, KEV_REGION_RAM, boot->ram[i].base,
				     boot->ram[i].length, KEV_MEM_ALL);
	if (!ret && print_device)
		ret = kev_ram_create(a->mem, &a->regions, KEV_REGION_PRINT, print_device, PAGE_SIZE,
				     KEV_MEM_READ | KEV_MEM_EXEC);
	return ret;
}

/* Everything about the image but the change of the VM */
static int prepare(struct attach *a)
{
	int ret;

	ret = collect_modules(a);
	if (!ret)
		ret = plan_image(a);
	if (!ret)
		ret = check_protocol(a->header.protocol, &a->boot_args);
	if (!ret && (a->args->flags & KEV_ATTACH_RELOCATE))
		ret = plan_relocations(a);
	if (!ret)
		ret = kev_boot_place(&a->header, &a->tables->elf, &a->boot_args, &a->tables->boot,
				     &a->why);
	return ret ?: create_regions(a);
}

static int attach_claimed(struct attach *a)
{
	int ret;

	ret = kev_image_create(a->mem, a->args->file, &a->image, &a->why);
	if (ret)
		return ret;
	a->file_size = i_size_read(file_inode(a->image->file));
	ret = prepare(a);
	if (!ret)
		ret = kev_region_add_list(a->mem, &a->regions);
	kev_region_release_list(&a->regions);
	kev_image_put(a->image);
	return ret;
}

static int attach(struct attach *a)
{
	int ret = check_arguments(a);

	if (!ret)
		ret = claim_image(a->mem);
	if (ret)
		return ret;
	ret = attach_claimed(a);
	if (ret)
		unclaim_image(a->mem);
	else
		atomic64_add(a->header_bytes, &a->mem->count.header_bytes);
	return ret;
}

int kev_image_attach(struct kev_mem *mem, const struct kev_attach_args *args,
		     struct kev_attach_result *out)
{
	struct attach a = {
		.mem = mem,
		.args = args,
		.why = { KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT },
		.regions = LIST_HEAD_INIT(a.regions),
		.boot_args = {
			.phys_bits = mem->config.phys_bits,
			.cmdline = args->cmdline,
			.cmdline_length = args->cmdline_length,
			.nr_modules = args->nr_modules,
		},
	};
	int ret;

	might_sleep();
	*out = (struct kev_attach_result) { .why = { KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT } };
	a.tables = get_tables();
	if (!a.tables)
		return -ENOMEM;
	a.tables->boot.span.length = 0;
	a.boot_args.modules = a.tables->files;
	ret = attach(&a);
	/* Who gave too little memory learns how much the image needs. */
	if (!ret || (a.why.problem == KEV_IMAGE_RAM && a.tables->boot.span.length)) {
		out->start = a.tables->boot.span.base;
		out->end = a.tables->boot.span.base + a.tables->boot.span.length;
	}
	if (!ret)
		out->boot = a.tables->boot.start;
	out->why = a.why;
	put_tables(a.tables);
	return ret;
}
