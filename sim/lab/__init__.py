"""Lab scenarios: a bare experiment on drawn ground, with no district, no staff and no layouts (``kind: lab``).

Coordinates are plain metres, times seconds after the start. Areas and lines are WKT or lists of ``[x, y]``; the
walkable area may also be named as a file (``.wkt``, ``.geojson``), relative to the scenario file. Holes in it are
obstacles.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from sim.kinds import KINDS, KindName
from sim.lab.house import Stairs, Storey
from sim.lab.shapes import Area, AreaOn, Line, LineOn, OnStorey, Ring, area_of, line_of
from sim.scenario import Count, Distribution, Finite, Model, Positive, Seconds, Span

__all__ = ["FASTEST", "SLOWEST", "Area", "AreaOn", "Choose", "Closing", "Door", "Lab", "LabMeasure", "Line", "LineOn", "Pace",
           "People", "Ring", "Sign", "Smoke", "Stairs", "Storey", "area_of", "line_of"]

FASTEST = 4.0
"""Nobody walks faster [m/s]."""
SLOWEST = 0.1
"""Random speeds below this are drawn up to it [m/s]."""

class Choose(Model):
    """Exits to choose among: the one that each expects to be out by soonest, of those that they know.

    ``familiar`` is the share of people who know an exit, by its name; everybody knows those that it does not name. A
    sign makes an exit known to whoever sees it. Who knows none takes whichever seems nearest. ``social`` is how much
    people follow others in sight (0: not at all).
    """

    choose: list[str] = Field(min_length=1)
    familiar: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    social: Annotated[float, Field(ge=0, le=3)] = 0.3

    @model_validator(mode="after")
    def _names(self) -> Choose:
        for name in self.familiar:
            if name not in self.choose:
                raise ValueError(f"familiar names {name!r}, which is not among choose ({', '.join(self.choose)})")
        if len(set(self.choose)) < len(self.choose):
            raise ValueError("choose names an exit twice")
        return self


def _kind_of_goal(goal: object) -> str:
    """Which way of giving a goal is meant, so that errors speak of that one."""
    if isinstance(goal, Choose) or (isinstance(goal, dict) and "choose" in goal):
        return "choice"
    return "shares" if isinstance(goal, dict) else "row" if isinstance(goal, list) else "one"


Goal = Annotated[
    Annotated[str, Tag("one")]
    | Annotated[list[str], Tag("row")]
    | Annotated[dict[str, Positive], Tag("shares")]
    | Annotated[Choose, Tag("choice")],
    Discriminator(_kind_of_goal),
]
"""Where people go: one goal, several in a row, shares of the people by goal, or exits to choose among."""


class Sign(OnStorey):
    """A sign: whoever sees it from within a distance knows from then on the exit that it points to."""

    to: str
    at: tuple[Finite, Finite]
    within_m: Annotated[float, Field(gt=0, le=200)] = 20.0


class Smoke(OnStorey):
    """Smoke in an area for a time: people walk slower in it, and take in a dose if it holds gases.

    ``extinction_per_m`` is the extinction coefficient of light; ``slope_m`` the share of the free speed that each 1/m
    of it takes away. See :mod:`sim.crowd.behaviour.smoke` for the formulas.
    """

    area: Area
    extinction_per_m: Annotated[float, Field(ge=0, le=100)] = 0.0
    slope_m: Annotated[float, Field(ge=0, le=10)] = 0.5
    co_ppm: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
    co2_percent: Annotated[float, Field(ge=0, le=30)] = 0.04
    o2_percent: Annotated[float, Field(ge=0, le=20.9)] = 20.9
    from_s: Seconds = 0.0
    until_s: Seconds | None = None

    @property
    def harms(self) -> bool:
        """Whether the air in it differs from fresh air."""
        return self.co_ppm > 0 or self.co2_percent > 0.04 or self.o2_percent < 20.9


class People(OnStorey):
    """People of one kind, with exactly one of: ``area`` with ``count`` (placed evenly at the start), ``line`` with
    ``rate_per_s`` or ``times_s`` (entering there), ``at`` (exactly there at the start).

    ``goal`` is where they go and leave: one goal, several in a row, shares of the people by goal, or exits to choose
    among. ``delay`` is the time that they stand before they set off. Normal speeds are kept between 0.1 and 4 m/s.
    ``kind`` gives them the speed and the body of a kind, or of several kinds by shares; ``speed`` and ``radius`` beside
    one kind replace its own.
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
    goal: Goal
    kind: KindName | dict[KindName, Positive] | None = None
    speed: Distribution = Distribution(normal=(1.34, 0.26))
    radius: Annotated[float, Field(ge=0.1, le=0.6)] = 0.2
    step_free: bool = Field(default=False, description="cannot take steps")
    delay: Distribution = Distribution(constant=0.0)
    company: str | None = Field(
        default=None, description="all of one company walk at the pace of its slowest member, keep together and wait"
    )
    company_size: Annotated[int, Field(ge=2, le=20)] | None = Field(
        default=None, description="the people form companies of so many, in the order in which they come"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_a_kind(cls, given: Any) -> Any:
        """Fill in what one kind has; several are drawn when the run begins."""
        kind = given.get("kind") if isinstance(given, dict) else None
        if isinstance(kind, str) and kind in KINDS:
            preset = KINDS[kind]
            own = {"speed": {"normal": list(preset.speed)}, "radius": preset.radius, "step_free": preset.step_free}
            return own | given
        return given

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
        usual = People.model_fields
        if isinstance(self.kind, dict) and any(
            getattr(self, key) != usual[key].default for key in ("speed", "radius", "step_free")
        ):
            raise ValueError("several kinds bring their own speed and radius; leave speed, radius and step_free out")
        if not self.names:
            raise ValueError("needs at least one goal")
        if self.company is not None and self.company_size is not None:
            raise ValueError("needs either company or company_size")
        return self

    @property
    def names(self) -> list[str]:
        """The goals that it names."""
        if isinstance(self.goal, Choose):
            return self.goal.choose
        return [self.goal] if isinstance(self.goal, str) else list(self.goal)


class Closing(OnStorey):
    """A wall that is put up across a line while the experiment runs."""

    at_s: Seconds
    line: Line
    until_s: Seconds | None = None


class Door(OnStorey):
    """An opening that can be shut: within the given spans it is open, otherwise not; always open without any.

    With ``most_per_s`` it is regulated: it lets through no more people a second, one at a time.
    """

    line: Line
    open: list[Span] = Field(default_factory=list)
    most_per_s: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None


class Pace(OnStorey):
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

    lines: dict[str, Line | LineOn] = Field(default_factory=dict)
    areas: dict[str, Area | AreaOn] = Field(default_factory=dict)


class Lab(Model):
    """An experiment in a file: ground, people, goals, what to measure."""

    name: str = Field(pattern=r"^[\w][\w .-]*$")
    kind: Literal["lab"] = "lab"
    title: str = ""
    seed: Count = 1
    duration_s: Annotated[float, Field(gt=0, le=86_400)]
    fps: Annotated[float, Field(ge=1, le=50)] = Field(default=16.0, description="frames a second in trajectories.csv")
    walkable: Area | None = Field(default=None, description="the ground; instead of it, `storeys`")
    storeys: dict[str, Storey] = Field(default_factory=dict, description="storeys of a house, from the lowest up")
    stairs: list[Stairs] = Field(default_factory=list, description="flights of stairs between storeys")
    people: list[People] = Field(min_length=1)
    goals: dict[str, Area | AreaOn] = Field(min_length=1)
    walls: dict[str, Line | LineOn] = Field(default_factory=dict, description="thin walls that are always there")
    doors: dict[str, Door] = Field(default_factory=dict)
    closes: list[Closing] = Field(default_factory=list)
    paces: dict[str, Pace] = Field(default_factory=dict, description="stairs and other places that slow people down")
    signs: list[Sign] = Field(default_factory=list)
    smoke: dict[str, Smoke] = Field(default_factory=dict)
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
        if (self.walkable is None) == (not self.storeys):
            raise ValueError("needs the ground: either walkable or storeys")
        if self.stairs and not self.storeys:
            raise ValueError("stairs need storeys to lead between")
        if self.period and self.storeys:
            raise ValueError("a ring (period) has no storeys")
        if len({flight.name for flight in self.stairs}) < len(self.stairs):
            raise ValueError("two stairs have the same name")
        for k, people in enumerate(self.people):
            for name in people.names:
                if name not in self.goals:
                    raise ValueError(f"people {k} go to {name!r}, which is not among goals ({', '.join(self.goals)})")
        for k, sign in enumerate(self.signs):
            if sign.to not in self.goals:
                raise ValueError(f"sign {k} points to {sign.to!r}, which is not among goals ({', '.join(self.goals)})")
        if self.period and self.period[0] >= self.period[1]:
            raise ValueError("period needs its lower end first")
        return self
