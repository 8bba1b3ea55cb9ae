/* SPDX-License-Identifier: GPL-2.0 */
/* The 16550D UART at 0x3f8 (National Semiconductor PC16550D data sheet). */
#ifndef KEVCTL_UART_H
#define KEVCTL_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

struct bus;

#define UART_IRQ	4
#define UART_FIFO	16

/**
 * struct uart - one 16550; bytes take no time on the line
 * @board: board
 * @ier: interrupt enable register
 * @fcr: FIFO control register, without the bits that read as zero
 * @lcr: line control register
 * @mcr: modem control register
 * @scratch: scratch register
 * @divisor: divisor latch, low byte first
 * @modem_changes: bits 3:0 of the modem status register
 * @fifo: received bytes, the oldest first
 * @count: how many
 * @overrun: a byte came that had no room
 * @sent: the transmitter has become empty, and nobody knows
 * @listening: the guest has looked for input
 */
struct uart {
	struct board *board;
	uint8_t ier, fcr, lcr, mcr, scratch, divisor[2], modem_changes;
	uint8_t fifo[UART_FIFO];
	uint8_t count;
	bool overrun, sent, listening;
};

/* Reset @uart and give it its ports. */
void uart_init(struct uart *uart, struct board *board, struct bus *bus);

/*
 * How many bytes uart_receive() takes now; 0 until the guest has looked for
 * input once, so that a guest that only prints does not eat what others wait for.
 */
unsigned int uart_room(const struct uart *uart);

/* A byte comes in. */
void uart_receive(struct uart *uart, uint8_t byte);

/* Would input raise an interrupt? */
bool uart_waits(const struct uart *uart);

#endif /* KEVCTL_UART_H */
