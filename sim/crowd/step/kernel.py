"""Time steps for everybody, in Numba: sort, stride, part bodies, settle."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from sim.crowd.ground.terrain import Terrain
from sim.crowd.step.columns import BEST, CELL, HX, HY, INTEGERS, JAM, NEVER, RADIUS, REALS, SPEED, ZERO, X, Y, f4
from sim.crowd.step.contact import part_bodies
from sim.crowd.step.fetch import fetch
from sim.crowd.step.stride import walk

PASSES = 4
"""Passes over the contacts in a step; even."""
CHUNK = 256
"""Rows that a thread takes at a time."""
HARD, PUSH_SPEED = 6, 21
"""Where these two stand among the numbers of :class:`sim.crowd.parameters.Parameters`."""


@njit(cache=True, fastmath=False, error_model="numpy")
def sort_people(R: np.ndarray, Z: np.ndarray, n: int, width: int, height: int, across: np.float32,
                R2: np.ndarray,
                Z2: np.ndarray, start: np.ndarray, cell: np.ndarray) -> None:
    """Counting sort of the rows by grid cell, from R, Z to R2, Z2; ``start (width*height + 2,)``.

    The grid is wrapped on a torus of width x height cells, so that its size goes with the number of people,
    not with the site; whoever is in the same cell but far away is told apart by distance.
    """
    start[:] = 0
    for i in range(n):
        c = (int(R[Y, i] / f4(CELL)) % height) * width + int(R[X, i] / across) % width
        cell[i] = c
        start[c + 2] += 1
    for c in range(width * height):
        start[c + 2] += start[c + 1]
    for i in range(n):
        c = cell[i] + 1
        k = start[c]
        start[c] += 1
        for q in range(REALS):
            R2[q, k] = R[q, i]
        for q in range(INTEGERS):
            Z2[q, k] = Z[q, i]


@njit(cache=True, fastmath=False, error_model="numpy")
def _settle(n: int, moved: np.ndarray, R: np.ndarray, period: np.float32,
            low: np.float32) -> None:
    for i in range(n):
        x = moved[0, i]
        if period > ZERO:
            if x >= low + period:
                x -= period
                R[BEST, i] = NEVER
            elif x < low:
                x += period
                R[BEST, i] = NEVER
        R[X, i] = x
        R[Y, i] = moved[1, i]
        R[HX, i] = moved[2, i]
        R[HY, i] = moved[3, i]
        R[SPEED, i] = moved[4, i]
        R[JAM, i] = moved[6, i]


@njit(cache=True, error_model="numpy", fastmath=False)
def advance(steps: int, n: int, R: np.ndarray, Z: np.ndarray, R2: np.ndarray, Z2: np.ndarray,
            moved: np.ndarray, spare: np.ndarray, start: np.ndarray, cell: np.ndarray, touch: np.ndarray,
            touching: np.ndarray, width: int, height: int, across: np.float32, period: np.float32,
            low: np.float32,
            ground: Terrain, behaviour: tuple, dt: float, first: int, slot_steps: int,
            seed: np.uint32) -> None:
    """``steps`` time steps of n people on one thread; the state is in R, Z if steps is even, else in R2,
    Z2."""
    for k in range(steps):
        sort_people(R, Z, n, width, height, across, R2, Z2, start, cell)
        now = f4((first + k) * dt)
        for lo in range(0, n, CHUNK):
            fetch(lo, min(lo + CHUNK, n), R2, Z2, ground, moved)
            walk(lo, min(lo + CHUNK, n), R2, Z2, start, width, height, across, period, ground, behaviour, f4(dt), now,
                 (first + k) // slot_steps, seed, moved, touch, touching)
        cap = behaviour[PUSH_SPEED] * f4(dt)
        for _ in range(PASSES // 2):
            part_bodies(0, n, moved, spare, moved, R2, Z2, ground, behaviour[HARD], cap,
                        period, touch,
                        touching)
            part_bodies(0, n, spare, moved, moved, R2, Z2, ground, behaviour[HARD], cap,
                        period, touch,
                        touching)
        _settle(n, moved, R2, period, low)
        R, R2 = R2, R
        Z, Z2 = Z2, Z


@njit(cache=True, error_model="numpy", parallel=True, fastmath=False)
def advance_threads(steps: int, n: int, R: np.ndarray, Z: np.ndarray, R2: np.ndarray, Z2: np.ndarray,
                    moved: np.ndarray, spare: np.ndarray, start: np.ndarray, cell: np.ndarray,
                    touch: np.ndarray, touching: np.ndarray, width: int, height: int, across: np.float32,
                    period: np.float32, low: np.float32, ground: Terrain, behaviour: tuple, dt: float,
                    first: int,
                    slot_steps: int, seed: np.uint32) -> None:
    """The same with the rows shared between threads; equal results, bit for bit."""
    chunks = (n + CHUNK - 1) // CHUNK
    for k in range(steps):
        sort_people(R, Z, n, width, height, across, R2, Z2, start, cell)
        now = f4((first + k) * dt)
        cap = behaviour[PUSH_SPEED] * f4(dt)
        for q in prange(chunks):
            fetch(q * CHUNK, min((q + 1) * CHUNK, n), R2, Z2, ground, moved)
            walk(q * CHUNK, min((q + 1) * CHUNK, n), R2, Z2, start, width, height, across, period, ground,
                  behaviour, f4(dt), now,
                  (first + k) // slot_steps, seed, moved, touch, touching)
        for _ in range(PASSES // 2):
            for q in prange(chunks):
                part_bodies(q * CHUNK, min((q + 1) * CHUNK, n), moved, spare, moved, R2, Z2, ground,
                            behaviour[HARD],
                             cap, period, touch, touching)
            for q in prange(chunks):
                part_bodies(q * CHUNK, min((q + 1) * CHUNK, n), spare, moved, moved, R2, Z2, ground,
                            behaviour[HARD],
                             cap, period, touch, touching)
        _settle(n, moved, R2, period, low)
        R, R2 = R2, R
        Z, Z2 = Z2, Z


@njit(cache=True, fastmath=False, error_model="numpy")
def fitting(xy: np.ndarray, radius: np.ndarray, R: np.ndarray, n: int, hard: np.float32) -> np.ndarray:
    """Whether newcomers (m, 2) at local places overlap nobody: (m,) bool."""
    out = np.ones(len(xy), np.bool_)
    for k in range(len(xy)):
        for i in range(n):
            dx, dy = R[X, i] - xy[k, 0], R[Y, i] - xy[k, 1]
            reach = (R[RADIUS, i] + radius[k]) * hard
            if dx * dx + dy * dy < reach * reach:
                out[k] = False
                break
    return out
