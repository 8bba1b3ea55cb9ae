#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kevctl's command line, and what it says where there is no device.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tap.sh
. ./tap.sh

kevctl=${KEVCTL:-../../tools/kevctl/kevctl}
none=$tap_dir/no-device
image=$tap_dir/image
: >"$image"
ln -s loop "$tap_dir/loop"

# Help goes to stdout and is no error; a wrong use is one line on stderr, a hint, and 125.
expect "--help" 0 "*" "" "$kevctl" --help
tap_check "--help prints the usage" grep -q '^Usage: kevctl COMMAND' "$tap_dir/stdout"
for command in run check version ps stat top trace kill console inspect; do
	expect "$command --help" 0 "*" "" "$kevctl" "$command" --help
	tap_check "$command --help prints its usage" grep -q "^Usage: kevctl $command" "$tap_dir/stdout"
	expect "$command -h" 0 "*" "" "$kevctl" "$command" -h
	cp "$tap_dir/stdout" "$tap_dir/help"
	expect "help $command" 0 "*" "" "$kevctl" help "$command"
	tap_check "help $command: the same" cmp "$tap_dir/help" "$tap_dir/stdout"
	expect "$command: unknown option" 125 "" "^kevctl: --nonsense: unknown option$" \
		"$kevctl" "$command" --nonsense
	expect "$command: unknown short option" 125 "" "^kevctl: -x: unknown option$" \
		"$kevctl" "$command" -x
	expect "$command: hint" 125 "" "^  hint: kevctl $command --help$" \
		"$kevctl" "$command" --nonsense
done
# What does not arrive is a failure.
# shellcheck disable=SC2317
full() {
	"$@" >/dev/full
}
# shellcheck disable=SC2317
closed() {
	"$@" >&-
}
for command in --help --version "ps --help" "version --json"; do
	# shellcheck disable=SC2086
	expect "$command: stdout full" 125 "" "^kevctl: stdout: No space left on device$" \
		full "$kevctl" $command
	# shellcheck disable=SC2086
	expect "$command: stdout closed" 125 "" "^kevctl: stdout: Bad file descriptor$" \
		closed "$kevctl" $command
done
while read -r command option; do
	expect "$command: option without its value" 125 "" "^kevctl: $option: needs a value$" \
		"$kevctl" "$command" "$option"
done <<'END'
run --device
check --device
version --device
check --color
stat --color
run --log
kill --signal
ps --debugfs
stat --debugfs
stat --count
top --delay
top --debugfs
top --sort
top --count
trace --duration
trace --vm
trace --buffer
trace --tracefs
END
expect "top: argument" 125 "" "^kevctl: extra: unexpected argument$" "$kevctl" top extra
expect "top: --sort" 125 "" "^kevctl: --sort: there is no order size$" "$kevctl" top --sort size
expect "top: --delay" 125 "" "^kevctl: --delay: 0 is no number from 1 to 86400$" "$kevctl" top -d 0
expect "top: --debugfs" 125 "" "^kevctl: $none: has no kev/vms: No such file" \
	"$kevctl" top --debugfs "$none"
expect "trace: --duration" 125 "" "^kevctl: --duration: 0 is no number from 1 to 86400$" \
	"$kevctl" trace --duration 0
expect "trace: --vm" 125 "" "^kevctl: --vm: x is no number from 1 to 2147483647$" \
	"$kevctl" trace --vm x
expect "trace: --buffer" 125 "" "^kevctl: --buffer: 2097152 is no number from 1 to 1048576$" \
	"$kevctl" trace --buffer 2097152
expect "trace: --tracefs" 125 "" "^kevctl: $none: No such file or directory$" \
	"$kevctl" trace --tracefs "$none"
expect "trace: what is no tracefs" 125 "" "^kevctl: $tap_dir: tracefs is not mounted$" \
	"$kevctl" trace --tracefs "$tap_dir"
expect "trace: hint" 125 "" "^  hint: mount -t tracefs none /sys/kernel/tracing$" \
	"$kevctl" trace --tracefs "$tap_dir"
expect "stat: argument" 125 "" "^kevctl: extra: unexpected argument$" "$kevctl" stat 1 extra
for value in 0 x -1 2147483648; do
	expect "stat: guest $value" 125 "" "^kevctl: $value: is neither the number of a VM nor a PID\$|unknown" \
		"$kevctl" stat "$value"
done
expect "stat: --watch=0" 125 "" "^kevctl: --watch: 0 is no number from 1 to 86400$" \
	"$kevctl" stat --watch=0
expect "stat: --debugfs" 125 "" "^kevctl: $none: has no kev/vms: No such file" \
	"$kevctl" stat --debugfs "$none"
expect "ps: --debugfs" 125 "" "^kevctl: $none: has no kev/vms: No such file" \
	"$kevctl" ps --debugfs "$none"
expect "ps: argument" 125 "" "^kevctl: extra: unexpected argument$" "$kevctl" ps extra
for command in kill console; do
	expect "$command: no guest" 125 "" "^kevctl: $command: no guest given$" "$kevctl" "$command"
done
expect "console: two guests" 125 "" "^kevctl: 2: unexpected argument$" "$kevctl" console 1 2
expect "inspect: no image" 125 "" "^kevctl: inspect: no image given$" "$kevctl" inspect
expect "inspect: two images" 125 "" "^kevctl: b: unexpected argument$" "$kevctl" inspect a b
expect "no command" 125 "" "^Usage: kevctl COMMAND" "$kevctl"
expect "unknown command" 125 "" "^kevctl: frobnicate: no such command$" "$kevctl" frobnicate
expect "--version" 0 "*" "" "$kevctl" --version
expect "version --json" 0 "*" "" "$kevctl" version --json --device "$none"
tap_check "version --json: its object" python3 -c '
import json, sys
versions = json.load(open(sys.argv[1]))
assert set(versions) == {"kevctl", "module", "error"}, versions
assert versions["kevctl"]["interface"] == 1 and versions["kevctl"]["version"], versions
assert versions["module"] is None and versions["error"].startswith("No such file"), versions
' "$tap_dir/stdout"
expect "version: argument" 125 "" "^kevctl: extra: unexpected argument$" "$kevctl" version extra
expect "check: argument" 125 "" "^kevctl: extra: unexpected argument$" "$kevctl" check extra
expect "run: --json alone" 125 "" "^kevctl: --json: needs a file: stdout is the guest's$" \
	"$kevctl" run --json "$image"
expect "run: --json alone: hint" 125 "" "^  hint: --json=FILE" "$kevctl" run --json= "$image"
expect "run: --json=-" 125 "" "^kevctl: --json: needs a file" "$kevctl" run --json=- "$image"
expect "run: a file that cannot be" 125 "" "^kevctl: $none/x: No such file or directory$" \
	"$kevctl" run "--json=$none/x" "$image"
expect "run: unknown option in a group behind another" 125 "" "^kevctl: -x: unknown option$" \
	"$kevctl" run --stats -vxd "$image"
expect "kill: the same" 125 "" "^kevctl: -x: unknown option$" "$kevctl" kill --json -xs TERM 1
expect "run: an unknown option before a group" 125 "" "^kevctl: --nonsense: unknown option$" \
	"$kevctl" run --nonsense -v "$image"
expect "kill: a value before a group" 125 "" "^kevctl: --json=x: takes no value$" \
	"$kevctl" kill --json=x -s TERM 1
expect "check: --json=x" 125 "" "^kevctl: --json=x: takes no value$" "$kevctl" check --json=x

expect "run: no image" 125 "" "^kevctl: run: no image given$" "$kevctl" run
expect "run: what stands behind the image is the guest's" 127 "" "^kevctl: a: No such file" "$kevctl" run a --help
while IFS='|' read -r value why; do
	expect "run: --memory '$value'" 125 "" "^kevctl: --memory: $value $why\$" \
		"$kevctl" run --memory "$value" "$image"
done <<'END'
x|is no size
-1|is no size
1T|is no size
1.5G|is no size
0|is not a multiple of 4K above 0
1K|is not a multiple of 4K above 0
4097|is not a multiple of 4K above 0
99999999999G|is too large
END
for value in 0 -1 x 65536 1.5; do
	expect "run: --cpus '$value'" 125 "" "^kevctl: --cpus: $value is no number of vCPUs$" \
		"$kevctl" run --cpus "$value" "$image"
done
while IFS='|' read -r value why; do
	expect "run: --affinity '$value'" 125 "" "^kevctl: --affinity: $why\$" \
		"$kevctl" run --affinity "$value" "$image"
done <<'END'
|an empty text is no list of CPUs
x|x is no list of CPUs
0,|0, is no list of CPUs
2-1|2-1 is no list of CPUs
8192|8192 has a CPU above 8191
0-1024|0-1024 has more than 1024 CPUs
0,0|2 CPUs for 1 vCPUs
8191|kevctl may not run on a CPU 8191
END
while IFS='|' read -r name value why; do
	expect "run: $name=$value" 125 "" "^kevctl: $name: $value $why\$" \
		env "$name=$value" "$kevctl" run "$image"
done <<'END'
HERMIT_MEMORY_SIZE|x|is no size
HERMIT_MEMORY_SIZE|1K|is not a multiple of 4K above 0
HERMIT_CPU_COUNT|0|is no number of vCPUs
END
for value in "" x -x seccomp -seccomp,x "-seccomp," on,off; do
	expect "run: --sandbox '$value'" 125 "" \
		"^kevctl: --sandbox: $value is neither on nor off nor a list of parts\$" \
		"$kevctl" run --sandbox "$value" "$image"
done
expect "run: --env without name" 125 "" "^kevctl: --env: =x has no name$" \
	"$kevctl" run --env =x "$image"
for value in x -4096 " -4096" 1 4095 0x400001 0x10000000000000000; do
	expect "run: --load-address $value" 125 "" \
		"^kevctl: --load-address: $value is no multiple of 4096$" \
		"$kevctl" run --load-address "$value" "$image"
done
expect "run: --machine" 125 "" "^kevctl: --machine: there is no machine pc$" \
	"$kevctl" run --machine pc "$image"
expect "run: --machine: hint" 125 "" "^  hint: none, kev or min$" "$kevctl" run --machine pc "$image"
expect "run: --boot" 125 "" "^kevctl: --boot: there is no boot protocol uefi$" \
	"$kevctl" run --boot uefi "$image"
expect "run: --huge" 125 "" "^kevctl: --huge: there is no way sometimes$" \
	"$kevctl" run --huge sometimes "$image"
for value in "" 0123456789abcdef; do
	expect "run: --hypercalls '$value'" 125 "" \
		"^kevctl: --hypercalls: $value is no name of 1 to 15 characters$" \
		"$kevctl" run --hypercalls "$value" "$image"
done
for value in -1 3 513 1024 x; do
	expect "run: --fault-around '$value'" 125 "" \
		"^kevctl: --fault-around: $value is neither 0 nor a power of two up to 512$" \
		"$kevctl" run --fault-around "$value" "$image"
done
long=$(printf '%4096s' '')
expect "run: --append is too long" 125 "" "^kevctl: --append: the command line has more than 4095" \
	"$kevctl" run --append "$long" "$image"
expect "run: --append of 4095 bytes" 125 "" "^kevctl: $none: No such file" \
	"$kevctl" run --device "$none" --append "${long:1}" "$image"
expect "run: a module's string is too long" 125 "" "^kevctl: --module: the command line has more" \
	"$kevctl" run --module "$image,$long" "$image"
modules=()
for ((i = 0; i < 32; i++)); do modules+=(--module "$image"); done
expect "run: 32 modules" 125 "" "^kevctl: $none: No such file" \
	"$kevctl" run --device "$none" "${modules[@]}" "$image"
expect "run: 33 modules" 125 "" "^kevctl: --module: more than 32$" \
	"$kevctl" run "${modules[@]}" --module "$image" "$image"
expect "run: no such module" 127 "" "^kevctl: $tap_dir/x: No such file or directory$" \
	"$kevctl" run --device "$none" --module "$tap_dir/x,text" "$image"
for boot in none direct64 kev32; do
	expect "run: --boot $boot --append" 125 "" \
		"^kevctl: --append: the boot protocol $boot cannot hand it over$" \
		"$kevctl" run --boot "$boot" --append x "$image"
	expect "run: --boot $boot --module" 125 "" \
		"^kevctl: --module: the boot protocol $boot cannot hand it over$" \
		"$kevctl" run --boot "$boot" --module "$image" "$image"
done
expect "run: --boot none --memory" 125 "" "^kevctl: --memory: there is no memory but the image" \
	"$kevctl" run --boot none --memory 1M "$image"

# The image is looked at before the device.
expect "run: no such image" 127 "" "^kevctl: $tap_dir/x: No such file or directory$" \
	"$kevctl" run --device "$none" "$tap_dir/x"
expect "run: no such directory" 127 "" "Not a directory$" \
	"$kevctl" run --device "$none" "$image/x"
expect "run: image that cannot be opened" 126 "" "^kevctl: $tap_dir/loop: " \
	"$kevctl" run --device "$none" "$tap_dir/loop"
# So is the network card's other end.
while IFS='|' read -r value text; do
	expect "run: --net '$value'" 125 "" "^kevctl: --net: $text" \
		"$kevctl" run --device "$none" --net "$value" "$image"
done <<'END'
|an empty text is no name
a/b|a/b is no name
sixteen-letters-|sixteen-letters- is no name
tap,fast|fast is unknown
tap,mac=02:00|02:00 is no address
tap,mac=02:00:00:00:00: 1|02:00:00:00:00: 1 is no address
tap,mac=02:00:00:00:00:-1|02:00:00:00:00:-1 is no address
tap,mac=ff:ff:ff:ff:ff:ff|ff:ff:ff:ff:ff:ff is no address
END
expect "run: --net --machine none" 125 "" "^kevctl: --net: there are no devices" \
	"$kevctl" run --device "$none" --machine none --net tap "$image"
expect "run: no device" 125 "" "^kevctl: $none: No such file or directory$" \
	"$kevctl" run --device "$none" "$image"
expect "run: no device: hint" 125 "" "^  hint: load the module" \
	"$kevctl" run --device "$none" "$image"
expect "run: a device that is not kev's" 125 "" "^kevctl: asking the device: " \
	"$kevctl" run --device /dev/null "$image"

expect "version: no device" 0 "*" "" "$kevctl" version --device "$none"
tap_check "version says that there is no module" grep -q "^module not available: $none: No such file" "$tap_dir/stdout"

expect "check: no device" 1 "*" "" "$kevctl" check --device "$none"
for line in '^fail +device +'"$none"': No such file' '^ +-> load the module' \
	'^skip +permission +no device$' '^skip +vm ' '^This machine cannot run kev'; do
	tap_check "check prints $line" grep -Eq -- "$line" "$tap_dir/stdout"
done
expect "check: not a device" 1 "*" "" "$kevctl" check --device "$image"
tap_check "check knows a file from a device" grep -q "is no character device" "$tap_dir/stdout"
# Escape sequences are for terminals, and for who wants them.
# shellcheck disable=SC2317 # called by its name
# escapes COMMAND...: whether there are some
escapes() { { "$@" --device "$none" || :; } | grep -q $'\e\[1;31mfail\e\[0m'; }
tap_check "check: no colours in a file" bash -c '! "$@"' - grep -q $'\e' "$tap_dir/stdout"
tap_check "check --color=always" escapes "$kevctl" check --color=always
tap_check "check --color=always, against NO_COLOR" escapes env NO_COLOR=1 "$kevctl" check --color always
expect "check: --color" 125 "" "^kevctl: --color: red is neither auto nor always nor never$" \
	"$kevctl" check --color red
expect "check --json" 1 "*" "" "$kevctl" check --json --device "$none"
status=0
python3 - "$tap_dir/stdout" <<'END' || status=$?
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    findings = json.load(file)
assert findings["usable"] is False
names = [check["name"] for check in findings["checks"]]
assert names == ["cpu", "firmware", "ept", "module", "device", "permission", "query",
                 "features", "vm"], names
for check in findings["checks"]:
    assert set(check) == {"name", "result", "detail", "advice"}, check
    assert check["result"] in ("ok", "fail", "skip"), check
    assert check["detail"], check
    assert (check["advice"] is not None) == (check["result"] == "fail"), check
END
tap_result "$status" "check --json is well-formed"
tap_end
