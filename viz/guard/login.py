"""Logging in and out: a page without anything from outside, in both languages, light and dark."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from markupsafe import escape

from twin.guard import Guard, Rate
from twin.guard.sessions import echo
from viz import words
from viz.guard.gate import COOKIE, ECHO_COOKIE
from viz.guard.headers import policy

_CHECKS_AT_ONCE = 2
"""Passwords that are checked at the same time: each takes 64 MiB."""

_PAGE = """<!DOCTYPE html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="/_favicon.ico"><link rel="stylesheet" href="/assets/login/login.css">
<script>{words}</script><script src="/assets/words.js" defer></script><script src="/assets/login/login.js" defer></script>
</head><body><main class="login" id="login">
<header><span class="mark" aria-hidden="true">胡同</span><h1 data-word="login.title">{title}</h1>
<button type="button" id="login-language" class="quiet" data-word="language.other">{other}</button></header>
<p id="login-wrong" role="alert"{wrong_word}>{wrong}</p>
<form method="post" action="/login"><input type="hidden" name="next" value="{next}">
<label><span data-word="login.account">{account}</span>
<input name="account" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required autofocus></label>
<label><span data-word="login.password">{password}</span>
<input name="password" type="password" autocomplete="current-password" maxlength="256" required></label>
<button type="submit" data-word="login.enter">{enter}</button></form>{provider}
<p class="note" data-word="login.note">{note}</p></main></body></html>"""
_PROVIDER = '<p><a class="provider" href="/login/provider?next={next}" data-word="login.provider">{text}</a></p>'


class Login:
    """The routes that let somebody in and out."""

    def __init__(self, guard: Guard, language: str, *, provider: bool = False,
                 account_rate: Rate | None = None, address_rate: Rate | None = None) -> None:
        self._guard, self._language, self._provider = guard, language, provider
        self._account_rate = account_rate or Rate(burst=8, per_s=1 / 30)
        self._address_rate = address_rate or Rate(burst=30, per_s=1 / 5)
        self._checking = asyncio.Semaphore(_CHECKS_AT_ONCE)

    def add_routes(self, server: FastAPI) -> None:
        """Add ``/login`` and ``/logout``."""
        server.add_api_route("/login", self.show, methods=["GET"], include_in_schema=False)
        server.add_api_route("/login", self.enter, methods=["POST"], include_in_schema=False)
        server.add_api_route("/logout", self.leave, methods=["POST"], include_in_schema=False)

    async def show(self, request: Request) -> Response:
        """The login page; whoever is logged in already is led on."""
        token = request.cookies.get(COOKIE)
        wanted = within_hutong(request.query_params.get("next"))
        if token and self._guard.sessions.find(token):
            return RedirectResponse(wanted, status_code=303)
        return self.page(request, wanted, "login.ended" if token else None)

    async def enter(self, request: Request) -> Response:
        """Check account and password; the answer is the same for both kinds of wrong."""
        form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        account, password = form.get("account", [""])[0][:64], form.get("password", [""])[0]
        wanted = within_hutong(form.get("next", [""])[0])
        address = request.client.host if request.client else ""
        # Both count before the password is checked, so that many tries at once are no way round.
        wait = max(self._address_rate.take(address), self._account_rate.take(account.casefold()))
        if wait:
            await self._failed(account, address, "too many tries")
            answer = self.page(request, wanted, "login.wait", 429)
            answer.headers["Retry-After"] = str(int(wait) + 1)
            return answer
        async with self._checking:
            found = await asyncio.to_thread(self._guard.accounts.verify, account, password)
        if found is None:
            await self._failed(account, address, "wrong account or password")
            return self.page(request, wanted, "login.wrong", 401)
        self._address_rate.give_back(address)
        self._account_rate.give_back(account.casefold())
        return await self.admit(request, found.account, RedirectResponse(wanted, status_code=303))

    async def admit(self, request: Request, account: str, answer: Response, how: str = "password") -> Response:
        """Open a new session; the one that the browser came with ends, whoever chose its token."""
        token = self._guard.sessions.open(account, instead_of=request.cookies.get(COOKIE))
        await asyncio.to_thread(self._guard.audit.write, account, "login", how=how)
        https = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=https, path="/")
        answer.set_cookie(ECHO_COOKIE, echo(token), httponly=False, samesite="strict", secure=https, path="/")
        return answer

    async def leave(self, request: Request) -> Response:
        """End the session."""
        token = request.cookies.get(COOKIE)
        if token:
            self._guard.sessions.close(token)
            await asyncio.to_thread(self._guard.audit.write, request.state.principal.name, "logout")
        answer = JSONResponse({"login": "/login"})
        for name in (COOKIE, ECHO_COOKIE):
            answer.delete_cookie(name, path="/")
        return answer

    async def _failed(self, account: str, address: str, why: str) -> None:
        # A password typed into the wrong field must not stand in the audit: only handles that there are.
        known = self._guard.accounts.find(account)
        await asyncio.to_thread(self._guard.audit.write, known.account if known else "an unknown account", "login.failed",
                                why=why, address=address)

    def page(self, request: Request, wanted: str, wrong: str | None = None, status: int = 200) -> HTMLResponse:
        """The page with a sentence about what was wrong."""
        language = _preferred(request, self._language)

        def text(key: str) -> str:
            return words.text(key, language)

        provider = _PROVIDER.format(next=escape(wanted), text=text("login.provider")) if self._provider else ""
        html = _PAGE.format(
            lang="zh-CN" if language == "zh" else "en", title=text("login.title"), other=text("language.other"),
            wrong=text(wrong) if wrong else "", wrong_word=f' data-word="{wrong}"' if wrong else " hidden",
            next=escape(wanted), account=text("login.account"), password=text("login.password"), enter=text("login.enter"),
            note=text("login.note"), provider=provider, words=_script(language))
        return HTMLResponse(html, status_code=status, headers={
            "Content-Security-Policy": policy(f"<script>{_script(language)}</script>"), "Cache-Control": "no-store"})


def within_hutong(wanted: str | None) -> str:
    """An address to go to after logging in: a path of ours, never another site."""
    parts = urlsplit(wanted or "")
    inside = (wanted or "").startswith("/") and not parts.scheme and not parts.netloc and "\\" not in (wanted or "")
    inside = inside and not (wanted or "").startswith("//") and all(ord(c) >= 32 for c in wanted or "")
    return wanted if wanted and inside and not parts.path.startswith("/login") else "/twin"


def _preferred(request: Request, fallback: str) -> str:
    asked = request.headers.get("accept-language", "").lower()
    return "zh" if asked.startswith("zh") else "en" if asked.startswith("en") else fallback


def _script(language: str) -> str:
    keys = ("app.title", "language.other", *(key for key in words.table()["en"] if key.startswith("login.")))
    texts = {spoken: {key: table[key] for key in keys} for spoken, table in words.table().items()}
    known = json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")
    return f"window.hutongWords={known};window.hutongFirstLanguage={json.dumps(language)};"
