"""A parking night: a Mesa model whose events are the rules of lots, the hours and the end, and whose cars are columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import mesa
import numpy as np
from numpy.typing import NDArray

from sim import where
from sim.clock import Model, Schedule
from sim.draw import stream
from sim.parking.demand import Cars, Homes, cars_by_courtyard, draw_cars, homes_of
from sim.parking.network import JOIN_M, Network, street_network
from sim.parking.plan import AS_IT_IS, Option, ParkingPlan
from sim.parking.search import COMING, NEVER, PARKED, advance
from sim.parking.supply import Supply, supply_of
from twin.errors import BadInput
from twin.places import District

ELSEWHERE_S = 2400.0
"""What it costs a driver to park outside the district and come back on foot or by bus [s]."""


@dataclass(frozen=True)
class Scene:
    """A district made ready for nights with one option: what does not depend on the seed.

    ``near`` holds for each home its places within walking distance: ``start (h + 1,)``, ``place``, ``walk`` [m].
    ``from_place (p, p)`` and ``from_gate (g, p)`` are ways to drive [m].
    """

    supply: Supply
    homes: Homes
    residents: NDArray[np.int64]
    network: Network
    near: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
    from_place: NDArray[np.float32]
    from_gate: NDArray[np.float32]

    def unreachable(self) -> list[str]:
        """Ids of legal places with bays that no car can drive to: too far from every street, or cut off."""
        lost = ~np.isfinite(self.from_gate).any(axis=0) & self.supply.legal & (self.supply.capacity > 0)
        return [str(name) for name in self.supply.id[lost]]


def scene_of(district: District, plan: ParkingPlan, option: str | Option = AS_IT_IS,
             residents: NDArray[np.int64] | None = None) -> Scene:
    """Make a district ready with an option. ``residents (courtyards,)`` are their cars; by floor area if missing.

    Raises :class:`BadInput` for an unknown option, and for what :func:`supply_of` and :func:`street_network` refuse.
    """
    chosen = plan.option(option) if isinstance(option, str) else option
    if chosen is None:
        raise BadInput(f"there is no option {option!r}", where=plan.name, mend=f"choose {AS_IT_IS!r} or one of the options")
    supply, homes = supply_of(district, plan, chosen), homes_of(district)
    count = cars_by_courtyard(homes, plan) if residents is None else np.asarray(residents, np.int64)
    if count.shape != (len(homes.id),) or (count < 0).any():
        raise BadInput(f"the cars by courtyard are {count.shape}, not {len(homes.id)} counts of 0 or more", where=plan.name,
                       mend="give one count a courtyard, in the order of the table")
    gates = np.array([[p.x, p.y] for p in (where.point(district, g, "gate") for g in plan.gates)]).reshape(-1, 2)
    points = np.concatenate([supply.xy, homes.xy])
    streets: list[str | None] = [*supply.street, *[None] * len(homes.xy)]
    network = street_network(district, points, one_way=dict(chosen.one_way), streets=streets,
                             gates=gates if len(gates) else None)
    scene = ready(supply, homes, count, network, plan)
    for lot in chosen.lots:
        if not np.isfinite(scene.from_gate[:, list(supply.id).index(lot.id)]).any():
            raise BadInput(f"no car can drive to the lot {lot.id}", where=plan.name,
                           mend="put it on a street that is joined to the others, or mend the one-way streets")
    return scene


def ready(supply: Supply, homes: Homes, residents: NDArray[np.int64], network: Network, plan: ParkingPlan) -> Scene:
    """Work out the ways: to drive between places and from the gates, to walk home."""
    p = len(supply)
    at, off = network.joined, network.off
    from_place = network.distances(at[:p], at[:p], "drive")
    from_gate = network.distances(network.gates, at[:p], "drive")
    far = off[:p] > JOIN_M
    from_place[:, far], from_gate[:, far] = np.inf, np.inf
    limit = plan.drivers.walk_limit_m
    walk = network.distances(at[:p], at[p:], "walk", limit).T + off[p:, None] + off[None, :p]
    reach = walk <= np.where(supply.legal, limit, min(plan.drivers.illegal_walk_m, limit))
    start = np.concatenate([[0], np.cumsum(reach.sum(1))])
    return Scene(supply, homes, residents, network,
                 (start.astype(np.int64), np.nonzero(reach)[1].astype(np.int64), walk[reach].astype(np.float32)),
                 from_place, from_gate)


class TimedPlace(mesa.Agent):
    """A place that is not always open: its opening and closing are events of the night."""

    def __init__(self, model: Night, place: int) -> None:
        super().__init__(model)
        self.place = place
        supply, end = model.scene.supply, model.plan.duration_s
        self.open = bool(supply.opens[place] <= 0)
        for change, at in ((self.opens, supply.opens[place]), (self.closes, supply.closes[place])):
            if 0 < at < end:
                model.schedule_event(change, at=float(at))

    def opens(self) -> None:
        """The gate goes up; who came before it had to look elsewhere."""
        self.model.let_cars_act()
        self.open = True
        self.model.log.append((self.model.time, "opens", str(self.model.scene.supply.id[self.place])))

    def closes(self) -> None:
        """The gate goes down. Nobody stands there any more: drivers who stay longer may not go in."""
        self.model.let_cars_act()
        self.open = False
        self.model.log.append((self.model.time, "closes", str(self.model.scene.supply.id[self.place])))


class Night(Model):
    """One night of one option with one seed. ``run()`` lets it pass; then the columns of :attr:`columns` are final.

    ``permit (c,) bool`` tells which cars hold one. ``log`` is what Mesa's agents did: (time, what, id).
    ``hourly (hours + 1, p) int32`` is who stood where each hour.
    """

    def __init__(self, scene: Scene, plan: ParkingPlan, seed: int, *, permit: float | None = None,
                 cars: Cars | None = None) -> None:
        super().__init__(rng=stream(seed, "parking night"))
        self.scene, self.plan = scene, plan
        self.cars = draw_cars(plan, scene.homes, scene.residents, seed) if cars is None else cars
        self.log: list[tuple[float, str, str]] = []
        self.hourly: list[NDArray[np.int32]] = []
        self.shared_twice = 0
        self._prepare(plan.residents.permit if permit is None else permit)
        self.timed = [TimedPlace(self, k) for k in self._places_with_hours()]
        self.schedule_recurring(self._note_hour, Schedule(interval=3600.0, start=0.0, end=plan.duration_s))

    def _places_with_hours(self) -> list[int]:
        supply = self.scene.supply
        return np.flatnonzero((supply.opens > 0) | (supply.closes < self.plan.duration_s)).tolist()

    def _prepare(self, permit: float) -> None:
        cars, supply, drivers, n = self.cars, self.scene.supply, self.plan.drivers, len(self.cars)
        grid = self.scene.homes.grid[cars.home]
        self.permit = cars.resident & (cars.permit_draw < permit)
        self._of_cars = (cars.home, cars.resident, self.permit, grid, cars.leaves, cars.patience,
                         cars.scruple, cars.key)
        self._of_places = (supply.capacity, supply.opens, supply.closes, supply.access, supply.price, supply.max_stay,
                           supply.grid, supply.signed, supply.legal, supply.key, supply.timed_access, supply.timed_from,
                           supply.timed_until)
        gates = np.minimum((cars.gate_draw * len(self.scene.from_gate)).astype(np.int64), len(self.scene.from_gate) - 1)
        self._ways = (self.scene.from_place, self.scene.from_gate, gates)
        money = 3600.0 / drivers.value_of_time
        self._weights = (drivers.walk_weight / drivers.walk_speed, money, drivers.taste_s, drivers.memory_s, drivers.sight_m,
                         drivers.search_speed, drivers.drive_speed, drivers.caught * drivers.fine * money, ELSEWHERE_S)
        first = supply.first_bay
        spare = np.arange(first[-1], dtype=np.int64)
        self.columns: dict[str, NDArray[Any]] = {
            "state": np.full(n, COMING, np.int8), "target": np.full(n, -1, np.int64), "bay": np.full(n, -1, np.int64),
            "place": np.full(n, -1, np.int64), "times": np.full((n, 3), np.nan), "driven": np.zeros(n),
            "tries": np.zeros(n, np.int32)}
        self.free = supply.capacity.copy()
        self._bays = (spare, first, np.full(first[-1], -1, np.int64))
        notes = np.diff(self.scene.near[0])[cars.home]
        self._memory = (np.full(int(notes.sum()), NEVER, np.float32), np.cumsum(notes) - notes)
        self._times = cars.enters.astype(float).copy()
        self._heap = np.lexsort((np.arange(n), self._times)).astype(np.int64)  # a sorted row is a heap
        self._waiting = n

    def let_cars_act(self, inclusive: bool = False) -> None:
        """Let every car do what it does before now."""
        c = self.columns
        spare, first, in_bay = self._bays
        self._waiting, twice = advance(
            self.time, inclusive, self._waiting, self._heap, self._times, self._of_cars, self._of_places, self.scene.near,
            self._ways, self._weights, self.free, spare, first, in_bay, c["state"], c["target"], c["bay"], c["place"],
            c["times"], c["driven"], c["tries"], *self._memory)
        self.shared_twice += twice

    def _note_hour(self) -> None:
        self.let_cars_act()
        self.hourly.append((self.scene.supply.capacity - self.free).astype(np.int32))

    def run(self) -> Night:
        """Let the night pass."""
        self.run_until(self.plan.duration_s)
        self.let_cars_act(inclusive=True)
        return self

    def standing(self, time_s: float) -> NDArray[np.int64]:
        """Numbers of the cars that are parked at a time, after :meth:`run`."""
        parked = self.columns["times"][:, 1]
        return np.flatnonzero((parked <= time_s) & (time_s < np.maximum(self.cars.leaves, parked + 1.0)))


def spend_night(district: District, plan: ParkingPlan, option: str = AS_IT_IS, seed: int | None = None,
                scene: Scene | None = None) -> Night:
    """Spend one night with an option; the plan's own seed if none is given."""
    scene = scene_of(district, plan, option) if scene is None else scene
    chosen = plan.option(option)
    return Night(scene, plan, plan.seed if seed is None else seed, permit=chosen.permit if chosen else None).run()


def without_supply(scene: Scene, closed: NDArray[np.bool_]) -> Scene:
    """The same scene with some places closed all night, (p,)."""
    capacity = np.where(closed, 0, scene.supply.capacity).astype(np.int32)
    return replace(scene, supply=replace(scene.supply, capacity=capacity))


__all__ = ["ELSEWHERE_S", "PARKED", "Night", "Scene", "TimedPlace", "ready", "scene_of", "spend_night", "without_supply"]
