#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The little hardware of `kevctl run --machine min`, from inside a guest: its timer and
# serial port interrupt the guest, its debug-exit port ends it.

# shellcheck source=../lib/result.sh
. "${0%/*}/../lib/result.sh"

# The guest starts in 32-bit mode without paging.
if ! dmesg | grep -q 'kev: version .*unrestricted guest'; then
	results_skip "no unrestricted guest"
fi
results_begin 9

# pc NAME [OPTION...]: the guest reads a line and ends by isa-debug-exit: (42 << 1) | 1
pc() {
	name=$1
	shift
	output=$(printf 'a line\n' | kevctl run --memory 16M "$@" /guests/pc)
	status=$?
	[ $status -eq 85 ]
	result "$name: debug exit" $?
	[ "$output" = "pc: the timer ticks
pc: got a line
D" ]
	result "$name: timer, serial port and debug console" $?
}
pc "8259s"
pc "I/O APIC" --append ioapic
# The second one waits for a SIPI that never comes.
pc "two vCPUs" --cpus 2

# HLT waits in kev for the local APIC's timer, while no device can interrupt.
output=$(kevctl run --machine min --boot direct64 /guests/timer </dev/null)
[ $? -eq 254 ] && [ "$output" = "timer: ok" ]
result "timer of the local APIC" $?

# Without the hardware no tick comes: HLT with nothing to end it
output=$(kevctl run --machine none --memory 16M /guests/pc 2>&1 </dev/null)
is "no machine" $? 125
says "no machine: why" '^kevctl: vCPU 0: '

results_end
