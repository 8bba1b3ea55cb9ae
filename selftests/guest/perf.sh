#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# perf on kev's trace events: its counts and records agree with what kevctl says of the same
# run. Runs in the bed.

# shellcheck source=../lib/result.sh
. "${0%/*}/../lib/result.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

explain() {
	cat "$dir"/err "$dir"/perf
}

# told NAME: what kevctl has said
told() {
	sed -n "s/^ *$1  *//p" "$dir/err"
}

# counted EVENT: what perf stat has
counted() {
	sed -n "s/^\([0-9]*\),.*kev:$1,.*/\1/p" "$dir/perf"
}

# agree NAME EVENT
agree() {
	[ -n "$(told "$1")" ] && [ "$(told "$1")" -gt 0 ] && [ "$(told "$1")" = "$(counted "$2")" ]
}

if ! command -v perf >/dev/null; then
	results_skip "no perf"
fi
results_begin 5

perf stat -x, -o "$dir/perf" -e kev:kev_exit,kev:kev_entry,kev:kev_hypercall,kev:kev_vm_create \
	kevctl run --stats /guests/hello >/dev/null 2>"$dir/err"
agree exits kev_exit
result "perf stat counts exits" $?
agree entries kev_entry
result "perf stat counts entries" $?
agree hypercall kev_hypercall
result "perf stat counts hypercalls" $?
[ "$(counted kev_vm_create)" = 1 ]
result "perf stat counts VMs" $?

perf record -q -a -o "$dir/data" -e kev:kev_exit kevctl run --stats /guests/hello \
	>/dev/null 2>"$dir/err"
perf script -i "$dir/data" >"$dir/perf" 2>&1
[ "$(grep -c 'kev:kev_exit: vm=[0-9]* vcpu_id=0 exit_reason=VMCALL guest_rip=0x[0-9a-f]* ' \
	"$dir/perf")" = "$(told hypercall)" ] &&
	[ "$(grep -c ' kev:kev_exit: ' "$dir/perf")" = "$(told exits)" ]
result "perf record has every exit" $?

results_end
