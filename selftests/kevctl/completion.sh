#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What bash completes, and that --help, the manual pages and the completion name the same
# options.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tap.sh
. ./tap.sh
# shellcheck source=../../tools/kevctl/kevctl.bash
. ../../tools/kevctl/kevctl.bash

kevctl=${KEVCTL:-../../tools/kevctl/kevctl}
manual=../../Documentation/man
# Two VMs, one of them another's
cat >"$tap_dir/kevctl" <<'END'
#!/bin/sh
echo "    VM      PID VCPUS   MEMORY      AGE  IMAGE"
echo "    12     3456     1      64M       5s  guests/hello"
echo "    13     3457     1        -        -  [other]"
END
chmod +x "$tap_dir/kevctl"
: >"$tap_dir/image"

# complete_words WORD...: what is offered for the last one
complete_words() {
	# shellcheck disable=SC2034 # the completion's
	COMP_WORDS=(kevctl "$@") COMP_CWORD=$#
	_kevctl "$tap_dir/kevctl"
	echo "${COMPREPLY[*]}"
}

# sorted: words of the input, once each, but --help
sorted() {
	tr -s ' \n' '\n' | { grep -vx -e --help -e '' || :; } | sort -u
}

# helped COMMAND: long options by --help: at the beginning of a line, behind a short one or another
helped() {
	"$kevctl" "$1" --help | sed -nE 's/^ +((-[a-z], )?--[a-z-]+(, --[a-z-]+)*).*/\1/p' |
		grep -oE -- '--[a-z-]+' | sorted
}

# described COMMAND: long options by its manual page
described() {
	sed -n 's/^\.\. option:: //p' "$manual/kevctl-$1.rst" | grep -oE -- '(^|[ ,])--[a-z-]+' |
		tr -d ' ,' | sorted
}

# typed KEYS: the words of the command that a shell runs after these keys, in a directory that has
# directories "run" and "guest", and a file "image"
# shellcheck disable=SC2317 # called by its name
typed() {
	mkdir -p "$tap_dir/cwd/run" "$tap_dir/cwd/guest"
	: >"$tap_dir/cwd/image"
	python3 -c '
import os, pty, sys
pid, terminal = pty.fork()
if not pid:
    os.chdir(sys.argv[2])
    os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"],
              {"PATH": os.environ["PATH"], "TERM": "dumb", "INPUTRC": "/dev/null"})
os.write(terminal, (f". {sys.argv[1]}; kevctl() {{ echo \"words: $*;\"; }}\n"
                    f"kevctl {sys.argv[3]}\nexit\n").encode())
said = b""
try:
    while data := os.read(terminal, 65536):
        said += data
except OSError:
    pass
os.waitpid(pid, 0)
print(said.decode().rsplit("\nwords: ", 1)[-1].split(";")[0])
' "$(realpath ../../tools/kevctl/kevctl.bash)" "$tap_dir/cwd" "$1"
}

commands=$("$kevctl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
tap_check "commands are completed" test \
	"$(complete_words "" | sorted)" = "$(printf '%s\n' "$commands" --version | sort)"
tap_check "each command has a page" test \
	"$(cd "$manual" && printf '%s\n' kevctl-*.rst | sed 's/kevctl-//; s/\.rst//')" = \
	"$(sort <<<"$commands")"
for command in $commands; do
	tap_check "$command: the page has its options" diff <(helped "$command") <(described "$command")
	tap_check "$command: so has the completion" diff <(helped "$command") \
		<(complete_words "$command" -- | sed 's/=//g' | sorted)
	for option in $(helped "$command"); do
		takes=1 known=1
		# A value that may be left out is not looked for in the next word.
		"$kevctl" "$command" --help | grep -qE -- "^ .*$option(, --[a-z-]+)* [A-Z]" && takes=0
		_kevctl_values "$command" "$option" "$tap_dir/kevctl" >/dev/null && known=0
		tap_check "$command $option: whether it takes a value" test "$takes" = "$known"
	done
done

while IFS='|' read -r line words; do
	read -ra given <<<"${line}_"
	given[-1]=${given[-1]%_}
	tap_check "kevctl $line" test "$(complete_words "${given[@]}")" = "$words"
done <<END
r|run
kill |12
kill --signal |TERM INT HUP KILL QUIT
kill --signal = K|KILL
kill -s Q|QUIT
kill --w|--wait
console |12
stat |12 13
stat --watch |12 13
trace --vm |12 13
trace --json true --v|
run --boot multi|multiboot multiboot2
run --boot = p|pvh
run --append |
run $tap_dir/im|$tap_dir/image
run --clock --memory 1M $tap_dir/im|$tap_dir/image
run $tap_dir/image --he|
run --log $tap_dir/im|$tap_dir/image
run --js|--json=
run --json = $tap_dir/im|$tap_dir/image
run --json $tap_dir/im|$tap_dir/image
run --json --he|--help
inspect $tap_dir/im|$tap_dir/image
inspect --j|--json
top --sort m|memory
nonsense |
END

# Only where a file is asked for, the shell treats words as names of files.
while IFS='|' read -r keys words; do
	tap_check "kevctl $keys in a shell" test "$(typed "${keys//<TAB>/$'\t'}")" = "$words"
done <<'END'
ru<TAB>image|run image
run --js<TAB>im<TAB>|run --json=image
run --gdb un<TAB>socket|run --gdb unix:socket
top --sort gu<TAB>x|top --sort guest x
run ima<TAB>word|run image word
run gue<TAB>image|run guest/image
END
tap_end
