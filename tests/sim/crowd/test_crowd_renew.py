"""Distances that are renewed after a change against those found from the beginning: equal to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from sim.crowd import Ground
from sim.crowd.ground import ground as grounds

SQUARE = box(0, 0, 30, 22)
BLOCKS = [box(8, 5, 13, 9), box(17, 11.3, 23, 16.1), box(5, 13, 6, 20)]
_X, _Y = st.floats(-1, 31), st.floats(-1, 23)
WALL = st.builds(lambda a, b: LineString([a, b]), st.tuples(_X, _Y), st.tuples(_X, _Y)).filter(lambda line: line.length > 0.3)
_SIZE = st.floats(0.4, 8)
AREA = st.builds(lambda x, y, w, h: box(x, y, x + w, y + h), st.floats(0, 25), st.floats(0, 18), _SIZE, _SIZE)
CHANGE = st.one_of(
    st.tuples(st.just("close"), st.sampled_from("abc"), WALL), st.tuples(st.just("open"), st.sampled_from("abc")),
    st.tuples(st.just("block"), st.sampled_from("de"), AREA), st.tuples(st.just("unblock"), st.sampled_from("de")),
    st.tuples(st.just("one_way"), st.sampled_from("fg"), AREA, st.floats(-3, 3)),
    st.tuples(st.just("two_way"), st.sampled_from("fg")),
    st.tuples(st.just("pace"), st.just("h"), AREA, st.sampled_from([0.5, 1.4])), st.tuples(st.just("unpace"), st.just("h")),
    st.tuples(st.just("steps"), st.sampled_from("ij"), AREA))
GOALS: dict[str, Any] = {"corner": Point(28.3, 20.2), "middle": box(12.2, 10.1, 16, 14),
                         "gate": LineString([(0.1, 8), (0.1, 12)])}


def walled() -> Ground:
    """A square with three blocks, narrow gaps between them and two walls with a door of 0.7 m."""
    walls = {"south": LineString([(15, -1), (15, 3)]), "door": LineString([(15, 3.7), (15, 10)])}
    return Ground(shapely.difference(SQUARE, shapely.union_all(BLOCKS)), walls=walls)


def apply(ground: Ground, change: tuple[Any, ...]) -> None:
    getattr(ground, change[0])(*change[1:])


def goals_of(ground: Ground) -> list[int]:
    plain = [ground.goal(name, area) for name, area in GOALS.items()]
    ground.steps("stairs", box(2, 2, 4, 7))
    return [*plain, ground.level(plain[0])]


@settings(max_examples=80, deadline=None)
@given(rounds=st.lists(st.lists(CHANGE, min_size=1, max_size=2), min_size=1, max_size=4),
       asked=st.lists(st.integers(0, 15), min_size=4, max_size=4))
def test_renewed_distances_are_those_from_the_beginning(rounds: list[list[tuple[Any, ...]]], asked: list[int]) -> None:
    """Whichever goals were asked for in between, and after whichever changes."""
    ground, fresh = walled(), walled()
    goals = goals_of(ground)
    ground.terrain(goals)
    assert goals_of(fresh) == goals
    for changes, some in zip(rounds, asked, strict=False):
        for change in changes:
            apply(ground, change)
            apply(fresh, change)
        ground.terrain([goal for k, goal in enumerate(goals) if some >> k & 1])
    np.testing.assert_array_equal(ground.terrain(goals).fields[goals], fresh.terrain(goals).fields[goals])


def test_a_gate_that_shuts_is_renewed_and_not_found_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall cuts off a corner of the square: little of the way to the other end goes through its gate."""
    ground = Ground(box(0, 0, 60, 40), walls={"corner": LineString([(50, 0), (50, 6)]), "side": LineString([(50, 10), (60, 10)])})
    goal = ground.goal("end", box(0, 0, 2, 40))
    at = np.array([[55.0, 4.0], [20.0, 20.0]])
    before = ground.distance(goal, at)
    monkeypatch.setattr(grounds, "march", None)  # what is found anew would need it
    ground.close("gate", LineString([(50, 6), (50, 10)]))
    after = ground.distance(goal, at)
    assert np.isinf(after[0])
    assert after[1] == before[1]
    ground.open("gate")
    np.testing.assert_array_equal(ground.distance(goal, at), before)
