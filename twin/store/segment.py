"""Segments: telemetry that is older than an hour, as Parquet. One segment is one stream and one span of time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from twin.live.row import Row
from twin.store.query import Query

SCHEMA = pa.schema([
    ("id", pa.string()), ("stream", pa.string()), ("source", pa.string()), ("kind", pa.string()), ("object", pa.string()),
    ("observed_at", pa.int64()), ("received_at", pa.int64()), ("x", pa.float64()), ("y", pa.float64()),
    ("accuracy_m", pa.float64()), ("grid", pa.string()), ("value", pa.string()), ("seq", pa.int64())])
ROW_GROUP = 32_768
_REPEATED = ["stream", "source", "kind", "object", "grid", "accuracy_m", "value"]


@dataclass(frozen=True, slots=True)
class Segment:
    """What the log knows of a segment. Rows with ``since <= observed_at < until`` [us] and ``seq <= upto`` lie in it."""

    name: str
    stream: str
    since: int
    until: int
    first: int  # lowest seq
    upto: int  # highest seq
    rows: int
    size: int  # bytes
    cleared: bool = False  # whether its rows have left the table

    def holds(self, row: Row) -> bool:
        """Whether a telemetry row of the table lies in the segment as well."""
        return row.stream == self.stream and self.since <= row.observed_at < self.until and row.seq <= self.upto

    def meets(self, query: Query) -> bool:
        """Whether it may hold rows that are asked for."""
        return (self.stream == query.stream
                and (query.since is None or self.until > query.since)
                and (query.until is None or self.since < query.until)
                and (query.after is None or self.upto > query.after)
                and (query.beyond is None or self.until > query.beyond[0]))


def pack(rows: Sequence[Row]) -> bytes:
    """Rows as a Parquet file, in order of time observed."""
    columns = zip(zip(*rows, strict=True), SCHEMA.types, strict=True)
    return pack_table(pa.Table.from_arrays([pa.array(values, kind) for values, kind in columns], schema=SCHEMA))


def pack_table(table: pa.Table) -> bytes:
    """A table of rows as a Parquet file."""
    out = io.BytesIO()
    pq.write_table(table.sort_by([("observed_at", "ascending"), ("seq", "ascending")]), out, row_group_size=ROW_GROUP,
                   compression="zstd", use_dictionary=_REPEATED,
                   column_encoding={"observed_at": "DELTA_BINARY_PACKED", "received_at": "DELTA_BINARY_PACKED",
                                    "seq": "DELTA_BINARY_PACKED", "id": "DELTA_BYTE_ARRAY", "x": "BYTE_STREAM_SPLIT",
                                    "y": "BYTE_STREAM_SPLIT"})
    return out.getvalue()


def unpack(data: bytes, query: Query) -> pa.Table:
    """The rows of a segment that a query takes (its limit and order aside), as a table."""
    where = _condition(query)
    return pq.read_table(io.BytesIO(data), filters=where, schema=SCHEMA)


def without(data: bytes, before: int, kinds: frozenset[str] | None) -> pa.Table:
    """The rows of a segment that stay when those of some kinds before a moment go."""
    table = pq.read_table(io.BytesIO(data), schema=SCHEMA)
    goes = pc.less(table["observed_at"], before)
    if kinds is not None:
        goes = pc.and_(goes, pc.is_in(table["kind"], value_set=pa.array(sorted(kinds), pa.string())))
    return table.filter(pc.invert(goes))


def to_rows(table: pa.Table) -> Iterator[Row]:
    """The rows of a table."""
    return map(Row._make, zip(*(column.to_pylist() for column in table.columns), strict=True))


def last_of_each(table: pa.Table) -> list[Row]:
    """The newest row of every kind and object: the latest observed, of those at one moment the one with the highest id."""
    if not len(table):
        return []
    newest = table.group_by(["kind", "object"]).aggregate([("observed_at", "max")])
    rows = table.join(newest, keys=["kind", "object", "observed_at"], right_keys=["kind", "object", "observed_at_max"],
                      join_type="inner").select(SCHEMA.names)
    return newest_rows(to_rows(rows))


def newest_rows(rows: Iterable[Row]) -> list[Row]:
    """Of every kind and object the row that was observed last, of those at one moment the one with the highest id."""
    newest: dict[tuple[str, str], Row] = {}
    for row in rows:
        known = newest.get((row.kind, row.object))
        if known is None or (row.observed_at, row.id) > (known.observed_at, known.id):
            newest[row.kind, row.object] = row
    return list(newest.values())


def _condition(query: Query) -> pc.Expression:
    where = pc.field("stream") == query.stream
    if query.since is not None:
        where &= pc.field("observed_at") >= query.since
    if query.until is not None:
        where &= pc.field("observed_at") < query.until
    if query.kinds is not None:
        where &= pc.field("kind").isin(pa.array(sorted(query.kinds), pa.string()))
    if query.object is not None:
        where &= pc.field("object") == query.object
    if query.grids is not None:
        where &= pc.field("grid").isin(pa.array(sorted(query.grids), pa.string()))
    if query.after is not None:
        where &= pc.field("seq") > query.after
    if query.beyond is not None:
        moment, seq = query.beyond
        where &= (pc.field("observed_at") > moment) | ((pc.field("observed_at") == moment) & (pc.field("seq") > seq))
    if query.bounds is not None:
        west, south, east, north = query.bounds
        where &= ((pc.field("x") >= west) & (pc.field("x") <= east) & (pc.field("y") >= south) & (pc.field("y") <= north))
    return where
