#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# copy-tree.sh DIR: the tree as it is, without what was built, for builds of another kind. A
# copy that is there already is brought up to date.
set -euo pipefail

mkdir -p "$1"
copy=$(realpath "$1")
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# A tree that was released has no repository, but what git is to ignore. Around it there may be another.
if [[ ! -e .git ]]; then
	GIT_DIR=$(mktemp -d)
	trap 'rm -rf "$GIT_DIR"' EXIT
	export GIT_DIR GIT_WORK_TREE=$PWD
	git init -q
	git config core.excludesFile /dev/null
fi
git ls-files -co --exclude-standard | while read -r file; do
	if [[ -f $file ]]; then echo "$file"; fi
done | cpio -pdm --quiet "$copy" 2>/dev/null
