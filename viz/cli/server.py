"""``hutong serve``: the twin in the browser."""

from __future__ import annotations

import gc
import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twin.errors import BadInput
from viz.cli.account import folder_of

COLLECTED_AFTER = (50_000, 20, 50)
"""Objects made until the collector looks for cycles: a batch of reports is many objects and no cycles."""

if TYPE_CHECKING:
    from twin.guard import Guard
    from viz.library import Library


def serve(district: Annotated[Path | None, typer.Option(help="GeoPackage; the built-in district if missing.")] = None,
          runs: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
          scenarios: Annotated[Path | None, typer.Option(help="Folder of scenarios; the examples if missing.")] = None,
          host: Annotated[str, typer.Option(help="Address to listen on; others than loopback need accounts.")] = "127.0.0.1",
          port: Annotated[int, typer.Option(min=1, max=65535)] = 8050,
          language: Annotated[str, typer.Option(help="en or zh, until the viewer chooses.")] = "en",
          store: Annotated[str | None, typer.Option(
              help="Log of the live twin: a path, sqlite:///path or postgresql://...; everybody has to log in.")] = None,
          feed: Annotated[list[str] | None, typer.Option(
              help="What reports to the store: a broker (mqtt://...), or synthetic for a made-up day; may be repeated.")] = None,
          certificate: Annotated[Path | None, typer.Option(help="Certificate (PEM) for https.")] = None,
          key: Annotated[Path | None, typer.Option(help="Key of the certificate.")] = None,
          oidc_issuer: Annotated[str | None, typer.Option(help="Address of an OpenID Connect provider.")] = None,
          oidc_client: Annotated[str, typer.Option(
              help="Our id at the provider; its secret is read from HUTONG_OIDC_SECRET.")] = "hutong") -> None:
    """Serve the twin: on this machine alone, or live and to others, who log in."""
    from viz.app import serve as serve_app
    from viz.library import Library
    provider = _provider(oidc_issuer, oidc_client)
    if provider is not None and store is None and loopback(host):
        raise BadInput("a login provider is of no use where nobody logs in", mend="give --store or --host too")
    if feed and store is None:
        raise BadInput("a feed needs a store to report to", mend="give --store too")
    library = Library(district, runs, scenarios)
    guard = _guard(store, host, port)
    live = None if store is None else _live(store, library)
    feeds = None if live is None else _feeds(live, feed or [])
    if not loopback(host) and certificate is None:
        print("Without --certificate and --key passwords travel readable for others: put a server that speaks https in front.",
              file=sys.stderr, flush=True)
    gc.collect()
    gc.freeze()  # what is loaded stays: the collector need not look at it again
    gc.set_threshold(*COLLECTED_AFTER)
    try:
        serve_app(library, host=host, port=port, language=language, live=live, guard=guard, provider=provider,
                  certificate=certificate, key=key)
    finally:
        if feeds is not None:
            feeds.stop()
        if live is not None:
            live.close()
            live.log.close()
        if guard is not None:
            guard.close()


def loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _guard(store: str | None, host: str, port: int) -> Guard | None:
    """The accounts, where there is a login: with a live store, and wherever others can reach the server."""
    from twin.guard import Guard
    if store is None and loopback(host):
        return None
    folder = folder_of(store)
    guard = Guard(folder) if Guard.stands_in(folder) else None
    if not loopback(host) and (guard is None or not guard.accounts.all()):
        if guard is not None:
            guard.close()
        beside = f" --store {store}" if store else ""
        raise BadInput("others could reach this address and there are no accounts", where=f"{host}:{port}",
                       mend=f"add one first: `hutong account add admin --role admin --everywhere{beside}`")
    guard = guard or Guard(folder)
    password = guard.first_start()
    if password is not None:
        print(f"First start: the account is admin, the password {password} (shown this once). Give others accounts with "
              "`hutong account add`; the admin itself sees nothing live.", flush=True)
    return guard


def _live(store: str, library: Library) -> Any:
    from twin.store import open_store
    from viz.live.twin import Live
    name = library.districts()[0]
    return Live(open_store(store), library.district(name), name, place=library.place(name))


def _feeds(live: Any, wanted: list[str]) -> Any:
    from viz.live.feeds import Feeds
    return Feeds(live, wanted)


def _provider(issuer: str | None, client: str) -> Any:
    from viz.guard import Provider
    return None if issuer is None else Provider(issuer, client, os.environ.get("HUTONG_OIDC_SECRET", ""))
