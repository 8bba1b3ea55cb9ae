// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of interface version 2 and later: OUT of anything, the parameter is in RDI: a
 * byte, a code, or the guest-physical address of a structure. All addresses in there are
 * guest-physical, too.
 */
#include <errno.h>
#include <stddef.h>

#include "call.h"

enum port_v2 {
	PORT_EXIT = 0x1010,
	PORT_SERIAL_WRITE_BYTE = 0x1020,
	PORT_SERIAL_WRITE_BUFFER = 0x1030,
	PORT_SERIAL_READ_BYTE = 0x1040,
	PORT_SERIAL_READ_BUFFER = 0x1050,
	PORT_WRITE = 0x1100,
	PORT_OPEN = 0x1110,
	PORT_CLOSE = 0x1120,
	PORT_READ = 0x1130,
	PORT_LSEEK = 0x1140,
	PORT_UNLINK = 0x1150,
	PORT_GETDENTS = 0x1160,
	PORT_STAT = 0x1170,
	PORT_FSTAT = 0x1180,
	PORT_MKDIR = 0x1190,
	PORT_SHARED_MEMORY_OPEN = 0x1200,
	PORT_SHARED_MEMORY_CLOSE = 0x1210,
};

/* Results that say first which kind they are. Nothing that goes to the guest has gaps. */
enum entries_result { ENTRIES_NONE, ENTRIES_SUCCESS, ENTRIES_END, ENTRIES_ERROR };
enum plain_result { PLAIN_NONE, PLAIN_SUCCESS, PLAIN_ERROR };

struct serial_write_v2 {
	uint64_t len;
	uint64_t buf;
};

struct serial_read_v2 {
	uint64_t maxlen;
	uint64_t len;
	uint64_t buf;
};

/* read and write */
struct transfer_v2 {
	uint64_t len;
	int64_t ret;
	uint64_t buf;
	int32_t fd;
};

/* As in version 1 */
struct __attribute__((packed)) open_v2 {
	uint64_t name;
	uint32_t flags;
	uint32_t mode;
	int32_t ret;
};

struct close_v2 {
	int32_t fd;
	int32_t ret;
};

struct lseek_v2 {
	int64_t offset;
	uint32_t whence;
	int32_t fd;
};

struct __attribute__((packed)) unlink_v2 {
	uint64_t name;
	int32_t ret;
};

struct entries_result_v2 {
	uint32_t kind;
	uint32_t reserved;
	uint64_t value;		/* bytes, or in its lower half a positive errno */
};

struct getdents_v2 {
	int32_t fd;
	uint64_t buf;
	uint64_t len;
	struct entries_result_v2 ret;
};

struct plain_result_v2 {
	uint32_t kind;
	int32_t error;		/* positive */
};

struct stat_v2 {
	uint64_t name;
	uint32_t kind;		/* STAT_* */
	uint64_t attr;
	struct plain_result_v2 ret;
};

enum { STAT_FOLLOW, STAT_LINK };

struct fstat_v2 {
	int32_t fd;
	uint64_t attr;
	struct plain_result_v2 ret;
};

struct mkdir_v2 {
	uint64_t path;
	uint64_t len;
	struct plain_result_v2 ret;
};

struct time_v2 {
	int64_t sec;
	int32_t nsec;
	int32_t reserved;
};

struct attributes_v2 {
	uint64_t dev;
	uint64_t ino;
	uint64_t nlink;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t reserved;
	uint64_t rdev;
	int64_t size;
	int64_t blksize;
	int64_t blocks;
	struct time_v2 atim;
	struct time_v2 mtim;
	struct time_v2 ctim;
};

_Static_assert(sizeof(struct transfer_v2) == 32 && sizeof(struct lseek_v2) == 16 &&
	       sizeof(struct getdents_v2) == 40 && sizeof(struct stat_v2) == 32 &&
	       sizeof(struct fstat_v2) == 24 && sizeof(struct mkdir_v2) == 24 &&
	       sizeof(struct attributes_v2) == 120, "the interface's sizes");

static struct plain_result_v2 plain(int32_t error)
{
	if (error < 0)
		return (struct plain_result_v2){ .kind = PLAIN_ERROR, .error = -error };
	return (struct plain_result_v2){ .kind = PLAIN_SUCCESS };
}

static void do_exit(struct call *call, uint64_t parameter)
{
	call_exit(call, parameter);
}

static void do_serial_write_byte(struct call *call, uint64_t parameter)
{
	call_print_byte(call, parameter);
}

static void do_serial_write_buffer(struct call *call, uint64_t parameter)
{
	struct serial_write_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		call_print(call, args.buf, args.len);
}

/* By IN the byte comes in the register, see hermit_io(); by OUT it goes to memory. */
static void do_serial_read_byte(struct call *call, uint64_t parameter)
{
	int byte = call_input_byte(call);
	uint8_t value = byte;

	if (byte >= 0)
		guest_write_all(&call->physical, parameter, &value, sizeof(value));
}

static void do_serial_read_buffer(struct call *call, uint64_t parameter)
{
	struct serial_read_v2 args;
	int64_t n;

	if (!call_structure(call, parameter, &args, sizeof(args)))
		return;
	n = call_read(call, &call->physical, GUEST_STDIN, args.buf, args.maxlen);
	ANSWER(call, parameter, struct serial_read_v2, len, n < 0 ? 0 : n);
}

static void do_write(struct call *call, uint64_t parameter)
{
	struct transfer_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct transfer_v2, ret,
		       call_write(call, &call->physical, args.fd, args.buf, args.len));
}

static void do_open(struct call *call, uint64_t parameter)
{
	struct open_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct open_v2, ret,
		       call_open(call, args.name, args.flags, args.mode));
}

static void do_close(struct call *call, uint64_t parameter)
{
	struct close_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct close_v2, ret, call_close(call, args.fd));
}

static void do_read(struct call *call, uint64_t parameter)
{
	struct transfer_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct transfer_v2, ret,
		       call_read(call, &call->physical, args.fd, args.buf, args.len));
}

static void do_lseek(struct call *call, uint64_t parameter)
{
	struct lseek_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct lseek_v2, offset,
		       call_lseek(call, args.fd, args.offset, args.whence));
}

static void do_unlink(struct call *call, uint64_t parameter)
{
	struct unlink_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct unlink_v2, ret, call_unlink(call, args.name));
}

static struct entries_result_v2 entries_result(int64_t n)
{
	if (n < 0)
		return (struct entries_result_v2){ .kind = ENTRIES_ERROR, .value = (uint32_t)-n };
	return (struct entries_result_v2){ .kind = n ? ENTRIES_SUCCESS : ENTRIES_END, .value = n };
}

static void do_getdents(struct call *call, uint64_t parameter)
{
	struct getdents_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct getdents_v2, ret,
		       entries_result(call_entries(call, args.fd, args.buf, args.len)));
}

static struct time_v2 time_of(const struct timespec *time)
{
	return (struct time_v2){ .sec = time->tv_sec, .nsec = time->tv_nsec };
}

static int32_t put_attributes(struct call *call, uint64_t address, const struct stat *stat)
{
	const struct attributes_v2 attributes = {
		.dev = stat->st_dev,
		.ino = stat->st_ino,
		.nlink = stat->st_nlink,
		.mode = stat->st_mode,
		.uid = stat->st_uid,
		.gid = stat->st_gid,
		.rdev = stat->st_rdev,
		.size = stat->st_size,
		.blksize = stat->st_blksize,
		.blocks = stat->st_blocks,
		.atim = time_of(&stat->st_atim),
		.mtim = time_of(&stat->st_mtim),
		.ctim = time_of(&stat->st_ctim),
	};

	return guest_write_all(&call->physical, address, &attributes, sizeof(attributes));
}

static int32_t stat_result(struct call *call, const struct stat_v2 *args)
{
	struct stat stat;
	int32_t error;

	if (args->kind != STAT_FOLLOW && args->kind != STAT_LINK)
		return -EINVAL;
	error = call_stat(call, args->name, args->kind == STAT_FOLLOW, &stat);
	return error ? error : put_attributes(call, args->attr, &stat);
}

static void do_stat(struct call *call, uint64_t parameter)
{
	struct stat_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct stat_v2, ret, plain(stat_result(call, &args)));
}

static int32_t fstat_result(struct call *call, const struct fstat_v2 *args)
{
	struct stat stat;
	int32_t error = call_fstat(call, args->fd, &stat);

	return error ? error : put_attributes(call, args->attr, &stat);
}

static void do_fstat(struct call *call, uint64_t parameter)
{
	struct fstat_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct fstat_v2, ret, plain(fstat_result(call, &args)));
}

/* The path ends with a NUL; its length says nothing more. */
static void do_mkdir(struct call *call, uint64_t parameter)
{
	struct mkdir_v2 args;

	if (call_structure(call, parameter, &args, sizeof(args)))
		ANSWER(call, parameter, struct mkdir_v2, ret, plain(call_mkdir(call, args.path)));
}

/* Reserved by the interface; no structure is defined for them. */
static void do_nothing(struct call *call, uint64_t parameter)
{
	(void)call;
	(void)parameter;
}

call_function *call_v2(uint16_t port)
{
	switch (port) {
	case PORT_EXIT:
		return do_exit;
	case PORT_SERIAL_WRITE_BYTE:
		return do_serial_write_byte;
	case PORT_SERIAL_WRITE_BUFFER:
		return do_serial_write_buffer;
	case PORT_SERIAL_READ_BYTE:
		return do_serial_read_byte;
	case PORT_SERIAL_READ_BUFFER:
		return do_serial_read_buffer;
	case PORT_WRITE:
		return do_write;
	case PORT_OPEN:
		return do_open;
	case PORT_CLOSE:
		return do_close;
	case PORT_READ:
		return do_read;
	case PORT_LSEEK:
		return do_lseek;
	case PORT_UNLINK:
		return do_unlink;
	case PORT_GETDENTS:
		return do_getdents;
	case PORT_STAT:
		return do_stat;
	case PORT_FSTAT:
		return do_fstat;
	case PORT_MKDIR:
		return do_mkdir;
	case PORT_SHARED_MEMORY_OPEN:
	case PORT_SHARED_MEMORY_CLOSE:
		return do_nothing;
	default:
		return NULL;
	}
}
