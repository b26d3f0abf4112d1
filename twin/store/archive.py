"""Telemetry that lies in segments: rolled out of the table, found again, purged. Part of the log."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace

from twin.live.observation import TELEMETRY
from twin.live.row import Row, moment
from twin.store import segment as parquet
from twin.store.commit import GroupCommit
from twin.store.query import Query
from twin.store.segment import Segment
from twin.store.tables import CONFLICT, DUPLICATE, Selected, Tables

PAGE = 20_000
HOUR = 3_600_000_000  # us
CLEARED_AT_ONCE = 2_000
SEGMENT_ROWS = 1_000_000
KEPT_SEGMENTS = 2  # whose bytes stay in memory


class Archive:
    """The segments of one log. Writing goes through the log's writer; reading may be done by any thread."""

    def __init__(self, tables: Tables, commit: GroupCommit) -> None:
        self._tables, self._commit = tables, commit
        self._rolled: dict[str, int] = {}  # stream -> telemetry before this moment may lie in segments
        self._bytes: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()
        for segment in tables.segments():
            self._rolled[segment.stream] = max(self._rolled.get(segment.stream, 0), segment.until)

    def roll(self, horizon: int) -> int:
        """Move telemetry observed before a moment [us] into segments; returns how many rows moved."""
        for segment in self._tables.segments():
            if not segment.cleared:
                self._clear(segment)
        horizon -= horizon % HOUR
        return sum(self._roll_stream(stream, horizon) for stream in self._tables.streams())

    def known_of(self, everything: list[Row]) -> dict[int, int]:
        """Which rows came late and are known from a segment: position in the list -> duplicate or conflict."""
        if not self._rolled:
            return {}
        late = [k for k, row in enumerate(everything)
                if row.kind in TELEMETRY and row.observed_at < self._rolled.get(row.stream, 0)]
        if not late:
            return {}
        wanted = {(everything[k].stream, everything[k].id): k for k in late}
        span = Query(everything[late[0]].stream, min(everything[k].observed_at for k in late),
                     max(everything[k].observed_at for k in late) + 1)
        outcomes: dict[int, int] = {}
        for stream in {everything[k].stream for k in late}:
            here = replace(span, stream=stream)
            for segment in self._tables.segments():
                if segment.meets(here):
                    for row in parquet.to_rows(parquet.unpack(self._data(segment), here)):
                        k = wanted.get((row.stream, row.id))
                        if k is not None:
                            outcomes[k] = DUPLICATE if row.content == everything[k].content else CONFLICT
        return outcomes

    def opened(self, found: Selected) -> Iterator[tuple[Segment, bytes]]:
        """The segments that were found with their bytes; those that were purged since are passed over."""
        for segment in found.segments:
            try:
                yield segment, self._data(segment)
            except KeyError:
                continue

    def _data(self, segment: Segment) -> bytes:
        name = (segment.name, segment.size)
        with self._lock:
            known = self._bytes.get(name)
            if known is not None:
                self._bytes.move_to_end(name)
                return known
        data = self._tables.segment_data(segment.name)
        with self._lock:
            self._bytes[name] = data
            while len(self._bytes) > KEPT_SEGMENTS:
                self._bytes.popitem(last=False)
        return data

    def _roll_stream(self, stream: str, horizon: int) -> int:
        moved = 0
        asked = Query(stream, None, horizon, kinds=TELEMETRY, limit=1)
        while True:
            first = self._tables.select(asked).rows
            if not first:
                return moved
            since = first[0].observed_at - first[0].observed_at % HOUR
            moved += self._roll_hour(stream, since, min(since + HOUR, horizon))

    def _roll_hour(self, stream: str, since: int, until: int) -> int:
        """Roll the telemetry of one hour, or of as much of it as one segment takes."""
        found: list[Row] = []
        asked = Query(stream, since, until, kinds=TELEMETRY, limit=PAGE)
        while len(found) < SEGMENT_ROWS:
            page = self._tables.select(asked).rows
            found += page
            if len(page) < PAGE:
                break
            asked = replace(asked, beyond=(page[-1].observed_at, page[-1].seq))
        else:
            until = found[-1].observed_at  # rows of this very moment may be missing: they go into the next segment
            whole = [row for row in found if row.observed_at < until]
            found, until = (whole, until) if whole else (found, until + 1)
        numbers = [row.seq for row in found]
        name = f"{stream.replace(':', '-').replace(' ', '_')}-{moment(since):%Y%m%dT%H}-{min(numbers)}-{max(numbers)}"
        data = parquet.pack(found)
        segment = Segment(name, stream, since, until, min(numbers), max(numbers), len(found), len(data))

        def put() -> None:
            self._tables.put_segment(segment, data)
            self._rolled[stream] = max(self._rolled.get(stream, 0), until)
        self._commit.call(put)
        self._clear(segment)
        return len(found)

    def _clear(self, segment: Segment) -> None:
        while self._commit.call(lambda: self._tables.clear(segment, CLEARED_AT_ONCE)) == CLEARED_AT_ONCE:
            pass

    def purge(self, before: int, kinds: frozenset[str] | None, stream: str | None) -> int:
        """Delete from the segments what was observed before a moment [us], on the writer's thread; returns how many rows."""
        gone = 0
        for segment in self._tables.segments():
            if stream not in (None, segment.stream) or segment.since >= before:
                continue
            stays = parquet.without(self._data(segment), before, kinds)
            gone += segment.rows - len(stays)
            if not len(stays):
                self._tables.drop_segment(segment.name)
            elif len(stays) < segment.rows:
                data = parquet.pack_table(stays)
                self._tables.put_segment(replace(segment, rows=len(stays), size=len(data)), data)
        with self._lock:
            self._bytes.clear()
        return gone
