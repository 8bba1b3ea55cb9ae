// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of interface version 1. Buffers of read and write are virtual addresses: this
 * guest maps two pages of a buffer in an order that is not that of physical memory.
 *
 * Wants --file-mapping of a directory with a file "input" ("from the host\n") as /data,
 * stdin "typed\n" and the arguments "one" "two words". Exit 0, or the number of the check.
 */
#include "hermit.h"

HERMIT_NOTES(4, 1);

/* PML4 entry 1 leads here: two pages, the second one of @pages first */
#define WINDOW		(1UL << 39)
#define PTE		0x3UL

static u64 pdpt[512] __page_aligned, pd[512] __page_aligned, pt[512] __page_aligned;
static u8 pages[2 * PAGE_SIZE] __page_aligned;

struct __packed write { u32 fd; const void *buf; u64 len; };
struct __packed open { const char *name; u32 flags; u32 mode; s32 ret; };
struct __packed close { u32 fd; s32 ret; };
struct __packed read { u32 fd; void *buf; u64 len; s64 ret; };
struct __packed lseek { u32 fd; s64 offset; u32 whence; };
struct __packed unlink { const char *name; s32 ret; };
struct __packed serial { const void *buf; u64 len; };
struct __packed cmdsize { u32 argc; u32 argsz[128]; u32 envc; u32 envsz[128]; };
struct __packed cmdval { const void *argv; const void *envp; };

static struct cmdsize cmdsize;
static char strings[16][64];
static char *argv[8], *envp[8];

static void map_window(void)
{
	u64 *pml4 = (u64 *)(read_cr3() & ~0xfffUL);

	pt[0] = (u64)&pages[PAGE_SIZE] | PTE;
	pt[1] = (u64)&pages[0] | PTE;
	pd[0] = (u64)pt | PTE;
	pdpt[0] = (u64)pd | PTE;
	pml4[WINDOW >> 39] = (u64)pdpt | PTE;
	write_cr3(read_cr3());
}

static void write(u32 fd, const void *buf, u64 len)
{
	struct write args = { fd, buf, len };

	call_v1(V1_WRITE, &args);
}

static s32 open(const char *name, u32 flags)
{
	struct open args = { name, flags, 0644, 1234 };

	call_v1(V1_OPEN, &args);
	return args.ret;
}

static s32 close(u32 fd)
{
	struct close args = { fd, 1234 };

	call_v1(V1_CLOSE, &args);
	return args.ret;
}

static s64 read(u32 fd, void *buf, u64 len)
{
	struct read args = { fd, buf, len, 1234 };

	call_v1(V1_READ, &args);
	return args.ret;
}

static s64 lseek(u32 fd, s64 offset, u32 whence)
{
	struct lseek args = { fd, offset, whence };

	call_v1(V1_LSEEK, &args);
	return args.offset;
}

static s32 unlink(const char *name)
{
	struct unlink args = { name, 1234 };

	call_v1(V1_UNLINK, &args);
	return args.ret;
}

/* Over the border of the two pages, and as it is in physical memory */
static void check_window(void)
{
	char *text = (char *)WINDOW + PAGE_SIZE - 4;

	for (int i = 0; i < 8; i++)
		text[i] = "windows\n"[i];
	write(1, text, 8);
	hermit_expect(1, "second page first", pages[2 * PAGE_SIZE - 4], 'w');
	hermit_expect(2, "read: stdin over the border", read(0, text, 6), 4);
	hermit_expect(3, "read: the rest of it", read(0, text + 4, 100), 2);
	hermit_expect(4, "read: in order", hermit_same(text, "typed\n", 6), true);
	hermit_expect(5, "read: end of stdin", read(0, text, 6), 0);
}

static void check_files(void)
{
	char bytes[32];
	s32 fd = open("/data/input", HERMIT_RDONLY);

	hermit_expect(10, "open", fd, 3);
	hermit_expect(11, "read", read(fd, bytes, sizeof(bytes)), 14);
	hermit_expect(12, "read: contents", hermit_same(bytes, "from the host\n", 14), true);
	hermit_expect(13, "lseek", lseek(fd, -5, 2), 9);
	hermit_expect(14, "close", close(fd), 0);
	hermit_expect(15, "close: again", close(fd) < 0, true);
	fd = open("/data/output", HERMIT_RDWR | HERMIT_CREAT | HERMIT_TRUNC);
	hermit_expect(16, "open: new", fd, 3);
	write(fd, "from the guest\n", 15);
	hermit_expect(17, "lseek: where it is", lseek(fd, 0, 1), 15);
	close(fd);
	hermit_expect(18, "open: for a moment", open("/data/gone", HERMIT_RDWR | HERMIT_CREAT), 3);
	hermit_expect(19, "unlink", unlink("/data/gone"), 0);
	hermit_expect(20, "unlink: again", unlink("/data/gone"), -2);
	close(3);
	hermit_expect(21, "open: of the host's", open("/etc/passwd", HERMIT_RDONLY) < 0, true);
	hermit_expect(22, "open: by ..", open("/data/../../etc/passwd", HERMIT_RDONLY) < 0, true);
}

/* Nothing of this may end anything but the call. */
static void check_bad(void)
{
	struct read nowhere = { 0, (void *)0x800000000000, 4, 0 };

	write(1, (void *)0x7fff00000000, 100);
	write(77, "x", 1);
	call_v1(V1_READ, &nowhere);
	hermit_expect(30, "read: not canonical", nowhere.ret < 0, true);
	hermit_expect(31, "read: not mapped", read(0, (void *)0x7fff00000000, 4) < 0, true);
	hermit_expect(32, "read: no such file", read(77, pages, 4) < 0, true);
	hermit_expect(33, "open: no name", open((void *)0xfffffffffff, 0) < 0, true);
	call_v1(V1_WRITE, (void *)0xfffffff0);
	call_v1(V1_CMDSIZE, (void *)0xfffffff0);
	call_v1(V1_CMDVAL, (void *)0xfffffff0);
	call_v1(V1_OPEN, (void *)0xfffffff0);
	call_v1(V1_NET_WRITE, (void *)0xfffffff0);
	call_v1(V1_NET_WRITE, (void *)0xfffffff0);
	out8(V1_WRITE, 1);
}

static void check_arguments(void)
{
	struct cmdval cmdval = { argv, envp };

	call_v1(V1_CMDSIZE, &cmdsize);
	hermit_expect(40, "argc", cmdsize.argc, 3);
	hermit_expect(41, "argsz", cmdsize.argsz[2], sizeof("two words"));
	hermit_expect(42, "envc", cmdsize.envc >= 4 && cmdsize.envc <= 8, true);
	for (u32 i = 0; i < 8; i++) {
		argv[i] = strings[i];
		envp[i] = strings[8 + i];
	}
	call_v1(V1_CMDVAL, &cmdval);
	hermit_expect(43, "argv[1]", hermit_same(strings[1], "one", 4), true);
	hermit_expect(44, "argv[2]", hermit_same(strings[2], "two words", 10), true);
	for (u32 i = 0; i < 3; i++)
		hermit_expect(45, "argv's size", hermit_length(strings[i]) + 1, cmdsize.argsz[i]);
	for (u32 i = 0; i < cmdsize.envc; i++)
		hermit_expect(46, "environ's size", hermit_length(strings[8 + i]) + 1,
			      cmdsize.envsz[i]);
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	const struct serial serial = { "serial\n", 7 };
	const u32 code = 0;

	(void)boot_info;
	if (vcpu_id)
		for (;;)
			asm volatile("pause");
	out8(V1_UART, '+');
	call_v1(V1_SERIAL, &serial);
	map_window();
	check_window();
	check_files();
	check_bad();
	check_arguments();
	write(1, "calls of version 1: ok\n", 23);
	call_v1(V1_EXIT, &code);
	return 99;
}
