// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctl fuzzer: programs of calls on /dev/kev, VMs and vCPUs by several threads, with
 * mappings, forks and closes between them; random ones, and ones of a corpus with a few
 * changes. Where the kernel tells what code a program reaches, programs that reach new code
 * join the corpus. Every program is in the kernel's log before it is executed.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "execute.h"

#define MAX_CORPUS	4096
/* So many programs make a line of output. */
#define TELL		500

static struct fz_program corpus[MAX_CORPUS];
static unsigned int nr_corpus;

static struct {
	uint64_t seed;
	unsigned long first, programs;
	const char *corpus, *out, *replay;
	bool calls;
} options = { .seed = 1, .programs = 100 };

static unsigned int places;

/* False with a finding */
static bool execute(const struct fz_program *program, unsigned long number,
		    struct fz_result *result)
{
	char text[FZ_TEXT];

	fz_text(program, text);
	/* Where the corpus grows nobody can make it again from seed and number. */
	fz_log(options.seed, number, fz_cover ? text : "");
	fz_execute(program, result);
	places += result->places;
	if (!result->finding)
		return true;
	printf("found, seed %lu, program %lu: %s", options.seed, number, result->finding);
	if (result->error)
		printf(": %s: %s", fz_calls[result->call].name, strerror(result->error));
	printf("\nreplay: %s\n", text);
	return false;
}

static void keep(const struct fz_program *program)
{
	char text[FZ_TEXT];
	FILE *file;

	if (nr_corpus < MAX_CORPUS)
		corpus[nr_corpus++] = *program;
	file = options.out ? fopen(options.out, "a") : NULL;
	if (!file)
		return;
	fz_text(program, text);
	fprintf(file, "%s\n", text);
	fclose(file);
}

/* Those of a corpus that reach what others do not; all where nobody can tell */
static bool read_corpus(const char *path)
{
	static struct fz_program program;
	FILE *file = fopen(path, "r");
	struct fz_result result;
	unsigned long number = 0;
	char *line = NULL;
	size_t room = 0;

	if (!file) {
		perror(path);
		return false;
	}
	while (getline(&line, &room, file) > 0) {
		unsigned int left_out = fz_parse(&program, line);

		/* A corpus may be of another version; a finding is tried again or not. */
		if (options.replay && left_out) {
			printf("%s: %u steps of a program cannot be read\n", path, left_out);
			return false;
		}
		if (!program.nr)
			continue;
		if ((fz_cover || options.replay) && !execute(&program, number, &result))
			return false;
		number++;
		if (!fz_cover || result.places)
			keep(&program);
	}
	free(line);
	fclose(file);
	if (options.replay && !number) {
		printf("%s: there is no program\n", path);
		return false;
	}
	printf("corpus: %u of %lu programs, %u places\n", nr_corpus, number, places);
	fflush(stdout);
	return true;
}

static bool fuzz(unsigned long number)
{
	static struct fz_program program;
	uint64_t state = options.seed * 0x10001 + (number << 32);
	struct fz_result result;

	if (nr_corpus && !fz_one_in(&state, 4)) {
		program = corpus[fz_below(&state, nr_corpus)];
		fz_mutate(&program, &corpus[fz_below(&state, nr_corpus)], &state);
	} else {
		fz_generate(&program, &state);
	}
	if (!execute(&program, number, &result))
		return false;
	if (number % TELL == TELL - 1) {
		printf("%lu programs, %u places\n", number + 1, places);
		fflush(stdout);
	}
	if (fz_cover && result.places)
		keep(&program);
	return true;
}

/* The number of calls that were not refused */
static uint64_t sum_up(void)
{
	uint64_t taken = 0, refused = 0;

	for (unsigned int i = 0; i < fz_nr_calls; i++) {
		taken += fz_taken[i];
		refused += fz_refused[i];
		if (options.calls && fz_taken[i] + fz_refused[i])
			printf("%-14s %8lu taken %8lu refused\n", fz_calls[i].name, fz_taken[i],
			       fz_refused[i]);
	}
	printf("%lu programs, %lu calls taken and %lu refused, %u places, corpus %u\n",
	       options.programs, taken, refused, places, nr_corpus);
	return taken;
}

static void usage(void)
{
	fputs("usage: ioctl [--seed N] [--first N] [--programs N] [--corpus FILE] [--out FILE]\n"
	      "             [--calls]\n"
	      "       ioctl --replay FILE\n", stderr);
	exit(2);
}

static void parse_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "first", required_argument, NULL, 'f' },
		{ "programs", required_argument, NULL, 'p' },
		{ "corpus", required_argument, NULL, 'c' },
		{ "out", required_argument, NULL, 'o' },
		{ "replay", required_argument, NULL, 'r' },
		{ "calls", no_argument, NULL, 'v' },
		{ },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 's':
			options.seed = strtoul(optarg, NULL, 0);
			break;
		case 'f':
			options.first = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			options.programs = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			options.corpus = optarg;
			break;
		case 'o':
			options.out = optarg;
			break;
		case 'r':
			options.replay = optarg;
			options.programs = 0;
			break;
		case 'v':
			options.calls = true;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
}

int main(int argc, char **argv)
{
	unsigned long end;

	parse_options(argc, argv);
	fz_start();
	if (options.replay && !read_corpus(options.replay))
		return 1;
	if (options.corpus && !read_corpus(options.corpus))
		return 1;
	end = options.first + options.programs;
	for (unsigned long i = options.first; i < end; i++)
		if (!fuzz(i))
			return 1;
	/* A fuzzer whose every call is refused finds nothing. */
	return sum_up() < options.programs;
}
