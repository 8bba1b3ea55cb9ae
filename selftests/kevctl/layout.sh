#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The guests' ELF files are laid out as their sources and the loader's tests assume.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tap.sh
. ./tap.sh

guests=${GUESTS:-../../guests}

# Empty output must not come from a file that is not there.
check_all() {
	local guest=$1 file=$guests/$1
	tap_check "$guest: is there" test -s "$file"
	tap_check "$guest: physical and virtual addresses are the same" test -z "$(readelf -lW "$file" |
		awk '$1 == "LOAD" && $3 != $4')"
	tap_check "$guest: no segment is writable and executable" test -z "$(readelf -lW "$file" |
		awk '$1 == "LOAD" && /RWE/')"
	tap_check "$guest: no floating point or vector code of the compiler's" test -z "$(
		[[ $guest == xmm ]] || objdump -d --no-show-raw-insn "$file" | grep -E '%[xyz]mm|%st' || :)"
}

check_64() {
	local guest=$1 file=$guests/$1
	tap_check "$guest: executable, linked and entered at 1 MiB" test "$(readelf -hlW "$file" |
		awk '/Type: +EXEC/ { t = $2 } /Entry point address:/ { e = $4 }
			$1 == "LOAD" && !first { first = $3 } END { print t, e, first }')" = \
		"EXEC 0x100000 0x0000000000100000"
	tap_check "$guest: segments start pages, and the file is congruent" test -z "$(readelf -lW "$file" |
		awk '$1 == "LOAD" && ($3 !~ /000$/ || $2 !~ /000$/)')"
	tap_check "$guest: nothing to load but text, rodata, data" test -z "$(readelf -SW "$file" |
		awk '/ [WX]*A[WX]* +[0-9]+ +[0-9]+ +[0-9]+$/ && !/ \.(text|rodata|data|bss|zeroseg) /')"
}

# A header may come before the code.
check_32() {
	local guest=$1 file=$guests/$1
	tap_check "$guest: 32-bit, executable, linked at 1 MiB" test "$(readelf -hlW "$file" |
		awk '/Class:/ { c = $2 } /Type: +EXEC/ { t = $2 }
			$1 == "LOAD" && !first { first = $3 } END { print c, t, first }')" = \
		"ELF32 EXEC 0x00100000"
}

# Hermit's notes say what it is, and it lies where such images lie: 4 MiB, or anywhere.
check_hermit() {
	local guest=$1 type=EXEC first=0x0000000000400000
	[[ $guest != hermit_pie_* ]] || type=DYN first=0x0000000000000000
	tap_check "$guest: $type from $first" test "$(readelf -hlW "$guests/$guest" |
		awk '/^ +Type: / { t = $2 } $1 == "LOAD" && !seen++ { first = $3 }
			END { print t, first }')" = "$type $first"
	tap_check "$guest: Hermit's note" grep -Eq '^ +HERMIT .*00005a00' \
		<(readelf -nW "$guests/$guest")
}

for source in "$guests"/*.c; do
	guest=$(basename "$source" .c)
	check_all "${guest%.32}"
	case $guest in
	*.32)
		check_32 "${guest%.32}"
		;;
	hermit_*)
		check_hermit "$guest"
		;;
	*)
		check_64 "$guest"
		;;
	esac
done

# The two pages that `lazy` touches
symbol() {
	readelf -sW "$guests/$1" | awk -v name="$2" '$8 == name { print $2 }'
}
tap_check "lazy: one page of code at offset 0x1000, 64 MiB of payload behind it" test \
	"$(readelf -lW "$guests/lazy" | awk '$1 == "LOAD" { print $2, $3, $5 == $6, $5 }' |
		sed '1s/ [^ ]*$//')" = \
	"0x001000 0x0000000000100000 1
0x002000 0x0000000000101000 1 0x4000000"
tap_check "lazy: the payload starts its segment" test "$(symbol lazy payload)" = 0000000000101000
tap_check "lazy: the code is smaller than a page" test \
	$((0x$(readelf -SW "$guests/lazy" | awk '$3 == ".text" { print $7 }'))) -le 4096
tap_check "lazy: the marker is where the source says" test \
	"$(dd if="$guests/lazy" bs=4096 skip=$((0x2002)) count=1 status=none | head -c 8)" = 'kevlazy!'
tap_check "lazy: the pages beside the marker differ" test \
	"$(od -An -tx8 -j$((0x2001ff8)) -N24 "$guests/lazy" | tr -s ' \n' ' ')" = \
	" 0000000000000002 21797a616c76656b 0000000000000000 "

# `bss`: file bytes end inside a page, and the file goes on there with something else
read -r offset filesz < <(readelf -lW "$guests/bss" |
	awk '$1 == "LOAD" && $5 != $6 && $5 !~ /^0x0+$/ { print $2, $5 }')
tap_check "bss: p_filesz ends inside a page" test $((filesz % 4096)) -ne 0
tap_check "bss: the file goes on with other bytes" test \
	"$(dd if="$guests/bss" bs=1 skip=$((offset + filesz)) count=$((4096 - filesz % 4096)) \
		status=none | tr -d '\0' | wc -c)" -gt 16
tap_check "bss: has a segment without file bytes" test "$(readelf -lW "$guests/bss" |
	awk '$1 == "LOAD" && $5 ~ /^0x0+$/ && $6 !~ /^0x0+$/' | wc -l)" -eq 1
tap_end
