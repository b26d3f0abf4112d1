"""Kinds of people: how fast they walk, how much room they take, whether they can take steps.

Speeds are free walking speeds on the level. Sources: Weidmann 1993 (mean of all pedestrians, and by age); Boyce, Shields
and Silcock 1999, as the SFPE handbook gives them (people with impaired mobility). Radii are those of discs that take up
as much width as a person with what they push or pull; where no measurement is named, numbers are assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Kind:
    """A kind of people: mean and standard deviation of the free speed [m/s], radius of the body [m], whether they can
    take no steps, their share of a mixed public, and where the numbers come from."""

    speed: tuple[float, float]
    radius: float
    step_free: bool
    share: float
    source: str


KindName = Literal["adult", "child", "elder", "wheelchair", "luggage", "pushchair"]

KINDS: dict[KindName, Kind] = {
    "adult": Kind((1.34, 0.26), 0.20, False, 0.66, "Weidmann 1993, all pedestrians"),
    "child": Kind((1.20, 0.22), 0.15, False, 0.10, "Weidmann 1993, about ten years; spread of 19 % as for other ages"),
    "elder": Kind((1.07, 0.20), 0.20, False, 0.15, "Weidmann 1993, 70 years; spread of 19 %"),
    "wheelchair": Kind((0.69, 0.35), 0.38, True, 0.01, "Boyce et al. 1999, manual wheelchairs; chairs 0.70 m wide"),
    "luggage": Kind((1.20, 0.24), 0.28, False, 0.05, "assumed: a tenth slower than adults, a case drawn behind"),
    "pushchair": Kind((1.15, 0.22), 0.32, True, 0.03, "assumed: a child's pace, 0.6 m wide and a metre long"),
}
"""Numbers by name. Shares add up to one; they are assumptions for a city's public, to be replaced by a count."""
