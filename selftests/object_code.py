# SPDX-License-Identifier: GPL-2.0
"""A module's object code: what is in it, where its instructions go on, what they do.

For entry_code.py. Addresses are pairs of a section and an offset.
"""
import bisect
import re
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

REPLACEMENT = ".altinstr_replacement"
ALT_NOT = 1 << 15
# A jump to it is a RET.
RETURN_THUNK = "__x86_return_thunk"
INDIRECT_THUNK = "__x86_indirect_thunk_"
# Nothing comes behind a call of it.
NO_RETURN = {"__stack_chk_fail"}

NAMES = "ax bx cx dx si di bp".split()
REGISTERS = NAMES + [f"r{i}" for i in range(8, 16)]
ALIASES = {f"{prefix}{name}": name for name in NAMES for prefix in ("r", "e", "")}
ALIASES.update({f"r{i}{suffix}": f"r{i}" for i in range(8, 16) for suffix in ("", "d", "w", "b")})
ALIASES.update({f"{name[0]}l": name for name in ("ax", "bx", "cx", "dx")})
ALIASES.update({f"{name}l": name for name in ("si", "di", "bp")})


class Row(NamedTuple):
    """An instruction: where the next one is, and to what its relocations lead"""
    after: int
    name: str
    operands: str
    refs: tuple  # (symbol or section, offset from there)

    @property
    def symbol(self):
        """Name of what it refers to"""
        return self.refs[-1][0] if self.refs else None

    @property
    def target(self):
        """Its last operand"""
        return self.operands.rpartition(",")[2]


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
        self.variables = []  # the same
        self.places = {}
        table = next(h for h in headers if h[1] == 2)
        for at in range(table[4], table[4] + table[5], 24):
            name, info, _, section, value, size = struct.unpack_from("<IBBHQQ", self.data, at)
            name = self._string(headers[table[6]][4] + name)
            self.symbols.append((name, section, value))
            if not 0 < section < number:
                continue
            self.places[name] = (self.names[section], value)
            for kind, ranges in ((1, self.variables), (2, self.functions)):
                if info & 15 == kind:
                    ranges.append((self.names[section], value, value + size, name))

    def _string(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def executable(self):
        """The sections with code"""
        return [name for name, header in zip(self.names, self.headers)
                if header[2] & 4 and header[5] and header[1] == 1]

    def section(self, name):
        """Its bytes."""
        header = self.headers[self.names.index(name)]
        return self.data[header[4]:header[4] + header[5]]

    def symbol(self, name):
        """Its offset in its section."""
        return self.places[name][1]

    @staticmethod
    def _named(ranges, section, offset):
        return next((name for where, start, end, name in ranges
                     if where == section and start <= offset < end), None)

    def function(self, section, offset):
        """The name of the function there"""
        return self._named(self.functions, section, offset) or "none"

    def variable(self, symbol, offset):
        """The name of what a relocation leads to; None: constants"""
        if symbol.startswith(".rodata") or symbol.startswith(".LC"):
            return None
        return self._named(self.variables, symbol, offset) or symbol

    def relocations(self, name):
        """Of a section: {offset: (section or symbol, addend)}"""
        if ".rela" + name not in self.names:
            return {}
        header = self.headers[self.names.index(".rela" + name)]
        found = {}
        for at in range(header[4], header[4] + header[5], 24):
            offset, info, addend = struct.unpack_from("<QQq", self.data, at)
            symbol, section, value = self.symbols[info >> 32]
            if not symbol and section < len(self.names):
                symbol, addend = self.names[section], addend + value
            found[offset] = (symbol, addend)
        return found

    def pairs(self, name, size):
        """Of a table whose entries begin with two addresses: {first: second}"""
        found = self.relocations(name)
        return {self.place(*found[at]): self.place(*found[at + 4])
                for at in found if at % size == 0 and at + 4 in found}

    def place(self, symbol, offset):
        """The address of something, if it is in the module"""
        if symbol in self.names:
            return symbol, offset
        if symbol in self.places:
            section, value = self.places[symbol]
            return section, value + offset
        return None

    def paravirt(self):
        """Calls by a table that the kernel replaces by direct ones: of 6.1, and later"""
        sites = {self.place(*target) for target in
                 self.relocations(".parainstructions").values()}
        return sites | {(section, start) for section, start, *_, direct in alternatives(self)
                        if direct}


class Kernel:
    """What a module is built for: numbers of flags, configuration, version"""

    def __init__(self, kdir):
        pattern = re.compile(r"#define X86_FEATURE_(\w+)\s+\(\s*(\d+)\*32\s*\+\s*(\d+)\)")
        self.flags = {name: int(word) * 32 + int(bit)
                      for name, word, bit in pattern.findall(self.features(kdir).read_text())}
        self.config = set(re.findall(r"^CONFIG_(?:MITIGATION_)?(\w+)=y$",
                                     (kdir / "include/config/auto.conf").read_text(), re.M))
        text = (kdir / "include/generated/uapi/linux/version.h").read_text()
        self.version = [int(re.search(rf"LINUX_VERSION_{part} (\d+)", text)[1])
                        for part in ("MAJOR", "PATCHLEVEL", "SUBLEVEL")]

    @staticmethod
    def features(kdir):
        """Its cpufeatures.h"""
        for include in ("arch/x86/include/asm", "include/generated/asm"):
            if (kdir / include / "cpufeatures.h").exists():
                return kdir / include / "cpufeatures.h"
        # Debian's names the one that all flavours share, relative to its own place.
        makefile = (kdir / "Makefile").read_text()
        source = re.search(r"^include (?:\$\(dir .*\))?(\S+)/Makefile$", makefile, re.M)
        return kdir.resolve() / source[1] / "arch/x86/include/asm/cpufeatures.h"


def alternatives(obj):
    """
    (section, start, length, start of replacement, its length, flag, inverted, direct), in their
    order; direct: it is a call that loses its indirection
    """
    data, relocations = obj.section(".altinstructions"), obj.relocations(".altinstructions")
    starts = sorted(relocations)[::2]
    size = starts[1] - starts[0]
    # 6.3 made the flags 32 bits wide.
    form = {12: "<HBB", 14: "<IBB"}[size]
    for at in starts:
        (section, start), (_, replacement) = relocations[at], relocations[at + 4]
        flag, length, new_length = struct.unpack_from(form, data, at + 8)
        inverted = bool(flag & (ALT_NOT if size == 12 else 1 << 16))
        yield (section, start, length, replacement, new_length, flag & (ALT_NOT - 1), inverted,
               size == 14 and bool(flag & 1 << 17))


def disassemble(path, section, size):
    """{offset: Row}"""
    text = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", "-j", section, str(path)],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = []
    for line in text.splitlines():
        found = re.match(r"\s+([0-9a-f]+):\s+R_X86_64_(\w+)\s+([\w.]+)([+-]0x[0-9a-f]+)?", line)
        if found:
            rows[-1][3].append((int(found[1], 16), found[2], found[3], int(found[4] or "0", 16)))
            continue
        found = re.match(r"\s+([0-9a-f]+):\t(?:(?:cs|notrack|bnd) )*(\w+)\s*([^#<]*)", line)
        if found:
            rows.append([int(found[1], 16), found[2], found[3].strip(), []])
    code = {}
    for (at, name, operands, refs), (after, *_) in zip(rows, rows[1:] + [[size]]):
        # What is relative counts from the next instruction on.
        code[at] = Row(after, name, operands, tuple(
            (symbol, addend + (after - where if kind in ("PC32", "PLT32") else 0))
            for where, kind, symbol, addend in refs))
    return code


class Flow:
    """Where code goes on, with some of the kernel's flags known and any value of the others"""

    def __init__(self, obj, code, flags):
        self.obj, self.code = obj, code
        self.keys, self.faults = obj.pairs("__jump_table", 16), obj.pairs("__ex_table", 12)
        self.sites, owners = {}, []
        for section, start, length, new, new_length, flag, inverted, _ in alternatives(obj):
            end, contents = self.sites.get((section, start), (start, {None}))
            end = max(end, start + length)
            known = flags.get(flag)
            if known is None or known != inverted:
                new_end = new + new_length
                contents = (contents if known is None else set()) | {(new, new_end)}
                owners.append((new, new_end, section, start))
            self.sites[section, start] = (end, contents)
        self.owners = sorted(owners)

    def row(self, at):
        """The instruction there"""
        return self.code[at[0]][at[1]]

    def start(self, name):
        """Of a function"""
        if name not in self.obj.places:
            raise LookupError(f"there is no function {name}")
        return self.obj.places[name]

    def enter(self, at):
        """What may be executed there: itself, or what the kernel puts in its place"""
        if at is None or at[1] not in self.code.get(at[0], ()):
            return
        end, contents = self.sites.get(at, (None, {None}))
        for content in contents:
            if content is None:
                yield at
            elif content[0] == content[1]:
                yield from self.enter((at[0], end))
            else:
                yield REPLACEMENT, content[0]

    def behind(self, at):
        """The instruction behind one, if it does not jump"""
        after = self.row(at).after
        if at[0] == REPLACEMENT:
            i = bisect.bisect(self.owners, (at[1] + 1,)) - 1
            _, new_end, section, start = self.owners[i]
            if after >= new_end:
                return section, self.sites[section, start][0]
        return at[0], after

    def leads_to(self, at):
        """Where a jump or a call goes, if that is in the module and known"""
        row = self.row(at)
        if row.operands.startswith("*"):
            return None
        if row.refs:
            return self.obj.place(*row.refs[-1])
        return at[0], int(row.operands, 16)

    def steps_over(self, at):
        """Is it a call over an INT3: all that it leaves is a return address"""
        row = self.row(at)
        behind = self.code[at[0]].get(row.after)
        return (row.name == "call" and not row.refs and behind is not None and
                behind.name == "int3" and row.operands == f"{behind.after:x}")

    def calls(self, at):
        """The name of the function that is called there"""
        row = self.row(at)
        if row.name != "call" or row.operands.startswith("*") or self.steps_over(at):
            return None
        place = self.leads_to(at)
        return self.obj.function(*place) if place else row.symbol

    def after(self, at):
        """What may be executed next; nothing behind a return, and where other code takes over"""
        row = self.row(at)
        following = [self.behind(at)]
        if at in self.keys:
            following.append(self.keys[at])
        elif row.name in ("ret", "int3") or row.symbol in (RETURN_THUNK, *NO_RETURN):
            following = []
        elif row.name == "jmp" or self.steps_over(at):
            following = [self.leads_to(at)]
        elif row.name.startswith("j"):
            following.append(self.leads_to(at))
        if at in self.faults:
            following.append(self.faults[at])
        return [place for target in following for place in self.enter(target)]

    def taken(self, at):
        """Where a conditional jump goes if its condition holds, and if not"""
        return next(self.enter(self.leads_to(at)), None), next(self.enter(self.behind(at)), None)

    def equal(self, at):
        """The edge of a conditional jump for what is equal, or zero"""
        name = self.row(at).name
        if name not in ("je", "jne"):
            return None
        return at, self.taken(at)[name == "jne"]

    def reach(self, starts, through=(), cut=()):
        """What is executed from there on without getting to one of these, or by these edges"""
        todo = [place for start in starts for place in self.enter(start)]
        done = set()
        while todo:
            at = todo.pop()
            if at in done or at in through:
                continue
            done.add(at)
            todo += [to for to in self.after(at) if (at, to) not in cut]
        return done

    def ends(self, places):
        """Of these, where a function is left"""
        return {at for at in places if not self.after(at) and self.row(at).name != "int3" and
                self.row(at).symbol not in NO_RETURN}

    def wrmsrs(self, places, number):
        """The writes of an MSR whose number is a constant"""
        found = set()
        for at in places:
            if self.row(at).name != "mov" or self.row(at).operands != f"${number:#x},%ecx":
                continue
            others = {to for to in places if to != at and
                      (self.row(to).target in ("%ecx", "%rcx") or self.row(to).name == "call")}
            found |= {to for to in self.reach(self.after(at), others)
                      if self.row(to).name == "wrmsr"}
        return found


class Unknown:
    """A value, or a condition, of which nothing is known"""


class Machine:
    """One run of a function: what it loads and executes. Values: an int; (name, int): so much
    from something; or Unknown."""

    def __init__(self, registers=None, events=None, flags=Unknown):
        self.registers, self.events, self.flags = registers or {}, events or [], flags

    def copy(self):
        """For the other way of a fork"""
        return Machine(dict(self.registers), list(self.events), self.flags)

    def value(self, row, operand):
        """Of an operand, which may be memory: that is an event"""
        if operand.startswith("$"):
            return Unknown if row.refs else int(operand[1:], 16)
        if operand.startswith("%"):
            return self.registers.get(ALIASES.get(operand[1:]), Unknown)
        if row.refs:
            self.events.append(("global", row.symbol))
            return row.refs[-1]
        return self.memory(operand)

    def address(self, operand):
        """Of base and displacement"""
        found = re.fullmatch(r"(-?0x[0-9a-f]+)?\(%(\w+)(?:,%(\w+),1)?\)", operand)
        if not found:
            return Unknown
        result = int(found[1] or "0", 16)
        for name in (found[2], found[3]):
            if name:
                result = self.plus(result, self.registers.get(ALIASES.get(name), Unknown), 1)
        return result

    def memory(self, operand):
        """A load"""
        self.events.append(("read", self.address(operand)))
        return Unknown

    @staticmethod
    def plus(one, other, sign):
        """Sum or difference"""
        if Unknown in (one, other):
            return Unknown
        if isinstance(one, int) and isinstance(other, int):
            return one + sign * other
        if isinstance(one, tuple) and isinstance(other, int):
            return one[0], one[1] + sign * other
        if isinstance(other, tuple) and sign > 0:
            return other[0], other[1] + one
        return one[1] - other[1] if one[0] == other[0] else Unknown

    def step(self, row):
        """An instruction that does not jump"""
        source, _, target = row.operands.rpartition(",")
        name, register = row.name, ALIASES.get(target.lstrip("%"))
        if name in ("lfence", "mfence", "serialize", "iretq", "cpuid"):
            self.events.append((name,))
        elif name == "wrmsr":
            values = (self.registers.get(register, Unknown) for register in ("cx", "ax", "dx"))
            self.events.append((name, *values))
        elif name.startswith(("cmp", "test", "bt")):
            self.flags = (name.rstrip("bwlq"), self.value(row, source), self.value(row, target))
        elif name.startswith(("nop", "push", "pop", "xchg")) or not row.operands:
            if register and name == "pop":
                self.registers[register] = Unknown
        elif not target.startswith("%"):
            self.events.append(("write", self.address(target)))
        elif register:
            self.registers[register] = self.result(row, source, target)

    def result(self, row, source, target):
        """What an instruction leaves in a register"""
        self.flags = self.flags if row.name.startswith(("mov", "lea")) else Unknown
        if row.name.startswith("mov"):
            return self.value(row, source)
        if row.name == "lea":
            return row.refs[-1] if row.refs else self.address(source)
        if row.name == "xor" and source == target:
            return 0
        if row.name in ("add", "sub"):
            value = self.plus(self.value(row, target), self.value(row, source),
                              1 if row.name == "add" else -1)
            self.flags = ("cmp", 0, value)
            return value
        return Unknown

    def holds(self, name, known):
        """Does a conditional jump jump; known: {(symbol of which bits are tested, mask): set}"""
        if self.flags is Unknown:
            return Unknown
        kind, one, other = self.flags
        if kind == "cmp":
            # AT&T's order: what is compared with is the first.
            difference = self.plus(other, one, -1)
            if difference is Unknown or name not in ("je", "jne"):
                return Unknown
            return (difference == 0) == (name == "je")
        if not isinstance(one, int) or not isinstance(other, tuple):
            return Unknown
        mask = 1 << one if kind == "bt" else one
        for (symbol, wanted), is_set in known.items():
            # A byte of it may be tested alone.
            if other[0] == symbol and mask in (wanted, wanted >> 8 * (wanted.bit_length() // 8)):
                return is_set == (name in ("jne", "jb"))
        return Unknown


def runs(flow, function, known, limit=8):
    """What each run of a function does, for what is known as for Machine.holds()"""
    todo, done = [(place, Machine()) for place in flow.enter(flow.start(function))], []
    while todo:
        at, machine = todo.pop()
        for _ in range(100000):
            row = flow.row(at)
            following = flow.after(at)
            if row.name == "call":
                machine.events.append(("call", flow.calls(at)))
            elif row.name.startswith("j") and row.name != "jmp":
                taken = machine.holds(row.name, known)
                if taken is not Unknown:
                    following = [flow.taken(at)[not taken]]
            elif row.name != "jmp":
                machine.step(row)
            if not following:
                break
            at = following[0]
            todo += [(other, machine.copy()) for other in following[1:]]
            if len(todo) > limit:
                raise LookupError(f"{function} has too many ways")
        else:
            raise LookupError(f"{function} has no end")
        done.append(machine.events)
    return done
