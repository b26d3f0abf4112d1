"""A lab scenario with storeys as one that lies in a single plane."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import shapely

from sim.crowd.ground.storeys import Flight, Storeys
from sim.lab import Lab, area_of, line_of
from sim.lab.shapes import AreaOn, LineOn, OnStorey
from twin.errors import BadInput

Placed = TypeVar("Placed", bound=OnStorey)


def laid_out(lab: Lab, body: float) -> tuple[Lab, Storeys | None]:
    """The scenario with its storeys beside each other and everything on them moved there, and the storeys; as it is, and
    none, if it has no storeys.

    ``body`` is the width of the slimmest body [m]. Raises :class:`BadInput` for what names no storey or one that is not
    there, and for stairs that lead nowhere.
    """
    if not lab.storeys:
        _check_flat(lab)
        return lab, None
    _check_heights(lab)
    flights = [
        Flight(s.name, s.lower, s.upper, area_of(s.area), line_of(s.foot), line_of(s.head)) for s in lab.stairs
    ]
    plans = {name: area_of(storey.walkable) for name, storey in lab.storeys.items()}
    storeys = Storeys(plans, flights, cell=lab.cell, body=body, where=lab.name)
    move = _Mover(lab, storeys)
    flat = lab.model_copy(
        update={
            "walkable": storeys.plane.wkt,
            "storeys": {},
            "stairs": [],
            "people": [move.thing(people, f"people {k}") for k, people in enumerate(lab.people)],
            "goals": {name: move.area(goal, f"goal {name}") for name, goal in lab.goals.items()},
            "walls": {name: move.line(wall, f"wall {name}") for name, wall in lab.walls.items()},
            "doors": {name: move.thing(door, f"door {name}") for name, door in lab.doors.items()},
            "closes": [move.thing(closing, f"closing {k}") for k, closing in enumerate(lab.closes)],
            "paces": {name: move.thing(pace, f"pace {name}") for name, pace in lab.paces.items()},
            "signs": [move.thing(sign, f"sign {k}") for k, sign in enumerate(lab.signs)],
            "smoke": {name: move.thing(smoke, f"smoke {name}") for name, smoke in lab.smoke.items()},
            "measure": lab.measure.model_copy(
                update={
                    "lines": {name: move.line(line, f"measure line {name}") for name, line in lab.measure.lines.items()},
                    "areas": {name: move.area(area, f"measure area {name}") for name, area in lab.measure.areas.items()},
                }
            ),
        }
    )
    return flat, storeys


class _Mover:
    """Moves what stands on a storey to the plane."""

    def __init__(self, lab: Lab, storeys: Storeys) -> None:
        self.lab, self.storeys = lab, storeys

    def thing(self, thing: Placed, what: str) -> Placed:
        """A part of the scenario with its shapes in the plane."""
        storey = self._storey(thing.storey, what)
        shift = self.storeys.shift(storey)
        update: dict[str, object] = {"storey": None}
        if getattr(thing, "area", None) is not None:
            update["area"] = self.storeys.on_plane(storey, area_of(thing.area)).wkt  # type: ignore[attr-defined]
        if getattr(thing, "line", None) is not None:
            update["line"] = self.storeys.on_plane(storey, line_of(thing.line)).wkt  # type: ignore[attr-defined]
        at = getattr(thing, "at", None)
        if isinstance(at, list):
            update["at"] = [(float(x), float(y)) for x, y in np.array(at, float) + shift]
        elif at is not None:
            update["at"] = (float(at[0] + shift[0]), float(at[1] + shift[1]))
        return thing.model_copy(update=update)

    def area(self, ref: object, what: str) -> str:
        """An area in the plane, as WKT."""
        on = ref if isinstance(ref, AreaOn) else AreaOn.model_construct(area=ref, storey=None)
        return self._wkt(on.storey, area_of(on.area), what)

    def line(self, ref: object, what: str) -> str:
        """A line in the plane, as WKT."""
        on = ref if isinstance(ref, LineOn) else LineOn.model_construct(line=ref, storey=None)
        return self._wkt(on.storey, line_of(on.line), what)

    def _wkt(self, storey: str | None, shape: shapely.Geometry, what: str) -> str:
        return str(shapely.to_wkt(self.storeys.on_plane(self._storey(storey, what), shape), rounding_precision=-1, trim=True))

    def _storey(self, name: str | None, what: str) -> str:
        where, known = f"{self.lab.name}: {what}", ", ".join(self.storeys.names)
        if name is None:
            raise BadInput("it does not say on which storey it is", where=where, mend=f"add `storey:`, one of {known}")
        if name not in self.storeys.names:
            raise BadInput(f"there is no storey {name!r}", where=where, mend=f"name one of {known}")
        return name


def _check_flat(lab: Lab) -> None:
    """Nothing names a storey where there is none."""
    things: list[tuple[str, object]] = [
        *[(f"people {k}", people) for k, people in enumerate(lab.people)],
        *[(f"closing {k}", closing) for k, closing in enumerate(lab.closes)],
        *[(f"sign {k}", sign) for k, sign in enumerate(lab.signs)],
        *[(f"{kind} {name}", thing) for kind, table in (
            ("goal", lab.goals), ("wall", lab.walls), ("door", lab.doors), ("pace", lab.paces), ("smoke", lab.smoke),
            ("measure line", lab.measure.lines), ("measure area", lab.measure.areas),
        ) for name, thing in table.items()],
    ]
    for what, thing in things:
        if isinstance(thing, OnStorey) and thing.storey is not None:
            raise BadInput(f"it is on the storey {thing.storey!r}, but the scenario has none", where=f"{lab.name}: {what}",
                           mend="give `storeys:` instead of `walkable:`, or leave `storey:` out")


def _check_heights(lab: Lab) -> None:
    """Stairs lead up."""
    for flight in lab.stairs:
        heights = [lab.storeys[name].elevation_m if name in lab.storeys else None for name in (flight.lower, flight.upper)]
        if heights[0] is not None and heights[1] is not None and heights[0] >= heights[1]:
            raise BadInput(
                f"it leads from {flight.lower} at {heights[0]:g} m up to {flight.upper} at {heights[1]:g} m",
                where=f"{lab.name}: stairs {flight.name}", mend="give the lower storey as `from`",
            )
