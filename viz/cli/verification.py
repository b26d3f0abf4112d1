"""``hutong verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sim.verify import Result, checks
from sim.verify.page import MOST_SHOWN, measured, outcome, page
from sim.verify.pictures import draw
from viz.cli import output


def verify(
    suite: Annotated[str | None, typer.Option(help="experiments, rimea, nist, iso or imo; all if missing.")] = None,
    test: Annotated[str | None, typer.Option(help="One test, such as 6 or 12a.")] = None,
    docs: Annotated[Path | None, typer.Option(help="Write the results as a page (Markdown), with plots beside it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Run the tests by which pedestrian simulations are accepted; exit code 1 if one fails that is not known to."""
    chosen = checks(suite, test)
    results: list[Result] = []
    with output.bar("verifying", len(chosen)) as done:
        for check in chosen:
            results.append(check.result())
            done(len(results))
    if docs is not None:
        titles = {(check.suite, check.test): check.title for check in chosen}
        draft = docs.with_name(f".{docs.name}.draft")
        with output.busy("drawing"):
            pictures = draw(set(titles), docs.parent)
        draft.write_text(page(results, titles, pictures), encoding="utf-8")
        draft.replace(docs)
    if json:
        output.print_json([result.to_dict() for result in results])
    else:
        _print(results)
        counts = {status: sum(r.status == status for r in results) for status in ("pass", "fail", "not applicable")}
        unexpected = sum(r.unexpected for r in results)
        output.out.print(
            ", ".join(f"{count} {status}" for status, count in counts.items())
            + (f"; {unexpected} unexpected" if unexpected else "")
        )
        if docs is not None:
            output.out.print(f"wrote {docs}")
    if any(result.unexpected for result in results):
        raise typer.Exit(1)


def _print(results: list[Result]) -> None:
    """Print one row a test."""
    shown = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("suite", "test", "result", "measured", "criterion"):
        shown.add_column(heading, overflow="fold")
    for r in results:
        shown.add_row(r.suite, r.test, outcome(r), measured(r, MOST_SHOWN), r.criterion)
    output.out.print(shown)
