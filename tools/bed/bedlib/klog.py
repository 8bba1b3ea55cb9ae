# SPDX-License-Identifier: GPL-2.0
"""Judge a kernel's log: is there a report of something that must not happen?

A backtrace alone is no report: sysrq prints them on request.
"""

import re

# Each is matched at the start of a message (what follows the time stamp). The names say what a
# reader is told.
_REPORTS = (
    ("panic", r"Kernel panic - not syncing"),
    ("BUG", r"kernel BUG at "),
    ("KASAN report", r"BUG: KASAN: "),
    ("scheduling while atomic", r"BUG: scheduling while atomic"),
    ("soft lockup", r"watchdog: BUG: soft lockup"),
    ("hard lockup", r"(NMI )?watchdog: Watchdog detected hard LOCKUP"),
    ("BUG", r"(\[ )?BUG: "),
    ("slab report", r"BUG [\w-]+ \(.*\): "),
    ("page report", r"pagealloc: (memory corruption|single bit error)"),
    ("oops", r"Oops(:| )"),
    ("oops", r"[a-zA-Z].*: [0-9a-f]{4} \[#\d+\]"),
    ("oops", r"(PANIC|traps: PANIC): double fault"),
    ("lockdep report", r"WARNING: (possible |inconsistent |suspicious |bad |held lock|lock held|"
                       r"Nested lock|.*-safe -> |nested lock)"),
    ("WARN", r"WARNING: "),
    ("lockdep report", r"DEBUG_LOCKS_WARN_ON"),
    ("lockdep report", r"INFO: trying to register non-static key"),
    ("UBSAN report", r"UBSAN: "),
    ("RCU stall", r"(rcu: )?INFO: rcu\w* (self-)?detect(ed|s) "),
    ("RCU stall", r"rcu: .*(detected stalls|self-detected stall|kthread starved)"),
    ("hung task", r"INFO: task .* blocked (for more than|in I/O wait)"),
    ("kmemleak report", r"kmemleak: [1-9]\d* new suspected memory leaks"),
    ("unchecked MSR access", r"unchecked MSR access error"),
    ("lost interrupt", r"\w+: \d+\.\d+ No irq handler for vector"),
    ("lost records", r"bed: records of the log were lost"),
    ("unknown NMI", r"Uhhuh\. NMI received for unknown reason"),
)
_REPORTS = tuple((name, re.compile(pattern)) for name, pattern in _REPORTS)

# How the serial console writes a line: perhaps "<4>", a time stamp, perhaps a thread.
_STAMP = re.compile(r"^(<\d+>)?\[ *\d+\.\d+\](\[ *[TC]\d+\])? ")

_END = re.compile(r"---\[ end (trace|Kernel panic)")
_MAX_LINES = 90
_LINES_BEFORE = 3


def find(lines, known=()):
    """The first report in lines (texts with or without time stamps): (name, lines) or None.

    A report that has one of the texts of known in its first line is none.
    """
    for number, line in enumerate(lines):
        if any(text in line for text in known):
            continue
        text = _STAMP.sub("", line)
        for name, pattern in _REPORTS:
            if pattern.match(text):
                return name, _cut(lines, number)
    return None


def _cut(lines, number):
    start = max(0, number - _LINES_BEFORE)
    for end in range(number, min(len(lines), number + _MAX_LINES)):
        if _END.search(lines[end]):
            return lines[start:end + 1]
    return lines[start:number + _MAX_LINES]


def parse_record(record):
    """A record of /dev/kmsg as (is it the kernel's own, its lines with time stamps)."""
    head, _, text = record.decode(errors="replace").partition(";")
    fields = head.split(",")
    text = text.split("\n", 1)[0]
    text = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m.group(1), 16)), text)
    try:
        priority, stamp = int(fields[0]), int(fields[2])
    except (IndexError, ValueError):
        return True, [text]
    stamp = f"[{stamp // 1000000:5d}.{stamp % 1000000:06d}] "
    return priority >> 3 == 0, [stamp + line for line in text.split("\n")]
