// SPDX-License-Identifier: GPL-2.0
/*
 * The input is a guest's state, or a state of the control registers and a write to one: a verdict
 * on each, with words for a refusal alone, and no write that leads to a state that is refused.
 */
#include <kev/cr.h>

#include "check.h"
#include "fuzz.h"

#define CR0_PE	BIT_ULL(0)
#define CR0_PG	BIT_ULL(31)
#define CR4_PAE	BIT_ULL(5)
#define EFER_LME	BIT_ULL(8)
#define EFER_LMA	BIT_ULL(10)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check_state(const u8 *data, size_t size)
{
	struct kev_vmx_guest guest;
	struct kev_problem problem;
	u8 flags;
	bool good;

	fuzz_take(&data, &size, &flags, sizeof(flags));
	fuzz_take(&data, &size, &guest, offsetof(struct kev_vmx_guest, ia32e));
	guest.ia32e = flags & 1;
	guest.unrestricted = flags & 2;
	guest.virtual_nmis = flags & 4;
	guest.activities = flags >> 4;
	guest.cr0_fixed0 = guest.unrestricted ? 0x20 : 0x80000021;
	guest.cr0_fixed1 = 0xffffffff;
	guest.cr4_fixed0 = 0x2000;
	guest.cr4_fixed1 = 0x3727ff;
	guest.phys_bits = flags & 8 ? 36 : 46;
	guest.linear_bits = flags & 8 ? 48 : 57;
	good = kev_vmx_check(&guest, &problem);
	fuzz_check(good == !problem.field && good == !problem.why, "words without a problem");
	if (!good)
		fuzz_check(strlen(problem.field) + 2 + strlen(problem.why) < KEV_PROBLEM_LEN,
			   "words that do not fit");
}

static void check_write(const u8 *data, size_t size)
{
	static const unsigned int numbers[] = { 0, 3, 4 };
	struct kev_cr_change change;
	struct kev_cr_state state;
	u64 value, cr0, cr4;
	unsigned int cr;
	u8 flags;

	fuzz_take(&data, &size, &flags, sizeof(flags));
	fuzz_take(&data, &size, &value, sizeof(value));
	fuzz_take(&data, &size, &state, offsetof(struct kev_cr_state, code64));
	state.tss16 = flags & 4;
	state.cr0_allowed = 0xe005003f;
	state.cr4_allowed = 0x3727ff;
	state.phys_bits = flags & 8 ? 36 : 46;
	/* A state that a guest can be in */
	state.cr0 &= state.cr0_allowed;
	state.cr4 &= state.cr4_allowed;
	state.efer &= EFER_LME;
	if (state.cr0 & CR0_PG) {
		state.cr0 |= CR0_PE;
		if (state.efer & EFER_LME) {
			state.efer |= EFER_LMA;
			state.cr4 |= CR4_PAE;
		}
	}
	state.code64 = flags & 16 && state.efer & EFER_LMA;
	if (!state.code64)
		value = (u32)value;
	cr = numbers[(flags & 3) % ARRAY_SIZE(numbers)];
	if (kev_cr_write(&state, cr, value, &change))
		return;
	cr0 = cr == 0 ? change.value : state.cr0;
	cr4 = cr == 4 ? change.value : state.cr4;
	fuzz_check(!(cr0 & CR0_PG) || cr0 & CR0_PE, "paging without protection");
	fuzz_check(!(change.efer & EFER_LMA) == !(change.efer & EFER_LME && cr0 & CR0_PG),
		   "EFER.LMA is not what LME and PG say");
	fuzz_check(!(change.efer & EFER_LMA) || cr4 & CR4_PAE, "long mode without PAE");
	fuzz_check(!((change.efer ^ state.efer) & ~EFER_LMA), "more of EFER");
	fuzz_check(!(cr4 & ~state.cr4_allowed), "a bit of CR4 that is not there");
	fuzz_check(!change.load_pdptes || kev_pae(cr0, cr4, change.efer),
		   "page-directory-pointer entries without PAE paging");
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 which;

	fuzz_take(&data, &size, &which, sizeof(which));
	if (which & 1)
		check_write(data, size);
	else
		check_state(data, size);
	return 0;
}
