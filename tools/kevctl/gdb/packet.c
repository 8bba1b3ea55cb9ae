// SPDX-License-Identifier: GPL-2.0
/* Packets of the GDB remote protocol. */
#include "packet.h"

#define INTERRUPT	0x03
#define ESCAPE		'}'
#define ESCAPE_XOR	0x20

/* A run is its byte, '*', and the further repeats plus this, which has to be printable. */
#define RUN_OFFSET	29
#define RUN_LEAST	3
#define RUN_MOST	(126 - RUN_OFFSET)
/* Those that would look like '#' and '$' */
#define RUN_NOT_HASH	('#' - RUN_OFFSET)
#define RUN_NOT_DOLLAR	('$' - RUN_OFFSET)

int gdb_hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

char *gdb_hex(char *out, const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < length; i++) {
		*out++ = digits[byte[i] >> 4];
		*out++ = digits[byte[i] & 0xf];
	}
	*out = '\0';
	return out;
}

size_t gdb_unhex(void *bytes, const char *hex, size_t length)
{
	uint8_t *byte = bytes;
	size_t done;

	for (done = 0; done < length; done++) {
		int high = gdb_hex_digit(hex[2 * done]);
		int low = high < 0 ? -1 : gdb_hex_digit(hex[2 * done + 1]);

		if (low < 0)
			break;
		byte[done] = high << 4 | low;
	}
	return done;
}

static void begin(struct gdb_parser *parser)
{
	parser->state = GDB_CONTENT;
	parser->sum = 0;
	parser->escaped = false;
	parser->too_long = false;
	parser->length = 0;
}

static enum gdb_input take_between(struct gdb_parser *parser, uint8_t byte)
{
	switch (byte) {
	case '$':
		begin(parser);
		break;
	case INTERRUPT:
		return GDB_INPUT_INTERRUPT;
	case '+':
		return GDB_INPUT_ACK;
	case '-':
		return GDB_INPUT_NAK;
	}
	return GDB_INPUT_MORE;
}

static void take_content(struct gdb_parser *parser, uint8_t byte)
{
	/* What came before was cut off. */
	if (byte == '$') {
		begin(parser);
		return;
	}
	if (byte == '#') {
		parser->state = GDB_SUM_HIGH;
		return;
	}
	parser->sum += byte;
	if (byte == ESCAPE && !parser->escaped) {
		parser->escaped = true;
		return;
	}
	if (parser->length < GDB_PACKET_SIZE)
		parser->content[parser->length++] = parser->escaped ? byte ^ ESCAPE_XOR : byte;
	else
		parser->too_long = true;
	parser->escaped = false;
}

/* A digit of the sum; what is none makes the packet a bad one. */
static enum gdb_input take_sum(struct gdb_parser *parser, uint8_t byte)
{
	int digit = gdb_hex_digit(byte);

	if (digit < 0) {
		parser->state = GDB_BETWEEN;
		return GDB_INPUT_BAD;
	}
	if (parser->state == GDB_SUM_HIGH) {
		parser->sent_sum = digit << 4;
		parser->state = GDB_SUM_LOW;
		return GDB_INPUT_MORE;
	}
	parser->state = GDB_BETWEEN;
	if (parser->too_long || (parser->sent_sum | digit) != parser->sum)
		return GDB_INPUT_BAD;
	parser->content[parser->length] = '\0';
	return GDB_INPUT_PACKET;
}

enum gdb_input gdb_parser_take(struct gdb_parser *parser, uint8_t byte)
{
	switch (parser->state) {
	case GDB_BETWEEN:
		return take_between(parser, byte);
	case GDB_CONTENT:
		take_content(parser, byte);
		return GDB_INPUT_MORE;
	default:
		return take_sum(parser, byte);
	}
}

static bool needs_escape(char byte)
{
	return byte == '$' || byte == '#' || byte == '*' || byte == ESCAPE;
}

/* How often the first byte follows itself, as far as one run can tell */
static size_t repeats(const char *bytes, size_t length)
{
	size_t n = 0;

	while (n + 1 < length && n < RUN_MOST && bytes[n + 1] == bytes[0])
		n++;
	if (n == RUN_NOT_HASH || n == RUN_NOT_DOLLAR)
		n = RUN_NOT_HASH - 1;
	return n < RUN_LEAST ? 0 : n;
}

size_t gdb_frame(char *out, const char *content, size_t length)
{
	char *end = out;
	uint8_t sum = 0;

	*end++ = '$';
	for (size_t i = 0, more; i < length; i += 1 + more) {
		more = 0;
		if (needs_escape(content[i])) {
			*end++ = ESCAPE;
			*end++ = content[i] ^ ESCAPE_XOR;
			continue;
		}
		*end++ = content[i];
		more = repeats(content + i, length - i);
		if (more) {
			*end++ = '*';
			*end++ = more + RUN_OFFSET;
		}
	}
	for (char *byte = out + 1; byte < end; byte++)
		sum += *byte;
	*end++ = '#';
	return gdb_hex(end, &sum, 1) - out;
}
