"""How ``hutong rehearse`` and ``hutong scenario check`` treat experiments (``kind: lab``)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import typer

from sim.lab import Lab
from sim.lab.bench import prepare
from sim.lab.folder import rehearse_lab
from sim.measures import LAB_MEASURES, measure, readable
from twin.errors import BadInput
from viz.cli import output


def rehearse(
    lab: Lab,
    *,
    layout: str,
    out: Path | None,
    seed: int | None,
    replications: int,
    workers: int,
    frames: Literal["first", "all", "none"],
    overwrite: bool,
    json: bool,
) -> None:
    """Run an experiment and print its measures."""
    if layout:
        raise BadInput("an experiment has no layouts", where=lab.name, mend="leave --layout out")
    out = out or Path("runs") / lab.name
    shares: dict[int, float] = {}
    with output.bar(f"running {lab.name}", replications) as done:

        def on_progress(of_seed: int, share: float) -> None:
            shares[of_seed] = share
            done(sum(shares.values()))

        rehearse_lab(
            lab,
            out=out,
            seed=seed,
            replications=replications,
            workers=workers or min(os.cpu_count() or 1, replications),
            frames=frames,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    metrics = pd.read_parquet(out / "metrics.parquet")
    rows = {name: _spread(metrics[name].to_numpy(float)) for name in metrics.columns if name != "seed"}
    if json:
        output.print_json(
            {
                "run": str(out),
                "scenario": lab.name,
                "kind": "lab",
                "seeds": metrics["seed"].tolist(),
                "measures": {name: row | {"unit": measure(name, LAB_MEASURES).unit} for name, row in rows.items()},
            }
        )
        return
    output.table(
        f"{out}: {lab.name}, {replications} replication{'s' * (replications > 1)}",
        ["measure", "mean", "least", "most", "unit"],
        [
            [name, readable(row["mean"]), readable(row["least"]), readable(row["most"]), measure(name, LAB_MEASURES).unit]
            for name, row in rows.items()
            if row["n"]
        ],
    )
    if waiting := int(metrics["not_let_in"].sum()):
        output.out.print(f"{waiting} people could not enter before the end: the place was full.")


def check(lab: Lab, *, json: bool) -> None:
    """Say whether an experiment can be run."""
    try:
        prepare(lab)
        problems: list[str] = []
    except BadInput as error:
        problems = [str(error)]
    if json:
        output.print_json({lab.name: problems})
    else:
        output.out.print(f"{lab.name}: " + ("; ".join(problems) if problems else "can be run"), markup=False)
    if problems:
        raise typer.Exit(2)


def _spread(values: np.ndarray) -> dict[str, float | None]:
    """Mean, least and most of what is known of a measure over the seeds."""
    known = values[np.isfinite(values)]
    if not len(known):
        return {"n": 0, "mean": None, "least": None, "most": None}
    return {"n": len(known), "mean": float(known.mean()), "least": float(known.min()), "most": float(known.max())}
