"""What matters: Morris's elementary effects of numbers of a scenario on its measures.

Each number moves over a grid of levels, one at a time, along random paths (Morris 1991, with the trajectories and the
analysis of SALib). ``mu_star`` is the mean size of an effect over the whole range of its number, in the unit of the
measure; ``sigma`` is large where the effect depends on the other numbers, or is not straight. All runs have the same
seeds, so that chance does not pass for an effect.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.scenario import Scenario
from sim.study.crew import Crew
from sim.study.folder import Progress, begin, complete
from sim.study.settings import Parameter, put
from twin.errors import BadInput, Unavailable

LEVELS = 4
_TOLD = ("mu", "mu_star", "sigma", "mu_star_conf")


@dataclass(frozen=True)
class Effect:
    """The effect of one number on one measure, over its whole range; ``spread`` is the half-width of a 95 % interval of
    ``mu_star`` (by bootstrap over the paths)."""

    place: str
    measure: str
    mu: float
    mu_star: float
    sigma: float
    spread: float


def sensitivity(scenario: Scenario, layout: str, parameters: Sequence[Parameter], measures: Sequence[str],
                out: str | os.PathLike[str], crew: Crew, *, paths: int = 4, replications: int = 1, seed: int | None = None,
                on_progress: Progress | None = None) -> list[Effect]:
    """Effects of numbers of a scenario on measures of a layout: ``paths`` x (numbers + 1) x ``replications`` runs.

    The runs are a study folder each, ``out/point-<n>``, and go on where they stopped. Sorted by size within a measure.
    """
    try:
        from SALib.analyze import morris as analysis
        from SALib.sample import morris as sample
    except ImportError:
        raise Unavailable("sensitivity needs SALib, which is not installed: pip install SALib") from None
    if len(parameters) < 2:
        raise BadInput("effects are compared between numbers", mend="vary two at least")
    if paths < 2:
        raise BadInput(f"{paths} path says nothing about a spread", mend="take 2 or more")
    problem = {"num_vars": len(parameters), "names": [p.place for p in parameters],
               "bounds": [[p.low, p.high] for p in parameters]}
    first = scenario.seed if seed is None else seed
    points = sample.sample(problem, N=paths, num_levels=LEVELS, seed=np.random.default_rng(first))
    plans = [put(scenario, dict(zip(parameters, map(float, point), strict=True))) for point in points]
    studies = [begin(os.path.join(out, f"point-{k + 1}"), plan, [layout], seed=first)  # noqa: PTH118 - out may be a str
               for k, plan in enumerate(plans)]
    found = np.empty((len(points), len(measures)))
    complete([(study, layout, first + r) for study in studies for r in range(replications)], crew, on_progress=on_progress)
    for k, study in enumerate(studies):
        table = study.measures(layout)
        for m, key in enumerate(measures):
            study.require_measure(key)
            found[k, m] = float(table[key].mean())
    effects = []
    for m, key in enumerate(measures):
        if not np.isfinite(found[:, m]).all():
            raise BadInput(f"{key} is not known in every run", mend="choose a measure that every run has")
        told = analysis.analyze(problem, points, found[:, m], num_levels=LEVELS, seed=first)
        effects += [Effect(parameters[k].place, key, *(float(told[name][k]) for name in _TOLD))
                    for k in np.argsort(-np.asarray(told["mu_star"], float), kind="stable")]
    return effects
