"""The guard of the web application: a gate in front of every route and socket, and the login page.

``viz/guard/table.py`` says what each route, page and callback needs; whoever adds one adds a line there.
"""

from __future__ import annotations

import dash
from fastapi import FastAPI

from twin.guard import Guard
from viz.guard.api import add_guard_api
from viz.guard.gate import Gate, current, principal_of
from viz.guard.headers import policy
from viz.guard.login import Login
from viz.guard.oidc import Provider, add_provider


def add_guard(server: FastAPI, guard: Guard | None, *, language: str, provider: Provider | None = None) -> None:
    """Add the routes of the guard. Call it before routes that take every path."""
    add_guard_api(server, guard)
    if guard is not None:
        login = Login(guard, language, provider=provider is not None)
        login.add_routes(server)
        if provider is not None:
            add_provider(server, guard, login, provider)


def shut(app: dash.Dash, guard: Guard | None) -> None:
    """Put the gate in front of everything. Call it when nothing more is put in front of the application."""
    def inputs_of(output: str) -> list[str] | None:
        callback = app.callback_map.get(output)
        return None if callback is None else [str(one["id"]) for one in callback["inputs"]]

    app.server.add_middleware(Gate, routes=lambda: app.server.router.routes, guard=guard, inputs_of=inputs_of)


__all__ = ["Gate", "Login", "Provider", "add_guard", "current", "policy", "principal_of", "shut"]
