// SPDX-License-Identifier: GPL-2.0
/* The 16550: registers, FIFO, causes of its interrupt, loopback. */
#include "../../tools/kevctl/machine/uart.h"
#include "device.h"

static struct uart uart;

static uint64_t room(unsigned int argument)
{
	return uart_room(&uart) + 0 * argument;
}

static uint64_t waits(unsigned int argument)
{
	return uart_waits(&uart) + 0 * argument;
}

static uint64_t receive(unsigned int byte)
{
	uart_receive(&uart, byte);
	return 0;
}

static uint64_t fill(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		uart_receive(&uart, 0x40 + i);
	return 0;
}

static uint64_t printed(unsigned int argument)
{
	return strlen(rig.printed) + 0 * argument;
}

#define IRQ4	(1 << 4)

static const struct step output[] = {
	{ "line status: empty", IN, 0x3fd, 0x60 },
	{ "no interrupt", IN, 0x3fa, 0x01 },
	{ NULL, OUT, 0x3f8, 'x' },
	{ "a byte is printed", CALL, 0, 1, .call = printed },
	{ "and the transmitter empty at once", IN, 0x3fd, 0x60 },
	{ "no interrupt while it is disabled", LINES, 0, 0 },
	{ NULL, OUT, 0x3fb, 0x83 },
	{ NULL, OUT, 0x3f8, 0x0c },
	{ NULL, OUT, 0x3f9, 0x01 },
	{ "divisor latch, low", IN, 0x3f8, 0x0c },
	{ "divisor latch, high", IN, 0x3f9, 0x01 },
	{ "line control", IN, 0x3fb, 0x83 },
	{ NULL, OUT, 0x3fb, 0x03 },
	{ "it was no byte to print", CALL, 0, 1, .call = printed },
	{ "nor an interrupt enable", IN, 0x3f9, 0x00 },
	{ NULL, OUT, 0x3ff, 0xa5 },
	{ "scratch register", IN, 0x3ff, 0xa5 },
	{ "modem status: connected", IN, 0x3fe, 0xb0 },
	{ NULL, OUT, 0x3fc, 0xff },
	{ "modem control has five bits", IN, 0x3fc, 0x1f },
};

static const struct step sent_interrupt[] = {
	{ NULL, OUT, 0x3f9, 0x02 },
	{ "OUT2 keeps it from the bus", LINES, 0, 0 },
	{ NULL, OUT, 0x3fc, 0x08 },
	{ "enabled while empty: at once", LINES, 0, IRQ4 },
	{ "it says why", IN, 0x3fa, 0x02 },
	{ "reading that ends it", LINES, 0, 0 },
	{ "and there is no other", IN, 0x3fa, 0x01 },
	{ NULL, RISES, 0, 1 },
	{ NULL, OUT, 0x3f8, 'x' },
	{ "a byte sent is the next", RISES, 0, 1 },
	{ NULL, OUT, 0x3f8, 'y' },
	{ "each gives an edge", RISES, 0, 1 },
	{ NULL, OUT, 0x3f9, 0x00 },
	{ "disabled", LINES, 0, 0 },
	{ NULL, IN, 0x3fa, 0x01 },
	{ NULL, OUT, 0x3f9, 0x02 },
	{ "enabled again", LINES, 0, IRQ4 },
};

static const struct step input[] = {
	{ "nobody has asked: no room", CALL, 0, 0, .call = room },
	{ NULL, IN, 0x3fd, 0x60 },
	{ "without FIFO: room for one", CALL, 0, 1, .call = room },
	{ NULL, CALL, 'a', 0, .call = receive },
	{ "full", CALL, 0, 0, .call = room },
	{ "line status: data", IN, 0x3fd, 0x61 },
	{ "no interrupt is enabled", LINES, 0, 0 },
	{ NULL, OUT, 0x3fc, 0x08 },
	{ "does not wait for input", CALL, 0, 0, .call = waits },
	{ NULL, OUT, 0x3f9, 0x01 },
	{ "waits for input", CALL, 0, 1, .call = waits },
	{ "interrupt", LINES, 0, IRQ4 },
	{ "received data", IN, 0x3fa, 0x04 },
	{ "reading the cause does not end it", LINES, 0, IRQ4 },
	{ "the byte", IN, 0x3f8, 'a' },
	{ "reading the byte does", LINES, 0, 0 },
	{ "line status: nothing left", IN, 0x3fd, 0x60 },
	{ NULL, CALL, 'b', 0, .call = receive },
	{ NULL, CALL, 'c', 0, .call = receive },
	{ NULL, OUT, 0x3f9, 0x05 },
	{ "overrun goes first", IN, 0x3fa, 0x06 },
	{ "line status: overrun", IN, 0x3fd, 0x63 },
	{ "told once", IN, 0x3fd, 0x61 },
	{ "then the data", IN, 0x3fa, 0x04 },
};

static const struct step fifo[] = {
	{ NULL, OUT, 0x3fa, 0x81 },
	{ NULL, OUT, 0x3fc, 0x08 },
	{ NULL, OUT, 0x3f9, 0x01 },
	{ "FIFOs are on", IN, 0x3fa, 0xc1 },
	{ "room for 16", CALL, 0, 16, .call = room },
	{ NULL, CALL, 7, 0, .call = fill },
	{ "below the trigger level: time-out", IN, 0x3fa, 0xcc },
	{ NULL, CALL, 'x', 0, .call = receive },
	{ "trigger level 8", IN, 0x3fa, 0xc4 },
	{ "room for the rest", CALL, 0, 8, .call = room },
	{ "the first comes first", IN, 0x3f8, 0x40 },
	{ "the second", IN, 0x3f8, 0x41 },
	{ "still an interrupt", LINES, 0, IRQ4 },
	{ NULL, OUT, 0x3fa, 0x83 },
	{ "clearing empties it", LINES, 0, 0 },
	{ "line status too", IN, 0x3fd, 0x60 },
	{ NULL, CALL, 17, 0, .call = fill },
	{ "16 and one more: overrun", IN, 0x3fd, 0x63 },
	{ "what was there stays", IN, 0x3f8, 0x40 },
	{ NULL, OUT, 0x3fa, 0x00 },
	{ "off: empty", IN, 0x3fd, 0x60 },
	{ "off: no FIFO bits", IN, 0x3fa, 0x01 },
	{ "an empty one reads 0", IN, 0x3f8, 0 },
};

static const struct step loopback[] = {
	{ NULL, OUT, 0x3fc, 0x18 },
	{ NULL, OUT, 0x3f9, 0x01 },
	{ NULL, OUT, 0x3f8, 'q' },
	{ "nothing is printed", CALL, 0, 0, .call = printed },
	{ "no interrupt leaves the chip", LINES, 0, 0 },
	{ "no input from outside", CALL, 0, 0, .call = room },
	{ "the byte comes back", IN, 0x3f8, 'q' },
	{ "OUT2 is DCD; DSR and CTS have fallen", IN, 0x3fe, 0x83 },
	{ NULL, OUT, 0x3fc, 0x12 },
	{ "RTS is CTS, DCD has fallen", IN, 0x3fe, 0x19 },
	{ NULL, OUT, 0x3fc, 0x15 },
	{ "DTR is DSR, OUT1 is RI", IN, 0x3fe, 0x63 },
	{ NULL, OUT, 0x3fc, 0x11 },
	{ "RI has fallen", IN, 0x3fe, 0x24 },
	{ NULL, OUT, 0x3fc, 0x08 },
	{ NULL, OUT, 0x3f9, 0x08 },
	{ "modem status interrupt", IN, 0x3fa, 0x00 },
	{ "its line", LINES, 0, IRQ4 },
	{ NULL, IN, 0x3fe, 0xb9 },
	{ "reading the modem status ends it", LINES, 0, 0 },
};

static void reset(void)
{
	rig_init();
	uart_init(&uart, &rig.board, &rig.bus);
}

int main(void)
{
	reset();
	PLAY(output);
	reset();
	PLAY(sent_interrupt);
	reset();
	PLAY(input);
	reset();
	PLAY(fifo);
	reset();
	PLAY(loopback);
	return tap_end();
}
