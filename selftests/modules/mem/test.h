/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of guest-physical memory inside the kernel, without a guest and
 * without virtualisation hardware.
 */
#ifndef _KEV_MEM_TEST_H
#define _KEV_MEM_TEST_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/elf.h>
#include <linux/types.h>
#include <kev/attach.h>
#include <kev/ept.h>
#include <kev/mem.h>
#include <kev/mem_table.h>

struct file;
struct page;
struct task_struct;

#define PHYS_BITS	40
#define R		KEV_MEM_READ
#define W		KEV_MEM_WRITE
#define X		KEV_MEM_EXEC
#define RWX		(PF_R | PF_W | PF_X)
#define RAM		KEV_REGION_RAM

/* Both count a failure of the running test, and say whether all is well. */
#define CHECK(condition)		kev_test_check(condition, #condition, __FILE__, __LINE__)
#define CHECK_EQ(value, expected)	\
	kev_test_check_eq(value, expected, #value, __FILE__, __LINE__)

bool kev_test_check(bool ok, const char *what, const char *file, int line);
bool kev_test_check_eq(s64 value, s64 expected, const char *what, const char *file, int line);

/*
 * Memory, with as little as possible that makes pages by itself: no huge pages, no
 * fault-around. The CPU, which is the test, keeps dirty flags.
 */
extern const struct kev_mem_config plain;

/* kev_mem_config.flush of all tests: counts, and then calls what a test has set */
extern atomic_t flushes;
extern void (*at_flush)(struct kev_mem *mem);

/* An empty memory; false is a failure of the test. NULL: plain */
bool make_mem(struct kev_mem *mem, const struct kev_mem_config *config);

int add_region(struct kev_mem *mem, u32 kind, u64 gpa, u64 length, u32 prot);

/* An access of the guest; the same, with what holds the address in .kind and .prot */
int fault(struct kev_mem *mem, u64 gpa, u32 access);
int fault_at(struct kev_mem *mem, u64 gpa, u32 access, struct kev_touch *touch);
/* An access in another manner: KEV_TOUCH_* */
int fault_as(struct kev_mem *mem, u64 gpa, u32 access, u32 flags);
int get_page_at(struct kev_mem *mem, u64 gpa, u32 access, struct page **page);
ssize_t read_gpa(struct kev_mem *mem, u64 gpa, void *buf, size_t len);
ssize_t write_gpa(struct kev_mem *mem, u64 gpa, const void *buf, size_t len);
/* A byte as the guest reads it, or -1 */
int byte_at(struct kev_mem *mem, u64 gpa);
/* The guest's leaf for an address; 0 without a table */
u64 leaf_at(struct kev_mem *mem, u64 gpa);
u32 state_at(struct kev_mem *mem, u64 gpa);
struct kev_vm_stats stats_of(struct kev_mem *mem);

/* The running test cannot say anything here; a failure counts nevertheless. */
void kev_test_skip(const char *reason);

struct image_spec {
	u64 entry;
	u32 nr;
	struct {
		u64 gpa, offset, filesz, memsz;
		u32 flags;
	} seg[6];
	/* R_X86_64_RELATIVE: the table lies at the segment's bytes at @rela, if there is one */
	u64 dynamic, rela;
	u32 nr_relocs;
	struct {
		u64 vaddr, addend;
	} reloc[4];
};

/* Every way in which a page can come about */
extern const struct image_spec all_kinds;
/* 2 MiB of the file at 0x100000, then 256 KiB of zeros */
extern const struct image_spec big;

#define BIG_GPA		0x100000
#define BIG_OFFSET	0x1000
#define BIG_FILE_PAGES	512
#define BIG_PAGES	(BIG_FILE_PAGES + 64)

/*
 * The image is a file of its own on tmpfs whose read_iter is replaced: the
 * test counts the reads, makes them fail, and holds them as long as it likes.
 *
 * Pages of tmpfs are always in the page cache. An image that is not @shared has an
 * empty one of its own, so that every page is read; one that is shared cannot change.
 */
extern atomic_t image_reads;
extern bool image_read_broken;
extern int image_read_answer;		/* when broken; 0 is the end of the file */
extern bool image_read_slow;

struct file *create_image(const struct image_spec *spec, bool shared);
void put_image(struct file *file);

/* No byte of the file is 0: what reads as zero did not come from there. */
u8 file_byte(u64 offset);

/* What a guest has to find at @gpa */
u8 image_byte(const struct image_spec *spec, u64 gpa);
bool image_has_page(const struct image_spec *spec, u64 gpa);

/* A memory with an image attached */
struct fixture {
	struct kev_mem mem;
	struct file *file;
	struct kev_attach_result result;
};

struct setup {
	const struct kev_mem_config *config;	/* NULL: plain */
	bool shared;
	u32 boot, flags;
	u64 ram_kib, load_base;
};

struct fixture *set_up(const struct image_spec *spec, const struct setup *how);
#define SETUP(spec, ...)	set_up(spec, &(const struct setup){ __VA_ARGS__ })
int attach(struct kev_mem *mem, struct file *file, const struct setup *how,
	   struct kev_attach_result *result);
void teardown(struct fixture *f);
/* Until nothing but the test has the file */
void wait_for_file(struct file *file);

/* A thread that touches pages one after the other, until one cannot be had */
struct toucher {
	struct kev_mem *mem;
	u64 gpa;
	u32 pages, access, flags;
	const unsigned long *stop;
	struct task_struct *task;
	struct completion started, done;
	struct page **seen;
	int ret;
};

bool start_toucher(struct toucher *t);
/* Until it sleeps: a signal before would not test the wait. */
void wait_for_sleep(struct toucher *t);
void finish_toucher(struct toucher *t);

/* Reads of the image are held, from hold_reads() on, until they are released. */
struct hold {
	struct completion entered, go;
};

void hold_reads(struct hold *hold);
void release_reads(struct hold *hold);

/* The tests; main.c lists them in their order. */
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
void test_remove(void);
void test_remove_held(void);
void test_remove_read(void);
void test_discard(void);
void test_discard_huge(void);
void test_huge_never(void);
void test_huge_always(void);
void test_huge_auto(void);
void test_huge_exec(void);
void test_shared(void);
void test_shared_pages(void);
void test_sharers(void);
void test_truncated(void);
void test_poisoned(void);
void test_given_back(void);
void test_around(void);
void test_around_write(void);
void test_around_reads(void);
void test_stock(void);
void test_stock_refuses(void);
void test_stock_image(void);
void test_stock_uncached(void);
void test_stock_around(void);
void test_add_errors(void);
void test_trap(void);
void test_owner(void);
void test_notify(void);
void test_file_region(void);
void test_user_region(void);
void test_dirty_flag(void);
void test_dirty_fault(void);
void test_dirty_shared(void);
void test_dirty_huge(void);
void test_page_state(void);
void test_query(void);
void test_options(void);
void test_signal(void);
void test_reader_killed(void);
void test_killable(void);
void test_stop(void);
void test_nowait(void);
void test_nowait_cached(void);
void test_relocations(void);
void test_no_relocations(void);
void test_relocations_read(void);

#endif /* _KEV_MEM_TEST_H */
