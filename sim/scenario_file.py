"""Scenario files: read with errors that name the file, the line and the remedy; written in one move."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

from sim.lab import Lab
from sim.lab.ground_file import is_wkt, read_ground
from sim.parking.plan import ParkingPlan
from sim.scenario import Layout, Scenario
from sim.yaml_file import checked, read_yaml
from twin.errors import BadInput


def load_any(path: str | os.PathLike[str]) -> Scenario | Lab:
    """Read a scenario of any kind: an event, or an experiment (``kind: lab``)."""
    file = read_yaml(path)
    kind = file.data.get("kind", "event")
    if kind in ("event", "parking"):
        return load(path)
    if kind != "lab":
        raise BadInput(f"kind: there is no kind of scenario called {kind!r}", where=file.line("kind"),
                       mend="say event, lab or parking")
    ground = file.data.get("walkable")
    if isinstance(ground, str) and not is_wkt(ground):
        file.data["walkable"] = read_ground(file.path.parent / ground)
    storeys = file.data.get("storeys")
    for storey in storeys.values() if isinstance(storeys, dict) else ():
        plan = storey.get("walkable") if isinstance(storey, dict) else None
        if isinstance(plan, str) and not is_wkt(plan):
            storey["walkable"] = read_ground(file.path.parent / plan)
    return file.into(Lab)


def load(path: str | os.PathLike[str]) -> Scenario:
    """Read an event scenario; its district's path is taken relative to the file and made absolute."""
    file = read_yaml(path)
    kind = file.data.get("kind")
    if kind == "lab":
        raise BadInput("this is an experiment (kind: lab), which has no district and no layouts", where=str(path),
                       mend="give an event scenario here; `hutong rehearse` runs both")
    if kind == "parking":
        raise BadInput("this is a parking night (kind: parking), which has no crowd and no layouts", where=str(path),
                       mend="give an event scenario here; `hutong parking` spends nights")
    scenario = file.into(Scenario)
    scenario.district = file.beside(scenario.district)
    return scenario


def load_night(path: str | os.PathLike[str]) -> ParkingPlan:
    """Read a parking night (``kind: parking``); its district's path is taken relative to the file and made absolute."""
    file = read_yaml(path)
    if file.data.get("kind") != "parking":
        raise BadInput("this is not a parking night", where=str(path), mend="write `kind: parking`, as in scenarios/night.yaml")
    plan = file.into(ParkingPlan)
    plan.district = file.beside(plan.district)
    return plan


def dump(scenario: Scenario | Lab | ParkingPlan) -> str:
    """The scenario as YAML, every default written out."""
    return yaml.safe_dump(scenario.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True)


def put_layout(path: str | os.PathLike[str], name: str, layout: Layout) -> None:
    """Save a layout under a name in a scenario file; the rest of the file keeps its content.

    The whole scenario is validated first; an invalid one raises :class:`BadInput` and the file stays as it was.
    """
    path = Path(path)
    data = read_yaml(path).data
    data.setdefault("layouts", {})[name] = layout.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    checked(text, Scenario, path)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def schema() -> str:
    """The JSON Schema of a scenario file of any kind; ``kind`` decides, and is ``event`` where it is missing."""
    parts, definitions = {}, {}
    for model in (Scenario, Lab, ParkingPlan):
        document = model.model_json_schema()
        definitions.update(document.pop("$defs", {}))
        parts[model.__name__] = document
    names = {name: True for part in parts.values() for name in part["properties"]}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Scenario", "type": "object",
        "properties": names | {"kind": {"enum": ["event", "lab", "parking"], "default": "event"}},
        "if": _is_kind("lab"), "then": {"$ref": "#/$defs/Lab"},
        "else": {"if": _is_kind("parking"), "then": {"$ref": "#/$defs/ParkingPlan"}, "else": {"$ref": "#/$defs/Scenario"}},
        "$defs": definitions | parts}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _is_kind(kind: str) -> dict[str, Any]:
    return {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
