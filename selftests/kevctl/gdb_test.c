// SPDX-License-Identifier: GPL-2.0
/*
 * The debugger's server by its packets. Guards that what GDB is promised is kept, for clients
 * that are less polite than GDB, too.
 */
#include <stdlib.h>

#include "gdb_fake.h"
#include "tap.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static struct gdb_server *server;
static char reply[2 * GDB_PACKET_SIZE];
static size_t nr_reply;

/* The content of the last frame that went out, with its runs written out; "" for none */
static void decode_reply(void)
{
	const char *end = fake.sent + fake.nr_sent, *at = end;

	nr_reply = 0;
	reply[0] = '\0';
	while (at > fake.sent && *--at != '$')
		;
	if (fake.nr_sent && *at == '$')
		for (at++; at < end && *at != '#'; at++) {
			if (*at == '}') {
				reply[nr_reply++] = *++at ^ 0x20;
			} else if (*at == '*') {
				char last = reply[nr_reply - 1];

				for (int n = *++at - 29; n > 0; n--)
					reply[nr_reply++] = last;
			} else {
				reply[nr_reply++] = *at;
			}
		}
	reply[nr_reply] = '\0';
}

static bool send_bytes(const void *bytes, size_t length)
{
	bool on;

	fake.nr_sent = 0;
	on = gdb_server_take(server, bytes, length);
	decode_reply();
	return on;
}

static bool send(const char *content)
{
	static char frame[GDB_FRAME_SIZE];
	size_t length = strlen(content);
	uint8_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += content[i];
	return send_bytes(frame, snprintf(frame, sizeof(frame), "$%s#%02x", content, sum));
}

static void begin(void)
{
	memset(&fake, 0, sizeof(fake));
	for (size_t i = 0; i < FAKE_RAM; i++)
		fake.ram[i] = i % 251;
	for (unsigned int i = 0; i < FAKE_THREADS; i++) {
		fake.registers[i].state.gprs.rip = FAKE_BASE + i;
		fake.registers[i].state.gprs.rflags = 2;
	}
	server = gdb_server_create(&fake_target);
}

static void end(void)
{
	gdb_server_destroy(server);
	gdb_breakpoints_free(&fake.breakpoints);
}

static void stop(unsigned int thread, enum gdb_breakpoint kind)
{
	fake.nr_sent = 0;
	gdb_server_stopped(server, &(struct gdb_stop){
		.thread = thread, .signal = GDB_SIGNAL_TRAP, .at_breakpoint = true, .kind = kind,
		.address = 0x1234,
	});
	decode_reply();
}

/* What is sent, one packet after the other, and what the last one has to give */
static const struct {
	const char *name;
	const char *sent[6];
	const char *want;
} cases[] = {
	{ "an unknown packet", { "y" }, "" },
	{ "an empty packet", { "" }, "" },
	{ "a packet of lldb's", { "QThreadSuffixSupported" }, "" },
	{ "vMustReplyEmpty", { "vMustReplyEmpty" }, "" },
	{ "features", { "qSupported:multiprocess+" },
	  "PacketSize=4000;QStartNoAckMode+;qXfer:features:read+;swbreak+;hwbreak+;"
	  "vContSupported+" },
	{ "threads", { "qfThreadInfo" }, "m1,2,3" },
	{ "no more threads", { "qfThreadInfo", "qsThreadInfo" }, "l" },
	{ "a thread lives", { "T3" }, "OK" },
	{ "a thread that there is not", { "T4" }, "E16" },
	{ "a thread's name", { "qThreadExtraInfo,2" }, "764350552031" },
	{ "a thread is chosen", { "Hg3", "qC" }, "QC3" },
	{ "any thread", { "Hg3", "Hg0", "qC" }, "QC1" },
	{ "no thread is chosen", { "Hg4" }, "E16" },
	{ "no purpose", { "Hx1" }, "E16" },
	{ "no purpose at all", { "H" }, "E16" },
	{ "where the image is", { "qOffsets" }, "TextSeg=400000" },
	{ "quitting leaves the guest", { "qAttached" }, "1" },
	{ "no such annex", { "qXfer:features:read:other.xml:0,10" }, "E00" },
	{ "description: behind its end", { "qXfer:features:read:target.xml:fffff,10" }, "E16" },
	{ "description: malformed", { "qXfer:features:read:target.xml:0" }, "E16" },
	{ "description: first bytes", { "qXfer:features:read:target.xml:0,5" }, "m<?xml" },
	{ "memory", { "m100000,4" }, "00010203" },
	{ "memory up to a hole", { "m102ffe,8" }, "eeef" },
	{ "memory that is not there", { "m1,1" }, "E02" },
	{ "no memory", { "m100000,0" }, "" },
	{ "memory: malformed", { "m100000" }, "E16" },
	{ "memory: a huge address", { "m11111111111111111,1" }, "E16" },
	{ "memory is written", { "M100001,2:abcd", "m100000,4" }, "00abcd03" },
	{ "too few digits", { "M100001,2:ab" }, "E16" },
	{ "too many digits", { "M100001,2:abcdef" }, "E16" },
	{ "no digits", { "M100001,2:xyzw" }, "E16" },
	{ "written up to a hole", { "M102fff,2:abcd" }, "E0e" },
	{ "bytes", { "X100001,2:AB", "m100000,4" }, "00414203" },
	{ "bytes: the probe", { "X100000,0:" }, "OK" },
	{ "bytes: another length", { "X100000,2:A" }, "E16" },
	{ "RIP", { "p10" }, "0000100000000000" },
	{ "of another thread", { "Hg2", "p10" }, "0100100000000000" },
	{ "RIP is written", { "P10=0102030405060708", "p10" }, "0102030405060708" },
	{ "too short a value", { "P10=01" }, "E16" },
	{ "too long a value", { "P10=010203040506070809" }, "E16" },
	{ "no register", { "p1000" }, "E16" },
	{ "too few registers", { "G00" }, "E16" },
	{ "XMM3", { "P2b=00112233445566778899aabbccddeeff", "p2b" },
	  "00112233445566778899aabbccddeeff" },
	{ "upper half of YMM3", { "P3c=00112233445566778899aabbccddeeff", "p3c" },
	  "00112233445566778899aabbccddeeff" },
	{ "MXCSR without SSE", { "p38" }, "801f0000" },
	{ "FCW without x87", { "p20" }, "7f030000" },
	{ "tags without x87: all empty", { "p22" }, "ffff0000" },
	{ "a tag is written", { "P22=fcff0000", "p22" }, "fdff0000" },
	{ "INT3 is hidden", { "Z0,100002,1", "m100000,4" }, "00010203" },
	{ "at another address of the page", { "Z0,101002,1", "m200002,1" }, "52" },
	{ "twice is once", { "Z0,100002,1", "Z0,100002,1", "z0,100002,1", "m100002,1" }, "02" },
	{ "writes go below", { "Z0,100002,1", "M100001,3:aaabac", "m100000,5" }, "00aaabac04" },
	{ "and come up", { "Z0,100002,1", "M100001,3:aaabac", "z0,100002,1", "m100002,1" }, "ab" },
	{ "one that there is not is removed", { "z0,100002,1" }, "OK" },
	{ "no memory for it", { "Z0,1,1" }, "E0e" },
	{ "four in hardware", { "Z1,1,1", "Z1,2,1", "Z1,3,1", "Z1,4,1" }, "OK" },
	{ "five", { "Z1,1,1", "Z1,2,1", "Z1,3,1", "Z1,4,1", "Z1,5,1" }, "E1c" },
	{ "one of them again", { "Z1,1,1", "Z1,2,1", "Z1,3,1", "Z1,4,1", "Z1,4,1" }, "OK" },
	{ "16 bytes take two", { "Z2,1000,10", "Z2,2000,10", "Z1,4,1" }, "E1c" },
	{ "unaligned ones take more", { "Z2,1001,8", "Z1,4,1" }, "E1c" },
	{ "a whole page", { "Z4,1000,1000" }, "E1c" },
	{ "nothing", { "Z4,1000,0" }, "E16" },
	{ "reads alone cannot be watched", { "Z3,1000,1" }, "" },
	{ "nor removed", { "z3,1000,1" }, "" },
	{ "a kind that there is not", { "Z5,1000,1" }, "" },
	{ "malformed", { "Z1,1000" }, "E16" },
	{ "with a condition", { "Z1,1000,1;X1,22" }, "E16" },
	{ "monitor", { "qRcmd,6c696e65732031" }, "OK" },
	{ "no orders", { "vCont;t" }, "E16" },
	{ "an order that there is not", { "vCont;x" }, "E16" },
	{ "an order for nobody", { "vCont;c:7" }, "E16" },
	{ "what there is", { "vCont?" }, "vCont;c;C;s;S;t;r" },
};

static void test_cases(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		for (int n = 0; n < 6 && cases[i].sent[n]; n++)
			send(cases[i].sent[n]);
		tap_result(!strcmp(reply, cases[i].want) && fake.sent[0] == '+', cases[i].name);
		if (strcmp(reply, cases[i].want))
			printf("# got %s\n", reply);
		end();
	}
}

static bool ordered(enum gdb_action first, enum gdb_action second, enum gdb_action third)
{
	return fake.resumes == 1 && fake.orders[0].action == first &&
	       fake.orders[1].action == second && fake.orders[2].action == third;
}

static void test_orders(void)
{
	static const struct {
		const char *name, *before, *sent;
		enum gdb_action orders[FAKE_THREADS];
	} orders[] = {
		{ "all go on", NULL, "vCont;c", { GDB_CONTINUE, GDB_CONTINUE, GDB_CONTINUE } },
		{ "one steps", NULL, "vCont;s:2", { GDB_STAY, GDB_STEP, GDB_STAY } },
		{ "one steps, the others go on", NULL, "vCont;s:2;c",
		  { GDB_CONTINUE, GDB_STEP, GDB_CONTINUE } },
		{ "the first order counts", NULL, "vCont;s:1;c:1;c:2",
		  { GDB_STEP, GDB_CONTINUE, GDB_STAY } },
		{ "with signals", NULL, "vCont;C05:1;S0b:3", { GDB_CONTINUE, GDB_STAY, GDB_STEP } },
		{ "one stays", NULL, "vCont;t:2;c:-1", { GDB_CONTINUE, GDB_STAY, GDB_CONTINUE } },
		{ "c", NULL, "c", { GDB_CONTINUE, GDB_CONTINUE, GDB_CONTINUE } },
		{ "s", NULL, "s", { GDB_STEP, GDB_CONTINUE, GDB_CONTINUE } },
		{ "s of one thread", "Hc2", "s", { GDB_STAY, GDB_STEP, GDB_STAY } },
		{ "C of one thread", "Hc3", "C05", { GDB_STAY, GDB_STAY, GDB_CONTINUE } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		begin();
		if (orders[i].before)
			send(orders[i].before);
		send(orders[i].sent);
		tap_result(!*reply && ordered(orders[i].orders[0], orders[i].orders[1],
					      orders[i].orders[2]), orders[i].name);
		end();
	}
	begin();
	send("vCont;r100,200:2");
	tap_result(ordered(GDB_STAY, GDB_STEP, GDB_STAY) && fake.orders[1].start == 0x100 &&
		   fake.orders[1].end == 0x200, "a range");
	end();
	begin();
	send("s100200");
	tap_result(fake.registers[0].state.gprs.rip == 0x100200 && fake.resumes == 1,
		   "from another address");
	end();
}

static void test_stops(void)
{
	static const char *const wanted[] = {
		[GDB_SOFTWARE] = "T05swbreak:;thread:2;", [GDB_HARDWARE] = "T05hwbreak:;thread:2;",
		[GDB_WATCH_WRITE] = "T05watch:1234;thread:2;",
		[GDB_WATCH_READ] = "T05rwatch:1234;thread:2;",
		[GDB_WATCH_ACCESS] = "T05awatch:1234;thread:2;",
	};

	for (unsigned int kind = 0; kind < GDB_NR_BREAKPOINTS; kind++) {
		begin();
		send("qSupported:swbreak+;hwbreak+");
		send("vCont;c");
		stop(1, kind);
		tap_result(!strncmp(reply, wanted[kind], strlen(wanted[kind])), wanted[kind]);
		tap_result(!!strstr(reply, ";10:0100100000000000;"), "with RIP");
		end();
	}
	begin();
	send("vCont;c");
	stop(1, GDB_SOFTWARE);
	tap_result(!strncmp(reply, "T05thread:2;", 12), "not what the debugger does not know");
	send("qC");
	tap_result(!strcmp(reply, "QC2"), "the stopped thread is chosen");
	send("?");
	tap_result(!strncmp(reply, "T05thread:2;", 12), "the stop can be asked for");
	end();

	begin();
	send("vCont;c");
	send_bytes("\x03", 1);
	tap_result(fake.interrupts == 1, "Ctrl-C");
	send("g");
	tap_result(!*reply, "no answer while the guest runs");
	stop(0, GDB_HARDWARE);
	send_bytes("\x03", 1);
	tap_result(fake.interrupts == 1, "Ctrl-C when it has stopped");
	end();
}

static void test_ends(void)
{
	begin();
	send("c");
	fake.nr_sent = 0;
	gdb_server_ended(server, GDB_SIGNAL_0, 42);
	decode_reply();
	tap_result(!strcmp(reply, "W2a"), "the guest exits");
	end();
	begin();
	send("c");
	fake.nr_sent = 0;
	gdb_server_ended(server, GDB_SIGNAL_SEGV, 0);
	decode_reply();
	tap_result(!strcmp(reply, "X0b"), "the guest dies");
	end();
	begin();
	gdb_server_ended(server, GDB_SIGNAL_SEGV, 0);
	tap_result(!fake.nr_sent, "nobody waits for the end");
	end();
	begin();
	tap_result(!send("D") && !strcmp(reply, "OK") && fake.detaches == 1, "detach");
	end();
	begin();
	tap_result(!send("k") && !*reply && fake.kills == 1, "kill");
	end();
	begin();
	tap_result(!send("vKill;1") && !strcmp(reply, "OK") && fake.kills == 1, "vKill");
	end();
	begin();
	send("c");
	tap_result(!send("k") && fake.kills == 1, "kill while it runs");
	end();
}

static void test_frames(void)
{
	static char long_packet[GDB_PACKET_SIZE + 8];

	begin();
	send_bytes("$g#00", 5);
	tap_result(fake.nr_sent == 1 && fake.sent[0] == '-', "a wrong sum");
	send_bytes("$g#6", 4);
	tap_result(!fake.nr_sent, "half a sum");
	send_bytes("7", 1);
	tap_result(fake.nr_sent > 10, "the rest of it");
	send("qC");
	send_bytes("-", 1);
	tap_result(!strcmp(reply, "QC1"), "once more");
	send_bytes("$m1000$qC#b4", 12);
	tap_result(!strcmp(reply, "QC1"), "a packet that was cut off");
	send_bytes("$X100000,2:}\x03}]#6b", 18);
	send("m100000,2");
	tap_result(!strcmp(reply, "237d"), "escapes");
	memset(long_packet, 'g', sizeof(long_packet) - 1);
	send(long_packet);
	tap_result(fake.nr_sent == 1 && fake.sent[0] == '-', "too long a packet");
	send("QStartNoAckMode");
	tap_result(!strcmp(reply, "OK"), "no more acknowledgements");
	send("qC");
	tap_result(fake.sent[0] == '$', "there are none");
	send_bytes("$g#00", 5);
	tap_result(!fake.nr_sent, "not even bad ones");
	end();
}

/* Frames of runs of every length, read back */
static void test_runs(void)
{
	static char content[200], frame[GDB_FRAME_SIZE];
	bool ok = true;

	for (size_t length = 1; length < sizeof(content); length++) {
		memset(content, '0', length);
		fake.nr_sent = gdb_frame(frame, content, length);
		memcpy(fake.sent, frame, fake.nr_sent);
		decode_reply();
		ok &= nr_reply == length && !memcmp(reply, content, length);
		/* The count must not look like the frame. */
		ok &= !memchr(frame + 1, '$', fake.nr_sent - 1) &&
		      (char *)memchr(frame, '#', fake.nr_sent) == frame + fake.nr_sent - 3;
	}
	tap_result(ok, "runs of 1 to 199 bytes");
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = "$#*}"[i % 4];
	fake.nr_sent = gdb_frame(frame, content, sizeof(content));
	memcpy(fake.sent, frame, fake.nr_sent);
	decode_reply();
	tap_result(nr_reply == sizeof(content) && !memcmp(reply, content, nr_reply),
		   "bytes that have a meaning");
}

static void test_registers(void)
{
	static char all[sizeof(reply) + 1];
	size_t bytes = 0;

	begin();
	for (unsigned int n = 0; n < gdb_registers_count(GDB_SHAPE_AVX); n++)
		bytes += gdb_register_size(GDB_SHAPE_AVX, n);
	send("g");
	tap_result(strlen(reply) == 2 * bytes, "g has all of them");
	all[0] = 'G';
	strcpy(all + 1, reply);
	all[1] = 'a';
	send(all);
	tap_result(!strcmp(reply, "OK") && fake.groups == KEV_STATE_GPRS &&
		   fake.registers[0].state.gprs.gpr[KEV_RAX] == 0xa0,
		   "G writes the groups that have changed");
	fake.groups = 0;
	send(all);
	tap_result(!strcmp(reply, "OK") && !fake.groups, "and none if none has");
	send("P28=01000000000000000000000000000000");
	tap_result(fake.groups == KEV_STATE_XSAVE && fake.registers[0].xsave[512] == 2,
		   "an XMM register turns its component on");
	end();
	tap_result(gdb_registers_count(GDB_SHAPE_AVX) - gdb_registers_count(0) == 16,
		   "16 registers less without AVX");
}

/* What GDB knows by its number, and by its name */
static void test_i386(void)
{
	const unsigned int shape = GDB_SHAPE_AVX | GDB_SHAPE_I386;
	const unsigned int *useful = gdb_registers_useful(shape);
	static struct gdb_registers registers;
	char *text = gdb_registers_describe(shape);
	uint8_t bytes[16];

	registers.state.gprs.gpr[KEV_RBX] = 0x3b;
	registers.state.gprs.rip = 0x123456;
	gdb_register_get(&registers, shape, 3, bytes);
	tap_result(gdb_register_size(shape, 3) == 4 && bytes[0] == 0x3b, "i386: EBX");
	gdb_register_get(&registers, shape, 8, bytes);
	tap_result(useful[2] == 8 && gdb_register_size(shape, 8) == 4 &&
		   !memcmp(bytes, "\x56\x34\x12", 4), "i386: EIP");
	bytes[3] = 0x80;
	tap_result(gdb_register_set(&registers, shape, 8, bytes) == KEV_STATE_GPRS &&
		   registers.state.gprs.rip == 0x80123456, "i386: EIP is written");
	tap_result(gdb_register_size(shape, 9) == 4 && gdb_register_size(shape, 16) == 10 &&
		   gdb_register_size(shape, 32) == 16 && gdb_register_size(shape, 40) == 4,
		   "i386: EFLAGS, ST0, XMM0, MXCSR");
	tap_result(gdb_registers_count(shape) - gdb_registers_count(GDB_SHAPE_I386) == 8,
		   "i386: 8 vector registers");
	tap_result(strstr(text, "<architecture>i386</architecture>") && strstr(text, "\"edi\"") &&
		   strstr(text, "\"xmm7\"") && !strstr(text, "\"xmm8\"") &&
		   !strstr(text, "\"rip\"") && !strstr(text, "fs_base"), "i386: description");
	free(text);
}

static void test_hardware(void)
{
	struct gdb_breakpoints breakpoints = { };
	struct kev_vcpu_debug debug = { };

	gdb_hardware_insert(&breakpoints, GDB_WATCH_WRITE, 0x1004, 12);
	gdb_hardware_insert(&breakpoints, GDB_HARDWARE, 0x2001, 1);
	gdb_hardware_insert(&breakpoints, GDB_WATCH_ACCESS, 0x3002, 2);
	gdb_hardware_load(&breakpoints, &debug);
	tap_result(debug.flags == KEV_DEBUG_HARDWARE && debug.dr[0] == 0x1004 &&
		   debug.dr[1] == 0x1008 && debug.dr[2] == 0x2001 && debug.dr[3] == 0x3002,
		   "addresses");
	tap_result(debug.dr7 == (0x55 | 0xdULL << 16 | 0x9ULL << 20 | 0x7ULL << 28), "DR7");
	tap_result(gdb_hardware_hit(&breakpoints, 2)->address == 0x1004, "its second register");
	tap_result(gdb_hardware_hit(&breakpoints, 4)->kind == GDB_HARDWARE, "a breakpoint");
	tap_result(gdb_hardware_hit(&breakpoints, 0xc)->kind == GDB_WATCH_ACCESS,
		   "a watchpoint goes before a breakpoint");
	tap_result(!gdb_hardware_hit(&breakpoints, 0), "none");
	gdb_hardware_remove(&breakpoints, GDB_WATCH_WRITE, 0x1004, 12);
	tap_result(gdb_hardware_hit(&breakpoints, 1) && !gdb_hardware_hit(&breakpoints, 4),
		   "one less");
}

/* What the guest itself writes over an INT3 stays. */
static void test_overwritten(void)
{
	begin();
	send("Z0,100002,1");
	tap_result(fake.ram[2] == 0xcc, "INT3 is there");
	fake.ram[2] = 0x90;
	send("m100002,1");
	tap_result(!strcmp(reply, "90"), "new code is seen");
	send("z0,100002,1");
	tap_result(fake.ram[2] == 0x90, "and not undone");
	send("Z0,100003,1");
	gdb_software_remove_all(&fake.breakpoints, &fake_view);
	tap_result(fake.ram[3] == 3, "all are removed");
	tap_result(!gdb_software_at(&fake.breakpoints, &fake_view, 0x100003), "none is left");
	end();
}

/* What a report of a breakpoint is compared with */
static void test_int3(void)
{
	begin();
	tap_result(!gdb_int3_at(&fake_view, 0x100002), "no INT3");
	send("Z0,100002,1");
	tap_result(gdb_int3_at(&fake_view, 0x100002), "an INT3");
	fake.ram[0] = 0x48;
	fake.ram[1] = 0xf3;
	tap_result(gdb_int3_at(&fake_view, 0x100000), "an INT3 behind prefixes");
	send("z0,100002,1");
	tap_result(!gdb_int3_at(&fake_view, 0x100000), "it has gone");
	tap_result(gdb_int3_at(&fake_view, 0x7ffffff000), "who knows");
	end();
}

static void test_monitor(void)
{
	size_t digits = 0;

	begin();
	send("qRcmd,6c696e65732034303030");	/* lines 4000 */
	for (size_t i = 0; i + 1 < fake.nr_sent; i++)
		digits += fake.sent[i] == '$' && fake.sent[i + 1] == 'O' && fake.sent[i + 2] != 'K';
	tap_result(digits > 3 && !strcmp(reply, "OK"), "long output in several packets");
	end();
}

int main(void)
{
	test_cases();
	test_orders();
	test_stops();
	test_ends();
	test_frames();
	test_runs();
	test_registers();
	test_i386();
	test_hardware();
	test_overwritten();
	test_int3();
	test_monitor();
	return tap_end();
}
