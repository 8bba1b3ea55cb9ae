# SPDX-License-Identifier: GPL-2.0
"""What the library in Bochs wrote about the instructions between two RDTSCs, made readable.

A pair of RDTSCs is one measurement, taken many times. Shown is, of each pair, the sample whose
length is nearest to the median of all: how many instructions it has by function, and how many of
those that are slow on a real processor.
"""

import bisect
import collections
import json
import re
import statistics

# The methods of Bochs that carry an instruction out begin with its mnemonic.
CLASSES = {
    "vmentry": r"VM(LAUNCH|RESUME)",
    "vmread": r"VMREAD",
    "vmwrite": r"VMWRITE",
    "msr": r"(RD|WR)MSR",
    "inv": r"INV(EPT|VPID|PCID|LPG)",
    "xsave": r"F?X(SAVE|RSTOR)",
    # SDM Vol. 3, "Serializing Instructions", but for WRMSR and the INVs, which are counted above
    "serialising": r"CPUID|IRET|MOV_CR[034]R|MOV_DR[dq]R|L[GI]DT|LLDT|LTR|WBINVD|INVD|"
                   r"VMPTRLD|VMCLEAR",
}
_CLASSES = {name: re.compile(pattern) for name, pattern in CLASSES.items()}
_METHOD = re.compile(r"_ZN8BX_CPU_C\d+(\w+)EP15bxInstruction_c")
_UPPER_HALF = 1 << 63
_FEW = 4  # samples of a pair that is no measurement
_FAR = 1 << 16  # behind the last function of a module that is known comes one that is gone


class Symbols:
    """The kernel's functions by address, from files like /proc/kallsyms."""

    def __init__(self, texts):
        found = {}
        for text in texts:
            for line in text.splitlines():
                address, kind, name, *module = line.split()
                if kind in "tTwW":
                    found.setdefault(int(address, 16), " ".join([name, *module]))
        self._addresses = sorted(found)
        self._names = [found[a] for a in self._addresses]

    def name(self, address):
        """The function that has this address."""
        if address < _UPPER_HALF:
            return "(guest or program)"
        at = bisect.bisect_right(self._addresses, address) - 1
        if at < 0 or address - self._addresses[at] >= _FAR:
            return "(unknown)"
        return self._names[at]


def parse(lines):
    """{(from, to): (all lengths, [(length, [(address, count, handler)])])}"""
    pairs = {}
    steps = None
    for line in lines:
        words = line.split()
        if words[0] in ("sample", "length"):
            key = int(words[1], 16), int(words[2], 16)
            lengths, samples = pairs.setdefault(key, ([], []))
            lengths.append(int(words[3]))
            if words[0] == "sample":
                steps = []
                samples.append((int(words[3]), steps))
        elif len(words) == 3:
            steps.append((int(words[0], 16), int(words[1]), words[2]))
    return pairs


def _class_of(handler):
    method = _METHOD.match(handler)
    name = method[1] if method else handler
    return next((c for c, pattern in _CLASSES.items() if pattern.match(name)), None)


def summarise(pairs, symbols):
    """A list of measurements, those with most samples first, as plain data."""
    result = []
    for (start, end), (lengths, samples) in pairs.items():
        if len(lengths) < _FEW:
            continue
        median = statistics.median_low(lengths)
        length, steps = min(samples, key=lambda sample: abs(sample[0] - median))
        functions, classes = collections.Counter(), collections.Counter(dict.fromkeys(CLASSES, 0))
        for address, count, handler in steps:
            functions[symbols.name(address)] += count
            kind = _class_of(handler)
            if kind:
                classes[kind] += count
        result.append({"from": f"{start:#x}", "to": f"{end:#x}", "samples": len(lengths),
                       "median": median, "length": length, "slow": dict(classes),
                       "functions": functions.most_common()})
    return sorted(result, key=lambda m: (-m["samples"], m["from"]))


def table(measurements):
    """The same for people."""
    lines = []
    for m in measurements:
        lines.append(f"{m['from']} to {m['to']}: {m['samples']} samples, median {m['median']}, "
                     f"shown {m['length']}")
        lines.append("  " + ", ".join(f"{name} {count}" for name, count in m["slow"].items()))
        lines += [f"  {count:7} {name}" for name, count in m["functions"]]
        lines.append("")
    return "\n".join(lines)


def write(raw, symbol_texts, target):
    """Make target (a table) and target.json of the library's file."""
    with open(raw, encoding="ascii", errors="replace") as lines:
        measurements = summarise(parse(lines), Symbols(symbol_texts))
    target.write_text(table(measurements))
    target.with_name(target.name + ".json").write_text(json.dumps(measurements, indent=1) + "\n")
