#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Add a run of a fuzzer to what all its runs on this machine have done, and say how much that is.
# It is kept in $KEV_CACHE/fuzz/sums, a line "NAME RUNS SECONDS" each.
#
# usage: sum.sh NAME RUNS SECONDS
set -euo pipefail
kept=${KEV_CACHE:-${HOME:-/root}/.cache/kev}/fuzz
mkdir -p "$kept"
exec 9>"$kept/sums.lock"
flock 9
touch "$kept/sums"
awk -v name="$1" -v runs="$2" -v seconds="$3" '
	$1 == name { $2 += runs; $3 += seconds; found = $0 }
	{ print > new }
	END {
		if (!found)
			print found = name " " runs " " seconds > new
		split(found, sum)
		printf "%s in all: %d runs in %d seconds\n", name, sum[2], sum[3]
	}' new="$kept/sums.new" "$kept/sums"
mv "$kept/sums.new" "$kept/sums"
