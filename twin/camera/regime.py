"""Which of two ways of counting holds: people one by one, or the crowd as a whole."""

from __future__ import annotations

import math
from typing import Literal

DENSE_ABOVE, SPARSE_BELOW = 1.1, 0.8
"""People per m2. Detectors find 64-83 % of the people at 1 /m2 and 11-13 % at 4."""
_DWELL_S = 2.0


class RegimeSwitch:
    """Switches between ``sparse`` and ``dense``, with hysteresis, once a density has held for two seconds."""

    def __init__(self, rate: float) -> None:
        self._dwell = max(round(_DWELL_S * rate), 1)
        self._held = 0
        self.regime: Literal["sparse", "dense"] = "sparse"

    def step(self, density: float) -> Literal["sparse", "dense"]:
        """The regime after a frame with this density [1/m2]; NaN (no estimator) leaves it sparse."""
        wants = density > DENSE_ABOVE if self.regime == "sparse" else density < SPARSE_BELOW
        self._held = self._held + 1 if wants and not math.isnan(density) else 0
        if self._held >= self._dwell:
            self.regime, self._held = ("dense" if self.regime == "sparse" else "sparse"), 0
        return self.regime
