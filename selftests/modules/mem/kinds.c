// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds of region: what each gives the guest, and what its owner.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "test.h"

void test_add_errors(void)
{
	static const struct {
		struct kev_add_region args;
		int expected;
	} cases[] = {
#define AREA	.gpa = 0x10000, .length = 0x1000
		{ { AREA, .kind = 0, .prot = R }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_IMAGE, .prot = R }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_BOOT, .prot = R }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_PRINT + 1, .prot = R }, -EINVAL },
		{ { AREA, .kind = RAM, .prot = R, .flags = 1 }, -EINVAL },
		{ { AREA, .kind = RAM, .prot = R, .reserved = 1 }, -EINVAL },
		{ { AREA, .kind = RAM, .prot = R, .user_address = 0x1000 }, -EINVAL },
		{ { AREA, .kind = RAM, .prot = R, .fd = 3 }, -EINVAL },
		{ { AREA, .kind = RAM, .prot = R, .offset = 1 }, -EINVAL },
		{ { AREA, .kind = RAM, .prot = R, .file_bytes = 1 }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_TRAP, .prot = R }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_READ_TRAP, .prot = R | W }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_READ_TRAP, .prot = 0 }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_READ_TRAP, .prot = X }, -EOPNOTSUPP },
		{ { AREA, .kind = KEV_REGION_NOTIFY, .prot = 0 }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_USER, .prot = R, .user_address = 0x1800 }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_USER, .prot = R, .user_address = 0x1000, .fd = 1 },
		  -EINVAL },
		{ { AREA, .kind = KEV_REGION_FILE, .prot = R, .user_address = 0x1000 }, -EINVAL },
		{ { AREA, .kind = KEV_REGION_FILE, .prot = R, .fd = 1023 }, -EBADF },
		{ { AREA, .kind = KEV_REGION_FILE, .prot = R, .fd = -1 }, -EBADF },
		{ { AREA, .kind = KEV_REGION_READ_TRAP, .prot = R | X }, 0 },
#undef AREA
	};
	struct kev_mem mem;
	int i;

	if (!make_mem(&mem, NULL))
		return;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!CHECK_EQ(kev_mem_add_region(&mem, &cases[i].args), cases[i].expected))
			pr_err("# case %d\n", i);
	kev_mem_fini(&mem);
}

void test_trap(void)
{
	struct kev_touch touch;
	struct kev_mem mem;
	u32 access;

	if (!make_mem(&mem, NULL))
		return;
	CHECK_EQ(add_region(&mem, KEV_REGION_TRAP, 0x10000, 0x2000, 0), 0);
	for (access = R; access <= X; access <<= 1) {
		CHECK_EQ(fault_at(&mem, 0x11234, access, &touch), -EACCES);
		CHECK_EQ(touch.kind, KEV_REGION_TRAP);
		CHECK_EQ(touch.prot, 0);
	}
	/* There is no memory for anybody else either. */
	CHECK_EQ(fault_as(&mem, 0x10000, R, KEV_TOUCH_OWNER), -EACCES);
	CHECK_EQ(byte_at(&mem, 0x10000), -1);
	CHECK_EQ(stats_of(&mem).resident_pages, 0);
	CHECK_EQ(stats_of(&mem).faults, 0);
	CHECK_EQ(leaf_at(&mem, 0x10000), 0);
	kev_mem_fini(&mem);
}

static ssize_t owner_write(struct kev_mem *mem, u64 gpa, const void *buf, size_t len)
{
	struct kev_touch touch = { .gpa = gpa, .access = W, .flags = KEV_TOUCH_OWNER };

	return kev_mem_copy(mem, &touch, (void *)buf, len);
}

/* The guest reads, user space writes; likewise for RAM that is read-only. */
void test_owner(void)
{
	static const u32 kinds[] = { KEV_REGION_READ_TRAP, RAM };
	struct kev_touch touch;
	struct kev_mem mem;
	u8 byte = 0x77;
	int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!make_mem(&mem, NULL))
			return;
		CHECK_EQ(add_region(&mem, kinds[i], 0x10000, 0x2000, R), 0);
		CHECK_EQ(byte_at(&mem, 0x10000), 0);
		CHECK_EQ(fault_at(&mem, 0x10000, W, &touch), -EACCES);
		CHECK_EQ(touch.kind, kinds[i]);
		CHECK_EQ(touch.prot, R);
		CHECK_EQ(fault(&mem, 0x11000, W), -EACCES);
		CHECK_EQ(leaf_at(&mem, 0x11000), 0);
		/* To a page that is there, and to one that is not */
		CHECK_EQ(owner_write(&mem, 0x10fff, "ab", 2), 2);
		CHECK_EQ(byte_at(&mem, 0x10fff), 'a');
		CHECK_EQ(byte_at(&mem, 0x11000), 'b');
		CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, 0x10000)), R);
		CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, 0x11000)), R);
		CHECK_EQ(write_gpa(&mem, 0x10000, &byte, 1), -EACCES);
		CHECK_EQ(fault(&mem, 0x10000, X), -EACCES);
		CHECK_EQ(owner_write(&mem, 0x12000, &byte, 1), -ENOENT);
		CHECK_EQ(atomic_read(&flushes), 0);
		kev_mem_fini(&mem);
	}
}

void test_notify(void)
{
	u8 *page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	struct kev_touch touch;
	struct kev_mem mem;

	if (!CHECK(page) || !make_mem(&mem, NULL))
		goto out;
	memset(page, 0x3c, PAGE_SIZE);
	CHECK_EQ(add_region(&mem, KEV_REGION_NOTIFY, 0x10000, 0x4000, R | W), 0);
	CHECK_EQ(fault_at(&mem, 0x10000, R, &touch), -EAGAIN);
	CHECK_EQ(touch.kind, KEV_REGION_NOTIFY);
	CHECK_EQ(touch.prot, R | W);
	CHECK_EQ(fault(&mem, 0x10000, W), -EAGAIN);
	CHECK_EQ(fault(&mem, 0x10000, X), -EACCES);
	CHECK_EQ(write_gpa(&mem, 0x10000, page, 16), -EAGAIN);
	CHECK_EQ(stats_of(&mem).resident_pages, 0);

	/* A whole page is there with its bytes, before anything is copied to it. */
	touch = (struct kev_touch) {
		.gpa = 0x10000,
		.access = W,
		.flags = KEV_TOUCH_OWNER,
		.fill = page,
	};
	CHECK_EQ(kev_mem_fault(&mem, &touch), 0);
	CHECK_EQ(byte_at(&mem, 0x10000), 0x3c);
	CHECK_EQ(byte_at(&mem, 0x10fff), 0x3c);
	/* Two whole ones and a part; what user space does not write is zero. */
	CHECK_EQ(owner_write(&mem, 0x11000, page, PAGE_SIZE), PAGE_SIZE);
	CHECK_EQ(owner_write(&mem, 0x12800, page, 0x10), 0x10);
	CHECK_EQ(byte_at(&mem, 0x11fff), 0x3c);
	CHECK_EQ(byte_at(&mem, 0x127ff), 0);
	CHECK_EQ(byte_at(&mem, 0x1280f), 0x3c);
	CHECK_EQ(byte_at(&mem, 0x12810), 0);
	CHECK_EQ(fault(&mem, 0x12000, R | W), 0);
	CHECK_EQ(fault(&mem, 0x13000, R), -EAGAIN);
	/* A look makes no page, a mapping's touch makes one of zeros. */
	CHECK_EQ(fault_as(&mem, 0x13000, R, KEV_TOUCH_OWNER), -EAGAIN);
	CHECK_EQ(fault_as(&mem, 0x13000, R, KEV_TOUCH_OWNER | KEV_TOUCH_MAPPING), 0);
	CHECK_EQ(byte_at(&mem, 0x13000), 0);

	/* What is given back is asked for anew. */
	CHECK_EQ(kev_mem_discard(&mem, 0x11000, PAGE_SIZE), 0);
	CHECK_EQ(fault(&mem, 0x11000, R), -EAGAIN);
	CHECK_EQ(byte_at(&mem, 0x10000), 0x3c);
	kev_mem_fini(&mem);
out:
	kfree(page);
}

static int add_file_region(struct kev_mem *mem, int fd, u64 gpa, u64 length, u64 offset, u64 bytes)
{
	const struct kev_add_region args = {
		.size = sizeof(args),
		.kind = KEV_REGION_FILE,
		.prot = R | W,
		.gpa = gpa,
		.length = length,
		.fd = fd,
		.offset = offset,
		.file_bytes = bytes,
	};

	return kev_mem_add_region(mem, &args);
}

void test_file_region(void)
{
	struct file *file = create_image(&big, true);
	struct kev_query_memory query = { .gpa = 0 };
	struct kev_mem mem;
	loff_t size;
	u8 byte = 0;
	int fd;

	if (!file)
		return;
	size = i_size_read(file_inode(file));
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (!CHECK(fd >= 0) || !make_mem(&mem, NULL)) {
		put_image(file);
		return;
	}
	fd_install(fd, get_file(file));

	CHECK_EQ(add_file_region(&mem, fd, 0x10000, 0x1000, 0, 0x1001), -EINVAL);
	CHECK_EQ(add_file_region(&mem, fd, 0x10000, 0x2000, size - 0x1000, 0x1001), -EINVAL);
	CHECK_EQ(add_file_region(&mem, fd, 0x10000, 0x2000, -0x1000ULL, 0x2000), -EINVAL);
	CHECK_EQ(atomic_read(&file_inode(file)->i_writecount), 0);
	CHECK_EQ(get_write_access(file_inode(file)), 0);
	CHECK_EQ(add_file_region(&mem, fd, 0x10000, 0x1000, 0, 0x1000), -ETXTBSY);
	put_write_access(file_inode(file));

	/* Two and a half pages of the file, then zeros; one page that lies askew */
	CHECK_EQ(add_file_region(&mem, fd, 0x10000, 0x5000, 0x3000, 0x2800), 0);
	CHECK_EQ(add_file_region(&mem, fd, 0x20000, 0x1000, 0x3001, 0x1000), 0);
	CHECK_EQ(close_fd(fd), 0);
	CHECK_EQ(byte_at(&mem, 0x10000), file_byte(0x3000));
	CHECK_EQ(byte_at(&mem, 0x11fff), file_byte(0x4fff));
	CHECK_EQ(byte_at(&mem, 0x127ff), file_byte(0x57ff));
	CHECK_EQ(byte_at(&mem, 0x12800), 0);
	CHECK_EQ(byte_at(&mem, 0x13000), 0);
	CHECK_EQ(byte_at(&mem, 0x20000), file_byte(0x3001));
	CHECK_EQ(state_at(&mem, 0x10000), KEV_PAGE_SHARED);
	CHECK_EQ(state_at(&mem, 0x12000), KEV_PAGE_RESIDENT);
	CHECK_EQ(state_at(&mem, 0x20000), KEV_PAGE_RESIDENT);
	CHECK_EQ(write_gpa(&mem, 0x10000, &byte, 1), 1);
	CHECK_EQ(byte_at(&mem, 0x10000), 0);
	CHECK_EQ(kev_mem_query(&mem, &query), 0);
	CHECK_EQ(query.kind, KEV_REGION_FILE);
	CHECK_EQ(query.resident, 4);
	CHECK_EQ(query.shared, 1);
	CHECK_EQ(query.file_pages, 3);
	CHECK_EQ(stats_of(&mem).copied_pages, 1);
	CHECK_EQ(stats_of(&mem).image_pages, 5);
	CHECK_EQ(kev_mem_discard(&mem, 0x10000, 0x1000), -ENOENT);
	/* Another region of the same page has the file's bytes. */
	CHECK_EQ(kev_mem_remove_region(&mem, 0x10000, 0x5000), 0);
	CHECK_EQ(kev_mem_remove_region(&mem, 0x20000, 0x1000), 0);
	wait_for_file(file);
	kev_mem_fini(&mem);
	put_image(file);
}

#define USER_PAGES	4

static int add_user_region(struct kev_mem *mem, u64 gpa, u64 length, unsigned long address)
{
	const struct kev_add_region args = {
		.size = sizeof(args),
		.kind = KEV_REGION_USER,
		.prot = R | W,
		.gpa = gpa,
		.length = length,
		.user_address = address,
	};

	return kev_mem_add_region(mem, &args);
}

static void check_user_region(struct kev_mem *mem, unsigned long address)
{
	const u64 length = USER_PAGES * PAGE_SIZE;
	u64 pinned = atomic64_read(&current->mm->pinned_vm);
	u8 __user *user = (u8 __user *)address;
	u8 byte = 0;

	CHECK_EQ(put_user(0x42, user + 0x1234), 0);
	CHECK_EQ(add_user_region(mem, 0x10000, length, address), 0);
	CHECK_EQ(atomic64_read(&current->mm->pinned_vm) - pinned, USER_PAGES);
	/* It is user space's page, both ways. */
	CHECK_EQ(byte_at(mem, 0x11234), 0x42);
	CHECK(leaf_at(mem, 0x11000) & KEV_LEAF_BORROWED);
	CHECK_EQ(write_gpa(mem, 0x11235, "x", 1), 1);
	CHECK_EQ(get_user(byte, user + 0x1235), 0);
	CHECK_EQ(byte, 'x');
	CHECK_EQ(kev_mem_discard(mem, 0x10000, 0x1000), -ENOENT);
	/* Taken away from the guest it stays user space's. */
	CHECK_EQ(kev_mem_remove_region(mem, 0x10000, length), 0);
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK_EQ(get_user(byte, user + 0x1235), 0);
	CHECK_EQ(byte, 'x');
	CHECK_EQ(atomic64_read(&current->mm->pinned_vm), pinned);

	/* What cannot be pinned from end to end */
	CHECK_EQ(add_user_region(mem, 0x10000, length + PAGE_SIZE, address), -EFAULT);
	CHECK_EQ(add_user_region(mem, 0x10000, PAGE_SIZE, -PAGE_SIZE), -EFAULT);
	CHECK_EQ(atomic64_read(&current->mm->pinned_vm), pinned);
	CHECK_EQ(stats_of(mem).resident_pages, 0);
}

void test_user_region(void)
{
	/* The last page is unmapped again, so that nothing follows the others. */
	unsigned long address = vm_mmap(NULL, 0, (USER_PAGES + 1) * PAGE_SIZE,
					PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	struct kev_mem mem;

	if (!CHECK(!IS_ERR_VALUE(address)))
		return;
	CHECK_EQ(vm_munmap(address + USER_PAGES * PAGE_SIZE, PAGE_SIZE), 0);
	if (make_mem(&mem, NULL)) {
		check_user_region(&mem, address);
		kev_mem_fini(&mem);
	}
	CHECK_EQ(vm_munmap(address, USER_PAGES * PAGE_SIZE), 0);
	address = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (make_mem(&mem, NULL)) {
		CHECK_EQ(add_user_region(&mem, 0x10000, PAGE_SIZE, address), -EFAULT);
		kev_mem_fini(&mem);
	}
	CHECK_EQ(vm_munmap(address, PAGE_SIZE), 0);
}
