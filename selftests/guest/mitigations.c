// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel has patched into the code around a guest. Guards that it is what the
 * kernel says of the CPU's flaws: the return buffer is filled behind an exit, buffers are
 * cleared before an entry, or neither. And that the L1 data cache is flushed before an entry
 * where the host has run something else since the last one, and not before others.
 */
#include "kselftest_harness.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>

#include "kevtest.h"

#define CODE_SIZE	1024
#define FLAWS		"/sys/devices/system/cpu/vulnerabilities/"

static uint64_t address_of(const char *wanted)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char name[128], type;
	unsigned long address, found = 0;

	while (file && !found && fscanf(file, "%lx %c %127s%*[^\n]", &address, &type, name) == 3)
		if (!strcmp(name, wanted))
			found = address;
	if (file)
		fclose(file);
	return found;
}

/* The kernel's memory as it is now: 0 or a negative errno */
static int read_kernel(uint64_t address, void *bytes, size_t size)
{
	int fd = open("/proc/kcore", O_RDONLY);
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;
	int ret = -ENOENT;

	if (fd < 0)
		return -errno;
	if (pread(fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr))
		ret = -EIO;
	for (unsigned int i = 0; ret == -ENOENT && i < ehdr.e_phnum; i++) {
		off_t at = ehdr.e_phoff + i * sizeof(phdr);

		if (pread(fd, &phdr, sizeof(phdr), at) != sizeof(phdr))
			ret = -EIO;
		else if (phdr.p_type == PT_LOAD && address - phdr.p_vaddr < phdr.p_memsz)
			ret = pread(fd, bytes, size, phdr.p_offset + address - phdr.p_vaddr) ==
			      (ssize_t)size ? 0 : -EIO;
	}
	close(fd);
	return ret;
}

/* Does the kernel's word on a flaw contain this */
static bool kernel_says(const char *flaw, const char *text)
{
	char path[128], line[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), FLAWS "%s", flaw);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	return strstr(line, text);
}

/* What the kernel's command line says last is what counts. */
static bool mitigations_off(void)
{
	FILE *file = fopen("/proc/cmdline", "r");
	const char *at, *last = NULL;
	char line[1024] = "";

	if (file && !fgets(line, sizeof(line), file))
		line[0] = 0;
	if (file)
		fclose(file);
	for (at = line; (at = strstr(at, "mitigations=")); at++)
		last = at;
	return last && !strncmp(last, "mitigations=off", strlen("mitigations=off"));
}

FIXTURE(code) {
	uint8_t entry[CODE_SIZE];
	size_t exit;		/* where the code behind an exit begins */
};

FIXTURE_SETUP(code)
{
	uint64_t entry = address_of("kev_vmx_enter_guest"), exit = address_of("kev_vmx_exit");
	int ret;

	ASSERT_NE(0, entry);
	ASSERT_LT(entry, exit);
	ASSERT_GT(entry + CODE_SIZE, exit);
	self->exit = exit - entry;
	ret = read_kernel(entry, self->entry, CODE_SIZE);
	if (ret == -ENOENT)
		SKIP(return, "the kernel has no /proc/kcore");
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(code)
{
}

static const uint8_t *find(const uint8_t *code, size_t size, const void *bytes, size_t length)
{
	return memmem(code, size, bytes, length);
}

/* mov $16, %rcx; call over an INT3 */
TEST_F(code, return_buffer)
{
	static const uint8_t fill[] = { 0x48, 0xc7, 0xc1, 16, 0, 0, 0, 0xe8, 1, 0, 0, 0, 0xcc };
	bool filled = find(self->entry + self->exit, CODE_SIZE - self->exit, fill, sizeof(fill));

	EXPECT_EQ(kernel_says("spectre_v2", "RSB filling"), filled);
}

/* A jump over VERW, or a NOP in its place */
TEST_F(code, buffers)
{
	static const uint8_t verw[] = { 0x0f, 0x00, 0x2d };
	static const uint8_t skip[] = { 0xeb, 7 };
	bool cleared = kernel_says("mds", "Clear CPU buffers");
	const uint8_t *at = self->entry;
	unsigned int found = 0;

	for (;;) {
		at = find(at, self->entry + self->exit - at, verw, sizeof(verw));
		if (!at)
			break;
		EXPECT_EQ(cleared, !!memcmp(at - sizeof(skip), skip, sizeof(skip)));
		found++;
		at++;
	}
	/* VMLAUNCH and VMRESUME */
	EXPECT_EQ(2, found);
}

#define TRACEFS		"/sys/kernel/tracing"
#define PROBE		"kev_test/l1d_flush"
#define FILE_GPA	0x40000000UL
#define FILE_LENGTH	(4 * KT_MIB)
#define ROUNDS		50
#define MIN_TOUCHES	4	/* of the file, with what is mapped around each */

/* CPUID, which is answered next to the entry */
KT_CODE(quick, "mov $200, %esi\n 1: xor %eax, %eax\n cpuid\n dec %esi\n jnz 1b\n" KT_HALT);
/* Reports for ever */
KT_CODE(reports, "1: out %al, $0x80\n jmp 1b\n");
/* A byte of each 64 KiB, and a report behind the first one, whose page tables all others share */
KT_CODE(touch, "mov $0x40000000, %esi\n mov (%rsi), %al\n out %al, $0x80\n"
	"1: add $0x10000, %rsi\n mov (%rsi), %al\n cmp $0x403f0000, %rsi\n jb 1b\n" KT_HALT);

/* A doorbell */
KT_CODE(ring, "mov $50, %ecx\n mov $0x40000000, %esi\n out %al, $0x80\n"
	"1: mov %eax, (%rsi)\n dec %ecx\n jnz 1b\n" KT_HALT);

FIXTURE(l1d) {
	struct kt_guest guest;
	bool flushed;		/* as the kernel sees the CPU */
};

/* How often the flush has been called since the probe was made, or a negative errno */
static long flushes(void)
{
	FILE *file = fopen(TRACEFS "/kprobe_profile", "r");
	unsigned long hits, found = 0;
	char name[64];

	if (!file)
		return -errno;
	while (fscanf(file, "%63s %lu%*[^\n]", name, &hits) == 2)
		if (!strcmp(name, "l1d_flush"))
			found = hits;
	fclose(file);
	return found;
}

FIXTURE_SETUP(l1d)
{
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
	/* The bed's kernels have this or "auto", and the rule has a test of its own. */
	self->flushed = !kernel_says("l1tf", "Not affected") && !mitigations_off();
	/* One that a case has left which took too long */
	kt_write_file(TRACEFS "/events/" PROBE "/enable", "0");
	kt_write_file(TRACEFS "/kprobe_events", "-:" PROBE);
	ASSERT_EQ(0, kt_write_file(TRACEFS "/kprobe_events", "p:" PROBE " kev_vmx_l1d_flush"));
	ASSERT_EQ(0, kt_write_file(TRACEFS "/events/" PROBE "/enable", "1"));
	ASSERT_EQ(0, flushes());
}

FIXTURE_TEARDOWN(l1d)
{
	kt_guest_fini(&self->guest);
	EXPECT_EQ(0, kt_write_file(TRACEFS "/events/" PROBE "/enable", "0"));
	EXPECT_EQ(0, kt_write_file(TRACEFS "/kprobe_events", "-:" PROBE));
}

TEST_F(l1d, quick_exits)
{
	long before = flushes();

	ASSERT_EQ(0, kt_guest_init(&self->guest, &quick, 0, NULL));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	/* Not for each of 200, but for RUN, first touches and interrupts of the host */
	EXPECT_GT(self->flushed ? 100 : 1, flushes() - before);
	EXPECT_EQ(self->flushed, flushes() > before);
}

TEST_F(l1d, runs)
{
	long before;

	ASSERT_EQ(0, kt_guest_init(&self->guest, &reports, 0, NULL));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	before = flushes();
	for (int i = 0; i < ROUNDS; i++)
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_IO, self->guest.run->kind);
	if (self->flushed) {
		EXPECT_LE(ROUNDS, flushes() - before);
	} else {
		EXPECT_EQ(before, flushes());
	}
}

/* The host has read a file's pages, or its page tables. */
TEST_F(l1d, first_touches)
{
	static const uint8_t zero[KT_PAGE];
	int fd = kt_memfile(zero, sizeof(zero));
	struct kt_counters before, after;
	unsigned long exits;
	long flushed;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, FILE_LENGTH));
	ASSERT_EQ(0, kt_guest_init(&self->guest, &touch, 0, NULL));
	ASSERT_EQ(0, kt_add_file(self->guest.vm, FILE_GPA, FILE_LENGTH, fd, 0, FILE_LENGTH));
	close(fd);
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &before));
	flushed = flushes();
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	flushed = flushes() - flushed;
	ASSERT_EQ(0, kt_vcpu_counters(self->guest.vcpu, &after));
	exits = kt_exit_count(&after, "memory").exits - kt_exit_count(&before, "memory").exits;
	ASSERT_LE(MIN_TOUCHES, exits);
	if (self->flushed) {
		EXPECT_LT(exits, flushed);	/* and for RUN itself */
	} else {
		EXPECT_EQ(0, flushed);
	}
}

/* Answered without a call's end, but the host has read page tables and instructions. */
TEST_F(l1d, doorbells)
{
	struct kev_doorbell args = {
		.size = sizeof(args), .fd = eventfd(0, 0), .address = FILE_GPA,
	};
	long before;

	ASSERT_LE(0, args.fd);
	ASSERT_EQ(0, kt_guest_init(&self->guest, &ring, 0, NULL));
	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_TRAP, 0, FILE_GPA, KT_PAGE));
	ASSERT_EQ(0, kt_ioctl(self->guest.vm, KEV_VM_DOORBELL, &args));
	close(args.fd);
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	before = flushes();
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	if (self->flushed) {
		EXPECT_LE(ROUNDS, flushes() - before);
	} else {
		EXPECT_EQ(before, flushes());
	}
}

TEST_HARNESS_MAIN
