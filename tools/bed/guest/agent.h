/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bed's agent: the program that /init becomes inside the machine. It takes what the run needs
 * (payload.c), loads the module, runs the command (command.c) and reports everything over one
 * channel (channel.c). The bed's side of the channel is bedlib/frame.py.
 */
#ifndef BED_AGENT_H
#define BED_AGENT_H

#include <stddef.h>
#include <stdint.h>

enum frame_type {
	FRAME_HELLO = 'H', /* the agent runs; text: uptime */
	FRAME_STDOUT = 'O', /* bytes of the command's standard output */
	FRAME_STDERR = 'E', /* bytes of its standard error */
	FRAME_KLOG = 'K', /* one record of /dev/kmsg, as read from there */
	FRAME_TAR = 'T', /* bytes of a tar archive of /out */
	FRAME_FAILED = 'F', /* the bed itself failed; text: where */
	FRAME_STATUS = 'X', /* how the command ended; text: its status as a shell has it */
	FRAME_END = 'Z', /* all was sent; the machine can be ended */
};

/* channel.c */

/** channel_open() - get access to the port; failure ends the machine's usefulness: it halts */
void channel_open(void);

/** channel_drop() - give the access up, in a child: it would outlive even exec */
void channel_drop(void);

/** channel_send() - send one frame */
void channel_send(enum frame_type type, const void *data, size_t len);

/** channel_text() - send one frame with formatted text */
void channel_text(enum frame_type type, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * channel_copy() - send what can be read from @fd now, as frames of @type
 * @once: one read only, so that several sources take turns
 * Return: 1 when there may be more later, 0 at the end of the file or on an error.
 */
int channel_copy(enum frame_type type, int fd, int once);

/* klog.c */

/**
 * klog_open() - start to read the kernel's log at the mark that /init wrote
 * Return: a non-blocking descriptor for poll(), or -1.
 */
int klog_open(void);

/** klog_copy() - send every record that is there */
void klog_copy(int fd);

/* payload.c */

/**
 * payload_take() - stop at the point where machines are saved, then unpack what the bed put
 * into the memory window named on the kernel's command line ("bed.window=SIZE@ADDRESS")
 * Without a window the archive is the file /bed/payload.
 * Return: 0, or -1 after sending FRAME_FAILED.
 */
int payload_take(void);

/* command.c */

/** struct request - what the bed asks for, from the file /bed/request */
struct request {
	char **argv; /* the command; empty: a shell on the console */
	int module; /* load /kev.ko first */
	int out; /* send /out back */
};

/** request_read() - read the request; Return: 0, or -1 after sending FRAME_FAILED */
int request_read(struct request *req);

/**
 * command_run() - run a command and send what it prints, and the kernel's log meanwhile
 * Return: its exit status, 128 + signal when a signal ended it; -1 after sending FRAME_FAILED.
 */
int command_run(char **argv, enum frame_type out, enum frame_type err, int klog);

/** command_shell() - the same for an interactive shell on the console */
int command_shell(int klog);

#endif
