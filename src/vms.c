// SPDX-License-Identifier: GPL-2.0-only
/*
 * All VMs that there are, and the tables of them in debugfs.
 *
 * There is one file for each table, whatever the number of VMs: a VM's making and its end
 * cost no directory entry.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <kev/stats.h>
#include <kev/trace.h>
#include <kev/vm.h>

static LIST_HEAD(vms);		/* [vms_lock] by number */
static u64 last_id;		/* [vms_lock] */
static DEFINE_SPINLOCK(vms_lock);	/* innermost */

static struct dentry *dir;

/**
 * kev_vms_add() - a VM is made: it gets its number
 * @vm: whole, but for the fd
 */
void kev_vms_add(struct kev_vm *vm)
{
	vm->pid = task_tgid_nr(current);
	get_task_comm(vm->comm, current->group_leader);
	spin_lock(&vms_lock);
	vm->id = ++last_id;
	vm->mem.id = vm->id;
	list_add_tail(&vm->link, &vms);
	spin_unlock(&vms_lock);
	trace_kev_vm_create(vm);
}

/**
 * kev_vms_remove() - nobody can find the VM any more
 * @vm: without references
 */
void kev_vms_remove(struct kev_vm *vm)
{
	trace_kev_vm_destroy(vm);
	spin_lock(&vms_lock);
	list_del(&vm->link);
	spin_unlock(&vms_lock);
}

/* A reference to the first VM whose number is at least this; NULL for none */
static struct kev_vm *get_from(u64 id)
{
	struct kev_vm *vm, *found = NULL;

	spin_lock(&vms_lock);
	list_for_each_entry(vm, &vms, link) {
		if (vm->id >= id && kref_get_unless_zero(&vm->ref)) {
			found = vm;
			break;
		}
	}
	spin_unlock(&vms_lock);
	return found;
}

/* A reference to the one behind a VM that we have a reference to */
static struct kev_vm *get_next(struct kev_vm *vm)
{
	struct kev_vm *found = NULL;

	spin_lock(&vms_lock);
	list_for_each_entry_continue(vm, &vms, link) {
		if (kref_get_unless_zero(&vm->ref)) {
			found = vm;
			break;
		}
	}
	spin_unlock(&vms_lock);
	return found;
}

/* A table's position is 0 for its first line, and then a VM's number. */
static void *table_start(struct seq_file *file, loff_t *pos)
{
	return *pos ? get_from(*pos) : SEQ_START_TOKEN;
}

static void *table_next(struct seq_file *file, void *v, loff_t *pos)
{
	struct kev_vm *vm = v, *next;

	if (v == SEQ_START_TOKEN) {
		*pos = 1;
		return get_from(*pos);
	}
	*pos = vm->id + 1;
	next = get_next(vm);
	kev_vm_put(vm);
	return next;
}

static void table_stop(struct seq_file *file, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		kev_vm_put(v);
}

#define TABLE(_name, _show_names, _show)					\
static int _name ## _show_line(struct seq_file *file, void *v)			\
{										\
	if (v == SEQ_START_TOKEN)						\
		_show_names(file);						\
	else									\
		_show(file, v);							\
	return 0;								\
}										\
static const struct seq_operations _name ## _sops = {				\
	.start = table_start,							\
	.next = table_next,							\
	.stop = table_stop,							\
	.show = _name ## _show_line,						\
};										\
DEFINE_SEQ_ATTRIBUTE(_name)

TABLE(vms, kev_show_vm_names, kev_show_vm);
TABLE(vcpus, kev_show_vcpu_names, kev_show_vcpus);
TABLE(exits, kev_show_exit_names, kev_show_exits);

/**
 * kev_vms_init() - make the tables
 *
 * Without debugfs there are none, which is no error.
 */
void kev_vms_init(void)
{
	dir = debugfs_create_dir("kev", NULL);
	debugfs_create_file("vms", 0400, dir, NULL, &vms_fops);
	debugfs_create_file("vcpus", 0400, dir, NULL, &vcpus_fops);
	debugfs_create_file("exits", 0400, dir, NULL, &exits_fops);
}

/**
 * kev_vms_exit() - take the tables away
 */
void kev_vms_exit(void)
{
	debugfs_remove(dir);
}
