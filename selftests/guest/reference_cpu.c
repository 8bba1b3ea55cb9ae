// SPDX-License-Identifier: GPL-2.0
/*
 * What guests of this kind expect of any hypervisor for them, the CPU's half: port I/O of
 * every form, CPUID, vCPUs that are started by INIT and SIPI, and a timer. reference.c has
 * whole guests and memory; the MSR that is a FIFO is in abi.c, with the module that has it.
 */
#include "kselftest_harness.h"

#include <cpuid.h>
#include <fcntl.h>
#include <string.h>

#include "kevtest.h"

/* ---- port I/O ---- */

#define SERIAL		0x3f8
#define FIFO_PORT	0xe0	/* a byte, for the forms with an immediate */

/* What is written to the port comes back from it, byte by byte. */
struct fifo {
	uint8_t bytes[256];
	size_t in, out;
	uint64_t reports, accesses;
};

static bool transfer(struct fifo *fifo, bool write, uint8_t *data, size_t length)
{
	size_t *at = write ? &fifo->in : &fifo->out;

	if (length > sizeof(fifo->bytes) - *at || (!write && length > fifo->in - fifo->out))
		return false;
	memcpy(write ? fifo->bytes + *at : data, write ? data : fifo->bytes + *at, length);
	*at += length;
	return true;
}

/* Answer one report; false: it is not as it should be. */
static bool answer(struct fifo *fifo, struct kev_run *run)
{
	bool string = run->io.flags & KEV_IO_STRING;
	uint8_t *data = string ? run->data : (uint8_t *)&run->io.data;

	if (run->kind != KEV_EXIT_IO || run->io.port != FIFO_PORT ||
	    (!string && run->io.count != 1))
		return false;
	fifo->reports++;
	fifo->accesses += run->io.count;
	return transfer(fifo, run->io.direction == KEV_IO_OUT, data,
			(size_t)run->io.count * run->io.width);
}

/* The guest ends with the number of the first check that fails, or 0. */
#define EXPECT_RAX(number, value)					\
	"mov $" #value ", %rbx\n mov $" #number ", %edi\n cmp %rbx, %rax\n jne 9f\n"
#define END	"xor %edi, %edi\n 9:" KT_HALT

#define RAX	"mov $0x1122334455667788, %rax\n"
#define ONES	"mov $-1, %rax\n"

/* Each width by one form of address; 32 bits clear the upper half, fewer leave it alone. */
#define ROUND_TRIPS(port)						\
	RAX "out %al, " port "\n out %ax, " port "\n out %eax, " port "\n" \
	ONES "in " port ", %al\n" EXPECT_RAX(1, 0xffffffffffffff88)	\
	ONES "in " port ", %ax\n" EXPECT_RAX(2, 0xffffffffffff7788)	\
	ONES "in " port ", %eax\n" EXPECT_RAX(3, 0x55667788)		\
	END

KT_CODE(immediate_port, ROUND_TRIPS("$0xe0"));
KT_CODE(dx_port, "mov $0xe0, %edx\n" ROUND_TRIPS("%dx"));

/*
 * Eight elements of @size bytes, out of and into memory by instructions with @suffix; with
 * the direction flag from the last one down. RSI and RDI end behind the last element.
 */
#define STRINGS(suffix, size, direction, first, step)			\
	direction "\n mov $0xe0, %edx\n"				\
	"mov $8, %ecx\n lea 7f + (" first ")(%rip), %rsi\n mov %rsi, %r8\n" \
	"rep outs" suffix "\n"						\
	"mov %rcx, %rax\n" EXPECT_RAX(1, 0)				\
	"mov %rsi, %rax\n sub %r8, %rax\n" EXPECT_RAX(2, 8 * (step))	\
	"mov $8, %ecx\n lea 8f + (" first ")(%rip), %rdi\n mov %rdi, %r9\n" \
	"rep ins" suffix "\n"						\
	"mov %rdi, %rax\n sub %r9, %rax\n" EXPECT_RAX(3, 8 * (step))	\
	"cld\n lea 7f(%rip), %rsi\n lea 8f(%rip), %rdi\n"		\
	"mov $8 * " #size ", %ecx\n repe cmpsb\n mov $4, %edi\n jne 9f\n" \
	END								\
	"7: .ascii \"0123456789abcdefghijklmnopqrstuv\"\n"		\
	"8: .skip 32\n"

KT_CODE(bytes_up, STRINGS("b", 1, "cld", "0", 1));
KT_CODE(words_up, STRINGS("w", 2, "cld", "0", 2));
KT_CODE(doublewords_up, STRINGS("l", 4, "cld", "0", 4));
KT_CODE(bytes_down, STRINGS("b", 1, "std", "7", -1));
KT_CODE(words_down, STRINGS("w", 2, "std", "14", -2));
KT_CODE(doublewords_down, STRINGS("l", 4, "std", "28", -4));

static const struct {
	const char *name;
	const struct kt_code *code;
	uint64_t accesses;
} round_trips[] = {
	{ "immediate", &immediate_port, 6 },
	{ "DX", &dx_port, 6 },
	{ "bytes", &bytes_up, 16 },
	{ "words", &words_up, 16 },
	{ "doublewords", &doublewords_up, 16 },
	{ "bytes, downwards", &bytes_down, 16 },
	{ "words, downwards", &words_down, 16 },
	{ "doublewords, downwards", &doublewords_down, 16 },
};

TEST(port_round_trips)
{
	for (size_t i = 0; i < ARRAY_SIZE(round_trips); i++) {
		struct fifo fifo = { .in = 0 };
		struct kt_guest guest;

		ASSERT_EQ(0, kt_guest_init(&guest, round_trips[i].code, 0, NULL));
		ASSERT_EQ(0, kt_run(guest.vcpu));
		while (answer(&fifo, guest.run))
			ASSERT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
		EXPECT_EQ(0, guest.run->exit_code);
		EXPECT_EQ(round_trips[i].accesses, fifo.accesses);
		/* A string is not one report for each access. */
		EXPECT_GE(8, fifo.reports);
		EXPECT_EQ(fifo.in, fifo.out);
		kt_guest_fini(&guest);
		if (!_metadata->passed)
			TH_LOG("%s", round_trips[i].name);
	}
}

#define PRINTED	"Hello guest os!\n"

KT_CODE(printer,
	"lea 7f(%rip), %rsi\n mov $0x3f8, %edx\n mov $8f - 7f, %ecx\n"
	"1: lodsb\n out %al, %dx\n dec %ecx\n jnz 1b\n"
	END
	"7: .ascii \"Hello guest os!\\n\"\n 8:\n");

TEST(port_print)
{
	char printed[sizeof(PRINTED) + 1] = "";
	struct kt_guest guest;
	size_t length = 0;

	ASSERT_EQ(0, kt_guest_init(&guest, &printer, 0, NULL));
	for (;;) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
		if (guest.run->kind != KEV_EXIT_IO)
			break;
		ASSERT_EQ(SERIAL, guest.run->io.port);
		ASSERT_EQ(1, guest.run->io.width);
		ASSERT_LT(length, sizeof(printed) - 1);
		printed[length++] = guest.run->io.data;
	}
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_STREQ(PRINTED, printed);
	kt_guest_fini(&guest);
}

/* ---- CPUID ---- */

/* Leaf 0 with dirty upper halves: RBX, RDX and RCX to memory */
KT_CODE(vendor,
	"mov $0xdeadbeef00000000, %rax\n mov %rax, %rbx\n mov %rax, %rcx\n mov %rax, %rdx\n"
	"cpuid\n"
	"mov %rbx, 0x90000\n mov %rdx, 0x90008\n mov %rcx, 0x90010\n"
	"shr $32, %rax\n mov %eax, %edi\n" KT_HALT);
#define VENDOR_GPA	0x90000

TEST(cpuid_vendor)
{
	unsigned int eax, words[3];
	struct kt_guest guest;
	uint64_t seen[3];

	ASSERT_EQ(0, kt_guest_init(&guest, &vendor, 0, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0, guest.run->exit_code);
	ASSERT_EQ(sizeof(seen), kt_read_guest(guest.vm, VENDOR_GPA, seen, sizeof(seen)));
	__cpuid(0, eax, words[0], words[2], words[1]);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(words[i], seen[i]);
	kt_guest_fini(&guest);
}

/* The vCPU's id, read 0x100 times: the sum of all, and the last in the code's upper half */
KT_CODE(own_id,
	"xor %edi, %edi\n mov $0x100, %esi\n"
	"1: mov $1, %eax\n cpuid\n shr $24, %ebx\n add %ebx, %edi\n dec %esi\n jnz 1b\n"
	"shl $32, %rbx\n or %rbx, %rdi\n" KT_HALT);

TEST(cpuid_vcpu_id)
{
	static const uint32_t ids[] = { 0, 1, 0xba, 254 };
	size_t size = own_id.end - own_id.start;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		int kev = kt_open(), vm = kt_create_vm(kev, 0, NULL), image, vcpu;
		struct kt_elf elf;

		kt_elf_init(&elf, size);
		image = kt_elf_file(&elf, own_id.start, size);
		ASSERT_EQ(0, kt_attach(vm, image, KEV_BOOT_DIRECT64, KT_RAM_KIB));
		vcpu = kt_create_vcpu(vm, ids[i]);
		ASSERT_LE(0, vcpu);
		ASSERT_EQ(0, kt_run(vcpu));
		EXPECT_EQ((uint64_t)ids[i] << 32 | ids[i] * 0x100, kt_status(vm).exit_code) {
			TH_LOG("id %u", ids[i]);
		}
		close(vcpu);
		close(image);
		close(vm);
		close(kev);
	}
}

/* ---- several vCPUs, and a timer ---- */

#define SMP_VCPUS	4
#define SMP_TEXT	"vCPU 0\nvCPU 1\nvCPU 2\nvCPU 3\nsmp: ok\n"

/* Each of four threads is in one RUN from the beginning to the end. */
TEST(init_sipi)
{
	struct kev_query query = { .size = sizeof(query) };
	struct kt_runner runners[SMP_VCPUS];
	char text[sizeof(SMP_TEXT) + 1] = "";
	int kev = kt_open(), vm, image, vcpus[SMP_VCPUS];

	ASSERT_EQ(0, kt_ioctl(kev, KEV_QUERY, &query));
	if (!(query.features & KEV_FEATURE_UNRESTRICTED_GUEST))
		SKIP(return, "no unrestricted guest");
	vm = kt_create_vm(kev, 0, NULL);
	image = open(KT_GUESTS "/smp", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, kt_attach(vm, image, KEV_BOOT_KEV32, 16 << 10));
	for (uint32_t id = 0; id < SMP_VCPUS; id++) {
		vcpus[id] = kt_create_vcpu(vm, id);
		ASSERT_LE(0, vcpus[id]);
	}
	for (uint32_t id = 0; id < SMP_VCPUS; id++)
		ASSERT_EQ(0, kt_runner_start(&runners[id], vcpus[id], -1));
	for (uint32_t id = 0; id < SMP_VCPUS; id++) {
		struct kev_run *run = kt_map_run(vcpus[id]);

		EXPECT_EQ(0, kt_runner_join(&runners[id]));
		ASSERT_NE(NULL, run);
		EXPECT_EQ(KEV_EXIT_VM_EXITED, run->kind);
		EXPECT_EQ(0xcafe, run->exit_code);
		kt_unmap_run(run);
		close(vcpus[id]);
	}
	ASSERT_EQ((ssize_t)strlen(SMP_TEXT), read(vm, text, sizeof(text) - 1));
	EXPECT_STREQ(SMP_TEXT, text);
	close(image);
	close(vm);
	close(kev);
}

TEST(timer_deadline)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init_file(&guest, KT_GUESTS "/timer", KT_RAM_KIB, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0xcafe, guest.run->exit_code);
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
