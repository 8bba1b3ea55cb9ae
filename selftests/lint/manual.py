#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What kev(4) and libkev(3) leave out, or name that is not there, a line each."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent.parent
MANUAL = ROOT / "Documentation" / "man"


def read(*names):
    """The text of files of the tree."""
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)


def compare(what, there, described):
    """Yields a line for each difference between two sets."""
    for name in sorted(there - described):
        yield f"{what}: {name} is not described"
    for name in sorted(described - there):
        yield f"{what}: there is no {name}"


def calls():
    """Each ioctl has an entry, with its structure."""
    header = read("uapi/linux/kev.h")
    page = read("Documentation/man/kev.rst")
    there = set(re.findall(r"^#define (KEV_\w+)\s+_IO\(", header, re.MULTILINE))
    described = set()
    for line in re.findall(r"^(KEV_[^ \n].*)\n   ", page, re.MULTILINE):
        described |= set(re.findall(r"KEV_\w+", line))
        for structure in re.findall(r"struct (\w+)", line):
            if f"struct {structure} {{" not in read(
                    *(str(path.relative_to(ROOT)) for path in (ROOT / "uapi").glob("linux/*.h"))):
                yield f"kev(4): there is no struct {structure}"
    yield from compare("kev(4)", there, described)


def parameters():
    """Each parameter has one, and a star where it can be changed."""
    there = set()
    for path in (ROOT / "src").rglob("*.c"):
        for name, mode in re.findall(r"^module_param\w*\((\w+),.*, (0\d+)\);",
                                     path.read_text(encoding="utf-8"), re.MULTILINE):
            there.add(name + ("*" if int(mode, 8) & 0o200 else ""))
    page = read("Documentation/man/kev.rst")
    section = page.partition("MODULE PARAMETERS\n")[2].partition("\nFILES\n")[0]
    described = set()
    for line in re.findall(r"^(\w.*)\n   ", section, re.MULTILINE):
        described |= set(line.split(", "))
    yield from compare("kev(4), parameters", there, described)


def functions():
    """Each function has one, with its prototype."""
    header = re.sub(r"/\*.*?\*/", "", read("tools/libkev/libkev.h"), flags=re.DOTALL)
    there = {
        re.sub(r"\s+", " ", prototype).strip()
        for prototype in re.findall(r"^[a-z][^;#]*\bkev_\w+\([^;]*\)(?=;)", header, re.MULTILINE)
    }
    page = read("Documentation/man/libkev.rst")
    described = set(re.findall(r"^``([^`]*\(.*\))``$", page, re.MULTILINE))
    yield from compare("libkev(3)", there, described)
    names = {re.search(r"(\w+)\(", prototype)[1] for prototype in there}
    exported = set(re.findall(r"^\s+(kev_\w+);", read("tools/libkev/libkev.map"), re.MULTILINE))
    yield from compare("libkev(3) and libkev.map", exported, names)


def main():
    """Prints them all."""
    lines = [*calls(), *parameters(), *functions()]
    print("\n".join(lines), end="\n" if lines else "")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
