"""Maps of a run as the scene draws them on the ground."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from sim.run import Run

RAMPS = {"density_mean": "cividis", "density_max": "cividis", "fruin": "fruin", "pressure_max": "cividis",
         "speed_mean": "viridis", "person_s": "cividis", "travel_time": "viridis"}
"""Maps that can be shown -> ramp; ``fruin`` is the highest density by Fruin's levels."""
UNITS = {"density_mean": "1/m²", "density_max": "1/m²", "fruin": "1/m²", "pressure_max": "1/s²", "speed_mean": "m/s",
         "person_s": "s", "travel_time": "s"}


def heat(run: Run, which: str, seed: int | None = None, *, minus: Run | None = None) -> dict[str, Any]:
    """The ``heat`` prop of the scene for one map; with ``minus`` the difference, zero in the middle of its range."""
    from viz.rows import map_difference
    key = "density_max" if which == "fruin" else which
    maps = run.maps(seed)
    values = maps[key] if minus is None else map_difference(run, minus, key)
    known = np.abs(values[np.isfinite(values)])
    top = _rounded(float(np.quantile(known[known > 0], 0.995))) if (known > 0).any() else 1.0
    if which == "fruin":
        top = 2.6
    asked = {
        name: value for name, value in (("seed", seed), ("minus", minus.name if minus else None)) if value is not None
    }
    x, y = (maps["origin"] - np.array(run.origin)).tolist()
    return {"url": f"/api/runs/{quote(run.name)}/maps/{key}" + (f"?{urlencode(asked)}" if asked else ""),
            "origin": [x, y], "cell": float(maps["cell"]), "shape": list(values.shape),
            "ramp": RAMPS[which] if minus is None else "diverging", "range": [0.0 if minus is None else -top, top],
            "opacity": 0.8}


def _rounded(value: float) -> float:
    """Up to the next 1, 2 or 5 times a power of ten, so that legends end in numbers one can read."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999))
