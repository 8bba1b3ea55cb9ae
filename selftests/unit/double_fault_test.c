// SPDX-License-Identifier: GPL-2.0
/*
 * Guards the rules by which two exceptions become a double fault, and three the end.
 */
#include "unit.h"

#include <kev/double_fault.h>

#define SECOND		KEV_COMBINED_SECOND
#define DF		KEV_COMBINED_DOUBLE_FAULT
#define SHUTDOWN	KEV_COMBINED_SHUTDOWN

static const struct {
	const char *name;
	unsigned int first, second;
	enum kev_combined combined;
} cases[] = {
	{ "interrupt, #GP", KEV_EVENT_INTERRUPT, 13, SECOND },
	{ "interrupt, #PF", KEV_EVENT_INTERRUPT, 14, SECOND },
	{ "interrupt, #DB", KEV_EVENT_INTERRUPT, 1, SECOND },
	{ "#DB, #GP", 1, 13, SECOND },
	{ "NMI, #PF", 2, 14, SECOND },
	{ "#BP, #NP", 3, 11, SECOND },
	{ "#UD, #UD", 6, 6, SECOND },
	{ "#AC, #PF", 17, 14, SECOND },
	{ "#DE, #NP", 0, 11, DF },
	{ "#DE, #PF", 0, 14, SECOND },
	{ "#GP, #DE", 13, 0, DF },
	{ "#GP, #GP", 13, 13, DF },
	{ "#GP, #DB", 13, 1, SECOND },
	{ "#GP, #AC", 13, 17, SECOND },
	{ "#GP, #PF", 13, 14, SECOND },
	{ "#TS, #SS", 10, 12, DF },
	{ "#NP, #CP", 11, 21, DF },
	{ "#SS, #VE", 12, 20, SECOND },
	{ "#PF, #PF", 14, 14, DF },
	{ "#PF, #GP", 14, 13, DF },
	{ "#PF, #VE", 14, 20, DF },
	{ "#PF, #UD", 14, 6, SECOND },
	{ "#VE, #GP", 20, 13, DF },
	{ "#DF, #GP", 8, 13, SHUTDOWN },
	{ "#DF, #PF", 8, 14, SHUTDOWN },
	{ "#DF, #DB", 8, 1, SECOND },
	{ "#DF, #AC", 8, 17, SECOND },
	{ "#GP, #DF", 13, 8, SECOND },
};

TEST(pairs)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].combined, kev_combine_events(cases[i].first, cases[i].second))
			TH_LOG("%s", cases[i].name);
	}
}

/* Reserved vectors, and numbers that are none, are benign. */
TEST(benign)
{
	static const unsigned int others[] = { 9, 15, 16, 18, 19, 22, 31, 32, 255, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		EXPECT_EQ(SECOND, kev_combine_events(others[i], 14));
		EXPECT_EQ(SECOND, kev_combine_events(14, others[i]));
		EXPECT_EQ(SECOND, kev_combine_events(8, others[i]));
	}
}

TEST_HARNESS_MAIN
