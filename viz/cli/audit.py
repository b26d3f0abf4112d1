"""``hutong audit``: what was read, taken away and changed, and whether the record of it is whole."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from twin.errors import BadInput
from viz.cli.account import Json, Store, folder_of
from viz.cli.output import out, print_json, table

if TYPE_CHECKING:
    from twin.guard import Audit

app = typer.Typer(no_args_is_help=True, help="The audit of live positions, exports, rights and logins.")


@app.command()
def verify(store: Store = None,
           head: Annotated[str | None, typer.Option(help="Hash that was noted elsewhere; it must still be there.")] = None,
           as_json: Json = False) -> None:
    """Find every line that was changed, removed, added, moved or cut off; exit code 1 if there is one."""
    audit = _audit(store)
    findings, lines, last = audit.verify(head=head), sum(1 for _ in audit.entries()), audit.head()
    if as_json:
        print_json({"lines": lines, "whole": not findings, "findings": [asdict(one) for one in findings], "head": last})
    elif findings:
        for one in findings:
            out.print(f"{audit.path}:{one.line}: {one.what}.", markup=False)
    else:
        out.print(f"{lines} lines, each as it was written. Note this hash elsewhere: {last}", markup=False)
    if findings:
        sys.exit(1)


@app.command()
def show(store: Store = None, limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
         who: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
         what: Annotated[str | None, typer.Option(help="Only what begins with this: positions, export, account ...")] = None,
         as_json: Json = False) -> None:
    """Show the newest lines, newest first."""
    entries = _audit(store).tail(limit, who=who, what=what)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    table("Audit", ["when", "who", "what", "about"], [
        [entry.when, entry.who, entry.what, ", ".join(f"{key} {value}" for key, value in entry.about.items())]
        for entry in entries])


def _audit(store: str | None) -> Audit:
    from twin.guard import Audit
    audit = Audit(folder_of(store))
    if not audit.path.is_file():
        raise BadInput("there is no audit", where=str(audit.path), mend="name the log that it stands beside with --store")
    return audit
