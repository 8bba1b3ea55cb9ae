// SPDX-License-Identifier: GPL-2.0
/*
 * The input is a choice of what takes a command line, and its words, each on a line of its own: the
 * options of `kevctl run`, with the first words as variables of the environment; those of another
 * command, by a table; the value of --net; a number. What is accepted is in its bounds and the same
 * the next time, and what is refused is not refused without a word.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/kevctl/command_line.h"
#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/net/option.h"
#include "../../tools/kevctl/run_options.h"
#include "../../tools/kevctl/sandbox.h"

#include "fuzz.h"

#define MOST_WORDS	48
#define LONG		(KEV_MAX_CMDLINE + 64)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* A command line; each word in a block of its own, for a byte behind its end to be seen */
struct words {
	char *argv[MOST_WORDS + 1];
	int argc;
	const char *begins[MOST_WORDS + 1], *ends[MOST_WORDS + 1];
};

static char said[1 << 16];

/* "word\nword\n": an empty word is one, and one that ends with a \t goes on and on. */
static void split(struct words *words, const char *text)
{
	*words = (struct words){ .argv = { strdup("run") }, .argc = 1 };
	while (*text && words->argc < MOST_WORDS) {
		size_t length = strcspn(text, "\n"), all = length;
		char *word;

		if (length && text[length - 1] == '\t')
			all = LONG;
		word = malloc(all + 1);
		if (!word)
			abort();
		memset(word, 'x', all);
		memcpy(word, text, length);
		word[all] = '\0';
		words->begins[words->argc] = word;
		words->ends[words->argc] = word + all;
		words->argv[words->argc++] = word;
		text += length + !!text[length];
	}
}

static void drop(struct words *words)
{
	for (int i = 0; i < words->argc; i++)
		free(words->argv[i]);
}

/* ---- what is said, is kept; messages are long where words are ---- */

static FILE *out, *err;

static void listen_begin(void)
{
	out = stdout;
	err = stderr;
	*said = '\0';
	stdout = fmemopen(said, sizeof(said), "w");
	stderr = stdout;
	if (!stdout)
		abort();
}

static size_t listen_end(void)
{
	fclose(stdout);
	stdout = out;
	stderr = err;
	return strlen(said);
}

/* ---- run ---- */

static const char *const variables[] = {
	"HERMIT_MEMORY_SIZE", "HERMIT_CPU_COUNT", "HERMIT_GDB_PORT",
};

static bool parse_run(struct words *words, struct run_options *options)
{
	unsigned int nr = words->argc > 4 && !strcmp(words->argv[1], "=") ? 4 : 0;
	int status = -1;
	size_t length;
	bool go;

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		unsetenv(variables[i]);
		if (nr)
			setenv(variables[i], words->argv[i + 2], 1);
	}
	/* Between command lines the library wants to be told. */
	optind = 0;
	listen_begin();
	go = run_options_parse(words->argc - nr, words->argv + nr, options, &status);
	length = listen_end();
	fuzz_check(go || length, "refused without a word");
	fuzz_check(status == 0 || status == STATUS_FAILURE, "status");
	fuzz_check(status || !go, "done, and to go on");
	return go;
}

static bool is_word(const struct words *words, const char *text)
{
	for (int i = 1; i < words->argc; i++)
		if (text >= words->begins[i] && text <= words->ends[i])
			return true;
	return false;
}

static void check_run(const struct words *words, const struct run_options *options)
{
	fuzz_check(options->image && is_word(words, options->image), "no image");
	fuzz_check(options->nr_arguments < MOST_WORDS, "arguments");
	for (unsigned int i = 0; i < options->nr_arguments; i++)
		fuzz_check(options->arguments[i] == words->argv[words->argc -
			   options->nr_arguments + i], "another argument");
	fuzz_check(options->cpus >= 1 && options->cpus <= UINT16_MAX, "vCPUs");
	fuzz_check(!options->affinity.nr || options->affinity.nr == options->cpus, "affinity");
	fuzz_check(!options->memory_text == !options->memory_kib && !(options->memory_kib % 4) &&
		   options->memory_kib <= UINT64_MAX / 1024, "memory");
	fuzz_check(options->boot <= KEV_BOOT_PVH || options->boot == BOOT_HERMIT ||
		   options->boot == KEV_BOOT_AUTO, "boot protocol");
	fuzz_check(strlen(options->append) < KEV_MAX_CMDLINE, "command line");
	fuzz_check(options->nr_modules <= KEV_MAX_MODULES, "modules");
	for (unsigned int i = 0; i < options->nr_modules; i++)
		fuzz_check(is_word(words, options->modules[i].path) &&
			   !strchr(options->modules[i].path, ',') &&
			   strlen(options->modules[i].arguments) < KEV_MAX_CMDLINE, "module");
	fuzz_check(options->fault_around <= 512 &&
		   !(options->fault_around & (options->fault_around - 1)), "fault-around");
	fuzz_check(*options->hypercalls && strlen(options->hypercalls) < KEV_NAME_LEN, "name");
	fuzz_check(options->huge_pages <= KEV_HUGE_ALWAYS, "huge pages");
	fuzz_check(!(options->load_address % 4096), "load address");
	fuzz_check(!(options->sandbox & ~SANDBOX_ALL), "sandbox");
	fuzz_check(!options->net || options->machine != MACHINE_NONE, "a card of no machine");
	for (unsigned int i = 0; i < options->env.nr; i++)
		fuzz_check(*options->env.items[i] && *options->env.items[i] != '=', "no name");
}

static void run(const char *text)
{
	struct run_options options, again;
	struct words words, same;
	bool go;

	split(&words, text);
	split(&same, text);
	memset(&options, 0x55, sizeof(options));
	memset(&again, 0xaa, sizeof(again));
	go = parse_run(&words, &options);
	fuzz_check(parse_run(&same, &again) == go, "another verdict the next time");
	if (go) {
		check_run(&words, &options);
		fuzz_check(options.memory_kib == again.memory_kib && options.cpus == again.cpus &&
			   options.boot == again.boot && options.flags == again.flags &&
			   options.load_address == again.load_address &&
			   options.sandbox == again.sandbox && options.env.nr == again.env.nr &&
			   !strcmp(options.image, again.image), "other options the next time");
	}
	free(options.env.items);
	free(options.file_mappings.items);
	free(again.env.items);
	free(again.file_mappings.items);
	drop(&words);
	drop(&same);
}

/* What begins with a digit, as it is read, and nothing else */
static void number(const char *text)
{
	static const char *const names[] = {
		"--memory", "--cpus", "--fault-around", "--load-address",
	};
	struct run_options options;
	struct words words;
	char *line;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strchr(text, '\n') || asprintf(&line, "%s\n%s\nimage", names[i], text) < 0)
			return;
		split(&words, line);
		if (parse_run(&words, &options)) {
			fuzz_check(isdigit((u8)*text), "a number with a sign");
			fuzz_check(!options.load_given ||
				   options.load_address == strtoull(text, NULL, 0), "another");
		}
		drop(&words);
		free(line);
	}
}

/* ---- others ---- */

static int set_text(const char *name, const char *text, void *value)
{
	fuzz_check(!strncmp(name, "--", 2), "an option without dashes");
	*(const char **)value = text;
	return 0;
}

static void other(const char *text)
{
	const char *file = NULL, *json = NULL;
	unsigned int number = 1;
	bool flag = false;
	const struct command_option options[] = {
		{ .name = "flag", .letter = 'f', .kind = OPTION_FLAG, .value = &flag },
		{ .name = "file", .letter = 'o', .kind = OPTION_TEXT, .value = &file },
		{ .name = "number", .letter = 'n', .kind = OPTION_NUMBER, .value = &number,
		  .most = 3600 },
		{ .name = "json", .kind = OPTION_CALL, .value = &json, .may_lack = true,
		  .set = set_text },
		{ }
	};
	struct command_line line = {
		.command = "other", .help = "Usage: other\n", .options = options,
	};
	struct words words;
	int first, status;
	size_t length;

	line.most = *text & 3;
	line.least = *text >> 2 & 1 & line.most;
	line.operand = *text & 7 ? "guest" : NULL;
	line.ends_options = *text & 8;
	split(&words, *text ? text + 1 : text);
	optind = 0;
	listen_begin();
	first = command_line_take(&line, words.argc, words.argv, &status);
	length = listen_end();
	fuzz_check(first > 0 || length, "refused without a word");
	if (first > 0) {
		fuzz_check(first <= words.argc && words.argc - first >= line.least, "operands");
		fuzz_check(words.argc - first <= line.most || (!line.most && line.operand),
			   "too many operands");
		fuzz_check(!file || is_word(&words, file), "a file from nowhere");
		fuzz_check(!json || is_word(&words, json), "a value from nowhere");
	}
	fuzz_check(number >= 1 && number <= 3600, "a number out of range");
	drop(&words);
}

static void check_mac(const struct net_option *option, const char *text)
{
	const char *from = text;

	fuzz_check(!(option->mac[0] & NET_MAC_GROUP), "a group's address");
	for (unsigned int i = 0; i < NET_MAC_LENGTH; i++) {
		char *end = (char *)from;
		unsigned long byte = isxdigit((u8)*from) ? strtoul(from, &end, 16) : 0;

		fuzz_check(end != from && end - from <= 2 && byte == option->mac[i] &&
			   *end == (i < NET_MAC_LENGTH - 1 ? ':' : '\0'), "another address");
		from = end + 1;
	}
}

static void net(const char *text)
{
	char *copy = strdup(text), *cut = strdup(text), *word, *at = cut;
	const char *mac = NULL;
	struct net_option option;
	unsigned int nr = 0;
	size_t length;
	int error;

	listen_begin();
	error = net_option_parse(&option, copy);
	length = listen_end();
	fuzz_check(!error || (error == -EINVAL && length), "refused without a word");
	strsep(&at, ",");	/* the device */
	while (!error && (word = strsep(&at, ",")))
		if (!strncmp(word, "mac=", 4))
			mac = word + 4;
	if (!error) {
		fuzz_check(option.user || strlen(option.name) < 16, "a name that is too long");
		fuzz_check(option.has_mac == !!mac, "an address");
		if (mac)
			check_mac(&option, mac);
		while (option.words[nr])
			nr++;
		fuzz_check(nr <= NET_WORDS && (option.user || !nr), "words");
	}
	free(cut);
	free(copy);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static void (*const readers[])(const char *text) = { run, other, net, number };
	char *text;
	u8 which;

	fuzz_take(&data, &size, &which, sizeof(which));
	text = fuzz_text(data, size);
	if (!text)
		return 0;
	readers[which % ARRAY_SIZE(readers)](text);
	free(text);
	return 0;
}
