/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pager: guest memory of which only a few pages are there at a time. It lies in a region
 * KEV_REGION_NOTIFY, so that a touch of a page that is not there is reported.
 */
#ifndef PAGER_H
#define PAGER_H

#include <stdint.h>

#define PAGER_PAGE	4096
#define PAGER_PAGES	16	/* of the region */
#define PAGER_FRAMES	4	/* that may be there at once */

/**
 * struct pager - what it knows
 * @vm: the VM
 * @gpa: where the region begins
 * @store: what the guest finds in each page, or has left there when it was taken away
 * @frame: which pages are there; for the pager alone
 * @used: how many of @frame count
 * @next: for the pager alone
 */
struct pager {
	int vm;
	uint64_t gpa;
	uint8_t (*store)[PAGER_PAGE];
	unsigned int frame[PAGER_FRAMES];
	unsigned int used;
	unsigned int next;
};

/**
 * pager_fault() - the guest wants a page that is not there
 * @pager: its vCPU has reported this and waits
 * @gpa: the address
 *
 * Return: 0 with the page there, and no more than PAGER_FRAMES of them; or a negative errno.
 */
int pager_fault(struct pager *pager, uint64_t gpa);

#endif /* PAGER_H */
