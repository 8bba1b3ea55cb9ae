#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Run the benchmark in the bed and print its table.

Without options both sides are measured, with mitigations=off and mitigations=auto, on one CPU
and, for what needs them, on two; build/bench.json gets the rows. NAME is a row, or a group of
other things that stands behind the table (exits, returns, pair, kicks, start, faults, memory,
process, net). --check compares kev's side with bench/baseline.json; --baseline puts there, and
into the table of the documentation, what was measured. --scale starts 1,000 VMs and draws
Documentation/scale.svg.
"""

import argparse
import concurrent.futures
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import graph  # noqa: E402  pylint: disable=wrong-import-position
import table  # noqa: E402  pylint: disable=wrong-import-position

ROOT = Path(__file__).resolve().parent.parent
BED = ROOT / "tools/bed/bed"
BASELINE = ROOT / "bench/baseline.json"
BENCH = ROOT / "build/bench.json"
PROFILES = ROOT / "build/bench-profile"
TABLE = ROOT / "Documentation/bench-table.txt"
SCALE = ROOT / "bench/scale.json"
GRAPH = ROOT / "Documentation/scale.svg"

# What needs two CPUs; everything else has one, where counts repeat best.
TWO_CPUS = ("kick", "pair", "kicks")
# Groups that are shown behind the table
GROUPS = ("exits", "returns", "pair", "kicks", "start", "faults", "memory", "process", "net")
# What is checked each time that the tests run
SHORT = ("hypercall", "cpuid", "rdmsr", "wrmsr", "fault_zero_4k", "start_1m")
# All clocks go as on a CPU of 3.5 GHz that does an instruction in each cycle: what waits, and
# the timer's interrupts, are as many instructions apart as there. Not with two CPUs: their waits
# take the emulator as long as work does, and the rows that need them do not wait.
CLOCKS = {1: ("--tsc-khz", "3500000"), 2: ()}


class Failed(Exception):
    """The bed did not do what it was asked to."""


def machine(words, mitigations="off", options=()):
    """Run the program in one machine; its results. What it prints goes to stderr."""
    with tempfile.TemporaryDirectory() as out:
        # Counts of a machine that has just booted repeat best.
        command = [BED, "run", "--cold", "--timeout", "2400", "--out", out, *options,
                   "--append", f"mitigations={mitigations}", "--",
                   "sh", "-c", 'bed-disk && exec bench --json /out/bench.json "$@"', "bench",
                   *words]
        status = subprocess.run(command, stdout=sys.stderr, check=False).returncode
        results = Path(out) / "bench.json"
        # 1 says that something was not measured; the results say what.
        if status not in (0, 1) or not results.exists():
            raise Failed(f"bed run ended with status {status}")
        return json.loads(results.read_text())


def by_cpus(names):
    """Names that are measured on the same machine: its number of CPUs, and they."""
    for cpus in (1, 2):
        some = [name for name in names if (name in TWO_CPUS) == (cpus == 2)]
        if some:
            yield cpus, some


def measure(names, mitigations, side):
    """Results of rows and groups, from a machine with one CPU and one with two."""
    words = [] if side == "both" else ["--side", side]
    results = []
    for cpus, some in by_cpus(names):
        results += machine([*words, *some], mitigations, ["--cpus", str(cpus), *CLOCKS[cpus]])
    return results


def add_counts(bench, names, mitigations):
    """Put into kev's rows what their operations execute of what is slow on a processor.

    The profiles stay, with each operation's instructions by function.
    """
    PROFILES.mkdir(parents=True, exist_ok=True)
    for cpus, some in by_cpus(names):
        profile = PROFILES / f"{mitigations}-{cpus}.txt"
        results = machine(["--side", "kev", "--few", *some], mitigations,
                          ["--cpus", str(cpus), *CLOCKS[cpus], "--profile", str(profile)])
        pairs = json.loads(Path(f"{profile}.json").read_text())
        table.add_counts(bench, results, pairs)


def check(bench, base, tap):
    """Compare and tell; is everything as it was?"""
    good = True
    number = 0
    for title, wrong, remark in table.compare(bench, base):
        number += 1
        good = good and not wrong
        if tap:
            print(f"{'not ok' if wrong else 'ok'} {number} - {title}")
            print(f"# {wrong or remark}")
        else:
            print(f"{'FAILED' if wrong else 'ok':6} {title}: {wrong or remark}")
    if tap:
        print(f"1..{number}")
    return good and number > 0


def scale():
    """1 to 1,000 VMs at the same time: the data, and the picture."""
    # KVM waits in each close: not with a clock that makes that 40 million instructions.
    results = machine(["scale"], options=["--mem", "2048"])
    if not results or any("error" in result for result in results):
        raise Failed(f"not all was measured: {GRAPH} and {SCALE} stay as they are")
    SCALE.write_text(json.dumps(results, indent=1) + "\n")
    GRAPH.write_text(graph.draw(results))
    print(f"{GRAPH}, by {SCALE}")
    return True


def parse():
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--mitigations", choices=("off", "auto", "both"), default="both")
    add("--side", choices=("kev", "kvm", "both"), default="both")
    add("--no-counts", action="store_true", help="leave out the counts of slow instructions")
    add("--check", action="store_true", help="compare kev's side with the baseline")
    add("--baseline", action="store_true", help="keep what was measured")
    add("--short", action="store_true", help="with --check: a few rows")
    add("--tap", action="store_true", help="with --check: as results of tests")
    add("--scale", action="store_true", help="1 to 1,000 VMs at the same time")
    add("names", metavar="NAME", nargs="*")
    options = parser.parse_args()
    known = list(table.TARGETS) if options.check or options.baseline else [*table.TARGETS, *GROUPS]
    for name in options.names:
        if name not in known:
            parser.error(f"{name} is none of {', '.join(known)}")
    return options


def run(options):
    """Measure; is everything as it should be?"""
    side = "kev" if options.check else options.side
    modes = ("off", "auto") if options.mitigations == "both" else (options.mitigations,)
    names = options.names or list(table.TARGETS)
    if options.short:
        names, modes = list(SHORT), ("off",)
    counts = side != "kvm" and not (options.no_counts or options.check)

    def in_mode(mode):
        wanted = names
        if mode == "off" and not (options.names or options.check or options.baseline):
            wanted = [*names, *GROUPS]
        results = measure(wanted, mode, side)
        rows = table.rows(results, mode, names)
        if counts:
            add_counts(rows, names, mode)
        return rows, [result for result in results if not result["row"]]

    # Each has an emulator of its own, in which nothing is counted but instructions.
    with concurrent.futures.ThreadPoolExecutor(len(modes)) as pool:
        measured = list(pool.map(in_mode, modes))
    bench = [row for rows, _ in measured for row in rows]
    groups = [result for _, others in measured for result in others]
    if options.check:
        return check(bench, json.loads(BASELINE.read_text()), options.tap)
    for line in (*table.table(bench), *table.groups(groups)):
        print(line)
    if not options.names:
        BENCH.parent.mkdir(exist_ok=True)
        BENCH.write_text(table.to_json(bench))
        print(f"\n{BENCH}")
    if options.baseline:
        base = json.loads(BASELINE.read_text()) if BASELINE.exists() else []
        base = table.merge(base, bench)
        BASELINE.write_text(table.to_json(base))
        TABLE.write_text("\n".join(table.table(base)).lstrip("\n") + "\n")
        print(f"{BASELINE}\n{TABLE}")
    missing = [row for row in bench if counts and row["kev"] is not None and "counts" not in row]
    for row in missing:
        print(f"bench: {row['name']}, mitigations={row['mitigations']}: nothing was counted",
              file=sys.stderr)
    sides = ("kev", "kvm") if side == "both" else (side,)
    return (not missing and not any("error" in result for result in groups) and
            all(table.measured(row, sides) for row in bench))


def main():
    """Do what the options say; the exit status says whether all is well."""
    options = parse()
    try:
        return 0 if (scale() if options.scale else run(options)) else 1
    except Failed as failed:
        print(f"bench: {failed}", file=sys.stderr)
        return 125


if __name__ == "__main__":
    sys.exit(main())
