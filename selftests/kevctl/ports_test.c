// SPDX-License-Identifier: GPL-2.0
/* The devices that are little more than a port: printers, exits, power, reset, PCI, CMOS. */
#include "../../tools/kevctl/machine/cmos.h"
#include "../../tools/kevctl/machine/debug_exit.h"
#include "../../tools/kevctl/machine/pci.h"
#include "../../tools/kevctl/machine/power.h"
#include "../../tools/kevctl/machine/printer.h"
#include "../../tools/kevctl/machine/reset.h"
#include "device.h"

static uint64_t printed(unsigned int argument)
{
	static const char *const expected[] = { "A", "AB" };

	return !strcmp(rig.printed, expected[argument]);
}

static const struct step serial[] = {
	{ NULL, OUT, 0x3f8, 'A' },
	{ "a byte is printed", CALL, 0, 1, .call = printed },
	{ NULL, OUT, 0x3f8, 0x11223300 | 'B', 4 },
	{ "of a dword, the low byte", CALL, 1, 1, .call = printed },
	{ "there is nothing to read", IN, 0x3f8, 0xff },
};

static const struct step debug[] = {
	{ "reads its own number", IN, 0xe9, 0xe9 },
	{ NULL, OUT, 0xe9, 'A' },
	{ "a byte is printed", CALL, 0, 1, .call = printed },
};

static const struct step debug_exit[] = {
	{ "reads 0", IN, 0xf4, 0, 4 },
	{ NULL, OUT, 0xf4, 0 },
	{ "0 gives 1", CODE, 0, 1 },
	{ NULL, OUT, 0xf4, 0x10, 4 },
	{ "0x10 gives 33", CODE, 0, 33 },
	{ NULL, OUT, 0xf5, 0x7f },
	{ "the port behind it too", CODE, 0, 0xff },
	{ NULL, OUT, 0xf4, 0xffffffff, 4 },
	{ "the greatest code", CODE, 0, 0x1ffffffff },
};

static const struct step power[] = {
	{ NULL, OUT, 0x604, 0x2000, 2 },
	{ "0x604, word", CODE, 0, 0 },
	{ NULL, OUT, 0x604, 0x2000, 4 },
	{ "0x604, dword", CODE, 0, 0 },
	{ NULL, OUT, 0xb004, 0x2000, 2 },
	{ "0xb004", CODE, 0, 0 },
	{ NULL, OUT, 0x604, 0x3c00, 2 },
	{ NULL, OUT, 0x604, 0x20, 1 },
	{ NULL, OUT, 0x605, 0x20, 1 },
	{ "another value, another port", ALIVE },
};

static const struct step reset[] = {
	{ "0xcf9 reads 0", IN, 0xcf9, 0 },
	{ NULL, OUT, 0xcf9, 0x02 },
	{ "hard reset is only chosen", ALIVE },
	{ "0xcf9 keeps it", IN, 0xcf9, 2 },
	{ NULL, OUT, 0xcf9, 0x06 },
	{ "bit 2 resets", CODE, 0, 0 },
	{ NULL, OUT, 0xcf9, 0x06 },
	{ "only as it becomes 1", ALIVE },
	{ "keyboard controller: no byte, ready for one", IN, 0x64, 4 },
	{ NULL, OUT, 0x64, 0xd1 },
	{ "another command", ALIVE },
	{ NULL, OUT, 0x64, 0xfe },
	{ "pulse of the reset line", CODE, 0, 0 },
	{ "PCI behind it", IN, 0xcf8, 0xffffffff, 4 },
};

static struct pci pci_bus;

static const struct step pci[] = {
	{ NULL, OUT, 0xcf8, 0x80000000, 4 },
	{ "the address reads all ones", IN, 0xcf8, 0xffffffff, 4 },
	{ "data: dword", IN, 0xcfc, 0xffffffff, 4 },
	{ "data: word", IN, 0xcfe, 0xffff, 2 },
	{ "data: byte", IN, 0xcff, 0xff },
};

/* 2024-02-29 13:05:09 UTC, a Thursday */
#define EPOCH	1709211909ULL

static const struct step cmos[] = {
	{ "the index cannot be read", IN, 0x70, 0xff },
	{ NULL, OUT, 0x70, 0x0b },
	{ "status B: 24 hours, BCD", IN, 0x71, 0x02 },
	{ NULL, OUT, 0x70, 0x00 },
	{ "seconds, BCD", IN, 0x71, 0x09 },
	{ NULL, TIME, 0, 3 * NSEC_PER_SEC },
	{ "seconds, 3 s later", IN, 0x71, 0x12 },
	{ NULL, TIME, 0, 0 },
	{ NULL, OUT, 0x70, 0x02 },
	{ "minutes", IN, 0x71, 0x05 },
	{ NULL, OUT, 0x70, 0x84 },
	{ "hours; bit 7 of the index is another matter", IN, 0x71, 0x13 },
	{ NULL, OUT, 0x70, 0x06 },
	{ "day of the week", IN, 0x71, 5 },
	{ NULL, OUT, 0x70, 0x07 },
	{ "day", IN, 0x71, 0x29 },
	{ NULL, OUT, 0x70, 0x08 },
	{ "month", IN, 0x71, 0x02 },
	{ NULL, OUT, 0x70, 0x09 },
	{ "year", IN, 0x71, 0x24 },
	{ NULL, OUT, 0x70, 0x32 },
	{ "century", IN, 0x71, 0x20 },
	{ NULL, OUT, 0x70, 0x0b },
	{ NULL, OUT, 0x71, 0x04 },
	{ NULL, OUT, 0x70, 0x07 },
	{ "day, binary", IN, 0x71, 29 },
	{ NULL, OUT, 0x70, 0x04 },
	{ "hours, binary, 12 hours: 1 p.m.", IN, 0x71, 0x81 },
	{ NULL, TIME, 0, 11 * 3600 * NSEC_PER_SEC },
	{ "midnight is 12 a.m.", IN, 0x71, 12 },
	{ NULL, TIME, 0, 23 * 3600 * NSEC_PER_SEC },
	{ "noon is 12 p.m.", IN, 0x71, 0x8c },
	{ NULL, OUT, 0x70, 0x0a },
	{ "status A: no update under way", IN, 0x71, 0x26 },
	{ NULL, OUT, 0x71, 0xff },
	{ "that bit cannot be set", IN, 0x71, 0x7f },
	{ NULL, OUT, 0x70, 0x0c },
	{ "status C: no interrupt", IN, 0x71, 0 },
	{ NULL, OUT, 0x70, 0x0d },
	{ NULL, OUT, 0x71, 0 },
	{ "status D: the memory is valid", IN, 0x71, 0x80 },
	{ NULL, OUT, 0x70, 0x50 },
	{ NULL, OUT, 0x71, 0x5a },
	{ NULL, OUT, 0x70, 0x51 },
	{ NULL, OUT, 0x71, 0xa5 },
	{ NULL, OUT, 0x70, 0x50 },
	{ "memory keeps its bytes", IN, 0x71, 0x5a },
	{ NULL, OUT, 0x70, 0x15 },
	{ "640 KiB, low", IN, 0x71, 0x80 },
	{ NULL, OUT, 0x70, 0x16 },
	{ "640 KiB, high", IN, 0x71, 0x02 },
	{ NULL, OUT, 0x70, 0x17 },
	{ "63 MiB above 1 MiB, low", IN, 0x71, 0x00 },
	{ NULL, OUT, 0x70, 0x31 },
	{ "63 MiB above 1 MiB, high, the copy", IN, 0x71, 0xfc },
	{ NULL, OUT, 0x70, 0x34 },
	{ "84 MiB above 16 MiB, low", IN, 0x71, 0x40 },
	{ NULL, OUT, 0x70, 0x35 },
	{ "84 MiB above 16 MiB, high", IN, 0x71, 0x05 },
};

int main(void)
{
	static struct reset reset_device;
	static struct cmos cmos_device;

	rig_init();
	serial_printer_init(&rig.board, &rig.bus);
	PLAY(serial);
	rig_init();
	debug_printer_init(&rig.board, &rig.bus);
	PLAY(debug);
	rig_init();
	debug_exit_init(&rig.board, &rig.bus);
	PLAY(debug_exit);
	rig_init();
	power_init(&rig.board, &rig.bus);
	PLAY(power);
	rig_init();
	reset_init(&reset_device, &rig.board, &rig.bus);
	pci_init(&pci_bus, &rig.bus);
	PLAY(reset);
	rig_init();
	pci_init(&pci_bus, &rig.bus);
	PLAY(pci);
	rig_init();
	rig.board.epoch = EPOCH * NSEC_PER_SEC;
	cmos_init(&cmos_device, &rig.board, &rig.bus, 100 * 1024);
	PLAY(cmos);
	return tap_end();
}
