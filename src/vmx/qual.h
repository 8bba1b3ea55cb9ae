/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exit qualifications, decoded: SDM Vol. 3, "Basic VM-Exit Information". Pure.
 */
#ifndef _KEV_VMX_QUAL_H
#define _KEV_VMX_QUAL_H

#include <kev/pure.h>

/* Registers in qualifications are numbered as in enum kev_gpr. */
static_assert(KEV_RAX == 0 && KEV_RSP == 4 && KEV_RDI == 7 && KEV_R15 == 15,
	      "numbered as the CPU numbers them");

/**
 * struct kev_qual_io - exit for IN, OUT, INS, OUTS
 * @port: port number
 * @width: bytes: 1, 2 or 4; 0 if the CPU said something else
 * @in: IN or INS
 * @string: INS or OUTS
 */
struct kev_qual_io {
	u16 port;
	u8 width;
	bool in;
	bool string;
};

static_assert(sizeof(((struct kev_exit_io *)0)->port) == sizeof(u16) &&
	      sizeof(((struct kev_exit_io *)0)->width) == sizeof(u8),
	      "as wide as what is reported");

/* kev_qual_decode_io() - SDM Vol. 3, "Exit Qualification for I/O Instructions" */
static inline struct kev_qual_io kev_qual_decode_io(u64 qual)
{
	static const u8 width[8] = { 1, 2, 0, 4, 0, 0, 0, 0 };

	return (struct kev_qual_io) {
		.port = (qual >> 16) & 0xffff,
		.width = width[qual & 7],
		.in = qual & BIT_ULL(3),
		.string = qual & BIT_ULL(4),
	};
}

/**
 * struct kev_qual_ept - exit for an EPT violation
 * @access: KEV_MEM_* that the guest tried; several bits for an access that reads and
 *	writes
 * @gva_valid: the guest-linear address is valid
 * @translated: the access was to the translation of the linear address; otherwise to a paging
 *	structure on the way; means nothing without @gva_valid
 * @nmi_unblocked: the exit came from an IRET that had already unblocked NMIs
 *
 * With accessed and dirty flags on for EPT, the CPU's walk through the guest's
 * own tables is an access for reading and writing.
 */
struct kev_qual_ept {
	unsigned int access;
	bool gva_valid;
	bool translated;
	bool nmi_unblocked;
};

static_assert(KEV_MEM_READ == 1 && KEV_MEM_WRITE == 2 && KEV_MEM_EXEC == 4,
	      "in the order of the qualification's bits");

/* kev_qual_decode_ept() - SDM Vol. 3, "Exit Qualification for EPT Violations"; noinstr */
static __always_inline struct kev_qual_ept kev_qual_decode_ept(u64 qual)
{
	return (struct kev_qual_ept) {
		.access = qual & KEV_MEM_ALL,
		.gva_valid = qual & BIT_ULL(7),
		.translated = qual & BIT_ULL(8),
		.nmi_unblocked = qual & BIT_ULL(12),
	};
}

enum kev_qual_cr_kind {
	KEV_QUAL_CR_WRITE = 0,	/* MOV to CR */
	KEV_QUAL_CR_READ = 1,	/* MOV from CR */
	KEV_QUAL_CR_CLTS = 2,
	KEV_QUAL_CR_LMSW = 3,
};

/**
 * struct kev_qual_cr - exit for an access to a control register
 * @kind: enum kev_qual_cr_kind
 * @cr: 0, 3, 4 or 8; 0 for CLTS and LMSW
 * @gpr: enum kev_gpr, for MOV
 * @lmsw_source: the operand of LMSW
 */
struct kev_qual_cr {
	u8 kind;
	u8 cr;
	u8 gpr;
	u16 lmsw_source;
};

/* kev_qual_decode_cr() - SDM Vol. 3, "Exit Qualification for Control-Register Accesses" */
static inline struct kev_qual_cr kev_qual_decode_cr(u64 qual)
{
	return (struct kev_qual_cr) {
		.kind = (qual >> 4) & 3,
		.cr = qual & 0xf,
		.gpr = (qual >> 8) & 0xf,
		.lmsw_source = (qual >> 16) & 0xffff,
	};
}

/**
 * struct kev_qual_dr - exit for MOV DR
 * @dr: 0 to 7
 * @gpr: enum kev_gpr
 * @read: MOV from DR
 */
struct kev_qual_dr {
	u8 dr;
	u8 gpr;
	bool read;
};

/* kev_qual_decode_dr() - SDM Vol. 3, "Exit Qualification for MOV DR" */
static inline struct kev_qual_dr kev_qual_decode_dr(u64 qual)
{
	return (struct kev_qual_dr) {
		.dr = qual & 7,
		.gpr = (qual >> 8) & 0xf,
		.read = qual & BIT_ULL(4),
	};
}

/* kev_qual_decode_apic() - offset in the page of registers; "APIC-Write VM Exits" */
static inline u16 kev_qual_decode_apic(u64 qual)
{
	return qual & 0xfff;
}

#endif /* _KEV_VMX_QUAL_H */
