# SPDX-License-Identifier: GPL-2.0
"""Which files of the module say of themselves that they are pure."""
import os
import re

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))


def find(directory, end):
    """The files below a directory whose names end so"""
    return sorted(os.path.join(where, name) for where, _, names in os.walk(directory)
                  for name in names if name.endswith(end))


def files(*ends):
    """Those of src/, as paths from the root. The first line is the licence."""
    for path in find(os.path.join(ROOT, "src"), ends):
        with open(path, encoding="utf-8") as file:
            file.readline()
            comment = file.read().partition("*/")[0]
        if re.search(r"\bPure\.$", comment, re.MULTILINE):
            yield os.path.relpath(path, ROOT)
