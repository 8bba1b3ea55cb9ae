/* SPDX-License-Identifier: GPL-2.0 */
/* The pair of 8259A interrupt controllers (Intel 8259A data sheet, order 231468). */
#ifndef KEVCTL_PIC_H
#define KEVCTL_PIC_H

#include <stdbool.h>
#include <stdint.h>

struct bus;

/* Line 2 of the first chip is the second chip. */
#define PIC_CASCADE	2
#define PIC_LINES	16

/**
 * struct pic_chip - one 8259A
 * @irr: interrupt request register
 * @isr: in-service register
 * @imr: interrupt mask register
 * @lines: state of the lines
 * @level: lines that are level-triggered (ELCR)
 * @base: vector of line 0
 * @lowest: line of the lowest priority
 * @expect: number of the initialisation command word that comes next, 0 for none
 * @single: ICW1: there is no ICW3
 * @with_icw4: ICW1: there is an ICW4
 * @ready: initialised
 * @nested: ICW4: special fully nested mode
 * @auto_eoi: ICW4: an acknowledge is an end of interrupt too
 * @rotate: that end of interrupt rotates the priorities
 * @special_mask: OCW3: lines in service hinder only themselves, once masked
 * @read_isr: OCW3: reads give the ISR
 * @poll: OCW3: the next read acknowledges
 */
struct pic_chip {
	uint8_t irr, isr, imr, lines, level, base, lowest, expect;
	bool single, with_icw4, ready, nested, auto_eoi, rotate;
	bool special_mask, read_isr, poll;
};

struct pic {
	struct pic_chip chips[2];
};

/* Reset @pic and give it ports 0x20, 0x21, 0xa0, 0xa1, 0x4d0 and 0x4d1. */
void pic_init(struct pic *pic, struct bus *bus);

/* Line @irq, 0 to 15, goes up or down. */
void pic_line(struct pic *pic, unsigned int irq, bool up);

/* The vector that the CPU would get now, or -1. */
int pic_pending(const struct pic *pic);

/* The CPU takes what pic_pending() gives, which is not -1. */
void pic_acknowledge(struct pic *pic);

/* Could line @irq interrupt the CPU, were the lines above it quiet? */
bool pic_open(const struct pic *pic, unsigned int irq);

#endif /* KEVCTL_PIC_H */
