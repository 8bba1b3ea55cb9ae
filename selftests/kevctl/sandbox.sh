#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kevctl in its sandbox: everything works that works without, and it says what is left out.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tap.sh
. ./tap.sh

kevctl=./kevctl-sandboxed
script=$tap_dir/script
echo "halt 3" >"$script"

status=0
KEVCTL_FAKE=$kevctl ./run.sh >"$tap_dir/log" 2>&1 || status=$?
grep -v '^ok' "$tap_dir/log" | sed 's/^/# /'
tap_result "$status" "every test of run.sh passes in the sandbox"
status=0
KEVCTL_FAKE=$kevctl ./control.sh >"$tap_dir/log" 2>&1 || status=$?
grep -v '^ok' "$tap_dir/log" | sed 's/^/# /'
tap_result "$status" "every test of control.sh passes in the sandbox"

expect "the sandbox is silent" 3 "" "" "$kevctl" run "$script"
expect "--sandbox on" 3 "" "" "$kevctl" run --sandbox on "$script"
expect "--sandbox off" 3 "" "^kevctl: --sandbox: off$" "$kevctl" run --sandbox=off "$script"
expect "one part less" 3 "" "^kevctl: --sandbox: without seccomp$" \
	"$kevctl" run --sandbox -seccomp "$script"
expect "two parts less" 3 "" "^kevctl: --sandbox: without limits, landlock$" \
	"$kevctl" run --sandbox=-landlock,-limits "$script"
expect "-v names what is there" 3 "" "^kevctl: sandbox: capabilities, limits, .*seccomp$" \
	"$kevctl" run -v "$script"

# What the kernel thinks of the process while the guest spins
echo $'print ready\nspin' >"$script"
mkfifo "$tap_dir/fifo"
"$kevctl" run --cpus 2 "$script" >"$tap_dir/fifo" 2>"$tap_dir/stderr" &
pid=$!
head -c 6 "$tap_dir/fifo" >"$tap_dir/first"
for thread in "/proc/$pid/task/"*; do
	for line in "NoNewPrivs:	1" "Seccomp:	2" "CapEff:	0000000000000000" \
		"CapPrm:	0000000000000000"; do
		grep -q "^$line" "$thread/status" || echo "not $line" >>"$tap_dir/wrong"
	done
done
tap_check "each thread is in the sandbox" test ! -e "$tap_dir/wrong"
kill "$pid"
wait "$pid" || :
tap_end
