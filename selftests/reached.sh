#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Which lines of the module the tests of the bed execute: an hour. What a machine has seen stays in
# build/reached for as long as the module is the same; one that was seen is not run again.
#
# usage: reached.sh [--runs 'PATTERN' | --report | --table]
#   --runs    only the machines whose names match, and no report
#   --report  of what has been seen until now, with lines
#   --table   the report, and Documentation/reached-table.txt
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=build/reached
# Models with ways of their own: without an unrestricted guest, and without XSAVE and the
# CPU's help with interrupts
MODELS=(corei5_lynnfield_750 corei5_arrandale_m520)
# Each loads the module anew: a machine of its own, where the first and the last count
ANEW=(uapi/dirty guest/apicv.sh guest/kvm guest/memory.sh guest/slow guest/churn guest/module)
# Where it matters that there is a second CPU
TWO=(guest/hotplug guest/smp guest/smp_fault guest/halt_end guest/timer_move guest/remove
	guest/nmi guest/soak_kick guest/many uapi/life uapi/signal uapi/interrupt uapi/inject)
# What has ways of its own when the kernel has its mitigations, and where allocations can fail
WARY=(guest/mitigations guest/host_state)
FAIL=(guest/fail_vm guest/fail_vcpu guest/fail_load)

# list DIR: the programs of the suite there that one machine can run, one after the other
list() {
	local program
	for program in selftests/"$1"/*; do
		program=${program#selftests/}
		[[ ! -x selftests/$program || " ${ANEW[*]} " == *" $program "* ]] || echo "$program"
	done
}

# see NAME OPTION... -- PROGRAM...: one machine
see() {
	local name=$1 options=() status=0
	shift
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	# shellcheck disable=SC2053 # a pattern
	[[ $name == $pattern ]] || return 0
	[[ ! $out/$name.seen -nt kev.ko ]] || return 0
	rm -f "$out/$name.new"
	# A test that fails is another's business; what it has reached counts.
	tools/bed/bed run --timeout 1500 "${options[@]}" --coverage "$out/$name.new" \
		--file selftests/in-bed.sh:/selftests/in-bed.sh -- /selftests/in-bed.sh \
		"${@/#//selftests/}" >"$out/$name.log" 2>&1 </dev/null || status=$?
	if [[ -e $out/$name.new ]]; then
		mv "$out/$name.new" "$out/$name.seen"
		echo "$name: $(grep -c ^executed "$out/$name.seen") instructions, status $status"
	else
		echo "$name: nothing seen, status $status; see $out/$name.log"
		failed=1
	fi
}

see_all() {
	local uapi guest model program
	mapfile -t uapi < <(list uapi)
	mapfile -t guest < <(list guest)
	see uapi-1 -- "${uapi[@]}"
	see guest-1 -- "${guest[@]}"
	see two --cpus 2 -- "${TWO[@]}"
	for program in "${ANEW[@]}"; do
		see "${program//\//-}" --cpus 2 -- "$program"
	done
	for model in "${MODELS[@]}"; do
		see "$model" --cpu "$model" -- "${uapi[@]}" "${guest[@]}"
	done
	see wary --cold --append mitigations=auto -- "${WARY[@]}"
	for program in "${FAIL[@]}"; do
		see "${program//\//-}" --kernel debug --module build/debug/kev.ko \
			-- "$program"
	done
}

report() {
	selftests/reached.py "$@" kev.ko "$out"/*.seen
}

pattern='*' failed=0
mkdir -p "$out"
case ${1:-} in
--runs)
	pattern=$2
	see_all
	;;
--report) report --lines ;;
--table)
	report --reasons selftests/reached.reasons --table Documentation/reached-table.txt
	;;
*)
	see_all
	report --lines
	;;
esac
# What a machine did not tell is missing in the report.
((failed == 0))
