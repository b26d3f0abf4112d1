"""What a camera reports, as observations in the log: counts, flow, density and speed; alarms; its own health."""

from __future__ import annotations

import math
from collections import Counter as Tally
from datetime import datetime, timedelta
from typing import Any

from twin.camera.crossing import Crossing
from twin.camera.health import HealthChange
from twin.camera.profile import PROFILES, Profile, profile
from twin.camera.state import AlarmAct, CrowdAlarm, CrowdState
from twin.camera.watch import Figures, Row
from twin.camera.zones import Zones
from twin.live.observation import LIVE, Observation

EVERY_S = 5.0
_WHY = {"frozen": "the picture does not change", "dark": "the picture is dark", "covered": "the view is covered",
        "moved": "the camera looks elsewhere than when it was calibrated", "slow": "fewer frames come than should"}


class Reporter:
    """Turns figures into observations: a crowd observation every few seconds, alarms and health when they change.

    ``camera`` is the id of the camera's part, ``began`` the time of the first frame (with a time zone), ``at`` its place in
    metres of the district's CRS.
    """

    def __init__(self, camera: str, began: datetime, rate: float, area_m2: float, zones: Zones | None = None, *,
                 stream: str = LIVE, at: tuple[float, float] | None = None, profiles: dict[str, Profile] | None = None) -> None:
        self.camera, self._began, self._rate, self._stream, self._at = camera, began, rate, stream, at
        self._area = area_m2
        known = profiles or PROFILES
        zones = zones or Zones()
        names = {camera: zones.profile} | {f"{camera}/{zone.id}": zone.profile or zones.profile for zone in zones.zones}
        self.states = {name: CrowdState(profile(wanted, known)) for name, wanted in names.items()}
        self.alarms = {name: CrowdAlarm(state.profile) for name, state in self.states.items()}
        self._due = EVERY_S
        self._crossed: list[Crossing] = []
        self._rows: list[Row] = []

    def step(self, figures: Figures, health: list[HealthChange] = ()) -> list[Observation]:  # type: ignore[assignment]
        """Observations that follow from newly due figures and changes of health."""
        made = [self._health(change) for change in health]
        zones: dict[int, list[tuple[str, float, float]]] = {}
        for frame, zone, count, density in figures.zones:
            zones.setdefault(frame, []).append((zone, count, density))
        self._crossed += figures.crossings
        for row in figures.rows:
            self._rows.append(row)
            made += self._judge(self.camera, row.time_s, row.density, row.mean_speed)
            for zone, _, density in zones.get(row.frame, []):
                made += self._judge(f"{self.camera}/{zone}", row.time_s, density, row.mean_speed)
            if row.time_s >= self._due:
                made += self._crowd(row, zones.get(row.frame, []))
                self._due = row.time_s + EVERY_S
                self._crossed, self._rows = [], []
        return made

    def finish(self) -> list[Observation]:
        """Observations of what was seen since the last ones, at the end of a source."""
        made = self._crowd(self._rows[-1], []) if self._rows else []
        self._crossed, self._rows = [], []
        return made

    def acknowledge(self, about: str, time_s: float, by: str) -> list[Observation]:
        """Observations that follow from somebody, by call-sign, taking an alarm on."""
        return [self._alarm(about, act) for act in self.alarms[about].acknowledge(time_s, by)]

    def _judge(self, about: str, time_s: float, density: float, speed: float) -> list[Observation]:
        self.states[about].step(time_s, density, speed)
        return [self._alarm(about, act) for act in self.alarms[about].step(time_s, self.states[about].state, density)]

    def _crowd(self, row: Row, zones: list[tuple[str, float, float]]) -> list[Observation]:
        period = max(len(self._rows) / self._rate, 1 / self._rate)
        speeds = [r.mean_speed for r in self._rows if not math.isnan(r.mean_speed)]
        count = sum(r.count for r in self._rows) / len(self._rows)
        value = {"people_count": round(count), "density": min(round(count / self._area, 4), 12.0), "period_s": round(period, 3),
                 "congested": self.states[self.camera].state in ("congested", "critical")}
        if speeds:
            value["average_crowd_speed"] = round(min(sum(speeds) / len(speeds), 12.0), 3)
        made = [self._made("crowd", self.camera, row.time_s, value)]
        for zone, people, density in zones:
            about = f"{self.camera}/{zone}"
            made.append(self._made("crowd", about, row.time_s, {
                "people_count": round(people), "density": min(round(density, 4), 12.0),
                "congested": self.states[about].state in ("congested", "critical")}))
        for (line, direction), number in sorted(Tally((c.line, c.direction) for c in self._crossed).items()):
            made.append(self._made("crowd", f"{self.camera}/{line}/{direction}", row.time_s, {
                "people_count": number, "flow": round(number / period, 4), "period_s": round(period, 3),
                "direction": "inbound" if direction == "in" else "outbound"}))
        return made

    def _alarm(self, about: str, act: AlarmAct) -> Observation:
        value: dict[str, Any] = {"state": act.act, "level": act.level, "about": about, "measure": "density", "limit": act.limit,
                                 "by": act.by}
        if not math.isnan(act.reading):
            value["reading"] = round(act.reading, 3)
        return self._made("alarm", f"alarm:{about}", act.time_s, value)

    def _health(self, change: HealthChange) -> Observation:
        return self._made("alarm", f"health:{self.camera}:{change.trouble}", change.time_s, {
            "state": "raised" if change.on else "closed", "level": 3, "about": self.camera, "measure": "silence"
            if change.trouble in ("frozen", "slow") else "other", "reading": round(change.reading, 3),
            "why": _WHY[change.trouble] if change.on else "the camera is well again"})

    def _made(self, kind: str, about: str, time_s: float, value: dict[str, Any]) -> Observation:
        moment = self._began + timedelta(seconds=time_s)
        where = {} if self._at is None else {"x": self._at[0], "y": self._at[1]}
        name = f"{self.camera}/{kind}/{about}/{moment.timestamp():.3f}/{value.get('state', '')}".rstrip("/")
        return Observation.model_validate({
            "id": name, "stream": self._stream, "source": self.camera, "kind": kind, "object": about, "observed_at": moment,
            "received_at": moment, "value": value, **where})
