// SPDX-License-Identifier: GPL-2.0
/*
 * A BPF program on a trace event. Guards that it can be attached, that it reads the event's
 * fields where the format file says that they are, and that it runs for each event.
 */
#include "kselftest_harness.h"

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "kevtest.h"

#define EVENT		"/sys/kernel/tracing/events/kev/kev_exit"
#define REASON_CPUID	10
#define CPUIDS		5

#define INSN(c, d, s, o, i) \
	((struct bpf_insn) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

static int bpf(int command, union bpf_attr *attr)
{
	int ret = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

/* One number, at index 0 */
static int create_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(uint64_t),
		.max_entries = 1,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

static int read_map(int map, uint64_t *value)
{
	uint32_t key = 0;
	union bpf_attr attr = {
		.map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)value,
	};

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

/* Count the events whose 32 bits at @offset are @wanted. */
static int load_program(int map, int offset, int wanted)
{
	const struct bpf_insn program[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_6, BPF_REG_1, offset, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_6, 0, 9, wanted),
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	static char log[4096];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACEPOINT,
		.insns = (uintptr_t)program,
		.insn_cnt = ARRAY_SIZE(program),
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int ret = bpf(BPF_PROG_LOAD, &attr);

	if (ret < 0)
		printf("# verifier: %s\n", log);
	return ret;
}

/* A number that stands behind @word in a file of the event's; -1 if it is not there */
static int number_in(const char *file, const char *word)
{
	FILE *in = fopen(file, "r");
	char line[256];
	int number = -1;

	while (in && number < 0 && fgets(line, sizeof(line), in)) {
		const char *at = strstr(line, word);

		if (at)
			sscanf(at + strlen(word), "%d", &number);
	}
	if (in)
		fclose(in);
	return number;
}

/* On the first CPU, which is the only one that we run on */
static int attach(int program)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = number_in(EVENT "/id", ""),
		.sample_period = 1,
	};
	int event = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (event < 0)
		return -errno;
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) ||
	    ioctl(event, PERF_EVENT_IOC_ENABLE, 0)) {
		int error = errno;

		close(event);
		return -error;
	}
	return event;
}

KT_CODE(cpuids, "mov $5, %esi\n"
		"1: xor %eax, %eax\n cpuid\n dec %esi\n jnz 1b\n"
		"hlt");

TEST(counts_by_field)
{
	int map = create_map(), offset, program, event;
	struct kt_guest guest = { .kev = -1, .vm = -1, .vcpu = -1 };
	uint64_t count = 0;

	if (map == -ENOSYS)
		SKIP(return, "no BPF");
	ASSERT_LE(0, map);
	ASSERT_EQ(0, kt_pin(0));
	offset = number_in(EVENT "/format", "exit_reason;\toffset:");
	ASSERT_LT(0, offset);
	program = load_program(map, offset, REASON_CPUID);
	ASSERT_LE(0, program);
	ASSERT_EQ(0, kt_guest_init(&guest, &cpuids, KEV_VM_REPORT_HLT, NULL));
	event = attach(program);
	ASSERT_LE(0, event);
	EXPECT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, guest.run->kind);
	EXPECT_EQ(0, read_map(map, &count));
	EXPECT_EQ(CPUIDS, count);
	/* More than those have come, and were not counted. */
	EXPECT_LT(CPUIDS, kt_vcpu_stats(guest.vcpu).exits);
	close(event);
	kt_guest_fini(&guest);
	close(program);
	close(map);
}

TEST_HARNESS_MAIN
