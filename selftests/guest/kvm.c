// SPDX-License-Identifier: GPL-2.0
/*
 * KVM and kev share a machine, one after the other. Guards that whoever comes
 * second is told so, without harm to the first, and gets the CPUs once the first
 * has no VM any more. Leaves kvm_intel unloaded and kev loaded.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <unistd.h>

#include "kevtest.h"

FIXTURE(kvm) {
	int kvm, kev;
};

#define AT_LOAD	"/sys/module/kvm/parameters/enable_virt_at_load"

static const char *const load[] = { "modprobe", "kvm_intel", NULL };

/*
 * From Linux 6.12 on KVM has VMX as long as it is loaded, if it is not told otherwise. Older ones
 * ignore what they do not know.
 */
static const char *const load_lazy[] = { "modprobe", "kvm", "enable_virt_at_load=0", NULL };

FIXTURE_SETUP(kvm)
{
	/* Fresh, so that what kev says once it has not said yet */
	if (!access("/sys/module/kev", F_OK)) {
		ASSERT_EQ(0, kt_unload_module("kev"));
	}
	ASSERT_EQ(0, kt_load_module("/kev.ko"));
	ASSERT_EQ(0, kt_command(load_lazy));
	ASSERT_EQ(0, kt_command(load));
	self->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->kvm);
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
}

FIXTURE_TEARDOWN(kvm)
{
	close(self->kvm);
	close(self->kev);
	EXPECT_EQ(0, kt_unload_module("kvm_intel"));
	EXPECT_EQ(0, kt_unload_module("kvm"));
}

static int kvm_create_vm(int kvm)
{
	return kt_ioctl(kvm, KVM_CREATE_VM, NULL);
}

/* Newer ones say EIO. */
static bool is_refusal(int vm)
{
	return vm == -EBUSY || vm == -EIO;
}

static bool kvm_is_refused(int kvm)
{
	int vm = kvm_create_vm(kvm);

	if (vm >= 0)
		close(vm);
	return is_refusal(vm);
}

static bool kev_runs(int kev)
{
	struct kt_elf elf;
	size_t size = kt_halt.end - kt_halt.start;
	int vm = kt_create_vm(kev, 0, NULL), image, vcpu;
	bool ok;

	if (vm < 0)
		return false;
	kt_elf_init(&elf, size);
	image = kt_elf_file(&elf, kt_halt.start, size);
	ok = !kt_attach(vm, image, KEV_BOOT_DIRECT64, KT_RAM_KIB);
	vcpu = kt_create_vcpu(vm, 0);
	ok = ok && !kt_run(vcpu) && kt_status(vm).exit_code == 0x1234;
	close(image);
	close(vcpu);
	close(vm);
	return ok;
}

/* The smallest KVM guest: HLT in real mode at 0x1000 */
static bool kvm_runs(int vm)
{
	static uint8_t memory[KT_PAGE] __attribute__((aligned(4096))) = { 0xf4 };
	const struct kvm_userspace_memory_region region = {
		.guest_phys_addr = 0x1000,
		.memory_size = KT_PAGE,
		.userspace_addr = (uintptr_t)memory,
	};
	int vcpu = kt_ioctl(vm, KVM_CREATE_VCPU, NULL);
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs sregs;
	struct kvm_run *run;
	bool ok;

	if (vcpu < 0 || kt_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		return false;
	run = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED || kt_ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return false;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	ok = !kt_ioctl(vcpu, KVM_SET_SREGS, &sregs) && !kt_ioctl(vcpu, KVM_SET_REGS, &regs) &&
	     !kt_ioctl(vcpu, KVM_RUN, NULL) && run->exit_reason == KVM_EXIT_HLT;
	munmap(run, KT_PAGE);
	close(vcpu);
	return ok;
}

TEST_F(kvm, kvm_first)
{
	int vm = kvm_create_vm(self->kvm), log = kt_log_open();

	ASSERT_LE(0, vm);
	ASSERT_LE(0, log);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EBUSY, kt_create_vm(self->kev, 0, NULL));
	}
	/* Once: who it is, and what to do */
	EXPECT_EQ(1, kt_log_count(log, "another hypervisor owns VMX, probably KVM"));
	EXPECT_TRUE(kvm_runs(vm));
	close(vm);
	EXPECT_TRUE(kev_runs(self->kev));
	close(log);
}

TEST_F(kvm, kev_first)
{
	int kev_vm = kt_create_vm(self->kev, 0, NULL), vm;

	ASSERT_LE(0, kev_vm);
	for (int i = 0; i < 3; i++) {
		EXPECT_TRUE(kvm_is_refused(self->kvm));
	}
	/* KVM's attempt has not turned off what kev needs. */
	EXPECT_TRUE(kev_runs(self->kev));
	close(kev_vm);
	vm = kvm_create_vm(self->kvm);
	ASSERT_LE(0, vm);
	EXPECT_TRUE(kvm_runs(vm));
	close(vm);
	EXPECT_TRUE(kev_runs(self->kev));
}

#define KEEP	"/sys/module/kev/parameters/keep_vmx"

/* VMX stays on without a VM as long as the parameter says so, and no longer. */
TEST_F(kvm, keep_vmx)
{
	int vm;

	ASSERT_EQ(0, kt_write_file(KEEP, "1"));
	/* Not before the first VM */
	vm = kvm_create_vm(self->kvm);
	ASSERT_LE(0, vm);
	close(vm);
	EXPECT_TRUE(kev_runs(self->kev));
	EXPECT_TRUE(kvm_is_refused(self->kvm));
	EXPECT_TRUE(kev_runs(self->kev));
	ASSERT_EQ(0, kt_write_file(KEEP, "0"));
	vm = kvm_create_vm(self->kvm);
	ASSERT_LE(0, vm);
	EXPECT_TRUE(kvm_runs(vm));
	close(vm);

	/* A VM that is there keeps it in any case, and the module's end ends it. */
	ASSERT_EQ(0, kt_write_file(KEEP, "1"));
	vm = kt_create_vm(self->kev, 0, NULL);
	ASSERT_LE(0, vm);
	ASSERT_EQ(0, kt_write_file(KEEP, "0"));
	EXPECT_TRUE(kev_runs(self->kev));
	EXPECT_TRUE(kvm_is_refused(self->kvm));
	ASSERT_EQ(0, kt_write_file(KEEP, "1"));
	close(vm);
	close(self->kev);
	ASSERT_EQ(0, kt_unload_module("kev"));
	vm = kvm_create_vm(self->kvm);
	ASSERT_LE(0, vm);
	EXPECT_TRUE(kvm_runs(vm));
	close(vm);
	ASSERT_EQ(0, kt_load_module("/kev.ko"));
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
}

/* The last VM of several is what counts. */
TEST_F(kvm, last_vm)
{
	int vms[2] = { kvm_create_vm(self->kvm), kvm_create_vm(self->kvm) };
	int kev_vms[2];

	ASSERT_LE(0, vms[1]);
	close(vms[0]);
	EXPECT_EQ(-EBUSY, kt_create_vm(self->kev, 0, NULL));
	close(vms[1]);
	for (int i = 0; i < 2; i++) {
		kev_vms[i] = kt_create_vm(self->kev, 0, NULL);
		ASSERT_LE(0, kev_vms[i]);
	}
	close(kev_vms[0]);
	EXPECT_TRUE(kvm_is_refused(self->kvm));
	close(kev_vms[1]);
	vms[0] = kvm_create_vm(self->kvm);
	EXPECT_LE(0, vms[0]);
	close(vms[0]);
}

/* One after the other, again and again */
TEST_F_TIMEOUT(kvm, in_turn, 7000)
{
	for (unsigned int i = 0; i < kt_rounds(3, 500); i++) {
		int vm = kvm_create_vm(self->kvm);

		ASSERT_LE(0, vm);
		ASSERT_TRUE(kvm_runs(vm));
		ASSERT_EQ(-EBUSY, kt_create_vm(self->kev, 0, NULL));
		close(vm);
		ASSERT_TRUE(kev_runs(self->kev));
	}
}

struct race {
	pthread_t thread;
	int kvm;
	unsigned int vms;		/* KVM's */
	bool failed, over;
};

/* Who is refused has lost, and tries again. */
static void *race_of_kvm(void *arg)
{
	struct race *race = arg;

	for (unsigned int i = 0; i < kt_rounds(5, 500); i++) {
		int vm = kvm_create_vm(race->kvm);

		if (vm >= 0) {
			race->failed |= !kvm_runs(vm);
			close(vm);
			race->vms++;
		} else {
			race->failed |= !is_refusal(vm);
		}
	}
	__atomic_store_n(&race->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Who has a VM has all of VMX, whenever the other tries. */
TEST_F_TIMEOUT(kvm, at_once, 7000)
{
	struct race race = { .kvm = self->kvm };
	unsigned int vms = 0, refused = 0;
	int vm;

	ASSERT_EQ(0, pthread_create(&race.thread, NULL, race_of_kvm, &race));
	while (!__atomic_load_n(&race.over, __ATOMIC_ACQUIRE)) {
		vm = kt_create_vm(self->kev, 0, NULL);
		if (vm >= 0) {
			EXPECT_TRUE(kev_runs(self->kev));
			close(vm);
			vms++;
		} else {
			EXPECT_EQ(-EBUSY, vm);
			refused++;
		}
		/* Making a VM takes KVM much longer. */
		usleep(vms % 32 * 100);
	}
	ASSERT_EQ(0, pthread_join(race.thread, NULL));
	EXPECT_FALSE(race.failed);
	TH_LOG("KVM had %u VMs, kev had %u and was refused %u times", race.vms, vms, refused);

	vm = kvm_create_vm(self->kvm);
	ASSERT_LE(0, vm);
	EXPECT_TRUE(kvm_runs(vm));
	close(vm);
	EXPECT_TRUE(kev_runs(self->kev));
}

/* Modules come and go while the other has a VM. */
TEST_F(kvm, modules)
{
	struct kt_runner runner;
	struct kt_guest guest;

	close(self->kvm);
	ASSERT_EQ(0, kt_unload_module("kvm_intel"));
	ASSERT_EQ(0, kt_guest_init(&guest, &kt_spin, 0, NULL));
	ASSERT_EQ(0, kt_runner_enter(&runner, guest.vcpu, -1));
	EXPECT_EQ(0, kt_command(load));
	self->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	EXPECT_TRUE(kvm_is_refused(self->kvm));
	close(self->kvm);
	EXPECT_EQ(0, kt_unload_module("kvm_intel"));
	/* The guest has run all the time. */
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	kt_guest_fini(&guest);
	ASSERT_EQ(0, kt_command(load));
	self->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	EXPECT_TRUE(kev_runs(self->kev));
}

/* KVM that is loaded has VMX or has not, as the kernel is; each is told. */
TEST_F(kvm, loaded)
{
	int vm, log = kt_log_open();
	bool at_load;

	ASSERT_LE(0, log);
	close(self->kvm);
	ASSERT_EQ(0, kt_unload_module("kvm_intel"));
	ASSERT_EQ(0, kt_unload_module("kvm"));
	ASSERT_EQ(0, kt_command(load));
	at_load = !access(AT_LOAD, F_OK);
	EXPECT_EQ(!at_load, kev_runs(self->kev));
	EXPECT_EQ(at_load, kt_log_count(log, "another hypervisor owns VMX, probably KVM"));
	ASSERT_EQ(0, kt_unload_module("kvm_intel"));
	vm = kt_create_vm(self->kev, 0, NULL);
	ASSERT_LE(0, vm);
	EXPECT_EQ(at_load, kt_command(load) != 0);
	EXPECT_TRUE(kev_runs(self->kev));
	close(vm);
	ASSERT_EQ(0, kt_command(load));
	EXPECT_EQ(!at_load, kev_runs(self->kev));
	self->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	close(log);
}

TEST_HARNESS_MAIN
