"""Files in YAML, read with errors that name the file, the line and the remedy: scenarios, nights, drills."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from twin.errors import BadInput

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class YamlFile:
    """A file that is a YAML mapping: its content, and its nodes, which know their lines."""

    path: Path
    tree: yaml.Node
    data: dict[str, Any]

    def line(self, key: str) -> str:
        """Where a key of the first level stands, for an error."""
        return f"{self.path} line {_walk(self.tree, [key])[0].start_mark.line + 1}"

    def into(self, model: type[M]) -> M:
        """The content as a model. Raises :class:`BadInput` with the line of the first problem."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise _explained(error, self.tree, str(self.path), lines=True) from None

    def beside(self, name: str | None) -> str | None:
        """The absolute path of a file that this one names relative to itself; None where it names none."""
        return None if name is None else str((self.path.parent / name).resolve())


def read_yaml(path: str | os.PathLike[str]) -> YamlFile:
    """Read a file; raises :class:`BadInput` for what is not a YAML mapping or says a key twice."""
    path = Path(path)
    tree = _compose(path)
    return YamlFile(path, tree, yaml.safe_load(path.read_text(encoding="utf-8")))


def checked(text: str, model: type[M], where: Path) -> M:
    """A model of a YAML text that is to become a file; lines mean nothing yet."""
    try:
        return model.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        assert tree is not None
        raise _explained(error, tree, str(where), lines=False) from None


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


def _explained(error: ValidationError, tree: yaml.Node, path: str, *, lines: bool) -> BadInput:
    """The first problem in one sentence with the line where it stands, and how many more there are."""
    problems = error.errors(include_url=False)
    first = max(problems, key=lambda p: (len(p["loc"]), p["type"] == "value_error"))
    node, named = _walk(tree, first["loc"])
    where = f"{path} line {node.start_mark.line + 1}" if lines else path
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
