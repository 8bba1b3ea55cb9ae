// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC as a page of memory. Guards that each register does what the SDM says, by
 * accesses of 32 bits at its place and by no others; that messages in the format of this
 * mode reach those that are meant; and what becomes of the page where there is memory.
 */
#include "kselftest_harness.h"

#include <unistd.h>

#include "script.h"
#include "traps.h"

#define APIC		0xfee00000UL
/* Another id than the one of all registers that are zero */
#define ID		5

enum op { LOAD_1, LOAD_2, LOAD_4, LOAD_8, STORE_1, STORE_2, STORE_4, STORE_8, NR_OPS };

KT_TRAPS(guest,
	 "load1: mov (%rdi), %al\n" KT_SAY_END "load2: mov (%rdi), %ax\n" KT_SAY_END
	 "load4: mov (%rdi), %eax\n" KT_SAY_END "load8: mov (%rdi), %rax\n" KT_SAY_END
	 "store1: mov %al, (%rdi)\n" KT_SAY_END "store2: mov %ax, (%rdi)\n" KT_SAY_END
	 "store4: mov %eax, (%rdi)\n" KT_SAY_END "store8: mov %rax, (%rdi)\n" KT_SAY_END
	 "adds: addl $0x10, (%rdi)\n" KT_SAY_END
	 "executes: jmp *%rdi\n"
	 "window: sti\n nop\n window_at: nop\n cli\n" KT_SAY_END);

KT_LABEL(load1); KT_LABEL(load2); KT_LABEL(load4); KT_LABEL(load8); KT_LABEL(store1);
KT_LABEL(store2); KT_LABEL(store4); KT_LABEL(store8); KT_LABEL(adds); KT_LABEL(executes);
KT_LABEL(window); KT_LABEL(window_at);

static const char *const labels[NR_OPS] = {
	load1, load2, load4, load8, store1, store2, store4, store8,
};

FIXTURE(xapic) {
	struct kt_guest guest;
	struct kev_run *run;
	int vm, vcpu;
};

FIXTURE_SETUP(xapic)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, 0, NULL));
	self->vm = self->guest.vm;
	self->vcpu = kt_create_vcpu(self->vm, ID);
	ASSERT_LE(0, self->vcpu);
	self->run = kt_map_run(self->vcpu);
	ASSERT_NE(NULL, self->run);
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_SEGMENTS | KEV_STATE_MSRS, &state));
	state.segments.idt = (struct kev_table) { .base = KT_TRAPS_IDT, .limit = 0xfff };
	state.msrs.apic_base = APIC | 0x800;
	ASSERT_EQ(0, kt_set_state(self->vcpu, state.groups, &state));
}

FIXTURE_TEARDOWN(xapic)
{
	kt_unmap_run(self->run);
	close(self->vcpu);
	kt_guest_fini(&self->guest);
}

/* Run the code at a label to its first report. */
static long run_at(FIXTURE_DATA(xapic) *self, const char *label, uint64_t address, uint64_t value)
{
	struct kev_vcpu_state state = {
		.gprs = {
			.rip = kt_label(&guest, label), .rflags = 2,
			.gpr[KEV_RSP] = KT_TRAPS_STACK, .gpr[KEV_RDI] = address,
			.gpr[KEV_RAX] = value,
		},
	};
	long ret = kt_set_state(self->vcpu, KEV_STATE_GPRS, &state);

	return ret ?: kt_run(self->vcpu);
}

/* One access; 0, or another report than that of its end, or an errno */
static long access_at(FIXTURE_DATA(xapic) *self, enum op op, uint64_t address, uint64_t *value)
{
	long ret = run_at(self, labels[op], address, *value);

	if (ret)
		return ret;
	if (self->run->kind != KEV_EXIT_IO || self->run->io.port != KT_AT_END)
		return self->run->kind;
	*value = self->run->gpr[KEV_RAX];
	return 0;
}

static long store(FIXTURE_DATA(xapic) *self, unsigned int offset, uint32_t value)
{
	uint64_t data = value;

	return access_at(self, STORE_4, APIC + offset, &data);
}

/* A register, or an error that is none */
static uint64_t load(FIXTURE_DATA(xapic) *self, unsigned int offset)
{
	uint64_t value = ~0ULL;

	return access_at(self, LOAD_4, APIC + offset, &value) ? ~0ULL : value;
}

/*
 * One register for each row, and in their order: what it is after reset, what is written,
 * and what it is then.
 */
static const struct {
	const char *name;
	unsigned int offset;
	uint32_t reset, written, after;
} registers[] = {
	{ "nothing at 0", 0, 0, ~0U, 0 },
	{ "id", 0x20, ID << 24, 9U << 24, ID << 24 },
	{ "version", 0x30, 0x50014, 0, 0x50014 },
	{ "nothing at 0x40", 0x40, 0, ~0U, 0 },
	{ "TPR", 0x80, 0, 0xffffff5a, 0x5a },
	{ "APR", 0x90, 0, ~0U, 0 },
	{ "PPR", 0xa0, 0x5a, 0, 0x5a },
	{ "TPR again", 0x80, 0x5a, 0, 0 },
	{ "EOI", 0xb0, 0, ~0U, 0 },
	{ "RRD", 0xc0, 0, ~0U, 0 },
	{ "LDR", 0xd0, 0, 0x12345678, 0x12000000 },
	{ "DFR", 0xe0, ~0U, 0x01234567, 0x0fffffff },
	{ "LVT while software-disabled", 0x350, 0x10000, 0x700, 0x10700 },
	{ "SVR", 0xf0, 0xff, ~0U, 0x3ff },
	{ "ISR", 0x100, 0, ~0U, 0 },
	{ "ISR, last", 0x170, 0, ~0U, 0 },
	{ "TMR", 0x180, 0, ~0U, 0 },
	{ "TMR, last", 0x1f0, 0, ~0U, 0 },
	{ "IRR", 0x200, 0, ~0U, 0 },
	{ "IRR, last", 0x270, 0, ~0U, 0 },
	{ "ESR", 0x280, 0, ~0U, 0 },
	{ "CMCI", 0x2f0, 0, 0x40, 0 },
	{ "ICR, upper half", 0x310, 0, 0x12345678, 0x12000000 },
	{ "ICR to nobody", 0x300, 0, 0x5040, 0x4040 },
	{ "timer", 0x320, 0x10000, ~0U, 0x700ff },
	{ "thermal", 0x330, 0x10000, ~0U, 0x107ff },
	{ "performance", 0x340, 0x10000, ~0U, 0x107ff },
	{ "LINT0", 0x350, 0x10700, ~0U, 0x1a7ff },
	{ "LINT0, not masked", 0x350, 0x1a7ff, 0x700, 0x700 },
	{ "LINT1", 0x360, 0x10000, ~0U, 0x1a7ff },
	{ "error", 0x370, 0x10000, ~0U, 0x100ff },
	{ "timer, masked", 0x320, 0x700ff, 0x10040, 0x10040 },
	{ "initial count", 0x380, 0, 0, 0 },
	{ "current count", 0x390, 0, ~0U, 0 },
	{ "divide", 0x3e0, 0, ~0U, 0xb },
	{ "SELF IPI", 0x3f0, 0, 0x41, 0 },
	{ "IRR of that", 0x220, 0, 0, 0 },
	{ "nothing at 0x400", 0x400, 0, ~0U, 0 },
	{ "nothing at the end", 0xff0, 0, ~0U, 0 },
	/* Software disables it. */
	{ "SVR, disabled", 0xf0, 0x3ff, 0xff, 0xff },
	{ "LINT0 is masked", 0x350, 0x10700, 0x10700, 0x10700 },
	{ "LDR is as it was", 0xd0, 0x12000000, 0, 0 },
};

TEST_F(xapic, registers)
{
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
		EXPECT_EQ(registers[i].reset, load(self, registers[i].offset)) {
			TH_LOG("%s", registers[i].name);
		}
		EXPECT_EQ(0, store(self, registers[i].offset, registers[i].written));
		EXPECT_EQ(registers[i].after, load(self, registers[i].offset)) {
			TH_LOG("%s, written", registers[i].name);
		}
	}
	EXPECT_EQ(0, kt_vcpu_stats(self->vcpu).io - 3 * ARRAY_SIZE(registers));
}

/*
 * Loads get the bytes that there are; stores of other widths, or elsewhere, are ignored.
 * LDR is 0x12000000 before each row, RAX is all ones before a load.
 */
TEST_F(xapic, widths)
{
	static const struct {
		const char *name;
		enum op op;
		unsigned int offset;
		uint64_t value;		/* loaded, or of LDR behind the store */
	} cases[] = {
		{ "8 bits", LOAD_1, 0xd0, 0xffffffffffffff00 },
		{ "8 bits, the last", LOAD_1, 0xd3, 0xffffffffffffff12 },
		{ "8 bits, behind", LOAD_1, 0xd4, 0xffffffffffffff00 },
		{ "16 bits", LOAD_2, 0xd2, 0xffffffffffff1200 },
		{ "16 bits, odd", LOAD_2, 0xd1, 0xffffffffffff0000 },
		{ "16 bits, across", LOAD_2, 0xd3, 0xffffffffffff0012 },
		{ "32 bits", LOAD_4, 0xd0, 0x12000000 },
		{ "32 bits, odd", LOAD_4, 0xd2, 0x1200 },
		{ "32 bits, behind", LOAD_4, 0xd4, 0 },
		{ "32 bits, before the next", LOAD_4, 0xdc, 0 },
		{ "64 bits", LOAD_8, 0xd0, 0x12000000 },
		{ "64 bits, behind", LOAD_8, 0xd8, 0 },
		{ "8 bits", STORE_1, 0xd3, 0x12000000 },
		{ "16 bits", STORE_2, 0xd2, 0x12000000 },
		{ "32 bits", STORE_4, 0xd0, 0x55000000 },
		{ "32 bits, odd", STORE_4, 0xd1, 0x12000000 },
		{ "32 bits, behind", STORE_4, 0xd4, 0x12000000 },
		{ "64 bits", STORE_8, 0xd0, 0x12000000 },
		{ "64 bits, across", STORE_8, 0xcc, 0x12000000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool stores = cases[i].op >= STORE_1;
		uint64_t value = stores ? 0x5555555555555555 : ~0ULL;

		ASSERT_EQ(0, store(self, 0xd0, 0x12000000));
		EXPECT_EQ(0, access_at(self, cases[i].op, APIC + cases[i].offset, &value));
		if (stores)
			value = load(self, 0xd0);
		EXPECT_EQ(cases[i].value, value) {
			TH_LOG("%s: %s", stores ? "store" : "load", cases[i].name);
		}
	}
	/* One instruction, a load and a store */
	EXPECT_EQ(0, run_at(self, adds, APIC + 0x80, 0));
	KT_ASSERT_AT(self->run, KT_AT_END);
	EXPECT_EQ(0x10, load(self, 0x80));
	/* Nothing is executed there. */
	EXPECT_EQ(0, run_at(self, executes, APIC, 0));
	EXPECT_EQ(KEV_EXIT_MEMORY, self->run->kind);
}

/* To itself: requested, in service, ended; and an error that it tells of */
TEST_F(xapic, one_interrupt)
{
	ASSERT_EQ(0, store(self, 0xf0, 0x1ff));
	ASSERT_EQ(0, store(self, 0x300, 0x40041));
	EXPECT_EQ(2, load(self, 0x220));
	EXPECT_EQ(0, run_at(self, window, 0, 0));
	KT_EXPECT_HANDLER(self->run, 0x41, -1, kt_label(&guest, window_at));
	EXPECT_EQ(2, load(self, 0x120));
	EXPECT_EQ(0, load(self, 0x220));
	EXPECT_EQ(0x40, load(self, 0xa0));
	ASSERT_EQ(0, store(self, 0xb0, 0));
	EXPECT_EQ(0, load(self, 0x120));
	EXPECT_EQ(0, load(self, 0xa0));

	ASSERT_EQ(0, store(self, 0x370, 0x55));
	ASSERT_EQ(0, store(self, 0x300, 0x40005));
	EXPECT_EQ(0, load(self, 0x280));
	ASSERT_EQ(0, store(self, 0x280, 0));
	EXPECT_EQ(0x20, load(self, 0x280));
	EXPECT_EQ(1 << 21, load(self, 0x220));
	ASSERT_EQ(0, store(self, 0x280, 0));
	EXPECT_EQ(0, load(self, 0x280));
}

/* The page is where the guest has put it, and nowhere in the other modes. */
TEST_F(xapic, place)
{
	static const struct {
		const char *name;
		uint64_t base;
		bool there, elsewhere;
	} cases[] = {
		{ "usual", APIC | 0x800, true, false },
		{ "another", (APIC + 0x1000) | 0x800, false, true },
		{ "disabled", APIC, false, false },
		{ "x2APIC", APIC | 0xc00, false, false },
	};
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_MSRS, &state));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t version = 0;
		long ret;

		state.msrs.apic_base = cases[i].base;
		ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_MSRS, &state));
		ret = access_at(self, LOAD_4, APIC + 0x30, &version);
		EXPECT_EQ(cases[i].there ? 0 : KEV_EXIT_MEMORY, ret) {
			TH_LOG("%s", cases[i].name);
		}
		EXPECT_EQ(cases[i].there ? 0x50014 : 0, version);
		version = 0;
		ret = access_at(self, LOAD_4, APIC + 0x1030, &version);
		EXPECT_EQ(cases[i].elsewhere ? 0 : KEV_EXIT_MEMORY, ret) {
			TH_LOG("%s", cases[i].name);
		}
		EXPECT_EQ(cases[i].elsewhere ? 0x50014 : 0, version);
	}
}

/* Memory goes before the page, whether or not it has been touched; a trap does not. */
TEST_F(xapic, region)
{
	static const struct {
		const char *name;
		uint32_t kind, prot;
		uint32_t byte;		/* the version's first */
		bool stores;		/* a store is done, and not reported */
	} cases[] = {
		{ "RAM", KEV_REGION_RAM, KT_RWX, 0, true },
		{ "trap", KEV_REGION_TRAP, 0, 0x14, true },
		{ "read trap", KEV_REGION_READ_TRAP, KEV_MEM_READ, 0, false },
	};
	static const uint8_t text[] = { 0xa5 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 0;
		long ret;

		ASSERT_EQ(0, kt_add_region(self->vm, cases[i].kind, cases[i].prot,
					   APIC - KT_PAGE, 3 * KT_PAGE));
		EXPECT_EQ(cases[i].byte, load(self, 0x30) & 0xff) {
			TH_LOG("%s", cases[i].name);
		}
		ret = access_at(self, STORE_4, APIC + 0x80, &value);
		EXPECT_EQ(cases[i].stores ? 0 : KEV_EXIT_MMIO, ret) {
			TH_LOG("%s", cases[i].name);
		}
		if (cases[i].kind == KEV_REGION_RAM) {
			ASSERT_EQ(1, kt_write_guest(self->vm, APIC + 0x30, text, 1));
			EXPECT_EQ(0xa5, load(self, 0x30));
		}
		ASSERT_EQ(0, kt_remove_region(self->vm, APIC - KT_PAGE, 3 * KT_PAGE));
		/* It is there again. */
		EXPECT_EQ(0x50014, load(self, 0x30)) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

/* ---- several ---- */

#define VCPUS	4

static const uint32_t ids[VCPUS] = { 1, 0, 5, 18 };

/* Who took @vector, as bits; -1: somebody took something else */
static int takers(struct kt_script *s, uint8_t vector)
{
	int taken = 0;

	for (int i = 0; i < VCPUS; i++) {
		struct kt_script_page *page = s->vcpu[kt_slot(ids[i])].page;

		if (KT_DO(s, ids[i], STEP(KT_S_EOI, KT_EOI_XAPIC), STEP(KT_S_WINDOW, 0)) ||
		    page->taken > 1 || (page->taken && page->log[0] != vector))
			return -1;
		taken |= page->taken << i;
	}
	return taken;
}

#define ICR(high, low)							\
	STEP_AT(KT_S_STORE, APIC + 0x310, (uint64_t)(high) << 24),	\
	STEP_AT(KT_S_STORE, APIC + 0x300, low)

TEST(destinations)
{
	static const struct {
		const char *name;
		uint32_t dfr, dest, low;
		int takers;
	} cases[] = {
		{ "itself", ~0U, 1, 0x40, 1 },
		{ "another", ~0U, 18, 0x41, 8 },
		{ "nobody", ~0U, 2, 0x42, 0 },
		{ "broadcast", ~0U, 0xff, 0x43, 0xf },
		{ "shorthand self", ~0U, 5, 0x40044, 1 },
		{ "shorthand all", ~0U, 5, 0x80045, 0xf },
		{ "shorthand others", ~0U, 1, 0xc0046, 0xe },
		{ "flat, one", ~0U, 0x04, 0x847, 4 },
		{ "flat, two", ~0U, 0x0a, 0x848, 0xa },
		{ "flat, nobody", ~0U, 0x80, 0x849, 0 },
		{ "flat, broadcast", ~0U, 0xff, 0x84a, 0xf },
		{ "flat, lowest", ~0U, 0x0c, 0x94b, 4 },
		/* LDR 0x11, 0x12, 0x21, 0x24 */
		{ "cluster, one", 0x0fffffff, 0x11, 0x84c, 1 },
		{ "cluster, both", 0x0fffffff, 0x13, 0x84d, 3 },
		{ "cluster, other", 0x0fffffff, 0x2f, 0x84e, 0xc },
		{ "cluster, nobody", 0x0fffffff, 0x31, 0x84f, 0 },
		{ "cluster, broadcast", 0x0fffffff, 0xff, 0x850, 0xf },
	};
	static const uint32_t flat[VCPUS] = { 1, 2, 4, 8 };
	static const uint32_t cluster[VCPUS] = { 0x11, 0x12, 0x21, 0x24 };
	struct kt_script s;

	ASSERT_EQ(0, kt_script_init(&s, 0));
	for (int i = 0; i < VCPUS; i++)
		ASSERT_EQ(0, kt_script_vcpu(&s, ids[i]));
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		const uint32_t *ldr = cases[n].dfr == ~0U ? flat : cluster;

		for (int i = 0; i < VCPUS; i++)
			ASSERT_EQ(0, KT_DO(&s, ids[i], STEP_AT(KT_S_STORE, APIC + 0xf0, 0x1ff),
					   STEP_AT(KT_S_STORE, APIC + 0xe0, cases[n].dfr),
					   STEP_AT(KT_S_STORE, APIC + 0xd0, ldr[i] << 24)));
		ASSERT_EQ(0, KT_DO(&s, ids[0], ICR(cases[n].dest, cases[n].low)));
		EXPECT_EQ(cases[n].takers, takers(&s, cases[n].low)) {
			TH_LOG("%s", cases[n].name);
		}
	}
	kt_script_fini(&s);
}

TEST_HARNESS_MAIN
