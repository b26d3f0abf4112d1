"""A small drill to test with: 120 people on the plaza, a checkpoint, two ways out of which one is locked."""

from __future__ import annotations

import yaml
from plaza_case import X0, Y0, evening, ring

from sim.drill.plan import DrillPlan


def small_drill(plaza, **changes) -> DrillPlan:
    """Four minutes: a collapse at 60 s, power lost at 90 s, a spare incident, a reserve post."""
    layout = {
        "zones": [{"id": "square-zone", "kind": "core", "area": ring((-20, -20), (20, -20), (20, 20), (-20, 20))}],
        "barriers": [{"id": "fence", "line": ring((-40, -4.5), (-40, 4.5))},
                     {"id": "east-fence", "line": ring((30, -6), (30, 6))},
                     {"id": "north-fence", "line": ring((-5, 30), (5, 30))}],
        "gates": [{"id": "east", "at": [X0 + 30, Y0], "width": 4},
                  {"id": "north", "at": [X0, Y0 + 30], "width": 3, "open": [{"from_s": 9999}]}],
        "checkpoints": [{"id": "west-check", "at": [X0 - 40, Y0], "heading": 0.0, "lanes": 4, "lane_width": 1.2,
                         "service": {"constant": 4.0}}],
        "posts": [{"id": "medic", "at": [X0 + 15, Y0 - 15], "kind": "medic", "staff": 2},
                  {"id": "spare", "at": [X0 + 15, Y0 + 15], "kind": "steward", "staff": 2}]}
    scenario = evening(plaza, layouts={"A": layout}, demand={
        "visitors": {"entry": "w", "venue": "square", "people": 120, "arrive": {"uniform": [0, 60]},
                     "leave": {"uniform": [170, 190]}, "leave_by": ["e", "n"], "familiar": 0.5}},
        entries={"w": {"at": [X0 - 97, Y0], "width": 6}, "e": {"at": [X0 + 97, Y0], "width": 6},
                 "n": {"at": [X0, Y0 + 76], "width": 5}},
        incidents=[
            {"id": "fall", "at_s": 60, "at": [X0 - 10, Y0], "staff_kind": "medic", "staff": 1, "on_scene": {"constant": 30}},
            {"id": "power", "at_s": 90, "kind": "lanes_down", "object": "west-check", "count": 3},
            {"id": "spare-fall", "at_s": 9999, "at": [X0 - 5, Y0 - 10], "staff_kind": "medic"}])
    data = {
        "kind": "drill", "name": "small", "scenario": scenario.model_dump(mode="json", exclude_none=True), "layout": "A",
        "roles": {"gates": {"title": "Gates", "may": ["open *", "close *", "lanes *", "turn *"]},
                  "care": {"title": "Care", "may": ["send *", "ambulance *", "raise *", "announce *", "clear *"]}},
        "objectives": {"help": {"title": "Help is quick", "outcomes": [{"measure": "response_max", "most": 90}]},
                       "flow": {"title": "Queues stay short"}},
        "reserves": {2: ["spare"]}, "takes_s": {"open barrier:*": 5}, "ambulance_s": 20,
        "injects": [
            {"serial": 1, "at_s": 60, "event": "fall", "inject": "Somebody has collapsed on the square", "to": "care",
             "expected": "send unit:medic-* to incident:fall | send kind:medic to incident:fall", "within_s": 30,
             "objective": "help"},
            {"serial": 2, "at_s": 90, "event": "power", "inject": "Three lanes have no power", "method": "telephone",
             "to": "gates", "expected": "lanes west-check to * ; open gate:north".replace("west", "checkpoint:west"),
             "objective": "flow"}]}
    data.update(changes)
    return DrillPlan.model_validate(yaml.safe_load(yaml.safe_dump(data, sort_keys=False)))
