"""Legends: what the colours of people and maps mean, each with its unit. The colours are those of the scene
(viz/component/src/theme.ts)."""

from __future__ import annotations

from typing import Any

from dash import html

from viz.words import say

FRUIN = ("#3168bd", "#269da0", "#54a84b", "#ecca30", "#f08622", "#cf2a27")
FRUIN_FROM = (0.0, 0.308, 0.431, 0.718, 1.076, 2.153)
"""Persons per square metre at which Fruin's levels for walking begin (J. J. Fruin, Pedestrian Planning and Design,
1971: 3.25, 2.32, 1.39, 0.93 and 0.46 m2 a person)."""
STATES = ("#1d6fb8", "#c4780c", "#7a4ea0", "#428c5a", "#2694a8", "#ce2828")
_CIVIDIS = "#00224e,#213b6e,#4c556c,#6c6e72,#8c8878,#b0a570,#d6c35f,#fee838"
_RAMPS = {"cividis": _CIVIDIS, "viridis": "#440154,#46365c,#365c8d,#277f8e,#1fa187,#4ac26d,#9fda3a,#e8e419",
          "diverging": "#215ca8,#7aa7d6,#f7f7f7,#f2a85e,#c8580a"}
_DARK_INK = {"B", "C", "D", "E"}


def legend(key: str, *content: Any) -> html.Div:
    """One legend under its title."""
    return html.Div([html.Div(say(key), className="legend-title"), *content])


def fruin(key: str) -> html.Div:
    """Levels A to F by density [1/m2], always with the letter."""
    steps = [
        html.Div(
            [
                html.I(letter, style={"background": colour, "color": "#1a1a1a" if letter in _DARK_INK else "#fff"}),
                html.Span(f"{low:.2g}+" if low else "0"),
            ],
            className="legend-step",
        )
        for letter, colour, low in zip("ABCDEF", FRUIN, FRUIN_FROM, strict=True)
    ]
    return legend(key, html.Div(steps, className="legend-steps"))


def states() -> html.Div:
    """What each simulated person is doing."""
    return legend(
        "legend.state",
        html.Div(
            [
                html.Div(
                    html.I(say(f"state.{k}"), style={"background": colour, "color": "#fff" if k != 1 else "#1a1a1a"}),
                    className="legend-step",
                )
                for k, colour in enumerate(STATES)
            ],
            className="legend-steps",
        ),
    )


def ramp(key: str, name: str, low: str, high: str, middle: str | None = None) -> html.Div:
    """A continuous scale with its ends."""
    ends = [html.Span(low), *([html.Span(middle)] if middle is not None else []), html.Span(high)]
    return legend(key, html.Div(className="legend-bar", style={"background": f"linear-gradient(90deg,{_RAMPS[name]})"}),
                  html.Div(ends, className="legend-ends"))


def people(color_by: str) -> html.Div:
    """The legend of the people."""
    if color_by == "density":
        return fruin("legend.people_density")
    if color_by == "state":
        return states()
    return ramp("legend.speed", "viridis", "0", "2 m/s")
