"""Charts of the report as SVG: how many wait, and the layouts that nothing beats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from markupsafe import escape

from sim.measures import readable
from sim.run import Run

COLOURS = ("#0b3c6f", "#c8553d", "#3a7d44", "#8e5ea2", "#d49a00", "#4aa5b5", "#7a7a7a", "#a0522d")
WIDTH, HEIGHT = 720.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 110.0, 10.0, 30.0


def waiting(runs: list[Run], names: list[str], x_label: str, y_label: str) -> str:
    """People in the queues of checkpoints over time, one line a layout: the mean over the replications."""
    lines = []
    for run in runs:
        mean = run.series.groupby("time_s")["queueing"].mean()
        lines.append((mean.index.to_numpy(float) / 60, mean.to_numpy(float)))
    x_top = max(float(x[-1]) for x, _ in lines)
    y_top = _round_up(max(float(y.max(initial=0.0)) for _, y in lines))
    x_of = lambda x: _LEFT + (WIDTH - _LEFT - _RIGHT) * x / x_top  # noqa: E731
    y_of = lambda y: HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * y / y_top  # noqa: E731
    parts = [_axes((0, x_top), (0, y_top), x_of, y_of, x_label, y_label)]
    for k, ((x, y), name) in enumerate(zip(lines, names, strict=True)):
        colour, dash = COLOURS[k % len(COLOURS)], "" if k < len(COLOURS) else ' stroke-dasharray="5 3"'
        thin = np.unique(np.linspace(0, len(x) - 1, min(len(x), 240)).astype(int))
        points = " ".join(f"{x_of(x[i]):.1f},{y_of(y[i]):.1f}" for i in thin)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
        row = _TOP + 10 + 15 * k
        parts.append(f'<path d="M{WIDTH - _RIGHT + 8},{row - 4}h16" stroke="{colour}" stroke-width="2.4"{dash}/>'
                     f'<text x="{WIDTH - _RIGHT + 29}" y="{row}">{escape(name)}</text>')
    return _chart("".join(parts), y_label)


def front(points: list[dict[str, Any]], ends: list[str], labels: dict[str, str], link: Callable[[str], str] | None = None) -> str:
    """Layouts by two ends of a search: every layout that was tried, the front joined, the hand-made ones as squares.

    A point has ``layout``, ``values`` by end, ``front`` and ``made`` (``by hand`` or ``search``). ``link`` gives the address
    that a click on a layout leads to.
    """
    x_end, y_end = ends[:2]
    known = [p for p in points if all(np.isfinite(float(p["values"].get(end, np.nan))) for end in (x_end, y_end))]
    if not known:
        return ""
    xs, ys = ([float(p["values"][end]) for p in known] for end in (x_end, y_end))
    x_span, y_span = _span(xs), _span(ys)
    x_of = lambda x: _LEFT + (WIDTH - _LEFT - _RIGHT) * (x - x_span[0]) / (x_span[1] - x_span[0])  # noqa: E731
    y_of = lambda y: HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (y - y_span[0]) / (y_span[1] - y_span[0])  # noqa: E731
    parts = [_axes(x_span, y_span, x_of, y_of, labels[x_end], labels[y_end])]
    for p, x, y in zip(known, xs, ys, strict=True):
        hand = p["made"] == "by hand"
        fill = "#c8553d" if hand else "#0b3c6f" if p["front"] else "#c9ccd1"
        told = f"{p['layout']}: " + ", ".join(f"{labels[end]} {readable(p['values'].get(end))}" for end in ends)
        mark = (f'<rect x="{x_of(x) - 5:.1f}" y="{y_of(y) - 5:.1f}" width="10" height="10" fill="{fill}"/>' if hand else
                f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="{5 if p["front"] else 3.5}" fill="{fill}"/>')
        name = (f'<text x="{x_of(x) + 7:.1f}" y="{y_of(y) - 5:.1f}">{escape(p["layout"])}</text>' if hand or p["front"] else "")
        shown = f"<g data-layout=\"{escape(p['layout'])}\"><title>{escape(told)}</title>{mark}{name}</g>"
        parts.append(f'<a href="{escape(link(p["layout"]))}">{shown}</a>' if link else shown)
    return _chart("".join(parts), f"{labels[y_end]} / {labels[x_end]}")


def _chart(content: str, label: str) -> str:
    return (f'<svg class="chart" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
            f'font-size="11">{content}</svg>')


def _axes(x_span: tuple[float, float], y_span: tuple[float, float], x_of: Callable[[float], float],
          y_of: Callable[[float], float], x_label: str, y_label: str) -> str:
    parts = []
    for y in _ticks(*y_span):
        parts.append(f'<path d="M{_LEFT},{y_of(y):.1f}H{WIDTH - _RIGHT}" stroke="#ddd"/>'
                     f'<text x="{_LEFT - 5}" y="{y_of(y) + 4:.1f}" text-anchor="end">{y:g}</text>')
    for x in _ticks(*x_span):
        parts.append(f'<path d="M{x_of(x):.1f},{HEIGHT - _BOTTOM}v4" stroke="#555"/>'
                     f'<text x="{x_of(x):.1f}" y="{HEIGHT - _BOTTOM + 15:.1f}" text-anchor="middle">{x:g}</text>')
    parts.append(f'<path d="M{_LEFT},{_TOP}V{HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}" fill="none" stroke="#555"/>'
                 f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 3}" text-anchor="end" fill="#555">{escape(x_label)}</text>'
                 f'<text x="{_LEFT + 4}" y="{_TOP + 10}" fill="#555">{escape(y_label)}</text>')
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """Four to ten round numbers between two."""
    raw = (high - low) / 6
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= raw * 0.999)
    return [round(float(v), 10) for v in np.arange(np.ceil(low / step) * step, high + step * 1e-6, step)]


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(k * power for k in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if k * power >= value))


def _span(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    return low - room, high + room
