# SPDX-License-Identifier: GPL-2.0-only
"""Sphinx configuration of kev's documentation."""

import pathlib

project = "kev"
author = "the kev developers"
copyright = "the kev developers"

version = release = (pathlib.Path(__file__).parent.parent / "VERSION").read_text("ascii").strip()

master_doc = "index"
source_suffix = ".rst"
exclude_patterns = ["_build"]

highlight_language = "c"
html_theme = "alabaster"
html_theme_options = {
    "description": "A hypervisor module for small guests",
    "page_width": "1100px",
    "sidebar_width": "220px",
}
html_show_copyright = False
html_copy_source = False
