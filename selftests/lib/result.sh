# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# TAP for scripts that run in the bed: source it, call result for each case, end with results_end.

number=0 failures=0
# What result shows of a case that has failed
output=

# results_begin CASES: how many there will be, 0: the plan comes last
results_begin() {
	echo "TAP version 13"
	planned=$1
	[ "$planned" -eq 0 ] || echo "1..$planned"
}

# results_skip REASON: of the whole program, in place of results_begin
results_skip() {
	echo "TAP version 13"
	echo "1..1"
	echo "ok 1 # SKIP $1"
	exit 4
}

# explain: why the last case has failed; a script may have one of its own
explain() {
	[ -z "$output" ] || echo "$output"
}

# result NAME STATUS
result() {
	number=$((number + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $number $1"
	else
		explain | sed 's/^/# /'
		echo "not ok $number $1"
		failures=$((failures + 1))
	fi
}

# says NAME PATTERN: a line of $output
says() {
	echo "$output" | grep -Eq -- "$2"
	result "$1" $?
}

# is NAME VALUE EXPECTED
is() {
	[ "$2" = "$3" ]
	result "$1: $2, expected $3" $?
}

# results_end: with the exit status
results_end() {
	[ "$planned" -ne 0 ] || echo "1..$number"
	[ "$failures" -eq 0 ]
	exit
}
