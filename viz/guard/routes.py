"""Which route of the application a request will meet, so that the table can be asked about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from starlette.routing import Match, Mount, WebSocketRoute
from starlette.types import Scope


def flat(routes: Iterable[Any]) -> Iterator[Any]:
    """The routes in the order in which they are tried; FastAPI keeps those of included routers one level down."""
    for route in routes:
        below = getattr(route, "effective_route_contexts", None)
        if below is None:
            yield route
        else:
            for context in below():
                yield context.starlette_route or context


def keys(route: Any) -> list[str]:
    """How the table writes a route: one key a method."""
    path = str(getattr(route, "path", ""))
    if isinstance(route, Mount):
        return [f"MOUNT {path}"]
    if isinstance(route, WebSocketRoute):
        return [f"WS {path}"]
    methods = getattr(route, "methods", None)
    return [f"{method} {path}" for method in sorted(methods)] if methods else [f"ANY {path}"]


def met(routes: Iterable[Any], scope: Scope) -> str | None:
    """The key of the route that a request meets; None if there is none, or none that takes this method."""
    for route in flat(routes):
        if route.matches(scope)[0] is Match.FULL:
            own = keys(route)
            wanted = f"{scope.get('method')} "
            return next((key for key in own if key.startswith(wanted)), own[0])
    return None
