# SPDX-License-Identifier: GPL-2.0
"""The bed's own programs in C: the agent for the machine, the library for Bochs."""

from bedlib.cache import BED, build_once, command, digest

_FLAGS = ("-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE")


def _build(name, folder, flags):
    sources = sorted((BED / folder).glob("*.c"))
    inputs = sources + sorted((BED / folder).glob("*.h"))

    def build(directory):
        command("gcc", *_FLAGS, *flags, "-o", directory / name, *sources, "-ldl")

    return build_once("helpers", f"{name}.{digest(*inputs, flags)}", build) / name


def agent():
    """The agent, for the inside of the machine."""
    return _build("bed-agent", "guest", ("-static", "-s"))


def bochs_library():
    """What Bochs gets by LD_PRELOAD."""
    return _build("libbed.so", "bochs", ("-shared", "-fPIC"))
