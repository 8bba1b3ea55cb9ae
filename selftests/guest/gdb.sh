#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# GDB on a guest of `kevctl run --gdb`. Runs in the bed; with KEVCTL and GUESTS in the
# environment anywhere else.

kevctl=${KEVCTL:-kevctl}
guests=${GUESTS:-/guests}
number=0 failures=0

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
socket=$dir/socket

# result NAME STATUS
result() {
	number=$((number + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $number $1"
	else
		echo "not ok $number $1"
		failures=$((failures + 1))
	fi
}

# Why a case has failed
show() {
	sed 's/^/# gdb: /' "$dir/gdb"
	sed 's/^/# guest: /' "$dir/out" "$dir/err"
}

# start GUEST [OPTION...]: a guest that waits for a debugger
start() {
	guest=$guests/$1
	shift
	rm -f "$socket"
	"$kevctl" run --gdb "unix:$socket" "$@" "$guest" >"$dir/out" 2>"$dir/err" &
	kevctl_pid=$!
	until grep -q "waits for a debugger" "$dir/err"; do
		kill -0 "$kevctl_pid" || return
	done
}

# debug [OPTION...]: GDB's commands on stdin; its output goes to a file
debug() {
	{
		cat <<-END
			set pagination off
			set confirm off
			set width 0
			set remotetimeout 600
			set tcp connect-timeout 600
			target remote $socket
		END
		cat
	} >"$dir/script"
	# From stdin, as an error in a script would end it
	gdb -q -nx -iex "set prompt" "$@" "$guest" >"$dir/gdb" 2>&1 <"$dir/script"
}

# has NAME PATTERN: does GDB's output match
has() {
	grep -Eq -- "$2" "$dir/gdb"
	result "$1" $?
}

# ends NAME STATUS: how kevctl does
ends() {
	wait "$kevctl_pid"
	status=$?
	[ $status -eq "$2" ] || echo "# status $status"
	[ $status -eq "$2" ]
	result "$1" $?
}

# in_background: the same as debug, to be waited for by its process
in_background() {
	debug "$@" &
	gdb_pid=$!
}

# gdb itself, which in_background starts in a shell of its own
interrupt() {
	pid=$(pgrep -P "$gdb_pid" gdb) || pid=$gdb_pid
	kill "-$1" "$pid"
}

# prints TEXT: wait until the guest has
prints() {
	until grep -q "$1" "$dir/out"; do
		kill -0 "$kevctl_pid" || return
	done
}

echo "TAP version 13"
if ! command -v gdb >/dev/null; then
	echo "1..1"
	echo "ok 1 # SKIP no gdb"
	exit 4
fi

start gdb_target
debug <<'END'
info symbol $pc
p total
x/s text
x/b 0x7ffffffff000
break inner
continue
bt
info args
set breakpoint always-inserted on
x/16xb inner
set breakpoint always-inserted off
finish
watch total
continue
continue
delete
step
next
stepi
p $xmm3.uint128 = 0x123456789
p $xmm3
p $mxcsr
p $cs
p $fs_base = 0x5000
p $fs_base
p $efer & 0x500
p $rbx = 0x1122334455667788
p $rbx
p text[14] = 'Z'
x/s text
hbreak spin
continue
p finished = 1
continue
END
has "the guest waits before its first instruction" "^_start in section .text"
has "a variable of a page that nothing has touched" '^\$1 = 0$'
has "memory of such a page" '"0123456789abcde"'
has "memory that is not there" 'Cannot access memory at address 0x7ffffffff000'
has "a breakpoint" '^Breakpoint 1, inner \(n=1\) at|hit Breakpoint 1, inner \(n=1\) at'
has "a backtrace" '^#3 .* in main \(boot_info='
has "arguments" '^n = 1$'
has "code, as it is without the breakpoint" '<inner\+8>:.*0x48	0x89	0x7d	0xf8	0x48	0x8b	0x15'
has "finish" '^Value returned is .* = 2$'
has "a watchpoint: old value" '^Old value = 1$'
has "a watchpoint: new value" '^New value = 3$'
has "an XMM register" 'uint128 = 4886718345'
has "fs_base" '= 20480$'
has "a register that was written" '= 1234605616436508552$'
has "memory that was written" '"[a-z]*[0-9a-e]*Z"'
has "a hardware breakpoint" 'hit Hardware assisted breakpoint|Breakpoint .*, spin \(id=0\)'
has "the exit code" 'exited with code 052\]'
ends "status of kevctl" 42
[ "$(cat "$dir/out")" = "gdb_target: ready
xgdb_target: done" ]
result "output of the guest" $?
[ $failures -eq 0 ] || show

# Threads
start gdb_target --cpus 2
debug <<'END'
info threads
hbreak spin
continue
info threads
continue
info threads
delete
thread 2
set scheduler-locking on
set $others = counts[0]
next
next
p counts[0] - $others
thread 1
set scheduler-locking off
break gdb_target.c:43 if counts[1] > 2
p finished = 1
kill
END
has "each vCPU is a thread" '^  2 .*Thread 2 \(vCPU 1.*_start'
has "all of them meet a breakpoint" 'Thread 2 hit Breakpoint 1, spin \(id=1\)'
has "one thread alone" '^\$1 = 0$'
ends "kill" 137
show

echo "1..$number"
[ $failures -eq 0 ]
