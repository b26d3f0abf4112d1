"""The scenario file: place, demand, layouts, staff, incidents, what to measure, seed.

A scenario is YAML. These models are its definition: they validate it, and ``hutong scenario schema`` prints them as
JSON Schema. Lengths are metres, times seconds after ``start``, angles radians counter-clockwise from east.

The terms in which places, times and distributions are given stand in :mod:`sim.terms`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sim.kinds import KINDS, KindName
from sim.protected import Protection, Round, ZoneRule
from sim.terms import AreaRef, Count, Distribution, Finite, LineRef, Model, PointRef, Positive, Seconds, Span, StaffKind
from sim.terms import LonLat as LonLat


class Arrivals(Model):
    """When people come, or go: exactly one key beside the span."""

    uniform: tuple[Seconds, Seconds] | None = Field(default=None, description="evenly from, until")
    normal: tuple[Seconds, Positive] | None = Field(default=None, description="peak, standard deviation")
    profile: list[tuple[Seconds, Annotated[float, Field(ge=0)]]] | None = Field(
        default=None, description="points (time, relative rate), straight lines between them", min_length=2)
    at: Seconds | None = Field(default=None, description="everybody at this moment")

    @model_validator(mode="after")
    def _one(self) -> Arrivals:
        if len(self.model_fields_set) != 1:
            raise ValueError("needs exactly one of uniform, normal, profile, at")
        if self.profile and not any(rate > 0 for _, rate in self.profile):
            raise ValueError("the profile has no rate above zero")
        return self


class Walkers(Model):
    """A kind of pedestrian: its share of the crowd, free walking speed and body.

    ``kind`` brings the share, speed and body of one of :data:`sim.kinds.KINDS`; what is given beside it replaces them.
    """

    kind: KindName | None = None
    share: Positive = 1.0
    speed: Distribution = Distribution(normal=(1.34, 0.26))
    radius: Annotated[float, Field(ge=0.1, le=0.6)] = 0.2
    step_free: bool = Field(default=False, description="cannot take steps")

    @model_validator(mode="before")
    @classmethod
    def _of_a_kind(cls, given: Any) -> Any:
        kind = given.get("kind") if isinstance(given, dict) else None
        if not isinstance(kind, str) or kind not in KINDS:
            return given
        preset = KINDS[kind]
        own = {"share": preset.share, "speed": {"normal": list(preset.speed)}, "radius": preset.radius}
        return own | {"step_free": preset.step_free} | given


class Entry(Model):
    """Where people come from and go to: a metro exit, a gate, the end of a street. Give the place, or an object id."""

    at: PointRef
    width: Positive = Field(default=4.0, description="people appear along this width")


class Venue(Model):
    """Where people spend the event, spread over an area."""

    area: AreaRef


class Demand(Model):
    """A stream of visitors: how many, from where, to where, when they come and when they leave."""

    entry: str
    venue: str
    people: Count
    arrive: Arrivals
    leave: Arrivals | None = Field(default=None, description="nobody leaves if it is missing")
    leave_by: str | list[str] | None = Field(
        default=None, description="entry that they leave by, or several to choose among; the one they came by if missing")
    familiar: Annotated[float, Field(ge=0, le=1)] = Field(
        default=1.0, description="share of people who know each entry of leave_by; everybody knows the one they came by")
    walkers: dict[str, Walkers] = Field(default_factory=lambda: {"adult": Walkers()})
    groups: dict[int, Positive] = Field(default_factory=lambda: {1: 1.0}, description="share of people by group size")
    checked: bool = Field(default=True, description="has to pass a checkpoint, where the layout has any")
    present: AreaRef | None = Field(
        default=None, description="where they are at the start, instead of coming by the entry; `arrive` is then 0")

    @property
    def exits(self) -> list[str]:
        """The entries that they may leave by."""
        return [self.leave_by or self.entry] if not isinstance(self.leave_by, list) else self.leave_by or [self.entry]


class Zone(Span):
    """A protection zone. A fenced one has a barrier all round it but at its gates and checkpoints."""

    id: str
    kind: Literal["core", "guard", "control"]
    area: AreaRef
    fenced: bool = False
    rules: list[ZoneRule] = Field(default_factory=list, description="who may be in it, by time; the last that holds counts")


class Barrier(Span):
    """A line that nobody walks through."""

    id: str
    line: LineRef


class Gate(Model):
    """An opening in a barrier, fence or wall. It is open within the given spans only; without any, always."""

    id: str
    at: PointRef
    width: Positive = 4.0
    open: list[Span] = Field(default_factory=list)


class Checkpoint(Span):
    """A row of search lanes that people pass along ``heading``, one at a time a lane."""

    id: str
    at: PointRef
    heading: Finite = Field(description="direction of passing [rad]")
    lanes: Annotated[int, Field(ge=1, le=64)] = 4
    lane_width: Annotated[float, Field(ge=0.7, le=3)] = 1.2
    service: Distribution = Distribution(lognormal=(8.0, 4.0))
    choice: Literal["shortest", "nearest"] = Field(default="shortest", description="which lane people line up for")
    jockeying: bool = Field(default=True, description="the last in a queue moves to one that is shorter by two")
    priority_lanes: Count = Field(default=0, description="lanes, counted from the first, for who cannot take steps only")
    staff_per_lane: Annotated[float, Field(ge=0)] = 2.0

    @model_validator(mode="after")
    def _some_for_all(self) -> Checkpoint:
        if self.priority_lanes >= self.lanes:
            raise ValueError(f"all {self.lanes} lanes have priority; leave one for everybody")
        return self


class OneWay(Span):
    """A street, or an area, that is walked in one direction only."""

    id: str
    street: str | None = None
    direction: Literal["forward", "backward"] = "forward"
    area: AreaRef | None = None
    heading: Finite | None = None

    @model_validator(mode="after")
    def _either(self) -> OneWay:
        if (self.street is None) == (self.area is None) or (self.area is not None and self.heading is None):
            raise ValueError("needs either a street, or an area with a heading")
        return self


class Closure(Span):
    """A street, or an area, that nobody walks on."""

    id: str
    street: str | None = None
    area: AreaRef | None = None

    @model_validator(mode="after")
    def _either(self) -> Closure:
        if (self.street is None) == (self.area is None):
            raise ValueError("needs either a street or an area")
        return self


class Post(Span):
    """A place where staff stand, watch, and start from when something happens."""

    id: str
    at: PointRef
    kind: StaffKind = "steward"
    staff: Annotated[int, Field(ge=1, le=500)] = 2
    stay: Count = Field(default=0, description="staff of it who never leave the post")
    reserve: bool = Field(default=False, description="waits here to be sent, and watches nothing")

    @model_validator(mode="after")
    def _few_enough(self) -> Post:
        if self.stay > self.staff:
            raise ValueError(f"{self.stay} of {self.staff} staff cannot stay at the post")
        return self


class Layout(Model):
    """A named set of changes to the place for the event."""

    title: str = ""
    zones: list[Zone] = Field(default_factory=list)
    barriers: list[Barrier] = Field(default_factory=list)
    gates: list[Gate] = Field(default_factory=list)
    checkpoints: list[Checkpoint] = Field(default_factory=list)
    one_way: list[OneWay] = Field(default_factory=list)
    closures: list[Closure] = Field(default_factory=list)
    posts: list[Post] = Field(default_factory=list)
    rounds: list[Round] = Field(default_factory=list)


class Answer(Model):
    """How one kind of staff answers a call; what is missing is as for all."""

    speed: Positive | None = None
    turnout: Distribution | None = None


class Staff(Model):
    """How staff answer a call."""

    speed: Positive = Field(default=1.6, description="free walking speed on the way to an incident [m/s]")
    turnout: Distribution = Distribution(uniform=(10.0, 30.0))
    kinds: dict[StaffKind, Answer] = Field(default_factory=dict, description="kinds that answer in another way")

    def speed_of(self, kind: StaffKind) -> float:
        """Free walking speed of a kind [m/s]."""
        own = self.kinds.get(kind, Answer()).speed
        return self.speed if own is None else own

    def turnout_of(self, kind: StaffKind) -> Distribution:
        """Time from the call until a unit of a kind sets off [s]."""
        return self.kinds.get(kind, Answer()).turnout or self.turnout


class Incident(Model):
    """Something that happens at a set time.

    A ``help`` incident calls the nearest free staff of a kind and lasts until they have been there for ``on_scene``
    seconds. The other kinds change the layout while the rehearsal runs: ``close_gate`` and ``open_gate`` (object:
    gate), ``lanes_down`` and ``lanes_up`` (object: checkpoint, ``count`` lanes).
    """

    id: str
    at_s: Seconds
    kind: Literal["help", "close_gate", "open_gate", "lanes_down", "lanes_up"] = "help"
    at: PointRef | None = None
    object: str | None = None
    title: str = ""
    staff_kind: StaffKind = "steward"
    staff: Annotated[int, Field(ge=1)] = 1
    on_scene: Distribution = Distribution(constant=180.0)
    count: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _complete(self) -> Incident:
        if self.kind == "help" and self.at is None:
            raise ValueError("a help incident needs `at`, where it happens")
        if self.kind != "help" and self.object is None:
            raise ValueError(f"{self.kind} needs `object`, the gate or checkpoint that it changes")
        return self


class Measure(Model):
    """What to measure beside the standard set: named areas (density) and lines (flow)."""

    areas: dict[str, AreaRef] = Field(default_factory=dict)
    lines: dict[str, LineRef] = Field(default_factory=dict)
    cell: Annotated[float, Field(ge=0.5, le=10)] = Field(default=1.0, description="edge of a map cell [m]")


class Scenario(Model):
    """A rehearsal in a file: everything that defines it."""

    name: str = Field(pattern=r"^[\w][\w .-]*$")
    kind: Literal["event"] = "event"
    title: str = ""
    district: str | None = Field(default=None, description="GeoPackage, relative to the scenario file")
    synthetic: Literal["xichangan"] | None = Field(default=None, description="the built-in district")
    area: AreaRef | None = Field(default=None, description="part of the district that people walk in; all if missing")
    start: datetime
    duration_s: Annotated[float, Field(gt=0, le=172_800)]
    seed: Count = 1
    entries: dict[str, Entry]
    venues: dict[str, Venue]
    demand: dict[str, Demand]
    layouts: dict[str, Layout] = Field(min_length=1)
    staff: Staff = Staff()
    incidents: list[Incident] = Field(default_factory=list)
    measure: Measure = Measure()
    protection: Protection | None = Field(default=None, description="what is to be protected, and by what promises")

    @model_validator(mode="after")
    def _names(self) -> Scenario:
        if (self.district is None) == (self.synthetic is None):
            raise ValueError("name the place: either `district: FILE.gpkg` or `synthetic: xichangan`")
        if self.start.tzinfo is None:
            raise ValueError("`start` needs a time zone, such as 2026-10-01T18:00:00+08:00")
        for name, demand in self.demand.items():
            for entry in (demand.entry, *demand.exits):
                if entry not in self.entries:
                    raise ValueError(f"demand {name} names the entry {entry!r}, which is not among entries "
                                     f"({', '.join(self.entries)})")
            if demand.venue not in self.venues:
                raise ValueError(f"demand {name} names the venue {demand.venue!r}, which is not among venues "
                                 f"({', '.join(self.venues)})")
        for name, layout in self.layouts.items():
            _check_layout(name, layout)
        _check_incidents(self.layouts, self.incidents)
        return self


def _check_layout(name: str, layout: Layout) -> None:
    seen: set[str] = set()
    for parts in (layout.zones, layout.barriers, layout.gates, layout.checkpoints, layout.one_way, layout.closures,
                  layout.posts, layout.rounds):
        for identifier in [part.id for part in parts]:
            if identifier in seen:
                raise ValueError(f"layout {name} has two things with the id {identifier!r}")
            seen.add(identifier)


def _check_incidents(layouts: dict[str, Layout], incidents: list[Incident]) -> None:
    """What an incident changes has to be in one layout at least; in the others it is left out."""
    gates = {gate.id for layout in layouts.values() for gate in layout.gates}
    checkpoints = {checkpoint.id for layout in layouts.values() for checkpoint in layout.checkpoints}
    seen: set[str] = set()
    for incident in incidents:
        if incident.id in seen:
            raise ValueError(f"two incidents have the id {incident.id!r}")
        seen.add(incident.id)
        kind, known = ("gate", gates) if incident.kind.endswith("gate") else ("checkpoint", checkpoints)
        if incident.kind != "help" and incident.object not in known:
            raise ValueError(f"incident {incident.id} names the {kind} {incident.object!r}, which no layout has "
                             f"(there are: {', '.join(sorted(known)) or 'none'})")
