// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_TRANSLATE, KEV_VM_READ, KEV_VM_WRITE: guest memory for tools and debuggers.
 * Guards that an address is followed as the guest's CPU would follow it in its paging
 * mode, that a look loads nothing but the guest's tables, and that what cannot be had
 * ends a copy with the bytes before it.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "kevtest.h"

#define R	KEV_MEM_READ
#define W	KEV_MEM_WRITE
#define X	KEV_MEM_EXEC
#define RWX	KT_RWX

/* The guest's tables; all that is behind the first 2 MiB of the boot protocol */
#define TABLES		0x400000UL
#define TABLE(n)	(TABLES + (n) * KT_PAGE)
#define NR_TABLES	16
/* A table of the guest that is in a file */
#define FILE_TABLE	0x500000UL
/* RAM: two pages with a hole between them, and a page of 2 MiB or 4 MiB */
#define FIRST		0x600000UL
#define HOLE		0x601000UL
#define SECOND		0x602000UL
#define TRAP		0x603000UL
#define LARGE		0x800000UL
#define FAR		0x40000000UL

#define P	1ULL
#define RW	2ULL
#define US	4ULL
#define PS	0x80ULL
#define XD	(1ULL << 63)
#define FULL	(P | RW | US)

FIXTURE(access) {
	struct kt_guest guest;
	struct kev_vcpu_state state;
	uint8_t *buffer;	/* two pages, and no access behind them */
};

static void write_entry(struct __test_metadata *_metadata, int vm, uint64_t at, uint64_t entry,
			size_t width)
{
	ASSERT_EQ(width, kt_write_guest(vm, at, &entry, width));
}

/* 4-level paging: the first table at TABLE(0) */
static const struct {
	unsigned int table, index;
	uint64_t entry;
} long_tables[] = {
	{ 0, 0, TABLE(1) | FULL },
	{ 0, 2, TABLE(4) | P | US },			/* read-only from the top */
	{ 0, 3, TABLE(1) | FULL | PS },			/* reserved bit */
	{ 0, 4, FAR | FULL },	/* no memory there */
	{ 0, 511, TABLE(1) | FULL },
	{ 1, 0, TABLE(2) | FULL },
	{ 1, 1, FAR | FULL | PS },
	{ 1, 3, FAR | FULL | PS | 0x2000 },		/* reserved bit */
	{ 2, 0, TABLE(3) | FULL },
	{ 2, 1, LARGE | FULL | PS },
	{ 2, 3, FILE_TABLE | FULL },
	{ 3, 0, FIRST | FULL },
	{ 3, 1, SECOND | FULL },
	{ 3, 2, FIRST | P | US },
	{ 3, 3, FIRST | FULL | XD },
	{ 3, 4, FIRST | P | RW },
	{ 3, 6, HOLE | FULL },
	{ 3, 7, TRAP | FULL },
	{ 3, 8, SECOND | FULL },
	{ 3, 10, FIRST | FULL },
	{ 3, 11, HOLE | FULL },
	{ 4, 0, TABLE(5) | FULL },
	{ 5, 0, TABLE(6) | FULL },
	{ 6, 0, FIRST | FULL },
};

/* 32-bit paging: the first table at TABLE(8) */
static const struct {
	unsigned int table, index;
	uint32_t entry;
} small_tables[] = {
	{ 8, 0, TABLE(9) | FULL },
	{ 8, 1, LARGE | FULL | PS },
	{ 8, 3, TABLE(9) | P | US },
	{ 9, 0, FIRST | FULL },
	{ 9, 1, SECOND | P },
	{ 9, 2, HOLE | FULL },
};

/* 5-level paging: the first table at TABLE(7), which leads to 4 levels */
#define TOP_TABLE	7

FIXTURE_SETUP(access)
{
	uint64_t entries[512] = { SECOND | FULL, LARGE | FULL };
	int vm, fd;

	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_spin_if, 0, NULL));
	vm = self->guest.vm;
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_CONTROLS, &self->state));
	ASSERT_EQ(0, kt_add_ram(vm, TABLES, NR_TABLES * KT_PAGE));
	fd = kt_memfile(entries, sizeof(entries));
	ASSERT_EQ(0, kt_add_file(vm, FILE_TABLE, KT_PAGE, fd, 0, KT_PAGE));
	close(fd);
	ASSERT_EQ(0, kt_add_ram(vm, FIRST, KT_PAGE));
	ASSERT_EQ(0, kt_add_region(vm, KEV_REGION_RAM, R, SECOND, KT_PAGE));
	ASSERT_EQ(0, kt_add_region(vm, KEV_REGION_TRAP, 0, TRAP, KT_PAGE));
	ASSERT_EQ(0, kt_add_ram(vm, LARGE, 4 * KT_MIB));
	for (size_t i = 0; i < ARRAY_SIZE(long_tables); i++)
		write_entry(_metadata, vm, TABLE(long_tables[i].table) + 8 * long_tables[i].index,
			    long_tables[i].entry, 8);
	for (size_t i = 0; i < ARRAY_SIZE(small_tables); i++)
		write_entry(_metadata, vm,
			    TABLE(small_tables[i].table) + 4 * small_tables[i].index,
			    small_tables[i].entry, 4);
	write_entry(_metadata, vm, TABLE(TOP_TABLE), TABLE(0) | FULL, 8);
	self->buffer = mmap(NULL, 3 * KT_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->buffer);
	ASSERT_EQ(0, mprotect(self->buffer + 2 * KT_PAGE, KT_PAGE, PROT_NONE));
}

FIXTURE_TEARDOWN(access)
{
	kt_guest_fini(&self->guest);
}

static long translate(int vm, uint32_t flags, uint64_t address, struct kev_translate *args)
{
	memset(args, 0xa5, sizeof(*args));
	args->size = sizeof(*args);
	args->flags = flags;
	args->vcpu_id = 0;
	args->address = address;
	return kt_ioctl(vm, KEV_VM_TRANSLATE, args);
}

/* Guest-physical addresses; 0 is a page of the boot protocol. */
static const struct {
	const char *name;
	uint64_t gpa;
	uint32_t state, kind, prot;
} physical[] = {
	{ "absent", HOLE, KEV_PAGE_ABSENT, 0, 0 },
	{ "far above", ~0ULL, KEV_PAGE_ABSENT, 0, 0 },
	{ "trap", TRAP + 5, KEV_PAGE_ABSENT, KEV_REGION_TRAP, 0 },
	{ "lazy RAM", LARGE + 0x123456, KEV_PAGE_LAZY, KEV_REGION_RAM, RWX },
	{ "read-only RAM", SECOND, KEV_PAGE_LAZY, KEV_REGION_RAM, R },
	{ "lazy file", FILE_TABLE, KEV_PAGE_LAZY, KEV_REGION_FILE, RWX },
	{ "lazy image", KT_CODE_GPA, KEV_PAGE_LAZY, KEV_REGION_IMAGE, RWX },
	{ "resident", TABLES, KEV_PAGE_RESIDENT, KEV_REGION_RAM, RWX },
};

TEST_F(access, physical)
{
	struct kev_vm_stats before = kt_vm_stats(self->guest.vm);
	struct kev_translate args;

	/* Twice: a look changes nothing. */
	for (size_t i = 0; i < 2 * ARRAY_SIZE(physical); i++) {
		size_t n = i % ARRAY_SIZE(physical);

		ASSERT_EQ(0, translate(self->guest.vm, 0, physical[n].gpa, &args));
		EXPECT_EQ(physical[n].state, args.state) {
			TH_LOG("%s", physical[n].name);
		}
		EXPECT_EQ(physical[n].kind, args.kind);
		EXPECT_EQ(physical[n].prot, args.region_prot);
		EXPECT_EQ(physical[n].gpa, args.address);
		EXPECT_EQ(physical[n].gpa, args.gpa);
		EXPECT_EQ(4096, args.page_size);
		EXPECT_EQ(RWX, args.prot);
		EXPECT_EQ(0, args.level);
		EXPECT_EQ(1, args.mapped);
	}
	EXPECT_EQ(before.resident_pages, kt_vm_stats(self->guest.vm).resident_pages);
	EXPECT_EQ(before.faults, kt_vm_stats(self->guest.vm).faults);
}

enum mode { UNPAGED, SMALL, SMALL_NO_PSE, LONG, LONG5, NR_MODES };

static const struct {
	uint64_t cr0, cr3, cr4, efer;
} modes[NR_MODES] = {
	[UNPAGED] = { 0x33, 0, 0x600, 0 },
	[SMALL] = { 0x80000033, TABLE(8), 0x610, 0 },
	[SMALL_NO_PSE] = { 0x80000033, TABLE(8), 0x600, 0 },
	[LONG] = { 0x80010033, TABLE(0), 0x620, 0xd00 },
	[LONG5] = { 0x80010033, TABLE(TOP_TABLE), 0x1620, 0xd00 },
};

static int set_mode(struct kt_guest *guest, const struct kev_vcpu_state *boot, enum mode mode)
{
	struct kev_vcpu_state state = *boot;

	state.controls.cr0 = modes[mode].cr0;
	state.controls.cr3 = modes[mode].cr3;
	state.controls.cr4 = modes[mode].cr4;
	state.controls.efer = modes[mode].efer;
	return kt_set_state(guest->vcpu, KEV_STATE_CONTROLS, &state);
}

#define LONG_GVA(l4, l3, l2, l1)	((uint64_t)(l4) << 39 | (uint64_t)(l3) << 30 |	\
					 (l2) << 21 | (l1) << 12)

static const struct {
	const char *name;
	enum mode mode;
	uint64_t gva;
	uint64_t gpa, page_size;	/* page_size 0: not mapped */
	uint32_t prot, level, user, state, kind;
} virtual[] = {
	{ "unpaged", UNPAGED, FIRST + 7, FIRST + 7, 4096, RWX, 0, 1, KEV_PAGE_LAZY,
	  KEV_REGION_RAM },
	{ "unpaged, hole", UNPAGED, HOLE, HOLE, 4096, RWX, 0, 1, KEV_PAGE_ABSENT, 0 },
	{ "unpaged, last byte", UNPAGED, 0xffffffff, 0xffffffff, 4096, RWX, 0, 1,
	  KEV_PAGE_ABSENT, 0 },
	{ "unpaged, 4 GiB", UNPAGED, 1ULL << 32, .level = 0 },

	{ "32-bit, 4 KiB", SMALL, 0x123, FIRST + 0x123, 4096, RWX, 1, 1, KEV_PAGE_LAZY,
	  KEV_REGION_RAM },
	{ "32-bit, supervisor, read-only", SMALL, 0x1001, SECOND + 1, 4096, R | X, 1, 0,
	  KEV_PAGE_LAZY, KEV_REGION_RAM },
	{ "32-bit, hole", SMALL, 0x2000, HOLE, 4096, RWX, 1, 1, KEV_PAGE_ABSENT, 0 },
	{ "32-bit, entry not present", SMALL, 0x3000, .level = 1 },
	{ "32-bit, 4 MiB", SMALL, 0x723456, LARGE + 0x323456, 4 * KT_MIB, RWX, 2, 1,
	  KEV_PAGE_LAZY, KEV_REGION_RAM },
	{ "32-bit, no table", SMALL, 0x800000, .level = 2 },
	{ "32-bit, read-only from the top", SMALL, 0xc00000, FIRST, 4096, R | X, 1, 1,
	  KEV_PAGE_LAZY, KEV_REGION_RAM },
	{ "32-bit, above 4 GiB", SMALL, 1ULL << 32, .level = 0 },

	{ "4 KiB", LONG, LONG_GVA(0, 0, 0, 0) + 0xfff, FIRST + 0xfff, 4096, RWX, 1, 1,
	  KEV_PAGE_LAZY, KEV_REGION_RAM },
	{ "read-only", LONG, LONG_GVA(0, 0, 0, 2), FIRST, 4096, R | X, 1, 1, KEV_PAGE_LAZY,
	  KEV_REGION_RAM },
	{ "not executable", LONG, LONG_GVA(0, 0, 0, 3), FIRST, 4096, R | W, 1, 1, KEV_PAGE_LAZY,
	  KEV_REGION_RAM },
	{ "supervisor", LONG, LONG_GVA(0, 0, 0, 4), FIRST, 4096, RWX, 1, 0, KEV_PAGE_LAZY,
	  KEV_REGION_RAM },
	{ "not present at level 1", LONG, LONG_GVA(0, 0, 0, 5), .level = 1 },
	{ "no memory", LONG, LONG_GVA(0, 0, 0, 6), HOLE, 4096, RWX, 1, 1, KEV_PAGE_ABSENT, 0 },
	{ "trap", LONG, LONG_GVA(0, 0, 0, 7), TRAP, 4096, RWX, 1, 1, KEV_PAGE_ABSENT,
	  KEV_REGION_TRAP },
	{ "2 MiB", LONG, LONG_GVA(0, 0, 1, 0) + 0x12345, LARGE + 0x12345, 2 * KT_MIB, RWX, 2, 1,
	  KEV_PAGE_LAZY, KEV_REGION_RAM },
	{ "not present at level 2", LONG, LONG_GVA(0, 0, 2, 0), .level = 2 },
	{ "table in a file", LONG, LONG_GVA(0, 0, 3, 1) + 8, LARGE + 8, 4096, RWX, 1, 1,
	  KEV_PAGE_LAZY, KEV_REGION_RAM },
	{ "1 GiB", LONG, LONG_GVA(0, 1, 3, 4) + 5, FAR + LONG_GVA(0, 0, 3, 4) + 5, 1UL << 30, RWX,
	  3, 1, KEV_PAGE_ABSENT, 0 },
	{ "not present at level 3", LONG, LONG_GVA(0, 2, 0, 0), .level = 3 },
	{ "reserved bit at level 3", LONG, LONG_GVA(0, 3, 0, 0), .level = 3 },
	{ "not present at level 4", LONG, LONG_GVA(1, 0, 0, 0), .level = 4 },
	{ "read-only from the top", LONG, LONG_GVA(2, 0, 0, 0), FIRST, 4096, R | X, 1, 1,
	  KEV_PAGE_LAZY, KEV_REGION_RAM },
	{ "reserved bit at level 4", LONG, LONG_GVA(3, 0, 0, 0), .level = 4 },
	{ "table where no memory is", LONG, LONG_GVA(4, 0, 0, 0), .level = 3 },
	{ "upper half", LONG, 0xffffff8000000000, FIRST, 4096, RWX, 1, 1, KEV_PAGE_LAZY,
	  KEV_REGION_RAM },
	{ "not canonical", LONG, 0x0000800000000000, .level = 0 },
	{ "not canonical from below", LONG, 0xffff7fffffffffff, .level = 0 },

	{ "5 levels", LONG5, 5, FIRST + 5, 4096, RWX, 1, 1, KEV_PAGE_LAZY, KEV_REGION_RAM },
	{ "not present at level 5", LONG5, 1ULL << 48, .level = 5 },
	{ "5 levels, not canonical", LONG5, 1ULL << 56, .level = 0 },

	/*
	 * Without CR4.PSE the large page is a table: LARGE, which is zeros, and
	 * is loaded for it.
	 */
	{ "32-bit, no large pages", SMALL_NO_PSE, 0x723456, .level = 1 },
};

TEST_F(access, virtual)
{
	uint32_t tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(virtual); i++) {
		struct kev_translate args;

		/* The CPU may not offer 5 levels, nor a guest that does not page. */
		if (set_mode(&self->guest, &self->state, virtual[i].mode)) {
			EXPECT_TRUE(virtual[i].mode == LONG5 || virtual[i].mode == UNPAGED);
			continue;
		}
		tried++;
		ASSERT_EQ(0, translate(self->guest.vm, KEV_ADDRESS_GVA, virtual[i].gva, &args)) {
			TH_LOG("%s", virtual[i].name);
		}
		EXPECT_EQ(virtual[i].page_size != 0, args.mapped) {
			TH_LOG("%s: mapped", virtual[i].name);
		}
		EXPECT_EQ(virtual[i].gpa, args.gpa) {
			TH_LOG("%s: gpa", virtual[i].name);
		}
		EXPECT_EQ(virtual[i].page_size, args.page_size) {
			TH_LOG("%s: page_size", virtual[i].name);
		}
		EXPECT_EQ(virtual[i].prot, args.prot) {
			TH_LOG("%s: prot", virtual[i].name);
		}
		EXPECT_EQ(virtual[i].level, args.level) {
			TH_LOG("%s: level", virtual[i].name);
		}
		EXPECT_EQ(virtual[i].user, args.user) {
			TH_LOG("%s: user", virtual[i].name);
		}
		EXPECT_EQ(virtual[i].state, args.state) {
			TH_LOG("%s: state", virtual[i].name);
		}
		EXPECT_EQ(virtual[i].kind, args.kind) {
			TH_LOG("%s: kind", virtual[i].name);
		}
	}
	EXPECT_LE(ARRAY_SIZE(virtual) - 7, tried);
}

/* The guest's tables are read, the page they lead to is not. */
TEST_F(access, loads_tables_only)
{
	struct kev_translate args;

	ASSERT_EQ(0, set_mode(&self->guest, &self->state, LONG));
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(self->guest.vm, FILE_TABLE));
	ASSERT_EQ(0, translate(self->guest.vm, KEV_ADDRESS_GVA, LONG_GVA(0, 0, 3, 1), &args));
	EXPECT_EQ(LARGE, args.gpa);
	EXPECT_EQ(KEV_PAGE_LAZY, args.state);
	EXPECT_EQ(KEV_PAGE_RESIDENT, kt_page_state(self->guest.vm, FILE_TABLE));
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(self->guest.vm, LARGE));
}

/* What the three calls refuse; all three take the same fields for it. */
TEST_F(access, arguments)
{
	const struct {
		const char *name;
		unsigned long cmd;
		uint32_t size;
	} calls[] = {
		{ "TRANSLATE", KEV_VM_TRANSLATE, sizeof(struct kev_translate) },
		{ "READ", KEV_VM_READ, sizeof(struct kev_access) },
		{ "WRITE", KEV_VM_WRITE, sizeof(struct kev_access) },
	};
	const struct {
		const char *name;
		uint32_t flags, vcpu_id;
		int result;
	} cases[] = {
		{ "gpa", 0, 0, 0 },
		{ "gva", KEV_ADDRESS_GVA, 0, 0 },
		{ "unknown flag", 2, 0, -EINVAL },
		{ "last flag", 1U << 31, 0, -EINVAL },
		{ "a known and an unknown flag", KEV_ADDRESS_GVA | 4, 0, -EINVAL },
		{ "gpa of a vCPU", 0, 1, -EINVAL },
		{ "no such vCPU", KEV_ADDRESS_GVA, 1, -ENOENT },
		{ "impossible vCPU", KEV_ADDRESS_GVA, ~0U, -ENOENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(cases); j++) {
			union {
				struct kev_translate translate;
				struct kev_access access;
			} args = { .access = {
				.size = calls[i].size,
				.flags = cases[j].flags,
				.vcpu_id = cases[j].vcpu_id,
			} };

			EXPECT_EQ(cases[j].result, kt_ioctl(self->guest.vm, calls[i].cmd, &args)) {
				TH_LOG("%s: %s", calls[i].name, cases[j].name);
			}
		}
	}
	for (size_t i = 1; i < ARRAY_SIZE(calls); i++) {
		const struct kev_access args = { .size = sizeof(args), .reserved = 1 };

		EXPECT_EQ(-EINVAL, kt_ioctl(self->guest.vm, calls[i].cmd, &args));
	}
}

static const unsigned long directions[] = { KEV_VM_READ, KEV_VM_WRITE };

static long copy(int vm, unsigned long cmd, uint32_t flags, uint64_t address, const void *buffer,
		 uint64_t length)
{
	struct kev_access args = {
		.size = sizeof(args),
		.flags = flags,
		.address = address,
		.buffer = (uintptr_t)buffer,
		.length = length,
		.done = 0x5a5a,
	};
	long ret = kt_ioctl(vm, cmd, &args);

	return ret ? ret : (long)args.done;
}

#define GVA	KEV_ADDRESS_GVA

/* Lengths and ends: bytes, or an errno; the same for both directions */
static const struct {
	const char *name;
	uint32_t flags;
	uint64_t address, length;
	long result;
} copies[] = {
	{ "nothing", 0, FIRST, 0, 0 },
	{ "nothing where nothing is", 0, HOLE, 0, 0 },
	{ "a byte", 0, FIRST, 1, 1 },
	{ "a page", 0, FIRST, KT_PAGE, KT_PAGE },
	{ "into the hole", 0, FIRST + KT_PAGE - 3, 10, 3 },
	{ "a page and a byte", 0, FIRST, KT_PAGE + 1, KT_PAGE },
	{ "hole", 0, HOLE, 10, -ENOENT },
	{ "out of the hole", 0, SECOND - 3, 10, -ENOENT },
	{ "trap", 0, TRAP, 1, -EACCES },
	{ "into the trap", 0, SECOND + KT_PAGE - 3, 10, 3 },
	{ "above the physical width", 0, 1ULL << 52, 1, -ENOENT },
	{ "at the end of the addresses", 0, ~0ULL, 10, -ENOENT },
	{ "two pages", 0, LARGE + 1, 2 * KT_PAGE, 2 * KT_PAGE },
	{ "read-only region", 0, SECOND, 10, 10 },
	{ "lazy file", 0, FILE_TABLE + KT_PAGE - 9, 10, 9 },

	{ "gva: nothing", GVA, LONG_GVA(0, 0, 0, 5), 0, 0 },
	{ "gva: a page", GVA, LONG_GVA(0, 0, 0, 0), KT_PAGE, KT_PAGE },
	{ "gva: across pages that are apart", GVA, LONG_GVA(0, 0, 0, 0) + 100, KT_PAGE, KT_PAGE },
	{ "gva: read-only and supervisor", GVA, LONG_GVA(0, 0, 0, 2), 3 * KT_PAGE / 2,
	  3 * KT_PAGE / 2 },
	{ "gva: into what is not present", GVA, LONG_GVA(0, 0, 0, 4) + KT_PAGE - 5, 10, 5 },
	{ "gva: not present", GVA, LONG_GVA(0, 0, 0, 5), 10, -ENOENT },
	{ "gva: no memory", GVA, LONG_GVA(0, 0, 0, 6), 10, -ENOENT },
	{ "gva: trap", GVA, LONG_GVA(0, 0, 0, 7), 10, -ENOENT },
	{ "gva: into no memory", GVA, LONG_GVA(0, 0, 0, 10) + KT_PAGE - 7, 10, 7 },
	{ "gva: end of 2 MiB", GVA, LONG_GVA(0, 0, 2, 0) - 2, 10, 2 },
	{ "gva: inside 2 MiB", GVA, LONG_GVA(0, 0, 1, 5) - 2, KT_PAGE, KT_PAGE },
	{ "gva: table in a file", GVA, LONG_GVA(0, 0, 3, 1), 10, 10 },
	{ "gva: not canonical", GVA, 1ULL << 47, 10, -ENOENT },
	{ "gva: into not canonical", GVA, (1ULL << 47) - 1, 10, -ENOENT },
	{ "gva: last byte", GVA, ~0ULL, 10, -ENOENT },
};

TEST_F(access, copies)
{
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		for (size_t d = 0; d < ARRAY_SIZE(directions); d++) {
			ASSERT_EQ(0, set_mode(&self->guest, &self->state, LONG));
			EXPECT_EQ(copies[i].result,
				  copy(self->guest.vm, directions[d], copies[i].flags,
				       copies[i].address, self->buffer, copies[i].length)) {
				TH_LOG("%s, direction %zu", copies[i].name, d);
			}
			/* A copy into the guest of zeros may have hit what others look for. */
			ASSERT_EQ(8, kt_write_guest(self->guest.vm, FILE_TABLE + 8,
						    &(uint64_t){ LARGE | FULL }, 8));
		}
	}
}

/* The bytes are the right ones, wherever they lie. */
TEST_F(access, bytes)
{
	const uint64_t gva = LONG_GVA(0, 0, 0, 0);
	uint8_t bytes[2 * KT_PAGE];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 11 + i / 256;
	ASSERT_EQ(0, set_mode(&self->guest, &self->state, LONG));
	ASSERT_EQ(sizeof(bytes), copy(self->guest.vm, KEV_VM_WRITE, GVA, gva, bytes,
				      sizeof(bytes)));
	ASSERT_EQ(KT_PAGE, kt_read_guest(self->guest.vm, FIRST, self->buffer, KT_PAGE));
	EXPECT_EQ(0, memcmp(bytes, self->buffer, KT_PAGE));
	ASSERT_EQ(KT_PAGE, kt_read_guest(self->guest.vm, SECOND, self->buffer, KT_PAGE));
	EXPECT_EQ(0, memcmp(bytes + KT_PAGE, self->buffer, KT_PAGE));
	ASSERT_EQ(1000, copy(self->guest.vm, KEV_VM_READ, GVA, gva + KT_PAGE - 500, self->buffer,
			     1000));
	EXPECT_EQ(0, memcmp(bytes + KT_PAGE - 500, self->buffer, 1000));
	/* Not a byte more */
	memset(self->buffer, 0xa5, 32);
	ASSERT_EQ(3, kt_read_guest(self->guest.vm, FIRST + KT_PAGE - 3, self->buffer, 10));
	EXPECT_EQ(0xa5, self->buffer[3]);
	EXPECT_EQ(0, memcmp(bytes + KT_PAGE - 3, self->buffer, 3));
}

/* The caller's buffer ends before the guest's memory. */
TEST_F(access, bad_buffers)
{
	uint8_t *end = self->buffer + 2 * KT_PAGE;
	const struct {
		const char *name;
		uint8_t *buffer;
		uint64_t length;
		long result;
	} cases[] = {
		{ "no access", end, 1, -EFAULT },
		{ "NULL", NULL, 1, -EFAULT },
		{ "the kernel's", (void *)0xffff888000000000, 8, -EFAULT },
		{ "ends inside the first page", end - 10, KT_PAGE, -EFAULT },
		{ "ends behind the first page", end - KT_PAGE, 2 * KT_PAGE, KT_PAGE },
		{ "ends inside the second page", end - KT_PAGE - 10, 2 * KT_PAGE, KT_PAGE },
		{ "as long as can be said", end - 2 * KT_PAGE, ~0ULL, 2 * KT_PAGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t d = 0; d < ARRAY_SIZE(directions); d++) {
			EXPECT_EQ(cases[i].result, copy(self->guest.vm, directions[d], 0, LARGE,
							cases[i].buffer, cases[i].length)) {
				TH_LOG("%s, direction %zu", cases[i].name, d);
			}
		}
	}
}

/* A running vCPU has no registers to go by; physical memory is there all the time. */
TEST_F(access, running)
{
	struct kev_translate args;
	struct kt_runner runner;
	uint64_t value = 0x1234, read = 0;

	ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, -1));
	EXPECT_EQ(-EBUSY, translate(self->guest.vm, KEV_ADDRESS_GVA, 0, &args));
	for (size_t d = 0; d < ARRAY_SIZE(directions); d++) {
		EXPECT_EQ(-EBUSY, copy(self->guest.vm, directions[d], GVA, 0, &value, 8));
	}
	EXPECT_EQ(0, translate(self->guest.vm, 0, TABLES, &args));
	EXPECT_EQ(KEV_PAGE_RESIDENT, args.state);
	EXPECT_EQ(8, kt_write_guest(self->guest.vm, FIRST, &value, 8));
	EXPECT_EQ(8, kt_read_guest(self->guest.vm, FIRST, &read, 8));
	EXPECT_EQ(value, read);
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	EXPECT_EQ(0, translate(self->guest.vm, KEV_ADDRESS_GVA, KT_CODE_GPA, &args));
	EXPECT_EQ(KT_CODE_GPA, args.gpa);
}

/* The next one of the VM's vCPUs has tables of its own. */
TEST_F(access, of_a_vcpu)
{
	struct kev_translate args = {
		.size = sizeof(args),
		.flags = KEV_ADDRESS_GVA,
		.vcpu_id = 5,
		.address = LONG_GVA(0, 0, 0, 0) + 1,
	};
	struct kt_guest other = { .vcpu = kt_create_vcpu(self->guest.vm, 5) };

	ASSERT_LE(0, other.vcpu);
	ASSERT_EQ(0, set_mode(&other, &self->state, LONG));
	ASSERT_EQ(0, kt_ioctl(self->guest.vm, KEV_VM_TRANSLATE, &args));
	EXPECT_EQ(FIRST + 1, args.gpa);
	args.vcpu_id = 0;
	ASSERT_EQ(0, kt_ioctl(self->guest.vm, KEV_VM_TRANSLATE, &args));
	EXPECT_EQ(1, args.gpa);
	close(other.vcpu);
}

TEST_HARNESS_MAIN
