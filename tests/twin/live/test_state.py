"""The live state is the fold of the log at any moment, whatever the order of arrival."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_case import NOW, SOUTH, WEST

from twin.live import Alarm, Observation, State
from twin.live.row import row
from twin.live.state import take_snapshots
from twin.store import Log, open_store


@st.composite
def reports(draw: st.DrawFn) -> list[Observation]:
    """Observations of few objects at few moments, so that they meet; with ids of their own."""
    def one(k: int) -> Observation:
        kind, thing, value = draw(st.sampled_from([
            ("position", "P-1", {"speed": 1.0}), ("position", "P-2", {}), ("crowd", "cam-1", {"people_count": 5}),
            ("alarm", "a-1", {"state": "raised", "level": 1}), ("alarm", "a-1", {"state": "closed", "level": 1})]))
        second = draw(st.integers(0, 6)) * 900
        return Observation.model_validate({
            "id": f"{draw(st.integers(0, 99)):02d}-{k}", "stream": "live", "source": "test", "kind": kind, "object": thing,
            "observed_at": NOW + timedelta(seconds=second), "received_at": NOW + timedelta(hours=3), "x": WEST + k, "y": SOUTH,
            "value": value})
    return [one(k) for k in range(draw(st.integers(0, 20)))]


@given(reports(), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(found: list[Observation], order: random.Random):
    plain = State(map(row, found))
    shuffled = found * 2
    order.shuffle(shuffled)
    assert State().apply(shuffled) == plain


@given(reports(), st.integers(0, 20), st.integers(0, 20))
def test_parts_fold_alone_or_together(found: list[Observation], i: int, j: int):
    i, j = sorted((i, j))
    a, b, c = (State().apply(part) for part in (found[:i], found[i:j], found[j:]))
    whole = State().apply(found)
    assert a.join(b).join(c) == whole == a.join(b.join(c)) == c.join(a).join(b)


@given(reports(), st.integers(-1, 7), st.lists(st.integers(0, 7), max_size=3), st.integers(0, 20))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_the_fold_of_the_log_is_the_live_state_at_any_moment(found: list[Observation], moment: int, snapshots: list[int],
                                                             late: int):
    log = open_store("memory:")
    log.append(found[:late])
    for at in snapshots:
        when = NOW + timedelta(seconds=at * 900)
        log.save_state("live", when, State.at(log, "live", when).to_bytes())
    log.append(found[late:])
    log.roll(NOW + timedelta(hours=3))
    when = NOW + timedelta(seconds=moment * 900)
    assert State.at(log, "live", when) == State().apply(o for o in found if o.observed_at <= when)
    assert State.at(log, "live") == State().apply(found)
    log.close()


@pytest.mark.parametrize("address", ["memory:", "log.sqlite"])
def test_the_live_state_follows_the_commits(tmp_path, address: str):
    log: Log = open_store(address if address == "memory:" else tmp_path / address)
    live = State()
    log.watch(live.apply)
    for k in range(50):
        log.append([Observation.model_validate({
            "id": f"{k}", "stream": "live", "source": "test", "kind": "position", "object": f"P-{k % 7}",
            "observed_at": NOW + timedelta(seconds=(k * 37) % 100), "received_at": NOW, "x": k, "y": 0, "value": {}})])
        assert live == State.at(log)
    log.close()


def test_everything_known_has_an_age_a_source_and_an_accuracy():
    state = State().apply([Observation.model_validate({
        "id": "1", "stream": "live", "source": "gps", "kind": "position", "object": "P-1", "observed_at": NOW, "received_at": NOW,
        "x": 1, "y": 2, "accuracy_m": 5, "grid": "c-1", "value": {}}), Observation.model_validate({
            "id": "2", "stream": "live", "source": "desk", "kind": "alarm", "object": "a-1", "observed_at": NOW,
            "received_at": NOW, "value": Alarm(state="raised", level=1)})])
    soon, later = (state.find("position", "P-1", NOW + timedelta(seconds=s)) for s in (59, 61))
    assert (soon.age_s, soon.source, soon.accuracy_m, soon.stale) == (59, "gps", 5, False)
    assert later.stale
    assert not state.find("alarm", "a-1", NOW + timedelta(days=9)).stale
    assert [k.object for k in state.known(NOW, grids=frozenset({"c-1"}))] == ["P-1"]
    assert state.find("crowd", "cam-1", NOW) is None


def test_snapshots_are_taken_once_each_and_give_the_same_state(log: Log):
    for k in range(180):
        log.append([Observation.model_validate({
            "id": f"{k}", "stream": "live", "source": "test", "kind": "position", "object": f"P-{k % 5}",
            "observed_at": NOW + timedelta(minutes=k), "received_at": NOW, "x": k, "y": 0, "value": {}})])
    until = NOW + timedelta(minutes=179)
    assert take_snapshots(log, "live", until) == 17
    assert take_snapshots(log, "live", until) == 0
    at, data = log.load_state("live", NOW + timedelta(minutes=95))
    assert at == NOW + timedelta(minutes=90)
    assert State.from_bytes(data) == State().apply(log.read(until=at + timedelta(microseconds=1)))
    assert State.from_bytes(data).to_bytes() == data
