#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Does the documentation name what there is? Prints a line for each name that leads nowhere.

Files and directories, targets of make, names with kev_ and KEV_, messages that the page of errors
explains, and words that are spelled in two ways; and headings that Sphinx takes for text.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LITERAL = re.compile(r"``([^`]+)``", re.DOTALL)
WORD = re.compile(r"^[\w./*{},-]+$")
MAKE = re.compile(r"\bmake (?:-C ([\w./]+) )?([a-z][a-z-]*)")
# A line of a block of code
COMMAND = re.compile(r"^ *(?:sudo )?(make -C [\w./]+ [a-z][a-z-]*)", re.MULTILINE)
# Text, and a line with another one of the same length below it that underlines it
LOST_HEADING = re.compile(r"^\S.*\n(\S.*)\n(?:=+|-+|~+)\n", re.MULTILINE)
NAME = re.compile(r"\b(?:kev|KEV)_[A-Za-z0-9_]*[A-Za-z0-9]\b")
SOURCE = re.compile(r"^ *\.\. from ([^:]+): (.*)$", re.MULTILINE)
# What make makes, beside the programs of which there is a source
MADE = re.compile(r"^build/|/build(/|$)|\.ko$|/mine\.c$|[A-Z]{4}|^tools/kevctl/kevctl$")
# What a kernel's tree has, which `make in-tree` adds to
KERNEL = re.compile(r"^(include/uapi|tools/testing|Documentation/virt)/")
KERNEL_TARGETS = {"headers", "kselftest-merge"}
SUFFIXES = ("", ".c", ".32.c", ".sh", ".py")
# Where a short form of a path may begin
SHORT = ("", "selftests/", "src/")
# One spelling of each; names of the SDM's, in code and of options are left alone
SPELLING = {
    "behavior": "behaviour", "color": "colour", "initialize": "initialise",
    "initialization": "initialisation", "optimize": "optimise",
    "optimization": "optimisation", "recognize": "recognise", "synchronize": "synchronise",
    "canceled": "cancelled", "userspace": "user space", "run-page": "run page",
    "hyper-call": "hypercall", "filesystem": "file system", "sub-command": "subcommand",
}


def tracked():
    """The tree's files, as git or, without it, the directory has them."""
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=False,
                          stdout=subprocess.PIPE, encoding="utf-8")
    if done.returncode == 0:
        return done.stdout.splitlines()
    return [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file()]


def expand(pattern):
    """a{b,c}d as ad's with each of them."""
    match = re.match(r"(.*?)\{([^}]*)\}(.*)", pattern)
    if not match:
        return [pattern]
    head, middle, tail = match.groups()
    return [name for part in middle.split(",") for name in expand(head + part + tail)]


def missing_paths(text, rooms):
    """Literals that begin with a directory of the tree and do not exist."""
    for literal in LITERAL.findall(text):
        for word in literal.split():
            word = word.rstrip(".,;:")
            if "/" not in word or not WORD.match(word) or word.split("/")[0] not in rooms:
                continue
            for path in expand(word):
                tries = (head + path.rstrip("/") + tail for head in SHORT for tail in SUFFIXES)
                if MADE.search(path) or KERNEL.search(path):
                    continue
                if not any(any(ROOT.glob(name)) for name in tries):
                    yield path


def has_target(where, target, targets):
    """Is there a rule for it, or the word in that directory's own makefile?"""
    makefile = ROOT / where / "Makefile"
    if where and makefile.is_file():
        return re.search(rf"(?:^|\s){target}(?=[\s:]|$)", makefile.read_text())
    return where or target in targets | KERNEL_TARGETS


def main():
    files = tracked()
    pages = [f for f in files if f.endswith((".rst", "README.md", "CONTRIBUTING.md"))]
    rooms = {f.split("/")[0] for f in files if "/" in f}
    sources = "\n".join((ROOT / f).read_text(errors="replace") for f in files
                        if f.endswith((".c", ".h", ".S", ".py", ".sh", "Kbuild", "Makefile",
                                       "Kconfig"))
                        and f != "selftests/docs.py")
    names = set(re.findall(r"\w+", sources))
    prefixes = {name[:i] for name in names if name.startswith(("kev", "KEV"))
                for i, c in enumerate(name) if c == "_"}
    makefiles = [f for f in files if f.split("/")[-1] == "Makefile"]
    targets = {name for f in makefiles for line in (ROOT / f).read_text().splitlines()
               if re.match(r"^[a-z][\w .-]*:", line) for name in line.split(":")[0].split()}
    for page in pages:
        text = (ROOT / page).read_text()
        # What Markdown marks by one backquote
        if page.endswith(".md"):
            text = re.sub(r"(?<!`)`([^`\n]+)`(?!`)", r"``\1``", text)
        for path in missing_paths(text, rooms):
            print(f"{page}: there is no {path}")
        for command in LITERAL.findall(text) + COMMAND.findall(text):
            for where, target in MAKE.findall(command):
                if not has_target(where, target, targets):
                    print(f"{page}: there is no target {target} {where}")
        for heading in LOST_HEADING.findall(text) if page.endswith(".rst") else ():
            print(f"{page}: no empty line above the heading: {heading}")
        for name in sorted(set(NAME.findall(text))):
            if name not in names and name not in prefixes:
                print(f"{page}: there is no {name}")
        for path, message in SOURCE.findall(text):
            found = (ROOT / path).read_text() if (ROOT / path).is_file() else ""
            if message not in found:
                print(f"{page}: {path} does not say: {message}")
        prose = LITERAL.sub("", text)
        for word, right in SPELLING.items():
            if re.search(rf"(?<!-)\b{word}", prose, re.IGNORECASE):
                print(f"{page}: {word}: {right}")


if __name__ == "__main__":
    sys.exit(main())
