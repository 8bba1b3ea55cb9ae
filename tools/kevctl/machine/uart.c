// SPDX-License-Identifier: GPL-2.0
/* The 16550D UART. */
#include <string.h>

#include "../kevctl.h"
#include "bus.h"
#include "uart.h"

#define UART_BASE	0x3f8

/* Offsets of the registers */
enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH };
#define FCR		IIR	/* the same port, written */

#define IER_DATA	0x01
#define IER_SENT	0x02
#define IER_LINE	0x04
#define IER_MODEM	0x08

#define IIR_NONE	0x01
#define IIR_MODEM	0x00
#define IIR_SENT	0x02
#define IIR_DATA	0x04
#define IIR_LINE	0x06
#define IIR_TIMEOUT	0x0c
#define IIR_FIFOS	0xc0

#define FCR_ENABLE	0x01
#define FCR_CLEAR	0x02
#define FCR_KEPT	0xc9

#define LCR_DIVISOR	0x80

#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08	/* lets the interrupt through to the bus */
#define MCR_LOOP	0x10

#define LSR_DATA	0x01
#define LSR_OVERRUN	0x02
#define LSR_EMPTY	0x60	/* holding register and shift register */

#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80
#define MSR_RI_FELL	0x04

static unsigned int depth(const struct uart *uart)
{
	return uart->fcr & FCR_ENABLE ? UART_FIFO : 1;
}

static unsigned int trigger_level(const struct uart *uart)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return uart->fcr & FCR_ENABLE ? levels[uart->fcr >> 6] : 1;
}

/* What the interrupt is about, the most urgent first */
static uint8_t cause(const struct uart *uart)
{
	if (uart->ier & IER_LINE && uart->overrun)
		return IIR_LINE;
	if (uart->ier & IER_DATA && uart->count >= trigger_level(uart))
		return IIR_DATA;
	/* No further byte is on its way: its time has run out. */
	if (uart->ier & IER_DATA && uart->count)
		return IIR_TIMEOUT;
	if (uart->ier & IER_SENT && uart->sent)
		return IIR_SENT;
	if (uart->ier & IER_MODEM && uart->modem_changes)
		return IIR_MODEM;
	return IIR_NONE;
}

static bool interrupts_reach_bus(const struct uart *uart)
{
	return (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
}

static void update_line(struct uart *uart)
{
	uart->board->line(uart->board, UART_IRQ,
			  interrupts_reach_bus(uart) && cause(uart) != IIR_NONE);
}

/* Bits 7:4 of the modem status; in loopback the outputs of the modem control. */
static uint8_t modem_inputs(const struct uart *uart)
{
	if (!(uart->mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	return (uart->mcr & MCR_RTS ? MSR_CTS : 0) | (uart->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (uart->mcr & MCR_OUT1 ? MSR_RI : 0) | (uart->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void write_mcr(struct uart *uart, uint8_t value)
{
	uint8_t old = modem_inputs(uart), changed;

	uart->mcr = value & 0x1f;
	changed = old ^ modem_inputs(uart);
	uart->modem_changes |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
	if (changed & old & MSR_RI)
		uart->modem_changes |= MSR_RI_FELL;
}

static void write_fcr(struct uart *uart, uint8_t value)
{
	if (value & FCR_CLEAR || (value ^ uart->fcr) & FCR_ENABLE)
		uart->count = 0;
	/* The other bits are only taken together with this one. */
	uart->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
}

static void put_received(struct uart *uart, uint8_t byte)
{
	if (uart->count == depth(uart))
		uart->overrun = true;
	else
		uart->fifo[uart->count++] = byte;
}

static uint8_t take_received(struct uart *uart)
{
	uint8_t byte = uart->fifo[0];

	if (!uart->count)
		return 0;
	uart->count--;
	memmove(uart->fifo, uart->fifo + 1, uart->count);
	return byte;
}

static void send(struct uart *uart, uint8_t byte)
{
	uart->sent = false;
	update_line(uart);
	if (uart->mcr & MCR_LOOP)
		put_received(uart, byte);
	else
		uart->board->print(uart->board, byte);
	uart->sent = true;
}

static uint8_t read_iir(struct uart *uart)
{
	uint8_t value = cause(uart);

	if (value == IIR_SENT)
		uart->sent = false;
	return value | (uart->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct uart *uart)
{
	uint8_t value = LSR_EMPTY | (uart->count ? LSR_DATA : 0) |
			(uart->overrun ? LSR_OVERRUN : 0);

	uart->overrun = false;
	uart->listening = true;
	return value;
}

static uint8_t read_msr(struct uart *uart)
{
	uint8_t value = modem_inputs(uart) | uart->modem_changes;

	uart->modem_changes = 0;
	return value;
}

static uint8_t read_register(struct uart *uart, unsigned int offset)
{
	if (uart->lcr & LCR_DIVISOR && offset <= IER)
		return uart->divisor[offset];
	switch (offset) {
	case DATA:
		uart->listening = true;
		return take_received(uart);
	case IER:
		return uart->ier;
	case IIR:
		return read_iir(uart);
	case LCR:
		return uart->lcr;
	case MCR:
		return uart->mcr;
	case LSR:
		return read_lsr(uart);
	case MSR:
		return read_msr(uart);
	default:
		return uart->scratch;
	}
}

static void write_register(struct uart *uart, unsigned int offset, uint8_t value)
{
	if (uart->lcr & LCR_DIVISOR && offset <= IER) {
		uart->divisor[offset] = value;
		return;
	}
	switch (offset) {
	case DATA:
		send(uart, value);
		break;
	case IER:
		if (value & ~uart->ier & IER_SENT)
			uart->sent = true;
		uart->ier = value & 0x0f;
		uart->listening |= value & IER_DATA;
		break;
	case FCR:
		write_fcr(uart, value);
		break;
	case LCR:
		uart->lcr = value;
		break;
	case MCR:
		write_mcr(uart, value);
		break;
	case SCRATCH:
		uart->scratch = value;
		break;
	default:	/* line and modem status are for reading */
		break;
	}
}

static uint32_t uart_in(void *device, uint16_t port)
{
	uint8_t value = read_register(device, port - UART_BASE);

	update_line(device);
	return value;
}

static void uart_out(void *device, uint16_t port, uint32_t value)
{
	write_register(device, port - UART_BASE, value);
	update_line(device);
}

static const struct port_range uart_ports[] = {
	{ UART_BASE, UART_BASE + SCRATCH, 1, uart_in, uart_out },
};

void uart_init(struct uart *uart, struct board *board, struct bus *bus)
{
	*uart = (struct uart){ .board = board };
	bus_attach(bus, uart_ports, ARRAY_SIZE(uart_ports), uart);
}

unsigned int uart_room(const struct uart *uart)
{
	if (!uart->listening || uart->mcr & MCR_LOOP)
		return 0;
	return depth(uart) - uart->count;
}

void uart_receive(struct uart *uart, uint8_t byte)
{
	put_received(uart, byte);
	update_line(uart);
}

bool uart_waits(const struct uart *uart)
{
	return interrupts_reach_bus(uart) && uart->ier & IER_DATA;
}
