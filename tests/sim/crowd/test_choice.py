"""Choice among doors: time, what is known, what others do, and staying with what was chosen."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.crowd import Ground
from sim.crowd.behaviour.choice import FLOW, INERTIA, LEAST_FLOW, TASTE, Doors, choose, following, queues, tastes
from sim.crowd.ground.sight import in_sight


def test_expected_time_is_walking_or_waiting_for_those_who_are_nearer():
    doors = Doors(2, flow=0.5)
    away = np.array([[10.0, 40.0], [20.0, 30.0]])
    crowd = np.column_stack([np.linspace(1, 9, 20), np.full(20, 50.0)])
    times = doors.times(away, np.full(2, 1.25), queues(np.zeros(20, int), crowd))
    assert times == pytest.approx(np.array([[40.0, 32.0], [40.0, 24.0]]))


def test_a_way_on_behind_the_door_counts_too_and_no_way_is_never():
    doors = Doors(2)
    times = doors.times(np.array([[10.0, np.inf]]), np.ones(1), [np.empty(0)] * 2, np.array([[5.0, 0.0]]))
    assert times[0, 0] == 15 and np.isinf(times[0, 1])


def test_a_door_learns_its_flow_only_from_a_queue():
    bound, away, slow = np.zeros(30, int), np.full((30, 2), 3.0), np.ones(30, bool)
    doors = Doors(2)
    for _ in range(40):
        doors.passed(np.zeros(6, int))
        doors.learn(3.0, bound, away, slow)
    assert doors.flow[0] == pytest.approx(2.0, rel=0.05) and doors.flow[1] == FLOW
    for _ in range(10):  # few come and walk through freely: it still could pass two a second
        doors.passed(np.zeros(1, int))
        doors.learn(3.0, bound[:2], away[:2], slow[:2])
    assert doors.flow[0] == pytest.approx(2.0, rel=0.05)
    for _ in range(60):  # a queue, and nobody gets through
        doors.learn(3.0, bound, away, slow)
    assert doors.flow[0] == LEAST_FLOW


def test_people_follow_others_in_sight_only():
    ground = Ground(shapely.box(0, 0, 20, 20), walls={"screen": shapely.LineString([(10, 0), (10, 20)])})
    here = np.array([[5.0, 10.0]])
    others = np.array([[5.0, 10.0], [6.0, 10.0], [7.0, 11.0], [12.0, 10.0], [4.0, 9.0]])
    share = following(ground, here, others, np.array([0, 1, 1, 0, -1]), 2)
    assert share.tolist() == [[0.0, 1.0]]  # not oneself, not behind the screen, not who goes nowhere
    assert following(ground, here, others[:1], np.array([0]), 2).tolist() == [[0.0, 0.0]]


def test_sight_ends_at_walls():
    ground = Ground(shapely.box(0, 0, 20, 20).difference(shapely.box(8, 5, 12, 20)))
    p = np.array([[4.0, 10.0], [4.0, 2.0]])
    q = np.array([[16.0, 10.0], [16.0, 2.0]])
    assert in_sight(ground, p, q).tolist() == [False, True]
    ground.close("gate", shapely.LineString([(10, 0), (10, 5)]))
    assert in_sight(ground, p, q).tolist() == [False, False]


def test_taste_is_even_between_doors_and_between_people():
    u = np.random.default_rng(1).random(20_000)
    factor = tastes(u, 3)
    assert np.log(factor).std(axis=0) == pytest.approx([TASTE] * 3, rel=0.03)
    best = np.bincount(factor.argmin(axis=1), minlength=3) / len(u)
    assert best == pytest.approx([1 / 3] * 3, abs=0.015)
    assert abs(np.corrcoef(np.log(factor).T)[0, 1]) < 0.03
    assert np.array_equal(factor, tastes(u, 3))


def plain(times, **more):
    times = np.atleast_2d(np.array(times, float))
    given_ = {"known": np.ones(times.shape, bool), "taste": np.ones(times.shape), "share": np.zeros(times.shape),
              "social": 0.0, "bound": np.full(len(times), -1)}
    return choose(times, **(given_ | more)).tolist()


def test_the_shortest_known_way_is_taken_and_kept_unless_another_is_much_shorter():
    assert plain([30.0, 20.0]) == [1]
    assert plain([30.0, 20.0], known=np.array([[True, False]])) == [0]
    assert plain([30.0, 20.0], known=np.array([[False, False]])) == [1]  # who knows none looks for any
    assert plain([20.0, 20.0 * INERTIA + 0.1], bound=np.array([0])) == [0]
    assert plain([20.0, 20.0 * INERTIA - 0.1], bound=np.array([0])) == [1]
    assert plain([np.inf, 500.0], bound=np.array([0])) == [1]
    assert plain([np.inf, np.inf], bound=np.array([0])) == [-1]


def test_others_make_a_way_seem_shorter():
    share = np.array([[0.0, 1.0]])
    assert plain([20.0, 25.0], share=share, social=0.3) == [1]
    assert plain([20.0, 25.0], share=share, social=0.0) == [0]
    assert plain([20.0, 29.0], share=share, social=0.3) == [0]


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 30), m=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_nobody_takes_a_way_that_is_shut_or_unknown_while_a_known_one_is_open(n, m, seed):
    random = np.random.default_rng(seed)
    times = np.where(random.random((n, m)) < 0.3, np.inf, random.uniform(1, 100, (n, m)))
    known = random.random((n, m)) < 0.5
    bound = random.integers(-1, m, n)
    chosen = choose(times, known, tastes(random.random(n), m), random.random((n, m)), random.random(n), bound)
    open_ = np.isfinite(times)
    for person, door in enumerate(chosen):
        if door < 0:
            assert not open_[person].any()
        else:
            assert open_[person, door]
            assert known[person, door] or not (known & open_)[person].any()
