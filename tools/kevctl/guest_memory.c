// SPDX-License-Identifier: GPL-2.0
/* Guest memory, by copies. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <libkev.h>

#include "guest_memory.h"

#define PAGE_SIZE	4096
#define TRIES		1000
#define TRY_US		100

bool guest_try_again(int error, unsigned int *tries)
{
	if (error != -EBUSY || ++*tries > TRIES)
		return false;
	usleep(TRY_US);
	return true;
}

static ssize_t copy(const struct guest_view *view, uint64_t address, uintptr_t buffer,
		    size_t length, int (*call)(int vm, struct kev_access *access))
{
	struct kev_access access = {
		.size = sizeof(access),
		.flags = view->virtual ? KEV_ADDRESS_GVA : 0,
		.vcpu_id = view->virtual ? view->vcpu_id : 0,
		.address = address,
		.buffer = buffer,
		.length = length,
	};
	unsigned int tries = 0;
	int error;

	if (!length)
		return 0;
	if (length > SSIZE_MAX)
		return -EFAULT;
	do
		error = call(view->vm, &access);
	while (guest_try_again(error, &tries));
	if (access.done)
		return access.done;
	return error ? error : -EFAULT;
}

ssize_t guest_read(const struct guest_view *view, uint64_t address, void *buffer, size_t length)
{
	return copy(view, address, (uintptr_t)buffer, length, kev_vm_read_memory);
}

ssize_t guest_write(const struct guest_view *view, uint64_t address, const void *buffer,
		    size_t length)
{
	return copy(view, address, (uintptr_t)buffer, length, kev_vm_write_memory);
}

int guest_read_all(const struct guest_view *view, uint64_t address, void *buffer, size_t length)
{
	ssize_t n;

	/* A signal may end a copy in the middle. */
	for (; length; address += n, buffer = (char *)buffer + n, length -= n) {
		n = guest_read(view, address, buffer, length);
		if (n < 0)
			return -EFAULT;
	}
	return 0;
}

int guest_write_all(const struct guest_view *view, uint64_t address, const void *buffer,
		    size_t length)
{
	ssize_t n;

	for (; length; address += n, buffer = (const char *)buffer + n, length -= n) {
		n = guest_write(view, address, buffer, length);
		if (n < 0)
			return -EFAULT;
	}
	return 0;
}

ssize_t guest_string(const struct guest_view *view, uint64_t address, char *text, size_t size)
{
	size_t length = 0, part;
	ssize_t got;
	char *end;

	/* Page by page: the one behind the string's last may not be there. */
	while (length < size) {
		part = PAGE_SIZE - (address + length) % PAGE_SIZE;
		if (part > size - length)
			part = size - length;
		got = guest_read(view, address + length, text + length, part);
		if (got < 0)
			return got;
		end = memchr(text + length, '\0', got);
		if (end)
			return end - text;
		if ((size_t)got < part)
			return -EFAULT;
		length += part;
	}
	return -ENAMETOOLONG;
}
