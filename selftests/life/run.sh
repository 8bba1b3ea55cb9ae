#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Machines that end while guests run, as TAP. Guards that kev leaves VMX operation on each
# way out: in it INIT is blocked, and whatever comes next could not start the other CPUs.
#
# usage: run.sh [BED OPTION...]
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
# shellcheck source=../kevctl/tap.sh
. ../kevctl/tap.sh

CPUS=2
# Each way out takes seconds; a machine that hangs is ended after so many.
TIMEOUT=120
options=("$@")
STARTED="next: another CPU has started"
RESET="the machine was reset or switched off"

# shellcheck disable=SC2317 # called by its name
# ends HOW LINE...: the machine ends as "end HOW" wants it, by itself, and has said these
ends() {
	local how=$1 status=0 line
	shift
	../../tools/bed/bed run --cpus "$CPUS" --timeout "$TIMEOUT" "${options[@]}" \
		--append "panic=-1 crashkernel=32M" --file end:/end -- /end "$how" \
		>"$tap_dir/log" 2>&1 </dev/null || status=$?
	# 126: the machine has ended, or there was a report, which may be that of a panic only
	for line in "$RESET" "$@"; do
		grep -q -- "$line" "$tap_dir/log" && ((status == 126)) && continue
		echo "# $how: status $status, wanted: $line"
		tail -n 40 "$tap_dir/log" | sed 's/^/# /'
		return 1
	done
	if grep "in the kernel's log:" "$tap_dir/log" | grep -v "panic in the kernel's log:"; then
		tail -n 40 "$tap_dir/log" | sed 's/^/# /'
		return 1
	fi
}

tap_check "restart" ends reset "reboot: Restarting system"
tap_check "restart after a panic" ends panic "sysrq triggered crash"
tap_check "kexec" ends kexec "$STARTED"
tap_check "kexec after a panic" ends crash "sysrq triggered crash" "$STARTED"
tap_end
