/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory, as devices and calls of a guest reach it: by copies that the
 * kernel checks page by page. A page that cannot be had is an error here, never
 * a signal.
 */
#ifndef KEVCTL_GUEST_MEMORY_H
#define KEVCTL_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct guest_view - one way to address a VM's memory
 * @vm: VM fd
 * @virtual: addresses are guest-virtual ones of @vcpu_id, which must not be in RUN;
 *	else guest-physical
 * @vcpu_id: whose page tables count
 */
struct guest_view {
	int vm;
	_Bool virtual;
	uint32_t vcpu_id;
};

/**
 * guest_read() - copy from guest memory
 * @view: how it is addressed
 * @address: first byte
 * @buffer: where they go
 * @length: bytes; pages need not be contiguous in guest-physical memory
 *
 * Return: the bytes copied: fewer than @length where a page behind them cannot be had; or a
 * negative errno, -EFAULT if there is none.
 */
ssize_t guest_read(const struct guest_view *view, uint64_t address, void *buffer, size_t length);

/* guest_write() - the other way round; the region's and the guest's own rights do not count */
ssize_t guest_write(const struct guest_view *view, uint64_t address, const void *buffer,
		    size_t length);

/* As above, but all or nothing: 0 or -EFAULT. Part of @length may have been copied. */
int guest_read_all(const struct guest_view *view, uint64_t address, void *buffer, size_t length);
int guest_write_all(const struct guest_view *view, uint64_t address, const void *buffer,
		    size_t length);

/**
 * guest_string() - copy a string that ends with a NUL
 * @view: how it is addressed
 * @address: first byte
 * @text: where it goes, NUL included
 * @size: room there
 *
 * Return: its length; -EFAULT, or -ENAMETOOLONG without a NUL in @size bytes.
 */
ssize_t guest_string(const struct guest_view *view, uint64_t address, char *text, size_t size);

/**
 * guest_try_again() - is a call that needs a vCPU to itself worth another try
 * @error: what it gave: -EBUSY while another thread makes such a call
 * @tries: zero at first
 *
 * Waits a little; gives up after a tenth of a second, as the vCPU is in RUN then.
 */
bool guest_try_again(int error, unsigned int *tries);

#endif /* KEVCTL_GUEST_MEMORY_H */
