"""A declared operation: the only time and purpose for which live positions may be taken in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from twin.live.observation import CallSign, Moment, Text, Token

LONGEST = timedelta(days=14)


class Operation(BaseModel):
    """Who may be followed, from when to when, and what for. Positions are kept ``keep_positions_h`` hours."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: Token
    purpose: Annotated[Text, Field(min_length=3)]
    start: Moment
    end: Moment
    units: tuple[CallSign, ...] = Field(default=(), description="call-signs that take part; empty for every unit on shift")
    grids: tuple[Token, ...] = Field(default=(), description="grids that it covers; empty for the district")
    keep_positions_h: Annotated[float, Field(gt=0, le=72)] = 24.0

    @model_validator(mode="after")
    def _bounded(self) -> Operation:
        if not self.start < self.end:
            raise ValueError("an operation ends after it starts")
        if self.end - self.start > LONGEST:
            raise ValueError(f"an operation lasts at most {LONGEST.days} days: declare the next one when it is needed")
        return self

    def covers(self, unit: str, moment: datetime) -> bool:
        """Whether a unit may be followed at a moment."""
        return self.start <= moment <= self.end and (not self.units or unit in self.units)
