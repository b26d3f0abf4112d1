"""REST of the live twin: observations in and out, the state at a moment, operations, and what was refused.

A report that cannot be used is refused by itself, with the reason; the rest of its batch is stored. The answer comes
after the commit: what was answered with ``stored`` survives a power cut.
"""

from __future__ import annotations

import asyncio
import threading
import zlib
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, Field
from pyproj import Transformer

from twin.errors import BadInput
from twin.guard import Grids, Permission, Principal, Role
from twin.live import KINDS, LIVE, Kind, Operation, State, drill
from twin.live.intake import Intake
from twin.live.report import ONE, as_report
from twin.live.row import Row
from twin.places import District
from twin.store import Log, Shed, StoreDown, query
from viz.guard import principal_of

MIB = 1024 * 1024
MOST_BODY = 16 * MIB
"""Longest body, after unpacking [bytes]."""
MOST_REASONS = 100
"""Refusals that an answer names; all of them are counted."""
AT_ONCE = 3
"""Bodies that are read at the same time; others wait their turn."""
MOST_DRILLS = 16
"""Drills whose intake is kept at hand."""
LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

Limit = Annotated[int, Query(ge=1, le=10_000)]
Stream = Annotated[str, Query(max_length=140, pattern=r"^[^\x00]*$", description="live, drill:NAME or sim:RUN")]
Moment = Annotated[AwareDatetime | None, Query(description="with the offset from UTC")]


class Live(Protocol):
    """What the routes need of the live twin."""

    log: Log
    district: District


class Refused(BaseModel):
    """A report that was not taken in: its place in the batch, counted from 0, and why."""

    place: int
    reason: str


class Outcome(BaseModel):
    """What became of a batch. ``duplicates`` were known already with the same content and are acknowledged too."""

    stored: int
    duplicates: int
    refused: int
    reasons: list[Refused] = Field(description=f"the first {MOST_REASONS}")


class QuarantineLine(BaseModel):
    """Something that was refused, as it came."""

    seq: int
    received_at: datetime
    stream: str
    source: str
    reason: str
    body: str


class Doors:
    """The intake of each stream that reports come in for, and who may see what."""

    def __init__(self, live: Live) -> None:
        self.log, self.district = live.log, live.district
        self.intake: Intake = getattr(live, "intake", None) or Intake(live.log, live.district)
        self.grids = Grids.of(live.district)
        self.turns = asyncio.Semaphore(AT_ONCE)
        self._drills: dict[str, Intake] = {}
        self._lock = threading.Lock()
        crs = live.district.crs
        self._lonlat = None if crs.is_engineering else Transformer.from_crs(crs, 4326, always_xy=True)

    def into(self, stream: str) -> Intake:
        """The intake of a stream. Recordings that are played into a drill may be old, and from elsewhere."""
        if stream == LIVE:
            return self.intake
        if not stream.startswith("drill:"):
            raise BadInput(f"reports cannot come in for the stream {stream!r}", mend="say live or drill:NAME")
        with self._lock:
            known = self._drills.get(stream)
            if known is None:
                known = Intake(self.log, self.district, clock=self.intake.clock, stream=drill(stream.removeprefix("drill:")),
                               behind=None, known_only=False)
                while len(self._drills) >= MOST_DRILLS:
                    self._drills.popitem()
                self._drills[stream] = known
        return known

    def told(self, rows: list[Row]) -> list[dict[str, Any]]:
        """Rows as they leave: WGS84 beside the district's metres."""
        placed = [k for k, row in enumerate(rows) if row.x is not None]
        where: dict[int, tuple[float, float]] = {}
        if self._lonlat is not None and placed:
            lon, lat = self._lonlat.transform([rows[k].x for k in placed], [rows[k].y for k in placed])
            where = {k: (round(a, 7), round(b, 7)) for k, a, b in zip(placed, lon, lat, strict=True)}
        return [as_report(row, where.get(k)) for k, row in enumerate(rows)]

    def kinds(self, principal: Principal, asked: list[Kind] | None) -> frozenset[str]:
        """Kinds that somebody may read, of those that are asked for."""
        hidden = set()
        if not principal.may(Permission.POSITIONS_READ):
            hidden.add("position")
        if not principal.may(Permission.CASES_READ):
            hidden.add("case")
        return frozenset(asked or KINDS) - hidden


def add_observation_api(server: FastAPI, live: Live) -> None:
    """Add the routes of the live twin to an application."""
    doors = Doors(live)
    for routes in (_in(doors), _out(doors)):
        server.include_router(routes, prefix="/api")

    async def down(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=503, headers={"Retry-After": "1"})

    server.add_exception_handler(StoreDown, down)
    server.add_exception_handler(Shed, down)


def _in(doors: Doors) -> APIRouter:
    routes = APIRouter(tags=["live"])

    @routes.post("/observations", openapi_extra={"requestBody": {"required": True, "content": _bodies()}},
                 responses={413: {"description": "longer than 16 MiB unpacked"}, 415: {"description": "packed in another way"},
                            503: {"description": "nothing of it is stored: send it again"}})
    async def post_observations(request: Request, stream: Stream = LIVE) -> Outcome:
        """Report one observation, or many: a JSON array, or one report a line (``application/x-ndjson``); gzip may be used.

        Answered after the commit. The same report twice is stored once. The source is the one of the token that a feed
        shows, or the account: field accounts report about their own unit alone. A feed, and whoever leads drills, may
        report into the stream of a drill.
        """
        principal = principal_of(request)
        if stream == LIVE and not principal.may(Permission.OBSERVATIONS_WRITE):
            return _problem(403, "you may report into the streams of drills, not into the live one.")  # type: ignore[return-value]
        if stream != LIVE and principal.source is None and not principal.may(Permission.DRILL_LEAD):
            return _problem(403, "only feeds, and whoever leads drills, may report into other streams than live.")  # type: ignore[return-value]
        intake = doors.into(stream)
        packed = await request.body()
        lines = request.headers.get("content-type", "").partition(";")[0].strip().lower() in LINES
        how = request.headers.get("content-encoding", "identity").strip().lower()
        if how not in ("identity", "gzip"):
            return _problem(415, f"a body packed with {how[:40]!r} cannot be read; send gzip or plain JSON.")  # type: ignore[return-value]
        async with doors.turns:
            body = await asyncio.to_thread(_unpacked, packed) if how == "gzip" else packed
            if body is None or len(body) > MOST_BODY:
                return _problem(413, "the body is longer than 16 MiB; send less at once.")  # type: ignore[return-value]
            receipt, refused = await asyncio.to_thread(
                intake.take, body, source=principal.source or principal.name, kinds=principal.kinds,
                grids=principal.scope(doors.grids), own=_own(principal, stream), lines=lines)
        return Outcome(stored=receipt.stored, duplicates=receipt.duplicates, refused=receipt.refused,
                       reasons=[Refused(place=place, reason=reason) for place, reason in refused[:MOST_REASONS]])

    @routes.get("/operations")
    def list_operations() -> list[Operation]:
        """Operations that were declared: the only times at which live positions are taken in."""
        return doors.log.operations()

    @routes.post("/operations")
    def declare_operation(operation: Operation) -> Operation:
        """Declare an operation, or change the one with its id."""
        doors.log.declare(operation)
        return operation

    return routes


def _out(doors: Doors) -> APIRouter:
    routes = APIRouter(tags=["live"])

    @routes.get("/observations")
    def list_observations(request: Request, stream: Stream = LIVE, since: Moment = None, until: Moment = None,
                          kind: Annotated[list[Kind] | None, Query()] = None,
                          thing: Annotated[str | None, Query(alias="object", max_length=120, pattern=r"^[^\x00]*$")] = None,
                          bounds: Annotated[str | None, Query(description="west,south,east,north in metres")] = None,
                          after: Annotated[int | None, Query(ge=0, le=2**62, description="seq of the last one read")] = None,
                          limit: Limit = 1000) -> list[dict[str, Any]]:
        """Observations in your scope, in order of time; with ``after`` in the order in which they were stored."""
        principal = principal_of(request)
        asked = query(stream, since=since, until=until, kinds=doors.kinds(principal, kind), object=thing, bounds=_box(bounds),
                      grids=principal.scope(doors.grids), after=after, limit=limit)
        return doors.told(list(doors.log.read_rows(asked)))

    @routes.get("/observations/state")
    def get_state(request: Request, stream: Stream = LIVE, at: Moment = None) -> list[dict[str, Any]]:
        """What was known in your scope at a moment (now if none is given): the newest of everything, with its age."""
        principal = principal_of(request)
        now = at or doors.intake.clock.now()
        scope, kinds = principal.scope(doors.grids), doors.kinds(principal, None)
        state = State.at(doors.log, stream, now)
        known = {(one.kind, one.object): one for one in state.known(now)}
        rows = [row for row in state.rows() if row.kind in kinds and (scope is None or row.grid in scope)]
        return [told | {"age_s": known[row.kind, row.object].age_s, "stale": known[row.kind, row.object].stale}
                for row, told in zip(rows, doors.told(rows), strict=True)]

    @routes.get("/quarantine")
    def list_quarantine(after: Annotated[int, Query(ge=0, le=2**62)] = 0, limit: Limit = 1000) -> list[QuarantineLine]:
        """What was refused, and why, in order."""
        return [QuarantineLine(seq=r.seq, received_at=r.received_at, stream=r.stream, source=r.source, reason=r.reason,
                               body=r.body) for r in doors.log.read_quarantine(after=after, limit=limit)]

    @routes.get("/live/health")
    def get_health() -> dict[str, Any]:
        """How the log keeps up, and what is wrong."""
        pace, counts = doors.log.pace(), doors.intake.counts
        troubles = [trouble for trouble in (pace.trouble, doors.intake.clock.trouble) if trouble]
        return {"well": not troubles, "says": troubles, "waiting": pace.waiting, "shed": pace.shed,
                "commit_p50_ms": pace.p50_ms, "commit_p99_ms": pace.p99_ms, "stored": counts.stored,
                "duplicates": counts.duplicates, "refused": counts.refused, "reasons": dict(counts.reasons.most_common(20))}

    return routes


def _own(principal: Principal, stream: str) -> str | None:
    """The one unit that somebody may report about, None for everything: whoever is on shift and nothing else."""
    if principal.source is not None or Role.COMMANDER in principal.roles:
        return None
    if stream != LIVE and principal.may(Permission.DRILL_LEAD):
        return None
    return principal.name


def _unpacked(body: bytes) -> bytes | None:
    """A gzip body unpacked, None if it unpacks to more than may come: a small body can hold a very long one."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = unpacker.decompress(body, MOST_BODY + 1)
    except zlib.error:
        raise BadInput("this is not gzip", where="body", mend="pack it anew, or send it as it is") from None
    if len(plain) > MOST_BODY:
        return None
    if not unpacker.eof:
        raise BadInput("the gzip body is cut short", where="body", mend="send it again")
    return plain


def _box(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise BadInput("these are no bounds", where="bounds", mend="give west,south,east,north in metres") from None
    return west, south, east, north


def _problem(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=status)


def _bodies() -> dict[str, Any]:
    """What may be posted, for the API description."""
    schema = ONE.json_schema()
    one = _inlined(schema, schema.get("$defs", {}))
    one.pop("discriminator", None)
    return {"application/json": {"schema": {"anyOf": [{"type": "array", "items": one}, one]}},
            "application/x-ndjson": {"schema": {"type": "string", "description": "one report a line"}}}


def _inlined(schema: Any, named: dict[str, Any]) -> Any:
    """A JSON Schema with what it refers to written out."""
    if isinstance(schema, list):
        return [_inlined(part, named) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(named[schema["$ref"].rpartition("/")[2]], named)
    return {key: _inlined(part, named) for key, part in schema.items() if key not in ("$defs", "discriminator")}
