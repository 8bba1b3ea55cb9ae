#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The benchmark's table and its comparison with a baseline: what goes in and what comes out."""

import argparse
import contextlib
import io
import sys

sys.dont_write_bytecode = True

import graph  # noqa: E402  pylint: disable=wrong-import-position
import run  # noqa: E402  pylint: disable=wrong-import-position
import table  # noqa: E402  pylint: disable=wrong-import-position


def result(name, subject, median, **more):
    """What the program in the machine writes for a row."""
    return {"row": True, "group": "", "name": name, "subject": subject, "rounds": 1, "parts": [],
            "unit": "instructions", "median": median, "spread": 0.0, **more}


def row(name, kev, mitigations="off", spread=0.0):
    """What is compared of a row."""
    return {"name": name, "mitigations": mitigations, "unit": "instructions", "kev": kev,
            "spread": None if kev is None else spread}


def failed(name):
    """A row that was not measured."""
    return {"row": True, "group": "", "name": name, "subject": "kev", "rounds": 1, "parts": [],
            "error": "No such device"}


# (kev, KVM, mitigations, ratio, target, met)
VERDICTS = (
    ([result("cpuid", "kev", 120), result("cpuid", "KVM", 1000)], "off", 0.12, 0.12, True),
    ([result("cpuid", "kev", 121), result("cpuid", "KVM", 1000)], "off", 0.121, 0.12, False),
    ([result("cpuid", "kev", 192), result("cpuid", "KVM", 1000)], "auto", 0.192, 0.192, True),
    ([result("cpuid", "kev", 193), result("cpuid", "KVM", 1000)], "auto", 0.193, 0.192, False),
    ([result("print_64", "kev", 5000)], "off", None, None, None),
    ([result("cpuid", "kev", 120)], "off", None, 0.12, None),
    ([result("cpuid", "KVM", 1000)], "off", None, 0.12, None),
    ([failed("cpuid"), result("cpuid", "KVM", 1000)], "off", None, 0.12, None),
    ([result("close_vm", "kev", 40000), result("close_vm", "KVM", 40000000)], "off", 0.001, 0.001,
     True),
)

BASE = [row("cpuid", 100), row("cpuid", 200, "auto"), row("kick", 1000)]

# (rows of a run, titles that are wrong)
COMPARISONS = (
    ([row("cpuid", 100)], []),
    ([row("cpuid", 105)], []),
    ([row("cpuid", 106)], ["cpuid, mitigations=off"]),
    ([row("cpuid", 50)], []),
    ([row("cpuid", 100, spread=0.05)], []),
    ([row("cpuid", 100, spread=0.051)], ["cpuid, mitigations=off"]),
    ([row("cpuid", None)], ["cpuid, mitigations=off"]),
    ([row("rdmsr", 100)], ["rdmsr, mitigations=off"]),
    ([row("cpuid", 150, "auto")], []),
    ([row("cpuid", 211, "auto")], ["cpuid, mitigations=auto"]),
    ([row("kick", 1000, "auto")], ["kick, mitigations=auto"]),
    ([row("cpuid", 106), row("kick", 1100)], ["cpuid, mitigations=off", "kick, mitigations=off"]),
)

SLOW = {"vmentry": 1, "vmread": 5, "vmwrite": 4, "msr": 0, "inv": 0, "xsave": 0, "serialising": 1}
HERE, THERE = ["0x10001b", "0x100030"], ["0x403000", "0x403100"]


def pair(start, end, median):
    """A pair of RDTSCs in a profile."""
    return {"from": start, "to": end, "samples": 5, "median": median, "slow": SLOW}


# (figure of the row, result of the run with a profile, its pairs, VMREADs of an operation or None)
COUNTS = (
    (400, result("cpuid", "kev", 400, parts=[HERE]), [pair(*HERE, 400)], 5),
    (400, result("cpuid", "kev", 400, parts=[HERE]), [pair(HERE[0], "0x100033", 400)], None),
    (400, result("cpuid", "kev", 400, parts=[HERE]), [pair(*HERE, 500)], None),
    (100, result("cpuid", "kev", 100, parts=[HERE], rounds=4), [pair(*HERE, 402)], 1.25),
    # What the row measured was something else, or nothing.
    (300, result("cpuid", "kev", 400, parts=[HERE]), [pair(*HERE, 400)], None),
    (500, result("cpuid", "kev", 400, parts=[HERE]), [pair(*HERE, 400)], None),
    (None, result("cpuid", "kev", 400, parts=[HERE]), [pair(*HERE, 400)], None),
    # What is not in instructions, or has several parts, is not a sum of lengths.
    (400, result("cpuid", "kev", 40000, parts=[HERE], unit="bytes"), [pair(*HERE, 500)], 5),
    (1, result("cpuid", "kev", 400, parts=[HERE, THERE]), [pair(*THERE, 900), pair(*HERE, 300)],
     10),
    (400, result("cpuid", "kev", 400, parts=[HERE, THERE]), [pair(*HERE, 400)], None),
    (400, result("cpuid", "kev", 400), [pair(*HERE, 400)], None),
    (400, failed("cpuid"), [pair(*HERE, 400)], None),
)


def of_group(**more):
    """What the program in the machine writes for a thing beside the table."""
    return {"row": False, "group": "exits", "name": "HLT", "subject": "kev", **more}


BOTH = [result(name, side, 1) for name in ("cpuid", "kick") for side in ("kev", "KVM")]
MEASURED = {"unit": "instructions", "median": 1, "samples": 1}

# (side, results of a machine that measures cpuid and kick, mitigations with counts, is all well)
ENDS = (
    ("kev", [result("cpuid", "kev", 1), result("kick", "kev", 1)], None, True),
    ("kev", [result("cpuid", "kev", 1), result("kick", "kev", 1)], "both", True),
    ("kev", [result("cpuid", "kev", 1), result("kick", "kev", 1)], "off", False),
    ("kev", [result("cpuid", "kev", 1), failed("kick")], "both", False),
    ("kev", [result("cpuid", "kev", 1)], "both", False),
    ("kev", [], "both", False),
    ("kvm", [result("cpuid", "KVM", 1), result("kick", "KVM", 1)], None, True),
    ("kvm", [result("cpuid", "KVM", 1)], None, False),
    ("both", BOTH, "both", True),
    ("both", BOTH[:-1], "both", False),
    ("both", [*BOTH, of_group(**MEASURED)], "both", True),
    ("both", [*BOTH, of_group(error="No such device")], "both", False),
)

# (options, are they taken)
OPTIONS = (
    ("cpuid kick exits", True), ("cpiud", False), ("--check cpuid", True),
    ("--check exits", False), ("--baseline exits", False),
)


def verdict_failures():
    """Rows that are judged wrong."""
    for results, mitigations, ratio, target, met in VERDICTS:
        found = table.rows(results, mitigations)[0]
        if (found["ratio"], found["target"], found["met"]) != (ratio, target, met):
            yield f"{results}, {mitigations}: {found}"
        if met is False and "missed" not in "\n".join(table.table([found])):
            yield f"{found}: the table does not say so"


def order_failures():
    """Rows in another order than the table's, and a group's result among them."""
    results = [result(name, "kev", 1) for name in reversed(table.TARGETS)]
    results.append({**result("exits", "kev", 1), "row": False})
    if [found["name"] for found in table.rows(results, "off")] != list(table.TARGETS):
        yield "the rows are not in order"
    found = table.rows(results[:1], "off", ["kick", "exits"])
    if [(one["name"], one["kev"]) for one in found] != [("kick", None), ("cycle", 1)]:
        yield f"what was not measured is not there: {found}"


def comparison_failures():
    """Comparisons with the baseline that come out wrong."""
    for bench, wrong in COMPARISONS:
        found = [title for title, problem, _ in table.compare(bench, BASE) if problem]
        if found != wrong:
            yield f"{bench}: {found}, not {wrong}"


def merge_failures():
    """Baselines that lose or mix up what was kept."""
    old = {**row("cpuid", 100), "kvm": 1000, "ratio": 0.1, "spread": 0.0, "target": 0.12,
           "met": True, "counts": {"vmread": 5}}
    new = {**old, "kev": 200, "kvm": None, "ratio": None, "met": None}
    del new["counts"]
    other = {**old, "name": "kick", "mitigations": "auto"}
    found = table.merge([other, old], [new])
    if found != [{**old, "kev": 200, "ratio": 0.2, "met": False}, other]:
        yield f"{found}"
    if table.merge([], [old]) != [old]:
        yield "the first baseline is not what was measured"


def told_failures():
    """Comparisons that are told wrong, or whose end is not the exit status's."""
    for bench, wrong in COMPARISONS:
        for tap in (False, True):
            told = io.StringIO()
            with contextlib.redirect_stdout(told):
                good = run.check(bench, BASE, tap)
            bad = [line for line in told.getvalue().splitlines()
                   if line.startswith(("not ok", "FAILED"))]
            if good == bool(wrong) or [title for title in wrong
                                       if not any(title in line for line in bad)]:
                yield f"{bench}, tap {tap}: {good}, {told.getvalue()!r}"
            if tap and not told.getvalue().endswith(f"\n1..{len(bench)}\n"):
                yield f"{bench}: no plan: {told.getvalue()!r}"


def end_failures():
    """Runs with a row that was not measured and an exit status that does not say so."""
    kept = run.measure, run.add_counts
    options = argparse.Namespace(mitigations="both", no_counts=False, check=False,
                                 baseline=False, short=False, names=["cpuid", "kick"])

    def add_counts(rows, _names, mitigations):
        for one in rows:
            if counted in ("both", mitigations):
                one["counts"] = SLOW

    try:
        run.add_counts = add_counts
        for options.side, results, counted, good in ENDS:
            options.no_counts = counted is None
            run.measure = lambda *_, results=results: results
            told = io.StringIO()
            with contextlib.redirect_stdout(told), contextlib.redirect_stderr(io.StringIO()):
                if run.run(options) != good:
                    yield f"{options.side}, {results}, {counted}: not {good}"
            if told.getvalue().find("mitigations=auto") < told.getvalue().find("mitigations=off"):
                yield f"{results}: the tables are not in order"
    finally:
        run.measure, run.add_counts = kept


def option_failures():
    """Names that are taken and measure nothing, or are not taken."""
    argv = sys.argv
    try:
        for words, good in OPTIONS:
            sys.argv = ["run.py", *words.split()]
            taken = True
            with contextlib.redirect_stderr(io.StringIO()):
                try:
                    run.parse()
                except SystemExit:
                    taken = False
            if taken != good:
                yield f"{words}: {taken}"
    finally:
        sys.argv = argv
    with contextlib.redirect_stdout(io.StringIO()):
        if run.check([], BASE, True):
            yield "a comparison of nothing is good"


def machine_failures():
    """Names that go to the wrong machine, or to none."""
    for names, wanted in ((["cpuid", "kick", "start", "pair"],
                           [(1, ["cpuid", "start"]), (2, ["kick", "pair"])]),
                          (["kick"], [(2, ["kick"])]), (["cpuid"], [(1, ["cpuid"])])):
        if list(run.by_cpus(names)) != wanted:
            yield f"{names}: {list(run.by_cpus(names))}"


def count_failures():
    """Counts that go to the wrong row, or to none."""
    for figure, measured, pairs, vmreads in COUNTS:
        bench = [row("cpuid", figure)]
        table.add_counts(bench, [measured], pairs)
        found = bench[0].get("counts", {}).get("vmread")
        if found != vmreads:
            yield f"{figure}, {measured}, {pairs}: {found}, not {vmreads}"


def graph_failures():
    """A picture that lacks something."""
    results = [{**result(f"{what}, {vms} VM{'s' if vms > 1 else ''}", subject, 1000 * vms),
                "group": "scale", "row": False}
               for what in ("start", "memory of each") for vms in (1, 10, 100)
               for subject in ("kev", "KVM")]
    if graph.points(results)["start", "KVM"] != [(1, 1000), (10, 10000), (100, 100000)]:
        yield "the points are wrong"
    if graph.draw(results).count("<circle") != len(results):
        yield "not every point is in the picture"


TESTS = (
    ("ratio, target and verdict", verdict_failures),
    ("order of the rows", order_failures),
    ("comparison with the baseline", comparison_failures),
    ("a comparison's output and end", told_failures),
    ("what was not measured", end_failures),
    ("names", option_failures),
    ("machines for the rows", machine_failures),
    ("baseline with new numbers", merge_failures),
    ("counts of a profile", count_failures),
    ("picture", graph_failures),
)


def main():
    """TAP; the exit status says whether anything is wrong."""
    bad = 0
    print(f"1..{len(TESTS)}")
    for number, (name, failures) in enumerate(TESTS, 1):
        wrong = list(failures())
        for line in wrong:
            print(f"# {line}")
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        bad += bool(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
