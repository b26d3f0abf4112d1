"""The terms that scenario files of every kind are written in: numbers, places, spans of time, distributions, staff.

A *place in the district* is given in one of three ways, everywhere: the id of an object of the district, coordinates
in the district's CRS (``[x, y]``, or WKT for lines and areas), or ``{lon: .., lat: ..}`` for a point.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Finite = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Model(BaseModel):
    """Every part of a scenario: unknown keys are refused, so that a typing error is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class LonLat(Model):
    """A point in WGS84 degrees."""

    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]


PointRef = str | tuple[Finite, Finite] | LonLat
"""An object id, ``[x, y]`` in the district's CRS, or ``{lon, lat}``."""
LineRef = str | list[tuple[Finite, Finite]]
"""An object id, WKT, or a list of ``[x, y]``."""
AreaRef = str | list[tuple[Finite, Finite]]
"""An object id, WKT, or the ring of a polygon as a list of ``[x, y]``."""


class Distribution(Model):
    """A random number: exactly one key. ``normal``, ``lognormal`` and ``gamma`` take the mean and the standard
    deviation of the number itself."""

    constant: Finite | None = None
    uniform: tuple[Finite, Finite] | None = None
    normal: tuple[Finite, Positive] | None = None
    lognormal: tuple[Positive, Positive] | None = None
    gamma: tuple[Positive, Positive] | None = None
    exponential: Positive | None = None
    empirical: list[Finite] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> Distribution:
        if len(self.model_fields_set) != 1:
            raise ValueError("a distribution needs exactly one of constant, uniform, normal, lognormal, gamma, "
                             "exponential, empirical")
        if self.uniform and self.uniform[0] > self.uniform[1]:
            raise ValueError("uniform needs its lower end first")
        return self


class Span(Model):
    """From when until when something holds; open ends mean the start and the end of the rehearsal."""

    from_s: Seconds = 0.0
    until_s: Seconds | None = None


StaffKind = Literal["steward", "medic", "police", "guard", "fire", "traffic", "volunteer"]
"""Kinds of staff: who may be sent to what."""
