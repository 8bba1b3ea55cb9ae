// SPDX-License-Identifier: GPL-2.0
/*
 * Fields of boot information, read and written one by one. Pure.
 */
#include <kev/boot_protocol.h>
#include <kev/pure.h>

void kev_boot_put(struct kev_boot_writer *w, const void *bytes, u64 length)
{
	u64 at = w->at;

	w->at += length;
	if (!w->buf || w->at > w->room)
		return;
	if (bytes)
		memcpy(w->buf + at, bytes, length);
	else
		memset(w->buf + at, 0, length);
}

void kev_boot_put32(struct kev_boot_writer *w, u32 value)
{
	kev_boot_put(w, &value, sizeof(value));
}

void kev_boot_put64(struct kev_boot_writer *w, u64 value)
{
	kev_boot_put(w, &value, sizeof(value));
}

void kev_boot_put_string(struct kev_boot_writer *w, const char *string, u32 length)
{
	if (length)
		kev_boot_put(w, string, length);
	kev_boot_put(w, NULL, 1);
}

void kev_boot_patch32(struct kev_boot_writer *w, u64 at, u32 value)
{
	if (w->buf && at + sizeof(value) <= w->room)
		memcpy(w->buf + at, &value, sizeof(value));
}

void kev_boot_align(struct kev_boot_writer *w, u32 to)
{
	kev_boot_put(w, NULL, -w->at & (to - 1));
}

u16 kev_boot_get16(const void *from)
{
	u16 value;

	memcpy(&value, from, sizeof(value));
	return value;
}

u32 kev_boot_get32(const void *from)
{
	u32 value;

	memcpy(&value, from, sizeof(value));
	return value;
}
