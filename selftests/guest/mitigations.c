// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel has patched into the code around a guest. Guards that it is what the
 * kernel says of the CPU's flaws: the return buffer is filled behind an exit, buffers are
 * cleared before an entry, or neither.
 */
#include "kselftest_harness.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

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

TEST_HARNESS_MAIN
