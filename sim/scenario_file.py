"""Scenario files: read with errors that name the file, the line and the remedy; written in one move."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sim.lab import Lab
from sim.lab.ground_file import is_wkt, read_ground
from sim.parking.plan import ParkingPlan
from sim.scenario import Layout, Scenario
from twin.errors import BadInput


def load_any(path: str | os.PathLike[str]) -> Scenario | Lab:
    """Read a scenario of any kind: an event, or an experiment (``kind: lab``)."""
    path = Path(path)
    tree = _compose(path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    kind = data.get("kind", "event")
    if kind in ("event", "parking"):
        return load(path)
    if kind != "lab":
        raise BadInput(f"kind: there is no kind of scenario called {kind!r}",
                       where=f"{path} line {_walk(tree, ['kind'])[0].start_mark.line + 1}", mend="say event, lab or parking")
    ground = data.get("walkable")
    if isinstance(ground, str) and not is_wkt(ground):
        data["walkable"] = read_ground(path.parent / ground)
    storeys = data.get("storeys")
    for storey in storeys.values() if isinstance(storeys, dict) else ():
        plan = storey.get("walkable") if isinstance(storey, dict) else None
        if isinstance(plan, str) and not is_wkt(plan):
            storey["walkable"] = read_ground(path.parent / plan)
    try:
        return Lab.model_validate(data)
    except ValidationError as error:
        raise _explained(error, tree, path) from None


def load(path: str | os.PathLike[str]) -> Scenario:
    """Read an event scenario; its district's path is taken relative to the file and made absolute."""
    path = Path(path)
    tree = _compose(path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if data.get("kind") == "lab":
        raise BadInput("this is an experiment (kind: lab), which has no district and no layouts", where=str(path),
                       mend="give an event scenario here; `hutong rehearse` runs both")
    if data.get("kind") == "parking":
        raise BadInput("this is a parking night (kind: parking), which has no crowd and no layouts", where=str(path),
                       mend="give an event scenario here; `hutong parking` spends nights")
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise _explained(error, tree, path) from None
    if scenario.district is not None:
        scenario.district = str((path.parent / scenario.district).resolve())
    return scenario


def load_night(path: str | os.PathLike[str]) -> ParkingPlan:
    """Read a parking night (``kind: parking``); its district's path is taken relative to the file and made absolute."""
    path = Path(path)
    tree = _compose(path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if data.get("kind") != "parking":
        raise BadInput("this is not a parking night", where=str(path), mend="write `kind: parking`, as in scenarios/night.yaml")
    try:
        plan = ParkingPlan.model_validate(data)
    except ValidationError as error:
        raise _explained(error, tree, path) from None
    if plan.district is not None:
        plan.district = str((path.parent / plan.district).resolve())
    return plan


def dump(scenario: Scenario | Lab | ParkingPlan) -> str:
    """The scenario as YAML, every default written out."""
    return yaml.safe_dump(scenario.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True)


def put_layout(path: str | os.PathLike[str], name: str, layout: Layout) -> None:
    """Save a layout under a name in a scenario file; the rest of the file keeps its content.

    The whole scenario is validated first; an invalid one raises :class:`BadInput` and the file stays as it was.
    """
    path = Path(path)
    _compose(path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data.setdefault("layouts", {})[name] = layout.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    try:
        Scenario.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        raise _explained(error, _nodes(text), path, lines=False) from None
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


def _nodes(text: str) -> yaml.Node:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert node is not None
    return node


def _compose(path: Path) -> yaml.Node:
    """Parse the file into nodes, which know their lines; refuses what is not a YAML mapping."""
    if not path.is_file():
        raise BadInput("there is no such file", where=str(path), mend="name a scenario, such as one of scenarios/")
    try:
        tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise BadInput("this is not a text file", where=str(path), mend="give a scenario in YAML") from None
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadInput(f"this is not YAML: {error.problem}", where=f"{path}{line}",
                       mend="check the indentation and quotes there") from None
    except yaml.YAMLError as error:
        raise BadInput(f"this is not YAML: {error}", where=str(path), mend="save it as plain UTF-8 text") from None
    if not isinstance(tree, yaml.MappingNode):
        raise BadInput("this is not a scenario", where=str(path), mend="start from one of the files in scenarios/")
    _refuse_double_keys(tree, path)
    return tree


def _refuse_double_keys(node: yaml.Node, path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise BadInput(f"{key.value!r} stands twice", where=f"{path} line {key.start_mark.line + 1}",
                               mend="keep one of the two")
            seen.add(key.value)
            _refuse_double_keys(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_double_keys(value, path)


def _explained(error: ValidationError, tree: yaml.Node, path: Path, *, lines: bool = True) -> BadInput:
    """The first problem in one sentence with the line where it stands, and how many more there are."""
    problems = error.errors(include_url=False)
    first = max(problems, key=lambda p: (len(p["loc"]), p["type"] == "value_error"))
    node, named = _walk(tree, first["loc"])
    where = f"{path} line {node.start_mark.line + 1}" if lines else str(path)
    key = ".".join(str(part) for part in named)
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        what, mend = "there is no such key here", "check its spelling, or see `hutong scenario schema`"
    elif first["type"] == "missing":
        key = ".".join(str(part) for part in first["loc"])
        what, mend = "this is missing", "add it"
    else:
        given = first.get("input")
        shown = f" (given: {given!r})" if isinstance(given, (int, float, str)) and not _long(given) else ""
        what, mend = what[:1].lower() + what[1:] + shown, "see `hutong scenario schema` for what is allowed"
    return BadInput(f"{key}: {what}" if key else what, where=where, mend=mend)


def _long(value: object) -> bool:
    return len(str(value)) > 60 or (isinstance(value, float) and math.isnan(value))


def _walk(node: yaml.Node, location: Sequence[Any]) -> tuple[yaml.Node, list[Any]]:
    """Follow a pydantic location through the nodes as far as it goes (it also names union members)."""
    named: list[Any] = []
    for step in location:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if str(step) not in pairs:
                continue
            key, value = pairs[str(step)]
            node = value if isinstance(value, (yaml.MappingNode, yaml.SequenceNode)) else key
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            continue
        named.append(step)
    return node, named
