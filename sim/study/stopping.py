"""How many replications are enough: a fixed number, or as many as a wanted precision needs.

The half-width of a mean's 95 % interval (Student's t) shall be at most a share g of the mean. Because the mean is itself
estimated, replications go on until half-width / |mean| <= g / (1 + g) (Law, *Simulation Modeling and Analysis*, 5th ed.,
section 9.4.1). All layouts go on together, so that every seed has its pair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.study.compare import interval
from sim.study.crew import Crew
from sim.study.folder import Progress, Study
from twin.errors import BadInput

FEWEST = 5
"""Replications before the spread of a measure is believed."""
MOST = 1000


@dataclass(frozen=True)
class Precision:
    """A wanted precision: the half-width of the interval of ``measure`` as a share of its mean, and the ``most``
    replications of a layout that may be spent on it."""

    share: float
    measure: str
    most: int = 100

    def __post_init__(self) -> None:
        if not 0.001 <= self.share <= 1:
            raise BadInput(f"a precision of {self.share:.3%} cannot be had", mend="say 0.1% to 100%")
        if not FEWEST <= self.most <= MOST:
            raise BadInput(f"{self.most} replications at most do not do", mend=f"say {FEWEST} to {MOST}")


@dataclass(frozen=True)
class Reached:
    """How precise a layout is: ``share`` is half-width / |mean| (None where it cannot be told)."""

    layout: str
    n: int
    mean: float
    share: float | None
    enough: bool


def reached(study: Study, precision: Precision) -> list[Reached]:
    """How precise each layout of a study is by now."""
    out = []
    for name in study.layouts:
        values = study.measures(name).get(precision.measure)
        known = np.empty(0) if values is None else values.dropna().to_numpy(float)
        if len(known) < 2:
            out.append(Reached(name, len(known), float(known.mean()) if len(known) else float("nan"), None, False))
            continue
        mean, low, _ = interval(known)
        half = mean - low if low is not None else math.inf
        share = 0.0 if half == 0 else math.inf if mean == 0 else half / abs(mean)
        enough = len(known) >= FEWEST and share <= precision.share / (1 + precision.share)
        out.append(Reached(name, len(known), mean, share, enough))
    return out


def replicate_all(study: Study, crew: Crew, *, replications: int = FEWEST, precision: Precision | None = None,
                  frames: Literal["first", "all", "none"] = "none", on_progress: Progress | None = None) -> list[Reached]:
    """Replicate every layout of a study with the same seeds: ``replications`` of each, and with a ``precision`` as many
    more as it needs. Returns how precise each layout is (empty without a wanted precision).

    How many are asked for at a time depends on the results alone, never on who computes.
    """
    if not 1 <= replications <= MOST:
        raise BadInput(f"{replications} replications cannot be made", mend=f"ask for 1 to {MOST}")
    n = replications if precision is None else min(max(replications, FEWEST), precision.most)
    while True:
        seeds = range(study.first_seed, study.first_seed + n)
        study.complete([(name, seed) for seed in seeds for name in study.layouts], crew, frames=frames, on_progress=on_progress)
        if precision is None:
            return []
        study.require_measure(precision.measure)
        now = reached(study, precision)
        if all(r.enough for r in now) or n >= precision.most:
            return now
        n = min(max(_needed(r, precision) for r in now), 2 * n, precision.most)


def _needed(now: Reached, precision: Precision) -> int:
    """Replications that a layout needs if its spread stays what it is; one more than it has, at least."""
    if now.enough:
        return now.n
    if now.share is None or not math.isfinite(now.share):
        return 2 * max(now.n, 1)
    return max(now.n + 1, math.ceil(now.n * (now.share * (1 + precision.share) / precision.share) ** 2))
