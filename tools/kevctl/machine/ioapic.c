// SPDX-License-Identifier: GPL-2.0
/* The 82093AA I/O APIC. */
#include "ioapic.h"

#define REG_INDEX	0x00	/* in its page */
#define REG_DATA	0x10

#define REG_ID		0x00	/* by index */
#define REG_VERSION	0x01
#define REG_ARBITRATION	0x02
#define REG_ENTRIES	0x10	/* low half, high half */

#define ID_BITS		0x0f000000U
#define VERSION		((IOAPIC_PINS - 1) << 16 | 0x11)

/* Bits of a redirection entry */
#define ENTRY_MODE(e)	((e) >> 8 & 7)
#define ENTRY_LOGICAL	(1ULL << 11)
#define ENTRY_PENDING	(1ULL << 12)	/* delivery status */
#define ENTRY_REMOTE	(1ULL << 14)	/* remote IRR: the message of a level has gone */
#define ENTRY_LEVEL	(1ULL << 15)
#define ENTRY_MASKED	(1ULL << 16)
#define ENTRY_READ_ONLY	(ENTRY_PENDING | ENTRY_REMOTE)
#define ENTRY_BITS	(0xff0000000001ffffULL)

/* A level-triggered pin asks once it is up. */
static void update(struct ioapic *ioapic, unsigned int pin)
{
	uint64_t *entry = &ioapic->entries[pin];

	if (!(*entry & ENTRY_LEVEL))
		return;
	if (ioapic->lines & 1U << pin && !(*entry & (ENTRY_MASKED | ENTRY_REMOTE)))
		*entry |= ENTRY_PENDING;
	else
		*entry &= ~ENTRY_PENDING;
}

void ioapic_init(struct ioapic *ioapic)
{
	*ioapic = (struct ioapic){ };
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic->entries[pin] = ENTRY_MASKED;
}

static uint32_t read_indexed(const struct ioapic *ioapic)
{
	unsigned int pin = (ioapic->index - REG_ENTRIES) / 2;

	if (ioapic->index == REG_ID || ioapic->index == REG_ARBITRATION)
		return ioapic->id;
	if (ioapic->index == REG_VERSION)
		return VERSION;
	if (ioapic->index < REG_ENTRIES || pin >= IOAPIC_PINS)
		return 0;
	return ioapic->entries[pin] >> (ioapic->index & 1 ? 32 : 0);
}

static void write_entry(struct ioapic *ioapic, unsigned int pin, bool high, uint32_t value)
{
	uint64_t *entry = &ioapic->entries[pin];
	uint64_t half = high ? 0xffffffffULL << 32 : 0xffffffffULL;
	uint64_t writable = half & ENTRY_BITS & ~ENTRY_READ_ONLY;

	*entry = (*entry & ~writable) | ((high ? (uint64_t)value << 32 : value) & writable);
	if (!(*entry & ENTRY_LEVEL))
		*entry &= ~ENTRY_REMOTE;
	update(ioapic, pin);
}

static void write_indexed(struct ioapic *ioapic, uint32_t value)
{
	unsigned int pin = (ioapic->index - REG_ENTRIES) / 2;

	if (ioapic->index == REG_ID)
		ioapic->id = value & ID_BITS;
	else if (ioapic->index >= REG_ENTRIES && pin < IOAPIC_PINS)
		write_entry(ioapic, pin, ioapic->index & 1, value);
}

uint32_t ioapic_read(const struct ioapic *ioapic, unsigned int offset)
{
	switch (offset) {
	case REG_INDEX:
		return ioapic->index;
	case REG_DATA:
		return read_indexed(ioapic);
	default:
		return 0;
	}
}

void ioapic_write(struct ioapic *ioapic, unsigned int offset, uint32_t value)
{
	if (offset == REG_INDEX)
		ioapic->index = value;
	else if (offset == REG_DATA)
		write_indexed(ioapic, value);
}

void ioapic_line(struct ioapic *ioapic, unsigned int pin, bool asserted)
{
	uint32_t bit = 1U << pin;
	bool rises = asserted && !(ioapic->lines & bit);

	ioapic->lines = asserted ? ioapic->lines | bit : ioapic->lines & ~bit;
	if (!asserted)
		ioapic->entries[pin] &= ~ENTRY_REMOTE;
	/* An edge at a masked pin is lost. */
	if (rises && !(ioapic->entries[pin] & (ENTRY_LEVEL | ENTRY_MASKED)))
		ioapic->entries[pin] |= ENTRY_PENDING;
	update(ioapic, pin);
}

bool ioapic_pending(const struct ioapic *ioapic, struct ioapic_message *message)
{
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t entry = ioapic->entries[pin];

		if (!(entry & ENTRY_PENDING) || entry & ENTRY_MASKED)
			continue;
		*message = (struct ioapic_message){
			.pin = pin,
			.vector = entry,
			.mode = ENTRY_MODE(entry),
			.logical = entry & ENTRY_LOGICAL,
			.destination = entry >> 56,
		};
		return true;
	}
	return false;
}

void ioapic_accepted(struct ioapic *ioapic, unsigned int pin)
{
	uint64_t *entry = &ioapic->entries[pin];

	*entry &= ~ENTRY_PENDING;
	if (*entry & ENTRY_LEVEL)
		*entry |= ENTRY_REMOTE;
}

bool ioapic_open(const struct ioapic *ioapic, unsigned int pin)
{
	return !(ioapic->entries[pin] & ENTRY_MASKED);
}
