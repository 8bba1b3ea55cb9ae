#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Do the tests notice when the code is broken? Each NAME.patch here breaks one
# thing and names, in its first lines, the case that has to fail then:
#
#   Test: SUITE PROGRAM CASE	SUITE is unit, kevctl, bed, life or code (entry_code.py)
#   Why: what is wrong with the code now
#   Cpus: how many the machine has, where one is not enough (bed only)
#
# Each program in the bed has a case "kernel log is clean" besides its own.
#
# usage: run.sh [--sample] [--tap] [NAME...]
#
# A mutant is noticed when that case prints "not ok" and prints "ok" without the
# patch. A build that fails, a program that hangs and another case's failure do
# not count. --sample runs three that are quick, --tap says nothing but TAP.
# Every build is in a copy of the tree, which goes at the end.
set -euo pipefail

HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
REPO=$(realpath "$HERE/../..")
SAMPLE=(elf-overlap image-problem-text uapi-min-size)
# Has a module of its own and no need of kev.ko
MODULE_TEST=guest/memory.sh
# Seconds of host time until a program is given up
TIMEOUT=120

usage() {
	echo "usage: ${0##*/} [--sample] [--tap] [NAME...]" >&2
	exit 2
}

tap=false
names=()
for arg; do
	case $arg in
	--sample) names+=("${SAMPLE[@]}") ;;
	--tap) tap=true ;;
	-*) usage ;;
	*) names+=("$arg") ;;
	esac
done
if ((${#names[@]} == 0)); then
	for patch in "$HERE"/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/tree
log=$work/log

note() {
	$tap || echo "# $*"
}

# header NAME KEY: what a patch's line "KEY: " says
header() {
	sed -n "/^---/q; s/^$2: //p" "$HERE/$1.patch"
}

build_module() {
	make -j2 -C "$("$copy/tools/bed/bed" kdir)" "M=$copy" modules
}

# build_bed PROGRAM: the module and the program; what runs whole guests needs those too
build_bed() {
	local program=$1 dir dirs=()
	if [[ $program == "$MODULE_TEST" ]]; then
		make -C "$copy/selftests/modules"
		return
	fi
	[[ $program != guest/* ]] || dirs=(tools/libkev tools/kevctl guests selftests/images)
	# These load a module that uses kev.ko.
	[[ $program != guest/abi && $program != guest/msr_probe ]] || dirs+=(selftests/modules)
	build_module || return 1
	make -C "$copy/selftests/${program%/*}" "$copy/selftests/$program" || return 1
	for dir in "${dirs[@]}"; do make -C "$copy/$dir" || return 1; done
}

# build SUITE PROGRAM
build() {
	local suite=$1 program=$2
	case $suite in
	unit) make -C "$copy/selftests/unit" "build/gcc/$program" ;;
	kevctl)
		[[ $program != *.sh ]] || program=kevctl-fake
		make -C "$copy/selftests/kevctl" "$program"
		;;
	bed) build_bed "$program" ;;
	life) build_module && make -C "$copy/selftests/life" ;;
	code) build_module ;;
	*) echo "no suite \"$suite\"" && return 1 ;;
	esac >"$log" 2>&1
}

# run SUITE PROGRAM CPUS: its output is in $log; 124 when it hangs
run() {
	local suite=$1 program=$2 cpus=$3 module=(--module "$copy/kev.ko") status=0
	[[ $program != "$MODULE_TEST" ]] || module=(--no-module)
	case $suite in
	unit) cd "$copy/selftests/unit" && timeout "$TIMEOUT" "build/gcc/$program" ;;
	code) "$copy/selftests/$program" "$copy/kev.ko" ;;
	kevctl | life) cd "$copy/selftests/$suite" && timeout "$TIMEOUT" "./$program" ;;
	bed)
		"$copy/tools/bed/bed" run "${module[@]}" --cpus "$cpus" --timeout "$TIMEOUT" -- \
			"/selftests/$program" || status=$?
		# 124 and 125: there is nothing to say about the kernel
		case $status in
		124 | 125) ;;
		126) echo "not ok 0 kernel log is clean" ;;
		*) echo "ok 0 kernel log is clean" ;;
		esac
		return "$status"
		;;
	esac </dev/null >"$log" 2>&1
}

# verdict LOG CASE: "ok", "not ok" or nothing; a skip is no "ok"
verdict() {
	tr -d '\r' <"$1" | awk -v name="$2" '
		match($0, /^(not )?ok [0-9]+ (- )?/) && substr($0, RLENGTH + 1) == name {
			print /^not/ ? "not ok" : "ok"
			exit
		}'
}

# baseline SUITE PROGRAM CPUS CASE: is the case "ok" in the tree as it is
baseline() {
	local before=$work/before-$1-${2//\//-}-$3
	if [[ ! -f $before ]]; then
		if build "$1" "$2"; then (run "$1" "$2" "$3") || true; fi
		cp "$log" "$before"
	fi
	[[ $(verdict "$before" "$4") == ok ]]
}

# try NAME SUITE PROGRAM CPUS CASE: prints nothing if the mutant is noticed, else why not
try() {
	local name=$1 patch=$HERE/$1.patch status=0
	shift
	if ! baseline "$@"; then
		echo "the case is not \"ok\" without the patch"
	elif ! patch -d "$copy" -p1 -F0 -f -s --dry-run <"$patch" >"$log" 2>&1; then
		echo "the patch does not apply"
	else
		patch -d "$copy" -p1 -F0 -f -s <"$patch"
		if ! build "$1" "$2"; then
			echo "building failed"
		else
			(run "$1" "$2" "$3") || status=$?
			case $(verdict "$log" "$4") in
			"not ok") ;;
			ok) echo "the case passes" ;;
			*) echo "the case printed no result (status $status)" ;;
			esac
		fi
		patch -d "$copy" -p1 -s -R <"$patch"
	fi
}

failed=0 n=0
# The first build makes all, the next ones little.
"$REPO/selftests/copy-tree.sh" "$copy"
for name in "${names[@]}"; do
	((++n))
	suite='' program='' case='' why='no such patch'
	if [[ -f $HERE/$name.patch ]]; then
		read -r suite program case < <(header "$name" Test) || true
		cpus=$(header "$name" Cpus)
		note "$name: $(header "$name" Why)"
		try "$name" "$suite" "$program" "${cpus:-1}" "$case" >"$work/why"
		why=$(<"$work/why")
	fi
	if [[ -z $why ]]; then
		echo "ok $n - $name: noticed by $suite/$program $case"
	else
		echo "not ok $n - $name: $why"
		if [[ -f $log ]]; then tail -n 20 "$log" | sed 's/^/# /'; fi
		((++failed))
	fi
done
echo "1..$n"
((failed == 0))
