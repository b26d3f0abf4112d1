"""Layouts bred in outline: from those made by hand, generation after generation, towards losing to none of them.

A lineage keeps the :data:`FEW` layouts that fall least short. Each try is a child of two of them, the better ones more often
(:func:`sim.study.space.child`), and takes the place of the worst if it falls less short. Lineages know nothing of each other:
each is an order of its own for a crew, and several of them end in different layouts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from sim.draw import stream
from sim.measures import MEASURES, measure
from sim.place import district_of
from sim.scenario import Layout, Scenario
from sim.site import problems
from sim.study.outline import Outline
from sim.study.space import child
from twin.errors import BadInput

FEW = 10
"""Layouts that a lineage keeps."""
MARGIN = 0.03
"""By what share of a measure a layout has to be better than the best of those made by hand before it does not fall short."""
GAIN = 0.002
"""What a gain on an end is worth; a loss counts as its square."""
NOT_KNOWN = 1.0
"""Loss on a measure that is not known of a layout, but of one made by hand."""
FIRST_LOOK, HOPE = 2, 0.01
"""A layout is looked at over so many seeds first, and over the others only if it falls short by at most so much more than those
that are kept."""
NOTHING = 1e-4
"""A change that gains no more than this is taken back at the end."""
LIMITS = ("staff", "staff_hours", "gates")
"""What a layout may take no more of than the one made by hand that takes most. Lanes are not among them: each takes staff, which
posts then lack."""


@dataclass(frozen=True)
class Lineage:
    """The order for one lineage: a scenario as YAML, its layouts made by hand, the seeds of the outline."""

    scenario: str
    hand: tuple[str, ...]
    number: int
    tries: int
    seeds: tuple[int, ...]
    ends: tuple[str, ...]


def breed(order: Lineage) -> dict[str, Any] | None:
    """Carry out an order, anywhere; the best layout that can be rehearsed, as plain values, or None."""
    scenario = Scenario.model_validate(yaml.safe_load(order.scenario))
    district = district_of(scenario)
    outline = Outline(district, scenario, order.seeds)
    by_hand = [scenario.layouts[name] for name in order.hand]
    judge = _Judge(outline, by_hand, order.ends)
    random = stream(order.seeds[0], f"lineage/{order.number}")
    kept = sorted(((judge(layout), layout) for layout in by_hand), key=_first)
    for _ in range(order.tries):
        ranks = np.minimum(random.exponential(FEW / 5, 2).astype(int), len(kept) - 1)
        new = child(district, [kept[rank][1] for rank in ranks], random)
        if all(new != known.model_copy(update={"title": ""}) for _, known in kept) and judge.allows(new):
            short = judge(new, kept[-1][0] if len(kept) == FEW else np.inf)
            kept = sorted([*kept, (short, new)], key=_first)[:FEW]
    for short, layout in kept:
        if np.isfinite(short) and layout not in by_hand:
            plain = _plain(layout, short, by_hand, judge)
            if not problems(district, scenario.model_copy(update={"layouts": {"it": plain}}), "it"):
                return plain.model_dump(mode="json", exclude_none=True)
    return None


class _Judge:
    """Says how far a layout falls short of those made by hand; infinitely where it cannot be put on the ground."""

    def __init__(self, outline: Outline, by_hand: Sequence[Layout], ends: Sequence[str]) -> None:
        self._outline, self._ends = outline, ends
        self._theirs = {seeds: [outline.measures(layout, seeds) for layout in by_hand] for seeds in (FIRST_LOOK, None)}
        self._most = {key: max(outline.takes(layout)[key] for layout in by_hand) for key in LIMITS}

    def __call__(self, layout: Layout, enough: float = np.inf) -> float:
        """The shortfall over all seeds; infinite where the first look leaves no hope of one below ``enough``."""
        try:
            for seeds, slack in ((FIRST_LOOK, HOPE), (None, 0.0)):
                short = shortfall(self._outline.measures(layout, seeds), self._theirs[seeds], self._ends)
                if short > enough + slack:
                    return np.inf
        except BadInput:
            return np.inf
        return short

    def allows(self, layout: Layout) -> bool:
        """Whether a layout takes no more than it may."""
        try:
            needed = self._outline.takes(layout)
        except BadInput:
            return False
        return all(needed[key] <= most + 1e-6 for key, most in self._most.items())


def _plain(layout: Layout, short: float, by_hand: Sequence[Layout], judge: _Judge) -> Layout:
    """The layout without the changes that gained nothing: whatever may be as in one made by hand, is."""
    for other in by_hand:
        for name in ("gates", "posts", "checkpoints", "barriers"):
            for k in range(len(getattr(layout, name))):
                for simpler in _nearer(layout, other, name, k):
                    if judge.allows(simpler) and np.isfinite(now := judge(simpler, short + NOTHING)):
                        layout, short = simpler, min(short, now)
                        break
    return layout


def _nearer(layout: Layout, other: Layout, name: str, k: int) -> Iterator[Layout]:
    """The layout with one thing as the other has it: altogether, or its hours or its staff alone."""
    items = list(getattr(layout, name))
    for made in getattr(other, name):
        if made.id == items[k].id and made != items[k]:
            parts = [{part: getattr(made, part)} for part in ("open", "staff") if hasattr(made, part)]
            for thing in (made, *(items[k].model_copy(update=part) for part in parts)):
                yield layout.model_copy(update={name: [*items[:k], thing, *items[k + 1:]]})


def _first(pair: tuple[float, Layout]) -> float:
    return pair[0]


def shortfall(told: dict[str, float], theirs: Sequence[dict[str, float]], ends: Sequence[str], most: float = np.inf) -> float:
    """By how much a layout falls short of being better than all made by hand, on every measure: the less the better.

    The sum over measures of the square of what it loses to the best of them, as a share, counted from :data:`MARGIN` ahead of it
    (each up to ``most``): one large loss is worse than several small ones. Gains on the ends are taken off.
    """
    total = 0.0
    for key in dict.fromkeys(key for one in theirs for key in one):
        if key.partition(":")[0] not in MEASURES or measure(key).better is None:
            continue
        sign = 1.0 if measure(key).better == "less" else -1.0
        known = [one[key] for one in theirs if np.isfinite(one.get(key, np.nan))]
        if not known or (key not in told and ":" in key):  # of a checkpoint that it does not have
            continue
        scale = max(map(abs, known))
        value = told.get(key, np.nan)
        lost = (sign * value - min(sign * x for x in known)) / scale if scale else float(sign * value > 0)
        lost = lost if np.isfinite(value) else NOT_KNOWN
        total += min(max(lost + (MARGIN if scale else 0.0), 0.0), most) ** 2
        if key in ends:
            total -= GAIN * max(-lost, 0.0)
    return float(total)
