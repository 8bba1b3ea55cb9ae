# SPDX-License-Identifier: GPL-2.0-only
"""Sphinx configuration of the manual pages: `make man`. The HTML documentation has its own."""

import pathlib
import re

HERE = pathlib.Path(__file__).parent

project = "kev"
author = "the kev developers"
version = release = (HERE.parent.parent / "VERSION").read_text("ascii").strip()
today_fmt = "%Y-%m-%d"
master_doc = "index"
man_make_section_directory = True

# Name, section, and what stands behind the name
man_pages = [
    (name, name, summary, "", section)
    for name, section, summary in (
        ("kevctl", 1, "run guests under the kev hypervisor module"),
        ("kevctl-run", 1, "run a guest from an ELF image"),
        ("kevctl-ps", 1, "list guests that run"),
        ("kevctl-stat", 1, "what VMs have counted"),
        ("kevctl-top", 1, "the VMs that do most"),
        ("kevctl-trace", 1, "why guests exit, and how long that takes"),
        ("kevctl-kill", 1, "end guests"),
        ("kevctl-console", 1, "see what a guest prints, and give it input"),
        ("kevctl-inspect", 1, "what an image is, and how run would start it"),
        ("kevctl-check", 1, "can this machine run kev?"),
        ("kevctl-version", 1, "versions of kevctl and of the module"),
        ("kev", 4, "the device of the kev hypervisor module"),
        ("libkev", 3, "the calls of the kev hypervisor module as functions"),
    )
]

# What mandoc's lint has to say of Sphinx: a paragraph begins where a section does, and there is
# a font C for code.
REWRITES = (
    (re.compile(r"^(\.S[HS] .*\n)\.sp\n", re.MULTILINE), r"\1"),
    (re.compile(r"^\.ft [CP]\n", re.MULTILINE), ""),
)


def rewrite(app, error):
    """Goes over the pages once they are there."""
    if error or app.builder.name != "man":
        return
    for path in pathlib.Path(app.outdir).glob("man?/*"):
        text = path.read_text(encoding="utf-8")
        for pattern, replacement in REWRITES:
            text = pattern.sub(replacement, text)
        path.write_text(text, encoding="utf-8")


def setup(app):
    """Sphinx's way in."""
    app.connect("build-finished", rewrite)
