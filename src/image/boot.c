// SPDX-License-Identifier: GPL-2.0
/*
 * Boot protocols: which one it is, and where everything lies. Pure.
 */
#include <kev/boot_protocol.h>
#include <kev/pure.h>

/* Only what lies below is certain to be memory that no firmware of a PC would take. */
#define LOW_END		0x80000ULL

#define FOUR_GIB	BIT_ULL(32)

static const struct kev_boot_protocol none = { .window = KEV_ELF_HEADER_SIZE };

static const struct kev_boot_protocol *const protocols[] = {
	[KEV_BOOT_NONE] = &none,
	[KEV_BOOT_DIRECT64] = &kev_boot_direct64,
	[KEV_BOOT_KEV32] = &kev_boot_kev32,
	[KEV_BOOT_MULTIBOOT] = &kev_boot_multiboot,
	[KEV_BOOT_MULTIBOOT2] = &kev_boot_multiboot2,
	[KEV_BOOT_PVH] = &kev_boot_pvh,
};

/* The number may come from user space, checked by kev_boot_known(). */
static const struct kev_boot_protocol *protocol_of(u32 protocol)
{
	return protocols[array_index_nospec(protocol, ARRAY_SIZE(protocols))];
}

/* In what order KEV_BOOT_AUTO looks for headers; a note comes last. */
static const u32 auto_order[] = { KEV_BOOT_MULTIBOOT2, KEV_BOOT_MULTIBOOT };

bool kev_boot_known(u32 protocol)
{
	return protocol < ARRAY_SIZE(protocols) || protocol == KEV_BOOT_AUTO;
}

bool kev_boot_is_32bit(u32 protocol)
{
	return protocol_of(protocol)->is_32bit;
}

size_t kev_boot_window(u32 protocol)
{
	return protocol == KEV_BOOT_AUTO ? KEV_BOOT_WINDOW_MAX : protocol_of(protocol)->window;
}

static int find_header(u32 protocol, const void *buf, size_t len, struct kev_boot_header *out,
		       struct kev_image_fault *why)
{
	size_t window = protocol_of(protocol)->window;
	int ret;

	*out = (struct kev_boot_header) { .protocol = protocol };
	ret = protocol_of(protocol)->find(buf, min(len, window), out, why);
	if (ret > 0)
		kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
	return ret;
}

int kev_boot_find(u32 protocol, const void *buf, size_t len, struct kev_boot_header *out,
		  struct kev_image_fault *why)
{
	u32 i;
	int ret;

	kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
	for (i = 0; protocol == KEV_BOOT_AUTO && i < ARRAY_SIZE(auto_order); i++) {
		ret = find_header(auto_order[i], buf, len, out, why);
		if (ret)
			return min(ret, 0);
	}
	if (protocol != KEV_BOOT_AUTO && protocol_of(protocol)->find) {
		ret = find_header(protocol, buf, len, out, why);
		if (!ret && why->problem == KEV_IMAGE_OK)
			why->problem = KEV_IMAGE_NO_HEADER;
		return ret > 0 ? 0 : -ENOEXEC;
	}
	*out = (struct kev_boot_header) { .protocol = protocol };
	return kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
}

void kev_boot_elf_rules(const struct kev_boot_header *header, struct kev_elf_rules *rules)
{
	rules->class32 = header->protocol == KEV_BOOT_AUTO ||
			 protocol_of(header->protocol)->is_32bit;
	rules->own_entry = header->has_entry || kev_boot_wants_notes(header);
	rules->physical_entry = header->protocol != KEV_BOOT_AUTO &&
				protocol_of(header->protocol)->physical_entry;
}

bool kev_boot_wants_notes(const struct kev_boot_header *header)
{
	return !header->has_entry && (header->protocol == KEV_BOOT_AUTO ||
				      protocol_of(header->protocol)->wants_note);
}

static bool holds(const struct kev_elf_plan *plan, u64 gpa)
{
	u32 i;

	for (i = 0; i < plan->nr; i++) {
		if (gpa >= plan->seg[i].gpa && gpa - plan->seg[i].gpa < plan->seg[i].memsz)
			return true;
	}
	return false;
}

static int check_32bit(const struct kev_elf_plan *plan, struct kev_image_fault *why)
{
	u32 i;

	for (i = 0; i < plan->nr; i++) {
		if (plan->seg[i].gpa + plan->seg[i].memsz > FOUR_GIB)
			return kev_image_fault(why, KEV_IMAGE_ABOVE_4G, plan->seg[i].index);
	}
	if (plan->entry >= FOUR_GIB)
		return kev_image_fault(why, KEV_IMAGE_ABOVE_4G, KEV_IMAGE_NO_SEGMENT);
	return 0;
}

/* Is the image one that its header would put where it lies? */
static bool placed_well(const struct kev_boot_header *header, const struct kev_elf_plan *plan)
{
	const struct kev_elf_segment *top = &plan->seg[plan->nr - 1];
	u64 base = plan->seg[0].gpa, last = top->gpa + top->memsz - 1;

	return !header->relocatable ||
	       (base >= header->min && last <= header->max &&
		!(header->align && base % header->align));
}

int kev_boot_resolve(struct kev_boot_header *header, struct kev_elf_plan *plan,
		     struct kev_image_fault *why)
{
	const struct kev_boot_protocol *protocol;
	int ret;

	kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
	if (header->protocol == KEV_BOOT_AUTO)
		header->protocol = KEV_BOOT_DIRECT64;
	protocol = protocol_of(header->protocol);
	if (protocol->wants_note && !header->has_entry)
		return kev_image_fault(why, KEV_IMAGE_NO_HEADER, KEV_IMAGE_NO_SEGMENT);
	if (plan->class32 && !protocol->is_32bit)
		return kev_image_fault(why, KEV_IMAGE_CLASS, KEV_IMAGE_NO_SEGMENT);
	/* It moves with the image. */
	if (header->has_entry && check_add_overflow(header->entry, plan->base, &plan->entry))
		return kev_image_fault(why, KEV_IMAGE_ENTRY, KEV_IMAGE_NO_SEGMENT);
	if (protocol->is_32bit) {
		ret = check_32bit(plan, why);
		if (ret)
			return ret;
	}
	if (!holds(plan, plan->entry))
		return kev_image_fault(why, KEV_IMAGE_ENTRY, KEV_IMAGE_NO_SEGMENT);
	if (!placed_well(header, plan))
		return kev_image_fault(why, KEV_IMAGE_HEADER_FEATURE, KEV_IMAGE_NO_SEGMENT);
	return 0;
}

bool kev_boot_takes(u32 protocol, const struct kev_boot_args *args)
{
	return protocol_of(protocol)->takes_files || (!args->cmdline_length && !args->nr_modules);
}

/* Keeps runs apart and in order: a new one swallows those that it touches. */
static void add_run(struct kev_boot_plan *plan, u64 base, u64 end)
{
	struct kev_range *run = plan->run;
	u32 first = 0, last;

	base = kev_page_down(base);
	end = kev_page_up(end);
	while (first < plan->nr_runs && run[first].base + run[first].length < base)
		first++;
	for (last = first; last < plan->nr_runs && run[last].base <= end; last++) {
		base = min(base, run[last].base);
		end = max(end, run[last].base + run[last].length);
	}
	memmove(&run[first + 1], &run[last], (plan->nr_runs - last) * sizeof(*run));
	run[first] = (struct kev_range) { .base = base, .length = end - base };
	plan->nr_runs = plan->nr_runs + 1 - (last - first);
}

static void collect_runs(const struct kev_elf_plan *elf, struct kev_boot_plan *plan)
{
	u32 i;

	plan->nr_runs = 0;
	for (i = 0; i < elf->nr; i++)
		add_run(plan, elf->seg[i].gpa, elf->seg[i].gpa + elf->seg[i].memsz);
	for (i = 0; i < plan->nr_modules; i++)
		add_run(plan, plan->module[i].base,
			plan->module[i].base + plan->module[i].length);
	if (plan->boot.length)
		add_run(plan, plan->boot.base, plan->boot.base + plan->boot.length);
	for (i = 0; i < plan->nr_ram; i++)
		add_run(plan, plan->ram[i].base, plan->ram[i].base + plan->ram[i].length);
}

struct kev_boot_meminfo kev_boot_meminfo(const struct kev_boot_plan *plan)
{
	const u64 upper_base = 0x100000, lower_end = 0xa0000;
	struct kev_boot_meminfo info = { 0, 0 };
	u32 i;

	for (i = 0; i < plan->nr_runs; i++) {
		u64 base = plan->run[i].base, end = base + plan->run[i].length;

		if (base == 0)
			info.lower = min(end, lower_end) >> 10;
		if (base <= upper_base && end > upper_base)
			info.upper = min((end - upper_base) >> 10, 0xffffffffULL);
	}
	return info;
}

/* Pages behind everything that has its place by now, all below the hole; 0 if there are none */
static u64 take_behind(struct kev_boot_plan *plan, u64 bytes)
{
	u64 base = plan->span.base + plan->span.length;

	if (base > KEV_LAYOUT_HOLE_START || bytes > KEV_LAYOUT_HOLE_START - base)
		return 0;
	plan->span.length += kev_page_up(bytes);
	return base;
}

static int place_modules(const struct kev_boot_args *args, struct kev_boot_plan *plan,
			 struct kev_image_fault *why)
{
	u32 i;

	for (i = 0; i < args->nr_modules; i++) {
		u64 base = take_behind(plan, args->modules[i].size);

		if (!base)
			return kev_image_fault(why, KEV_IMAGE_MODULE, i);
		plan->module[i] = (struct kev_range) { base, args->modules[i].size };
	}
	plan->nr_modules = args->nr_modules;
	return 0;
}

/* The protocol's own place, or as many pages as any memory map can make it need */
static int place_boot(const struct kev_boot_protocol *protocol, const struct kev_elf_plan *elf,
		      const struct kev_boot_args *args, struct kev_boot_plan *plan,
		      struct kev_image_fault *why)
{
	struct kev_boot_writer counter = {};
	u64 length;

	plan->boot = protocol->boot;
	if (plan->boot.length || !protocol->render)
		return 0;
	plan->nr_runs = elf->nr + args->nr_modules + 1 + KEV_LAYOUT_MAX_RANGES;
	protocol->render(plan, args, &counter);
	length = kev_page_up(counter.at);
	if (length <= min(plan->span.base, LOW_END) - KEV_PAGE_SIZE)
		plan->boot.base = KEV_PAGE_SIZE;
	else
		plan->boot.base = take_behind(plan, length);
	if (!plan->boot.base)
		return kev_image_fault(why, KEV_IMAGE_BOOT_SPACE, KEV_IMAGE_NO_SEGMENT);
	plan->boot.length = length;
	return 0;
}

static int lay_ram(const struct kev_boot_args *args, struct kev_boot_plan *plan,
		   struct kev_image_fault *why)
{
	struct kev_layout layout = {
		.image = plan->span,
		.boot = plan->boot,
		.ram_bytes = args->ram_bytes,
		.phys_bits = args->phys_bits,
	};

	/* Behind the image they are a part of its span. */
	if (plan->boot.base >= plan->span.base)
		layout.boot = (struct kev_range) {};
	return kev_layout_ram(&layout, plan->ram, ARRAY_SIZE(plan->ram), &plan->nr_ram, why);
}

int kev_boot_place(const struct kev_boot_header *header, const struct kev_elf_plan *elf,
		   const struct kev_boot_args *args, struct kev_boot_plan *plan,
		   struct kev_image_fault *why)
{
	const struct kev_boot_protocol *protocol = protocol_of(header->protocol);
	int ret;

	/* The arrays, which are most of it, count as far as the numbers before them say. */
	memset(plan, 0, offsetof(struct kev_boot_plan, module));
	kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
	plan->start.protocol = header->protocol;
	plan->start.entry = elf->entry;
	plan->span = (struct kev_range) { elf->start, elf->end - elf->start };
	if (header->protocol == KEV_BOOT_NONE)
		return 0;
	if (header->relocatable)
		plan->load_base = elf->seg[0].gpa;

	ret = kev_layout_check(elf, protocol->low_end, why);
	if (!ret)
		ret = place_modules(args, plan, why);
	if (!ret)
		ret = place_boot(protocol, elf, args, plan, why);
	if (!ret)
		ret = lay_ram(args, plan, why);
	if (ret)
		return ret;
	if (protocol->is_32bit)
		plan->start.info = plan->boot.base;
	collect_runs(elf, plan);
	return 0;
}

kev_boot_page_fn kev_boot_page(const struct kev_boot_plan *plan)
{
	return protocol_of(plan->start.protocol)->page;
}

u64 kev_boot_print_device(const struct kev_boot_plan *plan)
{
	return protocol_of(plan->start.protocol)->print_device;
}

int kev_boot_render(const struct kev_boot_plan *plan, const struct kev_boot_args *args,
		    void *buf, struct kev_image_fault *why)
{
	struct kev_boot_writer w = {
		.buf = buf,
		.room = plan->boot.length,
		.gpa = plan->boot.base,
	};

	kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
	protocol_of(plan->start.protocol)->render(plan, args, &w);
	if (w.at <= w.room) {
		memset((u8 *)buf + w.at, 0, w.room - w.at);
		return 0;
	}
	why->problem = KEV_IMAGE_MEMORY_MAP;
	return -E2BIG;
}
