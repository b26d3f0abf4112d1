"""What a page is told of a drill once: its roles, its ground as things in the scene, and what can be ordered."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sim.drill import VERBS, DrillPlan
from sim.drill.plan import things
from viz import drafting
from viz.library import Library

LIVE = ("incident", "unit")
"""Kinds of things that come and go: the page puts in those that there are."""
HIDDEN = ("incident", "post")
"""Kinds that the layout's picture leaves out: incidents are not known yet, and units move."""
_ENDS = {"turn": ("entry", "checkpoint"), "ambulance": ("entry",),
         "send": ("incident", "gate", "checkpoint", "entry", "zone", "venue", "post")}


def about(plan: DrillPlan, library: Library) -> dict[str, Any]:
    """Everything of a drill that stays as it is, incidents left out."""
    name = library.district_name(plan.scenario)
    drawn = [one for one in drafting.overlays(library.district(name), plan.scenario, plan.scenario.layouts[plan.layout])
             if one["kind"] not in HIDDEN]
    choices = orders(plan)
    return {"roles": {key: role.model_dump() for key, role in plan.roles.items()},
            "scene_url": f"/api/districts/{quote(name)}/scene", "overlays": drawn, "view": drafting.frame(drawn),
            "choices": choices,
            "may": {key: [verb for verb in choices if _may(plan, key, verb)] for key in plan.roles},
            "incidents": [i.id for i in plan.scenario.incidents], "about": plan.about, "about_zh": plan.about_zh}


def orders(plan: DrillPlan) -> dict[str, dict[str, list[str]]]:
    """What can be ordered: verb -> ``what`` it can be about and what can stand after ``to``; ``unit:*`` and ``incident:*``
    are those that there are at the time."""
    known = sorted(thing for thing in things(plan) if not thing.startswith(tuple(f"{kind}:" for kind in LIVE)))

    def of(kinds: tuple[str, ...]) -> list[str]:
        live = [f"{kind}:*" for kind in kinds if kind in LIVE]
        return live + [thing for kind in kinds for thing in known if thing.startswith(f"{kind}:")]

    found: dict[str, dict[str, list[str]]] = {}
    for verb, (kinds, _) in VERBS.items():
        ends = of(_ENDS.get(verb, ()))
        if verb == "lanes":
            most = max((c.lanes for c in plan.scenario.layouts[plan.layout].checkpoints), default=0)
            ends = [str(number) for number in range(most + 1)]
        elif verb == "announce":
            ends = ["leave", "wait", *of(("entry",))]
        if of(kinds):
            found[verb] = {"what": of(kinds), "to": ends}
    return found


def _may(plan: DrillPlan, role: str, verb: str) -> bool:
    """Whether a role may give any order with a verb."""
    return any(pattern == "*" or pattern.split(" ", 1)[0] == verb for pattern in plan.roles[role].may)


