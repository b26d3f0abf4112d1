"""Breeding: a lineage is the same wherever it is bred, takes no more than it may, and falls less short than its parents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_case import X0, Y0, small_event

from sim.place import district_of
from sim.scenario import Layout
from sim.scenario_file import dump
from sim.study.breed import LIMITS, MARGIN, Lineage, breed, shortfall
from sim.study.outline import Outline

ENDS = ("wait_mean", "response_mean", "staff")
KEYS = ("wait_mean", "queue_max", "reached_venue", "response_mean")
measured = st.fixed_dictionaries({key: st.floats(1, 1000) for key in KEYS})


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    return small_event(tmp_path_factory.mktemp("breed"), {"three": 3, "two": 2}, people=30,
                       incidents=[{"id": "fall", "at_s": 30, "at": [X0 - 20, Y0]}])


def test_the_best_of_a_lineage_falls_less_short_and_takes_no_more(event):
    order = Lineage(dump(event), ("three", "two"), 1, 40, (11, 12, 13), ENDS)
    bred = breed(order)
    assert bred == breed(order), "the same order leads to the same layout"
    new = Layout.model_validate(bred)
    outline = Outline(district_of(event), event, order.seeds)
    by_hand = [event.layouts[name] for name in order.hand]
    theirs = [outline.measures(layout) for layout in by_hand]
    short = [shortfall(outline.measures(layout), theirs, ENDS) for layout in (new, *by_hand)]
    assert short[0] < min(short[1:])
    most = {key: max(outline.takes(layout)[key] for layout in by_hand) for key in LIMITS}
    assert all(outline.takes(new)[key] <= most[key] for key in LIMITS)
    assert new.checkpoints == by_hand[0].checkpoints or new.checkpoints != by_hand[1].checkpoints
    assert breed(Lineage(dump(event), ("three", "two"), 2, 40, (11, 12, 13), ENDS)) != bred, "lineages differ"


def test_changes_that_gain_nothing_are_taken_back(event):
    bred = Layout.model_validate(breed(Lineage(dump(event), ("three",), 1, 40, (11, 12), ("response_mean",))))
    assert bred.posts[0].at != event.layouts["three"].posts[0].at, "a post nearer to the call is a gain"
    assert bred.posts[0].staff == event.layouts["three"].posts[0].staff, "one of the staff sent home is none"


@given(one=measured, other=measured)
def test_shortfall_is_that_of_the_worse_measures(one, other):
    assert shortfall(one, [one], ()) == pytest.approx(4 * MARGIN**2)
    worse = one | {"queue_max": one["queue_max"] * 1.2}
    assert shortfall(worse, [one, other], ()) > shortfall(one, [one, other], ()) or other["queue_max"] > worse["queue_max"]
    far = {"wait_mean": 1e-3, "queue_max": 1e-3, "reached_venue": 1e6, "response_mean": 1e-3}
    assert shortfall(far, [one], ()) == 0 > shortfall(far, [one], ("wait_mean",))


def test_what_is_not_known_of_a_layout_is_a_loss_but_not_a_checkpoint_that_it_has_not():
    theirs = [{"wait_mean": 10.0, "wait_mean:north": 9.0, "people_entered": 5.0}]
    assert shortfall({"wait_mean": float("nan")}, theirs, ()) == pytest.approx((1 + MARGIN) ** 2)
    assert shortfall({"wait_mean": 5.0, "people_entered": 1.0}, theirs, ()) == 0
    assert shortfall({"wait_mean": float("nan")}, theirs, (), most=0.1) == pytest.approx(0.01)
