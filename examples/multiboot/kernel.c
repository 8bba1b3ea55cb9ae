// SPDX-License-Identifier: 0BSD
#include <stdint.h>

#define LOADER_MAGIC	0x2badb002U
#define INFO_CMDLINE	(1U << 2)
#define INFO_MMAP	(1U << 6)
#define TYPE_RAM	1U

struct info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	uint32_t mmap_length, mmap_addr;
};

struct mmap_entry {
	uint32_t size;			/* of what follows */
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

static inline void outb(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* [vga] */
static void put_vga(char c)
{
	static volatile uint16_t *at = (volatile uint16_t *)0xb8000;

	*at++ = 0x0700 | (uint8_t)c;
}

/* [serial] */
#define COM1		0x3f8
#define COM1_STATUS	(COM1 + 5)
#define READY		0x20

static void put_serial(char c)
{
	while (!(inb(COM1_STATUS) & READY))
		;
	outb(COM1, c);
}

/* [print] */
static void print(const char *text)
{
	for (; *text; text++) {
		put_vga(*text);
		put_serial(*text);
	}
}

static void print_number(uint32_t number)
{
	char digits[11], *at = &digits[10];

	*at = '\0';
	do
		*--at = '0' + number % 10;
	while (number /= 10);
	print(at);
}

/* [exit] */
static void power_off(void)
{
	outb(0xf4, 0);			/* the exit device: the exit code is 2 * 0 + 1 */
}

/* [main] */
void kernel_main(uint32_t magic, const struct info *info)
{
	uint64_t bytes = 0;

	if (magic != LOADER_MAGIC || !(info->flags & INFO_MMAP))
		return;
	for (uint32_t done = 0; done < info->mmap_length; ) {
		const struct mmap_entry *entry = (const void *)(info->mmap_addr + done);

		if (entry->type == TYPE_RAM)
			bytes += entry->length;
		done += entry->size + 4;
	}
	print("memory: ");
	print_number(bytes >> 10);
	print(" KiB\ncommand line: ");
	print(info->flags & INFO_CMDLINE ? (const char *)info->cmdline : "");
	print("\n");
	power_off();
}
