#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Does every file say its licence, and is the text of each there? A line for each problem.

A file says it in one of its first lines; for one that cannot, .reuse/dep5 does."""

import fnmatch
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent.parent
TAG = re.compile(rb"SPDX-License-Identifier: ([A-Za-z0-9.-]+(?: WITH [A-Za-z0-9.-]+)?)")
FIRST_LINES = 5
# The kernel's older name for it
ALIASES = {"GPL-2.0": "GPL-2.0-only"}
# Of which there is no text but itself
NO_TEXT = "LicenseRef-text"


def files():
    """What git has, and what it would be given."""
    names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT,
                           check=True, capture_output=True).stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def patterns():
    """Pairs of a pattern and a licence, of dep5: the last one that fits counts."""
    text = (ROOT / ".reuse/dep5").read_text(encoding="utf-8")
    for names, licence in re.findall(r"^Files: (.*)\nCopyright: .*\nLicense: (.*)$", text,
                                     re.MULTILINE):
        for pattern in names.split():
            yield pattern, licence


def tag(name):
    """The licence that a file names itself, or None."""
    with open(ROOT / name, "rb") as file:
        head = b"".join(file.readline() for _ in range(FIRST_LINES))
    found = TAG.search(head)
    return found and found[1].decode()


def problems():
    """Yields them."""
    texts = {path.stem for path in (ROOT / "LICENSES").iterdir()}
    listed = list(patterns())
    used = set()
    for name in files():
        licence = tag(name)
        for pattern, of_pattern in listed if licence is None else []:
            if fnmatch.fnmatchcase(name, pattern):
                licence = of_pattern
        if licence is None:
            yield f"{name}: no SPDX-License-Identifier"
            continue
        for part in licence.split(" WITH "):
            part = ALIASES.get(part, part)
            used.add(part)
            if part not in texts and part != NO_TEXT:
                yield f"{name}: {part} is not in LICENSES"
    for text in sorted(texts - used):
        yield f"LICENSES/{text}: no file has it"


def main():
    """Prints them."""
    lines = list(problems())
    print("\n".join(lines), end="\n" if lines else "")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
