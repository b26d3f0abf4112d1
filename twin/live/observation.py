"""The observation: one thing that was reported. The same for patrols, cameras, case workers, drills and simulations.

What a value may hold is allow-listed by kind, in SI units. Nothing here can hold a name, a telephone or identity
number, a plate, a face or any other attribute of a resident: field workers are call-signs on shift.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from twin.cases.private import without_personal_numbers, without_personal_text
from twin.cases.step import CaseStep
from twin.errors import BadInput

Kind = Literal["position", "crowd", "occupancy", "case", "part", "alarm", "note"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TELEMETRY: frozenset[Kind] = frozenset({"position", "crowd", "occupancy"})
"""Kinds that come by the second: older than an hour they roll to Parquet segments."""
SHED: frozenset[Kind] = frozenset({"position"})
"""Kinds of which old ones may be passed over under pressure. Cases and alarms never are."""
LIVE = "live"
GPS_ACCURACY_M = 5.0
TAU = 2 * math.pi

_STREAM = r"^(live|drill:[A-Za-z0-9][A-Za-z0-9_.-]{0,63}|sim:[A-Za-z0-9][A-Za-z0-9_. -]{0,127})$"
_TOKEN = r"^[\w][\w.:/@#+ -]{0,119}$"
_CALL_SIGN = re.compile(r"^[A-Za-z][A-Za-z-]{0,11}[0-9]{0,4}(?:[.-][A-Za-z0-9]{1,4}){0,3}$")

Token = Annotated[str, Field(min_length=1, max_length=120, pattern=_TOKEN), AfterValidator(without_personal_numbers)]
"""The id of a thing: a camera, a lot, a case, a grid."""


def call_sign(text: str) -> str:
    """A call-sign such as P-12, MED3 or chaonei-07: Latin letters, at most four digits together, no words of a name."""
    if not _CALL_SIGN.match(text):
        raise ValueError("a unit is named by its call-sign, such as P-12: Latin letters, then at most four digits")
    return text


CallSign = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(call_sign)]
Text = Annotated[str, Field(max_length=280), AfterValidator(without_personal_text)]


class _Allowed(BaseModel):
    """Nothing but the declared fields, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Position(_Allowed):
    """Where a unit on shift is; the place itself is ``x, y`` of the observation."""

    speed: Annotated[float, Field(ge=0, le=70)] | None = Field(default=None, description="m/s")
    heading: Annotated[float, Field(ge=0, le=TAU)] | None = Field(default=None, description="rad, counter-clockwise from east")
    unit: Literal["patrol", "guard", "steward", "medic", "fire", "traffic", "vehicle"] | None = None
    status: Literal["free", "busy", "break", "off"] | None = None


class Crowd(_Allowed):
    """A crowd as a camera or counter sees it.

    The attributes of the Smart Data Models ``CrowdFlowObserved`` in snake_case, with SI units, and density and flow.
    At the edge they carry the model's own names and its km/h (:mod:`twin.live.edge`).
    """

    people_count: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(default=None, description="people seen")
    occupancy: Annotated[float, Field(ge=0, le=1)] | None = Field(default=None, description="fraction of the time occupied")
    average_crowd_speed: Annotated[float, Field(ge=0, le=12)] | None = Field(default=None, description="m/s")
    average_headway_time: Annotated[float, Field(ge=0, le=86_400)] | None = Field(default=None, description="s")
    congested: bool | None = None
    direction: Literal["inbound", "outbound"] | None = None
    density: Annotated[float, Field(ge=0, le=12)] | None = Field(default=None, description="persons/m2")
    flow: Annotated[float, Field(ge=0, le=1000)] | None = Field(default=None, description="persons/s")
    period_s: Annotated[float, Field(gt=0, le=86_400)] | None = Field(default=None, description="length of the count, s")


class Occupancy(_Allowed):
    """Vehicles in a lot, garage or kerb row."""

    occupied: Annotated[int, Field(ge=0, le=100_000)]
    capacity: Annotated[int, Field(gt=0, le=100_000)] | None = None

    @model_validator(mode="after")
    def _plausible(self) -> Occupancy:
        if self.capacity is not None and self.occupied > 1.5 * self.capacity + 5:
            raise ValueError(f"{self.occupied} vehicles cannot stand in {self.capacity} spaces")
        return self


class Part(_Allowed):
    """The state of a grid part (部件): lamp, hydrant, gate, barrier ..."""

    state: Literal["ok", "faulty", "missing", "open", "locked", "blocked", "on", "off", "unknown"]


class Alarm(_Allowed):
    """An alarm and what was done about it. Alarms propose; people decide."""

    state: Literal["raised", "acknowledged", "escalated", "closed"]
    level: Annotated[int, Field(ge=1, le=4)] = Field(description="1 the gravest")
    about: Token | None = Field(default=None, description="camera, zone, unit or case that it is about")
    measure: Literal["density", "flow", "speed", "people_count", "occupancy", "pressure", "silence", "request", "other"] = "other"
    reading: float | None = Field(default=None, description="value of the measure, SI units")
    limit: float | None = Field(default=None, description="value that it passed")
    by: CallSign | None = Field(default=None, description="call-sign or role of whoever acted")
    why: Text | None = None


class Note(_Allowed):
    """A line of the duty log."""

    text: Annotated[str, Field(min_length=1, max_length=280), AfterValidator(without_personal_text)]
    about: Token | None = None
    by: CallSign | None = None


Value = Position | Crowd | Occupancy | CaseStep | Part | Alarm | Note
VALUES: dict[Kind, type[BaseModel]] = {"position": Position, "crowd": Crowd, "occupancy": Occupancy, "case": CaseStep,
                                       "part": Part, "alarm": Alarm, "note": Note}


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


class Observation(_Allowed):
    """One thing that was reported.

    ``id`` is unique within the stream. ``x, y`` are metres in the district's CRS. ``grid`` is the id of the community
    grid that the place lies in, found when the observation was taken in: who may see it is decided by it.
    """

    id: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[\w][\w.:/@#+| -]*$")]
    stream: Annotated[str, Field(pattern=_STREAM, max_length=140)]
    source: Token
    kind: Kind
    object: Token
    observed_at: Moment
    received_at: Moment
    x: float | None = None
    y: float | None = None
    accuracy_m: Annotated[float, Field(ge=0, le=100_000)] | None = None
    grid: Token | None = None
    value: Value

    @field_validator("value", mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("kind")
        if kind is None:
            return value
        model = VALUES[kind]
        if isinstance(value, BaseModel) and type(value) is not model:
            raise ValueError(f"a {kind} observation holds {model.__name__}, not {type(value).__name__}")
        return model.model_validate(value)

    @model_validator(mode="after")
    def _whole(self) -> Observation:
        if (self.x is None) != (self.y is None):
            raise ValueError("x and y belong together")
        if self.kind == "position":
            call_sign(self.object)
            if self.x is None:
                raise ValueError("a position needs a place")
        return self


def drill(name: str) -> str:
    """The stream of a drill."""
    return _stream(f"drill:{name}")


def rehearsal(run: str) -> str:
    """The stream of a simulated run."""
    return _stream(f"sim:{run}")


def _stream(text: str) -> str:
    if not re.match(_STREAM, text):
        raise BadInput(f"{text!r} cannot be the name of a stream", mend="say live, drill:NAME or sim:RUN")
    return text
