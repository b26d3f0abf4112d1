"""Files that come with Hutong: example scenarios and 3D models, in a checkout beside the code, in a wheel inside it."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The folder ``scenarios`` or ``assets/3d``."""
    beside = _HERE.parent / name
    return beside if beside.is_dir() else _HERE / "_shipped" / name
