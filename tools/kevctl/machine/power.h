/* SPDX-License-Identifier: GPL-2.0 */
/* Ports that switch the machine off. */
#ifndef KEVCTL_POWER_H
#define KEVCTL_POWER_H

struct board;
struct bus;

/* Power management at 0x604 and 0xb004: a write of 0x2000 ends the machine with code 0. */
void power_init(struct board *board, struct bus *bus);

#endif /* KEVCTL_POWER_H */
