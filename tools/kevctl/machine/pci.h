/* SPDX-License-Identifier: GPL-2.0 */
/* The configuration ports of an empty PCI bus. */
#ifndef KEVCTL_PCI_H
#define KEVCTL_PCI_H

struct bus;

/* Ports 0xcf8 to 0xcff: writes are ignored, reads give all ones. */
void pci_init(struct bus *bus);

#endif /* KEVCTL_PCI_H */
