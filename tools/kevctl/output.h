/* SPDX-License-Identifier: GPL-2.0 */
/* What commands print to stdout. */
#ifndef OUTPUT_H
#define OUTPUT_H

/**
 * output_flush() - pass on what has been printed
 *
 * What gets lost is told of by output_end().
 *
 * Return: 0, or a negative errno, once anything is lost.
 */
int output_flush(void);

/**
 * output_lost() - something did not get to stdout that went there by another way
 * @error: errno, positive
 */
void output_lost(int error);

/**
 * output_end() - the end of stdout: say what got lost
 * @status: exit status without regard to that
 *
 * Return: the exit status; STATUS_FAILURE instead of 0 where output is lost.
 */
int output_end(int status);

#endif /* OUTPUT_H */
