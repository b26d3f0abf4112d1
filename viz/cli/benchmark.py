"""``hutong bench``: how fast things are on this machine."""

from __future__ import annotations

from statistics import median
from typing import Annotated

import typer

from sim.crowd.bench.race import Pace, ours, peer, square
from sim.measures import readable
from twin.errors import BadInput
from viz.cli import output

app = typer.Typer(no_args_is_help=True, help="Measure how fast Hutong is on this machine.")


@app.callback()
def bench() -> None:
    """Measure how fast Hutong is on this machine."""


@app.command()
def crowd(agents: Annotated[int, typer.Option(min=100, help="People on the square.")] = 10_000,
          density: Annotated[float, typer.Option(min=0.01, max=4, help="People per m2.")] = 0.11,
          seconds: Annotated[float, typer.Option(min=1, help="Simulated seconds of each round.")] = 20.0,
          threads: Annotated[int, typer.Option(min=1)] = 1,
          rounds: Annotated[int, typer.Option(min=1, max=20)] = 3,
          against: Annotated[str | None, typer.Option(help="A peer to race: jupedsim.")] = None,
          json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """The crowd on a square with kiosks and eight exits that grows with it, in turns with a peer; medians over the rounds."""
    if against not in (None, "jupedsim"):
        raise BadInput(f"there is no peer {against!r}", mend="say jupedsim, or leave --against out")
    place = square(agents, density)
    mine: list[Pace] = []
    other: list[Pace] = []
    if against:
        peer(square(100, 0.11), 0.1)
    with output.bar("racing", rounds) as done:
        for turn in range(rounds):
            mine.append(ours(place, seconds, threads=threads))
            if against:
                other.append(peer(place, max(seconds / 20, 0.5)))
            done(turn + 1)
    rate, real_time = _medians(mine)
    result: dict[str, float | int | None] = {
        "agents": agents, "density": density, "threads": threads, "agent_steps_per_cpu_s": rate, "times_real_time": real_time,
        "cpu_us_per_agent_step": 1e6 / rate, "bytes_per_person": mine[0].bytes_per_person,
        "peer_agent_steps_per_cpu_s": None, "peer_times_real_time": None, "ratio": None}
    if other:
        peer_rate, peer_real_time = _medians(other)
        result |= {"peer_agent_steps_per_cpu_s": peer_rate, "peer_times_real_time": peer_real_time,
                   "ratio": rate / peer_rate}
    if json:
        output.print_json(result)
        return
    output.table(f"{agents:,} people at {density:g}/m2, {threads} thread{'s' * (threads > 1)}", ["", ""],
                 [[key, readable(value)] for key, value in result.items() if value is not None])


def _medians(paces: list[Pace]) -> tuple[float, float]:
    return median(p.agent_steps_per_cpu_s for p in paces), median(p.times_real_time for p in paces)
