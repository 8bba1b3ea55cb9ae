// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of interface version 2 and those that version 3 adds. All addresses are
 * physical. Wants the same as hermit_calls1; exit 0, or the number of the check.
 */
#include "hermit.h"

HERMIT_NOTES(4, 2);

struct transfer { u64 len; s64 ret; const void *buf; u32 fd; };
struct __packed open { const char *name; u32 flags; u32 mode; s32 ret; };
struct close { u32 fd; s32 ret; };
struct lseek { s64 offset; u32 whence; u32 fd; };
struct __packed unlink { const char *name; s32 ret; };
struct getdents { u32 fd; void *buf; u64 len; u32 kind; u64 value; };
struct stat { const char *name; u32 kind; void *attr; u32 result; u32 error; };
struct fstat { u32 fd; void *attr; u32 result; u32 error; };
struct mkdir { const char *path; u64 len; u32 result; u32 error; };
struct serial_read { u64 maxlen; u64 len; void *buf; };

struct attributes {
	u64 dev, ino, nlink;
	u32 mode, uid, gid;
	u64 rdev;
	s64 size, blksize, blocks;
	struct { s64 sec; u32 nsec; } atim, mtim, ctim;
};

#define NOWHERE		((void *)0x7fff00000000)
#define SUCCESS		1
#define ERROR		2
#define DENTS_END	2
#define DENTS_ERROR	3

static struct attributes attributes;
static u8 entries[1024];

static s64 transfer(u16 port, u32 fd, const void *buf, u64 len)
{
	struct transfer args = { len, 1234, buf, fd };

	call_v2(port, (u64)&args);
	return args.ret;
}

static s32 open(const char *name, u32 flags)
{
	struct open args = { name, flags, 0644, 1234 };

	call_v2(V2_OPEN, (u64)&args);
	return args.ret;
}

static s32 close(u32 fd)
{
	struct close args = { fd, 1234 };

	call_v2(V2_CLOSE, (u64)&args);
	return args.ret;
}

static s64 lseek(u32 fd, s64 offset, u32 whence)
{
	struct lseek args = { offset, whence, fd };

	call_v2(V2_LSEEK, (u64)&args);
	return args.offset;
}

static s32 unlink(const char *name)
{
	struct unlink args = { name, 1234 };

	call_v2(V2_UNLINK, (u64)&args);
	return args.ret;
}

static void check_streams(void)
{
	char bytes[16];
	struct serial_read serial = { sizeof(bytes), 1234, bytes };
	u32 byte = ~0U;

	hermit_expect(1, "write", transfer(V2_WRITE, 1, "windows\n", 8), 8);
	hermit_expect(2, "write: to stderr", transfer(V2_WRITE, 2, "to stderr\n", 10), 10);
	asm volatile("inb %1, %b0" : "+a"(byte) : "d"((u16)V2_READ_BYTE));
	hermit_expect(3, "serial read: a byte", byte & 0xff, 't');
	hermit_expect(4, "read: stdin", transfer(V2_READ, 0, bytes, 2), 2);
	hermit_expect(5, "read: stdin's bytes", hermit_same(bytes, "yp", 2), true);
	call_v2(V2_READ_SERIAL, (u64)&serial);
	hermit_expect(6, "serial read: a buffer", serial.len, 3);
	hermit_expect(7, "serial read: its bytes", hermit_same(bytes, "ed\n", 3), true);
	hermit_expect(8, "read: end of stdin", transfer(V2_READ, 0, bytes, 2), 0);
}

static void check_files(void)
{
	char bytes[32];
	s32 fd = open("/data/input", HERMIT_RDONLY);

	hermit_expect(10, "open", fd, 3);
	hermit_expect(11, "read", transfer(V2_READ, fd, bytes, sizeof(bytes)), 14);
	hermit_expect(12, "read: contents", hermit_same(bytes, "from the host\n", 14), true);
	hermit_expect(13, "lseek", lseek(fd, -5, 2), 9);
	hermit_expect(14, "write: not opened for it", transfer(V2_WRITE, fd, "x", 1), -9);
	hermit_expect(15, "close", close(fd), 0);
	hermit_expect(16, "close: again", close(fd), -9);
	fd = open("/data/output", HERMIT_WRONLY | HERMIT_CREAT | HERMIT_TRUNC);
	hermit_expect(17, "write: new", transfer(V2_WRITE, fd, "from the guest\n", 15), 15);
	close(fd);
	hermit_expect(18, "open: once", open("/data/output", HERMIT_CREAT | HERMIT_EXCL), -17);
	hermit_expect(19, "open: own", open("/root/own", HERMIT_RDWR | HERMIT_CREAT), 3);
	hermit_expect(20, "write: own", transfer(V2_WRITE, 3, "mine", 4), 4);
	hermit_expect(21, "unlink: own", unlink("/root/own"), 0);
	close(3);
	hermit_expect(22, "unlink: none", unlink("/data/none"), -2);
	hermit_expect(23, "open: of the host's", open("/etc/passwd", HERMIT_RDONLY), -2);
}

static void check_directories(void)
{
	struct mkdir mkdir = { "/data/made", 11, 0, 0 };
	struct getdents dents = { 3, entries, sizeof(entries), 0, 0 };
	struct stat stat = { "/data/input", 0, &attributes, 0, 0 };
	struct fstat fstat = { 3, &attributes, 0, 0 };

	call_v2(V2_MKDIR, (u64)&mkdir);
	hermit_expect(30, "mkdir", mkdir.result, SUCCESS);
	call_v2(V2_MKDIR, (u64)&mkdir);
	hermit_expect(31, "mkdir: again", mkdir.result == ERROR && mkdir.error == 17, true);
	hermit_expect(32, "open: directory", open("/data", HERMIT_DIRECTORY), 3);
	call_v2(V2_GETDENTS, (u64)&dents);
	hermit_expect(33, "getdents", dents.kind, SUCCESS);
	hermit_expect(34, "getdents: bytes", dents.value > 24 * 4 && dents.value < 1024, true);
	call_v2(V2_GETDENTS, (u64)&dents);
	hermit_expect(35, "getdents: end", dents.kind, DENTS_END);
	call_v2(V2_FSTAT, (u64)&fstat);
	hermit_expect(36, "fstat", fstat.result, SUCCESS);
	hermit_expect(37, "fstat: directory", attributes.mode >> 12, 4);
	close(3);
	call_v2(V2_GETDENTS, (u64)&dents);
	hermit_expect(38, "getdents: closed", dents.kind == DENTS_ERROR && dents.value == 9, true);
	call_v2(V2_STAT, (u64)&stat);
	hermit_expect(39, "stat", stat.result, SUCCESS);
	hermit_expect(40, "stat: size", attributes.size, 14);
	hermit_expect(41, "stat: file", attributes.mode >> 12, 8);
	hermit_expect(42, "stat: time", attributes.mtim.sec > 0 && attributes.ino, true);
	stat.name = "/data/none";
	call_v2(V2_STAT, (u64)&stat);
	hermit_expect(43, "stat: none", stat.result == ERROR && stat.error == 2, true);
}

static void check_bad(void)
{
	static const u16 ports[] = {
		V2_SERIAL, V2_READ_SERIAL, V2_WRITE, V2_OPEN, V2_CLOSE, V2_READ, V2_LSEEK,
		V2_UNLINK, V2_GETDENTS, V2_STAT, V2_FSTAT, V2_MKDIR, 0x1200, 0x1210, 0x1220, 0x1000,
	};

	hermit_expect(50, "write: nowhere", transfer(V2_WRITE, 1, NOWHERE, 4), -14);
	hermit_expect(51, "write: no such file", transfer(V2_WRITE, 99, "x", 1), -9);
	hermit_expect(52, "read: nowhere", transfer(V2_READ, 0, NOWHERE, 4), -14);
	hermit_expect(53, "open: no name", open(NOWHERE, 0), -14);
	hermit_expect(54, "write: the end of addresses",
		      transfer(V2_WRITE, 1, (void *)~7UL, ~0UL), -14);
	for (u32 i = 0; i < ARRAY_SIZE(ports); i++) {
		call_v2(ports[i], (u64)NOWHERE);
		call_v2(ports[i], ~0UL);
	}
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	if (vcpu_id)
		for (;;)
			asm volatile("pause");
	call_v2(V2_BYTE, '+');
	hermit_print("serial\n");
	check_streams();
	check_files();
	check_directories();
	check_bad();
	hermit_print("calls of version 2: ok\n");
	return 0;
}
