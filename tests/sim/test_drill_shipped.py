"""The drills that come with Hutong: each can be played on the built-in district, and what it expects can be ordered."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.drill import Drill, load
from sim.place import district_of
from sim.site import problems

FOLDER = Path(__file__).resolve().parent.parent.parent / "scenarios" / "drills"
NAMES = {"back-door", "closing-gate", "lane-fire", "lost-child", "metro-surge", "power-cut", "suspicious-object"}


def test_all_seven_are_there():
    assert {file.stem for file in FOLDER.glob("*.yaml")} == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_drill_is_complete_and_can_be_played(name):
    plan = load(FOLDER / f"{name}.yaml")
    assert plan.name == name and plan.title and plan.title_zh and plan.about_zh
    assert all(inject.inject_zh and inject.objective and inject.expected for inject in plan.injects)
    assert all(objective.title_zh for objective in plan.objectives.values())
    assert {inject.objective for inject in plan.injects} == set(plan.objectives)
    assert 200 <= sum(demand.people for demand in plan.scenario.demand.values()) <= 3000
    for inject in plan.injects:  # somebody who gets the message, or hears of it, may do what it calls for
        for action in inject.actions:
            allowed = any(role.allows(order) for role in plan.roles.values() for order in action.patterns)
            assert allowed, (inject.serial, str(action))
    assert problems(district_of(plan.scenario), plan.scenario, plan.layout) == []


def test_one_runs(tmp_path):
    plan = load(FOLDER / "lane-fire.yaml")
    drill = Drill(plan, district_of(plan.scenario))
    drill.run_until(31)
    assert [line.inject.serial for line in drill.inbox("fire")] == [1]
    drill.order("F-1", "fire", "send kind:fire to incident:fire")
    assert drill.order("P-1", "police", "clear zone:lane").said.startswith("260 people")
    drill.order("F-1", "fire", "open closure:cars")
    drill.run_until(200)
    metrics = drill.result().metrics
    assert metrics["people_left"] > 200 and metrics["response_max"] < 190
