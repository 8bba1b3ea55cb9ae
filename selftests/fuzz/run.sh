#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run libFuzzer on each of these for a while, from the corpus and from what earlier runs have left.
#
# usage: run.sh BUILD SECONDS SEED MAX_LEN FUZZER...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
build=$1 seconds=$2 seed=$3 max_len=$4
shift 4
for fuzzer; do
	mkdir -p "$build/corpus/$fuzzer"
	"$build/$fuzzer" -max_total_time="$seconds" -seed="$seed" -max_len="$max_len" \
		-print_final_stats=1 -verbosity=0 -artifact_prefix="$build/" \
		"$build/corpus/$fuzzer" "corpus/$fuzzer" 2>&1 | tee "$build/$fuzzer.log"
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$fuzzer.log")
	./sum.sh "$fuzzer" "$runs" "$seconds"
done
awk '$1 ~ /_fuzz$/ { runs += $2 } END { printf "pure code in all: %d runs\n", runs }' \
	"${KEV_CACHE:-${HOME:-/root}/.cache/kev}/fuzz/sums"
