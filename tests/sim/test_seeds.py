"""A few seeds of what ``long_seeds.py`` runs a thousand of, and that it would notice what it looks for."""

import numpy as np
import pytest
from long_seeds import Standing, seed_line, summary, wrong

from sim.run import Frame


@pytest.mark.parametrize(("what", "seconds"), [("door", None), ("counterflow", None), ("event", 240.0)])
def test_seeds_break_no_promise(what, seconds):
    for seed in (101, 102):
        row = seed_line(what, seconds, seed)
        assert not wrong(row), row
        if what != "event":
            assert row["arrived"] == row["people"] == 200


def frame(t, x, state=0):
    return Frame(t, np.array([7], np.uint32), np.array([[x, 0.0]], np.float32), np.zeros(1, np.float32),
                 np.array([state], np.uint8))


def test_somebody_who_stands_unreported_is_noticed():
    nobody = np.empty(0, np.int64)
    for where, state, reported, expected in ((0.0, 0, nobody, {7}), (0.0, 0, np.array([7]), set()), (0.0, 1, nobody, set()),
                                             (0.02, 0, nobody, set())):
        standing = Standing()
        for t in range(160):
            standing.look(frame(t, where * t, state), reported)
        assert standing.unreported == expected


def test_exceptions_and_people_outside_are_wrong():
    fine = {"seed": 1, "error": None, "people": 2, "arrived": 2, "outside": 0, "lost": 0, "stuck": 1, "unreported": 0}
    assert not wrong(fine)
    for bad in ({"error": "ValueError: no"}, {"outside": 1}, {"lost": 1}, {"unreported": 1}, {"astray": 1}):
        assert wrong({**fine, **bad})
    assert seed_line("nothing", None, 1)["error"].startswith("KeyError")
    assert summary([fine]).startswith("1 seeds: exceptions 0, outside 0")
