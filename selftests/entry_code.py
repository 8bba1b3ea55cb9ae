#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the code around a guest does on CPUs with this and that bug, as kev.ko has it.

usage: entry_code.py [MODULE [HEADERS]]

The kernel patches the entry code when it loads the module, by flags that it has chosen for
the CPU and for mitigations=. The emulated CPUs report next to none of these, so the object
code is patched here for a table of flags, and every path through it is followed: from
kev_vmx_enter_guest to VMLAUNCH or VMRESUME, and from kev_vmx_exit to the first call, return
or jump by a register. The order of what happens on the way is compared. Of code that is in the
path of a guest elsewhere the functions that have it are compared. Prints TAP.
"""
import re
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT, REPLACEMENT = ".noinstr.text", ".altinstr_replacement"
FUNCTION, EXIT = "kev_vmx_enter_guest", "kev_vmx_exit"
ALT_NOT = 1 << 15
# A jump to it is a RET.
RETURN_THUNK = "__x86_return_thunk"
# Those of the kernel's calls that are mitigations themselves
MITIGATIONS = {"clear_bhb_loop"}

NAMES = "ax bx cx dx si di bp".split()
REGISTERS = NAMES + [f"r{i}" for i in range(8, 16)]
ALIASES = {f"{prefix}{name}": name for name in NAMES for prefix in "re"}
ALIASES.update({f"r{i}{suffix}": f"r{i}" for i in range(8, 16) for suffix in ("", "d")})

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

# name, flag, an instruction that is in the functions that ask for it, or such a function's name: a
# barrier where another VMCS becomes current, and one on the way out to the VMM
BARRIERS = [
    ("what one guest has taught the predictors", "USE_IBPB", "vmptrld"),
    ("what a guest has taught them of its VMM", "IBPB_EXIT_TO_USER", "kev_vmx_disarm"),
]


class Object:
    """Sections, symbols and relocations of a module."""

    def __init__(self, path):
        self.data = Path(path).read_bytes()
        offset, = struct.unpack_from("<Q", self.data, 40)
        size, number, names = struct.unpack_from("<HHH", self.data, 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", self.data, offset + i * size)
                   for i in range(number)]
        strings = headers[names][4]
        self.names = [self._string(strings + h[0]) for h in headers]
        self.headers = headers
        self.symbols = []
        self.functions = []  # section, first offset, the one behind the last, name
        table = next(h for h in headers if h[1] == 2)
        for at in range(table[4], table[4] + table[5], 24):
            name, info, _, section, value, size = struct.unpack_from("<IBBHQQ", self.data, at)
            name = self._string(headers[table[6]][4] + name)
            self.symbols.append((name, section, value))
            if info & 15 == 2:
                self.functions.append((self.names[section], value, value + size, name))

    def _string(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def section(self, name):
        """Its bytes."""
        header = self.headers[self.names.index(name)]
        return self.data[header[4]:header[4] + header[5]]

    def symbol(self, name):
        """Its offset in its section."""
        return next(value for symbol, _, value in self.symbols if symbol == name)

    def function(self, section, offset):
        """The name of the function there."""
        return next((name for where, start, end, name in self.functions
                     if where == section and start <= offset < end), "none")

    def relocations(self, name):
        """Of a section: {offset: (section or symbol, addend)}"""
        header = self.headers[self.names.index(".rela" + name)]
        found = {}
        for at in range(header[4], header[4] + header[5], 24):
            offset, info, addend = struct.unpack_from("<QQq", self.data, at)
            symbol, section, value = self.symbols[info >> 32]
            if not symbol and section < len(self.names):
                symbol, addend = self.names[section], addend + value
            found[offset] = (symbol, addend)
        return found


def features(header):
    """Numbers of the kernel's flags by name."""
    pattern = re.compile(r"#define X86_FEATURE_(\w+)\s+\(\s*(\d+)\*32\s*\+\s*(\d+)\)")
    return {name: int(word) * 32 + int(bit)
            for name, word, bit in pattern.findall(header.read_text())}


def alternatives(obj):
    """(section, start, length, start of replacement, its length, flag, inverted), in their order"""
    data, relocations = obj.section(".altinstructions"), obj.relocations(".altinstructions")
    starts = sorted(relocations)[::2]
    size = starts[1] - starts[0]
    # 6.3 made the flags 32 bits wide.
    form = {12: "<HBB", 14: "<IBB"}[size]
    for at in starts:
        (section, start), (_, replacement) = relocations[at], relocations[at + 4]
        flag, length, new_length = struct.unpack_from(form, data, at + 8)
        inverted = bool(flag & (ALT_NOT if size == 12 else 1 << 16))
        yield section, start, length, replacement, new_length, flag & (ALT_NOT - 1), inverted


def disassemble(path, section, size):
    """{offset: (next offset, instruction, operands, symbol that it refers to)}"""
    text = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", "-j", section, str(path)],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = []
    for line in text.splitlines():
        found = re.match(r"\s+([0-9a-f]+):\s+R_X86_64_\w+\s+([\w.]+)", line)
        if found:
            rows[-1][3] = found[2]
            continue
        found = re.match(r"\s+([0-9a-f]+):\t(?:(?:cs|notrack|bnd) )*(\w+)\s*([^#<]*)", line)
        if found:
            rows.append([int(found[1], 16), found[2], found[3].strip(), None])
    return {row[0]: (after[0], *row[1:]) for row, after in zip(rows, rows[1:] + [[size]])}


class Code:
    """The entry code, patched for a set of flags"""

    def __init__(self, obj, code, numbers, flags):
        self.code = code
        self.patches = {}
        on = {numbers["ALWAYS"]} | {numbers[flag] for flag in flags}
        for section, start, length, new, new_length, flag, inverted in alternatives(obj):
            if section == TEXT and (flag in on) != inverted:
                self.patches[start] = (start + length, new, new + new_length)

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
        after, name, operands, symbol = self.code[section][offset]
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
            if self.code[section][after][1] != "int3" or self.code[section][after][0] != target:
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


def check_barrier(obj, text, flag, where):
    """The same of a barrier"""
    expected = {obj.function(".text", offset) for offset, row in text.items()
                if row[1] == where} or {where}
    found = {obj.function(section, start) for section, start, *_, number, _ in alternatives(obj)
             if number == flag}
    if found != expected:
        yield f"it is in {' '.join(sorted(found)) or 'no function'}, " \
              f"and should be in {' '.join(sorted(expected))}"


def headers_of(kdir):
    """cpufeatures.h of the kernel that a module is built for"""
    for include in ("arch/x86/include/asm/cpufeatures.h", "include/generated/asm/cpufeatures.h"):
        if (kdir / include).exists():
            return kdir / include
    name = re.sub(r"-(cloud-)?amd64$", "-common", kdir.name)
    return kdir.parent / name / "arch/x86/include/asm/cpufeatures.h"


def main():
    """One case for each row."""
    module = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "kev.ko"
    if len(sys.argv) > 2:
        header = Path(sys.argv[2])
    else:
        kdir = subprocess.run([ROOT / "tools/bed/bed", "kdir"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()
        header = headers_of(Path(kdir))
    obj, numbers = Object(module), features(header)
    code = {section: disassemble(module, section, len(obj.section(section)))
            for section in (TEXT, REPLACEMENT)}
    cases = [(name, check(Code(obj, code, numbers, flags), obj, entry, exit_))
             for name, flags, entry, exit_ in TABLE]
    text = disassemble(module, ".text", len(obj.section(".text")))
    # Older kernels do not know all of them.
    cases += [(name, check_barrier(obj, text, numbers[flag], where))
              for name, flag, where in BARRIERS if flag in numbers]
    failed = 0
    print(f"TAP version 13\n1..{len(cases)}")
    for number, (name, problems) in enumerate(cases, 1):
        problems = list(problems)
        for problem in problems:
            print(f"# {problem}")
        print(f"{'not ok' if problems else 'ok'} {number} {name}")
        failed += bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
