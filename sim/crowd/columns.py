"""The columns that people are kept in, and the marks in them.

Rows are people. ``R (12, cap) float32`` holds the real numbers and ``Z (4, cap) int32`` the whole ones;
coordinates are local metres from the ground's origin.
"""

from __future__ import annotations

import numpy as np

X, Y, HX, HY, SPEED, FREE, RADIUS, TX, TY, BEST, SINCE, LEFT = range(12)
"""Rows of R: position, heading, speed, free speed, radius, own target, nearest distance to the goal so far
and when it was reached, distance to go."""
REALS = 12
ID, GOAL, MODE, STATE = range(4)
"""Rows of Z."""
INTEGERS = 4

STAND, HOLD = 1, 2
"""Bits of MODE: stand at the own target; stand still. Without them people follow their goal's field."""
ARRIVED, LOST, STANDING = 1, 2, 4
"""Bits of STATE: has reached the goal; cannot reach it; is at the own target."""

f4 = np.float32
ZERO, ONE = f4(0), f4(1)

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
