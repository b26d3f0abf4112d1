"""What the command line asks of a server that runs already: to take reports, and to declare an operation."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getpass
from http.cookiejar import CookieJar
from typing import Annotated
from urllib.parse import urlencode

import typer

from twin.errors import BadInput
from twin.live import Operation
from twin.live.feeds.post import Poster, sentence_of, server_address
from twin.store import Log, open_store
from viz.guard.gate import ECHO_COOKIE, ECHO_HEADER

Server = Annotated[str | None, typer.Option(help="Address of a running `hutong serve`, such as http://127.0.0.1:8050; instead "
                                                 "of --store.")]
Token = Annotated[str | None, typer.Option(envvar="HUTONG_TOKEN", help="What `hutong account token SOURCE` showed.")]
_ANSWER_S = 60.0


def poster(server: str, token: str | None, stream: str) -> Poster:
    """The door of a running server for a stream."""
    if not token:
        raise BadInput("a server takes reports from feeds that show a token", where="--token",
                       mend="make one with `hutong account token SOURCE --store LOG`, the log that the server has")
    if stream.startswith("sim:"):
        raise BadInput(f"a server takes no reports for {stream}", where="--into", mend="say live or drill:NAME")
    return Poster(server, token, stream=stream)


@contextmanager
def door(store: str, server: str | None, token: str | None, stream: str) -> Iterator[Log | Poster]:
    """Where rows go: the running server that is named, else the log."""
    if server is not None:
        yield poster(server, token, stream)
        return
    log = open_store(store)
    try:
        yield log
    finally:
        log.close()


def declare(server: str, account: str | None, operation: Operation) -> None:
    """Log in, with a password that is asked for or comes on standard input, and declare an operation."""
    if not account:
        raise BadInput("an operation is declared by somebody", where="--account", mend="name an account with the role commander")
    address = server_address(server)
    password = getpass(f"Password of {account}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    jar = CookieJar()
    asking = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    try:
        asking.open(f"{address}/login", urlencode({"account": account, "password": password}).encode(), timeout=_ANSWER_S).close()
        echo = next((cookie.value for cookie in jar if cookie.name == ECHO_COOKIE), None) or ""
        asking.open(urllib.request.Request(f"{address}/api/operations", operation.model_dump_json().encode(), {
            "Content-Type": "application/json", ECHO_HEADER: echo}), timeout=_ANSWER_S).close()
        asking.open(urllib.request.Request(f"{address}/logout", json.dumps({}).encode(), {ECHO_HEADER: echo}),
                    timeout=_ANSWER_S).close()
    except urllib.error.HTTPError as error:
        if error.url.endswith("/login"):
            what = "too many tries" if error.code == 429 else "wrong account or password"
            raise BadInput(what, where=address, mend="try again in a minute" if error.code == 429 else "try again") from None
        raise BadInput(sentence_of(error).rstrip("."), where=address, mend="log in as a commander") from None
    except OSError as error:
        raise BadInput(f"no server answers ({getattr(error, 'reason', error)})", where=address,
                       mend="start it: `hutong serve --store live.sqlite`") from None
