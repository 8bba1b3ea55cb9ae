/* SPDX-License-Identifier: GPL-2.0 */
/* What the outputs in JSON have in common. */
#ifndef KEVCTL_JSON_H
#define KEVCTL_JSON_H

#include <stdio.h>

/**
 * json_string() - print a string
 * @to: stream
 * @text: any bytes, or NULL: null
 *
 * Bytes beyond ASCII are printed as the characters of those numbers.
 */
void json_string(FILE *to, const char *text);

#endif /* KEVCTL_JSON_H */
