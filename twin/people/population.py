"""A synthetic population: households and persons as columns, in the dwellings of a district.

Nobody in it exists. It meets published marginals and knows nothing else, so it may be kept and copied; counts that are
shown leave through :func:`twin.people.aggregate` all the same, because a twin that is fed better data must not change.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.people.balance import balance, whole
from twin.people.controls import Control, contradiction, counted, require_category
from twin.people.dwellings import Homes, dwellings, homes
from twin.people.fit import Fit
from twin.people.marginals import CONTROLS, LIVED_IN, MEAN_SIZE, PER_COURTYARD, PIGEONS, SIZES, Size, totals
from twin.people.popsim import Inputs
from twin.people.seed import HOUSEHOLD_COLUMNS, PERSON_COLUMNS, Seed, sample
from twin.places.district import District
from twin.places.synthetic.streams import stream

SIZE_NOISE = 0.35
"""How loosely large households live in large dwellings: noise on the logarithm of the floor area."""
_MOST_CARRIED = 4.0


@dataclass(frozen=True)
class Population:
    """Households and persons, one row each.

    ``households``: ``zone, place, building, floor_area, size, cars, workers, children, pigeons``; ``place`` is the courtyard,
    or the building where there is none. ``persons``: ``household`` (row), ``age, female, worker, mobility_need``.
    """

    households: pd.DataFrame
    persons: pd.DataFrame
    fit: Fit
    seed: int

    @property
    def numbers(self) -> tuple[int, int]:
        """Persons and households of the whole place."""
        return len(self.persons), len(self.households)

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write the columns as Parquet and the fit as JSON, first under another name, then in one move."""
        folder = Path(folder)
        if folder.exists():
            raise BadInput("the folder is there already", where=str(folder), mend="give another name or remove it")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as draft:
            written = Path(draft) / "population"
            written.mkdir()
            self.households.to_parquet(written / "households.parquet")
            self.persons.to_parquet(written / "persons.parquet")
            fit = {"seed": self.seed, "controls": self.fit.controls, "zones": self.fit.zones, "target": self.fit.target.tolist(),
                   "fitted": self.fit.fitted.tolist(), "compromises": self.fit.compromises}
            (written / "fit.json").write_text(json.dumps(fit), encoding="utf-8")
            written.replace(folder)
        return folder

    @classmethod
    def open(cls, folder: str | PathLike[str]) -> Population:
        """Read a population that was saved."""
        folder = Path(folder)
        if not (folder / "fit.json").is_file():
            raise BadInput("this is not a population", where=str(folder), mend="make one with `hutong people make -o FOLDER`")
        said = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
        fit = Fit(tuple(said["controls"]), tuple(said["zones"]), np.array(said["target"]), np.array(said["fitted"]),
                  tuple(said["compromises"]))
        return cls(pd.read_parquet(folder / "households.parquet"), pd.read_parquet(folder / "persons.parquet"), fit, said["seed"])


def make_population(district: District, *, size: str | Size | None = None, seed: int = 1) -> Population:
    """People for a district from the default marginals.

    ``size`` names a preset (``quarter``, ``large``) or says how many people, households and dwellings; without it there are
    as many as the built-in district has a courtyard, or where there are no courtyards one in 25 m2 of floor.
    """
    if isinstance(size, str) and size not in SIZES:
        raise BadInput(f"there is no size {size!r}", where="population", mend=f"take {' or '.join(SIZES)}")
    asked = SIZES[size] if isinstance(size, str) else size
    found = homes(district, most=asked.buildings if asked else None)
    asked = asked or _usual_size(found, district)
    dwelling = dwellings(found, asked.dwellings, stream(seed, "people dwellings"))
    if asked.households > asked.dwellings:
        raise BadInput(f"{asked.households:,} households do not fit into {asked.dwellings:,} dwellings", where="population",
                       mend="ask for more dwellings or fewer households")
    zones = found.zones
    room = dwelling.groupby("zone").size().reindex(zones, fill_value=0).to_numpy(dtype=float)
    wanted = totals(asked, room, seed)
    basis = sample(seed=seed)
    drawn, fit = fitted(basis, CONTROLS, wanted, zones, seed=seed, strict=True)
    return Population(*_placed(basis, drawn, zones, dwelling, stream(seed, "people places")), fit, seed)


def from_inputs(inputs: Inputs, *, seed: int = 1, strict: bool = False) -> Population:
    """People from a seed and control totals of one's own; their ``place`` and ``building`` are their zone.

    Controls that contradict each other are met as nearly as can be and named in ``fit.compromises``; ``strict`` refuses them.
    """
    drawn, fit = fitted(inputs.seed, inputs.controls, inputs.totals, inputs.zones, seed=seed, strict=strict)
    households = [int(count.sum()) for count in drawn]
    zone = np.repeat(np.array(inputs.zones, dtype=object), households)
    dwelling = pd.DataFrame({"building": zone, "place": zone, "zone": zone, "floor_area": np.full(len(zone), np.nan)})
    return Population(*_placed(inputs.seed, drawn, list(inputs.zones), dwelling, stream(seed, "people places")), fit, seed)


def fitted(basis: Seed, controls: tuple[Control, ...], wanted: NDArray[np.float64], zones: list[str] | tuple[str, ...], *,
           seed: int, strict: bool) -> tuple[list[NDArray[np.int64]], Fit]:
    """How often each household of the seed stands in each zone, and the fit. ``wanted`` is (zones, controls)."""
    incidence = np.column_stack([counted(c, basis.households, basis.persons) for c in controls])
    require_category(controls, incidence, wanted, where="seed")
    count_all = [k for k, c in enumerate(controls) if c.table == "households" and (incidence[:, k] == 1).all()]
    if not count_all:
        raise BadInput("no control gives the number of households", where="controls", mend="add one whose rule is size > 0")
    importance = np.array([c.importance for c in controls])
    drawn, met, compromises = [], np.zeros_like(wanted), []
    # Where totals are fractions, what rounding leaves over or takes too much of is made good in the next zones.
    fractions, carried = not (wanted == np.round(wanted)).all(), np.zeros(wanted.shape[1])
    for z, zone in enumerate(zones):
        number = round(float(wanted[z, count_all[0]]))
        if number == 0 and wanted[z].sum() > 0:
            compromises.append(f"zone {zone}: no households are asked, so its other totals cannot be met")
        weights = balance(incidence, wanted[z], np.ones(len(basis)), importance)
        if np.abs(weights @ incidence - wanted[z]).max() > max(0.5, 0.005 * float(wanted[z].max())) and number:
            found = contradiction(zone, controls, incidence, wanted[z])
            if found is not None and strict:
                raise BadInput(f"controls contradict each other: {found}", where="controls", mend="correct one of them")
            if found is not None:
                compromises.append(str(found))
        aim = np.maximum(wanted[z] + carried, 0.0)
        count = whole(weights, incidence, aim, number, stream(seed, f"people zone {zone}"), np.minimum(importance, 10.0))
        drawn.append(count)
        met[z] = count @ incidence
        if fractions:
            carried = np.clip(carried + wanted[z] - met[z], -_MOST_CARRIED, _MOST_CARRIED)
    return drawn, Fit(tuple(c.name for c in controls), tuple(zones), wanted, met, tuple(compromises))


def _usual_size(found: Homes, district: District) -> Size:
    courtyards = int(found.table["place"].isin(district.courtyards["id"]).sum() and len(district.courtyards))
    people = round(PER_COURTYARD * courtyards) if courtyards else max(2, round(float(found.table["floor_area"].sum()) / 25))
    households = max(1, round(people / MEAN_SIZE))
    return Size(people, households, max(1, round(households / LIVED_IN)))


def _placed(basis: Seed, drawn: list[NDArray[np.int64]], zones: list[str], dwelling: pd.DataFrame,
            rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Households and persons, every household in a dwelling of its zone: large ones rather in large dwellings."""
    size = basis.households["size"].to_numpy()
    of_zone = {zone: rows.to_numpy() for zone, rows in dwelling.groupby("zone").groups.items()}
    kinds, homes_of, names = [], [], []
    for zone, count in zip(zones, drawn, strict=True):
        kind = rng.permutation(np.repeat(np.arange(len(count)), count))
        rows = of_zone.get(zone, np.zeros(0, dtype=np.int64))
        if len(kind) > len(rows):
            raise BadInput(f"{len(kind):,} households are asked in zone {zone}, where there are {len(rows):,} dwellings",
                           where="population", mend="ask for more dwellings or fewer households")
        lived = rng.permutation(rows)[: len(kind)]
        area = np.log(np.nan_to_num(dwelling["floor_area"].to_numpy()[lived], nan=1.0))
        order = np.argsort(area + rng.normal(0.0, SIZE_NOISE, len(area)), kind="stable")
        kinds.append(kind[np.argsort(size[kind], kind="stable")])
        homes_of.append(lived[order])
        names.append(np.full(len(kind), zone, dtype=object))
    kind, home = np.concatenate(kinds), np.concatenate(homes_of)
    households = dwelling.iloc[home].reset_index(drop=True)[["zone", "place", "building", "floor_area"]]
    for name in HOUSEHOLD_COLUMNS:
        households[name] = basis.households[name].to_numpy()[kind].astype(np.int16)
    households["pigeons"] = rng.random(len(households)) < PIGEONS
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    each = size[kind]
    start = np.cumsum(each) - each
    row = np.repeat(first[kind] - start, each) + np.arange(int(each.sum()))
    persons = pd.DataFrame({"household": np.repeat(np.arange(len(kind)), each)})
    for name in PERSON_COLUMNS[1:]:
        persons[name] = basis.persons[name].to_numpy()[row]
    return households, persons
