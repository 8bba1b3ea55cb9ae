// SPDX-License-Identifier: GPL-2.0
/*
 * One vCPU ends the VM. Guards that the others are out of RUN soon, whatever they are
 * at: spinning, waiting in a HLT or for a page that does not come.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "vmem.h"

#define FEW		20
#define MANY		500
/* What the soak takes of the machine's time */
#define SECONDS		300

/* RUN returns within so many ticks of the TSC, which counts instructions in the emulator */
#define SOON		100000
/* With one CPU they do not run at that moment: before the host's timer has come twice */
#define SOON_ON_ONE	200000

#define EXIT_CODE	0x123456789abcULL

/* In RAM, for KT_CALL */
#define HLT_GPA		(KT_SCRATCH_GPA + KT_PAGE)
#define SPIN_GPA	(HLT_GPA + 16)

static const uint8_t hlt_loop[] = { 0xf4, 0xeb, 0xfd };		/* 1: hlt; jmp 1b */
static const uint8_t spin_loop[] = { 0xeb, 0xfe };		/* 1: jmp 1b */

enum vcpu { ENDER, SPINNER, HALTED, LOADER };

FIXTURE(halt_end) {
	struct kt_image image;
	struct kt_fuse fuse;
	int fd;
	struct kt_vm vm;
};

FIXTURE_SETUP(halt_end)
{
	/* One page for each round: it is in the page cache afterwards. */
	kt_image_init(&self->image, kt_rounds(FEW, MANY));
	const struct kt_fuse_file file = {
		.size = self->image.size,
		.fill = kt_image_fill,
		.arg = &self->image,
	};
	struct stat st;

	ASSERT_EQ(0, kt_fuse_mount(&self->fuse, &file));
	self->fd = open(self->fuse.path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fstat(self->fd, &st));
}

FIXTURE_TEARDOWN(halt_end)
{
	close(self->fd);
	EXPECT_EQ(0, kt_fuse_unmount(&self->fuse));
}

/* Three vCPUs, each where it is to be when the VM ends */
static int start(FIXTURE_DATA(halt_end) *self, unsigned int round, struct kt_runner *runners)
{
	const struct kt_vm_options options = { .vcpus = 4, .ram_kib = 256, .abi = "kev" };
	const struct kt_job jobs[] = {
		[ENDER] = { .op = KT_END, .value = EXIT_CODE },
		[SPINNER] = { .op = KT_CALL, .address = SPIN_GPA },
		[HALTED] = { .op = KT_CALL, .address = HLT_GPA },
		[LOADER] = { .op = KT_READ, .address = KT_DATA_GPA + round * KT_PAGE },
	};
	struct kt_vm *vm = &self->vm;
	uint64_t entries;
	long ret;

	kt_fuse_hold(&self->fuse, false);
	ret = kt_vm_init(vm, &self->image, self->fd, &options);
	if (ret)
		return ret;
	if (kt_write_guest(vm->vm, HLT_GPA, hlt_loop, sizeof(hlt_loop)) < 0 ||
	    kt_write_guest(vm->vm, SPIN_GPA, spin_loop, sizeof(spin_loop)) < 0)
		return -EIO;
	for (enum vcpu i = ENDER; !ret && i <= LOADER; i++)
		ret = kt_vm_set(vm, i, &jobs[i]);
	/* The first one loads the code, which is behind the same server. */
	if (!ret)
		ret = kt_runner_enter(&runners[SPINNER], vm->vcpu[SPINNER], -1);
	entries = kt_vcpu_stats(vm->vcpu[SPINNER]).entries;
	kt_wait_entries(vm->vcpu[SPINNER], entries + 4);
	if (!ret)
		ret = kt_runner_enter(&runners[HALTED], vm->vcpu[HALTED], -1);
	while (!ret && !kt_vcpu_stats(vm->vcpu[HALTED]).other)
		sched_yield();
	kt_runner_wait_asleep(&runners[HALTED]);
	kt_fuse_hold(&self->fuse, true);
	if (!ret)
		ret = kt_runner_start(&runners[LOADER], vm->vcpu[LOADER], -1);
	kt_fuse_wait_held(&self->fuse, 1);
	kt_runner_wait_asleep(&runners[LOADER]);
	return ret;
}

TEST_F_TIMEOUT(halt_end, all_return_soon, SECONDS)
{
	const uint64_t soon = kt_limit(kt_nr_cpus() > 1 ? SOON : SOON_ON_ONE);
	const unsigned int rounds = kt_rounds(FEW, MANY);
	uint64_t most[LOADER + 1] = { 0 }, asked, ticks;
	struct kt_runner runners[LOADER + 1];

	for (unsigned int round = 0; round < rounds; round++) {
		ASSERT_EQ(0, start(self, round, runners));
		asked = kt_rdtsc();
		ASSERT_EQ(0, kt_run(self->vm.vcpu[ENDER]));
		for (enum vcpu i = SPINNER; i <= LOADER; i++) {
			ASSERT_EQ(0, kt_runner_join(&runners[i]));
			EXPECT_EQ(KEV_EXIT_VM_EXITED, self->vm.run[i]->kind);
			EXPECT_EQ(EXIT_CODE, self->vm.run[i]->exit_code);
			ticks = runners[i].returned - asked;
			if (ticks > most[i])
				most[i] = ticks;
		}
		EXPECT_EQ(EXIT_CODE, self->vm.run[ENDER]->exit_code);
		kt_vm_fini(&self->vm);
	}
	TH_LOG("at most: spinning %lu ticks, halted %lu, loading %lu", most[SPINNER],
	       most[HALTED], most[LOADER]);
	for (enum vcpu i = SPINNER; i <= LOADER; i++) {
		EXPECT_GT(soon, most[i]) {
			TH_LOG("vCPU %d", i);
		}
	}
}

TEST_HARNESS_MAIN
