#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every test, or with --models every CPU model. The last line counts:
# "N passed, N failed", and ", N skipped" if any were.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

MODELS=(corei5_lynnfield_750 corei7_haswell_4770 broadwell_ult corei7_skylake_x corei3_cnl)
DEFAULT_MODEL=broadwell_ult
# A machine that hangs is ended from outside, in seconds of host time.
BED_TIMEOUT=900

out=build/test
passed=0 failed=0 skipped=0
mkdir -p "$out"

# wrap NAME CMD...: the output of one program, as tap.py wants it
wrap() {
	local name=$1 status=0
	shift
	echo "# begin $name"
	"$@" 2>&1 </dev/null || status=$?
	echo "# end $name $status"
}

# each DIR: the programs that its Makefile lists
each() {
	local dir=$1 program
	for program in $(make --no-print-directory -s -C "$dir" list); do
		(cd "$dir" && wrap "${dir#selftests/}/${program#./}" "$program")
	done
}

# count NAME LOG [SKIPS]: add what a log says
count() {
	local name=$1 log=$2 report p f s
	report=$(python3 selftests/tap.py ${3:+--skips "$3"} "$log")
	read -r p f s <<<"${report##*$'\n'}"
	[[ $report == *$'\n'* ]] && echo "${report%$'\n'*}"
	echo "$name: $p passed, $f failed$( ((s == 0)) || echo ", $s skipped")"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# in_bed NAME MODEL CPUS LOG: the programs of uapi/ and guest/ on one machine
in_bed() {
	local name=$1 model=$2 cpus=$3 log=$4 status=0
	tools/bed/bed run --cpu "$model" --cpus "$cpus" --timeout "$BED_TIMEOUT" \
		--file selftests/in-bed.sh:/selftests/in-bed.sh -- /selftests/in-bed.sh \
		>"$log" 2>&1 </dev/null || status=$?
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

# shellcheck disable=SC2317 # called by its name
# refuses MODEL TEXT: the module says why it will not load, and the host lives
refuses() {
	local model=$1 text=$2 log number=0 failures=0
	log=$(tools/bed/bed run --cpu "$model" --no-module --timeout "$BED_TIMEOUT" -- \
		sh -c 'insmod /kev.ko; echo "insmod: $?"; dmesg | grep "kev:"; ls /dev/kev' 2>&1) || true
	echo "1..3"
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
	printf '# %s\n' "${log//$'\n'/$'\n'# }"
	((failures == 0))
}

build() {
	make --no-print-directory modules tools guests selftests >"$out/build.log" 2>&1 || {
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

# Two emulators at once at most, and the work of the host beside them
test_default() {
	local one="$out/$DEFAULT_MODEL-1" two="$out/$DEFAULT_MODEL-2" pid
	{
		in_bed "$DEFAULT_MODEL, 1 CPU" "$DEFAULT_MODEL" 1 "$one"
		wrap "core2 refuses" refuses core2_penryn_t9600 "EPT" >"$out/core2"
	} &
	pid=$!
	in_bed "$DEFAULT_MODEL, 2 CPUs" "$DEFAULT_MODEL" 2 "$two"
	wait "$pid"
	count "$DEFAULT_MODEL, 1 CPU" "$one" "selftests/skips/$DEFAULT_MODEL-1"
	count "$DEFAULT_MODEL, 2 CPUs" "$two" "selftests/skips/$DEFAULT_MODEL-2"
	count "core2" "$out/core2"
}

test_host() {
	wrap check selftests/check.sh --tap >"$out/check"
	count "check" "$out/check"
	each selftests/unit >"$out/unit"
	count "unit" "$out/unit"
	each selftests/kevctl >"$out/kevctl"
	count "kevctl" "$out/kevctl"
	wrap bed selftests/bed/run-tests.sh >"$out/bed"
	count "bed" "$out/bed"
	wrap mutants selftests/mutants/run.sh --sample --tap >"$out/mutants"
	count "mutants" "$out/mutants"
}

test_models() {
	local model
	for model in "${MODELS[@]}"; do
		in_bed "$model" "$model" 1 "$out/$model-1"
		count "$model" "$out/$model-1" "selftests/skips/$model-1"
	done
	wrap "core2 refuses" refuses core2_penryn_t9600 "EPT" >"$out/core2"
	count "core2" "$out/core2"
}

build
if [[ ${1:-} == --models ]]; then
	test_models
else
	test_host
	test_default
fi
finish
