// SPDX-License-Identifier: GPL-2.0
/* kevctl trace */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include "../clock.h"
#include "../command_line.h"
#include "../control/find.h"
#include "../json.h"
#include "../kevctl.h"
#include "../output.h"
#include "../progress.h"
#include "../signals.h"
#include "trace_sum.h"
#include "tracefs.h"

#define CHUNK		65536
#define READS		64	/* between two looks for a signal */
#define LOOK_MS		100	/* where the kernel tells nobody that there is something */
#define SECONDS_MOST	86400
#define BUFFER_KIB	4096
#define BUFFER_KIB_MOST	(1U << 20)

/* @vm, @seconds: 0: all, no end. @command: NULL: none. */
struct trace_options {
	const char *tracefs;
	unsigned int vm;
	unsigned int seconds;
	unsigned int buffer_kib;
	bool json;
	bool events;
	char **command;
};

/*
 * @text, @length: the beginning of a line. @child: process of the command, 0: none, or it has
 * ended with @status. @start, @ns, @ticks: when it began, by three clocks; at the end @ns and
 * @ticks are how long it was.
 */
struct trace {
	const struct trace_options *options;
	struct tracefs tracefs;
	struct trace_sum sum;
	char text[CHUNK];
	size_t length;
	pid_t child;
	int status;
	int signals;
	int timer;
	sigset_t before;
	uint64_t start, ns, ticks;
};

static const char help[] =
	"Usage: kevctl trace [OPTION]... [COMMAND [ARGUMENT]...]\n"
	"\n"
	"Watch guests exit, until Ctrl-C, or while COMMAND runs: print how often, by reason,\n"
	"and how long it took until the guest was entered again. Root only.\n"
	"\n"
	"  --duration SECONDS\n"
	"                  end after so many\n"
	"  --vm N          this VM only\n"
	"  --events        print each of kev's trace events, and no summary\n"
	"  --json          print the summary as a JSON object; with --events one object a line\n"
	"  --buffer KIB    memory for events, for each CPU (default 4096)\n"
	"  --tracefs DIR   where tracefs is mounted, instead of " TRACEFS "\n"
	"  -h, --help      this text\n"
	"\n"
	"Exit status: COMMAND's, if there is one.\n";

static int take_line(struct trace *trace, const char *text)
{
	struct trace_line line;

	if (trace->options->events && trace->options->json) {
		trace_line_print_json(stdout, text);
		return 0;
	}
	if (trace->options->events) {
		print_name(stdout, text);
		putchar('\n');
		return 0;
	}
	trace_line_parse(text, &line);
	return trace_sum_add(&trace->sum, &line);
}

/* Lines that are complete; the rest stays. */
static int take_lines(struct trace *trace)
{
	char *text = trace->text, *end;
	int error = 0;

	trace->text[trace->length] = '\0';
	while (!error && (end = strchr(text, '\n'))) {
		*end = '\0';
		error = take_line(trace, text);
		text = end + 1;
	}
	trace->length -= text - trace->text;
	/* No line is as long as that. */
	if (trace->length == CHUNK - 1)
		trace->length = 0;
	memmove(trace->text, text, trace->length);
	return error;
}

/* What is there, in so many reads at most: it may come faster than it is taken. */
static int take_events(struct trace *trace, unsigned int reads)
{
	int error = 0;
	ssize_t n = 1;

	while (!error && n > 0 && reads--) {
		n = read(trace->tracefs.pipe, trace->text + trace->length,
			 CHUNK - 1 - trace->length);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			trace->length += n;
			error = take_lines(trace);
		}
	}
	return output_flush() ?: error;
}

static int start_command(struct trace *trace)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };

	fflush(NULL);
	trace->child = fork();
	if (trace->child < 0) {
		trace->child = 0;
		return -errno;
	}
	if (trace->child)
		return 0;
	for (int signal = 1; signal < NSIG; signal++)
		if (sigismember(&signals_to_default, signal) == 1)
			sigaction(signal, &usual, NULL);
	sigprocmask(SIG_SETMASK, &trace->before, NULL);
	execvp(*trace->options->command, trace->options->command);
	message(*trace->options->command, "%s", strerror(errno));
	_exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNUSABLE);
}

/* Returns whether it is time to end. */
static bool take_signal(struct trace *trace)
{
	struct signalfd_siginfo info;
	int state;

	if (read(trace->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	/* At the terminal the command gets these two, too: it is for it to end. */
	if (info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT)
		return !trace->child;
	if (info.ssi_signo != SIGCHLD)
		return true;
	if (!trace->child || waitpid(trace->child, &state, WNOHANG) != trace->child)
		return false;
	trace->child = 0;
	trace->status = WIFEXITED(state) ? WEXITSTATUS(state) : STATUS_SIGNAL + WTERMSIG(state);
	return true;
}

static int open_descriptors(struct trace *trace)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	if (!signals_ignored(SIGHUP))
		sigaddset(&set, SIGHUP);
	/* Where it is ignored nobody would be told of the command's end. */
	signal(SIGCHLD, SIG_DFL);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &trace->before);
	trace->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	trace->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return trace->signals < 0 || trace->timer < 0 ? -errno : 0;
}

static int enable(struct trace *trace)
{
	static const char *const wanted[] = { "kev_exit", "kev_entry" };
	const struct trace_options *options = trace->options;
	int error = 0;

	if (options->events)
		return tracefs_enable(&trace->tracefs, NULL, options->vm);
	for (size_t i = 0; i < ARRAY_SIZE(wanted) && !error; i++)
		error = tracefs_enable(&trace->tracefs, wanted[i], options->vm);
	return error;
}

/* Not where others print meanwhile. */
static void show_progress(const struct trace *trace)
{
	const struct trace_options *options = trace->options;

	if (!options->events && !options->command)
		progress_show(trace->start, options->seconds, "%" PRIu64 " exits",
			      trace->sum.exits);
}

static int collect(struct trace *trace)
{
	struct pollfd fds[] = {
		{ .fd = trace->tracefs.pipe, .events = POLLIN },
		{ .fd = trace->signals, .events = POLLIN },
		{ .fd = trace->timer, .events = POLLIN },
	};
	/* What it takes until events can come is none of the time asked for. */
	const struct itimerspec time = { .it_value.tv_sec = trace->options->seconds };
	bool end = false;
	int error = 0;

	if (timerfd_settime(trace->timer, 0, &time, NULL))
		return -errno;
	trace->start = read_clock(CLOCK_MONOTONIC);
	trace->ns = read_clock(CLOCK_MONOTONIC_RAW);
	trace->ticks = __rdtsc();
	if (trace->options->command) {
		error = start_command(trace);
		if (error)
			message(*trace->options->command, "%s", strerror(-error));
	}
	while (!error && !end) {
		if (poll(fds, 3, LOOK_MS) < 0)
			continue;
		if (fds[1].revents)
			end = take_signal(trace);
		end |= fds[2].revents;
		error = take_events(trace, READS);
		show_progress(trace);
	}
	progress_end();
	trace->ns = read_clock(CLOCK_MONOTONIC_RAW) - trace->ns;
	trace->ticks = __rdtsc() - trace->ticks;
	tracefs_stop(&trace->tracefs);
	return error ? error : take_events(trace, UINT_MAX);
}

static double to_ns(const struct trace *trace, double ticks)
{
	return trace->ticks ? ticks * trace->ns / trace->ticks : 0;
}

static double average(const struct trace_reason *reason)
{
	return reason->timed ? (double)reason->sum / reason->timed : 0;
}

static uint64_t least(const struct trace_reason *reason)
{
	return reason->timed ? reason->least : 0;
}

static void print_table(const struct trace *trace)
{
	const struct trace_sum *sum = &trace->sum;

	printf("%" PRIu64 " exits in %.3f s\n", sum->exits, trace->ns / 1e9);
	if (sum->nr_reasons)
		printf("\n%-24s %12s %8s %12s %12s %12s\n", "exit reason", "exits", "share",
		       "min us", "avg us", "max us");
	for (unsigned int i = 0; i < sum->nr_reasons; i++) {
		const struct trace_reason *reason = &sum->reasons[i];

		printf("%-24s %12" PRIu64 " %7.2f%%", reason->name, reason->exits,
		       100.0 * reason->exits / sum->exits);
		if (reason->timed)
			printf(" %12.2f %12.2f %12.2f", to_ns(trace, reason->least) / 1e3,
			       to_ns(trace, average(reason)) / 1e3,
			       to_ns(trace, reason->most) / 1e3);
		putchar('\n');
	}
	output_flush();
	if (sum->lost || sum->unknown_lost) {
		message("trace", "%s%" PRIu64 " events were lost",
			sum->unknown_lost ? "more than " : "", sum->lost);
		hint("--buffer %u makes room for more", trace->options->buffer_kib * 4);
	}
}

static void print_json(const struct trace *trace)
{
	const struct trace_sum *sum = &trace->sum;

	printf("{\"seconds\": %.6f, \"ticks\": %" PRIu64 ", \"exits\": %" PRIu64
	       ", \"lost\": ", trace->ns / 1e9, trace->ticks, sum->exits);
	if (sum->unknown_lost)
		fputs("null", stdout);
	else
		printf("%" PRIu64, sum->lost);
	fputs(", \"reasons\": [", stdout);
	for (unsigned int i = 0; i < sum->nr_reasons; i++) {
		const struct trace_reason *reason = &sum->reasons[i];

		fputs(i ? ",\n  {\"name\": " : "\n  {\"name\": ", stdout);
		json_string(stdout, reason->name);
		printf(", \"exits\": %" PRIu64 ", \"timed\": %" PRIu64 ", \"min_ns\": %.1f, "
		       "\"avg_ns\": %.1f, \"max_ns\": %.1f, \"min_ticks\": %" PRIu64
		       ", \"avg_ticks\": %.1f, \"max_ticks\": %" PRIu64 "}", reason->exits,
		       reason->timed, to_ns(trace, least(reason)),
		       to_ns(trace, average(reason)), to_ns(trace, reason->most),
		       least(reason), average(reason), reason->most);
	}
	puts(sum->nr_reasons ? "\n]}" : "]}");
}

/*
 * What cannot be killed or waited for any more is left alone. The wait may be for long, and signals
 * may end it.
 */
static void end_command(struct trace *trace)
{
	struct signalfd_siginfo info;

	if (!trace->child)
		return;
	kill(trace->child, SIGTERM);
	/* Those that have come already have had their effect. */
	while (read(trace->signals, &info, sizeof(info)) == sizeof(info))
		;
	sigprocmask(SIG_SETMASK, &trace->before, NULL);
	waitpid(trace->child, NULL, 0);
}

static int run(const struct trace_options *options)
{
	static struct trace trace = { .tracefs.pipe = -1 };
	int error;

	trace.options = options;
	error = open_descriptors(&trace);
	if (error)
		message("trace", "%s", strerror(-error));
	else
		error = tracefs_open(&trace.tracefs, options->tracefs, options->buffer_kib);
	if (!error)
		error = enable(&trace);
	if (!error) {
		error = collect(&trace);
		/* What is lost of the output is told of at the end. */
		if (error && !output_flush())
			message("trace", "%s", strerror(-error));
	}
	tracefs_close(&trace.tracefs);
	end_command(&trace);
	trace_sum_sort(&trace.sum);
	if (!error && options->json && !options->events)
		print_json(&trace);
	else if (!error && !options->events)
		print_table(&trace);
	trace_sum_fini(&trace.sum);
	return error ? STATUS_FAILURE : trace.status;
}

int cmd_trace(int argc, char **argv)
{
	struct trace_options options = { .buffer_kib = BUFFER_KIB };
	const struct command_option names[] = {
		{ "duration", .kind = OPTION_NUMBER, .value = &options.seconds,
		  .most = SECONDS_MOST },
		{ "vm", .kind = OPTION_NUMBER, .value = &options.vm, .most = INT_MAX },
		{ "events", .kind = OPTION_FLAG, .value = &options.events },
		{ "json", .kind = OPTION_FLAG, .value = &options.json },
		{ "buffer", .kind = OPTION_NUMBER, .value = &options.buffer_kib,
		  .most = BUFFER_KIB_MOST },
		{ "tracefs", .kind = OPTION_TEXT, .value = &options.tracefs },
		{ }
	};
	const struct command_line line = {
		"trace", help, names, .operand = "command", .ends_options = true,
	};
	int status, first = command_line_take(&line, argc, argv, &status);

	if (first < 0)
		return status;
	if (first < argc)
		options.command = argv + first;
	return run(&options);
}
