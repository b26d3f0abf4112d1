"""The live twin for the application: the log, what it comes to now, and the district that it is of."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from twin.errors import HutongError
from twin.guard import Audit, Grids
from twin.live import LIVE, Observation, Operation
from twin.live.row import Row
from twin.live.state import STALE_S, State
from twin.patrol.ground import FootGround
from twin.places import District
from twin.store import Log, query
from viz.live.picture import Fold, Picture, Thing, picture
from viz.live.positions import FREE, NEITHER, ON_CASE, Positions
from viz.live.series import Series

log = logging.getLogger("hutong.viz")

SERIES_S = 24 * 3600.0
BACKFILLED_ROWS = 1_000_000
RECENT_S = 900.0
"""How long before a past moment a unit may have been heard of last, to be shown in it [s]."""
_STATUS = {"free": FREE, "busy": ON_CASE}


class Live:
    """One stream of a log as it is now, and as it was at any moment. All methods may be called from several threads.

    ``name`` is the name under which the library serves the district, ``place`` what a scenario calls it:
    ``synthetic:NAME`` or the path of its file. ``clock`` tells the time [s since 1970]: the
    live picture is of now, whatever the newest report is.
    """

    def __init__(self, store: Log, district: District, name: str, *, place: str = "synthetic:xichangan",
                 stream: str = LIVE, clock: Callable[[], float] = time.time) -> None:
        self.log, self.district, self.name, self.stream, self.clock = store, district, name, stream, clock
        self.place = place
        self.grids = Grids.of(district)
        self.runs_folder: Path | None = None  # where rehearsals from now are kept
        self.audit: Audit | None = None  # set where there is a guard
        self.looks: dict[tuple[str, str, str], float] = {}  # who looked at what, and when that was written down
        self.looks_lock = threading.Lock()
        self.origin = district.origin
        self.stale_s = STALE_S["position"]
        self.positions, self.series = Positions(), Series()
        self._fold = Fold(self.origin)
        self._units: dict[str, Thing] = {}
        self._lock, self._foot_lock = threading.RLock(), threading.Lock()
        self._coming: queue.SimpleQueue[Sequence[Row] | None] = queue.SimpleQueue()
        self._operations: tuple[float, list[Operation]] = (-1e9, [])
        self._closed = threading.Event()
        self._unwatch = store.watch(self._coming.put)
        self._take(store.latest_rows(query(stream, kinds=["crowd", "occupancy", "part"])))
        self._take(store.read_rows(query(stream, kinds=["case", "alarm", "note"])))
        since = datetime.fromtimestamp(clock() - 3600, UTC)
        self._take(store.latest_rows(query(stream, kinds=["position"], since=since)))
        self._worker = threading.Thread(target=self._follow, name="hutong-live", daemon=True)
        self._worker.start()
        self._reader = threading.Thread(target=self._backfill, name="hutong-curves", daemon=True)
        self._reader.start()

    # what comes in

    def _follow(self) -> None:
        while (rows := self._coming.get()) is not None:
            try:
                self._take([row for row in rows if row.stream == self.stream])
            except Exception:  # one bad row must not end the picture
                log.exception("a commit could not be shown")

    def _take(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        moved = [row for row in rows if row.kind == "position"]
        if moved:
            self._move(moved)
        with self._lock:
            before = self._fold.version
            self._fold.take_all(row for row in rows if row.kind != "position")
            if self._fold.version != before and any(row.kind == "case" for row in rows):
                self._mark_busy()
        self.series.take(rows)

    def _move(self, rows: Sequence[Row]) -> None:
        values = put_positions(self.positions, rows, self.origin)
        with self._lock:
            for row, value in zip(rows, values, strict=True):
                known = self._units.get(row.object)
                if known is None or row.observed_at / 1e6 >= known.at_s:
                    self._units[row.object] = self._unit(row, value)

    def _mark_busy(self) -> None:
        sent = {unit for case in self._fold.book if case.is_open for unit in case.units}
        self.positions.put_on_cases(sent)

    def _backfill(self) -> None:
        """Read the last day's counts for the curves, an hour at a time, newest first."""
        now, read = self.clock(), 0
        for hour in range(int(SERIES_S // 3600)):
            if self._closed.is_set():
                return
            until = datetime.fromtimestamp(now - 3600 * hour, UTC)
            kinds = ["crowd", "position"] if hour == 0 else ["crowd"]
            try:
                part: list[Row] = []
                for row in self.log.read_rows(query(self.stream, since=until - timedelta(hours=1), until=until, kinds=kinds)):
                    part.append(row)
                    read += 1
                    if self._closed.is_set() or read > BACKFILLED_ROWS:
                        return
            except HutongError:
                return  # the store went away; the curves begin now
            self.series.take(part)

    # what is seen

    @cached_property
    def foot(self) -> FootGround:
        """The ground on foot, made when it is first asked for."""
        with self._foot_lock:
            return FootGround.of(self.district)

    def now(self) -> float:
        """The time of the live picture [s since 1970]."""
        return self.clock()

    @property
    def version(self) -> int:
        """Counts what was taken in, positions left out."""
        return self._fold.version

    def picture(self, at_s: float | None = None, *, grids: Collection[str] | None = None, may_units: bool = True,
                may_cases: bool = True) -> Picture:
        """The district now, or as it was at a moment [s since 1970], as far as a scope reaches."""
        if at_s is not None:
            fold, units = self._past(at_s)
            return picture(fold, units, at_s, live=False, grids=grids, may_units=may_units, may_cases=may_cases)
        with self._lock:
            units = list(self._units.values()) if may_units else []
            return picture(self._fold, units, self.now(), live=True, grids=grids, may_units=may_units, may_cases=may_cases)

    def _unit(self, row: Row, value: dict[str, Any]) -> Thing:
        assert row.x is not None
        assert row.y is not None
        return Thing(row.object, "position", row.observed_at / 1e6, row.source, row.x - self.origin[0],
                     row.y - self.origin[1], row.accuracy_m, row.grid, value)

    def _past(self, at_s: float) -> tuple[Fold, list[Thing]]:
        moment = datetime.fromtimestamp(at_s, UTC)
        fold = Fold(self.origin)
        until = moment + timedelta(microseconds=1)
        fold.take_all(self.log.read_rows(query(self.stream, until=until, kinds=["case", "alarm", "note"])))
        rows = State.at(self.log, self.stream, moment).rows()
        fold.take_all(row for row in rows if row.kind in ("crowd", "occupancy", "part"))
        recent = int((at_s - RECENT_S) * 1e6)
        return fold, [self._unit(row, json.loads(row.value)) for row in rows
                      if row.kind == "position" and row.observed_at >= recent]

    def way_to(self, at_s: float, span_s: float, steps: int) -> list[tuple[float, Positions]]:
        """Positions at several moments that end at ``at_s``, oldest first, for a trail."""
        until = datetime.fromtimestamp(at_s, UTC) + timedelta(microseconds=1)
        since = datetime.fromtimestamp(at_s - span_s, UTC)
        recent = int((at_s - RECENT_S) * 1e6)
        rows = [row for row in State.at(self.log, self.stream, since).rows()
                if row.kind == "position" and row.observed_at >= recent]
        later = list(self.log.read_rows(query(self.stream, since=since, until=until, kinds=["position"])))
        positions = Positions()
        put_positions(positions, rows, self.origin)
        way: list[tuple[float, Positions]] = []
        for k in range(1, steps + 1):
            moment_s = at_s - span_s + span_s * k / steps
            limit = int(moment_s * 1e6)
            due = [row for row in later if row.observed_at <= limit]
            later = later[len(due):]
            put_positions(positions, due, self.origin)
            way.append((moment_s, positions.copy()))
        return way

    # what is done

    def report(self, kind: str, thing: str, value: BaseModel, *, source: str, at: tuple[float, float] | None = None,
               grid: str | None = None) -> Observation:
        """Write one observation from the desk to the log; it is durable when this returns. ``at`` is local metres."""
        moment = datetime.fromtimestamp(self.now(), UTC)
        place: dict[str, Any] = {} if at is None else {"x": at[0] + self.origin[0], "y": at[1] + self.origin[1]}
        made = Observation(id=f"desk-{uuid.uuid4().hex[:20]}", stream=self.stream, source=source, kind=kind,  # type: ignore[arg-type]
                           object=thing, observed_at=moment, received_at=moment, grid=grid, value=value, **place)  # type: ignore[arg-type]
        self.log.append([made])
        return made

    def check_step(self, step: Any) -> None:
        """Raise :class:`twin.cases.Refused` if a case does not allow a step now."""
        with self._lock:
            self._fold.book.check(step, datetime.fromtimestamp(self.now(), UTC))

    def operation(self, at_s: float | None = None) -> Operation | None:
        """The declared operation at a moment, now if none is given: only within one may positions be shown."""
        now = time.monotonic()
        if now - self._operations[0] > 2.0:
            self._operations = (now, self.log.operations())
        moment = datetime.fromtimestamp(self.now() if at_s is None else at_s, UTC)
        return next((op for op in reversed(self._operations[1]) if op.start <= moment <= op.end), None)

    def declare(self, operation: Operation) -> None:
        """Declare an operation, or change the one with its id."""
        self.log.declare(operation)
        self._operations = (-1e9, [])

    def close(self) -> None:
        """Stop following and reading; the log stays open."""
        self._closed.set()
        self._unwatch()
        self._coming.put(None)
        self._worker.join(timeout=30)
        self._reader.join(timeout=30)


def put_positions(positions: Positions, rows: Sequence[Row], origin: tuple[float, float]) -> list[dict[str, Any]]:
    """Put rows of kind ``position`` into columns of local metres; returns the value of each."""
    values: list[dict[str, Any]] = [json.loads(row.value) for row in rows]
    if rows:
        positions.put([row.object for row in rows], [row.x - origin[0] for row in rows if row.x is not None],
                      [row.y - origin[1] for row in rows if row.y is not None], [row.observed_at / 1e6 for row in rows],
                      [row.accuracy_m for row in rows], [row.grid for row in rows], [v.get("heading") for v in values],
                      [_STATUS.get(v.get("status", "free"), NEITHER) for v in values])
    return values
