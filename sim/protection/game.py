"""Patrols as a game: how likely each tour should be, so that nobody who knows the plan gains more than he must.

Whoever plans harm knows how likely every risk place is to be watched, and picks the one that pays most; whoever plans
the patrols knows that. This Stackelberg game is zero-sum, and so a linear program (von Neumann 1928; security games:
Kiekintveld et al. 2009, Tambe 2011)::

    min v   such that   v >= w_t (1 - c_t),   c_t <= sum_b e_bt x_b,   c_t <= 1,   sum_b x_b <= teams,   0 <= x_b <= 1

with the weight w_t of risk place t, tours b, the chance e_bt that somebody on tour b meets what happens at t, and the
chance x_b that tour b is walked. HiGHS solves it through scipy. Its value is a bound that no patrols can go below; sets of
tours drawn with the comb, and others that answer to them, make a mix whose value is exact (:func:`improved`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, identity, vstack

from twin.errors import BadInput

_SMALL = 1e-9


@dataclass(frozen=True)
class Marginals:
    """How likely each tour is in a slot ``x`` (tours,), what that is worth ``value`` (the most that an attacker can expect,
    at best), and the chance that each risk place is met ``cover`` (places,) as the program counts it: a bound from above."""

    x: NDArray[np.float64]
    value: float
    cover: NDArray[np.float64]


def marginals(meets: NDArray[np.float64], weight: NDArray[np.float64], teams: int) -> Marginals:
    """Solve the game: ``meets`` (tours, places) are the chances e_bt, ``weight`` (places,) what an attack is worth.

    Of all solutions the one with the least walking is not asked for; the cover is then raised where it costs nothing: a
    second program maximises the weighted cover among those with the same value.
    """
    tours, places = meets.shape
    if teams < 1 or not tours or not places:
        raise BadInput("a game needs patrols, tours and risk places", mend="give at least one of each")
    # z = (x of the tours, c of the places, v)
    cover = hstack([-csr_array(meets.T), identity(places), csr_array((places, 1))])
    gain = hstack([csr_array((places, tours)), csr_array(-np.diag(weight)), csr_array(-np.ones((places, 1)))])
    budget = csr_array(np.concatenate([np.ones(tours), np.zeros(places + 1)])[None])
    matrix = csr_array(vstack([cover, gain, budget]))
    limit = np.concatenate([np.zeros(places), -weight, [teams]])
    bounds = [(0.0, 1.0)] * (tours + places) + [(0.0, None)]
    value = np.zeros(tours + places + 1)
    value[-1] = 1.0
    best = linprog(value, A_ub=matrix, b_ub=limit, bounds=bounds, method="highs")
    if best.status != 0:
        raise BadInput(f"the game of the patrols has no solution ({best.message})", mend="check the weights")
    bounds[-1] = (0.0, float(best.fun) * (1 + 1e-7) + _SMALL)
    second = linprog(np.concatenate([np.zeros(tours), -weight, [0.0]]), A_ub=matrix, b_ub=limit, bounds=bounds, method="highs")
    z = second.x if second.status == 0 else best.x
    return Marginals(np.clip(z[:tours], 0.0, 1.0), float(best.fun), np.clip(z[tours:tours + places], 0.0, 1.0))


def comb(x: NDArray[np.float64], order: NDArray[np.int64], luck: float) -> NDArray[np.int64]:
    """Tours drawn so that each is drawn with exactly its chance, and floor or ceiling of sum(x) of them in all.

    A comb with teeth one apart, shifted by ``luck`` in [0, 1), is laid on the chances put end to end in an order
    (systematic sampling, Madow 1949). Two tours that lie within a length of one are never drawn together: tours with the same
    places put side by side do not meet there.
    """
    ends = np.cumsum(x[order])
    ends[-1] = round(ends[-1]) if abs(ends[-1] - round(ends[-1])) < 1e-6 else ends[-1]
    starts = np.concatenate([[0.0], ends[:-1]])
    return order[np.floor(ends - luck) > np.floor(starts - luck)]


@dataclass(frozen=True)
class Mixed:
    """Sets of tours and how likely each is: what is drawn in every slot.

    ``sets[k]`` are the tours of a set, ``q`` (sets,) the chances. ``cover`` (places,) is the exact chance that an attack is
    met, ``value`` the most that an attacker can expect.
    """

    sets: list[tuple[int, ...]]
    q: NDArray[np.float64]
    cover: NDArray[np.float64]
    value: float

    @property
    def bits(self) -> float:
        """Entropy of a draw: how much whoever guesses it does not know."""
        some = self.q[self.q > 0]
        return float(-(some * np.log2(some)).sum())


def drawn_by_comb(game: Marginals, order: NDArray[np.int64], meets: NDArray[np.float64], weight: NDArray[np.float64]) -> Mixed:
    """The sets that the comb draws and how likely each is: a draw changes only where a tooth passes from tour to tour."""
    edges = np.unique(np.concatenate([[0.0, 1.0], np.mod(np.cumsum(game.x[order]), 1.0)]))
    chance: dict[tuple[int, ...], float] = {}
    for low, high in pairwise(edges):
        if high - low > _SMALL:
            chosen = tuple(sorted(comb(game.x, order, float((low + high) / 2)).tolist()))
            chance[chosen] = chance.get(chosen, 0.0) + float(high - low)
    return _mixed(list(chance), np.array(list(chance.values())), meets, weight)


def _mixed(sets: list[tuple[int, ...]], q: NDArray[np.float64], meets: NDArray[np.float64], weight: NDArray[np.float64]) -> Mixed:
    q = q / q.sum()
    cover = q @ _met(sets, meets)
    return Mixed(sets, q, cover, float((weight * (1 - cover)).max()))


def _met(sets: list[tuple[int, ...]], meets: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance (sets, places) that an attack is met when the tours of a set are walked."""
    return np.array([1 - np.prod(1 - meets[list(one)], axis=0) for one in sets])


def improved(start: Mixed, meets: NDArray[np.float64], weight: NDArray[np.float64], teams: int, *, most: int = 250) -> Mixed:
    """A better mix of sets. The marginals count two patrols at a place as two, though the second adds less than the first;
    here sets are taken as they are, and the set that answers best to the attacker's best mix is added, again and again
    (column generation; McMahan, Gordon and Blum 2003), until no set that is found would change anything.
    """
    sets, rows = list(start.sets), _met(start.sets, meets)
    q = start.q
    for _ in range(most):
        n = len(sets)
        gain = np.hstack([-(weight[:, None] * rows.T), -np.ones((len(weight), 1))])
        one = np.concatenate([np.ones(n), [0.0]])[None]
        best = linprog(np.concatenate([np.zeros(n), [1.0]]), A_ub=gain, b_ub=-weight, A_eq=one, b_eq=[1.0],
                       bounds=[(0.0, None)] * (n + 1), method="highs")
        if best.status != 0:
            break
        q = best.x[:n]
        attack = -best.ineqlin.marginals * weight
        answer, left = _best_set(attack, meets, teams)
        if left >= best.fun - 1e-6 or answer in sets:
            break
        sets.append(answer)
        rows = np.concatenate([rows, _met([answer], meets)])
    q = np.concatenate([q, np.zeros(len(sets) - len(q))])
    some = np.flatnonzero(q > 1e-7)
    found = _mixed([sets[k] for k in some], q[some], meets, weight)
    return found if found.value < start.value else start


def _best_set(attack: NDArray[np.float64], meets: NDArray[np.float64], teams: int) -> tuple[tuple[int, ...], float]:
    """The tours that leave least of an attack (places,) unmet, and how much: one after another, then exchanged one by one."""
    chosen: list[int] = []
    missed = np.ones(meets.shape[1])
    for _ in range(min(teams, len(meets))):
        gain = meets @ (attack * missed)
        gain[chosen] = -1.0
        chosen.append(int(np.argmax(gain)))
        missed = missed * (1 - meets[chosen[-1]])
    least, better = float(attack @ missed), True
    while better:
        better = False
        for k in range(len(chosen)):
            others = chosen[:k] + chosen[k + 1:]
            rest = np.prod(1 - meets[others], axis=0)
            gain = meets @ (attack * rest)
            gain[others] = -1.0
            tour = int(np.argmax(gain))
            left = float(attack @ (rest * (1 - meets[tour])))
            if left < least - 1e-9:
                chosen[k], least, better = tour, left, True
    return tuple(sorted(chosen)), least


def side_by_side(x: NDArray[np.float64], meets: NDArray[np.float64]) -> NDArray[np.int64]:
    """An order of the tours in which those with the same places stand together: each next is the one most like the last."""
    some = np.flatnonzero(x > _SMALL)
    rest = [int(k) for k in np.flatnonzero(x <= _SMALL)]
    if not len(some):
        return np.array(rest)
    alike = meets[some] @ meets[some].T
    order = [0]
    left = set(range(1, len(some)))
    while left:
        nxt = max(left, key=lambda k: (alike[order[-1], k], alike[order].max(axis=0)[k], -k))
        order.append(nxt)
        left.remove(nxt)
    return np.array([int(some[k]) for k in order] + rest)
