// SPDX-License-Identifier: GPL-2.0
/*
 * The input is what a process tells of its guest, or pretends to, behind a byte that says how often
 * its last one is repeated. Whatever is read from it is read again the same way from the text that
 * tells it, and that text has the room that there is.
 */
#include "../../tools/kevctl/control/info.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define REPEATS	80	/* so that any input can be the longest text, and longer */

static void parse(const u8 *data, size_t size, struct runtime_info *info)
{
	char *text = fuzz_text(data, size);

	if (!text)
		exit(1);
	/* What is left of another process's */
	memset(info, 0x55, sizeof(*info));
	info_parse(text, info);
	free(text);
	fuzz_check(!info->pid, "it says itself which process it is");
	fuzz_check(memchr(info->image, 0, sizeof(info->image)), "a name without an end");
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct runtime_info info, again;
	char text[INFO_BYTES + 1];
	static char given[8192 + 255 * REPEATS];
	FILE *to;
	long end;
	u8 times;

	fuzz_take(&data, &size, &times, sizeof(times));
	size = min(size, sizeof(given) - times * REPEATS);
	if (size) {
		memcpy(given, data, size);
		memset(given + size, data[size - 1], times * REPEATS);
		size += times * REPEATS;
	}
	parse((u8 *)given, size, &info);
	to = fmemopen(text, sizeof(text), "w");
	if (!to)
		return 0;
	info_print(to, &info);
	end = ftell(to);
	fuzz_check(!fclose(to) && end >= 0 && end < (long)sizeof(text), "no room for the text");
	parse((u8 *)text, end, &again);
	fuzz_check(again.vm == info.vm && again.started == info.started &&
		   again.memory_kib == info.memory_kib && again.vcpus == info.vcpus &&
		   again.detached == info.detached, "a number that is not as it was");
	fuzz_check(!strcmp(again.image, info.image), "an image that is not as it was");
	return 0;
}
