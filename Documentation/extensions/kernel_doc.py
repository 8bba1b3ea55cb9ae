# SPDX-License-Identifier: GPL-2.0-only
"""Two directives that read the sources, relative to the root of the tree.

.. kernel-doc:: FILE...
   What the comments in FILE, which may be a pattern, say, by the kernel's script. With
   ":functions: NAME..." only these are taken.

.. kernel-files:: DIRECTORY
   A table of the directory's C and assembly files: name, and first sentence of the first comment.
"""

import glob
import os
import re
import subprocess

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList
from sphinx.errors import ExtensionError
from sphinx.util.nodes import nested_parse_with_titles

_LINE = re.compile(r"^\.\. LINENO (\d+)$")
# A file may have no such comments, and the script counts that.
_SILENCE = re.compile(r"no structured comments found|^\d+ warnings$")
_PLACES = ("{cache}/ksrc/scripts/kernel-doc", "/usr/lib/linux-kbuild-*/scripts/kernel-doc")


def find_script():
    """The kernel's script: $KERNEL_DOC, the bed's, or that of Debian's package linux-kbuild."""
    cache = os.environ.get("KEV_CACHE") or os.path.expanduser("~/.cache/kev")
    for place in (os.environ.get("KERNEL_DOC", ""), *_PLACES):
        found = sorted(glob.glob(place.format(cache=cache)))
        if found:
            return found[-1]
    raise ExtensionError("no scripts/kernel-doc of a Linux source: run tools/bed/bed setup, install "
                         "linux-kbuild-6.1, or say KERNEL_DOC=PATH")


_MARKED = re.compile(r"(``.*?``|:c:\w+:`.*?`|\*\*.*?\*\*)")
_OBJECT = re.compile(r"^\.\. c:(\w+):: (.*)$")


def _plain(text):
    """A line without emphasis: an asterisk in these comments is one."""
    if text.startswith(("..", " " * 4, "*")):
        return text
    return "".join(part if _MARKED.fullmatch(part) else re.sub(r"(?<!\w)\*(?=\S)", r"\\*", part)
                   for part in _MARKED.split(text))


def convert(script, root, path, names=()):
    """The script's output for one file: (line in the file, text) for each line."""
    options = [word for name in names for word in ("-function", name)]
    done = subprocess.run(["perl", script, "-rst", "-enable-lineno", "-sphinx-version", "5.3.0",
                           *options, path], cwd=root, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8",
                          env=dict(os.environ, LC_ALL="C.UTF-8", KBUILD_VERBOSE="0"))
    trouble = [line for line in done.stderr.splitlines() if not _SILENCE.search(line)]
    if done.returncode or trouble:
        raise ExtensionError(f"kernel-doc {path}: {trouble or done.returncode}")
    number = 0
    for text in done.stdout.expandtabs().splitlines():
        line = _LINE.match(text)
        if line:
            number = int(line.group(1)) - 1
        else:
            yield number, _plain(text)
            number += 1


def _name(kind, declaration):
    """The name that an object of C is declared with."""
    if kind in ("function", "macro"):
        declaration = declaration.partition("(")[0]
    return re.findall(r"\w+", declaration)[-1]


class KernelDoc(Directive):
    """See the head of this file."""

    def _spaced(self, lines):
        """The lines, with names that the page has already in a name space of their own.

        Sphinx gives a structure and a function one name space, C two.
        """
        names = self.state.document.settings.env.temp_data.setdefault("kernel_doc", set())
        again = False
        for number, text in lines:
            match = _OBJECT.match(text)
            if match:
                if again:
                    yield from ((number, ".. c:namespace-pop::"), (number, ""))
                again = _name(*match.groups()) in names
                names.add(_name(*match.groups()))
                if again:
                    yield from ((number, ".. c:namespace-push:: functions"), (number, ""))
            yield number, text
        if again:
            yield from ((0, ""), (0, ".. c:namespace-pop::"), (0, ""))

    has_content = False
    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"functions": directives.unchanged_required}

    def run(self):
        env = self.state.document.settings.env
        root = os.path.realpath(os.path.join(env.srcdir, os.pardir))
        lines = StringList()
        for word in self.arguments[0].split():
            files = sorted(glob.glob(os.path.join(root, word)))
            if not files:
                raise self.error(f"kernel-doc: there is no {word}")
            for path in files:
                env.note_dependency(path)
                name = os.path.relpath(path, root)
                found = convert(env.config.kernel_doc_script, root, name,
                                self.options.get("functions", "").split())
                for number, text in self._spaced(found):
                    lines.append(text, name, number)
        node = nodes.section()
        node.document = self.state.document
        nested_parse_with_titles(self.state, lines, node)
        return node.children


def _first_sentence(path):
    """Of a file's first comment behind the licence's, and whether the file is pure."""
    with open(path, encoding="utf-8") as f:
        head = f.read(4096)
    comment = re.search(r"/\*(?! SPDX)(.*?)\*/", head, re.DOTALL)
    if not comment:
        raise ExtensionError(f"{path}: no comment says what it is for")
    paragraph = re.sub(r"[ \t]*\n[ \t]*\*?[ \t]*", "\n", comment.group(1)).strip()
    first = " ".join(paragraph.partition("\n\n")[0].split())
    first = re.split(r"(?<=[\w)\">])\. (?=[A-Z<])", first)[0].rstrip(".")
    return first + (". Pure" if "Pure." in paragraph else "")


class KernelFiles(Directive):
    """See the head of this file."""

    has_content = False
    required_arguments = 1

    def run(self):
        env = self.state.document.settings.env
        root = os.path.realpath(os.path.join(env.srcdir, os.pardir))
        files = sorted(glob.glob(os.path.join(root, self.arguments[0], "*.[cS]")))
        if not files:
            raise self.error(f"kernel-files: no sources in {self.arguments[0]}")
        group = nodes.tgroup(cols=2)
        group += nodes.colspec(colwidth=22), nodes.colspec(colwidth=78)
        body = nodes.tbody()
        for path in files:
            env.note_dependency(path)
            row = nodes.row()
            name = nodes.literal(text=os.path.basename(path))
            row += nodes.entry("", nodes.paragraph("", "", name))
            row += nodes.entry("", nodes.paragraph(text=_first_sentence(path)))
            body += row
        group += body
        table = nodes.table("", group, classes=["colwidths-given"])
        return [table]


def _accept_declared(app, config):
    """A type of kev's without a kernel-doc comment has a plain one where it stands."""
    root = os.path.realpath(os.path.join(app.srcdir, os.pardir))
    pattern = re.compile(r"^(?:struct|union|enum) (kev_\w+) \{|\b(kev_\w+)\)\(|^typedef .*\b(kev_\w+);",
                         re.MULTILINE)
    for path in (path for place in ("include/kev/*.h", "uapi/linux/*.h", "src/*.c", "src/*/*.[ch]")
                 for path in glob.glob(os.path.join(root, place))):
        with open(path, encoding="utf-8") as f:
            for names in pattern.findall(f.read()):
                config.nitpick_ignore.append(("c:identifier", "".join(names)))


def setup(app):
    """Called by Sphinx."""
    app.add_config_value("kernel_doc_script", find_script(), "env")
    app.connect("config-inited", _accept_declared)
    app.add_directive("kernel-doc", KernelDoc)
    app.add_directive("kernel-files", KernelFiles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
