// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of interface version 1: OUT of a 32-bit guest-physical address, where a packed
 * structure is. Buffers of read and write are guest-virtual addresses.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "../kevctl.h"
#include "call.h"
#include "streams.h"

#define PACKED	__attribute__((packed))

enum port_v1 {
	PORT_WRITE = 0x400,
	PORT_OPEN = 0x440,
	PORT_CLOSE = 0x480,
	PORT_READ = 0x500,
	PORT_EXIT = 0x540,
	PORT_LSEEK = 0x580,
	PORT_NET_INFO = 0x600,
	PORT_NET_WRITE = 0x640,
	PORT_NET_READ = 0x680,
	PORT_NET_STAT = 0x700,
	PORT_CMDSIZE = 0x740,
	PORT_CMDVAL = 0x780,
	PORT_UART = 0x800,
	PORT_UNLINK = 0x840,
	PORT_SERIAL_BUFFER = 0x880,
};

struct PACKED write_v1 {
	int32_t fd;
	uint64_t buf;
	uint64_t len;
};

struct PACKED open_v1 {
	uint64_t name;
	uint32_t flags;
	uint32_t mode;
	int32_t ret;
};

struct PACKED close_v1 {
	int32_t fd;
	int32_t ret;
};

struct PACKED read_v1 {
	int32_t fd;
	uint64_t buf;
	uint64_t len;
	int64_t ret;
};

struct PACKED lseek_v1 {
	int32_t fd;
	int64_t offset;
	uint32_t whence;
};

struct PACKED cmdsize_v1 {
	int32_t argc;
	int32_t argsz[ARGUMENTS_MAX];
	int32_t envc;
	int32_t envsz[ARGUMENTS_MAX];
};

struct PACKED cmdval_v1 {
	uint64_t argv;
	uint64_t envp;
};

struct PACKED unlink_v1 {
	uint64_t name;
	int32_t ret;
};

struct PACKED serial_buffer_v1 {
	uint64_t buf;
	uint64_t len;
};

static void do_write(struct call *call, uint64_t parameter)
{
	struct write_v1 args;
	int64_t n;

	if (!call_structure(call, parameter, &args, sizeof(args)))
		return;
	n = call_write(call, &call->virtual, args.fd, args.buf, args.len);
	if ((n < 0 || (uint64_t)n < args.len) && !call->failed && !stream_stopped(call->stop))
		call_warn(call, WARNED_WRITE,
			  "a write failed, and its interface has no way to tell the guest");
}

static void do_open(struct call *call, uint64_t parameter)
{
	struct open_v1 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct open_v1, ret,
		       call_open(call, args.name, args.flags, args.mode));
}

static void do_close(struct call *call, uint64_t parameter)
{
	struct close_v1 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct close_v1, ret, call_close(call, args.fd));
}

static void do_read(struct call *call, uint64_t parameter)
{
	struct read_v1 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct read_v1, ret,
		       call_read(call, &call->virtual, args.fd, args.buf, args.len));
}

static void do_exit(struct call *call, uint64_t parameter)
{
	int32_t code;

	/* A guest that ends with nothing to say where to has not ended well. */
	if (!call_structure(call, parameter, &code, sizeof(code)))
		code = -1;
	call_exit(call, code);
}

static void do_lseek(struct call *call, uint64_t parameter)
{
	struct lseek_v1 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct lseek_v1, offset,
		       call_lseek(call, args.fd, args.offset, args.whence));
}

static void do_network(struct call *call, uint64_t parameter)
{
	(void)parameter;
	call_warn(call, WARNED_NETWORK, "its old network calls do nothing: --net gives a card");
}

static void do_cmdsize(struct call *call, uint64_t parameter)
{
	const struct arguments *arguments = &call->calls->arguments;
	struct cmdsize_v1 args = { 0 };

	for (; (unsigned int)args.argc < arguments->argc && args.argc < ARGUMENTS_MAX; args.argc++)
		args.argsz[args.argc] = strlen(arguments->argv[args.argc]) + 1;
	for (; (unsigned int)args.envc < arguments->envc && args.envc < ARGUMENTS_MAX; args.envc++)
		args.envsz[args.envc] = strlen(arguments->env[args.envc]) + 1;
	guest_write_all(&call->physical, parameter, &args, sizeof(args));
}

/* @array: of pointers, all guest-physical */
static void put_strings(struct call *call, uint64_t array, const char *const *strings,
			unsigned int count)
{
	uint64_t pointers[ARGUMENTS_MAX];

	if (count > ARGUMENTS_MAX)
		count = ARGUMENTS_MAX;
	if (!call_structure(call, array, pointers, count * sizeof(pointers[0])))
		return;
	for (unsigned int i = 0; i < count; i++)
		guest_write_all(&call->physical, pointers[i], strings[i], strlen(strings[i]) + 1);
}

static void do_cmdval(struct call *call, uint64_t parameter)
{
	const struct arguments *arguments = &call->calls->arguments;
	struct cmdval_v1 args;

	if (!call_structure(call, parameter, &args, sizeof(args)))
		return;
	put_strings(call, args.argv, arguments->argv, arguments->argc);
	put_strings(call, args.envp, (const char *const *)arguments->env, arguments->envc);
}

static void do_uart(struct call *call, uint64_t parameter)
{
	call_print_byte(call, parameter);
}

static void do_unlink(struct call *call, uint64_t parameter)
{
	struct unlink_v1 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct unlink_v1, ret, call_unlink(call, args.name));
}

static void do_serial_buffer(struct call *call, uint64_t parameter)
{
	struct serial_buffer_v1 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		call_print(call, args.buf, args.len);
}

call_function *call_v1(uint16_t port)
{
	switch (port) {
	case PORT_WRITE:
		return do_write;
	case PORT_OPEN:
		return do_open;
	case PORT_CLOSE:
		return do_close;
	case PORT_READ:
		return do_read;
	case PORT_EXIT:
		return do_exit;
	case PORT_LSEEK:
		return do_lseek;
	case PORT_NET_INFO:
	case PORT_NET_WRITE:
	case PORT_NET_READ:
	case PORT_NET_STAT:
		return do_network;
	case PORT_CMDSIZE:
		return do_cmdsize;
	case PORT_CMDVAL:
		return do_cmdval;
	case PORT_UART:
		return do_uart;
	case PORT_UNLINK:
		return do_unlink;
	case PORT_SERIAL_BUFFER:
		return do_serial_buffer;
	default:
		return NULL;
	}
}
