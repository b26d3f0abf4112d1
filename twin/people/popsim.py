"""Populations from files in the shape of PopulationSim: a seed, control totals by zone, and what the columns count.

A folder holds ``households.csv``, ``persons.csv`` and one ``*control_totals*.csv``; ``controls.csv`` (columns ``target``,
``seed_table``, ``importance``, ``control_field``, ``expression``) says what each column counts. Without it the usual
column names are known. Columns that no rule and no result needs, such as race, income or education, are never kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.people.controls import Control
from twin.people.seed import CHILD_BELOW, Seed

_NUMBERED = {"hh_size": "size", "hh_wrks": "workers", "hh_veh": "cars", "hh_cars": "cars"}
_USUAL = {
    "hhs": ("households", "size > 0", 100.0), "num_hh": ("households", "size > 0", 100.0),
    "pop": ("persons", "age >= 0", 10.0), "persons": ("persons", "age >= 0", 10.0),
    "hh_kid": ("households", "children > 0", 1.0), "hh_no_kid": ("households", "children == 0", 1.0),
    "hh_unit_mobile": ("households", "bldgsz == 1", 1.0),
    "hh_unit_single": ("households", "bldgsz == 2 or bldgsz == 3", 1.0),
    "hh_unit_multi": ("households", "bldgsz >= 4 and bldgsz <= 9", 1.0),
    "male": ("persons", "female == 0", 1.0), "female": ("persons", "female == 1", 1.0)}
_INCOME = {"hh_inc_0_30": 1, "hh_inc_30_60": 2, "hh_inc_60_100": 3, "hh_inc_100_150": 4, "hh_inc_150_plus": 5}
_RENAMED = {"persons": "size", "np": "size", "veh": "cars", "hworkers": "workers"}


@dataclass(frozen=True)
class Inputs:
    """A seed with the controls of every zone: ``totals`` (zones, controls)."""

    seed: Seed
    zones: tuple[str, ...]
    controls: tuple[Control, ...]
    totals: NDArray[np.float64]


def read_inputs(folder: str | PathLike[str]) -> Inputs:
    """Read a folder in PopulationSim's shape."""
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput("there is no such folder", where=str(folder),
                       mend="give a folder with households.csv, persons.csv and control totals")
    found = sorted(folder.glob("*control_totals*.csv"))
    if not found:
        raise BadInput("there are no control totals", where=str(folder), mend="add a file such as control_totals_maz.csv")
    finest = min(found, key=lambda path: -len(pd.read_csv(path)))
    table = _read(finest)
    stated = folder / "controls.csv"
    known, zone = _stated(_read(stated), stated, table) if stated.is_file() else _usual(table, finest)
    seed = _seed(folder, known)
    totals = table[[c.name for c in known]].to_numpy(dtype=float)
    if not np.isfinite(totals).all() or (totals < 0).any():
        row, column = np.argwhere(~np.isfinite(totals) | (totals < 0))[0]
        raise BadInput(f"the total of {known[column].name} is {totals[row, column]:g}", where=f"{finest} line {row + 2}",
                       mend="give a number that is 0 or more")
    return Inputs(seed, tuple(table[zone].astype(str)), tuple(known), totals)


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise BadInput("there is no such file", where=str(path), mend="add it to the folder") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInput("this is not a CSV file", where=str(path), mend="export it again as CSV") from error


def _usual(table: pd.DataFrame, path: Path) -> tuple[list[Control], str]:
    """Controls by the names that such files usually have, and the column of the zone (the first)."""
    known = []
    names = [str(name) for name in table.columns[1:]]
    for name in names:
        low = name.lower()
        numbered = re.fullmatch(r"(.+)_(\d+)(m|p|_?plus)?", low)
        if low in _USUAL:
            known.append(Control(name, *_USUAL[low]))
        elif low in _INCOME:
            known.append(Control(name, "households", f"hinccat1 == {_INCOME[low]}"))
        elif low.startswith("age_") and (ages := re.fullmatch(r"age_(\d+)(?:_(\d+)|(p|m|_?plus))", low)):
            above = f"age >= {ages[1]}"
            known.append(Control(name, "persons", above if ages[2] is None else f"{above} and age <= {ages[2]}"))
        elif numbered and numbered[1] in _NUMBERED:
            last = not any(n.lower().startswith(f"{numbered[1]}_{int(numbered[2]) + 1}") for n in names)
            known.append(Control(name, "households", f"{_NUMBERED[numbered[1]]} {'>=' if last else '=='} {numbered[2]}"))
    if not any(c.rule == "size > 0" for c in known):
        raise BadInput("no column gives the number of households", where=str(path), mend="add the column HHS")
    return known, str(table.columns[0])


def _stated(stated: pd.DataFrame, path: Path, table: pd.DataFrame) -> tuple[list[Control], str]:
    """Controls as ``controls.csv`` states them, of those that the totals have."""
    needed = {"seed_table", "control_field", "expression"}
    if not needed <= set(stated.columns):
        raise BadInput(f"the columns {', '.join(sorted(needed - set(stated.columns)))} are missing", where=str(path),
                       mend="give target, geography, seed_table, importance, control_field and expression")
    weight = stated["importance"] if "importance" in stated else pd.Series(1.0, index=stated.index)
    least = float(weight.min())
    known = []
    columns = (stated["control_field"], stated["seed_table"], stated["expression"], weight)
    for name, side, rule, importance in zip(*columns, strict=True):
        if name not in table.columns:
            continue
        if side not in ("households", "persons"):
            raise BadInput(f"the seed table {side!r} is unknown", where=f"{path}, control {name}",
                           mend="say households or persons")
        plain = re.sub(r"\b(?:households|persons)\.", "", str(rule))
        plain = re.sub(r"\b[A-Za-z_]\w*\b", lambda word, side=str(side): _column(word[0], side), plain)  # type: ignore[misc]
        known.append(Control(str(name), str(side), plain, min(100.0, float(importance) / max(least, 1e-9))))
    if not known:
        raise BadInput("none of the controls has a column of totals", where=str(path), mend="name the columns in control_field")
    return known, str(table.columns[0])


def _column(word: str, side: str) -> str:
    if word in ("and", "or", "not"):
        return word
    return _RENAMED.get(word.lower(), word) if side == "households" else {"agep": "age"}.get(word.lower(), word)


def _seed(folder: Path, controls: list[Control]) -> Seed:
    """The seed with the columns that the controls ask and those that a population has."""
    raw, people = _read(folder / "households.csv"), _read(folder / "persons.csv")
    for table, name, file in ((raw, "hh_id", "households.csv"), (people, "hh_id", "persons.csv"), (people, "age", "persons.csv")):
        if name not in table.columns:
            raise BadInput(f"there is no column {name}", where=str(folder / file),
                           mend="give hh_id in both files and age of persons")
    if raw.empty:
        raise BadInput("the seed has no households", where=str(folder / "households.csv"), mend="give a sample of households")
    row = pd.Series(np.arange(len(raw)), index=raw["hh_id"])
    if row.index.has_duplicates:
        raise BadInput(f"the household {row.index[row.index.duplicated()][0]} stands twice", where=str(folder / "households.csv"),
                       mend="give every household once")
    people = people[people["hh_id"].isin(row.index)]
    household = row.loc[people["hh_id"]].to_numpy()
    order = np.argsort(household, kind="stable")
    people, household = people.iloc[order], household[order]
    age = people["age"].to_numpy()
    worker = people["pemploy"].isin([1, 2]).to_numpy() if "pemploy" in people else np.zeros(len(people), bool)
    female = people["sex"].to_numpy() == 2 if "sex" in people else np.zeros(len(people), bool)
    need = people["mobility_need"].to_numpy(dtype=bool) if "mobility_need" in people else np.zeros(len(people), bool)
    persons = pd.DataFrame({"household": household, "age": age, "female": female, "worker": worker, "mobility_need": need})
    size = np.bincount(household, minlength=len(raw))
    if (size == 0).any():
        empty = raw["hh_id"].iloc[int(np.argmin(size))]
        raise BadInput(f"the household {empty} has no persons", where=str(folder / "persons.csv"),
                       mend="add them or leave it out")
    households = pd.DataFrame({
        "size": size, "cars": _whole(raw, "veh"),
        "workers": _whole(raw, "hworkers") if "hworkers" in raw else np.bincount(household, weights=worker, minlength=len(raw)),
        "children": np.bincount(household, weights=age < CHILD_BELOW, minlength=len(raw)).astype(int)})
    for control in controls:
        side, source = (households, raw) if control.table == "households" else (persons, people)
        for word in re.findall(r"[A-Za-z_]\w*", control.rule):
            if word not in side.columns and word in source.columns:
                side[word] = source[word].to_numpy()
    return Seed(households, persons)


def _whole(table: pd.DataFrame, name: str) -> NDArray[np.int64]:
    return table[name].to_numpy(dtype=np.int64) if name in table else np.zeros(len(table), np.int64)
