#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hermit images: what `kevctl inspect` says of images, and how `kevctl run` goes about them, on
# a scripted stand-in for the module.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tap.sh
. ./tap.sh

kevctl=../../tools/kevctl/kevctl
fake=./kevctl-fake
guests=../../guests
script=$tap_dir/script

# inspect: the wrong ways
expect "inspect --help" 0 "*" "" "$kevctl" inspect --help
tap_check "inspect --help prints its usage" grep -q "^Usage: kevctl inspect" "$tap_dir/stdout"
expect "inspect: no image" 125 "" "^kevctl: inspect: no image given$" "$kevctl" inspect
expect "inspect: two images" 125 "" "^kevctl: b: unexpected argument$" "$kevctl" inspect a b
expect "inspect: unknown option" 125 "" "^kevctl: --device: unknown option$" \
	"$kevctl" inspect --device x a
expect "inspect: no file" 127 "" "^kevctl: $tap_dir/none: No such file" \
	"$kevctl" inspect "$tap_dir/none"
gzip -c "$guests/hermit_boot4" >"$tap_dir/archive"
expect "inspect: an archive" 126 "" "compressed by gzip, as Hermit's archives are" \
	"$kevctl" inspect "$tap_dir/archive"
expect "run: an archive" 126 "" "compressed by gzip, as Hermit's archives are" \
	"$kevctl" run "$tap_dir/archive"
expect "inspect: no ELF file" 126 "" "^kevctl: $0: it is no ELF file$" "$kevctl" inspect "$0"
expect "inspect: a directory" 126 "" "^kevctl: $tap_dir: it is no regular file$" \
	"$kevctl" inspect "$tap_dir"
head -c 100 "$guests/hermit_boot4" >"$tap_dir/short"
expect "inspect: cut off" 126 "" "^kevctl: $tap_dir/short: it" "$kevctl" inspect "$tap_dir/short"

# Boot protocols
while read -r guest boot; do
	expect "inspect $guest" 0 "*" "" "$kevctl" inspect "$guests/$guest"
	tap_check "inspect $guest: boot protocol" grep -qx "boot         $boot" "$tap_dir/stdout"
	expect "inspect --json $guest" 0 "*" "" "$kevctl" inspect --json "$guests/$guest"
	tap_check "inspect --json $guest: boot protocol" python3 -c '
import json, sys
image = json.load(open(sys.argv[1]))
sys.exit(image["boot"] != sys.argv[2] or not image["usable"] or not image["segments"])' \
		"$tap_dir/stdout" "$boot"
done <<'END'
hello direct64
multiboot multiboot
multiboot2 multiboot2
pvh pvh
hermit_boot1 hermit
hermit_pie_boot4 hermit
hermit_pie_layout2 hermit
END
expect "inspect: 32 bits without a protocol" 126 "*" "" "$kevctl" inspect "$guests/kev32"

# What the module refuses, by its own code
while read -r guest field value why; do
	python3 - "$guests/$guest" "$tap_dir/changed" "$field" "$value" <<'END'
import struct, sys
data = bytearray(open(sys.argv[1], 'rb').read())
narrow = data[4] == 1
phoff = struct.unpack_from("<I", data, 28)[0] if narrow else struct.unpack_from("<Q", data, 32)[0]
size = 32 if narrow else 56
first = next(at for at in range(phoff, len(data), size)
             if struct.unpack_from("<I", data, at)[0] == 1)
at = {"paddr": first + (12 if narrow else 24), "entry": 24, "offset": first + (4 if narrow else 8),
      "type": 16, "machine": 18}[sys.argv[3]]
form = "<H" if sys.argv[3] in ("type", "machine") else "<I" if narrow else "<Q"
struct.pack_into(form, data, at, int(sys.argv[4], 0))
open(sys.argv[2], 'wb').write(data)
END
	name="inspect: $guest, $field $value"
	if [[ $why == usable ]]; then
		expect "$name" 0 "*" "" "$kevctl" inspect "$tap_dir/changed"
	else
		expect "$name" 126 "*" "" "$kevctl" inspect "$tap_dir/changed"
		tap_check "$name: why" grep -q "^refused  *$why" "$tap_dir/stdout"
	fi
done <<'END'
hello paddr 0 program header [0-9]: p_paddr: boot structures are below 0x8000 with direct64
hello paddr 0x7000 program header [0-9]: p_paddr: boot structures
hello paddr 0x8000 usable
hello paddr 0x101000 program header [0-9]: p_paddr: two segments overlap
hello paddr 0xbffda000 program header [0-9]: p_paddr: the segment covers the hole
hello paddr 0xfffff000 program header [0-9]: p_paddr: the segment covers the hole
hello paddr 0x100000000 usable
hello paddr 0xfffffffffffffff program header [0-9]: p_paddr: ends above the physical width
hello entry 0x10 e_entry: lies in no segment
hello type 4 e_type: neither ET_EXEC nor ET_DYN
hello machine 183 e_machine
multiboot paddr 0xfff program header [0-9]: p_paddr: boot structures
multiboot paddr 0xc0000000 program header [0-9]: p_paddr: the segment covers the hole
END

# What it says of one image, as a whole
expect "inspect --json hermit_pie_layout2" 0 "*" "" "$kevctl" inspect --json "$guests/hermit_pie_layout2"
tap_check "everything in it" python3 -c '
import json, sys
image = json.load(open(sys.argv[1]))
hermit = image["hermit"]
G4 = 4 << 30
sys.exit(not (image["bits"] == 64 and image["machine"] == "x86-64" and image["type"] == "ET_DYN" and
    image["segments"][0]["rights"] == "r--" and image["segments"][1]["rights"] == "r-x" and
    image["notes"][0] == {"owner": "HERMIT", "type": 0x5a00, "length": 1, "descriptor": "04"} and
    image["notes"][1]["descriptor"] == "00000002" and image["tls"]["file_bytes"] == 8 and
    image["relocations"] == {"relative": 1, "other": 0, "applied": "as pages are loaded"} and
    image["symbols"] and hermit["entry_version"] == 4 and hermit["interface"] == 2 and
    hermit["memory_start"] == G4 and hermit["load_base"] == G4 + 0x40000 and
    hermit["boot_info"] == G4 + 0x5000 and hermit["page_tables"] == G4 + 0x10000 and
    hermit["stack"] == G4 + 0x38000 and hermit["entry"] == G4 + 0x40000 + image["entry"]))' \
	"$tap_dir/stdout"

# Unknown versions are refused by number, everywhere.
patch() {
	cp "$guests/hermit_boot4" "$tap_dir/$1"
	python3 - "$tap_dir/$1" "$2" "$3" <<'END'
import sys
path, what, value = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])
data = bytearray(open(path, 'rb').read())
at = data.index(what) + (len(what) + 4) // 4 * 4
if what == b'UHYVEIF':
    at += 3
data[at] = value
open(path, 'wb').write(data)
END
}
: >"$script"
for version in 0 5 255; do
	patch "entry$version" HERMIT $version
	expect "inspect: entry version $version" 126 "*" "" "$kevctl" inspect "$tap_dir/entry$version"
	tap_check "inspect says that it is refused" \
		grep -q "^refused      Hermit's entry version $version is unknown" "$tap_dir/stdout"
	expect "run: entry version $version" 126 "" "entry version $version is unknown: known are 1 to 4" \
		env FAKE_SCRIPT="$script" "$fake" run "$tap_dir/entry$version"
done
for version in 0 4; do
	patch "interface$version" UHYVEIF $version
	expect "run: interface $version" 126 "" "interface version $version is unknown: known are 1 to 3" \
		env FAKE_SCRIPT="$script" "$fake" run "$tap_dir/interface$version"
done

# Which options go with which images
for option in "--env A=B" "--file-mapping /:/x" "--load-address 0x800000"; do
	# shellcheck disable=SC2086 # two words
	expect "$option with another image" 125 "" "^kevctl: ${option%% *}: .* is no Hermit image$" \
		"$kevctl" run $option "$guests/hello"
done
expect "arguments with another image" 125 "" "^kevctl: one: unexpected argument" \
	"$kevctl" run "$guests/hello" one
expect "--append with a Hermit image" 125 "" "^kevctl: --append: .* is a Hermit image$" \
	"$kevctl" run --append x "$guests/hermit_boot4"
expect "--boot hermit without the note" 126 "" "it has no note with Hermit's entry version" \
	env FAKE_SCRIPT="$script" "$fake" run --boot hermit "$guests/hello"
expect "--boot hermit with a file that is none" 126 "" "^kevctl: $0: it is no ELF file$" \
	"$fake" run --boot hermit "$0"
expect "ET_EXEC does not move" 126 "" "only ET_DYN images can" \
	env FAKE_SCRIPT="$script" "$fake" run --load-address 0x800000 "$guests/hermit_boot4"
expect "least memory" 125 "" "^kevctl: --memory: 15M is less than 16M" \
	env FAKE_SCRIPT="$script" "$fake" run --memory 15M "$guests/hermit_boot4"
expect "arguments that do not fit" 125 "" "arguments and environment take too much room" \
	env FAKE_SCRIPT="$script" "$fake" run "$guests/hermit_boot4" "$(printf '%30000s' '')"

echo "problem 0 0 26" >"$script"
expect "an image that is open for writing" 126 "" "^  hint: close the file" \
	env FAKE_SCRIPT="$script" "$fake" run "$guests/hermit_boot4"

# play NAME GUEST STDERR [OPTION...]: the script on stdin ends with the guest's exit code 7
play() {
	local name=$1 guest=$2 stderr=$3
	shift 3
	cat >"$script"
	echo "set rdi 7" >>"$script"
	echo "out 0x1010 4 0" >>"$script"
	expect "$name" 7 "*" "$stderr" env FAKE_SCRIPT="$script" "$fake" run "$@" "$guests/$guest"
}
play "an image that is moved" hermit_pie_boot4 "" <<'END'
check attach 6 0x400000
check memory 0x1008 8 0x00af9b000000ffff
check memory 0x2000 4 0xedfe0dd0
check memory 0x9010 2 0x800
check memory 0x9018 8 0x2000
check memory 0x9020 8 0x400000
check memory 0x10ff8 8 0x10003
check memory 0x11000 8 0x12003
check memory 0x12008 8 0x200083
END
play "an image that is not" hermit_boot2 "" --memory 32M <<'END'
check attach 6 0
check memory 0x9008 8 0x2000000
check memory 0x9010 2 0
check memory 0x9018 8 0x400000
END
play "a serial port with -v" hermit_boot2 "entry version 2, interface 1" -v <<'END'
check memory 0x9010 2 0x800
END
play "--load-address" hermit_pie_boot4 "" --load-address 0x1000000 <<'END'
check attach 6 0x1000000
END
play "--boot hermit" hermit_boot1 "" --boot hermit <<'END'
check memory 0x9000 4 0xc0decafe
END
tap_end
