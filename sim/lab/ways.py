"""Whether everybody of a lab scenario has a way to their goals that is wide enough, checked before anything runs."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.affinity import translate

from sim.crowd import Ground, Parameters
from sim.crowd.ground.storeys import Storeys
from sim.lab import Lab, line_of
from twin.errors import BadInput

CLEAR = 0.01
"""Bodies start this far from walls [m]."""


def body_of(radius: float) -> float:
    """Distance from its centre to which a body is solid [m]."""
    return Parameters().hard * radius


def free_ground(ground: Ground, lab: Lab, radius: float, storeys: Storeys | None) -> shapely.Geometry:
    """The ground that the centre of a body may be on."""
    clear = body_of(radius) + CLEAR
    free = ground.walkable.buffer(-clear, quad_segs=4)
    walls = [line_of(line) for line in lab.walls.values()] + (list(storeys.walls.values()) if storeys else [])
    return free.difference(shapely.union_all(walls).buffer(clear)) if walls else free


def within_reach(ground: Ground, exits: list[str], starts: np.ndarray, step_free: bool) -> list[str]:
    """Those of the exits that people choose among which all starts (n, 2) have a way to; all of them if there is none."""
    goals = [ground.level(ground.goals[name]) if step_free else ground.goals[name] for name in exits]
    return [name for name, goal in zip(exits, goals, strict=True) if np.isfinite(ground.distance(goal, starts)).all()] or exits


def check_ways(ground: Ground, lab: Lab, storeys: Storeys | None, what: str, names: list[str], starts: np.ndarray,
               radius: float, step_free: bool) -> None:
    """Raise :class:`BadInput` unless bodies of a radius [m] get from all starts (n, 2) to each of the named goals.

    ``step_free``: without steps.
    """
    rooms = shapely.get_parts(free_ground(ground, lab, radius, storeys))
    joined = _joined(rooms, None if step_free else storeys)
    for name in names:
        goal = ground.goals[name]
        lost = ~np.isfinite(ground.distance(ground.level(goal) if step_free else goal, starts))
        near = np.array([room.dwithin(ground.area_of(goal), body_of(radius) + 2 * CLEAR) for room in rooms], bool)
        wide = np.isin(joined, joined[near])
        if lost.any() or not wide.any():
            start = starts[lost][0] if lost.any() else starts[0]
            raise BadInput(
                f"there is no way from {_place(start, storeys)} to the goal {name}"
                + _why(ground, storeys, goal, start, step_free),
                where=what,
                mend="open a way, or move the people or the goal",
            )
        home = _room_of(rooms, starts)
        if lab.period is None and not wide[home].all():
            raise BadInput(
                f"the way from {_place(starts[~wide[home]][0], storeys)} to the goal {name} is narrower than a body "
                f"({2 * body_of(radius):.2f} m)",
                where=what,
                mend="widen the door",
            )


def _why(ground: Ground, storeys: Storeys | None, goal: int, start: np.ndarray, step_free: bool) -> str:
    """What stands in the way, as the end of a sentence, where it can be told."""
    if step_free and np.isfinite(ground.distance(goal, start[None])[0]):
        return " without steps"
    if storeys is None:
        return ""
    ruled = [name for name in storeys.stairs if ground.two_way(f"stairs {name}")]
    if ruled and np.isfinite(ground.distance(goal, start[None])[0]):
        return f", because of the one-way stairs ({', '.join(ruled)})"
    return ""


def _place(xy: np.ndarray, storeys: Storeys | None) -> str:
    if storeys is None:
        return f"({xy[0]:.1f}, {xy[1]:.1f})"
    plan, storey = storeys.plan(xy)
    return f"({plan[0, 0]:.1f}, {plan[0, 1]:.1f}) on {storeys.names[storey[0]]}"


def _joined(rooms: np.ndarray, storeys: Storeys | None) -> np.ndarray:
    """A number for each room, the same for rooms that stairs join: (n,) int."""
    number = np.arange(len(rooms))
    for seam in storeys.seams.values() if storeys else ():
        low = shapely.intersects(rooms, seam.overlap)
        high = shapely.intersects(rooms, translate(seam.overlap, *seam.shift))
        together = np.unique(number[low | high])
        if low.any() and high.any():
            number[np.isin(number, together)] = together[0]
    return number


def _room_of(rooms: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Which of the connected pieces of free ground each point (n, 2) is on, or nearest to: (n,) int."""
    points = shapely.points(xy)
    return np.argmin([shapely.distance(room, points) for room in rooms], axis=0)
