"""Indicators of the case work, as the systems that cases come from report them.

Received counts the cases reported in the period. All rates are of these cases: ``closing rate = closed / (received -
merged)``; ``on-time rate = handled by the deadline / (handled or overdue)``, where a case closed with a result other
than "solved" counts by its handling too; ``reopening rate = reopened / closed at least once``. Times run from the report to the
first arrival, to the handling that was verified (else the latest) and to the closing. The backlog is every case that
is open at the end of the period, whenever it was reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from twin.cases.case import DONE, Case, State
from twin.cases.types import type_of

FEWEST_RATINGS = 5
"""A mean of fewer ratings than this is not shown: it would tell what one resident said."""
QUANTILES = (0.5, 0.9, 0.95)
_MOMENTS = ("reported", "due", "dispatched", "arrived", "handled", "closed", "assessed", "merged")


def case_table(cases: Iterable[Case]) -> pd.DataFrame:
    """One row a case, in the order given.

    Columns ``id, type, grid, level, state`` (text), ``x, y`` (as reported), ``reported_s, due_s, dispatched_s,
    arrived_s, handled_s, closed_s, assessed_s, merged_s`` (seconds since 1970 UTC, NaN where it has not happened),
    ``passes, returns, reopenings`` (int64), ``rating`` (NaN if none), ``result`` (text or None).
    """
    rows = list(cases)
    columns: dict[str, Any] = {
        "id": [c.id for c in rows], "type": [c.type for c in rows], "grid": [c.grid for c in rows],
        "level": [c.level.value for c in rows], "state": [c.state.value for c in rows],
        "x": np.array([c.place[0] if c.place else np.nan for c in rows], dtype=float),
        "y": np.array([c.place[1] if c.place else np.nan for c in rows], dtype=float)}
    for name in _MOMENTS:
        moments = [getattr(c, f"{name}_at") for c in rows]
        columns[f"{name}_s"] = np.array([np.nan if t is None else t.timestamp() for t in moments], dtype=float)
    for name in ("passes", "returns", "reopenings"):
        columns[name] = np.array([getattr(c, name) for c in rows], dtype=np.int64)
    columns["rating"] = np.array([np.nan if c.rating is None else c.rating for c in rows], dtype=float)
    columns["result"] = [None if c.result is None else c.result.value for c in rows]
    frame = pd.DataFrame(columns)
    for name in ("type", "grid", "level", "state"):
        frame[name] = frame[name].astype("category")
    return frame


@dataclass(frozen=True)
class Spread:
    """How long something took [min]: number, mean, median, 90th and 95th percentile; NaN where there is none."""

    n: int
    mean: float
    p50: float
    p90: float
    p95: float


@dataclass(frozen=True)
class Indicators:
    """The indicators of one period; see the module for the formulas. Rates are shares of one, NaN where of nothing.

    ``backlog`` has columns ``grid, type, level, open, overdue, age_p50_h, age_max_h``; ``by_type`` and ``by_level``
    have ``received, closed, merged, open, closing_rate, on_time_rate, arrive_p50_min, handle_p50_min,
    close_p50_min, reopened``, one row a type or level.
    """

    since: datetime
    until: datetime
    received: int
    closed: int
    merged: int
    open: int
    closed_in_period: int
    closing_rate: float
    on_time_rate: float
    reopened: int
    reopening_rate: float
    passed: int
    arrive: Spread
    handle: Spread
    close: Spread
    backlog_open: int
    backlog_overdue: int
    rating_mean: float
    satisfied_rate: float
    ratings: int
    backlog: pd.DataFrame
    by_type: pd.DataFrame
    by_level: pd.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        plain = {name: value for name, value in vars(self).items() if not isinstance(value, (pd.DataFrame, Spread, datetime))}
        return {"since": self.since.isoformat(), "until": self.until.isoformat(), **plain,
                **{f"{name}_min": vars(getattr(self, name)) for name in ("arrive", "handle", "close")},
                **{name: getattr(self, name).to_dict("records") for name in ("backlog", "by_type", "by_level")}}


def indicators(cases: Iterable[Case] | pd.DataFrame, *, since: datetime, until: datetime) -> Indicators:
    """The indicators of the period from ``since`` up to ``until``, as the cases stand.

    ``cases`` are a book, any cases, or their :func:`case_table`. To see a past moment as it was seen then, give the
    book of the log up to that moment.
    """
    table = cases if isinstance(cases, pd.DataFrame) else case_table(cases)
    start, end = since.timestamp(), until.timestamp()
    received = table[(table["reported_s"] >= start) & (table["reported_s"] < end)]
    overall = _rates(received, end)
    rated = received["rating"].dropna()
    show = len(rated) >= FEWEST_RATINGS
    backlog = _backlog(table, end)
    return Indicators(
        since, until, received=overall["received"], closed=overall["closed"], merged=overall["merged"], open=overall["open"],
        closed_in_period=int(((table["closed_s"] >= start) & (table["closed_s"] < end)).sum()),
        closing_rate=overall["closing_rate"], on_time_rate=overall["on_time_rate"], reopened=overall["reopened"],
        reopening_rate=_share(overall["reopened"], int((received["closed_s"].notna() | (received["reopenings"] > 0)).sum())),
        passed=int((received["passes"] > 0).sum()), arrive=_spread(received, "arrived_s"), handle=_spread(received, "handled_s"),
        close=_spread(received, "closed_s"),
        backlog_open=int(backlog["open"].sum()), backlog_overdue=int(backlog["overdue"].sum()),
        rating_mean=float(rated.mean()) if show else float("nan"),
        satisfied_rate=_share(int((rated >= 4).sum()), len(rated)) if show else float("nan"), ratings=len(rated) if show else 0,
        backlog=backlog, by_type=_grouped(received, "type", end), by_level=_grouped(received, "level", end))


def period(table: pd.DataFrame) -> tuple[datetime, datetime]:
    """From the first report to just after the last moment of a table, aware UTC."""
    moments = table[["reported_s", "dispatched_s", "arrived_s", "handled_s", "closed_s", "assessed_s", "merged_s"]]
    first, last = float(table["reported_s"].min()), float(np.nanmax(moments.to_numpy()))
    return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC) + timedelta(seconds=1)


def _rates(cases: pd.DataFrame, end: float) -> dict[str, Any]:
    state = cases["state"].astype(object)
    merged = int((state == State.MERGED.value).sum())
    closed = int(state.isin([s.value for s in DONE]).sum())
    judged = cases[state != State.MERGED.value]
    handled = judged["handled_s"].notna()
    in_time = int((judged["handled_s"] <= judged["due_s"]).sum())
    overdue = int((~handled & (judged["due_s"] < end)).sum())
    return {"received": len(cases), "closed": closed, "merged": merged, "open": len(cases) - closed - merged,
            "closing_rate": _share(closed, len(cases) - merged), "on_time_rate": _share(in_time, int(handled.sum()) + overdue),
            "reopened": int((cases["reopenings"] > 0).sum())}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _took(cases: pd.DataFrame, moment: str) -> np.ndarray:
    """Minutes from the report to a moment, of those that got there: (n,)."""
    minutes = (cases[moment] - cases["reported_s"]).to_numpy() / 60
    return minutes[~np.isnan(minutes)]


def _spread(cases: pd.DataFrame, moment: str) -> Spread:
    minutes = _took(cases, moment)
    if not len(minutes):
        return Spread(0, *([float("nan")] * 4))
    return Spread(len(minutes), float(minutes.mean()), *(float(q) for q in np.quantile(minutes, QUANTILES)))


def _grouped(cases: pd.DataFrame, column: str, end: float) -> pd.DataFrame:
    rows = []
    for name, group in cases.groupby(column, observed=True, sort=True):
        spreads = {f"{what}_p50_min": _spread(group, moment).p50 for what, moment in
                   (("arrive", "arrived_s"), ("handle", "handled_s"), ("close", "closed_s"))}
        rows.append({column: str(name), **_rates(group, end), **spreads})
    names = [column, "received", "closed", "merged", "open", "closing_rate", "on_time_rate", "reopened", "arrive_p50_min",
             "handle_p50_min", "close_p50_min"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.sort_values(["received", column], ascending=[False, True], ignore_index=True)


def _backlog(table: pd.DataFrame, end: float) -> pd.DataFrame:
    names = ["grid", "type", "level", "open", "overdue", "age_p50_h", "age_max_h"]
    waiting = table[(table["reported_s"] < end) & ~(table["closed_s"] < end) & ~(table["merged_s"] < end)]
    if not len(waiting):
        return pd.DataFrame(columns=names).astype({"open": int, "overdue": int})
    rows = pd.DataFrame({"grid": waiting["grid"].astype(object).fillna("?"), "type": waiting["type"].astype(object),
                         "level": waiting["level"].astype(object), "age_h": (end - waiting["reported_s"]) / 3600,
                         "late": (waiting["due_s"] < end) & ~(waiting["handled_s"] < end)})
    found = rows.groupby(["grid", "type", "level"], as_index=False).agg(
        open=("age_h", "size"), overdue=("late", "sum"), age_p50_h=("age_h", "median"), age_max_h=("age_h", "max"))
    found["urgent"] = [type_of(name).urgent for name in found["type"]]
    order = found.sort_values(["urgent", "overdue", "age_max_h", "grid", "type"], ascending=[False, False, False, True, True])
    return order[names].reset_index(drop=True)
