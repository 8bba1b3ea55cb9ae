#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make test-image: the image built twice, from trees in different places, has the same bytes; it is
# small; the disc and the disk boot in the bed, and each runs what its configuration says. The last
# line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

out=$PWD/build/image
again=$out/tree
limit=$((32 << 20))
passed=0 failed=0
mkdir -p "$out"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y VERSION)}
export SOURCE_DATE_EPOCH

result() {
	if (($2 == 0)); then
		echo "ok: $1"
		passed=$((passed + 1))
	else
		echo "not ok: $1"
		failed=$((failed + 1))
	fi
}

# says LOG LINE...: each is a line of the log
says() {
	local log=$1 line
	shift
	for line; do
		grep -qxF -- "$line" "$log" || {
			tail -n 30 "$log"
			echo "this line is not there: $line"
			return 1
		}
	done
}

# boots NAME IMAGE LINE...: the image's machine prints these, and switches itself off
boots() {
	local name=$1 image=$2 log=$out/$1.log status=0
	shift 2
	${BED_WRAP:-} tools/bed/bed boot --timeout 600 "$image" 2>&1 </dev/null | tr -d '\r' >"$log" ||
		status=$?
	((status != 0)) || says "$log" "$@" || status=$?
	result "$name boots and runs its guests" "$status"
}

# The first build is the tree's own, the second one starts from nothing.
tools/image/build.py "$out/first"
rm -rf "$again"
selftests/copy-tree.sh "$again"
make --no-print-directory -C "$again" modules tools guests >"$out/build.log" 2>&1 || {
	tail -n 40 "$out/build.log"
	exit 1
}
"$again/tools/image/build.py" "$out/second"
for name in kev.iso kev.img; do
	status=0
	cmp "$out/first/$name" "$out/second/$name" || status=$?
	result "$name is the same from another tree" "$status"
	size=$(stat -c %s "$out/first/$name")
	result "$name has $((size >> 10)) KiB, less than 32 MiB" "$((size < limit ? 0 : 1))"
done

boots kev.iso "$out/first/kev.iso" "Hello guest os!" "kev: /guests/hello: exit status 254"

# The disk with another site.cpio, put there without building: comments, lines that end as
# elsewhere, options, quotes, one too many, a guest that is not there, and a last line without an end.
cp "$out/first/kev.img" "$out/site.img"
mkdir -p "$out/site/guests"
cp guests/akaros "$out/site/guests/mine"
printf '%s\r\n' '# two guests' '' "--append it's /guests/hello" \
	"--memory '8M' --hypercalls=akaros /guests/mine" >"$out/site/kev.conf"
printf '/guests/none' >>"$out/site/kev.conf"
(cd "$out/site" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) >"$out/site.cpio"
mcopy -o -i "$out/site.img@@1M" "$out/site.cpio" ::
boots kev.img "$out/site.img" "kev: --append it's /guests/hello: exit status 2" "akaros: ok" \
	"kev: --memory '8M' --hypercalls=akaros /guests/mine: exit status 0" \
	"kev: /guests/none: exit status 127"

echo "$passed passed, $failed failed"
((failed == 0))
