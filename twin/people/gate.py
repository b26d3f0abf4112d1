"""The gate: the only way in which counts of residents leave.

What is published is fixed: every cell of every scheme and level, and every crossing of the grids of two schemes, by every
measure of :data:`~twin.people.measures.MEASURES`. Which of these counts are suppressed is decided for all of them
together, once, so that nobody can choose a question whose answer gives another away. A suppressed count is null, whether
it is small itself or covers for one that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, kron, vstack

from twin.errors import BadInput
from twin.people.measures import counts_by_place, measure
from twin.people.population import Population
from twin.people.release import LEAST_K, check_k
from twin.people.schemes import PLACE_LEVEL, Schemes
from twin.people.suppression import suppressed
from twin.places.district import District

CROSSED_LEVEL = "grid"
DEAR = {"household": 4.0, "functional": 2.0, "residential": 1.0, "video": 1.0}
"""How dear the counts of a scheme are: where one of several could go, the smallest of these times the count goes."""
CROSSING_DEAR = 0.5


@dataclass(frozen=True)
class Published:
    """A system of published counts over atoms: ``table`` (rows, atoms), true ``counts`` and which are ``shown`` (rows,).

    ``cell`` names the cell (or ``a x b`` for a crossing) and ``category`` the category of each row, "" for all. ``regions``
    (regions, atoms) are what the schemes let anybody ask about by adding and subtracting two cells.
    """

    table: csr_array
    counts: NDArray[np.int64]
    shown: NDArray[np.bool_]
    cell: NDArray[np.object_]
    category: NDArray[np.object_]
    regions: csr_array
    region_counts: NDArray[np.int64]


class Gate:
    """Counts of one population over the schemes of one district, none of them from 1 to ``k`` - 1 and none that tells of one."""

    def __init__(self, population: Population, schemes: Schemes, *, k: int = LEAST_K) -> None:
        check_k(k)
        self.k, self.schemes = k, schemes
        self._population = population
        self._rows, self._cells = _catalogue(schemes)
        scheme = dict(zip(schemes.cells["id"], schemes.cells["scheme"], strict=True))
        self._dear = np.array([DEAR[scheme[c]] if c in scheme else CROSSING_DEAR for c in self._cells])
        self._made: dict[str, Published] = {}

    @classmethod
    def of(cls, district: District, population: Population, *, k: int = LEAST_K) -> Gate:
        """The gate of a population over the schemes of the district that it lives in."""
        return cls(population, Schemes.of(district, population.households["place"].unique().tolist()), k=k)

    def aggregate(self, name: str = "people", *, scheme: str = "household", level: str = "grid",
                  across: str | None = None) -> pd.DataFrame:
        """Counts of a measure by the cells of a scheme and level: ``id, name``, then a column a category and ``all``.

        Suppressed counts are null. ``across`` names a second scheme: then the rows are the crossings of the grids of both
        (``id, name, id_2, name_2, all``), for measures without categories.
        """
        asked = measure(name)
        if level == PLACE_LEVEL and asked.categories:
            raise BadInput(f"{name} is not counted by courtyard", where="aggregate", mend="ask for the level grid or above")
        if across is not None:
            return self._crossed(name, scheme, across, level)
        cells = self.schemes.cells.iloc[self.schemes.rows(scheme, level)]
        shown = self._shown(name)
        made = pd.DataFrame({"id": cells["id"].to_numpy(), "name": cells["name"].to_numpy()})
        for category in (*asked.categories, ""):
            made[category or "all"] = pd.array([shown.get((cell, category)) for cell in cells["id"]], dtype="Int64")
        return made

    def _crossed(self, name: str, scheme: str, across: str, level: str) -> pd.DataFrame:
        if measure(name).categories or level != CROSSED_LEVEL or across == scheme:
            raise BadInput(f"{name} by {scheme} and {across} at the level {level} is not published", where="aggregate",
                           mend="cross the grids of two schemes by people or households")
        shown = self._shown(name)
        cells = self.schemes.cells
        first, second = (cells.iloc[self.schemes.rows(s, level)] for s in (scheme, across))
        known = {cell for cell, _ in shown}
        rows = []
        for a, a_name in zip(first["id"], first["name"], strict=True):
            for b, b_name in zip(second["id"], second["name"], strict=True):
                key = next((c for c in (crossing(a, b), crossing(b, a)) if c in known), None)
                if key is not None:
                    rows.append({"id": a, "name": a_name, "id_2": b, "name_2": b_name, "all": shown[key, ""]})
        made = pd.DataFrame(rows, columns=["id", "name", "id_2", "name_2", "all"])
        return made.astype({"all": "Int64"})

    def _shown(self, name: str) -> dict[tuple[str, str], int | None]:
        p = self.published(name)
        return {(cell, category): int(count) if shown else None
                for cell, category, count, shown in zip(p.cell, p.category, p.counts, p.shown, strict=True)}

    def published(self, name: str) -> Published:
        """Everything that is published of a measure, for audits: true counts are in it, so it must not leave."""
        if name not in self._made:
            base = {"persons": "people", "households": "households"}[measure(name).base]
            self._made[name] = self._totals(name) if name == base else self._by_category(name, self.published(base))
        return self._made[name]

    def _totals(self, name: str) -> Published:
        """Counts without categories, down to the courtyard."""
        count = counts_by_place(self._population, name, self.schemes.places)[:, 0]
        rows = self._rows
        regions = _regions(self.schemes, rows)
        counts, region_counts = rows @ count, regions @ count
        hidden = suppressed(rows, counts, regions, region_counts, self.k, price=counts * self._dear)
        return Published(rows, counts, ~hidden, self._cells, np.full(len(counts), "", dtype=object), regions, region_counts)

    def _by_category(self, name: str, base: Published) -> Published:
        """Counts by category for grids and above, given the totals that are shown already.

        Atoms are places that lie in the same cells; of these, courtyards whose total is shown are one and the others
        another, because how many live in the first together is known. Every split of an atom's people over its courtyards
        that agrees with their totals is possible, so that nothing finer has to be looked at.
        """
        asked = measure(name)
        places = self.schemes.places
        coarse = self._coarse()
        fine = dict(zip(base.cell, base.shown, strict=True))
        known = np.array([bool(fine.get(p, False)) for p in places])
        rows = base.table[coarse]
        pattern = np.column_stack([rows.toarray().T, known])
        _, atom = np.unique(pattern, axis=0, return_inverse=True)
        atom = atom.ravel()
        n, width = int(atom.max()) + 1, len(asked.categories)
        first = np.array([int(np.argmax(atom == a)) for a in range(n)])
        count = np.zeros((n, width), np.int64)
        np.add.at(count, atom, counts_by_place(self._population, name, places))
        flat = count.ravel()
        rows_of_atoms, ones = csr_array(rows[:, first]), csr_array(np.ones((1, width), dtype=np.int64))
        cells = np.flatnonzero([" x " not in cell for cell in base.cell[coarse]])
        split = csr_array(kron(rows_of_atoms[cells], eye_array(width, dtype=np.int64), format="csr"))
        shown_rows = np.flatnonzero(base.shown[coarse])
        margins = csr_array(kron(rows_of_atoms[shown_rows], ones, format="csr"))
        sums = csr_array(kron(eye_array(n, dtype=np.int64, format="csr")[np.flatnonzero(known[first])], ones, format="csr"))
        table = csr_array(vstack([split, margins, sums]))
        counts = table @ flat
        kept = np.arange(len(counts)) >= split.shape[0]
        refused = np.repeat(~base.shown[coarse][cells], width)
        dear = np.concatenate([np.repeat(self._dear[coarse][cells], width), np.ones(len(counts) - split.shape[0])])
        regions = csr_array(vstack([kron(_on(base.regions, first), eye_array(width, dtype=np.int64)),
                                    kron(_on(base.regions, first), ones)]))
        hidden = suppressed(table, counts, regions, regions @ flat, self.k, kept,
                            np.concatenate([refused, np.zeros(len(counts) - len(refused), bool)]), counts * dear)
        by_cell = hidden[:split.shape[0]].reshape(-1, width)
        # What the total and the other categories tell anyway is said: the attack has found that it is not small.
        by_cell[base.shown[coarse][cells] & (by_cell.sum(axis=1) == 1)] = False
        names = np.concatenate([np.repeat(base.cell[coarse][cells], width), base.cell[coarse][shown_rows],
                                np.full(sums.shape[0], "(courtyards that are shown)", dtype=object)])
        category = np.concatenate([np.tile(np.array(asked.categories, dtype=object), len(cells)),
                                   np.full(len(counts) - split.shape[0], "", dtype=object)])
        return Published(table, counts, ~hidden, names, category, regions, regions @ flat)

    def _coarse(self) -> NDArray[np.int64]:
        """Rows of the catalogue above the courtyard."""
        levels = dict(zip(self.schemes.cells["id"], self.schemes.cells["level"], strict=True))
        return np.flatnonzero([levels.get(cell) != PLACE_LEVEL for cell in self._cells])


def aggregate(population: Population, schemes: Schemes, name: str = "people", *, scheme: str = "household", level: str = "grid",
              across: str | None = None, k: int = LEAST_K) -> pd.DataFrame:
    """Counts of residents by the cells of a scheme: see :meth:`Gate.aggregate`. Keep a :class:`Gate` to ask more than once."""
    return Gate(population, schemes, k=k).aggregate(name, scheme=scheme, level=level, across=across)


def crossing(a: str, b: str) -> str:
    """What the part of cell ``a`` that lies in ``b`` is called."""
    return f"{a} x {b}"


def _catalogue(schemes: Schemes) -> tuple[csr_array, NDArray[np.object_]]:
    """Every cell, and every crossing of the grids of two schemes that holds a place: rows (rows, places) and names."""
    inside = schemes.inside.astype(np.int64)
    rows, names = [inside], list(schemes.cells["id"])
    level = schemes.cells["level"].to_numpy() == CROSSED_LEVEL
    for a, b in combinations(sorted(set(schemes.cells["scheme"][level])), 2):
        first, second = (np.flatnonzero(level & (schemes.cells["scheme"] == s).to_numpy()) for s in (a, b))
        shared = (inside[first] @ inside[second].T).tocoo()
        if shared.nnz:
            rows.append(inside[first[shared.row]].multiply(inside[second[shared.col]]))
            ids = schemes.cells["id"].to_numpy()
            names += [crossing(ids[x], ids[y]) for x, y in zip(first[shared.row], second[shared.col], strict=True)]
    return csr_array(vstack(rows)), np.array(names, dtype=object)


def _regions(schemes: Schemes, rows: csr_array) -> csr_array:
    """What is left of a cell without another that it overlaps: distinct regions (regions, places) of 0 and 1, no empty ones.

    Crossings are rows of the catalogue already, and courtyards stand alone; a region is all of these of two cells.
    """
    above = np.flatnonzero((schemes.cells["level"] != PLACE_LEVEL).to_numpy())
    dense = rows[above].toarray().astype(bool)
    overlap = (rows[above] @ rows[above].T).tocoo()
    left = [dense[a] & ~dense[b] for a, b in zip(overlap.row, overlap.col, strict=True) if a != b]
    both = [dense[a] & dense[b] for a, b in zip(overlap.row, overlap.col, strict=True) if a < b]
    found = np.array([region for region in (*left, *both) if region.any()], dtype=bool).reshape(-1, rows.shape[1])
    return csr_array(np.unique(found, axis=0).astype(np.int64))


def _on(regions: csr_array, first: NDArray[np.int64]) -> csr_array:
    """Regions of places as regions of atoms: all places of an atom lie in the same cells, so none is cut through."""
    return csr_array(regions[:, first])
