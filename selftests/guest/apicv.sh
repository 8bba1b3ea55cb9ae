#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The tests of local APICs once more, with less of them in hardware: what passes when the
# CPU serves them passes without. The suite itself runs them with all that the CPU has.
# Leaves the module loaded as it was.

number=0

# load OPTION...: the module anew
load()
{
	rmmod kev && insmod /kev.ko "$@"
}

# try PROGRAM OPTION...: with the module as it is loaded
try()
{
	number=$((number + 1))
	program=$1
	shift
	if output=$("/selftests/$program" 2>&1 </dev/null); then
		echo "ok $number - $program with $*"
	else
		echo "not ok $number - $program with $*"
		echo "$output" | sed 's/^/# /'
	fi
}

# way OPTION...: all of them with these
way()
{
	load "$@" || return
	for each in uapi/apic uapi/signal uapi/interrupt guest/smp; do
		try "$each" "$@"
	done
}

echo "TAP version 13"
echo "1..8"
way apicv=0
way apicv=0 tpr_shadow=0 preemption_timer=0
load
