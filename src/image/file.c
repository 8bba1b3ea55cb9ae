// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file behind an image: who may use which, how long, and who may share its pages.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <kev/compat.h>
#include <kev/image.h>
#include <kev/mem.h>
#include <kev/region.h>

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
	/* kernel_read() would warn about these, or wants a buffer of user space. */
	if (!(file->f_mode & FMODE_CAN_READ) || !file->f_op->read_iter || file->f_op->read ||
	    file->f_flags & O_DIRECT) {
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

static bool is_local(const struct inode *inode)
{
	/* On a block device, but with a server, or with other machines on the same device */
	static const char *const not_alone[] = { "fuseblk", "gfs2", "ocfs2" };
	const struct file_system_type *type = inode->i_sb->s_type;

	return kev_is_shmem(inode->i_mapping) ||
	       (type->fs_flags & FS_REQUIRES_DEV &&
		match_string(not_alone, ARRAY_SIZE(not_alone), type->name) < 0);
}

/*
 * File systems on a block device keep their pages in the page cache, and so does tmpfs;
 * they change them by writes of this machine alone. What a server or another file system
 * may change behind the cache's back has to be read, and so has what is not in the cache
 * by pages of 4 KiB: hugetlbfs, DAX.
 */
static bool cache_is_truth(struct file *file)
{
	struct address_space *mapping = file->f_mapping;
	struct inode *inode = file_inode(file);

	if (IS_DAX(inode) || mapping != inode->i_mapping)
		return false;
	return is_local(inode) && (kev_is_shmem(mapping) || mapping->a_ops->read_folio);
}

int kev_image_create(const struct kev_mem *mem, struct file *file, struct kev_image **image,
		     struct kev_image_fault *why)
{
	struct kev_image *new;
	int ret;

	*why = (struct kev_image_fault) { KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT };
	ret = check_file(file, why);
	if (ret)
		return ret;
	new = kmalloc(sizeof(*new), KEV_GFP_GUEST);
	if (!new)
		return -ENOMEM;
	refcount_set(&new->refs, 1);
	new->nr = 0;
	new->seg = NULL;
	new->relocs = NULL;
	new->nr_relocs = 0;
	new->cached = cache_is_truth(file);
	/* Of overlayfs what lies below counts. */
	new->local = is_local(d_real_inode(file->f_path.dentry));
	new->shared = false;
	new->pinned = 0;
	spin_lock_init(&new->lock);
	INIT_LIST_HEAD(&new->reads);
	new->nr_reads = 0;
	new->failed.task = NULL;
	new->writers_denied = may_deny_writers(file);
	if (new->writers_denied) {
		ret = deny_write_access(file);
		if (ret) {
			kfree(new);
			return ret;
		}
	}
	new->file = get_file(file);
	new->memcg = get_mem_cgroup_from_mm(mem->payer.mm);
	new->io = kev_io_css_get();
	kev_payer_copy(&new->payer, &mem->payer);
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
	kev_payer_unpin(&image->payer, image->pinned);
	kev_payer_fini(&image->payer);
	kev_io_css_put(image->io);
	mem_cgroup_put(image->memcg);
	if (image->writers_denied)
		allow_write_access(image->file);
	fput(image->file);
	kvfree(image->relocs);
	if (image->seg != image->few)
		kfree(image->seg);
	kfree(image);
}

int kev_image_plan(struct kev_image *image, const struct kev_elf_segment *seg, u32 nr)
{
	image->seg = image->few;
	if (nr > KEV_IMAGE_FEW)
		image->seg = kmalloc_array(nr, sizeof(*seg), KEV_GFP_GUEST);
	if (!image->seg)
		return -ENOMEM;
	memcpy(image->seg, seg, array_size(nr, sizeof(*seg)));
	image->nr = nr;
	return 0;
}

/*
 * Denying writers does not bind a memfd: it never counts as open for writing. One that is
 * sealed cannot change, against shrinking, too, which clears the rest of its last page in
 * place; one with a name is an ordinary file.
 */
static bool shmem_is_stable(struct inode *inode)
{
	const unsigned int seals = F_SEAL_WRITE | F_SEAL_SHRINK;

	return inode->i_nlink || (SHMEM_I(inode)->seals & seals) == seals;
}

/*
 * Nobody can change a page of the file while it is mapped into a guest; but for those who had it
 * pinned before by other means than kev's, of which the kernel does not tell.
 */
static bool pages_are_stable(const struct kev_image *image)
{
	if (!image->cached || !image->writers_denied)
		return false;
	return !kev_is_shmem(image->file->f_mapping) ||
	       shmem_is_stable(file_inode(image->file));
}

/* Pages that an image can have of the page cache at most */
static u64 pages_to_share(const struct kev_image *image)
{
	u64 pages = 0;
	u32 i;

	for (i = 0; i < image->nr; i++)
		pages += image->seg[i].filesz >> PAGE_SHIFT;
	return pages;
}

void kev_image_share(struct kev_image *image)
{
	u64 pages = pages_to_share(image);

	if (!pages_are_stable(image) || kev_payer_pin(&image->payer, pages))
		return;
	image->pinned = pages;
	image->shared = true;
}
