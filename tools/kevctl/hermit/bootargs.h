/* SPDX-License-Identifier: GPL-2.0 */
/* The command line of newer Hermit kernels. Pure. */
#ifndef KEVCTL_HERMIT_BOOTARGS_H
#define KEVCTL_HERMIT_BOOTARGS_H

#include "arguments.h"

/**
 * bootargs_make() - arguments and environment as one line, quoted as for a shell
 * @arguments: both; or NULL for neither
 *
 * An argument "--" divides the kernel's own ones from the program's. Without it all are the
 * program's.
 *
 * Return: a string to be freed, NULL if there is no memory.
 */
char *bootargs_make(const struct arguments *arguments);

#endif /* KEVCTL_HERMIT_BOOTARGS_H */
