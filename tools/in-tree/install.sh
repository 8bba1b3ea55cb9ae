#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# install.sh KDIR: puts kev into the kernel source tree KDIR, or brings what is there up to date.
#
#   virt/kev                       the module: Kbuild, Kconfig, sources, headers
#   include/uapi/linux/kev*.h      the interface, for make headers_install
#   tools/testing/selftests/kev    the tests that need a kernel, and no bed
#   Documentation/virt/kev         the documentation
#
# and an entry in each list that leads there. What is as it should be is not written, so that a
# second call changes nothing; sources that the project has no more go, what a build made stays.
# shellcheck disable=SC2016 # the variables of awk and make
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

say() { echo "in-tree: $*" >&2; }

kdir=${1-}
if [[ ! -e $kdir/kernel/fork.c || ! -e $kdir/arch/x86/kvm/Kconfig ]]; then
	say "${kdir:-KDIR} is not a kernel's source: make in-tree KDIR=path/to/linux"
	exit 1
fi
kdir=$(realpath "$kdir")
command -v rsync >/dev/null || { say "rsync is not there; the kernel's headers_install needs it, too"; exit 1; }

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# put DIR DEST: DIR becomes KDIR/DEST
put() {
	mkdir -p "$kdir/$2"
	chmod -R u=rwX,go=rX "$1"
	rsync -rlp --checksum --delete --filter='P *.mod.c' --filter='R *.[chS]' --filter='R *.lds' \
		--filter='R *.rst' --filter='P *' "$1/" "$kdir/$2/"
}

# entry FILE LINE AWK: FILE has LINE; if not, AWK prints the file with it, or without a change
# where it finds no place
entry() {
	local file=$kdir/$1 line=$2
	grep -qxF -- "$line" "$file" && return 0
	awk -v line="$line" "$3" "$file" >"$stage/entry"
	grep -qxF -- "$line" "$stage/entry" || {
		say "$1: no place found for: $line"
		exit 1
	}
	cat "$stage/entry" >"$file"
}

module() {
	local dir=$stage/module
	mkdir -p "$dir"
	cp -r Kbuild Kconfig VERSION src include "$dir"
	find "$dir" -type f ! -name '*.[chS]' ! -name 'K*' ! -name VERSION -delete
	put "$dir" virt/kev
}

headers() {
	local dir=$stage/uapi
	mkdir -p "$dir"
	cp uapi/linux/*.h "$dir"
	# Others' headers are there as well.
	chmod 644 "$dir"/*
	rsync -lp --checksum "$dir"/* "$kdir/include/uapi/linux/"
}

# What needs kevctl, a module of its own or a program of the bed stays behind.
selftests() {
	local dir=$stage/selftests
	mkdir -p "$dir/lib" "$dir/guests/lib"
	grep -LE 'kev\.ko|"/selftests/|kevctl|"net\.h"|bed-disk|"/disk' selftests/{uapi,guest}/*.c |
		xargs cp -t "$dir"
	cp selftests/lib/*.[ch] "$dir/lib"
	rm "$dir"/lib/net.[ch]
	cp guests/Makefile "$dir/guests"
	cp guests/lib/*.{c,h,S,lds} "$dir/guests/lib"
	grep -oh 'KT_GUESTS "/[a-z0-9_]*' "$dir"/*.c | sort -u | while read -r _ guest; do
		cp "guests/${guest#\"/}".{c,32.c} "$dir/guests" 2>/dev/null || true
	done
	cp tools/in-tree/selftests.mk "$dir/Makefile"
	cp tools/in-tree/selftests.config "$dir/config"
	cp tools/in-tree/selftests.settings "$dir/settings"
	cp tools/in-tree/selftests.ignore "$dir/.gitignore"
	put "$dir" tools/testing/selftests/kev
}

# The pages that stand by themselves: others show files of the project. Where a page names one of
# those, its name is left.
documentation() {
	local dir=$stage/documentation name
	mkdir -p "$dir"
	grep -LE '^ *\.\. (literalinclude|kernel-doc|kernel-files)::' Documentation/*.rst |
		xargs cp -t "$dir"
	cp Documentation/*.svg Documentation/*.txt "$dir"
	printf '%s\n' '.. SPDX-License-Identifier: GPL-2.0-only' '' kev === '' '.. toctree::' \
		'   :glob:' '' '   *' >"$dir/index.rst"
	grep -oh ':doc:`[a-z/-]*`' "$dir"/*.rst | sort -u | while IFS='`' read -r _ name _; do
		[[ -e $dir/$name.rst ]] || sed -i "s|:doc:\`$name\`|\`\`$name\`\`|g" "$dir"/*.rst
	done
	put "$dir" Documentation/virt/kev
}

module
headers
selftests
documentation
entry virt/Makefile 'obj-$(CONFIG_KEV)	+= kev/' '{ print } END { print line }'
# At the end of the menu "Virtualization"
entry arch/x86/kvm/Kconfig 'source "virt/kev/Kconfig"' '
	{ text[NR] = $0 }
	/^endif/ { last = NR }
	END {
		for (i = 1; i <= NR; i++) {
			if (i == last)
				print line "\n"
			print text[i]
		}
	}'
# In the order of the alphabet
entry tools/testing/selftests/Makefile 'TARGETS += kev' '
	!done && /^TARGETS \+= / && $0 > line { print line; done = 1 }
	{ print }'
entry Documentation/virt/index.rst '   kev/index' '{ print } $1 == "kvm/index" { print line }'
