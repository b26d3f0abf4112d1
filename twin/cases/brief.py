"""The weekly brief of the case work: one page, in English or Chinese, as HTML or Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pandas as pd
import shapely
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from twin.cases.brief_words import LANGUAGES, WORDS
from twin.cases.case import Case
from twin.cases.hotspots import BEIJING, HotSpots, hot_spots
from twin.cases.indicators import Indicators, case_table, indicators
from twin.cases.types import type_of
from twin.errors import BadInput

WEEK = timedelta(days=7)
MOST_ROWS = 12


@dataclass(frozen=True)
class Brief:
    """What the brief is written from: this week, the week before, and the hot spots of this week (None without places)."""

    week: Indicators
    before: Indicators
    spots: HotSpots | None
    place: str

    def html(self, language: str = "en") -> str:
        """One page that asks for nothing from outside."""
        return _template("weekly_brief.html.j2").render(**self._said(language))

    def markdown(self, language: str = "en") -> str:
        """The same text and tables as Markdown."""
        return _template("weekly_brief.md.j2").render(**self._said(language))

    def _said(self, language: str) -> dict[str, Any]:
        if language not in LANGUAGES:
            raise BadInput(f"there is no brief in the language {language!r}", mend=f"choose {' or '.join(LANGUAGES)}")
        words = {key: pair[LANGUAGES.index(language)] for key, pair in WORDS.items()}
        local = [moment.astimezone(BEIJING) for moment in (self.week.since, self.week.until - timedelta(seconds=1))]
        return {"words": words, "language": language, "place": self.place, "since": f"{local[0]:%Y-%m-%d}",
                "until": f"{local[1]:%Y-%m-%d}", "sentences": self._sentences(words, language),
                "tables": self._tables(words, language)}

    def _sentences(self, words: dict[str, str], language: str) -> list[str]:
        now, before = self.week, self.before
        said = [words["received"].format(n=now.received, change=_change(now.received, before.received, words)),
                words["closed"].format(n=now.closed, rate=_percent(now.closing_rate), on_time=_percent(now.on_time_rate),
                                       before=_percent(before.on_time_rate)),
                words["times"].format(handle=_minutes(now.handle.p50), close=_minutes(now.close.p50)),
                words["backlog"].format(n=now.backlog_open, overdue=now.backlog_overdue),
                words["again"].format(reopened=now.reopened, passed=now.passed, merged=now.merged)]
        if now.arrive.n:
            said.insert(2, words["arrived"].format(p50=_minutes(now.arrive.p50), p90=_minutes(now.arrive.p90)))
        if now.ratings:
            said.append(words["rated"].format(n=now.ratings, mean=f"{now.rating_mean:.1f}", good=_percent(now.satisfied_rate)))
        if len(now.by_type):
            top = now.by_type.iloc[0]
            said.append(words["most"].format(type=_type(top["type"], language), n=top["received"]))
        if self.spots is not None:
            said.append(words["spots"].format(n=len(self.spots.spots), cell=f"{self.spots.cell_m:.0f}"))
        return said

    def _tables(self, words: dict[str, str], language: str) -> list[dict[str, Any]]:
        week = self.week
        tables = [_rates_table(week.by_type, "type", words, language), _rates_table(week.by_level, "level", words, language)]
        rows = [[row.grid, _type(row.type, language), words[row.level], str(row.open), str(row.overdue), _hours(row.age_p50_h),
                 _hours(row.age_max_h)] for row in week.backlog.head(MOST_ROWS).itertuples()]
        tables.append({"title": words["table_backlog"], "rows": rows,
                       "headings": [words[key] for key in ("grid", "type", "level", "open", "overdue", "age_p50", "age_max")]})
        if self.spots is not None and len(self.spots.spots):
            rows = [[f"{row.x:.0f}, {row.y:.0f}", f"{row.hour:02d}:00", str(row.cases), f"{row.z:.1f}", f"{row.p:.3f}"]
                    for row in self.spots.spots.head(MOST_ROWS).itertuples()]
            tables.append({"title": words["table_spots"], "rows": rows,
                           "headings": [words[key] for key in ("cell", "hour", "cases", "z", "p")]})
        return tables


def weekly_brief(cases: Iterable[Case] | pd.DataFrame, week_of: datetime, *, as_of: datetime | None = None, place: str = "",
                 area: shapely.Geometry | None = None) -> Brief:
    """The brief of the week (Monday to Sunday, Beijing time) that a moment lies in.

    ``as_of`` ends a week that is not over yet: what is open then is as old as it is then. ``area`` (the district's
    extent, metres) lets it find hot spots; without it, places are not looked at.
    """
    table = cases if isinstance(cases, pd.DataFrame) else case_table(cases)
    since = week_start(week_of)
    until = min(since + WEEK, as_of) if as_of is not None else since + WEEK
    if until <= since:
        raise BadInput("the week of the brief has not begun", mend="ask for an earlier week")
    week = indicators(table, since=since, until=until)
    before = indicators(table, since=since - WEEK, until=since)
    spots = None
    if area is not None:
        reported = table["reported_s"]
        spots = hot_spots(table[(reported >= since.timestamp()) & (reported < until.timestamp())], area=area)
    return Brief(week, before, spots, place)


def week_start(moment: datetime) -> datetime:
    """Monday 00:00 Beijing time of the week of an aware moment, as UTC."""
    local = moment.astimezone(BEIJING)
    monday = local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=local.weekday())
    return monday.astimezone(UTC)


def _rates_table(rates: pd.DataFrame, of: str, words: dict[str, str], language: str) -> dict[str, Any]:
    rows = [[_type(row[of], language) if of == "type" else words[row[of]], str(row["received"]), str(row["closed"]),
             _percent(row["closing_rate"]), _percent(row["on_time_rate"]), _minutes(row["arrive_p50_min"]),
             _minutes(row["handle_p50_min"]), _minutes(row["close_p50_min"])] for _, row in rates.iterrows()]
    keys = (of, "n_received", "n_closed", "closing_rate", "on_time_rate", "arrive_p50", "handle_p50", "close_p50")
    return {"title": words[f"table_{of}"], "headings": [words[key] for key in keys], "rows": rows}


@cache
def _template(name: str) -> Template:
    pages = Environment(loader=PackageLoader("twin.cases", "pages"), autoescape=name.endswith(".html.j2"),
                        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    return pages.get_template(name)


def _type(name: str, language: str) -> str:
    kind = type_of(name)
    return str(getattr(kind, language))


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def _minutes(minutes: float) -> str:
    return "–" if math.isnan(minutes) else f"{minutes:.0f} min" if minutes < 180 else f"{minutes / 60:.1f} h"


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"


def _change(now: int, before: int, words: dict[str, str]) -> str:
    if not before:
        return words["no_week_before"]
    return words["change"].format(percent=f"{100 * (now - before) / before:+.0f} %", before=before)
