// SPDX-License-Identifier: GPL-2.0
/*
 * Random states through the entry check and through the CPU: does each refuse what the other
 * does. For a module with unchecked.patch, whose KEV_VCPU_SET_STATE takes what the check
 * refuses and tells of it all the same. Not a test of a module as it is.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "host.h"
#include "state.h"

/* States that are asked for, for each that the vCPU takes, at most */
#define TRIES	64

/* How many are made for each that is wanted, at most */
#define MOST	20
/* One in so many may differ for a reason that is known: RIP has many bits that can be wrong. */
#define EXCUSED	10

/* What the emulator's entry leaves out, by how the check's words begin */
static const char *const not_checked_here[] = {
	"RIP: is not canonical",
	"SS: DPL",
	"CS: DPL is not SS.DPL",
	"CS: conforms",
	"ACTIVITY: halted, and SS.DPL",
	/* #CP, which the emulator's CPUs do not know, and which newer ones want otherwise */
	"EVENT: is #CP",
	"PENDING_DEBUG: lacks BS",
	"PENDING_DEBUG: has BS",
};

static unsigned long compared, both_take, both_refuse, excused;

static bool left_out(const struct kev_vcpu_state *state)
{
	const char *problem = state->problem;

	/* Of these it looks at the lower 32. */
	if (!strcmp(problem, "PENDING_DEBUG: has reserved bits"))
		return state->interrupts.pending_debug >> 32 &&
		       !(state->interrupts.pending_debug & 0xffffaff0);
	for (unsigned int i = 0; i < ARRAY_SIZE(not_checked_here); i++)
		if (!strncmp(problem, not_checked_here[i], strlen(not_checked_here[i])))
			return true;
	return false;
}

/* A state that can be set: each of its values is possible by itself. */
static bool ask(struct kt_guest *guest, enum fz_mode mode, struct kev_vcpu_state *state,
		uint64_t *random)
{
	struct kev_vcpu_state boot = { 0 };

	if (kt_get_state(guest->vcpu, KT_STATE_REGISTERS, &boot))
		return false;
	for (unsigned int i = 0; i < TRIES; i++) {
		*state = boot;
		fz_state(state, mode, fz_below(random, 4), random);
		/* What waits is delivered after the entry, and is not part of the question. */
		state->interrupts.nmis = 0;
		state->interrupts.external = 0;
		/* Bochs gives up at an event of type 7. */
		if ((state->interrupts.event >> 8 & 7) == 7)
			state->interrupts.event = 0;
		/* And at EFER.LMA in real mode */
		if (!(state->controls.cr0 & 1))
			state->controls.efer &= ~0x400ULL;
		if (!kt_set_state(guest->vcpu, KT_STATE_REGISTERS, state))
			return true;
	}
	return false;
}

/* False if check and CPU do not agree, and nobody knows why */
static bool compare(struct kt_guest *guest, const struct kev_vcpu_state *state,
		    unsigned long number)
{
	bool taken = !*state->problem, entered;
	long ret;

	ret = fz_run(guest->vcpu);
	if (ret && ret != -EINTR) {
		printf("%lu: RUN: %s\n", number, strerror(-ret));
		return false;
	}
	/* It may not have come to an entry at all. */
	if (!kt_vcpu_stats(guest->vcpu).entries)
		return true;
	entered = ret || guest->run->kind != KEV_EXIT_ENTRY_FAILED;
	compared++;
	both_take += taken && entered;
	both_refuse += !taken && !entered;
	if (taken == entered)
		return true;
	/* Page-directory-pointer entries come from memory, at the entry. */
	if (entered ? left_out(state) : fz_only_here(state) ||
	    !strncmp(guest->run->entry.problem, "PDPTE", 5)) {
		excused++;
		return true;
	}
	if (entered)
		printf("%lu: entered in spite of \"%.48s\": %ld, kind %u, reason %x\n", number,
		       state->problem, ret, guest->run->kind, guest->run->exit_reason_raw);
	else
		printf("%lu: not entered: reason %x, error %u, \"%.48s\"\n", number,
		       guest->run->exit_reason_raw, guest->run->entry.instruction_error,
		       guest->run->entry.problem);
	return false;
}

static bool one_state(uint64_t seed, unsigned long number)
{
	uint64_t random = seed * 0x10001 + (number << 32);
	enum fz_mode mode = fz_below(&random, FZ_NR_MODES);
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;
	bool good = true;

	fz_log(seed, number, "");
	if (kt_guest_init(&guest, &kt_hlt, KEV_VM_REPORT_HLT, NULL) ||
	    !fz_write_memory(guest.vm, mode, &random)) {
		printf("%lu: no guest\n", number);
		good = false;
	} else if (ask(&guest, mode, &state, &random)) {
		good = compare(&guest, &state, number);
	}
	kt_guest_fini(&guest);
	return good;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "states", required_argument, NULL, 'n' },
		{ },
	};
	unsigned long states = 1000, wrong = 0, i;
	uint64_t seed = 1;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 's') {
			seed = strtoul(optarg, NULL, 0);
		} else if (c == 'n') {
			states = strtoul(optarg, NULL, 0);
		} else {
			fputs("usage: entry [--seed N] [--states N]\n", stderr);
			return 2;
		}
	}
	kt_pin(0);
	if (!fz_host_remember())
		return 1;
	/* As many of each verdict, however many it takes: not all come to an entry. */
	for (i = 0; (both_take < states || both_refuse < states) && i < MOST * states; i++)
		wrong += !one_state(seed, i);
	printf("%lu states: %lu taken and %lu refused by both, %lu known to differ, %lu wrong\n",
	       compared, both_take, both_refuse, excused, wrong);
	if (both_take < states || both_refuse < states)
		printf("too few after %lu that were made\n", i);
	else if (excused > compared / EXCUSED)
		printf("too many differ\n");
	else
		return wrong || !fz_host_unharmed();
	return 1;
}
