"""What people see: the web application, the scene, stills, reports and the command line.

``deck(district, run)`` gives the scene as a pydeck specification for notebooks; ``still(...)`` gives a picture.
"""

from __future__ import annotations

from typing import Any

from viz.deck import deck

__all__ = ["deck", "still"]


def __getattr__(name: str) -> Any:
    """Load ``still`` when it is first asked for: VTK takes seconds to import."""
    if name == "still":
        from viz.stills import still
        return still
    raise AttributeError(f"module 'viz' has no attribute {name!r}")
