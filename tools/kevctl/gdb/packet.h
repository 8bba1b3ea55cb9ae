/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets of the GDB remote protocol: "$content#sum". Pure.
 * GDB manual, appendix "Remote Serial Protocol", "Overview".
 */
#ifndef KEVCTL_GDB_PACKET_H
#define KEVCTL_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of content that a packet has at most, in either direction */
#define GDB_PACKET_SIZE		0x4000

/* What gdb_frame() makes of that at most: each byte escaped, '$', '#', two digits and a NUL */
#define GDB_FRAME_SIZE		(2 * GDB_PACKET_SIZE + 5)

/* What a byte has completed */
enum gdb_input {
	GDB_INPUT_MORE,		/* nothing yet */
	GDB_INPUT_PACKET,
	GDB_INPUT_BAD,		/* a packet with a wrong sum, or too long a one */
	GDB_INPUT_INTERRUPT,	/* Ctrl-C */
	GDB_INPUT_ACK,
	GDB_INPUT_NAK,
};

/**
 * struct gdb_parser - a packet on its way in; all zero at first
 * @state: what the next byte is
 * @sum: of the bytes so far
 * @sent_sum: what the other side says that it is
 * @escaped: the byte before has announced this one
 * @too_long: bytes were left out
 * @length: bytes of @content; with GDB_INPUT_PACKET a NUL follows them
 * @content: unescaped
 */
struct gdb_parser {
	enum { GDB_BETWEEN, GDB_CONTENT, GDB_SUM_HIGH, GDB_SUM_LOW } state;
	uint8_t sum, sent_sum;
	bool escaped, too_long;
	size_t length;
	char content[GDB_PACKET_SIZE + 1];
};

/**
 * gdb_parser_take() - look at the next byte
 * @parser: parser
 * @byte: byte
 *
 * Return: what it completes.
 */
enum gdb_input gdb_parser_take(struct gdb_parser *parser, uint8_t byte);

/**
 * gdb_frame() - put content between '$' and its sum, escaped and with runs shortened
 * @out: GDB_FRAME_SIZE bytes
 * @content: what to send
 * @length: its bytes, GDB_PACKET_SIZE at most
 *
 * Return: bytes at @out.
 */
size_t gdb_frame(char *out, const char *content, size_t length);

/* gdb_hex_digit() - value of a hexadecimal digit, or -1 */
int gdb_hex_digit(char digit);

/**
 * gdb_hex() - bytes as hexadecimal digits
 * @out: 2 * @length digits, and a NUL
 * @bytes: bytes
 * @length: how many
 *
 * Return: the end: where the NUL is.
 */
char *gdb_hex(char *out, const void *bytes, size_t length);

/**
 * gdb_unhex() - the other way round
 * @bytes: @length bytes
 * @hex: digits; ends before anything else
 * @length: how many bytes are wanted
 *
 * Return: how many were there.
 */
size_t gdb_unhex(void *bytes, const char *hex, size_t length);

#endif /* KEVCTL_GDB_PACKET_H */
