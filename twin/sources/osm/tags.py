"""What values of OpenStreetMap tags mean: lengths, whole numbers, yes and no.

Every reader returns None for a value that it does not understand; nothing is guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

Tags = Mapping[str, str]

_UNITS_M = {"": 1.0, "m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0, "cm": 0.01,
            "mm": 0.001,
            "km": 1000.0, "ft": 0.3048, "feet": 0.3048, "foot": 0.3048, "'": 0.3048, "in": 0.0254,
            '"': 0.0254}
_LENGTH = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*([a-z]*|'|\")")
_FEET_AND_INCHES = re.compile(r"(\d+)\s*(?:'|ft)\s*(\d+(?:\.\d+)?)\s*(?:\"|in)?")
YES = ("yes", "designated", "permissive", "official", "customers", "destination", "public")


def length_m(text: str | None) -> float | None:
    """Return a length in metres: ``12``, ``12 m``, ``12,5``, ``40 ft``, ``12'6"``; None if it is not
    one."""
    if text is None:
        return None
    text = text.strip().lower()
    both = _FEET_AND_INCHES.fullmatch(text)
    if both:
        return int(both[1]) * 0.3048 + float(both[2]) * 0.0254
    match = _LENGTH.fullmatch(text)
    if not match or match[2] not in _UNITS_M:
        return None
    value = float(match[1].replace(",", ".")) * _UNITS_M[match[2]]
    return value if math.isfinite(value) else None


def positive_m(text: str | None, most: float = 1000.0) -> float | None:
    """Return a length above zero and up to ``most`` metres, else None."""
    value = length_m(text)
    return value if value is not None and 0 < value <= most else None


def number(text: str | None) -> float | None:
    """Return a plain number, None if it is not one."""
    try:
        value = float((text or "").strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole(text: str | None, least: int = 0, most: int = 10_000_000) -> int | None:
    """Return a whole number between ``least`` and ``most``, else None."""
    value = number(text)
    return int(value) if value is not None and value == int(value) and least <= value <= most else None


def heading_rad(text: str | None) -> float | None:
    """Return a compass bearing (degrees, or N, NE, SSW ...) as an angle counter-clockwise from east
    [rad]."""
    points = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW",
              "NNW"]
    name = (text or "").strip().upper()
    bearing = points.index(name) * 22.5 if name in points else number(text)
    return None if bearing is None else math.radians((90 - bearing) % 360)


def name_of(tags: Tags) -> str | None:
    """Return the name on the map, else the reference number."""
    return tags.get("name") or tags.get("ref") or None


def on_foot(tags: Tags) -> bool | None:
    """Return whether the tags allow people on foot; None if they do not say."""
    foot = tags.get("foot")
    if foot is not None:
        return foot in YES if foot in (*YES, "no", "use_sidepath", "private", "discouraged") else None
    return False if tags.get("access") == "no" else None
