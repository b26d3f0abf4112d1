"""Options compared: the same nights with each of them, and the differences with their intervals."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from sim.parking.fire import FireAccess
from sim.parking.night import Night, scene_of
from sim.parking.outcome import MEASURES, outcome
from sim.parking.plan import AS_IT_IS, ParkingPlan
from sim.parking.supply import bay_points, household_grids
from sim.study import Row
from sim.study.compare import interval
from twin.errors import BadInput
from twin.people import release
from twin.places import District

MOST_REPLICATIONS = 1000
TOLD = ("supply", "demand", "standing", "illegal", "deficit")


@dataclass
class NightStudy:
    """Nights of several options with the same seeds.

    ``metrics`` has one row an option and seed, ``grids`` one row an option, grid and hour: means over the seeds, of which
    ``demand`` and ``deficit``, which tell of residents, are whole numbers from the gate and null where it does not show them,
    ``cars`` one row a parked car of the first seed of each option: x, y [local metres], parked_s, leaves_s, legal.
    ``unreachable`` are the ids of bays of the district that no car can drive to; they were left empty.
    ``blocked`` is the mean number of nights in which each courtyard was out of a fire engine's reach, by option.
    """

    plan: ParkingPlan
    options: list[str]
    seeds: list[int]
    metrics: pd.DataFrame
    grids: pd.DataFrame
    cars: pd.DataFrame
    blocked: dict[str, list[float]]
    unreachable: list[str]

    def rows(self, option: str, against: str = AS_IT_IS) -> list[Row]:
        """Every measure of an option (B) against another (A), paired by seed, with a 95 % interval."""
        for name in (option, against):
            if name not in self.options:
                raise BadInput(f"the option {name!r} is not in this study", mend=f"choose among {', '.join(self.options)}")
        b, a = (self.metrics[self.metrics["option"] == name].set_index("seed").loc[self.seeds] for name in (option, against))
        return [_row(key, a[key].to_numpy(float), b[key].to_numpy(float)) for key in MEASURES]

    def to_dict(self) -> dict[str, Any]:
        """Means and differences as plain values."""
        return {"scenario": self.plan.name, "seeds": self.seeds, "unreachable": self.unreachable,
                "means": {name: self.metrics[self.metrics["option"] == name][list(MEASURES)].mean().to_dict()
                          for name in self.options},
                "differences": {name: [asdict(row) for row in self.rows(name)] for name in self.options if name != AS_IT_IS}}

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the study as a folder, first under another name, then in one move."""
        folder = Path(folder)
        if folder.exists() and (not overwrite or not (folder / "study.json").is_file()):
            raise BadInput("there is something already", where=str(folder), mend="give another -o, or --overwrite a study")
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        for name in ("metrics", "grids", "cars"):
            getattr(self, name).to_parquet(draft / f"{name}.parquet", index=False)
        about = {"plan": self.plan.model_dump(mode="json", exclude_none=True), "options": self.options, "seeds": self.seeds,
                 "blocked": self.blocked,
                 "unreachable": self.unreachable}
        (draft / "study.json").write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
        return folder


def load_study(folder: str | os.PathLike[str]) -> NightStudy:
    """Read a study folder back."""
    folder = Path(folder)
    if not (folder / "study.json").is_file():
        raise BadInput("this is not a study of parking nights", where=str(folder), mend="make one with `hutong parking`")
    about = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("metrics", "grids", "cars")}
    return NightStudy(ParkingPlan.model_validate(about["plan"]), about["options"], about["seeds"], **tables,
                      blocked=about["blocked"], unreachable=about["unreachable"])


def compare_options(district: District, plan: ParkingPlan, options: list[str] | None = None, *, replications: int = 10,
                    seed: int | None = None, residents: np.ndarray | None = None, fire: bool = True,
                    on_progress: Callable[[float], None] | None = None) -> NightStudy:
    """Spend the same nights with each option; ``as it is`` is always among them and comes first.

    All options are made ready, and so checked, before the first night. ``residents (courtyards,)`` are their cars.
    """
    if not 1 <= replications <= MOST_REPLICATIONS:
        raise BadInput(f"{replications} replications cannot be made", where=plan.name,
                       mend=f"ask for 1 to {MOST_REPLICATIONS}")
    asked = list(dict.fromkeys([AS_IT_IS, *(list(plan.options) if options is None else options)]))
    scenes = {name: scene_of(district, plan, name, residents) for name in asked}
    access = FireAccess.of(district) if fire else None
    first = plan.seed if seed is None else seed
    seeds = list(range(first, first + replications))
    metrics, grids, cars, blocked = [], [], [], {}
    for number, name in enumerate(asked):
        chosen, tables, out_of_reach = plan.option(name), [], []
        for k, s in enumerate(seeds):
            night = Night(scenes[name], plan, s, permit=chosen.permit if chosen else None).run()
            found = outcome(night, district, access)
            metrics.append({"option": name, "seed": s, **found.measures})
            tables.append(found.grids)
            out_of_reach.append(found.blocked)
            if k == 0:
                cars.append(parked_cars(night).assign(option=name))
            if on_progress is not None:
                on_progress((number * replications + k + 1) / (len(asked) * replications))
        means = pd.concat(tables).groupby(["grid", "hour"], as_index=False).mean()
        grids.append(through_the_gate(means).assign(option=name))
        blocked[name] = np.mean(out_of_reach, axis=0).round(4).tolist()
    return NightStudy(plan, asked, seeds, pd.DataFrame(metrics), pd.concat(grids, ignore_index=True),
                      pd.concat(cars, ignore_index=True), blocked, scenes[AS_IT_IS].unreachable())


def through_the_gate(means: pd.DataFrame) -> pd.DataFrame:
    """The same table with ``demand`` and ``deficit`` as far as they may be shown, hour by hour.

    Both count cars by where their people live. A deficit is a part of the demand, so what is left of it is protected too.
    """
    shown = []
    for _, hour in means.groupby("hour"):
        demand, deficit = hour["demand"].to_numpy(float), hour["deficit"].to_numpy(float)
        shown.append(hour.assign(demand=release(demand), deficit=release(deficit, of=demand)))
    return pd.concat(shown, ignore_index=True) if shown else means


def parked_cars(night: Night) -> pd.DataFrame:
    """Where and when each car of a night stood; no car is told apart from another of its courtyard."""
    columns, supply = night.columns, night.scene.supply
    parked = np.flatnonzero(columns["place"] >= 0)
    at = bay_points(supply)[columns["bay"][parked]]
    return pd.DataFrame({"x": at[:, 0].round(2), "y": at[:, 1].round(2), "parked_s": columns["times"][parked, 1].round(1),
                         "leaves_s": night.cars.leaves[parked].round(1), "legal": supply.legal[columns["place"][parked]]})


def deficit_map(study: NightStudy, district: District, option: str, hour: int) -> list[dict[str, Any]]:
    """The household grids with supply, demand and deficit at an hour: ``id``, ``name``, ``ring`` (local metres), numbers.

    What the gate does not show is None.
    """
    cells = household_grids(district)
    told = study.grids[(study.grids["option"] == option) & (study.grids["hour"] == hour)].set_index("grid")
    out = []
    for row in told.itertuples():
        cell = cells.iloc[int(row.Index)]
        shape = max(shapely.get_parts(cell.geometry), key=lambda part: part.area)
        ring = shapely.get_coordinates(shape.exterior) - np.array(district.origin)
        out.append({"id": cell["id"], "name": cell["name"] or cell["id"], "ring": ring.round(1).tolist(),
                    **{key: None if pd.isna(getattr(row, key)) else round(float(getattr(row, key)), 1) for key in TOLD}})
    return out


def _row(key: str, a: np.ndarray, b: np.ndarray) -> Row:
    kind = MEASURES[key]
    known = np.isfinite(a) & np.isfinite(b)
    if not known.any():
        return Row(key, kind.label(), kind.label("zh"), kind.unit, None, None, None, None, None, False, None)
    difference, low, high = interval(b[known] - a[known])
    real = low is not None and high is not None and (low > 0 or high < 0)
    better = ("B" if (difference < 0) == (kind.better == "less") else "A") if real and kind.better else None
    return Row(key, kind.label(), kind.label("zh"), kind.unit, float(a[known].mean()), float(b[known].mean()), difference,
               low, high, real, better)  # type: ignore[arg-type]


__all__ = ["NightStudy", "compare_options", "deficit_map", "load_study", "parked_cars", "through_the_gate"]
