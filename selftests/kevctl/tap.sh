# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# TAP for tests of commands: source it, call expect for each case, end with tap_end.

tap_number=0
tap_failures=0
tap_dir=$(mktemp -d)
trap 'rm -rf "$tap_dir"' EXIT

echo "TAP version 13"

# tap_result OK NAME: one result; OK is 0 for success, as an exit status is.
tap_result() {
	((++tap_number))
	if (($1 == 0)); then
		echo "ok $tap_number $2"
	else
		echo "not ok $tap_number $2"
		((++tap_failures))
	fi
}

# tap_check NAME COMMAND...: the command's status is the result.
tap_check() {
	local name=$1
	shift
	if "$@"; then tap_result 0 "$name"; else tap_result 1 "$name"; fi
}

# tap_skip NAME REASON: a case that cannot be tried here.
tap_skip() {
	((++tap_number))
	echo "ok $tap_number $1 # SKIP $2"
}

# expect NAME STATUS STDOUT STDERR COMMAND...
# STDOUT is exact but for a final newline; "*" takes anything. STDERR is an
# extended regular expression that some line has to match; "" wants no output.
expect() {
	local name=$1 status=$2 stdout=$3 stderr=$4 got=0 problem=""
	shift 4
	"$@" >"$tap_dir/stdout" 2>"$tap_dir/stderr" </dev/null || got=$?
	if ((got != status)); then
		problem="exit status $got, expected $status"
	elif [[ $stdout != "*" && $(<"$tap_dir/stdout") != "$stdout" ]]; then
		problem="unexpected stdout"
	elif [[ -z $stderr && -s $tap_dir/stderr ]]; then
		problem="output on stderr"
	elif [[ -n $stderr ]] && ! grep -Eq -- "$stderr" "$tap_dir/stderr"; then
		problem="stderr does not match: $stderr"
	fi
	if [[ -n $problem ]]; then
		echo "# $name: $problem"
		sed 's/^/# stdout: /' "$tap_dir/stdout" | head -n 20
		sed 's/^/# stderr: /' "$tap_dir/stderr" | head -n 20
		tap_result 1 "$name"
	else
		tap_result 0 "$name"
	fi
}

tap_end() {
	echo "1..$tap_number"
	exit $((tap_failures > 0))
}
