#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# copy-tree.sh DIR: the tree as it is, without what was built, for builds of another kind. A
# copy that is there already is brought up to date: what the tree has no more goes.
set -euo pipefail

mkdir -p "$1"
copy=$(realpath "$1")
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
files=$(selftests/files.sh | sort)
if [[ -e $copy/.copied ]]; then
	comm -13 <(echo "$files") "$copy/.copied" | (cd "$copy" && xargs -r -d '\n' rm -f)
fi
# What is the same keeps its time, so that it is not built again.
cpio -pdm --quiet "$copy" <<<"$files" 2>"$copy/.copying" || { cat "$copy/.copying" >&2; exit 1; }
rm "$copy/.copying"
echo "$files" >"$copy/.copied"
