"""The application with accounts of every role, asked in this process without a network."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import httpx
from argon2 import PasswordHasher

from twin.guard import Guard, Role
from twin.guard.sessions import echo
from viz.guard.gate import COOKIE, ECHO_COOKIE

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "four quick brown words"
BASE = "http://127.0.0.1"


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def guard_of_everyone(folder, clock=None):
    """A guard with one account a role, called as the role, with the whole twin as its scope."""
    guard = Guard(folder, hasher=QUICK, **({"now": clock} if clock else {}))
    for role in Role:
        guard.accounts.add(role, [role], password=PASSWORD, grids=None)
    return guard


@dataclass
class Web:
    """Asks an application."""

    app: object
    guard: Guard | None = None
    server: object = None

    def __post_init__(self) -> None:
        self.server = self.app.server

    def ask(self, method, path, *, who=None, token=None, headers=None, scheme="http", client=("127.0.0.1", 5000), **more):
        """One request as an account (its session is opened beside the login page), with everything a page would send."""
        cookies, sent = {}, dict(headers or {})
        if who is not None:
            token = self.guard.sessions.open(who)
        if token is not None:
            cookies = {COOKIE: token, ECHO_COOKIE: echo(token)}
            sent = {"X-CSRFToken": echo(token), **sent}
        return self._run(method, path, cookies, {k: v for k, v in sent.items() if v is not None}, scheme, client, more)

    def _run(self, method, path, cookies, headers, scheme, client, more):
        async def one():
            transport = httpx.ASGITransport(app=self.server, client=client, raise_app_exceptions=False)
            base = BASE.replace("http", scheme, 1)
            async with httpx.AsyncClient(transport=transport, base_url=base, cookies=cookies, timeout=30) as asking:
                return await asking.request(method, path, headers=headers, **more)
        return asyncio.run(one())

    def login(self, account, password=PASSWORD, **more):
        """Log in through the page."""
        return self.ask("POST", "/login", data={"account": account, "password": password}, **more)

    def socket(self, path, *, who=None, token=None, origin=BASE, messages=(), stay_s=0.0, until=None,
               acks=False):
        """Open a socket and say messages (and that each frame was drawn); what the application sent, its close the last."""
        if who is not None:
            token = self.guard.sessions.open(who)
        headers = [(b"host", b"127.0.0.1")]
        headers += [(b"origin", origin.encode())] if origin else []
        headers += [(b"cookie", f"{COOKIE}={token}".encode())] if token else []
        path, _, query = path.partition("?")
        scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "query_string": query.encode(), "headers": headers,
                 "scheme": "ws", "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 80), "subprotocols": [], "root_path": "",
                 "asgi": {"version": "3.0"}}
        sent = []

        async def play():
            waiting = asyncio.Queue()
            waiting.put_nowait({"type": "websocket.connect"})
            for text in messages:
                waiting.put_nowait({"type": "websocket.receive", "text": text})
            closed, gone = asyncio.Event(), asyncio.Event()

            async def receive():
                return await waiting.get()

            async def send(message):
                if gone.is_set() and message["type"] == "websocket.send":
                    raise OSError("the client has gone")
                sent.append(message)
                if acks and message.get("bytes"):
                    waiting.put_nowait({"type": "websocket.receive", "text": "ack"})
                if message["type"] == "websocket.close" or (until is not None and until(sent)):
                    closed.set()

            running = asyncio.create_task(self.server(scope, receive, send))
            if stay_s:
                await asyncio.wait({running, asyncio.create_task(closed.wait())}, timeout=stay_s,
                                   return_when=asyncio.FIRST_COMPLETED)
            gone.set()
            waiting.put_nowait({"type": "websocket.disconnect", "code": 1001})
            await asyncio.wait({running}, timeout=5)
            running.cancel()  # as the server does with handlers that stay when it shuts down
            await asyncio.gather(running, return_exceptions=True)
            if not running.cancelled() and running.exception() is not None:
                raise running.exception()

        asyncio.run(play())
        return sent

    def opened(self, sent) -> bool:
        """Whether the socket was accepted."""
        return any(message["type"] == "websocket.accept" for message in sent)


def concrete(key: str, values: dict[str, str]) -> tuple[str, str]:
    """A method and a path for a key of the table: places filled in."""
    method, template = key.split(" ", 1)
    path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: values.get(m[1], "x"), template)
    return method, path if path.startswith("/") else f"/{path}"
