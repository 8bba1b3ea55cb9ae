// SPDX-License-Identifier: GPL-2.0
/* The I/O APIC: registers, masks, edges and levels. */
#include "../../tools/kevctl/machine/ioapic.h"
#include "device.h"

#define NONE	UINT64_MAX

static struct ioapic ioapic;

static uint64_t select_register(unsigned int index)
{
	ioapic_write(&ioapic, 0x00, index);
	return ioapic_read(&ioapic, 0x00);
}

static uint64_t data(unsigned int argument)
{
	return ioapic_read(&ioapic, 0x10) + 0 * argument;
}

static uint64_t elsewhere(unsigned int offset)
{
	ioapic_write(&ioapic, offset, 0xffffffff);
	return ioapic_read(&ioapic, offset);
}

/* The low 16 bits of a register; the next two set bits 31:24 and bit 16. */
static uint64_t write_low(unsigned int value)
{
	ioapic_write(&ioapic, 0x10, value);
	return 0;
}

static uint64_t write_top(unsigned int value)
{
	ioapic_write(&ioapic, 0x10, value << 24);
	return 0;
}

static uint64_t write_masked(unsigned int value)
{
	ioapic_write(&ioapic, 0x10, value | 1 << 16);
	return 0;
}

static uint64_t write_ones(unsigned int argument)
{
	ioapic_write(&ioapic, 0x10, 0xffffffff);
	return argument;
}

static uint64_t up(unsigned int pin)
{
	ioapic_line(&ioapic, pin, true);
	return 0;
}

static uint64_t down(unsigned int pin)
{
	ioapic_line(&ioapic, pin, false);
	return 0;
}

/* destination << 24 | logical << 20 | mode << 16 | pin << 8 | vector */
static uint64_t pending(unsigned int argument)
{
	struct ioapic_message message;

	if (!ioapic_pending(&ioapic, &message))
		return NONE;
	return (uint64_t)message.destination << 24 | message.logical << 20 | message.mode << 16 |
	       message.pin << 8 | message.vector | 0 * argument;
}

static uint64_t accepted(unsigned int pin)
{
	ioapic_accepted(&ioapic, pin);
	return 0;
}

static uint64_t open_pin(unsigned int pin)
{
	return ioapic_open(&ioapic, pin);
}

static const struct step registers[] = {
	{ "the index register", CALL, 0x01, 0x01, .call = select_register },
	{ "24 entries, version 0x11", CALL, 0, 0x00170011, .call = data },
	{ NULL, CALL, 0x10, 0x10, .call = select_register },
	{ "masked after reset", CALL, 0, 0x00010000, .call = data },
	{ NULL, CALL, 0x3e, 0x3e, .call = select_register },
	{ "the last entry too", CALL, 0, 0x00010000, .call = data },
	{ NULL, CALL, 0x40, 0x40, .call = select_register },
	{ "there is none behind it", CALL, 0, 0, .call = data },
	{ NULL, CALL, 0, 0, .call = write_ones },
	{ "nor anything to write", CALL, 0, 0, .call = data },
	{ NULL, CALL, 0x00, 0x00, .call = select_register },
	{ NULL, CALL, 0, 0, .call = write_ones },
	{ "the id has four bits", CALL, 0, 0x0f000000, .call = data },
	{ NULL, CALL, 0x02, 0x02, .call = select_register },
	{ "the arbitration id is the same", CALL, 0, 0x0f000000, .call = data },
	{ NULL, CALL, 0x10, 0x10, .call = select_register },
	{ NULL, CALL, 0, 0, .call = write_ones },
	{ "status and remote IRR are for reading", CALL, 0, 0x0001afff, .call = data },
	{ NULL, CALL, 0x11, 0x11, .call = select_register },
	{ NULL, CALL, 0, 0, .call = write_ones },
	{ "the high half is the destination", CALL, 0, 0xff000000, .call = data },
	{ "no other register in its page", CALL, 0x20, 0, .call = elsewhere },
};

static const struct step edges[] = {
	{ NULL, CALL, 4, 0, .call = up },
	{ "an edge at a masked pin is lost", CALL, 0, NONE, .call = pending },
	{ "it is not open", CALL, 4, 0, .call = open_pin },
	{ NULL, CALL, 0x19, 0x19, .call = select_register },
	{ NULL, CALL, 3, 0, .call = write_top },
	{ NULL, CALL, 0x18, 0x18, .call = select_register },
	{ NULL, CALL, 0x0931, 0, .call = write_low },
	{ "open", CALL, 4, 1, .call = open_pin },
	{ "still lost", CALL, 0, NONE, .call = pending },
	{ NULL, CALL, 4, 0, .call = down },
	{ NULL, CALL, 4, 0, .call = up },
	{ "the message", CALL, 0, 0x03110431, .call = pending },
	{ "delivery status", CALL, 0, 0x1931, .call = data },
	{ NULL, CALL, 4, 0, .call = accepted },
	{ "sent once", CALL, 0, NONE, .call = pending },
	{ "delivery status is clear", CALL, 0, 0x0931, .call = data },
	{ NULL, CALL, 4, 0, .call = up },
	{ "no new edge", CALL, 0, NONE, .call = pending },
};

static const struct step levels[] = {
	{ NULL, CALL, 0x24, 0x24, .call = select_register },
	{ NULL, CALL, 0x8040, 0, .call = write_masked },
	{ NULL, CALL, 10, 0, .call = up },
	{ "masked", CALL, 0, NONE, .call = pending },
	{ NULL, CALL, 0x8040, 0, .call = write_low },
	{ "unmasked while it is up", CALL, 0, 0x0a40, .call = pending },
	{ NULL, CALL, 10, 0, .call = accepted },
	{ "served: quiet", CALL, 0, NONE, .call = pending },
	{ "remote IRR", CALL, 0, 0xc040, .call = data },
	{ NULL, CALL, 10, 0, .call = up },
	{ "up again without a fall: quiet", CALL, 0, NONE, .call = pending },
	{ NULL, CALL, 10, 0, .call = down },
	{ "down: remote IRR goes", CALL, 0, 0x8040, .call = data },
	{ "and nothing asks", CALL, 0, NONE, .call = pending },
	{ NULL, CALL, 10, 0, .call = up },
	{ "up again", CALL, 0, 0x0a40, .call = pending },
	{ NULL, CALL, 10, 0, .call = down },
	{ "withdrawn", CALL, 0, NONE, .call = pending },
	{ NULL, CALL, 10, 0, .call = up },
	{ NULL, CALL, 10, 0, .call = accepted },
	{ NULL, CALL, 0x0040, 0, .call = write_low },
	{ "made edge-triggered: remote IRR goes", CALL, 0, 0x0040, .call = data },
};

int main(void)
{
	ioapic_init(&ioapic);
	PLAY(registers);
	ioapic_init(&ioapic);
	PLAY(edges);
	ioapic_init(&ioapic);
	PLAY(levels);
	return tap_end();
}
