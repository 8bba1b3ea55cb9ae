// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions at the end of a page that kev reads by itself. Guards that it does not touch
 * the page behind, which may be slow to come or not come at all, unless the instruction goes
 * on there.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

#define DEVICE	0x200000UL
#define NEXT	(KT_CODE_GPA + KT_PAGE)

/* @text begins so many bytes before the second page. */
#define AT_END(name, bytes, text)					\
	KT_CODE(name, "mov $0x200000, %ebx\n mov $99, %eax\n jmp 1f\n"	\
		".org " #name "_start + 0x1000 - " #bytes "\n 1: " text "\n"	\
		".fill " #name "_start + 0x1800 - ., 1, 0x90")

AT_END(store, 2, "mov %eax, (%rbx)");
AT_END(store_across, 2, "mov %eax, 4(%rbx)");
AT_END(prefix_across, 1, "mov %ax, (%rbx)");
AT_END(string, 1, "insl (%dx), (%rdi)");
AT_END(vmmcalls, 3, ".byte 0x0f, 0x01, 0xd9");
AT_END(vmmcall_across, 1, ".byte 0x0f, 0x01, 0xd9");
AT_END(undefined, 2, "ud2");
AT_END(pushes, 1, "pushf");
AT_END(pushes_across, 1, ".byte 0x66, 0x9c");

TEST(of_the_page_behind)
{
	static const struct {
		const char *name;
		const struct kt_code *code;
		int kind;
		bool touches, steps;
	} cases[] = {
		{ "MMIO", &store, KEV_EXIT_MMIO, false, false },
		{ "MMIO across", &store_across, KEV_EXIT_MMIO, true, false },
		{ "a prefix before the end", &prefix_across, KEV_EXIT_MMIO, true, false },
		{ "INS", &string, KEV_EXIT_IO, false, false },
		{ "VMMCALL", &vmmcalls, KEV_EXIT_HYPERCALL, false, false },
		{ "VMMCALL across", &vmmcall_across, KEV_EXIT_HYPERCALL, true, false },
		{ "#UD", &undefined, KEV_EXIT_SHUTDOWN, false, false },
		{ "step", &pushes, KEV_EXIT_DEBUG, false, true },
		{ "step across", &pushes_across, KEV_EXIT_DEBUG, true, true },
	};
	const struct kev_vcpu_debug step = { .size = sizeof(step), .flags = KEV_DEBUG_STEP };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kt_guest guest;
		uint64_t stack = 0;

		ASSERT_EQ(0, kt_guest_init(&guest, cases[i].code, KEV_VM_FAULT_AROUND, "kev"));
		ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_TRAP, 0, DEVICE, KT_PAGE));
		ASSERT_EQ(KEV_PAGE_LAZY, kt_page_state(guest.vm, NEXT));
		if (cases[i].steps) {
			ASSERT_EQ(0, kt_ioctl(guest.vcpu, KEV_VCPU_SET_DEBUG, &step));
		}
		/* The three instructions before, each a step */
		for (int n = 0; n < (cases[i].steps ? 4 : 1); n++)
			ASSERT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(cases[i].kind, guest.run->kind) {
			TH_LOG("%s", cases[i].name);
		}
		EXPECT_EQ(cases[i].touches, kt_page_state(guest.vm, NEXT) != KEV_PAGE_LAZY) {
			TH_LOG("%s", cases[i].name);
		}
		if (cases[i].steps) {
			EXPECT_EQ(NEXT + cases[i].touches, guest.run->rip);
			ASSERT_LT(0, kt_read_guest(guest.vm, guest.run->gpr[KEV_RSP], &stack, 2));
			/* TF is the debugger's. */
			EXPECT_EQ(2, stack & 0x102);
		}
		kt_guest_fini(&guest);
	}
}

TEST_HARNESS_MAIN
