/* SPDX-License-Identifier: GPL-2.0 */
/* What the sub-commands share. */
#ifndef KEVCTL_H
#define KEVCTL_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit statuses of kevctl's own, as `docker run` uses them */
#define STATUS_FAILURE		125	/* kev or kevctl failed, or was used wrongly */
#define STATUS_UNUSABLE		126	/* the image is there, but cannot be used */
#define STATUS_NOT_FOUND	127	/* the image is not there */
#define STATUS_SIGNAL		128	/* plus the signal's number */

/* When kevctl began, by events_now() */
extern uint64_t process_start;

/* Signals that kevctl ignores, and that a program of the user's is to have as kevctl had them */
extern sigset_t signals_to_default;

/* Sub-commands: argv[0] is the command's own name; the return value is the exit status. */
int cmd_run(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_console(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_version(int argc, char **argv);

/**
 * message() - "kevctl: WHAT: WHY" on stderr
 * @what: a file, an option, a step
 * @why: printf format, without newline
 */
void message(const char *what, const char *why, ...) __attribute__((format(printf, 2, 3)));

/**
 * hint() - what the user can do about the last message, on stderr
 * @format: printf format, without newline
 */
void hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * usage_error() - point to --help
 * @command: sub-command, or NULL
 *
 * Return: STATUS_FAILURE.
 */
int usage_error(const char *command);

/**
 * option_error() - report what getopt_long() did not take
 * @option: what it returned: '?' or ':'
 * @argv: the command's arguments
 *
 * For callers that set opterr to 0 and start their short options with ':'.
 *
 * Return: STATUS_FAILURE.
 */
int option_error(int option, char **argv);

/**
 * option_number() - read an option's number, or say that it is none
 * @name: the option
 * @text: what was given
 * @most: greatest value allowed; the smallest is 1
 * @value: out
 *
 * Return: 0 or a negative errno.
 */
int option_number(const char *name, const char *text, unsigned int most, unsigned int *value);

/**
 * open_device() - open the device, or say why not and what to do
 * @path: device node; NULL means the default
 *
 * Return: a file descriptor or a negative errno.
 */
int open_device(const char *path);

/**
 * open_hint() - what to do about a device that cannot be opened
 * @error: errno, positive
 *
 * Return: text, or NULL.
 */
const char *open_hint(int error);

/**
 * vm_hint() - what to do about a VM that cannot be created
 * @error: errno of KEV_CREATE_VM, positive
 *
 * Return: text, or NULL.
 */
const char *vm_hint(int error);

/**
 * parse_size() - read a size as --memory takes it
 * @text: decimal digits, then nothing or one of K, M, G (powers of 1024), also with iB
 * @bytes: out
 *
 * Return: 0; -EINVAL when @text is no size, -ERANGE when it does not fit.
 */
int parse_size(const char *text, uint64_t *bytes);

/**
 * parse_count() - read a number
 * @text: decimal digits
 * @least: smallest value allowed
 * @most: greatest value allowed
 * @value: out
 *
 * Return: 0; -EINVAL when @text is no number, -ERANGE when it is out of range.
 */
int parse_count(const char *text, unsigned int least, unsigned int most, unsigned int *value);

#endif /* KEVCTL_H */
