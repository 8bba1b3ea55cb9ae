#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run-tests.sh [PATTERN]: tests of the bed itself, as TAP; only those whose names match PATTERN.
# Each is a function; it fails when a command in it does.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
bed=$here/../../tools/bed/bed
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
pattern=${1-}
number=0
failed=0

# bed_run WANTED-STATUS ARGS...: output in out, messages in err
bed_run()
{
	local wanted=$1 status=0
	shift
	"$bed" run --no-module --timeout 120 "$@" >out 2>err || status=$?
	if [ "$status" != "$wanted" ]; then
		echo "bed run $*: status $status, wanted $wanted"
		return 1
	fi
}

# says PATTERN...: the bed's messages have lines like these
says()
{
	local pattern
	for pattern; do
		grep -q -- "$pattern" err || {
			echo "no message like: $pattern"
			return 1
		}
	done
}

# check NAME FUNCTION ARGS...
check()
{
	local name=$1 work status=0
	shift
	[[ $name =~ $pattern ]] || return 0
	work=$scratch/$((++number))
	mkdir "$work"
	# Not as a condition: there, a failing command would not end the function.
	set +e
	(
		set -e
		cd "$work"
		"$@"
	) >"$work.log" 2>&1
	status=$?
	set -e
	if [ "$status" = 0 ]; then
		echo "ok $number - $name"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $number - $name"
	tail -n 40 "$work.log" "$work/err" 2>/dev/null | cut -c 1-300 | sed "s/^/# /" || true
}

# cure VARIANT NOTE NOTE CALLS: what the library in Bochs says to a Bochs of some form, and does to it
cure()
{
	gcc -O1 -fno-inline -fno-optimize-sibling-calls -rdynamic -DVARIANT="$1" -o fake \
		"$here/fake_bochs.c"
	LD_PRELOAD=$scratch/libbed.so BED_PORT_FD=3 ./fake >calls 3>note
	grep -aqF "$2" note
	grep -aqF "$3" note
	[ "$(tr '\n' ' ' <calls)" = "$4" ]
}

judge() { /usr/bin/python3 -B "$here/klog_test.py"; }
counter() { /usr/bin/python3 -B "$here/tap_test.py"; }
profile_table() { /usr/bin/python3 -B "$here/profile_test.py"; }

status_is()
{
	bed_run "$1" -- sh -c "$2"
}

no_command()
{
	bed_run 127 -- /no/such/command
	says "/no/such/command: No such file"
}

exact_output()
{
	local i
	for i in $(seq 0 255); do
		printf '%b' "\\x$(printf %02x "$i")\r\n\n\0"
	done >bytes
	bed_run 0 --file bytes -- sh -c 'cat /bytes; cat /bytes /bytes >&2'
	cmp bytes out
	cat bytes bytes | cmp - err
}

large_output()
{
	bed_run 0 -- sh -c 'seq 1 60000'
	seq 1 60000 | cmp - out
}

# The first line is here while the command still runs.
live_output()
{
	local pid line
	mkfifo pipe
	"$bed" run --no-module --timeout 120 -- sh -c 'echo first; while :; do :; done' >pipe 2>err &
	pid=$!
	read -r line <pipe
	kill -TERM "$pid"
	wait "$pid" || true
	[ "$line" = first ]
}

timed_out()
{
	bed_run 124 --timeout 10 -- sh -c 'echo "<2>bed: busy" >/dev/kmsg; while :; do :; done'
	says "timed out" "bed: busy"
}

bed_failed()
{
	local message=$1
	shift
	bed_run 125 "$@"
	says "$message"
}

report()
{
	local kind=$1
	shift
	bed_run 126 --file "$scratch/report/report.ko" -- sh -c "insmod /report.ko kind=$kind; exit 0"
	says "$@"
}

# The first is shown, and of the second what it is.
two_reports()
{
	bed_run 126 --file "$scratch/report/report.ko" -- \
		sh -c "insmod /report.ko kind=warn; rmmod report; insmod /report.ko kind=atomic"
	says "WARN in the kernel's log" "end trace" "1 more behind it" \
		"  scheduling while atomic: .*BUG: scheduling while atomic: insmod"
}

known_report()
{
	local insmod=(--file "$scratch/report/report.ko" -- insmod /report.ko kind=warn)
	bed_run 0 --known-report " report_init+" "${insmod[@]}"
	bed_run 126 --known-report " report_exit+" "${insmod[@]}"
}

# A machine that is dead after its report has no way to send it but the console.
dead()
{
	bed_run 124 --timeout 10 --file "$scratch/report/report.ko" -- insmod /report.ko kind=die
	says "WARN in the kernel's log" "bed: the last words" "timed out"
}

panic()
{
	bed_run 126 -- sh -c 'echo c >/proc/sysrq-trigger'
	says "panic in the kernel's log" "sysrq triggered crash" "Call Trace"
}

reset()
{
	bed_run 126 -- reboot -f
	says "reset or switched off"
}

backtrace()
{
	bed_run 5 -- sh -c 'echo l >/proc/sysrq-trigger; echo w >/proc/sysrq-trigger
		echo t >/proc/sysrq-trigger; dmesg | grep -c "Call Trace"; exit 5'
	[ "$(cat out)" -gt 0 ]
}

before_init()
{
	# This model makes the kernel warn while it boots.
	bed_run 0 --cpu corei7_skylake_x -- sh -c 'dmesg | sed "/bed: init/q" | grep -c "WARNING: CPU"'
	[ "$(cat out)" -gt 0 ]
}

out_back()
{
	head -c 300000 /dev/urandom >bytes
	bed_run 0 --file bytes --out got -- sh -c '
		cd /out; cp /bytes .; mkdir -p a/b; : >a/b/empty; printf "x y" >"a/two words"
		ln -s ../bytes a/link; chmod +x "a/two words"'
	cmp bytes got/bytes
	[ -e got/a/b/empty ] && [ ! -s got/a/b/empty ]
	[ "$(cat "got/a/two words")" = "x y" ] && [ -x "got/a/two words" ]
	[ "$(readlink got/a/link)" = ../bytes ]
	[ "$(find got -mindepth 1 | wc -l)" = 6 ]
}

out_of_failure()
{
	bed_run 3 --out got -- sh -c 'echo why >/out/reason; exit 3'
	[ "$(cat got/reason)" = why ]
}

files()
{
	mkdir -p tree/sub
	echo deep >tree/sub/file
	truncate -s 200M holes
	printf end >>holes
	# A program of the host that needs shared libraries
	bed_run 0 --file tree:/t --file holes:/data/ --file "$(command -v lz4):/bin/" -- sh -c '
		cat /t/sub/file; tail -c 3 /data/holes; stat -c " %s" /data/holes; echo lz4 | lz4 -c | lz4 -dc'
	[ "$(cat out)" = "deep
end 209715203
lz4" ]
}

inside()
{
	bed_run 0 -- sh -c '
		id -u; test -c /dev/null && test -d /proc/self && test -d /sys/kernel &&
		test -e /sys/kernel/debug/sleep_time -o -d /sys/kernel/debug/bdi && test -e /sys/kernel/tracing/trace &&
		test -e /sys/fs/cgroup/cgroup.procs && grep -q memory /sys/fs/cgroup/cgroup.subtree_control &&
		ifconfig lo | grep -q UP && touch /tmp/x && test ! -e /sys/module/kvm &&
		modprobe kvm_intel && test -c /dev/kvm && read line; echo "read: $?"'
	[ "$(cat out)" = "0
read: 1" ]
}

disk()
{
	gcc -O1 -static -o resident "$here/resident.c"
	bed_run 0 --file resident:/bin/ -- sh -c 'bed-disk 16 && resident /disk/file'
	[ "$(cat out)" = "dropped:
touched: 5 40" ]
}

# The TSC counts instructions as well; what the program has measured is in the table.
profile()
{
	gcc -O1 -static -o measured "$here/measured.c"
	bed_run 7 --file measured:/bin/ --profile table -- measured
	[ "$(cat out)" = 24 ]
	grep -qE "^0x[0-9a-f]+ to 0x[0-9a-f]+: 20 samples, median 24, shown 24$" table
	grep -qE "^ +24 \(guest or program\)$" table
	grep -q '"samples": 20, "median": 24' <(tr '\n' ' ' <table.json | sed 's/  */ /g')
	# A system call's are the kernel's.
	grep -qE "^ +[0-9]+ entry_SYSCALL_64$" table
}

# The one that it runs on is the second. The TSC of two processors goes on in steps of several
# instructions: only the profile is exact.
profile_second()
{
	gcc -O1 -static -o measured "$here/measured.c"
	bed_run 7 --cpus 2 --file measured:/bin/ --profile table -- taskset 2 measured
	grep -qE "^0x[0-9a-f]+ to 0x[0-9a-f]+: 20 samples, median 24, shown 24$" table
	grep -qE "^ +[0-9]+ entry_SYSCALL_64$" table
}

# Who only asks what there is, and rightly, has reached that, and no guest.
coverage()
{
	bed_run 0 --coverage seen -- sh -c 'insmod /kev.ko && kevctl version'
	/usr/bin/python3 -B "$here/../reached.py" "$here/../../kev.ko" seen >reached
	grep -qE "^src/run.c +[0-9]+ +[0-9]+ +0.0 %$" reached
	grep -qE "^    ioctl_create_vm ([0-9]+) of \\1$" reached
	grep -qE "^    ioctl_query 1 of 1[0-9]$" reached
}

two_cpus()
{
	bed_run 0 --cpus 2 -- nproc
	[ "$(cat out)" = 2 ]
}

at_once()
{
	local one two status
	"$bed" run --no-module -- sh -c 'seq 1 2000; echo one; exit 11' >one 2>&1 &
	one=$!
	"$bed" run --no-module -- sh -c 'seq 1 2000; echo two; exit 12' >two 2>&1 &
	two=$!
	status=0
	wait "$one" || status=$?
	[ "$status" = 11 ]
	status=0
	wait "$two" || status=$?
	[ "$status" = 12 ]
	[ "$(tail -n 1 one) $(tail -n 1 two)" = "one two" ]
	[ "$(wc -l <one) $(wc -l <two)" = "2001 2001" ]
}

# gone PID: true when the process has ended, soon
gone()
{
	local i
	for i in $(seq 100); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	echo "process $1 is still there"
	return 1
}

# interrupted SIGNAL STATUS: the emulator and the files of the run go away
interrupted()
{
	local pid emulator directory status=0
	mkfifo pipe
	"$bed" run --no-module --timeout 120 -- sh -c 'echo go; while :; do :; done' >pipe 2>err &
	pid=$!
	read -r _ <pipe
	emulator=$(pgrep -P "$pid")
	directory=$(readlink "/proc/$emulator/cwd")
	[ -e "$directory/com1" ] || [ -L "$directory/com1" ]
	kill -"$1" "$pid"
	wait "$pid" || status=$?
	gone "$emulator"
	if [ "$1" != KILL ]; then
		[ ! -e "$directory" ]
		[ "$status" = "$2" ]
	else
		# Nobody could clean up; the next run does.
		bed_run 0 -- true
		[ ! -e "$directory" ]
	fi
}

# With no place for saved machines the run boots.
no_state()
{
	mkdir cache
	ln -s "$("$bed" kdir | sed 's|/kernels/.*||')/kernels" cache/kernels
	: >cache/states
	KEV_CACHE=$PWD/cache bed_run 4 -- sh -c 'exit 4'
	says "booting instead"
}

# Typed before the prompt is there, a line would be lost.
shell()
{
	local pid status=0
	mkfifo keys
	"$bed" shell --no-module --timeout 60 <keys >out 2>err &
	pid=$!
	exec 7>keys
	while ! grep -q '# ' out && kill -0 "$pid"; do
		sleep 0.2
	done
	# shellcheck disable=SC2016 # for the shell in the machine
	printf 'echo $((40 + 2))\rexit 6\r' >&7
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" = 6 ]
	grep -q "^42" out
}

no_reader()
{
	local status=0
	"$bed" run --no-module --timeout 120 -- sh -c 'while :; do echo y; done' 2>err | head -n 1 >out ||
		status=$?
	[ "$status" = 141 ]
	[ "$(cat out)" = y ]
}

tcg()
{
	bed_run 9 --emulator tcg --append bed.test=1 --out got -- sh -c \
		'cat /proc/cmdline | tee /out/line; exit 9'
	grep -q "bed.test=1" out
	cmp out got/line
}

tcg_panic()
{
	bed_run 126 --emulator tcg -- sh -c 'echo c >/proc/sysrq-trigger'
	says "panic in the kernel's log"
}

# What hangs does not keep other programs from running.
hanging()
{
	printf '#!/bin/sh\nsleep 1000\n' >hang
	printf '#!/bin/sh\necho 1..1\necho ok 1 fine\n' >fine
	chmod +x hang fine
	bed_run 0 --emulator tcg --file "$here/../in-bed.sh" --file hang --file fine -- \
		env KEV_SECONDS=2 /in-bed.sh /hang /fine
	grep -q "^# end /hang 143$" out
	grep -q "^# end /fine 0$" out
}

"$bed" setup
cp -r "$here/report" "$scratch/report"
make -s -C "$("$bed" kdir)" M="$scratch/report" modules >"$scratch/build" 2>&1 ||
	sed 's/^/# /' "$scratch/build"

gcc -O2 -D_GNU_SOURCE -shared -fPIC -o "$scratch/libbed.so" "$here"/../../tools/bed/bochs/*.c -ldl

check "the judge of kernel logs" judge
check "the counter of cases" counter
check "the table of a profile" profile_table
delivery="deliver 7 note 7 0x80000041 0 0 0 interrupt 7 0x41 0 0 0 delivered exit 8 "
check "the cures work" cure 0 "cure: applied" "delivery: applied" "mask 7 inject 7 $delivery"
check "the cure for lost interrupts is not needed" cure 1 "cure: unneeded" "delivery: applied" \
	"mask 7 inject 7 $delivery"
check "the cures find no place" cure 2 "cure: unusable: VMLAUNCH" \
	"delivery: unusable: the functions" ""
check "the cures find no functions" cure 3 "cure: unusable: this Bochs" \
	"delivery: unusable: this Bochs" "inject 7 deliver 7 interrupt 7 0x41 0 0 0 delivered \
deliver 8 interrupt 8 0x41 0 0 0 delivered "
check "status 7" status_is 7 'exit 7'
check "ended by a signal" status_is 137 'kill -9 $$'
check "no such command" no_command
check "output is exact, both streams" exact_output
check "a large output is complete" large_output
check "output comes live" live_output
check "time out" timed_out
check "a file that is not there" bed_failed "no file /no/such" --file /no/such -- true
check "a module that is not there" bed_failed "not allowed with" --module /no/such -- true
check "an unknown model" bed_failed "broadwell_ult" --cpu z80 -- true
check "an unknown kernel" bed_failed "no kernel" --kernel z80 -- true
check "a clock that is too fast" bed_failed "4300000 is not within" --tsc-khz 4300000 -- true
check "a clock that is none of ours" bed_failed "only Bochs" --emulator tcg --tsc-khz 50000 -- true
check "an unknown option" bed_failed "--frobnicate" --frobnicate -- true
check "no command" bed_failed "no command"
# shellcheck disable=SC2046 # numbers
check "too many words" bed_failed "more than 8191 words" --emulator tcg -- echo $(seq 9000)
check "an emulator that refuses" bed_failed "unable to find CPU model 'z80'" \
	--emulator tcg --cpu z80 -- true
check "WARN" report warn "WARN in the kernel's log" "bed: a warning" "end trace"
check "two reports" two_reports
check "a report that is known" known_report
check "BUG" report bug "BUG in the kernel's log" "kernel BUG at" "end trace"
check "oops" report oops "BUG in the kernel's log" "NULL pointer" "end trace"
check "sleeping while atomic" report atomic "scheduling while atomic in the kernel's log"
check "lost records" report flood "lost records in the kernel's log"
check "no report" status_is 0 'dmesg | grep -q "bed: init"'
check "dead after a report" dead
check "panic" panic
check "reset" reset
check "backtraces by sysrq are no failure" backtrace
check "what was logged before init is no failure" before_init
check "/out comes back" out_back
check "/out comes back after a failure" out_of_failure
check "files, holes, shared libraries" files
check "what is inside" inside
check "a disk whose cache can be dropped" disk
check "a profile counts what the TSC counts" profile
check "a profile of the second processor" profile_second
check "which instructions of the module are executed" coverage
check "two processors" two_cpus
check "two runs at once" at_once
check "Ctrl-C leaves nothing" interrupted INT 130
check "SIGTERM leaves nothing" interrupted TERM 143
check "SIGKILL leaves no emulator" interrupted KILL 137
check "no place for saved machines" no_state
check "a shell on the console" shell
check "a reader who leaves" no_reader
check "tcg: status, arguments, /out" tcg
check "tcg: panic" tcg_panic
check "a test program that hangs" hanging
echo "1..$number"
[ "$failed" = 0 ]
