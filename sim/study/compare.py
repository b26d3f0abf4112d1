"""Two runs side by side: replications paired by seed, differences with 95 % intervals, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader
from scipy import stats

from sim.measures import MeasureKind, readable
from sim.run import Run
from sim.study.correction import Correction, levels, p_value
from sim.study.engine import differs
from twin.errors import BadInput

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Row:
    """One measure of two runs. ``difference`` is B minus A, ``low`` and ``high`` its interval at ``confidence`` (None
    with one pair), ``real`` whether the interval leaves zero out, ``better`` the run that a real difference favours,
    ``p`` the p-value of no difference. Without a correction for many measures every confidence is 95 %."""

    key: str
    label: str
    label_zh: str
    unit: str
    mean_a: float | None
    mean_b: float | None
    difference: float | None
    low: float | None
    high: float | None
    real: bool
    better: Literal["A", "B"] | None
    p: float | None = None
    confidence: float = CONFIDENCE


@dataclass(frozen=True)
class Comparison:
    """Runs A and B over the seeds that both have; ``takes`` holds what each layout needs, (A, B) by name."""

    name_a: str
    name_b: str
    layout_a: str
    layout_b: str
    seeds: list[int]
    rows: list[Row]
    takes: dict[str, tuple[float, float]]
    correction: Correction = "none"

    def sentence(self, language: str = "en") -> str:
        """What matters most in one sentence."""
        real = [row for row in self.rows if row.better]
        names = {"A": self.name_a, "B": self.name_b}
        if not real:
            pairs = len(self.seeds)
            return (f"{pairs} 对重复中没有可确认的差异。" if language == "zh" else
                    f"No difference holds up over {pairs} pair{'s' * (pairs != 1)} of replications.")
        top = max(real, key=_weight)
        gain, ends = abs(top.difference or 0.0), sorted((abs(top.low or 0.0), abs(top.high or 0.0)))
        value, low, high, unit = _readable(gain, ends[0], ends[1], top.unit)
        counts = {side: sum(row.better == side for row in real) for side in ("A", "B")}
        winner = names[str(top.better)]
        if language == "zh":
            return (f"{winner}更好：{top.label_zh}相差 {value} {unit}（{low}–{high}）；{names['A']} 在 {counts['A']} 项、"
                    f"{names['B']} 在 {counts['B']} 项指标上更好。")
        return (f"{winner} is better by {value} {unit} ({low}-{high}) in {top.label}; over all measures {names['A']} is "
                f"better on {counts['A']}, {names['B']} on {counts['B']}.")

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON."""
        return {"a": {"run": self.name_a, "layout": self.layout_a}, "b": {"run": self.name_b, "layout": self.layout_b},
                "seeds": self.seeds, "sentence": self.sentence(), "takes": self.takes, "correction": self.correction,
                "measures": [asdict(row) for row in self.rows]}

    def to_html(self, language: str = "en") -> str:
        """A page of its own: the sentence, what each layout takes, and every measure with its interval."""
        return _PAGE.render(c=self, zh=language == "zh", language=language, scale=_scale, number=readable)


def _weight(row: Row) -> float:
    """How strongly a difference speaks: relative to the larger mean, harm to people first."""
    larger = max(abs(row.mean_a or 0.0), abs(row.mean_b or 0.0), 1e-9)
    urgent = row.key in ("person_min_above_3_5", "person_min_above_5", "wait_mean", "clearance_p95", "response_mean")
    return abs(row.difference or 0.0) / larger + (1.0 if urgent else 0.0)


def _readable(value: float, low: float, high: float, unit: str) -> tuple[str, str, str, str]:
    if unit == "s" and value >= 90:
        return f"{value / 60:.1f}", f"{low / 60:.1f}", f"{high / 60:.1f}", "min"
    return readable(value), readable(low), readable(high), unit


def compare(a: Run, b: Run, *, correction: Correction = "none") -> Comparison:
    """Compare two runs of one scenario; raises :class:`BadInput` where they cannot be paired.

    ``correction`` says how many measures at once are allowed for (:mod:`sim.study.correction`).
    """
    _require_same_question(a, b)
    seeds = sorted(set(a.seeds) & set(b.seeds))
    if not seeds:
        raise BadInput(f"{a.name} has seeds {_span(a.seeds)}, {b.name} has {_span(b.seeds)}: no pair",
                       mend="rehearse both with the same --seed")
    left, right = (run.metrics.set_index("seed").loc[seeds] for run in (a, b))
    rows = paired(left, right, a.measure, correction=correction)
    takes = {key: (a.info["takes"][key], b.info["takes"][key]) for key in a.info["takes"]}
    name_a, name_b = (a.name, b.name) if a.name != b.name else (f"{a.name} (A)", f"{b.name} (B)")
    return Comparison(name_a, name_b, a.layout_name, b.layout_name, seeds,
                      [row for row in rows if row.mean_a is not None or row.mean_b is not None], takes, correction)


def paired(left: pd.DataFrame, right: pd.DataFrame, kind_of: Callable[[str], MeasureKind], *,
           correction: Correction = "none") -> list[Row]:
    """Every measure of A (``left``) and B (``right``), tables with the same index and one column a measure: one row each.

    Only measures with two pairs at least, that differ in one of them at least, count among the many that are corrected for.
    """
    keys = [str(key) for key in left.columns if key in right.columns]
    keys += [str(key) for frame in (left, right) for key in frame.columns if key not in keys]
    pairs = {key: (right[key] - left[key]).dropna().to_numpy(float)
             for key in keys if key in left.columns and key in right.columns}
    p = {key: value for key, values in pairs.items() if (value := p_value(values)) is not None and values.any()}
    error = dict(zip(p, levels(np.array(list(p.values())), correction), strict=True))
    return [_row(kind_of(key), key, left.get(key), right.get(key), pairs.get(key, np.empty(0)), p.get(key),
                 1 - error.get(key, 1 - CONFIDENCE)) for key in keys]


def _require_same_question(a: Run, b: Run) -> None:
    if a.kind != b.kind:
        raise BadInput(f"{a.name} and {b.name} are an event and an experiment", mend="compare two of one kind")
    if a.kind == "lab":
        _require_same_people(a, b)
    else:
        for part, words in (("demand", "demand"), ("duration_s", "duration"), ("entries", "entries"), ("venues", "venues")):
            if getattr(a.scenario, part) != getattr(b.scenario, part):
                raise BadInput(f"{a.name} and {b.name} have different {words}", mend="compare runs of one scenario")
    apart = differs(a.info["versions"], b.info["versions"])
    if apart:
        raise BadInput(f"{a.name} was made by {apart[0]}, {b.name} by {apart[1]}: a difference between them could be that of "
                       "the engines", mend="rehearse both with the same version")


def _require_same_people(a: Run, b: Run) -> None:
    """Experiments may differ in their ground, doors, walls and places, not in who takes part and how long."""
    if a.lab.duration_s != b.lab.duration_s:
        raise BadInput(f"{a.name} and {b.name} have different durations", mend="give both the same duration_s")
    left, right = ([people.model_dump(exclude={"area", "line", "at", "storey"}) for people in run.lab.people] for run in (a, b))
    if left != right:
        raise BadInput(f"{a.name} and {b.name} have different people",
                       mend="compare experiments with the same people on different ground")


def _span(seeds: list[int]) -> str:
    return f"{min(seeds)}-{max(seeds)}" if len(seeds) > 1 else str(seeds[0])


def _row(kind: MeasureKind, key: str, left: pd.Series | None, right: pd.Series | None, pairs: np.ndarray, p: float | None,
         confidence: float) -> Row:
    mean_a, mean_b = (None if s is None or s.isna().all() else float(s.mean()) for s in (left, right))
    difference = low = high = None
    if len(pairs):
        difference, low, high = interval(pairs, confidence)
    real = low is not None and high is not None and (low > 0 or high < 0)
    better: Literal["A", "B"] | None = None
    if real and kind.better and difference is not None and max(mean_a or 0.0, mean_b or 0.0) > kind.equal_up_to:
        better = "B" if (difference < 0) == (kind.better == "less") else "A"
    return Row(key, kind.label(), kind.label("zh"), kind.unit, mean_a, mean_b, difference, low, high, real, better, p, confidence)


def interval(values: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float | None, float | None]:
    """Mean and its interval by Student's t; no interval from a single value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    spread = float(np.std(values, ddof=1)) if np.ptp(values) > 0 else 0.0  # of equal values rounding would leave some
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * spread / np.sqrt(len(values))
    return mean, mean - half, mean + half


def common_random_numbers(left: np.ndarray, right: np.ndarray) -> float:
    """How many times smaller the variance of the difference is with common seeds than with independent ones.

    ``left`` and ``right (n,)`` are one measure of two layouts over the same n seeds. The variance of a difference of
    independent replications is the sum of the variances of both.
    """
    if len(left) < 3:
        raise BadInput(f"{len(left)} pairs say nothing about a variance", mend="replicate both layouts 3 times at least")
    common = float(np.var(right - left, ddof=1))
    independent = float(np.var(left, ddof=1) + np.var(right, ddof=1))
    return float("inf") if common == 0 else independent / common


def intervals(run: Run) -> dict[str, dict[str, Any]]:
    """Every measure of a run: mean, 95 % interval, unit, and over how many replications it is known."""
    out: dict[str, dict[str, Any]] = {}
    for key in run.metrics.columns.drop("seed"):
        known = run.metrics[key].dropna().to_numpy(float)
        mean, low, high = interval(known) if len(known) else (None, None, None)
        out[str(key)] = {"mean": mean, "low": low, "high": high, "unit": run.measure(str(key)).unit, "n": len(known)}
    return out


def _scale(row: Row) -> dict[str, float] | None:
    """Where the bar of a row's interval lies, in percent of the width of its picture, zero in the middle."""
    if row.difference is None:
        return None
    low = row.difference if row.low is None else row.low
    high = row.difference if row.high is None else row.high
    reach = max(abs(low), abs(high), 1e-12) * 1.1
    return {"low": 50 + 50 * low / reach, "high": 50 + 50 * high / reach, "mid": 50 + 50 * row.difference / reach}


_PAGE = Environment(autoescape=True, loader=PackageLoader("sim", "study")).get_template("comparison.html.j2")
