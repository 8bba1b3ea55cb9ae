// SPDX-License-Identifier: GPL-2.0
/* Lines of kevctl top, from two samples. */
#include <stdlib.h>
#include <string.h>

#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/stat/top_rows.h"
#include "tap.h"

#define SECOND	1000000000ULL
#define VMS	"vm pid state guest_ns exits fast reports faults resident_pages comm\n"
#define VCPUS	"vm vcpu cpu state exits\n"
#define EXITS	"vm vcpu exits slow reported name\n"

/* Two samples, half a second apart: VM 3 is there in the second one only, 2 has gone. */
static const char before[] = VMS
	"1 11 alive 1000 100 50 5 7 900 one\n"
	"2 12 alive 1000 100 50 5 7 900 two\n"
	"4 14 alive 1000 100 50 5 7 2560 four\n";
static const char now[] = VMS
	"1 11 alive 250001000 200 100 15 17 900 one\n"
	"3 13 failed 500000000 10 10 0 400 1 three\n"
	"4 14 alive 1000 90 50 5 7 2560 a\xc3\xa4\n";

static const struct {
	const char *name;
	enum top_order order;
	unsigned int vms[3];
} orders[] = {
	{ "by time in the guest", TOP_BY_GUEST, { 3, 1, 4 } },
	{ "by exits", TOP_BY_EXITS, { 1, 3, 4 } },
	{ "by faults", TOP_BY_FAULTS, { 3, 1, 4 } },
	{ "by memory", TOP_BY_MEMORY, { 4, 1, 3 } },
	{ "by number", TOP_BY_NUMBER, { 1, 3, 4 } },
};

static const char *const lines[] = {
	"    1      11    0   50.0      200     100      20      20   3600K  one",
	"    3      13    0  100.0       20       0       0     800      4K  three: failed",
	"    4      14    0    0.0        0       0       0       0     10M  a??",
};

static void take(struct samples *samples, const char *vms, uint64_t time)
{
	struct sample_tables tables = { strdup(vms), strdup(VCPUS), strdup(EXITS) };

	*samples = (struct samples){ .time = time };
	tap_result(!samples_add(samples, &tables), "a sample");
	free(tables.vms);
	free(tables.vcpus);
	free(tables.exits);
}

int main(void)
{
	struct samples first, second, none = { };
	struct top_row *rows;
	char text[4096];

	take(&first, before, SECOND);
	take(&second, now, SECOND + SECOND / 2);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		bool same = true;

		rows = top_rows(&second, &first, orders[i].order);
		for (size_t j = 0; j < 3; j++)
			same &= rows[j].vm->id == orders[i].vms[j];
		tap_result(same, orders[i].name);
		free(rows);
	}
	rows = top_rows(&second, &first, TOP_BY_NUMBER);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		top_format(text, sizeof(text), &rows[i]);
		if (strcmp(text, lines[i]))
			printf("# \"%s\"\n", text);
		tap_result(!strcmp(text, lines[i]), lines[i]);
	}
	free(rows);
	rows = top_rows(&second, &none, TOP_BY_NUMBER);
	tap_result(!rows[0].exits && rows[0].guest == 0, "no rate without an earlier sample");
	free(rows);
	rows = top_rows(&none, &first, TOP_BY_NUMBER);
	tap_result(rows, "no VM");
	free(rows);
	samples_fini(&first);
	samples_fini(&second);
	return tap_end();
}
