"""The columns that people are kept in, and the marks in them.

Rows are people. ``R (13, cap) float32`` holds the real numbers and ``Z (5, cap) int32`` the whole ones;
coordinates are local metres from the ground's origin.
"""

from __future__ import annotations

import numpy as np

X, Y, HX, HY, SPEED, FREE, RADIUS, TX, TY, BEST, SINCE, LEFT, JAM = range(13)
"""Rows of R: position, heading, speed, free speed, radius, own target, nearest distance to the goal so far
and when it was reached, distance to go, how sure they are of facing people who come the other way (0 to 1; PUT for
who stands for good)."""
REALS = 13
ID, GOAL, MODE, STATE, GAVE = range(5)
"""Rows of Z; GAVE counts how often somebody has given way in a jam and got out of it."""
INTEGERS = 5

STAND, HOLD, GHOST, LEVEL = 1, 2, 4, 8
"""Bits of MODE: stand at the own target; stand still; the image on one storey of somebody on another, see
:mod:`sim.crowd.ground.seams`; can take no steps. Without the first two people follow their goal's field."""
ARRIVED, LOST, STANDING, YIELDS = 1, 2, 4, 8
"""Bits of STATE: has reached the goal; cannot reach it; is at the own target; gives way in a jam."""

f4 = np.float32
ZERO, ONE = f4(0), f4(1)

PUT = f4(-1)
"""JAM of somebody who stands at their place or in their goal. Others read it from the state at the start of the step,
where STATE may be of this step already, so that it does not matter which thread is ahead."""
NEVER = f4(1e30)
"""Nearest distance so far of somebody who has just been given a goal [m]."""

CELL, REACH = 0.7, 2
"""Edge of a neighbour cell [m], and how many cells away people are seen."""
SIGHT = f4(CELL * REACH)
MOST_NEAR = 256
TOUCHING = 24
"""At most so many people are looked at within sight, and kept as possible contacts."""
ALONE = -1
"""Mark of a person who can touch neither anybody nor a wall in this step."""
