#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The kernel stack, as far as a module's code shows: big frames and recursion.

usage: stack.py [--limit BYTES] MODULE

Prints a line for each function whose frame is bigger than the limit or of no fixed size, and one
for each cycle of calls. Calls through pointers are not followed: what a table of functions leads
to is not seen here.
"""
import argparse
import re
import subprocess

FUNCTION = re.compile(r"^([0-9a-f]+) <(.+)>:$")
SECTION = re.compile(r"^Disassembly of section (.+):$")
INSTRUCTION = re.compile(r"^ *([0-9a-f]+):\t(?:(?:cs|notrack|bnd) )*(\S+) *(\S*)")
RELOCATION = re.compile(r"^\t+[0-9a-f]+: R_X86_64_(?:PLT32|PC32)\t(\S+?)(?:([+-]0x[0-9a-f]+))?$")
TARGET = re.compile(r"^[0-9a-f]+ *<(.+)>")
JUMP = re.compile(r"^j[a-z]+$")


class Function:
    """What one function takes from the stack, and whom it calls."""

    def __init__(self):
        self.pushed = set()
        self.reserved = 0
        self.variable = False
        self.calls = set()
        self.jumps = set()

    def frame(self):
        """With the return address"""
        return 8 + 8 * len(self.pushed) + self.reserved

    def takes(self, name, operand):
        """An instruction that may change the stack pointer"""
        if name == "push":
            self.pushed.add(operand)
        elif name in ("sub", "add") and operand.endswith(",%rsp"):
            amount = operand.split(",")[0]
            if not amount.startswith("$"):
                self.variable = True
                return
            value = int(amount[1:], 16)
            value -= (value >> 63) << 64
            self.reserved = max(self.reserved, value if name == "sub" else -value)


def disassemble(module):
    """The functions of a module, by name"""
    functions, starts, pending = {}, {}, []
    section = current = place = last = None
    output = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", module], check=True,
                            capture_output=True, text=True).stdout
    for line in output.splitlines():
        if match := SECTION.match(line):
            section = match[1]
        elif match := FUNCTION.match(line):
            place = match[2]
            # Two files may have a static function of the same name.
            if place in functions:
                place += "@" + match[1]
            current = functions[place] = Function()
            starts[section, int(match[1], 16)] = place
        elif match := INSTRUCTION.match(line):
            name, operand = match[2], match[3]
            last = None
            if name == "call" or JUMP.match(name):
                last = current.calls if name == "call" else current.jumps
                rest = line.split("\t")[1].split(None, 1)[-1]
                pending.append((last, section, rest, None))
            else:
                current.takes(name, operand)
        elif (match := RELOCATION.match(line)) and last is not None:
            pending[-1] = (last, section, match[1], int(match[2] or "0", 16))
            last = None
    for edges, where, target, offset in pending:
        if offset is None:
            # Within the section: only a function's start has no offset behind its name
            if match := TARGET.match(target):
                address = int(target.split()[0], 16)
                if (where, address) in starts:
                    edges.add(starts[where, address])
        elif (target, offset + 4) in starts:
            edges.add(starts[target, offset + 4])
        elif target in functions and offset == -4:
            edges.add(target)
    return functions


def components(functions):
    """Tarjan's strongly connected components, without recursion"""
    index, low, stack, on_stack, found = {}, {}, [], set(), []
    for root in functions:
        if root in index:
            continue
        work = [(root, None)]
        while work:
            node, successors = work.pop()
            if successors is None:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
                successors = iter(sorted(functions[node].calls | functions[node].jumps))
            for successor in successors:
                if successor not in index:
                    work += [(node, successors), (successor, None)]
                    break
                if successor in on_stack:
                    low[node] = min(low[node], index[successor])
            else:
                if low[node] == index[node]:
                    component = set()
                    while node not in component:
                        component.add(stack.pop())
                    on_stack -= component
                    found.append(component)
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
    return found


def recursions(functions):
    """Those of the components in which the stack grows"""
    for component in components(functions):
        if any(functions[name].calls & component for name in component):
            yield sorted(component)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=1023)
    parser.add_argument("module")
    args = parser.parse_args()
    functions = disassemble(args.module)
    if not functions:
        print(f"{args.module} has no function")
    for name, function in functions.items():
        if function.variable:
            print(f"{name}: a frame of no fixed size")
        if function.frame() > args.limit:
            print(f"{name}: a frame of {function.frame()} bytes")
    for cycle in recursions(functions):
        print(f"recursion: {' '.join(cycle)}")


if __name__ == "__main__":
    main()
