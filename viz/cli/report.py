"""``hutong report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from viz.cli import output


def report(runs: Annotated[list[Path], typer.Argument(help="Folders of runs or studies, layouts of one scenario.")],
           out: Annotated[Path, typer.Option("-o", "--out", help="File to write, .html or .pdf.")],
           language: Annotated[str, typer.Option(help="en or zh.")] = "en",
           stills: Annotated[bool, typer.Option("--stills/--no-stills", help="With pictures of the crowd.")] = True,
           verification: Annotated[Path | None, typer.Option(help="What `hutong verify --docs` or `--json` wrote.")] = None,
           ) -> None:
    """Write a report of runs or studies: maps, pictures, intervals, what was assumed, verification, run card."""
    from viz.report import write
    with output.bar("drawing", 1.0) as done:
        write(runs, out, language=language, stills=stills, verified=verification, on_progress=done)
    output.out.print(f"wrote {out}", markup=False)
