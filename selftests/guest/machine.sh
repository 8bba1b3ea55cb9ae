#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The little hardware of `kevctl run --machine min`, from inside a guest: its timer and
# serial port interrupt the guest, its debug-exit port ends it.

number=0 failures=0

# result NAME STATUS
result() {
	number=$((number + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $number $1"
	else
		echo "not ok $number $1"
		failures=$((failures + 1))
	fi
}

echo "TAP version 13"
# The guest starts in 32-bit mode without paging.
if ! dmesg | grep -q 'kev: version .*unrestricted guest'; then
	echo "1..1"
	echo "ok 1 # SKIP no unrestricted guest"
	exit 4
fi
echo "1..3"

output=$(printf 'a line\n' | kevctl run --memory 16M /guests/pc)
status=$?
# isa-debug-exit gives (42 << 1) | 1.
[ $status -eq 85 ]
result "debug exit" $?
[ "$output" = "pc: the timer ticks
pc: got a line
D" ]
result "timer, serial port and debug console" $?

# Without the hardware no tick comes: HLT with nothing to end it
kevctl run --machine none --memory 16M /guests/pc </dev/null >/dev/null 2>&1
[ $? -ne 85 ]
result "no machine" $?

[ $failures -eq 0 ]
