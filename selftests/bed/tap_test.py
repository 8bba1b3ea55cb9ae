# SPDX-License-Identifier: GPL-2.0
"""The counter of cases: logs of programs, and what it says of them."""

import contextlib
import io
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tap  # noqa: E402  pylint: disable=wrong-import-position


def log(body, name="uapi/x", status=0):
    """What the bed prints of a program."""
    return f"# begin {name}\n{body}# end {name} {status}\n"


def harness(case, reason):
    """A skip of the kernel's harness."""
    return f"#  RUN           {case} ...\n#      SKIP      {reason}\n#            OK  {case}\n" \
        f"ok 1 # SKIP {reason}\n"


SKIP_A = harness("global.a", "one CPU")
SKIP_B = harness("smp.b", "one CPU")

# (log, list of skips or None, list of what is optional, options, counts, what is said)
RUNS = (
    (log("1..2\nok 1 a\nok 2 b\n"), None, "", [], "2 0 0", ""),
    (log("1..2\nok 1 a\nnot ok 2 b\n", status=1), None, "", [], "1 1 0", "FAILED uapi/x: b"),
    (log("1..2\nok 1 a\n"), None, "", [], "1 1 0", "ran 1 of 2 cases"),
    (log("ok 1 a\n"), None, "", [], "1 1 0", "printed no plan"),
    (log("1..0\n"), None, "", [], "0 1 0", "has no case"),
    (log("1..1\nok 1 a\n", status=139), None, "", [], "1 1 0", "exited with 139"),
    (log("1..1\nok 1 a\n", status=4), None, "", [], "1 1 0", "skipped nothing"),
    (log("1..1\nnot ok 1 a\n"), None, "", [], "0 2 0", "exited with 0, but cases failed"),
    ("# begin uapi/x\n1..1\nok 1 a\n", None, "", [], "1 1 0", "it never ended"),
    # What a program says of ends and times of its own is text.
    (log("# end x: status 1, wanted: off\n# end y 0\n# at last\n1..1\nok 1 a\n"), None, "", [],
     "1 0 0", ""),
    ("no program\n", None, "", [], "0 1 0", "no test program ran"),
    # A skip of its own name
    (log("1..1\nok 1 a # SKIP why\n"), "uapi/x: a\n", "", [], "0 0 1", ""),
    (log("1..1\nok 1 a # SKIP why\n"), "# a comment\n", "", [], "0 1 1",
     "skipped, and not in FILE: uapi/x: a"),
    (log("1..1\nok 1 a\n"), "uapi/x: a\n", "", [], "1 1 0", "in FILE, but not skipped: uapi/x: a"),
    (log("1..1\nok 1 a # SKIP why\n"), "", "uapi/x: a\n", [], "0 0 1", ""),
    # A skip of the kernel's harness
    (log("1..1\n" + SKIP_A), "uapi/x: one CPU (a)\n", "", [], "0 0 1", ""),
    (log("1..2\n" + SKIP_A + SKIP_B), "uapi/x: one CPU (a smp.b)\n", "", [], "0 0 2", ""),
    (log("1..2\n" + SKIP_A + SKIP_B), "uapi/x: one CPU (a)\n", "", [], "0 1 2",
     "skipped, and not in FILE: uapi/x: one CPU (smp.b)"),
    (log("1..1\n" + SKIP_A), "uapi/x: one CPU (a smp.b)\n", "", [], "0 1 1",
     "in FILE, but not skipped: uapi/x: one CPU (smp.b)"),
    (log("1..1\n" + SKIP_A), "uapi/x: one CPU\n", "", [], "0 2 1",
     "skipped, and not in FILE: uapi/x: one CPU (a)"),
    (log("1..1\n" + SKIP_A), "", "uapi/x: one CPU\n", [], "0 0 1", ""),
    # A case of the harness names no skip of another program's line
    (log("1..2\n#  RUN           global.a ...\nok 1 global.a\nok 2 # SKIP why\n"),
     "uapi/x: why\n", "", [], "1 0 1", ""),
    # Some programs only
    (log("1..1\nok 1 a\n"), "uapi/y: a\n", "", ["--some"], "1 0 0", ""),
    (log("1..1\nok 1 a\n"), "uapi/y: a\n", "", [], "1 1 0", "but not skipped: uapi/y: a"),
)


def count(text, skips, optional, options):
    """What tap.py prints; FILE for the path of the list of skips."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        (scratch / "log").write_text(text, encoding="utf-8")
        (scratch / "optional").write_text(optional, encoding="utf-8")
        if skips is not None:
            (scratch / "skips").write_text(skips, encoding="utf-8")
            options = [*options, "--skips", str(scratch / "skips")]
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            tap.main([*options, str(scratch / "log")])
        return out.getvalue().replace(str(scratch / "skips"), "FILE")


def failures():
    """Descriptions of what went wrong."""
    for text, skips, optional, options, counts, said in RUNS:
        out = count(text, skips, optional, options)
        if out.splitlines()[-1] != counts or said not in out:
            yield f"{text!r}, skips {skips!r}: {out!r}, not {counts!r} and {said!r}"


def main():
    """Print what is wrong; the exit status says whether anything is."""
    wrong = list(failures())
    print("\n".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
