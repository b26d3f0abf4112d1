"""Chance that depends on who and when only, so that the order in which people are moved does not matter."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.crowd.step.columns import ONE, f4


@njit(cache=True, fastmath=False, error_model="numpy")
def sway(person: int, slot: int, seed: np.uint32) -> np.float32:
    """Uniform number in [-1, 1) that depends on the person, the time slot and the seed only."""
    h = np.uint32(person) * np.uint32(0x9E3779B1) ^ np.uint32(slot) * np.uint32(0x85EBCA6B) ^ np.uint32(seed)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return f4(h & np.uint32(0xFFFFFF)) * f4(2 / 16777216) - ONE
