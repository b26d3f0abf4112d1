"""Events: groups that keep together and wait behind checkpoints, gates and exits that people choose, giving up."""

from __future__ import annotations

import numpy as np
import pytest
from plaza_case import X0, Y0, evening

from sim.event import LEAVING, Rehearsal
from sim.measures import MEASURES
from sim.meeting import PATIENCE
from sim.site import prepare, problems
from twin.places import District

FOURS = {
    "entry": "w",
    "venue": "square",
    "people": 120,
    "arrive": {"uniform": [0, 60]},
    "leave": {"uniform": [200, 210]},
    "leave_by": "e",
    "groups": {4: 1.0},
}
EAST = [[X0 + 22, Y0 - 6], [X0 + 22, Y0 + 6]]


def two_gates(south=1.2, north=1.2):
    return {
        "A": {
            "barriers": [{"id": "east", "line": EAST}],
            "gates": [
                {"id": "south", "at": [X0 + 22, Y0 - 2.5], "width": south},
                {"id": "north", "at": [X0 + 22, Y0 + 2.5], "width": north},
            ],
        }
    }


@pytest.fixture(scope="module")
def district(plaza):
    return District.open(plaza)


def rehearsed(district, scenario, layout, seed=1, watch=None):
    model = Rehearsal(district, scenario, layout, seed)
    if watch is None:
        model.rehearse()
    else:
        while model.time < scenario.duration_s:
            model.run_until(model.time + 2.0)
            watch(model)
    return model, model.record.result()


def spread_of(model, key):
    """Seconds between the first and the last of each group at something: (groups,)."""
    times, group = model.times[key], model.together.group
    return np.array([np.ptp(times[group == g]) for g in np.unique(group[group >= 0])])


def test_groups_wait_behind_the_checkpoint_out_of_the_flow_and_go_on_together(district, plaza):
    scenario = evening(plaza, demand={"visitors": FOURS}, duration_s=200, incidents=[])
    seen = []

    def watch(model):
        waiting = model.together.meets()
        if len(waiting):
            standing = np.isin(model.crowd_id[waiting], model.crowd.standing())
            seen.append(model.crowd.at(model.crowd_id[waiting[standing]]))

    model, result = rehearsed(district, scenario, "checked", watch=watch)
    at = np.concatenate(seen)
    lanes = model.site.checkpoints[0].lanes
    assert len(at) > 10
    assert (lanes.lane_of(at, before=1.0) < 0).all()
    behind = (at - lanes.service.mean(0)) @ lanes.along
    assert (behind > 1.5).all()
    assert result.metrics["group_waits"] > 10 and 0 < result.metrics["group_wait_mean"] < PATIENCE
    assert set(result.metrics) <= set(MEASURES) | {k for k in result.metrics if ":" in k}
    reached = spread_of(model, "reached")
    assert np.nanmedian(reached) < 6
    assert np.nanmax(spread_of(model, "service")) > 6  # not all of a group were served at once


def test_a_group_takes_one_checkpoint(district, plaza):
    lanes = {"at": [X0 - 40, Y0 - 2.2], "heading": 0.0, "lanes": 2, "lane_width": 1.2, "service": {"constant": 3.0}}
    layout = {
        "barriers": [{"id": "fence", "line": [[X0 - 40, Y0 - 4.5], [X0 - 40, Y0 + 4.5]]}],
        "checkpoints": [{"id": "a"} | lanes, {"id": "b"} | lanes | {"at": [X0 - 40, Y0 + 2.2]}],
    }
    scenario = evening(plaza, demand={"visitors": FOURS}, duration_s=120, incidents=[], layouts={"A": layout})
    model, _ = rehearsed(district, scenario, "A")
    chosen = model.checkpoint[np.isfinite(model.times["entered"])]
    group = model.together.group[np.isfinite(model.times["entered"])]
    assert set(chosen.tolist()) == {0, 1}
    split = [g for g in np.unique(group) if len(set(chosen[group == g].tolist())) > 1]
    assert len(split) <= 0.2 * len(np.unique(group))  # some walk into the lanes of the other


def test_two_gates_are_used_by_what_they_pass(district, plaza):
    share = {}
    for south, north in ((1.2, 1.2), (0.8, 2.4)):
        scenario = evening(plaza, demand={"visitors": FOURS | {"people": 160}}, duration_s=420, incidents=[],
                           layouts=two_gates(south, north))
        passed = np.zeros(2)

        def watch(model, passed=passed):
            for k, side in enumerate(model.ways.gates.sides):
                passed[int(side.gate == "gate:north")] += (model.ways.gates.bound == k).sum()

        _, result = rehearsed(district, scenario, "A", watch=watch)
        assert result.metrics["people_left"] == 160
        assert result.metrics["stuck"] == 0
        share[north] = passed[1] / passed.sum()
    assert 0.3 < share[1.2] < 0.7
    assert share[2.4] > share[1.2]


def test_a_gate_that_shuts_sends_everybody_to_the_other(district, plaza):
    shut = [{"id": "s", "at_s": 215, "kind": "close_gate", "object": "south"}]
    scenario = evening(plaza, demand={"visitors": FOURS}, duration_s=460, incidents=shut, layouts=two_gates())
    late = []

    def watch(model):
        if model.time > 222:
            late.extend(model.ways.gates.sides[k].gate for k in set(model.ways.gates.bound.tolist()) if k >= 0)

    _, result = rehearsed(district, scenario, "A", watch=watch)
    assert result.metrics["people_left"] == 120
    assert set(late) == {"gate:north"}


def test_visitors_choose_among_the_exits_that_they_may_leave_by(district, plaza):
    demand = {"visitors": FOURS | {"leave_by": ["w", "e"]}}
    model, result = rehearsed(district, evening(plaza, demand=demand, duration_s=420, incidents=[]), "open")
    assert result.metrics["people_left"] == 120
    by = model.visitors.leave_by
    assert set(by.tolist()) == {0, 1}
    groups = model.together.group
    assert all(len(set(by[groups == g].tolist())) == 1 for g in np.unique(groups))


def test_who_does_not_know_the_other_exit_leaves_as_they_came(district, plaza):
    demand = {"visitors": FOURS | {"leave_by": ["w", "e"], "familiar": 0.0}}
    model, _ = rehearsed(district, evening(plaza, demand=demand, duration_s=260, incidents=[]), "open")
    assert (model.visitors.leave_by == 0).all()


def test_an_exit_that_is_cut_off_is_given_for_another(district, plaza):
    demand = {"visitors": FOURS | {"leave_by": ["w", "e"]}}
    layouts = {"A": {"barriers": [{"id": "e", "line": [[X0 + 60, Y0 - 6], [X0 + 60, Y0 + 6]], "from_s": 225}]}}
    model, result = rehearsed(district, evening(plaza, demand=demand, duration_s=500, incidents=[], layouts=layouts), "A")
    assert result.metrics["people_left"] == 120 and result.metrics["cut_off"] == 0
    assert (model.visitors.leave_by == 0).sum() > 60


def test_an_exit_list_without_a_way_is_refused(district, plaza):
    demand = {"visitors": FOURS | {"leave_by": ["w", "e"]}}
    layouts = {"A": {"barriers": [{"id": "e", "line": [[X0 + 60, Y0 - 6], [X0 + 60, Y0 + 6]]}]}}
    found = problems(district, evening(plaza, demand=demand, incidents=[], layouts=layouts), "A")
    assert found == ["demand visitors has no way out from square to e; open a gate for it"]


def test_who_gets_nowhere_gives_the_gate_up_and_is_counted(district, plaza):
    scenario = evening(plaza, demand={"visitors": FOURS | {"groups": {1: 1.0}}}, incidents=[], layouts=two_gates())
    model = Rehearsal(district, scenario, "A", 1)
    model.run_until(214)
    gates = model.ways.gates
    south = [k for k, side in enumerate(gates.sides) if side.gate == "gate:south"]
    who = np.flatnonzero((gates.bound >= 0) & (model.state == LEAVING))
    before = np.isin(gates.bound[who], south)
    assert 5 < before.sum() < len(who)
    changed = gates.choose(model.crowd, who, model.crowd_id[who], model.goal_of(who), model.visitors.speed[who],
                           np.full(len(who), -1), before)
    assert set(who[before].tolist()) <= set(changed.tolist())
    assert not np.isin(gates.bound[who], south).any()
    assert model.ways.measures()["gave_up"] == before.sum()


def test_who_is_stuck_before_a_checkpoint_takes_another(district, plaza):
    lanes = {"at": [X0 - 40, Y0 - 2.2], "heading": 0.0, "lanes": 2, "lane_width": 1.2, "service": {"constant": 3.0}}
    layout = {
        "barriers": [{"id": "fence", "line": [[X0 - 40, Y0 - 4.5], [X0 - 40, Y0 + 4.5]]}],
        "checkpoints": [{"id": "a"} | lanes, {"id": "b"} | lanes | {"at": [X0 - 40, Y0 + 2.2]}],
    }
    model = Rehearsal(district, evening(plaza, incidents=[], layouts={"A": layout}), "A", 1)
    model.run_until(20)
    walking = np.flatnonzero((model.state == 0) & ~model.passed)
    before = model.checkpoint[walking].copy()
    model.ways._take_other_checkpoints(walking)
    assert len(walking) > 5 and (model.checkpoint[walking] == 1 - before).all()
    assert model.ways.measures()["gave_up"] == len(walking)


def test_groups_and_gates_are_the_same_for_equal_seeds(district, plaza):
    scenario = evening(plaza, demand={"visitors": FOURS}, duration_s=260, incidents=[], layouts=two_gates())
    first, again = (rehearsed(district, scenario, "A")[1].metrics for _ in range(2))
    assert first == pytest.approx(again, nan_ok=True, abs=0)


def test_gates_are_goals_only_where_there_is_a_choice(district, plaza):
    one = {"A": {k: v[:1] for k, v in two_gates()["A"].items()}}
    for layouts, count in ((one, 0), (two_gates(), 4)):
        scenario = evening(plaza, incidents=[], layouts=layouts)
        model = Rehearsal(district, scenario, "A", 1)
        assert len(model.ways.gates.sides) == count
    assert (model.state != LEAVING).all() and prepare(district, scenario, "A").closable.keys() >= {"gate:south"}
