// SPDX-License-Identifier: GPL-2.0
/*
 * The input is what a Hermit kernel is to find: its boot information, device tree and command line.
 * What is said to be their length is, nothing is written behind it, and a line that is read as a
 * shell reads it gives back the words that went in.
 */
#include <string.h>

#include "../../tools/kevctl/hermit/boot_info.h"
#include "../../tools/kevctl/hermit/bootargs.h"
#include "../../tools/kevctl/hermit/device_tree.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define MOST_WORDS	8

static void boot_info(const u8 *data, size_t size)
{
	struct boot_info info = { 0 };
	u8 bytes[BOOT_INFO_BYTES], again[BOOT_INFO_BYTES], version;
	size_t length;

	fuzz_take(&data, &size, &version, sizeof(version));
	fuzz_take(&data, &size, &info, offsetof(struct boot_info, has_pci));
	info.has_pci = version & 0x80;
	fuzz_take(&data, &size, &info.cpus, sizeof(info.cpus));
	info.cpus = info.cpus ?: 1;
	fuzz_take(&data, &size, &info.khz, sizeof(info.khz));
	version %= HERMIT_LAST_ENTRY + 2;
	memset(bytes, 0xaa, sizeof(bytes));
	memset(again, 0x55, sizeof(again));
	length = boot_info_fill(version, &info, bytes);
	fuzz_check(length <= sizeof(bytes), "it is longer than it can be");
	fuzz_check(!length == (version < HERMIT_FIRST_ENTRY || version > HERMIT_LAST_ENTRY),
		   "versions");
	fuzz_check(boot_info_fill(version, &info, again) == length &&
		   !memcmp(bytes, again, length), "bytes that nobody has written");
}

static void device_tree(const char *text, const u8 *data, size_t size)
{
	struct memory_range ranges[4];
	struct device_tree tree = { .memory = ranges, .bootargs = text };
	size_t length, room;
	u8 *bytes;

	fuzz_take(&data, &size, &tree.cpus, sizeof(tree.cpus));
	tree.cpus %= 256;
	fuzz_take(&data, &size, &tree.khz, sizeof(tree.khz));
	fuzz_take(&data, &size, ranges, sizeof(ranges));
	tree.nr_memory = tree.khz % (ARRAY_SIZE(ranges) + 1);
	/* The text, with the NUL at its end, is also a list of directories. */
	tree.mounts = text;
	tree.mounts_bytes = tree.khz & 8 ? strlen(text) + 1 : 0;
	length = device_tree_write(&tree, NULL, 0);
	fuzz_check(length && !(length % 4), "length");
	room = tree.khz & 16 ? length : tree.khz % length;
	bytes = malloc(room ?: 1);
	if (!bytes)
		return;
	fuzz_check(device_tree_write(&tree, bytes, room) == length, "another length");
	free(bytes);
}

/* As a shell takes it apart: the next word of *line in place, or NULL */
static char *next_word(char **line)
{
	char *from = *line, *to, *word, quote = 0;

	while (*from == ' ')
		from++;
	if (!*from)
		return NULL;
	for (word = to = from; *from && (quote || *from != ' '); from++) {
		if (quote ? *from == quote : *from == '\'' || *from == '"')
			quote = quote ? 0 : *from;
		else if (*from == '\\' && quote != '\'' && from[1])
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*line = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

static void bootargs(char *text)
{
	const char *words[MOST_WORDS + 1] = { "image" };
	struct arguments arguments = { .argc = 1, .argv = words };
	char *line, *at, *word, *rest;

	for (word = strtok_r(text, "\n", &at); word && arguments.argc < MOST_WORDS;
	     word = strtok_r(NULL, "\n", &at))
		words[arguments.argc++] = word;
	line = bootargs_make(&arguments);
	if (!line)
		return;
	rest = line;
	/* "--" says where the program's words begin, and is there or not as they are. */
	for (unsigned int i = 1; i < arguments.argc; i++) {
		if (!strcmp(words[i], "--"))
			continue;
		do
			word = next_word(&rest);
		while (word && !strcmp(word, "--"));
		fuzz_check(word && !strcmp(word, words[i]), "a word that is not as it was");
	}
	free(line);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text;
	u8 which;

	fuzz_take(&data, &size, &which, sizeof(which));
	text = fuzz_text(data, size);
	if (!text)
		return 0;
	if (which % 3 == 0)
		boot_info(data, size);
	else if (which % 3 == 1)
		device_tree(text, data, size);
	else
		bootargs(text);
	free(text);
	return 0;
}
