// SPDX-License-Identifier: GPL-2.0
/* Message-signalled interrupts of a PCI device. */
#include "msix.h"

enum { ADDRESS, ADDRESS_HIGH, DATA, CONTROL };

#define CONTROL_MASKED	1U

void msix_init(struct msix *msix, struct board *board)
{
	*msix = (struct msix){ .board = board };
	for (unsigned int i = 0; i < MSIX_VECTORS; i++)
		msix->entries[i].words[CONTROL] = CONTROL_MASKED;
}

static bool is_masked(const struct msix *msix, unsigned int vector)
{
	return msix->control & MSIX_MASK_ALL ||
	       msix->entries[vector].words[CONTROL] & CONTROL_MASKED;
}

void msix_send(struct msix *msix, uint16_t vector)
{
	const struct msix_entry *entry;

	if (!msix_enabled(msix) || vector >= MSIX_VECTORS)
		return;
	if (is_masked(msix, vector)) {
		msix->pending |= 1U << vector;
		return;
	}
	entry = &msix->entries[vector];
	msix->pending &= ~(1U << vector);
	msix->board->signal(msix->board,
			    (uint64_t)entry->words[ADDRESS_HIGH] << 32 | entry->words[ADDRESS],
			    entry->words[DATA]);
}

/* What was held back goes out once nothing masks it. */
static void send_pending(struct msix *msix)
{
	for (unsigned int vector = 0; vector < MSIX_VECTORS; vector++)
		if (msix->pending & 1U << vector)
			msix_send(msix, vector);
}

void msix_set_control(struct msix *msix, uint16_t control)
{
	msix->control = control & (MSIX_ENABLE | MSIX_MASK_ALL);
	send_pending(msix);
}

uint32_t msix_read(const struct msix *msix, unsigned int offset)
{
	unsigned int word = offset / sizeof(uint32_t);

	if (offset % sizeof(uint32_t) || offset >= MSIX_TABLE_SIZE)
		return 0;
	return msix->entries[word / 4].words[word % 4];
}

void msix_write(struct msix *msix, unsigned int offset, uint32_t value)
{
	unsigned int word = offset / sizeof(uint32_t);

	if (offset % sizeof(uint32_t) || offset >= MSIX_TABLE_SIZE)
		return;
	msix->entries[word / 4].words[word % 4] = value;
	send_pending(msix);
}
