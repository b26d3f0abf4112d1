"""From a population to a plan: children by grid over the next years, and where facilities for them go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.patrol.ground import FREE_SPEED, FootGround
from twin.people.cohort import AGES, FERTILE, Assumptions, Backtest, Forecast, backtest, forecast
from twin.people.gate import Gate
from twin.people.history import read_history, tried
from twin.people.population import Population
from twin.people.schemes import Schemes
from twin.people.siting import Goal, Siting, site
from twin.places.district import District

Floats = NDArray[np.float64]
_CHILDREN = "0-3"
GROUND_CELL_M = 3.0
_SNAP_M = 12.0


@dataclass(frozen=True)
class ChildrenForecast:
    """Children of 0-3 by cell. ``cells`` is what may be shown, ``total`` the whole place, ``expected`` is for siting alone.

    ``cells`` has ``id, name, year, now, mean, low_80, high_80, low_95, high_95``, whole numbers; all of them are null where the
    gate does not show the children of today. ``expected`` (cells,) is the mean of the last year in every cell.
    """

    cells: pd.DataFrame
    total: pd.DataFrame
    expected: Floats
    assumptions: Assumptions


def forecast_children(gate: Gate, population: Population, *, scheme: str = "household", level: str = "grid", years: int = 2,
                      assumptions: Assumptions | None = None, draws: int = 2000, seed: int = 1) -> ChildrenForecast:
    """Children of 0-3 by the cells of a scheme and level over the next years."""
    used = assumptions or Assumptions()
    rows = gate.schemes.rows(scheme, level)
    children, women = cohorts(population, gate.schemes, rows)
    made: Forecast = forecast(children, women, used, years=years, draws=draws, seed=seed)
    shown = gate.aggregate("age", scheme=scheme, level=level)
    table = made.intervals()
    of = table["grid"].to_numpy()
    cells = pd.DataFrame({"id": shown["id"].to_numpy()[of], "name": shown["name"].to_numpy()[of], "year": table["year"]})
    now = shown[_CHILDREN].iloc[of].reset_index(drop=True)
    cells["now"] = now
    for name in ("mean", "low_80", "high_80", "low_95", "high_95"):
        cells[name] = table[name].round().astype("Int64").mask(now.isna())
    expected = made.draws[:, -1].sum(axis=2).mean(axis=0)
    return ChildrenForecast(cells, made.whole(), expected, used)


def try_forecast(gate: Gate, population: Population, assumptions: Assumptions | None = None, *, history: Path | None = None,
                 years: int = 2, seed: int = 1) -> Backtest:
    """How the forecast would have done: on the counts of a CSV, or without one on pasts drawn from the assumptions."""
    used = assumptions or Assumptions()
    if history is not None:
        return backtest(*read_history(history), used, years=years, seed=seed)
    return tried(*cohorts(population, gate.schemes, gate.schemes.rows("household", "grid")), used, ahead=years, seed=seed)


def cohorts(population: Population, schemes: Schemes, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Children by single year of age (cells, 4) and women of 20 to 44 (cells,). Not to be shown: see the gate."""
    people = population.persons
    place = pd.Index(schemes.places).get_indexer(population.households["place"])[people["household"].to_numpy()]
    if (place < 0).any():
        raise BadInput("the population lives in places that these schemes do not know", where="forecast",
                       mend="make the population for this district")
    age, n = people["age"].to_numpy(), len(schemes.places)
    young = np.array([np.bincount(place[age == a], minlength=n) for a in range(AGES)])
    fertile = people["female"].to_numpy(dtype=bool) & (age >= FERTILE[0]) & (age <= FERTILE[1])
    inside = schemes.inside[rows].astype(np.int64)
    return np.asarray(inside @ young.T), np.asarray(inside @ np.bincount(place[fertile], minlength=n))


@dataclass(frozen=True)
class SitePlan:
    """Where facilities go: candidates ``id, x, y``, what was chosen, and which facility each cell goes to.

    ``chosen`` measures by the distances of its own goal. ``mean_m`` and ``farthest_m`` are the same for both, to compare them:
    the mean walk over the demand from a cell's courtyards, and the longest walk of any courtyard of a cell with demand [m].
    """

    candidates: pd.DataFrame
    cells: pd.DataFrame
    chosen: Siting
    mean_m: float
    farthest_m: float


def plan_sites(district: District, gate: Gate, demand: Floats, *, number: int = 2, goal: Goal = "median",
               candidates: pd.DataFrame | None = None, scheme: str = "household", level: str = "grid") -> SitePlan:
    """Site facilities for ``demand (cells,)``; ``candidates`` has ``id, x, y`` [m].

    Without candidates a courtyard gate in each residential grid is one, as far as it can be reached. Walking distances run
    over the walkable area from every courtyard gate. A cell counts with the mean of its courtyards for the median, with
    the farthest of them for the centre.
    """
    schemes = gate.schemes
    rows = schemes.rows(scheme, level)
    offered = usual_candidates(district, schemes) if candidates is None else candidates.reset_index(drop=True)
    walk = walking_distances(district, schemes.places, offered[["x", "y"]].to_numpy(dtype=float))
    reached = np.isfinite(walk).any(axis=0)
    if candidates is None and reached.any():
        offered, walk = offered[reached].reset_index(drop=True), walk[:, reached]
    elif not reached.all():
        raise BadInput(f"nobody can reach candidate site {offered['id'][int(np.argmin(reached))]}", where="siting",
                       mend=f"move it to within {_SNAP_M:g} m of a street or leave it out")
    known = np.asarray(np.isfinite(walk).all(axis=1))
    usable = np.asarray(schemes.inside[rows].toarray().astype(bool)) & known
    distance = np.full((len(rows), len(offered)), np.inf)
    for k, places in enumerate(usable):
        if places.any():
            distance[k] = walk[places].mean(axis=0) if goal == "median" else walk[places].max(axis=0)
    # A cell whose courtyards have no known way in cannot say how far it walks, and does not stop the others.
    wanted = np.where(usable.any(axis=1), demand, 0.0)
    chosen = site(distance, wanted, number, goal=goal)
    cells = schemes.cells.iloc[rows][["id", "name"]].reset_index(drop=True)
    cells["site"] = offered["id"].to_numpy()[chosen.site_of]
    cells["walk_m"] = distance[np.arange(len(rows)), chosen.site_of]
    asking = np.flatnonzero(wanted > 0)
    walks = [walk[usable[k], chosen.site_of[k]] for k in asking]
    mean = float(np.average([w.mean() for w in walks], weights=wanted[asking]))
    return SitePlan(offered, cells, chosen, mean, max(float(w.max()) for w in walks))


def usual_candidates(district: District, schemes: Schemes) -> pd.DataFrame:
    """One candidate in each residential (else household) grid: the way in nearest to its middle, as ``id, x, y``."""
    for scheme in ("residential", "household"):
        cells = schemes.cells[(schemes.cells["scheme"] == scheme) & (schemes.cells["level"] == "grid")]
        if len(cells):
            break
    doors = district.entrances
    if cells.empty or doors.empty:
        raise BadInput("there are no grids or no entrances to choose candidate sites from", where=district.name,
                       mend="give candidates with id, x and y")
    points = doors.geometry.to_numpy()
    middle = shapely.centroid(cells["geometry"].to_numpy())
    nearest = shapely.STRtree(points).query_nearest(middle, all_matches=False)[1]
    return pd.DataFrame({"id": [f"site-{name}" for name in cells["id"]], "x": shapely.get_x(points[nearest]),
                         "y": shapely.get_y(points[nearest])})


def walking_distances(district: District, places: NDArray[np.object_], sites: Floats) -> Floats:
    """Walking distance (places, sites) [m] from the nearest open way in of each place; inf where there is none."""
    ground = FootGround.of(district, cell=GROUND_CELL_M)
    doors = district.entrances[district.entrances["courtyard"].isin(places)]
    door_xy = shapely.get_coordinates(doors.geometry.to_numpy())
    of = pd.Index(places).get_indexer(doors["courtyard"])
    doorless = np.flatnonzero(~np.isin(np.arange(len(places)), of))
    if len(doorless):  # places without a known door are entered where they are nearest to walkable ground
        known = pd.concat([pd.Series(t.geometry.to_numpy(), index=t["id"].to_numpy(), dtype=object)
                           for t in (district.courtyards, district.buildings)])
        shapes = known.loc[places[doorless]].to_numpy()
        nearest = shapely.shortest_line(shapes, ground.area)
        at = shapely.get_coordinates(shapely.line_interpolate_point(nearest, 1.0, normalized=True))
        door_xy, of = np.concatenate([door_xy, at]), np.concatenate([of, doorless])
    to = np.full((len(places), len(sites)), np.inf)
    if len(door_xy):
        np.minimum.at(to, of, ground.time_table(sites, door_xy).T * FREE_SPEED)
    return to
