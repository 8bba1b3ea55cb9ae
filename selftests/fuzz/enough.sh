#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Have the fuzzers run for as long as a release asks for? A line for each that says how long they
# have on this machine, by what sum.sh keeps; fails if one has not.
#
# usage: enough.sh
set -euo pipefail
sums=${KEV_CACHE:-${HOME:-/root}/.cache/kev}/fuzz/sums
[[ -e $sums ]] || sums=/dev/null

failed=0
# enough NAME PATTERN FIELD WANTED UNIT: the sum of a field of all lines that match
enough() {
	local have verdict=enough
	have=$(awk -v pattern="^($2)$" -v field="$3" \
		'$1 ~ pattern { sum += $field } END { printf "%d", sum }' "$sums")
	((have >= $4)) || verdict="not enough" failed=1
	printf '%-32s %9d of %9d %s: %s\n' "$1" "$have" "$4" "$5" "$verdict"
}

enough "ioctl" "ioctl" 3 7200 "seconds"
enough "ioctl, instrumented kernel" "ioctl-debug" 3 1800 "seconds"
enough "guest" "guest(-debug)?" 2 10000 "guests"
enough "entry" "entry" 2 2000 "states"
enough "pure code" ".*_fuzz" 2 10000000 "runs"
((failed == 0))
