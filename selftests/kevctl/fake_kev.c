// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for libkev's calls, so that kevctl's own behaviour can be tested
 * without a CPU that has VMX. The "image" is a script, a command a line, which
 * vCPU 0 plays; other vCPUs spin until they are kicked.
 *
 *	problem N SEGMENT ERRNO	attach fails; without a line of this kind it works
 *	span KIB		what the image takes; less RAM is KEV_IMAGE_RAM
 *	print TEXT		console bytes "TEXT\n"
 *	flood N			N lines "0000000\n" and so on
 *	out PORT WIDTH VALUE	KEV_EXIT_IO
 *	in PORT WIDTH EXPECTED	KEV_EXIT_IO; ends with 0xbad unless EXPECTED comes back
 *	poll PORT WIDTH EXPECTED	the same, again and again until it comes
 *	outs PORT WIDTH HEX	a string of writes, its bytes in hexadecimal
 *	ins PORT WIDTH HEX	a string of reads; ends with 0xbad unless these bytes come back
 *	mmio-write GPA WIDTH VALUE	KEV_EXIT_MMIO
 *	mmio-read GPA WIDTH EXPECTED
 *	hypercall NR A B C D E F
 *	report KIND		any other report, by its name, with the fields of set lines
 *	set FIELD VALUE		reason, qualification, error and others: see set()
 *	runerror ERRNO		KEV_VCPU_RUN fails
 *	eintr			KEV_VCPU_RUN returns -EINTR once
 *	halt CODE		the VM ends
 *	spin			until kicked
 *	deaf			does not hear a kick either
 *	pause MS		as long, or until kicked
 *	others-wait		the other vCPUs do not spin, but wait for a start-up message
 *	hlt IF			HLT with RFLAGS.IF as given, until an interrupt comes
 *	signal ADDRESS DATA	ends with 0xbad unless this was the last message
 *	vector N		ends with 0xbad unless the last interrupt had this vector
 *	busy N			the next N interrupts find another one waiting
 *	interrupt-error ERRNO	KEV_VCPU_INTERRUPT fails
 *	boot N			the protocol that KEV_BOOT_AUTO chooses
 *	check create HUGE FLAGS AROUND
 *	check hypercalls NAME
 *	check boot N		what the attach was told
 *	check append TEXT
 *	check module N SIZE TEXT
 *	check modules COUNT
 *	check region KIND GPA LENGTH
 *	check attach FLAGS BASE
 *	check memory GPA WIDTH VALUE
 *	check affinity CPU	the thread runs on this one alone
 *	memory ADDRESS HEX	these bytes are in guest memory
 *
 * Guest memory is 4 MiB from address 0; guest-virtual addresses are the same.
 *
 * In the environment: FAKE_SCRIPT is the script, whatever the image; with FAKE_CREATE_VM_ERROR
 * making the VM fails with it; with FAKE_NO_HUGE_PAGES the CPU has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libkev.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define CONSOLE_SIZE	4096
#define MAX_VCPUS	8
#define MAX_LINES	256
#define LINE_BYTES	128
#define HANG_SECONDS	30
#define RAM_BYTES	(4UL << 20)

/* The VM's descriptor is the read end of a pipe, a vCPU's is an eventfd. */
static struct {
	char lines[MAX_LINES][LINE_BYTES];
	unsigned int nr_lines;
	unsigned int line;		/* the next one to play */
	unsigned long long flooded;	/* lines of the current flood already printed */
	unsigned int printed;		/* bytes of the current line already printed */
	bool others_wait;
	bool check_answer, poll;
	unsigned int expected;
	uint8_t string[KEV_RUN_DATA];	/* what "ins" expects */
	bool ended;
	int console;			/* write end */
	int vcpu_fds[MAX_VCPUS];
	struct kev_run runs[MAX_VCPUS];
	unsigned int nr_vcpus;
	struct kev_create_vm create;
	unsigned int boot;		/* what KEV_BOOT_AUTO chooses */
	unsigned int told_boot;
	char append[LINE_BYTES];
	struct {
		unsigned long long size;
		char text[LINE_BYTES];
	} modules[KEV_MAX_MODULES];
	unsigned int nr_modules;
	struct kev_add_region region;	/* the last one */
	uint8_t *ram;
	uint32_t attach_flags;
	uint64_t load_base;
	pthread_mutex_t lock;		/* guards what follows */
	bool halted;			/* vCPU 0 */
	uint64_t address;		/* of the last message */
	uint32_t data;
	bool interrupt_waits;
	unsigned int waiting, delivered;	/* vectors */
	unsigned int busy;
	int interrupt_error;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER, .boot = KEV_BOOT_DIRECT64 };

int kev_open(const char *path)
{
	(void)path;
	alarm(HANG_SECONDS);	/* SIGALRM ends a kevctl that does not end itself */
	return eventfd(0, EFD_CLOEXEC);
}

int kev_close(int fd)
{
	return close(fd);
}

int kev_query(int kev, struct kev_query *query)
{
	(void)kev;
	*query = (struct kev_query){
		.size = query->size,
		.api_version = KEV_API_VERSION,
		.max_vcpus = MAX_VCPUS,
		.features = KEV_FEATURE_VPID | KEV_FEATURE_XSAVE |
			    (getenv("FAKE_NO_HUGE_PAGES") ? 0 : KEV_FEATURE_EPT_2M),
		.run_page_size = 4096,
		.backend = "fake",
		.module_version = "0",
	};
	return 0;
}

int kev_create_vm(int kev, uint32_t flags, const char *abi)
{
	struct kev_create_vm create = { .size = sizeof(create), .flags = flags };

	(void)abi;
	return kev_create_vm_from(kev, &create);
}

int kev_create_vm_from(int kev, const struct kev_create_vm *create)
{
	const char *error = getenv("FAKE_CREATE_VM_ERROR");
	int ends[2];

	(void)kev;
	fake.create = *create;
	if (error)
		return -atoi(error);
	if (pipe2(ends, O_CLOEXEC) || fcntl(ends[1], F_SETPIPE_SZ, CONSOLE_SIZE) < 0 ||
	    fcntl(ends[1], F_SETFL, O_NONBLOCK))
		return -errno;
	fake.console = ends[1];
	return ends[0];
}

int kev_vm_create_vcpu(int vm, uint32_t id)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	(void)vm;
	fake.vcpu_fds[id] = fd;
	fake.runs[id].vcpu_id = id;
	fake.nr_vcpus++;
	return fd;
}

static unsigned int vcpu_of(int fd)
{
	for (unsigned int id = 0; id < fake.nr_vcpus; id++)
		if (fake.vcpu_fds[id] == fd)
			return id;
	abort();
}

int kev_vm_add_region(int vm, uint32_t kind, uint32_t prot, uint64_t gpa, uint64_t length)
{
	(void)vm;
	fake.region = (struct kev_add_region){
		.kind = kind, .prot = prot, .gpa = gpa, .length = length,
	};
	return 0;
}

static void copy_text(char *to, uint64_t address, unsigned int length)
{
	if (length >= LINE_BYTES)
		abort();
	memcpy(to, (const void *)(uintptr_t)address, length);
	to[length] = '\0';
}

/* Keep what the attach hands over, for `check`. */
static void note_attach(const struct kev_attach_image *image)
{
	const struct kev_boot_module *modules = (const void *)(uintptr_t)image->modules;
	struct stat stat;

	fake.told_boot = image->boot;
	if (image->cmdline_length)
		copy_text(fake.append, image->cmdline, image->cmdline_length);
	fake.nr_modules = image->nr_modules;
	for (unsigned int i = 0; i < image->nr_modules; i++) {
		if (fstat(modules[i].fd, &stat))
			abort();
		fake.modules[i].size = stat.st_size;
		copy_text(fake.modules[i].text, modules[i].cmdline, modules[i].cmdline_length);
	}
}

int kev_vm_attach_image(int vm, struct kev_attach_image *image)
{
	unsigned long long span = 4;
	const char *other = getenv("FAKE_SCRIPT");
	FILE *script = other ? fopen(other, "r") : fdopen(dup(image->fd), "r");
	unsigned int problem, segment;
	int error = 0;

	(void)vm;
	rewind(script);
	fake.nr_lines = 0;
	while (fake.nr_lines < MAX_LINES && fgets(fake.lines[fake.nr_lines], LINE_BYTES, script)) {
		char *line = fake.lines[fake.nr_lines];

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "problem %u %u %d", &problem, &segment, &error) == 3) {
			image->problem = problem;
			image->segment = segment;
		} else if (!strcmp(line, "others-wait")) {
			fake.others_wait = true;
		} else if (sscanf(line, "boot %u", &fake.boot) != 1 &&
			   sscanf(line, "span %llu", &span) != 1) {
			fake.nr_lines++;
		}
	}
	fclose(script);
	note_attach(image);
	fake.attach_flags = image->flags;
	fake.load_base = image->load_base;
	if (image->boot == KEV_BOOT_AUTO)
		image->boot = fake.boot;
	image->start = 0x100000;
	image->end = image->start + span * 1024;
	image->entry = image->start;
	if (!error && fake.told_boot != KEV_BOOT_NONE && image->ram_kib < span) {
		image->problem = KEV_IMAGE_RAM;
		error = EINVAL;
	}
	return -error;
}

/* The part of an access that is inside of the memory; -EFAULT for none */
static int limit_access(struct kev_access *access)
{
	access->done = 0;
	if (access->address >= RAM_BYTES)
		return -EFAULT;
	access->done = RAM_BYTES - access->address;
	if (access->done > access->length)
		access->done = access->length;
	if (!fake.ram)
		fake.ram = calloc(1, RAM_BYTES);
	return fake.ram ? 0 : -ENOMEM;
}

int kev_vm_read_memory(int vm, struct kev_access *access)
{
	int error = limit_access(access);

	(void)vm;
	if (!error)
		memcpy((void *)(uintptr_t)access->buffer, fake.ram + access->address, access->done);
	return error;
}

int kev_vm_write_memory(int vm, struct kev_access *access)
{
	int error = limit_access(access);

	(void)vm;
	if (!error)
		memcpy(fake.ram + access->address, (void *)(uintptr_t)access->buffer, access->done);
	return error;
}

int kev_vm_translate(int vm, struct kev_translate *translate)
{
	(void)vm;
	translate->gpa = translate->address;
	translate->mapped = translate->address < RAM_BYTES;
	return 0;
}

int kev_vm_stats(int vm, struct kev_vm_stats *stats)
{
	(void)vm;
	stats->id = 7;
	stats->file_pages = 17;
	stats->vcpu.exits = 42;
	stats->shared_pages = 1;
	stats->huge_pages = 2;
	stats->copied_pages = 3;
	stats->around_pages = 4;
	stats->flushes = 5;
	return 0;
}

ssize_t kev_vm_read(int vm, void *buffer, size_t length)
{
	ssize_t n = read(vm, buffer, length);

	return n < 0 ? -errno : n;
}

int kev_vcpu_map_run(int vcpu, size_t size, struct kev_run **run)
{
	(void)size;
	*run = &fake.runs[vcpu_of(vcpu)];
	return 0;
}

int kev_vcpu_unmap_run(struct kev_run *run, size_t size)
{
	(void)run;
	(void)size;
	return 0;
}

int kev_vm_set_cpuid(int vm, const struct kev_cpuid *cpuid)
{
	return vm < 0 || !cpuid->nr ? -EINVAL : 0;
}

int kev_vcpu_set_state(int vcpu, struct kev_vcpu_state *state)
{
	struct kev_run *run = &fake.runs[vcpu_of(vcpu)];

	memcpy(run->gpr, state->gprs.gpr, sizeof(run->gpr));
	run->rip = state->gprs.rip;
	return 0;
}

int kev_vcpu_get_state(int vcpu, struct kev_vcpu_state *state)
{
	const struct kev_run *run = &fake.runs[vcpu_of(vcpu)];

	memcpy(state->gprs.gpr, run->gpr, sizeof(state->gprs.gpr));
	state->gprs.rip = run->rip;
	state->gprs.rflags = run->rflags;
	state->segments.cs = (struct kev_segment){
		.limit = 0xffffffff, .access = 0xa09b, .selector = 8,
	};
	state->segments.gdt = (struct kev_table){ .base = 0x1000, .limit = 23 };
	state->controls = (struct kev_controls){
		.cr0 = 0x80000031, .cr2 = run->cr2, .cr3 = 0x10000, .cr4 = 0x20, .efer = 0xd00,
	};
	state->msrs.apic_base = 0xfee00900;
	return 0;
}

/* A script cannot be debugged: kevctl-native is for that. */
int kev_vcpu_set_debug(int vcpu, const struct kev_vcpu_debug *debug)
{
	(void)vcpu;
	(void)debug;
	return -EOPNOTSUPP;
}

int kev_vcpu_inject(int vcpu, const struct kev_vcpu_inject *inject)
{
	(void)vcpu;
	(void)inject;
	return -EOPNOTSUPP;
}

int kev_vcpu_stats(int vcpu, struct kev_vcpu_stats *stats)
{
	(void)vcpu;
	(void)stats;
	return -EOPNOTSUPP;
}

int kev_vcpu_kick(int vcpu)
{
	return eventfd_write(vcpu, 1);
}

static bool kicked(int vcpu, int timeout_ms)
{
	struct pollfd fd = { .fd = vcpu, .events = POLLIN };
	eventfd_t count;

	poll(&fd, 1, timeout_ms);
	return !eventfd_read(vcpu, &count);
}

int kev_vcpu_interrupt(int vcpu, uint32_t vector)
{
	int error = 0;

	if (vcpu_of(vcpu))
		abort();
	pthread_mutex_lock(&fake.lock);
	if (fake.interrupt_error) {
		error = fake.interrupt_error;
	} else if (fake.interrupt_waits || fake.busy) {
		fake.busy -= !!fake.busy;
		error = EBUSY;
	} else {
		fake.interrupt_waits = true;
		fake.waiting = vector;
	}
	pthread_mutex_unlock(&fake.lock);
	return -error;
}

int kev_vm_signal(int vm, uint64_t address, uint32_t data)
{
	(void)vm;
	pthread_mutex_lock(&fake.lock);
	fake.address = address;
	fake.data = data;
	fake.interrupt_waits = true;
	fake.waiting = data & 0xff;
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

static void set_halted(bool halted)
{
	pthread_mutex_lock(&fake.lock);
	fake.halted = halted;
	pthread_mutex_unlock(&fake.lock);
}

static bool is_halted(void)
{
	bool halted;

	pthread_mutex_lock(&fake.lock);
	halted = fake.halted;
	pthread_mutex_unlock(&fake.lock);
	return halted;
}

static bool take_interrupt(void)
{
	bool taken;

	pthread_mutex_lock(&fake.lock);
	taken = fake.interrupt_waits;
	fake.interrupt_waits = false;
	fake.delivered = fake.waiting;
	pthread_mutex_unlock(&fake.lock);
	return taken;
}

static int spin(int vcpu)
{
	kicked(vcpu, -1);
	return -EINTR;
}

/* Print the rest of @text; false when the console is full. */
static bool print(const char *text)
{
	while (text[fake.printed]) {
		ssize_t n = write(fake.console, text + fake.printed, strlen(text + fake.printed));

		if (n < 0)
			return false;
		fake.printed += n;
	}
	fake.printed = 0;
	return true;
}

static int report(struct kev_run *run, uint32_t kind)
{
	run->kind = kind;
	return 0;
}

static int end(struct kev_run *run, unsigned long long code)
{
	if (!fake.ended)
		close(fake.console);
	fake.ended = true;
	run->exit_code = code;
	return report(run, KEV_EXIT_VM_EXITED);
}

static void set(struct kev_run *run, const char *field, unsigned long long value)
{
#define FIELD(name, member) { name, offsetof(struct kev_run, member), sizeof(run->member) }
	static const struct {
		const char *name;
		size_t offset, size;
	} fields[] = {
		FIELD("reason", exit_reason), FIELD("reason", exit_reason_raw),
		FIELD("qualification", exit_qualification), FIELD("error", error),
		FIELD("insn_error", entry.instruction_error), FIELD("gpa", memory.gpa),
		FIELD("gva", memory.gva), FIELD("gva", memory.gva_valid),
		FIELD("access", memory.access), FIELD("flags", flags),
		FIELD("kind", memory.kind), FIELD("rax", gpr[KEV_RAX]),
		FIELD("rdi", gpr[KEV_RDI]),
		FIELD("rsp", gpr[KEV_RSP]), FIELD("rbp", gpr[KEV_RBP]), FIELD("rip", rip),
		FIELD("mmio_gpa", mmio.gpa), FIELD("mmio_data", mmio.data),
		FIELD("mmio_direction", mmio.direction), FIELD("mmio_width", mmio.width),
		FIELD("vector", debug.vector), FIELD("address", debug.address),
		FIELD("dr6", debug.dr6), FIELD("dr7", debug.dr7),
		FIELD("intercept", intercept.intercept),
	};
#undef FIELD
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(field, fields[i].name))
			continue;
		memcpy((char *)run + fields[i].offset, &value, fields[i].size);
		known = true;
	}
	if (!known)
		abort();
}

static int io(struct kev_run *run, unsigned int direction, unsigned int port, unsigned int width,
	      unsigned int value)
{
	memset(&run->io, 0, sizeof(run->io));
	run->io.port = port;
	run->io.width = width;
	run->io.direction = direction;
	run->io.count = 1;
	run->io.data = direction == KEV_IO_OUT ? value : 0;
	fake.check_answer = direction == KEV_IO_IN;
	fake.expected = value;
	return report(run, KEV_EXIT_IO);
}

static int string_io(struct kev_run *run, unsigned int direction, unsigned int port,
		     unsigned int width, const char *hex)
{
	unsigned int bytes = strlen(hex) / 2, byte;

	memset(&run->io, 0, sizeof(run->io));
	memset(run->data, 0, sizeof(run->data));
	memset(fake.string, 0, sizeof(fake.string));
	for (unsigned int i = 0; i < bytes && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		(direction == KEV_IO_OUT ? run->data : fake.string)[i] = byte;
	run->io.port = port;
	run->io.width = width;
	run->io.direction = direction;
	run->io.count = bytes / width;
	run->io.flags = KEV_IO_STRING;
	fake.check_answer = direction == KEV_IO_IN;
	return report(run, KEV_EXIT_IO);
}

static int mmio(struct kev_run *run, unsigned int direction, uint64_t gpa, unsigned int width,
		uint64_t value)
{
	memset(&run->mmio, 0, sizeof(run->mmio));
	run->mmio.gpa = gpa;
	run->mmio.width = width;
	run->mmio.direction = direction;
	run->mmio.data = direction == KEV_MMIO_WRITE ? value : 0;
	fake.check_answer = direction == KEV_MMIO_READ;
	fake.expected = value;
	return report(run, KEV_EXIT_MMIO);
}

/* Has user space answered the last report as the script expects? */
static bool right_answer(const struct kev_run *run)
{
	if (run->kind == KEV_EXIT_MMIO)
		return run->mmio.data == fake.expected;
	if (run->io.flags & KEV_IO_STRING)
		return !memcmp(run->data, fake.string, sizeof(fake.string));
	return run->io.data == fake.expected;
}

/* Bytes in hexadecimal digits */
static void set_memory(uint64_t address, const char *hex)
{
	struct kev_access access = { .address = address, .length = 1 };
	unsigned int byte;
	uint8_t value;

	for (access.buffer = (uintptr_t)&value; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
		value = byte;
		kev_vm_write_memory(-1, &access);
		access.address++;
	}
}

static bool flood(unsigned long long lines)
{
	char text[24];

	for (; fake.flooded < lines; fake.flooded++) {
		snprintf(text, sizeof(text), "%07llx\n", fake.flooded);
		if (!print(text))
			return false;
	}
	fake.flooded = 0;
	return true;
}

/* "hlt": RIP stays at it until an interrupt comes. */
static int halt(struct kev_run *run, bool enabled)
{
	if (enabled && take_interrupt()) {
		set_halted(false);
		fake.line++;
		return 1;
	}
	set_halted(true);
	run->rflags = enabled ? 0x202 : 2;
	return report(run, KEV_EXIT_HALTED);
}

static bool runs_on(unsigned int cpu)
{
	cpu_set_t set;

	return !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 1 &&
	       CPU_ISSET(cpu, &set);
}

static bool check(const char *line)
{
	unsigned long long a, b;
	unsigned int x, y, z;
	int text = 0;

	if (sscanf(line, "create %u %u %u", &x, &y, &z) == 3)
		return fake.create.huge_pages == x && fake.create.flags == y &&
		       fake.create.fault_around == z;
	if (sscanf(line, "boot %u", &x) == 1)
		return fake.told_boot == x;
	if (sscanf(line, "modules %u", &x) == 1)
		return fake.nr_modules == x;
	if (sscanf(line, "region %u %lli %lli", &x, (long long *)&a, (long long *)&b) == 3)
		return fake.region.kind == x && fake.region.gpa == a && fake.region.length == b &&
		       fake.region.prot == (x == KEV_REGION_PRINT ?
					    KEV_MEM_READ | KEV_MEM_EXEC : 0);
	if (sscanf(line, "module %u %llu %n", &x, &a, &text) == 2)
		return x < fake.nr_modules && fake.modules[x].size == a &&
		       !strcmp(fake.modules[x].text, line + text);
	if (sscanf(line, "affinity %u", &x) == 1)
		return runs_on(x);
	if (sscanf(line, "attach %i %lli", (int *)&x, (long long *)&a) == 2)
		return fake.attach_flags == x && fake.load_base == a;
	if (sscanf(line, "memory %lli %u %lli", (long long *)&a, &x, (long long *)&b) == 3)
		return a < RAM_BYTES - x && !memcmp(fake.ram + a, &b, x);
	if (!strncmp(line, "hypercalls ", 11))
		return !strcmp(fake.create.hypercall_abi, line + 11);
	if (!strncmp(line, "append ", 7))
		return !strcmp(fake.append, line + 7);
	abort();
}

/* Play one line. Returns 1 to go on with the next, else KEV_VCPU_RUN's result. */
static int play(int vcpu, struct kev_run *run)
{
	const char *line = fake.lines[fake.line];
	char text[LINE_BYTES + 2], field[LINE_BYTES];
	unsigned long long value, a[6];
	unsigned int x, y, z;

	if (!strncmp(line, "print ", 6)) {
		snprintf(text, sizeof(text), "%s\n", line + 6);
		if (!print(text))
			return report(run, KEV_EXIT_CONSOLE);
		fake.line++;
		return 1;
	}
	if (sscanf(line, "flood %llu", &value) == 1) {
		if (!flood(value))
			return report(run, KEV_EXIT_CONSOLE);
		fake.line++;
		return 1;
	}
	while (!strcmp(line, "deaf"))
		poll(NULL, 0, -1);	/* not even a signal ends it */
	if (!strcmp(line, "spin"))
		return spin(vcpu);
	if (sscanf(line, "halt %lli", (long long *)&value) == 1)
		return end(run, value);

	if (sscanf(line, "hlt %u", &x) == 1)
		return halt(run, x);

	fake.line++;
	if (!strncmp(line, "check ", 6)) {
		if (check(line + 6))
			return 1;
		fprintf(stderr, "fake: not so: %s\n", line);
		return end(run, 0xbad);
	}
	if (sscanf(line, "vector %i", (int *)&x) == 1)
		return fake.delivered == x ? 1 : end(run, 0xbad);
	if (sscanf(line, "signal %lli %lli", (long long *)&a[0], (long long *)&a[1]) == 2)
		return fake.address == a[0] && fake.data == a[1] ? 1 : end(run, 0xbad);
	if (sscanf(line, "busy %u", &fake.busy) == 1 ||
	    sscanf(line, "interrupt-error %d", &fake.interrupt_error) == 1)
		return 1;
	if (!strcmp(line, "eintr"))
		return -EINTR;
	if (sscanf(line, "pause %u", &x) == 1)
		return kicked(vcpu, x) ? -EINTR : 1;
	if (sscanf(line, "out %i %i %i", (int *)&x, (int *)&y, (int *)&z) == 3)
		return io(run, KEV_IO_OUT, x, y, z);
	if (sscanf(line, "outs %i %i %127s", (int *)&x, (int *)&y, field) == 3)
		return string_io(run, KEV_IO_OUT, x, y, field);
	if (sscanf(line, "ins %i %i %127s", (int *)&x, (int *)&y, field) == 3)
		return string_io(run, KEV_IO_IN, x, y, field);
	if (sscanf(line, "mmio-write %lli %i %lli", (long long *)&a[0], (int *)&x,
		   (long long *)&a[1]) == 3)
		return mmio(run, KEV_MMIO_WRITE, a[0], x, a[1]);
	if (sscanf(line, "mmio-read %lli %i %lli", (long long *)&a[0], (int *)&x,
		   (long long *)&a[1]) == 3)
		return mmio(run, KEV_MMIO_READ, a[0], x, a[1]);
	fake.poll = !strncmp(line, "poll ", 5);
	if (sscanf(line, fake.poll ? "poll %i %i %x" : "in %i %i %x", (int *)&x, (int *)&y,
		   &z) == 3)
		return io(run, KEV_IO_IN, x, y, z);
	if (sscanf(line, "hypercall %llu %llu %llu %llu %llu %llu %llu", &value, &a[0], &a[1],
		   &a[2], &a[3], &a[4], &a[5]) == 7) {
		run->hypercall.nr = value;
		for (int i = 0; i < 6; i++)
			run->hypercall.args[i] = a[i];
		return report(run, KEV_EXIT_HYPERCALL);
	}
	if (sscanf(line, "report %127s", field) == 1) {
		for (x = 0; x < KEV_NR_EXIT_KINDS && strcmp(field, kev_exit_kind_name(x)); )
			x++;
		return report(run, x);
	}
	if (sscanf(line, "runerror %u", &x) == 1)
		return -x;
	if (sscanf(line, "memory %lli %127s", (long long *)&value, field) == 2) {
		set_memory(value, field);
		return 1;
	}
	if (sscanf(line, "set %127s %lli", field, (long long *)&value) == 2) {
		set(run, field, value);
		return 1;
	}
	fprintf(stderr, "fake: bad line: %s\n", line);
	abort();
}

/* vCPUs beside the first: kicked, or told that nothing will wake them. */
static int run_other(int vcpu, struct kev_run *run)
{
	if (!fake.others_wait)
		return spin(vcpu);
	while (!kicked(vcpu, 10))
		if (is_halted())
			return report(run, KEV_EXIT_HALTED);
	return -EINTR;
}

int kev_vcpu_run(int vcpu)
{
	struct kev_run *run = &fake.runs[vcpu_of(vcpu)];
	int result = 1;

	if (kicked(vcpu, 0))
		return -EINTR;
	run->rflags = 2;
	if (run->vcpu_id)
		return run_other(vcpu, run);
	if (fake.check_answer) {
		fake.check_answer = false;
		if (!right_answer(run)) {
			if (!fake.poll)
				return end(run, 0xbad);
			fake.line--;
		}
	}
	while (result == 1) {
		if (fake.line == fake.nr_lines)
			return end(run, 0);
		result = play(vcpu, run);
	}
	return result;
}
