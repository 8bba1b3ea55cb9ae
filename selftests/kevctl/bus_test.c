// SPDX-License-Identifier: GPL-2.0
/* The bus: which device an access reaches, and in which pieces. */
#include "device.h"

/* A device that notes its accesses as text: "w PORT=VALUE" and "r PORT". */
static char trace[128];

static uint32_t trace_in(void *device, uint16_t port)
{
	char text[32];

	snprintf(text, sizeof(text), "%sr%x ", (const char *)device, port);
	strcat(trace, text);
	return 0x44332211;
}

static void trace_out(void *device, uint16_t port, uint32_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%sw%x=%x ", (const char *)device, port, value);
	strcat(trace, text);
}

static const struct port_range bytes[] = { { 0x10, 0x13, 1, trace_in, trace_out } };
static const struct port_range wide[] = { { 0x20, 0x23, 4, trace_in, trace_out } };
static const struct port_range words[] = { { 0x30, 0x31, 2, trace_in, trace_out } };
static const struct port_range inside[] = { { 0x21, 0x21, 1, trace_in, trace_out } };
static const struct port_range in_only[] = { { 0x40, 0x40, 1, trace_in, NULL } };
static const struct port_range top[] = { { 0xffff, 0xffff, 1, trace_in, trace_out } };

static const struct {
	const char *name;
	uint8_t direction;
	uint16_t port;
	uint8_t width;
	uint32_t data;		/* written, or expected */
	bool claimed;
	const char *trace;
} cases[] = {
	{ "byte read", KEV_IO_IN, 0x10, 1, 0x11, true, "br10 " },
	{ "byte write", KEV_IO_OUT, 0x13, 1, 0x5a, true, "bw13=5a " },
	{ "a write is cut to its width", KEV_IO_OUT, 0x20, 1, 0x1234, true, "ww20=34 " },
	{ "word to a byte device: two writes", KEV_IO_OUT, 0x10, 2, 0x1234, true,
	  "bw10=34 bw11=12 " },
	{ "dword from a byte device: four reads", KEV_IO_IN, 0x10, 4, 0x11111111, true,
	  "br10 br11 br12 br13 " },
	{ "dword to a word device: one of the halves", KEV_IO_OUT, 0x30, 4, 0x12345678, true,
	  "nw30=5678 " },
	{ "wide device: one read", KEV_IO_IN, 0x20, 4, 0x44332211, true, "wr20 " },
	{ "wide device: word", KEV_IO_IN, 0x22, 2, 0x2211, true, "wr22 " },
	{ "the first of two devices has the port", KEV_IO_IN, 0x21, 1, 0x11, true, "ir21 " },
	{ "a word begins in the smaller one", KEV_IO_OUT, 0x21, 2, 0x1234, true,
	  "iw21=34 ww22=12 " },
	{ "no device: ones of the width", KEV_IO_IN, 0x50, 1, 0xff, false, "" },
	{ "no device: word", KEV_IO_IN, 0x50, 2, 0xffff, false, "" },
	{ "no device: dword", KEV_IO_IN, 0x50, 4, 0xffffffff, false, "" },
	{ "no device: write", KEV_IO_OUT, 0x50, 4, 5, false, "" },
	{ "half of it has a device", KEV_IO_IN, 0x13, 2, 0xff11, true, "br13 " },
	{ "the second half has one", KEV_IO_IN, 0xf, 2, 0x11ff, true, "br10 " },
	{ "a device for reads only", KEV_IO_OUT, 0x40, 1, 1, false, "" },
	{ "the last port", KEV_IO_IN, 0xffff, 1, 0x11, true, "trffff " },
};

static void attach(const struct port_range *range, const char *name)
{
	bus_attach(&rig.bus, range, 1, (void *)name);
}

int main(void)
{
	rig_init();
	attach(bytes, "b");
	attach(inside, "i");
	attach(wide, "w");
	attach(words, "n");
	attach(in_only, "o");
	attach(top, "t");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_exit_io io = {
			.port = cases[i].port,
			.width = cases[i].width,
			.direction = cases[i].direction,
			.data = cases[i].direction == KEV_IO_OUT ? cases[i].data : 0,
		};
		bool claimed;

		trace[0] = '\0';
		claimed = bus_access(&rig.bus, &io);
		if (strcmp(trace, cases[i].trace))
			printf("# trace: %s\n", trace);
		tap_result(claimed == cases[i].claimed && io.data == cases[i].data &&
			   !strcmp(trace, cases[i].trace), cases[i].name);
	}
	return tap_end();
}
