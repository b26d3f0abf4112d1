"""What can be seen of a running drill, in parts that change each for itself, and what of them each role is shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.drill import EVERYBODY, TRAINER, Drill
from sim.drill.drill import LED
from sim.event import OUTSIDE

HIDDEN = ("expected", "objective", "note", "within_s", "event")
"""What of an inject is for the trainer alone."""


def parts(drill: Drill, playing: bool, speed: float, lag_p99_s: float) -> dict[str, Any]:
    """Everything, for the trainer: plain values by the name of the part."""
    return {"clock": _clock(drill, playing, speed, lag_p99_s), "lines": _lines(drill),
            "decisions": [decision.to_dict() for decision in drill.decisions], "things": _things(drill),
            "units": _units(drill), "calls": _calls(drill)}


def shown_to(role: str, name: str, value: Any) -> Any:
    """What a role is shown of a part: of the injects only those that are out and meant for it, without the answers, and of
    the decisions nothing about injects."""
    if name == "decisions" and role != TRAINER:
        return [decision for decision in value if decision["do"].partition(" ")[0] not in LED]
    if role == TRAINER or name != "lines":
        return value
    return [{key: part for key, part in line.items() if key not in HIDDEN} for line in value
            if line["state"] == "out" and line["to"] in (EVERYBODY, role)]


def _clock(drill: Drill, playing: bool, speed: float, lag_p99_s: float) -> dict[str, Any]:
    model = drill.rehearsal
    return {"t": round(drill.time, 1), "playing": playing, "speed": speed, "over": drill.over, "level": drill.level,
            "people": int(model.crowd.n), "outside": int((model.state == OUTSIDE).sum()),
            "queueing": int(sum(c.waiting for c in model.checkpoints)), "stuck": len(model.stuck()),
            "left": int(np.isfinite(model.times["left"]).sum()), "density": round(drill.density, 1),
            "lag_p99_s": round(lag_p99_s, 2)}


def _lines(drill: Drill) -> list[dict[str, Any]]:
    return [{**line.inject.model_dump(mode="json", by_alias=True), "state": line.state, "out_s": line.at_s}
            for line in drill.lines]


def _things(drill: Drill) -> dict[str, str]:
    """What can be opened and shut, by its name: ``open`` or ``shut``; of a checkpoint the lanes that work."""
    model = drill.rehearsal

    def closable(kind: str) -> dict[str, str]:
        return {name: "shut" if name in model.site.in_force else "open" for name in model.site.closable
                if name.startswith(f"{kind}:")}

    states = closable("gate")
    states |= {f"entry:{place.name}": "shut" if place.name in model.held else "open" for place in model.site.entries}
    for checkpoint in model.checkpoints:
        working = sum(lane.up for lane in checkpoint.lanes)
        states[f"checkpoint:{checkpoint.spec.id}"] = "shut" if checkpoint.stopped else f"{working}/{len(checkpoint.lanes)}"
    return states | closable("closure") | closable("barrier")


def _units(drill: Drill) -> list[dict[str, Any]]:
    return [{"id": unit.call_sign, "kind": unit.kind, "x": round(float(unit.at[0]), 1), "y": round(float(unit.at[1]), 1),
             "state": unit.state, "free": unit.free, "task": unit.call.incident.id if unit.call else ""}
            for unit in drill.rehearsal.units]


def _calls(drill: Drill) -> list[dict[str, Any]]:
    return [{"id": call.incident.id, "title": call.incident.title, "kind": call.incident.staff_kind,
             "x": round(float(call.at[0]), 1), "y": round(float(call.at[1]), 1), "since_s": round(call.incident.at_s, 1),
             "help_s": None if call.response_s is None else round(call.response_s, 1), "complete": call.complete}
            for call in drill.rehearsal.calls]
