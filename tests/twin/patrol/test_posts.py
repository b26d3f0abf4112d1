"""The choice of posts against trying everything, and its bounds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from twin.errors import BadInput
from twin.patrol import FootGround, Post, Round, best_posts, maximal_cover, round_time

matrices = st.tuples(st.integers(2, 7), st.integers(1, 9)).flatmap(lambda shape: arrays(bool, shape))


def weight_of(a: np.ndarray, w: np.ndarray, chosen: tuple[int, ...]) -> float:
    return float(w[a[list(chosen)].any(axis=0)].sum()) if chosen else 0.0


@settings(max_examples=120, deadline=None)
@given(matrices, st.data())
def test_no_choice_is_better_and_greedy_is_not_far(a: np.ndarray, data: st.DataObject) -> None:
    sites, places = a.shape
    w = np.array(data.draw(st.lists(st.integers(1, 9), min_size=places, max_size=places)), dtype=float)
    number = data.draw(st.integers(1, sites))
    best = max(weight_of(a, w, chosen) for chosen in combinations(range(sites), number)) / w.sum()
    exact, greedy = (maximal_cover(a, number=number, weights=w, solver=solver) for solver in ("highs", "greedy"))
    assert exact.covered == pytest.approx(best) and exact.gap == pytest.approx(0, abs=1e-6)
    assert greedy.covered >= (1 - 1 / np.e) * best - 1e-9 and greedy.bound >= best - 1e-9
    for found in (exact, greedy):
        assert len(found.chosen) <= number and found.covered == pytest.approx(weight_of(a, w, found.chosen) / w.sum())
        assert (found.by_place == a[list(found.chosen)].any(axis=0)).all()


@settings(max_examples=80, deadline=None)
@given(matrices, st.data())
def test_posts_that_are_there_stay_but_for_the_moves(a: np.ndarray, data: st.DataObject) -> None:
    sites = a.shape[0]
    there = data.draw(st.lists(st.integers(0, sites - 1), unique=True, max_size=sites))
    moves = data.draw(st.integers(0, 3))
    number = data.draw(st.integers(max(len(there) - moves, 1), sites))
    w = np.ones(a.shape[1])
    allowed = [chosen for k in range(number + 1) for chosen in combinations(range(sites), k)
               if len(set(there) - set(chosen)) <= moves]
    best = max(weight_of(a, w, chosen) for chosen in allowed)
    exact, greedy = (maximal_cover(a, number=number, there=there, moves=moves, solver=solver) for solver in ("highs", "greedy"))
    for found in (exact, greedy):
        assert len(found.given_up) <= moves and len(found.chosen) <= number
        assert set(found.given_up) == set(there) - set(found.chosen) and set(found.added) == set(found.chosen) - set(there)
    assert exact.covered == pytest.approx(best / len(w)) and greedy.covered <= exact.covered + 1e-9
    assert exact.gap == pytest.approx(0, abs=1e-6)


def test_the_best_choice_beside_a_post_that_stays_is_not_the_greedy_one() -> None:
    """Site 1 covers most at once, but 2 and 3 together cover more; site 0 must stay."""
    a = np.zeros((4, 7), dtype=bool)
    a[0, 0], a[1, 1:5], a[2, [1, 2, 5]], a[3, [3, 4, 6]] = True, True, True, True
    exact, greedy = (maximal_cover(a, number=3, there=[0], solver=solver) for solver in ("highs", "greedy"))
    assert (exact.chosen, exact.covered, exact.method) == ((0, 2, 3), 1.0, "highs")
    assert greedy.covered == pytest.approx(6 / 7) and greedy.gap == pytest.approx(1 / 7)
    free = maximal_cover(a, number=2, there=[0], moves=1)
    assert (free.chosen, free.given_up, free.added) == ((2, 3), (0,), (2, 3))


def test_where_time_runs_out_the_greedy_choice_stands_with_its_gap() -> None:
    rng = np.random.default_rng(1)
    a = rng.random((120, 600)) < 0.03
    found = maximal_cover(a, number=20, seconds=0.001)
    greedy = maximal_cover(a, number=20, solver="greedy")
    assert found.covered >= greedy.covered and 0 <= found.gap < 0.3
    assert len(found.chosen) == 20


def test_posts_cover_what_they_reach_on_foot() -> None:
    """Two lanes without a way between them need a post each, however near they lie."""
    ground = FootGround(shapely.MultiPolygon([shapely.box(0, 0, 100, 4), shapely.box(0, 5, 100, 9)]))
    places = [(x, y) for x in range(10, 100, 20) for y in (2, 7)]
    sites = [(50, 2), (50, 7), (10, 2)]
    found = best_posts(ground, sites, places, number=2, reach_min=0.9)
    assert found.chosen == (0, 1) and found.covered == 1.0
    assert best_posts(ground, sites, places, number=1, reach_min=0.9).covered == 0.5


@pytest.mark.parametrize(("says", "complaint"), [
    ({"number": 0}, "fewer than"), ({"number": 1, "there": [0, 1]}, "fewer than the 2 that must stay"),
    ({"number": 1, "there": [7]}, "not in the list"), ({"number": 1, "weights": [1.0]}, "do not fit"),
    ({"number": 1, "weights": [1.0, -1.0, 1.0]}, "do not fit")])
def test_what_cannot_be_is_refused(says: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        maximal_cover(np.eye(3, dtype=bool), **says)  # type: ignore[arg-type]


def test_a_round_takes_as_long_as_its_legs() -> None:
    ground = FootGround(shapely.box(0, 0, 100, 100))
    posts = [Post(id="a", x=10, y=10), Post(id="b", x=90, y=10), Post(id="c", x=500, y=500)]
    there_and_back = round_time(ground, Round(id="r", posts=("a", "b")), posts)
    assert there_and_back == pytest.approx(2 * 80 / 1.34, rel=0.03)
    assert round_time(ground, Round(id="r", posts=("a", "b"), closed=False), posts) == pytest.approx(there_and_back / 2)
    with pytest.raises(BadInput, match="which is no post"):
        round_time(ground, Round(id="r", posts=("a", "x")), posts)
    with pytest.raises(BadInput, match="no way on foot"):
        round_time(ground, Round(id="r", posts=("a", "c")), posts)
