// SPDX-License-Identifier: GPL-2.0
/* resident FILE: after drop_caches and a touch of two pages, which pages are in memory? */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 64
#define PAGE 4096

static void print_resident(const char *when, int fd)
{
	void *map = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	unsigned char state[PAGES];
	int i;

	printf("%s:", when);
	if (map == MAP_FAILED || mincore(map, PAGES * PAGE, state))
		printf(" %m");
	else
		for (i = 0; i < PAGES; i++)
			if (state[i] & 1)
				printf(" %d", i);
	printf("\n");
	munmap(map, PAGES * PAGE);
}

int main(int argc, char **argv)
{
	int fd = open(argv[argc - 1], O_RDWR | O_CREAT | O_TRUNC, 0644);
	int drop = open("/proc/sys/vm/drop_caches", O_WRONLY);
	static char page[PAGE];
	volatile char *map;
	int i;

	memset(page, 7, sizeof(page));
	for (i = 0; i < PAGES; i++)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			return 1;
	fsync(fd);
	if (write(drop, "3", 1) != 1)
		return 1;
	print_resident("dropped", fd);
	map = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	(void)map[5 * PAGE];
	(void)map[40 * PAGE];
	print_resident("touched", fd);
	return 0;
}
