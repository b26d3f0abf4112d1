"""Which counts may be shown so that no small one can be worked out from them: suppression, and the attack on it.

Counts over atoms. ``table`` (rows, atoms) of 0 and 1 says which atoms each published count adds up; what an attacker knows
are the rows that are shown, with their counts, and that every atom holds a whole number of 0 or more. A region is small if
its true count is 1 to k-1, and disclosed if what is shown proves that it has fewer than k. Rows with small counts are
suppressed first; then the attack is run on every small region in turn, and of the shown rows that prove it small (those
with a dual price) the one with the smallest count goes too, until nothing is disclosed.

Asking for each region alone would take one programme a region. One programme that wants all regions large at once gives a
witness, a set of counts that is as possible as the true one, and only regions that no witness clears are asked alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import block_array, csr_array, eye_array, vstack

Counts = NDArray[np.int64]
_SECONDS = 20.0


@dataclass
class Attack:
    """What an attacker knows: rows ``known`` (rows, atoms) that add up to ``counts`` (rows,)."""

    known: csr_array
    counts: Counts
    witnesses: list[Counts] = field(default_factory=list)

    def most(self, region: NDArray[np.float64]) -> float:
        """The largest count that a region (atoms,) of 0 and 1 can have, given what is known."""
        return -self._solve(-region)

    def least(self, region: NDArray[np.float64]) -> float:
        """The smallest count that a region (atoms,) can have."""
        return self._solve(region)

    def _solve(self, cost: NDArray[np.float64]) -> float:
        if not self.known.shape[0]:
            return 0.0 if (cost >= 0).all() else -np.inf
        found = milp(cost, constraints=LinearConstraint(self.known, self.counts, self.counts), integrality=np.ones(len(cost)),
                     bounds=Bounds(0, np.inf), options={"time_limit": _SECONDS})
        if found.status == 3:  # nothing bounds it
            return -np.inf
        if found.x is not None:
            self.note(found.x)
        return float(np.round(found.fun)) if found.status == 0 else float(found.mip_dual_bound)

    def note(self, counts: NDArray[np.float64]) -> None:
        """Keep counts of atoms as a witness if they are whole and agree with what is known."""
        witness = np.round(counts).astype(np.int64)
        if (witness >= 0).all() and np.array_equal(self.known @ witness, self.counts):
            self.witnesses.append(witness)

    def disclosed(self, regions: csr_array, k: int) -> list[int]:
        """Which regions (regions, atoms) are proved to have fewer than ``k``: their rows."""
        found = []
        for r in self.not_cleared(regions, k, np.arange(regions.shape[0])):
            if (self.not_cleared(csr_array(regions[[r]]), k, np.zeros(1, np.int64), search=False)
                    and self.most(regions[[r]].toarray().ravel().astype(float)) < k):
                found.append(r)
        return found

    def not_cleared(self, regions: csr_array, k: int, asked: NDArray[np.int64], *, search: bool = True) -> list[int]:
        """Regions for which no witness has ``k`` or more; ``search`` looks for new witnesses."""
        for _ in range(4):
            for witness in self.witnesses:
                asked = asked[np.asarray(regions[asked] @ witness) < k]
            if not len(asked):
                return []
            made = self._witness(csr_array(regions[asked]), k) if search else None
            if made is None:
                break
            self.witnesses.append(made)
            left = asked[np.asarray(regions[asked] @ made) < k]
            if len(left) == len(asked):
                break
            asked = left
        return [int(r) for r in asked]

    def _witness(self, regions: csr_array, k: int) -> Counts | None:
        """Counts of atoms that agree with what is known and make as many regions reach ``k`` as they can."""
        r, n = regions.shape
        if not self.known.shape[0]:
            return np.full(n, k, dtype=np.int64)
        rows = [[self.known, None], [regions, -eye_array(r)]]
        constraint = LinearConstraint(csr_array(block_array(rows)), np.concatenate([self.counts, np.zeros(r)]),
                                      np.concatenate([self.counts, np.full(r, np.inf)]))
        found = milp(np.concatenate([np.zeros(n), -np.ones(r)]), constraints=constraint,
                     integrality=np.concatenate([np.ones(n), np.zeros(r)]),
                     bounds=Bounds(0, np.concatenate([np.full(n, np.inf), np.full(r, float(k))])),
                     options={"time_limit": _SECONDS, "mip_rel_gap": 0.02})
        if found.x is None:
            return None
        witness = np.round(found.x[:n]).astype(np.int64)
        return witness if np.array_equal(self.known @ witness, self.counts) else None


def suppressed(table: csr_array, counts: Counts, regions: csr_array, region_counts: Counts, k: int,
               kept: NDArray[np.bool_] | None = None, hidden: NDArray[np.bool_] | None = None,
               price: NDArray[np.float64] | None = None) -> NDArray[np.bool_]:
    """Which rows of a table must not be shown: (rows,) bool, primary and complementary.

    ``regions`` (regions, atoms) with ``region_counts`` are what must not be disclosed beside the rows themselves; ``kept``
    rows are shown already and cannot be taken back, ``hidden`` ones were refused before. ``price`` (rows,) says how dear
    a row is; the cheapest of those that disclose a region goes, without it the one with the smallest count.
    """
    kept = np.zeros(len(counts), bool) if kept is None else kept
    price = counts.astype(float) if price is None else price
    hide = (counts > 0) & (counts < k) & ~kept
    if hidden is not None:
        hide |= hidden
    small_rows = np.flatnonzero((counts > 0) & (counts < k))
    small = np.flatnonzero((region_counts > 0) & (region_counts < k))
    targets = _stack(table[small_rows], regions[small])
    attack = _attack(table, counts, hide)
    for target in attack.not_cleared(targets, k, np.arange(targets.shape[0])):
        row = csr_array(targets[[target]])
        region = row.toarray().ravel().astype(float)
        # Every row that is hidden leaves the attacker less, so witnesses and regions that are cleared stay so.
        while attack.not_cleared(row, k, np.zeros(1, np.int64), search=False):
            closed = _binding(attack, region, np.flatnonzero(~hide), kept, price, k)
            if closed is None:
                break
            if closed < 0:
                hide |= ~kept
                return hide
            hide[closed] = True
            attack = _attack(table, counts, hide, attack.witnesses)
    return hide


def _attack(table: csr_array, counts: Counts, hide: NDArray[np.bool_], witnesses: list[Counts] | None = None) -> Attack:
    return Attack(csr_array(table[np.flatnonzero(~hide)]), counts[~hide], witnesses if witnesses is not None else [])


def _stack(a: csr_array, b: csr_array) -> csr_array:
    return csr_array(vstack([a, b]))


def _binding(attack: Attack, region: NDArray[np.float64], shown: NDArray[np.int64], kept: NDArray[np.bool_],
             price: NDArray[np.float64], k: int) -> int | None:
    """The cheapest shown row that keeps a region small; None if nothing does, -1 if only rows that are kept do."""
    found = linprog(-region, A_eq=attack.known, b_eq=attack.counts, method="highs")
    if found.status != 0:  # unbounded
        return None
    attack.note(found.x)
    if -found.fun >= k - 1e-6 and attack.most(region) >= k:
        return None
    binding = shown[np.abs(found.eqlin.marginals) > 1e-7]
    binding = binding[~kept[binding]]
    return int(binding[np.argmin(price[binding])]) if len(binding) else -1
