# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# bash completion for kevctl

# PIDs of the user's guests
_kevctl_guests()
{
	kevctl ps 2>/dev/null | awk 'NR > 1 { print $2 }'
}

_kevctl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]:-} words=""

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		words="run ps stat top trace kill console inspect check version --help --version"
	else
		case $previous in
		--machine)
			words="kev min none"
			;;
		--boot)
			words="auto none direct64 kev32 multiboot multiboot2 pvh hermit"
			;;
		--hypercalls)
			words="kev akaros none report"
			;;
		--huge)
			words="never auto always"
			;;
		--fault-around)
			words="0 8 16 32 64"
			;;
		--append | --affinity | -a | --env | -e | --load-address)
			return
			;;
		--gdb | --gdb-port | -s)
			words="1234 unix:"
			;;
		--net)
			words="tap user"
			;;
		--sandbox)
			words="on off -capabilities -limits -landlock -seccomp"
			;;
		--sort)
			words="guest exits faults memory number"
			;;
		--signal)
			words="TERM INT HUP KILL QUIT"
			;;
		--memory | --memory-size | -m)
			words="64M 256M 1G"
			;;
		--cpus | --cpu-count | -c)
			words="1 2 4"
			;;
		--device | --module | --file-mapping | --log | --debugfs | --tracefs)
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
			return
			;;
		*)
			case $command in
			run)
				words="--memory --memory-size --cpus --cpu-count --affinity
					--boot --load-address --append --module --env
					--machine --strict-ports --hypercalls --clock
					--huge --thp --ksm --fault-around
					--file-mapping --net --raw --gdb --gdb-port --sandbox
					--detach --log --stats --verbose --device --help"
				;;
			ps)
				words="--json --debugfs --help"
				;;
			stat)
				words="--watch --count --json --debugfs --help $(_kevctl_guests)"
				;;
			top)
				words="--delay --batch --count --sort --debugfs --help"
				;;
			trace)
				words="--duration --vm --events --json --buffer --tracefs --help"
				;;
			kill)
				words="--signal --wait --help $(_kevctl_guests)"
				;;
			console)
				words="--no-input --help $(_kevctl_guests)"
				;;
			inspect)
				words="--json --help"
				;;
			check)
				words="--json --device --help"
				;;
			version)
				words="--device --help"
				;;
			esac
			;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	if [[ $command =~ ^(run|inspect)$ && $current != -* && ${#COMPREPLY[@]} -eq 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	fi
}
complete -o filenames -F _kevctl kevctl
