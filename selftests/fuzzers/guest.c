// SPDX-License-Identifier: GPL-2.0
/*
 * The guest fuzzer: guests in any mode that execute instructions nobody meant, with page
 * tables, descriptor tables and a state that are nearly right. Each is made from a seed and
 * its number alone. Guards that the host is as it was, that RUN ends as it is documented,
 * and that the state can be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "host.h"
#include "state.h"

/* RUNs of one guest, at most */
#define RUNS		16
#define INSN_MAX_LENGTH	15
/* So many guests make a line of output, and a look at the host. */
#define TELL		500
#define LOOK		20

static struct {
	uint64_t seed;
	unsigned long first, guests;
} options = { .seed = 1, .guests = 300 };

static const char *const kind_names[KEV_NR_EXIT_KINDS] = {
	[KEV_EXIT_NONE] = "none", [KEV_EXIT_VM_EXITED] = "exited", [KEV_EXIT_FAILED] = "failed",
	[KEV_EXIT_ENTRY_FAILED] = "entry failed", [KEV_EXIT_SHUTDOWN] = "shutdown",
	[KEV_EXIT_HALTED] = "halted", [KEV_EXIT_CONSOLE] = "console",
	[KEV_EXIT_HYPERCALL] = "hypercall", [KEV_EXIT_IO] = "io", [KEV_EXIT_CPUID] = "cpuid",
	[KEV_EXIT_MSR] = "msr", [KEV_EXIT_MEMORY] = "memory",
	[KEV_EXIT_MEMORY_ERROR] = "memory error", [KEV_EXIT_UNHANDLED] = "unhandled",
	[KEV_EXIT_MMIO] = "mmio", [KEV_EXIT_DEBUG] = "debug", [KEV_EXIT_INTERCEPT] = "intercept",
};

static unsigned long kinds[KEV_NR_EXIT_KINDS], interrupted, states_taken, states_refused;

static int open_vm(int kev, uint64_t *random)
{
	static const char *const abis[] = { "kev", "kev", "akaros", "none", "report" };
	struct kev_create_vm args = { .size = sizeof(args) };
	struct kev_set_exits exits = { .size = sizeof(exits) };
	int vm;

	strcpy(args.hypercall_abi, abis[fz_below(random, ARRAY_SIZE(abis))]);
	if (fz_one_in(random, 2))
		args.flags = fz_random(random) & (KEV_VM_REPORT_MSR | KEV_VM_REPORT_CPUID |
			     KEV_VM_REPORT_HLT | KEV_VM_USER_CALLS | KEV_VM_CLOCK);
	vm = kt_ioctl(kev, KEV_CREATE_VM, &args);
	if (vm < 0)
		return vm;
	fcntl(vm, F_SETFL, O_RDWR | O_NONBLOCK);
	if (fz_one_in(random, 3)) {
		exits.report = fz_random(random) & KEV_INTERCEPT_ALL & ~KEV_INTERCEPT_EXCEPTION;
		if (fz_one_in(random, 2)) {
			exits.report |= KEV_INTERCEPT_EXCEPTION;
			exits.exceptions = (fz_random(random) & ~(1U << 2 | 1U << 18)) | 1;
		}
		kt_ioctl(vm, KEV_VM_SET_EXITS, &exits);
	}
	return vm;
}

static bool make_guest(struct kt_guest *guest, enum fz_mode mode, uint64_t *random)
{
	size_t size = kt_hlt.end - kt_hlt.start;
	struct kt_elf elf;
	int image;

	*guest = (struct kt_guest) { .kev = kt_open(), .vm = -1, .vcpu = -1 };
	guest->vm = open_vm(guest->kev, random);
	kt_elf_init(&elf, size);
	image = kt_elf_file(&elf, kt_hlt.start, size);
	kt_attach(guest->vm, image, KEV_BOOT_DIRECT64, KT_RAM_KIB);
	close(image);
	if (fz_one_in(random, 2))
		kt_add_region(guest->vm, KEV_REGION_TRAP, 0, 0x80000000, 16 * KT_PAGE);
	guest->vcpu = kt_create_vcpu(guest->vm, 0);
	guest->run = guest->vcpu < 0 ? NULL : kt_map_run(guest->vcpu);
	return guest->run && fz_write_memory(guest->vm, mode, random);
}

/* Fewer changes each time it is refused */
static void set_state(int vcpu, enum fz_mode mode, uint64_t *random)
{
	struct kev_vcpu_state boot = { 0 }, state;

	if (kt_get_state(vcpu, KT_STATE_REGISTERS, &boot))
		return;
	for (unsigned int changes = fz_below(random, 5), tries = 0; tries < 4; tries++) {
		state = boot;
		fz_state(&state, mode, changes, random);
		if (!kt_set_state(vcpu, KT_STATE_REGISTERS, &state)) {
			states_taken++;
			return;
		}
		states_refused++;
		changes /= 2;
	}
}

/* What user space answers, or writes elsewhere. False: RUN is to refuse it. */
static bool answer(struct kev_run *run, uint64_t *random)
{
	uint64_t number = fz_number(random);

	switch (run->kind) {
	case KEV_EXIT_HYPERCALL:
		run->hypercall.ret = number;
		break;
	case KEV_EXIT_IO:
		run->io.data = number;
		break;
	case KEV_EXIT_MSR:
		run->msr.data = number;
		run->msr.answer = fz_below(random, KEV_MSR_ANSWER_DONE + 2);
		return run->msr.answer <= KEV_MSR_ANSWER_DONE;
	case KEV_EXIT_MMIO:
		run->mmio.data = number;
		break;
	case KEV_EXIT_INTERCEPT:
		run->intercept.answer = fz_below(random, KEV_INTERCEPT_RETRY + 2);
		return run->intercept.answer <= KEV_INTERCEPT_RETRY;
	default:
		/* Behind the request, which RUN looks at each time */
		memcpy((uint8_t *)run + 8 + (fz_below(random, KT_PAGE - 8) & ~7U), &number, 8);
	}
	return true;
}

/* Does this VM end with what is documented for it; @state is what it has now. */
static const char *look_at_end(const struct kt_guest *guest, const struct kev_vcpu_state *state)
{
	struct kev_vm_status status = kt_status(guest->vm);

	switch (guest->run->kind) {
	case KEV_EXIT_VM_EXITED:
		return status.state == KEV_VM_EXITED ? NULL : "VM_EXITED, and the VM has not";
	case KEV_EXIT_ENTRY_FAILED:
		/*
		 * Its page-directory-pointer entries come from memory, at the entry. And Bochs lets
		 * code run on behind 4 GiB, where outside 64-bit mode it comes to 0.
		 */
		if (!fz_only_here(state) && strncmp(guest->run->entry.problem, "PDPTE", 5) &&
		    guest->run->rip - (1ULL << 32) >= INSN_MAX_LENGTH)
			return "an entry that SET_STATE has let through";
		break;
	case KEV_EXIT_FAILED:
		break;
	default:
		return status.state == KEV_VM_ALIVE ? NULL : "a VM that ended without a word";
	}
	return status.state == KEV_VM_FAILED ? NULL : "a failure, and the VM goes on";
}

/* One RUN: NULL, or what is wrong */
static const char *run_once(struct kt_guest *guest, bool answered)
{
	uint32_t groups = KT_STATE_REGISTERS | KEV_STATE_APIC | KEV_STATE_MP;
	static struct kev_vcpu_state now;
	char bytes[4096];
	long ret;

	ret = fz_run(guest->vcpu);
	if (ret == -EINTR)
		interrupted++;
	else if (ret && (ret != -EINVAL || answered))
		return "an errno of RUN";
	if (kt_get_state(guest->vcpu, groups, &now))
		return "a state that cannot be read";
	if (ret)
		return NULL;
	if (guest->run->kind >= KEV_NR_EXIT_KINDS || guest->run->kind == KEV_EXIT_NONE)
		return "a report of no kind";
	kinds[guest->run->kind]++;
	if (guest->run->kind == KEV_EXIT_CONSOLE)
		(void)!read(guest->vm, bytes, sizeof(bytes));
	return look_at_end(guest, &now);
}

static const char *one_guest(uint64_t *random)
{
	enum fz_mode mode = fz_below(random, FZ_NR_MODES);
	const char *wrong = NULL;
	struct kt_guest guest;
	bool answered = true;

	if (make_guest(&guest, mode, random)) {
		set_state(guest.vcpu, mode, random);
		for (unsigned int i = 0; i < RUNS && !wrong; i++) {
			wrong = run_once(&guest, answered);
			if (wrong || kt_status(guest.vm).state != KEV_VM_ALIVE)
				break;
			answered = answer(guest.run, random);
			/* What was set may be gone, and other code in the same place. */
			if (fz_one_in(random, 8))
				set_state(guest.vcpu, mode, random);
		}
	} else {
		wrong = "no guest";
	}
	if (wrong)
		printf("kind %u, exit reason %x, problem \"%.48s\", RIP %llx\n",
		       guest.run ? guest.run->kind : 0, guest.run ? guest.run->exit_reason_raw : 0,
		       guest.run ? guest.run->entry.problem : "", guest.run ? guest.run->rip : 0);
	kt_guest_fini(&guest);
	return wrong;
}

static void sum_up(void)
{
	for (unsigned int i = 0; i < KEV_NR_EXIT_KINDS; i++)
		if (kinds[i])
			printf("%8lu %s\n", kinds[i], kind_names[i]);
	printf("%lu guests, %lu states taken and %lu refused, %lu RUNs interrupted\n",
	       options.guests, states_taken, states_refused, interrupted);
}

static void parse_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "first", required_argument, NULL, 'f' },
		{ "programs", required_argument, NULL, 'p' },
		{ "corpus", required_argument, NULL, 'c' },
		{ "out", required_argument, NULL, 'c' },
		{ },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 's':
			options.seed = strtoul(optarg, NULL, 0);
			break;
		case 'f':
			options.first = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			options.guests = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			break;		/* all that it needs is the seed */
		default:
			fputs("usage: guest [--seed N] [--first N] [--programs N]\n", stderr);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long i, unharmed;	/* before this guest the host was as ever */
	const char *wrong = NULL;

	parse_options(argc, argv);
	kt_pin(0);
	if (!fz_host_remember())
		return 1;
	unharmed = options.first;
	for (i = options.first; !wrong && i < options.first + options.guests; i++) {
		uint64_t random = options.seed * 0x10001 + (i << 32);

		fz_log(options.seed, i, "");
		wrong = one_guest(&random);
		if (wrong) {
			unharmed = i;
		} else if (i % LOOK == 0) {
			if (fz_host_unharmed())
				unharmed = i + 1;
			else
				wrong = "the host";
		}
		if (i % TELL == TELL - 1) {
			printf("%lu guests\n", i + 1);
			fflush(stdout);
		}
	}
	if (!wrong && !fz_host_unharmed())
		wrong = "the host";
	if (wrong)
		printf("found, seed %lu, guests %lu to %lu: %s\n", options.seed, unharmed, i - 1,
		       wrong);
	sum_up();
	return !!wrong;
}
