"""A search over layouts towards several ends at once, and the proof of what it found.

Layouts are bred from those that are there (moves of :mod:`sim.study.space`). Parents are the ones that no other beats on
every end, where the number of measures on which a layout clearly loses to those made by hand counts as one end more. Each is
*screened*: one rehearsal with a share of the people, for whom searches take as much longer, so that the load of every lane is
what it was. The most promising are *confirmed*: rehearsed in full with the same seeds as the layouts made by hand, and
compared in pairs.

What is screened depends on the seed and the results alone, so that a search that was interrupted goes on in its folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sim.draw import stream
from sim.layout import takes
from sim.measures import MEASURES, measure
from sim.place import district_of
from sim.scenario import Distribution, Layout, Scenario
from sim.study.compare import Row, paired
from sim.study.crew import Crew
from sim.study.folder import Progress, Study, begin
from sim.study.space import child, within
from twin.errors import BadInput
from twin.places import District

ENDS = ("density_peak", "wait_mean", "response_mean", "staff")
"""Peak density, waiting, help arrival, staff: less is better of each."""
LIMITS = ("staff", "lanes", "gates")
"""What a layout may take no more of than the one made by hand that takes most."""
ROUGH = 0.05
"""A loss of this share of an end says nothing in screening, which is one rehearsal with few people."""
LOSSES = "losses"
BROOD = 4
"""Layouts that are bred from one front."""


@dataclass(frozen=True)
class Point:
    """A layout that was screened: its values by end, whether none beats it on every end, who made it."""

    layout: str
    values: dict[str, float]
    front: bool
    made: str


@dataclass(frozen=True)
class Verdict:
    """A confirmed layout against one made by hand: the measures on which its 95 % interval is better or worse, and those that
    stay so when all measures are allowed for (Holm). ``more`` are the resources that it takes more of."""

    layout: str
    against: str
    pairs: int
    better: list[str]
    worse: list[str]
    better_holm: list[str]
    worse_holm: list[str]
    more: list[str]

    @property
    def beats(self) -> bool:
        """Better on one measure at least, worse on none, with intervals, and it takes no more of anything."""
        return bool(self.better) and not self.worse and not self.more


@dataclass(frozen=True)
class Found:
    """What a search found: every point, the confirmed layouts, their verdicts, and how many could not be rehearsed."""

    points: list[Point]
    confirmed: list[str]
    verdicts: list[Verdict]
    refused: int

    def winners(self) -> list[str]:
        """Confirmed layouts that beat every one made by hand."""
        return [name for name in self.confirmed if all(v.beats for v in self.verdicts if v.layout == name)]


def search(scenario: Scenario, hand: Sequence[str], out: str | os.PathLike[str], crew: Crew, *, ends: Sequence[str] = ENDS,
           tries: int = 24, confirm: int = 1, replications: int = 5, share: float = 0.2, seed: int | None = None,
           on_progress: Progress | None = None) -> Found:
    """Search from the layouts made by hand; ``tries`` more are screened, ``confirm`` of them rehearsed in full.

    ``out`` becomes a study folder of the layouts that are confirmed, with the study of the screening inside.
    """
    if not hand or tries < 1 or confirm < 1 or replications < 2:
        raise BadInput("there is nothing to search",
                       mend="name a layout, and ask for 1 try, 1 to confirm and 2 replications at least")
    if not 0.02 <= share <= 1:
        raise BadInput(f"{share:g} of the people do not do for screening", mend="say 0.02 to 1")
    district = district_of(scenario)
    _require_ends(ends, set(takes(district, scenario, hand[0])))
    study = begin(out, scenario, hand, seed=seed)
    first = study.first_seed
    screening = begin(Path(out) / "screening", thinned(scenario, share), hand, seed=first)
    limits = {key: max(takes(district, scenario, name)[key] for name in hand) for key in LIMITS}
    random = stream(first, "search")
    layouts: dict[str, Layout] = {name: scenario.layouts[name] for name in hand}
    values: dict[str, dict[str, float]] = {}
    refused = bred = 0
    brood = list(hand)
    while True:
        gone = _screen(screening, layouts, brood, crew, share)
        refused += len(gone)
        for name in brood:
            if name not in gone:
                values[name] = _values(screening, district, scenario, layouts[name], name, ends, hand)
        if on_progress is not None:
            on_progress(min(bred, tries), tries + (len(hand) + confirm) * replications)
        if bred >= tries:
            break
        best = front(values)
        least = min(values[name][LOSSES] for name in best)
        parents = [layouts[name] for name in best]
        parents += [layouts[name] for name in best if values[name][LOSSES] == least] * BROOD
        brood = []
        while len(brood) < BROOD and bred < tries:
            new = _new(district, scenario, parents, list(layouts.values()), limits, random)
            bred += 1
            if new is not None:
                brood.append(f"s{bred:03d}")
                layouts[brood[-1]] = new
        if not brood:
            break
    chosen = _promising(values, hand)[:confirm]
    study.add({name: layouts[name] for name in chosen})
    seeds = range(first, first + replications)
    done = tries

    def tell(finished: int, of: int) -> None:
        if on_progress is not None:
            on_progress(done + finished, done + of)

    study.complete([(name, s) for s in seeds for name in [*hand, *chosen]], crew, frames="first", on_progress=tell)
    best = front(values)
    points = [Point(name, told, name in best, "by hand" if name in hand else "search") for name, told in values.items()]
    verdicts = [verdict(study, district, name, other) for name in chosen for other in hand]
    study.add({name: layouts[name] for name in best})
    study.note(layouts=[*hand, *chosen], search={
        "ends": list(ends), "share": share, "tries": tries, "refused": refused, "hand": list(hand), "shown": [*hand, *chosen],
        "points": [asdict(p) for p in points], "verdicts": [asdict(v) | {"beats": v.beats} for v in verdicts]})
    return Found(points, chosen, verdicts, refused)


def thinned(scenario: Scenario, share: float) -> Scenario:
    """The scenario with a share of its people, every layout slowed down to match."""
    demand = {name: d.model_copy(update={"people": max(round(d.people * share), 1) if d.people else 0})
              for name, d in scenario.demand.items()}
    return scenario.model_copy(update={"name": f"{scenario.name} screening", "demand": demand,
                                       "layouts": {n: slowed(layout, share) for n, layout in scenario.layouts.items()}})


def slowed(layout: Layout, share: float) -> Layout:
    """A layout whose searches take 1 / share times as long."""
    return layout.model_copy(update={"checkpoints": [
        c.model_copy(update={"service": _longer(c.service, 1 / share)}) for c in layout.checkpoints]})


def _longer(service: Distribution, times: float) -> Distribution:
    """A distribution of numbers that are some times as large."""
    kind, value = next(iter(service.model_dump(exclude_none=True).items()))
    return Distribution.model_validate({kind: [v * times for v in value] if isinstance(value, (list, tuple)) else value * times})


def front(values: dict[str, dict[str, float]]) -> list[str]:
    """Names of those that no other beats: is as good on every end, and better on one."""
    names = list(values)
    table = np.array([[values[name][end] for end in values[name]] for name in names], float)
    table = np.where(np.isfinite(table), table, np.inf)
    as_good = (table[:, None, :] <= table[None, :, :]).all(2)
    better = (table[:, None, :] < table[None, :, :]).any(2)
    beaten = np.any(as_good & better, axis=0)
    return [name for name, lost in zip(names, beaten, strict=True) if not lost]


def verdict(study: Study, district: District, layout: str, against: str) -> Verdict:
    """How a layout of a study does against another over the seeds that both have."""
    seeds = study.common_seeds([layout, against])
    left, right = (study.measures(name).loc[seeds] for name in (against, layout))
    plain = paired(left, right, study.measure_of)
    held = paired(left, right, study.measure_of, correction="holm")
    needs, theirs = (takes(district, study.scenario, name) for name in (layout, against))
    fewer = [key for key in ("staff",) if needs[key] < theirs[key]]

    def on(rows: list[Row], side: str) -> list[str]:
        return [row.key for row in rows if row.better == side]

    return Verdict(layout, against, len(seeds), on(plain, "B") + fewer, on(plain, "A"), on(held, "B") + fewer, on(held, "A"),
                   [key for key in LIMITS if needs[key] > theirs[key] and key == "staff"])


def _screen(screening: Study, layouts: dict[str, Layout], names: Sequence[str], crew: Crew, share: float) -> set[str]:
    """Rehearse layouts once each with few people; the names of those that cannot be rehearsed."""
    screening.add({name: slowed(layouts[name], share) for name in names})
    gone: set[str] = set()
    screening.complete([(name, screening.first_seed) for name in names], crew, refused=gone)
    return gone


def _values(screening: Study, district: District, scenario: Scenario, layout: Layout, name: str, ends: Sequence[str],
            hand: Sequence[str]) -> dict[str, float]:
    """What the screening says of a layout: its ends, and on how many measures it loses."""
    measured, *theirs = (screening.measures(one).loc[screening.first_seed] for one in (name, *hand))
    needs = takes(district, scenario.model_copy(update={"layouts": {"it": layout}}), "it")
    told = {end: float(needs[end]) if end in needs else float(measured.get(end, np.nan)) for end in ends}
    return told | {LOSSES: float(_losses(measured, theirs))}


def _losses(measured: pd.Series, hand: list[pd.Series]) -> int:
    """On how many measures, common to all, a layout is clearly worse than the best of those made by hand."""
    lost = 0
    for key in measured.index:
        kind = measure(str(key))
        theirs = [one[key] for one in hand if key in one and np.isfinite(one[key])]
        if kind.better is None or len(theirs) < len(hand):
            continue
        sign = 1.0 if kind.better == "less" else -1.0
        best = min(sign * value for value in theirs)
        lost += not (sign * measured[key] - best) / max(*map(abs, theirs), abs(best), 1.0) <= ROUGH
    return lost


def _new(district: District, scenario: Scenario, parents: list[Layout], known: list[Layout], limits: dict[str, float],
         random: np.random.Generator) -> Layout | None:
    """A layout that is not there yet and takes no more than it may; None after many that were."""
    for _ in range(40):
        one = child(district, parents, random)
        old = any(one == other.model_copy(update={"title": ""}) for other in known)
        if not old and within(district, scenario, one, limits):
            return one
    return None


def _promising(values: dict[str, dict[str, float]], hand: Sequence[str]) -> list[str]:
    """Layouts that the search made, the most promising first: those that lose on the fewest measures, then by how much better
    they are on the ends, each as a share of the best made by hand."""
    ends = [end for end in values[hand[0]] if end != LOSSES]
    best = {end: min(values[name][end] for name in hand) for end in ends}

    def key(name: str) -> tuple[float, float]:
        gain = [(best[end] - values[name][end]) / max(abs(best[end]), 1e-9) for end in ends]
        return values[name][LOSSES], -float(np.nansum(gain))

    return sorted((name for name in values if name not in hand), key=key)


def _require_ends(ends: Sequence[str], resources: set[str]) -> None:
    for end in ends:
        if end not in resources and (end.partition(":")[0] not in MEASURES or measure(end).better != "less"):
            raise BadInput(f"{end!r} is nothing to have less of", mend=f"choose measures, or staff, such as {', '.join(ENDS)}")
