"""Forecasts and siting."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import BadInput
from twin.people import (
    Assumptions,
    backtest,
    forecast,
    forecast_children,
    plan_sites,
    site,
    subdistrict_size,
    subdistrict_totals,
)
from twin.places.synthetic.streams import stream

STILL = Assumptions(births_per_woman=0.0, birth_spread=0.0, survival=1.0, moving_out=0.0, moving_in=0.0, moving_spread=0.0)


def _history(assumed: Assumptions, years: int = 12, grids: int = 40, seed: int = 9):
    """A past that went as the assumptions say, drawn year by year without the forecast's code."""
    rng = stream(seed, "a past")
    women = rng.integers(60, 200, grids)
    now = rng.poisson(assumed.births_per_woman * women[:, None], (grids, 4))
    past = [now]
    for _ in range(years - 1):
        good = np.exp(rng.normal(-assumed.birth_spread**2 / 2, assumed.birth_spread))
        drawn = np.exp(rng.normal(-assumed.moving_spread**2 / 2, assumed.moving_spread))
        stay = rng.binomial(now, assumed.survival * (1 - assumed.moving_out))
        aged = np.column_stack([rng.poisson(assumed.births_per_woman * women * good), stay[:, :3]])
        now = aged + rng.poisson(assumed.moving_in * past[-1] * drawn)
        past.append(now)
    return np.array(past), np.tile(women, (years, 1))


def test_without_births_deaths_and_moves_children_grow_up():
    made = forecast(np.array([[5, 7, 2, 9]]), np.array([50]), STILL, draws=3)
    np.testing.assert_array_equal(made.draws[:, 0, 0], [[0, 5, 7, 2]] * 3)
    np.testing.assert_array_equal(made.draws[:, 1, 0], [[0, 0, 5, 7]] * 3)


def test_births_follow_the_women():
    used = Assumptions(births_per_woman=0.05, birth_spread=0.3, survival=1.0, moving_out=0.0, moving_in=0.0, moving_spread=0.0)
    made = forecast(np.zeros((2, 4), int), np.array([1000, 4000]), used, draws=4000)
    np.testing.assert_allclose(made.draws[:, 0, :, 0].mean(axis=0), [50, 200], rtol=0.03)


def test_default_assumptions_keep_the_number_of_children():
    children = np.full((10, 4), 100)
    made = forecast(children, np.full(10, 2360), draws=2000).whole()
    assert made["mean"].to_numpy() == pytest.approx([4000, 4000], rel=0.03)


def test_intervals_nest_and_widen():
    table = forecast(np.full((30, 4), 8), np.full(30, 180), draws=2000).intervals()
    assert (table["low_95"] <= table["low_80"]).all() and (table["high_80"] <= table["high_95"]).all()
    assert table["mean"].between(table["low_80"], table["high_80"]).all()
    width = (table["high_95"] - table["low_95"]).groupby(table["year"]).mean()
    assert width[2] > width[1]


def test_the_backtest_finds_intervals_that_cover_as_often_as_they_say():
    assumed = Assumptions()
    every = [backtest(*_history(assumed, seed=s), assumed, draws=400).scores() for s in range(6)]
    scores = pd.concat(every).groupby("year").mean()
    assert (scores["covered_80"].between(0.76, 0.93)).all()  # whole numbers make intervals cover a little more
    assert (scores["covered_95"].between(0.92, 0.995)).all()
    assert (scores["bias"].abs() < 1.5).all()


def test_the_backtest_finds_wrong_assumptions():
    scores = backtest(*_history(Assumptions()), Assumptions(births_per_woman=0.08), draws=300).scores()
    assert (scores["bias"] > 2).all() and (scores["covered_80"] < 0.75).all()


def test_the_backtest_uses_nothing_after_its_origin():
    history, women = _history(Assumptions())
    changed = history.copy()
    changed[6:] += 50
    first, second = (backtest(h, women, draws=200, origins=[4]).table for h in (history, changed))
    pd.testing.assert_series_equal(first["mean"], second["mean"])
    assert (second["truth"] - first["truth"]).tolist() == [0] * 40 + [200] * 40


@pytest.mark.parametrize(("call", "sentence"), [
    (lambda: forecast(np.zeros((3, 4), int), np.zeros(2, int)), "do not fit"),
    (lambda: forecast(-np.ones((3, 4), int), np.zeros(3, int)), "fewer than no people"),
    (lambda: forecast(np.zeros((3, 4), int), np.zeros(3, int), years=0), "too few"),
    (lambda: Assumptions(moving_out=1.2), "a share from 0 to 1"),
    (lambda: Assumptions(births_per_woman=-1), "a rate of 0 or more"),
    (lambda: backtest(np.zeros((2, 3, 4), int), np.zeros((2, 3), int)), "hold no origin"),
])
def test_impossible_forecasts_are_refused(call, sentence):
    with pytest.raises(BadInput, match=sentence):
        call()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 25), st.integers(2, 8), st.integers(1, 3))
def test_siting_is_as_good_as_trying_everything(seed, n, m, number):
    rng = np.random.default_rng(seed)
    number = min(number, m)
    distance = np.hypot(*(rng.random((n, 1, 2)) - rng.random((1, m, 2))).transpose(2, 0, 1)) * 1000
    demand = rng.integers(0, 4, n).astype(float)
    if not demand.any():
        return
    every = [distance[:, list(c)].min(axis=1) for c in combinations(range(m), number)]
    median, centre = (site(distance, demand, number, goal=goal) for goal in ("median", "centre"))
    assert median.mean_m == pytest.approx(min(np.average(d, weights=demand) for d in every))
    assert centre.worst_m == pytest.approx(min(d[demand > 0].max() for d in every))
    assert median.optimal and len(median.sites) == number
    assert centre.mean_m >= median.mean_m - 1e-9 and centre.worst_m <= median.worst_m + 1e-9


def test_everybody_goes_to_the_nearest_site_that_they_can_reach():
    distance = np.array([[10.0, np.inf, 50.0], [np.inf, 5.0, 20.0], [30.0, 40.0, 1.0]])
    found = site(distance, np.array([1.0, 1.0, 1.0]), 2)
    assert (found.sites, found.site_of.tolist(), found.mean_m) == ((0, 2), [0, 2, 2], pytest.approx(31 / 3))


@pytest.mark.parametrize(("distance", "number", "sentence"), [
    ([[1.0, np.inf], [2.0, np.inf]], 1, "nobody can reach candidate site 2"),
    ([[1.0, 2.0], [np.inf, np.inf]], 1, "from demand 2"),
    ([[1.0, np.inf], [np.inf, 2.0]], 1, "can be reached from everywhere"),
    ([[1.0], [2.0]], 2, "cannot be chosen from 1"),
    ([[-1.0], [2.0]], 1, "negative"),
])
def test_impossible_sitings_are_refused(distance, number, sentence):
    for goal in ("median", "centre"):
        with pytest.raises(BadInput, match=sentence):
            site(np.array(distance), np.ones(2), number, goal=goal)


def test_what_is_hidden_today_is_hidden_in_the_forecast(small_place):
    _, people, gate = small_place
    for scheme in ("household", "functional", "video"):
        made = forecast_children(gate, people, scheme=scheme, draws=300)
        hidden = gate.aggregate("age", scheme=scheme).set_index("id")["0-3"].isna()
        cells = made.cells.set_index("id")
        assert (cells["mean"].isna() == hidden.reindex(cells.index)).all()
        assert len(made.expected) == len(hidden)


def test_kindergartens_are_sited_on_walking_distance(small_place):
    district, people, gate = small_place
    demand = forecast_children(gate, people, draws=300).expected
    ways = gate.schemes.cells.iloc[gate.schemes.rows("household", "grid")]
    plans = {goal: plan_sites(district, gate, demand, number=1, goal=goal) for goal in ("median", "centre")}
    for plan in plans.values():
        assert 0 < plan.chosen.mean_m <= plan.chosen.worst_m < 1500
        assert 0 < plan.mean_m <= plan.farthest_m < 1500
        assert list(plan.cells["id"]) == list(ways["id"])
    assert plans["median"].mean_m == pytest.approx(plans["median"].chosen.mean_m)
    assert plans["centre"].farthest_m == pytest.approx(plans["centre"].chosen.worst_m)
    assert plans["median"].mean_m <= plans["centre"].mean_m and plans["centre"].farthest_m <= plans["median"].farthest_m
    # Walking is never shorter than the straight line to the grid.
    plan = plans["centre"]
    x, y = plan.candidates[["x", "y"]].iloc[plan.chosen.sites[0]]
    straight = shapely.distance(ways["geometry"].to_numpy(), shapely.Point(x, y))
    assert (plan.cells["walk_m"].to_numpy() >= straight - 15).all()


def test_a_site_that_nobody_can_reach_is_named(small_place):
    district, people, gate = small_place
    demand = forecast_children(gate, people, draws=300).expected
    x, y = district.origin
    away = pd.DataFrame({"id": ["north pole"], "x": [x], "y": [y + 50_000]})
    with pytest.raises(BadInput, match="nobody can reach candidate site north pole"):
        plan_sites(district, gate, demand, number=1, candidates=away)


def test_totals_of_real_subdistricts(data):
    table = subdistrict_totals(data / "population" / "beijing_blocks")
    assert len(table) == 331 and (table["people"] >= 0).all()
    assert 10_000_000 < table["people"].sum() < 40_000_000


def test_a_subdistrict_says_how_large_a_population_is_to_be(data):
    folder = data / "population" / "beijing_blocks"
    size = subdistrict_size(folder, "西城区/展览路街道")
    assert size.people == 151_413 and 60_000 < size.households < size.dwellings
    assert subdistrict_size(folder, "展览路街道") == size
    with pytest.raises(BadInput, match="0 subdistricts are called 'Soho'"):
        subdistrict_size(folder, "Soho")
    with pytest.raises(BadInput, match=r"subdistricts are called '西城区'; write it like 西城区/"):
        subdistrict_size(folder, "西城区")


def test_totals_without_their_files_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"worldpop\.npy"):
        subdistrict_totals(tmp_path)
