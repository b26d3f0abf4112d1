"""An observation as a row: a plain tuple, as the log keeps it. Feeds that bring thousands a second work on rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from twin.live.observation import Observation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Row(NamedTuple):
    """One observation.

    Times are whole microseconds since 1970 (UTC), ``x, y`` metres in the district's CRS, ``value`` the JSON text of the
    allow-listed model of its kind without nulls, ``seq`` the place in the log (0 until it is stored).
    """

    id: str
    stream: str
    source: str
    kind: str
    object: str
    observed_at: int
    received_at: int
    x: float | None
    y: float | None
    accuracy_m: float | None
    grid: str | None
    value: str
    seq: int = 0

    @property
    def content(self) -> tuple[str | int | float | None, ...]:
        """What makes two reports with one id the same report: all but when it came and where it lies in the log."""
        return (self.source, self.kind, self.object, self.observed_at, self.x, self.y, self.accuracy_m, self.value)


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """The aware UTC time of whole microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def row(observation: Observation) -> Row:
    """An observation as a row."""
    o = observation
    return Row(o.id, o.stream, o.source, o.kind, o.object, microseconds(o.observed_at), microseconds(o.received_at),
               o.x, o.y, o.accuracy_m, o.grid, o.value.model_dump_json(exclude_none=True))


def observation(row: Row) -> Observation:
    """A row as an observation, validated again."""
    r = row
    return Observation(id=r.id, stream=r.stream, source=r.source, kind=r.kind, object=r.object,  # type: ignore[arg-type]
                       observed_at=moment(r.observed_at), received_at=moment(r.received_at), x=r.x, y=r.y,
                       accuracy_m=r.accuracy_m, grid=r.grid, value=json.loads(r.value))


def rows(observations: Iterable[Observation | Row]) -> list[Row]:
    """Observations and rows as rows."""
    return [o if isinstance(o, Row) else row(o) for o in observations]
