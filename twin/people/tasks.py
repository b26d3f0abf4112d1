"""Tasks in place of lists: which courtyards are to be told something, how many that concerns, and how far it has got.

A task names courtyards, never households. A courtyard with fewer than k households would point at one of them, so all such
courtyards of the zone are told together, whether it concerns them or not, and a count under k is not said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely

from twin.errors import BadInput
from twin.people.gate import Gate
from twin.people.measures import counts_by_place
from twin.people.population import Population

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


def make_task(gate: Gate, population: Population, about: str, cell: str) -> Task:
    """A task for the courtyards of one published cell that it concerns.

    The number is that of the gate: null where the cell or the count is too small to be published.
    """
    if about not in CONCERNS:
        raise BadInput(f"a task cannot be about {about!r}", where="task", mend=f"take {', '.join(CONCERNS)}")
    schemes = gate.schemes
    if cell not in schemes.row_of:
        raise BadInput(f"there is no cell {cell!r}", where="task", mend="take the id of a grid or community")
    row = schemes.row_of[cell]
    described = schemes.cells.iloc[row]
    name, category = CONCERNS[about]
    counts = counts_by_place(population, name, schemes.places)
    touched = (counts[:, 1:].sum(axis=1) if category is None else counts[:, category]) > 0
    households = counts_by_place(population, "households", schemes.places)[:, 0]
    here = schemes.inside[[row]].toarray().ravel().astype(bool)
    small = here & (households > 0) & (households < gate.k)
    told = here & touched & ~small
    if small.sum() and (touched & small).any():
        told |= small
    shown = gate.aggregate(name, scheme=described["scheme"], level=described["level"])
    line = shown.set_index("id").loc[cell]
    parts = line.drop(["name", "all"]).iloc[1:] if category is None else line.drop(["name", "all"]).iloc[[category]]
    known = all(value is not None and value == value for value in parts.tolist()) if not parts.isna().any() else False
    concerned = int(parts.sum()) if known and (int(parts.sum()) >= gate.k) else None
    return Task(about, tuple(str(p) for p in np.sort(schemes.places[told].astype(str))), concerned)


def whole_zone(gate: Gate, zone: shapely.Geometry) -> tuple[str, ...]:
    """Published grids that a drawn zone touches: tasks are for these, because a zone drawn at will could single out homes."""
    cells = gate.schemes.cells
    grids = cells[(cells["scheme"] == "household") & (cells["level"] == "grid")]
    return tuple(grids["id"][shapely.intersects(grids["geometry"].to_numpy(), zone)])
