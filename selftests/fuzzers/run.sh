#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run a fuzzer in the bed, one machine after the other, until the time is up or it finds
# something. What it learns of the module's code is kept below $KEV_CACHE/fuzz.
#
# usage: run.sh FUZZER [--seconds N] [--seed N] [--kernel NAME] [--cpus N] [--cpu MODEL]
#        run.sh FUZZER --replay FILE [--kernel NAME] [--cpus N] [--cpu MODEL]
#   FUZZER     ioctl, guest
#   --seconds  of this machine's time, 60 without it; machines end by themselves, so it is more
#   --seed     of the first machine; without it another one each time
#   --kernel   debug: the instrumented one, which tells what code is reached
#   --replay   a file with programs, as a finding prints them
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cd "$here/../.."

# A machine that hangs, in seconds; and how long one is to work
TIMEOUT=900
PART=150
# How many programs the first machine executes, which shows how fast they are
FIRST=100

fail() {
	echo "run.sh: $*" >&2
	exit 2
}

fuzzer=${1:-}
[[ -e $here/$fuzzer.c ]] || fail "which fuzzer?"
shift
seconds=60 seed=$((RANDOM << 15 | RANDOM)) tree=. replay=
options=(--cpus 2)
name=$fuzzer
while (($# > 1)); do
	case $1 in
	--seconds) seconds=$2 ;;
	--seed) seed=$2 ;;
	--replay) replay=$2 ;;
	--kernel)
		[[ $2 == default ]] || options+=(--kernel "$2")
		[[ $2 == default ]] || tree=build/$2 name=$fuzzer-$2
		;;
	--cpus | --cpu) options+=("$1" "$2") ;;
	*) fail "$1?" ;;
	esac
	shift 2
done
(($# == 0)) || fail "$1 wants an argument"

kept=${KEV_CACHE:-${HOME:-/root}/.cache/kev}/fuzz/$fuzzer
mkdir -p "$kept"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# bed FILE WORDS...: the fuzzer with FILE as /corpus; its output, also in $scratch/log
bed() {
	local corpus=$1 status=0
	shift
	"$tree/tools/bed/bed" run --timeout "$TIMEOUT" "${options[@]}" --out "$scratch/out" \
		--file "$corpus:/corpus" -- "/selftests/fuzzers/$fuzzer" "$@" \
		2>&1 </dev/null | tee "$scratch/log" || status=$?
	return "$status"
}

if [[ -n $replay ]]; then
	bed "$replay" --replay /corpus
	exit
fi

now() { date +%s; }

# The kept corpus, and what the project brings
cat "$here/corpus/$fuzzer" "$kept/corpus" 2>/dev/null | sort -u >"$scratch/corpus" || true
start=$(now) total=0 programs=$FIRST
while (($(now) - start < seconds)); do
	begun=$(now)
	echo "# $fuzzer: seed $seed, $programs programs"
	if ! bed "$scratch/corpus" --seed "$seed" --programs "$programs" --corpus /corpus \
		--out /out/corpus; then
		cp "$scratch/corpus" "$kept/corpus.of-$seed"
		echo "run.sh: $fuzzer found something with seed $seed; its corpus: $kept/corpus.of-$seed"
		grep '^replay: ' "$scratch/log" | cut -d ' ' -f 2- >"$kept/found-$seed" || true
		exit 1
	fi
	# Only what reaches something is in there, and only on a kernel that tells.
	if [[ -s $scratch/out/corpus ]]; then
		cp "$scratch/out/corpus" "$scratch/corpus"
		cp "$scratch/corpus" "$kept/corpus"
	fi
	total=$((total + programs))
	sum=$(selftests/fuzz/sum.sh "$name" "$programs" $(($(now) - begun)))
	programs=$((programs * PART / ($(now) - begun + 1)))
	left=$((seconds - ($(now) - start)))
	((left >= PART)) || programs=$((programs * left / PART))
	programs=$((programs > 20 ? programs : 20))
	seed=$((seed + 1))
done
echo "$fuzzer: $total programs in $(($(now) - start)) seconds, nothing found"
echo "${sum:-}"
