"""Grids as a tree: a scope is a set of cells with everything below them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from twin.errors import BadInput
from twin.places import District


class Grids:
    """The cells of a district's administrative schemes: ``parents`` maps the id of each to the one above, or None.

    District > subdistrict > community > grid > courtyard. Schemes overlap, so one place lies in several cells.
    """

    def __init__(self, parents: Mapping[str, str | None]) -> None:
        self.parents = dict(parents)
        self._below: dict[str, list[str]] = {}
        for cell, above in self.parents.items():
            if above is not None:
                self._below.setdefault(above, []).append(cell)
        self._under = lru_cache(maxsize=1024)(self._walk)

    @classmethod
    def of(cls, district: District) -> Grids:
        """The grids of a district; a cell whose parent is missing is a root."""
        table = district.tables.get("grids")
        if table is None or not len(table):
            return cls({})
        known = set(table["id"])
        return cls({cell: above if above in known else None for cell, above in zip(table["id"], table["parent"], strict=True)})

    def under(self, roots: Iterable[str]) -> frozenset[str]:
        """The roots and every cell below them. A root that this district does not know stands for itself alone."""
        return self._under(frozenset(roots))

    def check(self, roots: Iterable[str]) -> None:
        """Raise :class:`BadInput` for a cell that is not there."""
        for root in sorted(roots):
            if root not in self.parents:
                raise BadInput(f"there is no grid {root!r}", mend="name cells of the district's table `grids`")

    def _walk(self, roots: frozenset[str]) -> frozenset[str]:
        met: set[str] = set()
        waiting = list(roots)
        while waiting:
            cell = waiting.pop()
            if cell not in met:  # a file may hold a circle
                met.add(cell)
                waiting += self._below.get(cell, ())
        return frozenset(met)
