// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation, and every copy from or to user space, that a call on a VM makes
 * fails once. Guards that the call then says so by an errno that it has, that the same call
 * works right after, that what it was made on goes on, and that nothing is left: no
 * descriptor, VM, pin, object or page. The same holds for a signal that comes in the middle
 * of a call. Failures need a kernel with fail-nth.
 */
#include "kselftest_harness.h"

#include <sys/mman.h>

#include "boot.h"
#include "world.h"

#define DATA(page)	(KT_DATA_GPA + (page) * KT_PAGE)
#define DEVICE_GPA	(256 * KT_MIB)
#define CROWD_GPA	(1024 * KT_MIB)
/* So many regions that those which a VM has room for are taken */
#define CROWD		16UL
#define BOTH		(KEV_MEM_READ | KEV_MEM_WRITE)

/* ---- calls on the device ---- */

static long call_query(struct kt_world *w)
{
	struct kev_query query = { .size = sizeof(query) };

	return kt_ioctl(w->vm.kev, KEV_QUERY, &query);
}

static long call_open(struct kt_world *w)
{
	return kt_world_open(w);
}

static long call_create_vm(struct kt_world *w)
{
	return kt_world_create_vm(w);
}

static const struct kt_call device_calls[] = {
	KT_CALL("open", KT_NOTHING, NULL, call_open),
	KT_CALL("KEV_QUERY", KT_DEVICE, NULL, call_query),
	KT_CALL("KEV_CREATE_VM", KT_DEVICE, NULL, call_create_vm),
	{ .name = NULL }
};

/* ---- memory ---- */

static int crowd(struct kt_world *w)
{
	int ret = 0;

	for (uint64_t i = 0; !ret && i < CROWD; i++)
		ret = kt_add_ram(w->vm.vm, CROWD_GPA + 2 * i * KT_PAGE, KT_PAGE);
	return ret;
}

/* Each kind comes back with the next region. */
static long call_add(struct kt_world *w)
{
	uint32_t kind = w->call->arg;

	switch (kind) {
	case KEV_REGION_USER:
		return kt_add_user(w->vm.vm, KT_WORLD_RAM, KT_WORLD_PAGES * KT_PAGE, w->user, BOTH);
	case KEV_REGION_FILE:
		return kt_add_file(w->vm.vm, KT_WORLD_RAM, KT_WORLD_PAGES * KT_PAGE, w->file, 0,
				   KT_PAGE);
	case KEV_REGION_TRAP:
		return kt_add_region(w->vm.vm, kind, 0, KT_WORLD_RAM, KT_PAGE);
	case KEV_REGION_READ_TRAP:
	case KEV_REGION_PRINT:
		return kt_add_region(w->vm.vm, kind, KEV_MEM_READ, KT_WORLD_RAM, KT_PAGE);
	default:
		return kt_add_region(w->vm.vm, kind, BOTH, KT_WORLD_RAM, KT_WORLD_RAM_SIZE);
	}
}

static int crowd_and_add(struct kt_world *w)
{
	return crowd(w) ?: call_add(w);
}

static long call_remove(struct kt_world *w)
{
	struct kev_query_memory query = { 0 };
	int ret = kt_query_memory(w->vm.vm, KT_WORLD_RAM, &query);

	return ret ?: kt_remove_region(w->vm.vm, KT_WORLD_RAM, query.length);
}

/* RAM, and a page of it that is there: of 2 MiB, where the VM has such */
static int touch_ram(struct kt_world *w)
{
	if (kt_world_add_ram(w))
		return -EIO;
	return kt_write_guest(w->vm.vm, KT_WORLD_RAM, "touched", 8) == 8 ? 0 : -EIO;
}

static long call_query_memory(struct kt_world *w)
{
	struct kev_query_memory query = { 0 };

	return kt_query_memory(w->vm.vm, KT_WORLD_RAM, &query);
}

static long call_discard(struct kt_world *w)
{
	return kt_discard(w->vm.vm, KT_WORLD_RAM, KT_PAGE);
}

static long call_dirty(struct kt_world *w)
{
	uint64_t bitmap[KT_WORLD_RAM_SIZE / KT_PAGE / 64];
	long pages = kt_get_dirty(w->vm.vm, KT_WORLD_RAM, KT_WORLD_RAM_SIZE, bitmap);

	return pages < 0 ? pages : 0;
}

/* All of the image's data, on the way to which the guest's page tables are */
static long call_translate(struct kt_world *w)
{
	struct kev_translate args = {
		.size = sizeof(args), .flags = w->call->arg, .address = DATA(0),
	};
	long ret = kt_ioctl(w->vm.vm, KEV_VM_TRANSLATE, &args);

	return ret ?: args.gpa == DATA(0) ? 0 : -EIO;
}

static long access_memory(struct kt_world *w, unsigned long cmd, uint64_t gpa)
{
	uint64_t words[2] = { 0x1234, 0 };
	struct kev_access args = {
		.size = sizeof(args), .address = gpa, .buffer = (uintptr_t)words, .length = 16,
	};
	long ret = kt_ioctl(w->vm.vm, cmd, &args);

	return ret ?: args.done == 16 ? 0 : -EIO;
}

static long call_read(struct kt_world *w)
{
	return access_memory(w, KEV_VM_READ, DATA(0));
}

static long call_write(struct kt_world *w)
{
	return access_memory(w, KEV_VM_WRITE, w->call->arg);
}

static int read_first(struct kt_world *w)
{
	return call_read(w);
}

#define ADD(text, kind)		KT_CALL(text, KT_VM, crowd, call_add, .arg = kind)
#define REMOVE(text, kind)	KT_CALL(text, KT_VM, crowd_and_add, call_remove, .arg = kind)

static const struct kt_call memory_calls[] = {
	ADD("add RAM", KEV_REGION_RAM),
	ADD("add a trap", KEV_REGION_TRAP),
	ADD("add a trap for writes", KEV_REGION_READ_TRAP),
	ADD("add memory of the caller", KEV_REGION_USER),
	ADD("add a notify region", KEV_REGION_NOTIFY),
	ADD("add a file", KEV_REGION_FILE),
	ADD("add a print device", KEV_REGION_PRINT),
	REMOVE("remove RAM", KEV_REGION_RAM),
	REMOVE("remove memory of the caller", KEV_REGION_USER),
	REMOVE("remove a file", KEV_REGION_FILE),
	KT_CALL("query memory", KT_VM, touch_ram, call_query_memory),
	KT_CALL("discard", KT_VM, touch_ram, call_discard),
	KT_CALL("discard a part", KT_VM, touch_ram, call_discard, .huge_pages = KEV_HUGE_ALWAYS),
	KT_CALL("dirty pages", KT_VM, touch_ram, call_dirty),
	KT_CALL("dirty large pages", KT_VM, touch_ram, call_dirty, .huge_pages = KEV_HUGE_ALWAYS),
	KT_CALL("translate", KT_IMAGE, NULL, call_translate),
	KT_CALL("translate by the guest's tables", KT_VCPU, NULL, call_translate,
		.arg = KEV_ADDRESS_GVA),
	KT_CALL("read an image", KT_IMAGE, NULL, call_read),
	KT_CALL("write to an image", KT_IMAGE, NULL, call_write, .arg = DATA(0)),
	KT_CALL("write to a shared page", KT_IMAGE, read_first, call_write, .arg = DATA(0)),
	KT_CALL("write to RAM", KT_VM, kt_world_add_ram, call_write, .arg = KT_WORLD_RAM),
	KT_CALL("write to large RAM", KT_VM, kt_world_add_ram, call_write, .arg = KT_WORLD_RAM,
		.huge_pages = KEV_HUGE_ALWAYS),
	{ .name = NULL }
};

/* ---- images ---- */

static const char cmdline[] = "a command line";

static long attach(struct kt_world *w, uint32_t flags)
{
	const struct kev_boot_module modules[] = {
		{ .fd = w->file, .cmdline_length = 3, .cmdline = (uintptr_t)"one" },
		{ .fd = w->file },
	};
	uint32_t boot = w->call->arg;
	struct kev_attach_image args = kt_attach_request(w->fd, boot, KT_RAM_KIB);

	args.flags |= flags;
	if (boot != KEV_BOOT_DIRECT64 && boot != KEV_BOOT_KEV32) {
		kt_attach_cmdline(&args, cmdline);
		kt_attach_modules(&args, modules, 2);
	}
	return kt_ioctl(w->vm.vm, KEV_VM_ATTACH_IMAGE, &args);
}

static long call_attach(struct kt_world *w)
{
	return attach(w, 0);
}

static long call_attach_copied(struct kt_world *w)
{
	return attach(w, KEV_ATTACH_COPY);
}

static int make_boot_image(struct kt_world *w)
{
	struct kt_boot_image image;

	kt_boot_image_init(&image, kt_boot_headers(w->call->arg));
	w->fd = kt_boot_image_file(&image);
	return w->fd < 0 ? w->fd : 0;
}

/* The table is read, checked and sorted. */
static long call_relocate(struct kt_world *w)
{
	struct kev_attach_image args = kt_attach_request(w->fd, KEV_BOOT_NONE, 0);

	args.flags = KEV_ATTACH_VADDR | KEV_ATTACH_RELOCATE;
	args.load_base = KT_MIB;
	return kt_ioctl(w->vm.vm, KEV_VM_ATTACH_IMAGE, &args);
}

static int make_reloc_image(struct kt_world *w)
{
	struct kt_reloc_image image;

	kt_reloc_image_init(&image);
	w->fd = kt_reloc_image_file(&image);
	return w->fd < 0 ? w->fd : 0;
}

/* A word that a relocation is for has the base in it. */
static int relocated(struct kt_world *w)
{
	uint64_t word = 0;

	if (kt_read_guest(w->vm.vm, KT_MIB + KT_CODE_GPA + KT_RELOCATED_AT, &word, 8) != 8)
		return -EIO;
	return word == KT_MIB ? 0 : -EREMOTEIO;
}

static long call_create_vcpu(struct kt_world *w)
{
	return kt_world_create_vcpu(w);
}

/* A second one, which needs a place of its own in what there is of the first */
static long call_create_another(struct kt_world *w)
{
	w->fd = kt_create_vcpu(w->vm.vm, KT_VM_VCPUS + 40);
	return w->fd < 0 ? w->fd : 0;
}

static long call_map_run(struct kt_world *w)
{
	return kt_world_map_run(w);
}

/* The guest is an HLT for ever. */
static int halts(struct kt_world *w)
{
	int ret = kt_world_create_vcpu(w) ?: kt_world_map_run(w) ?: kt_run(w->vm.vcpu[0]);

	return ret ?: w->vm.run[0]->kind == KEV_EXIT_HALTED ? 0 : -EREMOTEIO;
}

static int without_run_page(struct kt_world *w)
{
	return kt_world_create_vcpu(w);
}

#define ATTACH_BY(call, text, boot)					\
	KT_CALL(text, KT_VM, make_boot_image, call, .check = halts, .arg = boot, .once = true)
#define ATTACH(text, boot)	ATTACH_BY(call_attach, text, boot)

static const struct kt_call image_calls[] = {
	ATTACH("64-bit image", KEV_BOOT_DIRECT64),
	ATTACH_BY(call_attach_copied, "64-bit image that is copied", KEV_BOOT_DIRECT64),
	KT_CALL("image with relocations", KT_VM, make_reloc_image, call_relocate,
		.check = relocated, .once = true),
	KT_CALL("KEV_VM_CREATE_VCPU", KT_IMAGE, NULL, call_create_vcpu),
	KT_CALL("KEV_VM_CREATE_VCPU once more", KT_VCPU, NULL, call_create_another),
	KT_CALL("mmap of a vCPU", KT_IMAGE, without_run_page, call_map_run),
	{ .name = NULL }
};

static const struct kt_call image32_calls[] = {
	ATTACH("kev32 image", KEV_BOOT_KEV32),
	ATTACH("Multiboot image", KEV_BOOT_MULTIBOOT),
	ATTACH("Multiboot 2 image", KEV_BOOT_MULTIBOOT2),
	ATTACH("PVH image", KEV_BOOT_PVH),
	{ .name = NULL }
};

/* ---- the VM's policy and its devices ---- */

static long call_set_cpuid(struct kt_world *w)
{
	struct kev_cpuid_entry entry = { .leaf = 0x40000000, .value = { 1 }, .mask = { ~0U } };
	struct kev_cpuid args = { .size = sizeof(args), .nr = 1, .entries = (uintptr_t)&entry };

	return kt_ioctl(w->vm.vm, KEV_VM_SET_CPUID, &args);
}

static long call_get_cpuid(struct kt_world *w)
{
	static struct kev_cpuid_entry entries[KEV_MAX_CPUID_ENTRIES];
	struct kev_cpuid args = {
		.size = sizeof(args), .nr = KEV_MAX_CPUID_ENTRIES, .entries = (uintptr_t)entries,
	};

	return kt_ioctl(w->vm.vm, KEV_VM_GET_SUPPORTED_CPUID, &args);
}

static long call_set_exits(struct kt_world *w)
{
	struct kev_set_exits args = { .size = sizeof(args), .report = KEV_INTERCEPT_WBINVD };

	return kt_ioctl(w->vm.vm, KEV_VM_SET_EXITS, &args);
}

static long doorbell(struct kt_world *w, uint32_t flags)
{
	struct kev_doorbell args = {
		.size = sizeof(args), .flags = flags, .fd = w->event, .width = 4,
		.address = DEVICE_GPA,
	};

	return kt_ioctl(w->vm.vm, KEV_VM_DOORBELL, &args);
}

static int add_doorbell(struct kt_world *w)
{
	return doorbell(w, 0);
}

static long call_doorbell(struct kt_world *w)
{
	return doorbell(w, w->call->arg);
}

static long irqfd(struct kt_world *w, uint32_t flags)
{
	struct kev_irqfd args = {
		.size = sizeof(args), .flags = flags, .fd = w->event,
		.address = flags ? 0 : 0xfee00000, .data = flags ? 0 : 0x40,
	};

	return kt_ioctl(w->vm.vm, KEV_VM_IRQFD, &args);
}

static int add_irqfd(struct kt_world *w)
{
	return irqfd(w, 0);
}

static long call_irqfd(struct kt_world *w)
{
	return irqfd(w, w->call->arg);
}

static long call_signal(struct kt_world *w)
{
	struct kev_signal args = { .size = sizeof(args), .address = 0xfee00000, .data = 0x40 };

	return kt_ioctl(w->vm.vm, KEV_VM_SIGNAL, &args);
}

static long call_status(struct kt_world *w)
{
	struct kev_vm_status args = { .size = sizeof(args) };

	return kt_ioctl(w->vm.vm, KEV_VM_STATUS, &args);
}

static long call_stats(struct kt_world *w)
{
	struct kev_vm_stats args = { .size = sizeof(args) };

	return kt_ioctl(w->vm.vm, KEV_VM_STATS, &args);
}

static long call_counters(struct kt_world *w)
{
	static struct kt_counters all;

	return kt_vm_counters(w->vm.vm, &all);
}

static const struct kt_call policy_calls[] = {
	KT_CALL("KEV_VM_SET_CPUID", KT_VM, NULL, call_set_cpuid),
	KT_CALL("KEV_VM_GET_SUPPORTED_CPUID", KT_VM, NULL, call_get_cpuid),
	KT_CALL("KEV_VM_SET_MSRS", KT_VM, NULL, kt_world_set_msrs),
	KT_CALL("KEV_VM_SET_EXITS", KT_VM, NULL, call_set_exits),
	KT_CALL("KEV_VM_DOORBELL", KT_VM, NULL, call_doorbell),
	KT_CALL("KEV_VM_DOORBELL, remove", KT_VM, add_doorbell, call_doorbell,
		.arg = KEV_DOORBELL_REMOVE),
	KT_CALL("KEV_VM_IRQFD", KT_VM, NULL, call_irqfd),
	KT_CALL("KEV_VM_IRQFD, remove", KT_VM, add_irqfd, call_irqfd, .arg = KEV_IRQFD_REMOVE),
	KT_CALL("KEV_VM_SIGNAL", KT_VCPU, NULL, call_signal),
	KT_CALL("KEV_VM_STATUS", KT_VM, NULL, call_status),
	KT_CALL("KEV_VM_STATS", KT_VCPU, NULL, call_stats),
	KT_CALL("KEV_VM_COUNTERS", KT_VCPU, NULL, call_counters),
	{ .name = NULL }
};

/* ---- the tests ---- */

static bool has_unrestricted_guest(void)
{
	int kev = kt_open();
	bool has = kt_features(kev) & KEV_FEATURE_UNRESTRICTED_GUEST;

	close(kev);
	return has;
}

#define TEST_CALLS(name, calls, possible)				\
TEST(name)								\
{									\
	if (!(possible))						\
		SKIP(return, "no unrestricted guest");			\
	if (access("/proc/self/fail-nth", W_OK))			\
		SKIP(return, "no fail-nth");				\
	EXPECT_EQ(0, kt_fail_calls(calls));				\
}									\
TEST(name ## _interrupted)						\
{									\
	if (!(possible))						\
		SKIP(return, "no unrestricted guest");			\
	EXPECT_EQ(0, kt_interrupt_calls(calls));			\
}

TEST_CALLS(device, device_calls, true)
TEST_CALLS(memory, memory_calls, true)
TEST_CALLS(images, image_calls, true)
TEST_CALLS(images32, image32_calls, has_unrestricted_guest())
TEST_CALLS(policy, policy_calls, true)

TEST_HARNESS_MAIN
