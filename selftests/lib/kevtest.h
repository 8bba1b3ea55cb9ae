/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers of the tests that run in the bed.
 *
 * Nothing here prints or fails a test: functions that return an int or a long
 * give a result, or a negative errno that the test compares.
 */
#ifndef KEVTEST_H
#define KEVTEST_H

#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/kev.h>

#define KT_PAGE		4096UL
#define KT_MIB		(1UL << 20)

/* Where the guests of guests/ are: here, in the bed */
#ifndef KT_GUESTS
#define KT_GUESTS	"/guests"
#endif

/*
 * In seconds. The harness allows 30, which is little on an instrumented kernel: there the
 * emulator's clock goes as fast as ours.
 */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	600
#endif

/* ---- calls: ioctl.c ---- */

/* ioctl(2), with the errno as a negative result */
long kt_ioctl(int fd, unsigned long cmd, const void *arg);

int kt_open(void);
int kt_create_vm(int kev, uint32_t flags, const char *abi);
int kt_create_vcpu(int vm, uint32_t id);
int kt_add_ram(int vm, uint64_t gpa, uint64_t length);
struct kev_run *kt_map_run(int vcpu);
void kt_unmap_run(struct kev_run *run);
struct kev_vm_status kt_status(int vm);
struct kev_vcpu_stats kt_vcpu_stats(int vcpu);
struct kev_vm_stats kt_vm_stats(int vm);

/* As many as there can be of both */
#define KT_COUNTERS	128

/* What KEV_VM_COUNTERS or KEV_VCPU_COUNTERS tells */
struct kt_counters {
	unsigned int nr_counters, nr_exits;
	struct kev_counter counter[KT_COUNTERS];
	struct kev_exit_count exit[KT_COUNTERS];
};

int kt_vm_counters(int vm, struct kt_counters *all);
int kt_vcpu_counters(int vcpu, struct kt_counters *all);
/* By name; all bits are set where there is none. */
uint64_t kt_counter(const struct kt_counters *all, const char *name);
struct kev_exit_count kt_exit_count(const struct kt_counters *all, const char *name);

/* Every group of registers whose place is in the structure itself */
#define KT_STATE_REGISTERS	(KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS | \
				 KEV_STATE_MSRS | KEV_STATE_DEBUG | KEV_STATE_INTERRUPTS | \
				 KEV_STATE_TIME)

/* Read or write groups of registers; @state's size and groups are filled in. */
int kt_get_state(int vcpu, uint32_t groups, struct kev_vcpu_state *state);
int kt_set_state(int vcpu, uint32_t groups, struct kev_vcpu_state *state);

/* Does @state->problem name @field; with "": is it empty */
bool kt_blames(const struct kev_vcpu_state *state, const char *field);

/* The guest goes on behind a HLT that nothing has ended. */
int kt_leave_halt(int vcpu);
int kt_interrupt(int vcpu, uint32_t vector);

/* poll(2) without waiting: the events, or a negative errno */
int kt_poll(int fd);

/* ---- guest memory: memory.c ---- */

#define KT_RWX	(KEV_MEM_READ | KEV_MEM_WRITE | KEV_MEM_EXEC)

/* A region of a kind that takes no more than these */
int kt_add_region(int vm, uint32_t kind, uint32_t prot, uint64_t gpa, uint64_t length);
int kt_add_user(int vm, uint64_t gpa, uint64_t length, const void *address, uint32_t prot);
int kt_add_file(int vm, uint64_t gpa, uint64_t length, int fd, uint64_t offset,
		uint64_t file_bytes);
int kt_remove_region(int vm, uint64_t gpa, uint64_t length);
int kt_discard(int vm, uint64_t gpa, uint64_t length);
/* The region at @gpa, or the next one above */
int kt_query_memory(int vm, uint64_t gpa, struct kev_query_memory *query);
/* enum kev_page_state of a guest-physical address, or a negative errno */
int kt_page_state(int vm, uint64_t gpa);
/* By guest-physical address: bytes copied, or a negative errno */
long kt_read_guest(int vm, uint64_t gpa, void *bytes, size_t size);
long kt_write_guest(int vm, uint64_t gpa, const void *bytes, size_t size);
/* Pages that are dirty, or a negative errno; one bit for each in @bitmap */
long kt_get_dirty(int vm, uint64_t gpa, uint64_t length, uint64_t *bitmap);

/* Guest memory as a part of this process; NULL with an errno */
void *kt_map_memory(int vm, uint64_t gpa, size_t length);
/* Touch a byte: 0, or the signal that it raised. *value is read, or written. */
int kt_peek(const volatile uint8_t *at, uint8_t *value);
int kt_poke(volatile uint8_t *at, uint8_t value);

/* A VM without an image that has no fault-around, and pages of 4 KiB only */
int kt_create_plain_vm(int kev);

/* ---- images: image.c ---- */

#define KT_MAX_PHDRS	4

/* The smallest file that has the parts of an ELF image */
struct kt_elf {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[KT_MAX_PHDRS];
};

/* Where kt_elf_init() puts the code: in the file and in the guest */
#define KT_CODE_OFFSET	KT_PAGE
#define KT_CODE_GPA	KT_MIB
/* Enough for it: the image and all RAM below 2 MiB */
#define KT_RAM_KIB	2048

/* Valid headers for one loadable segment of @size bytes */
void kt_elf_init(struct kt_elf *elf, size_t size);

/* A file on tmpfs without a name: its descriptor */
int kt_memfile(const void *bytes, size_t size);

/* An image on tmpfs: @elf as it is, and code behind it; its descriptor */
int kt_elf_file(const struct kt_elf *elf, const void *code, size_t size);

/* A position-independent one, whose relocations lie behind the table of them */
#define KT_DYNAMIC_AT	512
#define KT_RELA_AT	1024
#define KT_RELOCATED_AT	2048
#define KT_RELOCS	16

struct kt_reloc_image {
	struct kt_elf elf;
	uint8_t code[4 * KT_PAGE];
};

/* Some words in each page are relocated; the guest is an HLT for ever. */
void kt_reloc_image_init(struct kt_reloc_image *image);
/* Its descriptor */
int kt_reloc_image_file(const struct kt_reloc_image *image);

int kt_attach(int vm, int fd, uint32_t boot, uint64_t ram_kib);

/* ---- guests: guest.c ---- */

/* Machine code in the test program itself */
struct kt_code {
	const char *start, *end;
};

/*
 * KT_CODE(name, text): position-independent 64-bit code that starts with RSI =
 * vCPU id, RSP = 0xa0000, an identity map of 4 GiB and no IDT.
 */
#define KT_CODE(name, text)						\
	KT_CODE_TEXT(name, text);					\
	static const struct kt_code name = { name##_start, name##_end }

#define KT_CODE_TEXT(name, text)					\
	extern const char name##_start[], name##_end[];			\
	asm(".pushsection .rodata.guest, \"a\"\n"			\
	    #name "_start:\n" text "\n" #name "_end:\n"			\
	    ".popsection")

/* HaltCpu with the code in RDI */
#define KT_HALT		"xor %eax, %eax\n vmcall\n"

extern const struct kt_code kt_spin;		/* jmp . with interrupts off */
extern const struct kt_code kt_spin_if;		/* the same with interrupts on */
extern const struct kt_code kt_halt;		/* HaltCpu(0x1234) */
extern const struct kt_code kt_hlt;		/* HLT for ever */

/* A VM with one vCPU, id 0 */
struct kt_guest {
	int kev, vm, vcpu;
	struct kev_run *run;
};

/* Make a VM that is about to run @code; -1 and NULL stand for what is not there. */
int kt_guest_init(struct kt_guest *guest, const struct kt_code *code, uint32_t flags,
		  const char *abi);
/* The same with an image file */
int kt_guest_init_file(struct kt_guest *guest, const char *path, uint64_t ram_kib,
		       const char *abi);
/* The same with 32-bit code that kev does not carry out, a task switch: KEV_EXIT_UNHANDLED */
int kt_task_switch_init(struct kt_guest *guest);
void kt_guest_fini(struct kt_guest *guest);

long kt_run(int vcpu);
/* Run until something other than a full console is reported; the console is thrown away. */
long kt_run_to_report(struct kt_guest *guest);

/* ---- single instructions: insn.c ---- */

enum kt_insn { KT_CPUID, KT_RDMSR, KT_WRMSR, KT_XSETBV, KT_XGETBV, KT_MOV_TO_CR4, KT_RDTSC,
	       KT_SWAPGS };

/* A guest of 64 bits without an IDT, in which kt_insn() executes */
int kt_insn_init(struct kt_guest *guest, uint32_t flags);
/*
 * One instruction with these registers (by enum kev_gpr, RSP stays), which come back:
 * KEV_EXIT_HYPERCALL behind it, KEV_EXIT_SHUTDOWN for a fault, any other report, or a
 * negative errno
 */
int kt_insn(struct kt_guest *guest, enum kt_insn insn, uint64_t *gpr);

#define KT_DONE		KEV_EXIT_HYPERCALL
#define KT_FAULT	KEV_EXIT_SHUTDOWN

/* The same, with EAX, EBX, ECX, EDX in @regs */
int kt_cpuid(struct kt_guest *guest, uint32_t leaf, uint32_t subleaf, uint32_t *regs);
int kt_rdmsr(struct kt_guest *guest, uint32_t index, uint64_t *value);
int kt_wrmsr(struct kt_guest *guest, uint32_t index, uint64_t value);

/* ---- threads: thread.c ---- */

/* A thread that is in KEV_VCPU_RUN once */
struct kt_runner {
	pthread_t thread;
	pid_t tid;		/* 0: it has not begun yet */
	int vcpu, cpu;
	long ret;		/* of RUN; valid after kt_runner_join() */
	uint64_t returned;	/* TSC just after RUN */
	bool ended;		/* is RUN over */
};

/* Start one, on a CPU or, with -1, anywhere */
int kt_runner_start(struct kt_runner *runner, int vcpu, int cpu);
long kt_runner_join(struct kt_runner *runner);
/*
 * Start one, and wait until the vCPU has been in the guest. If it never was there: RUN's error or
 * -EIO, and no thread.
 */
int kt_runner_enter(struct kt_runner *runner, int vcpu, int cpu);
/* Kick the vCPU until its RUN has returned */
long kt_runner_kick(struct kt_runner *runner);

/* The CPU that its thread is on */
int kt_runner_cpu(struct kt_runner *runner);
/* Whether its thread sleeps, in RUN or on the way there; or is gone. */
bool kt_runner_is_asleep(struct kt_runner *runner);
/* Wait until it does. */
void kt_runner_wait_asleep(struct kt_runner *runner);

/* Wait until the vCPU has entered the guest more than @entries times. */
void kt_wait_entries(int vcpu, uint64_t entries);

/* A handler that does nothing, without SA_RESTART */
int kt_ignore_signal(int number);

/* ---- the host: host.c ---- */

int kt_pin(int cpu);
int kt_nr_cpus(void);

/* Can a CPU be taken away, and given back */
bool kt_cpu_can_go(int cpu);
int kt_cpu_online(int cpu, bool online);

/* How often to do something: @few in the normal run, @many in the soak (KEV_SOAK is set) */
unsigned int kt_rounds(unsigned int few, unsigned int many);

/* What takes less than @ticks of the TSC takes less than this; more on an instrumented kernel */
uint64_t kt_limit(uint64_t ticks);

static inline uint64_t kt_rdtsc(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Run a program of the PATH with its output thrown away; its exit status */
int kt_command(const char *const argv[]);
/* The same, with its standard output in @output: *length is its room, then what came */
int kt_command_output(const char *const argv[], char *output, size_t *length);

/* The kernel's log from now on */
int kt_log_open(void);
/* How many lines since then contain @text */
int kt_log_count(int log, const char *text);

/* Write a string to a file, as of sysfs or procfs */
int kt_write_file(const char *path, const char *text);
/* The first number in a file */
long kt_read_number(const char *path);

int kt_load_module(const char *path);
int kt_unload_module(const char *name);

/* ---- failures on demand: fail.c ---- */

struct kt_fail {
	int fd;
};

/*
 * To be called by the thread whose allocations are to fail; an errno: this kernel cannot do
 * it. It switches the kernel to failing all kinds of allocations, quietly.
 */
int kt_fail_open(struct kt_fail *fail);
void kt_fail_close(struct kt_fail *fail);
/* The nth allocation, or copy from or to user space, that this thread makes from now on fails. */
int kt_fail_nth(struct kt_fail *fail, unsigned int nth);
/* How many are left until then, or an errno */
int kt_fail_left(struct kt_fail *fail);
/* No longer. 1: it has failed; 0: there were not so many; or an errno */
int kt_fail_end(struct kt_fail *fail);

/* ---- what is left: left.c ---- */

#define KT_LEFT_CACHES	15

/* The machine's free memory, without what waits to be freed; -1: unknown */
long kt_free_kib(void);
/* How much less there is than @before, once no more than @most is missing, or it stays so */
long kt_missing_kib(long before, long most);

/* Of VMs and of all that belongs to them, on the whole machine */
struct kt_left {
	long references;	/* to the module */
	long pins;		/* of user pages */
	long vms;
	long objects[KT_LEFT_CACHES];	/* of each cache of what is charged; all 0: unknown */
	long charge;		/* bytes that the cgroup has to pay for */
};

/* There is an empty cgroup from now on, and what is there now. */
void kt_left_begin(struct kt_left *left);
/* This process, and what it makes, is the cgroup's from now on: 0 or an errno */
int kt_left_enter(void);
/*
 * With nobody in the cgroup: is there anything left that was not there at the beginning, once
 * all has gone that goes after a grace period? Prints what.
 */
bool kt_left_differs(const struct kt_left *before);
void kt_left_end(void);

/* ---- a slow file: fuse.c ---- */

/* What to serve; the server takes it over as it is at the mount. */
struct kt_fuse_file {
	uint64_t size;		/* in bytes; a file can shrink, it cannot grow beyond this */
	/* Gives bytes of the file; NULL: @arg is its bytes. Runs in the server's process. */
	void (*fill)(const void *arg, uint64_t offset, void *bytes, size_t size);
	const void *arg;
	uint32_t readahead;	/* bytes that the kernel reads ahead; 0: each page by itself */
};

/* A mounted file system that is one regular file */
struct kt_fuse {
	char path[32];		/* of the file */
	pid_t server;		/* -1: ended by kt_fuse_abort() */
	int event;
	uint64_t pages;
	size_t shared_size;
	struct kt_fuse_shared *shared;
};

/*
 * Mount one, with nothing held and nothing failing. To be called before there is a VM
 * whose memory the test maps: the server inherits mappings. It ends with the thread that
 * called this.
 */
int kt_fuse_mount(struct kt_fuse *fuse, const struct kt_fuse_file *file);
/* End the server: reads that wait and later ones fail, what is in the page cache stays. */
void kt_fuse_abort(struct kt_fuse *fuse);
/* The same, and unmount; open descriptors stay open. */
int kt_fuse_unmount(struct kt_fuse *fuse);

/* Let reads wait from now on; false: let all go. */
void kt_fuse_hold(struct kt_fuse *fuse, bool on);
/* While reads are held: let so many go, the oldest first, then those that come. */
void kt_fuse_release(struct kt_fuse *fuse, uint32_t reads);
/*
 * Reads that are answered from now on fail with this errno, positive, but not more than 100, or
 * than so many; 0: no longer. The kernel asks twice for a page whose first read fails.
 */
void kt_fuse_fail(struct kt_fuse *fuse, int error);
void kt_fuse_fail_reads(struct kt_fuse *fuse, int error, uint32_t reads);
/* The file's size from now on: the kernel learns it from a stat() or a short read. */
void kt_fuse_resize(struct kt_fuse *fuse, uint64_t size);

/* How many reads have reached the server, those that wait included */
uint64_t kt_fuse_reads(struct kt_fuse *fuse);
/* How many bytes it has given */
uint64_t kt_fuse_bytes(struct kt_fuse *fuse);
/* How many reads asked for the 4 KiB page of that index */
uint32_t kt_fuse_page_reads(struct kt_fuse *fuse, uint64_t page);
/* Wait until at least so many reads wait in the server. */
void kt_fuse_wait_held(struct kt_fuse *fuse, uint32_t reads);

#endif /* KEVTEST_H */
