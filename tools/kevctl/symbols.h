/* SPDX-License-Identifier: GPL-2.0 */
/* Names and call chains of a guest, by the symbols and unwind tables of its image. */
#ifndef KEVCTL_SYMBOLS_H
#define KEVCTL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libkev.h>

struct symbols;

/* Where an image lies */
struct symbols_place {
	bool at_paddr;		/* at p_paddr; else: */
	uint64_t load_base;	/* at p_vaddr and this */
};

/**
 * symbols_open() - look at an image
 * @fd: ELF file, open for reading
 * @place: where it lies
 *
 * The library that reads it trusts it: with an image that is malformed on purpose, kevctl
 * may end here and in the functions below, with a message.
 *
 * Return: what the others take; NULL if there is nothing in it.
 */
struct symbols *symbols_open(int fd, const struct symbols_place *place);
void symbols_close(struct symbols *symbols);

/**
 * symbols_name() - "name+0x12 (file.c:34)", as far as it is known
 * @symbols: what symbols_open() gave, or NULL
 * @address: address
 * @call: @address is behind a call, which may be the function's last instruction
 * @text: out; "" if nothing is known
 * @size: room there
 *
 * Return: whether a function is known.
 */
bool symbols_name(const struct symbols *symbols, uint64_t address, bool call, char *text,
		  size_t size);

/**
 * symbols_unwind() - find the callers of what runs
 * @symbols: what symbols_open() gave, or NULL
 * @gprs: registers; of a vCPU in 64-bit mode
 * @read: reads 8 bytes at a guest-virtual address, or returns false
 * @owner: for @read
 * @frames: out: RIP, and return addresses
 * @room: for so many
 *
 * Return: how many, at least 1.
 */
unsigned int symbols_unwind(struct symbols *symbols, const struct kev_gprs *gprs,
			    bool (*read)(void *owner, uint64_t address, uint64_t *value),
			    void *owner, uint64_t *frames, unsigned int room);

/* symbols_demangle() - the source's name of a C++ or Rust function; free() it; or NULL */
char *symbols_demangle(const char *name);

#endif /* KEVCTL_SYMBOLS_H */
