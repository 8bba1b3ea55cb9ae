// SPDX-License-Identifier: GPL-2.0
/*
 * States and images with a few bits changed, from a fixed seed. Guards that the host survives
 * them; the bed looks at the kernel's log. selftests/fuzzers has more.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

#include "kevtest.h"

#define ROUNDS	3000

static uint64_t seed;

static uint32_t next_random(void)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return seed >> 33;
}

static uint32_t below(uint32_t limit)
{
	return next_random() % limit;
}

/* Nobody else ends a guest that has come to spin. */
static void start_timer(void)
{
	const struct itimerval timer = {
		.it_value = { .tv_usec = 2000 },
		.it_interval = { .tv_usec = 2000 },
	};

	kt_ignore_signal(SIGVTALRM);
	setitimer(ITIMER_VIRTUAL, &timer, NULL);
}

/* Reports that want an answer, for ever */
KT_CODE(talks, "1: in $0x80, %eax\n cpuid\n mov $0x999, %ecx\n rdmsr\n jmp 1b");

static void make_guest(struct kt_guest *guest)
{
	kt_guest_init(guest, &talks, KEV_VM_REPORT_MSR | KEV_VM_REPORT_CPUID, NULL);
	fcntl(guest->vm, F_SETFL, O_RDWR | O_NONBLOCK);
}

/* What the emulator's entry checks beyond the SDM: RPL and DPL of a non-conforming CS */
static bool rpl_is_wrong(const struct kev_segment *cs)
{
	return (cs->selector & 3) != (cs->access & KEV_SEG_DPL) >> 5;
}

/* A boot state with a few changes, and then RUN: what SET_STATE takes, the CPU enters. */
TEST(states)
{
	struct kev_vcpu_state boot = { 0 }, state;
	uint32_t refused = 0, kinds[KEV_NR_EXIT_KINDS] = { 0 };
	struct kev_segment cs;
	struct kt_guest guest;

	seed = 19700101;
	start_timer();
	make_guest(&guest);
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KT_STATE_REGISTERS, &boot));
	cs = boot.segments.cs;
	for (int i = 0; i < ROUNDS / 4; i++) {
		uint8_t *bytes = (uint8_t *)&state;

		state = boot;
		for (uint32_t j = 1 + below(3); j > 0; j--)
			bytes[8 + below(sizeof(state) - 8)] ^= 1 << below(8);
		/* After a refusal the guest goes on with what it had. */
		if (kt_set_state(guest.vcpu, KT_STATE_REGISTERS, &state))
			refused++;
		else
			cs = state.segments.cs;
		if (!kt_run(guest.vcpu)) {
			ASSERT_GT(KEV_NR_EXIT_KINDS, guest.run->kind);
			kinds[guest.run->kind]++;
		}
		if (kt_status(guest.vm).state == KEV_VM_ALIVE)
			continue;
		EXPECT_EQ(KEV_EXIT_ENTRY_FAILED, guest.run->kind);
		EXPECT_TRUE(rpl_is_wrong(&cs));
		kt_guest_fini(&guest);
		make_guest(&guest);
		ASSERT_LE(0, guest.vcpu);
		cs = boot.segments.cs;
	}
	EXPECT_LT(0, refused);
	/* Some of what was taken changed nothing that counts, and some of it did. */
	EXPECT_LT(0, kinds[KEV_EXIT_IO]);
	EXPECT_LT(0, kinds[KEV_EXIT_MEMORY]);
	EXPECT_LT(0, kinds[KEV_EXIT_SHUTDOWN]);
	kt_guest_fini(&guest);
}

/* ELF headers with a few bytes changed; where they are valid the guest runs. */
TEST(images)
{
	size_t size = kt_hlt.end - kt_hlt.start;
	uint32_t attached = 0, refused = 0;
	struct kt_elf elf;
	int kev = kt_open();

	ASSERT_LE(0, kev);
	seed = 4711;
	start_timer();
	for (int i = 0; i < ROUNDS / 6; i++) {
		uint8_t *bytes = (uint8_t *)&elf;
		int vm = kt_create_vm(kev, 0, NULL), image, vcpu;

		kt_elf_init(&elf, size);
		for (uint32_t j = 1 + below(3); j > 0; j--)
			bytes[below(offsetof(struct kt_elf, phdr[1]))] ^= 1 << below(8);
		image = kt_elf_file(&elf, kt_hlt.start, size);
		if (!kt_attach(vm, image, KEV_BOOT_DIRECT64, KT_RAM_KIB)) {
			attached++;
			vcpu = kt_create_vcpu(vm, 0);
			kt_run(vcpu);
			close(vcpu);
		} else {
			refused++;
		}
		close(image);
		close(vm);
	}
	EXPECT_LT(0, attached);
	EXPECT_LT(0, refused);
	close(kev);
}

TEST_HARNESS_MAIN
