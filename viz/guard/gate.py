"""The gate: one piece of ASGI in front of every HTTP route and every socket. What it does not know, it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from twin.errors import HutongError
from twin.guard import LOCAL, NOBODY, Guard, Permission, Principal, Rate
from twin.guard.sessions import echoes
from viz.guard.headers import completed
from viz.guard.routes import met
from viz.guard.table import CALLBACKS, PAGES, ROUTES, SHUT, Door, callback_needs

log = logging.getLogger("hutong.guard")

COOKIE, ECHO_COOKIE, ECHO_HEADER = "hutong_session", "_csrf_token", "x-csrftoken"
"""The session; what a page has to say back; the header in which it does (Dash's own names for the latter two)."""
ENDED, REFUSED = 4401, 1008
"""Codes with which a socket is closed: the session has ended; not for you."""
RECHECK_S = 5.0
"""An open socket's session is asked about this often [s]."""
BODY_WITHIN_S = 30.0
"""A body that takes longer to arrive is given up [s]."""
SAFE = ("GET", "HEAD", "OPTIONS")

_principal: ContextVar[Principal] = ContextVar("principal", default=NOBODY)


def current() -> Principal:
    """Who asks for what is being done here, in a route, a callback or a thread of either."""
    return _principal.get()


def principal_of(connection: HTTPConnection) -> Principal:
    """Who is at the other end of a request or a socket. On a socket it is asked anew every few seconds."""
    found = connection.scope.get("state", {}).get("principal", NOBODY)
    assert isinstance(found, Principal)
    return found


class _Refusal(Exception):
    """An answer instead of what was asked for."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        self.status, self.sentence, self.headers = status, sentence, headers


@dataclass(frozen=True)
class _Caller:
    principal: Principal | None
    token: str | None = None  # of a session
    ends_s: float | None = None


class Gate:
    """Asks of everything that comes in: is there such a door in the table, who is it, may they, did they ask for it
    themselves (and no other site's page), not too often, and not too much at once.

    Without a ``guard`` everybody is the person at this machine: such an application must listen on loopback only, and
    answers to no host name that could be somebody else's.
    """

    def __init__(self, app: ASGIApp, *, routes: Callable[[], Iterable[Any]], guard: Guard | None = None,
                 table: Mapping[str, Door] = ROUTES, callbacks: Mapping[str, Permission] = CALLBACKS,
                 inputs_of: Callable[[str], list[str] | None] = lambda _output: [],
                 people: Rate | None = None, devices: Rate | None = None) -> None:
        self.app, self._routes, self.guard, self.table, self.callbacks = app, routes, guard, table, callbacks
        self._inputs_of = inputs_of
        self._people = people or Rate(burst=400, per_s=60)
        self._devices = devices or Rate(burst=4000, per_s=2000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        https, caller = scope.get("scheme") == "https", _Caller(None)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": completed(
                    list(message.get("headers", [])), https=https, private=caller.token is not None and key != "MOUNT /assets")}
            await send(message)

        key = met(self._routes(), scope)
        door = self._door(key)
        try:
            self._check_host(connection)
            caller = self._caller(connection)
            principal = self._admitted(door, caller)
            self._check_asked_for(connection, scope["method"], caller)
            self._check_rate(principal)
            body = await self._body(connection, receive, door)
            if key == "POST /_dash-update-component":
                self._check_callback(principal, body)
            await self._write_down(door, principal, scope, body)
        except _Refusal as refusal:
            await self._refuse(refusal, door, connection)(scope, receive, answer)
            return
        await self._enter(principal, scope, _again(body, receive), answer)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        door = self._door(met(self._routes(), scope))
        try:
            self._check_host(connection)
            caller = self._caller(connection)
            principal = self._admitted(door, caller)
            self._check_origin(connection, must=caller.token is not None)
            self._check_rate(principal)
            await self._write_down(door, principal, scope)
        except _Refusal as refusal:
            await receive()  # the wish to connect
            await send({"type": "websocket.close", "code": REFUSED, "reason": refusal.sentence[:120]})
            return
        with contextlib.suppress(WebSocketDisconnect):  # the client has gone, or was sent away: nothing is wrong
            if caller.token is None:
                await self._enter(principal, scope, receive, send)
            else:
                await self._watch(caller.token, door, principal, scope, receive, send)

    async def _enter(self, principal: Principal, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = principal
        token = _principal.set(principal)
        try:
            await self.app(scope, receive, send)
        finally:
            _principal.reset(token)

    async def _watch(self, session: str, door: Door, principal: Principal, scope: Scope, receive: Receive,
                     send: Send) -> None:
        """A socket outlives the question who may open it: it is asked again and again, and closed when the answer changes."""
        over = False

        async def unless_over(message: Message) -> None:
            if over:
                raise OSError("the session has ended")  # what a handler knows from a client that has gone
            await send(message)

        async def recheck() -> None:
            nonlocal over
            while True:
                await asyncio.sleep(RECHECK_S)
                assert self.guard is not None
                found = self.guard.sessions.find(session)
                if found is None or not any(map(found.principal.may, door.needs)):
                    over = True
                    with contextlib.suppress(Exception):
                        await send({"type": "websocket.close", "code": ENDED, "reason": "the session has ended"})
                    return
                scope["state"]["principal"] = found.principal

        asking = asyncio.create_task(recheck())
        try:
            await self._enter(principal, scope, receive, unless_over)
        finally:
            asking.cancel()

    def _door(self, key: str | None) -> Door:
        if key is None:  # the application answers that there is no such thing, or not with this method
            return Door((Permission.PAGES,))
        return self.table.get(key, SHUT)

    def _caller(self, connection: HTTPConnection) -> _Caller:
        if self.guard is None:
            return _Caller(LOCAL)
        scheme, _, shown = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return _Caller(self.guard.devices.find(shown.strip()))
        token = connection.cookies.get(COOKIE)
        session = self.guard.sessions.find(token) if token else None
        return _Caller(session.principal, token, session.ends_s) if session else _Caller(None)

    def _admitted(self, door: Door, caller: _Caller) -> Principal:
        """Who may go through; somebody whom nobody knows passes only where nothing is asked for."""
        if door.shut:
            raise _Refusal(401 if caller.principal is None else 403, "nobody may ask for this here.")
        if not door.needs:
            return caller.principal or NOBODY
        if caller.principal is None:
            raise _Refusal(401, "nobody is logged in, or the session has ended: log in at /login.")
        if not any(map(caller.principal.may, door.needs)):
            raise _Refusal(403, f"your roles do not allow this: it needs {' or '.join(door.needs)}.")
        return caller.principal

    def _check_host(self, connection: HTTPConnection) -> None:
        """Where nobody logs in, a page of another site must not reach this machine under a name of its own."""
        if self.guard is None and not _here(connection.headers.get("host", "")):
            raise _Refusal(403, "this machine is not called so; open Hutong under localhost.")

    def _check_asked_for(self, connection: HTTPConnection, method: str, caller: _Caller) -> None:
        """Whether somebody meant this, and no other site's page did it in their name."""
        if method in SAFE:
            return
        self._check_origin(connection, must=False)
        if connection.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise _Refusal(403, "this came from another site; open Hutong itself.")
        if caller.token is not None and not echoes(caller.token, connection.headers.get(ECHO_HEADER, "")):
            raise _Refusal(403, f"the header {ECHO_HEADER} must repeat the cookie {ECHO_COOKIE}; load the page again.")

    def _check_origin(self, connection: HTTPConnection, *, must: bool) -> None:
        origin = connection.headers.get("origin")
        if origin is None and not must:
            return
        if origin is None or urlsplit(origin).netloc != connection.headers.get("host"):
            raise _Refusal(403, "this came from another site; open Hutong itself.")

    def _check_rate(self, principal: Principal) -> None:
        if principal is LOCAL or not principal.roles:
            return
        wait = (self._devices if principal.source else self._people).take(principal.name)
        if wait:
            raise _Refusal(429, "too many requests at once; wait a moment.", **{"Retry-After": str(int(wait) + 1)})

    def _check_callback(self, principal: Principal, body: bytes) -> None:
        """A callback needs what its page needs, and the page that it asks for what that needs."""
        try:
            asked = json.loads(body)
            output = asked["output"]
            inputs = self._inputs_of(output)
            path = asked["inputs"][0]["value"] if output == "page.children" else None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise _Refusal(400, "this is no callback.") from None
        needed = None if inputs is None else callback_needs(output, inputs, self.callbacks)
        if needed is None:
            raise _Refusal(403, "nobody may ask for this here.")
        if isinstance(path, str) and path in PAGES:
            needed |= {PAGES[path]}
        missing = sorted(permission for permission in needed if not principal.may(permission))
        if missing:
            raise _Refusal(403, f"your roles do not allow this: it needs {' and '.join(missing)}.")

    async def _body(self, connection: HTTPConnection, receive: Receive, door: Door) -> bytes:
        """The whole body, if it is not too long for this door."""
        too_long = _Refusal(413, f"the body is longer than {door.body // 1024} KiB; send less at once.")
        given = connection.headers.get("content-length", "")
        if given.isdigit() and int(given) > door.body:
            raise too_long
        if connection.scope["method"] in ("GET", "HEAD") and not given and "transfer-encoding" not in connection.headers:
            return b""
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise _Refusal(400, "the caller has gone.")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > door.body:
                        raise too_long
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise _Refusal(408, "the body did not arrive in time; send it again.") from None

    async def _write_down(self, door: Door, principal: Principal, scope: Scope, body: bytes = b"") -> None:
        """What is read, taken away or declared stands in the audit before it is."""
        if self.guard is None or door.audit is None or (door.audit_of and not any(map(principal.may, door.audit_of))):
            return
        about = {key: values[0] if len(values) == 1 else values
                 for key, values in parse_qs(scope.get("query_string", b"").decode("latin-1")).items()}
        try:
            await asyncio.to_thread(self.guard.audit.write, principal.name, door.audit, path=scope["path"], asked=about or None,
                                    said=body.decode("utf-8", "replace") or None, scope=principal.grids)
        except (OSError, HutongError):
            log.exception("the audit cannot be written")
            raise _Refusal(503, "this has to be written down, and the audit cannot be written; tell the admin.") from None

    def _refuse(self, refusal: _Refusal, door: Door, connection: HTTPConnection) -> Response:
        if refusal.status == 401 and door.page:
            path = connection.scope["path"]
            query = connection.scope.get("query_string", b"").decode("latin-1")
            wanted = quote(f"{path}?{query}" if query else path, safe="/")
            return RedirectResponse("/login" if path == "/" else f"/login?next={wanted}", status_code=303)
        return JSONResponse({"error": refusal.sentence}, status_code=refusal.status, headers=refusal.headers)


def _again(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives a body once more, and then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _here(host: str) -> bool:
    """Whether a Host header can only mean this machine or its network: an address, or a name without a domain."""
    name = urlsplit(f"//{host}").hostname or ""
    if name.endswith(".localhost") or ("." not in name.rstrip(".") and ":" not in name):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
