// SPDX-License-Identifier: GPL-2.0
/* The Internet checksum. */
#include "checksum.h"

bool checksum_complete(uint8_t *frame, size_t length, uint16_t start, uint16_t offset)
{
	size_t at = (size_t)start + offset;
	uint64_t sum = 0;

	if (at + sizeof(uint16_t) > length)
		return false;
	for (size_t i = start; i < length; i++)
		sum += (i - start) % 2 ? frame[i] : frame[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	/* In UDP 0 says that there is none. */
	sum = sum == 0xffff ? sum : ~sum & 0xffff;
	frame[at] = sum >> 8;
	frame[at + 1] = sum;
	return true;
}
