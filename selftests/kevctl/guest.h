/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's memory without a guest: what libkev's calls give, and a view by virtual
 * addresses in which no two pages are neighbours in physical memory.
 */
#ifndef GUEST_H
#define GUEST_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <libkev.h>

#define GUEST_PAGE	4096ULL
#define GUEST_PAGES	64
#define GUEST_SIZE	(GUEST_PAGES * GUEST_PAGE)
/* Not there, although there is memory behind it */
#define GUEST_HOLE	(40 * GUEST_PAGE)
/* Virtual addresses: page n is physical page GUEST_PAGES - 1 - n; two of every three */
#define GUEST_VIRTUAL	0xffff800000000000ULL

static uint8_t guest_memory[GUEST_SIZE];
static uint32_t guest_vcpu;	/* whose virtual addresses were asked for last */

static bool guest_page(const struct kev_access *access, uint64_t address, uint64_t *page)
{
	*page = address / GUEST_PAGE;
	if (access->flags & KEV_ADDRESS_GVA) {
		guest_vcpu = access->vcpu_id;
		*page = (address - GUEST_VIRTUAL) / GUEST_PAGE;
		if (address < GUEST_VIRTUAL || *page % 3 == 2)
			return false;
		*page = GUEST_PAGES - 1 - *page;
	}
	return *page < GUEST_PAGES && *page != GUEST_HOLE / GUEST_PAGE;
}

/* Each copy ends behind its first page, as after a signal. */
static bool guest_interrupts;

static int guest_copy(struct kev_access *access, bool write)
{
	uint8_t *buffer = (uint8_t *)(uintptr_t)access->buffer;
	uint64_t page, at, part;

	/* As the kernel says it of what no address is */
	if (!(access->flags & KEV_ADDRESS_GVA) && access->address >= 1ULL << 46)
		return -EINVAL;
	while (access->done < access->length) {
		at = access->address + access->done;
		if (at < access->address || !guest_page(access, at, &page))
			return -EFAULT;
		part = GUEST_PAGE - at % GUEST_PAGE;
		if (part > access->length - access->done)
			part = access->length - access->done;
		if (write)
			memcpy(&guest_memory[page * GUEST_PAGE + at % GUEST_PAGE],
			       buffer + access->done, part);
		else
			memcpy(buffer + access->done,
			       &guest_memory[page * GUEST_PAGE + at % GUEST_PAGE], part);
		access->done += part;
		if (guest_interrupts)
			break;
	}
	return 0;
}

int kev_vm_read_memory(int vm, struct kev_access *access)
{
	(void)vm;
	return guest_copy(access, false);
}

int kev_vm_write_memory(int vm, struct kev_access *access)
{
	(void)vm;
	return guest_copy(access, true);
}

/* No console bytes of the kernel's */
ssize_t kev_vm_read(int vm, void *buffer, size_t length)
{
	(void)vm;
	(void)buffer;
	(void)length;
	return -EAGAIN;
}

#endif /* GUEST_H */
