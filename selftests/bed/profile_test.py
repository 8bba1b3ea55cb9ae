# SPDX-License-Identifier: GPL-2.0
"""How the bed makes a table of counted instructions."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools/bed"))

from bedlib import profile  # noqa: E402  pylint: disable=wrong-import-position

KALLSYMS = """\
ffffffff81000000 T first
ffffffff81000000 T alias
ffffffff81000100 t second
ffffffff81000180 d data
ffffffffc0000000 t inner [kev]
"""


def method(name):
    """The symbol of a method of Bochs that carries an instruction out."""
    return f"_ZN8BX_CPU_C{len(name)}{name}EP15bxInstruction_c"


# (handler's name, its class)
CLASSES = (
    ("VMREAD_EqGq", "vmread"), ("VMWRITE_GqEq", "vmwrite"), ("VMLAUNCH", "vmentry"),
    ("RDMSR", "msr"), ("WRMSR", "msr"), ("INVEPT", "inv"), ("INVVPID", "inv"), ("INVPCID", "inv"),
    ("INVLPG", "inv"), ("XSAVE", "xsave"), ("XRSTOR", "xsave"), ("FXSAVE", "xsave"),
    ("FXRSTOR", "xsave"), ("XSAVEC", "xsave"), ("CPUID", "serialising"), ("MOV_CR0Rq", "serialising"),
    ("MOV_CR3Rq", "serialising"), ("MOV_CR4Rq", "serialising"), ("MOV_DqRq", None),
    ("MOV_DRqRq", "serialising"), ("LGDT_Op64_Ms", "serialising"), ("LIDT_Op64_Ms", "serialising"),
    ("LLDT_Ew", "serialising"), ("LTR_Ew", "serialising"), ("IRET64", "serialising"),
    ("INVD", "serialising"), ("WBINVD", "serialising"), ("VMPTRLD", "serialising"),
    ("MOV_RqCR0", None), ("LEAVE_Op64", None), ("XGETBV", None), ("XCHG_EqGq", None),
)

RAW = f"""\
sample 1000 1010 50
ffffffff81000004 50 {method("NOP")}
sample 1000 1010 6
1004 1 {method("VMLAUNCH")}
ffffffff81000004 2 {method("VMREAD_EqGq")}
ffffffff81000104 1 {method("WRMSR")}
ffffffff81000190 1 ?
ffffffffc0000010 1 {method("NOP")}
length 1000 1010 6
length 1000 1010 7
length 1000 1010 6
sample 2000 2010 3
ffffffffe0000010 3 {method("NOP")}
"""


def main():
    """Returns the number of failures."""
    failures = 0

    def expect(what, is_, wanted):
        nonlocal failures
        if is_ != wanted:
            failures += 1
            print(f"{what}: {is_!r}, wanted {wanted!r}")

    for name, wanted in CLASSES:
        raw = [f"sample 1 2 1\n9 1 {method(name)}\n"] * 4
        (found,) = profile.summarise(profile.parse("".join(raw).splitlines()),
                                     profile.Symbols([KALLSYMS]))
        expect(name, [kind for kind, count in found["slow"].items() if count],
               [wanted] if wanted else [])

    symbols = profile.Symbols([KALLSYMS])
    for address, wanted in ((0x1000, "(guest or program)"), (0xffffffff80000000, "(unknown)"),
                            (0xffffffff810000ff, "first"), (0xffffffff81000190, "second"),
                            (0xffffffffc0000010, "inner [kev]"), (0xffffffffc0010000, "(unknown)")):
        expect(f"{address:#x}", symbols.name(address), wanted)

    # The nearest to the median is shown; a pair with few samples is not.
    (found,) = profile.summarise(profile.parse(RAW.splitlines()), symbols)
    expect("samples", found["samples"], 5)
    expect("median", found["median"], 6)
    expect("shown", found["length"], 6)
    expect("slow", {k: v for k, v in found["slow"].items() if v},
           {"vmentry": 1, "vmread": 2, "msr": 1})
    expect("functions", found["functions"], [("first", 2), ("second", 2), ("(guest or program)", 1),
                                             ("inner [kev]", 1)])
    expect("table", "first" in profile.table([found]), True)
    return failures


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
