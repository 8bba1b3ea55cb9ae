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


def reports(lines, known=()):
    """The reports in lines (texts with or without time stamps), in their order: each (name, its
    first line, its lines and some before them).

    A report that has one of the texts of known in its first line is none. What the lines of one
    report hold is not told a second time.
    """
    end = 0
    for number, line in enumerate(lines):
        if number < end or any(text in line for text in known):
            continue
        text = _STAMP.sub("", line)
        for name, pattern in _REPORTS:
            if pattern.match(text):
                start = max(end, number - _LINES_BEFORE)
                end = _end(lines, number)
                yield name, line, lines[start:end]
                break


def _end(lines, number):
    last = min(len(lines), number + _MAX_LINES)
    for end in range(number, last):
        if _END.search(lines[end]):
            return end + 1
    return last


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
