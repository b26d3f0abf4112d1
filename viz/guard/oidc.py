"""Logging in through an OpenID Connect provider: authorization code with PKCE, state and nonce.

Needs the extra ``oidc`` (Authlib). The provider vouches for a *subject*; an account is bound to one with
``hutong account add HANDLE --subject SUBJECT``. Roles and scope are always ours: the provider cannot give any.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from twin.errors import BadInput, HutongError, Unavailable
from twin.guard import Guard
from viz.guard.headers import policy
from viz.guard.login import Login, within_hutong

log = logging.getLogger("hutong.guard")

_STATE_COOKIE = "hutong_oidc"
_MINUTES = 10
_WAITING = 1000  # people who are at the provider at the same time
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
_ON = '<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={to}"><title>Hutong</title>'


@dataclass(frozen=True)
class Provider:
    """Where the provider is and who we are to it. ``issuer`` is its https address, ``client_secret`` may be empty."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise BadInput("the OIDC provider is not at an https address", where=self.issuer, mend="give its https issuer")


@dataclass(frozen=True)
class _Journey:
    """Somebody who was sent to the provider."""

    nonce: str
    verifier: str
    wanted: str
    until: float


class _Client:
    """The conversation with the provider; everything here waits for the network and runs in a thread."""

    def __init__(self, provider: Provider) -> None:
        try:
            from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
            from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]
        except ImportError:
            raise Unavailable("logging in through a provider needs Authlib: pip install 'hutong[oidc]'.") from None
        self._session: Callable[..., Any] = OAuth2Session
        self.error: type[Exception] = AuthlibBaseError
        self._provider = provider
        self._known: dict[str, Any] | None = None

    def leave(self, back: str, state: str, nonce: str, verifier: str) -> str:
        """The address to send the browser to."""
        with self._open(back) as session:
            address, _ = session.create_authorization_url(self._metadata()["authorization_endpoint"], state=state, nonce=nonce,
                                                          code_verifier=verifier)
        return str(address)

    def subject(self, back: str, code: str, journey: _Journey) -> str:
        """Whom the provider vouches for: the subject of a token that it signed, for us, now, for this journey."""
        from joserfc import jwk, jwt
        from joserfc.errors import JoseError
        known = self._metadata()
        with self._open(back) as session:
            token = session.fetch_token(known["token_endpoint"], code=code, grant_type="authorization_code",
                                        code_verifier=journey.verifier, timeout=10)
            keys = session.request("GET", known["jwks_uri"], withhold_token=True, timeout=10).json()
        try:
            claims = jwt.decode(token["id_token"], jwk.KeySet.import_key_set(keys), algorithms=_ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                leeway=30, iss={"essential": True, "value": self._provider.issuer}, sub={"essential": True},
                aud={"essential": True, "value": self._provider.client_id}, exp={"essential": True}, iat={"essential": True},
                nonce={"essential": True, "value": journey.nonce}).validate(claims)
        except (JoseError, KeyError, ValueError) as error:
            raise BadInput(f"the answer of the login provider is not valid ({type(error).__name__})",
                           mend="log in again; if it happens again, ask who runs the provider") from None
        return str(claims["sub"])

    def _metadata(self) -> dict[str, Any]:
        if self._known is None:
            address = self._provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
            with self._open("") as session:
                known = session.request("GET", address, withhold_token=True, timeout=10).json()
            if known.get("issuer") != self._provider.issuer:
                raise BadInput("the provider says that it is another one", where=self._provider.issuer,
                               mend="give the issuer exactly as the provider's configuration has it")
            self._known = known
        return self._known

    def _open(self, back: str) -> Any:
        return self._session(self._provider.client_id, self._provider.client_secret or None, redirect_uri=back,
                             scope="openid", code_challenge_method="S256",
                             token_endpoint_auth_method="client_secret_basic" if self._provider.client_secret else "none")


def add_provider(server: FastAPI, guard: Guard, login: Login, provider: Provider) -> None:
    """Add ``/login/provider``, which sends the browser to the provider, and ``/login/return``, where it comes back."""
    client = _Client(provider)
    away: OrderedDict[str, _Journey] = OrderedDict()

    def back(request: Request) -> str:
        return str(request.base_url).rstrip("/") + "/login/return"

    async def leave(request: Request) -> Response:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        try:
            address = await asyncio.to_thread(client.leave, back(request), state, nonce, verifier)
        except (HutongError, OSError, ValueError, KeyError):
            log.exception("the login provider does not answer as one")
            return login.page(request, within_hutong(request.query_params.get("next")), "login.provider.away", 503)
        away[state] = _Journey(nonce, verifier, within_hutong(request.query_params.get("next")), time.monotonic() + 60 * _MINUTES)
        while len(away) > _WAITING:
            away.popitem(last=False)
        answer = RedirectResponse(address, status_code=303)
        # The browser comes back from another site: only a Lax cookie comes with it.
        answer.set_cookie(_STATE_COOKIE, state, httponly=True, samesite="lax", secure=request.url.scheme == "https",
                          max_age=60 * _MINUTES, path="/login")
        return answer

    async def come_back(request: Request) -> Response:
        state = request.query_params.get("state", "")
        journey = away.pop(state, None)
        code = request.query_params.get("code")
        ours = journey is not None and journey.until > time.monotonic() and secrets.compare_digest(
            state.encode(), request.cookies.get(_STATE_COOKIE, "").encode())
        if journey is None or not ours or code is None:
            return login.page(request, "/twin", "login.provider.wrong", 401)
        try:
            subject = await asyncio.to_thread(client.subject, back(request), code, journey)
        except (HutongError, OSError, ValueError, KeyError, client.error) as error:
            log.warning("a login through the provider failed: %s", error)
            return login.page(request, journey.wanted, "login.provider.wrong", 401)
        account = guard.accounts.by_subject(subject)
        if account is None or account.disabled:
            await asyncio.to_thread(guard.audit.write, account.account if account else "an unknown account", "login.failed",
                                    why="no account for this subject" if account is None else "disabled")
            return login.page(request, journey.wanted, "login.provider.unknown", 403)
        # A Strict cookie does not come with a redirect that began at another site, so a page of ours leads on.
        page = HTMLResponse(_ON.format(to=_attribute(journey.wanted)), headers={"Content-Security-Policy": policy()})
        page.delete_cookie(_STATE_COOKIE, path="/login")
        return await login.admit(request, account.account, page, how="provider")

    server.add_api_route("/login/provider", leave, methods=["GET"], include_in_schema=False)
    server.add_api_route("/login/return", come_back, methods=["GET"], include_in_schema=False)


def _attribute(text: str) -> str:
    from markupsafe import escape
    return str(escape(text))
