"""Tasks in place of lists: which courtyards are to be told something, how many that concerns, and how far it has got.

A task names courtyards, never households, and a count under k is not said. Where a name beside the published counts would
tell of fewer than k, all courtyards of that ground are told, whether it concerns them or not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.people.gate import Gate
from twin.people.measures import MEASURES, counts_by_place
from twin.people.population import Population
from twin.people.schemes import PLACE_LEVEL

CONCERNS = {"pigeons": ("pigeons", 1), "cars": ("cars", None), "children": ("children", 1), "mobility_need": ("mobility_need", 1)}
"""What a task may be about: the measure and the category that it concerns (None: every one but the first)."""


@dataclass(frozen=True)
class Task:
    """Courtyards to be told. ``concerned`` is how many households (or persons) that is in all, None if under k."""

    about: str
    courtyards: tuple[str, ...]
    concerned: int | None
    done: frozenset[str] = frozenset()

    @property
    def progress(self) -> float:
        """Share of the courtyards that have been told; 1 if there are none."""
        return len(self.done) / len(self.courtyards) if self.courtyards else 1.0

    def tick(self, courtyard: str) -> Task:
        """The task with one courtyard more that has been told."""
        if courtyard not in self.courtyards:
            raise BadInput(f"{courtyard!r} is not a courtyard of this task", where=f"task {self.about}",
                           mend="choose one of its list")
        return replace(self, done=self.done | {courtyard})

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the task as JSON, first under another name, then in one move."""
        path = Path(path)
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(json.dumps({**asdict(self), "done": sorted(self.done)}, ensure_ascii=False, indent=1), encoding="utf-8")
        draft.replace(path)
        return path

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Task:
        """Read a task that was saved."""
        path = Path(path)
        mend = "make one with `hutong people task ... -o FILE`"
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            return cls(said["about"], tuple(said["courtyards"]), said["concerned"], frozenset(said["done"]))
        except FileNotFoundError:
            raise BadInput("there is no such file", where=str(path), mend=mend) from None
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput("this is not a task", where=str(path), mend=mend) from error


def make_task(gate: Gate, population: Population, about: str, cell: str | Sequence[str]) -> Task:
    """A task for the courtyards of a published cell, or of several that do not overlap, that it concerns.

    The number is that of the gate: null where a cell or its count is too small to be published.
    """
    if about not in CONCERNS:
        raise BadInput(f"a task cannot be about {about!r}", where="task", mend=f"take {', '.join(CONCERNS)}")
    if not isinstance(cell, str):
        parts = [make_task(gate, population, about, one) for one in dict.fromkeys(cell)]
        if not parts:
            raise BadInput("no grid lies in the zone", where="task", mend="draw it over the district")
        numbers = [part.concerned for part in parts if part.courtyards]
        whole = None if None in numbers else sum(n for n in numbers if n is not None)
        return Task(about, tuple(sorted({place for part in parts for place in part.courtyards})), whole)
    schemes = gate.schemes
    if cell not in schemes.row_of:
        raise BadInput(f"there is no cell {cell!r}", where="task", mend="take the id of a grid or community")
    row = schemes.row_of[cell]
    described = schemes.cells.iloc[row]
    if described["level"] == PLACE_LEVEL:
        raise BadInput(f"{cell} is a single courtyard", where="task", mend="take the id of a grid or community")
    households = counts_by_place(population, "households", schemes.places)[:, 0]
    here = schemes.inside[[row]].toarray().ravel().astype(bool) & (households > 0)
    concerned, named = _concerned(gate, population, about), _named(gate, population, about)
    told = here & (concerned | ~named)
    number = _numbers(gate, about, described["scheme"], described["level"])[cell]
    return Task(about, tuple(str(p) for p in np.sort(schemes.places[told].astype(str))) if (here & concerned).any() else (),
                number if number is not None and number >= gate.k else None)


def _concerned(gate: Gate, population: Population, about: str) -> NDArray[np.bool_]:
    """Places where it concerns anybody (places,). Not to be shown as it is: see :func:`_named`."""
    name, category = CONCERNS[about]
    counts = counts_by_place(population, name, gate.schemes.places)
    return np.asarray((counts[:, 1:].sum(axis=1) if category is None else counts[:, category]) > 0)


def _numbers(gate: Gate, about: str, scheme: str, level: str) -> dict[str, int | None]:
    """How many each cell of a scheme and level has, as the gate says it."""
    name, category = CONCERNS[about]
    shown = gate.aggregate(name, scheme=scheme, level=level)
    asked = shown[list(MEASURES[name].categories[1:] if category is None else (MEASURES[name].categories[category],))]
    known = asked.notna().all(axis=1)
    return {cell: int(total) if there else None
            for cell, total, there in zip(shown["id"], asked.fillna(0).sum(axis=1), known, strict=True)}


def _named(gate: Gate, population: Population, about: str) -> NDArray[np.bool_]:
    """Places that may be named because it concerns them, and left out because it does not: (places,) bool.

    To be named says that there is one at least. Where a published cell has ``T`` of them in ``n`` named places, nobody can
    have more than ``T - n + 1``; if that is under k, or T is hidden, the places of the cell are told whether it concerns
    them or not. So are places with fewer than k households.
    """
    schemes = gate.schemes
    households = counts_by_place(population, "households", schemes.places)[:, 0]
    concerned, named = _concerned(gate, population, about), households >= gate.k
    drawn = schemes.cells[schemes.cells["level"] != PLACE_LEVEL]
    numbers: dict[str, int | None] = {}
    for scheme, level in sorted(set(zip(drawn["scheme"], drawn["level"], strict=True))):
        numbers |= _numbers(gate, about, scheme, level)
    rows = np.array([schemes.row_of[cell] for cell in numbers])
    total = np.array([np.nan if n is None else n for n in numbers.values()])
    inside = schemes.inside[rows].astype(np.int64)
    while True:
        count = inside @ (concerned & named)
        with np.errstate(invalid="ignore"):
            telling = (count > 0) & ~(total - count + 1 >= gate.k)
        if not telling.any():
            return np.asarray(named)
        named = named & ~(np.asarray(inside[telling].sum(axis=0)).ravel() > 0)


def whole_zone(gate: Gate, zone: shapely.Geometry) -> tuple[str, ...]:
    """Published grids that a drawn zone touches: tasks are for these, because a zone drawn at will could single out homes."""
    cells = gate.schemes.cells
    grids = cells[(cells["scheme"] == "household") & (cells["level"] == "grid")]
    return tuple(grids["id"][shapely.intersects(grids["geometry"].to_numpy(), zone)])
