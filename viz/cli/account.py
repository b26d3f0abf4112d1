"""``hutong account``: who may log in, as what, and for which grids; tokens of feeds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from twin.errors import BadInput
from viz.cli.output import out, print_json, table

app = typer.Typer(no_args_is_help=True, help="Accounts, roles, scopes and the tokens of feeds.")
CONSOLE = "console"
"""Who the audit says it was when it was done at this machine's keyboard."""

Store = Annotated[str | None, typer.Option("--store", help="The log that the accounts stand beside; this folder if missing.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Handle = Annotated[str, typer.Argument(help="Handle or call-sign, not a person's name.")]
Grid = Annotated[list[str] | None, typer.Option("--grid", help="Grid that is seen, with all below it; may be repeated.")]
Everywhere = Annotated[bool, typer.Option("--everywhere", help="The whole twin is seen.")]
FromInput = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def folder_of(store: str | None) -> Path:
    """Where accounts and audit are: beside the file of the log, else in this folder."""
    if store is None or store == "memory:" or store.startswith(("postgresql://", "postgres://")):
        return Path()
    return Path(store.removeprefix("sqlite:///")).parent


@contextmanager
def _opened(store: str | None, *, made: bool = False) -> Iterator[Any]:
    """The accounts, for the time of one command; ``made`` if it may begin them."""
    from twin.guard import Guard
    folder = folder_of(store)
    if not made and not Guard.stands_in(folder):
        raise BadInput("there are no accounts", where=str(folder),
                       mend="add one with `hutong account add`, or name the log that they stand beside with --store")
    guard = Guard(folder)
    try:
        yield guard
    finally:
        guard.close()


@app.command()
def add(account: Handle,
        role: Annotated[list[str], typer.Option("--role", help="Role; may be repeated.")],
        grid: Grid = None, everywhere: Everywhere = False,
        subject: Annotated[str | None, typer.Option(help="Who it is at the OIDC provider; no password is made.")] = None,
        password_stdin: FromInput = False, store: Store = None, as_json: Json = False) -> None:
    """Add an account. Its password is made and shown once, unless it is read from standard input."""
    password, made = (None, None) if subject and not password_stdin else _password(password_stdin)
    scope = _scope(grid, everywhere)
    with _opened(store, made=True) as guard:
        added = guard.accounts.add(account, role, password=password, grids=scope, subject=subject)
        guard.audit.write(CONSOLE, "account.add", account=added.account, roles=added.roles, grids=_written(added.grids))
        _say(as_json, _line(added) | ({"password": made} if made else {}),
             f"Added {added.account} ({', '.join(sorted(added.roles))}), who sees {_seen(added.grids)}."
             + (f"\nPassword, shown this once: {made}" if made else ""))


@app.command("role")
def change_roles(account: Handle, roles: Annotated[list[str], typer.Argument(help="All the roles from now on.")],
                 store: Store = None, as_json: Json = False) -> None:
    """Give an account these roles instead of the ones that it has; its sessions end."""
    with _opened(store) as guard:
        before = guard.accounts.get(account)
        guard.accounts.set_roles(account, roles)
        after = guard.accounts.get(account)
        guard.audit.write(CONSOLE, "account.role", account=after.account, roles=after.roles, before=before.roles)
        _say(as_json, _line(after), f"{after.account} is now {', '.join(sorted(after.roles))}.")


@app.command("scope")
def change_scope(account: Handle, grid: Annotated[list[str] | None, typer.Argument(help="Grids that are seen.")] = None,
                 everywhere: Everywhere = False, store: Store = None, as_json: Json = False) -> None:
    """Let an account see these grids and all below them, instead of what it sees; its sessions end."""
    with _opened(store) as guard:
        before = guard.accounts.get(account)
        guard.accounts.set_grids(account, _scope(grid, everywhere))
        after = guard.accounts.get(account)
        guard.audit.write(CONSOLE, "account.scope", account=after.account, grids=_written(after.grids),
                          before=_written(before.grids))
        _say(as_json, _line(after), f"{after.account} now sees {_seen(after.grids)}.")


@app.command("password")
def change_password(account: Handle, password_stdin: FromInput = False, store: Store = None, as_json: Json = False) -> None:
    """Make a new password, shown once; the sessions of the account end."""
    password, made = _password(password_stdin)
    with _opened(store) as guard:
        guard.accounts.set_password(account, password)
        changed = guard.accounts.get(account)
        guard.audit.write(CONSOLE, "account.password", account=changed.account)
        _say(as_json, _line(changed) | ({"password": made} if made else {}),
             f"Password of {changed.account}, shown this once: {made}" if made else f"{changed.account} has a new password.")


@app.command()
def disable(account: Handle, enable: Annotated[bool, typer.Option("--enable", help="Let it in again.")] = False,
            store: Store = None, as_json: Json = False) -> None:
    """Let nobody in with this account any more, or again; its sessions end."""
    with _opened(store) as guard:
        guard.accounts.disable(account, not enable)
        changed = guard.accounts.get(account)
        guard.audit.write(CONSOLE, "account.enable" if enable else "account.disable", account=changed.account)
        _say(as_json, _line(changed), f"{changed.account} {'may log in again' if enable else 'is disabled'}.")


@app.command()
def token(source: Annotated[str, typer.Argument(help="What the feed reports as: camera-7, P-12, dispatch ...")],
          kind: Annotated[list[str] | None, typer.Option("--kind", help="Kind that it may report; all if missing.")] = None,
          grid: Grid = None, revoke: Annotated[bool, typer.Option("--revoke", help="Make its token worthless.")] = False,
          store: Store = None, as_json: Json = False) -> None:
    """Make a token for a feed, shown once; the one that the source had before is worthless from now on."""
    from twin.live import KINDS
    for wrong in sorted(set(kind or ()) - set(KINDS)):
        raise BadInput(f"there is no kind {wrong!r}", mend=f"choose among {', '.join(KINDS)}")
    with _opened(store, made=not revoke) as guard:
        if revoke:
            guard.devices.revoke(source)
            guard.audit.write(CONSOLE, "token.revoke", source=source)
            _say(as_json, {"source": source, "token": None}, f"{source} has no token any more.")
            return
        made = guard.devices.issue(source, kinds=kind, grids=grid)
        guard.audit.write(CONSOLE, "token.issue", source=source, kinds=kind, grids=_written(grid))
        _say(as_json, {"source": source, "token": made},
             f"Token of {source}, shown this once: {made}\nSend it as the header Authorization: Bearer {made}")


@app.command("list")
def list_accounts(store: Store = None, as_json: Json = False) -> None:
    """Show accounts and the sources that have a token."""
    with _opened(store) as guard:
        accounts, devices = guard.accounts.all(), guard.devices.all()
    if as_json:
        print_json({"accounts": [_line(a) for a in accounts], "devices": [
            {"source": d.source, "kinds": sorted(d.kinds) if d.kinds is not None else None} for d in devices]})
        return
    table("Accounts", ["account", "roles", "sees", "state"], [
        [a.account, ", ".join(sorted(a.roles)), _seen(a.grids), "disabled" if a.disabled else "open"] for a in accounts])
    if devices:
        table("Tokens of feeds", ["source", "kinds"], [
            [str(d.source), "all" if d.kinds is None else ", ".join(sorted(d.kinds))] for d in devices])


def _password(from_input: bool) -> tuple[str, str | None]:
    """A password, and the same again if it was made here and has to be shown."""
    from twin.guard import make_password
    if from_input:
        return sys.stdin.readline().rstrip("\n"), None
    made = make_password()
    return made, made


def _scope(grid: list[str] | None, everywhere: bool) -> list[str] | None:
    if everywhere and grid:
        raise BadInput("--everywhere and grids do not go together", mend="give one of them")
    return None if everywhere else list(grid or ())


def _written(grids: Any) -> Any:
    return "everywhere" if grids is None else grids


def _seen(grids: frozenset[str] | None) -> str:
    return "everywhere" if grids is None else ", ".join(sorted(grids)) or "nothing live"


def _line(account: Any) -> dict[str, Any]:
    return {"account": account.account, "roles": sorted(account.roles), "disabled": account.disabled,
            "grids": None if account.grids is None else sorted(account.grids)}


def _say(as_json: bool, value: dict[str, Any], text: str) -> None:
    if as_json:
        print_json(value)
    else:
        out.print(text, markup=False)
