"""Lab scenarios: a bare experiment on drawn ground, with no district, no staff and no layouts (``kind: lab``).

Coordinates are plain metres, times seconds after the start. Areas and lines are WKT or lists of ``[x, y]``; the
walkable area may also be named as a file (``.wkt``, ``.geojson``), relative to the scenario file. Holes in it are
obstacles.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import shapely
from pydantic import AfterValidator, Field, model_validator

from sim.scenario import Count, Distribution, Finite, Model, Positive, Seconds, Span

FASTEST = 4.0
"""Nobody walks faster [m/s]."""
SLOWEST = 0.1
"""Random speeds below this are drawn up to it [m/s]."""

Ring = list[tuple[Finite, Finite]]


def area_of(ref: str | Ring) -> shapely.Polygon | shapely.MultiPolygon:
    """The area that WKT or a ring of points describes; ValueError in plain words if it is none.

    The polygons of a collection are taken together.
    """
    shape = _read(ref) if isinstance(ref, str) else shapely.Polygon(ref) if len(ref) > 2 else shapely.LineString(ref)
    if shape.geom_type in ("LineString", "LinearRing") and len(shape.coords) > 3 and shape.is_closed:
        shape = shapely.Polygon(shape.coords)
    parts = [p for p in shapely.get_parts(shape) if p.geom_type in ("Polygon", "MultiPolygon")]
    for part in parts:
        if not part.is_valid:
            raise ValueError(
                f"the outline is not sound ({shapely.is_valid_reason(part).lower()}); redraw it so that it does "
                "not cross or touch itself"
            )
    if sum(p.area for p in parts) == 0:
        raise ValueError("this is not an area; give a POLYGON or a ring of at least three points")
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def line_of(ref: str | Ring) -> shapely.LineString | shapely.MultiLineString:
    """The line that WKT or a list of points describes; ValueError in plain words if it is none."""
    shape = _read(ref) if isinstance(ref, str) else shapely.LineString(ref) if len(ref) > 1 else shapely.LineString()
    if shape.geom_type not in ("LineString", "MultiLineString", "LinearRing") or shape.length == 0:
        raise ValueError("this is not a line; give a LINESTRING or a list of at least two different points")
    return shape


def _read(text: str) -> shapely.Geometry:
    if re.search(r"\b(nan|inf)", text, re.IGNORECASE):
        raise ValueError("a coordinate is not a number; give metres")
    try:
        shape = shapely.from_wkt(text.strip())
    except shapely.errors.ShapelyError:
        raise ValueError("this is not WKT; write it like POLYGON ((0 0, 10 0, 10 5, 0 5, 0 0))") from None
    if shape is None or shape.is_empty:
        raise ValueError("this is empty; draw something")
    return shapely.force_2d(shape)


def _area(ref: str | Ring) -> str | Ring:
    area_of(ref)
    return ref


def _line(ref: str | Ring) -> str | Ring:
    line_of(ref)
    return ref


Area = Annotated[str | Ring, AfterValidator(_area)]
"""WKT of a polygon, or the ring of one as a list of ``[x, y]``."""
Line = Annotated[str | Ring, AfterValidator(_line)]
"""WKT of a line, or a list of ``[x, y]``."""


class People(Model):
    """People of one kind, with exactly one of: ``area`` with ``count`` (placed evenly at the start), ``line`` with
    ``rate_per_s`` or ``times_s`` (entering there), ``at`` (exactly there at the start).

    ``goal`` is where they go and leave: one goal, several in a row, or shares of the people by goal. ``delay`` is the
    time that they stand before they set off. Normal speeds are kept between 0.1 and 4 m/s.
    """

    area: Area | None = None
    count: Annotated[int, Field(ge=1, le=200_000)] | None = Field(
        default=None, description="how many in the area; with rate_per_s, how many at most"
    )
    line: Line | None = None
    rate_per_s: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None
    from_s: Seconds = 0.0
    until_s: Seconds | None = None
    times_s: list[Seconds] | None = Field(default=None, min_length=1)
    regular: bool = Field(default=False, description="with rate_per_s: at even intervals, not at random")
    at: list[tuple[Finite, Finite]] | None = Field(default=None, min_length=1)
    goal: str | list[str] | dict[str, Positive]
    speed: Distribution = Distribution(normal=(1.34, 0.26))
    radius: Annotated[float, Field(ge=0.1, le=0.6)] = 0.2
    delay: Distribution = Distribution(constant=0.0)
    company: str | None = Field(default=None, description="all of one company walk at the speed of its slowest member")

    @model_validator(mode="after")
    def _complete(self) -> People:
        ways = [key for key in ("area", "line", "at") if getattr(self, key) is not None]
        if len(ways) != 1:
            raise ValueError("needs exactly one of area, line, at")
        if self.area is not None and self.count is None:
            raise ValueError("an area needs `count`, how many people stand in it")
        if self.line is not None and (self.rate_per_s is None) == (self.times_s is None):
            raise ValueError("a line needs either rate_per_s or times_s")
        if self.line is None and (self.rate_per_s is not None or self.times_s is not None):
            raise ValueError("rate_per_s and times_s need a `line` where people enter")
        if self.until_s is not None and self.until_s < self.from_s:
            raise ValueError("until_s lies before from_s")
        if self.speed.constant is not None and not SLOWEST <= self.speed.constant <= FASTEST:
            raise ValueError(f"a walking speed lies between {SLOWEST} and {FASTEST:.0f} m/s")
        if not self.names:
            raise ValueError("needs at least one goal")
        return self

    @property
    def names(self) -> list[str]:
        """The goals that it names."""
        return [self.goal] if isinstance(self.goal, str) else list(self.goal)


class Closing(Model):
    """A wall that is put up across a line while the experiment runs."""

    at_s: Seconds
    line: Line
    until_s: Seconds | None = None


class Door(Model):
    """An opening that can be shut: within the given spans it is open, otherwise not; always open without any.

    With ``most_per_s`` it is regulated: it lets through no more people a second, one at a time.
    """

    line: Line
    open: list[Span] = Field(default_factory=list)
    most_per_s: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None


class Pace(Model):
    """An area where people walk at a share of their free speed: stairs, a slope, smoke.

    ``along`` holds for who walks towards ``heading`` (radians, counter-clockwise from east), ``against`` for who comes
    the other way; the same both ways without it.
    """

    area: Area
    along: Annotated[float, Field(ge=0.1, le=1.5)]
    against: Annotated[float, Field(ge=0.1, le=1.5)] | None = None
    heading: Finite = 0.0


class LabMeasure(Model):
    """What to measure: flow over lines, density and speed in areas."""

    lines: dict[str, Line] = Field(default_factory=dict)
    areas: dict[str, Area] = Field(default_factory=dict)


class Lab(Model):
    """An experiment in a file: ground, people, goals, what to measure."""

    name: str = Field(pattern=r"^[\w][\w .-]*$")
    kind: Literal["lab"] = "lab"
    title: str = ""
    seed: Count = 1
    duration_s: Annotated[float, Field(gt=0, le=86_400)]
    fps: Annotated[float, Field(ge=1, le=50)] = Field(default=16.0, description="frames a second in trajectories.csv")
    walkable: Area
    people: list[People] = Field(min_length=1)
    goals: dict[str, Area] = Field(min_length=1)
    walls: dict[str, Line] = Field(default_factory=dict, description="thin walls that are always there")
    doors: dict[str, Door] = Field(default_factory=dict)
    closes: list[Closing] = Field(default_factory=list)
    paces: dict[str, Pace] = Field(default_factory=dict, description="stairs and other places that slow people down")
    measure: LabMeasure = LabMeasure()
    stop_when_empty: bool = Field(default=False, description="end when the last person has left")
    cell: Annotated[float, Field(ge=0.1, le=1.0)] = Field(
        default=0.25, description="cell of the raster that ways are found on [m]; openings are wider than it"
    )
    step_s: Annotated[float, Field(ge=0.01, le=0.2)] = Field(default=0.1, description="time step [s]")
    period: tuple[Finite, Finite] | None = Field(
        default=None, description="makes the ground a ring: whoever passes the second x comes in again at the first"
    )

    @model_validator(mode="after")
    def _names(self) -> Lab:
        for k, people in enumerate(self.people):
            for name in people.names:
                if name not in self.goals:
                    raise ValueError(f"people {k} go to {name!r}, which is not among goals ({', '.join(self.goals)})")
        if self.period and self.period[0] >= self.period[1]:
            raise ValueError("period needs its lower end first")
        return self
