"""Keeping the log: old telemetry to Parquet, snapshots, and positions gone when their hours are over, those of drills too."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from twin.errors import HutongError
from twin.live.clock import Clock
from twin.live.observation import LIVE
from twin.live.row import microseconds
from twin.live.state import SNAPSHOT_LAG, take_snapshots
from twin.store import Log, query

KEEP_POSITIONS = timedelta(hours=24)
"""How long live positions are kept where no declared operation says otherwise."""
KEEP_DRILL = timedelta(days=7)
"""How long positions of a drill are kept after its last report: until it has been talked over."""
KEEP_REFUSED = timedelta(days=30)
EVERY_S = 60.0


def keep_positions(log: Log) -> timedelta:
    """How long live positions are kept: as long as the longest of the declared operations says."""
    hours = [operation.keep_positions_h for operation in log.operations()]
    return timedelta(hours=max(hours)) if hours else KEEP_POSITIONS


def keep(log: Log, now: datetime) -> int:
    """Do what is due: purge live positions, roll telemetry, take snapshots. Returns how many positions went."""
    gone = log.purge(now - keep_positions(log), kinds=["position"], stream=LIVE) if _due(log, now) else 0
    gone += sum(log.purge(_EVER, kinds=["position"], stream=stream) for stream in _drills_over(log, now))
    log.drop_refused(now - KEEP_REFUSED)
    log.roll(now)
    take_snapshots(log, LIVE, now - SNAPSHOT_LAG)
    return gone


def _due(log: Log, now: datetime) -> bool:
    return bool(log.read(stream=LIVE, kinds=["position"], until=now - keep_positions(log), limit=1))


_EVER = datetime(9999, 1, 1, tzinfo=UTC)


def _drills_over(log: Log, now: datetime) -> list[str]:
    """Streams of drills that hold positions and have been silent for long. What counts is when reports came in: a recording
    that is played into a drill was observed long before."""
    return [stream for stream in log.streams()
            if stream.startswith("drill:") and log.read(stream=stream, kinds=["position"], limit=1)
            and max(row.received_at for row in log.latest_rows(query(stream))) < microseconds(now - KEEP_DRILL)]


class Keeper:
    """Keeps a log every minute on a thread of its own. ``says`` is what went wrong the last time."""

    def __init__(self, log: Log, *, clock: Clock | None = None, every_s: float = EVERY_S) -> None:
        self._log, self._clock, self._every_s = log, clock or Clock(), every_s
        self._over = threading.Event()
        self.says: str | None = None
        self._thread = threading.Thread(target=self._run, name="log keeper", daemon=True)

    def start(self) -> Keeper:
        """Begin; returns the keeper."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, after what is being done."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while True:  # at once too: hours may have passed since the log was kept the last time
            try:
                keep(self._log, self._clock.now())
                self.says = None
            except (HutongError, OSError) as error:
                self.says = f"the log could not be kept: {error}"
            if self._over.wait(self._every_s):
                return
