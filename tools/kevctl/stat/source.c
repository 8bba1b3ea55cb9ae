// SPDX-License-Identifier: GPL-2.0
/* Where counters come from. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "../clock.h"
#include "../control/control.h"
#include "../control/runtime.h"
#include "../kevctl.h"
#include "source.h"

#define CHUNK		65536
#define TABLE_MOST	(64U << 20)
#define ANSWER_MOST	(1U << 20)	/* from one process */
#define AT_ONCE		256		/* processes, each with a descriptor of ours */
#define NSEC_PER_MSEC	1000000ULL
#define ANSWER_NSEC	(2000 * NSEC_PER_MSEC)
#define SILENT_NSEC	(100 * NSEC_PER_MSEC)	/* of one that did not answer the last time */

static bool is_mounted(const char *path)
{
	struct statfs stat;

	return !statfs(path, &stat) && stat.f_type == DEBUGFS_MAGIC;
}

static bool has_tables(const char *debugfs)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/kev/vms", debugfs) < PATH_MAX &&
	       !access(path, R_OK);
}

/* Root may expect all VMs. */
static void say_what_is_missing(void)
{
	int error = errno;

	if (is_mounted(DEBUGFS)) {
		message(DEBUGFS "/kev/vms", "%s", strerror(error));
		hint("the module is not loaded, or an old one: kevctl version");
	} else {
		message(DEBUGFS, "debugfs is not mounted");
		hint("mount -t debugfs none " DEBUGFS);
	}
	hint("without it there are only the guests that kevctl runs for this user");
}

int source_open(struct source *source, const char *debugfs)
{
	*source = (struct source){ .debugfs = debugfs };
	if (debugfs) {
		if (has_tables(debugfs))
			return 0;
		message(debugfs, "has no kev/vms: %s", strerror(errno));
		return -ENOENT;
	}
	if (geteuid())
		return 0;
	if (has_tables(DEBUGFS)) {
		source->debugfs = DEBUGFS;
		return 0;
	}
	say_what_is_missing();
	return 0;
}

/* @size: that may be filled, a byte more is there */
struct text {
	char *bytes;
	size_t length, size;
};

/* A read() more, of at most @most bytes in all. Returns what it does. */
static ssize_t read_more(int fd, struct text *text, size_t most)
{
	size_t size = text->size ? text->size * 2 : CHUNK;
	char *more;
	ssize_t n;

	if (text->length == text->size) {
		if (size > most) {
			errno = E2BIG;
			return -1;
		}
		more = realloc(text->bytes, size + 1);
		if (!more)
			return -1;
		text->bytes = more;
		text->size = size;
	}
	n = read(fd, text->bytes + text->length, text->size - text->length);
	if (n > 0)
		text->length += n;
	text->bytes[text->length] = '\0';
	return n;
}

static char *read_file(const char *debugfs, const char *name)
{
	struct text text = { };
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/kev/%s", debugfs, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	do
		n = read_more(fd, &text, TABLE_MOST);
	while (n > 0);
	close(fd);
	if (n < 0) {
		free(text.bytes);
		return NULL;
	}
	return text.bytes;
}

static int read_debugfs(const char *debugfs, struct samples *samples)
{
	struct sample_tables tables = {
		.vms = read_file(debugfs, "vms"),
		.vcpus = read_file(debugfs, "vcpus"),
		.exits = read_file(debugfs, "exits"),
	};
	int error = -errno;

	if (tables.vms && tables.vcpus && tables.exits)
		error = samples_add(samples, &tables);
	free(tables.vms);
	free(tables.vcpus);
	free(tables.exits);
	return error;
}

/* @fd: -1 when nothing more comes. @complete: it has come to its end. @deadline: monotonic ns */
struct answer {
	pid_t pid;
	int fd;
	bool complete;
	uint64_t deadline;
	struct text text;
};

static bool was_silent(const struct source *source, pid_t pid)
{
	for (unsigned int i = 0; i < source->nr_silent; i++)
		if (source->silent[i] == pid)
			return true;
	return false;
}

static void ask(const struct source *source, struct answer *answer)
{
	static const char request[] = CONTROL_STATS "\n";
	uint64_t patience = was_silent(source, answer->pid) ? SILENT_NSEC : ANSWER_NSEC;

	answer->fd = runtime_connect(answer->pid);
	answer->deadline = read_clock(CLOCK_MONOTONIC) + patience;
	/* One that has gone has said all. */
	answer->complete = answer->fd == -ENOENT;
	if (answer->fd >= 0)
		send(answer->fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void end_answer(struct answer *answer)
{
	if (answer->fd >= 0)
		close(answer->fd);
	answer->fd = -1;
}

/* What has come by now. Returns 0 or -ENOMEM. */
static int take_part(struct answer *answer)
{
	ssize_t n = read_more(answer->fd, &answer->text, ANSWER_MOST);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return 0;
	if (n < 0 && errno == ENOMEM)
		return -ENOMEM;
	answer->complete = true;
	if (n < 0)
		answer->text.length = 0;
	end_answer(answer);
	return 0;
}

/* Until the last has answered, or its time is over */
static int hear(struct answer *answers, unsigned int nr)
{
	struct pollfd *fds = calloc(nr + 1, sizeof(*fds));
	int error = fds ? 0 : -ENOMEM;

	while (!error) {
		uint64_t now = read_clock(CLOCK_MONOTONIC), end = now;

		for (unsigned int i = 0; i < nr; i++) {
			fds[i] = (struct pollfd){ .fd = answers[i].fd, .events = POLLIN };
			if (answers[i].fd >= 0 && answers[i].deadline > end)
				end = answers[i].deadline;
		}
		if (end == now)
			break;
		if (poll(fds, nr, (int)((end - now) / NSEC_PER_MSEC) + 1) < 0) {
			error = errno == EINTR ? 0 : -errno;
			continue;
		}
		for (unsigned int i = 0; i < nr && !error; i++)
			if (fds[i].revents)
				error = take_part(&answers[i]);
	}
	free(fds);
	return error;
}

/* What a process says of itself is its VM's only. */
static int add_process(struct samples *samples, const struct answer *answer)
{
	unsigned int before = samples->nr;
	struct sample_tables tables;
	struct samples own = { .most = 1 };
	int error = 0;

	if (answer->complete && answer->text.length &&
	    !samples_split(answer->text.bytes, &tables) && !samples_add(&own, &tables) &&
	    own.nr == 1) {
		struct vm_sample *vms = realloc(samples->vms, (before + 1) * sizeof(*vms));

		if (vms) {
			samples->vms = vms;
			vms[samples->nr++] = own.vms[0];
			vms[before].pid = answer->pid;
			own.nr = 0;
		} else {
			error = -ENOMEM;
		}
	}
	samples_fini(&own);
	return error;
}

/* Those that have not answered take the place of the earlier ones. */
static int keep_silent(struct source *source, const struct answer *answers, unsigned int nr)
{
	pid_t *silent = calloc(nr + 1, sizeof(*silent));

	if (!silent)
		return -ENOMEM;
	free(source->silent);
	source->silent = silent;
	source->nr_silent = 0;
	for (unsigned int i = 0; i < nr; i++)
		if (!answers[i].complete)
			silent[source->nr_silent++] = answers[i].pid;
	return 0;
}

static int read_some(const struct source *source, struct samples *samples,
		     struct answer *answers, unsigned int nr)
{
	int error;

	for (unsigned int i = 0; i < nr; i++)
		ask(source, &answers[i]);
	error = hear(answers, nr);
	for (unsigned int i = 0; i < nr && !error; i++)
		error = add_process(samples, &answers[i]);
	for (unsigned int i = 0; i < nr; i++) {
		end_answer(&answers[i]);
		free(answers[i].text.bytes);
	}
	return error;
}

static int read_processes(struct source *source, struct samples *samples,
			  const struct runtime_info *infos, unsigned int nr)
{
	struct answer *answers = calloc(nr + 1, sizeof(*answers));
	int error = answers ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < nr && !error; i++)
		answers[i].pid = infos[i].pid;
	for (unsigned int i = 0; i < nr && !error; i += AT_ONCE)
		error = read_some(source, samples, answers + i,
				  nr - i < AT_ONCE ? nr - i : AT_ONCE);
	if (!error)
		error = keep_silent(source, answers, nr);
	free(answers);
	return error;
}

static void add_images(struct samples *samples, const struct runtime_info *infos, int nr)
{
	for (unsigned int i = 0; i < samples->nr; i++)
		for (int j = 0; j < nr; j++)
			if (infos[j].pid == samples->vms[i].pid)
				strcpy(samples->vms[i].image, infos[j].image);
}

int source_read(struct source *source, struct samples *samples)
{
	struct runtime_info *infos;
	int nr = runtime_list(&infos), error = 0;

	*samples = (struct samples){ .time = read_clock(CLOCK_MONOTONIC) };
	if (source->debugfs)
		error = read_debugfs(source->debugfs, samples);
	else if (nr < 0)
		error = nr;
	else
		error = read_processes(source, samples, infos, nr);
	if (error)
		samples_fini(samples);
	else
		add_images(samples, infos, nr);
	free(infos);
	return error;
}

void source_say_silent(const struct source *source)
{
	for (unsigned int i = 0; i < source->nr_silent; i++) {
		pid_t pid = source->silent[i];

		message("a guest is missing", "process %d, which runs it, does not answer", pid);
		hint("it may be stopped; kill -CONT %d lets it go on", pid);
	}
}

void source_fini(struct source *source)
{
	free(source->silent);
	*source = (struct source){ };
}
