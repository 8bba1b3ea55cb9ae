// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file behind an image: who may use which, how long, and reading it.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <kev/image.h>

static int check_file(struct file *file, struct kev_image_fault *why)
{
	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (S_ISDIR(file_inode(file)->i_mode))
		return -EISDIR;
	if (!S_ISREG(file_inode(file)->i_mode)) {
		why->problem = KEV_IMAGE_NOT_REGULAR;
		return -ENOEXEC;
	}
	/* kernel_read() would warn about these. */
	if (!(file->f_mode & FMODE_CAN_READ) || !file->f_op->read_iter || file->f_op->read) {
		why->problem = KEV_IMAGE_READ;
		return -EIO;
	}
	return 0;
}

/* May the caller keep others from writing the file, as by running it? */
static bool may_deny_writers(struct file *file)
{
	if (file_owner_or_capable(file))
		return true;
	return !(file->f_path.mnt->mnt_flags & MNT_NOEXEC) && !file_permission(file, MAY_EXEC);
}

int kev_image_create(struct file *file, struct kev_image **image, struct kev_image_fault *why)
{
	struct kev_image *new;
	int ret;

	*why = (struct kev_image_fault) { KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT };
	ret = check_file(file, why);
	if (ret)
		return ret;
	new = kmalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	refcount_set(&new->refs, 1);
	new->plan.nr = 0;
	new->writers_denied = may_deny_writers(file);
	if (new->writers_denied) {
		ret = deny_write_access(file);
		if (ret) {
			kfree(new);
			return ret;
		}
	}
	new->file = get_file(file);
	*image = new;
	return 0;
}

struct kev_image *kev_image_get(struct kev_image *image)
{
	refcount_inc(&image->refs);
	return image;
}

void kev_image_put(struct kev_image *image)
{
	if (!refcount_dec_and_test(&image->refs))
		return;
	if (image->writers_denied)
		allow_write_access(image->file);
	fput(image->file);
	kfree(image);
}

static int read_error(ssize_t err)
{
	switch (err) {
	case -ENOMEM:
		return -ENOMEM;
	case -EINTR:
	case -ERESTARTSYS:
		/* A server of a file system may say so with no signal in sight. */
		return signal_pending(current) ? -EINTR : -EIO;
	default:
		return -EIO;
	}
}

int kev_image_read(const struct kev_image *image, void *buf, size_t len, u64 offset)
{
	loff_t pos = offset;
	size_t done = 0;
	ssize_t ret;

	while (done < len) {
		ret = kernel_read(image->file, buf + done, len - done, &pos);
		if (ret <= 0)
			return read_error(ret);
		done += ret;
	}
	return 0;
}
