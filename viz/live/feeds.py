"""What a live server does beside showing: it keeps its log in order and brings reports to it.

Only one process writes a log, so feeds of a twin that is served run within the server: a broker (``mqtt://...``), or the
made-up day (``synthetic``), whose last hours are brought at once and the rest when it is due.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from twin.errors import BadInput, HutongError
from twin.live import TELEMETRY, Operation
from twin.live.feeds.mqtt import MqttFeed
from twin.live.feeds.replay import play
from twin.live.feeds.synthetic import Day, call_signs, synthetic_day
from twin.live.intake import Intake
from twin.live.keep import Keeper
from twin.live.row import Row, microseconds
from viz.live.twin import Live

log = logging.getLogger("hutong.viz")

SYNTHETIC = "synthetic"
UNITS, EVERY_S = 24, 5.0
CHINA = timedelta(hours=8)
TOGETHER = 5_000
KEPT_US = {"position": 1_800_000_000, "crowd": 4 * 3_600_000_000, "occupancy": 3_600_000_000}
"""How much of the made-up hours before now is brought, by kind [us]."""


class Feeds:
    """The feeds of one live twin, by name, until they are stopped."""

    def __init__(self, live: Live, wanted: Sequence[str]) -> None:
        for name in wanted:
            if name != SYNTHETIC and not name.startswith(("mqtt://", "mqtts://")):
                raise BadInput(f"{name!r} is no feed", mend=f"say {SYNTHETIC}, or the address of a broker such as mqtt://host")
        self._live = live
        self._over = threading.Event()
        self._keeper = Keeper(live.log).start()
        self._brokers = [MqttFeed(Intake(live.log, live.district), name).start() for name in wanted if name != SYNTHETIC]
        self._players = [threading.Thread(target=self._play, name="hutong-synthetic", daemon=True)
                         for name in wanted if name == SYNTHETIC]
        for player in self._players:
            player.start()

    def _play(self) -> None:
        """Today, made up, and every day after it."""
        today = datetime.fromtimestamp(self._live.now(), UTC) + CHINA
        start = datetime(today.year, today.month, today.day, tzinfo=UTC) - CHINA
        while not self._over.is_set():
            day = Day(start, 1, UNITS, EVERY_S, self._live.stream)
            self._live.declare(Operation(
                id=f"synthetic-{start:%Y-%m-%d}", purpose="a made-up day for demonstration", start=start,
                end=start + timedelta(days=1), units=tuple(call_signs(day))))
            begin = max(microseconds(datetime.fromtimestamp(self._live.now(), UTC)), microseconds(start))
            try:
                rows = self._until_over(synthetic_day(self._live.district, day))
                play(self._after(rows, begin), self._live.log, speed=1.0, start=begin)
            except HutongError as error:
                log.warning("the made-up day stopped: %s", error)
                return
            start += timedelta(days=1)

    def _after(self, rows: Iterator[Row], begin: int) -> Iterator[Row]:
        """Bring what lies before a moment at once, counts and positions of the last hours only; give the rest."""
        early: list[Row] = []
        for row in rows:
            if row.observed_at >= begin or len(early) >= TOGETHER:
                if early:
                    self._live.log.append(early)
                early = []
            if row.observed_at >= begin:
                yield row
            elif row.kind not in TELEMETRY or row.observed_at >= begin - KEPT_US.get(row.kind, 0):
                early.append(row)
        if early:
            self._live.log.append(early)

    def _until_over(self, rows: Any) -> Iterator[Row]:
        for row in rows:
            if self._over.is_set():
                return
            yield row

    def stop(self) -> None:
        """End all feeds; what they brought is in the log."""
        self._over.set()
        for broker in self._brokers:
            broker.stop()
        self._keeper.stop()
        for player in self._players:
            player.join(timeout=10)
