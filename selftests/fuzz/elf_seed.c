// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a valid ELF file to standard output, for the fuzzer to start from.
 */
#include <stdio.h>

#include "elf_image.h"

int main(void)
{
	struct elf_image image;

	elf_image_make(&image);
	return fwrite(&image, sizeof(image), 1, stdout) != 1;
}
