"""The plots of the verification page: what the model does beside the experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sim.verify import crowding, queueing
from sim.verify.plot import MEASURED, MODEL, TONES, Plot, Series
from sim.verify.reference import CORRIDOR_ONE_WAY, CORRIDOR_TWO_WAY, DOOR_WIDTHS, SINGLE_FILE

DOOR_STUDIES: dict[str, dict[float, float]] = {
    "Kretz 2006": {0.4: 2.22, 0.5: 2.04, 0.6: 1.87, 0.7: 1.77, 0.8: 1.78, 0.9: 1.76, 1.0: 1.85, 1.2: 1.79},
    "Seyfried 2009": {0.8: 1.61, 0.9: 1.86, 1.0: 1.90, 1.1: 1.93, 1.2: 1.97},
    "EG series 2006": {0.9: 1.77, 1.0: 1.83, 1.1: 1.81, 1.2: 1.93, 1.4: 1.93, 1.6: 1.78, 1.8: 1.97, 2.0: 1.77, 2.2: 1.85,
                       2.5: 2.05},
    "Nagai 2006": {0.8: 2.17, 1.2: 2.15, 1.6: 2.04, 2.0: 1.94},
    "Müller 1981": {0.6: 2.47, 0.9: 2.52, 1.2: 2.29, 1.5: 2.38, 1.8: 2.12},
}
"""Specific flow [1/(m s)] by door width [m], means of the runs of each study."""
LOADS = (0.4, 0.5, 0.6, 0.7, 0.8)
"""Loads at which the queue is drawn: arrivals over what a lane can serve."""
QUEUERS = 8_000
"""People of each of them."""
SEEDS = (1, 2)


def corridor() -> Plot:
    """Speed by density, one way."""
    speeds = [(d, float(np.mean([crowding.ring_speed(1.8, d, seed=s) for s in SEEDS]))) for d in CORRIDOR_ONE_WAY]
    return Plot("One-way corridor of 1.8 m", "density [1/m²]", "mean speed [m/s]",
                [Series("model", speeds), Series("Düsseldorf 2009", list(CORRIDOR_ONE_WAY.items()), "rings", MEASURED)])


def two_way() -> Plot:
    """Speed by density, both ways."""
    speeds = [(d, float(np.mean([crowding.ring_speed(3.6, d, True, s) for s in SEEDS]))) for d in CORRIDOR_TWO_WAY]
    return Plot("Two-way corridor of 3.6 m", "density [1/m²]", "mean speed [m/s]",
                [Series("model", speeds), Series("bidirectional experiments", list(CORRIDOR_TWO_WAY.items()), "rings", MEASURED)])


def doors() -> Plot:
    """Specific flow by width."""
    flows = [(w, float(np.mean([crowding.door_flow(w, seed=s)[0] for s in (1, 2, 3)])) / w) for w in DOOR_WIDTHS]
    studies = [Series(name, list(points.items()), "rings", TONES[k]) for k, (name, points) in enumerate(DOOR_STUDIES.items())]
    band = Series("1.6 to 2.2, asked for", [(0.4, 1.6, 2.2), (2.5, 1.6, 2.2)], "band", "#6b6760")
    return Plot("Flow through a door 0.4 m deep", "width of the door [m]", "flow per metre of width [1/(m s)]",
                [Series("model, 200 people", flows), *studies, band])


def streams() -> Plot:
    """Time against opposition."""
    runs = [crowding.counter_flow(seed) for seed in range(1, 6)]
    opposed = (0, 10, 50, 100)
    times = {n: [run[f"against_{n}_s"] for run in runs] for n in opposed}
    known = [n for n in opposed if np.isfinite(times[n]).all()]
    return Plot("100 people through a corridor of 2 m against others", "people who come the other way",
                "until the last of the 100 is through [s]",
                [Series("mean of five seeds", [(n, float(np.mean(times[n]))) for n in known]),
                 Series("least to most", [(n, min(times[n]), max(times[n])) for n in known], "band", MODEL)])


def single_file() -> Plot:
    """Speed by line density."""
    densities = [round(d, 1) for d in SINGLE_FILE]
    return Plot("People in single file", "line density [1/m]", "mean speed [m/s]",
                [Series("model", [(d, crowding.single_file(d)) for d in densities]),
                 Series("10 to 90 % of measured speeds", [(d, *band) for d, band in SINGLE_FILE.items()], "band", MEASURED)],
                zero=False)


def queue() -> Plot:
    """Waits of one lane by load."""
    grid = np.linspace(LOADS[0], LOADS[-1], 40)
    theory = [(float(r), float(r * queueing.SERVICE / (1 - r))) for r in grid]
    return Plot("Queue of a search lane, mean service of 10 s", "load (arrivals over capacity)", "mean wait [s]",
                [Series(f"model, {kind} service", [(r, queueing.wait(r, kind, QUEUERS)) for r in LOADS], "dots", colour)
                 for kind, colour in (("constant", MODEL), ("exponential", "#14685c"))] + [
                 Series("M/D/1", [(r, w / 2) for r, w in theory], "line", MEASURED),
                 Series("M/M/1", theory, "line", TONES[1])], zero=False)


PICTURES: dict[tuple[str, str], tuple[str, Callable[[], Plot]]] = {
    ("experiments", "corridor-1.8m"): ("corridor", corridor),
    ("experiments", "corridor-two-way-3.6m"): ("two-way", two_way),
    ("experiments", "doors"): ("doors", doors),
    ("experiments", "counter-flow"): ("counter-flow", streams),
    ("rimea", "16"): ("single-file", single_file),
    ("experiments", "queue"): ("queue", queue),
}
"""File name and plot of the tests that have one, by suite and number."""
FOLDER = Path("pictures") / "verification"
"""Where the page looks for them, beside itself."""


def draw(tests: set[tuple[str, str]], beside: Path) -> dict[tuple[str, str], str]:
    """Draw the plots of those tests into ``pictures/verification`` beside a page; gives their addresses there.

    The experiments that the tests have run are not run again.
    """
    wanted = {test: picture for test, picture in PICTURES.items() if test in tests}
    if wanted:
        (beside / FOLDER).mkdir(parents=True, exist_ok=True)
    drawn = {}
    for test, (name, plot) in wanted.items():
        file = beside / FOLDER / f"{name}.svg"
        draft = file.with_name(f".{file.name}.draft")
        draft.write_text(plot().svg(), encoding="utf-8")
        draft.replace(file)
        drawn[test] = (FOLDER / file.name).as_posix()
    return drawn
