# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# bash completion for kevctl

# _kevctl_guests KEVCTL [all]: numbers of the VMs that kevctl runs for this user, or of all that
# `kevctl ps` knows. Those of others have a name in brackets.
_kevctl_guests()
{
	"$1" ps 2>/dev/null | awk -v all="${2:-}" 'NR > 1 && (all || $6 !~ /^\[/) { print $1 }'
}

# _kevctl_options COMMAND: its options
_kevctl_options()
{
	case $1 in
	run)
		echo "--memory --memory-size --cpus --cpu-count --affinity --huge --thp --ksm
			--fault-around --boot --load-address --append --module --env --machine
			--strict-ports --hypercalls --clock --file-mapping --net --detach --log
			--raw --gdb --gdb-port --sandbox --json= --stats --verbose --device --help"
		;;
	ps) echo "--json --debugfs --help" ;;
	stat) echo "--watch --count --json --color --debugfs --help" ;;
	top) echo "--delay --batch --json --count --sort --debugfs --help" ;;
	trace) echo "--duration --vm --events --json --buffer --tracefs --help" ;;
	kill) echo "--signal --wait --json --help" ;;
	console) echo "--no-input --help" ;;
	inspect) echo "--json --help" ;;
	check) echo "--json --color --device --help" ;;
	version) echo "--json --device --help" ;;
	esac
}

# _kevctl_values COMMAND OPTION KEVCTL: words for the option's value, "(files)" where it names
# one, "(any)" where nothing is known; 1 where it takes none. OPTION= is one whose value can
# only stand behind =.
_kevctl_values()
{
	case $1:$2 in
	run:--memory | run:--memory-size | run:-m) echo "64M 256M 1G" ;;
	run:--cpus | run:--cpu-count | run:-c) echo "1 2 4" ;;
	run:--huge) echo "never auto always" ;;
	run:--fault-around) echo "0 8 16 32 64" ;;
	run:--boot) echo "auto none direct64 kev32 multiboot multiboot2 pvh hermit" ;;
	run:--machine) echo "kev min none" ;;
	run:--hypercalls) echo "kev akaros none report" ;;
	run:--net) echo "tap user" ;;
	run:--gdb | run:--gdb-port | run:-s) echo "1234 unix:" ;;
	run:--sandbox) echo "on off -capabilities -limits -landlock -seccomp" ;;
	run:--module | run:--file-mapping | run:--log | run:--json=) echo "(files)" ;;
	run:--append | run:--affinity | run:-a | run:--env | run:-e | run:--load-address) echo "(any)" ;;
	check:--color | stat:--color) echo "auto always never" ;;
	top:--sort) echo "guest exits faults memory number" ;;
	kill:--signal | kill:-s) echo "TERM INT HUP KILL QUIT" ;;
	trace:--vm) _kevctl_guests "$3" all ;;
	trace:--duration | trace:--buffer | top:--delay | top:-d | *:--count) echo "(any)" ;;
	*:--device | *:--debugfs | *:--tracefs) echo "(files)" ;;
	*) return 1 ;;
	esac
}

# _kevctl_operand COMMAND WORD...: the first word behind the command that is no option and no
# value of one
_kevctl_operand()
{
	local command=$1
	shift
	while (($# > 0)); do
		case $1 in
		--) shift && break ;;
		--*=*) ;;
		-*)
			if [[ ${2:-} == "=" ]]; then
				shift 2
			elif _kevctl_values "$command" "$1" true >/dev/null; then
				shift
			fi
			;;
		*) break ;;
		esac
		(($# == 0)) || shift
	done
	echo "${1:-}"
}

_kevctl()
{
	local kevctl=$1 current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]:-} words="" operand="" assigned=""

	COMPREPLY=()
	# --option=value is three words where = breaks them.
	if [[ $current == "=" ]]; then
		current="" assigned=1
	elif [[ $previous == "=" ]]; then
		assigned=1
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if ((COMP_CWORD == 1)); then
		words="run ps stat top trace kill console inspect check version --help --version"
	elif operand=$(_kevctl_operand "$command" "${COMP_WORDS[@]:2:COMP_CWORD-2}") &&
		[[ -n $operand && $command =~ ^(run|trace)$ ]]; then
		# What stands behind the image, or the command, is its own.
		words="(files)"
	elif words=$(_kevctl_values "$command" "$previous" "$kevctl"); then
		:
	elif [[ -n $assigned ]] && words=$(_kevctl_values "$command" "$previous=" "$kevctl"); then
		:
	elif [[ $current == -* ]]; then
		words=$(_kevctl_options "$command")
	else
		case $command in
		run | inspect) words="(files)" ;;
		trace) words="(commands)" ;;
		stat) words=$(_kevctl_guests "$kevctl" all) ;;
		kill | console) words=$(_kevctl_guests "$kevctl") ;;
		esac
	fi
	case $words in
	"(any)") ;;
	"(files)")
		# Where it is on, = and : are quoted, and a word that names a directory gets a /.
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		;;
	"(commands)") mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
	esac
	# More is to come behind it.
	if [[ ${COMPREPLY[0]:-} == *[:=] ]]; then
		compopt -o nospace 2>/dev/null
	fi
}
complete -F _kevctl kevctl
