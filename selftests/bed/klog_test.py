# SPDX-License-Identifier: GPL-2.0
"""The bed's judge of kernel logs: a table of lines and what they are."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools/bed"))

from bedlib import klog  # noqa: E402  pylint: disable=wrong-import-position

# (message, the name of the report or None)
LINES = (
    ("Kernel panic - not syncing: sysrq triggered crash", "panic"),
    ("kernel BUG at mm/slub.c:400!", "BUG"),
    ("BUG: kernel NULL pointer dereference, address: 0000000000000008", "BUG"),
    ("Oops: 0002 [#1] PREEMPT SMP NOPTI", "oops"),
    ("general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP", "oops"),
    ("invalid opcode: 0000 [#1] PREEMPT SMP", "oops"),
    ("BUG: KASAN: slab-out-of-bounds in kev_vm_create+0x1/0x2 [kev]", "KASAN report"),
    ("BUG: scheduling while atomic: insmod/83/0x00000002", "scheduling while atomic"),
    ("BUG: sleeping function called from invalid context at mm/slab.h:1", "BUG"),
    ("watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [kevctl:90]", "soft lockup"),
    ("WARNING: CPU: 0 PID: 90 at src/vm.c:12 kev_vm_put+0x1/0x2 [kev]", "WARN"),
    ("WARNING: possible circular locking dependency detected", "lockdep report"),
    ("WARNING: suspicious RCU usage", "lockdep report"),
    ("WARNING: bad unlock balance detected!", "lockdep report"),
    ("WARNING: inconsistent lock state", "lockdep report"),
    ("INFO: trying to register non-static key.", "lockdep report"),
    ("[ BUG: Invalid wait context ]", "BUG"),
    ("BUG kmalloc-64 (Tainted: G           O      ): Poison overwritten", "slab report"),
    ("pagealloc: memory corruption", "page report"),
    ("UBSAN: shift-out-of-bounds in src/vmx/ctls.c:9:3", "UBSAN report"),
    ("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "RCU stall"),
    ("rcu: INFO: rcu_preempt self-detected stall on CPU", "RCU stall"),
    ("INFO: task kevctl:91 blocked for more than 120 seconds.", "hung task"),
    ("unchecked MSR access error: RDMSR from 0x1a at rIP: 0xffffffff81", "unchecked MSR access"),
    ("kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
     "kmemleak report"),
    ("__common_interrupt: 1.35 No irq handler for vector", "lost interrupt"),
    ("bed: records of the log were lost", "lost records"),
    ("Uhhuh. NMI received for unknown reason 3d on CPU 0.", "unknown NMI"),
    # What looks like one and is none.
    ("sysrq: Show backtrace of all active CPUs", None),
    ("NMI backtrace for cpu 1 skipped: idling at mwait_idle+0x68/0x90", None),
    ("Call Trace:", None),
    ("kev: guest 3: triple fault", None),
    ("kev: version 0.1.0, backend vmx", None),
    ("kvm: VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL does not work properly. DEBUG: 1", None),
    ("INFO: task list follows", None),
    ("BUG kmalloc-64 is spoken of", None),
    ("a sentence about a BUG: it is fixed", None),
)

# (lines, what is known, the line of the report that counts or None)
KNOWN = (
    (("WARNING: CPU: 0 at a.c:1 a+0x1/0x2", "RIP: a"), ("a.c:1 a+",), None),
    (("WARNING: CPU: 0 at a.c:1 a+0x1/0x2", "BUG: b"), ("a.c:1 a+",), "BUG: b"),
    (("BUG: b", "---[ end trace 0 ]---", "WARNING: a"), ("WARNING: a",), "---[ end trace 0 ]---"),
    (("BUG: b", "a.c:1"), ("a.c:1",), "a.c:1"),
    (("BUG: b", "WARNING: a"), ("WARNING: a", "BUG: b"), None),
)

# (lines, (the first line of a report, how many lines are shown of it)...)
SEVERAL = (
    (("BUG: a", "Oops: 0 [#1]", "---[ end trace 0 ]---", "x", "BUG: b", "---[ end trace 0 ]---"),
     (("BUG: a", 3), ("BUG: b", 3))),
    (("WARNING: a",) + ("line",) * 200 + ("WARNING: b", "line"),
     (("WARNING: a", 90), ("WARNING: b", 5))),
    (("fine",), ()),
)

# (record of /dev/kmsg, (is it the kernel's own, lines))
RECORDS = (
    (b"12,7,1500000,-;BUG: from user space\n", (False, ["[    1.500000] BUG: from user space"])),
    (b"4,7,1500000,c,caller=T1;WARNING: x\n SUBSYSTEM=cpu\n",
     (True, ["[    1.500000] WARNING: x"])),
    (b"4,7,12000001,-;\\x0aWARNING: y\n", (True, ["[   12.000001] ", "[   12.000001] WARNING: y"])),
)


def failures():
    """Descriptions of what went wrong."""
    for text, expected in LINES:
        for line in (text, f"[   12.345678] {text}", f"[    1.000000][  T123] {text}"):
            found = next(klog.reports(["[    1.0] before", line, "[    1.1] after"]), None)
            if (found and found[0]) != expected:
                yield f"{line!r}: expected {expected}, found {found and found[0]}"
            if found and (found[1] != line or line not in found[2]):
                yield f"{line!r}: the report does not show it"
    for lines, known, expected in KNOWN:
        found = next(klog.reports(lines, known), None)
        if (found and found[2][-1]) != expected:
            yield f"{lines}, {known} known: expected {expected}, found {found}"
    for lines, expected in SEVERAL:
        found = list(klog.reports(lines))
        if [(head, len(shown)) for _, head, shown in found] != list(expected):
            yield f"{lines}: expected {expected}, found {found}"
    for record, expected in RECORDS:
        found = klog.parse_record(record)
        if found != expected:
            yield f"{record!r}: expected {expected}, found {found}"


def main():
    """Print what is wrong; the exit status says whether anything is."""
    wrong = list(failures())
    print("\n".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
