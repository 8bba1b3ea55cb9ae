#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kevctl run on a scripted stand-in for the module: see fake_kev.c for the script.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tap.sh
. ./tap.sh

kevctl=${KEVCTL_FAKE:-./kevctl-fake}
script=$tap_dir/script

# run NAME STATUS STDOUT STDERR [OPTION...], the script on stdin
run() {
	local name=$1 status=$2 stdout=$3 stderr=$4
	shift 4
	cat >"$script"
	expect "$name" "$status" "$stdout" "$stderr" "$kevctl" run "$@" "$script"
}

# The guest's code and the exit status
while read -r code status; do
	run "code $code" "$status" "" "" <<<"halt $code"
done <<'END'
0 0
1 1
0x7f 127
0xcafe 254
255 255
0x100 255
0x1234567800000000 255
-1 255
END
run "the whole code with -v" 254 "" 'script: exit code 51966 \(0xcafe\)$' -v <<<"halt 0xcafe"

run "output" 0 $'one\ntwo' "" <<<$'print one\nprint two'
run "EINTR goes on" 3 "x" "" <<<$'eintr\nprint x\neintr\nhalt 3'
run "output before a report" 125 "last words" "^kevctl: vCPU 0: triple fault$" \
	<<<$'print last words\nset reason 2\nreport shutdown'

# More than the console holds: nothing is lost, the order is kept.
cat >"$script" <<<$'flood 20000\nhalt 0'
expect "flood" 0 "*" "" "$kevctl" run "$script"
tap_check "flood: every line, in order" cmp "$tap_dir/stdout" \
	<(for ((i = 0; i < 20000; i++)); do printf '%07x\n' "$i"; done)
status=0
"$kevctl" run "$script" | { sleep 0.2; sha256sum; } >"$tap_dir/slow" || status=$?
tap_check "flood: a slow reader gets the same" test \
	"$status $(<"$tap_dir/slow")" = "0 $(sha256sum <"$tap_dir/stdout")"

# Ports
run "serial port and console keep their order" 0 $'a\nBc' "" <<<'print a
out 0x3f8 1 0x42
print c'
run "ports without device read all ones" 0 "" "" <<<'in 0x1234 1 ff
in 0x1234 2 ffff
in 0x1234 4 ffffffff
out 0x80 1 0x11
halt 0'
run "the PCI bus is empty" 0 "" "" --strict-ports <<<'out 0xcf8 4 0x80000000
in 0xcfc 4 ffffffff
in 0xcfe 1 ff
in 0xcf8 4 ffffffff
halt 0'
run "power off: word at 0x604" 0 "" "" <<<$'out 0x604 2 0x2000\nhalt 1'
run "power off: dword at 0x604" 0 "" "" <<<$'out 0x604 4 0x2000\nhalt 1'
run "power off: 0xb004" 0 "" "" <<<$'out 0xb004 2 0x2000\nhalt 1'
run "power off: another value" 1 "" "" --strict-ports <<<$'out 0x604 2 0x1000\nhalt 1'
run "unknown ports are named with -v" 0 "" \
	'^kevctl: port 0x70: no device: 2 reads gave all ones, 1 writes were ignored$' -v <<<'in 0x70 1 ff
out 0x70 1 5
in 0x70 1 ff
halt 0'
run "unknown ports are not named without" 0 "" "" <<<$'in 0x70 1 ff\nhalt 0'
run "--strict-ports" 125 "" \
	'^kevctl: vCPU 0: write of 0x5 \(1 bytes\) to port 0x70, which has no device$' \
	--strict-ports <<<$'out 0x70 1 5\nhalt 0'
run "--machine kev: a doubleword prints its low byte" 0 "B" "" <<<$'out 0x3f8 4 0x11223342\nhalt 0'
run "--machine none" 125 "" '^kevctl: vCPU 0: read of 2 bytes from port 0x3f8' --machine none \
	<<<$'in 0x3f8 2 ffff\nhalt 0'

# The little hardware of --machine min. PIC: vectors from 0x20, all lines but one masked.
# pic MASK: the lines that start the first 8259
pic() {
	printf 'out 0x20 1 0x11\nout 0x21 1 0x20\nout 0x21 1 4\nout 0x21 1 1\nout 0x21 1 %s\n' "$1"
}
# Counter 0 as rate generator, 1193 ticks of 838 ns
timer=$'out 0x43 1 0x34\nout 0x40 1 0xa9\nout 0x40 1 0x04'
# The serial port interrupts for input
listen=$'out 0x3fc 1 8\nout 0x3f9 1 1'
run "min: serial port and debug console print" 0 "AB" "" --machine min --strict-ports \
	<<<$'out 0x3f8 1 0x41\nin 0x3fd 1 60\nout 0xe9 1 0x42\nin 0xe9 1 e9\nhalt 0'
run "min: exit device" 35 "" "" --machine min <<<$'out 0xf4 4 0x11\nhalt 0'
run "min: exit device, one byte" 1 "" "" --machine min <<<$'out 0xf4 1 0\nhalt 0'
run "min: power off" 0 "" "" --machine min <<<$'out 0x604 2 0x2000\nhalt 1'
run "min: reset" 0 "" "" --machine min <<<$'out 0x64 1 0xfe\nhalt 1'
run "min: PCI" 0 "" "" --machine min --strict-ports <<<$'out 0xcf8 4 0x80000000\nin 0xcfc 4 ffffffff\nhalt 0'
run "min: other ports read all ones" 0 "" '^kevctl: port 0x1f7: no device: 1 reads' -v --machine min \
	<<<$'in 0x1f7 1 ff\nhalt 0'
run "min: --strict-ports" 125 "" 'to port 0x80, which has no device$' --machine min --strict-ports \
	<<<$'out 0x80 1 0\nhalt 0'
run "min: the timer wakes a guest, again and again" 7 "" "" --machine min <<<"$(pic 0xfe)
$timer
hlt 1
vector 0x20
out 0x20 1 0x20
hlt 1
vector 0x20
halt 7"
run "min: one tick, then nothing can come" 125 "" "^kevctl: vCPU 0: HLT, and nothing can wake" \
	--machine min <<<"$(pic 0xfe)
out 0x43 1 0x30
out 0x40 1 0xa9
out 0x40 1 0x04
hlt 1
vector 0x20
out 0x20 1 0x20
hlt 1"
run "min: HLT with interrupts off ends it" 125 "" "^kevctl: vCPU 0: HLT, and nothing can wake" \
	--machine min <<<"$(pic 0xfe)
$timer
hlt 0"
run "min: HLT with the timer masked ends it" 125 "" "^kevctl: vCPU 0: HLT, and nothing can wake" \
	--machine min <<<"$(pic 0xff)
$timer
hlt 1"
run "min: a waiting interrupt is tried again when RUN returns" 3 "" "" --machine min <<<"$(pic 0xef)
busy 1
out 0x3fc 1 8
out 0x3f9 1 2
eintr
hlt 1
vector 0x24
halt 3"
run "min: an interrupt that cannot be raised" 125 "" \
	'^kevctl: raising an interrupt: Inappropriate ioctl' --machine min <<<"$(pic 0xef)
interrupt-error 25
out 0x3fc 1 8
out 0x3f9 1 2
spin"
run "min: no input ends a guest that waits for some" 125 "" "HLT, and nothing can wake" \
	--machine min <<<"$(pic 0xef)
$listen
hlt 1"
# input NAME STATUS STDOUT INPUT, the script on stdin
input() {
	cat >"$script"
	# shellcheck disable=SC2016	# for the inner shell
	expect "$1" "$2" "$3" "" bash -c 'printf "$1" | "${@:2}"' - "$4" "$kevctl" run \
		--machine min "$script"
}
input "min: input comes by interrupt" 5 "" "ab" <<<"$(pic 0xef)
out 0x3fa 1 1
$listen
hlt 1
vector 0x24
in 0x3f8 1 61
in 0x3f8 1 62
in 0x3fd 1 60
halt 5"
input "min: more input than the FIFO holds" 6 "" "0123456789abcdefX" <<<"$(pic 0xef)
out 0x3fa 1 0xc1
$listen
hlt 1
vector 0x24
$(for byte in 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66; do echo "in 0x3f8 1 $byte"; done)
poll 0x3fd 1 61
in 0x3f8 1 58
halt 6"
# A guest that only prints leaves the input to others.
echo "out 0x3f8 1 0x41" >"$script"
tap_check "min: output alone takes no input" test \
	"$(echo rest | { "$kevctl" run --machine min "$script"; cat; })" = "Arest"
run "min: an I/O APIC's page" 0 "" "" --machine min \
	<<<$'check region 2 0xfec00000 0x1000\nmmio-write 0xfec00000 4 1\nmmio-read 0xfec00010 4 0x170011'
run "min: no device in memory there" 125 "" \
	'write of 0x5 \(2 bytes\) to guest-physical 0xfec01000, which has no device$' --machine min \
	<<<"mmio-write 0xfec01000 2 5"
run "min: an instruction that nobody decodes" 125 "" 'read of guest-physical 0xfec00000: a device, by an' \
	--machine min <<<$'set gpa 0xfec00000\nset access 1\nset kind 2\nreport memory'
# The timer's line leads to pin 2.
run "min: the timer by a message" 9 "" "" --machine min <<<"mmio-write 0xfec00000 4 0x15
mmio-write 0xfec00010 4 0x03000000
mmio-write 0xfec00000 4 0x14
mmio-write 0xfec00010 4 0x41
$timer
hlt 1
signal 0xfee03000 0x41
halt 9"
run "strings: printed in one report" 0 "Hello" "" <<<"outs 0x3f8 1 48656c6c6f"
run "strings: read value by value" 0 "" "" --machine min \
	<<<"$(pic 0xa5)"$'\nins 0x21 1 a5a5a5\nins 0x21 2 a5ffa5ff\nins 0x80 4 ffffffffffffffff'
run "strings: --strict-ports" 125 "" \
	'string read of 3 times 2 bytes from port 0x80, which has no device$' --strict-ports \
	<<<"ins 0x80 2 000000000000"
run "strings: --strict-ports, writes" 125 "" \
	'string write of 2 times 1 bytes to port 0x80, which has no device$' --strict-ports \
	<<<"outs 0x80 1 0000"
run "the print device of direct64" 0 "" "" --boot direct64 <<<"check region 9 0xcafe0000 0x1000"
run "kev32 brings its own" 0 "" "" --boot kev32 <<<"check region 0 0 0"
run "--machine none has none" 0 "" "" --boot direct64 --machine none <<<"check region 0 0 0"

# Boot protocols: which devices go with them, and what is handed over
while read -r option number machine; do
	run "--boot $option: protocol $number" 0 "" "" --boot "$option" <<<"check boot $number"
	run "--boot $option: machine $machine" 0 "" "boot protocol $option," -v --boot "$option" \
		--strict-ports <<<"$([[ $machine == kev ]] || echo "in 0x3fd 1 60"
		echo "in 0xcfc 4 ffffffff")"
done <<'END'
none 0 kev
direct64 1 kev
kev32 2 kev
multiboot 3 min
multiboot2 4 min
pvh 5 min
END
run "--boot auto is the default" 0 "" "" <<<"check boot 255"
run "auto: the image's protocol chooses the devices" 0 "" "boot protocol pvh," -v --strict-ports \
	<<<$'boot 5\nin 0x3fd 1 60'
run "auto: no header, --machine kev" 125 "" "read of 1 bytes from port 0x3fd" --strict-ports \
	<<<$'boot 1\nin 0x3fd 1 60'
run "--machine goes before the protocol" 125 "" "read of 1 bytes from port 0x3fd" --machine kev \
	--strict-ports <<<$'boot 5\nin 0x3fd 1 60'
run "--boot none has no memory" 0 "" ", 0K of memory$" -v --boot none <<<"halt 0"
run "--append" 0 "" "" --append "root=/dev/ram quiet" <<<"check append root=/dev/ram quiet"
printf 12345 >"$tap_dir/first"
printf 1234567 >"$tap_dir/second"
run "--module: files and their strings, in order" 0 "" "" --boot multiboot \
	--module "$tap_dir/first,one, two" --module "$tap_dir/second" \
	<<<$'check modules 2\ncheck module 0 5 one, two\ncheck module 1 7 '
run "a module is refused" 126 "" "^kevctl: $tap_dir/second: the file is empty, not regular" \
	--module "$tap_dir/first" --module "$tap_dir/second" <<<"problem 29 1 8"
run "a protocol without command line" 125 "" "^  hint: --append and --module need" --append x \
	<<<"problem 0 4294967295 22"
run "no header" 126 "" "^  hint: --boot auto chooses" --boot pvh <<<"problem 24 4294967295 8"

# How the VM is made
run "nothing is chosen" 0 "" "" <<<"check create 0 0 0"
run "--huge never" 0 "" "" --huge never <<<"check create 1 0 0"
run "--huge auto" 0 "" "" --huge auto <<<"check create 2 0 0"
run "--huge always" 0 "" "" --huge always <<<"check create 3 0 0"
run "--thp" 0 "" "" --thp <<<"check create 3 0 0"
echo "check create 3 0 0" >"$script"
expect "no pages of 2 MiB" 0 "" "^kevctl: --huge: ignored: this CPU has no pages of 2 MiB" \
	env FAKE_NO_HUGE_PAGES=1 "$kevctl" run --thp "$script"
run "--ksm" 0 "" "^kevctl: --ksm: ignored: " --ksm <<<"check create 0 0 0"
run "--fault-around 0" 0 "" "" --fault-around 0 <<<"check create 0 8 0"
run "--fault-around 16" 0 "" "" --fault-around 16 <<<"check create 0 8 16"

run "--clock" 0 "" "" --clock <<<"check create 0 64 0"
run "hypercalls" 0 "" "" <<<"check hypercalls kev"
run "--hypercalls akaros" 0 "" "" --hypercalls akaros <<<"check hypercalls akaros"

# Every kind of report: what is said, and 125
while IFS='|' read -r kind sets line; do
	run "report $kind: $sets" 125 "" "^kevctl: vCPU 0: $line" \
		<<<"${sets//;/$'\n'}"$'\n'"report $kind"
done <<'END'
failed|set error 5|kev could not go on: Input/output error$
entry-failed|set insn_error 7|the CPU refused to enter the guest: VM-instruction error 7: VM entry: invalid control field$
entry-failed|set reason 33;set qualification 4|the CPU refused to enter the guest: VM entry failed: invalid guest state: the VMCS link pointer is invalid$
shutdown|set reason 2|triple fault$
halted|set reason 12|HLT, and nothing can wake the guest$
msr|set reason 31|RDMSR of 0x0, which nobody handles$
memory|set gpa 0xc0000000;set access 2|write of guest-physical 0xc0000000: no memory there$
memory|set gpa 0x5000;set gva 0x7000;set access 5;set flags 3|read\+execute of guest-physical 0x5000 \(linear 0x7000\): the memory there does not allow it$
memory-error|set gpa 0x5000;set access 1;set error 5|read of guest-physical 0x5000: the page cannot be had: Input/output error$
mmio|set mmio_gpa 0xfe000000;set mmio_width 4|read of 4 bytes from guest-physical 0xfe000000, which has no device$
mmio|set mmio_gpa 0xfe000000;set mmio_width 8;set mmio_direction 1;set mmio_data 0x1234|write of 0x1234 \(8 bytes\) to guest-physical 0xfe000000, which has no device$
debug|set vector 3;set address 0x100010|breakpoint instruction at 0x100010$
debug|set vector 1;set address 0x100010;set dr6 0xffff4ff0;set dr7 0x400|debug exception at 0x100010, DR6 0xffff4ff0, DR7 0x400$
intercept|set reason 16;set intercept 0x800|exit that was asked for: rdtsc, RDTSC$
intercept|set reason 16|exit that was asked for: unknown, RDTSC$
unhandled|set reason 29|exit that nobody handles: access to a debug register$
cpuid|set reason 10|report of kind 9 \(cpuid\)$
unknown-to-both|set reason 10|report of kind 17 \(unknown\)$
END
run "unknown hypercall" 125 "" \
	'^kevctl: vCPU 0: hypercall 77 \(0x4d\) is unknown; arguments 0x1 0x2 0x3 0x4 0x5 0x6$' \
	<<<"hypercall 77 1 2 3 4 5 6"
run "registers" 125 "" '^  rax 00000000deadbeef  rbx 0000000000000000' \
	<<<$'set rax 0xdeadbeef\nreport shutdown'
while IFS='|' read -r name line; do
	run "dump: $name" 125 "" "^  $line\$" <<<$'set rip 0x3ffff0\nset rsp 0x2000
memory 0x3fffe8 9090909090909090cc0f0b\nreport shutdown'
done <<'END'
control registers|cr0 0000000080000031  cr2 0{16}  cr3 0000000000010000  cr4 0000000000000020
EFER|efer d00  xcr0 0  dr7 0  apic base fee00900
segments|cs   0008      0{16}  ffffffff  b     1  0    0   1  1  1  0
tables|gdt            0000000000001000  0017
code up to the end of memory|code( 00){16}( 90){8} <cc> 0f 0b( 00){13}
where|#0  00000000003ffff0
END
run "dump: no code" 125 "" "^  code: none at 0x500000$" <<<$'set rip 0x500000\nreport shutdown'
run "dump: code from the first byte of memory" 125 "" "^  code <90> 90 00" \
	<<<$'memory 0 9090\nset rip 0\nreport shutdown'
run "dump: the other vCPUs" 125 "" "^  vCPU 1 at 0000000000000000$" --cpus 2 <<<"report shutdown"
run "dump: the other vCPUs with -v" 125 "" "^kevctl: vCPU 1: registers$" -v --cpus 2 \
	<<<"report shutdown"
run "the exit" 125 "" \
	'^  exit reason 48 \(EPT violation\), raw 0x00000030, qualification 0x181$' \
	<<<$'set reason 48\nset qualification 0x181\nreport unhandled'
run "flags" 125 "" '^  flags retry backed$' <<<$'set flags 3\nreport memory'
run "RUN fails" 125 "" '^kevctl: running the guest: vCPU 0: Device or resource busy$' \
	<<<"runerror 16"

run "a protocol that the CPU is too old for" 125 "" "^  hint: this CPU has no unrestricted guest" \
	<<<"problem 0 4294967295 95"

# Images that are refused
while IFS='|' read -r problem segment errno status line; do
	run "image problem $problem, errno $errno" "$status" "" "^kevctl: $script: $line\$" \
		<<<"problem $problem $segment $errno"
done <<'END'
3|4294967295|8|126|e_ident: no ELF magic number \(Exec format error\)
14|2|8|126|program header 2: p_filesz: greater than p_memsz \(Exec format error\)
23|4294967295|5|126|reading the headers failed \(Input/output error\)
0|4294967295|26|126|Text file busy
0|4294967295|21|126|Is a directory
0|4294967295|12|125|Cannot allocate memory
END

# Memory: the default grows with the image, a given size does not.
run "default memory" 0 "" "script: .* 65536K of memory$" -v <<<"halt 0"
run "default memory for a large image" 0 "" "script: .* 131072K of memory$" -v \
	<<<$'span 102400\nhalt 0'
run "--memory" 0 "" "script: .* 2097152K of memory$" -v --memory 2G <<<"halt 0"
for option in -m --memory-size; do
	run "$option" 0 "" "script: .* 32768K of memory$" -v "$option" 32MiB <<<"halt 0"
done
expect "HERMIT_MEMORY_SIZE" 0 "" "script: .* 32768K of memory$" \
	env HERMIT_MEMORY_SIZE=32M "$kevctl" run -v "$script"
expect "HERMIT_MEMORY_SIZE does not count with -m" 0 "" "script: .* 65536K of memory$" \
	env HERMIT_MEMORY_SIZE=nonsense "$kevctl" run -v -m 64M "$script"
expect "an empty HERMIT_MEMORY_SIZE" 0 "" "script: .* 65536K of memory$" \
	env HERMIT_MEMORY_SIZE= "$kevctl" run -v "$script"
expect "HERMIT_MEMORY_SIZE where there is no memory" 0 "" "boot protocol none" \
	env HERMIT_MEMORY_SIZE=32M "$kevctl" run -v --boot none "$script"
run "--memory is too little" 125 "" \
	'^kevctl: .*/script: p_memsz: the image needs more memory than the VM has$' --memory 64M \
	<<<$'span 102400\nhalt 0'

run "an image that nothing holds" 125 "" '^  hint: give it more with --memory' \
	<<<"span 2000000000"

# Several vCPUs
run "vCPUs beside the first end with the VM" 5 "x" "" --cpus 4 <<<$'print x\nhalt 5'
run "waiting vCPUs do not end the others" 5 "" "" --cpus 4 <<<$'others-wait\npause 200\nhalt 5'
run "when all have halted, the VM ends" 125 "" "^kevctl: vCPU 0: HLT, and nothing can wake" \
	--cpus 4 <<<$'others-wait\nhlt 1'
# 50 ms a tick: the others notice that they have halted.
run "not while the machine can wake one: the others wait too" 7 "" "" --machine min --cpus 4 \
	<<<"others-wait
$(pic 0xfe)
out 0x43 1 0x34
out 0x40 1 0x0b
out 0x40 1 0xe9
hlt 1
vector 0x20
out 0x20 1 0x20
hlt 1
vector 0x20
halt 7"
cpu=$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
for option in -a --affinity; do
	run "$option" 0 "" "" "$option" "$cpu" <<<"check affinity $cpu"
done
echo "halt 0" >"$script"
expect "HERMIT_CPU_COUNT" 125 "" '^kevctl: --cpus: 9 is more than 8' \
	env HERMIT_CPU_COUNT=9 "$kevctl" run "$script"
for option in -c --cpu-count; do
	run "$option" 125 "" '^kevctl: --cpus: 9 is more than 8' "$option" 9 <<<"halt 0"
done
run "more vCPUs than kev has" 125 "" '^kevctl: --cpus: 9 is more than 8, the most that kev has$' \
	--cpus 9 <<<"halt 0"

for name in first_run_us first_report_us first_output_us; do
	run "--stats: $name" 0 x "^  $name +[1-9][0-9]*\$" --stats <<<$'print x\nhalt 0'
done
run "--stats: no output" 0 "" '^  first_output_us +0$' --stats <<<"halt 0"
run "--stats: pages before the first instruction" 0 "" '^  start_file_pages +17$' --stats <<<"halt 0"
run "--stats" 0 "" '^  file_pages +17$' --stats <<<"halt 0"
run "--stats: exits" 0 "" '^  exits +42$' --stats <<<"halt 0"
while read -r name value; do
	run "--stats: $name" 0 "" "^  $name +$value\$" --stats <<<"halt 0"
done <<'END'
shared_pages 1
huge_pages 2
copied_pages 3
around_pages 4
flushes 5
END

# json NAME STATUS STDERR EXPRESSION [OPTION...], the script on stdin: the expression of Python's is
# true for the object that --json leaves.
json() {
	local name=$1 status=$2 stderr=$3 expression=$4
	shift 4
	rm -f "$tap_dir/json"
	run "--json: $name" "$status" "*" "$stderr" --json="$tap_dir/json" "$@"
	tap_check "--json: $name: its object" python3 -c '
import json, sys
run = json.load(open(sys.argv[1]))
assert run["image"] == sys.argv[2] and run["status"] == int(sys.argv[3]), run
assert eval("(" + sys.argv[4] + ")"), run' "$tap_dir/json" "$script" "$status" "$expression"
}
json "a code" 254 "" 'run["outcome"] == "exited" and run["code"] == 51966 and run["vm"] == 7 and
run["boot"] == "direct64" and run["memory_kib"] == 65536 and "stats" not in run and
run["vcpus"] == [{"id": i, "rip": 0, "place": None} for i in (0, 1)]' --cpus 2 <<<"halt 0xcafe"
json "a great code" 255 "" 'run["code"] == 2**64 - 1' <<<"halt -1"
json "a report" 125 "triple fault" 'run["outcome"] == "report" and
run["report"]["kind"] == "shutdown" and run["report"]["text"] == "triple fault" and
run["report"]["exit_reason"] == 2 and run["report"]["event"] is None and "code" not in run' \
	<<<$'set reason 2\nreport shutdown'
json "statistics" 0 "" 'run["stats"]["exits"] == 42 and run["stats"]["start_file_pages"] == 17 and
run["stats"]["first_output_us"] > 0' --stats <<<$'print x\nhalt 0'
json "an error" 125 "Cannot allocate" 'run["outcome"] == "failed" and
run["step"] == "running the guest" and run["error"] == "Cannot allocate memory"' <<<"runerror 12"
json "an image that is none" 126 "not a regular file" 'run["outcome"] == "not-started" and len(run) == 3' \
	<<<"problem 1 0 8"
echo $'print x\nhalt 0' >"$script"
expect "--json: a descriptor" 0 "x" '^ "status": 0}$' "$kevctl" run --json=/dev/stderr "$script"
expect "--json: no room" 125 "x" "^kevctl: /dev/full: No space left on device$" \
	"$kevctl" run --json=/dev/full "$script"
expect "--json: no image" 127 "" "No such file" "$kevctl" run --json="$tap_dir/json" "$tap_dir/none"
tap_check "--json: no image: its object" grep -q '"outcome": "not-started",$' "$tap_dir/json"
expect "another hypervisor" 125 "" "^  hint: another hypervisor uses the CPUs' VMX" \
	env FAKE_CREATE_VM_ERROR=16 "$kevctl" run "$script"
expect "too many VMs" 125 "" "^  hint: you have as many VMs as kev's parameter max_vms" \
	env FAKE_CREATE_VM_ERROR=122 "$kevctl" run "$script"
expect "check: too many VMs" 1 "*" "" \
	env FAKE_CREATE_VM_ERROR=122 "$kevctl" check --device /dev/null
tap_check "check: too many VMs: its advice" \
	grep -q -- "-> you have as many VMs as kev's parameter max_vms" "$tap_dir/stdout"

# shellcheck disable=SC2317	# called by its name
# Returns once the FIFO at descriptor 3 takes no more.
wait_until_full() {
	python3 -c 'import select
while select.select([], [3], [], 0)[1]: pass'
}

# Signals end it, whether the guest runs, spins, or its output is stuck.
# signal_case NAME SIGNAL STATUS SCRIPT [COMMAND to wait for the right moment [OPTION of env]]
signal_case() {
	local name=$1 signal=$2 want=$3 text=$4 moment=${5:-true} got=0 fifo=$tap_dir/fifo pid
	echo "$text" >"$script"
	rm -f "$fifo"
	mkfifo "$fifo"
	: >"$tap_dir/stderr"
	# A reader that takes the first bytes, then nothing more.
	exec 3<>"$fifo"
	env --default-signal=INT,QUIT ${6:+"$6"} "$kevctl" run --cpus 2 "$script" >"$fifo" 2>>"$tap_dir/stderr" &
	pid=$!
	head -c 6 <&3 >"$tap_dir/first"
	"$moment"
	kill "-$signal" "$pid" || :
	wait "$pid" || got=$?
	exec 3>&-
	tap_check "$name" test "$got $(<"$tap_dir/first") $(head -n 1 "$tap_dir/stderr")" = \
		"$want ready kevctl: $script: ended by SIG$signal"
	tap_check "$name: where it was" grep -q '^  vCPU 1 at 0000000000000000$' "$tap_dir/stderr"
}
signal_case "SIGINT, spinning" INT 130 $'print ready\nspin'
signal_case "SIGTERM, spinning" TERM 143 $'print ready\nspin'
signal_case "SIGHUP, spinning" HUP 129 $'print ready\nspin'
# What was ignored when kevctl began stays ignored: the next signal ends it.
# shellcheck disable=SC2317
hang_up() { kill -HUP "$pid"; }
signal_case "nohup" TERM 143 $'print ready\nspin' hang_up --ignore-signal=HUP
# Stopped and continued: the timer's ticks come as before.
# shellcheck disable=SC2317
stop() { kill -STOP "$pid" && sleep 0.1 && kill -CONT "$pid"; }
signal_case "SIGSTOP and SIGCONT" INT 130 "print ready
$(pic 0xfe)
boot 3
$timer
hlt 1
vector 0x20
out 0x20 1 0x20
hlt 1
vector 0x20
spin" stop
# Told twice, since the first one may come before the guest spins; then the guest goes on.
# shellcheck disable=SC2317
dump_twice() {
	local dumps=0
	for _ in 1 2; do
		kill -QUIT "$pid"
		while (($(grep -c '^  #0 ' "$tap_dir/stderr" || :) < dumps + 2)); do sleep 0.01; done
		dumps=$((dumps + 2))
	done
	cp "$tap_dir/stderr" "$tap_dir/dumps"
	: >"$tap_dir/stderr"
}
signal_case "SIGQUIT, and on" INT 130 $'print ready\nspin' dump_twice
tap_check "SIGQUIT: all vCPUs" grep -q '^kevctl: vCPU 1: registers' "$tap_dir/dumps"
# A guest's write that fails is the guest's error.
# shellcheck disable=SC2317
look_at_signals() { grep '^SigIgn:' "/proc/$pid/status" >"$tap_dir/ignored"; }
signal_case "SIGINT, with SIGPIPE at its default" INT 130 $'print ready\nspin' look_at_signals \
	--default-signal=PIPE
tap_check "kevctl ignores SIGPIPE" \
	test $((0x$(cut -f 2 "$tap_dir/ignored") >> 12 & 1)) = 1
signal_case "SIGINT, waiting for input" INT 130 "print ready
$(pic 0xef)
boot 3
$listen
hlt 1"
signal_case "SIGINT, output stuck" INT 130 $'print ready\nflood 100000000\nhalt 0' \
	wait_until_full

# quit_waits: $pid has not taken SIGQUIT yet; another one would be the same
quit_waits() { ((0x$(sed -n 's/^ShdPnd:\t//p' "/proc/$pid/status") >> 2 & 1)); }

# begin_dump: of a guest whose stderr, which is descriptor 3, has no room; $pid is kevctl
begin_dump() {
	rm -f "$tap_dir/fifo" "$tap_dir/first"
	mkfifo "$tap_dir/fifo"
	exec 3<>"$tap_dir/fifo"
	python3 -c 'import fcntl, os
fcntl.fcntl(3, fcntl.F_SETPIPE_SZ, 4096)
os.write(3, b"x" * 4096)'
	cat >"$script" <<<$'print ready\nspin'
	env --default-signal=INT,QUIT "$kevctl" run "$script" 2>"$tap_dir/fifo" >"$tap_dir/first" &
	pid=$!
	until [[ -s $tap_dir/first ]]; do sleep 0.01; done
	kill -QUIT "$pid"
	while quit_waits; do sleep 0.01; done
	sleep 0.3
}
# A dump that nobody reads: a signal is answered all the same, and what is left to say is lost.
begin_dump
kill -INT "$pid"
status=0
timeout 20 tail --pid "$pid" -f /dev/null || kill -KILL "$pid"
wait "$pid" || status=$?
tap_check "SIGINT while a dump waits" test "$status" = 130
exec 3>&-
# One that was asked for meanwhile follows.
begin_dump
kill -QUIT "$pid"
sleep 0.3
cat <&3 >"$tap_dir/dumps" &
reader=$!
for ((i = 0; i < 1500; i++)); do
	(($(grep -c '^  #0 ' "$tap_dir/dumps" || :) < 2)) || break
	sleep 0.02
done
kill -INT "$pid"
# The rest of the dump wants its reader.
wait "$pid" || :
kill "$reader"
wait "$reader" || :
tap_check "SIGQUIT while a dump waits" test "$(grep -c '^  #0 ' "$tap_dir/dumps")" = 2
exec 3>&-

# A reader that goes away ends it without a word, also where SIGPIPE is ignored.
cat >"$script" <<<$'flood 100000000\nhalt 0'
for how in default ignore; do
	status=0
	env "--$how-signal=PIPE" "$kevctl" run "$script" 2>"$tap_dir/stderr" |
		head -n 1 >"$tap_dir/first" || status=$?
	tap_check "reader gone, SIGPIPE $how" test \
		"$status $(<"$tap_dir/first") $(<"$tap_dir/stderr")" = "141 0000000 "
done

# Output that is lost is a failure, whatever the guest's code was.
echo "print x" >"$script"
expect "stdout full" 125 "" "^kevctl: stdout: No space left on device$" \
	bash -c '"$@" >/dev/full' - "$kevctl" run "$script"
expect "stdout closed" 125 "" "^kevctl: stdout: Bad file descriptor$" \
	bash -c '"$@" >&-' - "$kevctl" run "$script"
tap_end
