#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What part of the pure code's lines the unit tests run.

usage: coverage.py [--least PERCENT] [--lines] BUILD

BUILD holds what `make coverage` has built and run. Prints a table of the files, the worst first;
--lines also the lines that nothing runs. Exit status 1: a file is below PERCENT, or one that says of
itself that it is pure is in no unit test.
"""
import argparse
import collections
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import pure  # noqa: E402  pylint: disable=wrong-import-position

# The module's code, and its headers where they have code
PURE = ("src/", "include/kev/")


def runs(build):
    """{file: {line: how often it ran}}, of all objects together"""
    files = collections.defaultdict(dict)
    for note in pure.find(build, ".gcno"):
        output = subprocess.run(["gcov", "--json-format", "--stdout", note], check=True,
                                capture_output=True, text=True).stdout
        for report in map(json.loads, output.splitlines()):
            for file in report["files"]:
                path = os.path.realpath(os.path.join(report["current_working_directory"],
                                                     file["file"]))
                path = os.path.relpath(path, pure.ROOT)
                if not path.startswith(PURE):
                    continue
                lines = files[path]
                for line in file["lines"]:
                    number = line["line_number"]
                    lines[number] = lines.get(number, 0) + line["count"]
    return files


def untested(build):
    """Code that is pure and built for no test. Not all of it has lines: a table has none."""
    built = [note.removesuffix(".gcno") for note in pure.find(build, ".gcno")]
    for path in pure.files(".c"):
        name = path.removeprefix("src").removesuffix(".c")
        if not any(one.endswith(name) for one in built):
            yield path


def spans(numbers):
    """1-3,7 for 1 2 3 7"""
    found = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{a}-{b}" if a != b else str(a) for a, b in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--least", type=float, default=95)
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("build")
    args = parser.parse_args()
    rows = []
    for path, lines in runs(args.build).items():
        missed = sorted(number for number, count in lines.items() if not count)
        rows.append((100 * (1 - len(missed) / len(lines)), path, len(lines), missed))
    if not rows:
        sys.exit(f"{args.build} has no coverage data")
    rows.sort(key=lambda row: row[:2])
    print(f"{'file':36}{'lines':>7}{'missed':>8}{'run':>9}")
    for percent, path, total, missed in rows:
        below = "" if percent >= args.least else f"  below {args.least:g} %"
        print(f"{path:36}{total:7}{len(missed):8}{percent:7.1f} %{below}")
        if args.lines and missed:
            print(f"  {spans(missed)}")
    total = sum(row[2] for row in rows)
    missed = sum(len(row[3]) for row in rows)
    print(f"{'all':36}{total:7}{missed:8}{100 * (1 - missed / total):7.1f} %")
    missing = list(untested(args.build))
    for path in missing:
        print(f"{path} is pure and in no unit test")
    sys.exit(rows[0][0] < args.least or bool(missing))


if __name__ == "__main__":
    main()
