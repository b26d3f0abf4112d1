"""How many replications an hour, by workers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sim.scenario import Scenario
from sim.scenario_file import dump
from sim.study.crew import Crew
from sim.study.engine import engine
from sim.study.folder import Progress
from sim.study.replication import Order, replicate
from sim.study.replications import pinned
from sim.study.search import thinned

SMALL, SHORT_S = 0.1, 600.0
"""Share of the people and length of the short form of a scenario."""


def paces(scenario: Scenario, workers: Sequence[int], *, replications: int = 3, small: bool = True,
          on_progress: Progress | None = None) -> dict[str, Any]:
    """``replications_per_hour`` and ``efficiency`` (the rate a worker, as a share of the first count's), by workers.

    Each count of workers gets ``replications`` orders a worker. Before the clock starts every worker has done one, so that
    nobody's start and compilation count. ``small`` takes the short form of the scenario.
    """
    if small:
        scenario = thinned(scenario, SMALL).model_copy(update={"duration_s": min(scenario.duration_s, SHORT_S)})
    scenario = pinned(scenario)
    layout = next(iter(scenario.layouts))
    text, made_by = dump(scenario), engine("event")
    rates: dict[str, float] = {}
    seed = 0
    for k, count in enumerate(workers):
        with Crew(count) as crew:
            for orders in (count, count * replications):
                asked = [Order(text, layout, seed + n, made_by) for n in range(orders)]
                seed += orders
                begun = time.perf_counter()
                crew.do(replicate, asked, lambda _order, _files: None)
                spent = time.perf_counter() - begun
        rates[str(count)] = count * replications / spent * 3600
        if on_progress is not None:
            on_progress(k + 1, len(workers))
    first = next(iter(rates.values())) / workers[0]
    return {"scenario": scenario.name, "layout": layout, "people": sum(d.people for d in scenario.demand.values()),
            "duration_s": scenario.duration_s, "replications": {str(n): n * replications for n in workers},
            "replications_per_hour": rates, "efficiency": {n: rate / int(n) / first for n, rate in rates.items()}}
