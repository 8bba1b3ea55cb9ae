#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every test. The last line counts: "N passed, N failed", and ", N skipped" if any were.
#
# usage: run.sh [--models | --kernels | --rt | --debug | --leaks | --detectors | --soak]
#   --models     what runs in the bed, on every CPU model
#   --kernels    modules for Debian's other kernels; what runs in the bed, on RT and 6.12
#   --rt         the same on RT alone
#   --debug      the same on the instrumented kernel
#   --leaks      the same there, with kmemleak, which makes it four times slower: each program once
#   --detectors  does that kernel notice errors
#   --soak       the tests of many rounds, with all of them
#
# PROGRAMS="uapi/run ..." in the environment: only these with --debug and --leaks
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

MODELS=(corei5_lynnfield_750 corei5_arrandale_m520 corei7_sandy_bridge_2600k
	corei7_haswell_4770 broadwell_ult corei7_skylake_x corei3_cnl)
DEFAULT_MODEL=broadwell_ult
# By what `bed setup --kernel` calls them: those to build for, and those to run on
KERNELS=(default amd64 rt-amd64 6.12-cloud-amd64 6.12-rt-amd64)
KERNELS_RUN=(rt-amd64 6.12-cloud-amd64)
# Built for in each run: what a later kernel does not have any more is noticed at once.
NEXT_KERNEL=6.12-cloud-amd64
# What looks at KEV_SOAK
SOAK=(guest/soak_kick guest/nmi guest/halt_end guest/timer_move guest/net guest/churn
	guest/hotplug guest/kvm)
# The same where the instrumented kernel is needed
SOAK_DEBUG=(guest/fail_load)
# What skips cases on one CPU, and has a second one with --leaks; the others have one there.
LEAKS_SMP=(guest/hotplug guest/latency guest/nmi uapi/stats)
# A machine that hangs is ended from outside, in seconds of host time.
BED_TIMEOUT=1500
MODELS_TIMEOUT=2400
SLOW_TIMEOUT=7200
# Programs on one machine, where each would take long
GROUP=12

out=build/test
# The tree that the bed takes module and tests from, and the bed's options beside the usual ones
tree=. options=()
gdb=${KEV_CACHE:-${HOME:-/root}/.cache/kev}/programs/gdb
[[ -e $gdb ]] && options+=(--file "$gdb:/bin/gdb")
perf=$(command -v perf || true)
[[ -n $perf ]] && options+=(--file "$perf:/bin/perf")
# Built where its library is
net_user=tools/kevctl/net-user/kev-net-user
# Images of Hermit's own, which are not the project's to bring
images=${KEV_HERMIT_IMAGES:-${KEV_CACHE:-${HOME:-/root}/.cache/kev}/hermit}
[[ -d $images ]] && options+=(--file "$images:/hermit")
passed=0 failed=0 skipped=0
# As an argument of make's it would replace variables of that name in every Makefile below.
[[ -z ${PROGRAMS-} ]] || unset MAKEFLAGS MAKEOVERRIDES
mkdir -p "$out"

# What is at work beside this script, each with what it has started in a group of its own
beside=()
# shellcheck disable=SC2317 # called by its name
end_beside() {
	local pid
	for pid in "${beside[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
	wait
}
trap end_beside EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# beside CMD...: at the same time as what follows, until wait_beside
beside() {
	set -m
	"$@" </dev/null &
	set +m
	beside+=($!)
}

wait_beside() {
	local pid status
	for pid in "${beside[@]}"; do
		status=0
		wait "$pid" || status=$?
		((status == 0)) || { echo "what ran beside has ended with $status"; ((++failed)); }
	done
	beside=()
}

# wrap NAME CMD...: the output of one program, as tap.py wants it
wrap() {
	local name=$1 status=0
	shift
	printf '# at %s\n# begin %s\n' "${EPOCHREALTIME/,/.}" "$name"
	"$@" 2>&1 </dev/null || status=$?
	printf '# at %s\n# end %s %s\n' "${EPOCHREALTIME/,/.}" "$name" "$status"
}

# stamp: tell when programs begin and end, as their lines pass by
stamp() {
	local line
	while IFS= read -r line || [[ -n $line ]]; do
		case $line in
		"# begin "* | "# end "*) echo "# at ${EPOCHREALTIME/,/.}" ;;
		esac
		printf '%s\n' "$line"
	done
}

# each DIR: the programs that its Makefile lists
each() {
	local dir=$1 program
	for program in $(make --no-print-directory -s -C "$dir" list); do
		# Whoever started this may ignore signals, as nohup does; tests send them.
		(cd "$dir" && wrap "${dir#selftests/}/${program#./}" \
			env --default-signal "$program")
	done
}

# count NAME LOG [SKIPS]: add what a log says; without SKIPS nothing may be skipped
count() {
	local name=$1 log=$2 report p f s
	report=$(python3 selftests/tap.py ${PROGRAMS:+--some} --skips "${3:-selftests/skips/none}" "$log")
	read -r p f s <<<"${report##*$'\n'}"
	[[ $report == *$'\n'* ]] && echo "${report%$'\n'*}"
	echo "$name: $p passed, $f failed$( ((s == 0)) || echo ", $s skipped")"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# in_bed NAME MODEL CPUS LOG [CMD...]: CMD on one machine; the programs of uapi/ and guest/
in_bed() {
	local name=$1 model=$2 cpus=$3 log=$4 status=0 files=()
	shift 4
	[[ ! -e $tree/$net_user ]] || files=(--file "$tree/$net_user:/libexec/kev/kev-net-user")
	(($# > 0)) || set -- /selftests/in-bed.sh
	"$tree/tools/bed/bed" run --cpu "$model" --cpus "$cpus" --timeout "$BED_TIMEOUT" \
		"${options[@]}" "${files[@]}" --file selftests/in-bed.sh:/selftests/in-bed.sh -- "$@" \
		2>&1 </dev/null | stamp >"$log" || status=$?
	# 126 is a report in the kernel's log: a failure of its own
	{
		echo "# begin $name: the machine"
		echo "1..1"
		if ((status == 0)); then echo "ok 1 kernel log is clean"; else
			tail -n 40 "$log"
			echo "not ok 1 bed run ended with status $status"
		fi
		echo "# end $name: the machine $((status == 0 ? 0 : 1))"
	} >"$log.machine"
	cat "$log.machine" >>"$log"
	rm "$log.machine"
}

# A kernel without the clearing of memory that hides what kev does not clear
UNCLEARED="init_on_alloc=0 slub_debug=P page_poison=1"

# in_wary_bed LOG CMD...: such a kernel, with its mitigations, and a module that does not either
# shellcheck disable=SC2317 # called by its name
in_wary_bed() {
	local log=$1 tree=build/fill
	local options=("${options[@]}" --cold --append "mitigations=auto $UNCLEARED"
		--module "$tree/kev.ko")
	shift
	selftests/copy-tree.sh "$tree"
	make -s -C "$tree" KEV_FILL_STACK=1 modules >"$out/build-fill.log" 2>&1 || {
		tail -n 40 "$out/build-fill.log"
		rm -f "$tree/kev.ko"
	}
	tree=.
	in_bed "mitigations=auto" "$DEFAULT_MODEL" 1 "$log" "$@"
}

# in_older_bed LOG: where the kernel has to ask MSRs for what instructions tell on newer CPUs
# shellcheck disable=SC2317 # called by its name
in_older_bed() {
	local options=("${options[@]}" --append nofsgsbase)
	in_bed "nofsgsbase" "$DEFAULT_MODEL" 1 "$1" /selftests/in-bed.sh \
		/selftests/guest/host_state
}

# refuses TEXT OPTION...: why kev.ko will not load is said, and the host lives
# shellcheck disable=SC2317 # called by its name
refuses() {
	local text=$1 log name pattern status=0 number=0 failures=0
	shift
	log=$(tools/bed/bed run "$@" --no-module --timeout "$BED_TIMEOUT" -- \
		sh -c 'insmod /kev.ko; echo "insmod: $?"; dmesg | grep "kev:"; ls /dev/kev; exit 0' \
		2>&1) || status=$?
	echo "1..4"
	while IFS='|' read -r name pattern; do
		((++number))
		if grep -q "$pattern" <<<"$log"; then
			echo "ok $number $name"
		else
			echo "not ok $number $name"
			((++failures))
		fi
	done <<-END
		insmod fails|insmod: [^0]
		the log names $text|kev: .*$text
		there is no /dev/kev|/dev/kev: No such file
	END
	if ((status == 0)); then
		echo "ok 4 kernel log is clean"
	else
		echo "not ok 4 bed run ended with status $status"
		((++failures))
	fi
	printf '# %s\n' "${log//$'\n'/$'\n'# }"
	((failures == 0))
}

# build [VARIABLE...]: $tree, with these variables of make
build() {
	local make=(make --no-print-directory -j"$(nproc)" -C "$tree" "$@")
	# Modules of the tests need what kev.ko exports.
	{ "${make[@]}" modules && "${make[@]}" tools guests selftests; } \
		>"$out/build.log" 2>&1 || {
		tail -n 40 "$out/build.log"
		echo "building failed; the whole log is $out/build.log"
		echo "0 passed, 1 failed"
		exit 1
	}
}

finish() {
	local line="$passed passed, $failed failed"
	((skipped == 0)) || line+=", $skipped skipped"
	echo "$line"
	((failed == 0))
	exit
}

# What has one machine after the other
# shellcheck disable=SC2317 # called by its name
one_by_one() {
	in_bed "$DEFAULT_MODEL, 1 CPU" "$DEFAULT_MODEL" 1 "$out/$DEFAULT_MODEL-1"
	in_wary_bed "$out/auto" /selftests/in-bed.sh /selftests/uapi/leaks \
		/selftests/guest/mitigations /selftests/guest/host_state
	in_older_bed "$out/nofsgsbase"
	wrap "core2 refuses" refuses "EPT" --cpu core2_penryn_t9600 >"$out/core2"
	wrap "life" selftests/life/run.sh >"$out/life"
	wrap "baseline" bench/run.py --check --short --tap >"$out/baseline"
}

# Two emulators at once at most, and the work of the host beside them
test_default() {
	local one="$out/$DEFAULT_MODEL-1" two="$out/$DEFAULT_MODEL-2"
	beside one_by_one
	in_bed "$DEFAULT_MODEL, 2 CPUs" "$DEFAULT_MODEL" 2 "$two"
	wait_beside
	count "$DEFAULT_MODEL, 1 CPU" "$one" "selftests/skips/$DEFAULT_MODEL-1"
	count "$DEFAULT_MODEL, 2 CPUs" "$two" "selftests/skips/$DEFAULT_MODEL-2"
	count "mitigations=auto" "$out/auto"
	count "nofsgsbase" "$out/nofsgsbase" selftests/skips/nofsgsbase
	count "core2" "$out/core2"
	count "life" "$out/life"
	count "baseline" "$out/baseline"
}

# shellcheck disable=SC2317 # called by its name
coverage() {
	local report
	echo 1..1
	if report=$(make -s --no-print-directory -C selftests/unit coverage 2>&1); then
		echo "ok 1 the unit tests run the pure code"
	else
		printf '# %s\n' "${report//$'\n'/$'\n'# }"
		echo "not ok 1 the unit tests run the pure code"
		return 1
	fi
}

# What takes long and has no emulator
# shellcheck disable=SC2317 # called by its name
long_ones() {
	{
		wrap fuzz make -s --no-print-directory -C selftests/fuzz test
		wrap coverage coverage
		wrap "build for $NEXT_KERNEL" build_for "$NEXT_KERNEL"
		wrap lint selftests/lint/run.sh warnings noinstr analyzer tidy coccicheck
	} >"$out/fuzz"
}

# What has an emulator now and then
# shellcheck disable=SC2317 # called by its name
short_ones() {
	# Whoever started this may ignore signals that the bed is to be ended by.
	wrap bed env --default-signal selftests/bed/run-tests.sh >"$out/bed"
	wrap mutants selftests/mutants/run.sh --sample --tap >"$out/mutants"
}

# These two, and what has neither
test_host() {
	local name
	beside long_ones
	beside short_ones
	wrap check selftests/check.sh --tap >"$out/check"
	each selftests/unit >"$out/unit"
	each selftests/kevctl >"$out/kevctl"
	wrap bench bench/table_test.py >"$out/bench"
	wait_beside
	for name in check unit kevctl bed bench mutants; do count "$name" "$out/$name"; done
	count "fuzz, coverage, $NEXT_KERNEL, lint" "$out/fuzz"
}

# One machine after the other: each may have the time that it takes on a busy host.
test_models() {
	local model
	BED_TIMEOUT=$MODELS_TIMEOUT
	for model in "${MODELS[@]}"; do
		in_bed "$model" "$model" 1 "$out/$model-1"
		count "$model" "$out/$model-1" "selftests/skips/$model-1"
	done
	wrap "core2 refuses" refuses "EPT" --cpu core2_penryn_t9600 >"$out/core2"
	count "core2" "$out/core2"
}

# shellcheck disable=SC2317 # called by build_for
# modules_for BUILD TREE: every module that the bed takes along, for the kernel of this build
modules_for() {
	local build=$1 tree=$2 kbuild
	make -C "$build" M="$tree" W=1 C=1 modules &&
		make -C "$tree/selftests/modules" KDIR="$build" || return
	for kbuild in "$tree"/examples/{abi,exercises/*}/Kbuild; do
		make -C "$build" M="${kbuild%/*}" W=1 KEV="$tree" \
			KBUILD_EXTRA_SYMBOLS="$tree/Module.symvers" modules || return
	done
}

# shellcheck disable=SC2317 # called by its name
# build_for KERNEL: the modules, in a copy of the tree; a warning is a failure. The kernel's macros
# make other code of kev.ko's on each.
build_for() {
	local copy=$PWD/build/kernels/$1 log="$out/build-$1.log" build problems
	build=$(tools/bed/bed kdir --kernel "$1")
	selftests/copy-tree.sh "$copy"
	echo "1..2"
	if modules_for "$build" "$copy" >"$log" 2>&1 && ! grep -E 'warning:|error:' "$log"; then
		echo "ok 1 modules without a warning"
	else
		sed 's/^/# /' "$log" | tail -n 40
		echo "not ok 1 modules without a warning"
		echo "not ok 2 entry code on CPUs with bugs: there is no module"
		rm -rf "$copy"	# or what is built by now would not be warned of again
		return 1
	fi
	problems=$(selftests/entry_code.py --quiet "$copy/kev.ko" "$build" 2>&1) || true
	if [[ -n $problems ]]; then
		printf '# %s\n' "${problems//$'\n'/$'\n'# }"
		echo "not ok 2 entry code on CPUs with bugs"
		return 1
	fi
	echo "ok 2 entry code on CPUs with bugs"
}

# Programs are the same everywhere; each kernel has modules of its own, and takes no other's.
# on_kernel KERNEL: the tests of the bed there, with one and with two CPUs at once
on_kernel() {
	local kernel=$1 usual=("${options[@]}") modules=build/kernels/$1 module cpus
	BED_TIMEOUT=$SLOW_TIMEOUT
	options+=(--kernel "$kernel" --module "$modules/kev.ko")
	for module in "$modules"/{selftests/modules/*,examples/{abi,exercises/*}/*}.ko; do
		options+=(--file "$module:/${module#"$modules/"}")
	done
	beside in_bed "$kernel, 1 CPU" "$DEFAULT_MODEL" 1 "$out/$kernel-1"
	in_bed "$kernel, 2 CPUs" "$DEFAULT_MODEL" 2 "$out/$kernel-2"
	wait_beside
	options=("${usual[@]}")
	for cpus in 1 2; do
		count "$kernel, $cpus CPU(s)" "$out/$kernel-$cpus" "selftests/skips/$kernel-$cpus"
	done
}

test_kernels() {
	local kernel why
	for kernel in "${KERNELS[@]}"; do
		wrap "build for $kernel" build_for "$kernel" >"$out/kernel-$kernel"
		count "$kernel" "$out/kernel-$kernel"
	done
	for kernel in "${KERNELS_RUN[@]}"; do
		on_kernel "$kernel"
		# Another release has another structure; another build of 6.1 has other symbols.
		why="disagrees about version"
		[[ $kernel != 6.12-* ]] || why="section size must match"
		wrap "$kernel refuses" refuses "$why" --kernel "$kernel" \
			--cpu "$DEFAULT_MODEL" >"$out/$kernel-refuses"
		count "$kernel refuses" "$out/$kernel-refuses"
	done
}

test_detectors() {
	make -s --no-print-directory -C selftests/detectors >"$out/build.log" 2>&1 || {
		tail -n 40 "$out/build.log"
		echo "building failed; the whole log is $out/build.log"
		failed=$((failed + 1))
		return
	}
	wrap detectors selftests/detectors/run.sh >"$out/detectors"
	count detectors "$out/detectors"
}

test_races() {
	wrap tsan make -s --no-print-directory -C selftests/tsan run >"$out/tsan"
	count tsan "$out/tsan"
	wrap noinstr selftests/lint/run.sh noinstr_debug >"$out/noinstr"
	count noinstr "$out/noinstr"
}

# in_machines NAME CPUS LOG: the programs of uapi/ and guest/, GROUP of them on each machine. A
# machine tells of one report only and may hang, and then says nothing about the programs after it.
# Of several at once with the same LOG each takes the next group that none has: what they say is in
# LOG.groups, see in_order.
in_machines() {
	local name=$1 cpus=$2 log=$3 programs=() program n
	for program in ${PROGRAMS:-$(cd "$tree/selftests" && echo {uapi,guest}/*)}; do
		if [[ -f $tree/selftests/$program && -x $tree/selftests/$program ]]; then
			programs+=("/selftests/$program")
		elif [[ -n ${PROGRAMS-} ]]; then
			echo "no such program: $program" >&2
			exit 2
		fi
	done
	mkdir -p "$log.groups"
	for ((n = 0; n < ${#programs[@]}; n += GROUP)); do
		mkdir "$log.groups/$n" 2>/dev/null || continue
		in_bed "$name from ${programs[n]#/selftests/}" "$DEFAULT_MODEL" "$cpus" \
			"$log.groups/$n/log" /selftests/in-bed.sh "${programs[@]:n:GROUP}"
	done
}

# in_order LOG: into LOG, what the machines said
in_order() {
	local log=$1 n
	for ((n = 0; ; n += GROUP)); do
		[[ -e $log.groups/$n ]] || break
		cat "$log.groups/$n/log"
	done >"$log"
	rm -r "$log.groups"
}

# The instrumented kernel needs modules of its own, and ten times the instructions for anything: so
# many are ten times as fast. By the bed's own clock a host's tick and a guest's shortest period
# would be over before they are dealt with.
build_debug() {
	tree=build/debug
	selftests/copy-tree.sh "$tree"
	build "KDIR=$(tools/bed/bed kdir --kernel debug)" KEV_FILL_STACK=1
	options+=(--kernel debug --tsc-khz 500000)
	BED_TIMEOUT=$SLOW_TIMEOUT
}

# in_all_machines NAME CPUS...: the same on machines of so many CPUs each
in_all_machines() {
	local name=$1 cpus
	shift
	for cpus; do in_machines "$name, $cpus CPU(s)" "$cpus" "$out/$name-$cpus"; done
}

# two_at_once NAME CPUS...: the same, two machines at once
two_at_once() {
	local name=$1 cpus others
	shift
	for cpus; do rm -rf "$out/$name-$cpus.groups"; done
	beside in_all_machines "$name" "$@"
	mapfile -t others < <(printf '%s\n' "$@" | tac)
	in_all_machines "$name" "${others[@]}"
	wait_beside
	for cpus; do
		in_order "$out/$name-$cpus"
		count "$name, $cpus CPU(s)" "$out/$name-$cpus" "selftests/skips/debug-$cpus"
	done
}

# Each program once: what a path loses is lost with one CPU, too.
test_leaks() {
	# What the kernel's log counts in-bed.sh looks at one by one.
	options+=(--append kmemleak=on --known-report "new suspected memory leaks")
	if [[ -n ${PROGRAMS-} ]]; then
		two_at_once leaks 1 2
		return
	fi
	two_at_once leaks 1
	local PROGRAMS=${LEAKS_SMP[*]}
	two_at_once leaks 2
}

# Free pages hold poison, which this kernel looks at as well when it gives them away.
test_poisoned() {
	local options=("${options[@]}" --append "$UNCLEARED")
	in_bed "page poisoning" "$DEFAULT_MODEL" 1 "$out/poisoned" /selftests/in-bed.sh \
		/selftests/uapi/leaks
	count "page poisoning" "$out/poisoned"
}

# The machine's ends, each of which this kernel takes minutes for
test_ends() {
	wrap "life" "$tree/selftests/life/run.sh" "${options[@]}" --timeout "$BED_TIMEOUT" \
		>"$out/life"
	count "life" "$out/life"
}

# soak NAME CPUS LOG PROGRAM...: with all of their rounds
soak() {
	local name=$1 cpus=$2 log=$3
	shift 3
	in_bed "$name" "$DEFAULT_MODEL" "$cpus" "$log" \
		env KEV_SOAK=1 KEV_SECONDS="$SLOW_TIMEOUT" /selftests/in-bed.sh "${@/#//selftests/}"
}

test_soak() {
	local usual=("${options[@]}")
	BED_TIMEOUT=$SLOW_TIMEOUT
	build_debug
	# What the kernel says about a module whose jump labels or trace events it had no memory for
	options+=(--known-report " jump_label_module_notify+"
		--known-report " jump_label_del_module+"
		--known-report " event_define_fields.")
	beside soak "soak, debug" 1 "$out/soak-debug" "${SOAK_DEBUG[@]}"
	tree=. options=("${usual[@]}")
	soak "soak" 2 "$out/soak" "${SOAK[@]}"
	wait_beside
	count "soak" "$out/soak"
	count "soak, debug" "$out/soak-debug"
}

case ${1:-} in
--models)
	build
	test_models
	;;
--kernels)
	build
	test_kernels
	;;
--rt)
	build
	wrap "build for rt-amd64" build_for rt-amd64 >"$out/kernel-rt-amd64"
	count rt-amd64 "$out/kernel-rt-amd64"
	on_kernel rt-amd64
	;;
--debug)
	build_debug
	[[ -n ${PROGRAMS-} ]] || { test_detectors; test_races; test_poisoned; test_ends; }
	two_at_once debug 1 2
	;;
--leaks)
	build_debug
	test_leaks
	;;
--detectors)
	test_detectors
	;;
--soak)
	build
	test_soak
	;;
*)
	build
	test_host
	test_default
	;;
esac
finish
