"""A search over layouts towards several ends at once, and the proof of what it found.

Layouts are *bred* in outline from those that are there, in several lineages (:mod:`sim.study.breed`): thousands are looked at,
none of them in full. The best of each lineage is *screened*: rehearsed once with a seed of its own, and so are the layouts made
by hand. The most promising are *confirmed*: rehearsed with the same further seeds as the layouts made by hand, which nothing
before has used, and compared in pairs.

What is tried depends on the seed and the results alone, so that a search that was interrupted goes on in its folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.layout import takes
from sim.measures import MEASURES, measure
from sim.place import district_of
from sim.scenario import Distribution, Layout, Scenario
from sim.scenario_file import dump
from sim.study.breed import Lineage, breed, shortfall
from sim.study.compare import Row, paired
from sim.study.crew import Crew
from sim.study.folder import Progress, Study, begin
from sim.study.replications import pinned
from twin.errors import BadInput
from twin.places import District

ENDS = ("density_peak", "wait_mean", "response_mean", "staff")
"""Peak density, waiting, help arrival, staff: less is better of each."""
APART = 1_000_000
"""The seeds of breeding and screening lie so far from those that confirm."""
OUTLINES = 3
"""Seeds over which a layout is looked at in outline."""
SHORTFALL = "shortfall"
AT_MOST = 0.1
"""What a loss on one measure may weigh in screening, which is one rehearsal: a share of the measure."""


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
           tries: int = 1200, screen: int = 4, confirm: int = 2, replications: int = 5, share: float = 1.0,
           seed: int | None = None, on_progress: Progress | None = None) -> Found:
    """Search from the layouts made by hand: ``tries`` more are looked at in outline, in ``screen`` lineages, the best of each is
    rehearsed once, with a ``share`` of the people, and ``confirm`` of those as often as the ones made by hand.

    ``out`` becomes a study folder of the layouts that are confirmed, with the study of the screening inside.
    """
    if not hand or min(tries, screen, confirm) < 1 or replications < 2:
        raise BadInput("there is nothing to search",
                       mend="name a layout, and ask for 1 try, 1 to screen, 1 to confirm and 2 replications at least")
    if not 0.02 <= share <= 1:
        raise BadInput(f"{share:g} of the people do not do for screening", mend="say 0.02 to 1")
    district = district_of(scenario)
    _require_ends(ends, set(takes(district, scenario, hand[0])))
    study = begin(out, scenario, hand, seed=seed)
    first = study.first_seed
    screening = begin(Path(out) / "screening", thinned(scenario, share), hand, seed=first + APART)
    of = 2 * screen + len(hand) + (len(hand) + confirm) * replications

    def tell(done: int) -> None:
        if on_progress is not None:
            on_progress(done, of)

    bred = _bred(study, scenario, hand, crew, tries, screen, ends, tell)
    layouts = {name: scenario.layouts[name] for name in hand} | bred
    refused: set[str] = set()
    screening.add({name: slowed(layout, share) for name, layout in bred.items()})
    screening.complete([(name, screening.first_seed) for name in layouts], crew, refused=refused,
                       on_progress=lambda done, left: tell(screen + screen + len(hand) - left + done))
    values = {name: _values(screening, district, scenario, layout, name, ends, hand)
              for name, layout in layouts.items() if name not in refused}
    chosen = sorted((name for name in values if name not in hand), key=lambda name: values[name][SHORTFALL])[:confirm]
    study.add({name: layouts[name] for name in chosen})
    study.complete([(name, s) for s in range(first, first + replications) for name in [*hand, *chosen]], crew, frames="first",
                   on_progress=lambda done, left: tell(of - left + done))
    best = front(values)
    points = [Point(name, told, name in best, "by hand" if name in hand else "search") for name, told in values.items()]
    verdicts = [verdict(study, district, name, other) for name in chosen for other in hand]
    study.add({name: layouts[name] for name in best})
    lost = screen - len(values) + len(hand)
    study.note(layouts=[*hand, *chosen], search={
        "ends": list(ends), "share": share, "tries": tries, "refused": lost, "hand": list(hand), "shown": [*hand, *chosen],
        "points": [asdict(p) for p in points], "verdicts": [asdict(v) | {"beats": v.beats} for v in verdicts]})
    return Found(points, chosen, verdicts, lost)


def _bred(study: Study, scenario: Scenario, hand: Sequence[str], crew: Crew, tries: int, lineages: int, ends: Sequence[str],
          tell: Callable[[int], None]) -> dict[str, Layout]:
    """The best of each lineage, by name; those that the study knows already are not bred again."""
    text, first = dump(pinned(scenario)), study.first_seed + APART
    seeds = tuple(range(first + 1, first + 1 + OUTLINES))
    known: dict[str, Any] = study.about.get("bred", {})
    orders = [Lineage(text, tuple(hand), number, -(-tries // lineages), seeds, tuple(ends)) for number in range(1, lineages + 1)
              if f"s{number}" not in known]
    tell(lineages - len(orders))

    def keep(order: Lineage, layout: dict[str, Any] | None) -> None:
        known[f"s{order.number}"] = layout
        study.note(bred=known)
        tell(len(known))

    crew.do(breed, orders, keep)
    found: dict[str, Layout] = {}
    for name in sorted(known, key=lambda name: int(name[1:])):
        if known[name] is not None and (new := Layout.model_validate(known[name])) not in found.values():
            found[name] = new
    return found


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
                   [key for key in ("staff", "staff_hours") if needs[key] > theirs[key]])


def _values(screening: Study, district: District, scenario: Scenario, layout: Layout, name: str, ends: Sequence[str],
            hand: Sequence[str]) -> dict[str, float]:
    """What the screening says of a layout: its ends, and by how much it falls short of those made by hand."""
    measured, *theirs = (dict(screening.measures(one).loc[screening.first_seed]) for one in (name, *hand))
    needs = takes(district, scenario.model_copy(update={"layouts": {"it": layout}}), "it")
    told = {end: float(needs[end]) if end in needs else float(measured.get(end, np.nan)) for end in ends}
    return told | {SHORTFALL: shortfall(measured, theirs, ends, most=AT_MOST)}


def _require_ends(ends: Sequence[str], resources: set[str]) -> None:
    for end in ends:
        if end not in resources and (end.partition(":")[0] not in MEASURES or measure(end).better != "less"):
            raise BadInput(f"{end!r} is nothing to have less of", mend=f"choose measures, or staff, such as {', '.join(ENDS)}")
