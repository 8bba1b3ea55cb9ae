# SPDX-License-Identifier: GPL-2.0
"""The table of the benchmark: its rows and targets, and what is made of a machine's results.

A result is what the program in the machine writes (see report.c): a dictionary with row, group,
name, subject ("kev" or "KVM"), unit, median, spread and others, or error. A row of the table, as
it stands in build/bench.json, has name, mitigations ("off" or "auto"), unit, kev, kvm, ratio,
spread, target and met; kvm, ratio, target and met are None where there is no such thing; counts,
where they were taken, has what the operation executes of what is slow on a processor.
"""

import json

# Target of kev / KVM with mitigations=off, in the order of the table; None: no KVM side
TARGETS = {
    "hypercall": 0.12,
    "print_64": None,
    "cpuid": 0.12,
    "rdmsr": 0.12,
    "wrmsr": 0.10,
    "pio_user": 0.35,
    "mmio_user": 0.30,
    "read_regs": 0.05,
    "kick": 0.35,
    "fault_zero_4k": 0.20,
    "fault_zero_2m": 0.55,
    "fault_image": 0.10,
    "fault_image_cow": 0.25,
    "start_1m": 0.05,
    "close_vm": 0.001,
    "mem_idle_vm": 0.25,
    "cycle": 0.003,
}

# Both sides pay for mitigations, and kev has less to set them off against.
AUTO_FACTOR = 1.6

# What a profile counts, and how the table calls it
COUNTS = {
    "vmread": "VMREAD",
    "vmwrite": "VMWRITE",
    "msr": "MSR",
    "inv": "INV",
    "xsave": "XSAVE",
    "serialising": "serial.",
}

# A row may be so much above its baseline, and its repetitions so far apart.
TOLERANCE = 0.05


def target(name, mitigations):
    """The greatest ratio that will do, or None."""
    limit = TARGETS[name]
    if limit is None or mitigations == "off":
        return limit
    return round(limit * AUTO_FACTOR, 4)


def _judge(row):
    """Fill in what follows from the two sides."""
    kev, kvm, limit = row["kev"], row["kvm"], row["target"]
    ratio = kev / kvm if kev is not None and kvm else None
    row["ratio"] = None if ratio is None else round(ratio, 6)
    row["met"] = None if ratio is None or limit is None else ratio <= limit
    return row


def _row(name, mitigations, sides):
    kev, kvm = sides.get("kev", {}), sides.get("KVM", {})
    return _judge({
        "name": name,
        "mitigations": mitigations,
        "unit": (kev or kvm).get("unit", "instructions"),
        "kev": kev.get("median"),
        "kvm": kvm.get("median"),
        "ratio": None,
        "spread": kev.get("spread"),
        "target": target(name, mitigations),
        "met": None,
    })


def rows(results, mitigations, names=()):
    """Rows of results of machines with these mitigations, in the table's order.

    What names has is there even if it has no result.
    """
    sides = {}
    for result in results:
        if result["row"]:
            sides.setdefault(result["name"], {})[result["subject"]] = result
    return [_row(name, mitigations, sides.get(name, {})) for name in TARGETS
            if name in sides or name in names]


def measured(row, sides):
    """Is there a figure of each of these sides that the row has?"""
    return all(row[side] is not None for side in sides
               if side == "kev" or TARGETS[row["name"]] is not None)


def _same(one, other):
    return abs(one - other) <= TOLERANCE * other + 2


def _parts(row, result, pairs):
    """What a profile has between the RDTSCs of a row; None if something is missing.

    A figure that is counted between two RDTSCs is what the profile counts there, too, in a run
    that does what the row's did.
    """
    known = {(pair["from"], pair["to"]): pair for pair in pairs}
    found = [known.get(tuple(part)) for part in result["parts"]]
    if not found or None in found:
        return None
    if len(found) == 1 and result["unit"] == "instructions":
        length = found[0]["median"] / result["rounds"]
        if not _same(length, result["median"]) or not _same(length, row["kev"]):
            return None
    return found


def add_counts(bench, results, pairs):
    """Put "counts" into rows: results tell where a row's RDTSCs are, pairs are of a profile."""
    known = {result["name"]: result for result in results
             if result["row"] and result["subject"] == "kev" and "error" not in result}
    for row in bench:
        result = known.get(row["name"])
        found = _parts(row, result, pairs) if result and row["kev"] is not None else None
        if found:
            row["counts"] = {key: round(sum(part["slow"][key] for part in found) /
                                        result["rounds"], 2) for key in COUNTS}


def _number(value):
    return "-" if value is None else f"{value:,}"


def _ratio(value):
    if value is None:
        return "-"
    return f"{value:.3f}" if value >= 0.01 else f"{value:.5f}"


def _verdict(row):
    return {None: "-", True: "met", False: "missed"}[row["met"]]


def table(bench):
    """Lines for people."""
    counted = any("counts" in row for row in bench)
    head = (f"{'':16} {'kev':>12} {'KVM':>12} {'kev/KVM':>8} {'target':>8} {'verdict':>7} "
            f"{'spread':>7}")
    if counted:
        head += " " + " ".join(f"{word:>7}" for word in COUNTS.values())
    mode = None
    for row in bench:
        if row["mitigations"] != mode:
            mode = row["mitigations"]
            yield ""
            yield f"mitigations={mode}"
            yield head
        spread = "-" if row["spread"] is None else f"{100 * row['spread']:.1f} %"
        line = (f"{row['name']:16} {_number(row['kev']):>12} {_number(row['kvm']):>12} "
                f"{_ratio(row['ratio']):>8} {_ratio(row['target']):>8} {_verdict(row):>7} "
                f"{spread:>7}")
        if counted:
            counts = row.get("counts", {})
            line += " " + " ".join(f"{counts.get(key, '-'):>7}" for key in COUNTS)
        yield line.rstrip()


def groups(results):
    """Lines for people: what is measured beside the table."""
    last = None
    for result in results:
        if result["group"] != last:
            last = result["group"]
            yield ""
            yield f"{last:48} {'median':>11} {'mean':>11} {'minimum':>11} {'n':>5}"
        line = f"  {result['name']:38} {result['subject']:6} "
        if "error" in result:
            yield line + f"not measured: {result['error']}"
            continue
        line += f"{result['median']:12,}"
        if result["samples"] > 1:
            line += f" {result['mean']:11,} {result['min']:11,} {result['samples']:>5}"
        yield line + f" {result['unit']}"


def to_json(bench):
    """One row a line."""
    return "[\n" + ",\n".join(json.dumps(row) for row in bench) + "\n]\n"


def merge(base, bench):
    """The baseline with what was measured now: of rows that are new, and of sides that are."""
    known = {(row["mitigations"], row["name"]): row for row in base}
    for row in bench:
        before = known.get((row["mitigations"], row["name"]), {})
        now = {key: value for key, value in row.items() if value is not None}
        known[row["mitigations"], row["name"]] = _judge({**row, **before, **now})
    return [known[mode, name] for mode in ("off", "auto") for name in TARGETS
            if (mode, name) in known]


def compare(bench, base):
    """Rows of a run with a baseline: (row's title, what is wrong or None, a remark) for each.

    More than TOLERANCE above it is wrong, and so are repetitions that are as far apart: such a
    figure tells nothing. Below it, somebody should write the baseline anew.
    """
    known = {(row["name"], row["mitigations"]): row["kev"] for row in base}
    for row in bench:
        title = f"{row['name']}, mitigations={row['mitigations']}"
        before = known.get((row["name"], row["mitigations"]))
        now = row["kev"]
        if now is None:
            yield title, "not measured", ""
        elif before is None:
            yield title, "not in the baseline", ""
        elif row["spread"] > TOLERANCE:
            yield title, f"a spread of {100 * row['spread']:.1f} % around {now:,}", ""
        elif now > before * (1 + TOLERANCE):
            yield title, f"{now:,} instead of {before:,}, {100 * (now / before - 1):+.1f} %", ""
        elif now < before * (1 - TOLERANCE):
            yield title, None, (f"{now:,} instead of {before:,}: make bench-baseline "
                                "would keep it")
        else:
            yield title, None, f"{now:,}, baseline {before:,}"
