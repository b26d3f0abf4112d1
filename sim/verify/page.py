"""The results of verification as a page of the documentation, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.verify.check import Result

TITLES = {
    "experiments": "Measured facts",
    "rimea": "RiMEA 4.1.1",
    "nist": "NIST TN 1822",
    "iso": "ISO 20414:2020",
    "imo": "IMO MSC.1/Circ.1238",
}
"""Heading by suite."""
MOST_SHOWN = 8


def page(results: Sequence[Result], titles: Mapping[tuple[str, str], str],
         pictures: Mapping[tuple[str, str], str] | None = None) -> str:
    """A page with one table a suite; ``titles`` names the tests by suite and number, ``pictures`` are addresses of the
    plots of some of them, shown below the table of their suite."""
    lines = [
        "# Verification",
        "",
        "The tests by which the field accepts a pedestrian simulation, run with the default parameters. This page is "
        "written by `hutong verify --docs docs/verification.md`; do not edit it.",
        "",
        "The guidelines' own texts were not at hand: geometries and tolerances are those of public implementations of "
        "the tests. A failure with a reason is a known limit of the model; one without would stop a release.",
        "",
        "| suite | pass | fail | not applicable |",
        "|---|---|---|---|",
    ]
    suites = list(dict.fromkeys(r.suite for r in results))
    for suite in suites:
        counts = [sum(r.suite == suite and r.status == status for r in results) for status in ("pass", "fail", "not applicable")]
        lines.append(f"| {TITLES[suite]} | " + " | ".join(map(str, counts)) + " |")
    for suite in suites:
        lines += ["", f"## {TITLES[suite]}", "", "| test | criterion | measured | result |", "|---|---|---|---|"]
        lines += [
            f"| {r.test} {titles[r.suite, r.test]} | {_cell(r.criterion)} | {_cell(measured(r, MOST_SHOWN))} | "
            f"{_cell(outcome(r))} |"
            for r in results
            if r.suite == suite
        ]
        for r in results:
            if r.suite == suite and pictures and (suite, r.test) in pictures:
                lines += ["", f"![{titles[suite, r.test]}]({pictures[suite, r.test]})"]
    return "\n".join(lines) + "\n"


def outcome(result: Result) -> str:
    """The status, and the reason behind it if there is one."""
    return f"{result.status}: {result.reason}" if result.reason else result.status


def measured(result: Result, most: int | None = None) -> str:
    """The figures in one line, the first ``most`` of them."""
    shown = list(result.measured.items())
    more = " …" if most is not None and len(shown) > most else ""
    return ", ".join(f"{key} {value:g}" for key, value in shown[:most]) + more


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
