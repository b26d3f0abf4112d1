"""The event clock keeps order and time on every Mesa."""

import copy
import pickle

import pytest

from sim.clock import Model, Schedule


class Bell(Model):
    def __init__(self):
        super().__init__(rng=1)
        self.rung = []

    def ring(self):
        self.rung.append(round(self.time, 9))

    def ring_again(self):
        self.rung.append(("again", round(self.time, 9)))


def test_events_run_in_order_of_time():
    bell = Bell()
    bell.schedule_event(bell.ring, at=5.0)
    bell.schedule_event(bell.ring, at=2.0)
    bell.schedule_event(bell.ring, after=3.0)
    bell.run_for(4.0)
    assert bell.rung == [2.0, 3.0]
    assert bell.time == 4.0
    bell.run_for(4.0)
    assert bell.rung == [2.0, 3.0, 5.0]


def test_events_of_one_instant_run_as_scheduled():
    bell = Bell()
    bell.schedule_event(bell.ring_again, at=1.0)
    bell.schedule_event(bell.ring, at=1.0)
    bell.run_for(1.0)
    assert bell.rung == [("again", 1.0), 1.0]


def test_recurring_events_stop_at_their_end_and_count():
    bell = Bell()
    bell.schedule_recurring(bell.ring, Schedule(interval=2.0, start=1.0, end=6.0))
    bell.schedule_recurring(bell.ring_again, Schedule(interval=1.0, count=2))
    bell.run_for(20.0)
    assert [t for t in bell.rung if not isinstance(t, tuple)] == [1.0, 3.0, 5.0]
    assert [t for t in bell.rung if isinstance(t, tuple)] == [("again", 1.0), ("again", 2.0)]


def test_no_event_in_the_past():
    bell = Bell()
    bell.run_for(3.0)
    with pytest.raises(ValueError):
        bell.schedule_event(bell.ring, at=1.0)


@pytest.mark.parametrize("branch", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_branch_goes_on_by_itself(branch):
    bell = Bell()
    bell.schedule_recurring(bell.ring, Schedule(interval=1.0))
    bell.run_for(2.0)
    other = branch(bell)
    other.run_for(2.0)
    assert bell.rung == [1.0, 2.0]
    assert other.rung == [1.0, 2.0, 3.0, 4.0]
