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
 *	hypercall NR A B C D E F
 *	report KIND		any other report, by its name, with the fields of set lines
 *	set FIELD VALUE		reason, qualification, error, insn_error, gpa, gva, access,
 *				flags, rax
 *	runerror ERRNO		KEV_VCPU_RUN fails
 *	eintr			KEV_VCPU_RUN returns -EINTR once
 *	halt CODE		the VM ends
 *	spin			until kicked
 *	pause MS		as long, or until kicked
 *	others-halt		the other vCPUs do not spin, but halt
 *
 * With FAKE_CREATE_VM_ERROR in the environment, making the VM fails with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libkev.h>

#define CONSOLE_SIZE	4096
#define MAX_VCPUS	8
#define MAX_LINES	256
#define LINE_BYTES	128
#define HANG_SECONDS	30

/* The VM's descriptor is the read end of a pipe, a vCPU's is an eventfd. */
static struct {
	char lines[MAX_LINES][LINE_BYTES];
	unsigned int nr_lines;
	unsigned int line;		/* the next one to play */
	unsigned long long flooded;	/* lines of the current flood already printed */
	unsigned int printed;		/* bytes of the current line already printed */
	bool others_halt;
	bool check_answer;
	unsigned int expected;
	bool ended;
	int console;			/* write end */
	int vcpu_fds[MAX_VCPUS];
	struct kev_run runs[MAX_VCPUS];
	unsigned int nr_vcpus;
} fake;

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
		.features = KEV_FEATURE_VPID | KEV_FEATURE_XSAVE,
		.run_page_size = 4096,
		.backend = "fake",
		.module_version = "0",
	};
	return 0;
}

int kev_create_vm(int kev, uint32_t flags, const char *abi)
{
	const char *error = getenv("FAKE_CREATE_VM_ERROR");
	int ends[2];

	(void)kev;
	(void)flags;
	(void)abi;
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

int kev_vm_attach_image(int vm, struct kev_attach_image *image)
{
	unsigned long long span = 4;
	FILE *script = fdopen(dup(image->fd), "r");
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
		} else if (!strcmp(line, "others-halt")) {
			fake.others_halt = true;
		} else if (sscanf(line, "span %llu", &span) != 1) {
			fake.nr_lines++;
		}
	}
	fclose(script);
	image->start = 0x100000;
	image->end = image->start + span * 1024;
	image->entry = image->start;
	if (!error && image->ram_kib < span) {
		image->problem = KEV_IMAGE_RAM;
		error = EINVAL;
	}
	return -error;
}

int kev_vm_stats(int vm, struct kev_vm_stats *stats)
{
	(void)vm;
	stats->file_pages = 17;
	stats->vcpu.exits = 42;
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
	if (!strcmp(field, "reason")) {
		run->exit_reason = value;
		run->exit_reason_raw = value;
	} else if (!strcmp(field, "qualification")) {
		run->exit_qualification = value;
	} else if (!strcmp(field, "error")) {
		run->error = value;
	} else if (!strcmp(field, "insn_error")) {
		run->entry.instruction_error = value;
	} else if (!strcmp(field, "gpa")) {
		run->memory.gpa = value;
	} else if (!strcmp(field, "gva")) {
		run->memory.gva = value;
		run->memory.gva_valid = 1;
	} else if (!strcmp(field, "access")) {
		run->memory.access = value;
	} else if (!strcmp(field, "flags")) {
		run->flags = value;
	} else if (!strcmp(field, "rax")) {
		run->gpr[KEV_RAX] = value;
	} else {
		abort();
	}
}

static int io(struct kev_run *run, unsigned int direction, unsigned int port, unsigned int width,
	      unsigned int value)
{
	memset(&run->io, 0, sizeof(run->io));
	run->io.port = port;
	run->io.width = width;
	run->io.direction = direction;
	run->io.data = direction == KEV_IO_OUT ? value : 0;
	fake.check_answer = direction == KEV_IO_IN;
	fake.expected = value;
	return report(run, KEV_EXIT_IO);
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
	if (!strcmp(line, "spin"))
		return spin(vcpu);
	if (sscanf(line, "halt %lli", (long long *)&value) == 1)
		return end(run, value);

	fake.line++;
	if (!strcmp(line, "eintr"))
		return -EINTR;
	if (sscanf(line, "pause %u", &x) == 1)
		return kicked(vcpu, x) ? -EINTR : 1;
	if (sscanf(line, "out %i %i %i", (int *)&x, (int *)&y, (int *)&z) == 3)
		return io(run, KEV_IO_OUT, x, y, z);
	if (sscanf(line, "in %i %i %x", (int *)&x, (int *)&y, &z) == 3)
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
	if (sscanf(line, "set %127s %lli", field, (long long *)&value) == 2) {
		set(run, field, value);
		return 1;
	}
	fprintf(stderr, "fake: bad line: %s\n", line);
	abort();
}

int kev_vcpu_run(int vcpu)
{
	struct kev_run *run = &fake.runs[vcpu_of(vcpu)];
	int result = 1;

	if (kicked(vcpu, 0))
		return -EINTR;
	if (run->vcpu_id)
		return fake.others_halt ? report(run, KEV_EXIT_HALTED) : spin(vcpu);
	if (fake.check_answer) {
		fake.check_answer = false;
		if (run->io.data != fake.expected)
			return end(run, 0xbad);
	}
	while (result == 1) {
		if (fake.line == fake.nr_lines)
			return end(run, 0);
		result = play(vcpu, run);
	}
	return result;
}
