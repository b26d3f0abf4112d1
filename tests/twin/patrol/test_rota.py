"""The rota keeps every rest, rotates areas, and is fair; where it cannot, it says so and only then."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import BadInput
from twin.patrol import Rota, Shift, make_rota
from twin.patrol.rota_plan import read_rota_plan

START = datetime(2026, 1, 5, tzinfo=UTC)


def shifts_of(days: int, needs: dict[str, int], per_day: int = 3) -> list[Shift]:
    """Equal shifts round the clock, the last of each day a night."""
    length = timedelta(hours=24 / per_day)
    return [Shift(id=f"s{k:03d}", start=START + k * length, end=START + (k + 1) * length, night=k % per_day == per_day - 1,
                  needs=needs) for k in range(days * per_day)]


def check(rota: Rota, units: list[str], shifts: list[Shift], rest: timedelta, most_running: int) -> None:
    """Every promise that holds for any rota."""
    rows = rota.rows
    for shift in shifts:
        own = rows[rows["shift"] == shift.id]
        assert own["unit"].is_unique and set(own["unit"]) <= set(units)
        assert Counter(own["area"]) == {area: need for area, need in shift.needs.items() if need}
    for _, own in rows.groupby("unit"):
        own = own.sort_values("start")
        assert all(start - end >= rest for end, start in zip(own["end"].iloc[:-1], own["start"].iloc[1:], strict=True))
        assert max((len(list(run)) for _, run in groupby(own["area"])), default=0) <= most_running
    assert rota.fairness["shifts"].sum() == len(rows) and rota.fairness["nights"].sum() == rows["night"].sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.dictionaries(st.sampled_from(["north", "south", "square", "gate"]), st.integers(0, 4), min_size=1),
       st.integers(1, 6), st.integers(1, 4), st.integers(0, 24), st.integers(1, 4))
def test_every_promise_is_kept_or_no_rota_could(number: int, needs: dict[str, int], days: int, per_day: int, rest_h: int,
                                                most_running: int) -> None:
    units = [f"P-{k}" for k in range(number)]
    shifts = shifts_of(days, needs, per_day)
    rest = timedelta(hours=rest_h)
    together = max(sum(other.needed for other in shifts if shift.start <= other.start < shift.end + rest) for shift in shifts)
    try:
        rota = make_rota(units, shifts, rest=rest, most_running=most_running)
    except BadInput as error:
        assert together > number or "cannot rotate" in str(error)
        return
    assert together <= number
    check(rota, units, shifts, rest, most_running)
    counts = rota.fairness["shifts"]
    assert counts.max() - counts.min() <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 14), st.integers(0, 4), st.booleans()), min_size=1, max_size=12),
       st.integers(1, 12), st.integers(0, 16))
def test_shifts_of_any_length_and_place_keep_the_rest(kinds: list[tuple[int, int, int, bool]], number: int, rest_h: int) -> None:
    shifts = [Shift(id=f"s{k}", start=START + timedelta(hours=start), end=START + timedelta(hours=start + length), night=night,
                    needs={"a": need // 2, "b": need - need // 2}) for k, (start, length, need, night) in enumerate(kinds)]
    units = [f"P-{k}" for k in range(number)]
    rest = timedelta(hours=rest_h)
    clash = max(sum(o.needed for o in shifts if o.start <= s.start < o.end + rest) for s in shifts)
    try:
        rota = make_rota(units, shifts, rest=rest, most_running=12)
    except BadInput as error:
        assert clash > number, str(error)
        return
    assert clash <= number
    check(rota, units, shifts, rest, 12)


def test_nights_are_even_where_rest_leaves_room() -> None:
    rota = make_rota([f"P-{k}" for k in range(45)], shifts_of(15, {"north": 5, "south": 5}))
    assert rota.fairness["nights"].max() - rota.fairness["nights"].min() <= 1
    assert rota.fairness["shifts"].max() - rota.fairness["shifts"].min() <= 1
    assert (rota.fairness["areas"] == 2).all()


def test_areas_rotate() -> None:
    units = [f"P-{k}" for k in range(12)]
    rota = make_rota(units, shifts_of(12, {"north": 1, "south": 1, "square": 1}), most_running=1)
    had = rota.rows.groupby(["unit", "area"]).size().unstack(fill_value=0)
    assert (had.max(axis=1) - had.min(axis=1)).max() <= 1


def test_one_area_alone_cannot_rotate() -> None:
    with pytest.raises(BadInput, match="cannot rotate after 2 shifts"):
        make_rota(["P-1", "P-2", "P-3"], shifts_of(4, {"north": 1}), most_running=2)


def test_too_few_units_are_told_how_many_are_rested() -> None:
    with pytest.raises(BadInput, match="needs 2 units and 1 of 5 are rested"):
        make_rota([f"P-{k}" for k in range(5)], shifts_of(2, {"north": 2}))


@pytest.mark.parametrize(("units", "complaint"), [([], "different call-signs"), (["P-1", "P-1"], "different call-signs")])
def test_bad_units_are_refused(units: list[str], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        make_rota(units, shifts_of(1, {"north": 1}))


PLAN = """
units: [P-1, P-2, P-3, P-4, P-5, P-6]
start: 2026-01-05
days: 7
shifts:
  - {id: day, start: 08:00, hours: 12, needs: {north: 1, south: 1}}
  - {id: night, start: 20:00, hours: 12, night: true, needs: {square: 1}}
"""


def test_a_plan_becomes_a_rota(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    plan = read_rota_plan(path)
    shifts = plan.each_shift()
    assert [shift.start.hour for shift in shifts[:2]] == [8, 20] and len(shifts) == 14
    rota = plan.rota()
    check(rota, list(plan.units), shifts, timedelta(hours=11), 3)
    assert rota.fairness["hours"].sum() == 7 * 3 * 12


@pytest.mark.parametrize(("old", "new", "complaint"), [
    ("days: 7", "days: 0", "days: Input should be greater"), ("P-6", "john", "units.5: 'john' is neither"),
    ("hours: 12,", "", "shifts.0.hours: Field required"),
    ("start: 2026-01-05", "start: soon", "start: Input should be a valid date"),
    ("days: 7", "zone: Mars", "zone: there is no time zone 'Mars'"), ("units:", "units: [", "not a YAML file")])
def test_a_bad_plan_says_what_is_wrong(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.replace(old, new, 1))
    with pytest.raises(BadInput, match=complaint):
        read_rota_plan(path)
