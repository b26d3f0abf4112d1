"""The patrol game: known solutions, the comb's exact chances, and draws that come out as computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protection_case import plan, spot
from scipy import stats

from sim.protected import Patrols
from sim.protection import schedule
from sim.protection.game import Marginals, comb, drawn_by_comb, improved, marginals, side_by_side
from sim.protection.schedule import chances, make_tours
from twin.errors import BadInput


def test_equal_places_are_watched_equally():
    game = marginals(np.eye(5), np.full(5, 3.0), 2)
    assert game.x == pytest.approx(np.full(5, 0.4)) and game.value == pytest.approx(3 * 0.6)


def test_two_places_are_watched_so_that_an_attacker_gains_the_same():
    game = marginals(np.eye(2), np.array([4.0, 1.0]), 1)  # 4 (1 - c) = 1 - (1 - c) gives c = 4/5
    assert game.x == pytest.approx([0.8, 0.2]) and game.value == pytest.approx(0.8)


def test_what_is_hardly_worth_anything_is_left_alone():
    game = marginals(np.eye(3), np.array([10.0, 10.0, 0.1]), 1)
    assert game.x[2] == pytest.approx(0.0, abs=1e-6) and game.value == pytest.approx(5.0)


@st.composite
def games(draw):
    tours, places = draw(st.integers(2, 8)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    meets = rng.choice([0.0, 0.0, 0.4, 0.8, 1.0], (tours, places))
    return meets, rng.uniform(0.5, 5.0, places), draw(st.integers(1, min(tours, 3)))


@given(games(), st.permutations(range(8)))
@settings(deadline=None, max_examples=60)
def test_the_comb_draws_every_tour_with_its_chance_and_never_too_many(game, shuffled):
    meets, weight, teams = game
    solved = marginals(meets, weight, teams)
    order = np.array([k for k in shuffled if k < len(meets)])
    mix = drawn_by_comb(solved, order, meets, weight)
    drawn = np.zeros(len(meets))
    for one, q in zip(mix.sets, mix.q, strict=True):
        drawn[list(one)] += q
        assert len(one) <= teams and len(set(one)) == len(one)
    assert drawn == pytest.approx(solved.x, abs=1e-6)


@given(games())
@settings(deadline=None, max_examples=60)
def test_no_mix_is_better_than_the_bound_and_each_step_is_no_worse(game):
    meets, weight, teams = game
    solved = marginals(meets, weight, teams)
    first = drawn_by_comb(solved, side_by_side(solved.x, meets), meets, weight)
    better = improved(first, meets, weight, teams)
    assert solved.value - 1e-6 <= better.value <= first.value + 1e-9
    assert better.q.sum() == pytest.approx(1.0) and (better.q >= 0).all() and all(len(one) <= teams for one in better.sets)


def test_a_mix_is_as_good_as_the_best_that_there_is_where_all_sets_can_be_tried():
    """Tours that overlap: the marginals count two patrols at one place twice, the mix does not."""
    meets = np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    weight = np.array([3.0, 2.0, 1.0])
    solved = marginals(meets, weight, 2)
    mix = improved(drawn_by_comb(solved, np.arange(4), meets, weight), meets, weight, 2)
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    rows = np.array([1 - (1 - meets[a]) * (1 - meets[b]) for a, b in pairs])
    tried = np.random.default_rng(3).dirichlet(np.full(len(pairs), 0.3), 40_000)
    best = float((weight * (1 - tried @ rows)).max(axis=1).min())
    assert solved.value < mix.value <= best + 1e-9


def test_without_tours_or_patrols_there_is_no_game():
    with pytest.raises(BadInput, match="game"):
        marginals(np.eye(2), np.ones(2), 0)


def test_a_comb_by_hand():
    game = Marginals(np.array([0.5, 0.5, 1.0]), 0.0, np.zeros(3))
    drawn = [comb(game.x, np.arange(3), luck).tolist() for luck in (0.0, 0.25, 0.75, 0.999)]
    assert drawn == [[1, 2], [0, 2], [1, 2], [1, 2]]


# Schedules


RISKS = [{"id": f"r{k}", "at": spot(x, y), "weight": w}
         for k, (x, y, w) in enumerate([(-90, 0, 4), (-40, 0, 2), (0, 70, 3), (40, 0, 1), (90, 0, 5)])]


@pytest.fixture(scope="module")
def patrolled(plaza):
    return plan(plaza, {}, risks=RISKS, patrols={"teams": 2, "slot_min": 15, "dwell_min": 2, "attack_min": 4})


def test_tours_fit_into_their_slot_and_meet_what_the_time_between_two_passes_allows():
    between = np.abs(np.subtract.outer(np.array([0.0, 60.0, 300.0]), np.array([0.0, 60.0, 300.0])))
    patrols = Patrols(slot_min=10, dwell_min=2, attack_min=3)
    tours = {frozenset(tour.places): tour for tour in make_tours(between, patrols)}
    assert set(tours) == {frozenset({0}), frozenset({1}), frozenset({2}), frozenset({0, 1})}  # 0, 1, 2 takes 600 + 360 s
    assert tours[frozenset({0, 1})].seconds == pytest.approx(2 * 60 + 2 * 120)
    chance = chances([tours[frozenset({0})], tours[frozenset({0, 1})]], 3, patrols)
    assert chance[0].tolist() == [1.0, 0.0, 0.0] and chance[1] == pytest.approx([300 / 360, 300 / 360, 0.0])


def test_what_is_drawn_over_many_slots_is_what_the_mix_says(patrolled):
    slots = 1200
    found = schedule(patrolled, 11, slots=slots)
    assert found.rows.groupby("slot").size().max() <= 2
    sets = found.rows.groupby("slot")["tour"].apply(lambda tours: tuple(sorted(tours)))
    seen = np.array([(sets == one).sum() for one in found.mix.sets])
    assert seen.sum() == slots
    assert stats.chisquare(seen, slots * found.mix.q).pvalue > 0.001
    follows = (sets.to_numpy()[1:] == sets.to_numpy()[:-1]).mean()
    assert follows == pytest.approx(float((found.mix.q**2).sum()), abs=0.06)  # a slot tells nothing about the next


def test_a_schedule_is_worth_more_than_one_that_is_always_the_same(patrolled):
    found = schedule(patrolled, 1)
    assert found.bound <= found.value + 1e-9 <= found.by_comb + 1e-9 and found.value < found.fixed
    assert found.places["gain"].max() == pytest.approx(found.value)
    assert set(found.rows["slot"]) == {0, 1, 2, 3} and found.mix.bits > 1


def test_the_seed_makes_the_schedule(patrolled):
    first, again, other = (schedule(patrolled, seed, slots=30).rows for seed in (5, 5, 6))
    assert first.equals(again) and not first.equals(other)


def test_patrols_need_risk_places(plaza):
    with pytest.raises(BadInput, match="risk places"):
        schedule(plan(plaza, {}, risks=[], problems={}), 1)
