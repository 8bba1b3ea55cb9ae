// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_ADD_REGION. Guards that a region is refused or added as a whole, and
 * that the guest finds memory with the rights that were asked for where it was
 * asked for, and nowhere else.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

#define R	KEV_MEM_READ
#define W	KEV_MEM_WRITE
#define X	KEV_MEM_EXEC
#define RWX	(R | W | X)

FIXTURE(region) {
	int kev, vm;
	struct kev_query query;
};

FIXTURE_SETUP(region)
{
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->query.size = sizeof(self->query);
	ASSERT_EQ(0, kt_ioctl(self->kev, KEV_QUERY, &self->query));
	self->vm = kt_create_vm(self->kev, 0, NULL);
	ASSERT_LE(0, self->vm);
}

FIXTURE_TEARDOWN(region)
{
	close(self->vm);
	close(self->kev);
}

static long add(int vm, uint32_t flags, uint32_t kind, uint32_t prot, uint64_t gpa,
		uint64_t length)
{
	struct kev_add_region args = {
		.size = sizeof(args),
		.flags = flags,
		.kind = kind,
		.prot = prot,
		.gpa = gpa,
		.length = length,
	};

	return kt_ioctl(vm, KEV_VM_ADD_REGION, &args);
}

/* One fault at a time in a region that is else valid */
static const struct {
	const char *name;
	uint32_t flags, kind, prot;
	uint64_t gpa, length;
} invalid[] = {
	{ "flags", 1, KEV_REGION_RAM, RWX, 0x100000, 0x1000 },
	{ "last flag", 1U << 31, KEV_REGION_RAM, RWX, 0x100000, 0x1000 },
	{ "kind 0", 0, 0, RWX, 0x100000, 0x1000 },
	{ "first unknown kind", 0, 9, RWX, 0x100000, 0x1000 },
	{ "last kind", 0, ~0U, RWX, 0x100000, 0x1000 },
	{ "kind of an image", 0, KEV_REGION_IMAGE, RWX, 0x100000, 0x1000 },
	{ "kind of boot structures", 0, KEV_REGION_BOOT, RWX, 0x100000, 0x1000 },
	{ "no rights", 0, KEV_REGION_RAM, 0, 0x100000, 0x1000 },
	{ "unknown right", 0, KEV_REGION_RAM, RWX | 8, 0x100000, 0x1000 },
	{ "unaligned address", 0, KEV_REGION_RAM, RWX, 0x100800, 0x1000 },
	{ "odd address", 0, KEV_REGION_RAM, RWX, 0x100001, 0x1000 },
	{ "unaligned length", 0, KEV_REGION_RAM, RWX, 0x100000, 0x1800 },
	{ "odd length", 0, KEV_REGION_RAM, RWX, 0x100000, 1 },
	{ "no length", 0, KEV_REGION_RAM, RWX, 0x100000, 0 },
	{ "wraps to 0", 0, KEV_REGION_RAM, RWX, 0xfffffffffffff000, 0x1000 },
	{ "wraps beyond 0", 0, KEV_REGION_RAM, RWX, 0xfffffffffffff000, 0x2000 },
	{ "wraps by length", 0, KEV_REGION_RAM, RWX, 0x1000, 0xfffffffffffff000 },
	{ "far above the physical width", 0, KEV_REGION_RAM, RWX, 1ULL << 60, 0x1000 },
};

TEST_F(region, invalid)
{
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++) {
		EXPECT_EQ(-EINVAL, add(self->vm, invalid[i].flags, invalid[i].kind,
				       invalid[i].prot, invalid[i].gpa, invalid[i].length)) {
			TH_LOG("%s", invalid[i].name);
		}
	}
	/* Nothing is left of them. */
	EXPECT_EQ(0, kt_add_ram(self->vm, 0x100000, 0x2000));
}

TEST_F(region, physical_width)
{
	uint64_t width = 1ULL << self->query.phys_bits;

	EXPECT_EQ(-EINVAL, kt_add_ram(self->vm, width, 0x1000));
	EXPECT_EQ(-EINVAL, kt_add_ram(self->vm, width - 0x1000, 0x2000));
	EXPECT_EQ(-EINVAL, kt_add_ram(self->vm, 0, width + 0x1000));
	EXPECT_EQ(0, kt_add_ram(self->vm, width - 0x1000, 0x1000));
	/* All that is left: memory that nobody touches costs nothing. */
	EXPECT_EQ(0, kt_add_ram(self->vm, 0, width - 0x1000));
	EXPECT_EQ(0, kt_vm_stats(self->vm).resident_pages);
}

/* In the order of the table: what is added stays. */
static const struct {
	const char *name;
	uint64_t gpa, length;
	int result;
} overlaps[] = {
	{ "first", 0x10000, 0x4000, 0 },
	{ "the same", 0x10000, 0x4000, -EEXIST },
	{ "first page", 0x10000, 0x1000, -EEXIST },
	{ "last page", 0x13000, 0x1000, -EEXIST },
	{ "inside", 0x11000, 0x1000, -EEXIST },
	{ "around", 0xf000, 0x6000, -EEXIST },
	{ "over the start", 0xf000, 0x2000, -EEXIST },
	{ "over the end", 0x13000, 0x2000, -EEXIST },
	{ "ends at the start", 0xf000, 0x1000, 0 },
	{ "begins at the end", 0x14000, 0x1000, 0 },
	{ "far above", 0x100000000, 0x1000, 0 },
	{ "over all", 0, 0x200000000, -EEXIST },
};

TEST_F(region, overlaps)
{
	for (size_t i = 0; i < ARRAY_SIZE(overlaps); i++) {
		EXPECT_EQ(overlaps[i].result,
			  kt_add_ram(self->vm, overlaps[i].gpa, overlaps[i].length)) {
			TH_LOG("%s", overlaps[i].name);
		}
	}
}

TEST_F(region, max_regions)
{
	uint64_t gpa = 0;

	for (uint32_t i = 0; i < self->query.max_regions; i++, gpa += 0x2000) {
		ASSERT_EQ(0, kt_add_ram(self->vm, gpa, 0x1000));
	}
	EXPECT_EQ(-ENOSPC, kt_add_ram(self->vm, gpa, 0x1000));
}

/* An image takes several regions: it gets all of them or none. */
TEST_F(region, no_room_for_an_image)
{
	const uint64_t others = 4 * KT_MIB;
	struct kt_elf elf;
	int fd;

	kt_elf_init(&elf, kt_halt.end - kt_halt.start);
	fd = kt_elf_file(&elf, kt_halt.start, kt_halt.end - kt_halt.start);
	ASSERT_LE(0, fd);
	for (uint32_t i = 0; i < self->query.max_regions - 1; i++) {
		ASSERT_EQ(0, kt_add_ram(self->vm, others + i * 2 * KT_PAGE, KT_PAGE));
	}
	EXPECT_EQ(-ENOSPC, kt_attach(self->vm, fd, KEV_BOOT_DIRECT64, KT_RAM_KIB));
	EXPECT_EQ(0, kt_add_ram(self->vm, KT_CODE_GPA, KT_PAGE));
	EXPECT_EQ(-ENOSPC, kt_add_ram(self->vm, 0, KT_PAGE));
	for (uint32_t i = 0; i < self->query.max_regions - 1; i++) {
		ASSERT_EQ(0, kt_remove_region(self->vm, others + i * 2 * KT_PAGE, KT_PAGE));
	}
	ASSERT_EQ(0, kt_remove_region(self->vm, KT_CODE_GPA, KT_PAGE));
	EXPECT_EQ(0, kt_attach(self->vm, fd, KEV_BOOT_DIRECT64, KT_RAM_KIB));
	close(fd);
}

static const struct {
	const char *name;
	uint32_t prot;
	uint64_t feature;	/* without it: -EOPNOTSUPP; 0: always there, ~0: never */
} rights[] = {
	{ "R", R, 0 },
	{ "RW", R | W, 0 },
	{ "RX", R | X, 0 },
	{ "RWX", RWX, 0 },
	{ "W", W, ~0ULL },
	{ "WX", W | X, ~0ULL },
	{ "X", X, KEV_FEATURE_EPT_EXECUTE_ONLY },
};

TEST_F(region, rights)
{
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		bool there = !rights[i].feature || (rights[i].feature != ~0ULL &&
						    self->query.features & rights[i].feature);

		EXPECT_EQ(there ? 0 : -EOPNOTSUPP,
			  add(self->vm, 0, KEV_REGION_RAM, rights[i].prot, i * 0x1000, 0x1000)) {
			TH_LOG("%s", rights[i].name);
		}
	}
}

/*
 * The guest reads, writes or executes at 2 MiB. A read gives 0, which becomes
 * the exit code; what is executed there is a pair of zero bytes,
 * add %al, (%rax), with RAX at the data, and then nothing valid.
 */
KT_CODE(reads, "mov 0x200000, %rdi\n" KT_HALT);
KT_CODE(writes, "movq $7, 0x200ff8\n mov 0x200ff8, %rdi\n" KT_HALT);
KT_CODE(jumps, "mov $0x200000, %eax\n jmp *%rax\n");

static const struct access {
	const char *name;
	const struct kt_code *code;
	uint32_t prot;		/* of the region; 0: none is there */
	uint32_t refused;	/* the access that is reported, or 0 */
	uint64_t gpa;		/* where */
	uint64_t exit_code;	/* if it is not */
} accesses[] = {
	{ "read RAM", &reads, RWX, 0, 0, 0 },
	{ "read read-only", &reads, R, 0, 0, 0 },
	{ "read nothing", &reads, 0, R, 0x200000, 0 },
	{ "write RAM", &writes, RWX, 0, 0, 7 },
	{ "write RAM, not executable", &writes, R | W, 0, 0, 7 },
	{ "write read-only", &writes, R, W, 0x200ff8, 0 },
	{ "write read-execute", &writes, R | X, W, 0x200ff8, 0 },
	{ "write nothing", &writes, 0, W, 0x200ff8, 0 },
	{ "execute not executable", &jumps, R | W, X, 0x200000, 0 },
	{ "execute nothing", &jumps, 0, X, 0x200000, 0 },
};

static void check_access(struct __test_metadata *_metadata, const struct access *access)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, access->code, 0, NULL));
	if (access->prot) {
		ASSERT_EQ(0, add(guest.vm, 0, KEV_REGION_RAM, access->prot, 0x200000, 0x1000));
	}
	ASSERT_EQ(0, kt_run(guest.vcpu));
	if (!access->refused) {
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
		EXPECT_EQ(access->exit_code, guest.run->exit_code);
		kt_guest_fini(&guest);
		return;
	}
	EXPECT_EQ(KEV_EXIT_MEMORY, guest.run->kind);
	EXPECT_EQ(access->refused, guest.run->memory.access & access->refused);
	EXPECT_EQ(access->gpa, guest.run->memory.gpa);
	EXPECT_TRUE(guest.run->memory.gva_valid);
	EXPECT_EQ(access->gpa, guest.run->memory.gva);
	EXPECT_EQ(KEV_RUN_RETRY | (access->prot ? KEV_RUN_BACKED : 0), guest.run->flags);
	/* Nothing has changed: the same again. */
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_MEMORY, guest.run->kind);
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(guest.vm).state);
	kt_guest_fini(&guest);
}

TEST_F(region, accesses)
{
	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
		int failed = !_metadata->passed;

		check_access(_metadata, &accesses[i]);
		if (!_metadata->passed && !failed)
			TH_LOG("%s", accesses[i].name);
	}
}

/* Code that nobody may read is carried out nevertheless: mov 0x300000, %eax and hlt. */
TEST_F(region, execute_only)
{
	static const uint8_t code[] = { 0x8b, 0x04, 0x25, 0x00, 0x00, 0x30, 0x00, 0xf4 };
	struct kt_guest guest;

	if (!(self->query.features & KEV_FEATURE_EPT_EXECUTE_ONLY))
		SKIP(return, "the CPU has no execute-only pages");
	ASSERT_EQ(0, kt_guest_init(&guest, &jumps, 0, NULL));
	ASSERT_EQ(0, add(guest.vm, 0, KEV_REGION_RAM, X, 0x200000, 0x1000));
	ASSERT_EQ(0, add(guest.vm, 0, KEV_REGION_TRAP, 0, 0x300000, 0x1000));
	ASSERT_EQ(sizeof(code), kt_write_guest(guest.vm, 0x200000, code, sizeof(code)));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_MMIO, guest.run->kind);
	EXPECT_EQ(0x300000, guest.run->mmio.gpa);
	guest.run->mmio.data = 0x12345678;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, guest.run->kind);
	EXPECT_EQ(0x12345678, guest.run->gpr[KEV_RAX]);
	kt_guest_fini(&guest);
}

/* Memory that comes while the VM is there serves the access that was refused. */
TEST_F(region, added_after_report)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &writes, 0, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, guest.run->kind);
	ASSERT_EQ(0, kt_add_ram(guest.vm, 0x200000, 0x1000));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(7, guest.run->exit_code);
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
