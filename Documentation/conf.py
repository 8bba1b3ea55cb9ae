# SPDX-License-Identifier: GPL-2.0-only
"""Sphinx configuration of kev's documentation."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "extensions"))

project = "kev"
author = "the kev developers"
copyright = "the kev developers"

version = release = (HERE.parent / "VERSION").read_text("ascii").strip()

master_doc = "index"
source_suffix = ".rst"
exclude_patterns = ["_build"]
extensions = ["kernel_doc"]

# Words that mean nothing to C
c_id_attributes = ["__user", "noinstr"]

# A name of kev's has to lead somewhere; the kernel's and the C library's are described elsewhere.
nitpicky = True
nitpick_ignore_regex = [(r"c:.*", r"(?!(kev|KEV)_).*")]

highlight_language = "c"
html_theme = "alabaster"
html_theme_options = {
    "description": "A hypervisor module for small guests",
    "page_width": "1100px",
    "sidebar_width": "220px",
}
html_show_copyright = False
html_copy_source = False
