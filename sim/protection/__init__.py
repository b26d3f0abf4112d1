"""The protection plan: zones and their rules, posts, rounds and reserves set against risk places and problems."""

from sim.protection.arrival import Arrivals, Prepared, arrivals, prepare
from sim.protection.check import Check, check
from sim.protection.crowding import Period, expected, rehearsed
from sim.protection.moves import Move, Moves, Proposal, moved, propose
from sim.protection.plan import Plan, Risk, Station, make_ready
from sim.protection.schedule import Schedule, schedule
from sim.protection.sight import Sight, sight

__all__ = [
    "Arrivals", "Check", "Move", "Moves", "Period", "Plan", "Prepared", "Proposal", "Risk", "Schedule", "Sight", "Station",
    "arrivals", "check", "expected", "make_ready", "moved", "prepare", "propose", "rehearsed", "schedule", "sight",
]
