#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kevctl ps, stat, console and kill of a user who is not root, and of two users beside each other.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tap.sh
. ./tap.sh

if ((EUID != 0)); then
	tap_skip "two users" "needs root, to become them"
	tap_end
fi

# Two that own nothing else
one=64010 two=64020
chmod 711 "$tap_dir"
cp kevctl-fake "$tap_dir/kevctl"
mkdir -m 700 "$tap_dir/run-$one" "$tap_dir/run-$two"
chown "$one:$one" "$tap_dir/run-$one"
chown "$two:$two" "$tap_dir/run-$two"
printf 'print ready\nspin\n' >"$tap_dir/script"
header="    VM      PID VCPUS   MEMORY      AGE  IMAGE"

# as USER COMMAND...: with nothing but the user's rights and runtime directory
as() {
	local user=$1
	shift
	env XDG_RUNTIME_DIR="$tap_dir/run-$user" setpriv --reuid="$user" --regid="$user" \
		--clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \
		"$tap_dir/kevctl" "$@"
}

expect "ps: none" 0 "$header" "" as "$one" ps
pid=$(as "$one" run --detach --memory 4M "$tap_dir/script")
tap_check "the guest is the user's" test "$(stat -c %u "/proc/$pid")" = "$one"
expect "ps: the user's guest" 0 "*" "" as "$one" ps
tap_check "ps: its line" grep -Eq "^ +[0-9]+ +$pid +1 +4M +[0-9]+s  $tap_dir/script\$" "$tap_dir/stdout"
expect "ps --json" 0 "*" "" as "$one" ps --json
tap_check "ps --json: its object" grep -q "\"pid\": $pid, " "$tap_dir/stdout"
expect "stat" 0 "*" "" as "$one" stat "$pid"
tap_check "stat: its counters" grep -Eq "^(entries|exits) +[0-9]+ +[0-9]+" "$tap_dir/stdout"
expect "console" 124 "ready" "" timeout 3 env XDG_RUNTIME_DIR="$tap_dir/run-$one" \
	setpriv --reuid="$one" --regid="$one" --clear-groups "$tap_dir/kevctl" console "$pid"

expect "another user's ps: none" 0 "$header" "" as "$two" ps
expect "another user's kill" 125 "" "^kevctl: $pid: no such guest of this user's\$" as "$two" kill "$pid"
expect "another user's console" 125 "" "^kevctl: $pid: no such guest of this user's\$" \
	as "$two" console "$pid"
expect "another user's kill: whose it is" 125 "" "^  hint: it is a process of the user $one, " \
	as "$two" kill "$pid"
expect "kill of what is no kevctl" 125 "" "^  hint: kevctl ps lists those" as "$two" kill "$$"
# Not by the other's directory, either
expect "another user's directory" 0 "$header" "" env XDG_RUNTIME_DIR="$tap_dir/run-$one" setpriv \
	--reuid="$two" --regid="$two" --clear-groups "$tap_dir/kevctl" ps
expect "without a directory" 0 "$header" "" env -u XDG_RUNTIME_DIR setpriv --reuid="$two" \
	--regid="$two" --clear-groups "$tap_dir/kevctl" ps
tap_check "the guest is still there" test -e "/proc/$pid"
expect "kill" 0 "" "" as "$one" kill --wait "$pid"
expect "ps: none any more" 0 "$header" "" as "$one" ps
tap_end
