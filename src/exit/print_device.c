// SPDX-License-Identifier: GPL-2.0-only
/*
 * The print device: a page that takes stores of 64 bits, of which the first three registers
 * mean something. It reads as memory does, and what was stored can be read back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <kev/emulation.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

#define PRINT_BUFFER	0x00	/* guest-physical address */
#define PRINT_LENGTH	0x08	/* bytes */
#define PRINT_DOORBELL	0x10	/* any value prints them */

/* KEV_RESUME; KEV_KICKED, KEV_REPORT: the store is to be carried out again. */
static enum kev_verdict copy_register(struct kev_vcpu *vcpu, u64 gpa, u64 *value, u32 access)
{
	struct kev_touch touch = {
		.gpa = gpa,
		.access = access,
		.flags = KEV_TOUCH_OWNER,
		.stop = &vcpu->requests,
		.stop_mask = KEV_REQ_LEAVE,
	};
	ssize_t ret = kev_mem_copy(&vcpu->vm->mem, &touch, value, sizeof(*value));
	struct kev_exit_memory memory = { .gpa = gpa, .access = KEV_MEM_WRITE };

	if (ret == -EINTR)
		return KEV_KICKED;
	if (ret >= 0)
		return KEV_RESUME;
	memory.kind = touch.kind;
	memory.prot = touch.prot;
	vcpu->answer = KEV_EXIT_MEMORY;
	return kev_report_memory(vcpu, &memory, ret);
}

static enum kev_verdict ring(struct kev_vcpu *vcpu, u64 page)
{
	enum kev_verdict verdict;
	u64 buffer, length;
	int error;

	verdict = copy_register(vcpu, page + PRINT_BUFFER, &buffer, KEV_MEM_READ);
	if (verdict == KEV_RESUME)
		verdict = copy_register(vcpu, page + PRINT_LENGTH, &length, KEV_MEM_READ);
	if (verdict != KEV_RESUME)
		return verdict;
	/* A bad buffer has no consequence but that it is not printed to its end. */
	return kev_print(vcpu, NULL, buffer, length, &error);
}

/**
 * kev_print_device_write() - the guest writes to a print device
 * @vcpu: the caller holds its lock
 * @gpa: where
 * @data: what
 * @width: bytes; other widths than 8 are ignored
 *
 * Context: process, may sleep.
 * Return: KEV_RESUME done; as kev_print().
 */
enum kev_verdict kev_print_device_write(struct kev_vcpu *vcpu, u64 gpa, u64 data,
					unsigned int width)
{
	u64 page = gpa & PAGE_MASK, offset = offset_in_page(gpa);
	enum kev_verdict verdict;

	if (width != sizeof(u64))
		return KEV_RESUME;
	verdict = copy_register(vcpu, gpa, &data, KEV_MEM_WRITE);
	if (verdict != KEV_RESUME || offset != PRINT_DOORBELL)
		return verdict;
	return ring(vcpu, page);
}
