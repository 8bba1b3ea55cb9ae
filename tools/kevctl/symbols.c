// SPDX-License-Identifier: GPL-2.0
/* A guest's names and call chains, by elfutils. */
#include <elfutils/libdwfl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kevctl.h"
#include "symbols.h"
#include "symbols_image.h"
#include "terminal.h"

/* Any number: the library wants processes and threads to have one. */
#define THREAD		1
#define PATH_SHOWN	64

struct symbols {
	void *file;
	size_t bytes;
	Elf *elf;
	Dwfl *dwfl;
	uint64_t start, end;	/* in the guest */
	bool unwinds;
	struct walk *walk;	/* the present one */
};

/* One walk along the stack */
struct walk {
	const struct kev_gprs *gprs;
	bool (*read)(void *owner, uint64_t address, uint64_t *value);
	void *owner;
	uint64_t *frames;
	unsigned int nr, room;
};

/* ---- a library that was not made for files that somebody has tampered with ---- */

static __thread bool reading;
static struct sigaction before[NSIG];
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM };

/* In seconds; tables that were not made to keep kevctl busy take a fraction of one */
#define LONGEST		60

static void give_up(const char *text)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

	(void)ignored;
	terminal_leave();
	_exit(STATUS_FAILURE);
}

static void crashed(int signal)
{
	/* One that reads has set it, and any thread may get it. */
	if (signal == SIGALRM)
		give_up("kevctl: symbols: the image's tables take too long\n");
	else if (reading)
		give_up("kevctl: symbols: the image's tables are malformed\n");
	/* Somebody else's: again, and this time for real */
	sigaction(signal, &before[signal], NULL);
}

static void begin_reading(void)
{
	const struct sigaction action = { .sa_handler = crashed, .sa_flags = SA_NODEFER };

	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &action, &before[crashes[i]]);
	reading = true;
	alarm(LONGEST);
}

static void end_reading(void)
{
	alarm(0);
	reading = false;
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &before[crashes[i]], NULL);
}

/* ---- the image ---- */

static int find_image(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
		      char **file, Elf **elf)
{
	const struct symbols *symbols = *userdata;

	(void)module;
	(void)name;
	(void)base;
	(void)file;
	*elf = symbols->elf;
	return -1;	/* no descriptor */
}

/* No file but the image is looked for. */
static int find_nothing(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **found)
{
	(void)module;
	(void)userdata;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)crc;
	(void)found;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_image,
	.find_debuginfo = find_nothing,
};

static bool map_file(struct symbols *symbols, int fd)
{
	struct stat stat;

	/* The C library's makes a call that the sandbox does not know from one by name. */
	if (syscall(SYS_fstat, fd, &stat) || stat.st_size <= 0)
		return false;
	symbols->file = mmap(NULL, stat.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (symbols->file == MAP_FAILED)
		return false;
	symbols->bytes = stat.st_size;
	return true;
}

/* The library takes the module's start as that of the first segment's page. */
static bool report_image(struct symbols *symbols)
{
	Dwfl_Module *module;
	void **userdata;

	symbols->dwfl = dwfl_begin(&callbacks);
	if (!symbols->dwfl)
		return false;
	dwfl_report_begin(symbols->dwfl);
	module = dwfl_report_module(symbols->dwfl, "guest", symbols->start & ~0xfffULL,
				    symbols->end);
	if (!module)
		return false;
	dwfl_module_info(module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = symbols;
	return !dwfl_report_end(symbols->dwfl, NULL, NULL);
}

/* ---- what runs ---- */

static pid_t next_thread(Dwfl *dwfl, void *symbols, void **thread)
{
	(void)dwfl;
	*thread = *thread ? NULL : symbols;
	return *thread ? THREAD : 0;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *symbols, void **thread)
{
	(void)dwfl;
	(void)tid;
	*thread = symbols;
	return true;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *value, void *argument)
{
	const struct symbols *symbols = argument;
	struct walk *walk = symbols->walk;
	uint64_t word;

	(void)dwfl;
	if (!walk->read(walk->owner, address, &word))
		return false;
	*value = word;
	return true;
}

/* System V ABI, AMD64 supplement, "DWARF Register Number Mapping" */
static bool set_registers(Dwfl_Thread *thread, void *argument)
{
	static const enum kev_gpr order[] = {
		KEV_RAX, KEV_RDX, KEV_RCX, KEV_RBX, KEV_RSI, KEV_RDI, KEV_RBP, KEV_RSP,
		KEV_R8, KEV_R9, KEV_R10, KEV_R11, KEV_R12, KEV_R13, KEV_R14, KEV_R15,
	};
	const struct symbols *symbols = argument;
	Dwarf_Word values[ARRAY_SIZE(order) + 1];

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		values[i] = symbols->walk->gprs->gpr[order[i]];
	values[ARRAY_SIZE(order)] = symbols->walk->gprs->rip;
	return dwfl_thread_state_registers(thread, 0, ARRAY_SIZE(values), values);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_word,
	.set_initial_registers = set_registers,
};

static unsigned int elf_machine(Elf *elf)
{
	GElf_Ehdr header;

	return gelf_getehdr(elf, &header) ? header.e_machine : EM_NONE;
}

struct symbols *symbols_open(int fd, const struct symbols_place *place)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	bool found = false;

	if (!symbols || !map_file(symbols, fd)) {
		free(symbols);
		return NULL;
	}
	begin_reading();
	elf_version(EV_CURRENT);
	symbols->elf = elf_memory(symbols->file, symbols->bytes);
	if (symbols->elf && elf_kind(symbols->elf) == ELF_K_ELF &&
	    symbols_unpack_to_little(symbols->elf))
		found = symbols_extent(symbols->elf, place, &symbols->start, &symbols->end) &&
			report_image(symbols);
	if (found && elf_machine(symbols->elf) == EM_X86_64)
		symbols->unwinds = dwfl_attach_state(symbols->dwfl, symbols->elf, THREAD,
						     &thread_callbacks, symbols);
	end_reading();
	if (found)
		return symbols;
	symbols_close(symbols);
	return NULL;
}

void symbols_close(struct symbols *symbols)
{
	if (!symbols)
		return;
	begin_reading();
	dwfl_end(symbols->dwfl);
	/* With a module's, that one has ended it. */
	if (!symbols->dwfl)
		elf_end(symbols->elf);
	end_reading();
	munmap(symbols->file, symbols->bytes);
	free(symbols);
}

/* ---- names ---- */

static void append_line(char *text, size_t size, Dwfl_Module *module, uint64_t address)
{
	Dwfl_Line *line = dwfl_module_getsrc(module, address);
	const char *file;
	char number[16];
	int nr;

	file = line ? dwfl_lineinfo(line, NULL, &nr, NULL, NULL, NULL) : NULL;
	if (!file)
		return;
	symbols_append(text, size, " (");
	if (strlen(file) > PATH_SHOWN)
		file += strlen(file) - PATH_SHOWN;
	symbols_append(text, size, file);
	snprintf(number, sizeof(number), ":%d)", nr);
	symbols_append(text, size, number);
}

bool symbols_name(const struct symbols *symbols, uint64_t address, bool call, char *text,
		  size_t size)
{
	const char *name = NULL;
	Dwfl_Module *module;
	GElf_Off offset;
	GElf_Sym symbol;
	char *plain, number[24];

	*text = '\0';
	if (!symbols)
		return false;
	begin_reading();
	module = dwfl_addrmodule(symbols->dwfl, address - call);
	if (module)
		name = dwfl_module_addrinfo(module, address - call, &offset, &symbol, NULL, NULL,
					    NULL);
	if (name) {
		plain = symbols_demangle(name);
		symbols_append(text, size, plain ? plain : name);
		free(plain);
		snprintf(number, sizeof(number), "+0x%llx", (unsigned long long)offset + call);
		symbols_append(text, size, number);
		append_line(text, size, module, address - call);
	}
	end_reading();
	return name;
}

/* ---- callers ---- */

static int take_frame(Dwfl_Frame *frame, void *argument)
{
	struct walk *walk = argument;
	Dwarf_Addr address;

	if (!dwfl_frame_pc(frame, &address, NULL) || !address || walk->nr == walk->room)
		return DWARF_CB_ABORT;
	walk->frames[walk->nr++] = address;
	return DWARF_CB_OK;
}

unsigned int symbols_unwind(struct symbols *symbols, const struct kev_gprs *gprs,
			    bool (*read)(void *owner, uint64_t address, uint64_t *value),
			    void *owner, uint64_t *frames, unsigned int room)
{
	struct walk walk = {
		.gprs = gprs, .read = read, .owner = owner, .frames = frames, .room = room,
	};

	if (symbols && symbols->unwinds) {
		symbols->walk = &walk;
		begin_reading();
		dwfl_getthread_frames(symbols->dwfl, THREAD, take_frame, &walk);
		end_reading();
	}
	if (!walk.nr)
		frames[walk.nr++] = gprs->rip;
	return walk.nr;
}
