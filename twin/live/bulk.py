"""Reports of one kind, thousands at once, as columns: the quick road through the door for positions and counts.

What this road takes the other one (:mod:`twin.live.report`) takes with the same outcome, which a test holds; whatever it
does not take for sure, a report or a whole body, goes the other way and is accepted or refused there, with the reason.

A body is read by Arrow's JSON reader, which wants one object a line: the commas between the objects of an array become
line ends. Where ``},{"`` stands within a text or deeper down, a line is then no object, and the body goes the other way.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import repeat
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from numpy.typing import NDArray
from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from twin.live.observation import VALUES, Kind, Observation
from twin.live.report import CROWD_NAMES, KMH, name_problem
from twin.live.row import Row

_row = partial(tuple.__new__, Row)  # a NamedTuple without the checks of its arguments: there are thousands a second
LEAST = 4096
"""Bytes of a body for which this road is the quicker one."""
QUICK: tuple[Kind, ...] = ("position", "crowd")
_MOMENT = r"^(19|20)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"
_ID = r"^[A-Za-z0-9_][A-Za-z0-9_.:/@#+| -]{0,159}$"
_MICROSECONDS = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Columns:
    """Reports of one kind. ``fine`` (n,) tells which are right so far; what stands in the columns of the others means nothing.

    ``ids`` are those that were given (None where there is none), ``at`` the times observed [us], ``places`` the columns
    ``x, y, lon, lat`` (n,), NaN where there is none, ``texts`` the values as the log keeps them.
    """

    kind: Kind
    body: bytes
    fine: NDArray[np.bool_]
    ids: pa.Array
    objects: pa.Array
    at: NDArray[np.int64]
    places: dict[str, NDArray[np.float64]]
    accuracy_m: list[float | None]
    texts: pa.Array

    def __len__(self) -> int:
        return len(self.fine)

    def lines(self) -> list[bytes]:
        """The reports as they came, one each."""
        return self.body.split(b"\n")


@dataclass(frozen=True)
class _Field:
    """A field of a value: its name at the edge and in the log, its Arrow type, and what it may be."""

    edge: str
    name: str
    type: pa.DataType
    low: float
    high: float
    above: bool  # whether it has to be more than ``low``
    choices: tuple[str, ...] | None
    convert: Callable[[float], float] | None


def read_columns(body: bytes, *, lines: bool) -> Columns | None:
    """Reports in a body (a JSON array, or one report a line), or None if this road is not sure of it as a whole."""
    if len(body) < LEAST:
        return None
    one_a_line = _as_they_are(body) if lines else _split(body)
    kind = _kind(body)
    if one_a_line is None or kind is None:
        return None
    try:
        if not one_a_line.isascii():
            one_a_line.decode()  # Arrow takes texts as they are
        table = _read(one_a_line, kind)
        return _columns(kind, one_a_line, table) if len(table) == one_a_line.count(b"\n") + 1 else None
    except (pa.ArrowException, UnicodeDecodeError):
        return None


def columns_as_rows(columns: Columns, *, stream: str, source: str, received: int, x: NDArray[np.float64], y: NDArray[np.float64],
                    grids: Sequence[str | None]) -> list[Row]:
    """Every report as a row, the ones that are not fine too (theirs mean nothing)."""
    at = pa.array(columns.at)
    made = pc.binary_join_element_wise(pa.scalar(columns.kind), pc.fill_null(columns.objects, ""), at.cast(pa.string()), "/")
    ids = pc.binary_join_element_wise(pa.scalar(source), pc.coalesce(columns.ids, made), "/")
    n = len(columns)
    xs, ys = (_or_none(values) for values in (x, y))
    return list(map(_row, zip(
        ids.to_pylist(), repeat(stream, n), repeat(source, n), repeat(columns.kind, n), columns.objects.to_pylist(),
        columns.at.tolist(), repeat(received, n), xs, ys, columns.accuracy_m, grids, columns.texts.to_pylist(), repeat(0, n),
        strict=True)))


def _or_none(values: NDArray[np.float64]) -> list[float | None]:
    listed: list[float | None] = values.tolist()
    return [None if value != value else value for value in listed] if np.isnan(values).any() else listed


def _split(body: bytes) -> bytes | None:
    """The objects of an array, one a line, if they follow each other as writers of JSON put them."""
    inner = body.strip()
    if inner[:2] != b"[{" or inner[-2:] != b"}]" or b"\n" in inner:
        return None
    spaced = b'}, {"' in inner[:1024]
    return inner[1:-1].replace(b'}, {"' if spaced else b'},{"', b'}\n{"')


def _as_they_are(body: bytes) -> bytes | None:
    """The lines of a body, if each begins and ends as an object does and none is empty: then no object is in two lines."""
    inner = body.strip()
    whole = inner[:1] == b"{" and inner[-1:] == b"}" and inner.count(b"\n") == inner.count(b"}\n{")
    return inner if whole else None


def _kind(body: bytes) -> Kind | None:
    """The kind that the first report says; all have to be of it."""
    head = body[:512].replace(b'"kind": "', b'"kind":"').partition(b'"kind":"')[2].partition(b'"')[0]
    return next((kind for kind in QUICK if kind.encode() == head), None)


def _read(lines: bytes, kind: Kind) -> pa.Table:
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    return pyarrow.json.read_json(io.BytesIO(lines), read_options=options, parse_options=_PARSE[kind])


def _columns(kind: Kind, lines: bytes, table: pa.Table) -> Columns:
    column = {name: table[name].combine_chunks() for name in table.column_names}
    fine = _valid(pc.and_(pc.equal(column["kind"], kind), pc.is_valid(column["value"])))
    fine &= _valid(pc.match_substring_regex(column["observed_at"], _MOMENT))
    ids = column["id"]
    fine &= _valid(pc.or_(pc.is_null(ids), pc.fill_null(pc.match_substring_regex(ids, _ID), False)))
    named, objects = _names(kind, column["object"])
    fine &= named
    if b"null" in lines:  # nothing and null are one in a column, but not at the door
        fine &= np.array([b"null" not in line for line in lines.split(b"\n")])
    at = np.zeros(len(table), np.int64)
    right = pc.filter(column["observed_at"], pa.array(fine))
    at[fine] = right.cast(_MICROSECONDS).cast(pa.int64()).to_numpy()
    places = {name: _numbers(column[name]) for name in ("x", "y", "lon", "lat")}
    fine &= ~np.any([np.isinf(values) for values in places.values()], axis=0)
    accuracy = _numbers(column["accuracy_m"])
    fine &= np.isnan(accuracy) | ((accuracy >= 0) & (accuracy <= 100_000))
    texts, right_value = _texts(kind, column["value"])
    fine &= right_value & _no_nan(column)
    return Columns(kind, lines, fine, ids, objects, at, places, column["accuracy_m"].to_pylist(), texts)


def _valid(answers: pa.Array) -> NDArray[np.bool_]:
    """Answers (n,) as bool; no answer is no."""
    found: NDArray[np.bool_] = pc.fill_null(answers, False).to_numpy(zero_copy_only=False)
    return found.copy()


def _numbers(column: pa.Array) -> NDArray[np.float64]:
    """Numbers (n,), NaN where there is none."""
    found: NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
    return found


def _no_nan(column: dict[str, pa.Array]) -> NDArray[np.bool_]:
    """Rows (n,) in which no number is written as NaN: NaN stands for nothing here."""
    clean = [~_valid(pc.is_nan(column[name])) for name in ("x", "y", "lon", "lat", "accuracy_m")]
    found: NDArray[np.bool_] = np.all(clean, axis=0)
    return found


def _names(kind: Kind, column: pa.Array) -> tuple[NDArray[np.bool_], pa.Array]:
    """Which names of objects may be taken (n,), each looked at once, and the names."""
    coded = column.dictionary_encode()
    right = np.array([_may_be_named(kind, name) for name in coded.dictionary.to_pylist()] + [False])
    return right[pc.fill_null(coded.indices, len(right) - 1).to_numpy()], column


_RULES = Observation.model_fields["object"]
_NAME: TypeAdapter[str] = TypeAdapter(
    Annotated[str, *(rule for rule in _RULES.metadata if not isinstance(rule, AfterValidator))])


@lru_cache(maxsize=65_536)
def _may_be_named(kind: Kind, name: str) -> bool:
    try:
        _NAME.validate_python(name)
    except ValidationError:
        return False
    return name_problem(kind, name) is None


def _texts(kind: Kind, value: pa.StructArray) -> tuple[pa.Array, NDArray[np.bool_]]:
    """The values as JSON in the log's names and units, and which of them (n,) are within their bounds."""
    right = np.ones(len(value), bool)
    parts = []
    for field in _FIELDS[kind]:
        column = value.field(field.edge)
        if column.null_count == len(column):
            continue
        right &= _within(field, column)
        written = pc.binary_join_element_wise(pa.scalar(f',"{field.name}":'), _written(field, column), "")
        parts.append(pc.fill_null(written, ""))
    if not parts:
        return pa.array(["{}"] * len(value)), right
    inner = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*parts, ""), 1)  # without the first comma
    return pc.binary_join_element_wise(pa.scalar("{"), inner, pa.scalar("}"), ""), right


def _within(field: _Field, column: pa.Array) -> NDArray[np.bool_]:
    if field.choices is not None:
        return _valid(pc.or_(pc.is_null(column), pc.is_in(column, value_set=pa.array(field.choices))))
    if pa.types.is_boolean(column.type):
        return np.ones(len(column), bool)
    lower = (pc.greater if field.above else pc.greater_equal)(column, field.low)
    inside = pc.and_(lower, pc.less_equal(column, field.high))  # false for NaN
    return _valid(pc.or_(pc.is_null(column), pc.fill_null(inside, False)))


def _written(field: _Field, column: pa.Array) -> pa.Array:
    """What stands in JSON for every value, null where there is none: all of them are written in one go."""
    if pa.types.is_boolean(column.type):
        return pc.if_else(column, "true", "false")
    if field.choices is not None:
        return pc.binary_join_element_wise(pa.scalar('"'), column, pa.scalar('"'), "")
    coded = column.dictionary_encode()
    values = coded.dictionary.to_pylist()
    if field.convert is not None:
        values = [field.convert(value) for value in values]
    written = to_json(values)[1:-1].decode().split(",") if values else []
    return pc.take(pa.array(written, pa.string()), coded.indices)


def _field(kind: Kind, name: str, info: FieldInfo) -> _Field:
    """What a field of a model may be, from the model itself."""
    plain, limits = _unfolded(info.annotation)
    known = {key: getattr(limit, key) for limit in [*limits, *info.metadata] for key in ("ge", "gt", "le") if hasattr(limit, key)}
    choices = get_args(plain) if get_origin(plain) is Literal else None
    arrow = pa.string() if choices else {float: pa.float64(), int: pa.int64(), bool: pa.bool_()}[plain]
    low, high = known.get("gt", known.get("ge", -np.inf)), known.get("le", np.inf)
    edge, convert = name, None
    if kind == "crowd":
        edge = CROWD_NAMES[name]
        if name == "average_crowd_speed":
            low, high, convert = low * KMH, high * KMH, _metres_a_second
    return _Field(edge, name, arrow, low, high, "gt" in known, choices, convert)


def _unfolded(annotation: Any) -> tuple[Any, list[Any]]:
    """The plain type in ``Annotated[T, rules] | None``, and the rules."""
    options = [part for part in get_args(annotation) if part is not type(None)]
    if type(None) in get_args(annotation):
        annotation = options[0]
    if get_origin(annotation) is not Annotated:
        return annotation, []
    plain, *rules = get_args(annotation)
    return plain, [limit for rule in rules for limit in (rule.metadata if isinstance(rule, FieldInfo) else [rule])]


def _metres_a_second(kmh: float) -> float:
    return round(kmh / KMH, 6)


_FIELDS: dict[Kind, list[_Field]] = {kind: [_field(kind, name, info) for name, info in VALUES[kind].model_fields.items()]
                                     for kind in QUICK}
_PARSE = {kind: pyarrow.json.ParseOptions(
    explicit_schema=pa.schema([
        ("id", pa.string()), ("kind", pa.string()), ("object", pa.string()), ("observed_at", pa.string()), ("lon", pa.float64()),
        ("lat", pa.float64()), ("x", pa.float64()), ("y", pa.float64()), ("accuracy_m", pa.float64()),
        ("value", pa.struct([(field.edge, field.type) for field in _FIELDS[kind]]))]),
    unexpected_field_behavior="error", newlines_in_values=False) for kind in QUICK}
