"""Models go when nobody uses them any more, and agents are numbered from 1 in each."""

from __future__ import annotations

import gc
import weakref

from mesa import Agent, Model
from plaza_case import evening

from sim.event import Rehearsal
from twin.places import District


def test_a_rehearsal_that_is_over_leaves_nothing_behind(plaza):
    model = Rehearsal(District.open(plaza), evening(plaza), "checked", 1)
    model.run_until(30.0)
    assert len(model.agents) > 0
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_agents_are_numbered_from_one_in_each_model():
    one, other = Model(), Model()
    assert [Agent(one).unique_id, Agent(other).unique_id, Agent(one).unique_id] == [1, 1, 2]
