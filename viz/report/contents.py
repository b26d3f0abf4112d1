"""What the report says: tables of means and differences, what was assumed, and where the runs come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.measures import readable
from sim.run import Run
from sim.scenario import Arrivals, Distribution, Scenario
from sim.study.compare import Comparison, Row, compare, intervals
from twin.errors import BadInput
from viz.report.words import table, text
from viz.words import either

ABREAST = 6
"""Layouts side by side in one table; more of them go into further tables, so that none is cut on paper."""


@dataclass(frozen=True)
class Cell:
    """A mean with the half-width of its interval, and whether it differs from the first layout (``better``, ``worse``,
    ``other``, or nothing)."""

    mean: str
    half: str
    mark: str


@dataclass(frozen=True)
class Line:
    """One measure of every layout."""

    label: str
    unit: str
    cells: list[Cell]


def require_layouts(runs: list[Run]) -> list[Comparison]:
    """The comparisons of the first run with each of the others; :class:`BadInput` where they do not belong together."""
    if not runs:
        raise BadInput("there is nothing to report", mend="give a run or a study")
    for run in runs:
        if run.kind != "event":
            raise BadInput("this is the run of an experiment, which has no layouts", where=str(run.path),
                           mend="give runs of an event, or use `hutong compare`")
    return [compare(runs[0], run, correction="holm") for run in runs[1:]]


def names_of(runs: list[Run]) -> list[str]:
    """What each run is called: its layout, where that tells them apart."""
    layouts = [run.layout_name for run in runs]
    return layouts if len(set(layouts)) == len(layouts) else [f"{run.layout_name} ({run.name})" for run in runs]


def measure_lines(runs: list[Run], comparisons: list[Comparison], language: str) -> list[Line]:
    """Every measure of the runs, one line each, in the order of the first run."""
    means = [intervals(run) for run in runs]
    rows: list[dict[str, Row]] = [{row.key: row for row in c.rows} for c in comparisons]
    lines = []
    for key in dict.fromkeys(key for of in means for key in of):
        if not any(of[key]["n"] for of in means if key in of):
            continue
        kind = next(run.measure(key) for run, of in zip(runs, means, strict=True) if key in of)
        cells = []
        for k, of in enumerate(means):
            told = of.get(key)
            if told is None or told["mean"] is None:
                cells.append(Cell("–", "", ""))
                continue
            half = "" if told["low"] is None else f"±{readable(told['mean'] - told['low'])}"
            row = rows[k - 1].get(key) if k else None
            mark = "" if row is None or not row.real else {"B": "better", "A": "worse", None: "other"}[row.better]
            cells.append(Cell(readable(told["mean"]), half, mark))
        lines.append(Line(kind.label(language), either(f"unit.{kind.unit}", kind.unit, language), cells))
    return lines


def in_columns(count: int) -> list[list[int]]:
    """Numbers of the layouts of each table: the first in all of them, at most :data:`ABREAST` together."""
    if count <= ABREAST:
        return [list(range(count))]
    return [[0, *range(k, min(k + ABREAST - 1, count))] for k in range(1, count, ABREAST - 1)]


def findings(comparisons: list[Comparison], names: list[str], language: str) -> list[str]:
    """One sentence a layout: on how many measures it is better or worse than the first, and where most clearly."""
    if not comparisons:
        return [text("alone", language)]
    out = []
    for comparison, name in zip(comparisons, names[1:], strict=True):
        real = [row for row in comparison.rows if row.better]
        if not real:
            out.append(text("nothing_real", language, layout=name, first=names[0], pairs=len(comparison.seeds)))
            continue
        better, judged = sum(row.better == "B" for row in real), sum(row.p is not None for row in comparison.rows)
        top = min(real, key=lambda row: (row.p or 0.0, -abs(row.difference or 0.0)))
        out.append("; ".join([
            text("better_on", language, layout=name, first=names[0], more=better, less=len(real) - better, all=judged),
            text("clearest", language, measure=top.label_zh if language == "zh" else top.label, unit=top.unit,
                 first_value=readable(top.mean_a), value=readable(top.mean_b))]))
    return out


def takes_lines(runs: list[Run], language: str) -> list[tuple[str, list[str]]]:
    """What each layout needs."""
    keys = dict.fromkeys(key for run in runs for key in run.info["takes"])
    return [(text(f"takes.{key}", language) if f"takes.{key}" in table() else key,
             [readable(run.info["takes"].get(key)) for run in runs]) for key in keys]


def streams(scenario: Scenario) -> list[dict[str, str]]:
    """The demand, one row a stream."""
    out = []
    for name, demand in scenario.demand.items():
        walkers = ", ".join(f"{kind} {w.share:g} ({_numbers(w.speed)} m/s)" for kind, w in demand.walkers.items())
        groups = ", ".join(f"{size}: {share:g}" for size, share in demand.groups.items())
        leave = _times(demand.leave) if demand.leave else "–"
        out.append({"name": name, "people": f"{demand.people:,}",
                    "way": f"{demand.entry} → {demand.venue} → {', '.join(demand.exits)}",
                    "arrive": _times(demand.arrive), "leave": leave, "walkers": walkers, "groups": groups})
    return out


def assumptions(runs: list[Run], language: str) -> list[str]:
    """Sentences about what else was taken as given."""
    scenario = runs[0].scenario
    service = {f"{c.id} {_numbers(c.service)} s" for run in runs for c in run.layout.checkpoints}
    incidents = [f"{i.title or i.id} ({i.kind.replace('_', ' ')}, {i.at_s:g} s)" for i in scenario.incidents]
    none = text("none", language)
    return [text("service", language, what=", ".join(sorted(service)) or none),
            text("staff_rule", language, speed=f"{scenario.staff.speed:g}", turnout=_numbers(scenario.staff.turnout)),
            text("incidents", language, what="; ".join(incidents) or none), text("model", language)]


def card(run: Run) -> dict[str, Any]:
    """Where a run comes from."""
    info = run.info
    district = info["district"]
    seeds = run.seeds
    even = len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1))
    versions = {k: v for k, v in info["versions"].items() if k != "engine"}
    return {"run": run.name, "layout": run.layout_name,
            "seeds": f"{seeds[0]}–{seeds[-1]}" if even else ", ".join(map(str, seeds)),
            "versions": ", ".join(f"{k} {v}" for k, v in versions.items()), "engine": info["versions"].get("engine", "–"),
            "district": district["name"], "crs": district["crs"], "observed": (district.get("observed_at") or "–")[:10],
            "source": district.get("attribution") or "–", "host": f"{info['host']['system']}, {info['host']['cores']} cores",
            "cpu": f"{sum(t['cpu_s'] for t in info['timing']['replications']):,.0f} s"}


def _numbers(distribution: Distribution) -> str:
    kind, value = next(iter(distribution.model_dump(exclude_none=True).items()))
    return f"{kind} {', '.join(f'{v:g}' for v in value) if isinstance(value, (list, tuple)) else f'{value:g}'}"


def _times(arrivals: Arrivals) -> str:
    kind, value = next(iter(arrivals.model_dump(exclude_none=True).items()))
    if kind == "at":
        return f"{value:g} s"
    if kind == "profile":
        return "profile " + ", ".join(f"{t:g} s: {r:g}" for t, r in value)
    return f"{kind} {', '.join(f'{v:g}' for v in value)} s"
