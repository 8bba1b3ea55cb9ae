/* SPDX-License-Identifier: GPL-2.0 */
/* Ports whose bytes go to the console. */
#ifndef KEVCTL_PRINTER_H
#define KEVCTL_PRINTER_H

struct board;
struct bus;

/* The serial port of kev's guests: a write to 0x3f8 prints, there is no other register. */
void serial_printer_init(struct board *board, struct bus *bus);

/* The debug console at 0xe9, as Bochs has it: reads give 0xe9. */
void debug_printer_init(struct board *board, struct bus *bus);

#endif /* KEVCTL_PRINTER_H */
