#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the code around a guest does on CPUs with this and that bug, as kev.ko has it.

usage: entry_code.py [--quiet] [MODULE [KDIR]]

The kernel patches the entry code when it loads the module, by flags that it has chosen for
the CPU and for mitigations=. The emulated CPUs report next to none of these, so the object
code is patched here for a table of flags, and every path through it is followed: from
kev_vmx_enter_guest to VMLAUNCH or VMRESUME, and from kev_vmx_exit to the first call, return
or jump by a register. The order of what happens on the way is compared. What is further away
from the entry is in entry_rules.py. Prints TAP; with --quiet only what is wrong or skipped.

KDIR is the directory that MODULE was built against, the bed's if it is not given.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

import entry_rules
from object_code import (ALIASES, REGISTERS, REPLACEMENT, RETURN_THUNK, Kernel, Object,
                         alternatives, disassemble)

ROOT = Path(__file__).resolve().parent.parent
TEXT = ".noinstr.text"
FUNCTION, EXIT = "kev_vmx_enter_guest", "kev_vmx_exit"
# Those of the kernel's calls that are mitigations themselves
MITIGATIONS = {"clear_bhb_loop"}

# name, flags of the kernel, what an entry does last, what an exit does first. "save",
# "clear", "load": of every general register; "host": code of the host that may do anything
RSB = "RSB_VMEXIT"
LITE = "RSB_VMEXIT_LITE"
BHB = "CLEAR_BHB_LOOP_ON_VMEXIT"
VERW = "CLEAR_CPU_BUF"
TABLE = [
    ("nothing, as with mitigations=off", [], "load enter", "save clear host"),
    ("return-buffer underflow", [RSB], "load enter", "save clear fill:32 lfence host"),
    ("post-barrier return prediction", [LITE], "load enter", "save clear fill:1 lfence host"),
    ("RETBleed by IBRS", [RSB, "KERNEL_IBRS"], "load enter",
     "save clear fill:32 lfence wrmsr:0x48 lfence host"),
    ("branch history injection", [LITE, BHB], "load enter",
     "save clear fill:1 lfence clear_bhb_loop host"),
    ("MDS, TAA, MMIO stale data, RFDS", [VERW], "load verw enter", "save clear host"),
    ("the same as later kernels say it", ["CLEAR_CPU_BUF_VM"], "load verw enter",
     "save clear host"),
    ("both", [VERW, "CLEAR_CPU_BUF_VM"], "load verw enter", "save clear host"),
    ("all", [RSB, "KERNEL_IBRS", BHB, VERW], "load verw enter",
     "save clear fill:32 lfence wrmsr:0x48 lfence clear_bhb_loop host"),
]

# What a later kernel calls a flag
LATER = {BHB: "CLEAR_BHB_VMEXIT"}
# Series of kernels, and which of them has all flags and options that are asked for here
COMPLETE = {(6, 1): 192, (6, 12): 117}


class Code:
    """The entry code, patched for a set of flags"""

    def __init__(self, obj, code, numbers, flags):
        self.code = code
        self.patches = {}
        on = {numbers["ALWAYS"]} | {numbers[flag] for flag in flags}
        ends = {}
        for section, start, length, new, new_length, flag, inverted, _ in alternatives(obj):
            if section != TEXT:
                continue
            # Of several in one place the longest says how long that is.
            ends[start] = max(ends.get(start, 0), start + length)
            if (flag in on) != inverted:
                self.patches[start] = (new, new + new_length)
        self.patches = {start: (ends[start], *patch) for start, patch in self.patches.items()}

    def paths(self, start):
        """Every path from an offset to an entry or a return: its events"""
        done, todo, seen = [], [((TEXT, start), None, [], {}, frozenset())], 0
        while todo:
            at, back, events, values, taken = todo.pop()
            seen += 1
            if seen > 5000:
                raise SystemExit("the entry code has more paths than anybody can follow")
            while at:
                section, offset = at
                if section == TEXT and offset in self.patches:
                    end, new, new_end = self.patches[offset]
                    if new == new_end:
                        at = (TEXT, end)
                        continue
                    back = (new_end, (TEXT, end))
                    at = (REPLACEMENT, new)
                    continue
                if section == REPLACEMENT and back and offset == back[0]:
                    at, back = back[1], None
                    continue
                at, forks = self.step(at, events, values)
                for fork in forks:
                    edge = (section, offset, fork)
                    if edge not in taken:
                        todo.append((fork, back, list(events), dict(values), taken | {edge}))
            done.append(events)
        return done

    def step(self, at, events, values):
        """One instruction: (where it goes on, or None; where it may go, too)"""
        section, offset = at
        row = self.code[section][offset]
        after, name, operands, symbol = row.after, row.name, row.operands, row.symbol
        following, forks = (section, after), []
        if name in ("ret", "retq") or symbol == RETURN_THUNK:
            events.append("return")
            following = None
        elif name in ("jmp", "call", "jmpq", "callq") and operands.startswith("*"):
            events.append("indirect")
            following = following if name.startswith("call") else None
        elif name in ("call", "jmp") and symbol:
            events.append(symbol)
            following = following if name == "call" else None
        elif name in ("call", "callq"):
            # One that steps over an INT3 leaves its return address on the stack.
            target = int(operands, 16)
            if self.code[section][after][:2] != (target, "int3"):
                raise SystemExit(f"a call at {offset:#x} that is none of a return-buffer fill")
            events.append("fill")
            following = (section, target)
        elif name in ("jmp", "jmpq"):
            following = (section, int(operands, 16))
        elif name == "jne" and "loop" in values:
            values["loop"] -= 1
            if values["loop"]:
                following = (section, int(operands, 16))
            else:
                del values["loop"]
        elif name.startswith("j"):
            forks.append((section, int(operands, 16)))
        elif name in ("vmlaunch", "vmresume"):
            # What is behind it runs when it fails, and at its fix-up when it faults.
            events.append("enter")
        else:
            self.data(name, operands, events, values)
        return following, forks

    @staticmethod
    def is_host(name, source, target):
        """Does an instruction replace a register by something that is not the guest's"""
        if name == "xor":
            return source == target
        # RDI is the vCPU behind an exit, the stack is the host's.
        return name == "vmread" or (name == "mov" and re.fullmatch(
            r"\$0x[0-9a-f]+|%rdi|-?\w*\(%rsp\)", source))

    @staticmethod
    def data(name, operands, events, values):
        """An instruction that does not change the way: its event, if it has one"""
        source, _, target = operands.rpartition(",")
        register = ALIASES.get(target.lstrip("%"))
        constant = re.fullmatch(r"\$(0x[0-9a-f]+)", source)
        if name == "mov" and register == "cx" and constant:
            values["cx"] = int(constant[1], 16)
        if name == "dec" and register == "cx" and "cx" in values:
            values.setdefault("loop", values["cx"])
        elif register and Code.is_host(name, source, target):
            events.append(("clear", register))
        elif name == "mov" and re.fullmatch(r"-?\w*\(%rdi\)", target) and source[1:] in ALIASES:
            events.append(("save", ALIASES[source[1:]]))
        elif name == "pop" and re.fullmatch(r"-?\w*\(%rdi\)", target):
            events.append(("save", "di"))
        elif name == "mov" and re.fullmatch(r"-?\w*\(%rbx\)", source) and register:
            events.append(("load", register))
        elif name == "wrmsr":
            events.append(f"wrmsr:{values.get('cx', 0):#x}")
        elif name in ("lfence", "verw"):
            events.append(name)


def summary(events, without=()):
    """Events in a row as one: all registers of a kind, or which are left out"""
    events = [event for event in events if event not in [("clear", name) for name in without]]
    words, i = [], 0
    while i < len(events):
        if not isinstance(events[i], tuple):
            run = i + 1
            while events[i] == "fill" and run < len(events) and events[run] == "fill":
                run += 1
            words.append(f"fill:{run - i}" if events[i] == "fill" else events[i])
            i = run
            continue
        kind, done = events[i][0], set()
        while i < len(events) and isinstance(events[i], tuple) and events[i][0] == kind:
            done.add(events[i][1])
            i += 1
        left = set(REGISTERS) - done - set(without if kind == "clear" else ())
        # Registers are cleared once; what is written later is the host's own.
        if kind != "clear" or not any(word.startswith(kind) for word in words):
            words.append(kind + "".join(f"-{register}" for register in sorted(left)))
    return words


def first(words):
    """Until the host goes its own ways"""
    for i, word in enumerate(words):
        if re.match(r"(save|clear|fill|wrmsr|lfence)", word) or word in MITIGATIONS:
            continue
        return " ".join(words[:i] + ["host"])
    return " ".join(words)


def last(words):
    """From the load of the guest's registers on"""
    starts = [i for i, word in enumerate(words) if word.startswith("load")]
    return " ".join(words[starts[-1]:]) if starts else "no load"


def entries(code, start):
    """What each path does last before each entry on it"""
    return {last(summary(events[:i + 1])) for events in code.paths(start)
            for i, event in enumerate(events) if event == "enter"}


def exits(code, start):
    """What each path does first; RDI is what the exit code itself goes by."""
    return {first(summary(events, without=["di"])) for events in code.paths(start)}


def failures(code, start):
    """The same behind an entry that fails: nothing is to be saved, but RDI is the guest's."""
    found = set()
    for events in code.paths(start):
        for i, event in enumerate(events):
            if event == "enter" and "enter" not in events[i + 1:]:
                found.add(first(summary(events[i + 1:])))
    return found


def check(code, obj, entry, exit_):
    """What is not as it should be, a line each"""
    function, exit_at = obj.symbol(FUNCTION), obj.symbol(EXIT)
    wanted = [("entry", entries(code, function), entry),
              ("next entry", entries(code, exit_at), entry),
              ("exit", exits(code, exit_at), exit_),
              ("failed entry", failures(code, function), exit_.removeprefix("save "))]
    for name, found, expected in wanted:
        for sequence in found or {"nothing"}:
            if sequence != expected:
                yield f"{name}: {sequence}; it should be: {expected}"


def missing(kernel, flags, options):
    """Which flags and options the kernel does not have, for people"""
    return " ".join([f"X86_FEATURE_{flag}" for flag in flags if flag not in kernel.flags] +
                    [f"CONFIG_{option}" for option in options if option not in kernel.config])


def is_complete(kernel):
    """Has the kernel all that is asked for here"""
    major, minor, patch = kernel.version
    return patch >= COMPLETE.get((major, minor), patch + 1)


def cases(module, obj, kernel):
    """(name, flags and options that it needs, what yields what is wrong), for each case"""
    code = {section: disassemble(module, section, len(obj.section(section)))
            for section in obj.executable()}
    for name, flags, entry, exit_ in TABLE:
        yield name, flags, [], lambda flags=flags, entry=entry, exit_=exit_: check(
            Code(obj, code, kernel.flags, flags), obj, entry, exit_)
    for name, flags, options, rule in entry_rules.RULES:
        yield name, flags, options, lambda rule=rule: rule(entry_rules.Module(obj, code, kernel))


def problems_of(problems):
    """A list of them; that there is no such code as is looked for is one"""
    try:
        return list(dict.fromkeys(problems()))
    except LookupError as error:
        return [str(error)]


def main():
    """One case for each row of the tables"""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("module", nargs="?", type=Path, default=ROOT / "kev.ko")
    parser.add_argument("kdir", nargs="?", type=Path)
    args = parser.parse_args()
    kdir = args.kdir or Path(subprocess.run([ROOT / "tools/bed/bed", "kdir"], check=True, text=True,
                                            stdout=subprocess.PIPE).stdout.strip())
    obj, kernel = Object(args.module), Kernel(kdir)
    for old, new in LATER.items():
        kernel.flags.setdefault(old, kernel.flags.get(new))
    kernel.flags = {name: number for name, number in kernel.flags.items() if number is not None}
    rows = list(cases(args.module, obj, kernel))
    failed = 0
    if not args.quiet:
        print(f"TAP version 13\n1..{len(rows)}")
    for number, (name, flags, options, problems) in enumerate(rows, 1):
        without = missing(kernel, flags, options)
        if without and not is_complete(kernel):
            print(f"ok {number} {name} # SKIP the kernel has no {without}")
            continue
        found = [f"the kernel should have {without}"] if without else problems_of(problems)
        for problem in found:
            print(f"# {problem}")
        if found or not args.quiet:
            print(f"{'not ok' if found else 'ok'} {number} {name}")
        failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
