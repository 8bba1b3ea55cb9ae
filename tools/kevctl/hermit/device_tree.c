// SPDX-License-Identifier: GPL-2.0
/*
 * A flattened device tree, version 17: Devicetree Specification 0.4, chapter 5. Everything in
 * it is big-endian. Names and compatible strings are uhyve's: Hermit's kernel looks for them.
 */
#include <stdio.h>
#include <string.h>

#include "device_tree.h"

#define MAGIC			0xd00dfeedU
#define VERSION			17U
#define COMPATIBLE_VERSION	16U
#define HEADER_BYTES		40U

#define TOKEN_BEGIN_NODE	1U
#define TOKEN_END_NODE		2U
#define TOKEN_PROPERTY		3U
#define TOKEN_END		9U

/* All names of properties, one after the other with their NULs, as the strings block has them */
static const char names[] =
	"compatible\0#address-cells\0#size-cells\0device_type\0reg\0mounts\0khz\0bootargs";

struct writer {
	uint8_t *bytes;
	size_t size;
	size_t at;
};

static void put_byte(struct writer *writer, uint8_t byte)
{
	if (writer->at < writer->size)
		writer->bytes[writer->at] = byte;
	writer->at++;
}

static void put32(struct writer *writer, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put_byte(writer, value >> shift);
}

static void put64(struct writer *writer, uint64_t value)
{
	put32(writer, value >> 32);
	put32(writer, value);
}

/* Bytes, and zeros up to a multiple of 4 */
static void put_padded(struct writer *writer, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		put_byte(writer, ((const uint8_t *)bytes)[i]);
	while (writer->at % 4)
		put_byte(writer, 0);
}

static uint32_t name_offset(const char *name)
{
	uint32_t at = 0;

	while (strcmp(names + at, name))
		at += strlen(names + at) + 1;
	return at;
}

static void begin_node(struct writer *writer, const char *name)
{
	put32(writer, TOKEN_BEGIN_NODE);
	put_padded(writer, name, strlen(name) + 1);
}

static void end_node(struct writer *writer)
{
	put32(writer, TOKEN_END_NODE);
}

/* What is in front of a property's value */
static void begin_property(struct writer *writer, const char *name, size_t length)
{
	put32(writer, TOKEN_PROPERTY);
	put32(writer, length);
	put32(writer, name_offset(name));
}

static void put_bytes(struct writer *writer, const char *name, const void *bytes, size_t length)
{
	begin_property(writer, name, length);
	put_padded(writer, bytes, length);
}

static void put_text(struct writer *writer, const char *name, const char *text)
{
	put_bytes(writer, name, text, strlen(text) + 1);
}

static void put_number(struct writer *writer, const char *name, uint32_t number)
{
	begin_property(writer, name, 4);
	put32(writer, number);
}

static void put_memory(struct writer *writer, const struct memory_range *range)
{
	char name[32];

	snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)range->start);
	begin_node(writer, name);
	put_text(writer, "device_type", "memory");
	begin_property(writer, "reg", 16);
	put64(writer, range->start);
	put64(writer, range->length);
	end_node(writer);
}

static void put_cpus(struct writer *writer, uint32_t cpus)
{
	char name[32];

	begin_node(writer, "cpus");
	put_number(writer, "#address-cells", 1);
	put_number(writer, "#size-cells", 0);
	for (uint32_t id = 0; id < cpus; id++) {
		snprintf(name, sizeof(name), "cpu@%x", id);
		begin_node(writer, name);
		put_text(writer, "device_type", "cpu");
		put_number(writer, "reg", id);
		end_node(writer);
	}
	end_node(writer);
}

static void put_root(struct writer *writer, const struct device_tree *tree)
{
	begin_node(writer, "");
	put_text(writer, "compatible", "hermit,uhyve");
	put_number(writer, "#address-cells", 2);
	put_number(writer, "#size-cells", 2);
	for (unsigned int i = 0; i < tree->nr_memory; i++)
		put_memory(writer, &tree->memory[i]);
	if (tree->mounts_bytes) {
		begin_node(writer, "uhyve,mounts");
		put_bytes(writer, "mounts", tree->mounts, tree->mounts_bytes);
		end_node(writer);
	}
	put_cpus(writer, tree->cpus);
	if (tree->khz) {
		begin_node(writer, "hermit,tsc");
		put_number(writer, "khz", tree->khz);
		end_node(writer);
	}
	begin_node(writer, "chosen");
	put_text(writer, "bootargs", tree->bootargs);
	end_node(writer);
	end_node(writer);
	put32(writer, TOKEN_END);
}

size_t device_tree_write(const struct device_tree *tree, uint8_t *bytes, size_t size)
{
	struct writer writer = { .bytes = bytes, .size = size, .at = HEADER_BYTES };
	struct writer header = { .bytes = bytes, .size = size };
	size_t structure, strings;

	put64(&writer, 0);
	put64(&writer, 0);
	structure = writer.at;
	put_root(&writer, tree);
	strings = writer.at;
	put_padded(&writer, names, sizeof(names));

	put32(&header, MAGIC);
	put32(&header, writer.at);
	put32(&header, structure);
	put32(&header, strings);
	put32(&header, HEADER_BYTES);		/* memory reservations */
	put32(&header, VERSION);
	put32(&header, COMPATIBLE_VERSION);
	put32(&header, 0);			/* boot CPU */
	put32(&header, sizeof(names));
	put32(&header, strings - structure);
	return writer.at;
}
