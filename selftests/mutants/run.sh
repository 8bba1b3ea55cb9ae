#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Do the tests notice when the code is broken? Each NAME.patch here breaks one
# thing and names, in its first lines, the case that has to fail then:
#
#   Test: SUITE PROGRAM CASE	SUITE is unit, tsan, kevctl, bed, life or code (entry_code.py)
#   Why: what is wrong with the code now
#   Cpus: how many the machine has, where one is not enough (bed only)
#   Append: arguments of its kernel, beside the usual ones and without commas (bed only)
#
# Each program in the bed has a case "kernel log is clean" besides its own.
#
# usage: run.sh [--sample] [--slots N] [--tap] [NAME...]
#
# A mutant is noticed when that case prints "not ok" and prints "ok" without the
# patch. A build that fails, a program that hangs and another case's failure do
# not count. A NAME is a mutant, or a pattern of several ('boot-*').
# --sample runs three that are quick, --slots N has N at work at the same time (2),
# --tap says nothing but TAP.
#
# Each slot builds in a copy of the tree of its own, build/mutants/N, which stays:
# what is built there the next time is what has changed.
set -euo pipefail

HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
REPO=$(realpath "$HERE/../..")
SAMPLE=(elf-overlap image-problem-text uapi-min-size)
# Has a module of its own and no need of kev.ko
MODULE_TEST=guest/memory.sh
# Seconds of host time until a program is given up
TIMEOUT=240

usage() {
	echo "usage: ${0##*/} [--sample] [--slots N] [--tap] [NAME...]" >&2
	exit 2
}

tap=false slots=2
names=()
while (($# > 0)); do
	case $1 in
	--sample) names+=("${SAMPLE[@]}") ;;
	--slots)
		[[ ${2:-} =~ ^[1-9]$ ]] || usage
		slots=$2
		shift
		;;
	--tap) tap=true ;;
	-*) usage ;;
	*\**)
		for patch in "$HERE"/$1.patch; do names+=("$(basename "$patch" .patch)"); done
		;;
	*) names+=("$1") ;;
	esac
	shift
done
if ((${#names[@]} == 0)); then
	for patch in "$HERE"/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi

work=$(mktemp -d)
# Slots that are still at work end with us, and what they have started.
# shellcheck disable=SC2317 # called by its name
end() {
	local pid
	for pid in $(jobs -p); do kill -- "-$pid" 2>/dev/null || true; done
	wait
	rm -rf "$work"
}
trap end EXIT
: >"$work/results"
# A slot has its own.
copy='' log=$work/log

# header NAME KEY: what a patch's line "KEY: " says
header() {
	sed -n "/^---/q; s/^$2: //p" "$HERE/$1.patch"
}

# result NAME WHY: print it; without a reason the mutant was noticed
result() {
	local name=$1 why=$2 n
	(
		flock 9
		n=$(($(wc -l <"$work/results") + 1))
		if [[ -f $HERE/$name.patch ]] && ! $tap; then
			echo "# $name: $(header "$name" Why)"
		fi
		if [[ -z $why ]]; then
			echo "ok $n - $name: noticed by $(header "$name" Test)"
		else
			echo "not ok $n - $name: $why"
			if [[ -s $log ]]; then tail -n 20 "$log" | sed 's/^/# /'; fi
		fi
		echo "$name ${why:+failed}" >>"$work/results"
	) 9>"$work/lock"
}

# Where the kernel does not clear what it allocates, variables are not, either.
build_module() {
	local fill=
	[[ ${append-} != *init_on_alloc=0* ]] || fill=1
	make -j2 -C "$("$copy/tools/bed/bed" kdir)" "M=$copy" "KEV_FILL_STACK=$fill" modules
}

# build_bed PROGRAM: the module and the program; what runs whole guests needs those too
build_bed() {
	local program=$1 dir dirs=()
	if [[ $program == "$MODULE_TEST" ]]; then
		make -C "$copy/selftests/modules"
		return
	fi
	[[ $program != guest/* ]] || dirs=(tools/libkev tools/kevctl guests selftests/images)
	# These load other modules as well.
	[[ $program != guest/@(abi|module|msr_probe|quick) ]] || dirs+=(selftests/modules)
	[[ $program != guest/fuzz.sh ]] || dirs+=(selftests/fuzzers)
	build_module || return 1
	make -C "$copy/selftests/${program%/*}" "$copy/selftests/$program" || return 1
	for dir in "${dirs[@]}"; do make -C "$copy/$dir" || return 1; done
}

# build_kevctl PROGRAM: the program, or those that a script runs
build_kevctl() {
	local program=$1 dir
	case $program in
	terminal.py | sandbox.sh) program=kevctl-sandboxed ;;
	cli.sh | completion.sh | hermit.sh)
		for dir in tools/libkev tools/kevctl guests; do
			make -C "$copy/$dir" || return 1
		done
		program=kevctl-fake
		;;
	*.sh) program=kevctl-fake ;;
	esac
	make -C "$copy/selftests/kevctl" "$program"
}

# build SUITE PROGRAM
build() {
	local suite=$1 program=$2
	case $suite in
	unit) make -C "$copy/selftests/unit" "build/gcc/$program" ;;
	tsan) make -C "$copy/selftests/tsan" ;;
	kevctl) build_kevctl "$program" ;;
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
	tsan) make -s --no-print-directory -C "$copy/selftests/tsan" run ;;
	code) "$copy/selftests/$program" "$copy/kev.ko" ;;
	kevctl | life)
		# A slot is a background job, which ignores the signals that tests send.
		cd "$copy/selftests/$suite" && timeout "$TIMEOUT" env --default-signal "./$program"
		;;
	bed)
		[[ $append == - ]] || module+=(--cold --append "${append//,/ }")
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

# try NAME SUITE PROGRAM CPUS CASE BEFORE: prints nothing if the mutant is noticed, else why not.
# BEFORE is what the program printed in the tree as it is.
try() {
	local name=$1 suite=$2 program=$3 cpus=$4 case=$5 before=$6 status=0
	if [[ $(verdict "$before" "$case") != ok ]]; then
		cp "$before" "$log"
		echo "the case is not \"ok\" without the patch"
		return
	fi
	if ! patch -d "$copy" -p1 -F0 -f -s --dry-run <"$HERE/$name.patch" >"$log" 2>&1; then
		echo "the patch does not apply"
		return
	fi
	patch -d "$copy" -p1 -F0 -f -s <"$HERE/$name.patch"
	if ! build "$suite" "$program"; then
		echo "building failed"
	else
		(run "$suite" "$program" "$cpus") || status=$?
		case $(verdict "$log" "$case") in
		"not ok") ;;
		ok) echo "the case passes" ;;
		*) echo "the case printed no result (status $status)" ;;
		esac
	fi
	patch -d "$copy" -p1 -s -R <"$HERE/$name.patch"
}

# hashes DIR FILES: of those of the files that are there
hashes() {
	(
		cd "$1"
		xargs -d '\n' sha1sum -- <"$2" 2>/dev/null || true
	) | sort
}

# update SLOT: a copy of the tree that nobody uses is what the tree is now, and what is the same
# stays as it is
update() {
	local files=$work/files-$1 file n
	for ((n = 1; ; n++)); do
		copy=$REPO/build/mutants/$n
		mkdir -p "$copy"
		exec 7>"$copy.lock"
		if flock -n 7; then break; fi
	done
	touch "$copy.files"
	"$REPO/selftests/files.sh" | sort >"$files"
	comm -13 "$files" "$copy.files" | (cd "$copy" && xargs -r -d '\n' rm -f)
	hashes "$copy" "$files" >"$files.copy"
	hashes "$REPO" "$files" | comm -23 - "$files.copy" | cut -c43- | while read -r file; do
		mkdir -p "$copy/$(dirname "$file")"
		cp --preserve=mode "$REPO/$file" "$copy/$file"
	done
	cp "$files" "$copy.files"
}

# slot N: take mutants, those of one program together, until there are no more
slot() {
	local suite program cpus append case name words before
	log=$work/log-$1
	update "$1"
	while
		words=()
		{ flock 9 && read -ra words <&8; } 9>"$work/queue-lock"
	do
		suite=${words[0]} program=${words[1]} cpus=${words[2]} append=${words[3]}
		before=$work/before-$1
		if build "$suite" "$program"; then (run "$suite" "$program" "$cpus") || true; fi
		cp "$log" "$before"
		for name in "${words[@]:4}"; do
			read -r _ _ case < <(header "$name" Test)
			result "$name" \
				"$(try "$name" "$suite" "$program" "$cpus" "$case" "$before")"
		done
	done
}

# What does not need a build is told at once; the rest by program: most mutants first
groups=()
declare -A members
for name in "${names[@]}"; do
	if [[ ! -f $HERE/$name.patch ]]; then
		result "$name" "no such patch"
	else
		read -r suite program case < <(header "$name" Test) || true
		cpus=$(header "$name" Cpus)
		append=$(header "$name" Append)
		append=${append// /,}
		group="$suite $program ${cpus:-1} ${append:--}"
		[[ -n ${members[$group]:-} ]] || groups+=("$group")
		members[$group]+=" $name"
	fi
done
for group in "${groups[@]}"; do
	echo "$group${members[$group]}"
done | awk '{ print NF, $0 }' | sort -s -k1nr | cut -d' ' -f2- >"$work/queue"

# All slots read on where the last one has stopped.
exec 8<"$work/queue"
if [[ -s $work/queue ]]; then
	mkdir -p "$REPO/build/mutants"
	# A group for each slot and what it has started
	set -m
	for ((n = 1; n <= slots; n++)); do slot "$n" & done
	set +m
	for job in $(jobs -p); do wait "$job"; done
fi

n=$(wc -l <"$work/results")
echo "1..$n"
if ((n != ${#names[@]})); then
	echo "# ${#names[@]} mutants, but $n results" >&2
	exit 1
fi
! grep -q ' failed$' "$work/results"
