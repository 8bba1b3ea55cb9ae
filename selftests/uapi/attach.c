// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_ATTACH_IMAGE: arguments, order of calls, the guest's memory around the
 * image, and the file's writers. Guards that an image is attached once and
 * as a whole, and that its file neither changes under the guest nor stays
 * locked when the VM is gone.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "kevtest.h"

#define IMAGE	"/tmp/kevtest-attach"

FIXTURE(attach) {
	int kev, vm, image;
	struct kt_elf elf;
};

FIXTURE_SETUP(attach)
{
	size_t size = kt_halt.end - kt_halt.start;

	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->vm = kt_create_vm(self->kev, 0, NULL);
	ASSERT_LE(0, self->vm);
	kt_elf_init(&self->elf, size);
	self->image = kt_elf_file(&self->elf, kt_halt.start, size);
	ASSERT_LE(0, self->image);
}

FIXTURE_TEARDOWN(attach)
{
	unlink(IMAGE);
	close(self->image);
	close(self->vm);
	close(self->kev);
}

static long attach(int vm, int fd, uint32_t flags, uint32_t boot, uint64_t ram_kib,
		   struct kev_attach_image *args)
{
	*args = (struct kev_attach_image) {
		.size = sizeof(*args),
		.flags = flags,
		.fd = fd,
		.boot = boot,
		.ram_kib = ram_kib,
		.problem = ~0U,
	};
	return kt_ioctl(vm, KEV_VM_ATTACH_IMAGE, args);
}

/* The image's span is one page. */
static const struct {
	const char *name;
	uint32_t flags, boot;
	uint64_t ram_kib;
	int result;
	uint32_t problem;
} arguments[] = {
	{ "unknown flag", 16, KEV_BOOT_DIRECT64, 2048, -EINVAL, KEV_IMAGE_OK },
	{ "last flag", 1U << 31, KEV_BOOT_DIRECT64, 2048, -EINVAL, KEV_IMAGE_OK },
	{ "unknown protocol", 0, 6, 2048, -EINVAL, KEV_IMAGE_OK },
	{ "protocol below AUTO", 0, KEV_BOOT_AUTO - 1, 2048, -EINVAL, KEV_IMAGE_OK },
	{ "last protocol", 0, ~0U, 2048, -EINVAL, KEV_IMAGE_OK },
	{ "RAM without a protocol", 0, KEV_BOOT_NONE, 2048, -EINVAL, KEV_IMAGE_OK },
	{ "no RAM", 0, KEV_BOOT_DIRECT64, 0, -EINVAL, KEV_IMAGE_RAM },
	{ "RAM of no whole page", 0, KEV_BOOT_DIRECT64, 2047, -EINVAL, KEV_IMAGE_OK },
	{ "RAM beyond 2^64", 0, KEV_BOOT_DIRECT64, 1ULL << 54, -EINVAL, KEV_IMAGE_OK },
	{ "greatest RAM", 0, KEV_BOOT_DIRECT64, ~3ULL, -EINVAL, KEV_IMAGE_OK },
	{ "RAM above the physical width", 0, KEV_BOOT_DIRECT64, 1ULL << 43, -EINVAL,
	  KEV_IMAGE_PHYS_WIDTH },
	{ "least RAM", 0, KEV_BOOT_DIRECT64, 4, 0, KEV_IMAGE_OK },
	{ "no protocol", 0, KEV_BOOT_NONE, 0, 0, KEV_IMAGE_OK },
	{ "rights", KEV_ATTACH_PROT, KEV_BOOT_DIRECT64, 2048, 0, KEV_IMAGE_OK },
	{ "virtual addresses", KEV_ATTACH_VADDR, KEV_BOOT_DIRECT64, 2048, 0, KEV_IMAGE_OK },
	{ "relocated, without a table", KEV_ATTACH_RELOCATE, KEV_BOOT_DIRECT64, 2048, 0,
	  KEV_IMAGE_OK },
	{ "copied", KEV_ATTACH_COPY, KEV_BOOT_DIRECT64, 2048, 0, KEV_IMAGE_OK },
	{ "by the image", 0, KEV_BOOT_AUTO, 2048, 0, KEV_IMAGE_OK },
	{ "RAM beyond the hole", 0, KEV_BOOT_DIRECT64, 4 << 20, 0, KEV_IMAGE_OK },
};

TEST_F(attach, arguments)
{
	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
		int vm = kt_create_vm(self->kev, 0, NULL);
		struct kev_attach_image args;

		EXPECT_EQ(arguments[i].result,
			  attach(vm, self->image, arguments[i].flags, arguments[i].boot,
				 arguments[i].ram_kib, &args)) {
			TH_LOG("%s: result", arguments[i].name);
		}
		EXPECT_EQ(arguments[i].problem, args.problem) {
			TH_LOG("%s: problem", arguments[i].name);
		}
		EXPECT_EQ(KEV_IMAGE_NO_SEGMENT, args.segment) {
			TH_LOG("%s: segment", arguments[i].name);
		}
		/* Nothing is left of a failure. */
		if (arguments[i].result) {
			EXPECT_EQ(0, kt_attach(vm, self->image, KEV_BOOT_DIRECT64, KT_RAM_KIB)) {
				TH_LOG("%s: again", arguments[i].name);
			}
		}
		close(vm);
	}
}

/* Who gives too little memory is told how much it takes. */
TEST_F(attach, ram_below_span)
{
	struct kev_attach_image args;
	int fd;

	self->elf.phdr[0].p_memsz = 0x5001;
	fd = kt_elf_file(&self->elf, kt_halt.start, kt_halt.end - kt_halt.start);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, attach(self->vm, fd, 0, KEV_BOOT_DIRECT64, 20, &args));
	EXPECT_EQ(KEV_IMAGE_RAM, args.problem);
	EXPECT_EQ(KT_CODE_GPA, args.start);
	EXPECT_EQ(KT_CODE_GPA + 0x6000, args.end);
	EXPECT_EQ(0, attach(self->vm, fd, 0, KEV_BOOT_DIRECT64, 24, &args));
	close(fd);
}

TEST_F(attach, once)
{
	struct kev_attach_image args;

	EXPECT_EQ(0, attach(self->vm, self->image, 0, KEV_BOOT_DIRECT64, 2048, &args));
	EXPECT_EQ(-EBUSY, attach(self->vm, self->image, 0, KEV_BOOT_DIRECT64, 2048, &args));
	EXPECT_EQ(KEV_IMAGE_OK, args.problem);
	EXPECT_EQ(-EBUSY, attach(self->vm, self->image, 0, KEV_BOOT_NONE, 0, &args));
}

TEST_F(attach, before_the_first_vcpu)
{
	struct kev_attach_image args;
	int vcpu = kt_create_vcpu(self->vm, 0);

	ASSERT_LE(0, vcpu);
	EXPECT_EQ(-EBUSY, attach(self->vm, self->image, 0, KEV_BOOT_DIRECT64, 2048, &args));
	close(vcpu);
	EXPECT_EQ(-EBUSY, attach(self->vm, self->image, 0, KEV_BOOT_DIRECT64, 2048, &args));
}

/* A region where the image, the boot structures or the RAM would be */
TEST_F(attach, region_in_the_way)
{
	const uint64_t places[] = { 0, 0x7000, 0xff000, KT_CODE_GPA, KT_CODE_GPA + 0x1000 };
	struct kev_attach_image args;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int vm = kt_create_vm(self->kev, 0, NULL);

		ASSERT_EQ(0, kt_add_ram(vm, places[i], 0x1000));
		EXPECT_EQ(-EEXIST, attach(vm, self->image, 0, KEV_BOOT_DIRECT64, 2048, &args)) {
			TH_LOG("at %#llx", (unsigned long long)places[i]);
		}
		/* Nothing else has come: the page behind it is free. */
		EXPECT_EQ(0, kt_add_ram(vm, places[i] + 0x1000, 0x1000)) {
			TH_LOG("behind %#llx", (unsigned long long)places[i]);
		}
		close(vm);
	}
}

/*
 * Where the guest has memory with 2 MiB around an image of one page: boot
 * structures are charged, what is left goes above the image.
 */
static const struct {
	uint64_t gpa;
	bool there;
} places[] = {
	{ 0, true }, { 0x1000, true }, { 0x7000, true }, { 0x8000, true }, { 0xff000, true },
	{ KT_CODE_GPA, true }, { KT_CODE_GPA + 0x1000, true }, { 0x1ff000, true },
	{ 0x200000, false }, { 0xbffda000, false }, { 0xfffff000, false }, { 0x100000000, false },
};

TEST_F(attach, memory_around_the_image)
{
	ASSERT_EQ(0, kt_attach(self->vm, self->image, KEV_BOOT_DIRECT64, 2048));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_EQ(places[i].there ? -EEXIST : 0,
			  kt_add_ram(self->vm, places[i].gpa, 0x1000)) {
			TH_LOG("at %#llx", (unsigned long long)places[i].gpa);
		}
	}
}

/* What is RAM ends at the hole and goes on behind it. */
TEST_F(attach, memory_around_the_hole)
{
	/* 8 KiB more than fit below the hole */
	ASSERT_EQ(0, kt_attach(self->vm, self->image, KEV_BOOT_DIRECT64, 0xbffdc000 >> 10));
	EXPECT_EQ(-EEXIST, kt_add_ram(self->vm, 0xbffd9000, 0x1000));
	EXPECT_EQ(0, kt_add_ram(self->vm, 0xbffda000, 0x100000000 - 0xbffda000));
	EXPECT_EQ(-EEXIST, kt_add_ram(self->vm, 0x100000000, 0x1000));
	EXPECT_EQ(-EEXIST, kt_add_ram(self->vm, 0x100001000, 0x1000));
	EXPECT_EQ(0, kt_add_ram(self->vm, 0x100002000, 0x1000));
}

/* Store to the image's own page: with KEV_ATTACH_PROT the segment's flags decide. */
KT_CODE(writes_itself, "movb $1, 0f(%rip)\n mov $5, %edi\n" KT_HALT "0: .byte 0\n");

TEST_F(attach, rights_of_segments)
{
	size_t size = writes_itself.end - writes_itself.start;

	kt_elf_init(&self->elf, size);
	self->elf.phdr[0].p_flags = PF_R | PF_X;
	for (uint32_t flags = 0; flags <= KEV_ATTACH_PROT; flags++) {
		int fd = kt_elf_file(&self->elf, writes_itself.start, size);
		int vm = kt_create_vm(self->kev, 0, NULL);
		struct kev_attach_image args;
		struct kev_run *run;
		int vcpu;

		ASSERT_EQ(0, attach(vm, fd, flags, KEV_BOOT_DIRECT64, 2048, &args));
		vcpu = kt_create_vcpu(vm, 0);
		run = kt_map_run(vcpu);
		ASSERT_NE(NULL, run);
		EXPECT_EQ(0, kt_run(vcpu));
		if (flags) {
			EXPECT_EQ(KEV_EXIT_MEMORY, run->kind);
			EXPECT_EQ(KEV_MEM_WRITE, run->memory.access & KEV_MEM_WRITE);
			EXPECT_EQ(KEV_RUN_BACKED | KEV_RUN_RETRY, run->flags);
		} else {
			EXPECT_EQ(KEV_EXIT_VM_EXITED, run->kind);
			EXPECT_EQ(5, run->exit_code);
		}
		kt_unmap_run(run);
		close(vcpu);
		close(vm);
		close(fd);
	}
}

/* A file with a name: writers of a memfd are never counted. */
static int named_image(const struct kt_elf *elf, mode_t mode)
{
	int fd = open(IMAGE, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);
	ssize_t size = kt_halt.end - kt_halt.start;

	if (fd < 0)
		return -errno;
	if (write(fd, elf, sizeof(*elf)) != sizeof(*elf) ||
	    pwrite(fd, kt_halt.start, size, KT_CODE_OFFSET) != size) {
		close(fd);
		return -EIO;
	}
	close(fd);
	return open(IMAGE, O_RDONLY | O_CLOEXEC);
}

static int open_writer(void)
{
	int fd = open(IMAGE, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

TEST_F(attach, open_for_writing)
{
	int fd = named_image(&self->elf, 0755), writer = open_writer();
	struct kev_attach_image args;
	int both;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, writer);
	EXPECT_EQ(-ETXTBSY, attach(self->vm, fd, 0, KEV_BOOT_DIRECT64, 2048, &args));
	EXPECT_EQ(KEV_IMAGE_OK, args.problem);
	close(writer);
	both = open(IMAGE, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(-ETXTBSY, attach(self->vm, both, 0, KEV_BOOT_DIRECT64, 2048, &args));
	close(both);
	EXPECT_EQ(0, attach(self->vm, fd, 0, KEV_BOOT_DIRECT64, 2048, &args));
	close(fd);
}

TEST_F(attach, writers_wait_for_the_vm)
{
	int fd = named_image(&self->elf, 0755);
	int vcpu, writer;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kt_attach(self->vm, fd, KEV_BOOT_DIRECT64, 2048));
	EXPECT_EQ(-ETXTBSY, open_writer());
	close(fd);
	EXPECT_EQ(-ETXTBSY, open_writer());
	vcpu = kt_create_vcpu(self->vm, 0);
	ASSERT_LE(0, vcpu);
	ASSERT_EQ(0, kt_run(vcpu));
	/* The VM has ended, but it is still there. */
	ASSERT_EQ(KEV_VM_EXITED, kt_status(self->vm).state);
	EXPECT_EQ(-ETXTBSY, open_writer());
	close(self->vm);
	EXPECT_EQ(-ETXTBSY, open_writer());
	close(vcpu);
	writer = open_writer();
	EXPECT_LE(0, writer);
	close(writer);
}

TEST_F(attach, refused_image_keeps_no_writer_out)
{
	int fd, writer;

	self->elf.ehdr.e_machine = EM_386;
	fd = named_image(&self->elf, 0755);
	ASSERT_LE(0, fd);
	ASSERT_EQ(-ENOEXEC, kt_attach(self->vm, fd, KEV_BOOT_DIRECT64, 2048));
	writer = open_writer();
	EXPECT_LE(0, writer);
	close(writer);
	close(fd);
}

/*
 * A file that the caller could only read: nobody is kept from writing it, or
 * any reader of a log could do that.
 */
static const struct {
	mode_t mode;
	bool denies;
} modes[] = {
	{ 0644, false }, { 0744, false }, { 0755, true }, { 0654, true },
};

TEST_F(attach, only_a_runner_denies_writers)
{
	int root_writer, fd, vm;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		unlink(IMAGE);
		fd = named_image(&self->elf, modes[i].mode);
		ASSERT_LE(0, fd);
		root_writer = open_writer();
		ASSERT_LE(0, root_writer);
		vm = kt_create_vm(self->kev, 0, NULL);
		ASSERT_EQ(0, seteuid(65534));
		EXPECT_EQ(modes[i].denies ? -ETXTBSY : 0,
			  kt_attach(vm, fd, KEV_BOOT_DIRECT64, 2048)) {
			TH_LOG("mode %#o", modes[i].mode);
		}
		ASSERT_EQ(0, seteuid(0));
		close(root_writer);
		close(fd);
		close(vm);
	}
}

/* What the file's writer does shows only where the guest has not been yet. */
TEST_F(attach, touched_pages_are_a_copy)
{
	int vcpu, size = kt_halt.end - kt_halt.start;
	struct kev_run *run;

	ASSERT_EQ(0, kt_attach(self->vm, self->image, KEV_BOOT_DIRECT64, 2048));
	vcpu = kt_create_vcpu(self->vm, 0);
	run = kt_map_run(vcpu);
	ASSERT_NE(NULL, run);
	/* Nothing is loaded: this is what the guest will find. */
	ASSERT_EQ(size, pwrite(self->image, kt_halt.start, size, KT_CODE_OFFSET));
	ASSERT_EQ(0, ftruncate(self->image, KT_CODE_OFFSET));
	EXPECT_EQ(0, kt_run(vcpu));
	EXPECT_EQ(KEV_EXIT_MEMORY_ERROR, run->kind);
	EXPECT_EQ(EIO, run->error);
	EXPECT_EQ(KT_CODE_GPA, run->memory.gpa);
	EXPECT_EQ(KEV_RUN_RETRY | KEV_RUN_BACKED, run->flags);
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(self->vm).state);
	/* The bytes are back: the guest goes on. */
	ASSERT_EQ(size, pwrite(self->image, kt_halt.start, size, KT_CODE_OFFSET));
	EXPECT_EQ(0, kt_run(vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, run->kind);
	EXPECT_EQ(0x1234, run->exit_code);
	close(vcpu);
}

TEST_HARNESS_MAIN
