#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# GDB on a guest of `kevctl run --gdb`. Runs in the bed; with KEVCTL and GUESTS in the
# environment anywhere else.

kevctl=${KEVCTL:-kevctl}
guests=${GUESTS:-/guests}
# shellcheck source=../lib/result.sh
. "${0%/*}/../lib/result.sh"
reported=0

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
socket=$dir/socket

# Why a case has failed
show() {
	sed 's/^/# gdb: /' "$dir/gdb"
	sed 's/^/# guest: /' "$dir/out" "$dir/err"
}

# start GUEST [OPTION...]: a guest that waits for a debugger
start() {
	guest=$guests/$1
	shift
	at=$socket
	rm -f "$dir/err" "$dir/out"
	"$kevctl" run --gdb "unix:$socket" "$@" "$guest" >"$dir/out" 2>"$dir/err" &
	kevctl_pid=$!
	until grep -qs "waits for a debugger" "$dir/err"; do
		kill -0 "$kevctl_pid" 2>/dev/null || return
	done
}

# debug: GDB's commands on stdin; its output goes to a file
debug() {
	{
		cat <<-END
			set pagination off
			set confirm off
			set width 0
			set remotetimeout 600
			set tcp connect-timeout 600
			shell echo \$PPID >$dir/pid
			target remote $at
		END
		cat
	} >"$dir/script"
	# From stdin, as an error in a script would end it
	gdb -q -nx -iex "set prompt" "$guest" >"$dir/gdb" 2>&1 <"$dir/script"
}

# has NAME PATTERN: does GDB's output match; GDB's values have a dollar
# shellcheck disable=SC2016
has() {
	grep -Eq -- "$2" "$dir/gdb"
	result "$1" $?
}

# ends NAME STATUS: how kevctl does; the last check of a guest
ends() {
	wait "$kevctl_pid"
	status=$?
	[ $status -eq "$2" ] || echo "# status $status"
	[ $status -eq "$2" ]
	result "$1" $?
	[ $failures -eq $reported ] || show
	reported=$failures
}

# in_background: the same, to be waited for
in_background() {
	rm -f "$dir/pid"
	cat >"$dir/commands"
	debug <"$dir/commands" &
	gdb_pid=$!
}

# signal NAME: to the GDB in the background
signal() {
	until [ -s "$dir/pid" ]; do kill -0 "$gdb_pid" 2>/dev/null || return; done
	kill "-$1" "$(cat "$dir/pid")"
}

# prints TEXT: wait until the guest has
prints() {
	until grep -q "$1" "$dir/out"; do
		kill -0 "$kevctl_pid" 2>/dev/null || return
	done
}

if ! command -v gdb >/dev/null; then
	results_skip "no gdb"
fi
results_begin 0

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
has "a variable of a page that nothing has touched" '^[$]1 = 0$'
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
[ ! -e "$socket" ]
result "the socket is gone" $?
[ "$(cat "$dir/out")" = "gdb_target: ready
xgdb_target: done" ]
result "output of the guest" $?
# Threads
start gdb_target --cpus 2
debug <<'END'
info threads
hbreak spin
continue
info threads
continue
delete
thread 2
set scheduler-locking on
set $others = counts[0]
next
next
p counts[0] - $others
monitor help
monitor exits
monitor stats
monitor regs
monitor nonsense
kill
END
has "each vCPU is a thread" '^  2 .*Thread 2 \(vCPU 1.*_start'
has "all of them meet a breakpoint" 'Thread 2 hit Breakpoint 1, spin \(id=1\)'
has "the first one too" 'Thread 1 hit Breakpoint 1, spin \(id=0\)'
has "one thread alone" '^[$]1 = 0$'
grep -q "^regs .*registers" "$dir/err" "$dir/gdb"
result "monitor help" $?
grep -Eq "^ +1 +[0-9]+ +[0-9]+ " "$dir/err" "$dir/gdb"
result "monitor exits" $?
grep -q "^  file_pages  *[0-9]" "$dir/err" "$dir/gdb"
result "monitor stats" $?
grep -q "^  rip 0000000000100" "$dir/err" "$dir/gdb"
result "monitor regs" $?
grep -q "no such command" "$dir/err" "$dir/gdb"
result "monitor: another word" $?
ends "kill" 137

# Ctrl-C
start gdb_target
in_background <<'END'
continue
info symbol $pc
p finished = 1
continue
END
prints x
signal INT
wait $gdb_pid
has "Ctrl-C stops a guest that spins" 'received signal SIGINT'
has "and says where" '^spin \+ [0-9]+ in section .text'
has "from there it goes on" 'exited with code 052\]'
ends "status after Ctrl-C" 42

# Away and back
start gdb_target
debug <<'END'
break inner
break spin
watch total
continue
detach
END
has "detach" 'Inferior 1 .* detached'
prints x
debug <<'END'
info symbol $pc
p total
p finished = 1
continue
END
has "the guest has gone on without a debugger" '^spin \+'
has "by its own code" '^[$]1 = 15$'
has "no breakpoint is left" 'exited with code 052\]'
ends "status after detaching" 42

# A debugger that dies
start gdb_target
debug <<'END'
break middle
continue
shell kill -KILL $PPID
END
in_background <<'END'
bt 1
p $rip == (unsigned long)&middle + 8 || $rip == (unsigned long)&middle + 12
continue
END
prints x
has "the guest stays where it was" '^#0 .* middle \(n=0\)'
signal KILL
wait $gdb_pid 2>"$dir/null"
debug <<'END'
info symbol $pc
p finished = 1
continue
END
has "a running guest runs on" '^spin \+'
has "and can be debugged again" 'exited with code 052\]'
ends "status then" 42

# Instructions that leave the guest, and what the hardware watches
start gdb_target
debug <<'END'
tbreak print
continue
stepi 120
info symbol $pc
tbreak out8
continue
stepi 9
bt 1
tbreak spin
continue
p finished = 1
continue
END
! grep -q '^print' "$dir/gdb"
result "out of a function with a hypercall" $?
has "stepping goes on" 'exited with code 052\]'
[ "$(cat "$dir/out")" = "gdb_target: ready
xgdb_target: done" ]
result "each instruction is executed once" $?
ends "status after steps" 42

start gdb_target
debug <<'END'
awatch text[3]
continue
rwatch total
continue
delete
watch text
continue
watch finished
hbreak inner
hbreak middle
continue
delete
p finished = 1
continue
END
has "a watchpoint for accesses" 'Hardware access .*watchpoint 1: text\[3\]'
has "a watchpoint for reads" 'Hardware read watchpoint 2: total|Value = [0-9]+'
has "a watchpoint of 16 bytes" 'Hardware watchpoint 3: text'
has "what was there" 'Old value = "[a-z]*[0-9]'
has "more than there are registers" 'Could not insert hardware|too many hardware'
ends "status after watchpoints" 42

# The end of a guest that crashes
start triple
debug <<'END'
continue
info registers rip
continue
END
has "a triple fault is a signal first" 'received signal SIGSEGV'
has "its registers are there" '^rip +0x10'
has "then the end" 'terminated with signal SIGSEGV'
ends "status after a crash" 125

# A timer that is due between any two steps
if [ -z "${KEVCTL:-}" ]; then
	start timer
	debug <<-'END'
		break spin
		continue
		stepi
		stepi
		stepi
		info symbol $pc
		stepi
		stepi
		info symbol $pc
		delete
		continue
	END
	has "steps past an interrupt that waits" '^spin \+ 4 in section'
	has "and out of the function" '^rounds \+ [0-9]+ in section'
	has "the interrupt comes then" 'exited with code 0376\]'
	ends "status of a guest with a timer" 254
fi

# A guest of 32 bits
if [ -z "${KEVCTL:-}" ]; then
	start multiboot
	debug <<-'END'
		show architecture
		info symbol $pc
		break main
		continue
		info registers eip
		stepi
		p sizeof($esp)
		p $cr0 & 1
		kill
	END
	has "a guest of 32 bits: its architecture" 'currently "?i386"?'
	has "its start" '^_start'
	has "a breakpoint there" '^Breakpoint 1, .* in main \(\)'
	has "its program counter" '^eip +0x10[0-9a-f]* +0x10[0-9a-f]* <main'
	has "its registers are of 32 bits" '^[$]1 = 4$'
	has "system registers" '^[$]2 = 1$'
	ends "status of a guest of 32 bits" 137
fi

# All vCPUs wait for what never comes, until the debugger sends one of them on.
if [ -z "${KEVCTL:-}" ]; then
	start smp --boot=kev32 --cpus=4
	debug <<-'END'
		set $start = $pc
		set $byte = *(unsigned char *)$start
		set *(unsigned char *)$start = 0xf4
		continue
		p $pc - $start
		set *(unsigned char *)$start = $byte
		set $pc = $start
		continue
	END
	has "a guest that has halted for good" '^[$]1 = 1$'
	has "goes on where the debugger wants it to" 'exited with code 0376'
	grep -q "^smp: ok" "$dir/out"
	result "and so do the other vCPUs" $?
	ends "status of a guest that had halted" 254
fi

# An image that is not where its file says
if [ -z "${KEVCTL:-}" ]; then
	start hermit_pie_boot4
	debug <<-'END'
		info symbol $pc
		break main
		continue
		kill
	END
	has "a Hermit image that was moved: its start" '^_start'
	has "and its functions" '^Breakpoint 1, .* in main \(\)'
	ends "status of a Hermit image" 137
fi

# One that never had a debugger ends by a signal.
start gdb_target
kill -TERM "$kevctl_pid"
ends "SIGTERM while the guest waits" 143

# Over TCP, where there is a network
if [ -n "${TCP:-}" ]; then
	rm -f "$dir/err" "$dir/out"
	"$kevctl" run --gdb 0 "$guest" >"$dir/out" 2>"$dir/err" &
	kevctl_pid=$!
	until grep -qs "waits for a debugger" "$dir/err"; do kill -0 "$kevctl_pid" 2>/dev/null || break; done
	at=$(sed -n 's/.*target remote //p' "$dir/err")
	debug <<-'END'
		detach
	END
	prints x
	# A look at the port, and a browser: the guest runs on.
	bash -c ': <>"/dev/tcp/localhost/$1"; exec 3<>"/dev/tcp/localhost/$1"
		printf "GET / HTTP/1.0\n\n\$M102028,8:0100000000000000#19" >&3; cat <&3' - "${at#:}"
	# One that says nothing, and does not go either.
	bash -c 'exec 3<>"/dev/tcp/localhost/$1"; echo connected; exec sleep 60' - "${at#:}" \
		>"$dir/silent" &
	silent=$!
	until grep -qs connected "$dir/silent"; do kill -0 "$silent" 2>/dev/null || break; done
	debug <<-'END'
		p finished
		p finished = 1
		continue
	END
	has "who speaks another language is not heard" '^[$]1 = 0$'
	kill "$silent" 2>/dev/null
	result "who says nothing keeps no debugger away" $?
	wait "$silent" 2>/dev/null
	has "a TCP port" 'exited with code 052\]'
	ends "status" 42
fi

results_end
