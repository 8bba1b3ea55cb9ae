/* SPDX-License-Identifier: GPL-2.0 */
/* Which Hermit images kevctl runs. */
#ifndef KEVCTL_HERMIT_ACCEPT_H
#define KEVCTL_HERMIT_ACCEPT_H

#include "../image/info.h"

#define ACCEPT_WHY	80	/* room for a reason */

/**
 * accept_image() - can this image be run as a Hermit guest?
 * @info: what it is
 * @why: out, if not: what is wrong with it, for a person
 *
 * Return: whether it can.
 */
bool accept_image(const struct image_info *info, char why[ACCEPT_WHY]);

#endif /* KEVCTL_HERMIT_ACCEPT_H */
