"""How well a population meets its controls: by control, absolute and relative error, and the standardised root mean square."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PERSONS = 5.0
SHARE = 0.01


@dataclass(frozen=True)
class Fit:
    """Totals asked and met: ``target`` and ``fitted`` are (zones, controls) float64.

    ``compromises`` says in sentences which controls contradict each other and what was met instead.
    """

    controls: tuple[str, ...]
    zones: tuple[str, ...]
    target: NDArray[np.float64]
    fitted: NDArray[np.float64]
    compromises: tuple[str, ...] = field(default=())

    @property
    def srmse(self) -> float:
        """Root mean square error over all controls and zones, divided by the mean total (Knudsen and Fotheringham 1986)."""
        return _srmse(self.target, self.fitted)

    @property
    def srmse_of_rounding(self) -> float:
        """The least SRMSE that any population of whole people can have: every total rounded by itself.

        0 where all totals are whole numbers. Nothing can be nearer, and this bound need not be reached, because totals that
        are rounded one by one need not agree with each other.
        """
        return _srmse(self.target, np.round(self.target))

    @property
    def srmse_of_totals(self) -> float:
        """The same over the controls of the whole place: rounding in small zones does not count."""
        return _srmse(self.target.sum(axis=0), self.fitted.sum(axis=0))

    @property
    def met(self) -> bool:
        """Whether every control, summed over the zones, is within 1 % or 5."""
        return bool(self.by_control()["met"].all())

    def by_control(self) -> pd.DataFrame:
        """One row a control: ``control, target, fitted, error, relative, worst_zone_error, srmse, met``.

        ``error`` is that of the whole place, ``worst_zone_error`` the largest in any zone; ``met`` is within 1 % or 5.
        """
        target, fitted = self.target.sum(axis=0), self.fitted.sum(axis=0)
        error = fitted - target
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(target > 0, error / target, np.where(error == 0, 0.0, np.inf))
        return pd.DataFrame({
            "control": self.controls, "target": target, "fitted": fitted, "error": error, "relative": relative,
            "worst_zone_error": np.abs(self.fitted - self.target).max(axis=0),
            "srmse": [_srmse(self.target[:, k], self.fitted[:, k]) for k in range(len(self.controls))],
            "met": np.abs(error) <= np.maximum(SHARE * target, PERSONS)})

    @property
    def zones_met(self) -> float:
        """Share of all totals of single zones that are met within 1 % or 5."""
        return float((np.abs(self.fitted - self.target) <= np.maximum(SHARE * self.target, PERSONS)).mean())

    def as_json(self) -> dict[str, Any]:
        """Everything that the report says."""
        return {"zones": len(self.zones), "srmse": self.srmse, "srmse_of_totals": self.srmse_of_totals,
                "srmse_of_rounding": self.srmse_of_rounding, "met": self.met,
                "zone_totals_met": self.zones_met,
                "controls": self.by_control().to_dict("records"), "compromises": list(self.compromises)}


def _srmse(target: NDArray[np.float64], fitted: NDArray[np.float64]) -> float:
    mean = float(target.mean())
    return float(np.sqrt(((fitted - target) ** 2).mean())) / mean if mean > 0 else 0.0
