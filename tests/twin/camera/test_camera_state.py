from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.camera.crossing import Crossing
from twin.camera.health import HealthChange
from twin.camera.observe import Reporter
from twin.camera.pressure import CrowdMotion, crowd_pressure
from twin.camera.profile import PROFILES, level_of_service, read_profiles
from twin.camera.regime import RegimeSwitch
from twin.camera.state import STATES, CrowdAlarm, CrowdState
from twin.camera.watch import Figures, Row
from twin.camera.zones import Zones
from twin.errors import BadInput

STREET = PROFILES["street"]


def _hold(state, density, seconds, at=0.0):
    changes = [state.step(at + t, density) for t in range(int(seconds) + 1)]
    return [c for c in changes if c]


def test_a_state_begins_after_its_dwell_and_not_before():
    state = CrowdState(STREET)
    assert not _hold(state, 1.2, STREET.dwell_up_s - 1)
    changes = [state.step(STREET.dwell_up_s, 1.2)]
    assert changes[0] is not None
    assert (changes[0].before, changes[0].after) == ("normal", "congested")


def test_a_state_ends_only_below_its_hysteresis():
    state = CrowdState(STREET)
    _hold(state, 0.8, 10)
    assert state.state == "busy"
    assert not _hold(state, STREET.busy * (1 - STREET.hysteresis) + 0.01, 100, at=20)
    assert _hold(state, STREET.busy * (1 - STREET.hysteresis) - 0.01, 100, at=200)[0].after == "normal"


def test_a_dense_crowd_that_hardly_moves_is_congested():
    state = CrowdState(STREET)
    for t in range(10):
        state.step(t, 0.9, 0.2)
    assert state.state == "congested"


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 10), st.one_of(st.floats(0, 7), st.just(math.nan)), st.booleans()), max_size=60))
def test_an_alarm_is_raised_once_latched_until_acknowledged_and_closed_once(steps):
    state, alarm, time, log = CrowdState(STREET), CrowdAlarm(STREET), 0.0, []
    for wait, density, answered in steps:
        time += wait
        state.step(time, density)
        log += alarm.step(time, state.state, density)
        if answered:
            log += alarm.acknowledge(time, "CMD-1")
    acts = [a.act for a in log]
    up = acknowledged = False
    for act in acts:
        if act == "raised":
            assert not up
            up, acknowledged = True, False
        elif act == "closed":
            assert up and acknowledged
            up = False
        elif act == "acknowledged":
            assert up and not acknowledged
            acknowledged = True
        else:
            assert up and act == "escalated"
            acknowledged = False
    assert up == alarm.up
    assert state.state in STATES


def test_an_alarm_that_nobody_answers_is_escalated_once():
    alarm = CrowdAlarm(STREET)
    acts = [a.act for t in range(0, 400, 10) for a in alarm.step(t, "congested", 1.5)]
    assert acts == ["raised", "escalated"]


def test_an_unacknowledged_alarm_stays_up_after_the_crowd_has_gone():
    alarm = CrowdAlarm(STREET)
    alarm.step(0, "critical", 3.0)
    assert not [a for t in range(1, 60) for a in alarm.step(t, "normal", 0.1) if a.act == "closed"]
    alarm.acknowledge(70, "CMD-1")
    assert [a.act for a in alarm.step(71, "normal", 0.1)] == ["closed"]


def test_pressure_is_shown_only_above_two_and_without_the_jitter():
    rng = np.random.default_rng(0)
    jitter = rng.normal(0, 0.05 * np.sqrt(2), (4000, 2))  # a crowd that stands, seen with 5 cm of jitter over 1 s
    assert math.isnan(crowd_pressure(1.9, jitter))
    assert crowd_pressure(4.0, jitter) < 0.003
    assert 4.0 * jitter.var(axis=0).sum() > 0.03  # what it would have been
    restless = rng.normal(0, 0.3, (4000, 2))
    assert crowd_pressure(4.0, restless) == pytest.approx(4 * 0.18, rel=0.1)


def test_stop_and_go_needs_to_stop_more_than_once():
    motion, seen = CrowdMotion(2.0), []
    for k in range(60):
        seen.append(motion.step(k, 1.0, np.empty((0, 2)), 0.05 if (k // 8) % 2 else 0.8).stop_and_go)
    assert not any(seen[:20])
    assert seen[40]
    steady = CrowdMotion(2.0)
    assert not any(steady.step(k, 1.0, np.empty((0, 2)), 0.8).stop_and_go for k in range(60))


def test_the_regime_switches_with_hysteresis_and_dwell():
    switch = RegimeSwitch(5.0)
    assert [switch.step(1.5) for _ in range(9)] == ["sparse"] * 9
    assert switch.step(1.5) == "dense"
    assert {switch.step(0.95) for _ in range(50)} == {"dense"}
    assert [switch.step(0.5) for _ in range(12)][-1] == "sparse"
    assert {RegimeSwitch(5.0).step(math.nan) for _ in range(50)} == {"sparse"}


def test_levels_of_service_are_fruins():
    assert [level_of_service(d) for d in (0.1, 0.35, 0.5, 0.8, 1.5, 2.2)] == list("ABCDEF")


def test_profiles_can_be_edited_and_must_rise(tmp_path):
    file = tmp_path / "profiles.yaml"
    file.write_text("lane: {busy: 0.5, congested: 1, critical: 2}\n")
    assert read_profiles(file)["lane"].critical == 2
    assert "street" in read_profiles(file)
    file.write_text("lane: {busy: 1.5, congested: 1, critical: 2}\n")
    with pytest.raises(BadInput, match="rise"):
        read_profiles(file)


def _row(k, density, rate=2.0):
    return Row(k, k / rate, density * 50, density, 1.0, "sparse", 1.0, 0.02, 0.1, math.nan, False, False)


def test_figures_alarms_and_health_become_observations():
    reporter = Reporter("CAM-7", datetime(2026, 5, 1, tzinfo=UTC), 2.0, 50.0, Zones())
    made = []
    for k in range(120):
        figures = Figures(rows=[_row(k, 0.3 if k < 30 else 2.5)], crossings=[Crossing(k, "gate", "in")] if k % 4 == 0 else [])
        made += reporter.step(figures, [HealthChange("dark", True, k / 2, 9.0)] if k == 50 else [])
    kinds = {o.kind for o in made}
    assert kinds == {"crowd", "alarm"}
    raised = [o for o in made if o.object == "alarm:CAM-7"]
    assert [o.value.state for o in raised] == ["raised"]
    assert raised[0].value.level == 1
    assert raised[0].observed_at.second >= 15
    flows = [o.value.flow for o in made if o.object == "CAM-7/gate/in"]
    assert flows[2] == pytest.approx(0.5, abs=0.11)
    counts = [o.value.people_count for o in made if o.object == "CAM-7"]
    assert counts[0] == 15
    assert len({o.id for o in made}) == len(made)
    assert [o.value.state for o in reporter.acknowledge("CAM-7", 60.0, "CMD-1")] == ["acknowledged"]
