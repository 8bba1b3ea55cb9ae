/* SPDX-License-Identifier: GPL-2.0 */
/* Message-signalled interrupts of a PCI device (PCI Local Bus 3.0, "MSI-X"). */
#ifndef KEVCTL_MSIX_H
#define KEVCTL_MSIX_H

#include <stdbool.h>
#include <stdint.h>

#include "../machine/board.h"

#define MSIX_VECTORS		3
#define MSIX_NO_VECTOR		0xffff
#define MSIX_ENTRY_SIZE		16
#define MSIX_TABLE_SIZE		(MSIX_VECTORS * MSIX_ENTRY_SIZE)
#define MSIX_PENDING_SIZE	8

/* Of the capability's message control */
#define MSIX_ENABLE		(1U << 15)
#define MSIX_MASK_ALL		(1U << 14)

/* words: address, its upper half, data, vector control */
struct msix_entry {
	uint32_t words[4];
};

/**
 * struct msix - the messages of one device
 * @board: where they go
 * @control: message control: MSIX_ENABLE and MSIX_MASK_ALL
 * @entries: table
 * @pending: messages that a mask holds back
 */
struct msix {
	struct board *board;
	uint16_t control;
	struct msix_entry entries[MSIX_VECTORS];
	uint32_t pending;
};

/* All masked, none enabled */
void msix_init(struct msix *msix, struct board *board);

/* Send message @vector; any number may come, MSIX_NO_VECTOR sends none. */
void msix_send(struct msix *msix, uint16_t vector);

/* The capability's message control has been written. */
void msix_set_control(struct msix *msix, uint16_t control);

/* Doublewords of the table, by their offset; odd ones read as zero. */
uint32_t msix_read(const struct msix *msix, unsigned int offset);
void msix_write(struct msix *msix, unsigned int offset, uint32_t value);

static inline bool msix_enabled(const struct msix *msix)
{
	return msix->control & MSIX_ENABLE;
}

#endif /* KEVCTL_MSIX_H */
