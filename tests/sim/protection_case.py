"""A protection plan on the plaza: one square, three streets, few staff, and what is asked of them."""

from __future__ import annotations

from typing import Any

from plaza_case import X0, Y0, evening, ring

from sim.protection import Plan, make_ready
from sim.scenario import Scenario
from twin.places import District

MEDICAL = {"needs": {"medic": 1}, "per_hour": 30, "where": "risks", "within_min": 1, "on_scene": {"constant": 60}}


def spot(x: float, y: float) -> list[float]:
    return [X0 + x, Y0 + y]


def scenario(plaza: Any, layout: dict[str, Any], **protection: Any) -> Scenario:
    """A scenario of an hour with one layout; turnout is always 20 s and everybody walks 2 m/s."""
    given = {"risks": [{"id": "west-end", "at": spot(-90, 0)}], "problems": {"medical": MEDICAL}} | protection
    return evening(plaza, layouts={"A": layout}, incidents=[], duration_s=3600, protection=given,
                   staff={"speed": 2.0, "turnout": {"constant": 20}})


def plan(plaza: Any, layout: dict[str, Any], **protection: Any) -> Plan:
    return make_ready(District.open(plaza), scenario(plaza, layout, **protection), "A")


def medic(name: str, x: float, y: float, **other: Any) -> dict[str, Any]:
    return {"id": name, "at": spot(x, y), "kind": "medic", "staff": 1} | other


__all__ = ["MEDICAL", "medic", "plan", "ring", "scenario", "spot"]
