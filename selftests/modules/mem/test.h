/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of guest-physical memory inside the kernel, without a guest and
 * without virtualisation hardware.
 */
#ifndef _KEV_MEM_TEST_H
#define _KEV_MEM_TEST_H

#include <linux/atomic.h>
#include <linux/elf.h>
#include <linux/types.h>
#include <kev/image.h>
#include <kev/mem.h>

struct completion;
struct file;

#define PHYS_BITS	40
#define R		KEV_MEM_READ
#define W		KEV_MEM_WRITE
#define X		KEV_MEM_EXEC
#define RWX		(PF_R | PF_W | PF_X)

/* Both count a failure of the running test, and say whether all is well. */
#define CHECK(condition)		kev_test_check(condition, #condition, __FILE__, __LINE__)
#define CHECK_EQ(value, expected)	\
	kev_test_check_eq(value, expected, #value, __FILE__, __LINE__)

bool kev_test_check(bool ok, const char *what, const char *file, int line);
bool kev_test_check_eq(s64 value, s64 expected, const char *what, const char *file, int line);

struct image_spec {
	u64 entry;
	u32 nr;
	struct {
		u64 gpa, offset, filesz, memsz;
		u32 flags;
	} seg[6];
};

/* Every way in which a page can come about */
extern const struct image_spec all_kinds;

/*
 * The image is a file of its own on tmpfs whose read_iter is replaced: the
 * test counts the reads, makes them fail, and holds them as long as it likes.
 */
extern atomic_t image_reads;
extern bool image_read_broken;
extern int image_read_answer;		/* when broken; 0 is the end of the file */
extern bool image_read_slow;
extern struct completion *image_read_entered, *image_read_hold;

struct file *create_image(const struct image_spec *spec);
void put_image(struct file *file);

/* What a guest has to find at @gpa */
u8 image_byte(const struct image_spec *spec, u64 gpa);
bool image_has_page(const struct image_spec *spec, u64 gpa);

/* A memory with an image attached */
struct fixture {
	struct kev_mem mem;
	struct file *file;
	struct kev_attach_result result;
};

struct fixture *setup(const struct image_spec *spec, u32 boot, u32 flags, u64 ram_kib);
void teardown(struct fixture *f);

void test_region_errors(void);
void test_region_limit(void);
void test_ram(void);
void test_fini(void);
void test_image_bytes(void);
void test_image_prot(void);
void test_attach_errors(void);
void test_direct64(void);
void test_read_errors(void);
void test_concurrent(void);
void test_killed_waiter(void);

#endif /* _KEV_MEM_TEST_H */
