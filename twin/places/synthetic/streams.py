"""Named streams of random numbers: a change in one part of the district leaves the others as they were."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of the named stream of this seed."""
    return np.random.default_rng(np.random.SeedSequence([seed, crc32(name.encode())]))
