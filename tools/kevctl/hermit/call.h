/* SPDX-License-Identifier: GPL-2.0 */
/* One call of a Hermit guest, and what both versions of the interface have in common. */
#ifndef KEVCTL_HERMIT_CALL_H
#define KEVCTL_HERMIT_CALL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../console.h"
#include "../guest_memory.h"
#include "arguments.h"
#include "files.h"

/* The guest's streams */
enum { GUEST_STDIN, GUEST_STDOUT, GUEST_STDERR };

/**
 * struct hermit_calls - what the calls of a guest work on
 * @arguments: argv and environ
 * @files: files
 * @mounts: what files_mount() gives
 * @nr_mounts: how many
 * @input: held by the one that waits for stdin, so that the others wait for it and not
 *	for bytes that it has taken
 * @warned: WARNED_*: what has been told already; atomic
 * @verbose: tell about the guest's mistakes
 */
struct hermit_calls {
	struct arguments arguments;
	struct files files;
	char **mounts;
	unsigned int nr_mounts;
	pthread_mutex_t input;
	unsigned int warned;
	bool verbose;
};

#define WARNED_NETWORK		(1U << 0)	/* old network calls */
#define WARNED_STRUCTURE	(1U << 1)	/* a structure that is not in memory */
#define WARNED_WRITE		(1U << 2)	/* a write that failed, untold */

/**
 * struct call - one call
 * @calls: the guest's
 * @physical: guest memory by guest-physical address
 * @virtual: guest memory by the addresses of the vCPU that calls
 * @console: the way to stdout
 * @stop: eventfd: readable once the VM is to end
 * @failed: out: stdout cannot be written
 * @ended: out: the guest has ended itself
 * @code: out: with this code
 */
struct call {
	struct hermit_calls *calls;
	struct guest_view physical;
	struct guest_view virtual;
	struct console *console;
	int stop;
	bool failed;
	bool ended;
	uint64_t code;
};

/* A call by its port; @parameter is what the guest has handed over. */
typedef void call_function(struct call *call, uint64_t parameter);

/* call_v1() and call_v2() - what a port stands for, or NULL */
call_function *call_v1(uint16_t port);
call_function *call_v2(uint16_t port);

/* Says something once, if it is of any use to the user. */
void call_warn(struct call *call, unsigned int what, const char *text);

/* call_structure() - read what @parameter points to; whether it is there */
bool call_structure(struct call *call, uint64_t parameter, void *structure, size_t size);

/*
 * ANSWER() - write a result where the structure was read; if that is gone by now, so is
 * the result
 */
#define ANSWER(call, parameter, type, field, value) do { \
	__typeof__(((type *)0)->field) answer_ = (value); \
	guest_write_all(&(call)->physical, (parameter) + offsetof(type, field), &answer_, \
			sizeof(answer_)); \
} while (0)

/* Ends the guest. */
void call_exit(struct call *call, int32_t code);

/*
 * What a call does; results are the guest's: not negative, or a negative errno. Addresses
 * are guest-physical but for those that come with a view.
 */
int32_t call_open(struct call *call, uint64_t name, uint32_t flags, uint32_t mode);
int32_t call_close(struct call *call, int32_t fd);
int32_t call_unlink(struct call *call, uint64_t name);
int32_t call_mkdir(struct call *call, uint64_t name);
int32_t call_stat(struct call *call, uint64_t name, bool follow, struct stat *stat);
int32_t call_fstat(struct call *call, int32_t fd, struct stat *stat);
int64_t call_lseek(struct call *call, int32_t fd, int64_t offset, uint32_t whence);
int64_t call_read(struct call *call, const struct guest_view *view, int32_t fd, uint64_t buffer,
		  uint64_t length);
int64_t call_write(struct call *call, const struct guest_view *view, int32_t fd,
		   uint64_t buffer, uint64_t length);
int64_t call_entries(struct call *call, int32_t fd, uint64_t buffer, uint64_t length);

/* Prints a byte, or bytes, as a serial port would. */
void call_print_byte(struct call *call, uint8_t byte);
void call_print(struct call *call, uint64_t buffer, uint64_t length);

/* call_input_byte() - the next byte of stdin, or a negative errno; -ENODATA at its end */
int call_input_byte(struct call *call);

#endif /* KEVCTL_HERMIT_CALL_H */
