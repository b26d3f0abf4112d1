"""What may leave by a live connector: only what is live. A drill or a simulation that looked real to others could do harm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twin.errors import BadInput
from twin.live.observation import LIVE
from twin.live.row import Row


def must_be_live(stream: str, by: str) -> None:
    """Raise :class:`BadInput` for a stream that may not leave by a live connector."""
    if stream != LIVE:
        raise BadInput(f"the stream {stream} cannot leave by {by}", mend="only the live stream can")


def only_live(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows that may leave; every outgoing connector draws from here."""
    return (row for row in rows if row.stream == LIVE)
