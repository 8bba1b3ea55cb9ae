// SPDX-License-Identifier: GPL-2.0
/*
 * The input is a paging state, an address and the memory that the tables lie in.
 */
#include <kev/walk.h>

#include "fuzz.h"

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

static int read_memory(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct memory *m = ctx;

	fuzz_check(++m->reads <= 5, "more reads than levels");
	fuzz_check(len == 4 || len == 8, "an entry of a strange size");
	fuzz_check(gpa % len == 0, "an entry that is not aligned");
	fuzz_check(gpa >> KEV_PHYS_BITS_MAX == 0, "an address that no entry can hold");
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
	fuzz_check(out.prot & KEV_MEM_READ && !(out.prot & ~KEV_MEM_ALL), "rights");
	fuzz_check(out.level || !memory.reads, "no level in spite of a read");
	fuzz_check(!out.level || memory.reads, "a level out of thin air");
	fuzz_check(memory.reads + out.level <= 6, "levels left out");
	fuzz_check(out.nr <= memory.reads, "an entry that was not read");
	for (unsigned int i = 0; i < out.nr; i++) {
		u64 used = kev_walk_entry_used(&out, i, true);

		fuzz_check(!((used ^ out.entry[i].value) & ~0x60ULL), "more than flags");
		fuzz_check(!(used & 0x40) || i == out.nr - 1U || out.entry[i].value & 0x40,
			   "dirty without being the leaf");
	}
	if (ret) {
		fuzz_check(ret == -EFAULT || ret == -EIO, "an error from nowhere");
		fuzz_check(!out.gpa && !out.page_size, "an address in spite of an error");
		fuzz_check(out.level <= 5, "level");
		return 0;
	}
	limit = 1ULL << start.paging.phys_bits;
	fuzz_check(out.level <= 3, "level");
	fuzz_check(out.page_size == 0x1000 || out.page_size == 0x200000 ||
		   out.page_size == 0x400000 || out.page_size == 0x40000000, "page size");
	fuzz_check((out.gpa ^ start.gva) % out.page_size == 0, "offset in the page");
	fuzz_check(out.gpa < limit, "above the physical width");
	return 0;
}
