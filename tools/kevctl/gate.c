// SPDX-License-Identifier: GPL-2.0
/*
 * What each vCPU's thread passes before it enters the guest.
 *
 * A thread says where it is and then looks whether the gate is shut; who shuts it does so and
 * then looks where they are: one of the two sees the other.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "gate.h"

/* As long as a report may take that waits for nothing */
#define MOMENT_NS	100000000L
#define SECOND_NS	1000000000L

int gate_init(struct gate *gate, unsigned int nr_vcpus)
{
	pthread_condattr_t attributes;

	gate->vcpus = calloc(nr_vcpus, sizeof(*gate->vcpus));
	if (!gate->vcpus)
		return -ENOMEM;
	gate->nr_vcpus = nr_vcpus;
	pthread_mutex_init(&gate->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gate->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return 0;
}

void gate_fini(struct gate *gate)
{
	if (!gate->vcpus)
		return;
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
	free(gate->vcpus);
}

static void go(struct gate *gate, unsigned int index, enum gate_place place)
{
	__atomic_store_n(&gate->vcpus[index].place, place, __ATOMIC_SEQ_CST);
}

static enum gate_place place_of(struct gate *gate, unsigned int index)
{
	return __atomic_load_n(&gate->vcpus[index].place, __ATOMIC_SEQ_CST);
}

static bool is_shut(struct gate *gate)
{
	return __atomic_load_n(&gate->shut, __ATOMIC_SEQ_CST);
}

static bool keeps_out(const struct gate *gate, const struct gate_vcpu *vcpu)
{
	return !gate->ended && (gate->pauses || vcpu->held);
}

/* The lock is held. */
static void set_shut(struct gate *gate)
{
	bool shut = gate->pauses;

	for (unsigned int i = 0; i < gate->nr_vcpus; i++)
		shut |= gate->vcpus[i].held;
	__atomic_store_n(&gate->shut, shut && !gate->ended, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&gate->changed);
}

static enum gate_pass enter_slowly(struct gate *gate, struct gate_vcpu *vcpu, unsigned int index,
				   bool answered)
{
	enum gate_pass pass = GATE_OPEN;

	pthread_mutex_lock(&gate->lock);
	if (keeps_out(gate, vcpu)) {
		pass = answered && !gate->quiet ? GATE_COMPLETE : GATE_AGAIN;
		while (pass == GATE_AGAIN && keeps_out(gate, vcpu)) {
			go(gate, index, GATE_OUTSIDE);
			pthread_cond_broadcast(&gate->changed);
			pthread_cond_wait(&gate->changed, &gate->lock);
		}
	}
	if (pass != GATE_AGAIN)
		go(gate, index, GATE_GUEST);
	pthread_mutex_unlock(&gate->lock);
	return pass;
}

enum gate_pass gate_enter(struct gate *gate, unsigned int index, bool answered)
{
	go(gate, index, GATE_GUEST);
	if (!is_shut(gate))
		return GATE_OPEN;
	return enter_slowly(gate, &gate->vcpus[index], index, answered);
}

/* The thread is at another place; whoever waits for that has to look. */
static void move(struct gate *gate, unsigned int index, enum gate_place place)
{
	go(gate, index, place);
	if (!is_shut(gate))
		return;
	pthread_mutex_lock(&gate->lock);
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

void gate_left(struct gate *gate, unsigned int index)
{
	move(gate, index, GATE_REPORT);
}

void gate_rest(struct gate *gate, unsigned int index)
{
	move(gate, index, GATE_OUTSIDE);
}

void gate_wake(struct gate *gate, unsigned int index)
{
	move(gate, index, GATE_REPORT);
}

static bool someone_is(struct gate *gate, enum gate_place place)
{
	for (unsigned int i = 0; i < gate->nr_vcpus; i++)
		if (place_of(gate, i) == place)
			return true;
	return false;
}

void gate_pause(struct gate *gate)
{
	struct timespec until;
	bool late = false;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += MOMENT_NS;
	if (until.tv_nsec >= SECOND_NS) {
		until.tv_sec++;
		until.tv_nsec -= SECOND_NS;
	}

	pthread_mutex_lock(&gate->lock);
	gate->pauses++;
	set_shut(gate);
	for (unsigned int i = 0; i < gate->nr_vcpus; i++)
		gate->kick(gate->owner, i);
	while (!gate->ended &&
	       (someone_is(gate, GATE_GUEST) || (someone_is(gate, GATE_REPORT) && !late)))
		if (late)
			pthread_cond_wait(&gate->changed, &gate->lock);
		else
			late = pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
	gate->quiet = true;
	pthread_mutex_unlock(&gate->lock);
}

void gate_resume(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	if (!--gate->pauses)
		gate->quiet = false;
	set_shut(gate);
	pthread_mutex_unlock(&gate->lock);
}

void gate_hold(struct gate *gate, unsigned int index, bool held)
{
	pthread_mutex_lock(&gate->lock);
	gate->vcpus[index].held = held;
	set_shut(gate);
	pthread_mutex_unlock(&gate->lock);
}

void gate_end(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->ended = true;
	set_shut(gate);
	pthread_mutex_unlock(&gate->lock);
}
