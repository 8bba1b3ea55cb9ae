// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VMs and vCPUs have counted, told by calls and as lines of tables.
 *
 * The hot path increments one number for an exit. Whatever follows from others is
 * computed here, when somebody asks.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>
#include <kev/apic_math.h>
#include <kev/stats.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/**
 * kev_counts_add() - add one vCPU's counters to a sum
 * @sum: the sum
 * @part: counters that somebody may be writing
 *
 * Of the first entries the earlier one stays.
 */
void kev_counts_add(struct kev_counts *sum, const struct kev_counts *part)
{
	const size_t nr = offsetof(struct kev_counts, first_entry) / sizeof(u64);
	const u64 *from = (const u64 *)part;
	u64 first = READ_ONCE(part->first_entry);
	u64 *to = (u64 *)sum;

	BUILD_BUG_ON(sizeof(*sum) != (nr + 1) * sizeof(u64));
	for (size_t i = 0; i < nr; i++)
		to[i] += READ_ONCE(from[i]);
	if (first && (!sum->first_entry || first < sum->first_entry))
		sum->first_entry = first;
}

/* Exits of one kind that the entry loop has answered: never less than nothing. */
static u64 count_fast(const struct kev_counts *counts, unsigned int event)
{
	u64 slow = READ_ONCE(counts->slow[event]);

	return READ_ONCE(counts->exits[event]) - slow;
}

/* In its guest, or about to be: an entry whose exit is still to come */
static bool in_guest(const struct kev_vcpu *vcpu)
{
	return READ_ONCE(vcpu->guest_cpu) >= 0;
}

/* @vcpu is NULL for those that are gone */
static void add_stats(struct kev_vcpu_stats *stats, const struct kev_counts *counts,
		      const struct kev_vcpu *vcpu)
{
	for (unsigned int event = 0; event < KEV_NR_EVENTS; event++) {
		u64 *kind = (void *)stats + kev_exit_table[event].counter;
		u64 exits = READ_ONCE(counts->exits[event]);

		*kind += exits;
		stats->exits += exits;
		stats->entries += exits;
		stats->fast += count_fast(counts, event);
	}
	stats->entries += vcpu && in_guest(vcpu);
	stats->reports += READ_ONCE(counts->reports);
	stats->kicks += READ_ONCE(counts->kicks);
}

/**
 * struct activity - the counters of a vCPU, or the sum over several, as they are told
 * @stats: its size and flags say nothing
 * @injected: by enum kev_injected
 * @loads: see struct kev_counts; so is the next one
 * @migrations: see there
 * @guest_ns: host time in those stays
 * @first_entry_ns: from the VM's making to the first stay; 0 before it
 */
struct activity {
	struct kev_vcpu_stats stats;
	u64 injected[KEV_NR_INJECTED];
	u64 loads;
	u64 migrations;
	u64 guest_ns;
	u64 first_entry_ns;
};

/* A number that has a name */
struct field {
	const char *name;
	u32 offset;
};

#define FIELD(type, name)	{ #name, offsetof(struct type, name) }
#define STATS(name)		{ #name, offsetof(struct activity, stats.name) }
#define INJECTED(name, kind)	{ "injected_" #name, offsetof(struct activity, injected[kind]) }

static const struct field activity_fields[] = {
	STATS(entries),
	STATS(exits),
	STATS(fast),
	STATS(reports),
	STATS(kicks),
	INJECTED(interrupts, KEV_INJECTED_INTERRUPT),
	INJECTED(nmis, KEV_INJECTED_NMI),
	INJECTED(exceptions, KEV_INJECTED_EXCEPTION),
	INJECTED(software, KEV_INJECTED_SOFTWARE),
	FIELD(activity, loads),
	FIELD(activity, migrations),
	FIELD(activity, guest_ns),
	FIELD(activity, first_entry_ns),
};

/* A VM's memory likewise; faults by enum kev_made */
struct memory {
	struct kev_vm_stats stats;
	u64 faults[KEV_NR_MADE];
};

#define MEMORY(name)		{ #name, offsetof(struct memory, stats.name) }
#define FAULTS(name, made)	{ "faults_" #name, offsetof(struct memory, faults[made]) }

static const struct field memory_fields[] = {
	MEMORY(resident_pages),
	MEMORY(ram_pages),
	MEMORY(image_pages),
	MEMORY(boot_pages),
	MEMORY(shared_pages),
	MEMORY(huge_pages),
	MEMORY(table_pages),
	MEMORY(file_pages),
	MEMORY(read_pages),
	MEMORY(file_bytes),
	MEMORY(header_bytes),
	MEMORY(copied_pages),
	MEMORY(around_pages),
	MEMORY(faults),
	FAULTS(nothing, KEV_MADE_NOTHING),
	FAULTS(zero, KEV_MADE_ZERO),
	FAULTS(huge, KEV_MADE_HUGE),
	FAULTS(shared, KEV_MADE_SHARED),
	FAULTS(file, KEV_MADE_FILE),
	FAULTS(copy, KEV_MADE_COPY),
	FAULTS(boot, KEV_MADE_BOOT),
	FAULTS(user, KEV_MADE_USER),
	MEMORY(flushes),
};

static u64 value_of(const struct field *field, const void *values)
{
	return *(const u64 *)(values + field->offset);
}

static void add_activity(struct activity *sum, const struct kev_vm *vm,
			 const struct kev_counts *counts, const struct kev_vcpu *vcpu)
{
	u64 first = READ_ONCE(counts->first_entry), ns;

	add_stats(&sum->stats, counts, vcpu);
	for (unsigned int kind = 0; kind < KEV_NR_INJECTED; kind++)
		sum->injected[kind] += READ_ONCE(counts->injected[kind]);
	sum->loads += READ_ONCE(counts->loads);
	sum->migrations += READ_ONCE(counts->migrations);
	sum->guest_ns += kev_tsc_to_ns(READ_ONCE(counts->guest_tsc), tsc_khz);
	if (!first)
		return;
	/* Another CPU's TSC may be behind that of who made the VM. */
	ns = first > vm->tsc_base ? kev_tsc_to_ns(first - vm->tsc_base, tsc_khz) : 0;
	if (!sum->first_entry_ns || ns < sum->first_entry_ns)
		sum->first_entry_ns = ns;
}

/* @vm's lock is held. */
static void sum_activity(struct activity *sum, struct kev_vm *vm)
{
	struct kev_vcpu *vcpu;
	unsigned long id;

	lockdep_assert_held(&vm->lock);
	add_activity(sum, vm, &vm->past, NULL);
	xa_for_each(&vm->vcpus, id, vcpu)
		add_activity(sum, vm, &vcpu->counts, vcpu);
}

static void read_memory(struct memory *memory, struct kev_vm *vm)
{
	kev_mem_stats(&vm->mem, &memory->stats);
	kev_mem_faults(&vm->mem, memory->faults);
}

/* KEV_VCPU_STATS */
long kev_vcpu_get_stats(void *object, void *arg)
{
	struct kev_vcpu_stats *stats = arg;
	struct kev_vcpu *vcpu = object;

	if (stats->flags)
		return -EINVAL;
	*stats = (struct kev_vcpu_stats) { .size = stats->size };
	add_stats(stats, &vcpu->counts, vcpu);
	return 0;
}

/* KEV_VM_STATS */
long kev_vm_get_stats(void *object, void *arg)
{
	struct kev_vm_stats *stats = arg;
	struct kev_vm *vm = object;
	struct kev_vcpu *vcpu;
	unsigned long id;

	if (stats->flags)
		return -EINVAL;
	*stats = (struct kev_vm_stats) { .size = stats->size, .id = vm->id };
	kev_mem_stats(&vm->mem, stats);
	mutex_lock(&vm->lock);
	stats->vcpus = vm->vcpus_made;
	add_stats(&stats->vcpu, &vm->past, NULL);
	xa_for_each(&vm->vcpus, id, vcpu)
		add_stats(&stats->vcpu, &vcpu->counts, vcpu);
	mutex_unlock(&vm->lock);
	return 0;
}

/* Everything that struct kev_counters tells */
struct snapshot {
	struct activity activity;
	struct memory memory;
	struct kev_counter counter[ARRAY_SIZE(activity_fields) + ARRAY_SIZE(memory_fields)];
	u32 nr_counters;
	struct kev_exit_count exit[KEV_NR_EVENTS];
};

static void add_exits(struct snapshot *shot, const struct kev_counts *counts)
{
	for (unsigned int event = 0; event < KEV_NR_EVENTS; event++) {
		/* In this order there is never less of the first than of the second. */
		shot->exit[event].slow += READ_ONCE(counts->slow[event]);
		shot->exit[event].exits += READ_ONCE(counts->exits[event]);
		shot->exit[event].reported += READ_ONCE(counts->reported[event]);
	}
}

static void add_counters(struct snapshot *shot, const struct field *fields, unsigned int nr,
			 const void *values)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct kev_counter *counter = &shot->counter[shot->nr_counters++];

		strscpy(counter->name, fields[i].name, sizeof(counter->name));
		counter->value = value_of(&fields[i], values);
	}
}

static int copy_counters(const struct snapshot *shot, struct kev_counters *args)
{
	bool room = args->nr_counters >= shot->nr_counters && args->nr_exits >= KEV_NR_EVENTS;

	args->nr_counters = shot->nr_counters;
	args->nr_exits = KEV_NR_EVENTS;
	if (!room)
		return -E2BIG;
	if (copy_to_user(u64_to_user_ptr(args->counters), shot->counter,
			 array_size(shot->nr_counters, sizeof(shot->counter[0]))) ||
	    copy_to_user(u64_to_user_ptr(args->exits), shot->exit, sizeof(shot->exit)))
		return -EFAULT;
	return 0;
}

static struct snapshot *new_snapshot(const struct kev_counters *args)
{
	struct snapshot *shot;

	if (args->flags)
		return ERR_PTR(-EINVAL);
	shot = kvzalloc(sizeof(*shot), GFP_KERNEL);
	if (!shot)
		return ERR_PTR(-ENOMEM);
	for (unsigned int event = 0; event < KEV_NR_EVENTS; event++)
		strscpy(shot->exit[event].name, kev_exit_table[event].name,
			sizeof(shot->exit[event].name));
	return shot;
}

/* KEV_VCPU_COUNTERS */
long kev_vcpu_get_counters(void *object, void *arg)
{
	const struct kev_vcpu *vcpu = object;
	struct snapshot *shot = new_snapshot(arg);
	long ret;

	if (IS_ERR(shot))
		return PTR_ERR(shot);
	add_activity(&shot->activity, vcpu->vm, &vcpu->counts, vcpu);
	add_exits(shot, &vcpu->counts);
	add_counters(shot, activity_fields, ARRAY_SIZE(activity_fields), &shot->activity);
	ret = copy_counters(shot, arg);
	kvfree(shot);
	return ret;
}

/* KEV_VM_COUNTERS */
long kev_vm_get_counters(void *object, void *arg)
{
	struct snapshot *shot = new_snapshot(arg);
	struct kev_vm *vm = object;
	struct kev_vcpu *vcpu;
	unsigned long id;
	long ret;

	if (IS_ERR(shot))
		return PTR_ERR(shot);
	mutex_lock(&vm->lock);
	sum_activity(&shot->activity, vm);
	add_exits(shot, &vm->past);
	xa_for_each(&vm->vcpus, id, vcpu)
		add_exits(shot, &vcpu->counts);
	mutex_unlock(&vm->lock);
	read_memory(&shot->memory, vm);
	add_counters(shot, activity_fields, ARRAY_SIZE(activity_fields), &shot->activity);
	add_counters(shot, memory_fields, ARRAY_SIZE(memory_fields), &shot->memory);
	ret = copy_counters(shot, arg);
	kvfree(shot);
	return ret;
}

static void show_names(struct seq_file *file, const struct field *fields, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		seq_printf(file, " %s", fields[i].name);
}

static void show_values(struct seq_file *file, const struct field *fields, unsigned int nr,
			const void *values)
{
	for (unsigned int i = 0; i < nr; i++)
		seq_put_decimal_ull(file, " ", value_of(&fields[i], values));
}

/**
 * kev_show_vm_names() - the first line of a table of VMs
 * @file: where to
 */
void kev_show_vm_names(struct seq_file *file)
{
	seq_puts(file, "vm pid state vcpus");
	show_names(file, activity_fields, ARRAY_SIZE(activity_fields));
	show_names(file, memory_fields, ARRAY_SIZE(memory_fields));
	seq_puts(file, " comm\n");
}

/**
 * kev_show_vm() - a VM as a line of that table
 * @file: where to
 * @vm: the caller has a reference
 *
 * Context: process, may sleep.
 */
void kev_show_vm(struct seq_file *file, struct kev_vm *vm)
{
	static const char * const states[] = {
		[KEV_VM_ALIVE] = "alive",
		[KEV_VM_EXITED] = "exited",
		[KEV_VM_FAILED] = "failed",
	};
	struct memory memory = {};
	struct activity activity = {};

	mutex_lock(&vm->lock);
	sum_activity(&activity, vm);
	mutex_unlock(&vm->lock);
	read_memory(&memory, vm);
	seq_printf(file, "%llu %d %s %u", vm->id, vm->pid, states[READ_ONCE(vm->state)],
		   READ_ONCE(vm->nr_vcpus));
	show_values(file, activity_fields, ARRAY_SIZE(activity_fields), &activity);
	show_values(file, memory_fields, ARRAY_SIZE(memory_fields), &memory);
	seq_putc(file, ' ');
	seq_escape_str(file, vm->comm, ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND, "\\");
	seq_putc(file, '\n');
}

/**
 * kev_show_vcpu_names() - the first line of a table of vCPUs
 * @file: where to
 */
void kev_show_vcpu_names(struct seq_file *file)
{
	seq_puts(file, "vm vcpu cpu state");
	show_names(file, activity_fields, ARRAY_SIZE(activity_fields));
	seq_putc(file, '\n');
}

/**
 * kev_show_vcpus() - a VM's vCPUs as lines of that table
 * @file: where to
 * @vm: the caller has a reference
 *
 * Context: process, may sleep.
 */
void kev_show_vcpus(struct seq_file *file, struct kev_vm *vm)
{
	static const char * const states[] = {
		[KEV_MP_RUNNABLE] = "runnable",
		[KEV_MP_HALTED] = "halted",
		[KEV_MP_WAIT_FOR_SIPI] = "wait_for_sipi",
	};
	struct kev_vcpu *vcpu;
	unsigned long id;

	mutex_lock(&vm->lock);
	xa_for_each(&vm->vcpus, id, vcpu) {
		struct activity activity = {};

		add_activity(&activity, vm, &vcpu->counts, vcpu);
		seq_printf(file, "%llu %u %d %s", vm->id, vcpu->id, READ_ONCE(vcpu->guest_cpu),
			   states[READ_ONCE(vcpu->mp)]);
		show_values(file, activity_fields, ARRAY_SIZE(activity_fields), &activity);
		seq_putc(file, '\n');
	}
	mutex_unlock(&vm->lock);
}

static void show_exits(struct seq_file *file, const struct kev_vm *vm, const char *vcpu,
		       const struct kev_counts *counts)
{
	for (unsigned int event = 0; event < KEV_NR_EVENTS; event++) {
		u64 slow = READ_ONCE(counts->slow[event]);
		u64 exits = READ_ONCE(counts->exits[event]);

		if (exits)
			seq_printf(file, "%llu %s %llu %llu %llu %s\n", vm->id, vcpu, exits, slow,
				   READ_ONCE(counts->reported[event]), kev_exit_table[event].name);
	}
}

/**
 * kev_show_exit_names() - the first line of a table of exits
 * @file: where to
 */
void kev_show_exit_names(struct seq_file *file)
{
	seq_puts(file, "vm vcpu exits slow reported name\n");
}

/**
 * kev_show_exits() - a VM's exits as lines of that table
 * @file: where to
 * @vm: the caller has a reference
 *
 * One line for each kind that has come; those of vCPUs that are gone have "-" for the vCPU.
 *
 * Context: process, may sleep.
 */
void kev_show_exits(struct seq_file *file, struct kev_vm *vm)
{
	struct kev_vcpu *vcpu;
	char name[8];
	unsigned long id;

	mutex_lock(&vm->lock);
	show_exits(file, vm, "-", &vm->past);
	xa_for_each(&vm->vcpus, id, vcpu) {
		snprintf(name, sizeof(name), "%u", vcpu->id);
		show_exits(file, vm, name, &vcpu->counts);
	}
	mutex_unlock(&vm->lock);
}
