// SPDX-License-Identifier: GPL-2.0
/*
 * Calls with arguments that nobody meant, from a fixed seed: of random sizes,
 * random bytes, and valid structures with a few bytes changed. Guards that the
 * host survives them; the bed looks at the kernel's log.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
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

static const unsigned long calls[] = {
	KEV_QUERY, KEV_CREATE_VM, KEV_VM_CREATE_VCPU, KEV_VM_ADD_REGION, KEV_VM_ATTACH_IMAGE,
	KEV_VM_STATUS, KEV_VM_STATS, KEV_VM_REMOVE_REGION, KEV_VM_QUERY_MEMORY, KEV_VM_DISCARD,
	KEV_VM_GET_DIRTY, KEV_VM_TRANSLATE, KEV_VM_READ, KEV_VM_WRITE, KEV_VCPU_RUN,
	KEV_VCPU_KICK, KEV_VCPU_GET_STATE, KEV_VCPU_SET_STATE, KEV_VCPU_STATS,
	KEV_VCPU_INTERRUPT,
};

/* Interesting numbers in some places of a structure that is else clear or random */
static void fill(uint8_t *bytes, size_t size)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 8, 0x1000, 0xfff, 0x100000, 0xfffff000, ~0ULL, 1ULL << 63, 1ULL << 32,
		0x0000800000000000, 0xffff800000000000, 0x80010033, 0x620, 0x500, 0x400,
	};
	bool random = below(4) == 0;
	uint32_t length;

	for (size_t i = 0; i < size; i++)
		bytes[i] = random ? next_random() : 0;
	for (uint32_t i = below(8); i > 0; i--)
		memcpy(bytes + below(size / 8) * 8, &numbers[below(ARRAY_SIZE(numbers))], 8);
	length = below(8) ? (uint32_t[]) { 16, 24, 32, 56, 80, 112, 200, 528 }[below(8)] :
		 below(5000);
	memcpy(bytes, &length, sizeof(length));
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

TEST(arguments)
{
	struct kt_guest guest;
	uint8_t *bytes = mmap(NULL, 3 * KT_PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t succeeded = 0;

	ASSERT_NE(MAP_FAILED, (void *)bytes);
	seed = 20240229;
	start_timer();
	make_guest(&guest);
	ASSERT_LE(0, guest.vcpu);
	for (int i = 0; i < ROUNDS; i++) {
		const int fds[] = { guest.kev, guest.vm, guest.vcpu, 0 };
		unsigned long call = calls[below(ARRAY_SIZE(calls))];
		/* Mostly the right object, sometimes any */
		int fd = below(16) == 0 ? fds[below(4)] :
			 fds[(call & 0xff) >= 0x40 ? 2 : (call & 0xff) >= 0x20 ? 1 : 0];
		void *arg = bytes;
		long ret;

		fill(bytes, KT_PAGE);
		if ((call == KEV_VCPU_RUN || call == KEV_VCPU_KICK) && below(8))
			arg = NULL;
		ret = kt_ioctl(fd, call, arg);
		succeeded += ret >= 0;
		if (ret > 2 && (call == KEV_CREATE_VM || call == KEV_VM_CREATE_VCPU))
			close(ret);
		/* The answer to the next report is no better. */
		if (below(4) == 0) {
			for (size_t j = 8; j < sizeof(*guest.run); j += 1 + below(64))
				((uint8_t *)guest.run)[j] = next_random();
		}
		/* An ended VM says little: a new one. */
		if (kt_status(guest.vm).state != KEV_VM_ALIVE || below(500) == 0) {
			kt_guest_fini(&guest);
			make_guest(&guest);
			ASSERT_LE(0, guest.vcpu);
		}
	}
	/* Not all of it was refused at the door. */
	EXPECT_LT(ROUNDS / 10, succeeded);
	kt_guest_fini(&guest);
	munmap(bytes, 3 * KT_PAGE);
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
