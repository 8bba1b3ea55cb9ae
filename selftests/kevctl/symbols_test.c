// SPDX-License-Identifier: GPL-2.0
/*
 * Names and callers, of this program itself: the image is its file, guest memory its own.
 * Then files that somebody has tampered with: what reads them may give up, not crash.
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/symbols.h"
#include "tap.h"

#define MAX_FRAMES	16
#define TAMPERED	300

/* Of no terminal */
void terminal_leave(void);
void terminal_leave(void)
{
}

static struct symbols *symbols;
static uint64_t frames[MAX_FRAMES];
static unsigned int nr_frames;

static bool read_word(void *owner, uint64_t address, uint64_t *value)
{
	(void)owner;
	if (address < 4096 || address & 7)
		return false;
	memcpy(value, (const void *)address, sizeof(*value));
	return true;
}

static bool read_nothing(void *owner, uint64_t address, uint64_t *value)
{
	(void)owner;
	(void)address;
	(void)value;
	return false;
}

static bool read_same(void *owner, uint64_t address, uint64_t *value)
{
	(void)address;
	*value = *(uint64_t *)owner;
	return true;
}

static void take_registers(struct kev_gprs *gprs)
{
	static const int order[] = {
		[KEV_RAX] = REG_RAX, [KEV_RCX] = REG_RCX, [KEV_RDX] = REG_RDX,
		[KEV_RBX] = REG_RBX, [KEV_RSP] = REG_RSP, [KEV_RBP] = REG_RBP,
		[KEV_RSI] = REG_RSI, [KEV_RDI] = REG_RDI, [KEV_R8] = REG_R8, [KEV_R9] = REG_R9,
		[KEV_R10] = REG_R10, [KEV_R11] = REG_R11, [KEV_R12] = REG_R12,
		[KEV_R13] = REG_R13, [KEV_R14] = REG_R14, [KEV_R15] = REG_R15,
	};
	ucontext_t context;

	getcontext(&context);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		gprs->gpr[i] = context.uc_mcontext.gregs[order[i]];
	gprs->rip = context.uc_mcontext.gregs[REG_RIP];
	nr_frames = symbols_unwind(symbols, gprs, read_word, NULL, frames, MAX_FRAMES);
}

static struct kev_gprs gprs;

__attribute__((noinline)) static int inner(int depth)
{
	if (depth)
		return inner(depth - 1) + 1;
	take_registers(&gprs);
	return 0;
}

__attribute__((noinline)) static int outer(void)
{
	return inner(3) + 1;
}

static bool frame_is(unsigned int frame, const char *name)
{
	char text[256], want[64];

	snprintf(want, sizeof(want), "%s+0x", name);
	if (frame >= nr_frames)
		return false;
	return symbols_name(symbols, frames[frame], frame, text, sizeof(text)) &&
	       !strncmp(text, want, strlen(want));
}

static uint64_t load_base(void)
{
	struct link_map *map = _r_debug.r_map;

	return map->l_addr;
}

static void test_callers(void)
{
	uint64_t word = 0;
	char text[256];
	int fd = open("/proc/self/exe", O_RDONLY);

	symbols = symbols_open(fd, &(struct symbols_place){ .load_base = load_base() });
	tap_result(symbols, "the program has symbols");
	outer();
	tap_result(frame_is(0, "take_registers"), "where it is");
	tap_result(frame_is(1, "inner") && frame_is(2, "inner") && frame_is(4, "inner") &&
		   frame_is(5, "outer"), "who has called");
	tap_result(frame_is(6, "test_callers") && frame_is(7, "main"), "up to main");
	tap_result(symbols_name(symbols, (uintptr_t)outer, false, text, sizeof(text)) &&
		   !strncmp(text, "outer+0x0 (", 11) && strstr(text, "symbols_test.c:"),
		   "the line");
	tap_result(!symbols_name(symbols, 0x1000, false, text, sizeof(text)) && !*text,
		   "an address that is nowhere");
	tap_result(symbols_unwind(symbols, &gprs, read_nothing, NULL, frames, MAX_FRAMES) == 1 &&
		   frames[0] == gprs.rip, "no memory to read: RIP alone");
	/* A stack that leads to itself, and one frame's room */
	word = (uintptr_t)outer + 1;
	tap_result(symbols_unwind(symbols, &gprs, read_same, &word, frames, MAX_FRAMES) <=
		   MAX_FRAMES, "a stack without an end");
	tap_result(symbols_unwind(symbols, &gprs, read_word, NULL, frames, 1) == 1,
		   "no room for callers");
	tap_result(symbols_unwind(NULL, &gprs, read_word, NULL, frames, MAX_FRAMES) == 1 &&
		   frames[0] == gprs.rip, "without symbols");
	symbols_close(symbols);
	close(fd);
}

static void test_names(void)
{
	char *name = symbols_demangle("_ZN11hello_world4main17ha6943781df372016E");

	tap_result(name && !strcmp(name, "hello_world::main"), "a name of Rust's");
	free(name);
	tap_result(!symbols_demangle("main"), "a name of C's");
}

static size_t read_self(uint8_t **bytes)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t got;

	*bytes = malloc(size);
	got = pread(fd, *bytes, size, 0);
	close(fd);
	return got > 0 ? got : 0;
}

static void look_at(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("image", 0);
	char text[256];

	if (write(fd, bytes, size) != (ssize_t)size)
		_exit(1);
	symbols = symbols_open(fd, &(struct symbols_place){ .load_base = load_base() });
	outer();
	for (unsigned int i = 0; i < nr_frames; i++)
		symbols_name(symbols, frames[i], i, text, sizeof(text));
	symbols_close(symbols);
	_exit(0);
}

/* Headers, sections' headers, and tables anywhere: every other time one of the first two */
static void tamper(uint8_t *bytes, size_t size, unsigned int round)
{
	const Elf64_Ehdr *header = (const void *)bytes;
	size_t sections = header->e_shoff;

	for (int i = 0; i < 4; i++) {
		size_t at = random() % size;

		if (round % 4 == 0)
			at = random() % 1024;
		else if (round % 4 == 1)
			at = sections + random() % (size - sections);
		bytes[at] = random();
	}
}

static void test_tampered(void)
{
	unsigned int crashes = 0;
	uint8_t *bytes, *copy;
	size_t size = read_self(&bytes);
	int status;

	copy = malloc(size);
	for (unsigned int round = 0; round < TAMPERED; round++) {
		size_t part = round % 8 == 7 ? random() % size + 1 : size;
		pid_t pid;

		srandom(round);
		memcpy(copy, bytes, size);
		tamper(copy, size, round);
		pid = fork();
		if (!pid) {
			alarm(20);
			if (!freopen("/dev/null", "w", stderr))
				_exit(1);
			look_at(copy, part);
		}
		waitpid(pid, &status, 0);
		if (!WIFEXITED(status) || (WEXITSTATUS(status) &&
					   WEXITSTATUS(status) != STATUS_FAILURE)) {
			printf("# round %u: status %#x\n", round, status);
			crashes++;
		}
	}
	tap_result(!crashes, "files that were tampered with");
	free(copy);
	free(bytes);
}

/* An image of sections' headers: sections that are the same few bytes, packed or said to be */
static bool opens_packed(unsigned int nr, uint64_t bytes, const char *name)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
		Elf64_Chdr packed;
		char names[32];
		Elf64_Shdr section[16];
	} image = {
		.header = {
			.e_ident = {
				ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				EV_CURRENT,
			},
			.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			.e_phoff = offsetof(typeof(image), segment),
			.e_shoff = offsetof(typeof(image), section),
			.e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1, .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = nr + 2,
			.e_shstrndx = 1,
		},
		.segment = {
			.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0x100000, .p_filesz = 64,
			.p_memsz = 64, .p_align = 1,
		},
		.packed = { .ch_type = ELFCOMPRESS_ZLIB, .ch_size = bytes, .ch_addralign = 1 },
		.section[1] = {
			.sh_name = 0, .sh_type = SHT_STRTAB,
			.sh_offset = offsetof(typeof(image), names), .sh_size = 32,
			.sh_addralign = 1,
		},
	};
	int fd = memfd_create("image", 0);
	struct symbols *opened;

	strcpy(image.names + 1, name);
	for (unsigned int i = 2; i < nr + 2; i++)
		image.section[i] = (Elf64_Shdr){
			.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_flags = SHF_COMPRESSED,
			.sh_offset = offsetof(typeof(image), packed),
			.sh_size = sizeof(image.packed), .sh_addralign = 8,
		};
	if (write(fd, &image, sizeof(image)) != sizeof(image))
		return false;
	opened = symbols_open(fd, &(struct symbols_place){ });
	symbols_close(opened);
	close(fd);
	return opened;
}

static void test_packed(void)
{
	const uint64_t mib = 1 << 20;

	tap_result(opens_packed(8, 32 * mib, ".debug_info"), "packed tables");
	tap_result(!opens_packed(8, 32 * mib + 1, ".debug_info"), "too much of them together");
	tap_result(!opens_packed(1, -1, ".debug_info"), "and in one");
	tap_result(!opens_packed(1, 1, ".zdebug_info"), "in GNU's form");
	tap_result(!opens_packed(1, 1, ".gnu_debugdata"), "and the table that stands for one");
}

int main(void)
{
	test_callers();
	test_names();
	test_packed();
	test_tampered();
	return tap_end();
}
