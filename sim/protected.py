"""What is to be protected and what is promised: the part ``protection`` of a scenario, and the rules and rounds of a layout.

What is needed (risk places, problems, crowding, patrols) belongs to the scenario and is the same for all its layouts;
what is offered (zones with their rules, posts, rounds, reserves) belongs to a layout. :mod:`sim.protection` sets the
one against the other.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.terms import AreaRef, Count, Distribution, Model, PointRef, Positive, Span, StaffKind

Admitted = Literal["all", "checked", "residents", "pass", "nobody"]
"""Who is let in, from everybody to nobody: all; who was searched; residents and pass holders; pass holders; nobody."""
ADMITTED: tuple[Admitted, ...] = ("all", "checked", "residents", "pass", "nobody")


class ZoneRule(Span):
    """Who may be in a zone, on foot and by vehicle, and from when until when."""

    on_foot: Admitted = "all"
    vehicles: Admitted = "all"


class Round(Span):
    """A way that patrols walk again and again: its stops in their order, how many patrols are on it and how strong each is."""

    id: str
    stops: Annotated[list[PointRef], Field(min_length=2, max_length=200)]
    kind: StaffKind = "police"
    patrols: Annotated[int, Field(ge=1, le=50)] = 1
    staff: Annotated[int, Field(ge=1, le=50)] = Field(default=2, description="of each patrol")
    every_min: Positive = Field(default=30.0, description="each stop is to be passed so often")
    closed: bool = Field(default=True, description="from the last stop straight to the first; else back the same way")


class RiskPlace(Model):
    """A place where something grave may happen, and the forces that it then needs."""

    id: str
    at: PointRef
    title: str = ""
    weight: Positive = Field(default=1.0, description="how grave it would be, against the others")
    needs: dict[StaffKind, Annotated[int, Field(ge=1, le=500)]] = Field(default_factory=dict, description="staff by kind")
    within_min: Positive = Field(default=5.0, description="on the spot after so many minutes, turnout included")


class Problem(Model):
    """A kind of problem that staff answer: how often, where, who goes, and what is promised.

    ``where`` is ``risks`` (the risk places by weight), ``crowd`` (where people stand, and only while there is crowding) or
    ``grids`` (streets of every grid alike).
    """

    title: str = ""
    needs: Annotated[dict[StaffKind, Annotated[int, Field(ge=1, le=100)]], Field(min_length=1)]
    per_hour: Positive = 4.0
    where: Literal["risks", "crowd", "grids"] = "grids"
    within_min: Positive = Field(default=5.0, description="the first of the kind named first is there, turnout included")
    share: Annotated[float, Field(gt=0, lt=1)] = Field(default=0.9, description="of the problems for which this is promised")
    on_scene: Distribution = Distribution(lognormal=(900.0, 600.0))


class Crowding(Span):
    """How dense planners expect people to stand in an area [1/m2]."""

    area: AreaRef
    density: Annotated[float, Field(ge=0, le=8)]


class Patrols(Model):
    """Patrols that nobody can foretell: how many, and how long each tour is.

    An attack on a risk place takes ``attack_min``; it is met if a patrol stands there or comes by meanwhile.
    """

    teams: Annotated[int, Field(ge=1, le=200)] = 6
    kind: StaffKind = "police"
    slot_min: Annotated[float, Field(gt=0, le=480)] = 30.0
    dwell_min: Annotated[float, Field(ge=0, le=60)] = 3.0
    attack_min: Annotated[float, Field(gt=0, le=120)] = 10.0


class Protection(Model):
    """What is to be protected, by what promises."""

    scheme: str = Field(default="household", description="administrative scheme by whose grids forces are reckoned")
    level: str = "grid"
    risks: list[RiskPlace] = Field(default_factory=list)
    problems: dict[str, Problem] = Field(default_factory=dict)
    crowding: list[Crowding] = Field(default_factory=list)
    patrols: Patrols = Patrols()
    sees_m: Annotated[float, Field(gt=0, le=500)] = Field(default=40.0, description="how far a post and a patrol see [m]")
    least_staff: Count = Field(default=0, description="staff that every grid has at least, posts and rounds together")

    @model_validator(mode="after")
    def _different(self) -> Protection:
        seen: set[str] = set()
        for risk in self.risks:
            if risk.id in seen:
                raise ValueError(f"two risk places have the id {risk.id!r}")
            seen.add(risk.id)
        if any(problem.where == "risks" for problem in self.problems.values()) and not self.risks:
            raise ValueError("a problem happens at risk places, but there are none")
        return self
