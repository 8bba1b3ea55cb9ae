// SPDX-License-Identifier: GPL-2.0
/* The pair of 8259A interrupt controllers, with the edge/level register of the PIIX. */
#include "../kevctl.h"
#include "bus.h"
#include "pic.h"

#define ICW1		0x10	/* of a write to the command port */
#define ICW1_ICW4	0x01
#define ICW1_SINGLE	0x02
#define ICW4_AUTO_EOI	0x02
#define ICW4_NESTED	0x10

#define OCW3		0x08	/* of a write to the command port, without ICW1 */
#define OCW3_READ	0x02
#define OCW3_ISR	0x01
#define OCW3_POLL	0x04
#define OCW3_MASK	0x40
#define OCW3_MASK_ON	0x20

#define POLL_PENDING	0x80

/* OCW2, bits 7:5 */
enum {
	ROTATE_AUTO_OFF, EOI, NOTHING, EOI_LINE, ROTATE_AUTO_ON, ROTATE_EOI, SET_PRIORITY,
	ROTATE_EOI_LINE,
};

/* Lines that a PC allows to be level-triggered */
static const uint8_t elcr_lines[] = { 0xf8, 0xde };

/* The line of @set that goes first, or -1. */
static int first(const struct pic_chip *chip, uint8_t set)
{
	for (unsigned int i = 1; i <= 8; i++) {
		unsigned int line = (chip->lowest + i) & 7;

		if (set & 1U << line)
			return line;
	}
	return -1;
}

static unsigned int rank(const struct pic_chip *chip, int line)
{
	return (line - chip->lowest - 1) & 7;
}

/* The line for which the chip raises its output, or -1. */
static int chip_request(const struct pic_chip *chip)
{
	uint8_t serving = chip->isr;
	int line = first(chip, chip->irr & ~chip->imr);
	int blocker;

	if (!chip->ready || line < 0)
		return -1;
	if (chip->special_mask)
		serving &= ~chip->imr;
	if (chip->nested)
		serving &= ~(1U << PIC_CASCADE);
	blocker = first(chip, serving);
	return blocker >= 0 && rank(chip, blocker) <= rank(chip, line) ? -1 : line;
}

static void end_of_interrupt(struct pic_chip *chip, int line, bool rotate)
{
	if (line < 0)
		return;
	chip->isr &= ~(1U << line);
	if (rotate)
		chip->lowest = line;
}

static void chip_acknowledge(struct pic_chip *chip, unsigned int line)
{
	chip->isr |= 1U << line;
	if (!(chip->level & 1U << line))
		chip->irr &= ~(1U << line);
	if (chip->auto_eoi)
		end_of_interrupt(chip, line, chip->rotate);
}

static void chip_line(struct pic_chip *chip, unsigned int line, bool up)
{
	uint8_t bit = 1U << line;

	if (up && (chip->level & bit || !(chip->lines & bit)))
		chip->irr |= bit;
	if (!up && chip->level & bit)
		chip->irr &= ~bit;
	chip->lines = up ? chip->lines | bit : chip->lines & ~bit;
}

/* The second chip's output is the first one's line 2; it pulses for each request. */
static void cascade(struct pic *pic)
{
	uint8_t bit = 1U << PIC_CASCADE;

	if (chip_request(&pic->chips[1]) >= 0)
		pic->chips[0].irr |= bit;
	else
		pic->chips[0].irr &= ~bit;
}

void pic_line(struct pic *pic, unsigned int irq, bool up)
{
	chip_line(&pic->chips[irq / 8], irq % 8, up);
	cascade(pic);
}

int pic_pending(const struct pic *pic)
{
	int line = chip_request(&pic->chips[0]);

	if (line == PIC_CASCADE)
		return pic->chips[1].base + chip_request(&pic->chips[1]);
	return line < 0 ? -1 : pic->chips[0].base + line;
}

void pic_acknowledge(struct pic *pic)
{
	int line = chip_request(&pic->chips[0]);

	chip_acknowledge(&pic->chips[0], line);
	if (line == PIC_CASCADE)
		chip_acknowledge(&pic->chips[1], chip_request(&pic->chips[1]));
	cascade(pic);
}

bool pic_open(const struct pic *pic, unsigned int irq)
{
	const struct pic_chip *chip = &pic->chips[irq / 8];

	if (!chip->ready || chip->imr & 1U << irq % 8)
		return false;
	return irq < 8 || pic_open(pic, PIC_CASCADE);
}

/* ICW1 begins the initialisation anew. */
static void write_icw1(struct pic_chip *chip, uint32_t value)
{
	*chip = (struct pic_chip){
		.lines = chip->lines,
		.level = chip->level,
		.irr = chip->lines & chip->level,
		.lowest = 7,
		.expect = 2,
		.single = value & ICW1_SINGLE,
		.with_icw4 = value & ICW1_ICW4,
	};
}

static void write_icw(struct pic_chip *chip, uint32_t value)
{
	switch (chip->expect) {
	case 2:
		chip->base = value & 0xf8;
		chip->expect = chip->single ? 4 : 3;
		break;
	case 3:		/* the wiring is what it is */
		chip->expect = 4;
		break;
	default:
		chip->auto_eoi = value & ICW4_AUTO_EOI;
		chip->nested = value & ICW4_NESTED;
		chip->expect = 0;
		break;
	}
	if (chip->expect == 4 && !chip->with_icw4)
		chip->expect = 0;
	chip->ready = !chip->expect;
}

static void write_ocw2(struct pic_chip *chip, uint32_t value)
{
	int line = value & 7;
	uint8_t serving = chip->special_mask ? chip->isr & ~chip->imr : chip->isr;

	switch (value >> 5) {
	case EOI:
		end_of_interrupt(chip, first(chip, serving), false);
		break;
	case ROTATE_EOI:
		end_of_interrupt(chip, first(chip, serving), true);
		break;
	case EOI_LINE:
		end_of_interrupt(chip, line, false);
		break;
	case ROTATE_EOI_LINE:
		end_of_interrupt(chip, line, true);
		break;
	case SET_PRIORITY:
		chip->lowest = line;
		break;
	case ROTATE_AUTO_ON:
	case ROTATE_AUTO_OFF:
		chip->rotate = value >> 5 == ROTATE_AUTO_ON;
		break;
	}
}

static void write_ocw3(struct pic_chip *chip, uint32_t value)
{
	chip->poll = value & OCW3_POLL;
	if (value & OCW3_READ)
		chip->read_isr = value & OCW3_ISR;
	if (value & OCW3_MASK)
		chip->special_mask = value & OCW3_MASK_ON;
}

/* 0x20 and 0xa0 are the command ports, each with its data port behind it. */
static struct pic_chip *chip_of(struct pic *pic, uint16_t port)
{
	return &pic->chips[port >= 0xa0];
}

static uint32_t read_poll(struct pic *pic, struct pic_chip *chip)
{
	int line = chip_request(chip);

	chip->poll = false;
	if (line < 0)
		return 0;
	chip_acknowledge(chip, line);
	cascade(pic);
	return POLL_PENDING | line;
}

static uint32_t pic_in(void *device, uint16_t port)
{
	struct pic_chip *chip = chip_of(device, port);

	if (chip->poll)
		return read_poll(device, chip);
	if (port & 1)
		return chip->imr;
	return chip->read_isr ? chip->isr : chip->irr;
}

static void pic_out(void *device, uint16_t port, uint32_t value)
{
	struct pic_chip *chip = chip_of(device, port);

	if (!(port & 1) && value & ICW1)
		write_icw1(chip, value);
	else if (!(port & 1) && value & OCW3)
		write_ocw3(chip, value);
	else if (!(port & 1))
		write_ocw2(chip, value);
	else if (chip->expect)
		write_icw(chip, value);
	else
		chip->imr = value;
	cascade(device);
}

static uint32_t elcr_in(void *device, uint16_t port)
{
	struct pic *pic = device;

	return pic->chips[port & 1].level;
}

static void elcr_out(void *device, uint16_t port, uint32_t value)
{
	struct pic *pic = device;

	struct pic_chip *chip = &pic->chips[port & 1];

	chip->level = value & elcr_lines[port & 1];
	/* A line that is up already asks by that. */
	chip->irr |= chip->lines & chip->level;
	cascade(pic);
}

static const struct port_range pic_ports[] = {
	{ 0x20, 0x21, 1, pic_in, pic_out },
	{ 0xa0, 0xa1, 1, pic_in, pic_out },
	{ 0x4d0, 0x4d1, 1, elcr_in, elcr_out },
};

void pic_init(struct pic *pic, struct bus *bus)
{
	*pic = (struct pic){ };
	bus_attach(bus, pic_ports, ARRAY_SIZE(pic_ports), pic);
}
