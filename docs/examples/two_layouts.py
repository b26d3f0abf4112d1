"""Rehearse two layouts of an event with the same people, and compare them."""

from pathlib import Path

import sim

scenario = sim.load(Path(__file__).parents[2] / "scenarios" / "evening.yaml")
scenario.duration_s = 900
for demand in scenario.demand.values():
    demand.people //= 10

a = sim.rehearse(scenario, layout="A", seed=1, replications=2)
b = sim.rehearse(scenario, layout="B", seed=1, replications=2)

print(a.metrics[["seed", "wait_mean", "queue_max", "access_p50"]])
print(a.events[["time_s", "kind", "object", "note"]])

comparison = sim.compare(a, b)
print(comparison.sentence())
Path("comparison.html").write_text(comparison.to_html(), encoding="utf-8")
