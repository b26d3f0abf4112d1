"""The state of a crowd and its alarm: normal, busy, congested, critical, with dwell, hysteresis, latch and acknowledgement.

An alarm proposes; people decide. It is raised once, stays up (latched) until somebody has acknowledged it and the state
has fallen, is escalated when the state rises further or nobody has answered, and is closed then. Pressure and
stop-and-go are shown beside it and never raise one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from twin.camera.profile import Profile

State = Literal["normal", "busy", "congested", "critical"]
STATES: tuple[State, ...] = ("normal", "busy", "congested", "critical")
Act = Literal["raised", "acknowledged", "escalated", "closed"]
ESCALATE_S = 120.0
"""An alarm that nobody has acknowledged for so long is escalated once."""


@dataclass(frozen=True)
class StateChange:
    """The state changed at a time [s], with the density [1/m2] that it was judged by."""

    time_s: float
    before: State
    after: State
    density: float


@dataclass(frozen=True)
class AlarmAct:
    """Something happened to an alarm at a time [s]: ``level`` 1 is the gravest, ``reading`` and ``limit`` are densities."""

    act: Act
    time_s: float
    level: int
    reading: float
    limit: float
    by: str | None = None


class CrowdState:
    """The state of one zone. Feed it figures in order of time; it returns what changed."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.state: State = "normal"
        self._wanted: State = "normal"
        self._since: float | None = None

    def step(self, time_s: float, density: float, speed: float = math.nan) -> StateChange | None:
        """Take in a density [1/m2] and a mean speed [m/s] (NaN if unknown) at a time [s]. A NaN density changes nothing."""
        if math.isnan(density):
            return None
        wanted = self._judged(density, speed)
        if wanted == self.state:
            self._since = None
            return None
        up = STATES.index(wanted) > STATES.index(self.state)
        if self._since is None or (STATES.index(self._wanted) > STATES.index(self.state)) != up:
            self._since = time_s  # the direction is what has to hold, not the very state
        self._wanted = wanted
        if time_s - self._since < (self.profile.dwell_up_s if up else self.profile.dwell_down_s):
            return None
        before, self.state, self._since = self.state, wanted, None
        return StateChange(time_s, before, wanted, density)

    def _judged(self, density: float, speed: float) -> State:
        p, now = self.profile, STATES.index(self.state)
        found = 0
        for rank, limit in enumerate((p.busy, p.congested, p.critical), start=1):
            if density >= (limit * (1 - p.hysteresis) if rank <= now else limit):
                found = rank
        if p.slow is not None and found == 1 and speed < p.slow * (1.25 if now >= 2 else 1.0):
            found = 2
        return STATES[found]


class CrowdAlarm:
    """The alarm of one zone, which follows its state."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.up = False
        self.acknowledged = False
        self._rank = 0
        self._raised_at = 0.0
        self._escalated = False

    def step(self, time_s: float, state: State, density: float) -> list[AlarmAct]:
        """Take in the state at a time [s]; what happened to the alarm."""
        rank, from_rank = STATES.index(state), STATES.index(self.profile.alarm_from)
        if not self.up:
            if rank < from_rank:
                return []
            self.up, self.acknowledged, self._escalated = True, False, False
            self._rank, self._raised_at = rank, time_s
            return [self._act("raised", time_s, density)]
        if rank > self._rank:
            self._rank, self.acknowledged, self._raised_at, self._escalated = rank, False, time_s, False
            return [self._act("escalated", time_s, density)]
        if rank < from_rank and self.acknowledged:
            self.up = False
            return [self._act("closed", time_s, density)]
        if not self.acknowledged and not self._escalated and time_s - self._raised_at >= ESCALATE_S:
            self._escalated = True
            return [self._act("escalated", time_s, density)]
        return []

    def acknowledge(self, time_s: float, by: str, density: float = math.nan) -> list[AlarmAct]:
        """Somebody, by call-sign, has taken the alarm on; nothing happens where there is none."""
        if not self.up or self.acknowledged:
            return []
        self.acknowledged = True
        return [AlarmAct("acknowledged", time_s, self._level(), density, self._limit(), by)]

    def _act(self, act: Act, time_s: float, density: float) -> AlarmAct:
        return AlarmAct(act, time_s, self._level(), density, self._limit())

    def _level(self) -> int:
        return {1: 3, 2: 2, 3: 1}[self._rank]

    def _limit(self) -> float:
        return (self.profile.busy, self.profile.congested, self.profile.critical)[self._rank - 1]
