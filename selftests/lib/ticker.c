// SPDX-License-Identifier: GPL-2.0
/* A guest of two vCPUs whose timers tick */
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ticker.h"

#define SHARED_GPA	0x400000UL
#define IDT_GPA		(SHARED_GPA + KT_PAGE)
#define RAM_BYTES	(16 * KT_PAGE)
#define VECTOR		0x40
#define TICK		100000	/* of the TSC */

extern const char ticker_handler[];

/* R12: the shared page; R13: the id */
KT_CODE(ticker_code,
	"mov $0x400000, %r12d\n"
	"mov %esi, %r13d\n"
	"mov %esi, %eax\n"
	"shl $12, %eax\n"
	"lea 0x404000(%rax), %rsp\n"
	"push $0\n"			/* IDTR: limit and base, on the stack */
	"push $0\n"
	"movw $0xfff, (%rsp)\n"
	"movl $0x401000, 2(%rsp)\n"
	"lidt (%rsp)\n"
	"mov $0x1b, %ecx\n"		/* x2APIC mode */
	"rdmsr\n"
	"or $0xc00, %eax\n"
	"wrmsr\n"
	"xor %edx, %edx\n"
	"mov $0x80f, %ecx\n"		/* on */
	"mov $0x1ff, %eax\n"
	"wrmsr\n"
	"mov $0x832, %ecx\n"		/* the timer: TSC-deadline */
	"mov $0x40040, %eax\n"
	"wrmsr\n"
	"call 9f\n"
	"1: mov $1, %eax\n"		/* lock, compare, unlock */
	"2: xchg %rax, (%r12)\n"
	"test %rax, %rax\n"
	"jz 3f\n"
	"pause\n"
	"mov $1, %eax\n"
	"jmp 2b\n"
	"3: lfence\n"
	"rdtsc\n"
	"shl $32, %rdx\n"
	"or %rdx, %rax\n"
	"cmp 8(%r12), %rax\n"
	"jae 4f\n"
	"incq 16(%r12)\n"
	"4: mov %rax, 8(%r12)\n"
	"movq $0, (%r12)\n"
	"incq 48(%r12,%r13,8)\n"
	"sti\n"
	"test %r13, %r13\n"
	"jz 5f\n"
	"hlt\n"
	"5: nop\n"
	"cli\n"			/* who has the lock takes no interrupt */
	"jmp 1b\n"

	".globl ticker_handler\n"
	"ticker_handler:\n"
	"push %rax\n"
	"push %rcx\n"
	"push %rdx\n"
	"mov $0x802, %ecx\n"		/* the local APIC's id */
	"rdmsr\n"
	"cmp %r13d, %eax\n"
	"je 6f\n"
	"lock incq 24(%r12)\n"
	"6: incq 32(%r12,%r13,8)\n"
	"mov $0x80b, %ecx\n"		/* EOI */
	"xor %eax, %eax\n"
	"xor %edx, %edx\n"
	"wrmsr\n"
	"call 9f\n"
	"pop %rdx\n"
	"pop %rcx\n"
	"pop %rax\n"
	"iretq\n"

	"9: mov 64(%r12), %rcx\n"	/* the delay, and how much longer the next one is */
	"add 72(%r12), %rcx\n"
	"mov %rcx, 64(%r12)\n"
	"rdtsc\n"
	"shl $32, %rdx\n"
	"or %rdx, %rax\n"
	"add %rcx, %rax\n"
	"mov %rax, %rdx\n"
	"shr $32, %rdx\n"
	"mov $0x6e0, %ecx\n"
	"wrmsr\n"
	"ret");

static int write_idt(int vm, uint16_t cs)
{
	uint64_t handler = KT_CODE_GPA + (ticker_handler - ticker_code.start);
	const uint64_t gate[2] = {
		(handler & 0xffff) | (uint64_t)cs << 16 | 0x8eULL << 40 |
		(handler >> 16 & 0xffff) << 48,
		handler >> 32,
	};

	return kt_write_guest(vm, IDT_GPA + VECTOR * sizeof(gate), gate, sizeof(gate)) ==
	       sizeof(gate) ? 0 : -EIO;
}

int kt_ticker_init(struct kt_ticker *ticker)
{
	struct kev_vcpu_state state = { 0 };
	void *map;
	int ret;

	*ticker = (struct kt_ticker) { .vcpu = { -1, -1 } };
	ret = kt_guest_init(&ticker->guest, &ticker_code, 0, "report");
	if (!ret)
		ret = kt_add_ram(ticker->guest.vm, SHARED_GPA, RAM_BYTES);
	if (ret)
		return ret;
	ticker->vcpu[0] = ticker->guest.vcpu;
	ticker->vcpu[1] = kt_create_vcpu(ticker->guest.vm, 1);
	if (ticker->vcpu[1] < 0)
		return ticker->vcpu[1];
	ret = kt_get_state(ticker->vcpu[0], KEV_STATE_SEGMENTS, &state);
	if (!ret)
		ret = write_idt(ticker->guest.vm, state.segments.cs.selector);
	if (ret)
		return ret;
	map = kt_map_memory(ticker->guest.vm, SHARED_GPA, KT_PAGE);
	if (!map)
		return -errno;
	ticker->shared = map;
	ticker->shared->delay = TICK;
	return 0;
}

void kt_ticker_fini(struct kt_ticker *ticker)
{
	if (ticker->shared)
		munmap((void *)ticker->shared, KT_PAGE);
	if (ticker->vcpu[1] >= 0)
		close(ticker->vcpu[1]);
	kt_guest_fini(&ticker->guest);
}

int kt_ticker_start(struct kt_ticker *ticker)
{
	int ret = 0;

	for (int i = 0; !ret && i < KT_TICKER_VCPUS; i++)
		ret = kt_runner_enter(&ticker->runners[i], ticker->vcpu[i], -1);
	return ret;
}

long kt_ticker_stop(struct kt_ticker *ticker)
{
	long ret = 0, one;

	for (int i = 0; i < KT_TICKER_VCPUS; i++) {
		one = kt_runner_kick(&ticker->runners[i]);
		if (one != -EINTR || kt_vcpu_stats(ticker->vcpu[i]).reports)
			ret = one ? one : -EREMOTEIO;
	}
	return ret;
}

int kt_ticker_pin_one(struct kt_ticker *ticker, int vcpu, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(ticker->runners[vcpu].thread, sizeof(set), &set);
}

int kt_ticker_pin(struct kt_ticker *ticker, int cpu)
{
	int ret = 0;

	for (int i = 0; !ret && i < KT_TICKER_VCPUS; i++)
		ret = kt_ticker_pin_one(ticker, i, cpu);
	return ret;
}

void kt_ticker_wait(struct kt_ticker *ticker, uint64_t ticks)
{
	for (int i = 0; i < KT_TICKER_VCPUS; i++) {
		uint64_t start = ticker->shared->ticks[i];

		while (ticker->shared->ticks[i] - start < ticks)
			sched_yield();
	}
}
