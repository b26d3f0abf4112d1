"""Storeys and stairs of a lab scenario."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from sim.lab.shapes import Area, Line
from sim.scenario import Finite, Model

UP, DOWN = 0.455, 0.518
"""Speed in the plan on stairs, as shares of the free speed on the level: 0.61 and 0.694 of 1.34 m/s (Weidmann 1993)."""

Share = Annotated[float, Field(ge=0.05, le=1.5)]
Speed = Annotated[float, Field(gt=0, le=2)]


class Storey(Model):
    """A storey of a house: its walkable plan and how high it lies."""

    walkable: Area
    elevation_m: Finite | None = None


class Stairs(Model):
    """A straight flight of stairs from a storey up to another, with the edges where people step on it: ``foot`` and
    ``head``.

    ``up`` and ``down`` are shares of everybody's free speed, in the plan; ``up_m_per_s`` and ``down_m_per_s`` instead are
    what the people of the scenario walk at on average. ``oneway`` allows one direction only. ``most_per_s`` is how many
    people a second get on, at the foot and at the head together. Who can take no steps does not take stairs.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    name: str
    lower: str = Field(alias="from")
    upper: str = Field(alias="to")
    area: Area
    foot: Line
    head: Line
    up: Share | None = None
    down: Share | None = None
    up_m_per_s: Speed | None = None
    down_m_per_s: Speed | None = None
    oneway: Literal["up", "down"] | None = None
    most_per_s: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_speed(self) -> Stairs:
        for way in ("up", "down"):
            if getattr(self, way) is not None and getattr(self, f"{way}_m_per_s") is not None:
                raise ValueError(f"give either {way} or {way}_m_per_s")
        return self

    def shares(self, mean_speed: float) -> tuple[float, float]:
        """Shares of the free speed up and down, for people who walk at a mean free speed [m/s]."""
        up = self.up_m_per_s / mean_speed if self.up_m_per_s else self.up or UP
        down = self.down_m_per_s / mean_speed if self.down_m_per_s else self.down or DOWN
        return up, down
