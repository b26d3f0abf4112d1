"""Counting lines on the ground: who crosses them which way, with hysteresis so that nobody is counted for swaying."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from twin.camera.lens import Array

Direction = Literal["in", "out"]
HYSTERESIS_M = 0.3


class Line(BaseModel):
    """A counting line from ``start`` to ``end`` [m]; ``in`` is from its right hand to its left hand."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    id: str
    start: tuple[float, float] = Field(alias="from")
    end: tuple[float, float] = Field(alias="to")
    hysteresis: Annotated[float, Field(ge=0, le=5)] = HYSTERESIS_M

    @model_validator(mode="after")
    def _long_enough(self) -> Line:
        if np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]) < 0.3:
            raise ValueError(f"line {self.id} is shorter than 0.3 m")
        return self


class Crossing(NamedTuple):
    """Somebody crossed a line at a frame."""

    frame: int
    line: str
    direction: Direction


@dataclass
class Counter:
    """Counts the crossings of one line; a side counts once somebody stands ``hysteresis`` beyond it, within its length."""

    line: Line
    _sides: dict[int, int] = field(default_factory=dict)

    def step(self, frame: int, numbers: np.ndarray, places: Array) -> list[Crossing]:
        """Crossings at a frame by people with numbers (n,) at places (n, 2) [m]."""
        start = np.array(self.line.start)
        along = np.array(self.line.end) - start
        length = float(np.hypot(*along))
        off = np.asarray(places, float).reshape(-1, 2) - start
        beside = (along[0] * off[:, 1] - along[1] * off[:, 0]) / length
        on = off @ along / length
        crossed: list[Crossing] = []
        for number, side, at in zip(numbers.tolist(), beside, on, strict=True):
            if not 0 <= at <= length or abs(side) < self.line.hysteresis:
                continue
            now = 1 if side > 0 else -1
            if self._sides.get(number, now) != now:
                crossed.append(Crossing(frame, self.line.id, "in" if now > 0 else "out"))
            self._sides[number] = now
        return crossed

    def forget(self, alive: set[int]) -> None:
        """Drop people who are gone."""
        self._sides = {number: side for number, side in self._sides.items() if number in alive}
