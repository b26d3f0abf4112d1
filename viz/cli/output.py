"""How commands speak: tables and progress on the terminal, or JSON."""

from __future__ import annotations

import json
import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
if not out.is_terminal:
    out.width = 160  # a file or a pipe has no width of its own
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print a value as JSON; what is not a number becomes null."""
    print(json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if hasattr(value, "item"):
        return _plain(value.item())
    return str(value)


def table(title: str, headings: list[str], rows: list[list[str]]) -> None:
    """Print a table, first column to the left, the others to the right."""
    shown = Table(title=title, title_justify="left", box=None, header_style="dim", pad_edge=False)
    for k, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if k else "left", overflow="fold")
    for row in rows:
        shown.add_row(*row)
    out.print(shown)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show that something goes on which cannot say how far it is."""
    with Progress(SpinnerColumn(), TextColumn(what), TimeElapsedColumn(), console=err, transient=True) as progress:
        progress.add_task(what, total=None)
        yield


@contextmanager
def bar(what: str, total: float) -> Iterator[Any]:
    """A progress bar with the time left; yields a function that takes how much is done."""
    with _interruption() as came, \
            Progress(TextColumn(what), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
                     console=err, transient=True) as progress:
        task = progress.add_task(what, total=total)

        def tell(done: float) -> None:
            if came:
                raise KeyboardInterrupt
            progress.update(task, completed=done)

        yield tell


@contextmanager
def _interruption() -> Iterator[list[int]]:
    """Holds a Ctrl-C that came meanwhile. Python drops the exception of one that comes while compiled code calls back, or
    while an object is let go; work that tells its progress then goes on as if nothing had been."""
    came: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield came
        return

    def interrupt(number: int, _frame: Any) -> None:
        came.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)
