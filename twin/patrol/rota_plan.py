"""A plan for a rota as a YAML file: units, days, and the shifts of a day with what each area needs."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from twin.cases.step import Id, Worker
from twin.errors import BadInput
from twin.patrol.rota import Rota, Shift, make_rota


class DailyShift(BaseModel):
    """A shift of every day: when it starts (local), how long it is, what each area needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    start: time
    hours: Annotated[float, Field(gt=0, le=24)]
    night: bool = False
    needs: Annotated[dict[Id, Annotated[int, Field(ge=0, le=500)]], Field(min_length=1)]

    @field_validator("start", mode="before")
    @classmethod
    def _clock(cls, value: object) -> object:
        return f"{value // 60:02d}:{value % 60:02d}" if isinstance(value, int) else value  # YAML 1.1 reads 22:00 as 1320


class RotaPlan(BaseModel):
    """What a rota is made from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    units: Annotated[tuple[Worker, ...], Field(min_length=1, max_length=1000)]
    start: date
    days: Annotated[int, Field(ge=1, le=366)] = 7
    zone: str = "Asia/Shanghai"
    shifts: Annotated[tuple[DailyShift, ...], Field(min_length=1, max_length=24)]
    rest_h: Annotated[float, Field(ge=0, le=72)] = 11.0
    most_running: Annotated[int, Field(ge=1, le=366)] = 3

    @field_validator("zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {name!r}") from error
        return name

    def each_shift(self) -> list[Shift]:
        """Every shift of every day, with its id, such as ``2026-01-05-day``."""
        zone = ZoneInfo(self.zone)
        made = []
        for k in range(self.days):
            day = self.start + timedelta(days=k)
            for shift in self.shifts:
                start = datetime.combine(day, shift.start, zone)
                made.append(Shift(id=f"{day}-{shift.id}", start=start, end=start + timedelta(hours=shift.hours),
                                  night=shift.night, needs=shift.needs))
        return made

    def rota(self) -> Rota:
        """The rota of the plan; raises :class:`BadInput` where there is none."""
        return make_rota(self.units, self.each_shift(), rest=timedelta(hours=self.rest_h), most_running=self.most_running)


def read_rota_plan(path: str | Path) -> RotaPlan:
    """Read a plan from YAML; raises :class:`BadInput` with what is wrong and where."""
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput("this is not a YAML file", where=str(path), mend="see docs/cases-and-patrol.md for an example") from error
    try:
        return RotaPlan.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(f"{field}: {first['msg'].removeprefix('Value error, ')}", where=str(path),
                       mend="see docs/cases-and-patrol.md for an example") from None
