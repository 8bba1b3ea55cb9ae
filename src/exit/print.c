// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes of guest memory go to the VM's console, as many as there are.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <kev/emulation.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

static bool should_stop(struct kev_vcpu *vcpu)
{
	return signal_pending(current) || READ_ONCE(vcpu->requests) & KEV_REQ_LEAVE;
}

/* @paging: NULL: the address is guest-physical */
static ssize_t read_guest(struct kev_vcpu *vcpu, const struct kev_paging *paging, u64 address,
			  struct kev_touch *touch, void *buf, size_t len)
{
	struct kev_mem *mem = &vcpu->vm->mem;
	ssize_t ret;

	if (paging)
		return kev_mem_copy_gva(mem, paging, address, touch, buf, len);
	touch->gpa = address;
	ret = kev_mem_copy(mem, touch, buf, len);
	return ret == -ENOENT || ret == -EACCES ? -EFAULT : ret;
}

/* The guest's buffer cannot be read at @address, because of a page at touch->gpa. */
static enum kev_verdict print_failed(struct kev_vcpu *vcpu, u64 address, bool virtual,
				     const struct kev_touch *touch, int ret)
{
	const struct kev_exit_memory memory = {
		.gpa = touch->gpa,
		.gva = virtual ? address : 0,
		.kind = touch->kind,
		.prot = touch->prot,
		.gva_valid = virtual,
		.access = KEV_MEM_READ,
	};

	if (ret == -EINTR)
		return KEV_KICKED;
	/* The page is there but cannot be had now: the next RUN tries again. */
	vcpu->answer = KEV_EXIT_MEMORY;
	return kev_report_memory(vcpu, &memory, ret);
}

/* There is no memory for the console: the next RUN tries again. */
static enum kev_verdict print_again(struct kev_vcpu *vcpu)
{
	vcpu->answer = KEV_EXIT_MEMORY;
	return kev_report_no_memory(vcpu);
}

static enum kev_verdict print_through(struct kev_vcpu *vcpu, const struct kev_paging *paging,
				      u64 address, u64 len, int *error, u8 *buf)
{
	struct kev_vm *vm = vcpu->vm;
	struct kev_touch touch = {
		.access = KEV_MEM_READ,
		.stop = &vcpu->requests,
		.stop_mask = KEV_REQ_LEAVE,
	};
	ssize_t read, written;
	u64 at;

	while (vcpu->printed < len) {
		if (should_stop(vcpu))
			return KEV_KICKED;
		cond_resched();
		at = address + vcpu->printed;
		read = -EFAULT;
		if (at >= address)
			read = read_guest(vcpu, paging, at, &touch, buf,
					  min(len - vcpu->printed,
					      PAGE_SIZE - offset_in_page(at)));
		if (read == -EFAULT) {
			*error = -EFAULT;
			break;
		}
		if (read < 0)
			return print_failed(vcpu, at, paging, &touch, read);
		written = kev_console_write(&vm->console, buf, read);
		if (written < 0)
			return print_again(vcpu);
		vcpu->printed += written;
		if (written)
			wake_up_interruptible(&vm->wait);
		if (written < read)
			return kev_report_console(vcpu);
	}
	vcpu->printed = 0;
	return KEV_RESUME;
}

/**
 * kev_print() - print a buffer of the guest's, page by page, from where the last RUN stopped
 * @vcpu: the caller holds its lock
 * @paging: how @address is translated; NULL: it is guest-physical
 * @address: first byte
 * @len: bytes
 * @error: written: 0, or -EFAULT where the buffer has led nowhere; what was before that is
 *	printed
 *
 * Context: process, may sleep.
 * Return: KEV_RESUME done; KEV_KICKED, KEV_REPORT: to be called again with the same
 * buffer, at the next RUN.
 */
enum kev_verdict kev_print(struct kev_vcpu *vcpu, const struct kev_paging *paging, u64 address,
			   u64 len, int *error)
{
	enum kev_verdict verdict;
	u8 *buf;

	*error = 0;
	if (!len)
		return KEV_RESUME;
	buf = (u8 *)__get_free_page(GFP_KERNEL);
	if (!buf)
		return print_again(vcpu);
	verdict = print_through(vcpu, paging, address, len, error, buf);
	free_page((unsigned long)buf);
	return verdict;
}
