"""Which engine made a result: a name for the content of every source that a rehearsal or a night depends on.

Two versions of Hutong may carry the same number while one of them is being worked on; their results must not be paired
all the same. The name changes with any of those sources, and only with them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import sim
import twin

Kind = Literal["event", "parking"]
_SOURCES: dict[str, tuple[str, ...]] = {"event": ("sim/**/*.py", "twin/places/**/*.py"),
                                        "parking": ("sim/draw.py", "sim/clock.py", "sim/parking/*.py", "twin/places/**/*.py")}
_ASIDE = {"study", "verify", "drill", "lab", "__init__.py", "run.py", "workers.py", "measures.py"}
"""Folders and files that store, name, share out or judge what is computed, or compute something else."""


@cache
def engine(kind: Kind = "event") -> str:
    """Twelve hexadecimal digits: equal where a scenario of this kind and a seed lead to the same numbers."""
    roots = {"sim": Path(sim.__file__).parent.parent, "twin": Path(twin.__file__).parent.parent}
    content = hashlib.sha256()
    aside = _ASIDE | ({"parking"} if kind == "event" else set())
    for pattern in _SOURCES[kind]:
        root = roots[pattern.split("/")[0]]
        for source in sorted(root.glob(pattern)):
            if aside.isdisjoint(source.relative_to(root).parts):
                content.update(str(source.relative_to(root)).encode() + b"\0" + source.read_bytes() + b"\0")
    return content.hexdigest()[:12]


def versions(kind: Kind = "event") -> dict[str, str]:
    """Versions of Hutong and of what it computes with, by name."""
    import platform
    packages = ("hutong", "mesa", "numpy", "numba", "shapely")
    return {package: version(package) for package in packages} | {"python": platform.python_version(), "engine": engine(kind)}


def differs(a: dict[str, str], b: dict[str, str]) -> tuple[str, str] | None:
    """How two results were made by different engines, as a pair of words; None where nothing says that they were."""
    if a.get("hutong") != b.get("hutong"):
        return f"Hutong {a.get('hutong', 'of an unknown version')}", f"Hutong {b.get('hutong', 'of an unknown version')}"
    if "engine" in a and "engine" in b and a["engine"] != b["engine"]:
        return f"engine {a['engine']}", f"engine {b['engine']}"
    return None
