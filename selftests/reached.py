#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What tests in the bed have not reached of the module.

usage: reached.py [--lines] [--table RST --reasons FILE] kev.ko FILE...

FILE is what `bed run --coverage FILE` has left, of as many runs as there are. They may be of other
builds of the same sources, too: the lines are those of kev.ko. Prints the source files with how
many of their lines were executed, the worst first, and of each the functions that have lines left;
--lines also the lines. Lines without an instruction of their own do not count.

--reasons has a line for each reason and, behind it, indented, the functions that it is about:
their names, or FILE:NAME; # begins a comment. --table writes the reasons with what they are about,
for the documentation. A function without a reason, or one that has all its lines executed, is an error.
"""
import argparse
import bisect
import collections
import functools
import hashlib
import itertools
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

SECTION = re.compile(r"^ *\d+ (\S+) +([0-9a-f]{8}) ")
DISASSEMBLY = re.compile(r"^Disassembly of section (.+):$")
INSTRUCTION = re.compile(r"^ *([0-9a-f]+):\t")
DEFINITION = re.compile(r"^(?!.*;$)(?:(?:SYM_\w+|TRACE_EVENT|DEFINE_EVENT)(?=\()|"
                        r"[A-Za-z_][\w \t*]*?[ \t*](?=\w+\())\(?(\w+)")
# What is freed once the module is loaded, or runs where the sections are not to be seen
LEFT_OUT = re.compile(r"^\.(init|exit)|^\.text\..*discard")


class Module:
    """The instructions of a kev.ko, and what they are made of."""

    def __init__(self, path):
        self.path = path
        self.root = os.path.dirname(os.path.realpath(path))
        self.sizes = {match[1]: int(match[2], 16)
                      for line in self._output("objdump", "-h", path).splitlines()
                      if (match := SECTION.match(line))}
        self.places = {name: dict(zip(found, self._places(name, found)))
                       for name, found in self._instructions().items()}

    @staticmethod
    def _output(*command, **options):
        return subprocess.run(command, check=True, capture_output=True, text=True,
                              **options).stdout

    def _instructions(self):
        """{section: offsets}"""
        found, name = collections.defaultdict(list), None
        for line in self._output("objdump", "-d", "--no-show-raw-insn", self.path).splitlines():
            if match := DISASSEMBLY.match(line):
                name = match[1] if not LEFT_OUT.match(match[1]) else None
            elif name and (match := INSTRUCTION.match(line)):
                found[name].append(int(match[1], 16))
        return found

    def _places(self, section, offsets):
        """(file, line) of each, in the module's own sources, or None"""
        lines = self._output("addr2line", "-e", self.path, "-j", section,
                             input="".join(f"{offset:#x}\n" for offset in offsets)).splitlines()
        for place in lines:
            path, _, number = place.split(" ")[0].rpartition(":")
            path = os.path.relpath(os.path.realpath(path), self.root)
            known = path.startswith(("src/", "include/kev/")) and number.isdigit() and \
                0 < int(number) <= len(self.source(path))  # what macros generate may lie beyond
            yield (path, int(number)) if known else None

    @functools.cache
    def source(self, path):
        """The lines of a file"""
        return Path(self.root, path).read_text(encoding="utf-8").splitlines()

    def function(self, path, number):
        """Whose line this is: of the last definition that begins at or above it"""
        found = [match[1] for line in self.source(path)[:number]
                 if (match := DEFINITION.match(line))]
        return found[-1] if found else "(none)"


@functools.cache
def module_of(path):
    """Module, once for each"""
    return Module(path)


def read(file):
    """The places that a run has executed"""
    sections, addresses, path = [], [], None
    for line in Path(file).read_text(encoding="ascii").splitlines():
        kind, *words = line.split()
        if kind == "module":
            path = words[0]
            if hashlib.sha256(Path(path).read_bytes()).hexdigest() != words[1]:
                sys.exit(f"{file}: {path} has been built anew since")
        elif kind == "section":
            sections.append((int(words[1], 16), words[0]))
        else:
            addresses.append(int(words[0], 16))
    module, places = module_of(path), set()
    end = 0
    for start, name in sorted(sections):
        if start < end:
            sys.exit(f"{file}: the module was loaded where it had been before, in part")
        end = start + module.sizes.get(name, 0)
        known = module.places.get(name, {})
        for address in addresses[bisect.bisect_left(addresses, start):
                                 bisect.bisect_left(addresses, end)]:
            if place := known.get(address - start):
                places.add(place)
    return places


def spans(numbers):
    """1-3,7 for 1 2 3 7"""
    found = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{a}-{b}" if a != b else str(a) for a, b in found)


def reasons(file):
    """{function, or file:function: why}, in the order of the file"""
    found, why = {}, ""
    for line in Path(file).read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            found.update((name, why) for name in line.split())
        elif line and not line.startswith("#"):
            why = line
    return found


def table(rows, why, summary, target):
    """Write the documentation's table; returns what is wrong with the reasons."""
    places, used, wrong = {reason: [] for reason in why.values()}, set(), []
    for path, functions in sorted(rows.items()):
        for function, (missed, total) in sorted(functions.items()):
            key = f"{path}:{function}" if f"{path}:{function}" in why else function
            if key in why:
                used.add(key)
                places[why[key]].append((path, f"``{function}()`` {len(missed)} of {total}"))
            else:
                wrong.append(f"{path}:{function}: no reason")
    lines = [*textwrap.wrap(summary, 100), "", ".. list-table::", "   :header-rows: 1",
             "   :widths: 35 65", "",
             "   * - why", "     - file, function, lines"]
    for reason, found in places.items():
        lines += [f"   * - {reason}"]
        for first, (path, group) in enumerate(itertools.groupby(found, lambda place: place[0])):
            lines.append(f"     {' ' if first else '-'} | {path}: " +
                         ", ".join(place[1] for place in group))
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return wrong + [f"{name}: all of it is reached" for name in sorted(why.keys() - used)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--reasons", type=Path)
    parser.add_argument("module")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    module, executed = module_of(os.path.realpath(args.module)), set()
    for file in args.files:
        executed |= read(file)
    found = collections.defaultdict(lambda: collections.defaultdict(set))
    for path, line in {p for known in module.places.values() for p in known.values() if p}:
        found[path][module.function(path, line)].add(line)
    all_total = all_missed = 0
    rows, report = {}, []
    for path, functions in found.items():
        lines = set().union(*functions.values())
        missed = {line for line in lines if (path, line) not in executed}
        rows[path] = {name: (sorted(own & missed), len(own)) for name, own in functions.items()
                      if own & missed}
        report.append((1 - len(missed) / len(lines), path, len(lines), len(missed)))
        all_total, all_missed = all_total + len(lines), all_missed + len(missed)
    for part, path, total, missed in sorted(report):
        print(f"{path:32}{total:6}{missed:6}{100 * part:7.1f} %")
        for name, (own, of_all) in sorted(rows[path].items(), key=lambda row: row[1]):
            print(f"    {name} {len(own)} of {of_all}" +
                  (f": {spans(own)}" if args.lines else ""))
    print(f"{'all':32}{all_total:6}{all_missed:6}{100 * (1 - all_missed / all_total):7.1f} %")
    if args.table:
        runs = ", ".join(f"``{Path(file).stem}``" for file in args.files)
        summary = (f"Of {all_total} lines, {all_missed} were left by these machines of "
                   f"``selftests/reached.sh``: {runs}.")
        wrong = table(rows, reasons(args.reasons), summary, args.table)
        print("\n".join(wrong))
        sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
