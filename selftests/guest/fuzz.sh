#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The fuzzers of the bed, for a moment: the same programs and guests each time. They take
# long with `make fuzz-ioctl` and `make fuzz-guest`.

number=0 failures=0

# run NAME FUZZER ARGUMENTS...
run() {
	name=$1 fuzzer=$2
	shift 2
	number=$((number + 1))
	if output=$(/selftests/fuzzers/"$fuzzer" "$@" 2>&1); then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failures=$((failures + 1))
	fi
	echo "$output" | sed 's/^/# /'
}

echo "TAP version 13"
run calls ioctl --seed 1 --programs 100
run "calls that were kept" ioctl --replay /selftests/fuzzers/corpus/ioctl
run guests guest --seed 1 --programs 200
echo "1..$number"
[ "$failures" -eq 0 ]
