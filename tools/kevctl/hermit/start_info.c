// SPDX-License-Identifier: GPL-2.0
/* What a Hermit guest finds in its memory at the entry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../kevctl.h"
#include "bootargs.h"
#include "start_info.h"
#include "tsc.h"

#define PAGE		4096U
#define NS_PER_S	1000000000ULL

/* Where kernels write their log: the UART of interface 1, the serial buffer of later ones */
#define SERIAL_PORT_1	0x800
#define SERIAL_PORT_2	0x1030
/* First version of the entry ABI whose kernels do not start without */
#define FIRST_WITH_SERIAL	3U

/* In the page of the boot information */
#define TURNSTILE_OFFSET	0x800

/* Device tree: first version of the entry ABI that has one */
#define FIRST_WITH_TREE	3U

static const uint64_t descriptors[HERMIT_GDT_ENTRIES] = {
	0, 0x00af9b000000ffff, 0x00cf93000000ffff,
};

static int write_tables(const struct guest_view *view, const struct layout *layout)
{
	uint64_t entries[PAGE / sizeof(uint64_t)];
	int error;

	error = guest_write_all(view, layout->gdt, descriptors, sizeof(descriptors));
	if (error)
		return error;
	layout_table(layout, layout->pml4, entries);
	error = guest_write_all(view, layout->pml4, entries, sizeof(entries));
	for (uint64_t at = layout->tables; at < layout->tables_end && !error; at += PAGE) {
		layout_table(layout, at, entries);
		error = guest_write_all(view, at, entries, sizeof(entries));
	}
	return error;
}

/* All directories, each with its NUL; NULL with -ENOMEM or without any */
static char *join_mounts(const struct hermit *hermit, size_t *bytes, int *error)
{
	char *text = NULL, *longer;
	const char *mount;

	*bytes = 0;
	*error = 0;
	for (unsigned int i = 0; (mount = hermit_mount(hermit, i)); i++) {
		size_t length = strlen(mount) + 1;

		longer = realloc(text, *bytes + length);
		if (!longer) {
			free(text);
			*error = -ENOMEM;
			return NULL;
		}
		text = longer;
		memcpy(text + *bytes, mount, length);
		*bytes += length;
	}
	return text;
}

static int write_tree(const struct guest_view *view, const struct layout *layout,
		      const struct device_tree *tree)
{
	uint8_t *bytes = malloc(layout->device_tree_room);
	size_t length;
	int error;

	if (!bytes)
		return -ENOMEM;
	length = device_tree_write(tree, bytes, layout->device_tree_room);
	if (length > layout->device_tree_room)
		error = -E2BIG;
	else
		error = guest_write_all(view, layout->device_tree, bytes, length);
	free(bytes);
	return error;
}

static int write_device_tree(const struct guest_view *view, const struct hermit *hermit,
			     uint32_t khz)
{
	const struct layout *layout = &hermit->layout;
	char *bootargs = bootargs_make(hermit_arguments(hermit));
	struct device_tree tree = {
		.memory = layout->ram,
		.nr_memory = layout->nr_ram,
		.cpus = hermit->options->cpus,
		.khz = khz,
		.bootargs = bootargs,
	};
	char *mounts;
	int error;

	mounts = join_mounts(hermit, &tree.mounts_bytes, &error);
	tree.mounts = mounts;
	if (!bootargs)
		error = -ENOMEM;
	if (!error)
		error = write_tree(view, layout, &tree);
	free(mounts);
	free(bootargs);
	return error;
}

static uint16_t serial_port(const struct hermit *hermit)
{
	if (hermit->entry_version < FIRST_WITH_SERIAL && !hermit->options->verbose)
		return 0;
	return hermit->interface == 1 ? SERIAL_PORT_1 : SERIAL_PORT_2;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

static int write_boot_info(const struct guest_view *view, const struct hermit *hermit,
			   const struct image_info *info, uint32_t khz)
{
	const struct layout *layout = &hermit->layout;
	const struct memory_range *last = &layout->ram[layout->nr_ram - 1];
	struct boot_info boot = {
		.phys_start = layout->ram[0].start,
		.phys_end = last->start + last->length,
		.serial_port = serial_port(hermit),
		.device_tree = layout->device_tree,
		.image_start = layout->image_start,
		.image_end = layout->image_end,
		.stack = layout->stack,
		.has_pci = hermit->options->net,
		.cpus = hermit->options->cpus,
		.khz = khz,
		.boot_time = now(),
	};
	uint8_t bytes[BOOT_INFO_BYTES];
	size_t length;

	if (info->has_tls) {
		boot.tls_start = layout->load_base + info->tls.vaddr;
		boot.tls_file_bytes = info->tls.file_bytes;
		boot.tls_mem_bytes = info->tls.mem_bytes;
		boot.tls_align = info->tls_align;
	}
	length = boot_info_fill(hermit->entry_version, &boot, bytes);
	return guest_write_all(view, layout->boot_info, bytes, length);
}

static uint64_t turnstile(const struct hermit *hermit)
{
	return hermit->layout.boot_info + TURNSTILE_OFFSET;
}

/*
 *	1:	cmp %esi, BOOT_INFO_CPU_ONLINE(%rdi)
 *		je 2f
 *		pause
 *		jmp 1b
 *	2:	movabs $entry, %rax
 *		jmp *%rax
 */
static int write_turnstile(const struct guest_view *view, const struct hermit *hermit)
{
	uint8_t code[] = {
		0x39, 0x77, BOOT_INFO_CPU_ONLINE, 0x74, 0x04, 0xf3, 0x90, 0xeb, 0xf7,
		0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0,
	};

	memcpy(code + 11, &hermit->layout.entry, sizeof(hermit->layout.entry));
	return guest_write_all(view, turnstile(hermit), code, sizeof(code));
}

int start_info_write(struct hermit *hermit, const struct image_info *info)
{
	const struct guest_view view = { .vm = hermit->vm };
	uint32_t khz = tsc_khz();
	int error = write_tables(&view, &hermit->layout);

	if (!error && hermit->entry_version >= FIRST_WITH_TREE)
		error = write_device_tree(&view, hermit, khz);
	if (!error && hermit->entry_version == 1)
		error = write_turnstile(&view, hermit);
	if (!error)
		error = write_boot_info(&view, hermit, info, khz);
	if (!error)
		return 0;
	if (error == -E2BIG) {
		message(hermit->options->image, "arguments and environment take too much room: "
			"more than %llu bytes",
			(unsigned long long)hermit->layout.device_tree_room);
	} else {
		message(hermit->options->image, "boot information: %s", strerror(-error));
	}
	return STATUS_FAILURE;
}

uint64_t start_info_entry(const struct hermit *hermit, uint32_t id)
{
	if (hermit->entry_version == 1 && id)
		return turnstile(hermit);
	return hermit->layout.entry;
}
