#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make demo: a real kernel with kev.ko, a real guest, its output and exit code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

echo "kevctl run guests/hello, on Debian's kernel with kev.ko:"
status=0
tools/bed/bed run -- kevctl run -v /guests/hello || status=$?
echo "exit status $status, the low byte of the guest's code 0xcafe ($((0xcafe & 0xff)))"
((status == (0xcafe & 0xff)))
