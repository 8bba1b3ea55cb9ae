# SPDX-License-Identifier: GPL-2.0
"""The picture of how start and memory go with the number of VMs: SVG, both axes logarithmic."""

import math
import re

WIDTH, HEIGHT = 790, 330
# A chart's frame
LEFTS, TOP, CHART_WIDTH, CHART_HEIGHT = (90, 480), 50, 280, 220
COLOURS = {"kev": "#1f5fa8", "KVM": "#b04a2f"}
CHARTS = (
    ("start", "instructions per start", 1),
    ("memory of each", "KiB of kernel memory per VM", 1024),
)
NAME = re.compile(r"(.*), (\d+) VMs?$")


def points(results):
    """{(what, subject): [(VMs, value)]} of the group "scale"."""
    found = {}
    for result in results:
        match = NAME.match(result["name"])
        if result["group"] == "scale" and match and "error" not in result:
            line = found.setdefault((match[1], result["subject"]), [])
            line.append((int(match[2]), result["median"]))
    return found


def _decades(values):
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def _text(x, y, text, anchor="middle", extra=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{extra}>{text}</text>'


class _Chart:
    """A frame with axes, and the places of values in it."""

    def __init__(self, left, lines):
        self.left = left
        self.low, self.high = _decades([y for line in lines.values() for _, y in line])
        self.right = max(x for line in lines.values() for x, _ in line)

    def x(self, value):
        """A number of VMs."""
        return self.left + CHART_WIDTH * math.log10(value) / math.log10(self.right)

    def y(self, value):
        """A cost."""
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return TOP + CHART_HEIGHT * (1 - part)

    def axes(self, title):
        """The frame, its lines and labels."""
        bottom = TOP + CHART_HEIGHT
        yield _text(self.left + CHART_WIDTH / 2, TOP - 14, title, extra=' font-weight="bold"')
        for power in range(self.low, self.high + 1):
            y = self.y(10 ** power)
            yield (f'<line x1="{self.left}" y1="{y:.0f}" x2="{self.left + CHART_WIDTH}" '
                   f'y2="{y:.0f}" stroke="#ddd"/>')
            yield _text(self.left - 8, y + 4, f"{10 ** power:,}", "end")
        for power in range(int(math.log10(self.right)) + 1):
            yield _text(self.x(10 ** power), bottom + 18, f"{10 ** power:,}")
        yield _text(self.left + CHART_WIDTH / 2, bottom + 38, "VMs alive")
        yield (f'<rect x="{self.left}" y="{TOP}" width="{CHART_WIDTH}" '
               f'height="{CHART_HEIGHT}" fill="none" stroke="#888"/>')

    def line(self, subject, values):
        """One side's values."""
        colour = COLOURS[subject]
        places = [(self.x(x), self.y(y)) for x, y in values]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
        x, y = places[0]
        yield _text(x + 8, y - 8, subject, "start", f' fill="{colour}"')


def draw(results):
    """The picture's text."""
    found = points(results)
    parts = []
    for left, (what, title, unit) in zip(LEFTS, CHARTS):
        lines = {subject: [(x, y / unit) for x, y in values]
                 for (name, subject), values in found.items() if name == what}
        chart = _Chart(left, lines)
        parts += chart.axes(title)
        for subject, values in lines.items():
            parts += chart.line(subject, values)
    body = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n')
