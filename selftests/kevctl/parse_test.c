// SPDX-License-Identifier: GPL-2.0
/* parse_size() and parse_count(): text, result, value. */
#include <errno.h>

#include "../../tools/kevctl/kevctl.h"
#include "tap.h"

static const struct {
	const char *text;
	int result;
	uint64_t bytes;
} sizes[] = {
	{ "0", 0, 0 },
	{ "1", 0, 1 },
	{ "4096", 0, 4096 },
	{ "1K", 0, 1024 },
	{ "1k", 0, 1024 },
	{ "64M", 0, 64ULL << 20 },
	{ "64m", 0, 64ULL << 20 },
	{ "2G", 0, 2ULL << 30 },
	{ "64MiB", 0, 64ULL << 20 },
	{ "1KiB", 0, 1024 },
	{ "1gib", -EINVAL, 0 },
	{ "1iB", -EINVAL, 0 },
	{ "1MiBs", -EINVAL, 0 },
	{ "17179869183G", 0, 17179869183ULL << 30 },
	{ "17179869184G", -ERANGE, 0 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "18014398509481983K", 0, 18014398509481983ULL << 10 },
	{ "18014398509481984K", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "K", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1 ", -EINVAL, 0 },
	{ "1KB", -EINVAL, 0 },
	{ "1KK", -EINVAL, 0 },
	{ "1T", -EINVAL, 0 },
	{ "1.5G", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 },
};

static const struct {
	const char *text;
	int result;
	unsigned int value;
} counts[] = {
	{ "1", 0, 1 },
	{ "64", 0, 64 },
	{ "007", 0, 7 },
	{ "0", -ERANGE, 0 },
	{ "65", -ERANGE, 0 },
	{ "4294967297", -ERANGE, 0 },
	{ "99999999999999999999", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "1x", -EINVAL, 0 },
	{ "two", -EINVAL, 0 },
};

int main(void)
{
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t bytes = 0;
		int result = parse_size(sizes[i].text, &bytes);

		snprintf(name, sizeof(name), "size \"%s\"", sizes[i].text);
		tap_result(result == sizes[i].result && bytes == sizes[i].bytes, name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		unsigned int value = 0;
		int result = parse_count(counts[i].text, 1, 64, &value);

		snprintf(name, sizeof(name), "count \"%s\"", counts[i].text);
		tap_result(result == counts[i].result && value == counts[i].value, name);
	}
	return tap_end();
}
