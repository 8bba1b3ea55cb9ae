/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all fuzzers share.
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include <kev/pure.h>

/* fuzz_check() - a promise; broken, it is a finding */
static inline void fuzz_check(bool kept, const char *what)
{
	if (kept)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/**
 * fuzz_take() - the next bytes of an input
 * @data: where they are, moved on
 * @size: how many are left
 * @out: where to put @len bytes; zero where the input has ended
 * @len: bytes
 */
static inline void fuzz_take(const u8 **data, size_t *size, void *out, size_t len)
{
	size_t n = min(len, *size);

	memset(out, 0, len);
	if (n)
		memcpy(out, *data, n);
	*data += n;
	*size -= n;
}

/* fuzz_text() - what is left of an input, as a string to be freed; NULL if there is no memory */
static inline char *fuzz_text(const u8 *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return NULL;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif /* _FUZZ_H */
