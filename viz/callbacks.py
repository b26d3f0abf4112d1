"""Callbacks whose work is done beside the event loop, and whose errors become one sentence on the page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import dash
from dash import no_update, set_props
from dash.exceptions import PreventUpdate

from twin.errors import HutongError
from viz.words import say

log = logging.getLogger("hutong.viz")

Answer = Callable[..., Any]


def answers(app: dash.Dash, *dependencies: Any, **options: Any) -> Callable[[Answer], Answer]:
    """Register a callback. On its FastAPI backend Dash runs plain functions on the event loop, which one slow map
    would stop for every visitor: the function runs in a thread instead. If it fails, nothing on the page changes and
    a notice says why."""

    def register(function: Answer) -> Answer:
        @wraps(function)
        async def beside_the_loop(*values: Any) -> Any:
            try:
                return await asyncio.to_thread(function, *values)
            except PreventUpdate:
                raise
            except HutongError as error:
                tell(" ".join(str(error).split()))
            except Exception:
                log.exception("callback %s failed", function.__qualname__)
                tell(say("error.inside"))
            outputs = dash.callback_context.outputs_list
            return [no_update] * len(outputs) if isinstance(outputs, list) else no_update

        app.callback(*dependencies, **options)(beside_the_loop)
        return function

    return register


def tell(message: Any, kind: str = "error") -> None:
    """Show a notice on the page that called: ``kind`` is error or done."""
    set_props("notices", {"sendNotifications": [{
        "action": "show", "message": message, "color": "red" if kind == "error" else "teal",
        "title": say(f"notice.{kind}"), "autoClose": 12_000 if kind == "error" else 5_000, "position": "top-center"}]})
