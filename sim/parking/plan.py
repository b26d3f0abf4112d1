"""The plan of a parking night (``kind: parking`` in a scenario file): the cars, the rules, and the options to compare.

Times are seconds after ``start``, lengths metres, money whole currency units. Places are given as everywhere in
scenarios: an object id, coordinates in the district's CRS, or WKT.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.scenario import AreaRef, Arrivals, Count, Distribution, LineRef, Model, PointRef, Positive, Seconds

Share = Annotated[float, Field(ge=0, le=1)]
Capacity = Annotated[int, Field(ge=1, le=100_000)]
Access = Literal["public", "residents", "permit", "private", "customers"]
Direction = Literal["no", "forward", "backward"]


class Residents(Model):
    """Cars that live here: how many, when they come home, when they leave in the morning."""

    cars: Count | None = Field(default=None, description="how many; else cars_per_100_m2 of dwelling floor area")
    cars_per_100_m2: Annotated[float, Field(ge=0, le=20)] = 0.4
    home_at_start: Share = Field(default=0.3, description="share that stands at home already when the night begins")
    arrive: Arrivals = Arrivals(normal=(11_700, 5_400))
    leave: Arrivals = Arrivals(normal=(59_400, 4_000))
    permit: Share = Field(default=0.5, description="share that holds a permit")


class Visitors(Model):
    """Cars that come for a while."""

    cars: Count = 0
    arrive: Arrivals = Arrivals(normal=(10_800, 5_400))
    stay: Distribution = Distribution(lognormal=(7_200, 3_600))


class Drivers(Model):
    """What drivers weigh and know; the sources are in docs/parking.md."""

    search_speed: Positive = Field(default=3.33, description="while looking for a bay [m/s]; 12 km/h")
    drive_speed: Positive = Field(default=5.56, description="on the way here [m/s]; 20 km/h")
    walk_speed: Positive = 1.34
    walk_weight: Positive = Field(default=2.0, description="a second on foot in seconds at the wheel")
    walk_limit_m: Positive = Field(default=500.0, description="further from home nobody looks")
    illegal_walk_m: Positive = Field(default=200.0, description="nobody breaks a rule further from home than this")
    value_of_time: Positive = Field(default=30.0, description="money for an hour")
    taste_s: Positive = Field(default=30.0, description="scale of what drivers see differently (Gumbel) [s]")
    patience: Distribution = Distribution(lognormal=(900, 480))
    sight_m: Annotated[float, Field(ge=0, le=500)] = Field(default=40.0, description="how far a free bay is seen")
    memory_s: Positive = Field(default=600.0, description="how long a row that was full is passed over")
    fine: Annotated[float, Field(ge=0)] = 200.0
    caught: Share = Field(default=0.05, description="chance of a fine for a night in a fire lane or on a footway")
    scruple: Distribution = Distribution(lognormal=(600, 600))


class Fire(Model):
    """What a fire engine needs to pass."""

    clear_width_m: Positive = Field(default=3.5, description="free width beside a parked car")
    car_width_m: Positive = 2.0
    hose_m: Annotated[float, Field(ge=0)] = Field(default=40.0, description="reached on foot from where the engine stops")
    footway_min_m: Positive = Field(default=1.5, description="narrower than this beside a kerb no car fits on the footway")


class Timed(Model):
    """Part of the night, from and until [s after start]; open ends mean its start and end."""

    from_s: Seconds = 0.0
    until_s: Seconds | None = None


class Lot(Timed):
    """A new lot or garage: ``area`` is its ground. Cars drive in from the nearest street."""

    id: str
    area: AreaRef
    capacity: Capacity
    kind: Literal["lot", "garage"] = "lot"
    access: Access = "residents"
    price: Annotated[float, Field(ge=0)] = 0.0


class Row(Model):
    """New bays along a street or lane, on one side: a street's id or a line, and how many bays."""

    id: str
    along: LineRef
    capacity: Capacity
    kind: Literal["kerb", "lane"] = "lane"
    access: Access = "residents"
    price: Annotated[float, Field(ge=0)] = 0.0


class Rule(Timed):
    """A rule for some bays, as data. ``bays`` are ids; without them the rule holds for every row of ``kinds``.

    ``access`` says who may park; with ``access_from_s`` or ``access_until_s`` that holds between these times only (permits by
    hour), and before and after it is as it was. ``price`` is what a stay costs, ``max_stay_s`` how long one may stay,
    ``from_s`` and ``until_s`` when it is open (an office lot shared at night), ``taken`` how many bays its owners keep,
    ``grid`` the grid whose residents manage it for themselves.
    """

    bays: list[str] = Field(default_factory=list)
    kinds: list[Literal["bay", "kerb", "lane", "lot", "garage"]] = Field(default_factory=list)
    access: Access | None = None
    access_from_s: Seconds | None = None
    access_until_s: Seconds | None = None
    price: Annotated[float, Field(ge=0)] | None = None
    max_stay_s: Positive | None = None
    taken: Count = 0
    grid: str | None = None
    signed: bool | None = Field(default=None, description="a sign on the way tells how many bays are free")

    @model_validator(mode="after")
    def _some(self) -> Rule:
        if not self.bays and not self.kinds:
            raise ValueError("a rule needs bays or kinds to hold for")
        if self.by_hour and self.access is None:
            raise ValueError("access_from_s and access_until_s need an access that holds between them")
        if self.by_hour and (self.access_from_s or 0.0) >= (self.access_until_s or math.inf):
            raise ValueError("access_from_s must come before access_until_s")
        return self

    @property
    def by_hour(self) -> bool:
        """Whether the access holds for a part of the night only."""
        return self.access_from_s is not None or self.access_until_s is not None


class Option(Model):
    """One way to change the night: everything that is not named stays as it is."""

    title: str = ""
    lots: list[Lot] = Field(default_factory=list)
    rows: list[Row] = Field(default_factory=list)
    rules: list[Rule] = Field(default_factory=list)
    close: list[str] = Field(default_factory=list, description="ids of bays that are closed all night")
    one_way: dict[str, Direction] = Field(default_factory=dict, description="street id: direction for cars")
    permit: Share | None = Field(default=None, description="share of residents with a permit")


class Site(Model):
    """A candidate for a new lot, for ``hutong search``."""

    id: str
    at: PointRef
    capacity: Capacity
    price: Annotated[float, Field(ge=0)] = 0.0


class ParkingPlan(Model):
    """A parking night: district, cars, rules and options. The option ``as it is`` is always there."""

    kind: Literal["parking"] = "parking"
    name: str
    title: str = ""
    district: str | None = None
    synthetic: Literal["xichangan"] | None = None
    start: datetime
    duration_s: Annotated[float, Field(gt=0, le=172_800)] = 68_400
    seed: Annotated[int, Field(ge=0)] = 1
    residents: Residents = Residents()
    visitors: Visitors = Visitors()
    drivers: Drivers = Drivers()
    fire: Fire = Fire()
    gates: list[PointRef] = Field(default_factory=list, description="where cars come in; the district's edge if empty")
    rules: list[Rule] = Field(default_factory=list)
    options: dict[str, Option] = Field(default_factory=dict)
    sites: list[Site] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> ParkingPlan:
        if (self.district is None) == (self.synthetic is None):
            raise ValueError("name a district: either `district: FILE.gpkg` or `synthetic: xichangan`")
        if self.start.tzinfo is None:
            raise ValueError("start needs a time zone, such as 2026-10-01T15:00:00+08:00")
        if AS_IT_IS in self.options:
            raise ValueError(f"the option {AS_IT_IS!r} is always there; give this one another name")
        if len({site.id for site in self.sites}) < len(self.sites):
            raise ValueError("two sites have one id")
        return self

    def option(self, name: str) -> Option | None:
        """An option by name; None for an unknown one."""
        return Option() if name == AS_IT_IS else self.options.get(name)


AS_IT_IS = "as it is"
"""The option that changes nothing."""

__all__ = ["AS_IT_IS", "Access", "Drivers", "Fire", "Lot", "Option", "ParkingPlan", "Residents", "Row", "Rule",
           "Site", "Visitors"]
