#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# kevctl's commands around a guest that runs: in the background, ps, stat, console and kill.

# shellcheck source=../lib/result.sh
. "${0%/*}/../lib/result.sh"
dir=$(mktemp -d)
export XDG_RUNTIME_DIR="$dir"
trap 'rm -rf "$dir"' EXIT

# counter NAME: the VM's, as kevctl stat prints it
counter() {
	echo "$output" | awk -v name="$1" '$1 == name { print $2; exit }'
}


# The guest that waits for input starts in 32-bit mode without paging.
if ! dmesg | grep -q 'kev: version .*unrestricted guest'; then
	results_skip "no unrestricted guest"
fi
results_begin 0

# A guest that waits for a line of input
pid=$(kevctl run --detach --log "$dir/log" --memory 16M /guests/pc)
result "a guest in the background" $?
until [ -s "$dir/log" ] || [ ! -d "/proc/$pid" ]; do :; done
output=$(kevctl stat "$pid" 2>&1)
result "stat" $?
vm=$(echo "$output" | sed -n 's/^VM \([0-9]*\)  pid .*/\1/p')
says "stat: which VM" "^VM [1-9][0-9]*  pid $pid  alive  kevctl  /guests/pc\$"
says "stat: a column for each vCPU" '^ +VM  vCPU +0$'
says "stat: exits by reason" '^  (port )?I/O +[0-9]+ +[0-9.]+% '
[ "$(counter exits)" -gt 0 ]
result "stat: exits" $?
[ "$(counter resident_pages)" -gt 0 ]
result "stat: memory" $?
before=$(counter exits)
umount /sys/kernel/debug
output=$(kevctl stat "$vm" 2>&1)
result "stat: from its process" $?
says "stat: says that debugfs is not mounted" \
	'^kevctl: /sys/kernel/debug: debugfs is not mounted'
mount -t debugfs debugfs /sys/kernel/debug
between=$(counter exits)
names=$(echo "$output" | awk '/^[a-z_]+ +[0-9]/ { print $1 }')
output=$(kevctl stat "$vm" 2>&1)
result "stat: by the VM's number" $?
[ "$before" -le "$between" ] && [ "$between" -le "$(counter exits)" ]
result "stat: both count the same ($before, $between, $(counter exits))" $?
[ "$names" = "$(echo "$output" | awk '/^[a-z_]+ +[0-9]/ { print $1 }')" ]
result "stat: both have the same counters" $?

output=$(kevctl ps)
says "ps" "^ +$vm +$pid +1 +16M +[0-9a-z]+  /guests/pc\$"
output=$(XDG_RUNTIME_DIR=/ kevctl ps)
says "ps: somebody else's" "^ +$vm +$pid +1 +- +-  \[kevctl\]\$"
output=$(printf 'a line\n' | kevctl console "$vm" 2>&1)
result "console" $?
says "console: what the guest made of the input" 'a line'
while [ -d "/proc/$pid" ]; do :; done
output=$(cat "$dir/log")
says "its exit code is in the log" '^kevctl: /guests/pc: exit code 85 '

# Two guests that spin
first=$(kevctl run --detach --memory 16M /guests/spin)
second=$(kevctl run --detach --memory 16M /guests/spin)
output=$(kevctl ps)
[ "$(echo "$output" | grep -c /guests/spin)" -eq 2 ]
result "ps: two guests" $?
output=$(kevctl kill --wait "$first" "$second" 2>&1)
result "kill" $?
output=$(kevctl ps)
[ "$(echo "$output" | wc -l)" -eq 1 ]
result "ps: none is left" $?
output=$(kevctl stat 2>&1)
says "stat: no VM" '^no VM$'

# What a run leaves in a file of its caller's, from inside the sandbox
output=$(kevctl run --json="$dir/json" --stats --memory 16M /guests/hello 2>"$dir/stderr")
[ $? -eq 254 ] && [ ! -s "$dir/stderr" ]
result "run --json" $?
output=$(cat "$dir/json")
says "run --json: the code" '^\{"image": "/guests/hello", "outcome": "exited", "code": 51966,$'
says "run --json: the VM" '^ "vm": [1-9][0-9]*, "boot": "direct64", "memory_kib": 16384,$'
says "run --json: statistics" '^ "stats": \{"first_run_us": [1-9].* "exits": [1-9]'
says "run --json: the exit status" '^ "status": 254\}$'
kevctl run --json="$dir/json" --memory 16M /guests/triple >/dev/null 2>&1
output=$(cat "$dir/json")
says "run --json: a report" '"exit_reason": 2, "exit_reason_text": "triple fault"'
says "run --json: where it was" '^  \{"id": 0, "rip": [0-9]+, "place": "[a-z_]+\+0x[0-9a-f]+"\}\],$'

results_end
