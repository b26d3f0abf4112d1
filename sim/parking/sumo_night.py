"""The night of the bench in SUMO micro: the same streets, kerbs, cars and hours, as a peer to compare with.

SUMO (Alvarez Lopez et al. 2018) moves every car once a second along lanes. A car drives to the kerb where it belongs;
where that is full, a rerouter on the street offers the kerbs within reach, of which the driver does not know whether
they have a free bay. SUMO is no part of Hutong: it is asked only where ``pip install eclipse-sumo`` has put it.
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from sim.parking.demand import Cars
from sim.parking.grid import BLOCK_M, coming_home, grid_plan, grid_scene
from sim.parking.night import Night, Scene
from sim.parking.plan import Drivers, ParkingPlan
from sim.scenario import Distribution
from twin.errors import BadInput, Unavailable

SPEED = 5.56
"""Speed limit of every street, and speed of our cars, on the way and in search [m/s]; 20 km/h."""
MEMORY_S = 600.0
"""How long a kerb that was full is passed over, in both models [s]."""
SAME = Drivers(scruple=Distribution(constant=1e9), patience=Distribution(constant=1e9), memory_s=MEMORY_S,
               search_speed=SPEED, drive_speed=SPEED)
"""Drivers like SUMO's: they keep the rules, drive at one pace, and who finds no bay looks on for ever."""
RATIOS = (0.5, 0.95, 1.0, 1.05)
"""Cars for each space at which the two are compared."""
_WALK_WEIGHT = 4.0


@dataclass(frozen=True)
class Peer:
    """One night in one model: CPU time [s], cars without a bay at its end, and how long cars searched [s]: the mean of all,
    with those that still search when the night ends, and of those that parked."""

    cpu_s: float
    unparked: int
    search_s: float
    search_parked_s: float


@dataclass(frozen=True)
class Meeting:
    """The same cars in both models: ``ratio`` cars for each space."""

    ratio: float
    cars: int
    spaces: int
    ours: Peer
    sumo: Peer

    @property
    def unparked_apart(self) -> float:
        """How far apart the two are in cars without a bay, as a share of all cars."""
        return abs(self.ours.unparked - self.sumo.unparked) / self.cars

    @property
    def times_faster(self) -> float:
        """CPU seconds of SUMO for one of ours."""
        return self.sumo.cpu_s / max(self.ours.cpu_s, 1e-9)


def sumo_home() -> Path:
    """Where SUMO is; raises :class:`Unavailable` where it is not installed."""
    try:
        home = Path(import_module("sumo").SUMO_HOME)
    except ImportError as missing:
        raise Unavailable("SUMO is not installed: pip install eclipse-sumo") from missing
    if not (home / "bin" / "sumo").exists():
        raise Unavailable(f"SUMO has no programs in {home / 'bin'}: install eclipse-sumo again")
    return home


def meet(ratio: float, *, nodes: int = 7, spaces: int = 2872, seed: int = 1) -> Meeting:
    """Spend the same night in both models with ``ratio`` cars for each space, on a grid of ``nodes`` by ``nodes`` junctions."""
    if not 0 < ratio <= 2:
        raise BadInput(f"{ratio:g} cars for each space cannot be compared", mend="give more than 0 and at most 2")
    home, plan = sumo_home(), grid_plan(SAME)
    scene, number = grid_scene(plan, nodes=nodes, spaces=spaces), round(ratio * spaces)
    cars = coming_home(number, len(scene.homes.id), seed)
    _ours(scene, plan, coming_home(50, len(scene.homes.id), seed), seed)  # the first night compiles
    ours = _ours(scene, plan, cars, seed)
    with tempfile.TemporaryDirectory(prefix="hutong-sumo-") as folder:
        theirs = _sumo(home, Path(folder), scene, cars, plan)
    return Meeting(ratio, number, spaces, ours, theirs)


def _ours(scene: Scene, plan: ParkingPlan, cars: Cars, seed: int) -> Peer:
    started = time.process_time()
    night = Night(scene, plan, seed, cars=cars).run()
    took = time.process_time() - started
    reached, stood, _ = night.columns["times"].T
    return _peer(took, np.where(np.isfinite(stood), stood - reached, np.nan), plan.duration_s - reached)


def _peer(cpu_s: float, search: NDArray[np.float64], until_end: NDArray[np.float64]) -> Peer:
    """``search (c,)`` is NaN for cars that never parked; ``until_end (c,)`` is what they searched until the end [s]."""
    never = np.isnan(search)
    return Peer(cpu_s, int(never.sum()), float(np.where(never, until_end, search).mean()), float(search[~never].mean()))


def _sumo(home: Path, folder: Path, scene: Scene, cars: Cars, plan: ParkingPlan) -> Peer:
    """Write SUMO's files, run it, and read what came out."""
    nodes = round(float(np.sqrt(len(scene.network.xy) - len(scene.supply) / 2)))
    _run(home / "bin" / "netgenerate", "--grid", f"--grid.number={nodes}", f"--grid.length={BLOCK_M}", "-L", "1",
         f"--default.speed={SPEED}", "--no-turnarounds", "false", "-o", "grid.net.xml", folder=folder)
    edges = _edges(nodes)
    (folder / "kerbs.add.xml").write_text(_kerbs(scene, edges, plan.drivers.walk_limit_m), encoding="utf-8")
    (folder / "cars.rou.xml").write_text(_trips(scene, cars, nodes, edges, plan.duration_s), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(home / "bin" / "sumo", "-n", "grid.net.xml", "-r", "cars.rou.xml", "-a", "kerbs.add.xml", "-b", "0",
         "-e", f"{plan.duration_s:g}", "--stop-output", "stops.xml", "--stop-output.write-unfinished", "--vehroute-output",
         "ways.xml", "--vehroute-output.write-unfinished", "--no-step-log", "--no-warnings", "--xml-validation", "never",
         "--device.rerouting.probability", "0", "--ignore-route-errors", "--time-to-teleport", "300", folder=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    search, sent_on = _searches(folder / "stops.xml", folder / "ways.xml", len(cars))
    return _peer(took, search, plan.duration_s - sent_on)


def _run(program: Path, *arguments: str, folder: Path) -> None:
    done = subprocess.run([str(program), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{program.name} ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")


def _edges(nodes: int) -> list[str]:
    """SUMO's name of the lane beside each kerb: kerbs 2k and 2k+1 are the two sides of street k, one a direction."""
    def name(i: int, j: int) -> str:
        return f"{chr(ord('A') + i)}{j}"

    inside = range(nodes)
    east = [(name(i, j), name(i + 1, j)) for i in inside for j in inside if i < nodes - 1]
    north = [(name(i, j), name(i, j + 1)) for i in inside for j in inside if j < nodes - 1]
    return [edge for a, b in [*east, *north] for edge in (a + b, b + a)]


def _kerbs(scene: Scene, edges: list[str], reach_m: float) -> str:
    """Parking areas, and on each street a rerouter to the kerbs within reach."""
    lines = ["<additional>"]
    for k, (edge, capacity) in enumerate(zip(edges, scene.supply.capacity.tolist(), strict=True)):
        lines.append(f'<parkingArea id="p{k}" lane="{edge}_0" startPos="5" endPos="-3" roadsideCapacity="{capacity}"/>')
    nodes = scene.network.joined[:len(edges)]
    near = scene.network.distances(nodes, nodes, "walk") <= reach_m
    for k, edge in enumerate(edges):
        offers = "".join(f'<parkingAreaReroute id="p{m}" visible="false"/>' for m in np.flatnonzero(near[k]).tolist())
        lines.append(f'<rerouter id="r{k}" edges="{edge}"><interval begin="0" end="1000000">{offers}</interval></rerouter>')
    return "\n".join([*lines, "</additional>"])


def _trips(scene: Scene, cars: Cars, nodes: int, edges: list[str], duration_s: float) -> str:
    """Every car from the gate where it comes in to the kerb where it belongs; it stays the night."""
    lines = ["<routes>", '<vType id="car"><param key="parking.distanceto.weight" value="1"/>'
             f'<param key="parking.distancefrom.weight" value="{_WALK_WEIGHT:g}"/>'
             f'<param key="parking.memory" value="{MEMORY_S:g}"/></vType>']
    gates = scene.network.gates
    gate = np.minimum((cars.gate_draw * len(gates)).astype(np.int64), len(gates) - 1)
    for c in np.argsort(cars.enters, kind="stable").tolist():
        column, row = divmod(int(gates[gate[c]]), nodes)
        first = _way_in(f"{chr(ord('A') + column)}{row}", int(cars.home[c]), scene, edges)
        lines.append(f'<trip id="{c}" type="car" depart="{cars.enters[c]:.1f}" from="{first}" to="{edges[cars.home[c]]}">'
                     f'<stop parkingArea="p{cars.home[c]}" until="{2 * duration_s:g}"/></trip>')
    return "\n".join([*lines, "</routes>"])


def _way_in(node: str, home: int, scene: Scene, edges: list[str]) -> str:
    """Of the streets that lead away from a junction the one whose kerb is nearest to a home."""
    from_here = [k for k, edge in enumerate(edges) if edge.startswith(node)]
    at = scene.homes.xy
    return edges[min(from_here, key=lambda k: float(np.abs(at[k] - at[home]).sum()))]


def _searches(stops: Path, ways: Path, cars: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How long each car searched until it stood (c,), NaN if it never did, and when it was first sent on from a full kerb [s].

    A car that comes upon no full kerb searches for no time; one that did not arrive at all is sent on at its first moment.
    """
    stood, sent_on = np.full(cars, np.nan), np.full(cars, np.nan)
    for stop in ElementTree.parse(stops).getroot():
        stood[int(stop.get("id", "0"))] = float(stop.get("started", "nan"))
    for car in ElementTree.parse(ways).getroot().iter("vehicle"):
        c = int(car.get("id", "0"))
        times = [float(route.get("replacedAtTime", "nan")) for route in car.iter("route") if route.get("replacedAtTime")]
        sent_on[c] = min(times) if times else stood[c] if np.isfinite(stood[c]) else float(car.get("depart", "nan"))
    return stood - sent_on, sent_on


__all__ = ["RATIOS", "SAME", "Meeting", "Peer", "meet", "sumo_home"]
