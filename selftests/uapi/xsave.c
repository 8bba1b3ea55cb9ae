// SPDX-License-Identifier: GPL-2.0
/*
 * The state group KEV_STATE_XSAVE. Guards that vector registers go out and in unchanged, and
 * that an image which the CPU would not load is refused by its field's name.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

FIXTURE(xsave) {
	struct kt_guest guest;
};

FIXTURE_SETUP(xsave)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
}

FIXTURE_TEARDOWN(xsave)
{
	kt_guest_fini(&self->guest);
}

#define XSTATE_BV	512
#define XCOMP_BV	520
#define XRESERVED	528
#define MXCSR		24
#define XMM0		160

static uint32_t image_size(int kev)
{
	struct kev_query query = { .size = sizeof(query) };

	kt_ioctl(kev, KEV_QUERY, &query);
	return query.xsave_size;
}

static long image_call(int vcpu, unsigned long cmd, void *image, uint32_t size,
		       struct kev_vcpu_state *state)
{
	*state = (struct kev_vcpu_state) {
		.size = sizeof(*state),
		.groups = KEV_STATE_XSAVE,
		.xsave = (uintptr_t)image,
		.xsave_size = size,
	};
	return kt_ioctl(vcpu, cmd, state);
}

/* XMM0 and MXCSR: 1 if they are as user space has set them; it leaves others behind. */
KT_CODE(xmm,
	"movq %xmm0, %rax\n sub $8, %rsp\n stmxcsr (%rsp)\n mov (%rsp), %ebx\n"
	"movl $0x1f80, (%rsp)\n ldmxcsr (%rsp)\n"
	"mov $0x77665544, %ecx\n movd %ecx, %xmm0\n fldpi\n"
	"1: out %al, $0x80\n jmp 1b\n");

TEST_F(xsave, comes_back)
{
	uint32_t size = image_size(self->guest.kev);
	uint8_t image[KT_PAGE] = { 0 }, again[KT_PAGE] = { 0 };
	struct kev_vcpu_state state;
	struct kt_guest guest;
	uint64_t value;

	ASSERT_LE(576, size);
	ASSERT_GE(sizeof(image), size);
	ASSERT_EQ(0, kt_guest_init(&guest, &xmm, 0, NULL));
	ASSERT_EQ(0, image_call(guest.vcpu, KEV_VCPU_GET_STATE, image, size, &state));
	EXPECT_EQ(0x37f, *(uint16_t *)image);
	EXPECT_EQ(0x1f80, *(uint32_t *)(image + MXCSR));
	value = 0x1122334455667788;
	memcpy(image + XMM0, &value, sizeof(value));
	*(uint32_t *)(image + MXCSR) = 0x1f00;
	*(uint64_t *)(image + XSTATE_BV) = 3;
	ASSERT_EQ(0, image_call(guest.vcpu, KEV_VCPU_SET_STATE, image, size, &state));
	ASSERT_EQ(0, image_call(guest.vcpu, KEV_VCPU_GET_STATE, again, size, &state));
	EXPECT_EQ(0, memcmp(image, again, size));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(value, guest.run->gpr[KEV_RAX]);
	EXPECT_EQ(0x1f00, (uint32_t)guest.run->gpr[KEV_RBX]);
	/* And back; what came from the guest goes in as it is. */
	ASSERT_EQ(0, image_call(guest.vcpu, KEV_VCPU_GET_STATE, image, size, &state));
	EXPECT_EQ(0x77665544, *(uint64_t *)(image + XMM0));
	EXPECT_EQ(0x1f80, *(uint32_t *)(image + MXCSR));
	EXPECT_EQ(3, *(uint64_t *)(image + XSTATE_BV) & 3);
	ASSERT_EQ(0, image_call(guest.vcpu, KEV_VCPU_SET_STATE, image, size, &state));
	ASSERT_EQ(0, image_call(guest.vcpu, KEV_VCPU_GET_STATE, again, size, &state));
	EXPECT_EQ(0, memcmp(image, again, size));
	kt_guest_fini(&guest);
}

/* A component that the header does not name is as after reset, whatever the image has. */
TEST_F(xsave, without_components)
{
	uint32_t size = image_size(self->guest.kev);
	struct kev_vcpu_state state;
	uint8_t image[KT_PAGE];
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &xmm, 0, NULL));
	ASSERT_EQ(0, image_call(guest.vcpu, KEV_VCPU_GET_STATE, image, size, &state));
	*(uint64_t *)(image + XMM0) = 0x1122334455667788;
	*(uint32_t *)(image + MXCSR) = 0x1f00;
	*(uint64_t *)(image + XSTATE_BV) = 0;
	ASSERT_EQ(0, image_call(guest.vcpu, KEV_VCPU_SET_STATE, image, size, &state));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(0, guest.run->gpr[KEV_RAX]);
	/* MXCSR belongs to no component. */
	EXPECT_EQ(0x1f00, (uint32_t)guest.run->gpr[KEV_RBX]);
	kt_guest_fini(&guest);
}

static const struct {
	const char *name, *problem;
	size_t offset;
	uint64_t value;
} bad_images[] = {
	{ "PKRU", "XSTATE_BV", XSTATE_BV, 0x203 },
	{ "component 63", "XSTATE_BV", XSTATE_BV, 1ULL << 63 | 3 },
	{ "compacted", "XCOMP_BV", XCOMP_BV, 1ULL << 63 | 3 },
	{ "XCOMP_BV", "XCOMP_BV", XCOMP_BV, 1 },
	{ "first reserved byte", "XSAVE header", XRESERVED, 1 },
	{ "last reserved byte", "XSAVE header", XSTATE_BV + 56, 1ULL << 63 },
	/* The upper half of the eight bytes is the CPU's mask, which no load looks at. */
	{ "MXCSR", "MXCSR", MXCSR, 0x10000 },
};

TEST_F(xsave, refused)
{
	uint32_t size = image_size(self->guest.kev);
	uint8_t image[KT_PAGE], bad[KT_PAGE];
	struct kev_vcpu_state state;
	int vcpu = self->guest.vcpu;

	ASSERT_EQ(0, image_call(vcpu, KEV_VCPU_GET_STATE, image, size, &state));
	for (size_t i = 0; i < ARRAY_SIZE(bad_images); i++) {
		memcpy(bad, image, size);
		memcpy(bad + bad_images[i].offset, &bad_images[i].value, sizeof(uint64_t));
		EXPECT_EQ(-EINVAL, image_call(vcpu, KEV_VCPU_SET_STATE, bad, size, &state)) {
			TH_LOG("%s", bad_images[i].name);
		}
		EXPECT_TRUE(kt_blames(&state, bad_images[i].problem)) {
			TH_LOG("%s: \"%.48s\"", bad_images[i].name, state.problem);
		}
	}
	for (int i = -8; i <= 8; i += 8) {
		long want = i ? -EINVAL : 0;

		EXPECT_EQ(want, image_call(vcpu, KEV_VCPU_GET_STATE, bad, size + i, &state));
		EXPECT_EQ(want, image_call(vcpu, KEV_VCPU_SET_STATE, image, size + i, &state));
	}
	EXPECT_EQ(-EFAULT, image_call(vcpu, KEV_VCPU_GET_STATE, NULL, size, &state));
	EXPECT_EQ(-EFAULT, image_call(vcpu, KEV_VCPU_SET_STATE, NULL, size, &state));
	ASSERT_EQ(0, image_call(vcpu, KEV_VCPU_GET_STATE, bad, size, &state));
	EXPECT_EQ(0, memcmp(image, bad, size));
}

TEST_HARNESS_MAIN
