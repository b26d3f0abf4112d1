"""Compiled code on disk, kept in step with its sources.

Numba recompiles a cached function when its own file changes, but not when a function that it calls from another file
does, and a process that started before a change may write old code after it. So the compiled code of a package lies in
a folder that is named after the content of all its sources: another version never finds it.

Every compiled function of the crowd says whether it is ``fastmath`` and its ``error_model``. Numba hands the caller's down
to a function that says nothing, and keeps what was compiled first: results would depend on who called first.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numba

KEPT = 6
"""Versions whose compiled code is kept; who goes back and forth between two need not wait."""


@contextmanager
def compiled_beside(package: Path) -> Iterator[None]:
    """While modules of a package (its folder) are imported in here, Numba keeps their compiled code in a folder of this
    version: in ``__pycache__``, under ``NUMBA_CACHE_DIR`` if that is set, or where Numba chooses if neither can be
    written."""
    chosen = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    home = Path(chosen) if chosen else package / "__pycache__"
    folder = home / f"{package.name}-{version_of(package)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
    except OSError:
        yield
        return
    _drop_old(home, f"{package.name}-*")
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        numba.config.CACHE_DIR = chosen  # type: ignore[attr-defined]


def version_of(package: Path) -> str:
    """A name for the content of all sources of a package."""
    content = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        content.update(source.relative_to(package).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return content.hexdigest()[:16]


def _drop_old(home: Path, pattern: str) -> None:
    try:
        folders = sorted(home.glob(pattern), key=lambda folder: folder.stat().st_mtime, reverse=True)
    except OSError:  # another process has just dropped one
        return
    for folder in folders[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
