"""The lines before checkpoints: first come first served, no more at once than there are lanes, and nobody without power."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario import Checkpoint, Incident
from sim.study.lines import EVERY_S, STEPS_UP_S, line_up
from sim.visitors import Visitors


def come(arrive, leave=np.inf, taste=0.5, group=None):
    """Visitors of one entry and one venue, each alone unless groups are given, who walk at 1 m/s."""
    n = len(arrive)
    zeros, ones = np.zeros(n, int), np.ones(n)
    return Visitors(demand=zeros, entry=zeros, venue=zeros, leave_by=zeros, arrive=np.sort(np.array(arrive, float)),
                    leave=np.full(n, leave), speed=ones, brisk=ones, radius=0.2 * ones,
                    group=np.arange(n) if group is None else np.array(group), checked=np.ones(n, bool),
                    step_free=np.zeros(n, bool), service=0.5 * ones, taste=np.full(n, taste), knows=np.ones((n, 1), bool))


def check(name, lanes, service_s=6.0, **more):
    return Checkpoint(id=name, at=(0, 0), heading=0.0, lanes=lanes, service={"constant": service_s}, **more)


def at(*ways):
    return np.array([ways], float)


@given(arrive=st.lists(st.floats(0, 300), min_size=1, max_size=40), service=st.floats(1, 20))
@settings(max_examples=40, deadline=None)
def test_one_lane_is_what_lindley_says(arrive, service):
    people = come(arrive)
    waited = line_up(people, [check("c", 1, service)], at(0), at(0), [], 1e6)
    free, begins = 0.0, []
    for when in people.arrive:
        begins.append(max(when, free))
        free = begins[-1] + service + STEPS_UP_S
    assert waited.begun == pytest.approx(begins)
    assert waited.reached == pytest.approx(np.array(begins) + service)


@given(arrive=st.lists(st.floats(0, 100), min_size=2, max_size=60), lanes=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_first_come_first_served_and_never_more_than_lanes(arrive, lanes):
    waited = line_up(come(arrive), [check("c", lanes)], at(0), at(0), [], 1e6)
    begun = waited.begun[np.argsort(waited.joined, kind="stable")]
    assert (np.diff(begun) >= 0).all()
    assert all(((begun <= t) & (begun + 6.0 > t)).sum() <= lanes for t in begun)
    counts = waited.counts[:, 0]
    assert counts.max() <= waited.longest[0] <= len(arrive)


def test_nobody_is_searched_while_the_lanes_have_no_power():
    cut = [Incident(id="off", at_s=50, kind="lanes_down", object="c", count=2),
           Incident(id="on", at_s=120, kind="lanes_up", object="c", count=2),
           Incident(id="other", at_s=10, kind="lanes_down", object="elsewhere", count=1)]
    waited = line_up(come(range(100)), [check("c", 2)], at(0), at(0), cut, 1e6)
    assert not ((waited.begun > 50) & (waited.begun < 120)).any()
    assert np.isfinite(waited.begun).all() and (waited.begun == 120).sum() == 2


def test_who_wants_to_leave_is_not_searched_any_more_and_nothing_happens_after_the_end():
    gone = line_up(come(range(50), leave=60.0), [check("c", 1)], at(0), at(0), [], 1e6)
    assert (gone.begun[np.isfinite(gone.begun)] < 60).all() and np.isnan(gone.begun[-1])
    ended = line_up(come(range(50)), [check("c", 1)], at(0), at(0), [], 60.0)
    assert np.nanmax(ended.begun) < 60 and len(ended.counts) == 60 / EVERY_S


def test_the_nearer_and_the_larger_checkpoint_get_more():
    few, people = (come(np.linspace(0, until, 200)) for until in (2000, 200))
    few.taste[:] = people.taste[:] = np.random.default_rng(1).random(200)
    near = line_up(few, [check("a", 2), check("b", 2)], at(10, 60), at(5, 5), [], 1e6)
    large = line_up(people, [check("a", 2), check("b", 6)], at(10, 10), at(5, 5), [], 1e6)
    assert (near.at == 0).sum() > 2 * (near.at == 1).sum()
    assert (large.at == 1).sum() > 2 * (large.at == 0).sum()
    shut = line_up(people, [check("a", 2, until_s=0.0), check("b", 2)], at(10, 60), at(5, 5), [], 1e6)
    assert (shut.at == 1).all()


def test_a_group_goes_to_one_checkpoint():
    people = come(np.repeat(np.arange(30.0), 2), group=np.repeat(np.arange(30), 2))
    people.taste[:] = np.random.default_rng(2).random(60)
    waited = line_up(people, [check("a", 1), check("b", 1)], at(10, 10), at(5, 5), [], 1e6)
    assert (waited.at[::2] == waited.at[1::2]).all() and len(set(waited.at)) == 2
