"""What is happening: observations, the state that they fold into, and the feeds that bring them.

Only what is free of the store stands here; feeds, intake and replay are imported by name
(``twin.live.feeds``, ``twin.live.intake``).
"""

from twin.live.observation import (
    KINDS,
    LIVE,
    SHED,
    TELEMETRY,
    VALUES,
    Alarm,
    Crowd,
    Kind,
    Note,
    Observation,
    Occupancy,
    Part,
    Position,
    Value,
    drill,
    rehearsal,
)
from twin.live.operation import Operation
from twin.live.state import State

__all__ = [
    "KINDS", "LIVE", "SHED", "TELEMETRY", "VALUES", "Alarm", "Crowd", "Kind", "Note", "Observation", "Occupancy", "Operation",
    "Part", "Position", "State", "Value", "drill", "rehearsal"]
