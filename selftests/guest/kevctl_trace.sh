#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# kevctl trace on guests whose exits are known otherwise, and what it leaves in tracefs.

# shellcheck source=../lib/result.sh
. "${0%/*}/../lib/result.sh"
instances=/sys/kernel/tracing/instances

# reason NAME: how many exits the last summary has for it
reason() {
	echo "$output" | awk -v name="$1" '$1 == name && $3 ~ /%/ { print $2 }'
}

# stat NAME: a line of what kevctl run --stats has printed
stat() {
	echo "$output" | awk -v name="$1" '$1 == name && NF == 2 { print $2 }'
}

# begun: the trace that was started last has its instance, and before that its signals blocked
begun() {
	until [ -n "$(ls $instances)" ] || ! kill -0 $!; do :; done
}

if [ ! -d /sys/kernel/tracing/events/kev ]; then
	results_skip "no trace events"
fi
results_begin 0

output=$(kevctl trace kevctl run --stats --memory 16M /guests/cpuid 2>&1 </dev/null)
result "it ends with the command" $?
# Of empty words these would be true.
[ "$(stat exits)" -gt 0 ] && [ "$(stat cpuid)" -gt 0 ] && [ "$(stat memory)" -gt 0 ]
result "the statistics are there" $?
is "every exit" "$(echo "$output" | awk '/ exits in / { print $1 }')" "$(stat exits)"
is "CPUID" "$(reason CPUID)" "$(stat cpuid)"
is "EPT_VIOLATION" "$(reason EPT_VIOLATION)" "$(stat memory)"
says "share and times" '^CPUID +[0-9]+ +[0-9]+\.[0-9]{2}% +[0-9]+\.[0-9]{2} +[0-9]+\.[0-9]{2} +[0-9]+\.[0-9]{2}$'
is "nothing was lost" "$(echo "$output" | grep -c 'were lost')" 0
is "no instance is left" "$(ls $instances)" ""

output=$(kevctl trace --events -- kevctl run --memory 16M /guests/hello 2>&1 </dev/null)
is "--events: status of the command" $? 254
says "--events: the VM is made" ' kev_vm_create: vm=[0-9]+ pid='
says "--events: an exit" ' kev_exit: vm=[0-9]+ vcpu_id=0 exit_reason='
says "--events: a fault" ' kev_fault: vm=[0-9]+ vcpu_id=0 '

output=$(kevctl trace --events --json -- kevctl run --memory 16M /guests/hello 2>&1 </dev/null)
is "--events --json: status of the command" $? 254
says "--events --json: an exit" '^\{"event": "kev_exit", "ticks": [0-9]+, "cpu": [0-9]+, "pid": [0-9]+, "task": "kevctl[^"]*", "fields": \{"vm": [0-9]+, "vcpu_id": 0, "exit_reason": "[A-Z_]+", "guest_rip": [0-9]+, .*, "error_code": [0-9]+\}\}$'
is "--events --json: every line is understood" "$(echo "$output" | grep -c '"event": "other"')" 0

output=$(kevctl trace --events -- kevctl run --memory 16M /guests/exits 2>/dev/null </dev/null | head -n 1)
says "--events: the reader is gone: it has begun" ' kev_[a-z_]+: '
is "--events: the reader is gone: no instance is left" "$(ls $instances)" ""

# Events come faster than they are read.
pid=$(kevctl run --detach --memory 16M /guests/storm)
timeout -k 5 60 kevctl trace --duration 1 --buffer 64 >/tmp/trace 2>&1
result "--duration: among many events" $?
kevctl kill --wait "$pid"

# A command that does not end when it is told so keeps nothing of the trace.
kevctl trace --duration 1 --buffer 64 sh -c 'trap "" TERM; : >/tmp/ready; while [ -e /tmp/ready ]; do sleep 1; done' \
	>/tmp/trace 2>&1 &
until [ -e /tmp/ready ] || ! kill -0 $!; do sleep 1; done
for _ in $(seq 60); do
	sleep 1
	[ -n "$(ls $instances)" ] || break
done
is "--duration: the command goes on, the instance does not" "$(ls $instances)" ""
rm /tmp/ready
wait $!

# While a guest spins: for a time, and until it is told to end
pid=$(kevctl run --detach --memory 16M /guests/spin)
vm=$(kevctl ps | awk -v pid="$pid" '$2 == pid { print $1 }')
mkdir $instances/kevctl-4000000
output=$(kevctl trace --json --duration 1 --vm "$vm")
result "--duration" $?
says "--json" '^\{"seconds": [0-9.]+, "ticks": [0-9]+, "exits": [0-9]+, "lost": 0, "reasons": \['
output=$(kevctl trace --duration 1 --vm $((vm + 1)))
says "--vm: another one's" '^0 exits in '
is "what was left behind is removed" "$(ls $instances)" ""
kevctl trace >/tmp/trace 2>&1 &
begun
kill -INT $!
wait $!
is "SIGINT: its status" $? 0
output=$(cat /tmp/trace)
says "SIGINT: the summary" '^[0-9]+ exits in '
is "SIGINT: no instance is left" "$(ls $instances)" ""
(trap "" HUP; exec kevctl trace --json --duration 3) >/tmp/trace 2>&1 &
begun
kill -HUP $!
wait $!
is "SIGHUP that is ignored: status" $? 0
output=$(cat /tmp/trace)
says "SIGHUP that is ignored: all of the time" '^\{"seconds": [3-9]\.'
kevctl kill --wait "$pid"

output=$(kevctl trace no-such-command 2>&1)
is "no such command" $? 127
is "no such command: no instance is left" "$(ls $instances)" ""

results_end
