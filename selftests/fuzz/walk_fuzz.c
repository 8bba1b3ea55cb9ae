// SPDX-License-Identifier: GPL-2.0
/*
 * The input is a paging state, an address and the memory that the tables lie in.
 */
#include <stdio.h>
#include <stdlib.h>

#include <kev/walk.h>

/* What comes first in an input; the rest is memory, repeated to fill all of it. */
struct start {
	struct kev_paging paging;
	u64 gva;
};

struct memory {
	const u8 *data;
	size_t size;
	unsigned int reads;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static int read_memory(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct memory *m = ctx;

	check(++m->reads <= 5, "more reads than levels");
	check(len == 4 || len == 8, "an entry of a strange size");
	check(gpa % len == 0, "an entry that is not aligned");
	check(gpa >> KEV_PHYS_BITS_MAX == 0, "an address that no entry can hold");
	if (m->size < 8)
		return -EIO;
	memcpy(buf, m->data + gpa / len % (m->size / len) * len, len);
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct start start;
	struct memory memory;
	struct kev_walk out;
	u64 limit;
	int ret;

	if (size < sizeof(start))
		return 0;
	memcpy(&start, data, sizeof(start));
	start.paging.phys_bits = 32 + start.paging.phys_bits % (KEV_PHYS_BITS_MAX - 32 + 1);
	memory = (struct memory) { .data = data + sizeof(start), .size = size - sizeof(start) };

	ret = kev_walk(&start.paging, start.gva, read_memory, &memory, &out);
	if (ret) {
		check(ret == -EFAULT || ret == -EIO, "an error from nowhere");
		return 0;
	}
	limit = 1ULL << start.paging.phys_bits;
	check(out.level <= 3, "level");
	check(memory.reads >= (out.level ? 1 : 0), "a translation out of thin air");
	check(out.page_size == 0x1000 || out.page_size == 0x200000 ||
	      out.page_size == 0x400000 || out.page_size == 0x40000000, "page size");
	check((out.gpa ^ start.gva) % out.page_size == 0, "offset in the page");
	check(out.gpa < limit, "above the physical width");
	check(out.prot & KEV_MEM_READ && !(out.prot & ~KEV_MEM_ALL), "rights");
	return 0;
}
