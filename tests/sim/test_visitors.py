"""Visitors depend on demand and seed alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario import Scenario
from sim.visitors import FASTEST, SLOWEST, visitors


def scenario(people=200, groups=None, **more):
    return Scenario.model_validate(
        {
            "name": "t",
            "synthetic": "xichangan",
            "start": "2026-10-01T18:00:00+08:00",
            "duration_s": 600,
            "entries": {"w": {"at": [0, 0]}, "e": {"at": [9, 0]}},
            "venues": {"v": {"area": "POLYGON ((0 0, 1 0, 1 1, 0 0))"}},
            "demand": {
                "a": {
                    "entry": "w",
                    "venue": "v",
                    "people": people,
                    "arrive": {"normal": [200, 60]},
                    "leave": {"uniform": [100, 500]},
                    "leave_by": "e",
                    "groups": groups or {1: 1.0},
                },
                "b": {"entry": "e", "venue": "v", "people": 50, "arrive": {"at": 0}},
            },
            "layouts": {"A": {}},
            **more,
        }
    )


def test_same_seed_same_people_whatever_the_layout():
    a, b = visitors(scenario(), 3), visitors(scenario(layouts={"B": {"barriers": [{"id": "x", "line": [[0, 0], [1, 1]]}]}}), 3)
    for column in a.__dataclass_fields__:
        assert np.array_equal(getattr(a, column), getattr(b, column))
    assert not np.array_equal(a.arrive, visitors(scenario(), 4).arrive)


@settings(max_examples=30, deadline=None)
@given(
    people=st.integers(0, 300), sizes=st.dictionaries(st.integers(1, 6), st.floats(0.1, 5), min_size=1), seed=st.integers(0, 9)
)
def test_everybody_is_there_once_in_order(people, sizes, seed):
    v = visitors(scenario(people, sizes), seed)
    assert len(v) == people + 50
    assert (np.diff(v.arrive) >= 0).all()
    assert (v.leave >= v.arrive).all()
    assert ((v.speed >= SLOWEST) & (v.speed <= FASTEST)).all()
    for group in np.unique(v.group):
        members = v.group == group
        assert np.ptp(v.arrive[members]) == 0 and np.ptp(v.speed[members]) == 0


def test_who_has_no_leaving_time_stays():
    v = visitors(scenario(), 1)
    assert np.isinf(v.leave[v.demand == 1]).all() and np.isfinite(v.leave[v.demand == 0]).all()
    assert (v.leave_by[v.demand == 0] == 1).all()
