/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each vCPU's thread passes before it enters the guest, so that another thread can keep
 * all of them, or single ones, out of it.
 */
#ifndef KEVCTL_GATE_H
#define KEVCTL_GATE_H

#include <pthread.h>
#include <stdbool.h>

/* Where a vCPU's thread is */
enum gate_place {
	GATE_OUTSIDE,		/* held back, waiting for another vCPU, not started or ended */
	GATE_GUEST,		/* in KEV_VCPU_RUN */
	GATE_REPORT,		/* at work on what that has reported */
};

enum gate_pass {
	GATE_OPEN,		/* enter the guest; gate_left() is due */
	GATE_COMPLETE,		/* the same, but only to complete the answered instruction */
	GATE_AGAIN,		/* it was held back: look at what has changed */
};

struct gate_vcpu {
	enum gate_place place;
	bool held;
};

/**
 * struct gate - one for all vCPUs
 * @lock: guards all else for writing; the fast ways only read
 * @changed: broadcast when a place has changed while the gate is shut, and when it opens
 * @vcpus: by index
 * @nr_vcpus: how many
 * @pauses: how many want all of them outside
 * @shut: the fast way in is closed: a pause, or one is held
 * @quiet: a pause has waited: nobody enters the guest, not even to complete an instruction
 * @ended: open for good
 * @kick: makes a vCPU leave the guest soon
 * @owner: its first argument
 */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct gate_vcpu *vcpus;
	unsigned int nr_vcpus;
	unsigned int pauses;
	bool shut;
	bool quiet;
	bool ended;
	void (*kick)(void *owner, unsigned int index);
	void *owner;
};

/**
 * gate_init() - make an open gate; kick and owner are the caller's to set
 * @gate: zeroed
 * @nr_vcpus: how many
 *
 * Return: 0 or a negative errno.
 */
int gate_init(struct gate *gate, unsigned int nr_vcpus);

/* gate_fini() - undo gate_init(), which may have failed or not been called */
void gate_fini(struct gate *gate);

/**
 * gate_enter() - before each RUN
 * @gate: gate
 * @index: the calling thread's vCPU
 * @answered: RUN would complete an instruction first, whose report was answered
 *
 * Return: what to do.
 */
enum gate_pass gate_enter(struct gate *gate, unsigned int index, bool answered);

/* gate_left() - after each RUN */
void gate_left(struct gate *gate, unsigned int index);

/* The thread waits for something that only other vCPUs or devices can bring; goes on. */
void gate_rest(struct gate *gate, unsigned int index);
void gate_wake(struct gate *gate, unsigned int index);

/**
 * gate_pause() - get all vCPUs out of the guest, and keep them out
 * @gate: gate
 *
 * Instructions whose report was answered are completed. A vCPU that is at work on a report
 * for longer than a moment, a call of the guest that waits, stays there; it does not enter the
 * guest when it comes back. May be nested.
 */
void gate_pause(struct gate *gate);
void gate_resume(struct gate *gate);

/* gate_hold() - keep one vCPU out, or no longer, whether there is a pause or not */
void gate_hold(struct gate *gate, unsigned int index, bool held);

/* gate_end() - nobody is kept out any more */
void gate_end(struct gate *gate);

#endif /* KEVCTL_GATE_H */
