#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kevctl ps, kill and console, and guests in the background, on the stand-in for the module.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tap.sh
. ./tap.sh

kevctl=${KEVCTL_FAKE:-./kevctl-fake}
export XDG_RUNTIME_DIR=$tap_dir/run
script=$tap_dir/script
log=$tap_dir/log
mkdir "$XDG_RUNTIME_DIR"

# start [OPTION...]: in the background, the script on stdin; its PID is $pid
start() {
	cat >"$script"
	rm -f "$log"
	pid=$("$kevctl" run --detach --log "$log" "$@" "$script")
}

# ends NAME PATTERN: the guest has ended; its log
ends() {
	tap_check "$1: it has ended" timeout 20 tail --pid="$pid" -f /dev/null
	tap_check "$1: its log" grep -Eq -- "$2" "$log"
	tap_check "$1: nothing is left of it" test ! -e "$XDG_RUNTIME_DIR/kev/$pid"
}

# talk REQUEST: what the guest's socket answers, until it is closed
talk() {
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    s.sendall(sys.argv[2].encode())
    while data := s.recv(65536):
        sys.stdout.buffer.write(data)
except ConnectionError:
    pass
' "$XDG_RUNTIME_DIR/kev/$pid/control" "$1" 2>&1
}

# shellcheck disable=SC2317
# quiet COMMAND...: its output in a file, whatever root is told of debugfs
quiet() {
	timeout 60 "$kevctl" "$@" >"$tap_dir/stat" 2>/dev/null
}

# A kernel that knows of no VM, whatever this one knows
none=(--debugfs "$tap_dir/no-vms")
mkdir -p "$tap_dir/no-vms/kev"
echo "vm pid state vcpus comm" >"$tap_dir/no-vms/kev/vms"
echo "vm vcpu cpu state" >"$tap_dir/no-vms/kev/vcpus"
echo "vm vcpu exits slow reported name" >"$tap_dir/no-vms/kev/exits"
header="    VM      PID VCPUS   MEMORY      AGE  IMAGE"
expect "ps: there is no directory" 0 "$header" "" "$kevctl" ps "${none[@]}"
expect "ps --json: none" 0 "[]" "" "$kevctl" ps --json "${none[@]}"

if ((EUID == 0)) && [[ ! -e /sys/kernel/debug/kev/vms ]]; then
	expect "ps: not all VMs, and root is told" 0 "$header" \
		"^  hint: without it there are only the guests" "$kevctl" ps
else
	tap_skip "ps: not all VMs, and root is told" "not root, or the module is loaded"
fi

start --cpus 2 --memory 4M <<<$'print ready\nspin'
expect "ps: one guest" 0 "*" "" "$kevctl" ps "${none[@]}"
tap_check "ps: its line" grep -Eq "^ +[0-9]+ +$pid +2 +4M +[0-9]+s  $script\$" "$tap_dir/stdout"
expect "ps --json" 0 "*" "" "$kevctl" ps --json "${none[@]}"
tap_check "ps --json: its object" python3 -c '
import json, sys
[guest] = json.load(open(sys.argv[1]))
assert guest["pid"] == int(sys.argv[2]) and guest["vcpus"] == 2, guest
assert guest["memory_kib"] == 4096 and guest["detached"] is True, guest
assert guest["image"] == sys.argv[3], guest
' "$tap_dir/stdout" "$pid" "$script"
tap_check "the directory is the user's alone" test \
	"$(stat -c %a "$XDG_RUNTIME_DIR/kev" "$XDG_RUNTIME_DIR/kev/$pid" | tr '\n' ' ')" = "700 700 "
tap_check "the socket is the user's alone" test \
	"$(stat -c %a "$XDG_RUNTIME_DIR/kev/$pid/control")" = 600

# What nobody has defined is not answered.
tap_check "an unknown request" test -z "$(talk $'nonsense\n')"
tap_check "an endless request" test -z "$(talk "$(printf '%9999s' x)")"
expect "console: no input" 124 "ready" "" timeout 3 "$kevctl" console --no-input "$pid"
expect "kill: signal" 125 "" '^kevctl: --signal: STOP does not end a guest$' \
	"$kevctl" kill -s STOP "$pid"
expect "kill: QUIT and --wait" 125 "" '^kevctl: --wait: SIGQUIT does not end' \
	"$kevctl" kill -s QUIT --wait "$pid"
expect "kill: QUIT" 0 "" "" "$kevctl" kill -s SIGQUIT "$pid"
for _ in {1..500}; do
	if [[ $(grep -c "^  #0" "$log") == 2 ]]; then break; fi
	sleep 0.01
done
tap_check "kill: QUIT shows the registers" grep -q '^kevctl: vCPU 1: registers' "$log"
expect "kill" 0 "" "" "$kevctl" kill --wait "$pid"
ends "kill" '^kevctl: .*: ended by SIGTERM$'
expect "kill: there is none any more" 125 "" "^kevctl: $pid: no such guest of this user's\$" \
	"$kevctl" kill "$pid"
expect "kill: no number" 125 "" "^kevctl: x: is neither the number of a VM nor a PID\$" \
	"$kevctl" kill x

# The VM's number is the stand-in's, which has one for each.
start <<<"spin"
expect "kill --json" 0 "*" "" "$kevctl" kill --json -s 3 "$pid"
tap_check "kill --json: its object" python3 -c '
import json, sys
[guest] = json.load(open(sys.argv[1]))
assert isinstance(guest.pop("vm"), int), guest
assert guest == {"guest": sys.argv[2], "pid": int(sys.argv[2]), "signal": "QUIT",
                 "ended": None, "error": None}, guest
' "$tap_dir/stdout" "$pid"
expect "kill --json: two, and one is none" 125 "*" "^kevctl: x: is neither" \
	"$kevctl" kill --json --wait x "$pid"
tap_check "kill --json: two objects" python3 -c '
import json, sys
none, guest = json.load(open(sys.argv[1]))
assert none == {"guest": "x", "vm": None, "pid": None, "signal": "TERM", "ended": None,
                "error": "is neither the number of a VM nor a PID"}, none
assert guest["pid"] == int(sys.argv[2]) and guest["ended"] is True, guest
assert guest["error"] is None, guest
' "$tap_dir/stdout" "$pid"
ends "kill --json" '^kevctl: .*: ended by SIGTERM$'

start <<<"spin"
expect "kill -s 9" 0 "" "" "$kevctl" kill -s 9 --wait "$pid"
tap_check "what SIGKILL has left" test -S "$XDG_RUNTIME_DIR/kev/$pid/control"
expect "ps: it is not listed" 0 "$header" "" "$kevctl" ps "${none[@]}"
tap_check "ps: and its entry is removed" test ! -e "$XDG_RUNTIME_DIR/kev/$pid"

# Counters, from the process
start --cpus 2 <<<$'print ready\nspin'
tap_check "stat" quiet stat "$pid"
while read -r name pattern; do
	tap_check "stat: $name" grep -Eq "$pattern" "$tap_dir/stat"
done <<END
guest ^VM 7  pid $pid  alive  kevctl  $script\$
header ^ +VM +vCPU +0 +vCPU +1\$
counter ^entries +3000 +1500 +1500\$
memory ^resident_pages +55 *\$
reasons ^exits.by.reason +exits +share +fast +slow +reported\$
CPUID ^  CPUID +1800 +60.00% +1800 +0 +0\$
I/O ^  port.I/O +1200 +40.00% +200 +1000 +800\$
END
tap_check "stat: none but these" test "$(grep -c . "$tap_dir/stat")" = 9
tap_check "stat --watch" quiet stat --watch --count 2 7
tap_check "stat --watch: nothing is added" grep -Eq "^entries +3000 +0 +1500 +1500\$" "$tap_dir/stat"
tap_check "stat --json" quiet stat --json
tap_check "stat --json: its object" python3 -c '
import json, sys
[vm] = json.load(open(sys.argv[1]))
io = {"name": "port I/O", "exits": 600, "fast": 100, "slow": 500, "reported": 400}
assert vm["vm"] == 7 and vm["pid"] == int(sys.argv[2]) and vm["state"] == "alive", vm
assert vm["counters"] == {"entries": 3000, "exits": 3000, "fast": 2000, "resident_pages": 55}, vm
assert [vcpu["vcpu"] for vcpu in vm["vcpus"]] == [0, 1], vm
assert vm["vcpus"][1]["counters"] == {"entries": 1500, "exits": 1500, "fast": 1000}, vm
assert io in vm["vcpus"][1]["exits"] and vm["image"] == sys.argv[3], vm
' "$tap_dir/stat" "$pid" "$script"

# The kernel knows of more.
mkdir -p "$tap_dir/debug/kev"
cat >"$tap_dir/debug/kev/vms" <<END
vm pid state vcpus entries exits resident_pages comm
7 $pid alive 2 30 20 9 kevctl
9 1 exited 1 5 5 2 $(printf 'an\e[1mother')
END
cat >"$tap_dir/debug/kev/vcpus" <<END
vm vcpu cpu state entries exits
7 0 -1 halted 10 10
7 1 0 runnable 20 10
9 0 -1 runnable 5 5
END
cat >"$tap_dir/debug/kev/exits" <<END
vm vcpu exits slow reported name
7 0 8 4 2 EPT violation
7 - 8 4 2 EPT violation
END
expect "debugfs: stat" 0 "*" "" "$kevctl" stat --debugfs "$tap_dir/debug"
tap_check "debugfs: its image is known" grep -q "^VM 7  pid $pid  alive  kevctl  $script\$" "$tap_dir/stdout"
tap_check "debugfs: another's is not" grep -q "^VM 9  pid 1  exited  an?\[1mother  \$" "$tap_dir/stdout"
mkdir -p "$tap_dir/hostile/kev"
printf 'vm pid state vcpus en\e[1mtries comm\n9 1 al\e[1mive 1 5 x\n' >"$tap_dir/hostile/kev/vms"
printf 'vm vcpu cpu state\n9 0 -1 run\e[1mnable\n' >"$tap_dir/hostile/kev/vcpus"
printf 'vm vcpu exits slow reported name\n9 0 1 1 1 EPT\e[1m violation\n' >"$tap_dir/hostile/kev/exits"
"$kevctl" stat --debugfs "$tap_dir/hostile" >"$tap_dir/hostile/out"
# shellcheck disable=SC2016 # the other shell's
tap_check "stat: hostile names are tamed" bash -c \
	'grep -qF "al?[1mive" "$1" && grep -qF "en?[1mtries" "$1" && grep -qF "EPT?[1m violation" "$1" &&
	! grep -q "$(printf "\033")" "$1"' - "$tap_dir/hostile/out"
tap_check "debugfs: exits" grep -Eq "^  EPT violation +16 +100.00% +8 +8 +4\$" "$tap_dir/stdout"
expect "debugfs: stat --json" 0 "*" "" "$kevctl" stat --json --debugfs "$tap_dir/debug"
tap_check "debugfs: stat --json: objects" python3 -c '
import json, sys
one, other = json.load(open(sys.argv[1]))
assert one["image"] == sys.argv[2] and other["image"] is None
assert other["comm"] == "an\x1b[1mother", other
assert [(v["cpu"], v["state"]) for v in one["vcpus"]] == [(-1, "halted"), (0, "runnable")]
assert one["exits"] == [{"name": "EPT violation", "exits": 16, "fast": 8, "slow": 8, "reported": 4}]
' "$tap_dir/stdout" "$script"
expect "debugfs: ps" 0 "*" "" "$kevctl" ps --debugfs "$tap_dir/debug"
tap_check "debugfs: ps: ours" grep -Eq "^ +7 +$pid +2 +64M +[0-9]+s  $script\$" "$tap_dir/stdout"
tap_check "debugfs: ps: another's" grep -Eq "^ +9 +1 +1 +- +-  \[an\?\[1mother\]\$" "$tap_dir/stdout"
expect "debugfs: stat of a PID" 0 "*" "" "$kevctl" stat --debugfs "$tap_dir/debug" 1
tap_check "debugfs: stat of a PID: only that" test "$(grep -c ^VM "$tap_dir/stdout")" = 1
cp "$tap_dir/debug/kev/vms" "$tap_dir/vms"
echo "11 1 alive 1 5 5 2 " >>"$tap_dir/debug/kev/vms"
expect "debugfs: a process without a name" 0 "*" "" "$kevctl" ps --debugfs "$tap_dir/debug"
tap_check "debugfs: it is listed" grep -Eq "^ +11 +1 +0 +- +-  \[\]\$" "$tap_dir/stdout"
mv "$tap_dir/vms" "$tap_dir/debug/kev/vms"
expect "debugfs: stat of none" 125 "" "^kevctl: stat: no VM 8, and no process 8 that has one\$" \
	"$kevctl" stat --debugfs "$tap_dir/debug" 8
# Lines of kevctl top: the second sample is the first one's.
expect "top --batch" 0 "*" "" "$kevctl" top --batch --count 1 --debugfs "$tap_dir/debug"
tap_check "top: header" grep -Eq "^ +VM +PID +CPUS +%GUEST +EXITS/s +SLOW/s " "$tap_dir/stdout"
tap_check "top: ours" grep -Eq "^ +7 +$pid +2 +0.0 +0 +0 +0 +0 +36K  $script\$" "$tap_dir/stdout"
tap_check "top: another's" grep -Eq "^ +9 +1 +1 +0.0 +0 +0 +0 +0 +8K  an\?\[1mother: exited\$" "$tap_dir/stdout"
expect "top --json" 0 "*" "" "$kevctl" top --json --sort number --count 2 --debugfs "$tap_dir/debug"
tap_check "top --json: objects" python3 -c '
import json, sys
first, second = [json.loads(line) for line in open(sys.argv[1])]
assert first == second and len(first) == 2, first
assert first[0] == {"vm": 7, "pid": int(sys.argv[2]), "state": "alive", "comm": "kevctl",
                    "image": sys.argv[3], "vcpus": 2, "guest_percent": 0.0, "exits": 0, "slow": 0,
                    "reports": 0, "faults": 0, "resident_kib": 36}, first[0]
assert first[1]["comm"] == "an\x1b[1mother" and first[1]["image"] is None, first[1]
' "$tap_dir/stdout" "$pid" "$script"
# A disk that is full is told of, at once where there would be more; a reader that has gone is not.
while read -r command args; do
	# shellcheck disable=SC2086
	expect "$command: stdout full" 125 "" "^kevctl: stdout: No space left on device\$" \
		timeout 20 bash -c '"$@" >/dev/full' - "$kevctl" $command $args --debugfs "$tap_dir/debug"
done <<'END'
ps
ps --json
stat
stat --watch --count 1000
stat --json --watch --count 1000
top --batch --count 1000
top --json --count 1000
END
for command in "stat --watch" "top --batch"; do
	status=0
	# shellcheck disable=SC2086
	timeout 20 env --ignore-signal=PIPE "$kevctl" $command --count 1000 --debugfs "$tap_dir/debug" \
		2>"$tap_dir/stderr" | head -n 1 >"$tap_dir/first" || status=$?
	tap_check "$command: reader gone" test "$status $(<"$tap_dir/stderr")" = "141 "
done
expect "console: stdout full" 125 "" "^kevctl: stdout: No space left on device\$" \
	timeout 20 bash -c '"$@" >/dev/full' - "$kevctl" console --no-input "$pid"
expect "top: no terminal" 125 "" "^kevctl: top: standard output is no terminal\$" \
	"$kevctl" top --debugfs "$tap_dir/debug"
echo "7 0" >>"$tap_dir/debug/kev/vcpus"
expect "debugfs: what is no table" 125 "" "^kevctl: reading the counters: Bad message\$" \
	"$kevctl" stat --debugfs "$tap_dir/debug"
"$kevctl" kill --wait "$pid"

# Two guests, one of them in the foreground
start <<<$'print one\nspin'
first=$pid
mkfifo "$tap_dir/fifo"
"$kevctl" run "$script" >"$tap_dir/fifo" 2>/dev/null </dev/null &
pid=$!
head -c 3 "$tap_dir/fifo" >"$tap_dir/first"
expect "ps: two guests" 0 "*" "" "$kevctl" ps "${none[@]}"
tap_check "ps: two lines" test "$(wc -l <"$tap_dir/stdout")" = 3
expect "console: of a guest in the foreground" 124 "one" "" timeout 3 "$kevctl" console "$pid"
expect "kill: two" 0 "" "" "$kevctl" kill --wait "$first" "$pid"
wait "$pid" || :
expect "ps: none" 0 "$header" "" "$kevctl" ps "${none[@]}"

# The console's last bytes, then what comes
start <<<$'flood 20000\nspin'
for _ in {1..1000}; do
	if [[ $(stat -c %s "$log") == 160000 ]]; then break; fi
	sleep 0.01
done
timeout 4 "$kevctl" console --no-input "$pid" >"$tap_dir/last" || :
tap_check "console: the last 64 KiB" cmp "$tap_dir/last" <(tail -c 65536 "$log")
"$kevctl" kill --wait "$pid"
pic=$'out 0x20 1 0x11\nout 0x21 1 0x20\nout 0x21 1 4\nout 0x21 1 1\nout 0x21 1 0xef'
listen=$'out 0x3fa 1 1\nout 0x3fc 1 8\nout 0x3f9 1 1'
start --machine min <<<"$pic
$listen
hlt 1
vector 0x24
in 0x3f8 1 61
print seen
halt 5"
expect "console: input, and the guest's end" 0 "seen" "" \
	bash -c 'printf a | "$@"' - "$kevctl" console "$pid"
ends "input" 'exit code 5 \(0x5\)$'

# Input that the guest does not take keeps no output back, not even its last.
start <<<$'print x\npause 1000\nprint late\nspin'
expect "console: output while the guest takes no input" 124 $'x\nlate' "" \
	bash -c 'head -c 1000000 /dev/zero | timeout 5 "$@"' - "$kevctl" console "$pid"
"$kevctl" kill --wait "$pid"
start <<<$'print x\npause 1000\nflood 1000\nhalt 0'
expect "console: input goes on when the guest ends" 0 "*" "" \
	bash -c 'yes | env --default-signal=PIPE "$@"' - "$kevctl" console "$pid"
tap_check "console: all output is there" test "$(wc -l <"$tap_dir/stdout")" = 1001

# A client that does not read holds nobody up. It comes while the guest pauses.
start <<<$'print x\npause 3000\nflood 100000\nhalt 0'
python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"console\n")
s.recv(1)
time.sleep(20)' "$XDG_RUNTIME_DIR/kev/$pid/control" &
deaf=$!
ends "a client that does not read" 'exit code 0 '
tap_check "all output is there" test "$(stat -c %s "$log")" -gt 800000
kill "$deaf"
wait "$deaf" || :

# More clients than it takes
start <<<"spin"
tap_check "seven look at a console; another one does not, and can ask" python3 -c '
import socket, subprocess, sys
path, kevctl, pid = sys.argv[1:]
def client():
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.settimeout(1)
    return s
def run(command):
    return subprocess.run([kevctl, command, pid], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60, text=True)
watchers = [client() for _ in range(7)]
for s in watchers:
    s.sendall(b"console\n")
    assert s.recv(4) == b"ok\n"
console = run("console")
assert console.returncode == 125, console
assert console.stderr == f"kevctl: {pid}: 7 look at it already\n", console
assert "alive" in run("stat").stdout
silent = client()
assert client().recv(1) == b""
console = run("console")
assert console.returncode == 125 and "no answer" in console.stderr, console
for s in watchers + [silent]:
    try:
        s.recv(1)
        raise SystemExit("closed")
    except TimeoutError:
        pass
watchers.pop().close()
' "$XDG_RUNTIME_DIR/kev/$pid/control" "$kevctl" "$pid"
# Clients that wait while there are no descriptors do not keep a CPU busy.
read -r soft hard < <(prlimit --pid "$pid" --nofile --noheadings -o SOFT,HARD)
prlimit --pid "$pid" --nofile="12:$hard"
tap_check "without descriptors: a client waits" python3 -c '
import socket, sys, time
def ticks():
    with open(f"/proc/{sys.argv[2]}/stat") as stat:
        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
clients = [socket.socket(socket.AF_UNIX) for _ in range(4)]
for s in clients:
    s.connect(sys.argv[1])
before = ticks()
time.sleep(1)
assert ticks() - before < 25, ticks() - before
' "$XDG_RUNTIME_DIR/kev/$pid/control" "$pid"
prlimit --pid "$pid" --nofile="$soft:$hard"
# One that answers, but never to the end
slow=$XDG_RUNTIME_DIR/kev/$$
mkdir "$slow"
echo "pid $$" >"$slow/info"
python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1] + ".new")
s.listen()
os.rename(sys.argv[1] + ".new", sys.argv[1])
connections = []
s.settimeout(0.1)
while True:
    try:
        connections.append(s.accept()[0])
    except TimeoutError:
        pass
    for connection in connections:
        try:
            connection.send(b"v")
        except OSError:
            pass
' "$slow/control" &
trickle=$!
until [[ -e $slow/control ]]; do kill -0 "$trickle"; done
tap_check "stat: one that answers without end" quiet stat
tap_check "stat: the others are told" grep -q " $pid " "$tap_dir/stat"
kill "$trickle"
rm -r "$slow"
# One that is stopped answers nobody, and is there all the same.
kill -STOP "$pid"
for _ in {1..12}; do timeout 5 "$kevctl" ps "${none[@]}" >"$tap_dir/stdout"; done
tap_check "ps: a process that is stopped" grep -q " $pid " "$tap_dir/stdout"
stopped=$pid
more=()
for _ in {1..4}; do
	start <<<"spin"
	more+=("$pid")
done
kill -STOP "${more[@]}"
# One after the other they were waited for for ten seconds.
# shellcheck disable=SC2317 # called by its name
stat_of_five() {
	timeout 8 "$kevctl" stat >"$tap_dir/stdout" 2>"$tap_dir/stderr"
}
tap_check "stat: five that are stopped" stat_of_five
for pid in "$stopped" "${more[@]}"; do
	tap_check "stat: one that is stopped is named" \
		grep -q "process $pid, which runs it, does not answer" "$tap_dir/stderr"
done
# shellcheck disable=SC2016 # the other shell's
tap_check "stat PID: one that is stopped" bash -c '
	! "$1" stat "$2" >/dev/null 2>"$3" &&
		grep -q "process $2, which runs it, does not answer" "$3" &&
		grep -q "no process $2 that has one, among those that answer" "$3"
' - "$kevctl" "$stopped" "$tap_dir/stderr"
"$kevctl" top --batch --count 1 >"$tap_dir/stdout" 2>"$tap_dir/stderr"
tap_check "top: those that are stopped are named" \
	grep -q "process $stopped, which runs it, does not answer" "$tap_dir/stderr"
kill -CONT "${more[@]}"
# shellcheck disable=SC2016 # the other shell's
tap_check "stat: those that go on are told again" bash -c '
	until "$1" stat 2>/dev/null | grep -q " $2 "; do sleep 0.1; done
' - "$kevctl" "${more[0]}"
for pid in "${more[@]}"; do "$kevctl" kill -s KILL --wait "$pid"; done
pid=$stopped
expect "kill: a process that is stopped" 0 "" "" "$kevctl" kill -s KILL --wait "$pid"
expect "ps: it is gone" 0 "$header" "" "$kevctl" ps "${none[@]}"

# A name that a terminal would obey
name=$tap_dir/$'a\n\e[1m\xc2\x9b\x9bb\\'
echo spin >"$name"
pid=$("$kevctl" run -d "$name")
expect "ps: a hostile name" 0 "*" "" "$kevctl" ps "${none[@]}"
tap_check "ps: is tamed" grep -qF "/a??[1m???b\\" "$tap_dir/stdout"
expect "ps --json: a hostile name" 0 "*" "" "$kevctl" ps --json "${none[@]}"
tap_check "ps --json: is told, byte by byte" python3 -c '
import json, os, sys
name = os.fsencode(sys.argv[2]).decode("latin-1")
assert json.load(open(sys.argv[1]))[0]["image"] == name' "$tap_dir/stdout" "$name"
"$kevctl" kill --wait "$pid"

# Nothing that is started for a guest in the background keeps what the caller waits for the end of.
net_user=${KEV_LIBEXEC:-$PWD/../../tools/kevctl/net-user}
if [[ -x $net_user/kev-net-user ]]; then
	echo spin >"$script"
	# shellcheck disable=SC2016 # the other shell's
	expect "--detach --net user: standard error is let go" 0 "*" "" env KEV_LIBEXEC="$net_user" \
		timeout 20 bash -c 'echo "$("$@" 2>&1)"' - "$kevctl" run -d --net user "$script"
	"$kevctl" kill --wait "$(<"$tap_dir/stdout")"
else
	tap_skip "--detach --net user: standard error is let go" "there is no libslirp"
fi

# What goes wrong before the guest starts, the caller gets to know.
expect "--detach: no image" 127 "" "^kevctl: $tap_dir/none: No such file" \
	"$kevctl" run -d "$tap_dir/none"
expect "--detach: --log" 125 "" "^kevctl: $tap_dir/none/x: No such file" \
	"$kevctl" run -d --log "$tap_dir/none/x" "$script"
expect "--log without --detach" 125 "" "^kevctl: --log: is for guests in the background$" \
	"$kevctl" run --log x "$script"
expect "--detach: the module fails" 125 "" "^kevctl: creating the VM: " \
	env FAKE_CREATE_VM_ERROR=12 "$kevctl" run -d "$script"
# The guest runs, and its PID is not known. What it prints has no room, which is not its affair.
echo $'print x\nhalt 3' >"$script"
expect "--detach: stdout and log full" 125 "" "^kevctl: stdout: No space left on device\$" \
	bash -c '"$@" >/dev/full' - "$kevctl" run -d --log /dev/full "$script"
for _ in {1..1000}; do
	if [[ -z $(ls "$XDG_RUNTIME_DIR/kev") ]]; then break; fi
	sleep 0.01
done
tap_check "--detach: it has ended" test -z "$(ls "$XDG_RUNTIME_DIR/kev")"
# left_behind PID: what a process that was killed leaves: sockets that nobody listens at
left_behind() {
	mkdir -p "$XDG_RUNTIME_DIR/kev/$1"
	python3 -c '
import os, socket, sys
os.chdir(sys.argv[1])
for name in "control", "control.new":
    socket.socket(socket.AF_UNIX).bind(name)
' "$XDG_RUNTIME_DIR/kev/$1"
}
echo "spin" >"$script"
(left_behind "$BASHPID" && exec "$kevctl" run "$script") 2>/dev/null &
pid=$!
for _ in {1..500}; do
	if [[ -e $XDG_RUNTIME_DIR/kev/$pid/info ]]; then break; fi
	sleep 0.01
done
for _ in {1..100}; do
	"$kevctl" ps "${none[@]}" >"$tap_dir/stdout"
	if grep -q "$pid" "$tap_dir/stdout"; then break; fi
	sleep 0.01
done
tap_check "one that was left behind with the same PID" grep -q "$pid" "$tap_dir/stdout"
kill -TERM "$pid"
wait "$pid" || true
tap_check "it is gone with the guest" test ! -e "$XDG_RUNTIME_DIR/kev/$pid"
# Whoever has it lives, in another namespace: the guest runs without.
echo 'halt 0' >"$script"
# shellcheck disable=SC2016 # the other shell's
expect "an entry that another process keeps" 0 "" "" \
	timeout 20 bash -c 'mkdir "$0/$$" && exec 9<"$0/$$" && flock 9 && exec "$@"' \
	"$XDG_RUNTIME_DIR/kev" "$kevctl" run "$script"
rm -r "$XDG_RUNTIME_DIR"/kev/*/
left_behind 1
flock "$XDG_RUNTIME_DIR/kev/1" "$kevctl" ps "${none[@]}" >"$tap_dir/stdout"
tap_check "what a process has a lock on is not removed" test -e "$XDG_RUNTIME_DIR/kev/1/control"
"$kevctl" ps "${none[@]}" >"$tap_dir/stdout"
tap_check "what none has is" test ! -e "$XDG_RUNTIME_DIR/kev/1"
# A process that is killed before it has a socket leaves a directory.
mkdir "$XDG_RUNTIME_DIR/kev/1"
flock "$XDG_RUNTIME_DIR/kev/1" "$kevctl" ps "${none[@]}" >"$tap_dir/stdout"
tap_check "what has no socket yet is not removed" test -e "$XDG_RUNTIME_DIR/kev/1"
"$kevctl" ps "${none[@]}" >"$tap_dir/stdout"
tap_check "what will have none is" test ! -e "$XDG_RUNTIME_DIR/kev/1"
# One whose pid is another process's here, or nobody's
while read -r other whose; do
	mkdir "$XDG_RUNTIME_DIR/kev/$other"
	echo "vm 1" >"$XDG_RUNTIME_DIR/kev/$other/info"
	(cd "$XDG_RUNTIME_DIR/kev/$other" && exec python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("control")
s.listen()
time.sleep(60)' </dev/null) &
	listener=$!
	until [[ -S $XDG_RUNTIME_DIR/kev/$other/control ]]; do kill -0 "$listener"; done
	expect "kill: the pid is $whose here" 125 "*" \
		"^kevctl: $other: it runs in another PID namespace\$" "$kevctl" kill --json "$other"
	tap_check "kill --json: $whose: it has not ended" grep -q '"ended": null' "$tap_dir/stdout"
	kill "$listener"
	rm -r "$XDG_RUNTIME_DIR/kev/$other"
done <<END
$$ another process's
4194304 nobody's
END
start <<<$'print ready\nspin'
# shellcheck disable=SC2016 # the other shell's
tap_check "a guest has one" bash -c '! flock -n "$1" true' - "$XDG_RUNTIME_DIR/kev/$pid"
"$kevctl" kill --wait "$pid"

# shellcheck disable=SC2317
# no_room COMMAND...: where no file may have a byte; its messages go through a pipe
no_room() {
	{ (trap '' XFSZ && ulimit -f 0 && exec "$@") 2>&1 >&3 | cat >&2; } 3>&1
}
echo "halt 3" >"$script"
expect "--detach: no room in the directory" 125 "" "^kevctl: runtime directory: File too large\$" \
	no_room "$kevctl" run -d "$script"
tap_check "nothing is left in it" test -z "$(ls "$XDG_RUNTIME_DIR/kev")"
expect "in the foreground there may be none" 3 "" "" no_room "$kevctl" run "$script"
echo "print x" >"$script"
expect "no room for what a guest prints" 125 "" "^kevctl: stdout: File too large\$" \
	no_room "$kevctl" run "$script"
rmdir "$XDG_RUNTIME_DIR/kev"
: >"$XDG_RUNTIME_DIR/kev"
echo "halt 3" >"$script"
expect "--detach: no directory" 125 "" "^kevctl: runtime directory: Not a directory$" \
	"$kevctl" run -d "$script"
expect "in the foreground it does not matter" 3 "" "" "$kevctl" run "$script"
rm "$XDG_RUNTIME_DIR/kev"
mkdir -m 777 "$XDG_RUNTIME_DIR/kev"
expect "a directory of everybody's" 125 "" "^kevctl: runtime directory: Operation not permitted$" \
	"$kevctl" run -d "$script"
expect "ps: neither" 125 "" "^kevctl: runtime directory: Operation not permitted$" "$kevctl" ps "${none[@]}"
tap_end
