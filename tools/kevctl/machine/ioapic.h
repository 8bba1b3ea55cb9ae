/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The 82093AA I/O APIC (Intel data sheet 290566): registers and messages.
 *
 * The local APICs are kev's, which does not tell when a guest has served an interrupt. So a
 * level-triggered pin sends one message as it goes up, and the next one after it was down:
 * enough for a driver that serves its device until the line falls.
 */
#ifndef KEVCTL_IOAPIC_H
#define KEVCTL_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#define IOAPIC_BASE	0xfec00000ULL
#define IOAPIC_SIZE	0x1000ULL
#define IOAPIC_PINS	24

/**
 * struct ioapic - one I/O APIC
 * @index: which register the data register shows
 * @id: its identification, in place
 * @entries: redirection table, with delivery status and remote IRR
 * @lines: state of the pins
 */
struct ioapic {
	uint8_t index;
	uint32_t id;
	uint64_t entries[IOAPIC_PINS];
	uint32_t lines;
};

/**
 * struct ioapic_message - an interrupt on its way to a local APIC
 * @pin: where it comes from
 * @vector: vector
 * @mode: delivery mode: 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT
 * @logical: @destination is a set of CPUs, not an APIC id
 * @destination: bits 63:56 of the redirection entry
 */
struct ioapic_message {
	unsigned int pin;
	uint8_t vector, mode;
	bool logical;
	uint8_t destination;
};

/* All pins masked */
void ioapic_init(struct ioapic *ioapic);

/**
 * ioapic_read() - a 32-bit read of its page
 * @ioapic: I/O APIC
 * @offset: bytes from IOAPIC_BASE
 *
 * Return: the register; 0 where there is none.
 */
uint32_t ioapic_read(const struct ioapic *ioapic, unsigned int offset);

/* A 32-bit write to its page */
void ioapic_write(struct ioapic *ioapic, unsigned int offset, uint32_t value);

/* @pin is asserted or not; polarity is the wiring's business. */
void ioapic_line(struct ioapic *ioapic, unsigned int pin, bool asserted);

/* The message that is to be sent next; false without one. */
bool ioapic_pending(const struct ioapic *ioapic, struct ioapic_message *message);

/* The message of @pin has been accepted. */
void ioapic_accepted(struct ioapic *ioapic, unsigned int pin);

/* Would @pin send a message as it is asserted? */
bool ioapic_open(const struct ioapic *ioapic, unsigned int pin);

#endif /* KEVCTL_IOAPIC_H */
