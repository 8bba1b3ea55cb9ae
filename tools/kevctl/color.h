/* SPDX-License-Identifier: GPL-2.0 */
/* Colours on standard output: for people at a terminal, unless they want it otherwise. */
#ifndef KEVCTL_COLOR_H
#define KEVCTL_COLOR_H

enum color { COLOR_NONE, COLOR_BOLD, COLOR_GOOD, COLOR_BAD, COLOR_DIM };

/**
 * color_option() - the option --color, for struct command_option
 * @name: it
 * @text: "auto", "always" or "never"
 * @value: unused
 *
 * Return: 0 or -EINVAL, which has been told.
 */
int color_option(const char *name, const char *text, void *value);

/**
 * color() - what makes the text that follows look so
 * @color: COLOR_NONE: as it was
 *
 * Without --color there are colours on a terminal where NO_COLOR is not set in the environment,
 * or is empty (see https://no-color.org), and TERM is not "dumb".
 *
 * Return: for stdout, may be empty.
 */
const char *color(enum color color);

#endif /* KEVCTL_COLOR_H */
