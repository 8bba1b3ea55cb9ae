// SPDX-License-Identifier: GPL-2.0
/* Solution: a pager that takes the page away that came first. */
#include <errno.h>
#include <libkev.h>

#include "pager.h"

/* The store's side of a whole page */
static struct kev_access whole_page(const struct pager *pager, unsigned int page)
{
	return (struct kev_access) {
		.size = sizeof(struct kev_access),
		.address = pager->gpa + (uint64_t)page * PAGER_PAGE,
		.buffer = (uintptr_t)pager->store[page],
		.length = PAGER_PAGE,
	};
}

/* The vCPU waits: nobody writes to the page between the two calls. */
static int evict(struct pager *pager, unsigned int page)
{
	struct kev_access access = whole_page(pager, page);
	int ret = kev_vm_read_memory(pager->vm, &access);

	if (ret)
		return ret;
	return kev_vm_discard(pager->vm, access.address, PAGER_PAGE);
}

int pager_fault(struct pager *pager, uint64_t gpa)
{
	unsigned int page = (gpa - pager->gpa) / PAGER_PAGE;
	struct kev_access access;
	int ret;

	if (gpa < pager->gpa || page >= PAGER_PAGES)
		return -EINVAL;
	if (pager->used == PAGER_FRAMES) {
		ret = evict(pager, pager->frame[pager->next]);
		if (ret)
			return ret;
	} else {
		pager->used++;
	}
	pager->frame[pager->next] = page;
	pager->next = (pager->next + 1) % PAGER_FRAMES;
	access = whole_page(pager, page);
	return kev_vm_write_memory(pager->vm, &access);
}
