"""Companies keep together, wait no longer than their patience, and never stop a crowd for good."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.crowd import Crowd, Ground
from sim.crowd.behaviour.company import PATIENCE, Companies
from sim.crowd.step.columns import FREE, ID


def street(length=60.0, width=6.0):
    ground = Ground(shapely.box(0, 0, length, width))
    ground.goal("end", shapely.box(length - 1, 0, length, width))
    return ground


def walk(ground, xy, company, pace, brisk, seconds, held=()):
    """Positions (seconds, n, 2) of people who keep company, second by second, and what became of the companies."""
    crowd = Crowd(ground, seed=1)
    n = len(xy)
    ids = crowd.add(np.array(xy, float), 0, speed=np.asarray(pace, float))
    if len(held):
        crowd.hold(ids[list(held)])
    companies = Companies(np.asarray(company), np.asarray(pace, float), np.asarray(brisk, float))
    track = []
    for _ in range(int(seconds)):
        crowd.step(10)
        companies.keep_together(crowd, np.arange(n))
        track.append(crowd.at(ids))
    return np.array(track), companies, crowd


def test_members_side_by_side_keep_within_a_metre_or_two():
    xy = [(2, 2), (2, 3), (2, 4)]
    track, companies, _ = walk(street(), xy, [0, 0, 0], [1.2] * 3, [1.2, 1.4, 1.6], 30)
    assert np.ptp(track[-1][:, 0]) < 1.5 and track[-1][:, 0].min() > 30
    assert companies.spread_mean < 1.5 and companies.waits.sum() == 0


def test_members_in_a_file_come_up_beside_each_other_where_there_is_room():
    xy = [(2, 3), (3.2, 3), (4.4, 3), (5.6, 3)]
    wide, _, _ = walk(street(100, 8), xy, [0] * 4, [1.2] * 4, [1.4] * 4, 60)
    alone, _, _ = walk(street(100, 8), xy, [-1] * 4, [1.2] * 4, [1.4] * 4, 60)
    narrow, _, _ = walk(street(100, 0.9), [(x, 0.45) for x, _ in xy], [0] * 4, [1.2] * 4, [1.4] * 4, 60)
    length = {key: np.ptp(track[-1][:, 0]) for key, track in (("wide", wide), ("alone", alone), ("narrow", narrow))}
    assert length["wide"] < 1.6 < 3 < length["alone"]
    assert length["narrow"] > length["wide"] and np.ptp(wide[-1][:, 1]) > 0.8
    assert narrow[-1][:, 0].min() > 60  # a file walks as fast


def test_who_is_ahead_waits_beside_the_way_until_the_tail_is_there():
    xy = [(30, 3), (2, 3)]
    track, companies, _ = walk(street(120), xy, [0, 0], [1.3] * 2, [1.3] * 2, 45)
    gap = track[:, 0, 0] - track[:, 1, 0]
    assert gap[0] > 25 and gap.min() < 3
    assert companies.waits.tolist() == [1, 0]
    assert 10 < companies.waited_s[0] < 40
    aside = np.abs(track[12, 0, 1] - 3)
    assert aside > 1.0  # out of the way
    assert track[-1][:, 0].min() > track[0, 0, 0]  # both went on


def test_the_tail_walks_as_fast_as_it_can_alone():
    track, _, _ = walk(street(120), [(30, 3), (2, 3)], [0, 0], [1.0] * 2, [1.0, 1.6], 10)
    assert (track[-1, 1, 0] - track[0, 1, 0]) / 9 == pytest.approx(1.6, abs=0.1)


def test_waiting_is_bounded():
    track, companies, _ = walk(street(120), [(20, 3), (2, 3)], [0, 0], [1.3] * 2, [1.3] * 2, PATIENCE + 45, held=[1])
    assert companies.left_behind.tolist() == [0, 0]  # a held person is not waited for: nobody knows how far they have to go
    assert track[-1, 0, 0] > 100
    ground = street(120)
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(np.array([(20.0, 3.0), (2.0, 3.0)]), 0, speed=1.3)
    companies = Companies(np.zeros(2, int), np.full(2, 1.3), np.full(2, 1.3))
    before = after = 0.0
    for second in range(int(PATIENCE) + 60):
        crowd.step(10)
        companies.keep_together(crowd, np.arange(2))
        crowd.columns[0][FREE, crowd.columns[1][ID] == 1] = 0.0  # the tail cannot move
        if second == int(PATIENCE) - 5:
            before = crowd.at(ids)[0, 0]
        after = crowd.at(ids)[0, 0] if len(crowd.arrived()) == 0 else 119.0
    assert before < 30 and after > 60
    assert companies.left_behind.tolist() == [0, 1]


def test_a_company_waits_for_who_is_held_up_at_a_door():
    ground = street(120)
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(np.array([(20.0, 2.5), (20.0, 3.5), (19.5, 4.5)]), 0, speed=1.3)
    companies = Companies(np.zeros(3, int), np.full(3, 1.3), np.full(3, 1.3))
    for second in range(60):
        crowd.step(10)
        companies.keep_together(crowd, np.arange(3))
        if second in (5, 35):
            crowd.hold(ids[2:], second == 5)
        if second == 34:
            assert crowd.at(ids)[:2, 0].max() < crowd.at(ids)[2, 0] + 9
    assert companies.waits[:2].sum() == 2 and companies.waits[2] == 0
    assert np.ptp(crowd.at(ids)[:, 0]) < 4 and crowd.at(ids)[:, 0].min() > 45


def test_who_was_left_behind_catches_up_and_belongs_again():
    ground = street(300)
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(np.array([(20.0, 2.5), (20.0, 3.5), (2.0, 3.0)]), 0, speed=0.8)
    companies = Companies(np.zeros(3, int), np.full(3, 0.8), np.array([0.8, 0.8, 2.0]))
    for second in range(230):
        crowd.step(10)
        companies.keep_together(crowd, np.arange(3))
        if second < PATIENCE + 10:
            crowd.columns[0][FREE, crowd.columns[1][ID] == 2] = 0.0
    assert companies.left_behind.tolist() == [0, 0, 1]
    assert np.ptp(crowd.at(ids)[:, 0]) < 4


def test_two_companies_and_loners_do_not_wait_for_each_other():
    xy = [(2, 1), (2, 2), (12, 3), (12, 4), (22, 5)]
    track, companies, _ = walk(street(), xy, [5, 5, 9, 9, -1], [1.2] * 5, [1.2] * 5, 20)
    assert companies.count == 2 and companies.waits.sum() == 0
    assert np.ptp(track[-1, [0, 2, 4], 0]) > 15


def test_a_company_of_one_is_none():
    companies = Companies(np.array([3, -1, 7, 7]), np.ones(4), np.ones(4))
    assert companies.count == 1 and companies.company.tolist() == [-1, -1, 0, 0]


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(2, 5), width=st.sampled_from([1.0, 1.6, 3.0]))
def test_companies_never_stop_a_crowd_at_a_door(seed, size, width):
    room = shapely.union_all([shapely.box(0, 0, 12, 10), shapely.box(12, 5 - width / 2, 12.3, 5 + width / 2),
                              shapely.box(12.3, 0, 30, 10)])
    ground = Ground(room, cell=0.25)
    ground.goal("end", shapely.box(29, 0, 30, 10))
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(0.6, 11, 1.2), np.arange(0.6, 9.8, 1.2))
    xy = np.column_stack([x.ravel(), y.ravel()])[random.permutation(x.size)[:40]]
    company = np.arange(40) // size
    brisk = np.clip(random.normal(1.34, 0.26, 40), 0.6, 2.0)
    pace = np.array([brisk[company == c].min() for c in company])
    crowd, companies = Crowd(ground, seed=seed), Companies(company, pace, brisk)
    crowd.add(xy, 0, speed=pace)
    for _ in range(200):
        crowd.step(10)
        companies.keep_together(crowd, np.arange(40))
        gone = crowd.arrived()
        companies.forget(gone)
        crowd.remove(gone)
        if crowd.n == 0:
            break
    assert crowd.n == 0
    assert companies.left_behind.sum() == 0
