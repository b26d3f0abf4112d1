"""The door: what feeds bring is checked, placed and timed; what cannot be taken in is refused with the reason.

One bad report never keeps out the others of its batch. What is refused is counted and goes to the quarantine.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import Transformer

from twin.errors import BadInput, HutongError
from twin.live.bulk import Columns, columns_as_rows, read_columns
from twin.live.clock import Clock
from twin.live.grids import GridFinder
from twin.live.observation import LIVE
from twin.live.report import name_problem, read_array, read_lines, value_text
from twin.live.row import Row
from twin.places import District
from twin.store import Log, Receipt, Refusal
from twin.store.commit import Done

AHEAD = timedelta(minutes=5)
"""How far a device's clock may be ahead of ours."""
BEHIND = timedelta(days=30)
"""How old a live report may be."""
NEARBY_M = 2000.0
"""How far outside the district's bounds a place may lie."""
MOST_REPORTS = 50_000
"""In one batch."""
MOST_REASONS = 200
"""Different reasons that are counted apart: what comes in must not fill the memory."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_NOWHERE = float("nan")
_row = tuple.__new__  # a NamedTuple without the checks of its arguments: there are thousands a second
_TABLES = {"crowd": ("parts", "areas", "streets", "entrances", "grids"), "occupancy": ("bays",), "part": ("parts", "entrances")}
_OPERATIONS_S = 1.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a batch may be stored, and what was refused: place in the batch, reason, what came."""

    rows: list[Row]
    refused: list[tuple[int, str, str]]


@dataclass(slots=True)
class Counts:
    """What came through the door since it was opened."""

    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class Intake:
    """The door of one log, for one district. All methods may be called from several threads.

    Live positions are taken in only within a declared operation (:class:`twin.live.Operation`). Without a district
    nothing is placed: reports carry ``x, y`` or no place.
    """

    def __init__(self, log: Log, district: District | None = None, *, clock: Clock | None = None,
                 stream: str = LIVE, behind: timedelta | None = BEHIND, known_only: bool = True) -> None:
        self.log, self.district, self.stream = log, district, stream
        self.clock = clock or Clock()
        self.counts = Counts()
        self._behind = behind
        self._grids = GridFinder(district) if district is not None else None
        # A floor plan lies nowhere on the earth: there `lon, lat` have no meaning.
        self._project = (Transformer.from_crs(4326, district.crs, always_xy=True)
                         if district is not None and not district.crs.is_engineering else None)
        self._things = {kind: frozenset(str(thing) for table in tables for thing in district.tables[table]["id"])
                        for kind, tables in _TABLES.items()} if district is not None and known_only else {}
        self._bounds = district.bounds if district is not None else (0.0, 0.0, 0.0, 0.0)
        self._operations: tuple[float, list[tuple[int, int, frozenset[str]]]] = (-1.0, [])
        self._lock = threading.Lock()

    # the verbs of feeds

    def take(self, body: bytes, *, source: str, kinds: frozenset[str] | None = None, grids: frozenset[str] | None = None,
             own: str | None = None, lines: bool = False) -> tuple[Receipt, list[tuple[int, str]]]:
        """Store what a body holds (a JSON array or one report; one report a line with ``lines``); durable on return.

        Returns the receipt, and place in the batch and reason of everything that was refused at the door. Raises
        :class:`BadInput` if the body is no JSON or too long, :class:`twin.store.StoreDown` or
        :class:`twin.store.Shed` if nothing of it is stored.
        """
        answer: Future[Receipt] = Future()

        def done(receipt: Receipt | HutongError) -> None:
            if isinstance(receipt, Receipt):
                answer.set_result(receipt)
            else:
                answer.set_exception(receipt)
        taken = self.check(body, source=source, kinds=kinds, grids=grids, own=own, lines=lines)
        self.submit(taken, done, source=source)
        return answer.result(), [(place, reason) for place, reason, _ in taken.refused]

    def check(self, body: bytes, *, source: str, kinds: frozenset[str] | None = None, grids: frozenset[str] | None = None,
              own: str | None = None, lines: bool = False) -> Taken:
        """What of a body may be stored. ``kinds``, ``grids`` and ``own`` limit what the source may report (None: everything):
        kinds, community grids, and the one object that it may report about."""
        columns = read_columns(body, lines=lines)
        if columns is not None:
            if len(columns) > MOST_REPORTS:
                raise _too_many(len(columns))
            return self._admit_columns(columns, source, kinds, grids, own, lines)
        try:
            reports, wrong = read_lines([line for line in body.split(b"\n") if line.strip()]) if lines else read_array(body)
        except ValueError as error:
            self._count(Receipt(refused=1), ["no JSON"])
            raise BadInput(str(error), where="body", mend="send a JSON array of reports, or one report a line") from None
        if len(reports) > MOST_REPORTS:
            raise _too_many(len(reports))
        return self._admit(reports, wrong, source, kinds, grids, own)

    def check_each(self, messages: Sequence[bytes], *, sources: Sequence[str]) -> Taken:
        """What of many messages, each one report of a source of its own, may be stored."""
        reports, wrong = read_lines(messages)
        return self._admit(reports, wrong, sources, None, None)

    def submit(self, taken: Taken, done: Done, *, source: str) -> None:
        """Queue what was checked; ``done`` is called with the receipt for all of it, refusals included."""
        refused = len(taken.refused)
        if refused:
            now = self.clock.now()
            self.log.quarantine([Refusal(now, self.stream, source, reason, came) for _, reason, came in taken.refused])

        def counted(receipt: Receipt | HutongError) -> None:
            if isinstance(receipt, Receipt):
                receipt = receipt + Receipt(refused=refused)
                self._count(receipt, [reason for _, reason, _ in taken.refused])
            done(receipt)
        self.log.submit(taken.rows, counted)

    # the checks

    def _admit(self, reports: list[Any], wrong: list[tuple[int, str, str]], source: str | Sequence[str],
               kinds: frozenset[str] | None, scope: frozenset[str] | None, own: str | None = None) -> Taken:
        """Place, time and name what was read; refuse what cannot be."""
        received = (self.clock.now() - _EPOCH) // _US
        newest = received + AHEAD // _US
        oldest = received - self._behind // _US if self._behind is not None else 0
        times = [0 if report is None else round(report["observed_at"].timestamp() * 1e6) for report in reports]
        covered = self._covered(times)
        refused = list(wrong)
        x, y, problems = self._places(reports)
        grids = self._grids.find(x, y) if self._grids is not None else [None] * len(reports)
        xs, ys = x.tolist(), y.tolist()
        stream, things, one = self.stream, self._things, source if isinstance(source, str) else None
        rows: list[Row] = []
        for k, report in enumerate(reports):
            if report is None:
                continue
            kind, thing = report["kind"], report["object"]
            at = times[k]
            problem = problems.get(k) or name_problem(kind, thing)
            if problem is None:
                if at > newest:
                    problem = f"observed_at is {_span(at - received)} ahead of this server's clock"
                elif at < oldest:
                    problem = f"observed_at is {_span(received - at)} ago"
                elif kinds is not None and kind not in kinds:
                    problem = f"this source may not report {kind}"
                elif own is not None and thing != own:
                    problem = "this account reports about its own unit alone"
                elif scope is not None and grids[k] not in scope:
                    problem = "this source may not report from there"
                elif kind in things and thing not in things[kind]:
                    problem = f"the district has no {kind} object of this id"
                elif kind == "position":
                    if xs[k] != xs[k]:
                        problem = "a position needs a place"
                    elif not (covered or self._follows(thing, at)):
                        problem = "no declared operation covers this unit at this time"
            if problem is not None:
                refused.append((k, problem, _told(report)))
                continue
            came_from = one or source[k]
            its_id = report.get("id") or f"{kind}/{thing}/{at}"
            px, py = (xs[k], ys[k]) if xs[k] == xs[k] else (None, None)
            rows.append(_row(Row, (f"{came_from}/{its_id}", stream, came_from, kind, thing, at, received, px, py,
                                   report.get("accuracy_m"), grids[k], value_text(kind, report["value"]), 0)))
        return Taken(rows, refused)

    def _admit_columns(self, columns: Columns, source: str, kinds: frozenset[str] | None, scope: frozenset[str] | None,
                       own: str | None, lines: bool) -> Taken:
        """Take in what came as columns; whatever is not right there is looked at again by itself, for the reason."""
        received = (self.clock.now() - _EPOCH) // _US
        kind, at = columns.kind, columns.at
        fine = columns.fine & (at <= received + AHEAD // _US)
        if self._behind is not None:
            fine &= at >= received - self._behind // _US
        x, y, placed = self._placed(columns)
        fine &= placed
        if kind == "position":
            fine &= ~np.isnan(x)
            fine &= self._covers(at, fine)
        if kinds is not None and kind not in kinds:
            fine[:] = False
        if own is not None:
            fine &= pc.fill_null(pc.equal(columns.objects, own), False).to_numpy(zero_copy_only=False)
        if kind in self._things:
            known = pa.array(sorted(self._things[kind]), pa.string())
            fine &= pc.is_in(columns.objects, value_set=known).to_numpy(zero_copy_only=False)
        grids = self._grids.find(x, y) if self._grids is not None else [None] * len(x)
        if scope is not None:
            fine &= np.array([grid in scope for grid in grids], bool)
        rows = columns_as_rows(columns, stream=self.stream, source=source, received=received, x=x, y=y, grids=grids)
        if fine.all():
            return Taken(rows, [])
        again = np.flatnonzero(~fine).tolist()
        each_line = columns.lines()
        raw = [each_line[k] for k in again]
        left = self._admit(*(read_lines(raw) if lines else read_array(b"[" + b",".join(raw) + b"]")), source, kinds, scope, own)
        refused = [(again[k], reason, came) for k, reason, came in left.refused]
        out = {place for place, _, _ in refused}
        each: list[Row | None] = [row if right else None for row, right in zip(rows, fine.tolist(), strict=True)]
        for place, row in zip([place for place in again if place not in out], left.rows, strict=True):
            each[place] = row
        return Taken([row for row in each if row is not None], refused)

    def _placed(self, columns: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places ``x, y (n,)`` [m] of columns, NaN where there is none, and which of them (n,) are right for sure."""
        x, y, lon, lat = (columns.places[name].copy() for name in ("x", "y", "lon", "lat"))
        metres, degrees = ~np.isnan(x) & ~np.isnan(y), ~np.isnan(lon) & ~np.isnan(lat)
        nowhere = np.isnan(x) & np.isnan(y), np.isnan(lon) & np.isnan(lat)
        right = (metres & nowhere[1]) | (nowhere[0] & nowhere[1])
        if degrees.any() and self._project is not None:
            inside = degrees & nowhere[0] & (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
            x[inside], y[inside] = self._project.transform(lon[inside], lat[inside])
            right |= inside
        if self.district is not None:
            west, south, east, north = self._bounds
            right &= ~((x < west - NEARBY_M) | (x > east + NEARBY_M) | (y < south - NEARBY_M) | (y > north + NEARBY_M))
        x[~right], y[~right] = np.nan, np.nan
        return np.round(x, 2), np.round(y, 2), right

    def _covers(self, at: np.ndarray, fine: np.ndarray) -> np.ndarray | bool:
        """Whether one declared operation without names of units covers the times (n,) of all that is fine so far, or none is
        asked for: the usual case. Where it is not so, each is looked at by itself."""
        if self.stream != LIVE or not fine.any():
            return True
        first, last = int(at[fine].min()), int(at[fine].max())
        return any(start <= first and last <= end and not units for start, end, units in self._declared())

    def _covered(self, times: list[int]) -> bool:
        """Whether positions of any unit may be taken in at all of these times: the usual case, and quick to tell."""
        if self.stream != LIVE:
            return True
        first, last = min((at for at in times if at), default=0), max(times, default=0)
        return any(start <= first and last <= end and not units for start, end, units in self._declared())

    def _follows(self, unit: str, at: int) -> bool:
        """Whether a declared operation covers a unit at a moment [us]."""
        return any(start <= at <= end and (not units or unit in units) for start, end, units in self._operations[1])

    def _places(self, reports: list[Any]) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
        """Places ``x, y (n,)`` [m] of reports, NaN where there is none, and what is wrong with some."""
        problems: dict[int, str] = {}
        n = len(reports)
        xs, ys = [_NOWHERE] * n, [_NOWHERE] * n
        lonlat: list[int] = []
        lon: list[float] = []
        lat: list[float] = []
        for k, report in enumerate(reports):
            if report is None:
                continue
            metres, degrees = ("x" in report) + ("y" in report), ("lon" in report) + ("lat" in report)
            if metres == 2 and not degrees:
                xs[k], ys[k] = report["x"], report["y"]
            elif degrees == 2 and not metres:
                lonlat.append(k)
                lon.append(report["lon"])
                lat.append(report["lat"])
            elif metres or degrees:
                problems[k] = "a place is lon and lat, or x and y"
        x, y = np.array(xs, float), np.array(ys, float)
        if lonlat and self._project is not None:
            x[lonlat], y[lonlat] = self._project.transform(lon, lat)
        elif lonlat:
            problems |= dict.fromkeys(lonlat, "this district lies nowhere on the earth: give x and y in metres")
        if self.district is not None:
            west, south, east, north = self._bounds
            outside = np.isfinite(x) | np.isinf(x)
            outside &= (x < west - NEARBY_M) | (x > east + NEARBY_M) | (y < south - NEARBY_M) | (y > north + NEARBY_M)
            for k in np.flatnonzero(outside).tolist():
                problems[k] = f"the place lies outside the district {self.district.name}"
        return np.round(x, 2), np.round(y, 2), problems

    def _declared(self) -> list[tuple[int, int, frozenset[str]]]:
        """Start and end [us] and units of the declared operations, at most a second old."""
        now = time.monotonic()
        if not 0 <= now - self._operations[0] < _OPERATIONS_S:
            self._operations = (now, [((op.start - _EPOCH) // _US, (op.end - _EPOCH) // _US, frozenset(op.units))
                                      for op in self.log.operations()])
        return self._operations[1]

    def _count(self, receipt: Receipt, reasons: list[str]) -> None:
        with self._lock:
            self.counts.stored += receipt.stored
            self.counts.duplicates += receipt.duplicates
            self.counts.refused += receipt.refused
            for reason in reasons:
                known = reason in self.counts.reasons or len(self.counts.reasons) < MOST_REASONS
                self.counts.reasons[reason if known else "other reasons"] += 1


def _too_many(reports: int) -> BadInput:
    return BadInput(f"{reports:,} reports at once", where="body", mend=f"send at most {MOST_REPORTS:,} in one batch")


def _span(microseconds: int) -> str:
    seconds = microseconds / 1e6
    if seconds < 7200:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.0f} h" if seconds < 200_000 else f"{seconds / 86400:.0f} days"


def _told(report: dict[str, Any]) -> str:
    from pydantic_core import to_json
    return to_json(report).decode()

