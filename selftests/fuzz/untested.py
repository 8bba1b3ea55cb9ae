#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Is all pure code of the module built for a fuzzer? Prints a case of TAP.

usage: untested.py NUMBER DEPENDENCIES...

DEPENDENCIES are rules of make: what the fuzzers were built from. A header is in no object, but in
what includes it.
"""
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import pure  # noqa: E402  pylint: disable=wrong-import-position


def main():
    number, *rules = sys.argv[1:]
    built = {os.path.realpath(word) for rule in rules for word in Path(rule).read_text().split()}
    missing = [path for path in pure.files(".c", ".h")
               if os.path.join(pure.ROOT, path) not in built]
    for path in missing:
        print(f"# {path} is pure and in no fuzzer")
    print(f"{'not ok' if missing else 'ok'} {number} all pure code is in a fuzzer")
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
