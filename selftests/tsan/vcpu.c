// SPDX-License-Identifier: GPL-2.0
/*
 * vCPUs, of which each has a thread, and those who want something of them. The thread goes
 * through what RUN does as far as others can tell (src/run.c: run_loaded(), must_leave() and the
 * part of prepare_entry() that waits); the backend is a fake, whose guest takes interrupts.
 */
#include <sched.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/exit.h>
#include <kev/region.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

#include "test.h"

#define ROUNDS		2000
#define VCPUS		2
/* Below all that others send */
#define EXTERNAL	0x30
#define FIRST		0x40

struct guest {
	struct kev_vcpu vcpu;
	/* Of the entry that follows: what was injected, -1 for nothing */
	int vector;
	bool nmi;
	bool window;
	/* What has arrived; the NMIs are the last one */
	unsigned long taken[KEV_NR_VECTORS + 1];
};

static struct kev_vm vm;
static struct guest guests[VCPUS];
u64 kev_host_xcr0;

/* ---- what else the module has ---- */

void kev_timer_create(struct kev_vcpu *vcpu) { }
void kev_timer_destroy(struct kev_vcpu *vcpu) { }
void kev_timer_stop(struct kev_vcpu *vcpu) { }
void kev_timer_start_count(struct kev_vcpu *vcpu, u64 ticks) { }
void kev_timer_set_lvt(struct kev_vcpu *vcpu, u32 old, u32 lvt) { }
void kev_timer_set_divide(struct kev_vcpu *vcpu, u32 old, u32 divide) { }
u32 kev_timer_count(const struct kev_vcpu *vcpu) { return 0; }
bool kev_timer_take(struct kev_vcpu *vcpu) { return false; }
void kev_mp_init(struct kev_vcpu *vcpu) { }
void kev_mp_sipi(struct kev_vcpu *vcpu, u8 vector) { }

/* ---- the backend ---- */

static struct guest *guest_of(struct kev_vcpu *vcpu)
{
	return container_of(vcpu, struct guest, vcpu);
}

/* One event an entry; the guest's window for the next one is behind it. */
static bool inject_interrupt(struct kev_vcpu *vcpu, u8 vector)
{
	struct guest *guest = guest_of(vcpu);

	guest->window = guest->vector >= 0 || guest->nmi;
	if (!guest->window)
		guest->vector = vector;
	return !guest->window;
}

static bool inject_nmi(struct kev_vcpu *vcpu)
{
	struct guest *guest = guest_of(vcpu);

	if (guest->nmi) {
		guest->window = true;
		return false;
	}
	guest->nmi = true;
	return true;
}

static bool nmi_blocked(struct kev_vcpu *vcpu)
{
	return guest_of(vcpu)->nmi;
}

static bool deliver(struct kev_vcpu *vcpu, int vector)
{
	return false;
}

static void apic_changed(struct kev_vcpu *vcpu) { }
static void watch_tpr(struct kev_vcpu *vcpu, u8 class) { }

static const struct kev_backend fake = {
	.inject_interrupt = inject_interrupt,
	.inject_nmi = inject_nmi,
	.nmi_blocked = nmi_blocked,
	.deliver = deliver,
	.apic_changed = apic_changed,
	.watch_tpr = watch_tpr,
};

const struct kev_backend *kev_backend = &fake;

/* ---- the guest ---- */

static void create(struct guest *guest, u32 id)
{
	struct kev_vcpu *vcpu = &guest->vcpu;

	vcpu->vm = &vm;
	vcpu->id = id;
	vcpu->guest_cpu = -1;
	guest->vector = -1;
	vcpu->msr.apic_base = KEV_APIC_BASE_DEFAULT | KEV_APIC_BASE_MODE;
	CHECK(!kev_apic_create(vcpu));
	kev_apic_write(vcpu, KEV_APIC_SVR, KEV_SVR_ENABLED | 0xff);
	vm.vcpus.entry[id] = vcpu;
}

static void create_all(void)
{
	kev_mem_pages_init(&vm.mem);
	for (u32 id = 0; id < VCPUS; id++)
		create(&guests[id], id);
}

/* Its handlers; returns whether there was anything. */
static bool handle(struct guest *guest)
{
	int vector = guest->vector;
	bool any = guest->nmi || vector >= 0;

	if (guest->nmi)
		__atomic_fetch_add(&guest->taken[KEV_NR_VECTORS], 1, __ATOMIC_RELAXED);
	if (vector >= FIRST)
		kev_apic_eoi(&guest->vcpu);
	if (vector >= 0)
		__atomic_fetch_add(&guest->taken[vector], 1, __ATOMIC_RELAXED);
	guest->vector = -1;
	guest->nmi = false;
	if (guest->window)
		kev_fast_window(&guest->vcpu, NULL);
	guest->window = false;
	return any;
}

/* Wait for the interrupt that ends guest mode */
static void spin(void)
{
	while (!shim_interrupted())
		sched_yield();
}

/* Enter until somebody has another request, or until the guest has had @events */
static void enter(struct guest *guest, int events)
{
	struct kev_vcpu *vcpu = &guest->vcpu;

	/* Before the look at requests; pairs with kev_vcpu_request(). */
	smp_store_mb(vcpu->guest_cpu, smp_processor_id());
	while (events && !(READ_ONCE(vcpu->requests) & ~BIT(KEV_REQ_INTERRUPT))) {
		kev_interrupt_offer(vcpu);
		if (handle(guest))
			events--;
		else if (!(READ_ONCE(vcpu->requests)))
			spin();
	}
	WRITE_ONCE(vcpu->guest_cpu, -1);
}

/* ---- interrupts: each of several senders sees each of its own arrive ---- */

#define SENDERS	3

static void wait_taken(struct guest *guest, int vector, unsigned long nr)
{
	while (READ_ONCE(guest->taken[vector]) < nr)
		sched_yield();
	CHECK(READ_ONCE(guest->taken[vector]) == nr);
}

static int sending;

static void send(int number)
{
	struct kev_apic_message message = {
		.dest = 0, .vector = FIRST + number, .mode = KEV_APIC_FIXED,
		.level = number == 1, .assert = true,
	};

	for (int i = 1; i <= ROUNDS; i++) {
		if (number < SENDERS) {
			CHECK(kev_apic_send(&vm, NULL, &message));
			wait_taken(&guests[0], FIRST + number, i);
		} else if (number == SENDERS) {
			CHECK(!kev_interrupt_raise(&guests[0].vcpu, EXTERNAL));
			wait_taken(&guests[0], EXTERNAL, i);
		} else {
			CHECK(kev_nmi_raise(&guests[0].vcpu));
			wait_taken(&guests[0], KEV_NR_VECTORS, i);
		}
	}
	if (!__atomic_sub_fetch(&sending, 1, __ATOMIC_ACQ_REL))
		kev_vcpu_request(&guests[0].vcpu, KEV_REQ_VM_ENDED);
}

static void interrupts(int number)
{
	struct kev_vcpu *vcpu = &guests[0].vcpu;

	if (number) {
		send(number - 1);
		return;
	}
	/* As RUN does, before it looks at requests */
	smp_store_mb(vcpu->runner, current);
	while (!test_bit(KEV_REQ_VM_ENDED, &vcpu->requests))
		enter(&guests[0], 100);
}

void test_interrupts(void)
{
	create_all();
	sending = SENDERS + 2;
	together(SENDERS + 3, interrupts);
}

/* ---- kicks: none is lost, wherever the vCPU is, and who owns the vCPU may change ---- */

static unsigned long kicked;

static void kicks(int number)
{
	struct kev_vcpu *vcpu = &guests[0].vcpu;

	if (number == 2) {
		for (unsigned long i = 1; i <= ROUNDS; i++) {
			kev_vcpu_request(vcpu, KEV_REQ_KICK);
			while (READ_ONCE(kicked) < i)
				sched_yield();
		}
		kev_vcpu_request(vcpu, KEV_REQ_VM_ENDED);
		return;
	}
	while (!test_bit(KEV_REQ_VM_ENDED, &vcpu->requests)) {
		if (!kev_vcpu_trylock(vcpu)) {
			sched_yield();
			continue;
		}
		/* What belongs to whoever holds the lock */
		vcpu->counts.loads++;
		vcpu->exit.event = number;
		enter(&guests[0], 1);
		if (test_and_clear_bit(KEV_REQ_KICK, &vcpu->requests)) {
			vcpu->counts.kicks++;
			WRITE_ONCE(kicked, vcpu->counts.kicks);
		}
		kev_vcpu_unlock(vcpu);
	}
}

void test_kicks(void)
{
	create_all();
	together(3, kicks);
	CHECK(guests[0].vcpu.counts.kicks == ROUNDS);
}

/* ---- halts: two vCPUs wake each other, and at the end nothing does ---- */

#define BALL	(FIRST + 8)

static bool to_sleep(struct kev_vcpu *vcpu)
{
	kev_halt_begin(vcpu, true, true);
	while (READ_ONCE(vcpu->mp) == KEV_MP_HALTED)
		if (!kev_halt_wait(vcpu))
			return false;
	return true;
}

static void throw(struct guest *from, int to)
{
	struct kev_apic_message message = {
		.dest = to, .vector = BALL, .mode = KEV_APIC_FIXED, .assert = true,
	};

	CHECK(kev_apic_send(&vm, &from->vcpu, &message));
}

static void halts(int number)
{
	struct guest *guest = &guests[number];
	struct kev_vcpu *vcpu = &guest->vcpu;

	/* As RUN does, before it looks at requests */
	smp_store_mb(vcpu->runner, current);
	if (!number)
		throw(guest, 1);
	for (unsigned long i = 1; i <= ROUNDS; i++) {
		/* While the ball is somewhere, something will wake each of them. */
		while (READ_ONCE(guest->taken[BALL]) < i) {
			CHECK(to_sleep(vcpu));
			enter(guest, 1);
		}
		if (!number && i == ROUNDS)
			break;
		throw(guest, !number);
	}
	/* Both find out, whoever is the last. */
	CHECK(!to_sleep(vcpu));
	CHECK(READ_ONCE(vcpu->mp) == KEV_MP_HALTED);
}

void test_halts(void)
{
	create_all();
	together(VCPUS, halts);
}

/* ---- stuck: what could still wake a vCPU goes away while it waits ---- */

static void stuck(int number)
{
	struct kev_vcpu *vcpu;

	if (number == VCPUS) {
		for (int i = 0; i < ROUNDS / 10; i++) {
			/* The last eventfd that interrupts; src/irq/msi.c */
			WRITE_ONCE(vm.nr_irqfds, 1);
			while (load(&sending) != 2 * i + 2)
				sched_yield();
			WRITE_ONCE(vm.nr_irqfds, 0);
			kev_halt_recheck(&vm);
			while (load(&kicked) != 2UL * i + 2)
				sched_yield();
		}
		return;
	}
	vcpu = &guests[number].vcpu;
	/* As RUN does, before it looks at requests */
	smp_store_mb(vcpu->runner, current);
	for (int i = 0; i < ROUNDS / 10; i++) {
		while (!READ_ONCE(vm.nr_irqfds))
			sched_yield();
		__atomic_fetch_add(&sending, 1, __ATOMIC_RELEASE);
		CHECK(!to_sleep(vcpu));
		__atomic_fetch_add(&kicked, 1, __ATOMIC_RELEASE);
		while (load(&kicked) < 2UL * i + 2)
			sched_yield();
		/* One that goes on would be what the other waits for. */
		kev_halt_end(vcpu);
	}
}

void test_stuck(void)
{
	create_all();
	together(VCPUS + 1, stuck);
}
