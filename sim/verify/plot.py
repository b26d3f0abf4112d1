"""Small plots as SVG: what the model does beside what was measured. Equal figures give equal files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

import numpy as np

WIDTH, HEIGHT = 560, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 40, 52
INK, DIM, GRID, PAPER = "#2b2926", "#6b6760", "#e4dfd5", "#fffdf9"
MODEL, MEASURED = "#2a72c4", "#b3541e"
"""Blue is the model, orange what was measured or is asked for: told apart by colour-blind readers too, and by shape."""
TONES = ("#b3541e", "#8a6d1b", "#7a4b6e", "#5d6b3a", "#8c3b3b", "#4f6470")
"""Colours of several studies beside each other."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """Points (x, y) with a name; drawn as rings, as full dots, as a line, as a line with dots, or as a band of
    (x, low, high)."""

    name: str
    points: Sequence[tuple[float, ...]]
    style: Literal["rings", "dots", "line", "both", "band"] = "both"
    colour: str = MODEL


@dataclass
class Plot:
    """Series over two axes, each named with its unit."""

    title: str
    x: str
    y: str
    series: list[Series] = field(default_factory=list)
    zero: bool = True
    """Whether both axes begin at 0; else the horizontal one begins below its least value."""

    def svg(self) -> str:
        """The drawing as a file of its own."""
        xs = [p[0] for s in self.series for p in s.points]
        ys = [v for s in self.series for p in s.points for v in p[1:]]
        x_ticks = ticks(0.0 if self.zero else min(xs), max(xs))
        y_ticks = ticks(min(0.0, *ys), max(ys))
        box = _Box(x_ticks[0], x_ticks[-1], y_ticks[0], y_ticks[-1])
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
            f'role="img" aria-label="{escape(self.title)}" font-family="Inter, Segoe UI, Roboto, sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{PAPER}"/>',
            _text(LEFT, 22, self.title, size=14, weight=600),
        ]
        for tick in x_ticks:
            parts.append(_rule(box.x(tick), TOP, box.x(tick), HEIGHT - BOTTOM))
            parts.append(_text(box.x(tick), HEIGHT - BOTTOM + 17, f"{tick:g}", anchor="middle", colour=DIM))
        for tick in y_ticks:
            parts.append(_rule(LEFT, box.y(tick), WIDTH - RIGHT, box.y(tick)))
            parts.append(_text(LEFT - 8, box.y(tick) + 4, f"{tick:g}", anchor="end", colour=DIM))
        parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, self.x, anchor="middle", colour=DIM))
        parts.append(f'<g transform="rotate(-90 16 {(TOP + HEIGHT - BOTTOM) / 2:g})">'
                     + _text(16, (TOP + HEIGHT - BOTTOM) / 2, self.y, anchor="middle", colour=DIM) + "</g>")
        for series in sorted(self.series, key=lambda s: s.style != "band"):
            parts += _drawn(series, box)
        parts += self._legend(box)
        return "\n".join([*parts, "</svg>"]) + "\n"

    def _legend(self, box: _Box) -> list[str]:
        """Names of the series in the corner that has the fewest points."""
        tall, wide = 17 * len(self.series) + 8, 24 + 6.4 * max(len(s.name) for s in self.series)
        places = [(box.left + 8, TOP + 6), (WIDTH - RIGHT - wide - 8, TOP + 6), (box.left + 8, HEIGHT - BOTTOM - tall - 6),
                  (WIDTH - RIGHT - wide - 8, HEIGHT - BOTTOM - tall - 6)]
        dots = [(box.x(p[0]), box.y(v)) for s in self.series for p in s.points for v in p[1:]]

        def covered(place: tuple[float, float]) -> int:
            return sum(place[0] - 8 < x < place[0] + wide + 8 and place[1] - 8 < y < place[1] + tall + 8 for x, y in dots)

        left, top = min(places, key=covered)
        parts = [f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall}" rx="4" fill="{PAPER}" '
                 f'fill-opacity=".88"/>']
        for k, series in enumerate(self.series):
            y = top + 16 + 17 * k
            if series.style == "band":
                parts.append(f'<rect x="{left + 4:.1f}" y="{y - 9:.1f}" width="12" height="10" fill="{series.colour}" '
                             'fill-opacity=".22"/>')
            if series.style in ("line", "both"):
                parts.append(f'<path d="M{left + 3:.1f} {y - 4:.1f}h14" stroke="{series.colour}" stroke-width="2"/>')
            if series.style in ("rings", "dots", "both"):
                parts.append(_dot(left + 10, y - 4, series))
            parts.append(_text(left + 22, y, series.name, colour=INK))
        return parts


@dataclass(frozen=True)
class _Box:
    """The drawing's axes: what their ends stand for."""

    low_x: float
    high_x: float
    low_y: float
    high_y: float
    left: float = LEFT

    def x(self, value: float) -> float:
        return LEFT + (value - self.low_x) / (self.high_x - self.low_x) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low_y) / (self.high_y - self.low_y) * (HEIGHT - TOP - BOTTOM)


def ticks(low: float, high: float) -> list[float]:
    """Four to nine round numbers that hold all values between two."""
    span = max(high - low, 1e-9)
    power = 10.0 ** np.floor(np.log10(span / 4))
    step = next(power * k for k in (1, 2, 2.5, 5, 10) if span / (power * k) <= 7)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return [round(float(k * step), 10) for k in np.arange(first, max(last, first + 1) + 1)]


def _drawn(series: Series, box: _Box) -> list[str]:
    if series.style == "band":
        edge = [(p[0], p[2]) for p in series.points] + [(p[0], p[1]) for p in reversed(series.points)]
        return [f'<path d="{_path(edge, box)}Z" fill="{series.colour}" fill-opacity=".16"/>']
    parts = []
    if series.style in ("line", "both"):
        parts.append(f'<path d="{_path([(p[0], p[1]) for p in series.points], box)}" fill="none" stroke="{series.colour}" '
                     'stroke-width="2" stroke-linejoin="round"/>')
    if series.style in ("rings", "dots", "both"):
        parts += [_dot(box.x(p[0]), box.y(p[1]), series) for p in series.points]
    return parts


def _path(points: Points, box: _Box) -> str:
    return "M" + "L".join(f"{box.x(x):.1f} {box.y(y):.1f}" for x, y in points)


def _dot(x: float, y: float, series: Series) -> str:
    """A full dot for the model's, a ring for what was measured."""
    full = series.style != "rings"
    return (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" stroke="{series.colour}" stroke-width="1.8" '
            f'fill="{series.colour if full else PAPER}"/>')


def _rule(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<path d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" stroke="{GRID}" stroke-width="1"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = INK, size: int = 12, weight: int = 400) -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" font-weight="{weight}">'
            f"{escape(text)}</text>")
