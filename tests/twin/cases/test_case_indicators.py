"""Indicators against counts by hand, hot spots against planted ones, the brief in both languages, and the scale."""

from __future__ import annotations

import gc
import json
import math
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import shapely
from case_steps import START, moment, step

from twin.cases import TYPES, Case, CaseBook, CaseStep
from twin.cases.brief import week_start, weekly_brief
from twin.cases.hotspots import hot_spots
from twin.cases.indicators import case_table, indicators
from twin.errors import BadInput

DAY = 24 * 60


def week() -> CaseBook:
    """Five cases: on time, late, reopened and open again, merged, waiting past its deadline."""
    book = CaseBook()

    def take(*steps: tuple[CaseStep, float]) -> None:
        for one, minute in steps:
            book.add(one, moment(minute))

    def loop(case: str, arrive: float, handle: float, start: float = 0) -> None:
        take((step("dispatch", case=case), start + 1), (step("arrive", "P-1", case), start + arrive),
             (step("handle", "P-1", case), start + handle), (step("verify", "judge-1", case), start + handle + 10),
             (step("close", case=case), start + handle + 20))

    for case, grid in (("a", "g-1"), ("b", "g-1"), ("c", "g-2"), ("d", "g-2"), ("e", "g-2")):
        take((step("report", case=case, grid=grid), 0))
    loop("a", 10, 200)
    loop("b", 30, 300)
    loop("c", 20, 100)
    take((step("reopen", case="c"), 1000), (step("merge", case="d", duplicate_of="e"), 5), (step("pass_up", case="e"), 60))
    return book


def test_indicators_are_what_one_counts_by_hand() -> None:
    found = indicators(week(), since=moment(0), until=moment(7 * DAY))
    assert (found.received, found.closed, found.merged, found.open, found.closed_in_period) == (5, 2, 1, 2, 2)
    assert found.closing_rate == 2 / 4
    assert found.on_time_rate == 1 / 4, "a in time; b late; c, open again, and e past their deadlines"
    assert (found.reopened, found.reopening_rate, found.passed) == (1, 1 / 3, 1)
    assert (found.arrive.n, found.arrive.p50, found.arrive.mean) == (3, 20, 20)
    assert (found.handle.n, found.handle.p50) == (2, 250)
    assert (found.close.p50, found.close.p95) == (270, pytest.approx(220 + 0.95 * 100))
    assert (found.backlog_open, found.backlog_overdue) == (2, 2)
    assert found.backlog[["grid", "type", "level", "open", "overdue"]].to_dict("records") == [
        {"grid": "g-2", "type": "rubbish", "level": level, "open": 1, "overdue": 1} for level in ("community", "subdistrict")]
    assert found.backlog["age_max_h"].tolist() == [168.0, 168.0]
    assert found.by_level["received"].tolist() == [4, 1]
    assert found.by_type.iloc[0]["on_time_rate"] == 1 / 4


def test_cases_outside_the_period_count_only_in_the_backlog() -> None:
    found = indicators(week(), since=moment(1), until=moment(DAY))
    assert (found.received, found.backlog_open) == (0, 2)
    assert math.isnan(found.closing_rate) and math.isnan(found.arrive.p50)
    assert indicators(week(), since=moment(-10), until=moment(0)).backlog_open == 0


def test_the_backlog_of_a_past_moment_is_that_of_then() -> None:
    found = indicators(week(), since=moment(0), until=moment(250))
    assert found.backlog_open == 3, "b, e, and c, which as it stands now was never closed"
    assert found.backlog_overdue == 2, "b and e; c has a new deadline"


def test_few_ratings_are_not_shown() -> None:
    book = CaseBook()
    for number in range(5):
        case = f"c-{number}"
        for minute, one in enumerate([step("report", case=case), step("dispatch", case=case), step("handle", "P-1", case),
                                      step("verify", case=case), step("close", case=case)]):
            book.add(one, moment(minute))
        if number < 4:
            book.add(step("assess", "hotline-1", case, rating=number + 2), moment(50))
    few = indicators(book, since=moment(0), until=moment(DAY))
    assert few.ratings == 0 and math.isnan(few.rating_mean) and math.isnan(few.satisfied_rate)
    book.add(step("assess", "hotline-1", "c-4", rating=1), moment(60))
    enough = indicators(book, since=moment(0), until=moment(DAY))
    assert (enough.ratings, enough.rating_mean, enough.satisfied_rate) == (5, 3.0, 2 / 5)


def test_indicators_become_json_and_an_empty_book_has_some_too() -> None:
    found = indicators(CaseBook(), since=moment(0), until=moment(DAY)).as_dict()
    assert found["received"] == 0 and json.loads(json.dumps(found))["backlog"] == []


BOX = shapely.box(0, 0, 1200, 1000)


def scattered(number: int, rng: np.random.Generator) -> pd.DataFrame:
    """Cases anywhere in the box at any hour of a week."""
    return pd.DataFrame({"x": rng.uniform(0, 1200, number), "y": rng.uniform(0, 1000, number),
                         "reported_s": START.timestamp() + rng.uniform(0, 7 * 86400, number)})


def test_a_planted_hot_spot_is_found_at_its_place_and_hour() -> None:
    rng = np.random.default_rng(3)
    table = scattered(2000, rng)
    planted = pd.DataFrame({"x": rng.normal(450, 25, 60), "y": rng.normal(650, 25, 60),
                            "reported_s": START.timestamp() + 86400 * rng.integers(0, 7, 60) + 3600 * 13.5})
    found = hot_spots(pd.concat([table, planted]), area=BOX)
    best = found.spots.iloc[0]
    assert math.hypot(best["x"] - 450, best["y"] - 650) < 100 and best["hour"] == 21, "13:30 UTC is 21:30 in Beijing"
    assert best["p"] < 0.001 and best["cases"] > 20
    assert (found.spots["cases"] >= 5).all(), "no household can be made out"
    assert (found.used, found.bins) == (2060, 12 * 10 * 24)


def test_chance_alone_makes_hardly_ever_a_hot_spot() -> None:
    with_spots = sum(len(hot_spots(scattered(2000, np.random.default_rng(seed)), area=BOX, fewest=1).spots) > 0
                     for seed in range(60))
    assert with_spots <= 8, "at a false discovery rate of 5 % some 3 of 60"


def test_p_is_what_permutation_comes_to() -> None:
    rng = np.random.default_rng(7)
    area = shapely.box(0, 0, 450, 400).union(shapely.box(450, 0, 460, 30))
    table = scattered(3000, rng)
    table = table[shapely.intersects_xy(area, table["x"], table["y"])]
    found = hot_spots(table, area=area, fewest=1, q=1.0)
    asked = found.spots[(found.spots["p"] > 0.02) & (found.spots["p"] < 0.5)].iloc[::9]
    hours = ((table["reported_s"] // 3600 + 8) % 24).to_numpy()
    higher = np.zeros(len(asked))
    for _ in range(1000):
        x, y = rng.uniform(0, 460, 4000), rng.uniform(0, 400, 4000)
        lies = np.flatnonzero(shapely.intersects_xy(area, x, y))[: len(table)]
        assert len(lies) == len(table)
        near = [(np.abs(x[lies] // 100 - s.x // 100) <= 1) & (np.abs(y[lies] // 100 - s.y // 100) <= 1)
                & (np.minimum((hours - s.hour) % 24, (s.hour - hours) % 24) <= 1) for s in asked.itertuples()]
        higher += np.sum(near, axis=1) >= asked["around"].to_numpy()
    assert len(asked) >= 10
    assert np.abs(higher / 1000 - asked["p"].to_numpy()).max() < 4 * 0.5 / np.sqrt(1000)


def test_gi_star_is_the_formula() -> None:
    """Against the formula written out with a matrix of weights."""
    rng = np.random.default_rng(5)
    table = scattered(400, rng)
    found = hot_spots(table, area=shapely.box(0, 0, 299, 299), cell_m=100, fewest=1, q=1.0)
    inside = table[(table["x"] < 299) & (table["y"] < 299)]
    hours = ((inside["reported_s"] // 3600 + 8) % 24).astype(int)
    counts = np.zeros((24, 3, 3))
    np.add.at(counts, (hours, (inside["y"] // 100).astype(int), (inside["x"] // 100).astype(int)), 1)
    where = np.indices(counts.shape).reshape(3, -1).T
    apart = np.abs(where[:, None] - where[None])
    apart[..., 0] = np.minimum(apart[..., 0], 24 - apart[..., 0])
    weights = (apart.max(axis=2) <= 1).astype(float)
    x, n, total = counts.ravel(), counts.size, weights.sum(axis=1)
    spread = np.sqrt((x**2).mean() - x.mean() ** 2)
    z = (weights @ x - total * x.mean()) / (spread * np.sqrt((n * (weights**2).sum(axis=1) - total**2) / (n - 1)))
    assert found.bins == n and len(found.spots) > 5
    for spot in found.spots.to_dict("records"):
        at = int(spot["hour"]) * 9 + int(spot["y"] // 100) * 3 + int(spot["x"] // 100)
        assert spot["z"] == pytest.approx(z[at]) and spot["cases"] == x[at]


def test_degrees_and_tiny_cells_are_refused() -> None:
    table = scattered(10, np.random.default_rng(1))
    with pytest.raises(BadInput, match="in degrees"):
        hot_spots(table.assign(x=-73.9, y=40.7))
    with pytest.raises(BadInput, match="widen the cells"):
        hot_spots(table, cell_m=0.5)
    assert hot_spots(table.iloc[:0], area=BOX).used == 0


@pytest.mark.parametrize(("language", "words"), [("en", ["Weekly brief", "5 cases were received", "Overdue"]),
                                                ("zh", ["案件办理周报", "本周受理案件 5 件", "暴露垃圾", "超期"])])
def test_the_brief_says_the_week_in_both_languages(language: str, words: list[str]) -> None:
    brief = weekly_brief(week(), START + timedelta(days=2), place="<Xi>")
    page, text = brief.html(language), brief.markdown(language)
    for word in words:
        assert word in page and word in text
    assert "&lt;Xi&gt;" in page and "http" not in page and "nan" not in page.lower()
    assert text.count("| --- ") >= 3


def test_the_brief_lists_hot_spots_where_places_are_known() -> None:
    rng = np.random.default_rng(3)
    book = CaseBook()
    for k in range(300):
        x, y = (rng.normal(450, 10), rng.normal(650, 10)) if k < 60 else (rng.uniform(0, 1200), rng.uniform(0, 1000))
        at = 3 * DAY + rng.uniform(0, 20) if k < 60 else rng.uniform(0, 6 * DAY)
        book.add(step("report", case=f"c-{k}"), moment(at), place=(x, y))
    brief = weekly_brief(book, START + timedelta(days=1), area=BOX)
    assert brief.spots is not None and len(brief.spots.spots) >= 1
    assert "450, 650" in brief.markdown("en")


def test_a_week_that_is_not_over_ends_where_it_is() -> None:
    brief = weekly_brief(week(), START, as_of=moment(300))
    assert brief.week.backlog["age_max_h"].max() == 5.0 and "2026-01-05 to 2026-01-05" in brief.markdown()
    with pytest.raises(BadInput, match="has not begun"):
        weekly_brief(week(), START + timedelta(days=14), as_of=moment(300))


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(BadInput, match="choose en or zh"):
        weekly_brief(week(), START).html("fr")


def test_a_week_starts_on_monday_in_beijing() -> None:
    monday = datetime.fromisoformat("2026-01-05T00:00:00+08:00")
    assert week_start(monday) == monday == week_start(monday + timedelta(days=6, hours=23))
    assert week_start(monday - timedelta(seconds=1)) == monday - timedelta(days=7)


class Reported(NamedTuple):
    """As much of an observation as the book reads."""

    value: CaseStep
    observed_at: datetime
    kind: str = "case"
    stream: str = "live"
    x: float | None = 1.0
    y: float | None = 1.0
    grid: str | None = None


def a_year_of_cases(number: int) -> Iterator[Reported]:
    """Cases in all states, seven steps or so each, in the order of their cases."""
    rng = np.random.default_rng(1)
    names = list(TYPES)
    ready: dict[tuple[object, ...], CaseStep] = {}

    def made(kind: str, by: str, case: str, **says: object) -> CaseStep:
        key = (kind, by, *says.values())
        if key not in ready:
            ready[key] = step(kind, by, case, **says)
        return ready[key].model_copy(update={"case": case})

    for k, minute in enumerate(rng.uniform(0, 365 * DAY, number)):
        case, unit = f"c-{k:06d}", f"P-{k % 40}"
        steps = [made("report", "hotline-1", case, type=names[k % len(names)], grid=f"grid-{k % 71:02d}")]
        steps += [made("pass_up", "desk-1", case)] * (k % 7 == 0)
        steps += [made("dispatch", "desk-1", case, units=(unit,)), made("arrive", unit, case)]
        if k % 50:
            steps += [made("handle", unit, case), made("verify", "judge-1", case), made("close", "desk-1", case)]
            steps += [made("assess", "hotline-1", case, rating=1 + k % 5)] * (k % 3 == 0)
        for number, one in enumerate(steps):
            yield Reported(one, moment(minute + 15 * number))


def carry(observations: list[Reported]) -> float:
    """Seconds of the processor for the fold of a year and its indicators."""
    start = time.process_time()
    book = CaseBook.of(observations, stream="live")
    folded = time.process_time()
    found = indicators(case_table(book), since=moment(0), until=moment(366 * DAY))
    done = time.process_time()
    assert book.counts().received == found.received == 47_199 and book.counts().refused_steps == 0
    print(f"fold {folded - start:.2f} s of {len(observations):,} steps, indicators {done - folded:.2f} s")
    return done - start


def test_47199_cases_are_carried_without_slowing() -> None:
    gc.disable()
    observations = sorted(a_year_of_cases(47_199), key=lambda o: o.observed_at)
    gc.enable()
    gc.collect()
    gc.freeze()  # what the test itself holds is not walked again and again
    try:
        took = [carry(observations) for _ in range(2)]
    finally:
        gc.unfreeze()
    assert min(took) < 2.0, "seconds of the processor, so that a busy machine does not count"
    book = CaseBook.of(observations)
    new = [Reported(step("report", case=f"n-{k}"), moment(367 * DAY + k)) for k in range(2000)]

    def cost(into: CaseBook) -> float:
        begun = time.process_time()
        for one in new:
            into.take(one)
        return time.process_time() - begun

    gc.disable()
    try:
        small, big = min(cost(CaseBook()) for _ in range(5)), cost(book)
    finally:
        gc.enable()
    assert big < 4 * small, "a step costs the same in a full book as in an empty one, memory apart"


def test_a_case_is_a_value_with_a_place() -> None:
    book = CaseBook.of([Reported(step("report"), moment(0)), Reported(step("report", case="c-2"), moment(0), stream="drill:x"),
                        Reported(step("dispatch"), moment(1), kind="note")], stream="live")
    assert [case.id for case in book] == ["c-1"] and isinstance(book["c-1"], Case)
    assert book["c-1"].place == (1.0, 1.0) and not book.refusals()
