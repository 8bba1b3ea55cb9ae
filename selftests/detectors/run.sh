#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [PATTERN]: does each detector of the instrumented kernel notice an error in a module, and
# does the bed tell? One machine an error, since the first report silences other detectors. QEMU
# without acceleration does: nothing here needs VMX. Prints TAP; only rows that match PATTERN.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

bed=../../tools/bed/bed
broken=../../build/detectors/kev_broken.ko
log=$(mktemp)
trap 'rm -f "$log"' EXIT
number=0 failed=0

# in_bed ARGS...: a machine with the module and what makes errors
in_bed() {
	local append=$1
	shift
	"$bed" run --emulator tcg --kernel debug --no-module --timeout 300 --append "$append" \
		--file "$broken:/kev_broken.ko" --file silent:/silent -- "$@" >"$log" 2>&1 </dev/null
}

# result NAME OK: a line of TAP, with the end of the log where it is needed
result() {
	((++number))
	if [[ $2 = yes ]]; then
		echo "ok $number $1"
		return
	fi
	((++failed))
	tail -n 60 "$log" | sed 's/^/# /'
	echo "not ok $number $1"
}

# notices KIND APPEND SCRIPT STATUS TEXTS: the bed ends with STATUS, and its log has each of
# TEXTS, which "&" is between
notices() {
	local kind=$1 append=$2 script=$3 wanted=$4 status=0 ok=yes text texts
	IFS='&' read -ra texts <<<"$5"
	in_bed "$append" sh -c "insmod /kev_broken.ko || exit 99
		echo $kind >/sys/module/kev_broken/parameters/make || exit 98; $script" || status=$?
	[[ $status = "$wanted" ]] || ok=no
	for text in "${texts[@]}"; do grep -qF -- "$text" "$log" || ok=no; done
	[[ $ok = yes ]] || echo "# status $status, wanted $wanted and the words $5"
	result "$kind${append:+, $append}" "$ok"
}

# The second scan tells: what changed since the first is looked at again. Objects are to be five
# seconds old.
scan="sleep 6; cd /sys/kernel/debug; echo scan >kmemleak; echo scan >kmemleak; cat kmemleak"

while IFS='|' read -r kind append texts; do
	[[ $kind =~ ${1-} ]] || continue
	notices "$kind" "$append" "exit 0" 126 "$texts"
done <<'END'
use_after_free||KASAN report in&KASAN: use-after-free in use_after_free
double_free||KASAN report in&KASAN: double-free in 
out_of_bounds||KASAN report in&KASAN: slab-out-of-bounds in out_of_bounds
page_use_after_free||KASAN report in&KASAN: use-after-free in page_use_after_free
vmalloc_out_of_bounds||KASAN report in&KASAN: vmalloc-out-of-bounds in vmalloc_out_of_bounds
stack_out_of_bounds||KASAN report in&KASAN: stack-out-of-bounds in stack_out_of_bounds
global_out_of_bounds||KASAN report in&KASAN: global-out-of-bounds in global_out_of_bounds
poison|page_poison=1|page report in&pagealloc: memory corruption
shift||UBSAN report in&UBSAN: shift-out-of-bounds
array_index||UBSAN report in&UBSAN: array-index-out-of-bounds
boolean||UBSAN report in&UBSAN: invalid-load
physical||BUG in&__phys_addr
sleep_in_spinlock||BUG in&sleeping function called from invalid context
sleep_in_rcu||BUG in&sleeping function called from invalid context
lock_inversion||lockdep report in&possible circular locking dependency
lock_recursion||lockdep report in&possible recursive locking
lock_in_interrupt||lockdep report in&inconsistent lock state
unlock_unlocked||lockdep report in&bad unlock balance
lock_kept||lockdep report in&lock held when returning to user space
rcu_unlocked||lockdep report in&suspicious RCU usage
which_processor||BUG in&using smp_processor_id() in preemptible
interrupts_on||WARN in&raw_local_irq_restore
list_twice||BUG in&list_add double add
list_deleted||BUG in&list_del corruption
timer_freed||WARN in&ODEBUG: free active&timer_list
work_freed||WARN in&ODEBUG: free active&timer_list
rcu_twice||WARN in&ODEBUG: activate active&rcu_head
copy_too_much||BUG in&detected buffer overflow in memset
rcu_stall|rcupdate.rcu_cpu_stall_timeout=3|RCU stall in&rcu_preempt
soft_lockup|sysctl.kernel.watchdog_thresh=2|soft lockup in
hung_task|sysctl.kernel.hung_task_timeout_secs=2|hung task in&blocked for more than
END

# Not what they tell only, but that they tell of nothing else
while IFS='|' read -r kind append script status texts; do
	[[ $kind =~ ${1-} ]] || continue
	notices "$kind" "$append" "${script/SCAN/$scan}" "$status" "$texts"
done <<END
none|page_poison=1|exit 0|0|
none|kmemleak=on|SCAN; exit 0|0|
leak|kmemleak=on|SCAN; exit 0|126|kmemleak report in&leak+0x
END

if [[ silent =~ ${1-} ]]; then
	ok=yes
	in_bed "" sh -c "insmod /kev_broken.ko && /silent" || ok=no
	result silent "$ok"
fi

echo "1..$number"
((number > 0 && failed == 0))
