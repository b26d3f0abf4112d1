"""Which of K is best, with a stated probability of being right, and with as few runs as that takes.

A *system* is anything that gives a number for a seed: a layout and a measure, or a queue in a test. Two procedures:

- **KN** (Kim & Nelson 2001, *A fully sequential procedure for indifference-zone selection in simulation*): after a first
  stage every system that is left is run once a step, with the same seed, and drops out as soon as another is clearly ahead.
  With probability 1 - alpha the one that stays is the best, whenever the best is ahead by ``indifference`` at least. It
  keeps its promise with common random numbers.
- **OCBA** (Chen et al. 2000, *Simulation budget allocation for further enhancing the efficiency of ordinal optimization*):
  runs go where they help the choice most, until the estimated probability of correct selection (Bonferroni's bound on the
  pairwise probabilities) is what was asked for. It promises less, and needs fewer runs where many systems are far behind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from twin.errors import BadInput

Simulate = Callable[[int, int], float]
"""The outcome of a system (0 to K - 1) with a seed."""
Outcomes = Callable[[Sequence[tuple[int, int]]], Sequence[float]]
"""The outcomes of several (system, seed) at once, in the order of asking."""
FIRST_STAGE = 10
MOST_RUNS = 100_000


@dataclass(frozen=True)
class Selection:
    """The system that was selected, the runs (K,) that each was given, their means (K,), how sure one may be
    (``probability``: as promised by KN, as estimated by OCBA), and whether the runs allowed were enough for it."""

    best: int
    runs: tuple[int, ...]
    means: tuple[float, ...]
    probability: float
    sure: bool

    @property
    def total(self) -> int:
        """Runs of all systems together."""
        return sum(self.runs)


def one_by_one(simulate: Simulate) -> Outcomes:
    """Outcomes of a system that is simulated one run after the other."""
    return lambda asked: [simulate(system, seed) for system, seed in asked]


def select(simulate: Simulate | None = None, systems: int = 2, *, outcomes: Outcomes | None = None,
           method: Literal["kn", "ocba"] = "kn", probability: float = 0.95, indifference: float | None = None,
           first_stage: int = FIRST_STAGE, most: int = MOST_RUNS, better: Literal["less", "more"] = "less",
           first_seed: int = 1) -> Selection:
    """Select the best of K systems. Give either ``simulate`` or ``outcomes``, which may compute several at once.

    ``indifference`` is the difference that does not matter, which KN needs; OCBA then stops once it is sure that nobody is
    better by more than that. ``most`` bounds the runs of all systems.
    """
    if systems < 2:
        raise BadInput(f"{systems} layout{'s' * (systems != 1)} leave nothing to select", mend="give two at least")
    if not 0.5 < probability < 1:
        raise BadInput(f"a probability of {probability:g} cannot be promised", mend="say more than 0.5 and less than 1")
    if first_stage < 3:
        raise BadInput(f"a first stage of {first_stage} runs says too little about the spread", mend="say 3 or more")
    run = outcomes if outcomes is not None else one_by_one(simulate) if simulate is not None else None
    assert run is not None, "give simulate or outcomes"
    sign = 1.0 if better == "less" else -1.0
    samples = _Samples(run, systems, sign, first_seed)
    if method == "ocba":
        return _ocba(samples, probability, indifference or 0.0, first_stage, most)
    if indifference is None or not indifference > 0:
        raise BadInput("KN needs the difference that does not matter", mend="give it, in the measure's unit, above zero")
    return _kn(samples, probability, indifference, first_stage, most)


class _Samples:
    """What the systems gave so far, turned so that less is better; seeds count up from the first for each system."""

    def __init__(self, run: Outcomes, systems: int, sign: float, first_seed: int) -> None:
        self._run, self._sign, self._first = run, sign, first_seed
        self.values: list[list[float]] = [[] for _ in range(systems)]

    def take(self, counts: dict[int, int]) -> None:
        """Run each system some more times."""
        asked = [(k, self._first + len(self.values[k]) + j) for k, count in counts.items() for j in range(count)]
        for (k, seed), value in zip(asked, self._run(asked), strict=True):
            if not math.isfinite(value):
                raise BadInput(f"system {k + 1} gave no number for the seed {seed}",
                               mend="choose a measure that every layout has in every replication")
            self.values[k].append(self._sign * float(value))

    def selection(self, best: int, probability: float, sure: bool) -> Selection:
        """What was selected."""
        means = tuple(self._sign * float(np.mean(v)) for v in self.values)
        return Selection(best, tuple(len(v) for v in self.values), means, probability, sure)


def _kn(samples: _Samples, probability: float, indifference: float, first_stage: int, most: int) -> Selection:
    """Kim and Nelson's procedure with c = 1, for the least mean."""
    systems = len(samples.values)
    samples.take(dict.fromkeys(range(systems), first_stage))
    alpha = 1 - probability
    eta = ((2 * alpha / (systems - 1)) ** (-2 / (first_stage - 1)) - 1) / 2
    reach = 2 * eta * (first_stage - 1)
    first = np.array([v[:first_stage] for v in samples.values])
    spread = np.var(first[:, None, :] - first[None, :, :], axis=2, ddof=1)  # (K, K)
    left = np.arange(systems)
    r = first_stage
    while len(left) > 1:
        mean = np.array([np.mean(samples.values[k]) for k in left])
        allowed = np.maximum(0.0, (indifference / (2 * r)) * (reach * spread[np.ix_(left, left)] / indifference**2 - r))
        behind = mean[:, None] - mean[None, :] > allowed
        np.fill_diagonal(behind, False)
        left = left[~behind.any(axis=1)]
        if len(left) == 1:
            break
        if r > reach * spread.max() / indifference**2:  # nobody may be told apart any more: they are equally good
            left = left[[int(np.argmin([np.mean(samples.values[k]) for k in left]))]]
            break
        if sum(map(len, samples.values)) + len(left) > most:
            best = left[int(np.argmin([np.mean(samples.values[k]) for k in left]))]
            return samples.selection(int(best), probability, False)
        samples.take(dict.fromkeys(left.tolist(), 1))
        r += 1
    return samples.selection(int(left[0]), probability, True)


def _ocba(samples: _Samples, probability: float, indifference: float, first_stage: int, most: int) -> Selection:
    """Optimal computing budget allocation, a twentieth of what is spent at a time, until it is sure enough."""
    systems = len(samples.values)
    samples.take(dict.fromkeys(range(systems), first_stage))
    while True:
        n = np.array([len(v) for v in samples.values])
        mean = np.array([np.mean(v) for v in samples.values])
        variance = np.array([np.var(v, ddof=1) for v in samples.values]) + 1e-300
        best = int(np.argmin(mean))
        estimated = correct_selection(mean, variance, n, best, indifference)
        if estimated >= probability:
            return samples.selection(best, estimated, True)
        step = max(systems // 2, int(n.sum()) // 20)
        if n.sum() + step > most:
            return samples.selection(best, estimated, False)
        wanted = (n.sum() + step) * allocation(mean, variance, best)
        short = np.maximum(wanted - n, 0.0)
        more = np.floor(short / short.sum() * step).astype(int)
        for k in np.argsort(-(short / short.sum() * step - more), kind="stable")[: step - more.sum()]:
            more[k] += 1
        samples.take({k: int(c) for k, c in enumerate(more) if c})


def correct_selection(mean: np.ndarray, variance: np.ndarray, n: np.ndarray, best: int, indifference: float = 0.0) -> float:
    """A lower bound of the probability that no mean is less than that of ``best`` by more than ``indifference``, from
    means, variances and runs (K,)."""
    others = np.arange(len(mean)) != best
    apart = (mean[others] - mean[best] + indifference) / np.sqrt(variance[others] / n[others] + variance[best] / n[best])
    return float(max(0.0, 1 - stats.norm.sf(apart).sum()))


def allocation(mean: np.ndarray, variance: np.ndarray, best: int) -> np.ndarray:
    """Shares (K,) of all runs that OCBA gives: in proportion to (spread / distance to the best) squared."""
    distance = np.maximum(mean - mean[best], 1e-3 * math.sqrt(float(variance.max())))
    share = variance / distance**2
    share[best] = 0.0
    share[best] = math.sqrt(variance[best]) * math.sqrt(float((share**2 / variance).sum()))
    return share / share.sum()
