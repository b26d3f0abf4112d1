"""What keeping company costs: 10,000 people in groups of three cross a square in four directions.

    python tests/sim/long_company.py [PEOPLE]

prints the share of the CPU time of walking, at two densities. ``crowd/test_company.py`` has the behaviour.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import shapely

from sim.crowd import Crowd, Ground
from sim.crowd.behaviour.company import Companies

SECONDS = 20


def share(people: int, density: float) -> tuple[float, float]:
    """CPU seconds of walking and of keeping company, over 20 s of it, at so many people a square metre."""
    side = float(np.sqrt(people / density))
    ground = Ground(shapely.box(0, 0, side, side))
    edges = [(0, 0, 2, side), (side - 2, 0, side, side), (0, 0, side, 2), (0, side - 2, side, side)]
    for k, edge in enumerate(edges):
        ground.goal(f"edge {k}", shapely.box(*edge))
    random = np.random.default_rng(np.random.SeedSequence(1))
    company = np.arange(people) // 3
    groups = company[-1] + 1
    middle = random.uniform(4, side - 4, (groups, 2))[company]
    brisk = np.clip(random.normal(1.34, 0.26, people), 0.6, 2.0)
    pace = np.minimum.reduceat(brisk, np.arange(0, people, 3))[company]
    crowd, companies = Crowd(ground, seed=1), Companies(company, pace, brisk)
    xy = np.clip(middle + random.normal(0, 1, (people, 2)), 1, side - 1)
    crowd.add(xy, random.integers(0, 4, groups)[company], speed=pace)
    crowd.step(10)
    companies.keep_together(crowd, np.arange(people))
    walking = keeping = 0.0
    for _ in range(SECONDS):
        start = time.process_time()
        crowd.step(10)
        between = time.process_time()
        companies.keep_together(crowd, np.arange(people))
        walking, keeping = walking + between - start, keeping + time.process_time() - between
    return walking, keeping


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    share(2000, 1.0)  # compiles
    for per_m2 in (0.11, 1.0):
        walked, kept = share(count, per_m2)
        print(f"{count:,} people at {per_m2} /m2: walking {walked:.2f} s, company {kept:.3f} s, {100 * kept / walked:.1f} % more")
