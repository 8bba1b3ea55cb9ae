// SPDX-License-Identifier: GPL-2.0
/* The input is what is known of a Hermit image, and what the user wants. */
#include <elf.h>

#include "fuzz.h"
#include "layout_promises.h"

struct piece {
	u64 vaddr, bytes;
};

struct wish {
	u64 ram, load, entry;
	u8 load_given, moves, interface, new_kernel, shift;
} __packed;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct image_info info = { .kind = IMAGE_HERMIT, .bits = 64, .machine = EM_X86_64 };
	struct layout_request request;
	struct piece piece;
	struct wish wish;

	fuzz_take(&data, &size, &wish, sizeof(wish));
	info.type = wish.moves & 1 ? ET_DYN : ET_EXEC;
	info.uhyve_interface = 1 + wish.interface % 3;
	info.hermit_kernel = wish.new_kernel & 1 ? 0xa00 : 0;
	info.entry = wish.entry;
	request = (struct layout_request){
		.ram_bytes = (wish.ram >> wish.shift % 64) & ~0xfffULL,
		.load_given = wish.load_given & 1,
		.load_address = (wish.load >> wish.shift / 4) & ~0xfffULL,
	};
	while (size && info.nr_segments < IMAGE_MAX_HEADERS) {
		fuzz_take(&data, &size, &piece, sizeof(piece));
		/* As image_info_read() lets them through */
		if (!piece.bytes || piece.vaddr + piece.bytes < piece.vaddr)
			continue;
		info.segments[info.nr_segments++] = (struct image_segment){
			.vaddr = piece.vaddr, .mem_bytes = piece.bytes,
		};
	}
	check_layout(&info, &request);
	return 0;
}
