#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Hermit images: what they find at the entry, by guests that look at all of it, and images
# of Hermit's own, unchanged, from $KEV_HERMIT_IMAGES.

images=${KEV_HERMIT_IMAGES:-/hermit}
# shellcheck source=../lib/result.sh
. "${0%/*}/../lib/result.sh"
skipped=0

# guest OUTPUT GUEST [OPTION...]: it ends with 0 and prints OUTPUT
guest() {
	want=$1 name=$2
	shift 2
	output=$(kevctl run --memory 32M --env A=B "$@" "/guests/hermit_$name" one "two words" \
		2>"$errors" </dev/null)
	status=$?
	[ $status -eq 0 ] || sed 's/^/# /' "$errors"
	[ $status -eq 0 ] && [ "$output" = "$want" ]
	result "$name $*" $?
}

# unchanged TEXT IMAGE [OPTION...]: an image of Hermit's ends with 0 and prints TEXT
unchanged() {
	want=$1 name=$2
	shift 2
	if [ ! -f "$images/$name" ]; then
		number=$((number + 1)) skipped=$((skipped + 1))
		echo "ok $number # SKIP no $name"
		return
	fi
	# Some print their text on the one, and some on the other.
	output=$(kevctl run "$@" "$images/$name" 2>&1 </dev/null)
	status=$?
	[ $status -eq 0 ] || echo "$output" | sed 's/^/# /'
	[ $status -eq 0 ] && echo "$output" | grep -q "$want"
	result "$name $*" $?
}

# refused NAME TEXT OPTION...: kevctl says TEXT
refused() {
	name=$1 want=$2
	shift 2
	kevctl run "$@" >/dev/null 2>"$errors" </dev/null
	[ $? -ge 125 ] && grep -q "$want" "$errors"
	result "$name" $?
}

results_begin 23
errors=$(mktemp)

for version in 1 2 3 4; do
	guest "boot: ok" "boot$version"
	guest "boot: ok" "boot$version" --cpus 4
done
guest "boot: ok" pie_boot2
guest "boot: ok" pie_boot4 --cpus 2
guest "boot: ok" pie_boot4 --load-address 0x1000000
guest "boot: ok" pie_layout2
guest "boot: ok" pie_layout2 --cpus 2
guest "symbols: ok" pie_symbols

# Of its image a guest's start reads nothing; what it touches comes page by page.
kevctl run --stats --memory 32M /guests/hermit_pie_boot4 one "two words" 2>"$errors" >/dev/null
grep -q "^  start_file_pages *0$" "$errors"
result "no page of the image is read before the start" $?
kevctl run --stats --memory 32M /guests/hermit_pie_symbols 2>"$errors" >/dev/null
grep -q "^  start_file_pages *[1-9]" "$errors"
result "but those with other relocations are" $?

refused "an image that cannot be moved" "only ET_DYN" --load-address 0x800000 /guests/hermit_boot4
refused "little memory" "less than 16M" --memory 8M /guests/hermit_boot4
refused "arguments for another image" "no Hermit image" /guests/hello argument

unchanged "Hello, world!" hello_world
unchanged "Hello, world!" hello_world --cpus 4
unchanged "Hello World!!!" hello_c
unchanged "Hello, world!" rusty_demo --cpus 2
rm "$errors"

[ $failures -eq 0 ] || exit 1
[ $skipped -eq 0 ] || exit 4
