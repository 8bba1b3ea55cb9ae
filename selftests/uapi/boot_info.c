// SPDX-License-Identifier: GPL-2.0
/*
 * What a boot protocol makes of a VM: the bytes in memory, by KEV_VM_READ, and the state of
 * its vCPUs before they have run. Guards that modules are lazy and shared as the image is.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "boot.h"

#define MODULE_GPA	(KT_CODE_GPA + KT_PAGE)		/* behind the image's one page */
#define RAM_KIB		2048
#define MAX_MODULE	5000

/* Those that hand over a command line and modules */
static const uint32_t with_files[] = { KEV_BOOT_MULTIBOOT, KEV_BOOT_MULTIBOOT2, KEV_BOOT_PVH };

FIXTURE(boot_info) {
	int kev, image;
	bool unrestricted;
	struct kt_boot_info info;
};

/* An image with all headers */
FIXTURE_SETUP(boot_info)
{
	struct kt_boot_image image;

	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->unrestricted = kt_features(self->kev) & KEV_FEATURE_UNRESTRICTED_GUEST;
	kt_boot_image_init(&image, KT_HAS_MULTIBOOT | KT_HAS_MULTIBOOT2 | KT_HAS_NOTE);
	self->image = kt_boot_image_file(&image);
	ASSERT_LE(0, self->image);
}

FIXTURE_TEARDOWN(boot_info)
{
	close(self->image);
	close(self->kev);
}

#define NO_UNRESTRICTED	"no unrestricted guest"

static struct kev_attach_image request(int fd, uint32_t boot)
{
	return kt_attach_request(fd, boot, boot == KEV_BOOT_NONE ? 0 : RAM_KIB);
}

static uint8_t module_byte(size_t at)
{
	return at * 7 + at / 256 + 1;
}

/* A module of so many bytes */
static int module_file(size_t size)
{
	uint8_t bytes[MAX_MODULE];

	for (size_t i = 0; i < size; i++)
		bytes[i] = module_byte(i);
	return kt_memfile(bytes, size);
}

/* Are they in memory, and zeros up to the end of the page */
static bool module_is_there(int vm, uint64_t gpa, size_t size)
{
	uint8_t bytes[2 * KT_PAGE];
	size_t room = (size + KT_PAGE - 1) / KT_PAGE * KT_PAGE;

	if (kt_read_guest(vm, gpa, bytes, room) != (long)room)
		return false;
	for (size_t i = 0; i < room; i++)
		if (bytes[i] != (i < size ? module_byte(i) : 0))
			return false;
	return true;
}

/* The address that a protocol gives in EBX; the vCPU does not run. */
static uint64_t info_address(int vm)
{
	struct kev_vcpu_state state;
	int vcpu = kt_create_vcpu(vm, 0);
	int ret = kt_get_state(vcpu, KEV_STATE_GPRS, &state);

	close(vcpu);
	return ret ? ~0ULL : state.gprs.gpr[KEV_RBX];
}

/* ---- what the guest is told ---- */

TEST_F(boot_info, command_line_and_modules)
{
	static const struct {
		size_t size;
		const char *string;
	} wanted[] = { { MAX_MODULE, "first one" }, { 1, "" }, { KT_PAGE, "x=\xff\x01" } };
	struct kev_boot_module modules[ARRAY_SIZE(wanted)];
	struct kt_boot_info *info = &self->info;

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t m = 0; m < ARRAY_SIZE(wanted); m++) {
		modules[m] = (struct kev_boot_module) {
			.fd = module_file(wanted[m].size),
			.cmdline = (uintptr_t)wanted[m].string,
			.cmdline_length = strlen(wanted[m].string),
		};
		ASSERT_LE(0, modules[m].fd);
	}
	for (size_t i = 0; i < ARRAY_SIZE(with_files); i++) {
		struct kev_attach_image args = request(self->image, with_files[i]);
		int vm = kt_create_plain_vm(self->kev);
		uint64_t gpa = MODULE_GPA;

		TH_LOG("protocol %u", with_files[i]);
		kt_attach_cmdline(&args, "alpha  beta=\"1\" \xc3");
		kt_attach_modules(&args, modules, ARRAY_SIZE(modules));
		ASSERT_EQ(0, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args));
		ASSERT_EQ(0, kt_boot_info(vm, with_files[i], info_address(vm), info));
		EXPECT_STREQ("alpha  beta=\"1\" \xc3", info->cmdline);
		EXPECT_EQ(RAM_KIB << 10, info->memory);
		ASSERT_EQ(ARRAY_SIZE(wanted), info->nr_modules);
		for (size_t m = 0; m < ARRAY_SIZE(wanted); m++) {
			EXPECT_EQ(gpa, info->module[m].start);
			EXPECT_EQ(gpa + wanted[m].size, info->module[m].end);
			EXPECT_STREQ(wanted[m].string, info->module[m].string);
			EXPECT_TRUE(module_is_there(vm, gpa, wanted[m].size));
			gpa += (wanted[m].size + KT_PAGE - 1) / KT_PAGE * KT_PAGE;
		}
		EXPECT_EQ(gpa, args.end);
		close(vm);
	}
	for (size_t m = 0; m < ARRAY_SIZE(wanted); m++)
		close(modules[m].fd);
}

TEST_F(boot_info, neither)
{
	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t i = 0; i < ARRAY_SIZE(with_files); i++) {
		int vm = kt_create_plain_vm(self->kev);

		ASSERT_EQ(0, kt_attach(vm, self->image, with_files[i], RAM_KIB));
		ASSERT_EQ(0, kt_boot_info(vm, with_files[i], info_address(vm), &self->info)) {
			TH_LOG("protocol %u", with_files[i]);
		}
		EXPECT_STREQ("", self->info.cmdline);
		EXPECT_EQ(0, self->info.nr_modules);
		EXPECT_EQ(RAM_KIB << 10, self->info.memory);
		close(vm);
	}
}

/* The longest command line, and as many modules as there can be, each with a string */
TEST_F(boot_info, as_much_as_there_can_be)
{
	struct kev_boot_module modules[KEV_MAX_MODULES];
	char strings[KEV_MAX_MODULES][16], cmdline[KEV_MAX_CMDLINE];
	int fd = module_file(1);

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	ASSERT_LE(0, fd);
	for (size_t i = 0; i < sizeof(cmdline) - 1; i++)
		cmdline[i] = 'a' + i % 26;
	cmdline[sizeof(cmdline) - 1] = 0;
	for (int m = 0; m < (int)KEV_MAX_MODULES; m++)
		modules[m] = (struct kev_boot_module) {
			.fd = fd,
			.cmdline = (uintptr_t)strings[m],
			.cmdline_length = snprintf(strings[m], sizeof(strings[m]), "module %d", m),
		};
	for (size_t i = 0; i < ARRAY_SIZE(with_files); i++) {
		struct kev_attach_image args = request(self->image, with_files[i]);
		int vm = kt_create_plain_vm(self->kev);

		kt_attach_cmdline(&args, cmdline);
		kt_attach_modules(&args, modules, KEV_MAX_MODULES);
		ASSERT_EQ(0, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args));
		ASSERT_EQ(0, kt_boot_info(vm, with_files[i], info_address(vm), &self->info)) {
			TH_LOG("protocol %u", with_files[i]);
		}
		EXPECT_STREQ(cmdline, self->info.cmdline);
		ASSERT_EQ(KEV_MAX_MODULES, self->info.nr_modules);
		for (uint32_t m = 0; m < KEV_MAX_MODULES; m++) {
			EXPECT_STREQ(strings[m], self->info.module[m].string);
			EXPECT_EQ(MODULE_GPA + m * KT_PAGE, self->info.module[m].start);
		}
		close(vm);
	}
	close(fd);
}

/* An image that begins at page 1 leaves no low memory: the information lies behind all. */
TEST_F(boot_info, behind_the_modules)
{
	struct kev_boot_module module = { .fd = module_file(1) };

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t i = 0; i < ARRAY_SIZE(with_files); i++) {
		int vm = kt_create_plain_vm(self->kev), fd;
		struct kev_attach_image args;
		struct kt_boot_image image;
		uint64_t gpa;

		kt_boot_image_init(&image, kt_boot_headers(with_files[i]));
		kt_boot_image_set(&image, KT_NOTE_AT + 16, KT_PAGE);
		image.elf.ehdr.e_entry = KT_PAGE;
		image.elf.phdr[0].p_vaddr = KT_PAGE;
		image.elf.phdr[0].p_paddr = KT_PAGE;
		fd = kt_boot_image_file(&image);
		ASSERT_LE(0, fd);
		args = request(fd, with_files[i]);
		kt_attach_modules(&args, &module, 1);
		ASSERT_EQ(0, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args));
		gpa = info_address(vm);
		EXPECT_EQ(3 * KT_PAGE, gpa);
		EXPECT_LT(gpa, args.end);
		EXPECT_EQ(0, kt_boot_info(vm, with_files[i], gpa, &self->info)) {
			TH_LOG("protocol %u", with_files[i]);
		}
		EXPECT_EQ(2 * KT_PAGE, self->info.module[0].start);
		EXPECT_EQ(RAM_KIB << 10, self->info.memory);
		close(fd);
		close(vm);
	}
	close(module.fd);
}

/* kev's own 32-bit protocol, byte for byte: the image has a gap, and memory ends behind it. */
TEST_F(boot_info, kev32)
{
	const struct {
		uint32_t total, zero, type, size, entry_size, version;
		struct {
			uint64_t base, length;
			uint32_t type, zero;
		} run[2];
		uint32_t end_type, end_size;
	} wanted = {
		.total = 80, .type = 6, .size = 64, .entry_size = 24,
		.run = {
			{ 0, KT_CODE_GPA + KT_PAGE, 1, 0 },
			{ KT_CODE_GPA + 3 * KT_PAGE, KT_MIB - 3 * KT_PAGE, 1, 0 },
		},
		.end_size = 8,
	};
	int vm = kt_create_plain_vm(self->kev), fd;
	uint8_t page[KT_PAGE], zeros[KT_PAGE] = {};
	struct kt_boot_image image;

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	kt_boot_image_init(&image, 0);
	image.elf.ehdr.e_phnum = 2;
	image.elf.phdr[1] = image.elf.phdr[0];
	image.elf.phdr[1].p_vaddr += 3 * KT_PAGE;
	image.elf.phdr[1].p_paddr += 3 * KT_PAGE;
	fd = kt_boot_image_file(&image);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kt_attach(vm, fd, KEV_BOOT_KEV32, RAM_KIB));
	ASSERT_EQ(KT_PAGE, kt_read_guest(vm, 0, page, sizeof(page)));
	EXPECT_EQ(0, memcmp(page, &wanted, sizeof(wanted)));
	EXPECT_EQ(0, memcmp(page + sizeof(wanted), zeros, sizeof(page) - sizeof(wanted)));
	close(fd);
	close(vm);
}

static const struct {
	uint64_t gpa, value;
} direct64[] = {
	{ 0x1000, 0 }, { 0x1008, 0x00af9b000000ffff }, { 0x1010, 0x00cf93000000ffff },
	{ 0x1018, 0 },
	{ 0x2000, 0x3003 }, { 0x2008, 0 },
	{ 0x3000, 0x4003 }, { 0x3008, 0x5003 }, { 0x3010, 0x6003 }, { 0x3018, 0x7003 },
	{ 0x3020, 0 },
	{ 0x4000, 0x83 }, { 0x4008, 0x200083 }, { 0x7ff8, 0xffe00083 },
};

TEST_F(boot_info, direct64)
{
	int vm = kt_create_plain_vm(self->kev);
	uint64_t value;

	ASSERT_EQ(0, kt_attach(vm, self->image, KEV_BOOT_DIRECT64, RAM_KIB));
	EXPECT_EQ(0, kt_vm_stats(vm).resident_pages);
	for (size_t i = 0; i < ARRAY_SIZE(direct64); i++) {
		ASSERT_EQ(8, kt_read_guest(vm, direct64[i].gpa, &value, sizeof(value)));
		EXPECT_EQ(direct64[i].value, value) {
			TH_LOG("at %#llx", (unsigned long long)direct64[i].gpa);
		}
	}
	EXPECT_EQ(5, kt_vm_stats(vm).boot_pages);
	/* It is the guest's own memory. */
	value = 0x1234;
	ASSERT_EQ(8, kt_write_guest(vm, 0x1008, &value, sizeof(value)));
	value = 0;
	ASSERT_EQ(8, kt_read_guest(vm, 0x1008, &value, sizeof(value)));
	EXPECT_EQ(0x1234, value);
	close(vm);
}

/* ---- modules are lazy, and shared ---- */

static void fill_letters(const void *arg, uint64_t offset, void *bytes, size_t size)
{
	(void)arg;
	memset(bytes, 'A' + offset / KT_PAGE, size);
}

TEST_F(boot_info, modules_are_lazy)
{
	const struct kt_fuse_file file = { .size = 8 * KT_PAGE, .fill = fill_letters };
	struct kev_attach_image args = request(self->image, KEV_BOOT_PVH);
	struct kev_boot_module module = {};
	struct kt_fuse fuse;
	struct stat st;
	uint8_t byte = 0;
	int vm;

	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	ASSERT_EQ(0, kt_fuse_mount(&fuse, &file));
	vm = kt_create_plain_vm(self->kev);
	module.fd = open(fuse.path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, module.fd);
	/* The kernel learns how long it is. */
	ASSERT_EQ(0, fstat(module.fd, &st));
	kt_attach_modules(&args, &module, 1);
	ASSERT_EQ(0, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args));
	EXPECT_EQ(0, kt_fuse_reads(&fuse));
	EXPECT_EQ(0, kt_vm_stats(vm).file_pages);
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(vm, MODULE_GPA + 3 * KT_PAGE));
	EXPECT_EQ(1, kt_read_guest(vm, MODULE_GPA + 3 * KT_PAGE + 7, &byte, 1));
	EXPECT_EQ('D', byte);
	EXPECT_EQ(1, kt_fuse_reads(&fuse));
	EXPECT_EQ(1, kt_fuse_page_reads(&fuse, 3));
	EXPECT_EQ(1, kt_vm_stats(vm).file_pages);
	EXPECT_EQ(1, kt_vm_stats(vm).read_pages);
	EXPECT_EQ(KT_PAGE, kt_vm_stats(vm).file_bytes);
	EXPECT_EQ(KEV_PAGE_RESIDENT, kt_page_state(vm, MODULE_GPA + 3 * KT_PAGE));
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(vm, MODULE_GPA + 2 * KT_PAGE));
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(vm, MODULE_GPA + 4 * KT_PAGE));
	close(module.fd);
	close(vm);
	EXPECT_EQ(0, kt_fuse_unmount(&fuse));
}

static const struct {
	const char *name;
	bool sealed;
	uint32_t flags;
	int state;
} sharing[] = {
	{ "a file that cannot change", true, 0, KEV_PAGE_SHARED },
	{ "a file that can", false, 0, KEV_PAGE_RESIDENT },
	{ "KEV_ATTACH_COPY", true, KEV_ATTACH_COPY, KEV_PAGE_RESIDENT },
};

static int module_of_letters(bool sealed)
{
	uint8_t bytes[KT_PAGE];

	memset(bytes, 'm', sizeof(bytes));
	return sealed ? kt_sealed_file(bytes, sizeof(bytes)) : kt_memfile(bytes, sizeof(bytes));
}

TEST_F(boot_info, modules_are_shared)
{
	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t i = 0; i < ARRAY_SIZE(sharing); i++) {
		struct kev_attach_image args = request(self->image, KEV_BOOT_MULTIBOOT);
		struct kev_boot_module module = { .fd = module_of_letters(sharing[i].sealed) };
		int vms[2] = { kt_create_plain_vm(self->kev), kt_create_plain_vm(self->kev) };
		uint8_t byte;

		ASSERT_LE(0, module.fd);
		args.flags = sharing[i].flags;
		kt_attach_modules(&args, &module, 1);
		for (size_t v = 0; v < ARRAY_SIZE(vms); v++) {
			ASSERT_EQ(0, kt_ioctl(vms[v], KEV_VM_ATTACH_IMAGE, &args));
			EXPECT_EQ(1, kt_read_guest(vms[v], MODULE_GPA, &byte, 1));
			EXPECT_EQ(sharing[i].state, kt_page_state(vms[v], MODULE_GPA)) {
				TH_LOG("%s", sharing[i].name);
			}
		}
		/* A write is the VM's own. */
		EXPECT_EQ(1, kt_write_guest(vms[0], MODULE_GPA, "W", 1));
		EXPECT_EQ(KEV_PAGE_RESIDENT, kt_page_state(vms[0], MODULE_GPA));
		EXPECT_EQ(1, kt_read_guest(vms[1], MODULE_GPA, &byte, 1));
		EXPECT_EQ('m', byte);
		EXPECT_EQ(1, pread(module.fd, &byte, 1, 0));
		EXPECT_EQ('m', byte);
		close(vms[0]);
		close(vms[1]);
		close(module.fd);
	}
}

/* ---- the state of a vCPU that has not run ---- */

#define ID	7
#define INFO	~0ULL	/* the address of the boot information: low memory, a page of it */

static const struct {
	const char *name;
	uint32_t boot;
	uint64_t rax, rbx, rsi, rdi, rsp;
	uint64_t cr0, cr3, cr4, efer;
	uint32_t cs, code, ds, data, gdt_limit;
	uint64_t gdt;
} states[] = {
	{ "without a protocol", KEV_BOOT_NONE, 0, 0, ID, 0, 0xa0000,
	  0x80010033, 0x2000, 0x620, 0x500, 8, 0xa09b, 0x10, 0xc093, 23, 0x1000 },
	{ "64-bit direct", KEV_BOOT_DIRECT64, 0, 0, ID, 0, 0xa0000,
	  0x80010033, 0x2000, 0x620, 0x500, 8, 0xa09b, 0x10, 0xc093, 23, 0x1000 },
	{ "kev 32-bit", KEV_BOOT_KEV32, 0, 0, 0, 0, 0xa0000,
	  0x31, 0, 0, 0, 0x10, 0xc09b, 0x18, 0xc093, 0, 0 },
	{ "Multiboot", KEV_BOOT_MULTIBOOT, 0x2badb002, INFO, 0, 0, 0,
	  0x11, 0, 0, 0, 0x10, 0xc09b, 0x18, 0xc093, 0, 0 },
	{ "Multiboot 2", KEV_BOOT_MULTIBOOT2, 0x36d76289, INFO, 0, 0, 0,
	  0x11, 0, 0, 0, 0x10, 0xc09b, 0x18, 0xc093, 0, 0 },
	{ "PVH", KEV_BOOT_PVH, 0, INFO, 0, 0, 0,
	  0x11, 0, 0, 0, 0x10, 0xc09b, 0x18, 0xc093, 0, 0 },
};

/* All registers that the protocol says nothing of are 0. */
static bool gprs_match(const struct kev_gprs *gprs, size_t i)
{
	const uint64_t wanted[KEV_NR_GPRS] = {
		[KEV_RAX] = states[i].rax,
		[KEV_RBX] = states[i].rbx == INFO ? KT_PAGE : states[i].rbx,
		[KEV_RSI] = states[i].rsi,
		[KEV_RDI] = states[i].rdi,
		[KEV_RSP] = states[i].rsp,
	};

	return !memcmp(gprs->gpr, wanted, sizeof(wanted)) && gprs->rip == KT_CODE_GPA &&
	       gprs->rflags == 2;
}

static bool is_flat(const struct kev_segment *segment, uint32_t selector, uint32_t access)
{
	return !segment->base && segment->limit == ~0U && segment->selector == selector &&
	       segment->access == access;
}

TEST_F(boot_info, first_state)
{
	if (!self->unrestricted)
		SKIP(return, NO_UNRESTRICTED);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct kev_attach_image args = request(self->image, states[i].boot);
		int vm = kt_create_plain_vm(self->kev), vcpu;
		struct kev_vcpu_state s;

		TH_LOG("%s", states[i].name);
		ASSERT_EQ(0, kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, &args));
		vcpu = kt_create_vcpu(vm, ID);
		ASSERT_EQ(0, kt_get_state(vcpu, KT_STATE_REGISTERS, &s));
		EXPECT_TRUE(gprs_match(&s.gprs, i));
		EXPECT_EQ(states[i].cr0, s.controls.cr0);
		EXPECT_EQ(states[i].cr3, s.controls.cr3);
		EXPECT_EQ(states[i].cr4, s.controls.cr4);
		EXPECT_EQ(states[i].efer, s.controls.efer);
		EXPECT_TRUE(is_flat(&s.segments.cs, states[i].cs, states[i].code));
		EXPECT_TRUE(is_flat(&s.segments.ds, states[i].ds, states[i].data));
		EXPECT_TRUE(is_flat(&s.segments.es, states[i].ds, states[i].data));
		EXPECT_TRUE(is_flat(&s.segments.fs, states[i].ds, states[i].data));
		EXPECT_TRUE(is_flat(&s.segments.gs, states[i].ds, states[i].data));
		EXPECT_TRUE(is_flat(&s.segments.ss, states[i].ds, states[i].data));
		EXPECT_EQ(0x8b, s.segments.tr.access);
		EXPECT_EQ(0x67, s.segments.tr.limit);
		EXPECT_EQ(KEV_SEG_UNUSABLE, s.segments.ldtr.access & KEV_SEG_UNUSABLE);
		EXPECT_EQ(states[i].gdt, s.segments.gdt.base);
		EXPECT_EQ(states[i].gdt_limit, s.segments.gdt.limit);
		EXPECT_EQ(0, s.segments.idt.limit);
		close(vcpu);
		close(vm);
	}
}

TEST_HARNESS_MAIN
