// SPDX-License-Identifier: GPL-2.0
/* Numbers and sizes on the command line. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kevctl.h"

/* Decimal digits only: strtoull() would take signs and blanks. */
static int parse_digits(const char *text, const char **end, uint64_t *value)
{
	char *stop;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &stop, 10);
	*end = stop;
	return errno ? -ERANGE : 0;
}

int parse_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMG";
	const char *end, *suffix;
	unsigned int shift = 0;
	uint64_t value;
	int error = parse_digits(text, &end, &value);

	if (error)
		return error;
	if (*end) {
		suffix = strchr(suffixes, toupper((unsigned char)*end));
		if (!suffix || (end[1] && strcmp(end + 1, "iB")))
			return -EINVAL;
		shift = 10 * (suffix - suffixes + 1);
	}
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = value << shift;
	return 0;
}

int parse_count(const char *text, unsigned int least, unsigned int most, unsigned int *value)
{
	const char *end;
	uint64_t number;
	int error = parse_digits(text, &end, &number);

	if (error)
		return error;
	if (*end)
		return -EINVAL;
	if (number < least || number > most)
		return -ERANGE;
	*value = number;
	return 0;
}
