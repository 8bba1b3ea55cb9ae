// SPDX-License-Identifier: GPL-2.0
/*
 * The way of every structure into the kernel and back. Guards the rules that
 * let a structure grow: a program and a kernel of different age work together,
 * and nobody's bytes are written that were not asked for.
 */
#include "kselftest_harness.h"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include "kevtest.h"

enum object { DEV, VM, VCPU, NR_OBJECTS };

/* RAM that nobody touches */
#define RAM_GPA		0x40000000UL

/*
 * The size of each structure's first version, as a number: it never changes
 * again. With the arguments that fill_in() gives it each call has a result that
 * shows that it got as far as its handler.
 */
static const struct call {
	const char *name;
	enum object object;
	unsigned long cmd;
	uint32_t first_size, size;
	int result;		/* 0 also stands for a descriptor */
	bool reads_back;	/* has out-fields */
} calls[] = {
#define CALL(object, cmd, type, first, result, reads_back)		\
	{ #cmd, object, cmd, first, sizeof(struct type), result, reads_back }
	CALL(DEV, KEV_QUERY, kev_query, 80, 0, true),
	CALL(DEV, KEV_CREATE_VM, kev_create_vm, 24, 0, false),
	CALL(VM, KEV_VM_CREATE_VCPU, kev_create_vcpu, 16, 0, false),
	CALL(VM, KEV_VM_ADD_REGION, kev_add_region, 32, -EEXIST, false),
	CALL(VM, KEV_VM_ATTACH_IMAGE, kev_attach_image, 56, -EBUSY, true),
	CALL(VM, KEV_VM_REMOVE_REGION, kev_range_args, 24, -ENOENT, false),
	CALL(VM, KEV_VM_QUERY_MEMORY, kev_query_memory, 72, 0, true),
	CALL(VM, KEV_VM_DISCARD, kev_range_args, 24, 0, false),
	CALL(VM, KEV_VM_GET_DIRTY, kev_get_dirty, 40, 0, true),
	CALL(VM, KEV_VM_TRANSLATE, kev_translate, 64, 0, true),
	CALL(VM, KEV_VM_READ, kev_access, 48, 0, true),
	CALL(VM, KEV_VM_WRITE, kev_access, 48, 0, true),
	CALL(VM, KEV_VM_SET_CPUID, kev_cpuid, 24, 0, false),
	CALL(VM, KEV_VM_GET_SUPPORTED_CPUID, kev_cpuid, 24, -E2BIG, true),
	CALL(VM, KEV_VM_SET_MSRS, kev_set_msrs, 24, 0, false),
	CALL(VM, KEV_VM_SET_EXITS, kev_set_exits, 32, 0, false),
	CALL(VM, KEV_VM_DOORBELL, kev_doorbell, 32, -ENOENT, false),
	CALL(VM, KEV_VM_IRQFD, kev_irqfd, 24, -ENOENT, false),
	CALL(VM, KEV_VM_SIGNAL, kev_signal, 24, 0, false),
	CALL(VM, KEV_VM_STATUS, kev_vm_status, 32, 0, true),
	CALL(VM, KEV_VM_STATS, kev_vm_stats, 200, 0, true),
	CALL(VM, KEV_VM_COUNTERS, kev_counters, 32, -E2BIG, true),
	CALL(VCPU, KEV_VCPU_GET_STATE, kev_vcpu_state, 528, 0, true),
	CALL(VCPU, KEV_VCPU_SET_STATE, kev_vcpu_state, 528, 0, false),
	CALL(VCPU, KEV_VCPU_STATS, kev_vcpu_stats, 112, 0, true),
	CALL(VCPU, KEV_VCPU_COUNTERS, kev_counters, 32, -E2BIG, true),
	CALL(VCPU, KEV_VCPU_INTERRUPT, kev_vcpu_interrupt, 16, -EBUSY, false),
	CALL(VCPU, KEV_VCPU_INJECT, kev_vcpu_inject, 24, -EBUSY, false),
	CALL(VCPU, KEV_VCPU_SET_DEBUG, kev_vcpu_debug, 48, 0, false),
};

#define FOR_EACH_CALL(call)						\
	for (const struct call *call = calls; call < calls + ARRAY_SIZE(calls); call++)

FIXTURE(sizes) {
	struct kt_guest guest;
	int fds[NR_OBJECTS];
	uint8_t *page;		/* two pages, and no access behind them */
};

FIXTURE_SETUP(sizes)
{
	self->page = mmap(NULL, 3 * KT_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->page);
	ASSERT_EQ(0, mprotect(self->page + 2 * KT_PAGE, KT_PAGE, PROT_NONE));
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, RAM_GPA, KT_PAGE));
	/* So that another one has to wait */
	ASSERT_EQ(0, kt_interrupt(self->guest.vcpu, 32));
	self->fds[DEV] = self->guest.kev;
	self->fds[VM] = self->guest.vm;
	self->fds[VCPU] = self->guest.vcpu;
}

FIXTURE_TEARDOWN(sizes)
{
	kt_guest_fini(&self->guest);
}

/* Fields that have to be something; they lie in the first version of each structure. */
static void fill_in(const struct call *call, void *arg)
{
	struct kev_add_region *region = arg;
	struct kev_range_args *range = arg;
	struct kev_get_dirty *dirty = arg;
	static uint64_t bitmap;
	static int event = -1;

	if (event < 0)
		event = eventfd(0, EFD_CLOEXEC);
	switch (call->cmd) {
	case KEV_VM_CREATE_VCPU:
		((struct kev_create_vcpu *)arg)->id = 1;
		break;
	case KEV_VM_ADD_REGION:
		region->kind = KEV_REGION_RAM;
		region->prot = KEV_MEM_READ;
		region->length = KT_PAGE;
		break;
	case KEV_VM_REMOVE_REGION:
		/* No region is there: the call can be issued again and again. */
		range->gpa = 2 * RAM_GPA;
		range->length = KT_PAGE;
		break;
	case KEV_VM_DISCARD:
		range->gpa = RAM_GPA;
		range->length = KT_PAGE;
		break;
	case KEV_VM_GET_DIRTY:
		dirty->length = KT_PAGE;
		dirty->bitmap = (uintptr_t)&bitmap;
		break;
	case KEV_VM_DOORBELL:
		((struct kev_doorbell *)arg)->flags = KEV_DOORBELL_REMOVE;
		((struct kev_doorbell *)arg)->fd = event;
		break;
	case KEV_VM_IRQFD:
		((struct kev_irqfd *)arg)->flags = KEV_IRQFD_REMOVE;
		((struct kev_irqfd *)arg)->fd = event;
		((struct kev_irqfd *)arg)->address = 0xfee00000;
		((struct kev_irqfd *)arg)->data = 0x40;
		break;
	case KEV_VM_SIGNAL:
		((struct kev_signal *)arg)->address = 0xfee00000;
		((struct kev_signal *)arg)->data = 0x40;
		break;
	case KEV_VCPU_GET_STATE:
	case KEV_VCPU_SET_STATE:
		((struct kev_vcpu_state *)arg)->groups = KEV_STATE_GPRS;
		((struct kev_vcpu_state *)arg)->gprs.rflags = 2;
		break;
	}
}

/* Issue a call as it is, and take back the VM or the vCPU that it made. */
static long issue_raw(const struct call *call, const int *fds, void *arg)
{
	long ret = kt_ioctl(fds[call->object], call->cmd, arg);

	if (ret >= 0 && (call->cmd == KEV_CREATE_VM || call->cmd == KEV_VM_CREATE_VCPU)) {
		close(ret);
		ret = 0;
	}
	return ret;
}

static long issue(const struct call *call, const int *fds, void *arg)
{
	fill_in(call, arg);
	return issue_raw(call, fds, arg);
}

/* A cleared structure that says it has @size bytes */
static void *cleared(uint8_t *page, uint32_t size)
{
	memset(page, 0, 2 * KT_PAGE);
	memcpy(page, &size, sizeof(size));
	return page;
}

TEST_F(sizes, structures_have_not_shrunk)
{
	FOR_EACH_CALL(call) {
		EXPECT_LE(call->first_size, call->size) {
			TH_LOG("%s", call->name);
		}
	}
}

TEST_F(sizes, first_version)
{
	FOR_EACH_CALL(call) {
		EXPECT_EQ(call->result,
			  issue(call, self->fds, cleared(self->page, call->first_size))) {
			TH_LOG("%s", call->name);
		}
	}
}

TEST_F(sizes, shorter)
{
	const uint32_t shorter[] = { 0, 1, 3, 4, 5, 8 };

	FOR_EACH_CALL(call) {
		for (size_t i = 0; i < ARRAY_SIZE(shorter); i++) {
			EXPECT_EQ(-EINVAL,
				  issue(call, self->fds, cleared(self->page, shorter[i]))) {
				TH_LOG("%s: %u bytes", call->name, shorter[i]);
			}
		}
		EXPECT_EQ(-EINVAL, issue(call, self->fds,
					 cleared(self->page, call->first_size - 1))) {
			TH_LOG("%s: one byte less", call->name);
		}
	}
}

TEST_F(sizes, longer_with_zeros)
{
	FOR_EACH_CALL(call) {
		const uint32_t longer[] = { call->size + 1, call->size + 8, 2048, KT_PAGE };

		for (size_t i = 0; i < ARRAY_SIZE(longer); i++) {
			EXPECT_EQ(call->result,
				  issue(call, self->fds, cleared(self->page, longer[i]))) {
				TH_LOG("%s: %u bytes", call->name, longer[i]);
			}
		}
	}
}

TEST_F(sizes, longer_with_garbage)
{
	FOR_EACH_CALL(call) {
		const uint32_t longer[] = { call->size + 1, call->size + 8, 2048, KT_PAGE };

		for (size_t i = 0; i < ARRAY_SIZE(longer); i++) {
			/* The first and the last byte of the tail */
			cleared(self->page, longer[i]);
			self->page[call->size] = 1;
			EXPECT_EQ(-E2BIG, issue(call, self->fds, self->page)) {
				TH_LOG("%s: first of %u bytes", call->name, longer[i]);
			}
			cleared(self->page, longer[i]);
			self->page[longer[i] - 1] = 0x80;
			EXPECT_EQ(-E2BIG, issue(call, self->fds, self->page)) {
				TH_LOG("%s: last of %u bytes", call->name, longer[i]);
			}
		}
	}
}

TEST_F(sizes, huge)
{
	const uint32_t huge[] = { KT_PAGE + 1, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff };

	FOR_EACH_CALL(call)
		for (size_t i = 0; i < ARRAY_SIZE(huge); i++) {
			EXPECT_EQ(-E2BIG, issue(call, self->fds, cleared(self->page, huge[i]))) {
				TH_LOG("%s: %u bytes", call->name, huge[i]);
			}
		}
}

/* Neither the size nor what lies behind the structure changes. */
TEST_F(sizes, nothing_else_is_written)
{
	uint8_t *end;
	uint32_t size;

	FOR_EACH_CALL(call) {
		cleared(self->page, call->first_size);
		end = self->page + call->first_size;
		memset(end, 0xa5, KT_PAGE);
		EXPECT_EQ(call->result, issue(call, self->fds, self->page)) {
			TH_LOG("%s", call->name);
		}
		for (size_t i = 0; i < KT_PAGE; i++) {
			EXPECT_EQ(0xa5, end[i]) {
				TH_LOG("%s: %zu bytes behind the end", call->name, i);
				break;
			}
		}
		memcpy(&size, self->page, sizeof(size));
		EXPECT_EQ(call->first_size, size) {
			TH_LOG("%s: size", call->name);
		}
	}
}

/* A structure that ends where the mapping ends: not a byte more is touched. */
TEST_F(sizes, end_of_mapping)
{
	uint8_t *arg;

	FOR_EACH_CALL(call) {
		arg = self->page + 2 * KT_PAGE - call->first_size;
		memset(self->page, 0, 2 * KT_PAGE);
		memcpy(arg, &call->first_size, sizeof(call->first_size));
		EXPECT_EQ(call->result, issue(call, self->fds, arg)) {
			TH_LOG("%s", call->name);
		}
	}
}

TEST_F(sizes, bad_pointer)
{
	uint8_t *end = self->page + 2 * KT_PAGE;
	const struct {
		const char *name;
		void *arg;
	} pointers[] = {
		{ "NULL", NULL },
		{ "1", (void *)1 },
		{ "no access", end },
		{ "not mapped", (void *)0x10000 },
		{ "kernel", (void *)0xffff888000000000 },
		{ "kernel's text", (void *)0xffffffff81000000 },
		{ "not canonical", (void *)0x8000000000000000 },
		{ "last byte", (void *)-1L },
		{ "the size crosses the end", end - 2 },
	};

	FOR_EACH_CALL(call) {
		for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
			EXPECT_EQ(-EFAULT, issue_raw(call, self->fds, pointers[i].arg)) {
				TH_LOG("%s: %s", call->name, pointers[i].name);
			}
		}
		/* The size can be read, the rest cannot. */
		memcpy(end - 8, &call->first_size, sizeof(call->first_size));
		EXPECT_EQ(-EFAULT, issue_raw(call, self->fds, end - 8)) {
			TH_LOG("%s: crosses the end", call->name);
		}
	}
}

/* Only a call that has something to say needs memory that it can write. */
TEST_F(sizes, read_only)
{
	FOR_EACH_CALL(call) {
		cleared(self->page, call->first_size);
		fill_in(call, self->page);
		ASSERT_EQ(0, mprotect(self->page, KT_PAGE, PROT_READ));
		EXPECT_EQ(call->reads_back ? -EFAULT : call->result,
			  issue_raw(call, self->fds, self->page)) {
			TH_LOG("%s", call->name);
		}
		ASSERT_EQ(0, mprotect(self->page, KT_PAGE, PROT_READ | PROT_WRITE));
	}
}

/* Every number of kev's type that is no call of this object, and foreign ones */
TEST_F(sizes, unknown_call)
{
	const unsigned long foreign[] = {
		0, 0x5401 /* TCGETS */, 0xae00 /* KVM_GET_API_VERSION */,
		_IOW(KEV_IOCTL_TYPE, 0, int), _IOR(KEV_IOCTL_TYPE, 0x23, int),
		_IOWR(KEV_IOCTL_TYPE, 0x40, int), 0xffffffff,
	};

	cleared(self->page, 64);
	for (int object = DEV; object < NR_OBJECTS; object++) {
		for (unsigned int nr = 0; nr < 256; nr++) {
			unsigned long cmd = _IO(KEV_IOCTL_TYPE, nr);
			bool known = object == VCPU && (cmd == KEV_VCPU_RUN ||
							cmd == KEV_VCPU_KICK);

			FOR_EACH_CALL(call)
				known |= call->object == (enum object)object && call->cmd == cmd;
			if (known)
				continue;
			EXPECT_EQ(-ENOTTY, kt_ioctl(self->fds[object], cmd, self->page)) {
				TH_LOG("object %d, number %#x", object, nr);
			}
		}
		for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
			EXPECT_EQ(-ENOTTY, kt_ioctl(self->fds[object], foreign[i], self->page)) {
				TH_LOG("object %d, call %#lx", object, foreign[i]);
			}
		}
	}
}

/* Calls without a structure take 0 and nothing else. */
TEST_F(sizes, no_argument)
{
	const unsigned long args[] = { 1, 4096, (unsigned long)self->page, ~0UL };

	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		EXPECT_EQ(-EINVAL, kt_ioctl(self->guest.vcpu, KEV_VCPU_RUN, (void *)args[i]));
		EXPECT_EQ(-EINVAL, kt_ioctl(self->guest.vcpu, KEV_VCPU_KICK, (void *)args[i]));
	}
	EXPECT_EQ(0, kt_vcpu_stats(self->guest.vcpu).entries);
}

TEST_HARNESS_MAIN
