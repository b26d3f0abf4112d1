"""Rendered views of known crowds through a camera's own lens: what the dense estimator is calibrated with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.camera.dense import Dense, fit_dense
from twin.camera.dense_evidence import Estimator
from twin.camera.lens import Lens
from viz.stills.models import Coloured
from viz.stills.synthetic_camera import Look, SyntheticCamera, plain_stage
from viz.stills.walkers import Walkers

DENSITIES = (0.3, 0.5, 0.8, 1.2, 1.7, 2.2, 2.8, 3.4, 4.0, 4.6, 5.2, 5.8, 6.4)
"""People per m2 of the views, in turns."""
_BEYOND_M = 2.0
"""People stand this far beyond the region too: a crowd does not end where counting does."""


def calibrated(lens: Lens, region: shapely.Polygon, *, plate: NDArray[np.uint8] | None = None, views: int = 60, seed: int = 1,
               stage: Coloured | None = None, on_view: Callable[[int], None] | None = None,
             estimator: Estimator = "texture") -> Dense:
    """A dense estimator for a camera: fitted to rendered crowds, with ``plate`` (its own empty view) subtracted."""
    middle = region.centroid.x, region.centroid.y
    with SyntheticCamera(lens, stage or plain_stage((0.0, 0.0), seed=seed), origin=middle, look=Look(seed=seed)) as camera:
        empty = camera.picture()

        def pictures() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float64]]]:
            rng = np.random.default_rng(seed)
            for k in range(views):
                walkers = standing(region, DENSITIES[k % len(DENSITIES)] * float(rng.uniform(0.9, 1.1)), rng)
                yield camera.picture(walkers), walkers.places
                if on_view:
                    on_view(k + 1)

        return fit_dense(lens, region, empty, pictures(), own_plate=plate, estimator=estimator)


def standing(region: shapely.Polygon, density: float, rng: np.random.Generator) -> Walkers:
    """A crowd of a density [1/m2] over a region and a little beyond; nobody nearer to another than bodies allow."""
    west, south, east, north = region.buffer(_BEYOND_M).bounds
    number = round(density * (east - west) * (north - south))
    least = 0.28 if density > 3 else 0.4
    places = spaced(number, (west, south, east, north), least, rng)
    headings = rng.normal(np.pi / 2, 0.4, len(places)) + np.pi * (rng.random(len(places)) < 0.5)
    return Walkers(places, headings, rng.random(len(places)), rng.integers(0, 1_000_000, len(places)))


def spaced(number: int, bounds: tuple[float, float, float, float], least: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Places (n, 2) at random in a rectangle, no two nearer than ``least`` [m]; as many as fit after many tries."""
    west, south, east, north = bounds
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    found: list[tuple[float, float]] = []
    for _ in range(60):
        for x, y in rng.uniform((west, south), (east, north), (max(number, 50), 2)).tolist():
            if len(found) >= number:
                return np.array(found).reshape(-1, 2)
            i, j = int(x // least), int(y // least)
            near = (p for a in (i - 1, i, i + 1) for b in (j - 1, j, j + 1) for p in taken.get((a, b), ()))
            if all((x - px) ** 2 + (y - py) ** 2 >= least**2 for px, py in near):
                taken.setdefault((i, j), []).append((x, y))
                found.append((x, y))
    return np.array(found).reshape(-1, 2)
