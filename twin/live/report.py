"""What comes in at the door: reports as JSON, many at once, checked against allow-lists that are made from the models.

A report is an observation as a device knows it: ``kind``, ``object``, ``observed_at``, ``value``; a place as
``lon, lat`` (WGS84) or ``x, y`` (metres in the district's CRS); perhaps an ``id`` and ``accuracy_m``. A crowd's value
has the names and units of the Smart Data Models' ``CrowdFlowObserved``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, NotRequired, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, Strict, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

from twin.cases.private import without_personal_numbers
from twin.live.observation import VALUES, Crowd, Kind, Observation, call_sign
from twin.live.row import Row, moment

CROWD_NAMES = {
    "people_count": "peopleCount", "occupancy": "occupancy", "average_crowd_speed": "averageCrowdSpeed",
    "average_headway_time": "averageHeadwayTime", "congested": "congested", "direction": "direction", "density": "density",
    "flow": "flow", "period_s": "period"}
"""Our names of what a crowd is, and those of ``CrowdFlowObserved``; density, flow and period are additions."""
KMH = 3.6
_MESSAGE = 200


def _allowed(model: type[BaseModel], names: Mapping[str, str] | None = None, **other: Any) -> Any:
    """The fields of a model as a TypedDict: the same rules, and several times as quick to check as the model."""
    fields = {}
    for name, field in model.model_fields.items():
        kept: Any = field.annotation
        if field.metadata:
            kept = Annotated[kept, *field.metadata]
        kept = other.get(name, kept)
        fields[(names or {}).get(name, name)] = kept if field.is_required() else NotRequired[kept]
    made = TypedDict(model.__name__ + "Reported", fields)  # type: ignore[misc]
    made.__pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)  # type: ignore[attr-defined]
    return made


def _report(kind: Kind) -> Any:
    """The report of one kind. Values of telemetry are checked by the quick road, all others by their model."""
    model = VALUES[kind]
    if model is Crowd:
        value = _allowed(Crowd, CROWD_NAMES, average_crowd_speed=Annotated[float, Field(ge=0, le=12 * KMH)] | None)
    else:
        value = _allowed(model) if kind == "position" else model
    rules = Observation.model_fields
    # What the models check with functions of ours is checked once for every name, not for every report: `name_problem`.
    name = Annotated[str, *(rule for rule in rules["object"].metadata if not isinstance(rule, AfterValidator))]
    longitude, latitude = Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-90, le=90)]
    fields: dict[str, Any] = {
        "id": NotRequired[Annotated[str, Field(min_length=1, max_length=160, pattern=r"^[\w][\w.:/@#+| -]*$")]],
        "kind": Literal[kind], "object": name, "observed_at": Annotated[AwareDatetime, Strict()],
        "lon": NotRequired[longitude], "lat": NotRequired[latitude], "x": NotRequired[float], "y": NotRequired[float],
        "accuracy_m": NotRequired[Annotated[float, Field(ge=0, le=100_000)]], "value": value}
    made = TypedDict(kind + "Report", fields)  # type: ignore[misc]
    made.__pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)  # type: ignore[attr-defined]
    return made


_REPORTS: dict[Kind, Any] = {kind: _report(kind) for kind in get_args(Kind)}
_UNION: Any = _REPORTS["position"]
for _kind in get_args(Kind)[1:]:
    _UNION = _UNION | _REPORTS[_kind]
Report = Annotated[_UNION, Field(discriminator="kind")]
ONE: TypeAdapter[Any] = TypeAdapter(Report)
MANY: TypeAdapter[Any] = TypeAdapter(list[Report])


def read_array(body: bytes) -> tuple[list[Any], list[tuple[int, str, str]]]:
    """Reports in a JSON array (or one alone). Returns those that are right with None for the others, and the others:
    place in the array, reason, what came. Raises :class:`ValueError` with a sentence if the body is no JSON at all."""
    if body[:64].lstrip()[:1] != b"[":
        body = b"[" + body + b"]"
    try:
        return MANY.validate_json(body), []
    except ValidationError as error:
        if error.errors(include_url=False, include_context=False, include_input=False)[0]["type"].startswith("json_"):
            raise ValueError(f"this is no JSON ({_first(error)})") from None
    return _one_by_one([to_json(item) for item in from_json(body, allow_inf_nan=True)])


def read_lines(lines: Sequence[bytes]) -> tuple[list[Any], list[tuple[int, str, str]]]:
    """Reports, one a line; returned as :func:`read_array` does."""
    try:
        reports = MANY.validate_json(b"[" + b",".join(lines) + b"]")
        if len(reports) == len(lines):
            return reports, []
    except ValidationError:
        pass
    return _one_by_one(lines)


def _one_by_one(items: Sequence[bytes]) -> tuple[list[Any], list[tuple[int, str, str]]]:
    reports: list[Any] = []
    wrong: list[tuple[int, str, str]] = []
    for k, item in enumerate(items):
        try:
            reports.append(ONE.validate_json(item))
        except ValidationError as error:
            reports.append(None)
            wrong.append((k, _first(error), item[:4000].decode("utf-8", "replace")))
    return reports, wrong


def _first(error: ValidationError) -> str:
    """The first complaint, in one sentence that repeats nothing of what came."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part not in VALUES)
    return f"{place}: {first['msg']}"[:_MESSAGE] if place else first["msg"][:_MESSAGE]


@lru_cache(maxsize=65_536)
def name_problem(kind: str, name: str) -> str | None:
    """What is wrong with the name of an object, None if nothing is."""
    try:
        without_personal_numbers(name)
        if kind == "position":
            call_sign(name)
    except ValueError as error:
        return str(error)
    return None


def value_text(kind: str, value: Any) -> str:
    """The value of a checked report as the log keeps it: JSON in the model's own names and units, no nulls."""
    if kind == "crowd":
        value = {name: value[edge] for name, edge in CROWD_NAMES.items() if edge in value}
        if value.get("average_crowd_speed") is not None:
            value["average_crowd_speed"] = round(value["average_crowd_speed"] / KMH, 6)
        value = Crowd.model_construct(**value)
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_none=True)
    if None in value.values():
        value = {name: kept for name, kept in value.items() if kept is not None}
    return to_json(value).decode()


def as_report(row: Row, lonlat: tuple[float, float] | None) -> dict[str, Any]:
    """An observation as it leaves at the edge: WGS84 where a place is known, a crowd in ``CrowdFlowObserved``'s names."""
    value = from_json(row.value)
    if row.kind == "crowd":
        value = {CROWD_NAMES[name]: kept for name, kept in value.items()}
        if "averageCrowdSpeed" in value:
            value["averageCrowdSpeed"] = round(value["averageCrowdSpeed"] * KMH, 6)
    told: dict[str, Any] = {
        "id": row.id, "stream": row.stream, "source": row.source, "kind": row.kind, "object": row.object,
        "observed_at": moment(row.observed_at).isoformat(), "received_at": moment(row.received_at).isoformat(),
        "x": row.x, "y": row.y, "accuracy_m": row.accuracy_m, "grid": row.grid, "value": value, "seq": row.seq}
    if lonlat is not None:
        told["lon"], told["lat"] = lonlat
    return told


